"""Every option and its default, in one place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

from semvid.core.errors import ConfigError
from semvid.core.settings import Limits, Settings, settings
from semvid.core.text import setting

Share = Annotated[float, Limits(0, 1)]
BackgroundWeight = Annotated[float, Limits(0.01, 10)]
JpegQuality = Annotated[int, Limits(1, 100)]
Side = Annotated[int, Limits(16, 8192)]

Device = Literal["auto", "cpu", "cuda", "mps"]
Motion = Literal["flow", "vectors"]
Deinterlace = Literal["auto", "bwdif", "keep"]
DroppableKind = Literal["video", "audio", "subtitle", "data", "attachment"]

SOUND_CODECS = ("aac", "opus", "mp3", "ac3", "eac3", "flac", "alac", "pcm")
"""What sound can be converted to."""
LOSSLESS_SOUND = ("flac", "alac", "pcm")

MODELS = ("msroi", "msroi-fast", "spectral")
"""Names ``model`` takes, besides paths."""
MODEL_SUFFIXES = (".safetensors", ".onnx")
"""Files ``model`` takes."""


@settings
class AllocationConfig(Settings):
    """How strongly importance moves the quantizer."""

    strength: Annotated[float, Limits(0, 3)] = 1.0
    """How far to follow the map: 0 = plain encode, 1 = the best offsets for the weights, more =
    exaggerated."""
    background_weight: BackgroundWeight = 0.28
    """Distortion weight of the background; important areas weigh this plus 1. Lower = more contrast."""
    finest: Annotated[float, Limits(-25, 0)] = -10.0
    """Lowest quantizer offset, in QP steps."""
    coarsest: Annotated[float, Limits(0, 25)] = 8.0
    """Highest quantizer offset, in QP steps; beyond about 8 the background visibly falls apart."""


@settings
class TemporalConfig(Settings):
    """How maps follow from frame to frame. None = what suits the source of the maps."""

    map_every: Annotated[int, Limits(1, 240)] | None = None
    """Maximum number of frames between two network runs; half as many while motion explains little of what
    changes. A cut starts one at once."""
    smoothing: Annotated[float, Limits(0, 0.99)] | None = None
    """Share of earlier maps in the running average of maps."""
    movement: Share | None = None
    """How much to lower the importance of still things while something important moves."""
    motion: Motion = "flow"
    """What carries maps from frame to frame: ``flow`` (optical flow) or ``vectors`` (the decoder's motion
    vectors)."""


CLASSES = ("person", "face", "animal", "vehicle", "object", "text")
"""What the MS-ROI networks tell apart."""


@settings
class FocusConfig(Settings):
    """Which of the things a network finds matter, and how much."""

    weights: Mapping[str, Annotated[float, Limits(0, 10)]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    """Weight of each class, as in ``{"face": 2}``; classes not named have 1, and 0 = does not matter."""
    threshold: Share = 0.3
    """How sure the network must be of a class before it counts."""
    salient: Share = 0.5
    """Share of the map of things of no particular class, the rest being that of the classes."""
    fixation: Share = 0.1
    """Share of the map of where people look in the final map."""

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        unknown = sorted(set(self.weights).difference(CLASSES))
        if unknown:
            shown = setting("weights", ", ".join(unknown))
            raise ConfigError(f"{shown} is unknown; choose among {', '.join(CLASSES)}")


@settings
class MapsConfig(Settings):
    """Where the importance comes from."""

    model: str = "msroi"
    """What makes the maps when neither ``maps`` nor ``boxes`` is given: a name, or the path of a network."""
    focus: FocusConfig = FocusConfig()
    """What matters among the things a network finds."""
    maps: Path | None = None
    """The maps: a sidecar, grey-scale video, folder of PNGs, picture, numpy arrays, or offsets as text."""
    maps_hold: bool = False
    """Keep the last map when ``maps`` is shorter than the video."""
    boxes: Path | None = None
    """A file of boxes instead of maps: JSON lines or MOT text."""
    device: Device = "auto"
    """Where a network runs."""
    threads: Annotated[int, Limits(0, 256)] = 0
    """Threads of a network on the CPU; 0 = as many as help, or as an encoder beside it leaves."""

    def __post_init__(self) -> None:
        # Slotted dataclasses are made twice: super() without arguments would mean the first one.
        Settings.__post_init__(self)
        if self.maps is not None and self.boxes is not None:
            raise ConfigError("`maps` and `boxes` exclude each other; give one of them")
        if self.maps_hold and self.maps is None:
            raise ConfigError("`maps_hold` needs `maps`")
        if self.model not in MODELS and not self.model.lower().endswith(MODEL_SUFFIXES):
            raise ConfigError(
                f"{setting('model', self.model)} is unknown; choose one of {', '.join(MODELS)}, "
                f"or give a file that ends in {' or '.join(MODEL_SUFFIXES)}"
            )


@settings
class CompressConfig(MapsConfig):
    """Everything ``compress`` can be told."""

    codec: str = "x264"
    """``x264``, ``x265``, ``vp8``, ``vp9`` or ``mjpeg``."""
    crf: float | None = None
    """Constant rate factor in the encoder's own unit; None = the encoder's default."""
    quality: JpegQuality | None = None
    """``mjpeg``: quality of important areas, on the scale of plain JPEG; None = 80."""
    bitrate: Annotated[int, Limits(1, 2**50)] | None = None
    """``mjpeg``: bit rate of the video, in bits per second."""
    target_size: Annotated[int, Limits(1, 2**50)] | None = None
    """``mjpeg``: size of the whole output, in bytes."""
    preset: str | None = None
    """The encoder's own preset name; None = its default."""
    encoder_options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """More FFmpeg options for the encoder, as in ``{"tune": "film"}``."""
    deinterlace: Deinterlace = "auto"
    """Interlaced frames: ``auto`` (x264 codes them as interlaced, for other codecs they are deinterlaced),
    ``bwdif`` (one progressive frame is made of each), or ``keep`` (their lines are never changed)."""
    temporal: TemporalConfig = TemporalConfig()
    """How maps follow from frame to frame."""
    allocation: AllocationConfig = AllocationConfig()
    """How strongly importance moves the quantizer."""
    save_maps: Path | None = None
    """Where to save the maps of this run: a ``.svmap`` file, which ``maps`` reads back."""
    drop: frozenset[DroppableKind] = frozenset()
    """Kinds of streams to leave out."""
    audio: str = "auto"
    """Sound: ``copy``, ``auto`` (copy where the container can hold it, else convert to what suits it), or one
    of ``SOUND_CODECS``, alone or with bits a second, as in ``opus:128k``; sound that is coded so already is
    copied if no bits are named."""
    strict: bool = False
    """Refuse, rather than convert or leave out, what the output's container cannot hold as it is."""
    overwrite: bool = False
    """Replace an existing output."""

    @property
    def sound_codec(self) -> tuple[str, int | None]:
        """``audio`` as ``copy``, ``auto`` or a codec, and bits a second if it names them."""
        codec, colon, rate = self.audio.partition(":")
        amount = re.fullmatch(r"(\d{1,7})(k?)", rate)
        bits = int(amount[1]) * (1000 if amount[2] else 1) if amount else None
        if codec not in {"auto", "copy", *SOUND_CODECS} or (colon and bits is None):
            raise ConfigError(
                f"{setting('audio', self.audio)} is unknown; give copy, auto, or one of "
                f"{', '.join(SOUND_CODECS)}, which may have bits a second behind it, as in aac:128k"
            )
        if colon and codec in {"auto", "copy", *LOSSLESS_SOUND}:
            raise ConfigError(
                f"{setting('audio', self.audio)}: {codec} takes no bits a second; leave them out"
            )
        if bits is not None and not 8000 <= bits <= 2_000_000:
            raise ConfigError(
                f"{setting('audio', self.audio)} is out of range; give 8k to 2000k bits a second"
            )
        return codec, bits

    def __post_init__(self) -> None:
        MapsConfig.__post_init__(self)
        _ = self.sound_codec
        if self.temporal.map_every is not None and (self.maps is not None or self.boxes is not None):
            raise ConfigError(
                "`map_every` has no effect with `maps` or `boxes`: they name every frame; leave it out"
            )
        if self.save_maps is not None and self.allocation.strength == 0:
            raise ConfigError("`save_maps` has no maps to save at `strength=0`; leave one out")
        if sum(one is not None for one in (self.quality, self.bitrate, self.target_size)) > 1:
            raise ConfigError("`quality`, `bitrate` and `target_size` exclude each other; give one")


