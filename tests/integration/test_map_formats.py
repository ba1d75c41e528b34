"""Maps in every format: exact where promised, read back by --maps, and obeyed by the encoder they are for."""

import subprocess
from contextlib import ExitStack, closing
from fractions import Fraction

import av
import imageio_ffmpeg
import numpy as np
import pytest
from clips import REPEATABLE_WIDTH, decode, make_clip

import semvid
from semvid.codecs.ffmpeg.allocator import OffsetAllocator
from semvid.codecs.ffmpeg.region_coding import RegionCoding
from semvid.codecs.ffmpeg.regions import read_regions
from semvid.codecs.svtav1.av1 import AV1
from semvid.codecs.svtav1.segments import segments_of
from semvid.codecs.x26x.x264 import X264
from semvid.core.config import ExportConfig, MapsConfig, TemporalConfig
from semvid.core.errors import ConfigError, MapError, OutputError, OutputExistsError
from semvid.core.events import Progress
from semvid.engine.analysis import Analyser
from semvid.engine.stages import only_frames
from semvid.importance.files.map_sink import SinkContext
from semvid.importance.files.offset_text import SVTAV1_CRF
from semvid.importance.files.sidecar import SidecarReader
from semvid.importance.files.sinks import open_sink
from semvid.importance.registry import open_source
from semvid.media.reading.reader import VideoReader

SPECTRAL = ExportConfig(maps=MapsConfig(model="spectral"), overwrite=True)


def packets(path):
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0)]


def offsets_and_maps(source, config, kept=None):
    """Return what steers the encoder; ``kept`` is where a sidecar is written meanwhile."""
    found = []
    allocator = OffsetAllocator(X264, semvid.AllocationConfig())
    with ExitStack() as stack:
        reader = stack.enter_context(VideoReader(source))
        maps = stack.enter_context(closing(open_source(config.maps, None)))
        analyser = Analyser(maps, TemporalConfig())
        if kept is not None:
            context = SinkContext(reader.info, {})
            analyser.recorder = stack.enter_context(open_sink("sidecar", kept, context, overwrite=False))
        for analysed in analyser.run(only_frames(reader.read())):
            found.append((allocator.update(analysed)[0].values, analysed.importance))
    return found


@pytest.mark.parametrize("model", ["spectral", "msroi-fast"])
def test_a_run_and_its_sidecar_give_bit_identical_offsets_and_files(model, tmp_path):
    source = make_clip(tmp_path / "in.mp4", width=REPEATABLE_WIDTH, height=256, num_frames=30, cut_at=17)
    kept = tmp_path / "kept.svmap"
    run = semvid.compress(
        source,
        tmp_path / "run.mp4",
        semvid.CompressConfig(maps=semvid.MapsConfig(model=model, threads=1), save_maps=kept),
    )
    again = semvid.compress(
        source, tmp_path / "again.mp4", semvid.CompressConfig(maps=semvid.MapsConfig(path=kept))
    )
    assert packets(run.output) == packets(again.output)
    first = offsets_and_maps(
        source, ExportConfig(maps=MapsConfig(model=model, threads=1)), tmp_path / "other.svmap"
    )
    second = offsets_and_maps(source, ExportConfig(maps=MapsConfig(path=kept)))
    for (a, b), (c, d) in zip(first, second, strict=True):
        assert np.array_equal(a, c)
        assert np.array_equal(b, d)


def test_every_way_to_a_sidecar_gives_the_same_bytes(tmp_path):
    source = make_clip(tmp_path / "in.mp4", num_frames=20, rotation=90)
    config = semvid.CompressConfig(maps=semvid.MapsConfig(model="spectral"), save_maps=tmp_path / "a.svmap")
    semvid.compress(source, tmp_path / "out.mp4", config)
    semvid.export_maps(source, tmp_path / "b.svmap", SPECTRAL)
    semvid.export_maps(source, tmp_path / "c.svmap", ExportConfig(maps=MapsConfig(path=tmp_path / "b.svmap")))
    contents = {(tmp_path / f"{name}.svmap").read_bytes() for name in "abc"}
    assert len(contents) == 1


