"""Sound through live streams: heard when its picture is seen, in every container, after every loss."""

import contextlib
import itertools
import subprocess
import threading
import time
from statistics import median

import av
import pytest
from live_clips import FFMPEG, coded_packets, free_port, listens, process, until
from live_frames import LeftThird
from sound_clips import lateness, write_flashes

import semvid
from semvid.core.errors import OutputError
from semvid.core.events import Notice
from semvid.streaming.base.sound import CHUNK_TICKS, SILENCE, SoundChunk
from semvid.streaming.live import open_session
from semvid.streaming.sinks.mux import Muxer, SoundFormat
from semvid.streaming.sinks.sink import PacketSink
from semvid.streaming.sinks.sink_address import parse_sink

# Two thirds of a frame; viewers notice 45 ms of sound that comes early.
IN_TIME = 0.025


def stream(source, sink, *, seconds: float | None = None, until_true=None, **options):
    """Run a stream to its end, or for so long; the notices."""
    config = semvid.LiveConfig(rate=semvid.Bitrate(500_000), reconnect_seconds=0.3, overwrite=True, **options)
    session = open_session(str(source), sink and str(sink), config, importance=LeftThird())
    end = time.monotonic() + (seconds or 60)
    notices = []
    with contextlib.closing(session.run()) as events:
        for event in events:
            if isinstance(event, Notice):
                notices.append(event.message)
            if time.monotonic() > end or (until_true is not None and until_true(session)):
                break
    return notices


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return write_flashes(tmp_path_factory.mktemp("film") / "film.ts", seconds=5)


def assert_in_time(path, *, at_least: int, known: float = 0.0):
    late = lateness(path)
    assert len(late) >= at_least
    assert max(abs(one - known) for one in late) < IN_TIME


def assert_mostly_in_time(path, *, at_least: int):
    """For datagrams: a busy machine loses some, and with them a beep or a flash."""
    late = lateness(path)
    assert len(late) >= at_least
    assert median(map(abs, late)) < IN_TIME


@pytest.mark.parametrize(
    ("name", "codec", "sound"),
    [
        ("out.mkv", "x264", "aac"), ("out.mp4", "x264", "aac"), ("out.mov", "x264", "aac"),
        ("out.ts", "x264", "aac"), ("out.m3u8", "x264", "aac"), ("out.webm", "vp8", "opus"),
    ],
)  # fmt: skip
def test_every_container_has_the_sound_in_time(film, tmp_path, name, codec, sound):
    assert stream(film, tmp_path / name, codec=codec) == []
    assert_in_time(tmp_path / name, at_least=5)
    with av.open(str(tmp_path / name)) as container:
        assert container.streams.audio[0].codec_context.name == sound
        assert float(container.streams.video[0].start_time * container.streams.video[0].time_base) < 1.6


@pytest.mark.parametrize(
    ("name", "sound_codec", "rate", "late"),
    [("in.mp4", "aac", 22_050, 0.2), ("in.mkv", "libopus", 48_000, 0), ("in.mkv", "pcm_s16le", 8000, 0.1)],
)
def test_sources_of_other_codecs_and_rates(tmp_path, name, sound_codec, rate, late):
    source = write_flashes(tmp_path / name, sound_codec=sound_codec, sound_rate=rate, late=late, seconds=4)
    stream(source, tmp_path / "out.mkv")
    assert_in_time(tmp_path / "out.mkv", at_least=4, known=late)


def shifted(film, path, seconds):
    """Copy a transport stream, its clock at another time."""
    subprocess.run(
        [
            FFMPEG,
            "-v",
            "error",
            "-y",
            "-i",
            str(film),
            "-c",
            "copy",
            "-output_ts_offset",
            f"{seconds}",
            str(path),
        ],
        check=True,
    )
    return path.read_bytes()


