"""Options under which an encoder ignores the map are refused however they are spelled, and no others."""

import dataclasses
from concurrent.futures import Future
from contextlib import closing
from fractions import Fraction

import av
import ffmpeg
import imageio_ffmpeg
import numpy as np
import pytest
from clips import make_clip, texture, write_masks
from encoders import ENCODERS, LIVE
from quantizers import macroblock_qps

import semvid
from semvid.codecs.base.coding import Target
from semvid.codecs.base.self_test import texture_frames
from semvid.codecs.ffmpeg import map_watch, option_trial, region_coding
from semvid.codecs.ffmpeg.obedience import MapWatch
from semvid.codecs.ffmpeg.option_trial import check_obedience
from semvid.codecs.ffmpeg.prepare import choose_pixel_format
from semvid.codecs.ffmpeg.regions import RegionAttacher
from semvid.codecs.vpx.vp8 import VP8
from semvid.codecs.vpx.vp9 import VP9
from semvid.codecs.x26x.x264 import X264
from semvid.codecs.x26x.x265 import X265
from semvid.core.coded import CodedPacket
from semvid.core.errors import ConfigError, MapIgnoredError
from semvid.core.types import AnalysedFrame, QuantizerOffsets
from semvid.streaming.coding import live_coding

# With each of these the bytes were the same with and without a map, or the map fell on the wrong lines.
IGNORING = [
    (X264, option)
    for option in [
        "aq-mode=0", "aq-mode=0x0", "aq-mode= 0", "aq-mode=none", "aq-mode=1-1", "aq-mode=2*0",
        "preset=ultrafast aq-mode=-1", "preset=0", "tune=psnr", "tune=PSNR", "tune=fastdecode,psnr",
        "tune=fastdecode+psnr", "tune=fastdecode/psnr", "tune=psnr.fastdecode",
        "x264opts=aq-mode=0", "x264opts=aq_mode=0", "x264opts=aq-mode=00", "x264opts=aq-mode=0x0",
        "x264opts=me=hex:aq-mode=0", "x264opts=aq-mode=1:aq-mode=0", "x264opts=aq-mode=1 x264-params=aq-mode=0",
        "x264-params=no-aq-mode=1", "x264-params=aq-mode='0'", r"x264-params=aq-mode=\0", "x264-params= aq-mode = 0",
        "x264-params=aq-mode=0,me=hex", "x264opts=qp=26", "x264opts=qp=0", "x264opts=crf=26:qp=26",
        "qp=26 crf=-1 b=1", "aq-strength=0 preset=superfast", "aq-strength=0 tune=zerolatency",
        "x264opts=aq-strength=0:mbtree=0", "x264opts=aq-strength=0:no-mbtree",
        "x264opts=aq_strength=0.0:rc_lookahead=0", "qmin=30 qmax=30", "x264opts=qpmin=30:qpmax=30",
        "x264-params=qp-min=30:qp-max=30", "x264opts=tff", "x264-params=interlaced=1", "flags=+ildct+ilme",
    ]
] + [
    (X265, option)
    for option in [
        "tune=grain", "preset=superfast", "preset=ultrafast", "preset=0", "preset=1", "x265-params=aq-mode=0",
        "x265-params=aq_mode=0", "x265-params=no-aq-mode=1", "x265-params=aq-mode=none",
        "x265-params=aq-mode=00", "x265-params=aq-mode=0x0", "x265-params=aq-mode=false", "x265-params=aq-mode='0'",
        "x265-params=aq-mode=1:aq-mode=0", "x265-params=aq-strength=0:no-cutree=1", "x265-params=hevc_aq=1",
        "x265-params=no-hevc-aq=0", "x265-params=lossless=1", "x265-params=no-lossless=0", "x265-params=qp=26",
        "x265-params=crf=26:qp=26", "x265-params=qpmin=30:qpmax=30", "qmin=30 qmax=30",
    ]
] + [
    (VP9, option)
    for option in [
        "deadline=good", "deadline=best", "deadline=0", "deadline=1000000", "quality=good", "cpu-used=4",
        "cpu-used=-3", "speed=2", "aq-mode=1", "aq-mode=cyclic", "aq-mode=complexity", "aq-mode=1*1",
        "lossless=1", "lossless=true", "g=1", "lag-in-frames=25",
    ]
] + [(VP8, "lag-in-frames=12")]  # fmt: skip

