"""The library's messages name options as Python does, and only commands that have them show those messages."""

import ast
import functools
import inspect
import re
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest
import typer  # noqa: TID251 - it knows the options of each command

import semvid
from semvid.cli import app
from semvid.cli.flags import to_flags
from semvid.media.reach import allow_protocols
from semvid.streaming.live import open_session
from semvid.web.live.server import WebServer
from semvid.web.studio.server import StudioServer

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = {"semvid": "", "models": "models.", "cli": "cli."}
FLAG = re.compile(r"(?<![\w-])(--[a-z][a-z-]+|-[a-z])(?![\w-])")
OPTION = re.compile(r"`([A-Za-z_]\w*)(?:=[^`]*|\([^`]*\))?`")
VALUE = "\N{WHITE SQUARE}"

SHOWN_WITH = {
    "importance.files": "--maps", "engine.floor": "--floor", "engine.scored": "--target-vmaf", "engine.part_frames": "--as-good-as",
    "importance.files.boxes": "--boxes", "importance.tracking": "--track", "cli.marks": "--track", "models": "--model", "codecs": "--codec",
    "products.still": "--target-ssimulacra2", "scores.stills": "--target-ssimulacra2", "products.encode": "--crf", "products.wished": "--crf", "products.two_pass": "--crf", "engine.peak": "--max-bitrate", "cli.peak": "--max-bitrate", "products.maps": "--format", "products.compare.compare": "--metrics", "products.report": "--report",
    "media.writing.claim": "-y", "media.writing.output": "-y", "media.writing.carry": "--drop", "media.reach": "--allow-protocols", "cli.options": "--focus",
    "core.edit": "--start", "media.edit": "--start", "media.reading.part": "--start", "media.picture_edit": "--crop",
}  # fmt: skip
"""What a module is about: commands without this option may import it, but cannot get at its messages."""
CANNOT_HAPPEN = {
    ("bench", "codecs.jpeg.motion"): "it refuses Motion-JPEG",
    ("bench", "products.compare.compare"): "it scales its encodes",
    ("bench", "products.compress"): "its maps come from a file",
    ("bench", "products.encode"): "it sets no size, and saves no maps for the user",
    ("bench", "products.wished"): "it sets a CRF",
    ("bench", "products.two_pass"): "it sets a CRF",
    ("bench", "codecs.base.rates"): "it sets no maximum bit rate",
    ("bench", "codecs.ffmpeg.rated"): "it sets a CRF, and no maximum bit rate",
    ("stream", "codecs.base.rates"): "it makes no files",
    ("stream", "codecs.hardware.spec"): "it takes no hardware encoders",
    ("stream", "codecs.ffmpeg.rated"): "it makes no files",
    ("stream", "codecs.ffmpeg.spec"): "it sets no --crf and no options of encoders",
    ("stream", "codecs.ffmpeg.encoder"): "it sets no options of encoders",
    ("stream", "codecs.ffmpeg.region_coding"): "it makes no files",
    ("bench", "codecs.ffmpeg.region_coding"): "it softens nothing",
    ("stream", "codecs.ffmpeg.mapless"): "it sets no options of encoders",
    ("bench", "codecs.ffmpeg.mapless"): "it sets no options of encoders",
    ("stream", "codecs.svtav1.session"): "it does not offer AV1",
    ("stream", "codecs.svtav1.encoder"): "it does not offer AV1",
    ("stream", "codecs.ffmpeg.option_trial"): "it sets no options of encoders",
    ("stream", "codecs.jpeg.motion"): "it sets no quality, no size and no limits of offsets",
    ("image", "importance.files.map_files"): "a picture has one frame, and its map too",
    ("image", "importance.files.sidecar_source"): "a picture has one frame, and its map too",
    ("stream", "streaming.live"): "says which options it does not have",
    ("image", "products.compress"): "it encodes no videos",
    ("report", "products.compress"): "it encodes no videos",
    ("overlay", "core.edit"): "it has a size of its own",
    ("report", "cli.report"): "says what compress --report writes",
    ("config", "cli.defaults"): "it replaces nothing",
}
FOREIGN = {"--head": "ray's", "--force-reinstall": "pip's", "-h": "ffmpeg's", "--saliency": "MSU's x264"}
NO_MESSAGES = {
    "products.report.settings": "writes the command line that makes a report again",
    "core.text": "puts backticks around options",
    "web.live.status": "puts another name between them",
}


@functools.cache
def load_modules():
    """Trees by names; not read before a test needs them, since whoever runs other tests reads this file too."""
    trees = {}
    for folder, prefix in FOLDERS.items():
        for path in (ROOT / folder).rglob("*.py"):
            name = prefix + ".".join(path.relative_to(ROOT / folder).with_suffix("").parts)
            trees[name.removesuffix(".__init__")] = ast.parse(path.read_text())
    return trees


