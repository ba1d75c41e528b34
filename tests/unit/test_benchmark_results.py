"""Benchmarks that measure in parts keep what the others found."""

import importlib
import json
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "examples" / "benchmark"


@pytest.fixture
def common(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    module = importlib.import_module("common")
    monkeypatch.setattr(module, "RESULTS", tmp_path)
    return module


def test_a_part_that_is_measured_again_leaves_the_others_and_tells_the_new_environment(common, tmp_path):
    (tmp_path / "clip.json").write_text(json.dumps({"environment": {"commit": "old"}, "cost": 1, "runs": []}))
    path = common.save("clip", {**common.load("clip"), "runs": [2]})
    record = json.loads(path.read_text())
    assert record == {"environment": common.environment(), "cost": 1, "runs": [2]}


def test_runs_of_obedience_leave_its_cost_and_those_of_the_other_wish(common, tmp_path):
    others = [{"share": 0.9, "match": "size"}, {"share": 0.8, "match": "region"}]
    kept = {"runs": others, "cost_640x360_60_frames": {"x264": 1}}
    (tmp_path / "obedience.json").write_text(json.dumps(kept))
    obedience = importlib.import_module("obedience")
    runs = obedience._Runs("region")
    runs.rows.append({"share": 1.0, "match": "region"})
    record = json.loads(obedience.keep(runs).read_text())
    assert record["cost_640x360_60_frames"] == {"x264": 1}
    assert record["runs"] == [others[0], *runs.rows]
