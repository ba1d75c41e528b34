"""Real clips and odd files: everything comes along, nothing crashes."""

import subprocess
from dataclasses import replace
from pathlib import Path

import av
import imageio_ffmpeg
import pytest

import semvid
from semvid.codecs.base.side_data_kinds import KINDS
from semvid.core.errors import InputError, SemvidError
from semvid.core.events import Notice
from semvid.media.probe import codec_name
from semvid.media.side_data import side_data_bytes

pytestmark = pytest.mark.data

FAST = {"x264": "superfast", "x265": "veryfast", "vp8": "5", "vp9": "8", "av1": "12", "mjpeg": None}
SPECTRAL = semvid.MapsConfig(model="spectral")
# Odd by their containers, or like a smaller one here to an encoder: one codec is enough. Of those that are full range
# or have ten bits and colours of HDR, h265_with_metadata_track.mp4 and dolbyVision-hdr.MOV go through all.
ODD_FOR_ALL_CODECS_ALIKE = {
    "bt709_full_range.mp4",
    "cover_png.mp4",
    "mov_text.mp4",
    "nasa_13013.mp4",
    "nasa_13013_hdr.mp4",
    "portrait_4k60.mp4",
    "sample.avi",
    "sample.flv",
    "sample_mdat_too_long.mp4",
    "sample_with_color_info.mp4",
    "sample_with_colr_mdcv_and_clli.mp4",
    "sample_with_srt.mkv",
    "sample_with_ssa_subtitles.mkv",
    "testsrc_with_attachment.mkv",
    "webvtt.mkv",
}


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
    ("name", "has_map"),
    [
        ("bunny_720p_audio.mp4", False),
        ("cars_432p_audio.mp4", True),
        ("dog_720p.mp4", False),  # juggle_720p.mp4 is of the same kind
        ("signer_480p_fullrange.mkv", True),
        ("street_272p.mp4", True),
    ],
)
def test_ordinary_clips_keep_everything(name, has_map, shared_data, tmp_path):
    source = shared_data / "clips" / name
    config = semvid.CompressConfig(preset="superfast", allocation=semvid.AllocationConfig(strength=0))
    if has_map:
        config = semvid.CompressConfig(preset="superfast", maps=SPECTRAL, probe="none")
    result = semvid.compress(source, tmp_path / name, config)
    assert frame_times(result.output) == frame_times(source)
    for kind in ("audio", "subtitle"):
        assert timeline(result.output, kind) == timeline(source, kind)
    with av.open(str(source)) as before, av.open(str(result.output)) as after:
        # The last audio packet may be cut short by the source's header; nothing else may differ.
        # Matroska's duration counts from 0, wherever the first packet is.
        assert abs(before.duration - after.duration) < 25_000 + before.start_time


@pytest.mark.timeout(580)
@pytest.mark.parametrize("codec", FAST)
def test_odd_files_are_compressed_or_refused_in_one_line(codec, shared_data, tmp_path):
    refused = []
    for source in sorted((shared_data / "odd").iterdir()):
        config = semvid.CompressConfig(
            codec=codec, preset=FAST[codec], overwrite=True, drop=frozenset({"subtitle"})
        )
        if source.name == "portrait_4k60.mp4":
            # What a map saved is estimated for smaller ones of its kind.
            config = replace(config, probe="none")
        if codec != "x264":
            if source.name in ODD_FOR_ALL_CODECS_ALIKE:
                continue
            # What networks make of a picture and what a map saved are not the encoder's (mjpeg never measures it).
            config = replace(config, maps=SPECTRAL, probe=None if codec == "mjpeg" else "none")
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
        codec=codec,
        preset=FAST[codec],
        maps=SPECTRAL,
        probe="none",
        drop=frozenset({"audio", "subtitle"}),
        rate=semvid.Crf(40),
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


REWRITTEN = {"encoder", "major_brand", "minor_version", "compatible_brands", "duration", "vendor_id", "creation_time",
             "handler_name", "location-eng"}  # fmt: skip
STALE = ("bps", "number_of", "duration-", "_statistics")


def holdings(path: Path) -> tuple[dict, list, list]:
    """Tags of the file, tracks in the order of kinds with tags and marks, and chapters."""

    def tags(found):
        named = {"title" if key.lower() == "name" else key.lower(): value for key, value in found.items()}
        return {
            key: value for key, value in named.items() if key not in REWRITTEN and not key.startswith(STALE)
        }

    with av.open(str(path)) as container:
        tracks = [(one.type, codec_name(one) if one.type != "video" else "", tags(one.metadata), int(one.disposition))
                  for one in container.streams]  # fmt: skip
        chapters = [one["metadata"] for one in container.chapters()]
        return tags(container.metadata), sorted(tracks, key=str), chapters


@pytest.mark.timeout(580)
def test_nothing_is_missing_that_ffmpegs_copy_keeps(shared_data, tmp_path):
    """Stream by stream and tag by tag; tags of phones, which that copy loses, are there besides."""
    names = ("bunny_720p_audio.mp4", "cars_432p_audio.mp4")
    for source in [*sorted((shared_data / "odd").iterdir()), *(shared_data / "clips" / one for one in names)]:
        suffix = source.suffix.lower() if source.suffix.lower() in {".mp4", ".mov", ".mkv"} else ".mkv"
        ours, theirs = tmp_path / f"ours{suffix}", tmp_path / f"theirs{suffix}"
        command = [
            imageio_ffmpeg.get_ffmpeg_exe(),
            "-v",
            "error",
            "-y",
            "-i",
            source,
            "-map",
            "0",
            "-c",
            "copy",
        ]
        copied = subprocess.run([*command, "-copy_unknown", theirs], check=False, capture_output=True)
        if copied.returncode or source.name == "portrait_4k60.mp4":
            continue
        config = semvid.CompressConfig(
            preset="ultrafast", overwrite=True, allocation=semvid.AllocationConfig(strength=0)
        )
        try:
            semvid.compress(source, ours, config)
        except InputError:
            continue
        (tags, tracks, chapters), (expected, their_tracks, their_chapters) = holdings(ours), holdings(theirs)
        assert tags.items() >= expected.items(), source.name
        assert tracks == their_tracks, source.name
        assert chapters == their_chapters, source.name
