"""The cost of a library: known cases by hand, and what must hold for all."""

import importlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture(scope="module")
def model():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXAMPLES / "benchmark")
        patch.syspath_prepend(EXAMPLES / "scale")
        return importlib.import_module("cost_model")


@pytest.fixture(scope="module")
def measured(model):
    return model.Measured(
        stages={
            500: model.StageTimes(decode=1.0, analyse=2.0, prepare=1.0, encode=16.0, plain=17.0),
            1000: model.StageTimes(decode=4.0, analyse=2.0, prepare=4.0, encode=64.0, plain=68.0),
        },
        encoders={"x264 medium": 20.0, "x264 fast": 10.0},
        job_seconds=0.5,
        planning_ms=10.0,
        dividing_seconds_per_hour=20.0,
        dividing_lines=500,
        driver_ms=1.0,
        publishing_seconds=0.004,
        store_bytes=300.0,
        transactions_per_second=10_000.0,
    )


@pytest.fixture(scope="module")
def library(model):
    return model.Library(
        hours=10, lines=500, fps=20, source_mbps=8, size_ratio=0.5, file_minutes=6, part_seconds=0
    )


FREE = (0.0, 0.0)


def cost_of(model, library, measured, count=1, cores=1, prices=FREE):
    return model.estimate(library, model.Workers(count, cores), measured, model.Prices(*prices))


def test_files_in_one_piece(model, library, measured):
    cost = cost_of(model, library, measured, prices=(2.0, 0.5))
    assert (cost.num_files, cost.num_jobs) == (100, 100)
    # 720,000 frames of 20 ms, and 100 jobs of half a second.
    assert cost.processor_hours == pytest.approx((14_400 + 50) / 3600)
    assert cost.worker_hours_on_the_clock == pytest.approx(cost.processor_hours), "one core does all"
    assert cost.planning_hours == pytest.approx(1 / 3600)
    assert cost.driver_hours == pytest.approx((1 + 100 * 0.005) / 3600)
    assert cost.hours == pytest.approx((14_450 + 1) / 3600)
    assert cost.gb_written == pytest.approx(18)
    assert cost.gb_read == pytest.approx(36 + 100 * 2 * 2**20 / 1e9)
    assert cost.num_transactions == 300
    assert cost.store_bytes == 30_000
    assert cost.price == pytest.approx(2 * cost.hours + 0.5 * cost.gb_moved)
    assert not cost.is_bound_by_driver


def test_parts_are_divided_warmed_up_and_joined(model, library, measured):
    cost = cost_of(model, replace(library, part_seconds=36.0), measured)
    assert (cost.num_files, cost.num_jobs) == (100, 1100), "ten parts, and what joins them"
    # Of ten parts nine decode and analyse 4 s of 80 frames more, at 3 ms; an hour is divided in 20 s.
    assert cost.processor_hours == pytest.approx((14_400 + 900 * 80 * 0.003 + 1100 * 0.5 + 10 * 20) / 3600)
    assert cost.driver_hours == pytest.approx((1 + 1100 * 0.005) / 3600)
    assert cost.num_transactions == 3 * 1100 + 200
    assert cost.gb_written == pytest.approx(36), "parts, and what they are joined to"


def test_short_files_stay_in_one_piece(model, library):
    assert replace(library, part_seconds=180).num_parts == 1
    assert replace(library, part_seconds=179).num_parts == 2


def test_a_quicker_preset_changes_the_encoder_alone(model, library, measured):
    slow, fast = (model.times_of(replace(library, preset=one), measured) for one in ("medium", "fast"))
    assert (fast.encode, fast.plain) == (slow.encode / 2, slow.plain / 2)
    assert (fast.decode, fast.analyse, fast.prepare) == (slow.decode, slow.analyse, slow.prepare)


def test_what_was_not_measured_is_refused(model, library, measured):
    with pytest.raises(ValueError, match="x265 slow was not measured; choose one of x264 medium, x264 fast"):
        model.times_of(replace(library, codec="x265", preset="slow"), measured)


def test_sizes_between_follow_a_power(model, measured):
    stages = measured.stages
    assert model.stages_at(stages, 500) == stages[500]
    assert model.stages_at(stages, 1000).encode == 64
    assert model.stages_at(stages, 707).encode == pytest.approx(32, rel=1e-3)
    assert model.stages_at(stages, 2000).encode == pytest.approx(256), "beyond it goes on"
    assert model.stages_at(stages, 250).encode == pytest.approx(4)
    assert model.stages_at(stages, 2000).analyse == pytest.approx(2)


def test_many_workers_wait_for_the_driver(model, library, measured):
    few, many = (cost_of(model, library, measured, count) for count in (10, 100_000))
    assert not few.is_bound_by_driver
    assert many.is_bound_by_driver
    assert many.hours == pytest.approx(many.driver_hours)
    assert few.hours < cost_of(model, library, measured).hours
    assert many.core_hours > few.core_hours, "paid, and idle"


def test_quicker_cores(model, library, measured):
    once, twice = (cost_of(model, library, measured.at_speed(one)) for one in (1, 2))
    assert twice.processor_hours == pytest.approx(once.processor_hours / 2)
    assert twice.gb_moved == once.gb_moved


@given(
    st.floats(0.1, 1e5), st.integers(120, 4320), st.integers(1, 10_000), st.integers(1, 64),
    st.sampled_from([0.0, 10.0, 30.0]), st.floats(0.1, 300),
)  # fmt: skip
def test_what_always_holds(model, measured, hours, lines, count, cores, part_seconds, minutes):
    library = model.Library(hours, lines, 25, part_seconds=part_seconds, file_minutes=minutes)
    cost = cost_of(model, library, measured, count, cores, (1.0, 1.0))
    assert cost.core_hours >= cost.processor_hours * 0.999, "no core does more than an hour in an hour"
    assert cost.hours >= max(cost.worker_hours_on_the_clock, cost.planning_hours)
    assert cost.num_jobs >= cost.num_files >= 1
    assert cost.gb_read * 1e9 >= library.source_bytes
    assert cost.price == pytest.approx(cost.core_hours + cost.gb_moved)
    more = cost_of(model, replace(library, hours=2 * hours), measured, count, cores)
    assert more.hours >= cost.hours
