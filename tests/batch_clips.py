"""Folders for batches, how they are compressed in little time, and what came of them."""

import sys
from pathlib import Path

import cv2
import numpy as np
from clips import make_clip

import semvid
from semvid.batch.jobs.store import STORE, WORK_FOLDER, JobStore
from semvid.core.config import BatchConfig

FAST = semvid.CompressConfig(preset="superfast", probe="none", maps=semvid.MapsConfig(model="spectral"))
CONFIG = BatchConfig(video=FAST, picture=semvid.ImageConfig(maps=semvid.MapsConfig(model="spectral")))
SEMVID = str(Path(sys.executable).with_name("semvid"))


def make_folder(folder):
    """Clips, a still, what is broken, and what is none of it."""
    (folder / "deep").mkdir(parents=True)
    # Outputs are compared byte by byte: see REPEATABLE_WIDTH.
    make_clip(folder / "a.mkv", width=256, height=128, num_frames=8, codec="ffv1", options={})
    make_clip(folder / "deep" / "b.mp4", width=256, height=128, num_frames=8)
    picture = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    cv2.imwrite(str(folder / "deep" / "p.png"), picture)
    (folder / "broken.mp4").write_bytes(b"nothing" * 100)
    (folder / "notes.txt").write_text("text")
    return folder


def make_film(path, num_frames, cut_at, rate=10):
    """A film with a cut, key frames every second, and sound.

    Its width is for bytes to be compared (REPEATABLE_WIDTH).
    """
    options = {"preset": "ultrafast", "g": f"{rate}", "crf": "18"}
    pts = [12_800 // rate * one for one in range(num_frames)]
    return make_clip(
        path, num_frames=num_frames, pts=pts, cut_at=cut_at, width=128, height=64, options=options, audio=True
    )


def files(folder):
    found = (one for one in folder.rglob("*") if one.is_file() and WORK_FOLDER not in one.parts)
    return {str(one.relative_to(folder)): one.read_bytes() for one in found}


def entries(output):
    with JobStore(output / WORK_FOLDER / STORE) as store:
        return {one.source.name: one for one in store.entries()}
