"""A message that names an option is only shown by commands that have it."""

import ast
import re
from pathlib import Path

import pytest
import typer  # noqa: TID251 - it knows the options of each command

from semvid.cli import app

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = {"semvid": "", "models": "models.", "cli": "cli."}
OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z-]+|-[a-z])(?![\w-])")

SHOWN_WITH = {
    "importance.files": "--maps",
    "importance.files.boxes": "--boxes", "models": "--model", "codecs": "--codec",
    "products.compress": "--crf", "products.maps": "--format", "products.compare.compare": "--metrics", "products.report": "--report",
    "media.writing.claim": "-y", "media.writing.output": "-y", "media.writing.carry": "--drop", "media.reach": "--allow-protocols", "cli.options": "--focus",
}  # fmt: skip
"""What a module is about: commands without this option may import it, but cannot get at its messages."""
CANNOT_HAPPEN = {
    ("stream", "codecs.ffmpeg.spec"): "it sets no --crf and no options of encoders",
    ("stream", "codecs.ffmpeg.encoder"): "it sets no options of encoders",
    ("stream", "codecs.ffmpeg.option_trial"): "it sets no options of encoders",
    ("stream", "codecs.jpeg.motion"): "it sets no quality, no size and no limits of offsets",
    ("image", "importance.files.map_files"): "a picture has one frame, and its map too",
    ("image", "importance.files.sidecar_source"): "a picture has one frame, and its map too",
    ("stream", "streaming.live"): "says which options it does not have",
    ("report", "cli.report"): "says what compress --report writes",
}
FOREIGN = {"--force-reinstall": "pip's", "-h": "ffmpeg's"}


def load_modules():
    trees = {}
    for folder, prefix in FOLDERS.items():
        for path in (ROOT / folder).rglob("*.py"):
            name = prefix + ".".join(path.relative_to(ROOT / folder).with_suffix("").parts)
            trees[name.removesuffix(".__init__")] = ast.parse(path.read_text())
    return trees


def imported(tree, names):
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("semvid"):
            base = node.module.removeprefix("semvid").lstrip(".")
            yield from {base, *(f"{base}.{one.name}".lstrip(".") for one in node.names)} & names


def reachable(start, trees):
    seen, waiting = set(), [start]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += imported(trees[name], trees.keys())
    return seen


def named_options(tree):
    """Lines and options in texts of errors and notices."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if called.endswith("Error") or called == "Notice":
                for part in ast.walk(node):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str):
                        yield from ((part.lineno, one) for one in OPTION.findall(part.value))


def entry_of(module):
    parts = module.split(".")
    names = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
    return next((SHOWN_WITH[one] for one in names if one in SHOWN_WITH), None)


TREES = load_modules()
COMMANDS = typer.main.get_command(app.app).commands


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_messages_name_options_that_the_command_has(command):
    options = {one for parameter in COMMANDS[command].params for one in parameter.opts}
    wrong = []
    # Every config is checked by the module that holds them all, but only its own command makes it.
    for module in reachable(f"cli.{command}", TREES) - {"core.config", "cli.advice"}:
        entry = entry_of(module)
        if (entry is not None and entry not in options) or (command, module) in CANNOT_HAPPEN:
            continue
        wrong += [
            f"{module}:{line} names {one}"
            for line, one in named_options(TREES[module])
            if one not in options and one not in FOREIGN
        ]
    assert wrong == []


def test_the_exceptions_are_of_modules_that_exist():
    assert {module for _, module in CANNOT_HAPPEN} <= TREES.keys()
    assert all(any(one == name or one.startswith(f"{name}.") for one in TREES) for name in SHOWN_WITH)
