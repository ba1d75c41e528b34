"""What scenes with known truth are drawn with: a camera over a canvas, and things that matter or do not."""

from __future__ import annotations

import json
import math
import tarfile
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Pixels = NDArray[np.uint8]
Colour = tuple[int, int, int]
Place = tuple[float, float]

WIDTH, HEIGHT = 480, 270
_SHIFT = 4
"""Bits of a pixel that OpenCV draws to."""


@dataclass
class Stage:
    """One frame and its truth, seen by a camera; places are those of the canvas.

    Args:
        canvas: ``(h, w, 3)`` RGB, what lies behind everything.
        centre: Place in the middle of the picture; None = the canvas fills the picture.
        zoom: Pixels of the picture for one of the canvas.
        turn: Of the camera, in degrees.
    """

    canvas: Pixels
    centre: Place | None = None
    zoom: float = 1.0
    turn: float = 0.0
    rgb: Pixels = field(init=False)
    truth: NDArray[np.uint8] = field(init=False)

    def __post_init__(self) -> None:
        height, width = self.canvas.shape[:2]
        centre = self.centre or (width / 2, height / 2)
        if self.centre is None:
            self.zoom *= WIDTH / width
        self._camera = cv2.getRotationMatrix2D(centre, self.turn, self.zoom)
        self._camera[:, 2] += WIDTH / 2 - centre[0], HEIGHT / 2 - centre[1]
        self.rgb = np.asarray(
            cv2.warpAffine(
                self.canvas,
                self._camera,
                (WIDTH, HEIGHT),
                flags=cv2.INTER_CUBIC,
                borderMode=cv2.BORDER_REFLECT,
            ),
            np.uint8,
        )
        self.truth = np.zeros((HEIGHT, WIDTH), np.uint8)

    def fill(self, points: list[Place], colour: Colour, *, matters: bool = False) -> None:
        """Fill a polygon."""
        corners = np.array([[x, y, 1] for x, y in points]) @ self._camera.T
        fixed = np.rint(corners * (1 << _SHIFT)).astype(np.int32)
        cv2.fillPoly(self.rgb, [fixed], colour, cv2.LINE_AA, _SHIFT)
        if matters:
            cv2.fillPoly(self.truth, [fixed], 255, cv2.LINE_AA, _SHIFT)

    def ellipse(
        self, centre: Place, axes: Place, colour: Colour, *, turn: float = 0, matters: bool = False
    ) -> None:
        """Fill an ellipse with half axes ``axes``, turned by degrees."""
        angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        x, y = axes[0] * np.cos(angle), axes[1] * np.sin(angle)
        cosine, sine = math.cos(math.radians(turn)), math.sin(math.radians(turn))
        points = np.stack([centre[0] + x * cosine - y * sine, centre[1] + x * sine + y * cosine], -1)
        self.fill([(float(a), float(b)) for a, b in points], colour, matters=matters)

    def box(self, left: float, top: float, width: float, height: float, colour: Colour, *, turn: float = 0,
            matters: bool = False) -> None:  # fmt: skip
        """Fill a box, turned by degrees around its middle."""
        x, y = left + width / 2, top + height / 2
        cosine, sine = math.cos(math.radians(turn)), math.sin(math.radians(turn))
        corners = [(-width / 2, -height / 2), (width / 2, -height / 2), (width / 2, height / 2),
                   (-width / 2, height / 2)]  # fmt: skip
        self.fill(
            [(x + a * cosine - b * sine, y + a * sine + b * cosine) for a, b in corners],
            colour,
            matters=matters,
        )

    def paste(self, thing: Pixels, centre: Place, height: float, *, turn: float = 0, mirrored: bool = False,
              matters: bool = True) -> None:  # fmt: skip
        """Put an RGBA picture on, its middle at ``centre``, ``height`` high on the canvas."""
        if mirrored:
            thing = thing[:, ::-1]
        scale = height / thing.shape[0] * self.zoom
        if scale < 0.9:
            size = (max(round(thing.shape[1] * scale), 2), max(round(thing.shape[0] * scale), 2))
            small = cv2.resize(_premultiplied(thing), size, interpolation=cv2.INTER_AREA)
            scale = height * self.zoom / size[1]
        else:
            small = _premultiplied(thing)
        x, y = self._camera @ [*centre, 1]
        middle = ((small.shape[1] - 1) / 2, (small.shape[0] - 1) / 2)
        matrix = cv2.getRotationMatrix2D(middle, turn + self.turn, scale)
        matrix[:, 2] += x - middle[0], y - middle[1]
        laid = cv2.warpAffine(small, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)
        alpha = laid[..., 3:] / 255
        self.rgb = np.clip(self.rgb * (1 - alpha) + laid[..., :3], 0, 255).astype(np.uint8)
        mark = laid[..., 3] if matters else 0
        self.truth = np.clip(self.truth * (1 - alpha[..., 0]) + mark, 0, 255).astype(np.uint8)

    def write(self, words: str, left: float, top: float, size: float, colour: Colour, *,
              matters: bool = True) -> None:  # fmt: skip
        """Write a line; its truth is the box around it. ``size`` is that of the letters in pixels."""
        font = ImageFont.load_default(size * self.zoom)
        x, y = self._camera @ [left, top, 1]
        picture = Image.fromarray(self.rgb)
        draw = ImageDraw.Draw(picture)
        draw.text((x, y), words, fill=colour, font=font)
        self.rgb = np.array(picture)
        if matters and words.strip():
            x0, y0, x1, y1 = draw.textbbox((x, y), words, font=font)
            cv2.rectangle(self.truth, (int(x0) - 1, int(y0) - 1), (int(x1) + 1, int(y1) + 1), 255, -1)


