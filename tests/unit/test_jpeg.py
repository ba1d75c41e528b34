import io
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import jpeglib
import numpy as np
import pytest
from clips import texture
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from semvid.codecs.jpeg import choice
from semvid.codecs.jpeg.budget import Budget
from semvid.codecs.jpeg.choice import Prices, choose_levels, round_levels, symbol_bits, typical_counts
from semvid.codecs.jpeg.dct import block_shape, scan_order, to_blocks
from semvid.codecs.jpeg.encoder import Choice, PictureCoder, fill_size, masking_weights
from semvid.codecs.jpeg.planes import SHIFTS, planes_from_rgb
from semvid.codecs.jpeg.sampling import choose_sampling
from semvid.codecs.jpeg.tables import ZIGZAG, quality_at, scaled_tables, step_scale
from semvid.codecs.jpeg.tuning import TUNINGS, Tuning
from semvid.codecs.jpeg.writer import insert_segments, write_jpeg
from semvid.core.errors import ConfigError
from semvid.core.geometry import extended
from semvid.media.stills.picture_tags import PictureTags


def colour(width, height):
    """A picture with fine detail of little contrast, as photographs have."""
    if width * height == 1:
        return np.full((1, 1, 3), 77, np.uint8)
    noise = np.stack([texture(width, height, seed) for seed in range(3)], -1)
    return cv2.GaussianBlur(noise, (0, 0), 0.8) if min(width, height) > 4 else noise


@settings(deadline=None, max_examples=25)
@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40)))
def test_the_transform_is_orthonormal_at_any_size(plane):
    shape = block_shape(plane.shape[1], plane.shape[0])
    covered = extended(plane, shape[0] * 8, shape[1] * 8).astype(np.float32)
    blocks, energy = to_blocks(plane, shape)
    assert np.isclose(np.square(covered - 128).sum(), np.square(blocks).sum(), rtol=1e-4, atol=1e-2)
    assert np.allclose(energy, np.square(blocks[:, 1:]).mean(axis=1), rtol=1e-4, atol=1e-4)


def test_coefficients_are_those_of_opencv():
    plane = texture(16, 8)
    blocks, _ = to_blocks(plane, (1, 2))
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
    st.sampled_from([0.0, 0.3]),
)
def test_no_single_change_makes_a_chosen_block_cheaper(coefficients, price, quality, emptiness):
    """The choice is never dearer than plain rounding, and costs what the definition says."""
    table, _ = scaled_tables(quality)
    bits = symbol_bits(typical_counts().ac)
    prices = Prices(np.full(6, price, np.float32), np.full(6, price, np.float32))
    weights = np.linspace(2, 0.3, 64, dtype=np.float32)
    chosen, _ = choose_levels(
        coefficients, table, weights, prices, np.arange(6), typical_counts(), 1, emptiness
    )
    plain = round_levels(coefficients, table)

    def cost(levels):
        error = (weights * np.square(coefficients - levels * table))[1:].sum()
        rate, last = 0.0, 0
        for i in np.flatnonzero(levels[1:]) + 1:
            run, size = int(i) - last - 1, int(abs(int(levels[i]))).bit_length()
            rate += bits[(run % 16) * 16 + size] + run // 16 * bits[0xF0]
            last = int(i)
        if not levels[1:].any():
            could_be_kept = np.abs(coefficients[1:]) >= 0.5 * table[1:]
            error += emptiness * (weights * np.square(coefficients))[1:][could_be_kept].sum()
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
    assert (np.abs(chosen[:, 1:]) <= np.abs(coefficients[:, 1:]) / table[1:] + 0.5).all()


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


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(["4:2:0", "4:2:2", "4:4:4", "grey"]),
    st.tuples(st.integers(1, 70), st.integers(1, 50)),
    st.floats(0, 1),
    st.integers(0, 10),
    st.randoms(use_true_random=False),
)
def test_files_are_those_of_libjpeg_turbo(sampling, size, share, bits, random):
    """Any levels at all: the same Huffman codes, the same blocks to fill up units, the same bytes."""
    noise = np.random.default_rng(random.randrange(1000))
    across, down = SHIFTS[sampling]
    sizes = [size] + [(-(-size[0] >> across), -(-size[1] >> down))] * (0 if sampling == "grey" else 2)
    shapes = [block_shape(*one) for one in sizes]
    levels = [
        (noise.integers(1 - 2**bits, 2**bits, (rows * cols, 64)) * (noise.random((rows * cols, 64)) < share))
        .astype(np.int16)
        for rows, cols in shapes
    ]  # fmt: skip
    tables = scaled_tables(random.randrange(1, 101))
    blocks = [
        np.take(one, np.argsort(ZIGZAG), axis=1).reshape(*shape, 8, 8)
        for one, shape in zip(levels, shapes, strict=True)
    ]
    steps = np.stack([one[np.argsort(ZIGZAG)].reshape(8, 8) for one in tables]).astype(np.uint16)
    picture = jpeglib.from_dct(*blocks, qt=steps[: min(len(blocks), 2)])
    picture.width, picture.height = size
    picture.samp_factor = np.array([[1 << down, 1 << across], [1, 1], [1, 1]][: len(blocks)], np.int32)
    with tempfile.TemporaryDirectory() as folder, jpeglib.version("turbo210"):
        picture.write_dct(f"{folder}/theirs.jpg", flags=["+OPTIMIZE_CODING"])
        theirs = Path(folder, "theirs.jpg").read_bytes()
    mine = write_jpeg(levels, shapes, tables, size, sampling)
    # jpeglib numbers the components from 0, and JFIF from 1.
    assert len(mine) == len(theirs)
    frame, scan = mine.index(b"\xff\xc0"), mine.index(b"\xff\xda")
    differ = {index for index in range(len(mine)) if mine[index] != theirs[index]}
    numbers = {start + 3 * i for start in (frame + 10,) for i in range(len(levels))}
    assert differ == numbers | {scan + 5 + 2 * i for i in range(len(levels))}


