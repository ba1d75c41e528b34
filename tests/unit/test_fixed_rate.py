"""Even grids for uneven times."""

from fractions import Fraction

from semvid.codecs.jpeg.fixed_rate import FixedRate, choose_rate

MS = Fraction(1, 1000)


def test_times_on_a_grid_get_that_grid():
    assert choose_rate([0, 100, 500, 550], MS, Fraction(3)) == 20
    assert choose_rate([0, 1, 2, 3], Fraction(1, 25), Fraction(25)) == 25


def test_rounded_times_keep_the_rate_of_the_header():
    times = [round(i * 1001 / 30) for i in range(300)]
    assert choose_rate(times, MS, Fraction(30_000, 1001)) == Fraction(30_000, 1001)


def test_times_on_no_grid_get_one_that_holds_most():
    assert choose_rate([0, 16, 33, 99, 1000], MS, Fraction(5)) == 62
    assert choose_rate([0, 1, 3, 1000], MS, Fraction(5)) == 120
    assert choose_rate([7], MS, Fraction(5)) == 5


def test_what_is_done_to_frames_is_counted():
    grid = FixedRate(Fraction(10))
    assert [grid.place(Fraction(one, 100)) for one in (0, 4, 22, 50)] == [0, None, 2, 5]
    assert grid.end(Fraction(6, 10)) is None
    assert grid.end(Fraction(1)) == 9
    assert grid.notices == [
        ".avi has a fixed frame rate, here 10 per second: 7 times a frame is repeated, 1 frame is dropped, "
        "1 frame is moved, by up to 0.020 s; write to .mov or .mkv for exact timestamps"
    ]


def test_even_frames_say_nothing():
    grid = FixedRate(Fraction(25))
    assert [grid.place(Fraction(one, 25)) for one in range(5)] == list(range(5))
    assert grid.end(Fraction(5, 25)) is None
    assert not grid.notices
