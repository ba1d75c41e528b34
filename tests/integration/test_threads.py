"""A run that may use one core has one thread, and makes the same file where the encoder allows it."""

import threading
from dataclasses import replace

import pytest
from clips import make_clip
from PIL import Image

import semvid
from semvid.core.threads import thread_budget

SHORT = {"probe": "none", "allocation": semvid.AllocationConfig(match="size")}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return make_clip(tmp_path_factory.mktemp("threads") / "in.mp4", width=320, height=180, num_frames=12)


def threads_of(source, output, **options):
    seen = set()
    before = set(threading.enumerate())
    semvid.compress(
        source,
        output,
        semvid.CompressConfig(maps=semvid.MapsConfig(model="spectral"), **options),
        on_event=lambda event: seen.update(one.name for one in set(threading.enumerate()) - before),
    )
    return {one for one in seen if one.startswith("semvid")}


def test_one_core_needs_no_threads_of_ours(source, tmp_path):
    assert "semvid-analyse" in threads_of(source, tmp_path / "all.mp4", preset="superfast", **SHORT)
    assert not threads_of(source, tmp_path / "one.mp4", preset="superfast", threads=1, **SHORT)
    assert thread_budget().cores != 1 or not thread_budget().is_limited


def test_a_jpeg_is_coded_in_turn_and_the_same(source, tmp_path):
    names = tmp_path / "all.mov", tmp_path / "one.mov", tmp_path / "three.mov"
    for name, number in zip(names, (0, 1, 3), strict=True):
        found = threads_of(source, name, codec="mjpeg", threads=number)
        assert bool(found) == (number != 1)
    assert len({one.read_bytes() for one in names}) == 1


@pytest.mark.parametrize("codec", ["vp9", "x265"])
def test_other_encoders_keep_to_it(codec, source, tmp_path):
    outputs = tmp_path / "one.mp4", tmp_path / "again.mp4"
    for one in outputs:
        assert not threads_of(source, one, codec=codec, threads=1, **SHORT)
    assert outputs[0].read_bytes() == outputs[1].read_bytes()


def test_a_still_is_the_same(tmp_path):
    picture = tmp_path / "in.png"
    Image.linear_gradient("L").save(picture)
    config = semvid.ImageConfig(maps=semvid.MapsConfig(model="spectral"), allow_larger=True)
    for number in (0, 1):
        semvid.compress_image(picture, tmp_path / f"{number}.jpg", replace(config, threads=number))
    assert (tmp_path / "0.jpg").read_bytes() == (tmp_path / "1.jpg").read_bytes()
