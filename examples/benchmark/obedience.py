"""Which share of the asked offsets ``MapWatch`` finds again in x264's quantizers, obeyed and not.

The first frames of the ordinary clips are encoded with the map attached, not attached, and attached the wrong
way round. Then one clip again as 10 bit, at an odd size and interlaced, and under options that move
quantizers on their own. ``null`` means that the pictures say too little, and there is no verdict.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any
from unittest.mock import patch

import ffmpeg
import imageio_ffmpeg
from common import clips, save, table

import semvid
from semvid.encode import obedience, region_coding
from semvid.encode.prepare import FramePreparer
from semvid.encode.regions import RegionAttacher

NUM_FRAMES = 16
PRESETS, CRFS, STRENGTHS = ("superfast", "medium", "slow"), (18, 26, 40), (0.3, 1.0, 2.0)
VARIANTS: dict[str, dict[str, Any]] = {
    "10 bit": {"pix_fmt": "yuv420p10le"},
    "4:4:4": {"pix_fmt": "yuv444p"},
    "odd size": {"vf": "crop=401:225:exact=1", "pix_fmt": "yuv444p"},
    "interlaced": {"vf": "scale=640:256,interlace=lowpass=0,setfield=tff"},
}
OPTIONS = (
    "maxrate=400k bufsize=100k", "qmin=24 qmax=32", "aq-mode=2", "aq-mode=3", "aq-strength=2",
    "aq-strength=0", "tune=grain", "tune=animation", "tune=zerolatency", "bf=0", "bf=16", "b-pyramid=none",
    "g=1", "g=5", "intra-refresh=1", "slices=4", "x264-params=deadzone-inter=0:trellis=0",
    "x264-params=open-gop=1", "x264-params=no-mbtree=1", "x264-params=weightp=0:cqm=jvt", "profile=baseline",
    "crf=51",
)  # fmt: skip


def _deaf(self: RegionAttacher, picture: Any, *_: Any) -> Any:
    return picture


def _wrong_way_round(prepare: Any) -> Any:
    def prepare_mirrored(self: FramePreparer, frame: Any, offsets: Any) -> Any:
        return prepare(self, frame, replace(offsets, values=offsets.values[:, ::-1].copy()))

    return prepare_mirrored


@contextmanager
def fault(mode: str) -> Iterator[None]:
    """Make the encoder disobey."""
    with patch.object(region_coding, "check_obedience", lambda *_: None):
        if mode == "obeyed":
            yield
        elif mode == "not attached":
            with patch.object(RegionAttacher, "attach", _deaf):
                yield
        else:
            with patch.object(FramePreparer, "prepare", _wrong_way_round(FramePreparer.prepare)):
                yield


def share(clip: Path, mode: str, config: semvid.CompressConfig) -> float | None:
    """Return what the watch of one run found."""
    found: list[float | None] = [None]
    measure = obedience.followed_share

    def noting(blocks: Any) -> float | None:
        found.append(measure(blocks))
        return found[-1]

    with fault(mode), patch.object(obedience, "followed_share", noting):
        semvid.compress(clip, clip.with_name("out.mkv"), config)
    return None if found[-1] is None else round(found[-1], 3)


def convert(source: Path, target: Path, **options: Any) -> Path:
    """Write the first frames of a clip."""
    command = ffmpeg.input(str(source)).video.output(str(target), **{"frames:v": NUM_FRAMES}, **options)
    command.overwrite_output().run(cmd=imageio_ffmpeg.get_ffmpeg_exe(), quiet=True)
    return target


def main() -> None:
    """Measure everything, print the ends of each kind, and keep the numbers."""
    rows: list[dict[str, Any]] = []

    def run(clip: Path, case: str, mode: str, **options: Any) -> None:
        config = semvid.CompressConfig(overwrite=True, **options)
        rows.append({"clip": clip.stem, "case": case, "mode": mode, "share": share(clip, mode, config)})

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for source in clips():
            clip = convert(source, folder / f"{source.stem}.mkv", c="copy")
            maps = folder / f"{source.stem}.svmap"
            semvid.compress(clip, folder / "out.mkv", semvid.CompressConfig(save_maps=maps, overwrite=True))
            for preset, crf, strength in product(PRESETS, CRFS, STRENGTHS):
                case = f"{preset} crf {crf} strength {strength:g}"
                for mode in ("obeyed", "not attached", "mirrored"):
                    if (strength != 1 or preset == "slow") and crf != CRFS[1]:
                        continue
                    if strength != 1 and mode == "mirrored":
                        continue
                    run(clip, case, mode, maps=maps, preset=preset, crf=crf,
                        allocation=semvid.AllocationConfig(strength=strength))  # fmt: skip
            print(source.stem, len(rows), flush=True)
        last = next(one for one in clips() if one.stem.startswith("street"))
        for kind, (variant, changes) in product(("obeyed", "not attached"), VARIANTS.items()):
            clip = convert(last, folder / f"{variant}.mkv", vcodec="ffv1", **changes)
            for preset, crf in product(("superfast", "medium"), CRFS):
                run(clip, f"{variant} {preset} crf {crf}", kind, preset=preset, crf=crf, model="spectral")
        clip = folder / f"{last.stem}.mkv"
        for kind, text in product(("obeyed", "not attached"), OPTIONS):
            extra = dict(one.split("=", 1) for one in text.split(" "))
            run(clip, text, kind, encoder_options=extra, maps=clip.with_suffix(".svmap"))
    summary = []
    for mode in ("obeyed", "not attached", "mirrored"):
        found = [one["share"] for one in rows if one["mode"] == mode]
        said = sorted(one for one in found if one is not None)
        alarms = sum(one < obedience.LEAST_SHARE for one in said)
        summary.append([mode, len(found), len(said), alarms, said[0], said[len(said) // 2], said[-1]])
    print(table(["mode", "runs", "with a verdict", "told", "lowest", "median", "highest"], summary))
    print(save("obedience", {"num_frames": NUM_FRAMES, "runs": rows}))


if __name__ == "__main__":
    main()
