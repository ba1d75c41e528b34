import io

import cv2
import jpeglib
import numpy as np
import pytest
from clips import texture
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from semvid.jpeg.choice import choose_levels, round_levels, symbol_bits, typical_counts
from semvid.jpeg.dct import block_shape, from_blocks, to_blocks
from semvid.jpeg.encoder import Choice, PictureCoder
from semvid.jpeg.planes import planes_from_rgb
from semvid.jpeg.tables import ZIGZAG, scaled_tables
from semvid.jpeg.writer import insert_segments


def colour(width, height):
    """A picture with fine detail of little contrast, as photographs have."""
    if width * height == 1:
        return np.full((1, 1, 3), 77, np.uint8)
    noise = np.stack([texture(width, height, seed) for seed in range(3)], -1)
    return cv2.GaussianBlur(noise, (0, 0), 0.8) if min(width, height) > 4 else noise


@settings(deadline=None, max_examples=25)
@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40)))
def test_the_transform_is_orthonormal_and_undone(plane):
    shape = block_shape(plane.shape[1], plane.shape[0])
    blocks = to_blocks(plane, shape)
    back = from_blocks(blocks, shape).numpy()
    height, width = plane.shape
    assert np.abs(back[:height, :width] - plane).max() < 1e-2
    assert np.isclose(np.square(back - 128).sum(), blocks.square().sum(), rtol=1e-4, atol=1e-2)


def test_coefficients_are_those_of_opencv():
    plane = texture(16, 8)
    blocks = to_blocks(plane, (1, 2)).numpy()
    for index in range(2):
        expected = cv2.dct(plane[:, 8 * index : 8 * index + 8].astype(np.float32) - 128).ravel()[ZIGZAG]
        assert np.abs(blocks[index] - expected).max() < 1e-3


@pytest.mark.parametrize("quality", [1, 10, 49, 50, 75, 95, 100])
def test_tables_are_libjpegs(quality):
    file = io.BytesIO()
    Image.fromarray(colour(16, 16)).save(file, "JPEG", quality=quality)
    tables = Image.open(file).quantization
    for index, table in enumerate(scaled_tables(quality)):
        assert np.array(tables[index])[ZIGZAG].tolist() == table.tolist() or tables[index] == table.tolist()


@settings(deadline=None, max_examples=20)
@given(
    hnp.arrays(np.float32, (6, 64), elements=st.floats(-300, 300, width=32)),
    st.floats(0.01, 3000),
    st.integers(20, 95),
)
def test_no_single_change_makes_a_chosen_block_cheaper(coefficients, price, quality):
    """The choice is never dearer than plain rounding, and costs what the definition says."""
    table, _ = scaled_tables(quality)
    bits = symbol_bits(typical_counts())
    prices = np.full(6, price, np.float32)
    chosen, _ = choose_levels(coefficients, table, prices, typical_counts(), rounds=1)
    plain = round_levels(coefficients, table)

    def cost(levels):
        error = np.square(coefficients - levels * table)[1:].sum()
        rate, last = 0.0, 0
        for i in np.flatnonzero(levels[1:]) + 1:
            run, size = int(i) - last - 1, int(abs(int(levels[i]))).bit_length()
            rate += bits[(run % 16) * 16 + size] + run // 16 * bits[0xF0]
            last = int(i)
        return error + price * (rate + (bits[0] if last < 63 else 0))

    for row in range(6):
        coefficients_row = coefficients
        coefficients = coefficients_row[row]
        mine = cost(chosen[row].astype(np.float64))
        assert mine <= cost(plain[row].astype(np.float64)) * (1 + 1e-4) + 1e-2
        for i in np.flatnonzero(chosen[row][1:]) + 1:
            other = chosen[row].astype(np.float64)
            other[i] = 0
            assert mine <= cost(other) * (1 + 1e-4) + 1e-2
        coefficients = coefficients_row
    assert (np.abs(chosen[:, 1:]) <= np.abs(plain[:, 1:])).all()
    assert (chosen[:, 0] == plain[:, 0]).all()


@pytest.mark.parametrize("sampling", ["4:2:0", "4:2:2", "4:4:4", "grey"])
@pytest.mark.parametrize("size", [(1, 1), (7, 9), (16, 16), (100, 75), (333, 121)])
def test_every_decoder_reads_back_what_was_chosen(sampling, size, tmp_path):
    coder = PictureCoder(planes_from_rgb(colour(*size), sampling), np.eye(3, dtype=np.float32))
    jpeg = coder.encode(Choice(60))
    assert Image.open(io.BytesIO(jpeg)).size == size
    assert cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).shape == (size[1], size[0], 3)
    levels, tables = PictureCoder(
        planes_from_rgb(colour(*size), sampling), np.eye(3, dtype=np.float32)
    ).choose(Choice(60))
    (tmp_path / "coded.jpg").write_bytes(jpeg)
    read = jpeglib.read_dct(str(tmp_path / "coded.jpg"))
    for index, (name, mine) in enumerate(zip(("Y", "Cb", "Cr"), levels, strict=False)):
        theirs = getattr(read, name)
        width, height = size
        across = 2 if index and sampling in {"4:2:0", "4:2:2"} else 1
        down = 2 if index and sampling == "4:2:0" else 1
        rows, cols = block_shape(-(-width // across), -(-height // down))
        assert (theirs[:rows, :cols].reshape(-1, 64)[:, ZIGZAG] == mine).all()
        assert (read.qt[min(index, 1)].ravel()[ZIGZAG] == tables[min(index, 1)]).all()


def test_what_matters_is_kept_and_the_rest_pays():
    rgb = colour(256, 128)
    importance = np.zeros((16, 32), np.float32)
    importance[:, :16] = 1
    planes = planes_from_rgb(rgb, "4:2:0")

    def errors(jpeg):
        decoded = np.asarray(Image.open(io.BytesIO(jpeg)).convert("L"), np.float64)
        error = np.square(decoded - np.asarray(Image.fromarray(rgb).convert("L")))
        return error[:, :128].mean(), error[:, 128:].mean()

    steered, even = (PictureCoder(planes, one).encode(Choice(85)) for one in (importance, None))
    assert errors(steered)[0] < 0.8 * errors(even)[0]
    assert errors(steered)[1] > 1.2 * errors(even)[1]


def test_segments_lie_where_readers_look():
    jpeg = PictureCoder(planes_from_rgb(colour(32, 32), "4:2:0"), None).encode(Choice())
    exif = Image.Exif()
    exif[0x0112] = 6
    icc = bytes(range(256)) * 600
    marked = insert_segments(jpeg, exif=exif.tobytes(), icc=icc)
    image = Image.open(io.BytesIO(marked))
    assert image.getexif()[0x0112] == 6
    assert image.info["icc_profile"] == icc
    assert np.array_equal(np.asarray(image), np.asarray(Image.open(io.BytesIO(jpeg))))
