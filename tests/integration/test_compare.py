"""Scores agree with FFmpeg's own, fall where the damage is, and are refused where they would mean nothing."""

import itertools
import json
import re
import subprocess
from fractions import Fraction

import av
import imageio_ffmpeg
import numpy as np
import pytest
from clips import decode, decode_luma, make_clip, psnr, write_masks

import semvid
from semvid.cli.app import app
from semvid.core.errors import ConfigError, InputError, MapError, OutputError, OutputExistsError
from semvid.scores.pooling import pool

FILTERS = ("psnr", "ssim", "xpsnr", "vmaf")


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pair")
    source = make_clip(folder / "in.mp4", width=384, height=256, num_frames=12)
    config = semvid.CompressConfig(maps=semvid.MapsConfig(model="spectral"), rate=semvid.Crf(38))
    return source, semvid.compress(source, folder / "out.mp4", config).output


def test_scores_are_those_of_ffmpeg(pair):
    check_against_ffmpeg(pair, 12)


def test_containers_that_round_times_change_no_score(tmp_path):
    times = [round(index * 12800 * 1001 / 30000) for index in range(30)]
    source = make_clip(tmp_path / "in.mp4", width=384, height=96, num_frames=30, pts=times)
    config = semvid.CompressConfig(
        preset="superfast", rate=semvid.Crf(32), allocation=semvid.AllocationConfig(strength=0)
    )
    options = semvid.CompareConfig(metrics=FILTERS)
    found = []
    # Matroska has milliseconds, and Matroska alone.
    for name in ("out.mp4", "out.mkv"):
        coded = semvid.compress(source, tmp_path / name, config).output
        found.append(semvid.compare(source, coded, options).scores)
    assert found[0] == found[1]
    assert found[0]["psnr"] == pytest.approx(
        semvid.compare(tmp_path / "out.mkv", source, options).scores["psnr"], abs=0.02
    )


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "num_frames"), [("street_272p.mp4", 76), ("signer_480p_fullrange.mkv", 109)]
)
def test_scores_of_real_clips_are_those_of_ffmpeg(name, num_frames, shared_data, tmp_path):
    config = semvid.CompressConfig(
        rate=semvid.Crf(32), preset="superfast", allocation=semvid.AllocationConfig(strength=0)
    )
    source = beginning(shared_data / "clips" / name, tmp_path / f"in-{name}", num_frames)
    check_against_ffmpeg((source, semvid.compress(source, tmp_path / "out.mkv", config).output), num_frames)


def beginning(source, path, num_frames):
    """Copy the frames of a video before one of its key frames, or all."""
    with av.open(str(source)) as reader, av.open(str(path), "w") as writer:
        stream = writer.add_stream_from_template(reader.streams.video[0])
        packets = (one for one in reader.demux(video=0) if one.size)
        for packet in itertools.islice(packets, num_frames):
            packet.stream = stream
            writer.mux(packet)
    return path


