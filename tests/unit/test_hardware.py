"""Hardware encoders without the hardware: libx264 stands in for one, described with the limits of the other."""

import ctypes
import json
import os
import re
import stat
import sys
from dataclasses import replace

import av
import numpy as np
import pytest
from av.codec.codec import codecs_available
from av.sidedata.sidedata import Type
from clips import decode, make_clip, write_masks
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import semvid
from semvid.allocate.levels import LevelQuantizer
from semvid.codecs.base.self_test import texture_frames
from semvid.codecs.ffmpeg.regions import RegionAttacher, read_regions
from semvid.codecs.hardware import trust
from semvid.codecs.hardware.catalogue import HARDWARE
from semvid.codecs.hardware.encoder import HardwareEncoder
from semvid.codecs.hardware.trial import Verdict, examine, explained
from semvid.codecs.registry import CODECS, find_codec
from semvid.core.errors import ConfigError, EncoderError, MapIgnoredError
from semvid.media.side_data import side_data
from semvid.products.report.settings import settings_table

BUILT = [one for one in HARDWARE.values() if one.library in codecs_available]
MAPS = semvid.MapsConfig(model="spectral")


def fake(name="h264_qsv", **changes):
    """libx264 as a hardware encoder of H.264: it takes the same formats and presets as Quick Sync."""
    usual = {
        "library": "libx264",
        "quality": lambda crf: {"crf": f"{crf:g}"},
        "fixed_options": {},
        "default_preset": "veryfast" if HARDWARE[name].presets else "",
    }
    return replace(HARDWARE[name], **{**usual, **changes})


class FewRegions(HardwareEncoder):
    """A driver that takes fewer regions than FFmpeg passes on."""

    most = 16

    def encode(self, picture):
        placed = side_data(picture).get(Type.REGIONS_OF_INTEREST)
        if placed is not None:
            table = np.frombuffer(bytes(placed), np.int32).reshape(-1, 7).copy()
            table[self.most :] = table[0]
            ctypes.memmove(placed.buffer_ptr, table.ctypes.data, table.nbytes)
        return super().encode(picture)


@pytest.fixture
def untried(monkeypatch, tmp_path):
    """Nothing was tried yet."""
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(tmp_path / "cache"))
    monkeypatch.setattr(trust, "_found", {})
    return tmp_path / "cache"


@pytest.fixture
def installed(monkeypatch, untried):
    """Give a machine an encoder that passed its trial."""

    def install(spec, verdict):
        monkeypatch.setitem(HARDWARE, spec.name, spec)
        trust._found[spec.name] = verdict

    return install


@pytest.mark.parametrize("spec", BUILT, ids=lambda spec: spec.name)
def test_ffmpeg_has_every_option_and_format(spec):
    known = av.CodecContext.create(spec.library, "w").supported_options
    names = {one.name for one in (*known.generic, *known.private)}
    options = spec.options(spec.crf.default, None, {})
    del options["crf"]
    assert {*options, *spec.quality(spec.crf.default)} <= names
    formats = {one.name for one in av.Codec(spec.library, "w").video_formats or ()}
    # V4L2's depend on the device.
    assert not formats or set(spec.handed_as.values()) <= formats
    (presets,) = [one for one in known.private if one.name == spec.preset_option] if spec.presets else [None]
    assert presets is None or set(spec.presets) <= {one.name for one in presets.choices}


def test_quality_is_told_in_each_encoders_own_words():
    told = {name: dict(spec.quality(30)) for name, spec in HARDWARE.items()}
    assert told["hevc_nvenc"] == {"rc": "vbr", "cq": "30", "b": "0"}
    assert told["h264_qsv"] == {"flags": "+qscale", "global_quality": "3540"}
    assert told["av1_qsv"] == {"global_quality": "30"}
    assert told["hevc_vaapi"] == {"rc_mode": "CQP", "qp": "30"}
    assert told["hevc_amf"] == {"rc": "cqp", "qp_i": "30", "qp_p": "30"}
    assert told["h264_videotoolbox"] == {"flags": "+qscale", "global_quality": "8260"}
    assert told["h264_mediacodec"] == {"bitrate_mode": "cq", "global_quality": "70"}
    assert told["h264_v4l2m2m"] == {"qmin": "30", "qmax": "30", "b": "20000000"}


def test_what_ffmpeg_passes_on():
    blocks = {name: spec.block_size for name, spec in HARDWARE.items() if spec.reads_map}
    assert blocks == {"h264_qsv": 16, "hevc_qsv": 32, "h264_vaapi": 16, "hevc_vaapi": 32}
    assert all(HARDWARE[name].most_regions == 256 for name in blocks)


