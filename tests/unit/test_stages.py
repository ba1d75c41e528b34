"""Stages pass on what they do not know, and whatever happens their threads end."""

import threading

import pytest
from clips import make_clip

from semvid.core.types import Frame
from semvid.engine.stages import each, in_thread, only_frames, pipeline, with_thumbnails
from semvid.media.reading.reader import VideoReader


def test_what_a_stage_does_not_know_goes_through_it_in_order():
    twice = each(int, lambda number: [number, number])
    none = each(str, lambda _: [])
    assert list(none(twice(iter(["a", 1, None, 2])))) == [1, 1, None, 2, 2]


@pytest.mark.parametrize("in_background", [False, True])
def test_threads_end_where_a_stage_fails_or_nobody_asks_for_more(in_background, tmp_path):
    def fail(frame):
        raise ValueError(frame.index)

    source = make_clip(tmp_path / "in.mp4", num_frames=10)
    before = threading.active_count()
    for make in (fail, lambda frame: [frame]):
        with VideoReader(source) as reader:
            stages = [each(Frame, make), *[in_thread("test", reader.info)] * in_background]
            with pytest.raises(ValueError, match="^0$"), pipeline(reader, *stages) as items:
                raise ValueError(next(items).index)
        assert threading.active_count() == before


def test_thumbnails_are_made_while_decoding(tmp_path):
    source = make_clip(tmp_path / "in.mp4", num_frames=4)
    with (
        VideoReader(source) as reader,
        pipeline(reader, while_decoding=(only_frames, with_thumbnails)) as items,
    ):
        assert ["thumbnail" in vars(one) for one in items] == [True] * 4
