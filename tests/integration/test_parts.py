"""Parts of a video that were coded apart, and joined, are the video."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from fractions import Fraction
from itertools import pairwise

import av
import clips
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from notices import heard
from players import ffmpeg, played

import semvid
from semvid.codecs.ffmpeg.quantizers import block_qps
from semvid.core.config import MapsConfig, TemporalConfig
from semvid.core.errors import ConfigError, InputError, OutputError
from semvid.core.rate import Size
from semvid.core.types import Frame, Span
from semvid.engine.analysis import Analyser
from semvid.engine.job import Job
from semvid.engine.stages import only_frames
from semvid.engine.warm_up import WARM_UP_SECONDS
from semvid.importance.files.sidecar import SidecarReader
from semvid.importance.spectral import SpectralSource
from semvid.media.reading.reader import VideoReader
from semvid.media.writing.concat import concat, decoding_times
from semvid.products.compress import compress_job

SCENES = (
    "testsrc2=s=192x96:r=25:d=0.4",
    "mandelbrot=s=192x96:r=25",
    "rgbtestsrc=s=192x96:r=25,noise=alls=60",
)
CUTS = (10, 20)
SPECTRAL = MapsConfig(model="spectral")
PRESETS = {"x264": "superfast", "x265": "veryfast", "vp8": "5", "vp9": "8"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("parts")


@pytest.fixture(scope="module")
def clip(folder):
    """30 frames in three scenes, shown at uneven times, with sound and a chapter."""
    path, tags = folder / "clip.mkv", folder / "tags.txt"
    tags.write_text(";FFMETADATA1\ntitle=Three\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=100\nEND=900\ntitle=one\n")
    scenes = [part for one in SCENES for part in ("-f", "lavfi", "-i", one)]
    trimmed = ";".join(f"[{i}:v]trim=end_frame=10,format=yuv420p[v{i}]" for i in range(3))
    graph = f"{trimmed};[v0][v1][v2]concat=n=3,setpts='(N+0.3*mod(N,3))/25/TB'[out]"
    ffmpeg(*scenes, "-f", "lavfi", "-i", "sine=r=48000:d=1.2", "-i", tags, "-filter_complex", graph, "-map", "[out]",
           "-map", "3:a", "-fps_mode", "vfr", "-c:v", "libx264", "-preset", "superfast", "-crf", "10", "-g", "7",
           "-c:a", "aac", path)  # fmt: skip
    return path


@pytest.fixture(scope="module")
def times(clip):
    with VideoReader(clip) as reader:
        return [one.pts for one in reader.read() if isinstance(one, Frame)]


def spans_of(times, *borders):
    return [Span(*one) for one in pairwise([0, *(times[one] for one in borders), None])]


def config_of(codec, *, maps=SPECTRAL, **options):
    return semvid.CompressConfig(codec=codec, preset=PRESETS.get(codec), maps=maps, overwrite=True, **options)


def compress(source, output, config, span=None, **more):
    return compress_job(Job(source, span, output, config), **more)


def maps_in(path):
    with closing(SidecarReader(path)) as reader:
        return {one.pts: one.grey.copy() for one in reader.maps()}


def packets_in(path):
    """Times of the video, and what the other streams are."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        found = [one.pts for one in container.demux(video) if one.size]
    with av.open(str(path)) as container:
        others = [(one.pts, bytes(one)) for one in container.demux(audio=0) if one.size]
        return sorted(found), others, dict(container.metadata).get("title"), container.chapters()


