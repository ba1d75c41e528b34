"""How much of a batch is done, as its bar shows."""

from pathlib import Path

import pytest

from semvid.cli.work_done import WorkDone

A, B = Path("a.mp4"), Path("b.mp4")


def test_files_count_by_their_bytes():
    done = WorkDone(400)
    assert done.share == 0
    done.begin(1, A, 100)
    done.begin(2, B, 300)
    done.follow(1, 0.5)
    assert done.share == pytest.approx(0.125)
    done.settle(1, A)
    done.follow(2, 2.0)
    assert done.share == 1
    done.follow(2, 1 / 3)
    assert done.share == pytest.approx(0.5)


def test_parts_count_for_their_film_until_it_is_settled():
    done = WorkDone(200)
    for part in (1, 2):
        done.begin(part, A, 200, 0.5)
    done.end_part(1, is_done=True)
    assert done.share == pytest.approx(0.5)
    done.follow(2, 0.5)
    done.end_part(2, is_done=False)
    assert done.share == pytest.approx(0.5)
    done.begin(3, A, 200, 0)
    done.follow(3, 1.0)
    assert done.share == pytest.approx(0.5)
    done.settle(3, A)
    assert done.share == 1


def test_how_long_the_rest_takes_is_told_when_something_is_known():
    done = WorkDone(100)
    assert done.seconds_left(60) is None
    done.begin(1, A, 100)
    done.follow(1, 0.25)
    assert done.seconds_left(1) is None
    assert done.seconds_left(30) == pytest.approx(90)
    done.settle(1, A)
    assert done.seconds_left(100) == 0


def test_an_unknown_job_and_an_empty_batch_harm_nothing():
    done = WorkDone(0)
    done.follow(9, 0.5)
    done.end_part(9, is_done=True)
    done.settle(9, A)
    assert done.share == 0
