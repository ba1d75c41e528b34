"""Options of each product: videos, stills, maps, overlays, comparisons and live streams."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from semvid.core.config.maps import (
    BACKGROUND_WEIGHT,
    LIVE_MODEL,
    AllocationConfig,
    BackgroundWeight,
    MappedConfig,
    Share,
    Strength,
    TemporalConfig,
)
from semvid.core.config.rates import check_peak
from semvid.core.edit import EditConfig
from semvid.core.errors import ConfigError
from semvid.core.frozen import FrozenMapping
from semvid.core.rate import AsGoodAs, Bitrate, Peak, Quality, Rate, RegionPsnr, RegionVmaf, StillRate
from semvid.core.setting_types import Limits
from semvid.core.settings import settings
from semvid.core.text import setting

Deinterlace = Literal["auto", "bwdif", "keep"]
Tune = Literal["perceptual", "psnr"]
Verify = Literal["quick", "full"]
Probe = Literal["full", "quick", "none"]
DroppableKind = Literal["video", "audio", "subtitle", "data", "attachment"]

SOUND_CODECS = ("aac", "opus", "mp3", "ac3", "eac3", "flac", "alac", "pcm")
"""What sound can be converted to."""
LOSSLESS_SOUND = ("flac", "alac", "pcm")


@settings
class CompressConfig(MappedConfig):
    """All options of ``compress``."""

    codec: str = "x264"
    """``x264``, ``x265``, ``vp8``, ``vp9`` or ``mjpeg``."""
    rate: Rate | None = None
    """The target: ``Crf``, ``Bitrate``, ``Size``, or a score (``Vmaf``, ``Xpsnr``, ``RegionVmaf``,
    ``RegionPsnr``, ``AsGoodAs``) for x264, x265, vp8 and vp9; ``Quality``, ``Bitrate`` or ``Size`` for mjpeg.
    None = the encoder's own default."""
    peak: Peak | None = None
    """Maximum bit rate and buffer, for x264 and x265, with ``Crf`` or ``Bitrate``; None = no limit."""
    preset: str | None = None
    """The encoder's own preset name; None = its default."""
    encoder_options: Mapping[str, str] = FrozenMapping()
    """More FFmpeg options for the encoder, as in ``{"tune": "film"}``."""
    tune: Tune | None = None
    """Motion-JPEG: ``perceptual`` (how it looks, the default) or ``psnr`` (least squared error)."""
    deinterlace: Deinterlace = "auto"
    """Interlaced frames: ``auto`` (keep them interlaced with x264, deinterlace for other codecs), ``bwdif``
    (make one progressive frame of each), or ``keep`` (never change their lines)."""
    temporal: TemporalConfig = TemporalConfig()
    """How maps follow from frame to frame."""
    allocation: AllocationConfig = AllocationConfig()
    """How strongly importance moves the quantizer."""
    save_maps: Path | None = None
    """Where to save the maps of this run: a ``.svmap`` file, which ``maps.path`` reads back."""
    drop: frozenset[DroppableKind] = frozenset()
    """Kinds of streams to leave out."""
    audio: str = "auto"
    """Sound: ``copy``, ``auto`` (copy where the container can hold it, else convert to what suits it), or one
    of ``SOUND_CODECS``, alone or with a bit rate, as in ``opus:128k``; without a bit rate, sound that already
    has this codec is copied."""
    strict: bool = False
    """Refuse what the output's container cannot hold as it is, instead of converting it or leaving it out."""
    overwrite: bool = False
    """Replace an existing output."""
    verify: Verify = "quick"
    """What is checked of the output before it gets its name: ``quick``, that all packets can be read back and
    are shown when they should be; ``full``, also that every frame of its video can be decoded."""
    probe: Probe | None = None
    """How what a map saves is found out. ``full``: by encoding parts without a map, or all of a short video;
    ``match="size"`` needs it to make the file as large as a plain encode. ``quick``: by encoding a fifth of
    the frames twice at a fast preset, with the map and without; off by some points. ``none``: by a model of
    bits; often far off. None = ``quick`` with ``match="region"``, ``full`` with ``match="size"``."""
    edit: EditConfig = EditConfig()
    """The part of the video to compress."""

    @property
    def chosen_probe(self) -> Probe:
        """``probe``, or the default of ``match``."""
        return self.probe or ("quick" if self.allocation.chosen_match == "region" else "full")

    @property
    def sound_codec(self) -> tuple[str, int | None]:
        """``audio`` as ``copy``, ``auto`` or a codec, and the bits per second if it has them."""
        codec, colon, rate = self.audio.partition(":")
        amount = re.fullmatch(r"(\d{1,7})(k?)", rate)
        bits = int(amount[1]) * (1000 if amount[2] else 1) if amount else None
        if codec not in {"auto", "copy", *SOUND_CODECS} or (colon and bits is None):
            raise ConfigError(
                f"{setting('audio', self.audio)} is unknown; give copy, auto, or one of "
                f"{', '.join(SOUND_CODECS)}, with a bit rate if you like, as in aac:128k"
            )
        if colon and codec in {"auto", "copy", *LOSSLESS_SOUND}:
            raise ConfigError(f"{setting('audio', self.audio)}: {codec} takes no bit rate; leave it out")
        if bits is not None and not 8000 <= bits <= 2_000_000:
            raise ConfigError(
                f"{setting('audio', self.audio)} is out of range; give 8k to 2000k bits per second"
            )
        return codec, bits

    def __post_init__(self) -> None:
        MappedConfig.__post_init__(self)
        _ = self.sound_codec
        self._check_score()
        check_peak(self.peak, self.rate)
        if self.deinterlace == "keep" and self.edit.has_filters:
            raise ConfigError(
                f"`deinterlace=keep` and `{self.edit.filters[0]}` exclude each other: filters need whole "
                "pictures; leave one out"
            )
        if self.save_maps is not None and self.allocation.strength == 0:
            raise ConfigError("`save_maps` has no maps to save at `strength=0`; leave one out")
        if self.probe is not None and self.allocation.strength == 0:
            raise ConfigError(
                f"`probe={self.probe}` has no effect at `strength=0`: nothing is measured; leave it out"
            )
        if self.probe == "quick" and self.allocation.chosen_match == "size":
            raise ConfigError(
                "`probe=quick` tells what was saved, and `match=size` saves nothing; give full or none"
            )

    def _check_score(self) -> None:
        rate, floor = self.rate, getattr(self.rate, "floor", None)
        if self.allocation.strength == 0 and isinstance(rate, RegionVmaf | RegionPsnr | AsGoodAs):
            raise ConfigError(
                f"`{type(rate).__name__}` needs a map, and `strength=0` has none; leave one out"
            )
        if self.allocation.strength == 0 and floor is not None:
            raise ConfigError("`floor` needs a map, and `strength=0` has none; leave one out")
        if isinstance(rate, RegionVmaf | RegionPsnr) and floor is not None and floor > rate.value:
            raise ConfigError(
                f"{setting('floor', f'{floor:g}')} asks for a rest that is better than what matters; give at "
                f"most {rate.value:g}"
            )