@pytest.mark.parametrize(("tune", "gain"), [("perceptual", 0.1), ("psnr", 0.2)])
def test_what_matters_is_kept_and_the_rest_pays(tune, gain):
    rgb = colour(256, 128)
    importance = np.zeros((16, 32), np.float32)
    importance[:, :16] = 1
    planes = planes_from_rgb(rgb, "4:2:0")

    def errors(jpeg):
        decoded = np.asarray(Image.open(io.BytesIO(jpeg)).convert("L"), np.float64)
        error = np.square(decoded - np.asarray(Image.fromarray(rgb).convert("L")))
        return error[:, :128].mean(), error[:, 128:].mean()

    coder = PictureCoder(planes, importance, TUNINGS[tune])
    even = coder.encode(Choice(85, strength=0))
    steered, quality = fill_size(coder.encode, Choice(), len(even))
    assert quality > 85
    assert errors(steered)[0] < (1 - gain) * errors(even)[0]
    assert errors(steered)[1] > (1 + gain / 2) * errors(even)[1]


@pytest.mark.parametrize("tune", TUNINGS)
def test_without_a_map_blocks_weigh_as_most_do_under_one(tune):
    planes, tuning = planes_from_rgb(colour(64, 48), "4:2:0"), TUNINGS[tune]
    steered = PictureCoder(planes, np.ones((6, 8), np.float32), tuning)
    plain = PictureCoder(planes, None, tuning)
    even = Choice(70, strength=0)
    assert plain.encode(Choice(70)) == steered.encode(even) == plain.encode(even)
    for strength in (0, 0.5, 1, 2):
        choice = Choice(70, strength=strength)
        evenness = max(1 - strength, 0)
        tuned = tuning.at(70, evenness)
        assert tuned.scale == pytest.approx(tuning.at(70).scale * tuning.even_scale**evenness)
        for (ac, dc), (masked_ac, masked_dc) in zip(
            steered.weights(choice), steered.masking(choice), strict=True
        ):
            share = tuning.even_share**evenness
            np.testing.assert_allclose(ac, masked_ac * share**tuned.contrast, rtol=1e-5)
            np.testing.assert_allclose(dc, masked_dc * share**tuned.dc_contrast, rtol=1e-5)


@settings(deadline=None, max_examples=200)
@given(st.floats(0.4, 1.4), st.floats(100, 1e6), st.floats(0.01, 1.2), st.floats(1, 100), st.floats(0, 0.01))
def test_a_size_is_filled_and_never_exceeded(growth, most, share, first, roughness):
    """Sizes fall with the step, a little unevenly, as those of pictures do."""
    tried = []

    def encode(choice):
        tried.append(choice.quality)
        wave = 1 + roughness * np.sin(50 * choice.quality)
        return bytes(max(round(most * 100**-growth * step_scale(choice.quality) ** -growth * wave), 1))

    smallest = len(encode(Choice(1.0)))
    target = max(round(share * most), 1)
    if smallest > target:
        with pytest.raises(ConfigError, match=f"needs {smallest}"):
            fill_size(encode, Choice(first), target)
        return
    tried.clear()
    coded, quality = fill_size(encode, Choice(first), target)
    assert len(coded) <= target
    assert len(coded) == len(encode(Choice(quality)))
    largest = len(encode(Choice(100.0)))
    assert len(coded) >= min(target, largest) * (0.98 - 2 * roughness) - 2
    assert len(tried) <= 18


