"""Which share of the asked offsets ``MapWatch`` finds in the first pictures, obeyed and not, by encoder.

Constants were chosen on the clips of ``CHOSEN_ON``; what is reported is of the others. Their first frames
are encoded with the map attached, not attached, and attached the wrong way round, as files and live; then one
clip again as 10 bit, at an odd size and interlaced, and under options that move quantizers on their own.
All that is done with ``match="region"``, whose offsets are all 0 or more, and with ``size`` (live streams
have no other). ``null`` means that the pictures say too little, and there is no verdict. A run ends with its
verdict.

    python examples/benchmark/obedience.py [--match region] [--cost]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any, Literal
from unittest.mock import patch

import av
import ffmpeg
import imageio_ffmpeg
import numpy as np
from common import clips, data_folder, load, save, table

import semvid
from semvid.codecs.base.coding import Target
from semvid.codecs.ffmpeg import region_coding
from semvid.codecs.ffmpeg.distortion import LEAST_SHARE
from semvid.codecs.ffmpeg.obedience import MapWatch
from semvid.codecs.ffmpeg.regions import RegionAttacher
from semvid.core.coded import TIME_BASE
from semvid.core.types import AnalysedFrame, Frame
from semvid.importance.spectral import SpectralSource
from semvid.streaming.coding import live_coding, live_presets

NUM_FRAMES = 24
CHOSEN_ON = {"parkour", "juggle_720p", "dog", "cows", "street_272p"}
SETTINGS = {
    "x264": (("superfast", 26), ("medium", 26), ("medium", 40)),
    "x265": (("veryfast", 28), ("medium", 28), ("medium", 40)),
    "vp8": (("2", 34), ("5", 55)),
    "vp9": (("5", 38), ("7", 58)),
}
"""Presets and CRFs; the last but one is also tried with the map the wrong way round."""
VARIANTS: dict[str, dict[str, Any]] = {
    "10 bit": {"pix_fmt": "yuv420p10le"},
    "4:4:4 odd size": {"vf": "crop=401:201:exact=1", "pix_fmt": "yuv444p"},
    "interlaced": {"vf": "scale=640:256,interlace=lowpass=0,setfield=tff"},
}
OPTIONS = {
    "x264": (
        "maxrate=400k bufsize=100k", "crf=-1 b=400k", "qmin=24 qmax=32", "aq-mode=3", "aq-strength=2",
        "aq-strength=0", "tune=grain", "tune=zerolatency", "g=1", "intra-refresh=1", "slices=4",
        "x264-params=open-gop=1", "x264-params=weightp=0:cqm=jvt", "profile=baseline", "crf=51",
    ),
    "x265": (
        "x265-params=aq-mode=1", "x265-params=aq-mode=3", "x265-params=aq-strength=2", "x265-params=cutree=0",
        "x265-params=qg-size=16", "x265-params=bframes=0", "x265-params=vbv-maxrate=400:vbv-bufsize=100",
        "x265-params=keyint=5", "x265-params=sao=0", "tune=zerolatency", "crf=51",
    ),
    "vp8": ("deadline=realtime", "deadline=best", "sharpness=5", "tune=ssim", "g=5"),
    "vp9": ("b=400k", "tile-columns=1", "tune-content=screen", "error-resilient=default", "g=5", "crf=63"),
}  # fmt: skip


class _JudgedError(Exception):
    """There is a verdict: the rest of the run would say no more."""


def _deaf(self: RegionAttacher, picture: Any, *_: Any) -> Any:
    return picture


_attach = RegionAttacher.attach


def _mirrored(self: RegionAttacher, picture: Any, regions: Any, qoffsets: Any) -> Any:
    width = -(-picture.width // 16) * 16
    turned = np.array(regions)
    turned[:, 2], turned[:, 3] = width - regions[:, 3], width - regions[:, 2]
    return _attach(self, picture, turned, qoffsets)


@contextmanager
def fault(mode: str) -> Iterator[None]:
    """Make the encoder disobey."""
    attach = {"obeyed": _attach, "not attached": _deaf, "mirrored": _mirrored}[mode]
    with (
        patch.object(region_coding, "check_obedience", lambda *_: None),
        patch.object(RegionAttacher, "attach", attach),
    ):
        yield


def share(clip: Path, mode: str, config: semvid.CompressConfig) -> float | None:
    """Return what the watch of one run found."""
    found: list[float] = []

    def noting(_: MapWatch, share: float | None) -> None:
        if share is not None:
            found.append(share)
            raise _JudgedError

    with fault(mode), patch.object(MapWatch, "conclude", noting), suppress(_JudgedError):
        semvid.compress(clip, clip.with_name("out.mkv"), config)
    return round(found[0], 3) if found else None


def live_share(clip: Path, mode: str, codec: str) -> float | None:
    """Return what the watch of a live stream found, its maps one frame late and first there at the third."""
    found: list[float] = []

    def noting(_: MapWatch, share: float | None) -> None:
        found.extend([] if share is None else [share])

    source, importance = SpectralSource(), None
    with fault(mode), patch.object(MapWatch, "conclude", noting), av.open(str(clip)) as container:
        config = semvid.LiveConfig(codec=codec, rate=semvid.Bitrate(1_000_000))
        coding = live_coding(config, 25, next(iter(live_presets(config)), None))
        encoder = None
        for index, picture in enumerate(container.decode(video=0)):
            picture.pts, picture.time_base = round(index / (25 * TIME_BASE)), TIME_BASE
            frame = Frame(picture, index)
            # A network asks for one; libvpx makes one every two seconds by itself.
            wants_key = index == NUM_FRAMES // 2
            prepared = coding.prepare(AnalysedFrame(frame, importance, is_cut=False, wants_key=wants_key))
            encoder = encoder or coding.open(prepared, Target(Fraction(25)))
            encoder.encode(prepared)
            importance = source.update(frame).values if index >= 2 else None
        assert encoder is not None
        with closing(encoder):
            encoder.flush()
    return round(found[0], 3) if found else None


def convert(source: Path, target: Path, **options: Any) -> Path:
    """Write the first frames of a clip, or of a folder of JPEGs."""
    name = f"{source}/%05d.jpg" if source.is_dir() else str(source)
    command = ffmpeg.input(name).video.output(str(target), **{"frames:v": NUM_FRAMES}, **options)
    command.overwrite_output().run(cmd=imageio_ffmpeg.get_ffmpeg_exe(), quiet=True)
    return target


class _Runs:
    """The runs with one wish, and what was found."""

    def __init__(self, match: Literal["region", "size"]) -> None:
        self.match, self.rows = match, list[dict[str, Any]]()

    def add(self, clip: Path, codec: str, case: str, mode: str, **options: Any) -> None:
        """Encode a clip, and note what the watch finds."""
        # Nothing is measured before the run, nor, if it goes to its end without a verdict, after it.
        config = semvid.CompressConfig(
            codec=codec, overwrite=True, allocation=semvid.AllocationConfig(match=self.match),
            probe="none", **options,
        )  # fmt: skip
        self.note(clip, codec, case, mode, share(clip, mode, config))

    def note(self, clip: Path, codec: str, case: str, mode: str, found: float | None) -> None:
        """Keep what was found."""
        self.rows.append({"clip": clip.stem, "codec": codec, "match": self.match, "case": case,
                          "mode": mode, "share": found})  # fmt: skip


def measure(match: Literal["region", "size"]) -> None:
    """Measure everything, print the ends of each kind, and keep the numbers."""
    runs = _Runs(match)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for source in sorted((data_folder() / "davis" / "JPEGImages").iterdir()) + clips():
            if source.stem not in CHOSEN_ON:
                measure_clip(source, folder, runs)
                print(source.stem, len(runs.rows), flush=True)
                keep(runs)
        measure_others(folder, runs)
    print(keep(runs))
    print(summary(runs.rows))


def small_clip(source: Path, folder: Path) -> tuple[Path, semvid.MapsConfig]:
    """Return a small copy, so that a run takes a second, and its maps."""
    clip, maps = folder / f"{source.stem}.mkv", folder / f"{source.stem}.svmap"
    if not maps.exists():
        # Planar: JPEGs are full range, which is another case.
        convert(source, clip, vf="scale=480:-2", vcodec="ffv1", pix_fmt="yuv420p")
        semvid.export_maps(clip, maps)
    return clip, semvid.MapsConfig(path=maps)


def measure_clip(source: Path, folder: Path, runs: _Runs) -> None:
    """Encode a clip in every way."""
    clip, maps = small_clip(source, folder)
    for codec, settings in SETTINGS.items():
        for preset, crf in settings:
            for mode in ("obeyed", "not attached", "mirrored"):
                if mode != "mirrored" or (preset, crf) == settings[-2]:
                    runs.add(clip, codec, f"{preset} crf {crf}", mode, maps=maps, preset=preset,
                             rate=semvid.Crf(crf))  # fmt: skip
        for mode in ("obeyed", "not attached") if runs.match == "size" else ():
            runs.note(clip, f"{codec} live", "1 Mbit/s", mode, live_share(clip, mode, codec))


def measure_others(folder: Path, runs: _Runs) -> None:
    """Encode one clip in other formats, and under options."""
    last = next(one for one in clips() if one.stem.startswith("street"))
    for mode, (variant, changes) in product(("obeyed", "not attached"), VARIANTS.items()):
        clip = convert(last, folder / f"{variant}.mkv", vcodec="ffv1", **changes)
        for codec in ("x264", "x265"):
            runs.add(clip, codec, variant, mode, maps=semvid.MapsConfig(model="spectral"))
    clip, maps = small_clip(last, folder)
    for codec, texts in OPTIONS.items():
        for mode, text in product(("obeyed", "not attached"), texts):
            extra = dict(one.split("=", 1) for one in text.split(" "))
            runs.add(clip, codec, text, mode, encoder_options=extra, maps=maps)


def keep(runs: _Runs) -> Path:
    """Write the runs so far; those of the other wish, and what ``--cost`` measured, stay."""
    before = load("obedience")
    others = [one for one in before.get("runs", []) if one.get("match", "size") != runs.match]
    record = {"num_frames": NUM_FRAMES, "chosen_on": sorted(CHOSEN_ON), "runs": others + runs.rows}
    return save("obedience", {**before, **record})


def summary(rows: list[dict[str, Any]]) -> str:
    """Lay out the ends of each kind."""
    lines: list[list[object]] = []
    for codec, mode in dict.fromkeys((one["codec"], one["mode"]) for one in rows):
        found = [one["share"] for one in rows if (one["codec"], one["mode"]) == (codec, mode)]
        said = sorted(one for one in found if one is not None)
        ends = [said[0], said[len(said) // 2], said[-1]] if said else ["", "", ""]
        told = sum(one < LEAST_SHARE for one in said)
        lines.append([codec, mode, len(found), len(said), told, *ends])
    return table(["encoder", "mode", "runs", "with a verdict", "told", "lowest", "median", "highest"], lines)


def measure_cost() -> None:
    """Time runs of one clip of 640x360 with the watch and without, in turn, and keep the medians."""
    pairs: dict[str, dict[str, float]] = {}
    source = next(one for one in clips() if one.stem.startswith("juggle"))
    with tempfile.TemporaryDirectory() as name:
        clip = Path(name) / "clip.mkv"
        command = ffmpeg.input(str(source)).video.output(
            str(clip), vf="scale=640:360", crf=12, **{"frames:v": 60}
        )
        command.run(cmd=imageio_ffmpeg.get_ffmpeg_exe(), quiet=True)
        maps = Path(name) / "clip.svmap"
        semvid.export_maps(clip, maps)
        size = semvid.AllocationConfig(match="size")
        for codec in SETTINGS:
            config = semvid.CompressConfig(
                codec=codec, maps=semvid.MapsConfig(path=maps), allocation=size, overwrite=True, probe="none"
            )
            times: dict[bool, list[float]] = {True: [], False: []}
            for _, watched in product(range(3), (True, False)):
                look = MapWatch.look if watched else lambda *_, **__: None
                ask = MapWatch.ask if watched else lambda *_: None
                with patch.object(MapWatch, "look", look), patch.object(MapWatch, "ask", ask):
                    before = time.process_time()
                    semvid.compress(clip, clip.with_name("out.mkv"), config)
                    times[watched].append(time.process_time() - before)
            without = statistics.median(times[False])
            more = statistics.median(a - b for a, b in zip(times[True], times[False], strict=True))
            pairs[codec] = {"core_seconds": round(without, 3), "more_with_watch": round(more, 3)}
            print(codec, pairs[codec], flush=True)
    save("obedience", {**load("obedience"), "cost_640x360_60_frames": pairs})


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--cost", action="store_true", help="only measure what the watch costs")
    parser.add_argument("--match", choices=("region", "size"), help="default: both")
    asked = parser.parse_args()
    if asked.cost:
        measure_cost()
    else:
        for wish in (asked.match,) if asked.match else ("region", "size"):
            measure(wish)
