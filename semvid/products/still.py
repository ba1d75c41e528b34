"""Compresses one still picture."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path

from semvid.codecs.jpeg.encoder import Choice, PictureCoder, fill_score, fill_size
from semvid.codecs.jpeg.lines import still_coder
from semvid.codecs.jpeg.lossless import bare_jpeg
from semvid.codecs.jpeg.planes import Planes, planes_from_rgb
from semvid.codecs.jpeg.sampling import choose_sampling
from semvid.codecs.jpeg.writer import insert_segments, progressive
from semvid.core.config import JPEG_QUALITY, ImageConfig, MapsConfig
from semvid.core.errors import MissedError, OutputError
from semvid.core.map_source import ImportanceSource
from semvid.core.rate import Quality, Size, Ssimulacra2
from semvid.core.records import dataclass
from semvid.core.results import ImageResult
from semvid.core.settings import or_default
from semvid.core.text import Loss, setting
from semvid.core.threads import limited_threads, thread_budget
from semvid.core.types import FloatArray
from semvid.importance.registry import importance_of
from semvid.media.orientation import turn_back
from semvid.media.stills.picture import Picture, read_picture
from semvid.media.stills.picture_tags import PictureTags
from semvid.media.stills.strip import stripped
from semvid.media.writing.output import check_place, write_whole

SUFFIXES = (".jpg", ".jpeg")


def compress_image(
    source: Path | str,
    output: Path | str | None = None,
    config: ImageConfig | None = None,
    *,
    importance: ImportanceSource | None = None,
) -> ImageResult:
    """Write a JPEG that spends its bits where it matters.

    EXIF, XMP, IPTC, comments, density, and a colour profile that fits are kept; notices name what is not. The
    output is smaller than the source, or the source itself: see ``ImageConfig.allow_larger``.

    Args:
        source: PNG, JPEG, WebP, TIFF, ...
        output: Where to write; None = ``NAME.semvid.jpg`` beside the source.
        config: Options; None = defaults.
        importance: Your own source of the map, instead of the one ``config`` names. It is closed at the end.

    Raises:
        SemvidError: See ``semvid.core.errors``. Whatever is raised, no partial output is left.
    """
    source, config = Path(source), or_default(config, ImageConfig)
    output = Path(output) if output is not None else source.with_name(f"{source.stem}.semvid.jpg")
    check_place(output, source, overwrite=config.overwrite)
    if output.suffix.lower() not in SUFFIXES:
        raise OutputError(
            f"'{output.suffix or output.name}' is not a JPEG; end the output in {' or '.join(SUFFIXES)}"
        )
    said: list[str] = []

    def map_of(picture: Picture) -> FloatArray:
        values, notices = importance_of(picture.upright(), config.maps, importance)
        said.extend(notices)
        return turn_back(values, picture.orientation)

    with limited_threads(config.threads):
        coded = code_still(source, config, map_of, thread_budget().pool("semvid-still-part"))
    size = write_whole(output, coded.data, overwrite=config.overwrite)
    return ImageResult(source, output, coded.quality, coded.source_bytes, size, (*coded.notices, *said))


@dataclass(frozen=True, slots=True)
class CodedStill:
    """A picture that only needs to be written."""

    data: bytes
    """The whole file."""
    quality: float | None
    """As in ``ImageResult``, like ``notices``."""
    source_bytes: int
    notices: tuple[str, ...]


def code_still(
    source: Path, config: ImageConfig, map_of: Callable[[Picture], FloatArray], pool: Executor
) -> CodedStill:
    """Compress one picture, or copy it if that is better.

    Args:
        source: The picture.
        config: Options.
        map_of: Returns the map of a picture as stored; called at most once, with the whole picture.
        pool: Does parts of it; shut down at the end. The result is the same with any.

    Raises:
        SemvidError: See ``semvid.core.errors``; ``MissedError`` if it would become larger.
    """
    picture = read_picture(source)
    shown = picture.within(config.max_edge)
    tags, lost = still_tags(shown, config)
    notices = tuple(map(Loss, (*picture.notices, *lost)))
    is_same = shown is picture and _is_grey(shown, config) == (picture.pixels.ndim == 2)
    copy = None if config.allow_larger or not is_same else _copy(source, config, tags)
    rate = config.rate

    def copied(data: bytes, why: str) -> CodedStill:
        # An exact copy loses nothing.
        told = f"copied without loss: {why}"
        return CodedStill(data, None, picture.size_bytes, (*(notices if config.strip else ()), told))

    if copy is not None and isinstance(rate, Size) and len(copy) <= rate.num_bytes:
        return copied(
            copy,
            f"its {len(copy)} bytes are within the {rate.num_bytes} that were allowed; pass "
            "`allow_larger=True` to compress it anyway",
        )
    extra = len(insert_segments(b"\xff\xd8", tags)) - 2
    with pool:
        planes = pool.submit(_planes, shown, config)
        importance = map_of(picture)
        coder = still_coder(planes.result(), importance, config.tune, pool.map)
        try:
            jpeg, quality = _to_rate(coder, config, shown, extra)
        except MissedError as error:
            if copy is None:
                raise
            return copied(copy, str(error))
    data = insert_segments(jpeg, tags)
    most = picture.size_bytes if copy is None else len(copy)
    if config.allow_larger or len(data) < most:
        return CodedStill(data, quality, picture.size_bytes, notices)
    remedy = "give a lower quality, or pass `allow_larger=True`"
    if copy is None:
        raise MissedError(f"{source} has {most} bytes, and as a JPEG {len(data)}; {remedy}")
    return copied(copy, f"compressed it would have {len(data)} bytes, not fewer than {most}; {remedy}")


def still_tags(shown: Picture, config: ImageConfig) -> tuple[PictureTags, list[str]]:
    """Return the metadata that the JPEG of a picture gets, and a sentence for each that is lost.

    Args:
        shown: Of the size that the JPEG has.
        config: Options.
    """
    tags, lost = stripped(shown.tags, config.strip, shown.orientation)
    tags, misfits = tags.fitting(1 if _is_grey(shown, config) else 3)
    return tags, [*lost, *misfits]


def _is_grey(shown: Picture, config: ImageConfig) -> bool:
    return shown.pixels.ndim == 2 or config.sampling == "grey"


def _planes(picture: Picture, config: ImageConfig) -> Planes:
    return planes_from_rgb(picture.pixels, config.sampling or choose_sampling(picture.pixels))


def _copy(source: Path, config: ImageConfig, tags: PictureTags) -> bytes | None:
    """Return the source as it may stand for a result: whole, or its picture with these tags.

    None = it is no JPEG that every viewer shows, or not one as asked for.
    """
    data = source.read_bytes()
    bare = bare_jpeg(data, may_be_progressive=config.progressive)
    return bare if bare is None else data if config.strip is None else insert_segments(bare, tags)


def picture_importance(
    picture: Picture, maps: MapsConfig, importance: ImportanceSource | None = None
) -> FloatArray:
    """Return the map of a picture as stored: seen upright, then turned back.

    What its source has to say is left out: that was said when the picture was compressed.
    """
    values, _ = importance_of(picture.upright(), maps, importance)
    return turn_back(values, picture.orientation)


def _to_rate(coder: PictureCoder, config: ImageConfig, picture: Picture, extra: int) -> tuple[bytes, float]:
    """Encode at the requested quality, or at the one that fills the requested size or has the score."""
    rate = config.rate
    quality = rate if isinstance(rate, Quality) else JPEG_QUALITY
    base = Choice(quality.value, config.price, config.background_weight, config.strength)

    def written(jpeg: bytes) -> bytes:
        return progressive(jpeg) if config.progressive else jpeg

    def encode(choice: Choice) -> bytes:
        return written(coder.encode(choice))

    if isinstance(rate, Size):
        return fill_size(encode, base, rate.num_bytes - extra)
    if isinstance(rate, Ssimulacra2):
        jpeg, reached = _to_score(coder, base, rate.value, picture)
        return written(jpeg), reached
    if config.match == "size":
        # What a user would have got: finer chroma is not asked for, it is chosen.
        usual = planes_from_rgb(picture.pixels, config.sampling or "4:2:0")
        plain = PictureCoder(usual, None).encode_plain(quality.value)
        return fill_size(encode, base, len(plain))
    return encode(base), base.quality


def _to_score(coder: PictureCoder, base: Choice, wanted: float, picture: Picture) -> tuple[bytes, float]:
    from semvid.scores.stills import Ssimulacra2Scorer

    scorer = Ssimulacra2Scorer(picture.pixels)
    jpeg, quality, score = fill_score(coder.encode, scorer.score, base, wanted)
    if score < wanted:
        loses_colour = picture.pixels.ndim > 2 and coder.sampling != "4:4:4"
        remedy = ", or give `sampling=4:4:4`" if loses_colour else ""
        raise MissedError(
            f"{setting('Ssimulacra2', f'{wanted:g}')} is out of reach: at quality 100 this picture has "
            f"{score:.1f}; ask for less{remedy}"
        )
    return jpeg, quality