@pytest.mark.parametrize(
    "starts",
    [
        pytest.param([53_127], id="a broadcast's clock"),
        pytest.param([95_441.5], id="a counter that wraps"),
        pytest.param([7, 1000], id="two recordings joined, forward"),
        pytest.param([1000, 7, 95_441], id="three, back and over the wrap"),
    ],
)
def test_clocks_that_start_anywhere_jump_or_wrap(film, tmp_path, starts):
    source = tmp_path / "in.ts"
    source.write_bytes(b"".join(shifted(film, tmp_path / "part.ts", one) for one in starts))
    assert stream(source, tmp_path / "out.mkv") == []
    with av.open(str(tmp_path / "out.mkv")) as container:
        times = [float(one.time) for one in container.decode(video=0)]
    assert len(times) == 125 * len(starts)
    assert times[0] < 0.1
    assert max(abs(b - a - 0.04) for a, b in itertools.pairwise(times)) < 0.005
    assert_in_time(tmp_path / "out.mkv", at_least=5 * len(starts))


def test_segments_have_their_sound(tmp_path):
    film = write_flashes(tmp_path / "film.ts", seconds=9)
    stream(film, tmp_path / "out-%03d.ts")
    parts = sorted(tmp_path.glob("out-*.ts"))
    assert len(parts) >= 2
    for part in parts[:-1]:
        assert_in_time(part, at_least=3)


def test_no_sound_where_none_is_wanted_or_there_is_none(film, tmp_path):
    stream(film, tmp_path / "out.mkv", sound_bitrate=0)
    stream("lavfi:testsrc2=s=384x256:r=25", tmp_path / "silent.mkv", seconds=1)
    for name in ("out.mkv", "silent.mkv"):
        with av.open(str(tmp_path / name)) as container:
            assert not container.streams.audio


def test_it_is_told_when_nobody_takes_the_sound(film):
    told = stream(film, None)
    assert told == ["the source has sound, which is left out: the page and the virtual camera have none"]


def test_the_level_of_the_sound_is_told_whoever_takes_it(film):
    peaks = []

    def heard(session):
        peaks.append(session.status().sound_peaks)

    stream(film, None, until_true=heard)
    # Beeps between silence.
    assert max(map(max, filter(None, peaks))) > -30
    assert min(map(min, filter(None, peaks))) < -60
    peaks.clear()
    stream(film, None, until_true=heard, sound_bitrate=0)
    assert set(peaks) == {()}


def test_objects_that_take_sound_get_it_all(film):
    class Taker:
        carries_sound = True
        name, state, num_reconnections, last_error = "mine", "open", 0, ""

        def __init__(self):
            self.chunks, self.expected = [], False

        def expect_sound(self):
            self.expected = True

        def offer_sound(self, chunk):
            self.chunks.append(chunk)

        def offer(self, packet):
            assert self.expected

        def close(self):
            return

    taker = Taker()
    for _ in semvid.live(str(film), taker, importance=LeftThird()):
        pass
    assert [one.pts for one in taker.chunks] == [k * CHUNK_TICKS for k in range(len(taker.chunks))]
    assert 4.8 < len(taker.chunks) / 50 < 5.1


def send(film, *output, loop=True):
    return process("-re", *(("-stream_loop", "-1") if loop else ()), "-i", str(film), "-c", "copy", *output)


def test_udp_to_udp_and_a_recording(film, tmp_path):
    port_in, port_out, received = free_port(), free_port(), tmp_path / "received.ts"
    with (
        process(
            "-i", f"udp://127.0.0.1:{port_out}", "-c", "copy", "-t", "5", "-y", str(received)
        ) as receiver,
        send(film, "-f", "mpegts", f"udp://127.0.0.1:{port_in}?pkt_size=1316"),
    ):
        stream(
            f"udp://127.0.0.1:{port_in}",
            f"udp://127.0.0.1:{port_out}",
            record=tmp_path / "record.mkv",
            seconds=60,
            until_true=lambda _: receiver.poll() is not None,
        )
    assert_mostly_in_time(received, at_least=3)
    assert_mostly_in_time(tmp_path / "record.mkv", at_least=3)


