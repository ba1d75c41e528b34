"""Folders are layers: imports point to folders before, and the public names are what they say."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import semvid

ROOT = Path(__file__).resolve().parents[2]
LAYERS = [
    "core",
    "allocate",
    "media",
    "models",
    "temporal",
    "importance",
    "codecs",
    "scores",
    "engine",
    "products",
    "streaming",
    "batch",
    "studio",
    "web",
    "cli",
]


def modules():
    for folder, prefix in ((ROOT / "semvid", ()), (ROOT / "models", ("models",)), (ROOT / "cli", ("cli",))):
        for path in folder.rglob("*.py"):
            if path != ROOT / "semvid" / "__init__.py":
                yield (*prefix, *path.relative_to(folder).with_suffix("").parts), path


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("semvid."):
            yield from ((*node.module.split(".")[1:], one.name) for one in node.names)


def test_imports_point_to_layers_before():
    for name, path in modules():
        for target in imported(path):
            assert LAYERS.index(target[0]) <= LAYERS.index(name[0]), f"{name} imports {target}"


def test_folders_do_not_import_each_other():
    graph = {name[:-1]: set() for name, _ in modules()}
    for name, path in modules():
        for target in imported(path):
            folder = next(target[:end] for end in range(len(target), 0, -1) if target[:end] in graph)
            graph[name[:-1]] |= {folder} - {name[:-1]}
    TopologicalSorter(graph).prepare()


def test_public_names_resolve():
    for name in semvid.__all__:
        assert getattr(semvid, name) is not None
