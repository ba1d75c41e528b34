"""Compress a clip and show what became of it.

    python examples/demo.py [FILM.mp4]

Without an argument the demo makes its own clip. The network finds what matters; here faces matter most.
Everything is written to ``demo/``: the semvid result, the plain encode that is as good where it matters (same
encoder, preset and CRF), a picture with the source, the heat map, and a close-up of both encodes, and a page
that shows all of it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import av
import cv2
import demo_clip
import numpy as np
from numpy.typing import NDArray

import semvid
from semvid.engine.analysis import Analyser
from semvid.engine.stages import only_frames
from semvid.importance.registry import open_source
from semvid.media.reading.reader import VideoReader
from semvid.products.report.plain import plain_encode

CRF = 23
FOCUS = semvid.FocusConfig({"face": 3})

Picture = NDArray[np.uint8]


def frame_at(path: Path, index: int) -> Picture:
    """Decode one frame, upright, RGB."""
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number == index:
                return np.ascontiguousarray(
                    np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90))
                )
    raise SystemExit(f"{path} has no frame {index}")


def map_at(path: Path, config: semvid.CompressConfig, index: int) -> NDArray[np.float32]:
    """Return the importance of one frame, as the compressor saw it, upright."""
    source = open_source(config.maps, None)
    analyser = Analyser(source, config.temporal)
    with VideoReader(path) as reader:
        for one in analyser.run(only_frames(reader.read())):
            if one.frame.index == index:
                return one.frame.upright(one.importance)
    raise SystemExit(f"{path} has no frame {index}")


def side_by_side(
    source: Path, plain: semvid.Result, mapped: semvid.Result, config: semvid.CompressConfig, index: int
) -> Picture:
    """Lay out source, heat map, and a close-up of the most important place in both encodes."""
    picture = frame_at(source, index)
    height, width = picture.shape[:2]
    importance = cv2.resize(map_at(source, config, index), (width, height), interpolation=cv2.INTER_CUBIC)
    heat = cv2.applyColorMap(cv2.convertScaleAbs(importance, alpha=255), cv2.COLORMAP_INFERNO)[..., ::-1]
    overlay = cv2.addWeighted(picture, 0.45, np.ascontiguousarray(heat), 0.55, 0)
    size = (width // 3, height // 3)
    mass = cv2.boxFilter(importance, -1, size, borderType=cv2.BORDER_CONSTANT)
    # The middle of the best places: a box gives a plateau of equals.
    centre_y, centre_x = (int(one.mean()) for one in np.nonzero(mass >= 0.99 * mass.max()))
    left = int(np.clip(centre_x - size[0] // 2, 0, width - size[0]))
    top = int(np.clip(centre_y - size[1] // 2, 0, height - size[1]))
    cv2.rectangle(overlay, (left, top), (left + size[0], top + size[1]), (255, 255, 255), 2)
    cells = [("source", picture), ("importance", overlay)]
    change = mapped.output_bytes / plain.output_bytes - 1
    for name, encode in (
        (f"plain, {plain.output_bytes / 1000:.0f} kB", plain),
        (f"semvid, {mapped.output_bytes / 1000:.0f} kB ({change:+.0%})", mapped),
    ):
        close = frame_at(encode.output, index)[top : top + size[1], left : left + size[0]]
        cells.append((name, cv2.resize(close, (width, height), interpolation=cv2.INTER_CUBIC)))
    labelled = [_label(cell, name) for name, cell in cells]
    return np.vstack([np.hstack(labelled[:2]), np.hstack(labelled[2:])])


def _label(picture: Picture, text: str) -> Picture:
    picture = picture.copy()
    scale = picture.shape[1] / 900
    cv2.rectangle(picture, (0, 0), (int(22 * scale * len(text)), int(46 * scale)), (0, 0, 0), -1)
    place = (int(12 * scale), int(32 * scale))
    cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 255), 2, cv2.LINE_AA)
    return picture


def main() -> None:
    """Run the demo."""
    folder = Path("demo")
    folder.mkdir(exist_ok=True)
    if len(sys.argv) > 1:
        source = Path(sys.argv[1])
    else:
        source = folder / "clip.mp4"
        demo_clip.write(source)
    config = semvid.CompressConfig(rate=semvid.Crf(CRF), maps=semvid.MapsConfig(focus=FOCUS), overwrite=True)
    suffix = source.suffix if source.suffix.lower() in {".mp4", ".mkv", ".mov"} else ".mkv"
    mapped = semvid.compress(source, folder / f"{source.stem}.semvid{suffix}", config)
    plain = plain_encode(source, folder / f"{source.stem}.plain{suffix}", config, mapped)
    picture = folder / f"{source.stem}.side-by-side.png"
    index = mapped.num_frames * 2 // 5
    cv2.imwrite(str(picture), side_by_side(source, plain, mapped, config, index)[..., ::-1])
    page = folder / f"{source.stem}.report.html"
    report = semvid.make_report(mapped, config, plain=plain)
    semvid.write_report(page, report, overwrite=True)
    where = [one.pooled["salient"].mean for one in (report.plain, report.mapped)]
    saved = 1 - mapped.output_bytes / plain.output_bytes
    print(f"source        {source}  {mapped.source_bytes:,} bytes")
    print(f"semvid        {mapped.output}  {mapped.output_bytes:,} bytes, CRF {mapped.quality:g}")
    print(f"plain encode  {plain.output}  {plain.output_bytes:,} bytes, CRF {plain.quality:g}")
    print(f"saved         {saved:.1%}; where it matters {where[0]:.2f} -> {where[1]:.2f} dB")
    print(f"side by side  {picture}")
    print(f"report        {page}")


if __name__ == "__main__":
    try:
        main()
    except semvid.SemvidError as error:
        raise SystemExit(f"demo: {error}") from error