OBEYING = [
    (X264, option)
    for option in [
        "aq-mode=autovariance", "aq-mode=-1", "aq-mode=0x2", "tune=ssim,psnr", "tune=fastdecode,film",
        "preset=ultrafast aq-mode=1", "x264opts=aq-mode=0:aq-mode=1", "x264opts=aq-mode=0 x264-params=aq_mode=1",
        "aq-strength=0", "qmin=30 qmax=40", "noise_reduction=500",
        "x264opts=zones=0,100,q=26", "x264opts=no-mbtree", "x264opts=interlaced=0", "flags=+cgop", "rc-lookahead=0",
        "maxrate=100k bufsize=100k", "crf=-1 b=500k", "g=1", "bluray-compat=1", "profile=baseline", "crf=51",
    ]
] + [
    (X265, option)
    for option in [
        "x265-params=aq-mode=0:aq-mode=1", "x265-params=no-hevc-aq=1", "x265-params=lossless=0",
        "x265-params=cu-lossless=1", "x265-params=aq-strength=0",
        "x265-params=cutree=0", "x265-params=zones=0,100,q=26", "x265-params=crf=51",
    ]
] + [
    (VP9, option)
    for option in [
        "deadline=1", "quality=realtime", "cpu-used=-5", "speed=8", "aq-mode=none", "lossless=0", "b=100k",
        "tune-content=screen", "lag-in-frames=0 auto-alt-ref=1 arnr-maxframes=15 arnr-strength=6", "crf=63",
    ]
] + [(VP8, option) for option in ["deadline=best", "quality=realtime", "speed=16", "tune=ssim", "crf=63"]]  # fmt: skip


def names(one):
    return getattr(one, "name", one)


def run(spec, text, **changes):
    """Go as far as a run does before it codes a frame."""
    spec = dataclasses.replace(spec, **changes)
    extra = dict(one.split("=", 1) for one in (f" {text}".split(" ") if "= " not in text else [text]) if one)
    options = spec.options(spec.crf.default, None, extra)
    assert check_obedience(spec, options, "yuv420p", extra) is None


@pytest.mark.parametrize(("spec", "text"), IGNORING, ids=names)
def test_what_ignores_the_map_is_refused(spec, text):
    with pytest.raises(MapIgnoredError, match=f"{spec.name} would ignore the map: "):
        run(spec, text)


@pytest.mark.parametrize(("spec", "text"), OBEYING, ids=names)
def test_what_obeys_the_map_is_taken(spec, text):
    run(spec, text)


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (X264, "tune=fastdecode,psnr"), (X264, "x264opts=aq-mode=0"), (X264, "x264opts=qp=26"),
        (X264, "aq-strength=0 mbtree=0"), (X265, "x265-params=aq-mode=0"), (X265, "x265-params=lossless=1"),
        (VP9, "g=1"), (VP9, "deadline=good"), (VP9, "cpu-used=4"),
    ],
    ids=names,
)  # fmt: skip
def test_the_trial_finds_them_too_where_no_rule_does(spec, text):
    with pytest.raises(
        MapIgnoredError, match="on a test picture, what matters gained -?0.. dB .*; drop `encoder_options="
    ):
        run(spec, text, map_conditions=())


@pytest.mark.parametrize(
    "text", ["crf=0", "crf=0.4", "x264opts=crf=0", "crf=-1", "crf=77", "x264-params=no-mbtree:crf=nan"]
)
def test_the_crf_keeps_to_its_range_wherever_it_is_given(text):
    with pytest.raises(ConfigError, match="(?i)crf"):
        run(X264, text)


@pytest.mark.parametrize("spec", ENCODERS.values(), ids=names)
@pytest.mark.parametrize("source", ["yuvj420p", "yuv422p", "yuv444p", "yuv420p10le", "rgb24"])
def test_no_false_alarm_in_any_format(spec, source):
    pixel_format = choose_pixel_format(spec, source)
    assert check_obedience(spec, spec.options(spec.crf.default, None, {}), pixel_format, {}) is None


def test_the_run_s_files_are_left_alone(tmp_path):
    stats = tmp_path / "x264.log"
    run(X264, f"x264opts=pass=1:stats={stats} passlogfile={stats}")
    assert list(tmp_path.iterdir()) == []