def test_a_sidecar_has_the_exact_timestamps_and_says_how_it_was_made(tmp_path):
    source = make_clip(
        tmp_path / "in.mkv", num_frames=9, pts=[640 * k for k in (0, 1, 3, 4, 7, 9, 12, 13, 20)]
    )
    semvid.export_maps(source, tmp_path / "a.svmap", SPECTRAL)
    reader = SidecarReader(tmp_path / "a.svmap")
    maps = list(reader.maps())
    reader.close()
    assert [one.pts * reader.header.time_base for one in maps] == [
        one.pts * one.time_base for one in decode(source)
    ]
    assert reader.header.time_base == Fraction(1, 1000)
    made_by = reader.header.made_by
    assert made_by["model"] == "spectral"
    assert made_by["temporal"]["smoothing"] == 0.9
    assert str(tmp_path) not in str(made_by)


def test_exact_maps_stay_exact(tmp_path):
    source = make_clip(tmp_path / "in.mp4", width=320, height=192, num_frames=3)
    (tmp_path / "boxes.jsonl").write_text('{"frame": 1, "box": [40, 20, 100, 80], "score": 0.6}\n')
    semvid.export_maps(
        source, tmp_path / "a.svmap", ExportConfig(maps=MapsConfig(boxes=tmp_path / "boxes.jsonl"))
    )
    reader = SidecarReader(tmp_path / "a.svmap")
    grey = [one.grey for one in reader.maps()][1]
    reader.close()
    assert grey.shape == (48, 80)
    assert (grey[5:25, 10:35] == 153).all()
    assert grey.sum() == 153 * 20 * 25


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("sidecar", "m.svmap"), ("png", "m"), ("video", "m.mkv"), ("npz", "m.npz"), ("kvazaar", "m.roi"),
        ("svtav1", "m.txt"), ("x264mod", "m.avi"),
    ],
)  # fmt: skip
def test_maps_of_every_format_steer_again(kind, name, tmp_path):
    source = make_clip(tmp_path / "in.mp4", width=384, height=256, num_frames=6)
    (tmp_path / "boxes.jsonl").write_text(
        "".join(f'{{"frame": {k}, "box": [64, 64, 128, 128]}}\n' for k in range(6))
    )
    config = ExportConfig(maps=MapsConfig(boxes=tmp_path / "boxes.jsonl"), format=kind)
    result = semvid.export_maps(source, tmp_path / name, config)
    assert result.num_frames == 6
    assert result.output_bytes > 0
    frames = offsets_and_maps(source, ExportConfig(maps=MapsConfig(path=tmp_path / name)))
    assert len(frames) == 6
    for offsets, _ in frames:
        assert offsets[4:12, 4:12].max() < offsets[0:3].min() - 3


def test_the_file_for_svt_av1_has_the_segments_of_our_own_encode(tmp_path):
    source = make_clip(tmp_path / "in.mp4", width=384, height=256, num_frames=3)
    (tmp_path / "boxes.jsonl").write_text('{"frame": 0, "box": [70, 64, 100, 128]}\n')
    maps = MapsConfig(boxes=tmp_path / "boxes.jsonl")
    semvid.export_maps(source, tmp_path / "m.txt", ExportConfig(maps=maps, format="svtav1"))
    number, *offsets = map(int, (tmp_path / "m.txt").read_text().splitlines()[0].split())
    # At the CRF that the file assumes.
    config = semvid.CompressConfig(codec="av1", rate=semvid.Crf(SVTAV1_CRF), maps=maps)
    coding = RegionCoding.of_file(AV1, config)
    with ExitStack() as stack:
        reader = stack.enter_context(VideoReader(source))
        opened = stack.enter_context(closing(open_source(maps, None)))
        analysed = next(iter(Analyser(opened, TemporalConfig()).run(only_frames(reader.read()))))
        regions = read_regions(coding.prepare(analysed).picture)
    segments = segments_of(*regions, (4, 6))
    coded = np.array(segments.offsets)[np.frombuffer(segments.blocks, np.uint8)]
    assert number == 0
    assert offsets == coded.tolist()
    assert len(set(offsets)) > 1


