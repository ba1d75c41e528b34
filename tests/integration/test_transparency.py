"""What is transparent stays so where the codec can code it; elsewhere it is put on black and told."""

import av
import numpy as np
import pytest
from clips import decode
from PIL import Image
from side_clips import WIDTH, compress, ffmpeg, lavfi

import semvid


def opacity_at_the_sides(path, library=None):
    """Mean opacity of the left and the right quarter, as libvpx decodes it."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        decoder = av.CodecContext.create(library, "r") if library else stream.codec_context
        frames = [frame for packet in container.demux(stream) for frame in decoder.decode(packet)]
    alpha = [np.frombuffer(one.planes[3], np.uint8).reshape(one.height, -1)[:, : one.width] for one in frames]
    quarter = frames[0].width // 4
    return [np.mean([one[:, side] for one in alpha]) for side in (slice(quarter), slice(-quarter, None))]


@pytest.mark.parametrize(
    ("source_codec", "suffix"),
    [("libvpx-vp9", ".webm"), ("libvpx", ".mkv"), ("prores_ks", ".mov"), ("png", ".mov"), ("qtrle", ".mov")],
)
def test_transparency_is_kept_by_a_second_layer_or_put_on_black(source_codec, suffix, tmp_path):
    source, formats = tmp_path / f"in{suffix}", {"prores_ks": "yuva444p10le", "png": "rgba", "qtrle": "argb"}
    alpha = "geq=lum='lum(X,Y)':cb='cb(X,Y)':cr='cr(X,Y)':a='255*gt(X,W/2)'"
    options = ["-profile:v", "4444"] if source_codec == "prores_ks" else ["-auto-alt-ref", "0"]
    ffmpeg(
        *lavfi("format=yuva420p", alpha), "-c:v", source_codec,
        *(options if source_codec not in {"png", "qtrle"} else []),
        "-pix_fmt", formats.get(source_codec, "yuva420p"), source,
    )  # fmt: skip
    for codec, output, library in (("vp9", "out.webm", "libvpx-vp9"), ("vp8", "out.mkv", "libvpx")):
        assert not any("transparency" in one for one in compress(source, tmp_path / output, codec=codec))
        left, right = opacity_at_the_sides(tmp_path / output, library)
        assert left < 8
        assert right > 247
    for codec, output in (("x264", "out.mp4"), ("x265", "265.mkv"), ("mjpeg", "out.mov")):
        notices = compress(source, tmp_path / output, codec=codec)
        assert sum("transparency" in one and "`codec=vp9`" in one for one in notices) == 1
        picture = decode(tmp_path / output)[2].to_ndarray(format="rgb24").astype(float)
        assert picture[:, : WIDTH // 4].mean() < 6
        assert picture[:, -WIDTH // 4 :].mean() > 40
        with av.open(str(tmp_path / output)) as container:
            assert "alpha_mode" not in {key.lower() for key in container.streams[0].metadata}
    config = semvid.OverlayConfig(
        maps=semvid.MapsConfig(model="spectral"), style="dim", legend=False, overwrite=True
    )
    semvid.export_overlay(source, tmp_path / "o", config)
    drawn = np.asarray(Image.open(sorted((tmp_path / "o").iterdir())[1]))
    assert drawn[:, : WIDTH // 4].mean() < 6


def test_transparency_into_mp4_is_told(tmp_path):
    ffmpeg(
        *lavfi("format=rgba", "colorchannelmixer=aa=0.5", "format=yuva420p"),
        "-c:v",
        "libvpx-vp9",
        tmp_path / "in.webm",
    )
    notices = compress(tmp_path / "in.webm", tmp_path / "out.mp4", codec="vp9")
    assert any("transparency" in one and "write to .webm" in one for one in notices)


def test_opacity_that_was_never_set_and_full_opacity_are_none(tmp_path):
    for opacity in ("0", "1"):
        ffmpeg(
            *lavfi("format=rgba", f"colorchannelmixer=aa={opacity}"),
            "-c:v",
            "png",
            tmp_path / f"{opacity}.mov",
        )
        notices = compress(tmp_path / f"{opacity}.mov", tmp_path / f"{opacity}.mp4")
        assert not any("transparency" in one for one in notices)
        assert decode(tmp_path / f"{opacity}.mp4")[0].to_ndarray(format="gray").mean() > 60
