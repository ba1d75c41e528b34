"""How many processes a batch has, and how many cores each."""

import pytest
from clips import make_clip

import semvid
from semvid.batch.config_pool import local_workers
from semvid.batch.films.borders import expected_parts
from semvid.core.config import BatchConfig


@pytest.mark.parametrize(
    ("cores", "num_pieces", "expected"),
    [
        (16, 1, (1, 16)),
        (16, 2, (4, 4)),
        (16, 5, (5, 3)),
        (16, 8, (8, 2)),
        (16, 1000, (8, 2)),
        (8, 1000, (4, 2)),
        (4, 1000, (2, 2)),
        (2, 1000, (2, 1)),
        (1, 1000, (1, 1)),
    ],
)
def test_many_pieces_get_two_cores_each_and_few_get_more(cores, num_pieces, expected):
    config = BatchConfig(video=semvid.CompressConfig(threads=cores))
    assert local_workers(config, num_pieces) == expected


def test_who_says_how_many_gets_as_many():
    config = BatchConfig(jobs=3, video=semvid.CompressConfig(threads=16))
    assert local_workers(config, 1) == (3, 5)


def test_parts_are_expected_of_long_videos(tmp_path):
    clip = make_clip(tmp_path / "clip.mp4", num_frames=50)
    seconds = semvid.probe(clip).duration_seconds
    assert expected_parts(clip, seconds / 4) == 4
    assert expected_parts(clip, seconds / 2) == 1, "two parts are none"
    assert expected_parts(clip, 0) == 1
    assert expected_parts(tmp_path / "none.mp4", 1) == 1
