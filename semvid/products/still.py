"""Compresses one still picture."""

from __future__ import annotations

from pathlib import Path

from semvid.codecs.jpeg.encoder import Choice, PictureCoder, fill_score, fill_size
from semvid.codecs.jpeg.planes import planes_from_rgb
from semvid.codecs.jpeg.sampling import choose_sampling
from semvid.codecs.jpeg.tuning import TUNINGS
from semvid.codecs.jpeg.writer import insert_segments, progressive
from semvid.core.config import JPEG_QUALITY, ImageConfig, MapsConfig
from semvid.core.errors import MissedError, OutputError
from semvid.core.map_source import ImportanceSource
from semvid.core.rate import Quality, Size, Ssimulacra2
from semvid.core.results import ImageResult
from semvid.core.settings import or_default
from semvid.core.text import setting
from semvid.core.types import FloatArray
from semvid.importance.registry import importance_of
from semvid.media.orientation import turn_back
from semvid.media.stills.picture import Picture, read_picture
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

    EXIF, XMP, IPTC, comments, density, and a colour profile that fits are kept; notices name what is not.

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
    picture = read_picture(source)
    values = picture_importance(picture, config.maps, importance)
    planes = planes_from_rgb(picture.pixels, config.sampling or choose_sampling(picture.pixels))
    coder = PictureCoder(planes, values, TUNINGS[config.tune])
    tags, misfits = picture.tags.fitting(len(planes.components))
    extra = len(insert_segments(b"\xff\xd8", tags)) - 2
    jpeg, quality = _to_rate(coder, config, picture, extra)
    size = write_whole(output, insert_segments(jpeg, tags), overwrite=config.overwrite)
    return ImageResult(source, output, quality, picture.size_bytes, size, (*picture.notices, *misfits))


def picture_importance(
    picture: Picture, maps: MapsConfig, importance: ImportanceSource | None = None
) -> FloatArray:
    """Return the map of a picture as stored: seen upright, then turned back."""
    return turn_back(importance_of(picture.upright(), maps, importance), picture.orientation)


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
