import threading
import time

import pytest

from semvid.core.prefetch import prefetch


def names() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


def test_order_is_kept_and_the_thread_ends():
    assert list(prefetch(iter(range(100)), 3, "t-order")) == list(range(100))
    assert "t-order" not in names()


def test_the_producer_runs_at_most_depth_plus_one_ahead():
    made = []

    def produce():
        for index in range(50):
            made.append(index)
            yield index

    stream = prefetch(produce(), 4, "t-depth")
    assert next(stream) == 0
    time.sleep(0.2)
    # Four in the queue, one taken, one waiting for a place.
    assert len(made) <= 6
    stream.close()


def test_the_producers_exception_arrives_after_its_items():
    def produce():
        yield 1
        raise ValueError("from the producer")

    stream = prefetch(produce(), 2, "t-error")
    assert next(stream) == 1
    with pytest.raises(ValueError, match="from the producer"):
        next(stream)
    assert "t-error" not in names()


def test_a_consumer_that_raises_stops_and_closes_the_producer():
    closed = threading.Event()

    def produce():
        try:
            while True:
                yield 0
        finally:
            closed.set()

    def consume():
        for _ in (stream := prefetch(produce(), 1, "t-consumer")):
            try:
                raise KeyError("from the consumer")
            finally:
                stream.close()

    with pytest.raises(KeyError):
        consume()
    assert closed.is_set()
    assert "t-consumer" not in names()


def test_stages_can_be_chained_and_closed_from_the_end():
    inner = prefetch(iter(range(10**9)), 2, "t-inner")
    outer = prefetch((2 * item for item in inner), 2, "t-outer")
    assert [next(outer) for _ in range(3)] == [0, 2, 4]
    outer.close()
    inner.close()
    assert not {"t-inner", "t-outer"} & names()
