import numpy as np
from clips import pictures, texture
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from semvid.saliency.smooth import MapSmoother, SceneCutDetector
from semvid.saliency.spectral import spectral_residual

maps = hnp.arrays(np.float32, (6, 9), elements=st.floats(0, 1, width=32))


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=80)))
def test_spectral_residual_stays_in_range_at_any_size(luma):
    saliency = spectral_residual(luma)
    assert saliency.shape[1] == 64
    assert saliency.min() >= 0
    assert saliency.max() <= 1


def test_spectral_residual_of_a_flat_picture_is_zero():
    assert not spectral_residual(np.full((90, 160), 77, np.uint8)).any()


def test_spectral_residual_finds_what_stands_out():
    # Regular stripes with one odd disc.
    rows, cols = np.mgrid[0:180, 0:320]
    luma = (128 + 60 * np.sin(cols / 4)).astype(np.uint8)
    luma[(rows - 60) ** 2 + (cols - 240) ** 2 < 20**2] = 250
    saliency = spectral_residual(luma)
    row, col = np.unravel_index(saliency.argmax(), saliency.shape)
    assert abs(row * 5 - 60) < 25
    assert abs(col * 5 - 240) < 25


@given(maps, st.floats(0, 0.99))
def test_smoothing_a_constant_map_is_the_identity(values, smoothing):
    smoother = MapSmoother(smoothing)
    for _ in range(3):
        assert np.allclose(smoother.update(values), values, atol=1e-6)


@given(st.lists(maps, min_size=1, max_size=5), st.floats(0, 0.99))
def test_smoothed_maps_stay_in_range(sequence, smoothing):
    smoother = MapSmoother(smoothing)
    for values in sequence:
        smoothed = smoother.update(values)
        assert smoothed.min() >= -1e-6
        assert smoothed.max() <= 1 + 1e-6


def test_reset_starts_afresh():
    smoother = MapSmoother(0.9)
    smoother.update(np.zeros((2, 2), np.float32))
    smoother.reset()
    assert (smoother.update(np.ones((2, 2), np.float32)) == 1).all()


def test_a_cut_is_found_to_the_frame_and_a_pan_is_none():
    detector = SceneCutDetector()
    cuts = [
        index for index, picture in enumerate(pictures(160, 96, 20, cut_at=12)) if detector.update(picture)
    ]
    assert cuts == [0, 12]


def test_a_fast_pan_is_no_cut():
    scene = texture(1200, 96)
    detector = SceneCutDetector()
    cuts = [index for index in range(12) if detector.update(scene[:, 80 * index : 80 * index + 160])]
    assert cuts in ([0], [0, 1])
