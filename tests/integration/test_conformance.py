"""One suite over all encoders: each is there, obeys maps, and keeps pixels, times and formats."""

import dataclasses
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.sidedata.sidedata import Type
from clips import REPEATABLE_WIDTH, decode, decode_luma, encode_plainly, make_clip, psnr, write_masks
from encoders import ENCODERS

import semvid
from semvid.codecs.base import self_test
from semvid.codecs.ffmpeg.option_trial import test_encoder as run_self_test
from semvid.codecs.ffmpeg.prepare import FramePreparer, choose_pixel_format
from semvid.core.errors import MapIgnoredError
from semvid.media.side_data import side_data

SPECS = pytest.mark.parametrize("spec", ENCODERS.values(), ids=lambda spec: spec.name)
SIZE = semvid.AllocationConfig(match="size")
QUICK = {"x264": "superfast", "x265": "veryfast", "vp8": "5", "vp9": "8", "av1": "12"}
"""Presets that obey maps, where only times and formats are looked at."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """320x192, 12 frames."""
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", num_frames=12)


def compress(source: Path, output: Path, spec, **options):
    return semvid.compress(source, output, semvid.CompressConfig(codec=spec.name, overwrite=True, **options))


@SPECS
def test_self_test_passes(spec):
    outcome = run_self_test(spec, None)
    assert outcome.is_available
    assert outcome.obeys_map, outcome.detail


@pytest.mark.parametrize(
    ("spec", "preset"),
    [(spec, preset) for spec in ENCODERS.values() for preset in spec.presets],
    ids=lambda one: getattr(one, "name", one),
)
def test_presets_are_refused_exactly_where_they_ignore_the_map(spec, preset, monkeypatch):
    # The slowest take seconds for pictures of the usual size, which the test above has.
    monkeypatch.setattr(self_test, "_WIDTH", 128)
    monkeypatch.setattr(self_test, "_HEIGHT", 96)
    try:
        spec.options(spec.crf.default, preset, {})
    except MapIgnoredError:
        unguarded = dataclasses.replace(spec, implications={}, map_conditions=())
        assert run_self_test(unguarded, preset).gain_db == pytest.approx(0, abs=0.01)
    else:
        outcome = run_self_test(spec, preset)
        assert outcome.obeys_map, outcome.detail


@SPECS
def test_the_masked_part_is_better_and_the_rest_worse_than_plain(spec, tmp_path, clip):
    mask = np.zeros((192, 320), np.uint8)
    mask[:, 160:] = 255
    maps = write_masks(tmp_path / "maps", [mask])
    plain = compress(clip, tmp_path / "plain.mkv", spec, allocation=semvid.AllocationConfig(strength=0))
    mapped = compress(
        clip, tmp_path / "mapped.mkv", spec, maps=semvid.MapsConfig(path=maps / "00000.png"), allocation=SIZE
    )
    source, before, after = decode_luma(clip), decode_luma(plain.output), decode_luma(mapped.output)
    left, right = np.s_[:, :, :160], np.s_[:, :, 160:]
    # libvpx-vp9 gains least: it codes all segments with one Lagrangian.
    assert psnr(source[right], after[right]) > psnr(source[right], before[right]) + 0.2
    assert psnr(source[left], after[left]) < psnr(source[left], before[left]) - 0.2


@SPECS
def test_crf_counts_from_the_first_frame_on(spec, tmp_path, clip):
    # libvpx's VP8 heeded it from the 151st inter frame on.
    plain = semvid.AllocationConfig(strength=0)
    fine, coarse = (
        compress(
            clip, tmp_path / f"{step}.mkv", spec, rate=semvid.Crf(spec.crf.default + step), allocation=plain
        )
        for step in (-10, 10)
    )
    assert fine.video_bytes > 1.5 * coarse.video_bytes
    with av.open(str(fine.output)) as one, av.open(str(coarse.output)) as other:
        first, second = (next(file.demux(video=0)).size for file in (one, other))
    assert first > 1.2 * second


@pytest.mark.all_threads
def test_a_vp8_map_stays_in_force_until_the_next_even_past_key_frames(tmp_path, clip):
    mask = np.zeros((192, 320), np.uint8)
    mask[:, 160:] = 255
    maps = write_masks(tmp_path / "maps", [mask])
    vp8, options = ENCODERS["vp8"], {"g": "3"}
    plain = compress(
        clip, tmp_path / "plain.mkv", vp8,
        allocation=semvid.AllocationConfig(strength=0), encoder_options=options,
    )  # fmt: skip
    mapped = compress(
        clip,
        tmp_path / "mapped.mkv",
        vp8,
        maps=semvid.MapsConfig(path=maps / "00000.png"),
        allocation=SIZE,
        encoder_options=options,
    )
    source, before, after = decode_luma(clip), decode_luma(plain.output), decode_luma(mapped.output)
    for index in range(vp8.map_frames):
        right = np.s_[index, :, 160:]
        assert psnr(source[right], after[right]) > psnr(source[right], before[right]) + 0.2, index
    # Who begins at a later key frame has the same map, or all would drift.
    with av.open(str(mapped.output)) as container:
        packets = [one for one in container.demux(video=0) if one.size]
        joined = av.CodecContext.create("vp8", "r")
        late = [frame for one in [*packets[3:], None] for frame in joined.decode(one)]
    assert packets[3].is_keyframe
    assert np.array_equal(np.stack([one.to_ndarray()[:192, :320] for one in late]), after[3:])


@pytest.mark.parametrize(
    ("cut_at", "changes", "expected"),
    [(None, True, [0, 8, 16]), (5, True, [0, 5, 13]), (None, False, [0]), (5, False, [0])],
)
def test_a_vp8_map_is_renewed_when_it_changed_and_is_due_or_at_cuts(cut_at, changes, expected):
    vp8 = ENCODERS["vp8"]
    picture = av.VideoFrame(64, 64, "yuv420p")
    luma = np.zeros((32, 32), np.uint8)
    preparer = FramePreparer(vp8, 40, semvid.Frame(picture, 0, luma, 8))
    marked = []
    for index in range(20):
        picture = av.VideoFrame(64, 64, "yuv420p")
        picture.pts, picture.time_base = index, Fraction(1, 25)
        values = np.full((4, 4), -2 - 2 * (index % 2 == index // 8 % 2) * changes, np.float32)
        offsets = semvid.QuantizerOffsets(values, 16, is_cut=index == cut_at)
        prepared = preparer.prepare(semvid.Frame(picture, index, luma, 8), offsets)
        if "REGIONS_OF_INTEREST" in str(list(prepared.side_data)):
            marked.append(index)
    assert marked == expected


def test_blocks_at_the_origin_of_their_offsets_are_coded_exactly_by_it():
    picture = av.VideoFrame(64, 64, "yuv420p")
    picture.pts, picture.time_base = 0, Fraction(1, 25)
    luma = np.zeros((32, 32), np.uint8)
    preparer = FramePreparer(ENCODERS["x265"], 28, semvid.Frame(picture, 0, luma, 8))
    values = np.array([[-0.25, 2.9], [3.3, 4.4]], np.float32)
    offsets = semvid.QuantizerOffsets(values, 32, origin=-0.25)
    prepared = preparer.prepare(semvid.Frame(picture, 0, luma, 8), offsets)
    regions = np.frombuffer(bytes(side_data(prepared)[Type.REGIONS_OF_INTEREST]), np.int32).reshape(-1, 7)
    coded = np.full((2, 2), np.nan)
    for _, top, bottom, left, right, numerator, denominator in reversed(regions[regions[:, 2] > 0]):
        coded[top // 32 : bottom // 32, left // 32 : right // 32] = 51 * numerator / denominator
    assert coded == pytest.approx(np.array([[-0.25, 2.75], [3.75, 4.75]]), abs=1e-3)


@SPECS
def test_variable_frame_rate_is_kept_to_the_tick(spec, tmp_path):
    rng = np.random.default_rng(3)
    pts = np.cumsum(rng.integers(200, 2500, 16)).tolist()
    source = make_clip(tmp_path / "vfr.mp4", num_frames=16, pts=pts)
    suffix = ".mkv" if spec.name == "vp8" else ".mp4"
    result = compress(source, tmp_path / f"out{suffix}", spec, preset=QUICK[spec.name])
    times = [frame.pts * frame.time_base for frame in decode(result.output)]
    shown = [frame.pts * frame.time_base for frame in decode(source)]
    wanted = [one - shown[0] for one in shown]
    assert len(set(np.diff(wanted))) > 5
    # Matroska counts milliseconds.
    limit = Fraction(1, 1000) if suffix == ".mkv" else 0
    assert len(times) == len(wanted)
    assert max(abs(a - b) for a, b in zip(times, wanted, strict=True)) <= limit


@SPECS
def test_plain_and_mapped_frames_can_both_be_encoded_from_a_changing_map(spec, tmp_path, clip):
    # libx265 4.2 crashed when some frames had a map and others none; a map that comes and goes must not.
    masks = [np.full((12, 20), 255 * (index % 3 == 0), np.uint8) for index in range(12)]
    for mask in masks[::3]:
        mask[:6] = 0
    result = compress(
        clip, tmp_path / "out.mkv", spec, maps=semvid.MapsConfig(path=write_masks(tmp_path / "maps", masks))
    )
    assert len(decode(result.output)) == 12


@SPECS
@pytest.mark.parametrize("source_format", ["yuv420p", "yuvj420p", "yuv422p", "yuv444p", "yuv420p10le"])
def test_pixel_formats_stay_where_the_encoder_can(spec, source_format, tmp_path):
    source = make_clip(tmp_path / "in.mkv", num_frames=6, pixel_format=source_format)
    maps = semvid.MapsConfig(model="spectral")
    result = compress(source, tmp_path / "out.mkv", spec, allocation=SIZE, maps=maps, preset=QUICK[spec.name])
    coded = decode(result.output)
    wanted = choose_pixel_format(spec, source_format)
    is_full_range = source_format.startswith("yuvj") and spec.codes_full_range
    assert coded[0].format.name.replace("yuvj", "yuv") == wanted.replace("yuvj", "yuv")
    assert (coded[0].color_range == 2) == is_full_range
    # Same picture: neither range nor chroma slipped.
    before, after = (
        cv2.resize(frames[3].to_ndarray(format="rgb24"), (20, 12), interpolation=cv2.INTER_AREA).astype(int)
        for frames in (decode(source), coded)
    )
    assert abs(before - after).max() < 12


@SPECS
def test_odd_sizes(spec, tmp_path):
    source = make_clip(tmp_path / "in.mkv", width=161, height=97, num_frames=6, codec="ffv1", options={})
    frame = decode(compress(source, tmp_path / "out.mkv", spec, preset=QUICK[spec.name]).output)[0]
    assert (frame.width, frame.height) == ((161, 97) if spec.codes_odd_sizes else (162, 98))


@pytest.mark.all_threads
@SPECS
def test_strength_zero_is_the_plain_encode(spec, tmp_path):
    """The anchor of every benchmark: the same pictures as PyAV alone makes."""
    clip = make_clip(tmp_path / "in.mp4", width=REPEATABLE_WIDTH)
    result = compress(clip, tmp_path / "out.mkv", spec, allocation=semvid.AllocationConfig(strength=0))
    options = spec.with_crf_floor(spec.options(spec.crf.default, None, {}))
    encode_plainly(clip, tmp_path / "plain.mkv", spec, options)
    assert np.array_equal(decode_luma(result.output), decode_luma(tmp_path / "plain.mkv"))


@SPECS
@pytest.mark.parametrize("num_frames", [1, 2])
def test_the_shortest_videos_keep_their_times(spec, num_frames, tmp_path):
    source = make_clip(tmp_path / "in.mkv", width=192, height=96, num_frames=num_frames)
    output = compress(source, tmp_path / "out.mkv", spec, maps=semvid.MapsConfig(model="spectral")).output
    assert [one.time for one in decode(output)] == [one.time for one in decode(source)]
    with av.open(str(output)) as container:
        assert all(abs(one.dts or 0) < 1000 for one in container.demux(video=0) if one.size)