@pytest.mark.parametrize(
    ("codec", "suffix"),
    [
        ("x264", ".mp4"),
        ("x264", ".mkv"),
        ("x265", ".mov"),
        ("vp8", ".webm"),
        ("vp9", ".mkv"),
        ("mjpeg", ".mov"),
    ],
)
def test_parts_that_begin_at_cuts_are_joined_to_the_whole(codec, suffix, clip, times, tmp_path):
    whole, joined = tmp_path / f"whole{suffix}", tmp_path / f"joined{suffix}"
    options = {"audio": "opus"} if suffix == ".webm" else {}
    compress(clip, whole, config_of(codec, save_maps=tmp_path / "whole.svmap", **options))
    parts, maps = [], {}
    for number, span in enumerate(spans_of(times, *CUTS)):
        parts.append(tmp_path / f"part{number}{suffix}")
        saved = tmp_path / f"part{number}.svmap"
        config = config_of(codec, save_maps=saved, drop=frozenset({"audio"}))
        result = compress(clip, parts[-1], config, span)
        assert result.num_frames == 10
        maps |= maps_in(saved)
    told = concat(parts, joined, clip, config_of(codec, verify="full", **options))
    assert all("Opus" in one for one in told)
    assert packets_in(joined) == packets_in(whole)
    assert played(joined) == played(whole)
    wanted = maps_in(tmp_path / "whole.svmap")
    assert maps.keys() == wanted.keys() == set(times)
    for pts, grey in wanted.items():
        np.testing.assert_array_equal(maps[pts], grey)
    a, b = clips.decode(whole), clips.decode(joined)
    assert [one.pts for one in a] == [one.pts for one in b]
    for one, other in zip(a, b, strict=True):
        difference = one.to_ndarray(format="gray").astype(int) - other.to_ndarray(format="gray")
        assert np.abs(difference).mean() < 8
    with av.open(str(joined)) as container:
        keys = {one.pts for one in container.demux(video=0) if one.is_keyframe}
    # Whoever seeks to a border finds a closed group of pictures there.
    assert {sorted(one.pts for one in a)[border] for border in (0, *CUTS)} <= keys


def test_a_part_begins_as_finely_as_in_the_whole(tmp_path):
    """Rate controls guess the quantizer of a first frame, by 2.8 QP too coarse for libx264."""
    source, whole, part = tmp_path / "in.mkv", tmp_path / "whole.mkv", tmp_path / "part.mkv"
    scenes = [one for name in SCENES[:2] for one in ("-f", "lavfi", "-i", name.replace(":d=0.4", ""))]
    graph = "[0:v]trim=duration=4[a];[1:v]trim=duration=2[b];[a][b]concat=n=2,format=yuv420p[out]"
    ffmpeg(*scenes, "-filter_complex", graph, "-map", "[out]", "-c:v", "libx264", "-crf", "8", source)
    config = config_of("x264", probe="none")
    compress(source, whole, config)
    start = clips.decode(whole)[100].pts
    compress(source, part, config, Span(start))
    found = []
    for path in (whole, part):
        with av.open(str(path)) as container:
            container.streams.video[0].codec_context.options = {"export_side_data": "venc_params"}
            pictures = [one for one in container.decode(video=0) if one.pts >= start]
        assert (pictures[0].key_frame, pictures[0].pts, len(pictures)) == (1, start, 50)
        found.append(float(block_qps(pictures[0], 16).mean()))
    assert found[1] == pytest.approx(found[0], abs=0.7)


@pytest.mark.parametrize("options", [{}, {"x265-params": "open-gop=1"}, {"x265-params": "intra-refresh=1"}])
def test_parts_of_open_groups_begin_anew(options, tmp_path):
    """Whoever enters before the border, at a key frame of an open group, sees every frame behind it."""
    source, parts = tmp_path / "in.mkv", [tmp_path / "0.mkv", tmp_path / "1.mkv"]
    ffmpeg(
        "-f",
        "lavfi",
        "-i",
        SCENES[1],
        "-frames:v",
        "100",
        "-c:v",
        "libx264",
        "-crf",
        "8",
        "-preset",
        "superfast",
        source,
    )
    config = config_of("x265", probe="none", encoder_options={"g": "20", **options})
    times = [one.pts for one in clips.decode(source)]
    for part, span in zip(parts, spans_of(times, 70), strict=True):
        compress(source, part, config, span)
    joined = tmp_path / "joined.mkv"
    concat(parts, joined, source, config)
    assert [one.pts for one in clips.decode(joined)] == times
    with VideoReader(joined, span=Span(times[67], times[75])) as reader:
        assert [one.pts for one in only_frames(reader.read())] == times[67:75]
    with av.open(str(parts[1])) as container:
        first = next(one for one in container.demux(video=0) if one.size)
        # An instantaneous refresh (H.265, 7.4.2.2).
        assert bytes(first)[4] >> 1 & 63 in {19, 20}
        assert (first.is_keyframe, first.pts) == (True, times[70])


