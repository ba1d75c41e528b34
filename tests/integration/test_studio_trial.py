"""Some seconds with the map and without, as files that browsers play."""

from contextlib import closing

import av
import pytest

from semvid.core.config import CompressConfig, MapsConfig
from semvid.core.errors import InputError
from semvid.core.rate import Crf, Size
from semvid.studio.clip import clip_of
from semvid.studio.trial import estimate_whole, trial_events
from tests.clips import make_clip

SPECTRAL = MapsConfig(model="spectral")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", num_frames=75, rotation=90, audio=True)


def run(generator):
    told = []
    with closing(generator):
        while True:
            try:
                told.append(next(generator))
            except StopIteration as end:
                return end.value, told


def look(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        assert [one.type for one in container.streams] == ["video", "audio"][: len(container.streams)]
        return stream.codec_context.name, frames


def sound_of(path):
    """Begin and end of the sound, in seconds."""
    with av.open(str(path)) as container:
        frames = [*container.decode(audio=0)]
        return float(frames[0].time), float(frames[-1].time) + frames[-1].samples / frames[-1].rate


def test_both_have_the_same_frames_from_0_on(clip, tmp_path):
    config = CompressConfig(maps=SPECTRAL, rate=Crf(28))
    trial, told = run(trial_events(clip, config, 1.6, tmp_path, seconds=1))
    assert trial.match == "region"
    assert trial.start_seconds == pytest.approx(1.1)
    assert trial.num_frames == 25
    for side in (trial.mapped, trial.plain):
        codec, frames = look(side.clip.path)
        assert not side.clip.is_transcode
        assert (side.clip.has_sound, side.clip.frame_seconds) == (True, pytest.approx(1 / 25))
        assert sound_of(side.clip.path) == pytest.approx((0, 1), abs=0.1)
        assert (codec, len(frames), frames[0].pts, frames[0].rotation) == ("h264", 25, 0, 90)
    assert trial.mapped.video_bytes < trial.plain.video_bytes
    assert trial.mapped.quality == trial.plain.quality
    assert 0 < trial.saving < 1
    assert not trial.map_words
    assert told
    estimate, _ = run(estimate_whole(clip, config, trial))
    assert not estimate.is_rough
    assert estimate.output_bytes > trial.mapped.video_bytes


@pytest.mark.parametrize(("middle", "start", "num_frames"), [(0, 0, 25), (99, 2, 25), (1, 0.5, 25)])
def test_the_part_is_within_the_video(clip, tmp_path, middle, start, num_frames):
    config = CompressConfig(maps=SPECTRAL)
    trial, _ = run(trial_events(clip, config, middle, tmp_path, seconds=1))
    assert trial.start_seconds == pytest.approx(start)
    assert trial.num_frames == num_frames


def test_a_size_is_of_the_whole_and_the_plain_encode_is_as_large(clip, tmp_path):
    config = CompressConfig(maps=SPECTRAL, rate=Size(150_000))
    trial, _ = run(trial_events(clip, config, 1, tmp_path, seconds=1))
    assert trial.match == "size"
    assert trial.estimate.output_bytes == pytest.approx(150_000, rel=0.05)
    assert trial.mapped.video_bytes < 100_000
    assert trial.plain.video_bytes == pytest.approx(trial.mapped.video_bytes, rel=0.05)
    assert trial.plain.quality > trial.mapped.quality
    assert run(estimate_whole(clip, config, trial)) == (trial.estimate, [])


def test_what_browsers_do_not_play_is_a_transcode_and_said_to_be_one(clip, tmp_path):
    config = CompressConfig(maps=SPECTRAL, codec="mjpeg")
    trial, _ = run(trial_events(clip, config, 1, tmp_path, seconds=1))
    assert trial.mapped.clip.is_transcode
    assert trial.mapped.clip.coding_format == "mjpeg"
    assert trial.mapped.clip.has_sound
    codec, frames = look(trial.mapped.clip.path)
    # JPEG's range of levels stays.
    assert (codec, frames[0].pts, frames[0].format.name) == ("h264", 0, "yuvj420p")
    estimate, _ = run(estimate_whole(clip, config, trial))
    assert estimate.is_rough
    assert estimate.output_bytes == pytest.approx(3 * trial.mapped.video_bytes, rel=0.1)


def test_browsers_that_play_vp9_get_it(clip, tmp_path):
    config = CompressConfig(maps=SPECTRAL, codec="vp9")
    trial, _ = run(trial_events(clip, config, 1, tmp_path, seconds=0.5, plays={"h264", "vp9"}))
    assert trial.mapped.clip.path.suffix == ".mp4"
    codec, frames = look(trial.mapped.clip.path)
    assert "vp9" in codec
    assert frames[0].pts == 0


def test_ten_bits_are_transcoded_to_eight(tmp_path):
    deep = make_clip(tmp_path / "deep.mkv", num_frames=5, pixel_format="yuv420p10le")
    clip = clip_of(deep, tmp_path / "clip", {"h264"})
    assert clip.is_transcode
    assert look(clip.path)[1][0].format.name == "yuv420p"


def test_what_is_no_video(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"no video")
    with pytest.raises(InputError):
        run(trial_events(path, CompressConfig(maps=SPECTRAL), 0, tmp_path))
