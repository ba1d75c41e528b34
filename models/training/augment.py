"""Make hard training pictures: crop, paste, write on, and spoil them, with labels that follow exactly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from semvid.core.types import FloatArray
from semvid.models.architecture import CHANNELS, MAP_STRIDE
from semvid.models.training.gating import GATED, GATED_FIXATION
from semvid.models.training.pack import (
    FIXATION_LABELS,
    LABEL_STRIDE,
    PACK_CHANNELS,
    Cutout,
    Example,
    FixationExample,
    Picture,
    decode_rgb,
)
from semvid.models.training.recipe import RECIPES, Recipe
from semvid.models.training.spoil import spoil
from semvid.models.training.taught import TAUGHT
from semvid.models.training.words import WordPainter

Affine = NDArray[np.float64]
"""``(2, 3)``: takes pixel centres of the output to pixel centres of the source."""

OBJECTS = CHANNELS[:-1]
"""Channels of the object head: all but the fixation density."""
_FROM_PACK = [OBJECTS.index(name) for name in PACK_CHANNELS]
_FACE, _TEXT, _SALIENT = (OBJECTS.index(name) for name in ("face", "text", "salient"))

_TEXT_SHARE = 0.15
_UNSEEN_TEXT_WEIGHT = 0.7
"""Weight of "no text here" where nobody looked for signs and shirts."""
_TRUST = {"gt-mask": 1.0, GATED: 0.9, GATED_FIXATION: 0.7, TAUGHT: 0.8}
_MADE_LABEL_TRUST = 0.5
"""Trust in other labels, which networks made."""
_CROWD = (5, 9)
_CROWD_HEIGHTS = (0.07, 0.3)


@dataclass(frozen=True, slots=True)
class Sample:
    """One training picture."""

    picture: Picture
    """``(height, width, 3)`` RGB."""
    target: FloatArray
    """``(7, h, w)`` in 0..1, ``OBJECTS`` order; cell ``i`` is centred on pixel ``4 i``."""
    weight: FloatArray
    """``(7, h, w)``: how much a label counts, 0 = unknown."""
    trust: FloatArray
    """``(h, w)``: 1 where labels are exact, less where a teacher may know better."""
    density: FloatArray
    """``(h, w)``: human fixation density, sums to 1; all zeros where unknown."""


def label_sample(
    example: Example,
    size: tuple[int, int],
    rng: np.random.Generator,
    cutouts: Sequence[Cutout],
    words: WordPainter,
    recipe: Recipe = RECIPES["pack"],
) -> Sample:
    """Augment a labelled picture to ``size`` = (width, height)."""
    source = example.picture()
    affine = _random_view(source.shape[1], source.shape[0], size, rng, closest=recipe.closest)
    picture = _warp(source, affine, size)
    target = np.zeros((len(OBJECTS), *_map_shape(size)), np.float32)
    target[_FROM_PACK] = _warp_labels(example.labels, affine, size)
    weight = np.zeros_like(target)
    weight[_FROM_PACK] = example.valid[:, None, None]
    if example.words is None:
        weight[_TEXT] = _UNSEEN_TEXT_WEIGHT
    else:
        target[_TEXT], doubtful = _warp_labels(example.words, affine, size)
        weight[_TEXT] = 1 - doubtful
    density = np.zeros(target.shape[1:], np.float32)
    trust = np.full(target.shape[1:], _TRUST.get(example.salient_from, _MADE_LABEL_TRUST), np.float32)
    if example.salient_from == FIXATION_LABELS:
        weight[_SALIENT] *= recipe.fixation_label_weight
    if example.doubt is not None:
        weight[_SALIENT] *= 1 - _warp_labels(example.doubt[None], affine, size)[0]
    if example.gaze is not None:
        density = _normalised(_warp_labels(example.gaze[None], affine, size)[0])
    elif example.salient_from == FIXATION_LABELS:
        density = _normalised(target[_SALIENT])
    if cutouts and rng.random() < recipe.paste_share:
        density[:] = 0
        chosen, heights = _things(cutouts, recipe, rng)
        for cutout in chosen:
            picture = _paste(picture, target, weight, trust, cutout, heights, rng)
    if rng.random() < _TEXT_SHARE:
        density[:] = 0
        picture, painted = words.paint(picture, rng)
        covered = _shrink(painted)
        target[_TEXT] = np.maximum(target[_TEXT], covered)
        weight[_TEXT] = 1 if example.words is None else np.maximum(weight[_TEXT], covered)
    return Sample(spoil(picture, rng, recipe.longest_clip), target, weight, trust, density)


def _things(
    cutouts: Sequence[Cutout], recipe: Recipe, rng: np.random.Generator
) -> tuple[Iterator[Cutout], tuple[float, float]]:
    """What to paste, drawn one by one, and the range of its heights."""

    def draw() -> Cutout:
        return cutouts[int(rng.integers(len(cutouts)))]

    if recipe.crowd_share and rng.random() < recipe.crowd_share:
        group = draw().group
        alike = [one for one in cutouts if one.group == group]
        chosen = rng.integers(len(alike), size=rng.integers(*_CROWD, endpoint=True))
        return (alike[int(one)] for one in chosen), _CROWD_HEIGHTS
    count = rng.integers(1, recipe.most_pasted + 1)
    return (draw() for _ in range(count)), recipe.paste_heights


def mosaic(tiles: Sequence[Sample]) -> Sample:
    """Put four samples of one size together at half size: small things, away from the middle, in clutter.

    Pixel p of a tile becomes pixel p / 2, so its cell 2 i becomes cell i. Neighbours share the row and
    column where they meet; it goes to the upper and left one.
    """
    halves = [cv2.blur(one.picture, (2, 2), borderType=cv2.BORDER_REFLECT_101)[::2, ::2] for one in tiles]
    return Sample(
        np.ascontiguousarray(_join([one.transpose(2, 0, 1) for one in halves]).transpose(1, 2, 0)),
        _join([one.target[:, ::2, ::2] for one in tiles]),
        _join([one.weight[:, ::2, ::2] for one in tiles]),
        _join([one.trust[None, ::2, ::2] for one in tiles])[0],
        np.zeros_like(tiles[0].density),
    )


def _join(tiles: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Four ``(c, h, w)`` tiles into ``(c, 2 h - 1, 2 w - 1)``."""
    top = np.concatenate([tiles[0], tiles[1][:, :, 1:]], 2)
    bottom = np.concatenate([tiles[2], tiles[3][:, :, 1:]], 2)
    return np.concatenate([top, bottom[:, 1:]], 1)


