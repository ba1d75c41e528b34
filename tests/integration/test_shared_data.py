"""Real clips and odd files: everything comes along, nothing crashes."""

from pathlib import Path

import av
import pytest

import semvid
from semvid.encode.side_data import KINDS
from semvid.errors import InputError, SemvidError
from semvid.events import Notice
from semvid.io.side_data import side_data_bytes

pytestmark = pytest.mark.data

FAST = {"x264": "superfast", "x265": "veryfast", "vp8": "5", "vp9": "8", "mjpeg": None}


def timeline(path: Path, kind: str) -> list[list[tuple]]:
    with av.open(str(path)) as container:
        streams = [one for one in container.streams if one.type == kind]
        return [
            [(packet.pts * packet.time_base, packet.size) for packet in _packets(path, stream.index)]
            for stream in streams
        ]


def _packets(path: Path, index: int):
    with av.open(str(path)) as container:
        yield from (one for one in container.demux(container.streams[index]) if one.size)


def frame_times(path: Path) -> list:
    info = semvid.probe(path)
    with av.open(str(path)) as container:
        stream = container.streams[info.stream_index]
        times = [frame.pts * frame.time_base for frame in container.decode(stream)]
    # Players show what comes first at once, whatever the file calls its time.
    return [one - times[0] for one in times]


@pytest.mark.parametrize(
    "name",
    [
        "bunny_720p_audio.mp4",
        "cars_432p_audio.mp4",
        "dog_720p.mp4",
        "juggle_720p.mp4",
        "signer_480p_fullrange.mkv",
        "street_272p.mp4",
    ],
)
def test_ordinary_clips_keep_everything(name, shared_data, tmp_path):
    source = shared_data / "clips" / name
    result = semvid.compress(source, tmp_path / name, semvid.CompressConfig(preset="superfast"))
    assert frame_times(result.output) == frame_times(source)
    for kind in ("audio", "subtitle"):
        assert timeline(result.output, kind) == timeline(source, kind)
    with av.open(str(source)) as before, av.open(str(result.output)) as after:
        # The last audio packet may be cut short by the source's header; nothing else may differ.
        assert abs(before.duration - after.duration) < 25_000


@pytest.mark.parametrize("codec", FAST)
def test_odd_files_are_compressed_or_refused_in_one_line(codec, shared_data, tmp_path):
    refused = []
    for source in sorted((shared_data / "odd").iterdir()):
        if source.name == "portrait_4k60.mp4" and codec != "x264":
            continue
        config = semvid.CompressConfig(
            codec=codec, preset=FAST[codec], overwrite=True, drop=frozenset({"subtitle"})
        )
        try:
            semvid.compress(source, tmp_path / "out.mkv", config)
        except SemvidError as error:
            assert isinstance(error, InputError), f"{source.name}: {error}"
            assert "\n" not in str(error)
            refused.append(source.name)
    assert refused == [
        "full_blocks.mkv",
        "sample_fragmented_sideloaded_track.mp4",
        "sample_opus.mp4",
        "subsample_encrypted_altref.webm",
    ]
    assert [one.name for one in tmp_path.iterdir()] == ["out.mkv"]


@pytest.mark.parametrize(
    "name",
    [
        "dolbyVision-hdr.MOV",
        "h265_with_metadata_track.mp4",
        "nasa_13013_rotated.mp4",
        "testsrc2_odd_height_and_width_mpeg2.mp4",
    ],
)
@pytest.mark.parametrize(("codec", "suffix"), [("x264", ".mp4"), ("x265", ".mkv"), ("vp9", ".webm")])
def test_side_data_of_odd_files_is_kept_or_told(name, codec, suffix, shared_data, tmp_path):
    source, told = shared_data / "odd" / name, []
    config = semvid.CompressConfig(
        codec=codec, preset=FAST[codec], model="spectral", drop=frozenset({"audio", "subtitle"}), crf=40
    )
    output = semvid.compress(
        source, tmp_path / f"out{suffix}", config,
        on_event=lambda event: told.append(event.message) if isinstance(event, Notice) else None,
    ).output  # fmt: skip
    found = []
    for path in (source, output):
        info = semvid.probe(path)
        with av.open(str(path)) as container:
            first = next(container.decode(container.streams[info.stream_index]))
            names = {name for name, _ in info.side_data}
            found.append(
                names | {name for name, data in side_data_bytes(first) if _matters(name, data, first)}
            )
    for kind in KINDS:
        is_there, is_kept = ({*kind.types, kind.stream} & names for names in found)
        assert not is_there or is_kept or any(kind.name in one for one in told), kind.name


def _matters(name: str, data: bytes, picture: av.VideoFrame) -> bool:
    return any(kind.matters(data, picture) for kind in KINDS if name in kind.types)
