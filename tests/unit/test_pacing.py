"""A run waits where its threads took more than its cores have."""

import sys
import threading
import time

import pytest

from semvid.core.pacing import Pace, SpentTime
from semvid.core.threads import ThreadBudget

ONE, TWO = (ThreadBudget(cores, is_limited=True) for cores in (1, 2))


class Clock:
    def __init__(self):
        self.now = 100.0
        self.spent = 7.0
        self.slept = []

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds

    def pace(self, budget):
        return Pace(budget, spent=lambda: self.spent, clock=lambda: self.now, sleep=self.sleep)

    def work(self, seconds, threads):
        self.now += seconds
        self.spent += seconds * threads


@pytest.mark.parametrize(
    ("budget", "threads", "slept"), [(ONE, 1, 0), (ONE, 1.5, 1), (TWO, 3, 1), (TWO, 2, 0)]
)
def test_it_waits_for_what_was_too_much(budget, threads, slept):
    clock = Clock()
    pace = clock.pace(budget)
    for _ in range(10):
        clock.work(0.2, threads)
        pace.keep()
    assert sum(clock.slept) == pytest.approx(slept)


def test_what_was_not_taken_is_not_saved_up_for_long():
    clock = Clock()
    pace = clock.pace(ONE)
    clock.work(10, 0.1)
    pace.keep()
    clock.work(1, 2)
    pace.keep()
    assert sum(clock.slept) == pytest.approx(0.5)


def test_a_moment_is_not_worth_a_sleep():
    clock = Clock()
    pace = clock.pace(ONE)
    clock.work(0.001, 2)
    pace.keep()
    assert clock.slept == []


def test_without_a_limit_it_never_waits():
    clock = Clock()
    pace = clock.pace(ThreadBudget(1, is_limited=False))
    clock.work(1, 8)
    pace.keep()
    assert clock.slept == []


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells what threads take")
def test_threads_that_were_there_before_do_not_count():
    stop, counted = threading.Event(), threading.Event()

    def work():
        while not stop.is_set():
            pass

    before = threading.Thread(target=work)
    before.start()
    spent = SpentTime()
    own = time.thread_time()
    while time.thread_time() - own < 0.05:
        pass
    mine = spent.seconds()
    assert mine == pytest.approx(time.thread_time(), abs=0.02)

    def busy():
        started = time.thread_time()
        while time.thread_time() - started < 0.1:
            pass
        counted.set()
        stop.wait()

    later = threading.Thread(target=busy)
    later.start()
    counted.wait()
    both = spent.seconds() - time.thread_time()
    stop.set()
    before.join()
    later.join()
    assert both >= 0.1
    # Of a thread that has ended what was seen stays.
    assert spent.seconds() - time.thread_time() >= 0.1
