"""The README is short, and what the site is made of is all there: menu, plots, references."""

import importlib.util
import re
import sys
import tomllib
from pathlib import Path

import pytest

import semvid
from semvid.cli import manual

REPOSITORY = Path(__file__).resolve().parents[2]
SITE = REPOSITORY / "examples" / "site"


def script(name, monkeypatch):
    monkeypatch.syspath_prepend(str(SITE))
    spec = importlib.util.spec_from_file_location(f"site_{name}", SITE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_readme_is_short():
    assert len((REPOSITORY / "README.md").read_text().splitlines()) <= 120


def test_plots_are_those_of_the_results(monkeypatch):
    drawn = script("plots", monkeypatch).all_plots()
    kept = {one.name: one.read_text() for one in (REPOSITORY / "docs" / "plots").glob("*.svg")}
    assert kept == drawn, "make plots draws them again"


def test_the_references_have_everything(monkeypatch):
    reference = script("reference", monkeypatch)
    named = re.findall(r"^::: semvid\.(\w+)$", reference.python(), re.M)
    assert sorted(named) == sorted(set(semvid.__all__) - {"__version__"})
    page = reference.commands()
    assert re.findall(r"^## semvid (\w+)$", page, re.M) == list(manual.names())
    assert "`--install-completion`" in page
    assert "| `-o, --output FILE\\|FOLDER` | " in page


def test_the_man_page_has_everything():
    page = manual.man_page()
    for one in manual.read_all():
        assert f'.SH "SEMVID {one.name.upper()}"' in page
        for _, entries in one.groups:
            assert entries
            assert all(entry.text for entry in entries), entries
    assert "\\-\\-target\\-size SIZE" in page
    assert not re.search(r"^'|^\.(?!TH|SH|SS|TP|PP|B )", page, re.M)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("Words:\n- one\n  more\n- two\n", "Words:\n\n- one\n  more\n- two\n"),
        ("- one\n  - inner\n- two", "- one\n    - inner\n- two"),
        ("```\nx\n- no list\n```", "```\nx\n- no list\n```"),
    ],
    ids=["after a paragraph", "nested", "code"],
)
def test_lists_are_read_as_on_github(given, read, monkeypatch):
    pytest.importorskip("mkdocs")
    assert script("hooks", monkeypatch).spaced(given) == read


def test_a_link_that_leads_nowhere_is_found(tmp_path, monkeypatch):
    check = script("check", monkeypatch)
    (tmp_path / "a.html").write_text('<h1 id="top">A</h1><a href="b.html#in">b</a><a href="#top">top</a>')
    (tmp_path / "b.html").write_text('<p id="in"><a href="a.html#none">a</a><img src="http://host/x.png">')
    assert sorted(check.faults(tmp_path)) == [
        "b.html links to a.html#none, which has no such anchor",
        "b.html loads http://host/x.png",
    ]
    (tmp_path / "b.html").unlink()
    assert list(check.faults(tmp_path)) == ["a.html links to b.html#in, which is not there"]


def test_every_page_has_a_place_in_the_menu(monkeypatch):
    pytest.importorskip("mkdocs")
    copies = set(script("hooks", monkeypatch).COPIES.values())
    menu = set(re.findall(r": ([\w/-]+\.md)$", (REPOSITORY / "mkdocs.yml").read_text(), re.M))
    docs = REPOSITORY / "docs"
    pages = {str(one.relative_to(docs)) for one in docs.rglob("*.md")}
    assert menu == pages | copies | {"reference/commands.md", "reference/python.md"}


def test_the_container_gets_all_that_is_installed():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    recipe = (REPOSITORY / "Dockerfile").read_text()
    (extras,) = re.findall(r"'\.\[([\w,]+)\]'", recipe)
    assert set(extras.split(",")) <= set(project["project"]["optional-dependencies"])
    left_out = (REPOSITORY / ".dockerignore").read_text().splitlines()
    needed = {
        "semvid",
        "cli",
        "models",
        "setup.py",
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "constraints.txt",
    }
    assert not needed & set(left_out)
    folders = project["tool"]["setuptools"]["package-dir"].values()
    assert {one.split("/")[0] for one in folders} <= needed


def slug(heading):
    """The anchor that GitHub gives a heading."""
    words = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", words).replace(" ", "-")


def test_links_work_on_github():
    """MkDocs follows them in the site."""
    pages = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", REPOSITORY / "CHANGELOG.md"]
    pages += [*(REPOSITORY / "docs").rglob("*.md"), *(REPOSITORY / "models" / "cards").glob("*.md")]
    texts = {one: re.sub(r"^```.*?^```$", "", one.read_text("utf-8"), flags=re.M | re.S) for one in pages}
    anchors = {
        one: {slug(head) for head in re.findall(r"^#+ (.+)$", text, re.M)} for one, text in texts.items()
    }
    for page, text in texts.items():
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            path, _, anchor = link.partition("#")
            if ":" not in path:
                goal = (page.parent / path).resolve() if path else page
                assert goal.exists(), f"{page.name}: {link}"
                assert not anchor or anchor in anchors[goal], f"{page.name}: {link}"
