"""Live sinks: files of every kind, real receivers on this machine, killed, refused, slow, gone."""

from __future__ import annotations

import contextlib
import itertools
import resource
import shutil
import socket
import subprocess
import sys
import threading
import time

import av
import pytest
from live_clips import FFMPEG, TICKS, coded_packets, endless, free_port, listens, process, until

from semvid.core.coded import CodedPacket
from semvid.core.config import LiveConfig
from semvid.core.errors import OutputError, OutputExistsError
from semvid.streaming.base.address import parse_source
from semvid.streaming.capture.source import LiveReader
from semvid.streaming.sinks.sink import PacketSink


def open_with(text, codec="x264", **options):
    return PacketSink(str(text), LiveConfig(codec=codec, reconnect_seconds=0.3, **options))


def offer_in_real_time(sink, packets, condition, seconds=60.0):
    """Offer packets 30 a second, until a condition holds; the longest time one offer took."""
    longest, end = 0.0, time.monotonic() + seconds
    for packet in packets:
        if condition() or time.monotonic() > end:
            return longest
        began = time.monotonic()
        sink.offer(packet)
        longest = max(longest, time.monotonic() - began)
        time.sleep(1 / 30)
    return longest


def times_in(path):
    with av.open(str(path)) as container:
        return [round(float(frame.time) * 30) for frame in container.decode(video=0)]


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        ("x264", "film.mkv"), ("x264", "film.mp4"), ("x264", "film.ts"), ("x264", "film.mov"),
        ("x265", "film.mkv"), ("x265", "film.mp4"), ("x265", "film.ts"),
        ("vp8", "film.webm"), ("vp8", "film.mkv"), ("vp9", "film.webm"), ("vp9", "film.mp4"),
        ("av1", "film.mkv"), ("av1", "film.mp4"), ("av1", "film.webm"),
        ("mjpeg", "film.mkv"), ("mjpeg", "film.mov"),
    ],
)  # fmt: skip
def test_files(tmp_path, codec, name):
    packets = coded_packets(codec)
    with open_with(tmp_path / name, codec) as sink:
        for packet in packets:
            sink.offer(packet)
    assert sink.last_error == ""
    assert sink.state == "closed"
    assert sink.num_dropped == 0
    assert sink.bytes_written == sum(len(one.data) for one in packets)
    assert times_in(tmp_path / name) == list(range(30))


@pytest.mark.parametrize("name", ["film.mkv", "film.mp4", "film.ts"])
def test_a_file_plays_while_it_is_written(tmp_path, name):
    """As after a crash: nothing was completed."""
    with open_with(tmp_path / name) as sink:
        for packet in itertools.islice(endless(), 90):
            sink.offer(packet)
        assert until(lambda: sink.bytes_written and not sink._queue)
        shutil.copy(tmp_path / name, tmp_path / f"cut-{name}")
    assert len(times_in(tmp_path / f"cut-{name}")) >= 40


def test_segments_and_playlists(tmp_path):
    for name in ("part-%03d.ts", "live.m3u8"):
        with open_with(tmp_path / name) as sink:
            for packet in itertools.islice(endless(), 300):
                sink.offer(packet)
    segments = sorted(tmp_path.glob("part-*.ts"))
    assert [one.name for one in segments] == ["part-000.ts", "part-001.ts", "part-002.ts"]
    assert sum(len(times_in(one)) for one in segments) == 300
    assert len(times_in(tmp_path / "live.m3u8")) == 300
    with pytest.raises(OutputExistsError, match="part-00"):
        open_with(tmp_path / "part-%03d.ts")


