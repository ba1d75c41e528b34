"""Training from packs to weights, interrupted and resumed."""

import json
import sys

import pytest
import torch
from training_packs import write_pack, write_second_pack

from semvid.models.training import scoring, train
from semvid.models.weights_file import open_weights


def run(monkeypatch, module, *arguments):
    monkeypatch.setattr(sys, "argv", ["x", *map(str, arguments)])
    threads = torch.get_num_threads()
    try:
        module.main()
    finally:
        torch.set_num_threads(threads)


def test_a_run_is_resumed_and_scored(tmp_path, monkeypatch, capsys):
    folders = ("--pack", write_pack(tmp_path / "one"), "--more", write_second_pack(tmp_path / "two"))
    out = tmp_path / "run"
    options = (
        *folders,
        "--cache",
        tmp_path / "cache",
        "--out",
        out,
        "--start",
        "msroi",
        "--batch-size",
        2,
        "--workers",
        0,
        "--threads",
        1,
    )
    run(monkeypatch, train, *options, "--steps", 1)
    run(monkeypatch, train, *options, "--steps", 2)
    entries = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [one["step"] for one in entries] == [1, 2]
    assert {"iou", "boundary_f", "synthetic", "clips", "osie_nss", "photographs_cc"} <= set(entries[1]["val"])
    file = open_weights(str(out / "msroi.safetensors"))
    assert json.loads(file.metadata["training"])["labels"] == "gated"
    assert (out / "curves.png").exists()
    capsys.readouterr()
    run(monkeypatch, scoring, *folders, out / "msroi.safetensors")
    scored = json.loads(capsys.readouterr().out)
    # Weights are kept in half precision.
    assert scored["iou"] == pytest.approx(entries[1]["val"]["iou"], abs=0.02)
