"""The ways to encode a file, by what its config asks for; a plain run loads nothing of the others."""

from __future__ import annotations

from dataclasses import replace

from semvid.codecs.registry import find_codec
from semvid.core.config import CompressConfig
from semvid.core.rate import Bitrate, ScoreWish, Size

_LOWEST = 100_000
"""Bits per second from which on the steps in which x264 and x265 count them are fine enough: lower rates are
found by the CRF."""


def has_two_passes(config: CompressConfig) -> bool:
    """Whether this is encoded in two passes."""
    rate = config.rate
    if not isinstance(rate, Bitrate) or rate.bits_per_second < _LOWEST:
        return False
    return find_codec(config.codec).has_two_passes


def has_wish(config: CompressConfig) -> bool:
    """Whether the quality has to be searched."""
    if not find_codec(config.codec).takes_offsets:
        return False
    if isinstance(config.rate, Size | Bitrate | ScoreWish):
        return True
    allocation = config.allocation
    return allocation.match == "size" and allocation.strength > 0 and config.chosen_probe == "full"


def takes_little_effort(config: CompressConfig) -> bool:
    """Whether maps of a network would take longer than the encode, and nobody said how much they may take."""
    temporal, maps = config.temporal, config.maps
    if temporal.effort != "auto" or temporal.map_every is not None or not config.allocation.strength:
        return False
    # Scores are measured by these maps, and by those of ``compare`` later.
    if isinstance(config.rate, ScoreWish):
        return False
    has_network = not maps.has_file and maps.chosen_model != "spectral"
    return has_network and find_codec(config.codec).is_fast(config.preset)


def with_chosen_effort(config: CompressConfig) -> CompressConfig:
    """Return a config that says how much effort maps take, for runs that have only a part of what decides it.

    An encode of a part no longer knows that a score of the whole was asked for.
    """
    if config.temporal.effort != "auto" or not isinstance(config.rate, ScoreWish):
        return lightened(config) if takes_little_effort(config) else config
    return replace(config, temporal=replace(config.temporal, effort="full"))


def lightened(config: CompressConfig) -> CompressConfig:
    """Return a config whose maps are made with less effort."""
    return replace(config, temporal=replace(config.temporal, effort="light"))
