"""What sources and sinks mean, what they carry, and what of them may be shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semvid.core.errors import ConfigError
from semvid.core.text import without_secrets
from semvid.streaming.base.address import parse_source
from semvid.streaming.sinks.sink_address import parse_sink


@pytest.mark.parametrize(
    ("text", "system", "kind", "demuxer", "url"),
    [
        ("webcam:0", "linux", "camera", "v4l2", "/dev/video0"),
        ("webcam", "linux", "camera", "v4l2", "/dev/video0"),
        ("webcam:/dev/video2", "linux", "camera", "v4l2", "/dev/video2"),
        ("webcam:Logitech C920", "linux", "camera", "v4l2", "Logitech C920"),
        ("webcam:1", "darwin", "camera", "avfoundation", "1"),
        ("webcam:0", "win32", "camera", "dshow", "0"),
        ("screen", "linux", "screen", "x11grab", ":1.0"),
        ("screen:2", "linux", "screen", "x11grab", ":1.2"),
        ("screen::0.0+10,20", "linux", "screen", "x11grab", ":0.0+10,20"),
        ("screen:1", "darwin", "screen", "avfoundation", "Capture screen 1:none"),
        ("screen", "win32", "screen", "gdigrab", "desktop"),
        ("rtsp://cam/1", "linux", "network", "rtsp", "rtsp://cam/1"),
        ("rtmp://host/app/key", "linux", "network", "flv", "rtmp://host/app/key"),
        ("udp://@239.0.0.1:1234", "linux", "network", None, "udp://@239.0.0.1:1234"),
        ("srt://host:9", "linux", "network", None, "srt://host:9"),
        ("http://host/x.m3u8", "linux", "network", None, "http://host/x.m3u8"),
        ("call.sdp", "linux", "network", "sdp", "./call.sdp"),
        ("lavfi:testsrc2=size=640x360", "linux", "generator", "lavfi", "testsrc2=size=640x360"),
        ("-", "linux", "pipe", None, "-"),
        ("film.mp4", "linux", "file", None, "film.mp4"),
        (r"C:\films\film.mp4", "win32", "file", None, None),
        ("file:///films/film.mp4", "linux", "file", None, "/films/film.mp4"),
    ],
)
def test_sources(text, system, kind, demuxer, url):
    address = parse_source(text, system=system, display=":1")
    assert (address.kind, address.format) == (kind, demuxer)
    assert url is None or address.url == url
    assert address.can_reconnect == (kind in {"camera", "screen", "network"})
    assert address.is_live == (kind not in {"file", "pipe"})


@pytest.mark.parametrize(
    ("display", "url"), [(":0", ":0.1"), ("host:3.2", "host:3.1"), ("10.0.0.1:4", "10.0.0.1:4.1")]
)
def test_displays(display, url):
    assert parse_source("screen:1", system="linux", display=display).url == url


def test_networks_never_block_for_ever():
    assert parse_source("rtsp://cam/1").options["timeout"] == "5000000"
    assert parse_source("rtsp://cam/1").options["rtsp_transport"] == "tcp"
    assert parse_source("rtmp://host/app/key").options["rw_timeout"] == "5000000"


def test_listening_is_asked_for_at_the_end_of_the_url():
    address = parse_source("rtmp://0.0.0.0:1935/live/key?listen")
    assert (address.url, address.listens, address.options["listen"]) == (
        "rtmp://0.0.0.0:1935/live/key",
        True,
        "1",
    )
    address = parse_source("rtsp://0.0.0.0:8554/live?a=1&listen")
    assert (address.url, address.options["rtsp_flags"]) == ("rtsp://0.0.0.0:8554/live?a=1", "listen")
    assert not parse_source("rtsp://host/live?listener").listens


@pytest.mark.parametrize("text", ["", "  ", "lavfi:", "gopher://x", "screen:left"])
def test_what_is_no_source(text):
    with pytest.raises(ConfigError):
        parse_source(text, system="linux", display=":0")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://user:pass@cam:554/ch1", "rtsp://***@cam:554/ch1"),
        ("rtsp://user:p@ss@cam/ch1", "rtsp://***@cam/ch1"),
        ("rtsp://user:p/ss@cam/ch1", "rtsp://***@cam/ch1"),
        ("rtmp://live.example/app/secret", "rtmp://live.example/app/***"),
        ("rtmps://live.example:443/rtmp/secret?x=secret", "rtmps://live.example:443/rtmp/***?x=***"),
        ("http://host/x.m3u8?token=secret&a=secret", "http://host/x.m3u8?token=***&a=***"),
        ("http://host/x?secret", "http://host/x?***"),
        ("srt://host:9?passphrase=secret&mode=caller", "srt://host:9?passphrase=***&mode=caller"),
        ("udp://@239.0.0.1:1234?pkt_size=1316", "udp://@239.0.0.1:1234?pkt_size=1316"),
        ("udp://127.0.0.1:1234", "udp://127.0.0.1:1234"),
        ("rtsp://0.0.0.0:8554/live?listen", "rtsp://0.0.0.0:8554/live?listen"),
        ("film.mp4", "film.mp4"),
    ],
)
def test_secrets_are_not_shown(text, shown):
    assert without_secrets(text) == shown
    assert "secret" not in repr(parse_source(text))


_WORDS = st.text("abcXYZ019/@:?&=%#._-", min_size=0, max_size=12)


@given(st.sampled_from(["rtsp", "http", "rtmp"]), _WORDS, _WORDS)
def test_no_password_is_ever_shown(scheme, user, rest):
    if "?" in user or "#" in user or scheme == "rtmp":
        return
    shown = without_secrets(f"{scheme}://{user}:S3CR3T@host/{rest}")
    assert "S3CR3T" not in shown


@pytest.mark.parametrize(
    ("text", "codec", "muxer"),
    [
        ("a.mkv", "mjpeg", "matroska"), ("a.mp4", "vp9", "mp4"), ("a.ts", "x265", "mpegts"), ("a.webm", "vp8", "webm"),
        ("a-%03d.ts", "x264", "segment"), ("a.m3u8", "x264", "hls"), ("-", "x264", "mpegts"), ("-", "vp9", "matroska"),
        ("a.webm", "av1", "webm"), ("a.mp4", "av1", "mp4"), ("-", "av1", "matroska"),
        ("rtsp://h/a", "x264", "rtsp"), ("rtmps://h/a/k", "x264", "flv"), ("udp://h:1", "x265", "mpegts"),
        ("rtp://h:1", "x264", "rtp_mpegts"), ("srt://h:1?mode=caller", "x264", "mpegts"),
    ],
)  # fmt: skip
def test_sinks(text, codec, muxer):
    address = parse_sink(text, codec)
    assert address.format == muxer
    assert address.can_reconnect == ("://" in text)


def test_datagrams_hold_whole_packets_of_a_transport_stream():
    assert parse_sink("udp://h:1", "x264").url == "udp://h:1?pkt_size=1316"
    assert parse_sink("srt://h:1?mode=caller", "x264").url == "srt://h:1?mode=caller&pkt_size=1316"
    assert parse_sink("udp://h:1?pkt_size=188", "x264").url == "udp://h:1?pkt_size=188"


@pytest.mark.parametrize(
    ("text", "codec", "words"),
    [
        ("a.webm", "x264", "`codec=vp8 or vp9 or av1`"), ("a.ts", "vp8", "`codec=x264 or x265`"), ("a.mp4", "mjpeg", "x264"),
        ("rtmp://h/a/secret", "vp8", "x264"), ("udp://h:1", "mjpeg", "x264"), ("rtsp://h/a", "mjpeg", "vp8"),
        ("rtmp://h/a", "av1", "`codec=x264 or x265`"), ("srt://h:1", "av1", "x264"), ("rtsp://h/a", "av1", "or vp8"),
        ("a.ts", "av1", "cannot carry `codec=av1`"), ("a.m3u8", "av1", "or a .mkv file"),
        ("a.avi", "x264", ".mkv"), ("a", "x264", ".mkv"), ("100%.mkv", "x264", "%03d"), ("http://h/a", "x264", "rtmp://"),
    ],
)  # fmt: skip
def test_what_a_sink_cannot_carry_is_refused(text, codec, words):
    with pytest.raises(ConfigError, match=words) as caught:
        parse_sink(text, codec)
    assert "secret" not in str(caught.value)
