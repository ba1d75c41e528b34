"""More scores of an encode than ``semvid compare`` has: of the object alone, VMAF-NEG, and CAMBI."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

from semvid.core.config import MapsConfig, TemporalConfig
from semvid.core.types import AnalysedFrame
from semvid.engine.run import open_run
from semvid.engine.stages import only_frames, pipeline
from semvid.media.reading.reader import VideoReader
from semvid.scores.parts import PartScorer

_MODELS = r"version=vmaf_v0.6.1\:name=vmaf|version=vmaf_v0.6.1neg\:name=vmaf_neg"
_CLOCK = "settb=1,setpts=N"
_SIGMA, _SIZE = 1.5, (11, 11)
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


class ObjectScores:
    """Prepares a clip and its masks once; called with an encode, it returns the means over frames.

    ``object_xpsnr`` and ``object_vmaf`` as ``semvid compress --target-region`` has them, ``object_ssim``
    the mean of the SSIM map of luma inside the masks (Wang et al. 2004: Gaussian window of 11, sigma 1.5),
    and of whole frames ``vmaf``, ``vmaf_neg`` and ``cambi``, which counts banding: lower is better.
    """

    def __init__(self, source: Path, masks: MapsConfig, folder: Path) -> None:
        self._source, self._folder = source, folder
        self._scorers = {}
        self._lumas: list[NDArray[np.uint8]] = []
        self._masks: list[NDArray[np.bool_]] = []
        frames = list(_analysed(source, masks))
        with VideoReader(source) as reader:
            rate = reader.info.frame_rate
        for name in ("xpsnr", "vmaf"):
            place = folder / name
            place.mkdir()
            scorer = PartScorer(place, f"region-{name}", rate)
            for one in frames:
                scorer.add(one.frame, one.importance, 0)
            scorer.finish()
            self._scorers[f"object_{name}"] = scorer
        for one in frames:
            height, width = one.frame.luma.shape
            self._lumas.append(one.frame.luma.copy())
            self._masks.append(cv2.resize(one.importance, (width, height)) > 0.5)

    def __call__(self, coded: Path) -> dict[str, float]:
        """Score an encode."""
        found = self._of_whole_frames(coded)
        for name, scorer in self._scorers.items():
            with VideoReader(coded) as reader, closing(only_frames(reader.read())) as frames:
                scores = scorer.score([frames])
            found[name] = scores.mean(scores.target, [len(self._lumas)])
        with VideoReader(coded) as reader, closing(only_frames(reader.read())) as frames:
            pairs = zip(self._lumas, frames, self._masks, strict=True)
            ssim = [ssim_map(mine, one.luma)[mask].mean() for mine, one, mask in pairs if mask.any()]
        found["object_ssim"] = float(np.mean(ssim)) if ssim else float("nan")
        return found

    def _of_whole_frames(self, coded: Path) -> dict[str, float]:
        log = self._folder / "vmaf.json"
        options = f"model='{_MODELS}':feature='name=cambi':n_threads=2:log_fmt=json:log_path={log.name}"
        # Frames belong together by their number, whatever containers make of their times.
        chain = f"[1:v]{_CLOCK}[test];[0:v]{_CLOCK}[source];[test][source]libvmaf={options}"
        inputs = [word for path in (self._source, coded) for word in ("-i", str(path.absolute()))]
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", *inputs, "-lavfi", chain]
        command += ["-fps_mode", "passthrough", "-f", "null", "-"]
        subprocess.run(command, check=True, cwd=self._folder)
        pooled = json.loads(log.read_text())["pooled_metrics"]
        # CAMBI has nothing to say of small pictures.
        return {name: pooled[name]["mean"] for name in ("vmaf", "vmaf_neg", "cambi") if name in pooled}


def ssim_map(reference: NDArray[np.uint8], test: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return SSIM around every pixel of 8-bit luma."""
    mine, other = (
        reference.astype(np.float32),
        test[: reference.shape[0], : reference.shape[1]].astype(np.float32),
    )

    def mean(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(cv2.GaussianBlur(values, _SIZE, _SIGMA))

    mean_mine, mean_other = mean(mine), mean(other)
    var_mine, var_other = mean(mine * mine) - mean_mine**2, mean(other * other) - mean_other**2
    both = mean(mine * other) - mean_mine * mean_other
    upper = (2 * mean_mine * mean_other + _C1) * (2 * both + _C2)
    return np.asarray(upper / ((mean_mine**2 + mean_other**2 + _C1) * (var_mine + var_other + _C2)))


def _analysed(source: Path, masks: MapsConfig) -> Iterator[AnalysedFrame]:
    with open_run(source, TemporalConfig()) as run:
        run.open_maps(masks)
        with pipeline(run.reader, only_frames, run.analyse) as frames:
            yield from frames
