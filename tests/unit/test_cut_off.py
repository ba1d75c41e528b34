"""A file that was cut off says so by what is only half there; whole ones never do."""

import pytest
from players import ffmpeg

import semvid
from semvid.core.events import Notice
from semvid.media.reading.cut_off import is_cut_off
from semvid.streaming.live import open_session

WAYS = {
    "known.mkv": (),
    "live.mkv": ("-live", "1"),
    "web.webm": ("-c:v", "libvpx", "-c:a", "libopus", "-live", "1"),
    "broadcast.ts": (),
    "disc.m2ts": ("-mpegts_m2ts_mode", "1"),
}
FORMATS = {".mkv": "matroska,webm", ".webm": "matroska,webm", ".ts": "mpegts", ".m2ts": "mpegts"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A second of picture and sound in each way."""
    folder = tmp_path_factory.mktemp("cut")
    made = {}
    for name, options in WAYS.items():
        made[name] = folder / name
        ffmpeg("-f", "lavfi", "-i", "testsrc2=s=192x96:r=25:d=1", "-f", "lavfi", "-i", "sine=f=440:r=48000:d=1",
               "-c:v", "libx264", "-preset", "superfast", "-c:a", "aac", *options, made[name])  # fmt: skip
    return made


@pytest.mark.parametrize("name", WAYS)
def test_what_is_half_there_is_known_and_nothing_else(name, whole, tmp_path):
    data, path = whole[name].read_bytes(), tmp_path / name

    def is_told(content):
        path.write_bytes(content)
        return is_cut_off(path, FORMATS[path.suffix])

    assert not is_told(data)
    # Some tools leave zeros behind what they write.
    assert not is_told(data + bytes(7))
    assert not is_told(data[:3])
    cuts = range(1, 2000, 13)
    # Some pieces end just where the file was cut.
    assert sum(is_told(data[:-one]) for one in cuts) >= 0.95 * len(cuts)


def test_the_last_frame_of_sound_is_known_where_whole_packets_are_missing(whole, tmp_path):
    data, path = whole["broadcast.ts"].read_bytes(), tmp_path / "cut.ts"
    path.write_bytes(data[:-188])
    assert is_cut_off(path, "mpegts")
    # What is damaged or scrambled there says nothing.
    for place, bits in ((1, 0x80), (3, 0x80)):
        packets = [bytearray(data[at : at + 188]) for at in range(0, len(data) - 188, 188)]
        for one in packets:
            one[place] |= bits
        path.write_bytes(b"".join(packets))
        assert not is_cut_off(path, "mpegts")


@pytest.mark.parametrize("name", ["known.mkv", "broadcast.ts"])
def test_every_product_tells_it(name, whole, tmp_path):
    source = tmp_path / name
    # A tenth of a second at most.
    source.write_bytes(whole[name].read_bytes()[:-1000])
    said = "is damaged: it is cut off: its last piece is incomplete"
    notices = []
    config = semvid.CompressConfig(maps=semvid.MapsConfig(model="spectral"), preset="superfast")
    semvid.compress(source, tmp_path / "out.mp4", config, on_event=notices.append)
    semvid.export_maps(
        source,
        tmp_path / "out.svmap",
        semvid.ExportConfig(maps=semvid.MapsConfig(model="spectral")),
        on_event=notices.append,
    )
    assert sum(said in one.message for one in notices if isinstance(one, Notice)) == 2
    compared = semvid.compare(source, source, semvid.CompareConfig(metrics=("psnr",)))
    assert any(said in one for one in compared.notices)
    session = open_session(
        str(source), str(tmp_path / "live.mkv"), semvid.LiveConfig(maps=semvid.MapsConfig(model="spectral"))
    )
    list(session.run())
    assert any("it is cut off" in one.message for one in session.closing_notices)