@pytest.mark.parametrize("tune", sorted(TUNINGS))
def test_sizes_grow_with_quality_from_knot_to_knot(tune):
    importance = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    coder = PictureCoder(planes_from_rgb(colour(256, 192), "4:2:0"), importance, TUNINGS[tune])
    sizes = [len(coder.encode(Choice(quality_at(50 / 1.3**n)))) for n in range(8, 33)]
    assert (np.diff(np.log(sizes)) > 0).all()
    for target in (sizes[0], 2 * sizes[0], sizes[-4] // 2, sizes[-4]):
        assert 0.99 * target < len(fill_size(coder.encode, Choice(), target)[0]) <= target


def test_colours_with_sharp_edges_keep_their_resolution():
    photograph = cv2.GaussianBlur(colour(320, 240), (0, 0), 3)
    assert choose_sampling(photograph) == "4:2:0"
    assert choose_sampling(photograph[..., 0]) == "grey"
    assert choose_sampling(photograph[:1, :1]) == "4:2:0"
    for row, text in enumerate(("red letters", "on a photograph")):
        cv2.putText(photograph, text, (10, 40 + 40 * row), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (230, 0, 0), 2)
    assert choose_sampling(photograph) == "4:4:4"
    assert choose_sampling(np.ascontiguousarray(photograph[1:, :-3])) == "4:4:4"
    black_text = np.full((240, 320, 3), 255, np.uint8)
    cv2.putText(black_text, "black", (10, 90), cv2.FONT_HERSHEY_SIMPLEX, 3, (0, 0, 0), 4)
    assert choose_sampling(black_text) == "4:2:0"


def test_segments_lie_where_readers_look():
    jpeg = PictureCoder(planes_from_rgb(colour(32, 32), "4:2:0"), None).encode(Choice())
    exif = Image.Exif()
    exif[0x0112] = 6
    icc = bytes(range(256)) * 600
    tags = PictureTags(exif.tobytes().removeprefix(b"Exif\0\0"), icc, ((0xFE, b"words"),), (1, 300, 150))
    marked = insert_segments(jpeg, tags)
    image = Image.open(io.BytesIO(marked))
    assert image.getexif()[0x0112] == 6
    assert image.info["icc_profile"] == icc
    assert image.info["comment"] == b"words"
    assert image.info["dpi"] == (300, 150)
    assert np.array_equal(np.asarray(image), np.asarray(Image.open(io.BytesIO(jpeg))))


@settings(deadline=None, max_examples=30)
@given(
    hnp.arrays(np.float32, 40, elements=st.floats(-900, 900, width=32)), st.floats(0.01, 3000), st.randoms()
)
def test_no_single_change_makes_the_path_of_dc_cheaper(values, price, random):
    coefficients = np.zeros((40, 64), np.float32)
    coefficients[:, 0] = values
    table, _ = scaled_tables(40)
    weights = np.full(64, 1.7, np.float32)
    scan = np.array(random.sample(range(40), 40))
    bits = symbol_bits(typical_counts().dc)
    chosen, counts = choose_levels(
        coefficients,
        table,
        weights,
        Prices(np.ones(40, np.float32), np.full(40, price, np.float32)),
        scan,
        typical_counts(),
        rounds=1,
    )
    assert counts.dc.sum() == 40

    def cost(levels):
        steps = np.abs(np.diff(levels[scan], prepend=0))
        return weights[0] * np.square(values - levels * table[0]).sum() + price * sum(
            bits[int(one).bit_length()] for one in steps
        )

    mine = cost(chosen[:, 0].astype(np.int64))
    for index in range(40):
        for step in (-1, 1):
            other = chosen[:, 0].astype(np.int64)
            other[index] += step
            if abs(other[index] - values[index] / table[0]) <= 3:
                assert mine <= cost(other) * (1 + 1e-4) + 1e-2


def test_parts_may_be_chosen_at_the_same_time(monkeypatch):
    planes = planes_from_rgb(texture(203, 120), "4:2:0")
    importance = np.eye(8, dtype=np.float32)
    expected = PictureCoder(planes, importance).encode(Choice(60))
    monkeypatch.setattr(choice, "_BAND", 17)
    with ThreadPoolExecutor(3) as pool:
        assert PictureCoder(planes, importance, each=pool.map).encode(Choice(60)) == expected


def test_blocks_are_visited_as_a_scan_does():
    assert scan_order((2, 4), 1, 1).tolist() == [0, 1, 4, 5, 2, 3, 6, 7]
    assert scan_order((3, 3), 1, 1).tolist() == [0, 1, 3, 4, 2, 5, 6, 7, 8]
    assert scan_order((2, 3), 0, 0).tolist() == list(range(6))
    assert scan_order((2, 4), 1, 0).tolist() == list(range(8))


@given(st.sampled_from(sorted(TUNINGS)), st.floats(1, 99.4), st.floats(0.1, 40))
def test_steps_get_finer_with_quality(tune, quality, more):
    lower, higher = TUNINGS[tune].at(quality), TUNINGS[tune].at(quality + more)
    for coarse, fine in zip(lower.tables(), higher.tables(), strict=True):
        assert coarse.min() >= fine.min() >= 1
        assert fine.max() <= coarse.max() <= 255
        assert (fine <= coarse).all()
    assert lower.worth_of_bit() >= higher.worth_of_bit()
    assert lower.worth_of_bit(0.06) >= higher.worth_of_bit(0.06)


def test_between_its_knots_a_tuning_is_blended():
    usual = TUNINGS["psnr"].knots[0]
    luma = replace(usual.luma, references=(4.0,) * 64)
    fine = replace(usual, scale=0.1, contrast=0.2, luma=luma)
    coarse = replace(usual, scale=10, contrast=1, luma=replace(luma, references=(16.0,) * 64, flatness=1.5))
    tuning = Tuning(scale=2, knots=(fine, coarse))
    middle = tuning.at(quality_at(0.5))
    assert middle.scale == pytest.approx(1)
    assert middle.price == usual.price
    assert middle.contrast == pytest.approx(0.6)
    assert middle.luma.flatness == pytest.approx((usual.luma.flatness + 1.5) / 2)
    assert middle.luma.references == pytest.approx((8.0,) * 64)
    assert tuning.at(quality_at(0.04)) == replace(fine, scale=pytest.approx(0.08))
    assert tuning.at(1) == replace(coarse, scale=100.0)


def test_psnr_weighs_all_coefficients_alike_and_the_eye_does_not():
    for component in range(2):
        assert (TUNINGS["psnr"].at(75).of(component).weights() == 1).all()
        weights = TUNINGS["perceptual"].at(75).of(component).weights()
        assert weights[63] < 0.25 * weights[1]


@given(
    st.sampled_from(sorted(TUNINGS)),
    st.integers(0, 1),
    hnp.arrays(np.float32, 30, elements=st.floats(0, 1e5, width=32)),
)
def test_texture_hides_errors(tune, component, energy):
    tuning = TUNINGS[tune].at(75).of(component)
    of_ac, of_dc = masking_weights(energy, tuning)
    order = np.argsort(energy)
    for weights in (of_ac, of_dc):
        assert np.log(weights).mean() == pytest.approx(0, abs=1e-4)
        assert (np.diff(weights[order]) <= 1e-5).all()
    expected = (energy.astype(float) + tuning.masking_floor) ** -tuning.masking
    assert np.allclose(of_ac, expected / np.exp(np.log(expected).mean()), rtol=1e-3)


@given(st.floats(1, 99))
def test_quality_and_step_scale_undo_each_other(quality):
    assert quality_at(step_scale(quality)) == pytest.approx(quality)


@given(st.lists(st.floats(0.5, 2), min_size=1, max_size=4), st.integers(0, 16))
def test_a_budget_is_met_whatever_the_content(contents, lag):
    """Content changes in scenes; each frame is booked late, as when many are in the making."""
    share, num_frames = 20_000, 600
    budget = Budget(share, num_frames, 70)
    pending, spent = [], 0
    for index in range(num_frames):
        if len(pending) > lag:
            done = pending.pop(0)
            budget.spend(done)
            spent += done
        content = contents[index * len(contents) // num_frames] * share * step_scale(70) ** 0.75
        pending.append(round(content * step_scale(budget.next_quality()) ** -0.75))
    spent += sum(pending)
    assert abs(spent / (share * num_frames) - 1) < 0.1


def test_without_a_map_nothing_is_steered():
    planes = planes_from_rgb(colour(64, 64), "4:2:0")
    importance = np.eye(8, dtype=np.float32)
    assert PictureCoder(planes, importance).encode(Choice(70, strength=0)) == PictureCoder(
        planes, None
    ).encode(Choice(70))