def test_options_that_ffmpeg_would_drop_are_refused(clip, tmp_path):
    config = semvid.CompressConfig(maps=semvid.MapsConfig(model="spectral"), encoder_options={"aq_mode": "0"})
    with pytest.raises(
        ConfigError, match="`encoder_options=aq_mode=0` has no effect: libx264 has no option aq_mode"
    ):
        semvid.compress(clip, tmp_path / "out.mp4", config)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("spec", "text", "words"),
    [
        (X264, "x264-params=me=hex:noaqmode=1", "'noaqmode = 1'"),
        (X264, "x264-params=preset=ultrafast", "'preset = ultrafast'"),
        (X264, "x264-params=me=hexx", "'me = hexx'"),
        (X265, "x265-params=foo=1", "Unknown option: foo"),
        (X265, "x265-params=noaq-mode=1", "Invalid value for noaq-mode: 1"),
        (X265, "x265-params=tune=grain:preset=ultrafast", "Unknown option: tune"),
    ],
    ids=names,
)
def test_parts_of_lists_that_encoders_would_drop_are_refused(spec, text, words):
    with pytest.raises(ConfigError, match=f"`encoder_options=.*{words}; check its name"):
        run(spec, text)


@pytest.fixture
def forgetful(monkeypatch, tmp_path_factory):
    """What was found before is not known any more."""
    folder = tmp_path_factory.mktemp("findings")
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(folder))
    option_trial._gain.cache_clear()
    yield folder
    option_trial._gain.cache_clear()


@pytest.fixture
def deaf(monkeypatch, forgetful):
    """An FFmpeg whose encoders know no regions."""
    monkeypatch.setattr(RegionAttacher, "attach", lambda self, picture, *rest: picture)


def test_an_encoder_that_obeys_is_tried_once(forgetful, monkeypatch):
    run(X264, "aq-strength=0.8")
    assert len(list(forgetful.glob("obedience-*.json"))) == 1
    option_trial._gain.cache_clear()
    monkeypatch.setattr(option_trial, "_measure", lambda *_: pytest.fail("tried twice"))
    run(X264, "aq-strength=0.8")
    with pytest.raises(pytest.fail.Exception, match="tried twice"):
        run(X264, "aq-strength=0.9")


