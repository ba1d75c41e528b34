"""What an input may open: itself, a playlist the files of its folder, and no network and no secret."""

from __future__ import annotations

import ast
import contextlib
import socket
import struct
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import av
import pytest
from clips import make_clip
from live_clips import FFMPEG

import semvid
from semvid.core.config import LiveConfig, MapsConfig
from semvid.core.errors import ConfigError, InputError
from semvid.media import reach
from semvid.media.probe import open_container, probe
from semvid.media.reading.reader import VideoReader
from semvid.scores.filters import filter_scores
from semvid.streaming.base.address import parse_source
from semvid.streaming.capture.source import LiveReader
from semvid.streaming.live import open_session

SEMVID = [sys.executable, "-P", "-c", "from semvid.cli.main import run; run()"]


def playlist(*names, before=""):
    parts = "".join(f"#EXTINF:1.0,\n{one}\n" for one in names)
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n{before}{parts}#EXT-X-ENDLIST\n"


class Server:
    """Counts who connects on this machine."""

    def __init__(self):
        self._num_served = self._num_asked = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self._num_served += 1
                connection.close()

    @property
    def num_connections(self):
        """Of others, up to now: they are served in their order, so after one of its own all are counted."""
        self._num_asked += 1
        with socket.create_connection(self._socket.getsockname(), 60) as own:
            assert own.recv(1) == b""
        return self._num_served - self._num_asked

    def close(self):
        self._socket.close()