def test_videos_that_lack_frames_take_the_maps_by_time_and_others_are_refused(tmp_path):
    source = make_clip(tmp_path / "in.mkv", width=384, height=256, num_frames=12)
    other = make_clip(tmp_path / "other.mkv", width=384, height=256, num_frames=20)
    wide = make_clip(tmp_path / "wide.mkv", width=384, height=128, num_frames=12)
    semvid.export_maps(source, tmp_path / "a.svmap", SPECTRAL)
    with av.open(str(source)) as reader, av.open(str(tmp_path / "half.mkv"), "w") as writer:
        stream = writer.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 384, 256, "yuv420p"
        stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        for index, frame in enumerate(reader.decode(video=0)):
            if index % 2 == 0:
                writer.mux(stream.encode(frame))
        writer.mux(stream.encode(None))
    config = ExportConfig(maps=MapsConfig(path=tmp_path / "a.svmap"))
    full, half = offsets_and_maps(source, config), offsets_and_maps(tmp_path / "half.mkv", config)
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(full[::2], half, strict=True))
    with pytest.raises(MapError, match="no map for frame 12 of the video, shown at 0.4"):
        offsets_and_maps(other, config)
    assert (
        len(offsets_and_maps(other, ExportConfig(maps=MapsConfig(path=tmp_path / "a.svmap", hold=True))))
        == 20
    )
    with pytest.raises(MapError, match="of a picture of 384x256 and the video has 384x128"):
        offsets_and_maps(wide, config)


def test_kvazaar_obeys_our_file(tmp_path):
    """The region is coded finer than without the file, the rest coarser."""
    source = make_clip(tmp_path / "in.mkv", width=384, height=256, num_frames=6)
    (tmp_path / "boxes.jsonl").write_text(
        "".join(f'{{"frame": {k}, "box": [128, 64, 128, 128]}}\n' for k in range(6))
    )
    semvid.export_maps(
        source,
        tmp_path / "m.roi",
        ExportConfig(
            maps=MapsConfig(boxes=tmp_path / "boxes.jsonl"), allocation=semvid.AllocationConfig(match="size")
        ),
    )
    errors = {}
    for name, roi in (("plain", ""), ("roi", "roi=m.roi,")):
        subprocess.run(
            [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", "in.mkv", "-c:v", "libkvazaar",
             "-kvazaar-params", f"{roi}qp=34,gop=0,preset=ultrafast,threads=1", f"{name}.mp4"],
            cwd=tmp_path, check=True, timeout=100,
        )  # fmt: skip
        pairs = zip(decode(source), decode(tmp_path / f"{name}.mp4"), strict=True)
        squares = np.mean([(_luma(a) - _luma(b)) ** 2 for a, b in pairs], axis=0)
        errors[name] = squares[64:192, 128:256].mean(), squares[:, :64].mean()
    assert errors["roi"][0] < 0.8 * errors["plain"][0]
    assert errors["roi"][1] > 1.1 * errors["plain"][1]


def _luma(frame):
    return frame.to_ndarray(format="gray").astype(np.float32)


