"""Compares a compressed still with other coders at the same size, and writes the page."""

from __future__ import annotations

import base64
import io
import shlex
from collections.abc import Callable
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from semvid.codecs.jpeg.lossless import bare_jpeg
from semvid.codecs.jpeg.writer import insert_segments
from semvid.core.config import ImageConfig
from semvid.core.errors import ConfigError, InputError, OutputError, SemvidError
from semvid.core.events import Stage
from semvid.core.map_source import ImportanceSource
from semvid.core.rate import Quality, Size
from semvid.core.records import dataclass
from semvid.core.resampling import stretched
from semvid.core.results import ImageResult
from semvid.core.settings import or_default
from semvid.core.text import encodable, reason, visible
from semvid.core.threads import limited_threads
from semvid.core.types import FloatArray
from semvid.importance.registry import frame_of
from semvid.media.orientation import turn
from semvid.media.stills.picture import Picture, read_picture
from semvid.media.stills.picture_tags import PictureTags
from semvid.media.stills.strip import stripped
from semvid.media.writing.claim import Claim
from semvid.media.writing.output import check_place
from semvid.products.report.differences import find_differences
from semvid.products.report.page import fill_page
from semvid.products.report.pictures import Uprighter
from semvid.products.report.regions import RegionFinder
from semvid.products.report.settings import called, map_options
from semvid.products.report.store import plain_values
from semvid.products.still import picture_importance
from semvid.products.still_report.coders import rivals, sampling_of
from semvid.scores.stills import shrunk_by, still_scores
from semvid.scores.weighted import IMPORTANT

_LOSSLESS_PIXELS = 2**20
"""Of a source that is kept without loss; larger ones take WebP of quality 95."""
_LARGEST_WEBP = 16383


@dataclass(frozen=True, slots=True)
class _Version:
    key: str
    name: str
    quality: float
    data: bytes
    """A JPEG without metadata."""
    upright: NDArray[np.uint8]


def write_image_report(
    output: Path | str,
    result: ImageResult,
    config: ImageConfig | None = None,
    *,
    importance: ImportanceSource | None = None,
    overwrite: bool = False,
    claim: Claim | None = None,
    on_event: Callable[[Stage], None] = lambda event: None,
) -> int:
    """Write a page that compares a still with other coders in as many bytes; returns its size in bytes.

    They are libjpeg-turbo and mozjpeg, and jpegli where pyjpegli is installed.

    Args:
        output: Ends in .html; the page needs no network and no other files.
        result: What ``compress_image`` returned; source and output must still be there.
        config: The options given to ``compress_image``; None = defaults.
        importance: A source of the same map, if the caller supplied one. It is closed at the end.
        overwrite: Replace an existing file.
        claim: The claim on this output, if there is one; its owner releases it.
        on_event: Called with a ``Stage`` for each step.

    Raises:
        SemvidError: See ``semvid.core.errors``.
    """
    output, config = Path(output), or_default(config, ImageConfig)
    check_image_report_place(output, None, overwrite=overwrite)
    if result.quality is None:
        raise ConfigError(
            "the source was copied, so there is nothing to compare; pass `allow_larger=True` to compress it"
        )
    try:
        with limited_threads(config.threads):
            page = render_image_page(_gathered(result, config, importance, on_event))
    except OSError as error:
        if isinstance(error, SemvidError):
            raise
        raise OutputError(f"the report cannot be made: {reason(error)}") from error
    with nullcontext(claim) if claim is not None else Claim(output, overwrite=overwrite) as place:
        # Names that are not UTF-8 may be in it.
        return place.write(encodable(page).encode())


def check_image_report_place(
    path: Path, source: Path | None, *, overwrite: bool, option: str = "output"
) -> None:
    """Refuse a page that cannot be written, before any work is done.

    Raises:
        OutputError: Its name does not end in .html, or see ``check_place``.
    """
    if path.suffix.lower() != ".html":
        raise OutputError(f"'{path.suffix or path.name}' is not a page; end `{option}` in .html")
    check_place(path, source, overwrite=overwrite, option=option)


def render_image_page(data: dict[str, Any]) -> str:
    """Return the page."""
    return fill_page(
        "products/still_report/page.html",
        f"{data['source']['name']}: semvid report",
        ("products/report/common.js", "products/report/slider.js", "products/still_report/page.js"),
        plain_values(data),
    )


