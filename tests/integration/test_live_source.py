"""Live sources: real senders on this machine, killed, restarted, silent, and slow consumers."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import subprocess
import sys
import threading
import time
from fractions import Fraction

import cv2
import numpy as np
import pytest
from clips import decode, make_clip
from live_clips import FFMPEG, free_port, sender, until

from semvid.core.config import LiveConfig
from semvid.core.errors import InputError, InputMissingError
from semvid.streaming.base.address import parse_source
from semvid.streaming.capture.shaping import Shaper
from semvid.streaming.capture.source import LiveReader


def take(reader, number, seconds=60.0):
    """Take frames until there are so many, the source ends, or time is up."""
    frames, end = [], time.monotonic() + seconds
    while len(frames) < number and time.monotonic() < end:
        captured = reader.next(0.2)
        if captured is not None:
            frames.append(captured)
        elif reader.state == "ended":
            break
    return frames


def stamps(frames):
    return [one.frame.picture.pts for one in frames]


def assert_rising(frames):
    assert all(b > a for a, b in itertools.pairwise(stamps(frames)))


def open_reader(text, **options):
    return LiveReader(parse_source(text), LiveConfig(**{"reconnect_seconds": 0.3, **options}))


def test_generators_go_the_way_of_cameras_in_real_time():
    began = time.monotonic()
    with open_reader("lavfi:testsrc2=size=160x96:rate=30") as reader:
        frames = take(reader, 20)
        assert reader.state == "playing"
    assert time.monotonic() - began > 19 / 30
    assert_rising(frames)
    # On a busy machine some are late, and the next ones with them.
    assert all(pts - index * 3000 > -900 for index, pts in enumerate(stamps(frames)))
    assert abs(stamps(frames)[-1] / 90_000 - (frames[-1].arrived - frames[0].arrived)) < 1.5
    assert frames[0].frame.luma.shape == (96, 160)
    assert [one.frame.index for one in frames] == list(range(20))
    assert reader.state == "ended"


def test_size_and_rate_asked_for_are_kept():
    with open_reader("lavfi:testsrc2=size=160x96:rate=60", size=(128, 128), frame_rate=20) as reader:
        frames = take(reader, 12)
    assert all(abs(b - a - 4500) < 300 for a, b in itertools.pairwise(stamps(frames)))
    luma = frames[0].frame.luma
    # 160 x 96 in 128 x 128 is 128 x 76 between bars.
    assert luma.shape == (128, 128)
    assert luma[:24].max() <= 16
    assert luma[28:100].std() > 20
    assert frames[0].frame.picture.time_base.denominator == 90_000


def test_pixels_that_are_not_square_become_square():
    graph = "lavfi:testsrc2=size=160x96:rate=30,setsar=1/2"
    with open_reader(graph) as reader:
        (captured,) = take(reader, 1)
        assert captured.frame.luma.shape == (96, 160)
        assert reader.sample_aspect_ratio == Fraction(1, 2)
    with open_reader(graph, size=(160, 96)) as reader:
        (captured,) = take(reader, 1)
        assert reader.sample_aspect_ratio is None
    # 80 x 96 between bars.
    assert captured.frame.luma.shape == (96, 160)
    assert captured.frame.luma[:, :38].max() <= 16
    assert captured.frame.luma[:, 44:116].std() > 20


def test_rgb_sources_have_luma():
    with open_reader("lavfi:testsrc=size=160x96:rate=30") as reader:
        (captured,) = take(reader, 1)
    assert captured.frame.picture.format.name == "rgb24"
    assert captured.frame.luma.std() > 20


def test_files_end_wait_and_keep_their_timestamps(tmp_path):
    clip = make_clip(tmp_path / "clip.mp4", width=160, height=96, num_frames=30)
    with open_reader(str(clip)) as reader:
        assert not until(lambda: reader.num_dropped, 0.2)
        frames = take(reader, 100)
        assert reader.state == "ended"
        assert reader.next(5.0) is None
    assert stamps(frames) == [index * 3600 for index in range(30)]
    assert reader.num_dropped == 0


def test_files_play_at_their_own_speed_again_and_again(tmp_path):
    clip = make_clip(tmp_path / "clip.mp4", width=160, height=96, num_frames=10)
    began = time.monotonic()
    with open_reader(str(clip), realtime=True, loop=True) as reader:
        frames = take(reader, 26)
    took = time.monotonic() - began
    # Some are left out if nobody takes them in time.
    assert_rising(frames)
    assert all(pts % 3600 == 0 for pts in stamps(frames))
    assert took >= 0.99
    assert all(one.arrived - began > one.frame.picture.pts / 90_000 - 0.02 for one in frames)


def test_slow_consumers_of_live_sources_get_new_frames_and_a_count():
    with open_reader("lavfi:testsrc2=size=160x96:rate=50") as reader:
        assert until(lambda: reader.num_dropped >= 10)
        num_dropped = reader.num_dropped
        (captured,) = take(reader, 1)
        assert captured.frame.index >= num_dropped


@pytest.mark.parametrize("container", ["yuv4mpegpipe", "mpegts", "matroska"])
def test_pipes(container):
    codec = [] if container == "yuv4mpegpipe" else ["-c:v", "libx264", "-preset", "ultrafast"]
    send = subprocess.Popen(
        [FFMPEG, "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x96:rate=25", "-frames:v", "40",
         "-pix_fmt", "yuv420p", *codec, "-f", container, "-"], stdout=subprocess.PIPE
    )  # fmt: skip
    code = (
        "from semvid.streaming.base.address import parse_source\n"
        "from semvid.streaming.capture.source import LiveReader\n"
        "from semvid.core.config import LiveConfig\n"
        "n, last, reader = 0, -1, LiveReader(parse_source('-'), LiveConfig())\n"
        "while True:\n"
        "    one = reader.next(1)\n"
        "    if one is None and reader.state == 'ended': break\n"
        "    if one is not None: n += 1; assert one.frame.picture.pts > last; last = one.frame.picture.pts\n"
        "print(n, last, reader.num_dropped)\n"
    )
    with send:
        done = subprocess.run(
            [sys.executable, "-P", "-c", code],
            check=False,
            stdin=send.stdout,
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert done.stdout.split() == ["40", str(39 * 3600), "0"], done.stderr


def test_a_silent_pipe_can_be_left(monkeypatch):
    inner, outer = os.pipe()
    frame = b"FRAME\n" + bytes(160 * 96 * 3 // 2)
    writer = threading.Thread(
        target=os.write, args=(outer, b"YUV4MPEG2 W160 H96 F25:1 Ip A1:1 C420jpeg\n" + 4 * frame), daemon=True
    )
    writer.start()
    with open(inner, "rb") as silent:
        monkeypatch.setattr(sys, "stdin", silent)
        with open_reader("-") as reader:
            assert take(reader, 3)
            assert reader.next(0.2) is None or reader.next(0.2) is None
        assert until(lambda: not reader._thread.is_alive())
    writer.join(5)
    os.close(outer)


def test_udp_comes_and_goes_three_times():
    url = f"udp://127.0.0.1:{free_port(socket.SOCK_DGRAM)}"
    frames, reader = [], None
    for turn in range(3):
        with sender("-f", "mpegts", url + "?pkt_size=1316"):
            reader = reader or open_reader(url)
            before = len(frames)
            frames += take(reader, 15)
            assert len(frames) >= before + 15, turn
    reader.close()
    assert_rising(frames)
    passed = frames[-1].arrived - frames[0].arrived
    assert abs((stamps(frames)[-1] - stamps(frames)[0]) / 90_000 - passed) < 1.5


def test_servers_are_killed_and_restarted():
    port = free_port()
    url = f"http://127.0.0.1:{port}/live.ts"
    frames, reader = [], None
    for turn in range(4):
        with sender("-f", "mpegts", "-listen", "1", url) as one:
            while reader is None:
                assert one.poll() is None
                with contextlib.suppress(InputError):
                    reader = open_reader(url)
            before = len(frames)
            frames += take(reader, 10)
            assert len(frames) >= before + 10, turn
        assert until(lambda reader=reader: reader.next(0) is None and reader.state == "lost")
        assert "127.0.0.1" in reader.last_error
    assert reader.num_reconnections == 3
    reader.close()
    assert_rising(frames)
    passed = frames[-1].arrived - frames[0].arrived
    assert abs((stamps(frames)[-1] - stamps(frames)[0]) / 90_000 - passed) < 2.5


@pytest.mark.parametrize(
    ("url", "output"),
    [
        ("rtmp://127.0.0.1:{}/live/key", ("-f", "flv", "-listen", "1")),
        ("http://127.0.0.1:{}/cam", ("-c:v", "mjpeg", "-f", "mpjpeg", "-listen", "1")),
    ],
)
def test_servers_of_other_protocols(url, output):
    url = url.format(free_port())
    reader = None
    with sender(*output, url) as one:
        while reader is None:
            assert one.poll() is None
            with contextlib.suppress(InputError):
                reader = open_reader(url)
        with reader:
            frames = take(reader, 20)
    assert len(frames) == 20
    assert_rising(frames)


@pytest.mark.parametrize(
    ("url", "output"),
    [
        ("rtsp://127.0.0.1:{}/live", ("-f", "rtsp", "-rtsp_transport", "tcp")),
        ("rtmp://127.0.0.1:{}/live/key", ("-f", "flv")),
    ],
)
def test_senders_that_connect_to_us(url, output):
    """And come back after they were killed."""
    url = url.format(free_port())
    readers, frames = [], []
    threading.Thread(target=lambda: readers.append(open_reader(url + "?listen")), daemon=True).start()
    for turn in range(2):
        before = len(frames)
        end = time.monotonic() + 60
        while len(frames) < before + 8 and time.monotonic() < end:
            # A sender that is refused, because nobody listens yet, tries again.
            with sender(*output, url, options=("-bf", "2")) as one:
                while one.poll() is None and len(frames) < before + 8 and time.monotonic() < end:
                    if readers:
                        frames += take(readers[0], 5, 0.2)
                    else:
                        time.sleep(0.01)
        assert len(frames) >= before + 8, (turn, readers and readers[0].last_error)
        # What had come before it was killed is not counted for the next one.
        assert until(lambda: readers[0].next(0) is None and readers[0].state == "lost")
    readers[0].close()
    assert readers[0].num_reconnections == 1
    assert_rising(frames)


def test_the_size_that_changes_on_the_way_is_scaled_and_told():
    url = f"udp://127.0.0.1:{free_port(socket.SOCK_DGRAM)}"
    shapes, reader = set(), None
    for size in ("160x96", "192x128"):
        with sender("-f", "mpegts", url + "?pkt_size=1316", size=size):
            reader = reader or open_reader(url)
            end = time.monotonic() + 60
            while time.monotonic() < end and not (shapes and (reader.remarks or size == "160x96")):
                shapes.update(one.frame.luma.shape for one in take(reader, 5, 0.3))
    reader.close()
    assert shapes == {(96, 160)}
    assert "the video is 192x128 instead of 160x96; scaled, with black bars" in reader.remarks[0]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("/nowhere/film.mp4", "does not exist"),
        ("webcam:63", "is not there"),
        ("webcam:Nobody Makes This", "there is no camera Nobody"),
        ("lavfi:nonsense", "not a filter graph"),
        ("rtsp://user:secret@127.0.0.1:{}/x", "refuses the connection"),
        ("rtmp://127.0.0.1:{}/live/secret", "refuses the connection"),
        ("http://127.0.0.1:{}/x?token=secret", "refuses the connection"),
    ],
)
def test_what_cannot_be_opened_is_said_at_once(source, words):
    began = time.monotonic()
    with pytest.raises(InputError, match=words) as caught:
        open_reader(source.format(free_port()))
    # Whoever listens is waited for 10 s.
    assert time.monotonic() - began < 9
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_files_are_missing():
    with pytest.raises(InputMissingError):
        open_reader("/nowhere/film.mp4")


@pytest.mark.parametrize(("status", "words"), [("401 Unauthorized", "401"), ("404 Not Found", "404")])
def test_http_refusals(status, words):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        connection.recv(4096)
                        connection.sendall(
                            f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
                        )

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(InputError, match=words):
            open_reader(f"http://127.0.0.1:{server.getsockname()[1]}/x.ts")


def test_closing_does_not_wait_for_a_hanging_network():
    url = f"udp://127.0.0.1:{free_port(socket.SOCK_DGRAM)}"
    with sender("-f", "mpegts", url + "?pkt_size=1316"):
        reader = open_reader(url)
        assert take(reader, 3)
    take(reader, 100, 0.3)
    began = time.monotonic()
    reader.close()
    # The network hangs for 5 s.
    assert time.monotonic() - began < 4.5
    assert reader.state == "ended"
    assert reader.next(1) is None


@pytest.mark.parametrize("rotation", [90, 180, 270])
@pytest.mark.parametrize("size", [None, (192, 288)])
def test_pictures_are_turned_upright(tmp_path, rotation, size):
    clip = make_clip(
        tmp_path / "clip.mp4", width=320, height=192, num_frames=3, rotation=rotation, aspect=Fraction(4, 3)
    )
    is_on_its_side = rotation != 180
    shown = [np.rot90(one.to_ndarray(format="gray"), rotation // 90) for one in decode(clip)]
    with open_reader(str(clip), size=size) as reader:
        captured = take(reader, 3)
        assert reader.sample_aspect_ratio == (
            None if size else Fraction(3, 4) if is_on_its_side else Fraction(4, 3)
        )
    for one, right in zip(captured, shown, strict=True):
        assert one.frame.quarter_turns == 0
        picture = one.frame.picture.to_ndarray(format="gray")
        if size is None:
            assert np.abs(picture.astype(int) - right).max() <= 1
        else:
            assert picture.shape == size[::-1]
            # 192x427 seen, or 427x192: what is not black is the picture.
            tall, wide = (288, 130) if is_on_its_side else (86, 192)
            top, left = (288 - tall) // 4 * 2, (192 - wide) // 4 * 2
            inner = picture[top : top + tall, left : left + wide]
            scaled = cv2.resize(np.ascontiguousarray(right), (wide, tall), interpolation=cv2.INTER_AREA)
            blurred = [cv2.GaussianBlur(one, (0, 0), 2)[6:-6, 6:-6].ravel() for one in (inner, scaled)]
            assert np.corrcoef(*blurred)[0, 1] > 0.97
            assert picture[:, : max(0, left - 4)].max(initial=0) < 20


def test_memory_stays_flat(tmp_path):
    clip = make_clip(tmp_path / "clip.mkv", width=320, height=192, num_frames=50, audio=True)
    peaks = []
    with open_reader(str(clip), loop=True, size=(192, 192)) as reader:
        import resource

        for _ in range(4):
            num_chunks = 0
            for _ in range(10):
                last = take(reader, 50, 20)[-1]
                num_chunks += len(reader.take_sound(last.frame.picture.pts))
            assert 870 < num_chunks < 1130
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    # kB: one frame of 320x192 leaked each time would be 46,000.
    assert peaks[-1] - peaks[0] < 20_000


@pytest.mark.parametrize("name", ["film.mkv", "film.mp4"])
def test_a_file_that_ends_too_early_is_told(tmp_path, name):
    whole = make_clip(tmp_path / f"whole-{name}", width=160, height=96, num_frames=50)
    path = tmp_path / name
    # The header first, so that it is there.
    subprocess.run(
        [FFMPEG, "-v", "error", "-i", str(whole), "-c", "copy", "-movflags", "faststart", str(path)],
        check=True,
    )
    with open_reader(str(path)) as reader:
        assert len(take(reader, 60)) == 50
    assert reader.damage == ""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with open_reader(str(path)) as reader:
        assert 10 < len(take(reader, 60)) < 40
    assert reader.damage == "it ends before its header says"
    assert reader.failure == ""


def test_damaged_frames_are_counted(tmp_path):
    path = make_clip(tmp_path / "film.ts", width=160, height=96, num_frames=50)
    data = bytearray(path.read_bytes())
    for place in range(len(data) // 3, len(data) * 2 // 3, 997):
        data[place] ^= 255
    path.write_bytes(data)
    with open_reader(str(path)) as reader:
        take(reader, 60)
    assert reader.num_damaged > 0
    assert "frames are damaged" in reader.damage or "could not be decoded" in reader.damage


def test_an_odd_failure_of_the_thread_that_reads_is_no_end(tmp_path, monkeypatch):
    path = make_clip(tmp_path / "film.mkv", width=160, height=96, num_frames=10)

    def fail(self, picture, pts):
        if self._num_frames == 3:
            raise KeyError("odd")
        return shape(self, picture, pts)

    shape = Shaper.shape
    monkeypatch.setattr(Shaper, "shape", fail)
    with open_reader(str(path)) as reader:
        assert len(take(reader, 10)) == 3
    assert "film.mkv cannot be read" in reader.failure


def test_a_port_is_listened_at_until_somebody_sends(monkeypatch):
    monkeypatch.setattr("semvid.streaming.capture.opening.OPEN_SECONDS", 0.2)
    monkeypatch.setattr("semvid.streaming.capture.opening.READ_SECONDS", 0.2)
    url = f"udp://127.0.0.1:{free_port(socket.SOCK_DGRAM)}"
    with pytest.raises(InputError, match="sent no video within"):
        open_reader(url, wait_seconds=0)
    readers = []
    thread = threading.Thread(target=lambda: readers.append(open_reader(url)), daemon=True)
    thread.start()
    time.sleep(1)
    assert not readers
    monkeypatch.setattr("semvid.streaming.capture.opening.OPEN_SECONDS", 10)
    monkeypatch.setattr("semvid.streaming.capture.opening.READ_SECONDS", 5)
    with sender("-f", "mpegts", f"{url}?pkt_size=1316"):
        thread.join(60)
        assert readers
        assert take(readers[0], 3)
    readers[0].close()


def test_a_server_that_comes_later_is_waited_for_if_asked():
    port = free_port()
    with pytest.raises(InputError, match="refuses the connection"):
        open_reader(f"tcp://127.0.0.1:{port}", wait_seconds=0.5)
    readers = []
    thread = threading.Thread(
        target=lambda: readers.append(open_reader(f"tcp://127.0.0.1:{port}", wait_seconds=60)), daemon=True
    )
    thread.start()
    time.sleep(0.3)
    with sender("-f", "mpegts", f"tcp://127.0.0.1:{port}?listen=1"):
        thread.join(60)
        assert readers
        assert take(readers[0], 3)
    readers[0].close()
