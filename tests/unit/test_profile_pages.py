"""Each profile has a page in the manual, which shows what it sets, all of it and nothing else."""

import re
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PROFILES = {one.stem: one for one in (REPOSITORY / "cli" / "profile_files").glob("*.toml")}


def test_each_has_a_page_in_the_menu():
    pages = {one.stem for one in (REPOSITORY / "docs" / "profiles").glob("*.md")}
    assert pages == set(PROFILES)
    menu, listed = (REPOSITORY / "mkdocs.yml").read_text(), (REPOSITORY / "docs" / "profiles.md").read_text()
    for name in pages:
        assert f"profiles/{name}.md" in menu
        assert f"](profiles/{name}.md)" in listed


@pytest.mark.parametrize("name", PROFILES)
def test_a_page_shows_what_its_profile_sets(name):
    page = (REPOSITORY / "docs" / "profiles" / f"{name}.md").read_text()
    shown = {}
    for section, line in re.findall(r"^\| `(\w+)` \| `([^`]+)` \| \S", page, re.M):
        shown.setdefault(section, {}).update(tomllib.loads(line))
    profile = tomllib.loads(PROFILES[name].read_text())
    assert shown == {key: value for key, value in profile.items() if key != "about"}
    assert f"--profile {name}" in page
    assert all(f"**{one}:**" in page for one in ("For whom", "What it costs", "When not"))