def fixation_sample(example: FixationExample, size: tuple[int, int], rng: np.random.Generator) -> Sample:
    """Augment a photograph with fixations: nearly the whole picture, since people looked at all of it."""
    source = decode_rgb(example.jpeg)
    affine = _random_view(source.shape[1], source.shape[0], size, rng, closest=0.75)
    density = _warp_labels(example.density[None], affine, size)[0]
    shape = (len(OBJECTS), *density.shape)
    return Sample(
        spoil(_warp(source, affine, size), rng),
        np.zeros(shape, np.float32),
        np.zeros(shape, np.float32),
        np.ones(shape[1:], np.float32),
        _normalised(density),
    )


def _map_shape(size: tuple[int, int]) -> tuple[int, int]:
    return (size[1] - 1) // MAP_STRIDE + 1, (size[0] - 1) // MAP_STRIDE + 1


def _normalised(density: FloatArray) -> FloatArray:
    total = float(density.sum())
    scaled: FloatArray = density / np.float32(total) if total > 0 else np.zeros_like(density)
    return scaled


def _random_view(
    width: int, height: int, size: tuple[int, int], rng: np.random.Generator, *, closest: float
) -> Affine:
    """A random part of the picture, mirrored half of the time, turned a little.

    ``closest`` is the smallest share of its width.
    """
    stretch = np.exp(rng.uniform(-0.25, 0.25))
    aspect = size[0] / size[1] * stretch
    fitting = min(width, height * aspect)
    view_width = fitting * np.exp(rng.uniform(np.log(closest), np.log(1.1)))
    view_height = view_width / aspect
    across = width / 2 + (width - view_width) * rng.uniform(-0.5, 0.5)
    down = height / 2 + (height - view_height) * rng.uniform(-0.5, 0.5)
    turn = np.deg2rad(rng.normal(0, 4))
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    scale = np.diag([mirror * view_width / size[0], view_height / size[1]])
    linear = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ scale
    middle = np.array([(size[0] - 1) / 2, (size[1] - 1) / 2])
    offset = np.array([across - 0.5, down - 0.5]) - linear @ middle
    return np.column_stack([linear, offset])


