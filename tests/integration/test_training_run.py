"""Training from packs to weights, interrupted and resumed."""

import json
import sys

import numpy as np
import pytest
import torch
from training_packs import write_pack, write_second_pack

from semvid.models.training import scoring, train
from semvid.models.training.kept import keep
from semvid.models.training.text_labels import words_file
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
    assert "text_iou" not in scored


def test_text_is_scored_by_the_words_of_all_that_was_not_learned_from(tmp_path, monkeypatch, capsys):
    folders = ("--pack", write_pack(tmp_path / "one"), "--more", write_second_pack(tmp_path / "two"))
    cache = tmp_path / "cache"
    words = np.zeros((2, 30, 40), np.uint8)
    for name in ("osie__3", "osie__4"):
        keep(words_file(cache, name), lambda file: np.save(file, words))
    with pytest.raises(SystemExit):
        run(monkeypatch, scoring, *folders, "--cache", cache, "msroi-fast")
    assert "holds the words of 2 of 3 pictures" in capsys.readouterr().err
    words[0, 5:15, 5:35] = 255
    keep(words_file(cache, "osie__5"), lambda file: np.save(file, words))
    run(monkeypatch, scoring, *folders, "--cache", cache, "msroi-fast")
    scored = json.loads(capsys.readouterr().out)
    assert {"text_iou", "text_threshold", "text_found", "text_false"} <= set(scored)
