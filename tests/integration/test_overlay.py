"""Overlays: in the right place whatever the geometry, with the sound, to everything that can be asked for."""

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from clips import decode, make_clip, texture, write_masks
from notices import heard
from PIL import Image

import semvid
from semvid.codecs.base.interlaced import InterlacedStage
from semvid.core.errors import ConfigError, EncoderError, InputError, OutputError
from semvid.core.types import AnalysedFrame


def square_map(upright, tmp_path):
    """A map with a white square, of the upright display size, and where the square lies in shares."""
    width, height = upright
    values = np.zeros((height, width), np.uint8)
    values[height // 4 : height // 2, width // 2 : width * 3 // 4] = 255
    Image.fromarray(values).save(tmp_path / "map.png")
    return tmp_path / "map.png"


def bounds(difference):
    rows, cols = np.flatnonzero(difference.any(1)), np.flatnonzero(difference.any(0))
    height, width = difference.shape
    return np.array([rows[0] / height, (rows[-1] + 1) / height, cols[0] / width, (cols[-1] + 1) / width])


@pytest.mark.parametrize(
    ("size", "rotation", "aspect"),
    [((320, 192), 0, None), ((320, 192), 90, None), ((320, 192), 270, Fraction(2, 3)), ((321, 193), 0, None)],
)
def test_a_painted_square_is_where_it_was_painted(size, rotation, aspect, tmp_path):
    # Matroska loses the pixel aspect, and H.264 takes no odd sizes.
    form = {"codec": "ffv1", "options": {}} if aspect is None else {}
    source = make_clip(
        tmp_path / ("in.mkv" if form else "in.mp4"), width=size[0], height=size[1], num_frames=3,
        rotation=rotation, aspect=aspect, **form,
    )  # fmt: skip
    upright = size if rotation % 180 == 0 else size[::-1]
    config = semvid.OverlayConfig(
        maps=semvid.MapsConfig(path=square_map(upright, tmp_path)), style="dim", opacity=1.0
    )
    result = semvid.export_overlay(source, tmp_path / "drawn", config)
    assert result.num_frames == 3
    with Image.open(tmp_path / "drawn" / "000001.png") as image:
        drawn = np.asarray(image, float)
    # All but the square is black.
    found = bounds(drawn.max(2) > 60)
    assert np.abs(found - [0.25, 0.5, 0.5, 0.75]).max() < 0.025
    stretch = 1 if aspect is None else float(1 / aspect if rotation % 180 else aspect)
    assert drawn.shape[1] / drawn.shape[0] == pytest.approx(upright[0] * stretch / upright[1], rel=0.02)


def test_the_sound_and_the_time_stay(tmp_path):
    source = make_clip(tmp_path / "in.mp4", num_frames=12, audio=True)
    config = semvid.OverlayConfig(maps=semvid.MapsConfig(model="spectral"), legend=True)
    result = semvid.export_overlay(source, tmp_path / "out.mp4", config)
    assert [one.time for one in decode(result.output)] == [one.time for one in decode(source)]
    assert {one.kind for one in semvid.probe(result.output).streams} == {"video", "audio"}
    assert result.output_bytes == result.output.stat().st_size


@pytest.mark.parametrize("style", ["heat", "contour", "blocks", "dim", "split"])
def test_every_style_draws(style, tmp_path):
    source = make_clip(tmp_path / "in.mkv", width=320, height=192, num_frames=2, codec="ffv1", options={})
    config = semvid.OverlayConfig(
        maps=semvid.MapsConfig(path=square_map((320, 192), tmp_path)), style=style, opacity=1.0, numbers=style == "blocks",
        legend=style in {"heat", "split", "blocks"},
    )  # fmt: skip
    semvid.export_overlay(source, tmp_path / "drawn", config)
    with Image.open(tmp_path / "drawn" / "000000.png") as image:
        drawn = np.asarray(image, float)
    plain = decode(source)[0].to_ndarray(format="rgb24").astype(float)
    assert drawn.shape[1] == (640 if style == "split" else 320)
    changed = np.abs(drawn[:, :320] - plain).mean(2) > 40
    if style == "split":
        assert np.abs(drawn[:, :320] - plain)[:130].mean() < 3
        assert drawn[60:90, 490:550].mean() > 150
        assert drawn[110:140, 350:450].mean() < 20
    else:
        assert changed.any()


@pytest.mark.parametrize(
    ("pixel_format", "size"),
    [("yuv420p10le", (320, 192)), ("yuvj422p", (320, 192)), ("yuv444p", (321, 193)), ("gray", (320, 192)),
     ("bgr0", (321, 193)), ("yuva420p", (320, 192))],
)  # fmt: skip
@pytest.mark.parametrize("turns", [0, 1])
def test_what_matters_looks_as_before_in_any_format(pixel_format, size, turns, tmp_path):
    source = make_clip(
        tmp_path / "in.mkv", width=size[0], height=size[1], num_frames=2, pixel_format=pixel_format,
        codec="libx264" if pixel_format == "yuvj422p" else "ffv1", options={}, rotation=90 * turns,
    )  # fmt: skip
    Image.new("L", (16, 16), 255).save(tmp_path / "map.png")
    config = semvid.OverlayConfig(maps=semvid.MapsConfig(path=tmp_path / "map.png"), style="dim")
    drawn = decode(semvid.export_overlay(source, tmp_path / "out.mkv", config).output)[0]
    assert (drawn.format.name, drawn.colorspace, drawn.color_range) == ("yuv420p", 1, 1)
    semvid.export_overlay(source, tmp_path / "drawn", config)
    with Image.open(tmp_path / "drawn" / "000000.png") as image:
        expected = np.asarray(image, float)
    assert (drawn.width - expected.shape[1], drawn.height - expected.shape[0]) in {(0, 0), (1, 1)}
    pixels = drawn.to_ndarray(format="rgb24")[: expected.shape[0], : expected.shape[1]]
    # The encoder changes what is fine.
    coarse = [cv2.blur(one.astype(np.float32), (15, 15)) for one in (pixels, expected)]
    assert np.abs(coarse[0] - coarse[1]).mean((0, 1)).max() < 3.5


def test_a_result_is_put_beside(tmp_path):
    source = make_clip(tmp_path / "in.mkv", width=320, height=192, num_frames=6, codec="ffv1", options={})
    coded = semvid.compress(
        source,
        tmp_path / "out.mp4",
        semvid.CompressConfig(maps=semvid.MapsConfig(model="spectral"), rate=semvid.Crf(40)),
    ).output
    config = semvid.OverlayConfig(
        maps=semvid.MapsConfig(model="spectral"), style="split", result=coded, every=2
    )
    result = semvid.export_overlay(source, tmp_path / "drawn", config)
    assert result.num_frames == 3
    with Image.open(tmp_path / "drawn" / "000002.png") as image:
        drawn = np.asarray(image, float)
    assert drawn.shape == (192, 960, 3)
    for side, path in ((0, source), (640, coded)):
        expected = decode(path)[4].to_ndarray(format="rgb24").astype(float)
        assert np.abs(drawn[:, side : side + 320] - expected).mean() < 3
    short = make_clip(tmp_path / "short.mp4", width=320, height=192, num_frames=4)
    config = semvid.OverlayConfig(maps=semvid.MapsConfig(model="spectral"), style="split", result=short)
    for output in ("again", "again.mp4"):
        with pytest.raises(InputError, match="ends after 4 frames, before the video"):
            semvid.export_overlay(source, tmp_path / output, config)
        assert not (tmp_path / output).exists()


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_animations_last_as_long_as_the_video(suffix, tmp_path):
    source = make_clip(tmp_path / "in.mp4", num_frames=20)
    config = semvid.OverlayConfig(maps=semvid.MapsConfig(model="spectral"), every=5, height=64)
    result = semvid.export_overlay(source, tmp_path / f"out{suffix}", config)
    with Image.open(result.output) as image:
        assert image.n_frames == result.num_frames == 4
        assert image.size[1] == 64
        shown = 0
        for index in range(4):
            image.seek(index)
            image.load()
            shown += image.info["duration"]
    frames = decode(source)
    assert shown / 1000 == pytest.approx(frames[-1].time - frames[0].time + 1 / 25, abs=0.09)


def test_frames_can_be_left_out_of_a_video(tmp_path):
    source = make_clip(tmp_path / "in.mp4", num_frames=20)
    config = semvid.OverlayConfig(maps=semvid.MapsConfig(model="spectral"), every=4, height=96)
    result = semvid.export_overlay(source, tmp_path / "out.mkv", config)
    expected = [one.time for one in decode(source)][::4]
    with av.open(str(result.output)) as container:
        frames = list(container.decode(video=0))
    assert [one.time for one in frames] == pytest.approx(expected, abs=2e-3)
    assert frames[0].height == 96


@pytest.mark.parametrize("name", ["out.mp4", "out.gif", "drawn"])
def test_progress_ends_at_the_end_when_frames_are_left_out(name, tmp_path):
    source = make_clip(tmp_path / "in.mp4", num_frames=10)
    config = semvid.OverlayConfig(maps=semvid.MapsConfig(model="spectral"), every=3)
    events = []
    result = semvid.export_overlay(source, tmp_path / name, config, on_event=events.append)
    assert result.num_frames == 4
    last = [one for one in events if isinstance(one, semvid.Progress)][-1]
    assert last.num_frames == last.num_frames_from_header


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_stills(suffix, tmp_path):
    Image.fromarray(np.stack([texture(200, 120, seed) for seed in range(3)], -1)).save(tmp_path / "in.png")
    config = semvid.OverlayConfig(
        maps=semvid.MapsConfig(path=square_map((200, 120), tmp_path)), style="dim", opacity=1.0
    )
    result = semvid.export_overlay(tmp_path / "in.png", tmp_path / f"out{suffix}", config)
    with Image.open(result.output) as image:
        drawn = np.asarray(image.convert("RGB"), float)
    assert np.abs(bounds(drawn.max(2) > 60) - [0.25, 0.5, 0.5, 0.75]).max() < 0.03


@pytest.mark.parametrize("name", ["seen.mp4", "seen.gif", "seen"])
def test_a_frame_that_was_not_drawn_is_missed(name, tmp_path, tmp_path_factory, monkeypatch):
    clip = make_clip(tmp_path_factory.mktemp("short") / "in.mp4", width=96, height=64, num_frames=6)
    run = InterlacedStage.run
    monkeypatch.setattr(
        InterlacedStage,
        "run",
        lambda self, items: (
            one for one in run(self, items) if not (isinstance(one, AnalysedFrame) and one.frame.index == 3)
        ),
    )
    with pytest.raises(EncoderError, match="frames of .* were read, but .* were (drawn|coded)"):
        semvid.export_overlay(
            clip, tmp_path / name, semvid.OverlayConfig(maps=semvid.MapsConfig(model="spectral"))
        )
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_drawn_is_refused(tmp_path, clip):
    Image.new("RGB", (64, 64)).save(tmp_path / "in.png")
    for source, output, options, error, words in (
        (clip, "out.avi", {}, OutputError, "cannot be drawn to"),
        (clip, "out.txt", {}, OutputError, "cannot be drawn to"),
        (tmp_path / "in.png", "out.mp4", {}, OutputError, "is not a picture; end `output` in"),
        (tmp_path / "in.png", "out.png", {"style": "blocks"}, ConfigError, "a picture has none"),
        (clip, "out.mp4", {"style": "fire"}, ConfigError, "`style=fire` is unknown"),
        (clip, "out.mp4", {"opacity": 3}, ConfigError, "`opacity=3` is out of range"),
        (clip, "out.mp4", {"numbers": True}, ConfigError, "`numbers` needs `style=blocks`"),
        (clip, "out.mp4", {"style": "dim", "legend": True}, ConfigError, "`legend` explains colours"),
    ):
        with pytest.raises(error, match=words):
            semvid.export_overlay(
                source,
                tmp_path / output,
                semvid.OverlayConfig(maps=semvid.MapsConfig(model="spectral"), **options),
            )
    assert [one.name for one in tmp_path.iterdir()] == ["in.png"]


@pytest.mark.parametrize("name", ["out.mp4", "out.gif"])
def test_maps_left_over_are_told_with_the_length_of_the_video(name, tmp_path):
    source = make_clip(tmp_path / "in.mp4", num_frames=8)
    masks = write_masks(tmp_path / "masks", [np.full((48, 80), 255, np.uint8)] * 9)
    config = semvid.OverlayConfig(maps=semvid.MapsConfig(path=masks), every=4)
    _, notices = heard(semvid.export_overlay, source, tmp_path / name, config)
    assert any("has maps left over: the video ended after 8 frames" in one for one in notices)
