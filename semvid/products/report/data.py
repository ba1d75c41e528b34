"""The contents of a report. Pictures are data URIs, so that one file has everything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from semvid.core.config import Match
from semvid.core.records import dataclass
from semvid.core.results import Pooled, Trial
from semvid.engine.job import Job

VERSION = 4
"""Of the form of the JSON; a reader refuses newer ones."""

MEASURES = ("salient", "background", "whole", "weighted", "ssim", "vmaf")
"""PSNR of luma in dB: where importance exceeds a half, elsewhere, of all, and weighted by importance.
FFmpeg's SSIM over all planes, and VMAF; these two may be missing."""

Note = Literal["", "largest gain", "smallest gain", "largest loss", "smallest loss"]


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """The video that was compressed."""

    name: str
    """Of the file, without folders."""
    num_bytes: int
    codec: str
    width: int
    """Pixels as displayed: upright and square."""
    height: int
    num_frames: int
    duration_seconds: float


@dataclass(frozen=True, slots=True)
class Encode:
    """One encode of the source."""

    quality: float
    """CRF, or JPEG quality, on the encoder's own scale."""
    file_bytes: int
    video_bytes: int
    """Of the video stream alone."""
    bits: tuple[int, ...]
    """Of each frame, in the order they are shown."""
    scores: Mapping[str, tuple[float, ...]]
    """By measure, one a frame; NaN where a frame has no such place."""
    pooled: Mapping[str, Pooled]
    """By measure."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A spot of a frame where the encodes look different."""

    kind: Literal["better", "worse"]
    """Semvid's encode, against the plain one."""
    x: int
    """Pixels of the picture as displayed: upright and square."""
    y: int
    width: int
    height: int
    seen: float
    """How much more like the source the better one is, of 1: see ``tile_similarities``."""
    gain_db: float
    """PSNR of luma in it, semvid's less the plain encode's."""
    importance: float
    """Mean in it, 0..1."""
    view: tuple[int, int, int, int]
    """What the pictures show: the spot and what is around it, as x, y, width and height."""
    source: str
    plain: str
    semvid: str


@dataclass(frozen=True, slots=True)
class Still:
    """One frame to look at."""

    index: int
    seconds: float
    note: Note
    """Why it was chosen; empty = one of those evenly spread. Gain and loss are of salient PSNR."""
    source: str
    plain: str
    semvid: str
    heat: str
    """The map in colours, to be laid over the others; smaller than they."""
    spots: tuple[Spot, ...] = ()
    """Where a difference is seen, the first to be looked at first; none before version 4."""


@dataclass(frozen=True, slots=True)
class CloseUp:
    """A part of a frame, at native pixels."""

    kind: Literal["best", "worst"]
    """Where semvid saved, or added, the most squared error against the plain encode."""
    index: int
    seconds: float
    x: int
    """Pixels of the upright picture as coded."""
    y: int
    width: int
    height: int
    gain_db: float
    """PSNR of luma in it, semvid's less the plain encode's."""
    importance: float
    """Mean in it, 0..1."""
    where: str
    """The whole frame, small, with a line around the part."""
    source: str
    plain: str
    semvid: str


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture of a frame with its map drawn over it."""

    seconds: float
    picture: str


@dataclass(frozen=True, slots=True)
class Report:
    """One run of semvid, and a plain encode to hold it against."""

    version: int
    semvid: str
    """The version that made it."""
    source: SourceFacts
    codec: str
    preset: str
    """Empty where the encoder has none."""
    seconds: tuple[float, ...]
    """When each frame is shown, from the first."""
    mapped: Encode
    """Steered by the maps."""
    plain: Encode
    """By the same encoder and preset, without maps."""
    stills: tuple[Still, ...]
    """In the order they are shown; at least one."""
    closeups: tuple[CloseUp, ...]
    strip: tuple[Thumbnail, ...]
    """Evenly spread."""
    command: str
    """A command line that makes the same encode again."""
    settings: tuple[tuple[str, str], ...]
    """Names and values."""
    job: Job | None = None
    """The run, with files named without their folders; None in reports of version 1."""
    match: Match = "size"
    """What the plain encode has in common with the run: about its size; or its CRF, and so its quality where
    it matters (``region``)."""
    trials: tuple[Trial, ...] = ()
    """How the quality of the run was found; none if it was given."""
