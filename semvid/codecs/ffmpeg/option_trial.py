"""Tests on a small picture whether an encoder obeys a map with the exact options of a run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

import av
import numpy as np
from av import logging

from semvid.codecs.base.self_test import (
    Coded,
    SelfTest,
    compare_halves,
    decode_luma,
    gain_db,
    texture_frames,
)
from semvid.codecs.ffmpeg.spec import EncoderSpec
from semvid.codecs.ffmpeg.twins import encode_beside, options_at
from semvid.core.errors import ConfigError, EncoderError, MapIgnoredError
from semvid.core.findings import Finding
from semvid.core.geometry import grid_shape
from semvid.core.text import setting
from semvid.core.types import Frame, QuantizerOffsets
from semvid.media.ffmpeg_log import heard

_OFFSET = 6.0
"""QP steps by which one half of the picture is coarser, the other finer."""
# A multiple of 128: at other widths libx264 reads memory that it never set.
_WIDTH, _HEIGHT = 256, 128
# libvpx-vp9 reads no map in the key frame.
_NUM_FRAMES = 2
_LEAST_GAIN_DB = 0.5
"""All encoders and presets gain 1.5 or more at their default CRFs; those that ignore the map, 0.2 at most."""
_KEPT_SECONDS = 24 * 3600
"""A trial takes a quarter of a second, which short videos feel."""
_UNREAD = ("Error parsing option", "Unknown option", "Invalid value for")
"""How FFmpeg's log begins to tell of a part of a list that an encoder does not take."""


def check_obedience(
    spec: EncoderSpec, options: Mapping[str, str], pixel_format: str, extra: Mapping[str, str]
) -> str | None:
    """Encode a small picture with and without a map, once per set of options.

    The picture is of the trial's own making, so that what a video shows cannot decide: a flat picture, or a
    map that wants nothing, gives no false alarm. Rates are left out, since they are for the video's size, and
    the CRF is the default: near the ends of its range no encoder can follow far.

    Args:
        spec: The encoder.
        options: Of the run, from ``spec.options``.
        pixel_format: That will be coded.
        extra: Those of the options that the user gave.

    Returns:
        A sentence if the trial could not be made; whether the encoder obeys is unknown then.

    Raises:
        MapIgnoredError: The map has no effect.
        ConfigError: The encoder cannot read a part of a list of options, and would go on without it.
    """
    tried = options_at(spec, options, spec.crf.default)
    if extra.keys() & set(spec.nested_options):
        _refuse_unread(spec, tried, pixel_format)
    try:
        gain = _gain(spec, tuple(tried.items()), pixel_format)
    except EncoderError as error:
        return f"whether {spec.name} obeys the map could not be tested: {error}"
    if gain >= _LEAST_GAIN_DB:
        return None
    given = " ".join(f"{key}={value}" for key, value in extra.items())
    remedy = f"drop {setting('encoder_options', given)}" if extra else "see 'semvid doctor'"
    raise MapIgnoredError(
        f"{spec.name} would ignore the map: on a test picture, what matters gained {gain:.1f} dB of PSNR, "
        f"and {_LEAST_GAIN_DB:g} is the minimum; {remedy}"
    )


def _refuse_unread(spec: EncoderSpec, options: Mapping[str, str], pixel_format: str) -> None:
    """Refuse what is in lists of options and unknown there: encoders only tell FFmpeg's log."""
    (frame,) = texture_frames(_WIDTH, _HEIGHT, 1, pixel_format)
    with heard(logging.WARNING) as logs, suppress(EncoderError):
        _encode_halves(spec, options, [frame], mark=False)
    for _, _, message in logs:
        if message.startswith(_UNREAD):
            raise ConfigError(
                f"`encoder_options={' '.join(spec.nested_options)}`: {message.strip().rstrip('.')}; "
                f"check its name and value"
            )


@cache
def _gain(spec: EncoderSpec, options: tuple[tuple[str, str], ...], pixel_format: str) -> float:
    """Return what ``_measure`` does. An encoder that was found to obey is believed for a day."""
    # Where functions lie in memory is nothing that a finding depends on.
    encoder = re.sub(r" at 0x[0-9a-f]+", "", repr(spec))
    about = (encoder, repr(options), pixel_format, av.__version__, repr(av.library_versions))
    finding = Finding.by_folder("obedience", about, Path(__file__).parent, _KEPT_SECONDS)
    known = (finding.known() or {}).get("gain_db")
    if isinstance(known, float):
        return known
    gain = _measure(spec, options, pixel_format)
    if gain >= _LEAST_GAIN_DB:
        finding.keep({"gain_db": gain})
    return gain


def _measure(spec: EncoderSpec, options: tuple[tuple[str, str], ...], pixel_format: str) -> float:
    """Return how much the half marked as finer gains on the other, in dB of luma PSNR."""
    coded = []
    for mark in (False, True):
        frames = texture_frames(_WIDTH, _HEIGHT, _NUM_FRAMES, pixel_format)
        coded.append(decode_luma(*_encode_halves(spec, dict(options), frames, mark=mark)))
    # The last frame: libvpx-vp9's first says nothing.
    plain, marked = coded
    if not plain or not marked:
        return 0.0
    return gain_db([frames[-1].luma], plain[-1:], marked[-1:])


def test_encoder(spec: EncoderSpec, preset: str | None) -> SelfTest:
    """Encode a small moving texture with and without a map and compare the pixels of both halves.

    Args:
        spec: The encoder.
        preset: One of its presets; None = the default.
    """

    def encode(frames: list[Frame], mark: bool) -> Coded:
        crf = round((spec.crf.lowest + spec.crf.highest) / 2)
        return _encode_halves(spec, spec.options(crf, preset, {}), frames, mark=mark)

    return compare_halves(spec.name, spec.library, encode)


def _encode_halves(
    spec: EncoderSpec, options: Mapping[str, str], frames: Sequence[Frame], *, mark: bool
) -> Coded:
    """Code the frames; ``mark`` has the left half coded finer, the right half coarser.

    By twice as much coarser for encoders that gain little by finer blocks.
    """
    rows, cols = grid_shape(*frames[0].size, spec.block_size)
    finest = -_OFFSET if spec.finer_crf is None else 0.0
    values = np.full((rows, cols), finest + 2 * _OFFSET, np.float32)
    values[:, : cols // 2] = finest
    offsets = QuantizerOffsets(values, spec.block_size) if mark else None
    parameters, packets = encode_beside(spec, options, frames, offsets)
    return parameters, list(packets)
