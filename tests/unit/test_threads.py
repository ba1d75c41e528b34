"""One number for all threads: what each pool gets of it, and what limits it by itself."""

import os
import threading

import pytest

from semvid.codecs.svtav1.av1 import AV1
from semvid.codecs.vpx.vp9 import VP9
from semvid.codecs.x26x.x264 import X264
from semvid.codecs.x26x.x265 import X265
from semvid.core import threads
from semvid.core.config import CompressConfig, MapsConfig
from semvid.core.threads import InTurn, ThreadBudget, budget_of, limited_threads, read_quota, thread_budget
from semvid.importance.registry import sharing_cores

WHOLE = ThreadBudget(16, is_limited=False)
PART = ThreadBudget(4, is_limited=False, is_whole_machine=False)


@pytest.fixture(autouse=True)
def without_quota(monkeypatch):
    monkeypatch.setattr(threads, "cores_of_quota", lambda: None)


def test_libraries_choose_where_nothing_is_limited():
    assert (WHOLE.encoder, WHOLE.unasked_encoder, WHOLE.helper, WHOLE.network) == (0, 0, 0, 0)
    assert (WHOLE.network_beside_encoder, WHOLE.beside, WHOLE.has_stage_threads) == (4, 16, True)


def test_libraries_that_count_the_machine_are_told_of_a_part_of_it():
    assert (PART.encoder, PART.unasked_encoder, PART.helper, PART.network) == (0, 4, 0, 4)


@pytest.mark.parametrize(
    ("cores", "has_stage_threads", "encoder", "helper"),
    [(1, False, 1, 1), (2, True, 2, 1), (3, True, 2, 1), (4, True, 3, 1), (8, True, 7, 2)],
)
def test_few_threads_are_shared_out(cores, has_stage_threads, encoder, helper):
    budget = budget_of(cores)
    assert budget == ThreadBudget(cores, is_limited=True)
    assert budget.has_stage_threads == has_stage_threads
    assert (budget.encoder, budget.helper, budget.network) == (encoder, helper, cores)


def test_without_a_number_the_cores_of_the_process_count(monkeypatch):
    monkeypatch.setattr(threads, "available_cores", lambda: 3)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert budget_of(0) == ThreadBudget(3, is_limited=False, is_whole_machine=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert budget_of(0) == ThreadBudget(3, is_limited=False)


def test_a_quota_below_the_cores_is_a_limit(monkeypatch):
    monkeypatch.setattr(threads, "available_cores", lambda: 8)
    monkeypatch.setattr(threads, "cores_of_quota", lambda: 2)
    assert budget_of(0) == ThreadBudget(2, is_limited=True)
    # The same number is the same everywhere, for the same file.
    assert budget_of(4) == ThreadBudget(4, is_limited=True)


def quota(tmp_path, own, files):
    for name, text in files.items():
        path = tmp_path / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "own").write_text(own)
    return read_quota(tmp_path / "own", tmp_path / "groups")


@pytest.mark.parametrize(
    ("own", "files", "cores"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/\n", {}, None),
        ("0::/a/b\n", {"a/cpu.max": "400000 100000\n", "a/b/cpu.max": "max 100000\n"}, 4),
        ("0::/a/b\n", {"a/cpu.max": "50000 100000\n", "a/b/cpu.max": "300000 100000\n"}, 1),
        ("0::/gone\n", {"cpu.max": "200000 100000\n"}, 2),
        (
            "5:memory:/\n3:cpu,cpuacct:/docker\n",
            {"cpu/docker/cpu.cfs_quota_us": "300000\n", "cpu/docker/cpu.cfs_period_us": "100000\n"},
            3,
        ),
        ("3:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ("0::/\n", {"cpu.max": "nonsense\n"}, None),
    ],
)
def test_the_lowest_quota_on_the_way_counts(own, files, cores, tmp_path):
    assert quota(tmp_path, own, files) == cores


def test_where_nothing_tells_of_quotas_there_is_none(tmp_path):
    assert read_quota(tmp_path / "none", tmp_path) is None


def test_the_lowest_limit_of_all_runs_counts_while_they_last():
    before = thread_budget()
    with limited_threads(4):
        assert thread_budget().cores == 4
        with limited_threads(2), limited_threads(0):
            assert thread_budget().cores == 2
        assert thread_budget().cores == 4
    assert thread_budget() == before


def test_work_on_one_core_is_done_as_it_is_handed_in():
    pool = budget_of(1).pool("name")
    assert isinstance(pool, InTurn)
    with pool:
        assert pool.submit(threading.get_ident).result() == threading.get_ident()
        assert [*pool.map(abs, (-1, -2))] == [1, 2]
        failed = pool.submit(int, "x")
    with pytest.raises(ValueError, match="x"):
        failed.result()
    with budget_of(2).pool("name") as several:
        assert several.submit(threading.get_ident).result() != threading.get_ident()


def test_each_encoder_is_told_in_its_own_words():
    two, one = budget_of(2), budget_of(1)
    assert X264.with_threads({"crf": "23"}, two) == {"threads": "2", "crf": "23"}
    assert VP9.with_threads({}, one) == {"threads": "1"}
    assert X264.with_threads({"threads": "7"}, two) == {"threads": "7"}
    assert X264.with_threads({"crf": "23"}, WHOLE) == {"crf": "23"}
    assert X265.with_threads({"x265-params": "log-level=none"}, two) == {
        "threads": "1",
        "x265-params": "pools=2:log-level=none",
    }
    assert X265.with_threads({"x265-params": "pools=3"}, one)["x265-params"] == "pools=none:pools=3"
    assert X265.with_threads({}, budget_of(17))["threads"] == "4"
    assert X265.with_threads({}, PART) == {"threads": "2", "x265-params": "pools=4"}
    assert X265.with_threads({}, WHOLE) == {}
    levels = [AV1.with_threads({}, budget_of(cores))["lp"] for cores in (1, 2, 4, 9, 14, 30)]
    assert levels == ["1", "2", "3", "4", "5", "6"]


def test_the_network_leaves_cores_to_the_encoder():
    with limited_threads(8):
        assert sharing_cores(MapsConfig()).threads == 2
    assert sharing_cores(MapsConfig(threads=5)).threads == 5


def test_threads_of_the_network_alone_are_another_option():
    config = CompressConfig(threads=2, maps=MapsConfig(threads=1))
    assert (config.threads, config.maps.threads) == (2, 1)