@contextlib.contextmanager
def largest_file(num_bytes):
    """Let no file of this process grow beyond so many bytes: the nearest to a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def write_limited(path, codec, num_bytes, num_frames=90):
    packets = itertools.islice(endless(codec), num_frames)
    sink = open_with(path, codec)
    with largest_file(num_bytes):
        for packet in packets:
            with contextlib.suppress(OutputError):
                sink.offer(packet)
        sink.close()
    return sink


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        ("x264", "film.mkv"), ("x264", "film.mp4"), ("x264", "film.ts"), ("x264", "film.mov"),
        ("x264", "part-%03d.ts"), ("x264", "part-%03d.mkv"), ("x264", "live.m3u8"), ("x265", "live.m3u8"),
        ("vp9", "film.webm"),
    ],
)  # fmt: skip
def test_a_file_that_is_cut_short_is_a_failure_that_says_what_is_there(tmp_path, codec, name):
    sink = write_limited(tmp_path / name, codec, 30_000)
    assert sink.failure.startswith(str(tmp_path / name)) or name.startswith("part")
    assert "file too large" in sink.failure
    number = int(sink.failure.partition("about ")[2].split()[0])
    files = [one for one in tmp_path.iterdir() if one.suffix not in {".m3u8"}]
    assert 5 < number < 60
    assert all(one.stat().st_size <= 30_000 for one in files)


@pytest.mark.parametrize("name", ["film.mkv", "film.mp4", "film.mov", "film.ts", "live.m3u8"])
def test_the_very_last_bytes_count(tmp_path, name):
    """Those that are written while the file is completed; several muxers lose the error."""
    whole = write_limited(tmp_path / name, "x264", 10**9, 60)
    assert whole.failure == ""
    largest = max(one.stat().st_size for one in tmp_path.iterdir())
    for one in tmp_path.iterdir():
        one.unlink()
    sink = write_limited(tmp_path / name, "x264", largest - 1, 60)
    assert "cannot be written" in sink.failure


def test_nothing_is_left_of_a_file_with_nothing_in_it(tmp_path):
    sink = write_limited(tmp_path / "film.mkv", "x264", 300)
    assert sink.failure.endswith("nothing of it could be played, so it was removed")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk(tmp_path):
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=100k", "none", str(tmp_path)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a file system of a size of its own can be mounted by root alone")
    try:
        for name in ("live.m3u8", "film.mp4"):
            with open_with(tmp_path / name) as sink:
                for packet in itertools.islice(endless(), 300):
                    with contextlib.suppress(OutputError):
                        sink.offer(packet)
            assert "no space left on device" in sink.failure
            for one in tmp_path.iterdir():
                one.unlink()
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_playlists_are_read_back(tmp_path):
    with open_with(tmp_path / "live.m3u8") as sink:
        for packet in itertools.islice(endless(), 150):
            sink.offer(packet)
        assert until(lambda: (tmp_path / "live1.ts").exists() and not sink._queue)
        (tmp_path / "live0.ts").unlink()
    assert sink.failure.startswith(
        f"the playlist {tmp_path / 'live.m3u8'} lists live0.ts, which is not whole; check the disk"
    )


def test_playlists_in_fragments_share_no_file(tmp_path):
    for name in ("a.m3u8", "b.m3u8"):
        with open_with(tmp_path / name, "x265") as sink:
            for packet in coded_packets("x265", 60, width=160 if name == "a.m3u8" else 192):
                sink.offer(packet)
        assert sink.failure == ""
    assert len(times_in(tmp_path / "a.m3u8")) == len(times_in(tmp_path / "b.m3u8")) == 60


def test_nothing_is_overwritten_unasked(tmp_path):
    (tmp_path / "film.mkv").write_bytes(b"dear")
    with pytest.raises(OutputExistsError):
        open_with(tmp_path / "film.mkv")
    assert (tmp_path / "film.mkv").read_bytes() == b"dear"
    with pytest.raises(OutputError, match="does not exist"):
        open_with(tmp_path / "nowhere" / "film.mkv")
    with open_with(tmp_path / "film.mkv", overwrite=True) as sink:
        for packet in coded_packets(num_frames=10):
            sink.offer(packet)
    assert len(times_in(tmp_path / "film.mkv")) == 10


@pytest.mark.parametrize(
    ("codec", "name"),
    [("x264", "film.mkv"), ("vp9", "film.webm"), ("av1", "film.mp4"), ("mjpeg", "film.mov")],
)
def test_another_size_begins_another_file(tmp_path, codec, name):
    path = tmp_path / name
    (tmp_path / f"film-2{path.suffix}").write_bytes(b"dear")
    with open_with(path, codec) as sink:
        for packet in coded_packets(codec) + coded_packets(codec, width=192, height=128, start=2_000_000):
            sink.offer(packet)
    assert sink.last_error == ""
    assert [one.rpartition("/")[2] for one in sink.paths] == [name, f"film-3{path.suffix}"]
    assert times_in(sink.paths[0]) == times_in(sink.paths[1]) == list(range(30))
    assert (tmp_path / f"film-2{path.suffix}").read_bytes() == b"dear"


@pytest.mark.parametrize("name", ["film.ts", "live.m3u8"])
def test_transport_streams_go_on_with_another_size(tmp_path, name):
    with open_with(tmp_path / name) as sink:
        for packet in coded_packets() + coded_packets(width=192, height=128, start=2_000_000):
            sink.offer(packet)
    with av.open(str(tmp_path / name)) as container:
        widths = [frame.width for frame in container.decode(video=0)]
    assert widths == [160] * 30 + [192] * 30
    assert len(sink.paths) == 1


def test_a_stream_begins_at_a_key_frame_and_never_goes_back(tmp_path):
    packets = coded_packets()
    with open_with(tmp_path / "film.mkv") as sink:
        assert sink.wants_keyframe
        for packet in [*packets[3:], packets[-1], packets[5]]:
            sink.offer(packet)
        assert not sink.wants_keyframe
    assert sink.last_error == ""
    assert sink.num_dropped == 7 + 2
    assert times_in(tmp_path / "film.mkv") == list(range(20))


@pytest.mark.parametrize("scheme", ["udp", "rtp"])
def test_datagrams_reach_a_reader(scheme):
    url = f"{scheme}://127.0.0.1:{free_port(socket.SOCK_DGRAM)}"
    readers = []
    thread = threading.Thread(
        target=lambda: readers.append(LiveReader(parse_source(url), LiveConfig())), daemon=True
    )
    thread.start()
    with open_with(url) as sink:
        offer_in_real_time(sink, endless(), lambda: readers and readers[0].next(0) is not None)
        assert sink.state == "open"
    assert readers
    readers[0].close()
    assert sink.last_error == ""


@pytest.mark.parametrize(
    ("url", "receive", "num_turns"),
    [
        ("rtmp://127.0.0.1:{}/live/key", ("-analyzeduration", "100000", "-listen", "1", "-f", "flv"), 4),
        ("rtsp://127.0.0.1:{}/live", ("-rtsp_flags", "listen", "-listen_timeout", "20", "-f", "rtsp"), 2),
    ],
)
def test_receivers_are_killed_and_restarted(tmp_path, url, receive, num_turns):
    port = free_port()
    url = url.format(port)
    packets = endless()
    with contextlib.ExitStack() as stack:
        sink = None
        for turn in range(num_turns):
            got = tmp_path / f"{turn}.ts"
            with process(*receive, "-i", url, "-c", "copy", "-flush_packets", "1", "-f", "mpegts", str(got)):
                assert until(lambda: listens(port))
                sink = sink or stack.enter_context(open_with(url))
                longest = offer_in_real_time(
                    sink, packets, lambda got=got: got.exists() and got.stat().st_size > 20_000
                )
            assert got.stat().st_size > 20_000, (turn, sink.state, sink.last_error)
            # Networks are waited for many seconds.
            assert longest < 2
            offer_in_real_time(sink, packets, lambda sink=sink: sink.state == "lost")
            assert sink.state == "lost"
            assert "key" not in sink.last_error
        assert sink.num_reconnections == num_turns - 1
        began = time.monotonic()
    # Then a thread that hangs is left alone.
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("url", ["rtmp://127.0.0.1:{}/live/secret", "rtsp://user:secret@127.0.0.1:{}/live"])
def test_a_refused_sink_is_said_at_once(url):
    began = time.monotonic()
    with open_with(url.format(free_port())) as sink:
        with pytest.raises(OutputError, match="refuses the connection") as caught:
            offer_in_real_time(sink, endless(), lambda: False)
        # Whoever listens is waited for 12 s.
        assert time.monotonic() - began < 11
        assert "secret" not in str(caught.value)
        assert sink.state == "closed"


def test_a_server_that_never_answers_stops_nobody(monkeypatch):
    monkeypatch.setattr("semvid.streaming.sinks.sink._NETWORK_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        sink = open_with(f"rtmp://127.0.0.1:{server.getsockname()[1]}/live/key")
        turns = []

        def count():
            while len(turns) < 100:
                time.sleep(0.01)
                turns.append(time.monotonic())

        counter = threading.Thread(target=count)
        counter.start()
        longest = offer_in_real_time(sink, endless(), lambda: sink.num_dropped > 0)
        counter.join()
        # The server is waited for 12 s.
        assert longest < 2
        # No other thread was held up either.
        assert max(b - a for a, b in itertools.pairwise(turns)) < 2
        assert sink.state == "opening"
        assert len(sink._queue) <= 16
        began = time.monotonic()
        sink.close(0.5)
        assert time.monotonic() - began < 8
        assert sink.state == "closed"


_TO_STDOUT = """
import sys, time
sys.path.insert(0, {tests!r})
from live_clips import endless
from semvid.core.config import LiveConfig
from semvid.streaming.sinks.sink import PacketSink
sink = PacketSink("-", LiveConfig(codec={codec!r}))
end = time.monotonic() + 60
for number, packet in enumerate(endless({codec!r})):
    if number == {number} or sink.state == "closed" or time.monotonic() > end: break
    sink.offer(packet)
    if {slow}: time.sleep(0.0005)
