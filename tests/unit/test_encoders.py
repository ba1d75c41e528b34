import numpy as np
import pytest
from encoders import ENCODERS
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import semvid
from semvid.allocate.levels import LevelQuantizer, round_steadily
from semvid.codecs.ffmpeg.option_text import is_off, number, split_list, without
from semvid.codecs.registry import find_codec
from semvid.codecs.vpx.vp8 import VP8
from semvid.codecs.vpx.vp9 import VP9
from semvid.codecs.x26x.x264 import X264
from semvid.codecs.x26x.x265 import X265
from semvid.core.errors import ConfigError, MapIgnoredError

offsets = hnp.arrays(np.float32, (9, 16), elements=st.floats(-12, 12, width=32))


@pytest.mark.parametrize(
    ("name", "spec"), [("x264", X264), ("H264", X264), ("hevc", X265), ("libvpx-vp9", VP9)]
)
def test_encoders_are_found_by_their_names(name, spec):
    assert find_codec(name) is spec


@pytest.mark.parametrize("name", ["librav1e", "libaom-av1", "libvvenc"])
def test_encoders_that_ignore_maps_are_refused_with_a_choice(name):
    with pytest.raises(MapIgnoredError, match="ignores? region maps; use `codec="):
        find_codec(name)


def test_unknown_encoders_are_named():
    with pytest.raises(ConfigError, match="theora` is unknown; choose one of x264, x265, vp8, vp9"):
        find_codec("theora")


@pytest.mark.parametrize(
    ("spec", "preset", "options", "words"),
    [
        (X264, "ultrafast", {}, "superfast` or slower"),
        (X264, None, {"aq-mode": "0"}, "aq-mode=1"),
        (X264, None, {"x264-params": "me=hex:aq-mode=0"}, "aq-mode=1"),
        (X264, None, {"tune": "psnr"}, "aq-mode=1"),
        (X264, None, {"qp": "30"}, "`Crf` instead"),
        (X264, None, {"x264-params": "qp=30"}, "`Crf` instead"),
        (X265, "ultrafast", {}, "veryfast` or slower"),
        (X265, "superfast", {}, "veryfast` or slower"),
        (X265, "superfast", {"x265-params": "aq-strength=1"}, "x265-params=aq-mode=2"),
        (X265, None, {"tune": "grain"}, "x265-params=aq-mode=2"),
        (X265, None, {"x265-params": "aq-mode=0"}, "x265-params=aq-mode=2"),
        (X265, None, {"x265-params": "hevc-aq=1"}, "drop hevc-aq"),
        (X265, None, {"x265-params": "lossless=1"}, "drop lossless"),
        (VP9, None, {"deadline": "good"}, "deadline=realtime"),
        (VP9, None, {"cpu-used": "2"}, "`preset=5 to 8`"),
        (VP9, None, {"aq-mode": "3"}, "drop aq-mode"),
    ],
)
def test_modes_that_ignore_the_map_are_refused(spec, preset, options, words):
    with pytest.raises(MapIgnoredError, match=f"{spec.name} would ignore the map: .*{words}"):
        spec.options(spec.crf.default, preset, options)


def test_without_a_map_there_is_nothing_to_ignore():
    """A mode without maps has its own options: those of the other are for maps."""
    assert VP9.options(38, "2", {"quality": "good"}, has_map=False) == {
        "row-mt": "1", "crf": "38", "cpu-used": "2", "deadline": "good",
    }  # fmt: skip
    plain = VP9.options(38, None, {"aq-mode": "3"}, has_map=False)
    assert plain == {**VP9.options(38, None, {}), "aq-mode": "3"}


def test_a_mode_without_maps_needs_a_pre_filter_or_no_map():
    def coding(**allocation):
        return VP9.coding(
            semvid.CompressConfig(
                codec="vp9",
                encoder_options={"deadline": "good"},
                allocation=semvid.AllocationConfig(**allocation),
            )
        )

    assert coding(prefilter=0.4).keeps_region
    assert not coding(strength=0).keeps_region
    with pytest.raises(MapIgnoredError, match=r"deadline=good` takes none; .*`prefilter=0.5`.*`strength=0`"):
        coding()
    with pytest.raises(ConfigError, match="`coarsest=4` has no effect with `encoder_options=deadline=good`"):
        coding(prefilter=0.4, coarsest=4)


def test_ultrafast_is_fine_once_adaptive_quantization_is_on():
    assert X264.options(23, "ultrafast", {"aq-mode": "1"})["preset"] == "ultrafast"
    for preset in ("superfast", "ultrafast"):
        assert X265.options(28, preset, {"x265-params": "aq-mode=2"})["preset"] == preset


@pytest.mark.parametrize("option", [("aq-mode", "1"), ("lossless", "1"), ("hevc-aq", "1")])
def test_options_that_ffmpeg_would_drop_are_told(option):
    with pytest.raises(ConfigError, match=f"has no effect on x265; give x265-params={option[0]}=1"):
        X265.options(28, None, dict([option]))


def test_the_users_nested_options_join_ours():
    assert X265.options(28, None, {"x265-params": "bframes=2"})["x265-params"] == "log-level=none:bframes=2"


