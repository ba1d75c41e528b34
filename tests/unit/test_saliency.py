import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from semvid.importance.edges import snap_to_edges
from semvid.importance.spectral import spectral_residual

maps = hnp.arrays(np.float32, (6, 9), elements=st.floats(0, 1, width=32))
thumbnails = hnp.arrays(np.uint8, (32, 44))


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


@given(maps, thumbnails)
def test_maps_snapped_to_edges_stay_in_range(values, thumbnail):
    snapped = snap_to_edges(values, thumbnail)
    assert snapped.shape == (16, 22)
    assert snapped.min() >= 0
    assert snapped.max() <= 1


@given(st.floats(0, 1, width=32), thumbnails)
def test_a_constant_map_has_no_edges_to_snap(value, thumbnail):
    snapped = snap_to_edges(np.full((6, 9), value, np.float32), thumbnail)
    assert np.allclose(snapped, value, atol=1e-4)


def test_a_border_moves_to_the_edge_of_the_picture():
    thumbnail = np.full((136, 240), 40, np.uint8)
    thumbnail[:, 120:] = 200
    coarse = np.zeros((17, 30), np.float32)
    coarse[:, 16:] = 1  # one cell, four of the finer grid, to the right of the edge
    coarse[:, 15] = 0.5
    snapped = snap_to_edges(coarse, thumbnail)
    blurred = np.repeat(np.repeat(coarse, 4, 0), 4, 1)
    assert snapped[34, 60] - snapped[34, 59] > 0.3
    assert blurred[34, 60] - blurred[34, 59] == 0.5 or snapped[34, 62] > snapped[34, 57] + 0.3