def test_a_name_finds_it_and_lists_stay_short():
    assert find_codec("HEVC_NVENC") is HARDWARE["hevc_nvenc"]
    assert not CODECS.keys() & HARDWARE.keys()
    with pytest.raises(ConfigError, match="or a hardware encoder that 'semvid doctor' lists"):
        find_codec("vp9_qsv")
    with pytest.raises(MapIgnoredError, match="takes no quality; use `codec=x265`"):
        find_codec("hevc_v4l2m2m")


@pytest.mark.parametrize(
    ("codec", "preset", "extra", "words"),
    [
        ("hevc_nvenc", None, {"b": "5M"}, "encoder_options=b=5M` contradicts `Crf`"),
        ("hevc_nvenc", None, {"rc": "cbr"}, "contradicts `Crf`"),
        ("h264_qsv", None, {"pass": "2"}, "contradicts `Crf`"),
        ("h264_vaapi", "fast", {}, "`preset=fast` is not for h264_vaapi; leave it out"),
        ("h264_amf", "p5", {}, "choose one of quality, balanced, speed"),
    ],
)
def test_what_a_family_cannot_do_is_refused(codec, preset, extra, words):
    with pytest.raises(ConfigError, match=words):
        HARDWARE[codec].options(30, preset, extra)


def test_wishes_it_cannot_meet_are_refused(installed):
    installed(fake(), Verdict(regions=256))
    for config, words in (
        (semvid.CompressConfig(codec="h264_qsv", peak=semvid.Peak(1_000_000)), "`Peak` is not for"),
        (semvid.CompressConfig(codec="h264_qsv", rate=semvid.Crf(26.5)), "takes whole numbers"),
        (semvid.CompressConfig(codec="h264_qsv", rate=semvid.Quality(80)), "`Quality` is not for"),
    ):
        with pytest.raises(ConfigError, match=words):
            find_codec("h264_qsv").coding(config)
    with pytest.raises(MapIgnoredError, match="h264_qsv is not for live streams"):
        find_codec("h264_qsv").live_presets(None)


def test_the_trial_finds_what_works():
    found = examine(fake())
    assert (found.fault, found.regions) == ("", 256)
    assert found.gain_db > 3


def test_the_trial_finds_how_many_regions_count():
    found = examine(fake(drive=FewRegions))
    assert (found.fault, found.regions) == ("", FewRegions.most)


def test_the_trial_finds_out_that_regions_are_ignored():
    found = examine(fake(fixed_options={"aq-mode": "0"}))
    assert found == Verdict()


def _never(spec, *args, **kwargs):
    raise EncoderError("h264_qsv refuses to code 640x384 nv12 (out of memory); try another preset")


def _headless(spec, *args, **kwargs):
    encoder = HardwareEncoder(spec, *args, **kwargs)
    encoder.parameters = replace(encoder.parameters, extradata=None)
    return encoder


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"quality": lambda crf: {"crf": "30"}}, "the CRF has no effect on its files"),
        ({"quality": lambda crf: {"crf": "51"}}, "its pictures are wrong: "),
        ({"drive": _headless}, "it gives no header for files"),
        ({"library": "h264_nvidia"}, "h264_nvidia is not in this FFmpeg build"),
        ({"drive": _never}, "refuses to code"),
    ],
)
def test_the_trial_says_what_is_wrong(changes, words):
    fault = examine(fake(**changes)).fault
    assert re.search(words, fault)


@pytest.mark.parametrize(
    ("name", "logged", "words"),
    [
        ("h264_nvenc", ["Cannot load libcuda.so.1"], "no NVIDIA driver is installed (FFmpeg: Cannot load"),
        ("h264_qsv", ["Error creating a MFX session: -9."], "no Intel graphics, or its driver or runtime"),
        ("av1_amf", ["DLL libamfrt64.so.1 failed to open", "x"], "AMD's AMF runtime is not installed"),
        ("hevc_qsv", ["Low power mode is unsupported"], "Intel Quick Sync Video does not work (FFmpeg: Low"),
        ("h264_vaapi", [], "told"),
    ],
)
def test_what_ffmpeg_says_is_put_into_plain_words(name, logged, words):
    assert explained(HARDWARE[name], "told", logged).startswith(words)