JPEG_QUALITY = Quality(80)
"""Default of stills and of Motion-JPEG."""
Sampling = Literal["4:2:0", "4:2:2", "4:4:4", "grey"]
Strip = Literal["gps", "all"]


@settings
class ImageConfig(MappedConfig):
    """All options of ``compress_image``."""

    rate: StillRate = JPEG_QUALITY
    """The target: ``Quality``, ``Size`` for the best picture that fits, or ``Ssimulacra2`` for the smallest
    that is so good."""
    match: Literal["size"] | None = None
    """``size``: write as many bytes as a plain JPEG of this ``Quality`` has, and look better where it
    matters. None = what matters has this ``Quality``, and the rest less."""
    sampling: Sampling | None = None
    """Chroma sampling; a grey picture stays grey. None = ``4:4:4`` where colours have sharp edges (coloured
    text, drawings), else ``4:2:0``."""
    tune: Tune = "perceptual"
    """What is good: ``perceptual`` (how it looks: SSIMULACRA 2, PSNR-HVS-M) or ``psnr`` (least squared
    error)."""
    price: Annotated[float, Limits(0, 10)] | None = None
    """How much weighted squared error to accept for each bit saved, in squares of the luma DC step; 0 = plain
    rounding; None = what suits ``tune``."""
    strength: Strength = 1.0
    """How strongly the map acts: 0 = everything matters equally, 1 = what matters looks better, and the rest
    not visibly worse, more = exaggerated."""
    background_weight: BackgroundWeight = BACKGROUND_WEIGHT
    """Distortion weight of the background; important areas weigh this plus 1. Lower = more contrast."""
    progressive: bool = True
    """Write a progressive file, which is smaller; False = sequential, for devices that show nothing else."""
    max_edge: Annotated[int, Limits(1, 65_500)] | None = None
    """Shrink the picture until its longer side has at most so many pixels; smaller ones stay as they are. The
    map is made of the whole picture. None = keep the size."""
    strip: Strip | None = None
    """Metadata to leave out: ``gps`` (the position in EXIF, XMP and comments) or ``all`` that does not change
    how the picture looks. None = keep all that a JPEG can hold."""
    allow_larger: bool = False
    """Write the output even if it is no smaller than the source. Otherwise a JPEG that every viewer shows is
    copied without loss, with a notice, and other sources are refused."""
    overwrite: bool = False
    """Replace an existing output."""

    def __post_init__(self) -> None:
        MappedConfig.__post_init__(self)
        if not isinstance(self.rate, Quality) and self.match is not None:
            raise ConfigError(f"`{type(self.rate).__name__}` and `match` exclude each other; give one")