@pytest.mark.parametrize("spec", ENCODERS.values(), ids=lambda spec: spec.name)
def test_crf_and_preset_limits_are_told(spec):
    with pytest.raises(ConfigError, match=rf"`Crf\(99\)` is out of range: {spec.name} takes"):
        spec.options(99, None, {})
    with pytest.raises(ConfigError, match=f"`preset=warp` is unknown to {spec.name}"):
        spec.options(spec.crf.default, "warp", {})
    assert spec.options(spec.crf.default, None, {})["crf"] == f"{spec.crf.default:g}"


def test_vpx_takes_whole_crf_numbers():
    with pytest.raises(ConfigError, match=r"`Crf\(30.5\)`: vp9 takes whole numbers; use 30"):
        VP9.options(30.5, None, {})


def test_vp8_is_kept_from_going_below_its_crf():
    assert VP8.with_crf_floor({"crf": "40"}) == {"crf": "40", "qmin": "40"}
    assert VP8.with_crf_floor({"crf": "40", "qmin": "4"})["qmin"] == "4"
    assert VP8.with_crf_floor({"b": "800000"}) == {"b": "800000"}
    assert X264.with_crf_floor({"crf": "20"}) == {"crf": "20"}


@pytest.mark.parametrize("spec", [VP8, VP9], ids=lambda spec: spec.name)
@given(crf=st.integers(5, 60))
def test_vpx_deltas_grow_with_the_offset_and_keep_its_sign(spec, crf):
    steps = np.linspace(-10, 8, 37, dtype=np.float32)
    native = spec.to_native(steps, crf)
    assert (np.diff(native) >= -1e-4).all()
    assert (native[steps < 0] <= 1e-3).all()
    assert (native[steps > 0] >= -1e-3).all()
    assert abs(native[steps == 0]) < 1e-3


def test_x264_offsets_are_quantizer_steps_at_any_depth():
    steps = np.array([-6.0, 3.0], np.float32)
    assert X264.to_native(steps, 23).tolist() == [-6, 3]
    assert (X264.offset_range(8), X264.offset_range(10)) == (51, 63)


@given(offsets, st.integers(1, 7))
def test_levels_keep_to_the_limits(native, max_levels):
    rectangles = LevelQuantizer(max_levels, 512).update(native)
    assert len({level for level in rectangles[:, 4].tolist() if level}) <= max_levels
    assert len(LevelQuantizer(None, 20).update(native)) <= 20


@given(offsets)
def test_unlimited_levels_are_the_offsets_rounded(native):
    rectangles = LevelQuantizer(None, 10_000).update(native)
    grid = np.zeros(native.shape, np.int32)
    for top, bottom, left, right, level in rectangles[::-1]:
        grid[top:bottom, left:right] = level
    assert np.array_equal(grid, np.rint(native).astype(np.int32))


@given(hnp.arrays(np.float32, (5, 4, 6), elements=st.floats(-20, 20, width=32)), st.sampled_from([1, 2, 4]))
def test_levels_stay_near_the_offsets_and_change_only_for_a_reason(sequence, step):
    levels = None
    for native in sequence:
        before, levels = levels, round_steadily(native, step, levels)
        assert (levels % step == 0).all()
        assert np.abs(levels - native).max() <= 0.851 * step
        if before is not None:
            moved = levels != before
            assert (np.abs(native - before)[moved] > 0.849 * step).all()


def test_noise_on_a_static_scene_moves_no_level():
    rng = np.random.default_rng(0)
    native = rng.uniform(-10, 8, (9, 16)).astype(np.float32)
    quantizer = LevelQuantizer(None, 512)
    first = quantizer.update(native)
    for _ in range(5):
        assert quantizer.update(native + rng.uniform(-0.3, 0.3, native.shape).astype(np.float32)) is first
    assert quantizer.update(native + rng.uniform(-0.3, 0.3, native.shape), is_cut=True) is not first


def test_the_spacing_of_levels_never_shrinks_again():
    rng = np.random.default_rng(0)
    quantizer = LevelQuantizer(3, 512)
    quantizer.update(rng.uniform(-10, 8, (9, 16)).astype(np.float32))
    narrow = quantizer.update(np.array([[-1.0, 0.0, 1.0, 2.0]], np.float32), is_cut=True)
    assert set(narrow[:, 4].tolist()) == {0}


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("", []),
        ("a=1", [("a", "1")]),
        (" a_b = 1 :c", [("a-b", "1"), ("c", "1")]),
        ("no-a", [("a", "false")]),
        ("no-a=0:no_b=1", [("a", "true"), ("b", "false")]),
        (r"a='1:2':b=\3:c=4\:5", [("a", "1:2"), ("b", "3"), ("c", "4:5")]),
        ("a=b=c::d=", [("a", "b=c"), ("d", "")]),
        ("a='1", [("a", "1")]),
    ],
)
def test_lists_of_options_are_read_as_encoders_do(text, items):
    assert split_list(text) == items


@given(st.text())
def test_any_text_can_be_read_as_a_list(text):
    for name, value in split_list(text):
        assert name
        number(value)
        is_off(value)


def test_options_are_left_out_of_lists_too():
    options = {"crf": "20", "stats": "f", "x264-params": "me=hex:stats='a:b':no-pass", "x264opts": "pass=2"}
    kept = without(options, X264.nested_options, frozenset({"stats", "pass"}))
    assert kept == {"crf": "20", "x264-params": "me=hex"}
