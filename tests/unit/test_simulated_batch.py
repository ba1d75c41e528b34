"""Batches in virtual time: the real scheduling, workers that exist only in numbers, and faults."""

import importlib
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture(scope="module")
def scale():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXAMPLES / "benchmark")
        patch.syspath_prepend(EXAMPLES / "scale")
        return importlib.import_module("simulate")


@pytest.fixture(scope="module")
def run(scale):
    def of(scenario):
        with tempfile.TemporaryDirectory() as work:
            outcome = scale.simulate(scenario, Path(work))
        assert scale.faults_of(scenario, outcome) == []
        return outcome, scale.record_of(scenario, outcome)

    return of


def scenario_of(scale, num_jobs, num_workers, **changes):
    load = scale.Load(**changes.pop("load", {}))
    faults = scale.Faults(**changes.pop("faults", {}))
    return scale.Scenario(num_jobs, num_workers, load, faults, step_seconds=0.0, **changes)


def test_without_faults_workers_are_busy_until_there_is_nothing_left(scale, run):
    outcome, record = run(scenario_of(scale, 500, 50, load={"mean_seconds": 20.0}))
    assert outcome.states == {"done": 500}
    assert outcome.sum("num_begun") == 500
    assert record["busy_to_last_begun"] > 0.99
    assert record["makespan"] >= record["best_makespan"]


def test_the_same_seed_is_the_same_run(scale, run):
    scenario = scenario_of(
        scale, 120, 16, load={"straggling": 0.1}, faults={"deaths_per_worker_hour": 10.0}, per_node=4
    )
    first, again, other = (run(replace(scenario, seed=seed))[1] for seed in (1, 1, 2))
    names = ("makespan", "begun", "died", "busy")
    assert [first[name] for name in names] == [again[name] for name in names]
    assert first["makespan"] != other["makespan"]
    assert first["died"] > 0


def test_a_slow_driver_leaves_workers_without_work(scale, run):
    """A step takes 50 ms, and a job has two: no more than ten a second, for which ten workers are enough."""
    load = {"mean_seconds": 1.0, "spread": 0.0}
    few, many = (
        run(replace(scenario_of(scale, 200, count, load=load), step_seconds=0.05))[1] for count in (4, 40)
    )
    assert few["busy_to_last_begun"] > 0.8
    assert many["busy_to_last_begun"] < 0.35


def test_what_kills_its_workers_is_given_up_and_nothing_else(scale, run):
    scenario = scenario_of(scale, 200, 20, load={"poisoned": 0.05, "broken": 0.05}, attempts=3, seed=4)
    outcome, record = run(scenario)
    fates = Counter(scenario.load.fate_of(4, one) for one in range(1, 201))
    assert min(fates["poisoned"], fates["broken"]) > 0
    assert outcome.states == {"done": fates["sound"], "failed": fates["poisoned"] + fates["broken"]}
    assert record["died"] == 3 * fates["poisoned"]


def test_nodes_that_vanish_lose_nothing(scale, run):
    faults = {"losses_per_node_hour": 20.0, "repair_seconds": 60.0}
    outcome, record = run(scenario_of(scale, 300, 32, per_node=8, faults=faults, attempts=50))
    assert record["nodes_lost"] > 3
    assert record["lost"] > 0
    assert outcome.states == {"done": 300}


def test_who_takes_over_from_a_killed_driver_does_what_is_left(scale, run):
    outcome, record = run(scenario_of(scale, 200, 20, crashes=(100.0, 250.0)))
    assert len(outcome.pools) == 3
    assert outcome.states == {"done": 200}
    assert 0 < record["begun"] - 200 <= 40, "what was in hand is done again, and no more"


def test_films_are_divided_encoded_in_parts_and_joined_when_all_are_there(scale, run):
    load = {"num_parts": 6, "mean_seconds": 30.0}
    faults = {"deaths_per_worker_hour": 5.0}
    outcome, record = run(scenario_of(scale, 30, 16, load=load, faults=faults, attempts=20))
    assert outcome.states == {"done": 30}
    assert record["died"] > 0
    assert record["begun"] == 30 * (1 + 6 + 1) + record["died"]
    assert record["busy_to_last_begun"] > 0.9


def test_films_fail_with_their_parts_once(scale, run):
    outcome, _ = run(scenario_of(scale, 40, 16, load={"num_parts": 6, "broken": 0.03}))
    assert set(outcome.states) == {"done", "failed"}
    assert outcome.settled.keys() >= outcome.failed.keys()


def test_a_driver_that_stalls_begins_no_job_twice(scale, run):
    """A store that takes half a minute for a call: by the time three workers have jobs, the first is due."""
    outcome, _ = run(scenario_of(scale, 12, 6, transaction_seconds=30.0))
    assert outcome.states == {"done": 12}
    assert outcome.sum("num_doubled") == 0


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 1000), workers=st.integers(1, 60), per_node=st.integers(1, 20),
    deaths=st.sampled_from([0.0, 5.0, 60.0]), losses=st.sampled_from([0.0, 10.0]),
    attempts=st.integers(1, 4), crashes=st.lists(st.floats(1, 300), max_size=2).map(sorted),
)  # fmt: skip
def test_whatever_breaks_each_job_ends_once(
    scale, run, seed, workers, per_node, deaths, losses, attempts, crashes
):
    load = {"straggling": 0.05, "poisoned": 0.03, "broken": 0.03}
    faults = {"deaths_per_worker_hour": deaths, "losses_per_node_hour": losses, "repair_seconds": 40.0}
    run(
        scenario_of(
            scale, 80, workers, per_node=per_node, load=load, faults=faults, attempts=attempts, seed=seed,
            crashes=tuple(crashes),
        )
    )  # fmt: skip