def check_against_ffmpeg(pair, num_frames):
    result = semvid.compare(*pair, semvid.CompareConfig(metrics=FILTERS))
    patterns = {
        "psnr": r"average:(\S+)",
        "ssim": r"All:(\S+)",
        "xpsnr": r"y: (\S+)",
        "libvmaf": r"score: (\S+)",
    }
    for kind, pattern in patterns.items():
        done = subprocess.run(
            [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", str(pair[1]), "-i", str(pair[0]),
             "-lavfi", kind, "-f", "null", "-"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        theirs = float(re.findall(pattern, done.stderr)[-1])
        scores = np.array(result.scores[kind.removeprefix("lib")])
        # FFmpeg sums PSNR up by its mean squared errors, XPSNR by their roots.
        power = {"psnr": 10, "xpsnr": 20}.get(kind)
        mine = scores.mean() if power is None else -power * np.log10(np.mean(10 ** (-scores / power)))
        assert mine == pytest.approx(theirs, abs=0.01)
        assert len(scores) == num_frames
        assert result.pooled[kind.removeprefix("lib")].mean == pytest.approx(scores.mean())


def test_damage_counts_where_it_is(tmp_path):
    source = make_clip(tmp_path / "in.mkv", width=320, height=192, num_frames=6, codec="ffv1", options={})
    mask = np.zeros((192, 320), np.uint8)
    mask[:, :160] = 255
    maps = write_masks(tmp_path / "maps", [mask])
    config = semvid.CompressConfig(maps=semvid.MapsConfig(path=maps, hold=True), rate=semvid.Crf(34))
    coded = semvid.compress(source, tmp_path / "out.mp4", config).output
    options = semvid.CompareConfig(metrics=("weighted",), maps=semvid.MapsConfig(path=maps, hold=True))
    result = semvid.compare(source, coded, options)
    before, after = decode_luma(source), decode_luma(coded)
    # The edge of a stretched map is soft.
    for name, part in (("salient", np.s_[:, :, :156]), ("background", np.s_[:, :, 164:])):
        expected = [psnr(a[None], b[None]) for a, b in zip(before[part], after[part], strict=True)]
        assert np.abs(np.array(result.scores[name]) - expected).max() < 0.3
    assert result.pooled["salient"].mean > result.pooled["background"].mean + 2
    assert result.pooled["weighted"].mean == pytest.approx(result.pooled["salient"].mean, abs=0.3)


def test_a_video_is_like_itself(tmp_path, pair):
    result = semvid.compare(pair[0], pair[0], semvid.CompareConfig(maps=semvid.MapsConfig(model="spectral")))
    assert {result.pooled[one].minimum for one in ("psnr", "xpsnr", "weighted", "background")} == {100.0}
    assert result.pooled["ssim"].minimum == 1.0
    assert result.pooled["vmaf"].minimum > 95
    assert result.times == tuple(pytest.approx(one.time - decode(pair[0])[0].time) for one in decode(pair[0]))


def test_another_range_is_not_an_error(tmp_path, pair):
    config = semvid.CompressConfig(
        codec="mjpeg", rate=semvid.Quality(97), maps=semvid.MapsConfig(model="spectral")
    )
    jpegs = semvid.compress(pair[0], tmp_path / "out.mov", config).output
    result = semvid.compare(
        pair[0],
        jpegs,
        semvid.CompareConfig(maps=semvid.MapsConfig(model="spectral"), metrics=("psnr", "weighted")),
    )
    assert result.pooled["psnr"].minimum > 38
    assert result.pooled["weighted"].minimum > 38


def test_what_cannot_be_compared_is_refused(tmp_path, pair):
    small = make_clip(tmp_path / "small.mp4", width=192, height=128, num_frames=12)
    short = make_clip(tmp_path / "short.mp4", width=384, height=256, num_frames=11)
    options = semvid.CompareConfig(metrics=("psnr",))
    with pytest.raises(InputError, match=r"192x128 and .* 384x256; pass `scale=True`"):
        semvid.compare(pair[0], small, options)
    with pytest.raises(InputError, match="has 11 frames and .* 12"):
        semvid.compare(pair[0], short, options)
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(InputError, match="cannot be opened"):
        semvid.compare(pair[0], tmp_path / "text.mp4", options)
    with pytest.raises(ConfigError, match="`metrics=sharpness` is unknown"):
        semvid.CompareConfig(metrics=("sharpness",))


def test_other_sizes_are_scaled_on_request(tmp_path, pair):
    small = make_clip(tmp_path / "small.mp4", width=192, height=128, num_frames=12)
    options = semvid.CompareConfig(
        metrics=("psnr", "weighted"), maps=semvid.MapsConfig(model="spectral"), scale=True
    )
    result = semvid.compare(pair[0], small, options)
    assert len(result.scores["psnr"]) == len(result.scores["weighted"]) == 12


def test_frames_are_pooled():
    scores = np.array([40.0, 30.0, np.nan, 20.0])
    pooled = pool(scores)
    assert pooled.mean == 30
    assert pooled.harmonic_mean == pytest.approx(3 / (1 / 40 + 1 / 30 + 1 / 20))
    assert pooled.minimum == 20
    assert 20 < pooled.percentile_1 < pooled.percentile_5 < 30
    assert np.isnan(pool(np.array([np.nan])).mean)


def test_the_command_line_writes_tables(pair, tmp_path, capsys, monkeypatch):
    arguments = ["compare", str(pair[0]), str(pair[1]), "--model", "spectral", "--metrics", "psnr,weighted"]
    app([*arguments, "--csv", str(tmp_path / "scores.csv"), "--json"], standalone_mode=False)
    record = json.loads(capsys.readouterr().out)
    assert set(record["pooled"]) == {"psnr", "weighted", "salient", "background"}
    lines = (tmp_path / "scores.csv").read_text().splitlines()
    assert lines[0] == "frame,seconds,psnr,weighted,salient,background"
    assert len(lines) == 13
    app(arguments, standalone_mode=False)
    assert "harmonic mean" in capsys.readouterr().out


def test_samples_of_either_byte_order_are_compared_as_what_they_are(tmp_path):
    picture = av.VideoFrame.from_ndarray(
        np.arange(0, 65536, 16, np.uint16).reshape(64, 64), format="gray16le"
    )
    for name in ("yuv420p10be", "yuv420p10le"):
        with av.open(str(tmp_path / f"{name}.nut"), "w") as container:
            stream = container.add_stream("rawvideo", rate=25)
            stream.width, stream.height, stream.pix_fmt = 64, 64, name
            frame = picture.reformat(format=name)
            frame.pts, frame.time_base = 0, Fraction(1, 25)
            container.mux([*stream.encode(frame), *stream.encode()])
    config = semvid.CompareConfig(maps=semvid.MapsConfig(model="spectral"), metrics=("weighted",))
    for pair in (("yuv420p10be", "yuv420p10le"), ("yuv420p10le", "yuv420p10be")):
        found = semvid.compare(*[tmp_path / f"{name}.nut" for name in pair], config)
        assert found.scores["weighted"][0] == 100


def test_an_existing_table_is_replaced_if_asked_and_no_video_ever(pair, tmp_path):
    source, test = pair
    table = tmp_path / "scores.csv"
    table.write_text("dear")
    arguments = ["compare", str(source), str(test), "--metrics", "psnr", "--csv"]
    with pytest.raises(
        OutputExistsError, match=r"pass `overwrite=True` to overwrite it or choose another `csv`"
    ):
        app([*arguments, str(table)], standalone_mode=False)
    assert table.read_text() == "dear"
    app([*arguments, str(table), "-y"], standalone_mode=False)
    assert table.read_text().startswith("frame,seconds,psnr")
    for video in (source, test):
        with pytest.raises(OutputError, match="is the input itself"):
            app([*arguments, str(video), "-y"], standalone_mode=False)


def test_maps_that_end_early_are_held_if_asked(pair, tmp_path):
    source, test = pair
    masks = write_masks(tmp_path / "masks", [np.full((64, 96), 255, np.uint8)] * 5)
    arguments = ["compare", str(source), str(test), "--metrics", "weighted", "--maps", str(masks)]
    with pytest.raises(MapError, match="hold"):
        app(arguments, standalone_mode=False)
    app([*arguments, "--maps-hold"], standalone_mode=False)


def test_maps_follow_the_decoders_vectors_if_asked_and_what_is_wrong_with_them_is_told(pair, tmp_path):
    source, test = pair

    def scored(maps, motion, map_every=None):
        temporal = semvid.TemporalConfig(motion=motion, map_every=map_every, smoothing=0.5)
        config = semvid.CompareConfig(maps=maps, temporal=temporal, metrics=("weighted",))
        return semvid.compare(source, test, config)

    spectral = semvid.MapsConfig(model="spectral")
    vectors = scored(spectral, "vectors", 4)
    assert vectors.notices == ()
    assert vectors.scores != scored(spectral, "flow", 4).scores
    masks = write_masks(tmp_path / "masks", [np.full((64, 96), 255, np.uint8)] * 13)
    assert "has maps left over: the video ended after 12 frames" in str(
        scored(semvid.MapsConfig(path=masks), "flow").notices
    )