def test_misfits_of_name_and_format_are_told_before_any_work(tmp_path, clip):
    (tmp_path / "there.svmap").touch()
    for output, kind, error, words in (
        ("m.txt", None, ConfigError, "pass `format=kvazaar or svtav1`"),
        ("m.mkv", "sidecar", ConfigError, "must have .svmap"),
        ("m.png", "png", ConfigError, "it is a folder"),
        ("m.xyz", None, OutputError, "holds no maps of a video"),
        ("there.svmap", None, OutputExistsError, "exists"),
    ):
        with pytest.raises(error, match=words):
            semvid.export_maps(clip, tmp_path / output, ExportConfig(format=kind))
    with pytest.raises(ConfigError, match="`format=mp3` is unknown"):
        ExportConfig(format="mp3")
    with pytest.raises(ConfigError, match="no maps to save at `strength=0`"):
        semvid.CompressConfig(save_maps=tmp_path / "a.svmap", allocation=semvid.AllocationConfig(strength=0))
    for place in ("a.mkv", "none/a.svmap"):
        with pytest.raises(OutputError):
            semvid.compress(clip, tmp_path / "o.mp4", semvid.CompressConfig(save_maps=tmp_path / place))
    assert sorted(one.name for one in tmp_path.iterdir()) == ["there.svmap"]


def test_nothing_is_left_of_a_sidecar_when_the_run_fails(tmp_path, clip):
    class Failing(semvid.ImportanceSource):
        def update(self, frame):
            if frame.index == 3:
                raise MapError("three is too many", path=tmp_path)
            return semvid.ImportanceMap(np.zeros((4, 4), np.float32))

    config = semvid.CompressConfig(save_maps=tmp_path / "a.svmap")
    with pytest.raises(MapError, match="three is too many"):
        semvid.compress(clip, tmp_path / "out.mp4", config, importance=Failing())
    assert list(tmp_path.iterdir()) == []


def test_a_sidecar_fits_a_video_whose_clock_ticks_once_a_frame(tmp_path):
    source = tmp_path / "in.avi"
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=384x256:r=25:d=0.5",
         "-c:v", "mjpeg", "-q:v", "2", str(source)],
        check=True,
    )  # fmt: skip
    with VideoReader(source) as reader:
        assert reader.info.time_base == Fraction(1, 25)
    first = offsets_and_maps(source, ExportConfig(maps=MapsConfig(model="spectral")), tmp_path / "kept.svmap")
    second = offsets_and_maps(source, ExportConfig(maps=MapsConfig(path=tmp_path / "kept.svmap")))
    for (a, b), (c, d) in zip(first, second, strict=True):
        assert np.array_equal(a, c)
        assert np.array_equal(b, d)


def test_a_video_without_the_maps_that_were_to_be_saved_is_an_error_that_says_so(tmp_path):
    source = make_clip(tmp_path / "in.mp4", num_frames=4)
    output, kept = tmp_path / "out.mp4", tmp_path / "out.svmap"
    config = semvid.CompressConfig(maps=semvid.MapsConfig(model="spectral"), save_maps=kept)

    def take_the_name(event):
        if isinstance(event, Progress):
            kept.write_text("dear")

    with pytest.raises(
        OutputExistsError, match=r"out\.mp4 is complete, but its maps are missing: .*out\.svmap exists"
    ):
        semvid.compress(source, output, config, on_event=take_the_name)
    assert kept.read_text() == "dear"
    assert len(list(decode(output))) == 4
    assert sorted(one.name for one in tmp_path.iterdir()) == ["in.mp4", "out.mp4", "out.svmap"]


class Absent:
    """A source whose own file is missing."""

    def update(self, frame):
        raise FileNotFoundError(2, "No such file", "notes.json")


def test_errors_of_a_source_are_not_taken_for_errors_of_writing(tmp_path):
    source = make_clip(tmp_path / "in.mp4", num_frames=4)
    with pytest.raises(FileNotFoundError, match=r"notes\.json"):
        semvid.compress(
            source,
            tmp_path / "o.mp4",
            semvid.CompressConfig(save_maps=tmp_path / "o.svmap"),
            importance=Absent(),
        )
    with pytest.raises(FileNotFoundError, match=r"notes\.json"):
        semvid.export_overlay(source, tmp_path / "drawn", importance=Absent())
    assert [one.name for one in tmp_path.iterdir()] == ["in.mp4"]