def test_one_that_does_not_is_tried_again(forgetful, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(option_trial, "_measure", lambda *_: 0.1)
        with pytest.raises(MapIgnoredError):
            run(X264, "aq-strength=0.8")
    option_trial._gain.cache_clear()
    run(X264, "aq-strength=0.8")


@pytest.mark.parametrize("codec", ENCODERS)
def test_a_run_without_effect_is_refused_whatever_the_reason(codec, deaf, clip, tmp_path):
    config = semvid.CompressConfig(codec=codec, maps=semvid.MapsConfig(model="spectral"))
    with pytest.raises(MapIgnoredError, match="would ignore the map: .* see 'semvid doctor'"):
        semvid.compress(clip, tmp_path / "out.mkv", config)
    assert list(tmp_path.iterdir()) == []
    plain = semvid.CompressConfig(codec=codec, allocation=semvid.AllocationConfig(strength=0))
    assert semvid.compress(clip, tmp_path / "out.mkv", plain).num_frames == 24


def test_a_live_stream_without_effect_is_refused(deaf, clip):
    with (
        pytest.raises(MapIgnoredError),
        closing(
            semvid.live(str(clip), config=semvid.LiveConfig(maps=semvid.MapsConfig(model="spectral")))
        ) as frames,
    ):
        list(frames)


@pytest.mark.parametrize("codec", ENCODERS)
def test_what_a_video_shows_gives_no_false_alarm(codec, tmp_path):
    source = make_clip(tmp_path / "in.mkv", width=18, height=16, num_frames=3, codec="ffv1", options={})
    crf = ENCODERS[codec].crf
    for quality in (crf.lowest, crf.highest):
        config = semvid.CompressConfig(codec=codec, maps=semvid.MapsConfig(model="spectral"), rate=semvid.Crf(quality), overwrite=True,
                                       allocation=semvid.AllocationConfig(strength=0.01))  # fmt: skip
        assert semvid.compress(source, tmp_path / "out.mkv", config).num_frames == 3


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p"])
def test_the_quantizers_of_a_run_are_those_the_map_asked_for(pixel_format, tmp_path):
    source = make_clip(tmp_path / "in.mkv", width=384, num_frames=8, pixel_format=pixel_format)
    wanted = np.full((12, 24), 8.0)
    wanted[3:9, 6:14] = -10
    mask = np.where(wanted < 0, 255, 0).astype(np.uint8)
    maps = write_masks(tmp_path / "maps", [mask]) / "00000.png"
    plain, mapped = (
        semvid.compress(
            source, tmp_path / f"{strength}.mkv",
            semvid.CompressConfig(maps=semvid.MapsConfig(path=maps), allocation=semvid.AllocationConfig(strength=strength)),
        )
        for strength in (0, 1)
    )  # fmt: skip
    change = macroblock_qps(mapped.output) - macroblock_qps(plain.output)
    assert np.corrcoef(change.ravel(), wanted.ravel())[0, 1] > 0.95
    assert change[wanted > 0].mean() - change[wanted < 0].mean() > 4


@pytest.fixture
def untried(monkeypatch):
    """Runs begin without a trial, as if it had found nothing."""
    monkeypatch.setattr(region_coding, "check_obedience", lambda *_: None)


def watched_notices(source, folder, **options):
    """What a run with a map of strong contrast says of obedience."""
    mask = np.zeros((12, 20), np.uint8)
    mask[2:10, 3:9] = 255
    maps = write_masks(folder / "maps", [mask]) / "00000.png"
    said = []
    config = semvid.CompressConfig(
        maps=semvid.MapsConfig(path=maps), rate=semvid.Crf(20), overwrite=True, **options
    )
    semvid.compress(source, folder / "out.mkv", config, on_event=said.append)
    return [one.message for one in said if isinstance(one, semvid.Notice) and "follow the map" in one.message]


KINDS = {
    "x264": (X264, "format=yuv420p"),
    "x264 10 bit": (X264, "format=yuv420p10le"),
    "x264 odd size": (X264, "crop=307:181:exact=1,format=yuv444p"),
    "x264 interlaced": (X264, "interlace=lowpass=0,setfield=tff"),
    "x265": (X265, "format=yuv420p"),
    "x265 10 bit odd size": (X265, "crop=307:181:exact=1,format=yuv444p10le"),
    "vp8 odd size": (VP8, "crop=307:181:exact=1,format=yuv420p"),
    "vp9": (VP9, "format=yuv420p"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_is_watched(kind, tmp_path, untried, monkeypatch):
    spec, filters = KINDS[kind]
    plain, source = make_clip(tmp_path / "plain.mkv", num_frames=8), tmp_path / "in.mkv"
    command = ffmpeg.input(str(plain)).output(
        str(source), vf=f"noise=alls=12:allf=t,{filters}", vcodec="ffv1"
    )
    command.run(cmd=imageio_ffmpeg.get_ffmpeg_exe(), quiet=True)
    shares = []
    conclude = MapWatch.conclude
    monkeypatch.setattr(MapWatch, "conclude", lambda self, one: shares.append(one) or conclude(self, one))
    chosen = {"codec": spec.name, "preset": {"x264": "fast", "x265": "veryfast"}.get(spec.name)}
    assert watched_notices(source, tmp_path, **chosen) == []
    monkeypatch.setattr(RegionAttacher, "attach", lambda self, picture, *rest: picture)
    option = {"x264": {"aq-mode": "2"}, "x265": {"x265-params": "aq-mode=1"}}.get(spec.name, {"tune": "ssim"})
    (said,) = watched_notices(source, tmp_path, **chosen, encoder_options=option)
    assert said.startswith("the encoder did not follow the map: the first pictures show ")
    assert said.endswith(f"close to a plain encode; check `encoder_options={'='.join(*option.items())}`")
    # Neither silence nor the sentence for want of evidence.
    obeyed, *ignored = shares
    assert obeyed > 0.5
    assert max(ignored) < 0.2


@pytest.mark.parametrize(
    ("codec", "preset", "drawing"), [("x264", "superfast", "testsrc2"), ("x265", "veryfast", "mandelbrot")]
)
def test_no_false_alarm_of_drawings(codec, preset, drawing, tmp_path, untried):
    """Few of their blocks are coded at all, and the error of the others answers to no quantizer."""
    source = tmp_path / "in.mkv"
    command = ffmpeg.input(f"{drawing}=s=320x192", f="lavfi").output(
        str(source), vcodec="ffv1", pix_fmt="yuv420p", **{"frames:v": 6}
    )
    command.run(cmd=imageio_ffmpeg.get_ffmpeg_exe(), quiet=True)
    said = []
    config = semvid.CompressConfig(
        codec=codec, preset=preset, maps=semvid.MapsConfig(model="spectral"), probe="none"
    )
    semvid.compress(source, tmp_path / "out.mkv", config, on_event=said.append)
    assert [one for one in said if isinstance(one, semvid.Notice)] == []


@pytest.mark.parametrize("spec", ENCODERS.values(), ids=names)
def test_no_verdict_where_nothing_can_be_said(spec, tmp_path, untried, monkeypatch):
    monkeypatch.setattr(RegionAttacher, "attach", lambda self, picture, *rest: picture)
    source = make_clip(tmp_path / "in.mkv", num_frames=6)
    weak = semvid.AllocationConfig(strength=0.05)
    assert watched_notices(source, tmp_path, codec=spec.name, allocation=weak) == []


def test_a_run_that_begins_in_black_is_judged_at_its_first_cut(tmp_path, untried, monkeypatch):
    plain, source = make_clip(tmp_path / "plain.mkv", num_frames=44), tmp_path / "in.mkv"
    command = ffmpeg.input(str(plain)).output(
        str(source), vf="drawbox=color=black:t=fill:enable='lt(n,30)'", vcodec="ffv1"
    )
    command.run(cmd=imageio_ffmpeg.get_ffmpeg_exe(), quiet=True)
    monkeypatch.setattr(RegionAttacher, "attach", lambda self, picture, *rest: picture)
    assert len(watched_notices(source, tmp_path, codec="x264")) == 1


@pytest.mark.parametrize("spec", ENCODERS.values(), ids=names)
def test_what_a_decoder_cannot_read_ends_the_watch(spec):
    watch = MapWatch(spec, {"crf": "26"}, 26, None, "")
    picture = av.VideoFrame.from_ndarray(texture(384, 256 * 3 // 2), format="yuv420p")
    offsets = np.zeros((256 // spec.block_size, 384 // spec.block_size), np.float32)
    offsets[:, offsets.shape[1] // 2 :] = 8
    packets = []
    for index in range(6):
        picture.pts, picture.time_base = index, Fraction(1, 25)
        watch.ask(picture, QuantizerOffsets(offsets, spec.block_size))
        packets.append(CodedPacket(b"\0\0\1\x05", spec.coding_format, index, index, 1, index == 0))
    work = watch.look(packets, is_last=True)
    assert work is not None
    assert work() is None
    assert watch.conclude(None) is None
    watch.look([], is_last=True)
    assert watch.is_over


class AtOnce:
    """A thread pool that is done when it is asked."""

    def __init__(self, *_):
        pass

    def submit(self, work):
        future = Future()
        future.set_result(work())
        return future

    def shutdown(self, **_):
        pass


@pytest.mark.parametrize("spec", LIVE.values(), ids=names)
def test_a_live_stream_is_watched(spec, monkeypatch):
    monkeypatch.setattr(region_coding, "check_obedience", lambda *_: None)
    monkeypatch.setattr(map_watch, "ThreadPoolExecutor", AtOnce)
    importance = np.zeros((12, 20), np.float32)
    importance[2:10, 3:9] = 1

    def remarks():
        coding = live_coding(semvid.LiveConfig(codec=spec.name), 25, None)
        encoder = None
        for index in range(32):
            # There and back, lest a scene change makes a key frame. The first map comes late.
            frame = dataclasses.replace(frames[min(index % 16, 15 - index % 16)], index=index)
            frame.picture.pts = index
            known = importance if index > 1 else None
            prepared = coding.prepare(AnalysedFrame(frame, known, is_cut=False, wants_key=index == 12))
            encoder = encoder or coding.open(prepared, Target(Fraction(25)))
            encoder.encode(prepared)
        with closing(encoder):
            encoder.flush()
        return encoder.notices

    frames = texture_frames(320, 192, 8)
    shares = []
    conclude = MapWatch.conclude
    monkeypatch.setattr(MapWatch, "conclude", lambda self, one: shares.append(one) or conclude(self, one))
    assert remarks() == []
    monkeypatch.setattr(RegionAttacher, "attach", lambda self, picture, *rest: picture)
    (said,) = remarks()
    assert said.startswith("the encoder did not follow the map: ")
    obeyed, *ignored = (one for one in shares if one is not None)
    assert obeyed > 0.5
    assert max(ignored) < 0.2


def test_what_is_far_off_says_nothing_and_quantizers_must_say_it_twice():
    far = MapWatch(X264, {"crf": "26"}, 26, None, "")
    assert far.conclude(-0.8) is None
    assert not far.is_over
    assert "show 0% of the requested" in far.conclude(0.0)
    twice = MapWatch(VP9, {"crf": "38"}, 38, None, "")
    assert twice.conclude(0.2) is None
    assert not twice.is_over
    assert twice.conclude(0.3) is None
    assert twice.is_over
    again = MapWatch(VP9, {"crf": "38"}, 38, None, "")
    assert again.conclude(0.0) is None
    assert "show 0% of the requested" in again.conclude(0.0)


@pytest.mark.parametrize("spec", [X264, X265, VP8], ids=names)
def test_no_false_alarm_where_quantizers_can_go_no_further(spec, tmp_path, untried):
    source = make_clip(tmp_path / "in.mkv", num_frames=4)
    assert (
        watched_notices(source, tmp_path, codec=spec.name, encoder_options={"crf": f"{spec.crf.highest:g}"})
        == []
    )