@pytest.mark.parametrize("scheme", ["rtmp", "rtsp"])
def test_servers_get_the_sound(film, tmp_path, scheme):
    port, received = free_port(), tmp_path / "received.mkv"
    url = f"{scheme}://127.0.0.1:{port}/live/film"
    listen = ("-listen", "1") if scheme == "rtmp" else ("-rtsp_flags", "listen", "-listen_timeout", "20")
    with process(*listen, "-i", url, "-c", "copy", "-t", "4", "-y", str(received)) as receiver:
        assert until(lambda: listens(port))
        # It ends before we do, which may be noticed.
        with contextlib.suppress(OutputError):
            stream(
                film, url, realtime=True, loop=True, seconds=60,
                until_true=lambda _: receiver.poll() is not None,
            )  # fmt: skip
    assert_in_time(received, at_least=3)


def test_a_source_that_is_lost_comes_back_in_time(film, tmp_path):
    port, output = free_port(), tmp_path / "out.mkv"
    url = f"udp://127.0.0.1:{port}"
    is_over = threading.Event()

    def send_twice():
        for _ in range(2):
            with send(film, "-f", "mpegts", url + "?pkt_size=1316"):
                time.sleep(3.2)
            time.sleep(1.2)
        is_over.set()

    sender = threading.Thread(target=send_twice)
    sender.start()
    stream(url, output, seconds=90, until_true=lambda _: is_over.is_set())
    sender.join()
    assert_in_time(output, at_least=4)
    # Silence stood in meanwhile: no packet is missing.
    with av.open(str(output)) as container:
        times = [one.time for one in container.decode(audio=0)]
    assert max(after - before for before, after in itertools.pairwise(times)) < 0.05


def test_a_sink_that_comes_back_has_the_sound_in_time(tmp_path):
    port, received = free_port(), tmp_path / "received.mkv"
    url = f"rtmp://127.0.0.1:{port}/live/film"
    receiver = ("-listen", "1", "-i", url, "-c", "copy", "-y")
    with PacketSink(url, semvid.LiveConfig(reconnect_seconds=0.3), option="SINK") as sink:
        sink.expect_sound()
        with process(*receiver, str(tmp_path / "first.mkv")):
            assert until(lambda: listens(port))
            clock = itertools.count()
            offer(sink, clock, 60)
            assert sink.state == "open"
        offer(sink, clock, 30)
        with process(*receiver, "-t", "1.5", str(received)) as second:
            assert until(lambda: offer(sink, clock, 10) or second.poll() is not None)
    ends = []
    for kind in ("video", "audio"):
        with av.open(str(received)) as container:
            ends.append([float(one.time) for one in container.decode(**{kind: 0})][-1])
    assert abs(ends[0] - ends[1]) < 0.2


def offer(sink, clock, num_frames):
    """Offer coded frames with silence beside them, as fast as they are shown."""
    packets = coded_packets(start=0)
    for _ in range(num_frames):
        index = next(clock)
        turn, one = index // len(packets) * len(packets) * 3000, packets[index % len(packets)]
        sink.offer(type(one)(one.data, one.codec, one.pts + turn, one.dts + turn, 3000, one.is_keyframe))
        for chunk in range(index * 3000 // CHUNK_TICKS, (index + 1) * 3000 // CHUNK_TICKS):
            sink.offer_sound(SoundChunk(SILENCE, chunk * CHUNK_TICKS))
        time.sleep(1 / 30)


@pytest.mark.parametrize("url", ["udp://127.0.0.1:9", "rtmp://127.0.0.1/live/film", "-"])
def test_at_most_one_picture_waits_for_the_sound(url):
    class Target:
        num_bytes = 0

        def write(self, data):
            self.num_bytes += len(data)
            return len(data)

    target, packets = Target(), coded_packets(start=0)
    address = parse_sink(url, "x264")
    muxer = Muxer(target, address.format, address.options, packets[0], SoundFormat("aac", 96_000))
    chunk = written = 0
    for one in packets:
        muxer.write(one)
        assert target.num_bytes >= written
        written += len(one.data)
        # Sound is late, and its encoder adds to that.
        while (chunk + 1) * CHUNK_TICKS <= one.pts - 5400:
            muxer.write_sound(SILENCE, chunk * CHUNK_TICKS)
            chunk += 1
    muxer.close()
