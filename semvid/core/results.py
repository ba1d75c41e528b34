"""What the products return."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from semvid.core.records import dataclass


@dataclass(frozen=True, slots=True)
class Trial:
    """One of the encodes, of parts of a video or all of it, by which what was asked for is found."""

    quality: float
    """CRF, on the encoder's own scale."""
    video_bytes: int
    """Of the whole video stream; estimated from its parts before the encode."""
    output_bytes: int
    """Of the whole output, likewise."""
    missed_by: float
    """What it is beyond what was asked for; above 0 = larger or better. A size: as a share of it. A score: in
    its unit."""
    seconds: float
    """It took so long."""
    has_map: bool = True
    """False = a plain encode, to compare with."""
    is_whole: bool = False
    """The whole video was encoded, not only parts of it."""
    score: float | None = None
    """If a score was asked for: what it is."""
    rest: float | None = None
    """If a score was asked for: that of what does not matter; None = not measured."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one compression did."""

    source: Path
    output: Path
    codec: str
    quality: float
    """CRF, or JPEG quality, on the encoder's own scale; the mean if it changed."""
    num_frames: int
    duration_seconds: float
    """Presentation time from the first frame to the end of the last."""
    source_bytes: int
    output_bytes: int
    video_bytes: int
    """Bytes of the encoded video stream alone."""
    plain_bytes_estimate: int | None
    """Estimated size of the same encode without a map, whole file: with ``probe="quick"`` by encodes of
    parts, otherwise by a model of bits; None where there is none."""
    elapsed_seconds: float
    is_input_damaged: bool
    """True when the input broke off or had damaged parts; the output holds what could be decoded."""
    plain_bytes: int | None = None
    """Size of the same encode without a map, whole file, measured on parts of it; None = not measured."""
    saving: float | None = None
    """The share of the size of that encode that was saved, by ``plain_bytes`` if it was measured, else by
    ``plain_bytes_estimate``. None with ``match="size"``, and where the codec takes no ``match``."""
    saving_error: float | None = None
    """Points by which ``saving`` in percent is off on average, by clips of which it is known; 0 = everything
    was encoded again. None where there is no ``saving``."""
    map_left_out: bool = False
    """It was measured that a map costs more than it saves, so the video was encoded without one."""
    trials: tuple[Trial, ...] = ()
    """How the quality was found, in order; none if it was given."""
    measure: str | None = None
    """If a score was asked for: what was measured, as in ``VMAF``."""
    score: float | None = None
    """If a score was asked for: what it is, as ``compare`` measures it with the same maps."""
    rest_score: float | None = None
    """Likewise of what does not matter; None = not measured."""
    num_scored: int | None = None
    """If a score was asked for: the frames it was measured on, which are spread over long videos."""
    gain_db: float | None = None
    """With ``match="size"``: PSNR of what matters less that of the plain encode, in dB, measured on parts of
    the video; None = not measured, or nothing matters."""
    num_missing_frames: int = 0
    """Frames that seem to be missing between others of the input, by its constant frame rate."""

    def _repr_html_(self) -> str:
        from semvid.core import notebook

        rows = [*_sizes(self), ("frames", str(self.num_frames)), ("quality", f"{self.quality:g}")]
        if self.saving is not None:
            error = f" ± {math.ceil(self.saving_error)}" if self.saving_error else ""
            rows.append(
                ("against a plain encode as good where it matters", f"{-100 * self.saving:+.0f}{error} %")
            )
        if self.score is not None:
            rows.append((str(self.measure), f"{self.score:.2f}"))
        if self.gain_db is not None:
            rows.append(("what matters, against a plain encode as large", f"{self.gain_db:+.2f} dB"))
        rows.append(("took", f"{self.elapsed_seconds:.1f} s"))
        return notebook.table(self.output.name, rows)


@dataclass(frozen=True, slots=True)
class ImageResult:
    """What compressing one picture did."""

    source: Path
    output: Path
    quality: float | None
    """Quality of important areas, on libjpeg's scale of 1..100; None = the source was copied without loss,
    because its picture would have become larger."""
    source_bytes: int
    output_bytes: int
    notices: tuple[str, ...]
    """A sentence for each thing about the picture that had to be changed."""

    def _repr_html_(self) -> str:
        from semvid.core import notebook

        rows = [*_sizes(self), ("quality", "as it was" if self.quality is None else f"{self.quality:g}")]
        rows += [("note", one) for one in self.notices]
        return notebook.table(self.output.name, rows) + notebook.picture(self.output)


@dataclass(frozen=True, slots=True)
class ImageFailure:
    """A picture of many that was not compressed."""

    source: Path
    message: str
    """Why, in one line."""


@dataclass(frozen=True, slots=True)
class ImagesResult:
    """What compressing many pictures did."""

    done: tuple[ImageResult, ...]
    """In the order of the sources, by name in each folder."""
    failed: tuple[ImageFailure, ...]
    passed_over: Mapping[str, int]
    """Files in folders whose names are not of pictures that can be read: how many, by their suffixes."""
    elapsed_seconds: float

    @property
    def source_bytes(self) -> int:
        """Of all pictures that were compressed."""
        return sum(one.source_bytes for one in self.done)

    @property
    def output_bytes(self) -> int:
        """Of all outputs."""
        return sum(one.output_bytes for one in self.done)

    def _repr_html_(self) -> str:
        from semvid.core import notebook

        rows = [("pictures", str(len(self.done))), *_sizes(self)]
        rows += [(one.source.name, one.message) for one in self.failed]
        return notebook.table("pictures", rows)


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What exporting maps did."""

    source: Path
    output: Path
    num_frames: int
    output_bytes: int

    def _repr_html_(self) -> str:
        from semvid.core import notebook

        rows = [("frames", str(self.num_frames)), ("size", notebook.size(self.output_bytes))]
        return notebook.table(self.output.name, rows)


@dataclass(frozen=True, slots=True)
class Pooled:
    """Scores of all frames in a few numbers."""

    mean: float
    harmonic_mean: float
    """Bad frames weigh more."""
    percentile_5: float
    percentile_1: float
    minimum: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Scores of a video against another."""

    reference: Path
    test: Path
    times: tuple[float, ...]
    """Time of each frame, in seconds from the first."""
    scores: Mapping[str, tuple[float, ...]]
    """Scores of each frame, by measure; NaN where a frame has no such area."""
    pooled: Mapping[str, Pooled]
    """Scores of all frames together, by measure."""
    notices: tuple[str, ...] = ()
    """A sentence for each thing about the videos that had to be changed to compare them."""

    def _repr_html_(self) -> str:
        from semvid.core import notebook

        rows = [
            (name, *(f"{value:.2f}" for value in (one.mean, one.percentile_5, one.minimum)))
            for name, one in self.pooled.items()
        ]
        title = f"{self.test.name} against {self.reference.name}"
        return notebook.table(title, rows, ("", "mean", "5 %", "minimum"))


def _sizes(result: Result | ImageResult | ImagesResult) -> list[tuple[str, str]]:
    from semvid.core import notebook

    before, after = result.source_bytes, result.output_bytes
    sizes = f"{notebook.size(before)} -> {notebook.size(after)}"
    return [("size", f"{sizes} ({notebook.change(before, after)})" if before else sizes)]