def _premultiplied(thing: Pixels) -> NDArray[np.float32]:
    values = thing.astype(np.float32)
    values[..., :3] *= values[..., 3:] / 255
    return values


def textured(width: int, height: int, colour: Colour, contrast: float, *, rough: float = 0.02,
             seed: int = 0) -> Pixels:  # fmt: skip
    """A surface of one colour whose amplitudes fall with frequency; less so the larger ``rough`` is."""
    noise = np.random.default_rng(seed).normal(0, 1, (height, width))
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    grey = np.fft.irfft2(np.fft.rfft2(noise) / (frequency + rough), s=(height, width))
    return np.clip(np.array(colour) + contrast * (grey / grey.std())[..., None], 0, 255).astype(np.uint8)


def ground(name: str, width: int, height: int, colour: Colour, contrast: float = 0.5, *,
           scale: float = 1.0) -> Pixels:  # fmt: skip
    """Tile a photograph of a surface (``grass``, ``gravel``) in another colour and at another scale."""
    tile = getattr(skimage.data, name)().astype(np.float32)
    tile = cv2.resize(tile, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    tile = np.block([[tile, tile[:, ::-1]], [tile[::-1], tile[::-1, ::-1]]])
    repeats = (height // tile.shape[0] + 1, width // tile.shape[1] + 1)
    grey = np.tile(tile, repeats)[:height, :width]
    varied = contrast * (grey - tile.mean()) / 128
    return np.clip(np.array(colour) * (1 + varied[..., None]), 0, 255).astype(np.uint8)


def runner(phase: float, shirt: Colour, trousers: Colour, *, skin: Colour = (205, 160, 130)) -> Pixels:
    """Draw a person from the side who runs; ``phase`` in steps. RGBA, 200 x 140."""
    scale = 2
    picture = np.zeros((200 * scale, 140 * scale, 4), np.uint8)

    def limb(
        start: Place, angles: tuple[float, float], lengths: Place, width: int, colours: list[Colour]
    ) -> None:
        for angle, length, colour in zip(angles, lengths, colours, strict=True):
            stop = (start[0] + length * math.sin(angle), start[1] + length * math.cos(angle))
            ends = [(round(x * scale), round(y * scale)) for x, y in (start, stop)]
            cv2.line(picture, *ends, (*colour, 255), width * scale, cv2.LINE_AA)
            start = stop

    swing = math.sin(2 * math.pi * phase)
    for side in (-1, 1):
        bend = 0.9 * max(0, -side * math.cos(2 * math.pi * phase))
        limb((66, 108), (0.7 * side * swing, 0.7 * side * swing - bend), (42, 44), 15, [trousers, skin])
        limb((70, 52), (-0.8 * side * swing, -0.8 * side * swing + 0.9), (28, 28), 10, [shirt, skin])
        if side < 0:
            limb((72, 46), (-0.1,), (62,), 34, [shirt])  # type: ignore[arg-type]
    cv2.ellipse(picture, (76 * scale, 20 * scale), (13 * scale, 17 * scale), 0, 0, 360, (*skin, 255), -1)
    cv2.ellipse(picture, (74 * scale, 12 * scale), (14 * scale, 10 * scale), 0, 0, 360, (60, 40, 30, 255), -1)
    return picture


def darkened(rgb: Pixels, gain: float, noise: float, rng: np.random.Generator, *, tint: Colour) -> Pixels:
    """See a picture as a camera does at night: dim, nearly without colour, and noisy."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)[..., None]
    dim = (0.75 * grey + 0.25 * rgb) * np.float32(tint) / 255 * gain
    dim += rng.normal(0, 1, grey.shape) * (noise + 0.3 * np.sqrt(np.maximum(dim, 0)))
    return np.clip(dim + 8, 0, 255).astype(np.uint8)


def grainy(rgb: Pixels, rng: np.random.Generator, sigma: float = 2.0) -> Pixels:
    """Add the noise of a sensor."""
    return np.clip(rgb + rng.normal(0, sigma, (*rgb.shape[:2], 1)), 0, 255).astype(np.uint8)


class Photographs:
    """Pictures of the training pack that no network learned from: open terms, validation part.

    Some have relatives that were learned from: other photographs of the same man, and other frames of the
    same film.

    Args:
        folder: With ``training`` and ``training2``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rows = {
            Path(row["file"]).stem: row
            for row in map(json.loads, (folder / "training" / "index.jsonl").read_text().splitlines())
            if row["split"] == "val" and row["terms"] == "open"
        }

    def picture(self, name: str) -> Pixels:
        """Return ``(h, w, 3)`` RGB."""
        row = self._rows[name]
        return _member(self._folder / "training" / row["shard"], row["file"], cv2.IMREAD_COLOR_RGB)

    def foreground(self, name: str) -> NDArray[np.uint8]:
        """Return ``(h, w)``: what a background-removal network takes for foreground, with firm edges."""
        height, width = self.picture(name).shape[:2]
        cells = _member(self._folder / "training2" / "isnet512.tar", f"isnet512/{name}.png", 0) / np.float32(
            255
        )
        size = (cells.shape[1] * 4, cells.shape[0] * 4)
        large = cv2.resize(cells, size, interpolation=cv2.INTER_CUBIC)[:height, :width]
        return np.asarray(np.clip((large - 0.6) * 3 + 0.5, 0, 1) * 255, np.uint8)

    def cut(self, name: str, left: float = 0, right: float = 1, top: float = 0, bottom: float = 1) -> Pixels:
        """Return RGBA of the largest thing within a part of the picture, given in shares of its sides."""
        alpha = self.foreground(name)
        height, width = alpha.shape
        part = np.zeros_like(alpha)
        inside = np.s_[
            round(top * height) : round(bottom * height), round(left * width) : round(right * width)
        ]
        part[inside] = alpha[inside]
        _, labels, boxes, _ = cv2.connectedComponentsWithStats((part > 127).astype(np.uint8))
        thing = 1 + int(np.argmax(boxes[1:, cv2.CC_STAT_AREA]))
        near = cv2.dilate((labels == thing).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        x, y, w, h = boxes[thing][:4]
        rgba = np.dstack([self.picture(name), np.where(near, part, 0)])
        return np.ascontiguousarray(rgba[y : y + h, x : x + w])


@lru_cache(maxsize=128)
def _member(archive: Path, name: str, flags: int) -> Any:
    with tarfile.open(archive) as opened:
        file = opened.extractfile(name)
        assert file is not None
        return cv2.imdecode(np.frombuffer(file.read(), np.uint8), flags)