MapFormat = Literal["sidecar", "png", "video", "npz", "kvazaar", "svtav1", "x264mod"]


@settings
class ExportConfig(MappedConfig):
    """All options of ``export_maps``."""

    format: MapFormat | None = None
    """``sidecar`` (semvid's own small file), ``png`` (a folder), ``video`` (lossless grey), ``npz`` (numpy),
    or what another encoder reads: ``kvazaar``, ``svtav1``, ``x264mod`` (MSU's x264 with ``--saliency``).
    None = by the output's name."""
    temporal: TemporalConfig = TemporalConfig()
    """How maps follow from frame to frame."""
    allocation: AllocationConfig = AllocationConfig()
    """``kvazaar``, ``svtav1``: how strongly importance moves the quantizer."""
    overwrite: bool = False
    """Replace an existing output."""
    edit: EditConfig = EditConfig()
    """The part of the video to make maps of."""


OverlayStyle = Literal["heat", "contour", "blocks", "dim", "split"]


@settings
class OverlayConfig(MappedConfig):
    """All options of ``export_overlay``."""

    style: OverlayStyle = "heat"
    """``heat`` (colours over the picture), ``contour`` (a line around what matters), ``blocks`` (quantizer
    offsets of x264), ``dim`` (the rest dark and grey), or ``split`` (picture and map side by side)."""
    opacity: Share = 0.5
    """Opacity of the drawing over the picture."""
    legend: bool = False
    """Draw a legend of the colours."""
    numbers: bool = False
    """``blocks``: write the offset into every block."""
    result: Path | None = None
    """``split``: the compressed video to show on the right."""
    every: Annotated[int, Limits(1, 1000)] = 1
    """Draw only every Nth frame."""
    height: Annotated[int, Limits(16, 4320)] | None = None
    """Height of the drawn picture in lines; None = the source's."""
    temporal: TemporalConfig = TemporalConfig()
    """How maps follow from frame to frame."""
    allocation: AllocationConfig = AllocationConfig()
    """``blocks``: how strongly importance moves the quantizer."""
    overwrite: bool = False
    """Replace an existing output."""
    edit: EditConfig = EditConfig()
    """The part of the video to draw."""

    def __post_init__(self) -> None:
        MappedConfig.__post_init__(self)
        if self.result is not None and self.style != "split":
            raise ConfigError("`result` needs `style=split`")
        for name, given in (("numbers", self.numbers), ("match", self.allocation.match)):
            if given and self.style != "blocks":
                raise ConfigError(f"`{name}` needs `style=blocks`")
        if self.legend and self.style in {"contour", "dim"}:
            raise ConfigError(f"`legend` explains colours, and `style={self.style}` has none; leave it out")


METRICS = ("psnr", "ssim", "xpsnr", "vmaf", "weighted")
"""What ``compare`` measures."""