@functools.cache
def imported(module):
    names, found = load_modules().keys(), set()
    for node in ast.walk(load_modules()[module]):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("semvid"):
            base = node.module.removeprefix("semvid").lstrip(".")
            found |= {base, *(f"{base}.{one.name}".lstrip(".") for one in node.names)} & names
    return found


def reachable(start):
    seen, waiting = set(), [start]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += imported(name)
    return seen


def texts(tree):
    """Lines and texts of all strings that are no documentation; a white square stands for each value."""
    nodes = list(ast.walk(tree))
    parts = [part for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values]
    skipped = {id(part) for part in parts if isinstance(part, ast.Constant)}
    skipped |= {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            shown = (one.value if isinstance(one, ast.Constant) else VALUE for one in node.values)
            yield node.lineno, "".join(shown)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.lineno, node.value


@functools.cache
def texts_of(module):
    return list(texts(load_modules()[module]))


@functools.cache
def messages_of(module):
    """Those of them that errors and notices are made of."""
    found = []
    for node in ast.walk(load_modules()[module]):
        if isinstance(node, ast.Call):
            called = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if called.endswith("Error") or called == "Notice":
                found += texts(ast.Module([ast.Return(one) for one in node.args], []))
    return found


@functools.cache
def named_by_calls(module):
    """Lines and names that ``setting`` gets, and those that are handed on as ``option``."""
    return list(_named_by_calls(load_modules()[module]))


def _named_by_calls(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if getattr(node.func, "id", "") == "setting" and isinstance(node.args[0], ast.Constant):
                yield node.lineno, node.args[0].value
            for one in node.keywords:
                if one.arg == "option" and isinstance(one.value, ast.Constant):
                    yield node.lineno, one.value.value


def named_options(found, module):
    """Lines and names of options in texts, and in calls that write them."""
    for line, text in found:
        yield from ((line, one) for one in OPTION.findall(text))
    yield from named_by_calls(module)


def python_names():
    public = [getattr(semvid, name) for name in semvid.__all__ if name != "__version__"]
    configs = {field.name for one in public if is_dataclass(one) for field in fields(one)}
    called = [
        one
        for one in (*public, open_session, WebServer, StudioServer)
        if not (inspect.isclass(one) and issubclass(one, Exception))
    ]
    names = {name for one in called if callable(one) for name in inspect.signature(one).parameters}
    return configs | names | set(semvid.__all__) | {allow_protocols.__name__, WebServer.__name__}


def entry_of(module):
    names = (".".join(module.split(".")[:count]) for count in range(module.count(".") + 1, 0, -1))
    return next((SHOWN_WITH[one] for one in names if one in SHOWN_WITH), None)


def library():
    return sorted(name for name in load_modules() if not name.startswith("cli") and name not in NO_MESSAGES)


COMMANDS = typer.main.get_command(app.app).commands


def test_the_library_names_no_flags():
    wrong = [
        f"{module}:{line} names {flag}"
        for module in library()
        for line, text in texts_of(module)
        for flag in FLAG.findall(text)
        if " " in text and flag not in FOREIGN
    ]
    assert wrong == []


def test_what_the_library_has_in_backticks_is_an_option():
    known = python_names()
    wrong = [
        f"{module}:{line} names {name}"
        for module in library()
        for line, name in named_options(texts_of(module), module)
        if name not in known
    ]
    wrong += [
        f"{module}:{line} has backticks around something else: {text}"
        for module in library()
        for line, text in texts_of(module)
        if "`" in OPTION.sub("", text).replace(f"`{VALUE}`", "").replace(f"`{VALUE}={VALUE}`", "")
    ]
    assert wrong == []


# What goes wrong in the studio is told on its page, whose controls are not options.
@pytest.mark.parametrize("command", sorted(COMMANDS.keys() - {"studio"}))
def test_messages_name_options_that_the_command_has(command):
    options = {one for parameter in COMMANDS[command].params for one in parameter.opts}
    options |= {one.upper() for one in options if not one.startswith("-")}
    wrong = []
    # Every config is checked where all of them are, but only its own command makes it.
    for module in reachable(f"cli.{command}") - {"cli.advice", *NO_MESSAGES}:
        entry = entry_of(module)
        if (
            module.startswith("core.config")
            or (entry is not None and entry not in options)
            or (command, module) in CANNOT_HAPPEN
        ):
            continue
        found = messages_of(module)
        names = [(line, to_flags(f"`{name}`")) for line, name in named_options(found, module)]
        names += [(line, flag) for line, text in found for flag in FLAG.findall(text)]
        wrong += [
            f"{module}:{line} names {one}" for line, one in names if one not in options and one not in FOREIGN
        ]
    assert wrong == []


def test_the_exceptions_are_of_modules_that_exist():
    assert {module for _, module in CANNOT_HAPPEN} | set(NO_MESSAGES) <= load_modules().keys()
    assert all(
        any(one == name or one.startswith(f"{name}.") for one in load_modules()) for name in SHOWN_WITH
    )
