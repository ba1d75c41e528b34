"""Every block of code in the README and in ``docs/`` does what it says, page by page, on small files of the same names."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import make_clip, pictures, write_masks

from semvid.cli import manual

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = [
    REPOSITORY / "README.md",
    REPOSITORY / "CONTRIBUTING.md",
    *sorted((REPOSITORY / "docs").rglob("*.md")),
    *sorted((REPOSITORY / "models" / "cards").glob("*.md")),
]
_FENCE = re.compile(
    r"(?:<!-- not run: (?P<reason>[^>]+) -->\n)?^```(?P<language>.*)\n(?P<text>(?:.*\n)*?)```$", re.M
)
FOREIGN = {
    "--roi", "--roi-map-file", "--saliency", "--build-arg",  # other programs
    "--lines", "--osie", "--calls", "--price-gb", "--price-core-hour",  # scripts of benchmarks
    "--help",  # everything
}  # fmt: skip
"""Options that are not of a command."""


@dataclass(frozen=True)
class Block:
    """A block of code."""

    language: str
    text: str
    reason: str | None
    """Why it is not run."""


def blocks(page: Path) -> list[Block]:
    found = _FENCE.finditer(page.read_text("utf-8"))
    return [Block(one["language"], one["text"], one["reason"]) for one in found]


def commands(block: Block) -> list[str]:
    """Lines to type; of a ``console`` those after the prompt."""
    lines = block.text.replace("\\\n", " ").splitlines()
    if block.language == "console":
        return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    return [line for line in lines if line.strip()]


def name(page: Path) -> str:
    return str(page.relative_to(REPOSITORY))


WITH_CODE = [
    page for page in PAGES if any(one.language in {"sh", "console", "python"} for one in blocks(page))
]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_all_blocks_say_what_they_are(page):
    known = {"sh", "console", "python", "toml", "json", "text"}
    assert {one.language for one in blocks(page)} <= known
    assert page.read_text("utf-8").count("\n```") == 2 * len(blocks(page)), (
        "a fence is not closed, or indented"
    )


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_data_can_be_parsed(page):
    for one in blocks(page):
        if one.language == "toml":
            tomllib.loads(one.text)
        if one.language == "json":
            assert [json.loads(line) for line in one.text.splitlines()]


def options_of(command: str) -> set[str]:
    """Of a command, or of the program itself: then it is an option of that."""
    programs = {one.name: one for one in manual.read_all()}
    found = manual.read_program() if command.startswith("-") else programs[command]
    names = [entry.names for _, entries in found.groups for entry in entries]
    return {word for one in names for word in re.findall(r"(?<![\w-])--?[a-z][a-z0-9-]*", one)}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_options_exist(page):
    """Those of commands in blocks, run or not, and those that the text names."""
    for block in blocks(page):
        for line in commands(block) if block.language in {"sh", "console"} else []:
            words = shlex.split(line, comments=True)
            if words and words[0] == "semvid":
                used = {word.partition("=")[0] for word in words[1:] if re.match(r"--?[a-z]", word)}
                assert used <= options_of(words[1]), line
    every = {option for one in ("-", *manual.names()) for option in options_of(one)} | FOREIGN
    named = set(re.findall(r"(?<!`)`(--[a-z][a-z0-9-]+)", page.read_text("utf-8")))
    assert named <= every, "if an option is not of semvid, put it into FOREIGN"


@pytest.mark.parametrize("page", WITH_CODE, ids=name)
def test_python_that_is_not_run_can_be_compiled(page):
    for one in blocks(page):
        if one.language == "python":
            compile(one.text, name(page), "exec")


@pytest.mark.parametrize("page", WITH_CODE, ids=name)
def test_blocks_run(page, tmp_path, monkeypatch, semvid_here):
    wanted = [one for one in blocks(page) if one.reason is None]
    make_files("\n".join(one.text for one in wanted), wanted, tmp_path)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "snippet"}
    for one in wanted:
        if one.language == "python":
            exec(compile(one.text, name(page), "exec"), names)  # noqa: S102
        for line in commands(one) if one.language in {"sh", "console"} else []:
            run(line, tmp_path, semvid_here)


def run(line: str, folder: Path, semvid_here: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    words = shlex.split(line, comments=True)
    # In this process what needs no shell: another interpreter takes 0.6 s.
    if words[0] == "semvid" and not re.search(r"[|>&*]", line.partition("#")[0]):
        done = semvid_here(*words[1:], cwd=folder)
    else:
        programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PATH": programs, "HOME": str(folder)}
        done = subprocess.run(
            ["bash", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
        )  # fmt: skip
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"


def make_files(text: str, wanted: list[Block], folder: Path) -> None:
    """Make the files that a page begins with."""

    def clip(path: str, num_frames: int = 10) -> None:
        (folder / path).parent.mkdir(exist_ok=True)
        # In full precision, so that every output is smaller.
        make_clip(
            folder / path, width=192, height=112, num_frames=num_frames, audio=True, options={"crf": "4", "preset": "ultrafast"}
        )  # fmt: skip

    def picture(path: str, seed: int = 0) -> None:
        (folder / path).parent.mkdir(exist_ok=True)
        colours = [pictures(192, 128, 1, seed=seed + one)[0] for one in range(3)]
        assert cv2.imwrite(str(folder / path), np.dstack(colours))

    def mask(path: str) -> None:
        values = np.zeros((112, 192), np.uint8)
        values[36:66, 4:34] = 255
        assert cv2.imwrite(str(folder / path), values)

    for path in ("talk.mp4", "film.mp4", "dog_720p.mp4"):
        if path in text:
            clip(path)
    for path in ("portrait.png", "kodim23.png"):
        if path in text:
            picture(path)
    if "mask.png" in text:
        mask("mask.png")
    if "films/" in text:
        clip("films/one.mp4")
        clip("films/two.mp4")
    if re.search(r"holiday\b", text):
        picture("holiday/beach.png")
        picture("holiday/hill.png", seed=4)
    if "clips/" in text:
        clip("clips/dog.mp4")
        write_masks(folder / "masks" / "dog", [np.full((112, 192), 255, np.uint8)] * 10)
    if "new/*" in text:
        for crf, kind in ((23, "new"), (33, "new"), (22, "old"), (32, "old")):
            (folder / kind).mkdir(exist_ok=True)
            make_clip(
                folder / kind / f"{crf}.mp4", width=192, height=112, num_frames=10, options={"crf": str(crf), "preset": "ultrafast"}
            )  # fmt: skip
    boxes = [one.text for one in wanted if one.language == "json"]
    if boxes:
        (folder / "boxes.jsonl").write_text("\n".join(boxes))


def test_the_notebook_runs(tmp_path, monkeypatch):
    """Cell by cell, as a notebook does: the last expression is what is shown."""
    cells = json.loads((REPOSITORY / "examples" / "notebook.ipynb").read_text("utf-8"))["cells"]
    make_files("talk.mp4", [], tmp_path)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "notebook"}
    shown = []
    for cell in cells:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [], "outputs are not kept"
            body = ast.parse("".join(cell["source"]))
            last = body.body.pop() if isinstance(body.body[-1], ast.Expr) else None
            exec(compile(body, "notebook", "exec"), names)  # noqa: S102
            if isinstance(last, ast.Expr):
                shown.append(eval(compile(ast.Expression(last.value), "notebook", "eval"), names))  # noqa: S307
    texts = [one._repr_html_() for one in shown if hasattr(one, "_repr_html_")]
    assert len(texts) == 4
    assert "<caption>small.mp4</caption>" in texts[0]
    assert "salient" in texts[1]
    assert 'src="data:image/jpeg' in texts[-1]