@settings
class CompareConfig(MappedConfig):
    """All options of ``compare``."""

    metrics: tuple[str, ...] = METRICS
    """``psnr``, ``ssim``, ``xpsnr`` and ``vmaf`` are FFmpeg's; ``weighted`` is PSNR weighted by importance,
    of what matters, and of the rest."""
    scale: bool = False
    """Scale the tested video to the size of the reference."""
    temporal: TemporalConfig = TemporalConfig()
    """How maps follow from frame to frame."""

    def __post_init__(self) -> None:
        MappedConfig.__post_init__(self)
        unknown = [one for one in self.metrics if one not in METRICS]
        if unknown or not self.metrics:
            raise ConfigError(
                f"{setting('metrics', ','.join(unknown) or 'of nothing')} is unknown; "
                f"choose among {', '.join(METRICS)}"
            )


Side = Annotated[int, Limits(16, 8192)]
LIVE_BITRATES = Limits(50_000, 200_000_000)
"""Bits per second of the video."""


@settings
class LiveConfig(MappedConfig):
    """All options of a live stream."""

    USUAL_MODEL: ClassVar[str] = LIVE_MODEL

    codec: str = "x264"
    """As for ``CompressConfig``."""
    preset: str | None = None
    """The encoder's own preset name; None = one that obeys maps and keeps up with 720p on two cores."""
    rate: Bitrate = Bitrate(2_000_000)
    """Bit rate of the video: 50,000 to 200,000,000 bits per second."""
    sound_bitrate: Annotated[int, Limits(16_000, 512_000, also=0)] = 96_000
    """Bit rate of the sound, in bits per second; 0 = no sound."""
    latency_ms: Annotated[float, Limits(20, 5000)] = 150.0
    """Target delay from frame to packet, in milliseconds."""
    frame_rate: Annotated[float, Limits(1, 240)] | None = None
    """Frame rate to request, and the maximum to encode; None = the source's."""
    size: tuple[Side, Side] | None = None
    """``(width, height)`` to request and to encode, even numbers; None = the source's."""
    tune: Tune | None = None
    """Motion-JPEG: ``perceptual`` (how it looks, the default) or ``psnr`` (least squared error)."""
    deinterlace: Deinterlace = "auto"
    """Interlaced frames: ``auto`` and ``bwdif`` make one progressive frame of each, ``keep`` leaves their
    lines as they are."""
    realtime: bool = False
    """Read a file at its own speed instead of as fast as possible."""
    loop: bool = False
    """Start a file again when it ends."""
    record: Path | None = None
    """Also write the coded video here: ``.mkv``, ``.mp4`` (fragmented) or ``.ts``."""
    max_maps_per_second: Annotated[float, Limits(0.5, 60)] = 10.0
    """Maximum number of network runs per second; fewer when the machine is busy."""
    temporal: TemporalConfig = TemporalConfig()
    """How maps follow from frame to frame; ``map_every``, ``effort`` and ``look_ahead`` are not for live
    streams."""
    allocation: AllocationConfig = AllocationConfig()
    """How strongly importance moves the quantizer."""
    wait_seconds: Annotated[float, Limits(0, 86_400)] | None = None
    """How long to wait for a source that sends nothing yet or cannot be reached yet, 0..86400; None = without
    limit where semvid listens for the sender (``udp://``, ``rtp://``, ``?listen``), else 0."""
    reconnect_seconds: Annotated[float, Limits(0.1, 600)] = 8.0
    """Longest pause between two attempts to reconnect, in seconds."""
    overwrite: bool = False
    """Replace an existing recording."""

    def __post_init__(self) -> None:
        MappedConfig.__post_init__(self)
        LIVE_BITRATES.check("Bitrate", self.rate.bits_per_second)
        if self.allocation.match == "region":
            raise ConfigError(
                "`match=region` is not for live streams, which keep to their `Bitrate`; leave it out"
            )
        object.__setattr__(self, "allocation", replace(self.allocation, match="size"))
        if self.size is not None and any(side % 2 for side in self.size):
            raise ConfigError(f"`size={self.size[0]}x{self.size[1]}` has an odd side; use even ones")
        if self.temporal.map_every is not None:
            raise ConfigError("`map_every` is not for live streams; give `max_maps_per_second`")
        if self.temporal.effort != "auto":
            raise ConfigError(
                f"`effort={self.temporal.effort}` is not for live streams, which take what time there is; "
                "leave it out"
            )
        if self.temporal.look_ahead:
            raise ConfigError("`look_ahead` is not for live streams: no frame waits there; leave it out")