MapFormat = Literal["sidecar", "png", "video", "npz", "kvazaar", "svtav1", "x264mod"]


@settings
class ExportConfig(MapsConfig):
    """Everything ``export_maps`` can be told."""

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


OverlayStyle = Literal["heat", "contour", "blocks", "dim", "split"]


@settings
class OverlayConfig(MapsConfig):
    """Everything ``export_overlay`` can be told."""

    style: OverlayStyle = "heat"
    """``heat`` (colours over the picture), ``contour`` (a line around what matters), ``blocks`` (quantizer
    offsets of x264), ``dim`` (the rest dark and grey), or ``split`` (picture and map side by side)."""
    opacity: Share = 0.5
    """Opacity of what is drawn over the picture."""
    legend: bool = False
    """Draw a legend of the colours."""
    numbers: bool = False
    """``blocks``: write the offset into every block."""
    result: Path | None = None
    """``split``: the compressed video, to show at the right."""
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

    def __post_init__(self) -> None:
        MapsConfig.__post_init__(self)
        if self.result is not None and self.style != "split":
            raise ConfigError("`result` needs `style=split`")
        if self.numbers and self.style != "blocks":
            raise ConfigError("`numbers` needs `style=blocks`")
        if self.legend and self.style in {"contour", "dim"}:
            raise ConfigError(f"`legend` explains colours, and `style={self.style}` has none; leave it out")