def _gathered(
    result: ImageResult,
    config: ImageConfig,
    importance: ImportanceSource | None,
    on_event: Callable[[Stage], None],
) -> dict[str, Any]:
    """Compare, and return all that the page shows."""
    whole = read_picture(result.source)
    values = turn(picture_importance(whole, config.maps, importance), whole.orientation)
    picture = whole.within(config.max_edge)
    data = bare_jpeg(result.output.read_bytes())
    if data is None or result.quality is None:
        raise InputError(f"{result.output} is not what semvid wrote; compress {result.source} again")
    sampling = sampling_of(data)
    pixels = picture.pixels
    if sampling == "grey" and pixels.ndim == 3:
        pixels = np.asarray(Image.fromarray(pixels).convert("L"))
    on_event(Stage("other coders"))
    versions = [_Version("semvid", "semvid", result.quality, data, _decoded(data, picture))]
    for one in rivals(pixels, len(data), sampling, is_progressive=config.progressive):
        versions.append(_Version(one.key, one.name, one.quality, one.data, _decoded(one.data, picture)))
    upright = turn(pixels, picture.orientation)
    matters = stretched(values, *upright.shape[:2])
    scores = {}
    for each in versions:
        on_event(Stage(f"scores of {each.name}"))
        scores[each.key] = still_scores(upright, each.upright, matters)
    tags = _look(picture, is_grey=sampling == "grey")
    height, width = upright.shape[:2]
    uprighter = Uprighter(frame_of(upright, 0), None)
    stills = {
        **{one.key: _jpeg_uri(insert_segments(one.data, tags)) for one in versions},
        "source": _source_uri(upright, tags.icc),
        "heat": uprighter.heat(values),
    }
    return {
        "semvid": version("semvid"),
        "source": {
            "name": visible(result.source.name), "num_bytes": result.source_bytes, "width": width,
            "height": height,
        },
        "output_bytes": result.output_bytes,
        "sampling": sampling,
        "progressive": config.progressive,
        "shrunk_by": shrunk_by(upright.shape),
        "important_share": float((matters > IMPORTANT).mean()),
        "versions": [
            {
                "key": one.key, "name": one.name, "quality": one.quality, "bytes": len(one.data),
                "scores": scores[one.key],
            }
            for one in versions
        ],
        "still": stills,
        "spots": _spots(upright, versions, matters),
        "closeups": _close_ups(upright, versions, matters, uprighter),
        "command": _command_line(result, config),
    }  # fmt: skip


def _decoded(data: bytes, picture: Picture) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(data)) as image:
        return turn(np.asarray(image), picture.orientation)


def _look(picture: Picture, *, is_grey: bool) -> PictureTags:
    """Return what viewers need to show it right, and nothing that tells of its owner."""
    tags, _ = stripped(picture.tags, "all", picture.orientation)
    return tags.fitting(1 if is_grey else 3)[0]


def _jpeg_uri(data: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(data).decode()


def _source_uri(upright: NDArray[np.uint8], icc: bytes) -> str:
    image, file = Image.fromarray(upright), io.BytesIO()
    image.thumbnail((_LARGEST_WEBP, _LARGEST_WEBP))
    is_small = image.width * image.height <= _LOSSLESS_PIXELS
    options: dict[str, Any] = {"lossless": True} if is_small else {"quality": 95}
    # WebP has no grey, and a profile for grey does not fit what it stores instead.
    image.save(file, "WEBP", icc_profile=icc if upright.ndim == 3 else None, **options)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()


def _close_ups(
    upright: NDArray[np.uint8], versions: list[_Version], matters: FloatArray, uprighter: Uprighter
) -> list[dict[str, Any]]:
    """Return the parts that gained and lost most against the first of the others."""
    finder, source = RegionFinder(), _grey(upright)
    ours, theirs = (np.square(source - _grey(one.upright)) for one in versions[:2])
    finder.update(0, ours, theirs)
    native = _bgr(upright)
    return [
        {
            "kind": kind, "x": one.x, "y": one.y, "width": one.width, "height": one.height,
            "gain_db": one.gain_db, "importance": float(one.cut(matters).mean()),
            "where": uprighter.where(native, one), "source": uprighter.close_up(native, one),
            **{each.key: uprighter.close_up(_bgr(each.upright), one) for each in versions},
        }
        for kind, one in sorted(finder.found.items())
    ]  # fmt: skip


def _spots(
    upright: NDArray[np.uint8], versions: list[_Version], matters: FloatArray
) -> dict[str, list[dict[str, Any]]]:
    """Return, by each of the others, where a difference from it is seen: as in ``Spot``, without pictures."""
    source, ours, *others = (_grey(one) for one in (upright, *(one.upright for one in versions)))
    height, width = source.shape
    return {
        version.key: [
            {
                "kind": one.kind, "x": one.x, "y": one.y, "width": one.side, "height": one.side,
                "seen": one.seen, "gain_db": one.gain_db, "importance": one.importance,
                "view": one.view((width, height)),
            }
            for one in find_differences(source, ours, theirs, matters)
        ]
        for version, theirs in zip(versions[1:], others, strict=True)
    }  # fmt: skip


def _grey(pixels: NDArray[np.uint8]) -> FloatArray:
    return np.asarray(Image.fromarray(pixels).convert("L"), np.float32)


def _bgr(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rgb = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, 2)
    return np.ascontiguousarray(rgb[..., ::-1])


def _command_line(result: ImageResult, config: ImageConfig) -> str:
    """Return the command that makes the same picture again, from where the user made it."""
    words = ["semvid", "image", called(result.source), "-o", called(result.output)]
    if isinstance(config.rate, Size):
        words += ["--target-bytes", str(config.rate.num_bytes)]
    elif isinstance(config.rate, Quality):
        words += ["--quality", str(config.rate.value)]
    else:
        words += ["--target-ssimulacra2", f"{config.rate.value:g}"]
    usual = ImageConfig()
    for name in (
        "match", "sampling", "tune", "price", "strength", "background_weight", "max_edge", "strip",
        "allow_larger",
    ):  # fmt: skip
        given = getattr(config, name)
        if given != getattr(usual, name):
            words += [f"--{name.replace('_', '-')}", *([] if given is True else [f"{given}"])]
    words += [] if config.progressive else ["--sequential"]
    for flag, given in map_options(config.maps):
        words += [flag] if given is None else [flag, given]
    return shlex.join(words)
