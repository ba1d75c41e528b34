"""Letters and lines in stills: found, tuned for, and without ringing."""

import io

import cv2
import numpy as np
import pytest
from clips import texture
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageDraw, ImageFont

import semvid
from semvid.codecs.jpeg.encoder import Choice, PictureCoder, fill_size
from semvid.codecs.jpeg.lines import LINES, drawn_share, still_coder, tuning_for
from semvid.codecs.jpeg.overshoot import without_ringing
from semvid.codecs.jpeg.planes import Planes, planes_from_rgb
from semvid.codecs.jpeg.tuning import PERCEPTUAL, PSNR


def letters(width=320, height=192, ground=255, ink=20):
    """Lines of letters on a plain ground."""
    picture = Image.new("L", (width, height), ground)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size=13)
    for number, y in enumerate(range(4, height - 12, 16)):
        draw.text((6, y), f"{number} letters stay crisp on a plain ground", fill=ink, font=font)
    return np.asarray(picture)


def photograph(width=320, height=192):
    return cv2.GaussianBlur(texture(width, height), (0, 0), 0.8)


def decoded(jpeg):
    return np.asarray(Image.open(io.BytesIO(jpeg)), np.float32)


def test_letters_are_told_from_photographs():
    assert drawn_share(planes_from_rgb(letters(), "grey")) == 1
    assert drawn_share(planes_from_rgb(photograph(), "grey")) == 0
    both = np.vstack([letters(), letters(), letters(), photograph()])
    assert 0 < drawn_share(planes_from_rgb(both, "grey")) < 1


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (8, 8), (64, 64)])
def test_plain_and_tiny_pictures_are_as_photographs(size):
    assert drawn_share(planes_from_rgb(np.full(size[::-1], 255, np.uint8), "grey")) == 0


def test_the_tuning_follows_what_is_found():
    drawn, seen = (planes_from_rgb(one, "grey") for one in (letters(), photograph()))
    assert tuning_for(seen, "perceptual") == PERCEPTUAL
    assert tuning_for(drawn, "psnr") == PSNR
    found = tuning_for(drawn, "perceptual").at(80)
    assert found.luma.flatness == pytest.approx(LINES.luma.flatness)
    assert found.chroma.masking == pytest.approx(LINES.chroma.masking)
    assert found.price == pytest.approx(LINES.price)


@settings(deadline=None, max_examples=40)
@given(
    hnp.arrays(
        np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=20),
        elements=st.sampled_from([0, 1, 3, 128, 252, 254, 255]),
    )
)  # fmt: skip
def test_only_white_and_black_go_beyond(luma):
    raised = without_ringing(luma)
    assert (np.clip(np.rint(raised), 0, 255) == luma).all()
    assert raised.min() >= -31
    assert raised.max() <= 255 + 31
    # What is black in one is white in the other.
    assert np.allclose(255 - without_ringing(255 - luma), raised, atol=1e-3)
    rows, cols = luma.shape[0] // 8, luma.shape[1] // 8
    blocks = raised[: 8 * rows, : 8 * cols].reshape(rows, 8, cols, 8)
    assert (blocks.mean(axis=(1, 3)) <= 255.01).all()


def test_nothing_is_copied_where_there_is_no_white():
    luma = photograph()
    assert without_ringing(luma) is luma


@pytest.mark.parametrize(("ground", "ink"), [(255, 20), (0, 220)])
def test_letters_ring_less_at_the_same_size(ground, ink):
    """Ringing is what differs on the ground, away from the letters themselves."""
    luma = letters(ground=ground, ink=ink)
    is_ground = cv2.erode((luma == ground).astype(np.uint8), np.ones((3, 3))) > 0
    planes = Planes((luma,), "grey")
    before = PictureCoder(planes, None, PERCEPTUAL).encode(Choice(60))
    after, _ = fill_size(still_coder(planes, None, "perceptual").encode, Choice(60), len(before))
    errors = [np.square(decoded(one) - luma) for one in (before, after)]
    assert errors[1][is_ground].mean() < 0.5 * errors[0][is_ground].mean()
    assert errors[1].mean() < 0.7 * errors[0].mean()


def test_stills_are_coded_so(tmp_path):
    Image.fromarray(letters()).save(tmp_path / "in.png")
    config = semvid.ImageConfig(
        maps=semvid.MapsConfig(model="spectral"), rate=semvid.Quality(60), strength=0, allow_larger=True,
        progressive=False,
    )  # fmt: skip
    result = semvid.compress_image(tmp_path / "in.png", tmp_path / "out.jpg", config)
    coder = still_coder(Planes((letters(),), "grey"), None, "perceptual")
    expected = coder.encode(Choice(60, strength=0))
    assert (decoded(result.output.read_bytes()) == decoded(expected)).all()
