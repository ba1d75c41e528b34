"""Measure curves of rate and quality with maps and without, and keep every encode.

    python examples/benchmark/rd.py [--codecs x264,x265,vp9] [--sources plain,msroi,truth,spectral]
        [--aq default] [--sequences 5] [--clips --lines 180] [--only TEXT] [--limit N]

DAVIS sequences with truth masks, and with ``--clips`` the ordinary clips, whose masks are those of ``msroi``:
that favours it. Anchor and test differ in the map alone: same encoder, preset, CRF. ``truth`` takes the masks
as maps, other sources are models; they keep to the default of ``semvid compress`` (as good where it matters,
and smaller), or with ``@size`` after the name to the size. ``--aq 2,3`` sets ``aq-mode`` for both: plain
encodes with another adaptive quantization are anchors too. Scores are means over frames: PSNR, SSIM and XPSNR
by FFmpeg's filters, ``salient`` (PSNR of luma inside the masks), and those of ``object_scores.py``.

What is in ``results/rd.json`` is not measured again, so an interrupted run goes on. ``plot.py`` draws it.
Seconds are only worth something if nothing else ran: ``load`` says how busy the machine was.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from common import clips, data_folder, load, save
from object_scores import ObjectScores
from savings import shrunk

import semvid
from semvid.products.bench.frames import pack_pictures
from semvid.products.bench.measure import encode_and_score
from semvid.products.bench.run import FRAME_RATE, QUALITIES

METRICS = ("psnr", "ssim", "xpsnr", "weighted")
FEW = ("blackswan", "dog", "parkour", "cows", "breakdance")
"""Measured first: easy and hard, still and moving."""
AQ = {"x264": lambda mode: ("aq-mode", mode), "x265": lambda mode: ("x265-params", f"aq-mode={mode}")}
"""How each encoder is told its adaptive quantization."""


def materials(
    names: list[str], with_clips: bool, lines: int | None, work: Path
) -> Iterator[tuple[str, Path, Path]]:
    """Yield the key, the video, and the masks of each clip."""
    davis = data_folder() / "davis"
    for name in names:
        video = work / f"{name}.mkv"
        if not video.exists():
            pack_pictures(list((davis / "JPEGImages" / name).glob("*.jpg")), video, Fraction(FRAME_RATE))
        yield f"davis/{name}", video, davis / "Annotations" / name
    for clip in clips() if with_clips else []:
        video = clip if lines is None else shrunk(clip, work / f"{clip.stem}.mkv", lines)
        masks = work / f"{clip.stem}.svmap"
        semvid.export_maps(video, masks)
        yield f"clips{'' if lines is None else lines}/{clip.stem}", video, masks


def config_for(codec: str, preset: str | None, aq: str, source: str, masks: Path) -> semvid.CompressConfig:
    """Return the options of an encode, but for its quality."""
    name, _, match = source.partition("@")
    return semvid.CompressConfig(
        codec=codec,
        preset=preset,
        encoder_options={} if aq == "default" else dict([AQ[codec](aq)]),
        maps=semvid.MapsConfig(path=masks) if name in {"plain", "truth"} else semvid.MapsConfig(model=name),
        allocation=semvid.AllocationConfig(match=match or None),
    )


def measure(arguments: argparse.Namespace) -> None:
    """Encode and score what is not in the result file yet."""
    record: dict[str, Any] = load("rd")
    points = record.setdefault("points", {})
    names = [
        *FEW,
        *sorted({one.name for one in (data_folder() / "davis" / "JPEGImages").iterdir()}.difference(FEW)),
    ]
    num_done = 0
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for key, video, masks in materials(
            names[: arguments.sequences], arguments.clips, arguments.lines, work
        ):
            wanted = [
                (
                    f"{key}/{codec}/{arguments.preset or 'default'}/{aq}/{source}/{crf:g}",
                    codec,
                    aq,
                    source,
                    crf,
                )
                for codec in arguments.codecs.split(",")
                for aq in arguments.aq.split(",")
                for source in arguments.sources.split(",")
                for crf in QUALITIES[codec]
            ]
            wanted = [one for one in wanted if one[0] not in points and arguments.only in one[0]]
            if not wanted:
                continue
            scored_by = semvid.CompareConfig(maps=semvid.MapsConfig(path=masks), metrics=METRICS)
            look = ObjectScores(video, scored_by.maps, Path(tempfile.mkdtemp(dir=work)))
            for name, codec, aq, source, crf in wanted:
                config = config_for(codec, arguments.preset, aq, source, masks)
                variant = "plain" if source == "plain" else "mapped"
                one, notices = encode_and_score(video, variant, crf, config, scored_by, work, look=look)
                scores = {measure: round(value, 5) for measure, value in one.scores.items()}
                made = {"bytes": one.video_bytes, "seconds": round(one.seconds, 3)}
                points[name] = {**made, "load": round(os.getloadavg()[0], 1), **scores}
                if notices:
                    points[name]["notices"] = list(notices)
                save("rd", record)
                print(name, flush=True)
                num_done += 1
                if num_done == arguments.limit:
                    return


def main() -> None:
    """Measure what is missing, and write ``results/rd.json``."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--codecs", default="x264")
    parser.add_argument("--preset", help="of the encoder; by default its default")
    parser.add_argument("--sources", default="plain,msroi,truth")
    parser.add_argument("--aq", default="default", help="default, or numbers of aq-mode")
    parser.add_argument("--sequences", type=int, default=len(FEW))
    parser.add_argument("--clips", action="store_true", help="also the ordinary clips")
    parser.add_argument("--lines", type=int, help="make these smaller first")
    parser.add_argument("--only", default="", help="only encodes whose key holds this")
    parser.add_argument("--limit", type=int, help="stop after so many encodes")
    measure(parser.parse_args())


if __name__ == "__main__":
    main()