@pytest.fixture
def server():
    with contextlib.closing(Server()) as one:
        yield one


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a segment, and a secret beside the folder."""
    root = tmp_path_factory.mktemp("reach")
    (root / "in").mkdir()
    make_clip(root / "secret.ts", width=160, height=96, num_frames=10)
    make_clip(root / "in" / "part.ts", width=160, height=96, num_frames=10)
    return root / "in"


@pytest.fixture
def allowed():
    """Change what is allowed, for one test."""
    yield reach.allow_protocols
    reach.allow_protocols([])


def evil_files(folder, url):
    """Name, contents and words of the refusal, of inputs that reach for more than they may."""
    secret = folder.parent / "secret.ts"
    outside = "outside its folder; "
    return {
        "absolute.m3u8": (playlist(secret), outside),
        "file.m3u8": (playlist(f"file://{secret}"), outside),
        "up.m3u8": (playlist("../secret.ts"), outside),
        "later.m3u8": (playlist("part.ts", secret), outside),
        "http.m3u8": (playlist(f"{url}/a.ts"), "pass `allow_protocols=http`"),
        "key.m3u8": (playlist("part.ts", before=f'#EXT-X-KEY:METHOD=AES-128,URI="{url}/k"\n'), outside),
        "map.m3u8": (playlist("part.ts", before=f'#EXT-X-MAP:URI="{url}/i.mp4"\n'), outside),
        "data.m3u8": (playlist("data:video/mp2t;base64,R0AAEAAA"), ""),
        "subfile.m3u8": (playlist(f"subfile,,start,0,end,9999,,:{secret}"), ""),
        "concat.m3u8": (playlist(f"concat:{secret}|{secret}"), ""),
        "crypto.m3u8": (playlist(f"crypto:{secret}"), ""),
        "master.m3u8": ("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9\nabsolute.m3u8\n", outside),
        "up.ffconcat": ("ffconcat version 1.0\nfile ../secret.ts\n", outside),
        "absolute.mp4": (f"ffconcat version 1.0\nfile '{secret}'\n", outside),
        "http.txt": (f"ffconcat version 1.0\nfile {url}/a.ts\n", outside),
        "nested.txt": ("ffconcat version 1.0\nfile absolute.m3u8\n", ""),
        "a.sdp": (
            "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 40001 RTP/AVP 33\n",
            "says where one is",
        ),
        "a.mpd": (
            f'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
            f'mediaPresentationDuration="PT1S"><Period><AdaptationSet mimeType="video/mp4"><Representation '
            f'id="1" bandwidth="9"><BaseURL>{url}/a.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>',
            "",
        ),
    }


def read(path):
    with VideoReader(path) as reader:
        return sum(1 for _ in reader.read())


def test_no_file_opens_a_network_or_reads_outside_its_folder(folder, server):
    files = evil_files(folder, server.url)
    for name, (text, _) in files.items():
        (folder / name).write_text(text)
    for name, (_, words) in files.items():
        with pytest.raises(InputError) as caught:
            read(folder / name)
        assert words in str(caught.value), name
    # The same through a live stream, and in a process of FFmpeg's.
    for name in ("absolute.m3u8", "http.m3u8"):
        with pytest.raises(InputError, match="outside its folder"):
            LiveReader(parse_source(str(folder / name)), LiveConfig())
        done = subprocess.run(
            [*SEMVID, "maps", name, "-o", "m.svmap"], cwd=folder, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr.count("\n")) == (3, 1)
        assert "outside its folder" in done.stderr
    assert server.num_connections == 0


def test_a_process_of_ffmpeg_opens_no_network(folder, server):
    from semvid.scores.sources import describe_source

    good = describe_source(probe(folder / "part.ts"))
    (folder / "swapped.m3u8").write_text(playlist(f"{server.url}/a.ts"))
    evil = replace(good, info=replace(good.info, path=folder / "swapped.m3u8"))
    with pytest.raises(InputError):
        filter_scores(good, evil, ["psnr"], 10)
    assert server.num_connections == 0


def test_playlists_of_their_own_folder_are_read(folder):
    (folder / "below").mkdir()
    (folder / "below" / "b.ts").write_bytes((folder / "part.ts").read_bytes())
    for name, text in {
        "good.m3u8": playlist("part.ts", "below/b.ts"),
        "good.ffconcat": "ffconcat version 1.0\nfile part.ts\nfile below/b.ts\n",
    }.items():
        (folder / name).write_text(text)
        assert read(folder / name) == 20, name
    (folder / "master2.m3u8").write_text("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9\ngood.m3u8\n")
    assert read(folder / "master2.m3u8") == 20
    (folder / "link.ts").symlink_to("../secret.ts")
    (folder / "link.m3u8").write_text(playlist("link.ts"))
    with pytest.raises(InputError, match="outside its folder"):
        read(folder / "link.m3u8")
    (folder / "gone.m3u8").write_text(playlist("part.ts", "gone.ts"))
    with pytest.raises(InputError, match="gone.ts, which is not there"):
        read(folder / "gone.m3u8")


def test_more_is_opened_only_if_asked_for(folder, server, allowed):
    secret = folder.parent / "secret.ts"
    (folder / "a.m3u8").write_text(playlist(secret))
    (folder / "b.ffconcat").write_text(f"ffconcat version 1.0\nfile '{secret}'\n")
    (folder / "c.m3u8").write_text(playlist(f"{server.url}/a.ts"))
    allowed(["file"])
    assert read(folder / "a.m3u8") == read(folder / "b.ffconcat") == 10
    with pytest.raises(InputError):
        read(folder / "c.m3u8")
    assert server.num_connections == 0
    allowed(["http"])
    with pytest.raises(InputError):
        read(folder / "c.m3u8")
    assert server.num_connections > 0
    for wrong in ("nonsense", "htt p", "http:", "-"):
        with pytest.raises(ConfigError, match="is not in this FFmpeg build"):
            allowed([wrong])
    done = subprocess.run(
        [*SEMVID, "compare", "a.m3u8", str(secret), "--allow-protocols", "file", "--metrics", "psnr"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def send_over_tcp(data):
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with listener, contextlib.suppress(OSError):
            connection, _ = listener.accept()
            connection.sendall(data)
            connection.close()

    threading.Thread(target=serve, daemon=True).start()
    return f"tcp://127.0.0.1:{listener.getsockname()[1]}"


def test_networks_and_pipes_read_no_file_and_open_no_other_network(folder, server):
    secret = folder.parent / "secret.ts"
    for text in (playlist(secret), playlist(f"{server.url}/a.ts"), f"ffconcat version 1.0\nfile {secret}\n"):
        with pytest.raises(InputError):
            LiveReader(parse_source(send_over_tcp(text.encode())), LiveConfig())
        done = subprocess.run(
            [*SEMVID, "stream", "-", "out.mkv", "--model", "spectral"],
            cwd=folder, input=text, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert (done.returncode, done.stderr.count("\n")) == (3, 1)
        assert "standard input is not a video that can be read" in done.stderr
    # An HTTP server may name its own segments, but no file.
    reply = playlist(f"file://{secret}").encode()
    head = b"HTTP/1.0 200 OK\r\nContent-Type: application/vnd.apple.mpegurl\r\n\r\n"
    url = send_over_tcp(head + reply).replace("tcp://", "http://") + "/a.m3u8"
    with pytest.raises(InputError):
        LiveReader(parse_source(url), LiveConfig())
    assert server.num_connections == 0


def test_an_address_ffmpeg_lacks_is_refused_with_what_to_do():
    assert reach.has_protocol("udp")
    assert reach.has_protocol("rtsp")
    assert not reach.has_protocol("nonsense")
    if reach.has_protocol("srt"):
        pytest.skip("this FFmpeg build has srt")
    for source, sink in (("srt://127.0.0.1:9", "a.mkv"), ("lavfi:testsrc2", "srt://127.0.0.1:9")):
        with pytest.raises(ConfigError, match=r"has no srt; use rtsp://, rtmp:// or udp://"):
            open_session(source, sink, LiveConfig(maps=MapsConfig(model="spectral")))
    shown = subprocess.run([*SEMVID, "stream", "--help"], capture_output=True, text=True, check=True).stdout
    assert "srt" not in shown


def alias_to(path):
    """A box of a QuickTime file that says its samples lie in another file."""
    target = str(path).encode()
    record = bytearray(150)
    record[10 + 27 + 1 + 12] = len(path.name)
    record[10 + 28 + 12 + 1 : 10 + 28 + 12 + 1 + len(path.name)] = path.name.encode()
    tail = struct.pack(">HH", 2, len(target)) + target + b"\0" * (len(target) % 2) + struct.pack(">hH", -1, 0)
    entry = bytes(record) + tail
    return struct.pack(">I4sI", 12 + len(entry), b"alis", 0) + entry


def test_movies_whose_samples_lie_elsewhere_read_nothing_there(folder, tmp_path):
    """The same file opens the other one as soon as FFmpeg is told to, so the test can fail."""
    path = tmp_path / "film.mov"
    subprocess.run(
        [FFMPEG, "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x96:rate=25", "-t", "0.4", "-c:v", "libx264",
         "-pix_fmt", "yuv420p", str(path)], check=True,
    )  # fmt: skip
    secret = tmp_path / "secret.bin"
    secret.write_bytes(path.read_bytes())
    data = bytearray(path.read_bytes())
    at = data.rindex(b"dref", 0, data.rindex(b"stbl")) - 4
    old_size = struct.unpack_from(">I", data, at)[0]
    entry = alias_to(secret)
    box = struct.pack(">I4sII", 16 + len(entry), b"dref", 0, 1) + entry
    grown = len(box) - old_size
    data[at : at + old_size] = box
    for name in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
        place = data.rindex(name, 0, at) - 4
        struct.pack_into(">I", data, place, struct.unpack_from(">I", data, place)[0] + grown)
    # The header lies behind the samples, so their places have not changed; here they are gone.
    start = data.index(b"mdat") + 4
    end = data.index(b"moov") - 4
    data[start:end] = bytes(end - start)
    path.write_bytes(data)
    with av.open(str(path), options={"enable_drefs": "1", "use_absolute_path": "1"}) as container:
        assert any(bytes(one) != bytes(one.size) for one in container.demux(video=0) if one.size)
    with open_container(path) as container:
        packets = [bytes(one) for one in container.demux(video=0) if one.size]
    assert all(one == bytes(len(one)) for one in packets)


def test_attachments_open_nothing(folder, tmp_path, server):
    """A subtitle and an attachment that are scripts are data, whatever they say."""
    evil = tmp_path / "evil.m3u8"
    evil.write_text(playlist(f"{server.url}/a.ts"))
    path = tmp_path / "film.mkv"
    with av.open(str(path), "w") as output, av.open(str(folder / "part.ts")) as source:
        stream = output.add_stream_from_template(source.streams.video[0])
        output.add_attachment("a.m3u8", "application/vnd.apple.mpegurl", evil.read_bytes())
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)
    assert read(path) == 10
    assert server.num_connections == 0


def test_inputs_are_opened_in_one_place():
    """Whatever else opens something to read it made it itself, or has been given it by address."""
    own = {
        "media/reach.py", "media/writing/container_trial.py",
        "media/writing/video_track.py", "media/writing/priming.py", "codecs/vpx/vp9.py",
        "streaming/sinks/disk.py", "streaming/capture/opening.py", "streaming/capture/devices.py",
        # Its own scratch files; and pictures, in formats that cannot name other files.
        "scores/grey_video.py", "products/bench/frames.py",
    }  # fmt: skip
    root = Path(semvid.__file__).parent
    found = set()
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            is_open = isinstance(node, ast.Call) and ast.unparse(node.func) == "av.open"
            if is_open and not any(isinstance(one, ast.Constant) and one.value == "w" for one in node.args):
                found.add(path.relative_to(root).as_posix())
    assert found <= own