LIVE_CODECS = ("x264", "x265", "vp8", "vp9", "mjpeg")


@settings
class LiveConfig(MapsConfig):
    """Everything a live stream can be told."""

    model: str = "msroi-fast"
    codec: str = "x264"
    """One of ``LIVE_CODECS``."""
    preset: str | None = None
    """The encoder's own preset name; None = its fastest that obeys maps."""
    bitrate: Annotated[int, Limits(50_000, 200_000_000)] = 2_000_000
    """Bit rate of the video, in bits per second."""
    sound_bitrate: Annotated[int, Limits(16_000, 512_000, also=0)] = 96_000
    """Bit rate of the sound, in bits per second; 0 = no sound."""
    latency_ms: Annotated[float, Limits(20, 5000)] = 150.0
    """Target delay from frame to packet, in milliseconds."""
    frame_rate: Annotated[float, Limits(1, 240)] | None = None
    """Frame rate to request, and the maximum to encode; None = the source's."""
    size: tuple[Side, Side] | None = None
    """``(width, height)`` to request and to encode, even numbers; None = the source's."""
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
    """How maps follow from frame to frame; ``map_every`` is not for live streams."""
    allocation: AllocationConfig = AllocationConfig()
    """How strongly importance moves the quantizer."""
    wait_seconds: Annotated[float, Limits(0, 86_400)] | None = None
    """How long to wait for a source that sends nothing yet or cannot be reached yet, 0..86400; None = as
    long as it takes where the sender comes to us (``udp://``, ``rtp://``, ``?listen``), 0 for all others."""
    reconnect_seconds: Annotated[float, Limits(0.1, 600)] = 8.0
    """Longest pause between two attempts to reconnect, in seconds."""
    overwrite: bool = False
    """Replace an existing recording."""

    def __post_init__(self) -> None:
        MapsConfig.__post_init__(self)
        if self.codec not in LIVE_CODECS:
            raise ConfigError(
                f"{setting('codec', self.codec)} is unknown; choose one of {', '.join(LIVE_CODECS)}"
            )
        if self.size is not None and any(side % 2 for side in self.size):
            raise ConfigError(f"`size={self.size[0]}x{self.size[1]}` has an odd side; use even ones")
        if self.temporal.map_every is not None:
            raise ConfigError("`map_every` is not for live streams; give `max_maps_per_second`")


METRICS = ("psnr", "ssim", "xpsnr", "vmaf", "weighted")
"""What ``compare`` measures."""


@settings
class CompareConfig(MapsConfig):
    """Everything ``compare`` can be told."""

    metrics: tuple[str, ...] = METRICS
    """``psnr``, ``ssim``, ``xpsnr`` and ``vmaf`` are FFmpeg's; ``weighted`` is PSNR weighted by importance,
    of what matters, and of the rest."""
    scale: bool = False
    """Scale the tested video to the size of the reference."""
    temporal: TemporalConfig = TemporalConfig()
    """How maps follow from frame to frame."""

    def __post_init__(self) -> None:
        MapsConfig.__post_init__(self)
        unknown = [one for one in self.metrics if one not in METRICS]
        if unknown or not self.metrics:
            raise ConfigError(
                f"{setting('metrics', ','.join(unknown) or 'of nothing')} is unknown; "
                f"choose among {', '.join(METRICS)}"
            )


Sampling = Literal["4:2:0", "4:2:2", "4:4:4", "grey"]


@settings
class ImageConfig(MapsConfig):
    """Everything ``compress_image`` can be told."""

    quality: JpegQuality | None = None
    """Quality of important areas, on the scale of plain JPEG; None = 80."""
    target_bytes: Annotated[int, Limits(1, 2**31)] | None = None
    """Maximum size of the file, in bytes; the best picture that fits is written."""
    match: Literal["plain"] | None = None
    """``plain``: write as many bytes as a plain JPEG of ``quality`` has, and look better where it matters."""
    sampling: Sampling = "4:2:0"
    """Chroma sampling; a grey picture stays grey."""
    price: Annotated[float, Limits(0, 10)] = 0.08
    """How much squared error to accept for each bit saved, in squares of the luma DC step; 0 = plain
    rounding."""
    background_weight: BackgroundWeight = 0.28
    """Distortion weight of the background; important areas weigh this plus 1. Lower = more contrast."""
    overwrite: bool = False
    """Replace an existing output."""

    def __post_init__(self) -> None:
        MapsConfig.__post_init__(self)
        if self.target_bytes is not None and (self.quality is not None or self.match is not None):
            raise ConfigError("`target_bytes` excludes `quality` and `match`; give one")
