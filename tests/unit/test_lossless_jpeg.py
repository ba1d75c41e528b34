"""The picture of a JPEG, taken out of the file without being decoded."""

import io
import struct

import numpy as np
import pytest
from clips import texture
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from semvid.codecs.jpeg.lossless import bare_jpeg

PICTURE = Image.fromarray(np.stack([texture(96, 64, seed) for seed in range(3)], -1))


def jpeg(image=PICTURE, **options):
    file = io.BytesIO()
    image.save(file, "JPEG", **options)
    return file.getvalue()


def segment(marker, payload):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(payload) + 2) + payload


def pixels(data):
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


@pytest.mark.parametrize(
    "data",
    [
        jpeg(),
        jpeg(progressive=True),
        jpeg(PICTURE.convert("L")),
        jpeg(restart_marker_blocks=3),
        jpeg(subsampling="4:4:4", keep_rgb=True),
    ],
)
def test_the_picture_stays_and_all_else_goes(data):
    more = segment(0xE1, b"Exif\0\0...") + segment(0xFE, b"words") + segment(0xEB, b"JP...")
    full = data[:2] + more + data[2:] + b"a moving picture, or another view" + data
    bare = bare_jpeg(full)
    assert bare == bare_jpeg(data)
    assert len(bare) <= len(data)
    assert np.array_equal(pixels(bare), pixels(data))
    with Image.open(io.BytesIO(bare)) as image:
        assert {name for name, _ in image.applist} <= {"APP0", "APP14"}


def test_density_stays_and_a_thumbnail_of_jfif_goes():
    data = jpeg(dpi=(300, 150))
    assert data[2:4] == b"\xff\xe0"
    header = data[6:18] + b"\2\1" + bytes(6)
    bare = bare_jpeg(data[:2] + segment(0xE0, header) + data[20:])
    assert bare == bare_jpeg(data)
    with Image.open(io.BytesIO(bare)) as image:
        assert image.info["dpi"] == (300, 150)


def test_fill_bytes_before_markers_are_passed():
    data = jpeg()
    assert bare_jpeg(data[:20] + b"\xff\xff" + data[20:]) == bare_jpeg(data)


def test_what_not_every_viewer_shows_is_none():
    data = jpeg()
    png = io.BytesIO()
    PICTURE.save(png, "PNG")
    frame = data.index(b"\xff\xc0")
    arithmetic = data[:frame] + b"\xff\xc9" + data[frame + 2 :]
    twelve_bits = data[: frame + 4] + b"\x0c" + data[frame + 5 :]
    for one in (
        b"",
        data[:2],
        data[:-40],
        png.getvalue(),
        jpeg(PICTURE.convert("CMYK")),
        arithmetic,
        twelve_bits,
    ):
        assert bare_jpeg(one) is None
    assert bare_jpeg(jpeg(progressive=True), may_be_progressive=False) is None
    assert bare_jpeg(data, may_be_progressive=False) is not None


@given(st.integers(0, 3000), st.binary(max_size=8))
def test_broken_files_are_no_surprise(place, noise):
    data = jpeg()
    bare_jpeg(data[:place])
    bare_jpeg(data[:place] + noise + data[place + len(noise) :])
