"""Measure sidecars: their size, that they repeat a run exactly, and how fast overlays are drawn from them.

    python examples/benchmark/sidecar.py

Size is against the output of ``semvid compress --match size`` (x264, msroi), and against the source.
"Repeats" means that an encode from the sidecar has the same video packets as the run that wrote it, and that
the sidecar written again from it has the same bytes. Overlays (heat, x264) are of the clips at 480 lines, and
their time is all but starting Python's; the best of three, since other work only ever slows down.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg
from common import data_folder, save, table

import semvid


def packets(path: Path) -> list[bytes]:
    """Return the packets of the video."""
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0)]


def measure_size(clip: Path, folder: Path) -> dict[str, Any]:
    """Compress a clip twice, the second time from the sidecar of the first."""
    kept, again = folder / "kept.svmap", folder / "again.svmap"
    size = semvid.AllocationConfig(match="size")
    config = semvid.CompressConfig(save_maps=kept, allocation=size, probe="none", overwrite=True)
    run = semvid.compress(clip, folder / "run.mkv", config)
    repeated = semvid.compress(
        clip,
        folder / "repeated.mkv",
        semvid.CompressConfig(
            maps=semvid.MapsConfig(path=kept),
            save_maps=again,
            allocation=size,
            probe="none",
            overwrite=True,
        ),
    )
    num_bytes = kept.stat().st_size
    return {
        "bytes": num_bytes,
        "bytes_per_frame": num_bytes / run.num_frames,
        "of_output": num_bytes / run.output_bytes,
        "of_source": num_bytes / run.source_bytes,
        "same_video": packets(run.output) == packets(repeated.output),
        "same_bytes": kept.read_bytes() == again.read_bytes(),
    }


def overlay_speed(clip: Path, folder: Path) -> float:
    """Return overlay frames a second at 480 lines, with maps from a sidecar."""
    small, maps = folder / "small.mp4", folder / "small.svmap"
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-i", str(clip), "-vf", "scale=-2:480", "-an",
         "-crf", "18", str(small)],
        check=True,
    )  # fmt: skip
    semvid.export_maps(small, maps, semvid.ExportConfig(overwrite=True))
    speeds = []
    for _ in range(3):
        started = time.monotonic()
        result = semvid.export_overlay(
            small,
            folder / "overlay.mp4",
            semvid.OverlayConfig(maps=semvid.MapsConfig(path=maps), overwrite=True),
        )
        speeds.append(result.num_frames / (time.monotonic() - started))
    return max(speeds)


def main() -> None:
    """Write ``results/sidecar.json``, print the table."""
    clips = sorted((data_folder() / "clips").iterdir())
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as name:
        for clip in clips:
            found[clip.stem] = measure_size(clip, Path(name))
            found[clip.stem]["overlay_fps"] = overlay_speed(clip, Path(name))
    save("sidecar", {"clips": found})
    rows = [
        [
            name, f"{one['bytes_per_frame']:.0f}", f"{one['of_output']:.1%}", f"{one['of_source']:.1%}",
            "yes" if one["same_video"] and one["same_bytes"] else "no", f"{one['overlay_fps']:.0f}",
        ]
        for name, one in found.items()
    ]  # fmt: skip
    print(table(["clip", "bytes a frame", "of output", "of source", "repeats", "overlay frames/s"], rows))


if __name__ == "__main__":
    main()
