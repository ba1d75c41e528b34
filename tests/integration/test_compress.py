"""What must survive compression, and what must never be left behind."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.sidedata.sidedata import Type
from clips import REPEATABLE_WIDTH, decode, make_clip, write_masks
from program import PROGRAM

import semvid
from semvid.core.errors import InputError, NoVideoStreamError, OutputError, OutputExistsError
from semvid.core.events import Done, Measured, Notice, Progress, Stage, Started


def packets(path: Path, kind: str) -> list[tuple[Fraction, bytes]]:
    with av.open(str(path)) as container:
        stream = next(one for one in container.streams if one.type == kind)
        return [(one.pts * one.time_base, bytes(one)) for one in container.demux(stream) if one.size]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_everything_else_comes_along(suffix, tmp_path):
    source = make_clip(
        tmp_path / f"in{suffix}", audio=True, subtitles=True, chapters=True, metadata={"title": "A film"}
    )
    result = semvid.compress(source, tmp_path / f"out{suffix}")
    for kind in ("audio", "subtitle"):
        assert packets(result.output, kind) == packets(source, kind)
    assert [frame.time for frame in decode(result.output)] == [frame.time for frame in decode(source)]
    with av.open(str(source)) as before, av.open(str(result.output)) as after:
        assert after.metadata["title"] == "A film"
        assert [one["metadata"]["title"] for one in after.chapters()] == ["one", "two"]
        assert abs(before.duration - after.duration) <= 1000
    assert result.num_frames == 24
    assert result.output_bytes == result.output.stat().st_size
    assert not result.is_input_damaged


def test_dropped_kinds_stay_behind(tmp_path, clip):
    result = semvid.compress(clip, tmp_path / "out.mp4", semvid.CompressConfig(drop=frozenset({"audio"})))
    assert [one.kind for one in semvid.probe(result.output).streams] == ["video"]


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_rotation_and_pixel_aspect_stay_and_maps_are_upright(rotation, tmp_path):
    source = make_clip(
        tmp_path / "in.mp4", width=320, height=192, num_frames=8, rotation=rotation, aspect=Fraction(4, 3)
    )
    upright = (320, 192) if rotation % 180 == 0 else (192, 320)
    mask = np.zeros((upright[1], upright[0]), np.uint8)
    mask[: upright[1] // 2, : upright[0] // 2] = 255
    maps = write_masks(tmp_path / "maps", [mask])
    gains = {}
    for name, strength in (("plain", 0), ("mapped", 1)):
        config = semvid.CompressConfig(
            maps=semvid.MapsConfig(path=maps / "00000.png"),
            allocation=semvid.AllocationConfig(match="size", strength=strength),
        )
        output = semvid.compress(source, tmp_path / f"{name}.mp4", config).output
        frames = decode(output)
        assert frames[0].rotation % 360 == rotation
        assert semvid.probe(output).sample_aspect_ratio == Fraction(4, 3)
        turned = [np.rot90(one.to_ndarray()[:192], rotation // 90).astype(float) for one in decode(source)]
        coded = [np.rot90(one.to_ndarray()[:192], rotation // 90).astype(float) for one in frames]
        error = (np.stack(turned) - np.stack(coded)) ** 2
        halves = error.reshape(8, 2, upright[1] // 2, 2, upright[0] // 2).mean(axis=(0, 2, 4))
        gains[name] = np.log10(halves)
    gain = gains["plain"] - gains["mapped"]
    # The upper left quarter of the upright picture, and only that, got better.
    assert gain[0, 0] == gain.max()
    assert gain[0, 0] > 0.05
    assert np.count_nonzero(gain > 0.05) == 1


def test_h264_quantizers_are_finer_inside_the_mask(tmp_path):
    """The real quantizer of every macroblock, as the decoder read it from the bitstream."""
    source = make_clip(tmp_path / "in.mp4", num_frames=12)
    mask = np.zeros((12, 20), np.uint8)
    mask[3:9, 4:12] = 255
    maps = write_masks(tmp_path / "maps", [mask])
    config = semvid.CompressConfig(
        maps=semvid.MapsConfig(path=maps / "00000.png"), encoder_options={"aq-strength": "0"}
    )
    output = semvid.compress(source, tmp_path / "out.mp4", config).output
    with av.open(str(output)) as container:
        stream = container.streams.video[0]
        stream.codec_context.options = {"export_side_data": "venc_params"}
        frame = next(container.decode(stream))
    assert frame.pict_type == av.video.frame.PictureType.I
    parameters = frame.side_data["VIDEO_ENC_PARAMS"]
    quantizers = np.asarray(parameters.qp_map())
    inside = mask.astype(bool)
    difference = quantizers[~inside].mean() - quantizers[inside].mean()
    assert difference == pytest.approx(3 * np.log2(1.28 / 0.28), abs=0.75)


def test_events_come_in_order(tmp_path, clip):
    config = semvid.CompressConfig(probe="full", overwrite=True)
    events = list(semvid.compress_events(clip, tmp_path / "out.mp4", config))
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Done)
    measuring = next(index for index, one in enumerate(events) if isinstance(one, Stage))
    counts = [one.num_frames for one in events[:measuring] if isinstance(one, Progress)]
    assert counts == list(range(1, 25))
    assert [type(one) for one in events[measuring:]] == [Stage, Progress, Measured, Done]
    quick = list(semvid.compress_events(clip, tmp_path / "out.mp4", replace(config, probe=None)))
    assert [type(one) for one in quick[-3:]] == [Progress, Measured, Done]


def test_closing_early_leaves_nothing(tmp_path, clip):
    events = semvid.compress_events(clip, tmp_path / "out.mp4")
    for event in events:
        if isinstance(event, Progress) and event.num_frames == 5:
            break
    events.close()
    assert list(tmp_path.iterdir()) == []


def test_a_source_of_ones_own(tmp_path, clip):
    class LeftThird(semvid.ImportanceSource):
        closed = False

        def update(self, frame):
            values = np.zeros((1, 2), np.float32)
            values[0, 0] = 1
            return semvid.ImportanceMap(values)

        def finish(self, num_frames):
            return f"saw {num_frames}"

        def close(self):
            self.closed = True

    source = LeftThird()
    notices = []
    semvid.compress(
        clip, tmp_path / "out.mp4", importance=source,
        on_event=lambda event: notices.append(event.message) if isinstance(event, Notice) else None,
    )  # fmt: skip
    assert source.closed
    assert "saw 24" in notices


def test_a_network_sees_upright_rgb(tmp_path):
    from semvid.importance.predictor import NetworkSource

    seen = []

    class Bright:
        notices = ("it was bright",)

        def __init__(self, batch_size):
            self.batch_size = batch_size

        def input_size(self, width, height):
            return (64, 32) if width > height else (32, 64)

        def predict(self, pictures):
            seen.append((pictures.shape, pictures.dtype))
            return pictures.mean(axis=3, dtype=np.float32) / 255

    source = make_clip(tmp_path / "in.mp4", width=REPEATABLE_WIDTH, num_frames=5, rotation=90, audio=True)
    for batch_size, shapes in ((1, [1] * 5), (2, [2, 2, 1])):
        seen.clear()
        notices = []
        result = semvid.compress(
            source, tmp_path / f"{batch_size}.mp4",
            semvid.CompressConfig(temporal=semvid.TemporalConfig(map_every=1)),
            importance=NetworkSource(Bright(batch_size)),
            on_event=lambda event, kept=notices: kept.append(event),
        )  # fmt: skip
        assert seen == [((count, 64, 32, 3), np.uint8) for count in shapes]
        assert result.num_frames == 5
        assert Notice("it was bright") in notices
    assert (tmp_path / "1.mp4").read_bytes() == (tmp_path / "2.mp4").read_bytes()


def test_frames_shown_in_batches_give_the_same_maps(tmp_path):
    from semvid.importance.predictor import NetworkSource

    source = make_clip(tmp_path / "in.mp4", width=REPEATABLE_WIDTH, num_frames=19, cut_at=10)
    shown = {}
    for batch_size in (1, 5):
        count = shown[batch_size] = []

        class Bright:
            notices = ()

            def input_size(self, width, height):
                return (64, 32)

            def predict(self, pictures, count=count):
                count.append(len(pictures))
                return pictures.mean(axis=3, dtype=np.float32) / 255

        Bright.batch_size = batch_size
        config = semvid.CompressConfig(temporal=semvid.TemporalConfig(map_every=4))
        semvid.compress(source, tmp_path / f"{batch_size}.mp4", config, importance=NetworkSource(Bright()))
    # Frames 0, 4, 8, the cut at 10, 14 and 18.
    assert shown == {1: [1] * 6, 5: [2, 1, 2, 1]}
    assert (tmp_path / "1.mp4").read_bytes() == (tmp_path / "5.mp4").read_bytes()


HDR10 = (
    "log-level=none:hdr10=1:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:max-cll=1000,400:"
    "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
)


@pytest.mark.parametrize("codec", ["x264", "x265", "vp9"])
def test_static_hdr10_metadata_is_kept_or_the_loss_is_told(codec, tmp_path):
    source = make_clip(
        tmp_path / "in.mp4", num_frames=4, codec="libx265", pixel_format="yuv420p10le",
        options={"x265-params": HDR10},
    )  # fmt: skip
    notices = []
    result = semvid.compress(
        source, tmp_path / "out.mkv", semvid.CompressConfig(codec=codec, maps=semvid.MapsConfig(model="spectral")),
        on_event=lambda event: notices.append(event.message) if isinstance(event, Notice) else None,
    )  # fmt: skip
    before, after = decode(source)[0], decode(result.output)[0]
    assert after.color_trc == before.color_trc == 16
    for kind in (Type.MASTERING_DISPLAY_METADATA, Type.CONTENT_LIGHT_LEVEL):
        # Chromaticities come back as other fractions of the same value.
        found = [np.frombuffer(bytes(one.side_data[kind])[:80], np.int32) for one in (before, after)]
        if kind is Type.MASTERING_DISPLAY_METADATA:
            found = [one[::2] / one[1::2] for one in found]
        assert np.allclose(*found)
    assert not any("HDR10" in one for one in notices)


class TestBadInput:
    def refuse(self, error, words, source, output=None, config=None):
        folder = Path(output).parent if output else Path(source).parent
        before = sorted(folder.iterdir()) if folder.is_dir() else None
        with pytest.raises(error, match=words) as caught:
            semvid.compress(source, output, config)
        assert "\n" not in str(caught.value)
        if before is not None:
            assert sorted(folder.iterdir()) == before

    def test_missing(self, tmp_path):
        self.refuse(FileNotFoundError, "does not exist", tmp_path / "none.mp4")

    def test_folder(self, tmp_path):
        self.refuse(InputError, "is a folder", tmp_path, tmp_path / "out.mp4")

    def test_empty(self, tmp_path):
        (tmp_path / "empty.mp4").touch()
        self.refuse(InputError, "is empty", tmp_path / "empty.mp4")

    def test_text(self, tmp_path):
        (tmp_path / "text.mp4").write_text("not a video at all " * 50)
        self.refuse(InputError, "cannot be opened as a video", tmp_path / "text.mp4")

    def test_sound_only(self, tmp_path, clip):
        with av.open(str(clip)) as reader, av.open(str(tmp_path / "sound.m4a"), "w", format="mp4") as writer:
            stream = writer.add_stream_from_template(reader.streams.audio[0])
            for packet in reader.demux(reader.streams.audio[0]):
                if packet.dts is not None:
                    packet.stream = stream
                    writer.mux(packet)
        self.refuse(NoVideoStreamError, r"no video stream \(it has: audio\)", tmp_path / "sound.m4a")

    def test_output_is_the_input(self, tmp_path, clip):
        link = tmp_path / "link.mp4"
        link.symlink_to(clip)
        config = semvid.CompressConfig(overwrite=True)
        self.refuse(OutputError, "is the input itself", clip, clip, config)
        self.refuse(OutputError, "is the input itself", clip, link, config)

    def test_output_exists(self, tmp_path, clip):
        (tmp_path / "out.mp4").write_text("precious")
        self.refuse(OutputExistsError, "pass `overwrite=True`", clip, tmp_path / "out.mp4")
        assert (tmp_path / "out.mp4").read_text() == "precious"

    def test_output_folder_missing_or_a_folder(self, tmp_path, clip):
        self.refuse(OutputError, "does not exist", clip, tmp_path / "none" / "out.mp4")
        (tmp_path / "out.mp4").mkdir()
        self.refuse(OutputError, "is a folder", clip, tmp_path / "out.mp4")

    def test_unknown_container(self, tmp_path, clip):
        self.refuse(OutputError, "'.xyz' is not a container that semvid writes", clip, tmp_path / "out.xyz")

    def test_container_cannot_hold_the_codec_or_the_sound(self, tmp_path, clip):
        config = semvid.CompressConfig(codec="vp9", audio="copy")
        self.refuse(
            OutputError,
            r"\.webm cannot hold stream 1 \(audio, aac\); .*\.mkv.*`drop=audio`",
            clip,
            tmp_path / "out.webm",
            config,
        )
        config = semvid.CompressConfig(codec="vp8")
        self.refuse(OutputError, "cannot hold vp8", clip, tmp_path / "out.mp4", config)

    def test_default_output_moves_to_a_container_that_fits(self, tmp_path):
        source = make_clip(tmp_path / "in.mp4", num_frames=3, audio=True)
        result = semvid.compress(source, config=semvid.CompressConfig(codec="vp8"))
        assert result.output == tmp_path / "in.semvid.mkv"

    @pytest.mark.parametrize("keep", [0.5, 0.8])
    def test_truncated_input_is_compressed_as_far_as_it_goes_and_says_so(self, keep, tmp_path):
        # Index in front, as cameras and downloads have it: a cut-off copy still opens.
        whole = make_clip(tmp_path / "whole.mkv", num_frames=60, width=640, height=384)
        cut = tmp_path / "cut.mkv"
        cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * keep)])
        notices = []
        result = semvid.compress(
            cut, on_event=lambda event: notices.append(event.message) if isinstance(event, Notice) else None
        )
        assert result.is_input_damaged
        assert any("is damaged" in one for one in notices)
        assert 0 < result.num_frames < 60
        assert len(decode(result.output)) == result.num_frames

    def test_flipped_bytes_do_not_stop_it(self, tmp_path):
        source = make_clip(tmp_path / "in.mkv", num_frames=40)
        data = bytearray(source.read_bytes())
        rng = np.random.default_rng(5)
        for position in rng.integers(len(data) // 5, len(data), 60):
            data[position] ^= 0xFF
        source.write_bytes(data)
        assert semvid.compress(source).num_frames > 0

    def test_full_disk_leaves_nothing(self, tmp_path):
        """A file-size limit stands in for a full disk: the system refuses the same writes."""
        source = make_clip(tmp_path / "in.mp4", num_frames=24)
        script = (
            "import resource, sys, semvid\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
            "try:\n    semvid.compress(sys.argv[1], sys.argv[2])\n"
            "except semvid.SemvidError as error:\n    print(type(error).__name__, error)\n"
        )
        done = subprocess.run(
            [sys.executable, "-P", "-c", script, str(source), str(tmp_path / "out.mp4")],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout.startswith("OutputError")
        assert "cannot be written" in done.stdout
        assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_interrupting_leaves_nothing(number, tmp_path):
    import signal

    source = make_clip(tmp_path / "in.mp4", num_frames=240)
    process = subprocess.Popen(
        [*PROGRAM, "compress", str(source), "--preset", "placebo"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.5)
    process.send_signal(getattr(signal, number))
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 128 + getattr(signal, number)
    assert "nothing unfinished was left behind" in stderr
    assert "Traceback" not in stderr
    assert list(tmp_path.iterdir()) == [source]