def _warp(source: Picture, affine: Affine, size: tuple[int, int]) -> Picture:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(source, affine, size, flags=flags, borderMode=cv2.BORDER_REFLECT_101))


def _warp_labels(labels: NDArray[np.uint8], affine: Affine, size: tuple[int, int]) -> FloatArray:
    # Cell i of the map is pixel 4 i of the output; pixel p of the source is label (p + 0.5) / 4 - 0.5.
    to_label = affine / LABEL_STRIDE
    to_label[:, :2] *= MAP_STRIDE
    to_label[:, 2] += 0.5 / LABEL_STRIDE - 0.5
    height, width = _map_shape(size)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    stacked = np.ascontiguousarray(labels.transpose(1, 2, 0))
    # OpenCV warps at most four channels at once.
    parts = [
        cv2.warpAffine(
            np.ascontiguousarray(stacked[..., start : start + 3]), to_label, (width, height),
            flags=flags, borderMode=cv2.BORDER_REFLECT_101,
        ).reshape(height, width, -1)
        for start in range(0, stacked.shape[2], 3)
    ]  # fmt: skip
    warped: FloatArray = np.concatenate(parts, 2).transpose(2, 0, 1).astype(np.float32) / np.float32(255)
    return warped


def _shrink(covered: FloatArray) -> FloatArray:
    """From pixels to cells: the mean of about 4x4 pixels around each pixel ``4 i``."""
    blurred = cv2.blur(covered, (MAP_STRIDE + 1, MAP_STRIDE + 1), borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(blurred[::MAP_STRIDE, ::MAP_STRIDE], np.float32)


def _paste(
    picture: Picture,
    target: FloatArray,
    weight: FloatArray,
    trust: FloatArray,
    cutout: Cutout,
    heights: tuple[float, float],
    rng: np.random.Generator,
) -> Picture:
    """Lay a cut-out over the picture and its labels; returns the picture, edits the labels."""
    height, width = picture.shape[:2]
    rgba = cutout.picture().astype(np.float32)
    if rng.random() < 0.5:
        rgba = rgba[:, ::-1]
    wanted = height * np.exp(rng.uniform(*np.log(heights)))
    scale = wanted / max(rgba.shape[:2])
    stretch = np.exp(rng.uniform(-0.15, 0.15))
    turn = np.deg2rad(rng.normal(0, 10))
    linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    linear = linear @ np.diag([stretch, 1 / stretch])
    place = np.array([rng.uniform(0, width), rng.uniform(0, height)])
    affine = np.column_stack([linear, place - linear @ np.array([rgba.shape[1] / 2, rgba.shape[0] / 2])])
    rgba[..., :3] *= rgba[..., 3:] / 255
    if scale < 0.7:
        rgba = np.asarray(cv2.GaussianBlur(rgba, (0, 0), 0.4 / scale), np.float32)
    layer = cv2.warpAffine(rgba, affine, (width, height), flags=cv2.INTER_LINEAR)
    if rng.random() < 0.4:
        layer = cv2.GaussianBlur(layer, (0, 0), rng.uniform(0.4, 1.5))
    alpha = layer[..., 3:] / 255
    colour = layer[..., :3] * rng.uniform(0.7, 1.25) * rng.uniform(0.9, 1.1, 3).astype(np.float32)
    cover = _shrink(np.ascontiguousarray(alpha[..., 0]))
    target *= 1 - cover
    target[OBJECTS.index(cutout.group)] += cover
    target[_SALIENT] += cover
    # The outline is exact, so every label under it is known, but for faces: nobody marked those.
    np.maximum(weight, cover, out=weight)
    np.maximum(trust, cover, out=trust)
    weight[_FACE] *= 1 - cover
    return np.clip(picture * (1 - alpha) + colour, 0, 255).astype(np.uint8)
