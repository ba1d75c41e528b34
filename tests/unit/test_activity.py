"""What changes in blocks, and what the allocator remembers of it."""

import numpy as np
import pytest
from av import VideoFrame

from semvid.allocate.blocks import block_differences
from semvid.codecs.ffmpeg.allocator import OffsetAllocator
from semvid.codecs.ffmpeg.live import predicted_saving
from semvid.codecs.x26x.x264 import X264
from semvid.core.config import AllocationConfig
from semvid.core.types import AnalysedFrame, Frame


def test_texture_and_motion_are_busier_than_flat_and_still():
    rng = np.random.default_rng(0)
    first = np.full((64, 128), 100, np.uint8)
    first[:, 64:] = rng.integers(0, 255, (64, 64))
    second = first.copy()
    second[:32, 64:] = rng.integers(0, 255, (32, 64))
    activity = X264.rate.blocks(*block_differences(second, first, 256, 128, 16), octaves=0.0).detail
    assert activity.shape == (8, 16)
    flat, still, moving = activity[:, :7].mean(), activity[5:, 9:].mean(), activity[:3, 9:].mean()
    assert flat < still < moving


def test_a_cut_forgets_the_frames_before():
    rng = np.random.default_rng(1)
    one, two = rng.integers(0, 255, (2, 32, 32), dtype=np.uint8)
    one[:, :16] = 0
    importance = rng.random((4, 4), np.float32)

    def offsets(*frames, is_cut=False):
        allocator = OffsetAllocator(X264, AllocationConfig(match="size"))
        for index, half in enumerate(frames, 1):
            made, _ = allocator.allocate(importance, half, (64, 64), is_cut=is_cut and index == len(frames))
        return made.values

    assert np.array_equal(offsets(one, two, is_cut=True), offsets(two))
    assert not np.array_equal(offsets(one, two), offsets(two))


def test_what_matters_most_in_a_scene_keeps_its_quantizer_and_the_rest_does_not_pump():
    allocator = OffsetAllocator(X264, AllocationConfig(match="region"))
    half = np.zeros((32, 32), np.uint8)

    def update(left, *, is_cut=False):
        importance = np.array([[left, 0]], np.float32)
        return allocator.allocate(importance, half, (64, 64), is_cut=is_cut)[0].values

    first = update(1, is_cut=True)
    assert (first[:, 0] == 0).all()
    assert (first[:, -1] > 6).all()
    leaving = update(0.2)
    assert (first[:, -1] - leaving[:, -1] < 0.3).all(), "the top of the scene falls slowly"
    assert (update(1)[:, 0] == 0).all(), "and rises at once"
    assert (update(0.1, is_cut=True)[:, 0] == 0).all()
    blank = allocator.allocate(np.zeros((1, 1), np.float32), half, (64, 64), is_cut=True)[0].values
    assert not blank.any()


def test_a_frame_whose_map_is_like_the_one_before_takes_its_offsets():
    allocator = OffsetAllocator(X264, AllocationConfig(match="size"))
    rng = np.random.default_rng(2)
    importance = rng.random((4, 4), np.float32) * np.float32(0.8)

    def update(values, *, is_cut=False):
        picture = VideoFrame.from_ndarray(rng.integers(0, 255, (96, 64), np.uint8), format="yuv420p")
        return allocator.update(AnalysedFrame(Frame(picture, 0), values, is_cut))

    first, bits = update(importance, is_cut=True)
    second, same_bits = update(importance + np.float32(0.05))
    assert second.values is first.values
    assert same_bits is bits
    assert first.is_cut
    assert not second.is_cut
    # Not twice in a row, or nobody sees how the picture changes.
    third, _ = update(importance + np.float32(0.05))
    assert third.values is not first.values
    fourth, _ = update(importance + np.float32(0.5))
    assert fourth.values is not third.values
    cut, _ = update(importance + np.float32(0.2), is_cut=True)
    assert cut.values is not fourth.values
    other_size, _ = update(np.ones((2, 2), np.float32))
    assert other_size.values is not cut.values


def test_a_coarser_quantizer_leaves_less_to_save():
    rng = np.random.default_rng(2)
    halves = rng.integers(90, 110, (2, 64, 64), dtype=np.uint8)
    importance = np.array([[1, 0]], np.float32)
    ratios = []
    for crf in (20, 45):
        allocator = OffsetAllocator(X264, AllocationConfig(match="region"), crf)
        for index, half in enumerate(halves):
            _, predicted = allocator.allocate(importance, half, (128, 128), is_cut=index == 0)
        ratios.append(predicted.coded / predicted.plain)
    assert ratios[0] < ratios[1] < 1


def test_a_live_saving_is_what_a_plain_encode_as_fine_would_take_more():
    rng = np.random.default_rng(3)
    importance = np.zeros((4, 4), np.float32)
    importance[:, :2] = 1
    allocator = OffsetAllocator(X264, AllocationConfig(match="size"))
    half = rng.integers(0, 255, (64, 64), dtype=np.uint8)
    offsets, predicted = allocator.allocate(importance, half, (128, 128), is_cut=True)
    assert predicted.coded == pytest.approx(predicted.plain, rel=1e-3)
    blocks = allocator.blocks
    assert predicted_saving(blocks, np.zeros((8, 8), np.float32)) == 0
    finest = np.full((1, 1), offsets.values.min(), np.float32)
    assert predicted_saving(blocks, offsets.values) == pytest.approx(1 - 1 / blocks.ratio(finest), abs=0.02)
    assert 0.1 < predicted_saving(blocks, offsets.values) < 0.9
