"""Where bytes of a file are lost or in the wrong place, its structure tells; that of whole files never does."""

import random

import pytest
from players import ffmpeg

from semvid.media.probe import probe
from semvid.media.reading.structure import structure_of

WAYS = {
    "known.mkv": (),
    "live.mkv": ("-live", "1"),
    "web.webm": ("-c:v", "libvpx", "-c:a", "libopus"),
    "fragments.mp4": ("-movflags", "frag_keyframe+empty_moov"),
    "old.avi": ("-c:v", "mpeg4", "-c:a", "libmp3lame"),
    "flash.flv": (),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Two seconds of picture and sound in each way."""
    folder = tmp_path_factory.mktemp("structure")
    made = {}
    for name, options in WAYS.items():
        made[name] = folder / name
        ffmpeg("-f", "lavfi", "-i", "testsrc2=s=192x96:r=25:d=2", "-f", "lavfi", "-i", "sine=f=440:r=44100:d=2",
               "-c:v", "libx264", "-preset", "superfast", "-g", "10", "-c:a", "aac", *options, made[name])  # fmt: skip
    return made


@pytest.mark.parametrize("name", WAYS)
def test_a_whole_file_is_whole(name, whole, tmp_path):
    container = probe(whole[name]).container
    assert structure_of(whole[name], container) == "whole"
    longer = tmp_path / name
    # Some tools leave zeros behind what they write.
    longer.write_bytes(whole[name].read_bytes() + bytes(30))
    assert structure_of(longer, container) == "whole"


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("way", ["cut out", "twice", "zeros", "ends early"])
def test_what_is_lost_between_pieces_is_known(name, way, whole, tmp_path):
    data, container = whole[name].read_bytes(), probe(whole[name]).container
    rng, path = random.Random(way + name), tmp_path / name  # noqa: S311 - places
    num_told = num_tries = 0
    # Zeros within one packet are for its decoder to find, but more than a group of pictures has heads.
    size = {"zeros": len(data) // 3}.get(way, 700)
    while num_tries < 25:
        at = rng.randrange(len(data) // 10, len(data) * 6 // 10)
        path.write_bytes({
            "cut out": data[:at] + data[at + size :],
            "twice": data[: at + size] + data[at:],
            "zeros": data[:at] + bytes(size) + data[at + size :],
            "ends early": data[: at + 1],
        }[way])  # fmt: skip
        num_told += structure_of(path, container) != "whole"
        num_tries += 1
    assert num_told >= 0.9 * num_tries


@pytest.mark.parametrize("container", ["mpegts", "ogg", "asf"])
def test_other_containers_are_not_judged(container, whole):
    assert structure_of(whole["flash.flv"], container) == "whole"
