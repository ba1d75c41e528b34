"""The offsets of a known clip, kept in a file: a change of allocation must be seen and meant.

``make golden`` rewrites the file.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from clips import make_clip

import semvid
from semvid.codecs.ffmpeg.allocator import OffsetAllocator
from semvid.codecs.x26x.x264 import X264
from semvid.engine.analysis import Analyser
from semvid.engine.stages import only_frames
from semvid.importance.spectral import SpectralSource
from semvid.media.reading.reader import VideoReader

FILE = Path(__file__).with_name("offsets.json")


@pytest.mark.parametrize("match", ["region", "size"])
def test_offsets_are_those_on_file(match, tmp_path, regenerate_golden):
    clip = make_clip(tmp_path / "clip.mkv", num_frames=12, cut_at=7, codec="ffv1", options={})
    source = SpectralSource()
    analyser = Analyser(source, semvid.TemporalConfig())
    allocator = OffsetAllocator(X264, semvid.AllocationConfig(match=match))
    with VideoReader(clip) as reader:
        analysed = analyser.run(only_frames(reader.read()))
        offsets = [allocator.update(one)[0].values for one in analysed]
    kept = {str(index): np.round(offsets[index], 2).tolist() for index in (0, 6, 7, 11)}
    golden = json.loads(FILE.read_text())
    if regenerate_golden:
        golden[match] = kept
        FILE.write_text(json.dumps(golden) + "\n")
    for index, values in golden[match].items():
        # Processors differ in the last bits of a Fourier transform, not in hundredths of a QP step.
        assert np.abs(np.array(values) - np.array(kept[index])).max() < 0.05, f"frame {index}"