began = time.monotonic()
sink.close(1)
print(sink.state, sink.num_dropped, sink.last_error or "-", time.monotonic() - began, file=sys.stderr)
"""


def to_stdout(codec="x264", number=60, slow=False):
    from pathlib import Path

    code = _TO_STDOUT.format(codec=codec, number=number, slow=slow, tests=str(Path(__file__).parents[1]))
    return subprocess.Popen(
        [sys.executable, "-P", "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=False
    )


@pytest.mark.parametrize("codec", ["x264", "vp8", "mjpeg"])
def test_standard_output_is_a_stream(codec):
    with to_stdout(codec) as one:
        done = subprocess.run(
            [FFMPEG, "-v", "error", "-i", "-", "-f", "framemd5", "-"],
            check=False,
            stdin=one.stdout,
            capture_output=True,
            timeout=120,
        )
        state = one.stderr.read().split()
    assert sum(not line.startswith(b"#") for line in done.stdout.splitlines()) == 60, (done.stderr, state)
    assert state[:3] == [b"closed", b"0", b"-"]


def test_a_reader_that_goes_ends_the_stream_quietly():
    with to_stdout(number=10**9, slow=True) as one:
        assert len(one.stdout.read(5000)) == 5000
        one.stdout.close()
        state = one.stderr.read().split()
        assert one.wait(60) == 0
    assert state[0] == b"closed"
    assert state[2] == b"-"


def test_a_reader_that_never_reads_is_given_up():
    with to_stdout(number=1800, slow=True) as one:
        state = one.stderr.read().split()
        assert one.wait(60) == 0
        one.stdout.close()
    assert state[0] == b"closed"
    assert int(state[1]) > 500
    # Nobody will ever read.
    assert float(state[-1]) < 20


def test_memory_stays_flat(tmp_path):
    packets = endless()
    peaks = []
    with open_with(tmp_path / "film.ts") as sink:
        for _ in range(6):
            for packet in itertools.islice(packets, 1500):
                sink.offer(packet)
            assert until(lambda: not sink._queue)
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    assert peaks[-1] - peaks[0] < 8_000
    assert sink.num_dropped == 0


def test_a_stream_nobody_could_decode_is_refused(tmp_path):
    packets = [
        CodedPacket(
            b"\0\0\0\1" + one.data.split(b"\0\0\1")[-1], one.codec, one.pts, one.dts, TICKS, one.is_keyframe
        )
        for one in coded_packets(num_frames=5)
    ]
    with open_with(tmp_path / "film.mkv") as sink:
        for packet in packets:
            with contextlib.suppress(OutputError):
                sink.offer(packet)
    assert "no parameter sets" in sink.failure
    assert not (tmp_path / "film.mkv").exists()
