"""Every kind of AV1 file of ours is decoded by dav1d and by libaom, to the same samples."""

import subprocess
from fractions import Fraction

import imageio_ffmpeg
import numpy as np
import pytest
from clips import make_clip, write_masks

import semvid

KINDS = {
    "mkv": (".mkv", {}, {}),
    "mp4": (".mp4", {"cut_at": 5}, {}),
    "webm, a preset that is slower": (".webm", {}, {"preset": "8"}),
    "10 bits": (".mkv", {"pixel_format": "yuv420p10le"}, {}),
    "odd sizes": (".mkv", {"width": 194, "height": 98, "aspect": Fraction(4, 3)}, {}),
    "one frame": (".mp4", {"num_frames": 1}, {}),
    "as large as a plain encode": (".mkv", {}, {"allocation": semvid.AllocationConfig(match="size")}),
    "no map": (".mkv", {}, {"allocation": semvid.AllocationConfig(strength=0), "probe": None}),
}


def samples(path, decoder):
    """Digests of all frames, by FFmpeg's own command."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-xerror", "-c:v", decoder, "-i", str(path)]
    done = subprocess.run(
        [*command, "-map", "0:v", "-f", "framemd5", "-"], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return [line.split(",")[-1].strip() for line in done.stdout.splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("kind", KINDS)
def test_decoders_agree(kind, tmp_path):
    suffix, clip, config = KINDS[kind]
    clip = {"width": 192, "height": 96, "num_frames": 10, "codec": "ffv1", **clip}
    source = make_clip(tmp_path / "in.mkv", **clip)
    mask = np.zeros((96, 192), np.uint8)
    mask[:, 64:128] = 255
    maps = semvid.MapsConfig(path=write_masks(tmp_path / "maps", [mask]) / "00000.png")
    config = {"preset": "12", "maps": maps, "probe": "none", **config}
    result = semvid.compress(source, tmp_path / f"out{suffix}", semvid.CompressConfig(codec="av1", **config))
    one, other = (samples(result.output, decoder) for decoder in ("libdav1d", "libaom-av1"))
    assert one == other
    assert len(one) == clip["num_frames"]