@pytest.mark.skipif(not BUILT, reason="this FFmpeg build has no hardware encoders")
def test_one_line_says_why_it_cannot_be_used(untried, monkeypatch):
    spec = BUILT[0]
    fault = "no NVIDIA driver is installed (FFmpeg: Cannot load libcuda.so.1)"
    monkeypatch.setattr(trust, "try_encoders", lambda names: dict.fromkeys(names, Verdict(fault)))
    with pytest.raises(EncoderError) as caught:
        spec.coding(semvid.CompressConfig(codec=spec.name))
    assert caught.value.exit_code == 6
    assert str(caught.value) == (
        f"`codec={spec.name}` cannot be used here: {fault}; use `codec={spec.software}`, which needs no hardware"
    )


def test_what_ffmpeg_was_built_without_is_not_tried(untried, monkeypatch):
    monkeypatch.setattr(trust, "try_encoders", dict.fromkeys)
    verdict = trust.verdict_on(fake(library="h264_nothing"))
    assert verdict.fault == "this FFmpeg build does not have it"


def _interpreter(tmp_path, script):
    """Make a program that is started instead of Python."""
    path = tmp_path / "python"
    path.write_text(f"#!{sys.executable}\n{script}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


_WORKS = 'print(json.dumps({"name": name, "regions": 2, "gain_db": 1.5}), flush=True)'


@pytest.mark.skipif(os.name != "posix", reason="it starts a script")
@pytest.mark.parametrize(
    ("act", "words"),
    [
        ("os.abort()", "its trial ended with code -6"),
        ("os.kill(os.getpid(), 11)", "its trial ended with code -11"),
        ("time.sleep(600)", "its trial took more than {:g} seconds"),
        ("print('{')", "its trial ended with code 0"),
        ("print('[1]')", "its trial ended with code 0"),
    ],
)
def test_a_driver_that_crashes_or_hangs_takes_nothing_with_it(tmp_path, monkeypatch, act, words):
    script = (
        "import json, os, sys, time\nfor name in sys.argv[4:]:\n"
        f"    if name == 'bad':\n        {act}\n        sys.exit()\n    {_WORKS}\n"
    )
    monkeypatch.setattr(trust.sys, "executable", _interpreter(tmp_path, script))
    # Any limit finds what hangs; on a busy machine the others need a long one.
    for seconds in (0.5, 5, 30):
        monkeypatch.setattr(trust, "_SECONDS", seconds)
        found = trust.try_encoders(["good", "bad", "better"])
        works = Verdict("", 2, 1.5)
        expected = {"good": works, "bad": Verdict(words.format(seconds)), "better": works}
        if found == expected:
            break
    assert found == expected


def test_a_verdict_is_kept_for_a_day(untried, monkeypatch):
    tried = []

    def try_encoders(names):
        tried.extend(names)
        return dict.fromkeys(names, Verdict(regions=64, gain_db=2.0))

    monkeypatch.setattr(trust, "try_encoders", try_encoders)
    for _ in range(2):
        assert trust.verdict_on(fake()).regions == 64
        trust._found.clear()
    assert tried == ["h264_qsv"]
    (kept,) = untried.iterdir()
    old = kept.stat().st_mtime - 25 * 3600
    os.utime(kept, (old, old))
    trust.verdict_on(fake())
    trust._found.clear()
    for wrong in ("{", "[]", json.dumps({"regions": 1, "more": 2})):
        kept.write_text(wrong)
        trust.verdict_on(fake())
        trust._found.clear()
    assert len(tried) == 5


def test_what_does_not_work_is_tried_again(untried, monkeypatch):
    monkeypatch.setattr(trust, "try_encoders", lambda names: dict.fromkeys(names, Verdict("no driver")))
    assert trust.verdict_on(fake()).fault == "no driver"
    assert not untried.exists()


offsets = hnp.arrays(np.float32, (11, 17), elements=st.floats(-12, 12, width=32))


def _painted(rectangles, shape):
    grid = np.zeros(shape, np.int32)
    for top, bottom, left, right, level in rectangles[::-1]:
        grid[top:bottom, left:right] = level
    return grid


@given(offsets, st.integers(1, 60))
def test_merged_regions_are_few_and_never_coarser(native, most):
    rectangles = LevelQuantizer(None, most, merges=True).update(native)
    assert len(rectangles) <= most
    painted = _painted(rectangles, native.shape)
    # Levels are at most 4 apart.
    assert (painted <= native + 2.001).all()
    assert painted.min() >= native.min() - 2.001


@given(offsets)
def test_regions_are_merged_only_where_they_are_too_many(native):
    whole = LevelQuantizer(None, 10_000, merges=True).update(native)
    assert np.array_equal(_painted(whole, native.shape), np.rint(native))


def test_few_regions_still_know_where_the_object_is():
    native = np.full((12, 20), 8.0, np.float32)
    native[3:9, 6:13] = 0
    native += np.random.default_rng(3).uniform(-3, 3, native.shape).astype(np.float32)
    painted = _painted(LevelQuantizer(None, 8, merges=True).update(native), native.shape)
    assert painted[:, 16:].mean() > painted[4:8, 7:12].mean() + 3


def test_slots_left_over_repeat_the_last_region():
    picture = texture_frames(64, 64, 1)[0].picture
    regions, qoffsets = np.array([[0, 32, 0, 32], [32, 64, 32, 64]], np.int32), np.array([-0.1, 0.2])
    placed, found = read_regions(RegionAttacher(leaves_none_empty=True).attach(picture, regions, qoffsets))
    assert len(placed) == 16
    assert np.array_equal(np.unique(placed, axis=0), regions)
    assert found[1:] == pytest.approx(0.2)


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv420p10le"])
def test_it_compresses_with_a_map(tmp_path, installed, pixel_format):
    source = make_clip(tmp_path / "in.mkv", num_frames=8, pixel_format=pixel_format)
    installed(fake(), Verdict(regions=24))
    config = semvid.CompressConfig(codec="h264_qsv", maps=MAPS, rate=semvid.Crf(30), probe="none")
    result = semvid.compress(source, tmp_path / "out.mp4", config)
    plain = replace(config, allocation=semvid.AllocationConfig(strength=0), probe=None)
    whole = semvid.compress(source, tmp_path / "plain.mp4", plain)
    assert result.codec == "h264_qsv"
    assert result.video_bytes < whole.video_bytes
    assert [one.format.name for one in decode(tmp_path / "out.mp4")] == ["yuv420p"] * 8


def test_a_size_is_found_in_whole_quantizers(tmp_path, installed):
    source = make_clip(tmp_path / "in.mp4", num_frames=8)
    installed(fake(), Verdict(regions=256))
    config = semvid.CompressConfig(codec="h264_qsv", maps=MAPS, rate=semvid.Size(12_000))
    result = semvid.compress(source, tmp_path / "out.mp4", config)
    assert 5000 < (tmp_path / "out.mp4").stat().st_size <= 12_000
    assert result.quality == int(result.quality)


@pytest.mark.parametrize("name", ["h264_qsv", "h264_amf"])
def test_without_a_map_what_does_not_matter_is_softened(tmp_path, installed, name):
    source = make_clip(tmp_path / "in.mp4", num_frames=5)
    masks = write_masks(
        tmp_path / "masks", [np.pad(np.full((192, 160), 255, np.uint8), ((0, 0), (0, 160)))] * 5
    )
    # Regions would be obeyed here: none are set.
    installed(fake(name, presets=("veryfast",), default_preset="veryfast", preset_option="preset"), Verdict())
    sizes, notices = {}, {}
    for prefilter in (None, 0, 0.7):
        told = []
        config = semvid.CompressConfig(
            codec=name, maps=semvid.MapsConfig(path=masks), probe="none",
            allocation=semvid.AllocationConfig(prefilter=prefilter),
        )  # fmt: skip
        out = tmp_path / f"{prefilter}.mp4"
        result = semvid.compress(source, out, config, on_event=told.append)
        assert result.plain_bytes_estimate is None
        assert len(decode(out)) == 5
        sizes[prefilter] = result.video_bytes
        notices[prefilter] = [one.message for one in told if isinstance(one, semvid.Notice)]
    assert sizes[0.7] < sizes[None] < sizes[0]
    assert notices[0] == []
    assert notices[0.7] == [
        "what does not matter is softened before it is coded (Gaussian, sigma 0.70 pixels)"
    ]
    assert notices[None] == [
        f"{name} takes no map here, so what does not matter is softened before it is coded (Gaussian, sigma "
        "0.40 pixels); `prefilter=0` turns it off"
    ]


def test_only_encoders_that_take_no_map_soften_by_default(installed):
    usual, plain = semvid.AllocationConfig(), semvid.AllocationConfig(strength=0)
    installed(fake("h264_amf"), Verdict())
    installed(fake("h264_qsv"), Verdict(regions=256))
    softening = {name: find_codec(name).softening(usual) for name in (*CODECS, "h264_amf", "h264_qsv")}
    assert {name for name, one in softening.items() if one} == {"h264_amf"}
    assert softening["h264_amf"] == 0.4
    assert find_codec("h264_amf").softening(plain) == 0
    rows = {name: dict(settings_table(semvid.CompressConfig(codec=name))) for name in ("h264_amf", "x264")}
    assert rows["h264_amf"]["pre-filter"] == "0.4"
    assert "pre-filter" not in rows["x264"]
    assert find_codec("x264").softening(semvid.AllocationConfig(prefilter=0.3)) == 0.3