class Sometimes(SpectralSource):
    """Makes maps now and then, which are carried on and back."""

    map_every = 4


def analysed(clip, span, warm_up, cool_down=0, source=None):
    source = source or SpectralSource()
    with VideoReader(clip, span=span, warm_up=warm_up, cool_down=cool_down) as reader:
        analyser = Analyser(source, TemporalConfig(), span)
        every = analyser.run(only_frames(reader.read()))
        return {one.frame.pts: one for one in every if one.frame.pts in span}


def test_other_streams_may_be_left_out_when_the_part_has_been_found(tmp_path):
    """The file was sought then, and times must go on being those of the whole."""
    path = clips.make_clip(
        tmp_path / "long.mp4", width=64, height=48, num_frames=900, options={"g": "10", "crf": "30"}
    )
    with VideoReader(path, span=Span(700 * 512, None)) as reader:
        reader.locate()
        reader.keep(())
        found = [one.pts for one in reader.read() if isinstance(one, Frame)]
    assert found == [index * 512 for index in range(700, 900)]


@pytest.mark.parametrize("start", [3, 9, 10, 14, 25])
def test_maps_of_a_part_are_those_of_the_whole_from_the_first_cut_on(start, clip, times):
    whole = analysed(clip, Span(), Fraction(0))
    assert [pts for pts, one in whole.items() if one.is_cut] == [times[0], *(times[one] for one in CUTS)]
    part = analysed(clip, Span(times[start]), Fraction(0))
    after = next((times[one] for one in CUTS if one >= start), times[-1] + 1)
    for pts, one in part.items():
        if pts >= after:
            assert one.is_cut == whole[pts].is_cut
            np.testing.assert_array_equal(one.importance, whole[pts].importance)
    # And all of them, if the warm-up reaches back to a cut.
    for pts, one in analysed(clip, Span(times[start]), WARM_UP_SECONDS).items():
        assert one.is_cut == whole[pts].is_cut
        np.testing.assert_array_equal(one.importance, whole[pts].importance)


@pytest.mark.parametrize("end", [5, 9, 10, 27])
def test_maps_at_the_end_of_a_part_wait_for_those_after_it(end, clip, times):
    whole = analysed(clip, Span(), Fraction(0), source=Sometimes())
    part = analysed(clip, Span(0, times[end]), Fraction(0), 17, Sometimes())
    assert list(part) == times[:end]
    for pts, one in part.items():
        np.testing.assert_array_equal(one.importance, whole[pts].importance)


@pytest.mark.parametrize("kind", ["sidecar", "pictures", "boxes", "own"])
def test_maps_that_are_given_belong_to_the_frames_of_the_part(kind, clip, times, tmp_path):
    values = np.linspace(0, 255, len(times)).astype(np.uint8)
    own, maps = None, SPECTRAL
    if kind == "boxes":
        maps = MapsConfig(boxes=tmp_path / "boxes.jsonl")
        lines = [json.dumps({"frame": i, "box": [4 * i, 0, 48, 96]}) for i in range(len(times))]
        maps.boxes.write_text("\n".join(lines))
    elif kind == "own":

        class Own:
            def update(self, frame):
                return semvid.ImportanceMap(np.full((6, 12), values[frame.index] / 255, np.float32))

        own = Own
    else:
        maps = MapsConfig(
            path=clips.write_masks(tmp_path / "masks", [np.full((6, 12), one) for one in values])
        )
    whole, saved = config_of("x264", save_maps=tmp_path / "whole.svmap", maps=maps), tmp_path / "part.svmap"
    compress(clip, tmp_path / "whole.mp4", whole, importance=own and own())
    if kind == "sidecar":
        maps = MapsConfig(path=shutil.copy(tmp_path / "whole.svmap", tmp_path / "given.svmap"))
    span = Span(times[12], times[23])
    _, told = heard(
        compress, clip, tmp_path / "part.mp4", config_of("x264", save_maps=saved, maps=maps), span,
        importance=own and own(),
    )  # fmt: skip
    assert not [one for one in told if "left over" in one or "ended" in one]
    wanted, found = maps_in(tmp_path / "whole.svmap"), maps_in(saved)
    assert list(found) == times[12:23]
    for pts, grey in found.items():
        np.testing.assert_array_equal(grey, wanted[pts])


@pytest.fixture(scope="module")
def parts(folder, clip, times):
    """Two parts that fit together, and one each of another size, preset and container."""
    first, second = spans_of(times, 12)
    found = {}
    for name, span, options in (
        ("one.mp4", first, {}), ("two.mp4", second, {}), ("other.mp4", second, {"encoder_options": {"bf": "0"}}),
        ("two.mkv", second, {}),
    ):  # fmt: skip
        found[name] = folder / name
        compress(clip, found[name], config_of("x264", drop=frozenset({"audio"}), **options), span)
    found["small.mp4"] = folder / "small.mp4"
    ffmpeg("-i", found["two.mp4"], "-vf", "scale=96:48", "-copyts", found["small.mp4"])
    return found


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (("one.mp4", "small.mp4"), "not the same (time base|size)"),
        (("one.mp4", "other.mp4"), "not the same parameter sets"),
        (("one.mp4", "two.mkv"), "not the same container"),
        (("two.mp4", "one.mp4"), r"begins at 0 s, but .* ends at 1\.\d+ s; give all parts"),
        (("one.mp4", "one.mp4"), "begins at 0 s, but"),
        ((), "no parts to join"),
    ],
)
def test_parts_that_do_not_fit_are_refused(names, why, parts, clip, tmp_path):
    with pytest.raises(InputError, match=why) as caught:
        concat([parts[one] for one in names], tmp_path / "out.mp4", clip, config_of("x264"))
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_time_bases_finer_than_an_edit_list_stay_exact(folder, tmp_path):
    source = folder / "fine.mov"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=0.8", "-vf", "settb=1/119999,setpts='N*4801+7*mod(N,5)'",
           "-fps_mode", "passthrough", "-enc_time_base", "1/119999", "-c:v", "libx264", "-video_track_timescale", "119999",
           source)  # fmt: skip
    with VideoReader(source) as reader:
        shown = [one.pts for one in reader.read() if isinstance(one, Frame)]
    config = config_of("x264")
    compress(source, tmp_path / "whole.mp4", config)
    parts = [tmp_path / f"{number}.mp4" for number in range(4)]
    for part, span in zip(parts, spans_of(shown, 4, 11, 13), strict=True):
        compress(source, part, config, span)
    concat(parts, tmp_path / "joined.mp4", source, config)
    a, b = clips.decode(tmp_path / "whole.mp4"), clips.decode(tmp_path / "joined.mp4")
    assert [(one.pts, one.time_base) for one in a] == [(one.pts, one.time_base) for one in b]
    assert [one.pts for one in b] == shown


def test_what_cannot_be_a_part_is_refused(clip, times, tmp_path):
    span = Span(times[10])
    with pytest.raises(OutputError, match=r"cannot be a part of a video: \.avi"):
        compress(clip, tmp_path / "out.avi", config_of("mjpeg"), span)
    with pytest.raises(ConfigError, match="is shared out over a whole video"):
        compress(clip, tmp_path / "out.mov", config_of("mjpeg", rate=Size(100_000)), span)
    with pytest.raises(InputError, match="has no frame from"):
        compress(clip, tmp_path / "out.mp4", config_of("x264"), Span(10**6))
    assert not list(tmp_path.iterdir())


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60), st.integers(0, 4), st.randoms())
def test_packets_are_decoded_in_time(steps, most, random):
    shown = list(np.cumsum(steps))
    # Groups of pictures, each with the last one coded first.
    times, rest = [], shown
    while rest:
        size = random.randint(1, most + 1)
        group, rest = rest[:size], rest[size:]
        times += [group[-1], *random.sample(group[:-1], len(group) - 1)]
    decoded = decoding_times(times)
    assert all(a < b for a, b in pairwise(decoded))
    assert all(a <= b for a, b in zip(decoded, times, strict=True))
    assert any(a == b for a, b in zip(decoded, times, strict=True))
