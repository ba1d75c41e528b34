"""Shared fixtures: the test material, a clip made once, and the switch for golden files."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from clips import make_clip
from fake_live import FakeLive

# A busy machine fails no test.
hypothesis.settings.register_profile(
    "semvid", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("semvid")

# For PyTorch, which loads later, and for all processes that start from here: on busy cores its threads spin, waiting
# for each other, and take four times the processor time.
os.environ.setdefault("OMP_NUM_THREADS", "1")

REPOSITORY = Path(__file__).resolve().parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--regenerate-golden", action="store_true", help="rewrite tests/golden from this run")


@pytest.fixture
def regenerate_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--regenerate-golden"))


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep exported networks out of the user's cache folder, and the user's defaults out of tests.

    All processes of a run have one cache, as they have at the user's: what is compiled takes seconds.
    """
    base = tmp_path_factory.getbasetemp()
    cache = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"
    cache.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(cache))
        patch.setenv("SEMVID_CONFIG", str(tmp_path_factory.mktemp("config")))
        yield


@pytest.fixture(autouse=True)
def _ordinary_priority() -> Iterator[None]:
    """Fail the test that leaves its thread with another priority: all that follow would suffer."""
    yield
    if hasattr(os, "sched_getscheduler"):
        assert os.sched_getscheduler(0) == os.SCHED_OTHER


@pytest.fixture(scope="session")
def shared_data() -> Path:
    folder = Path(os.environ.get("SEMVID_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no test material at {folder}; set SEMVID_DATA to run this test")
    return folder


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """320x192, 24 frames, with sound."""
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", audio=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium, as Playwright has it."""
    api = pytest.importorskip("playwright.sync_api", reason="no playwright")
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no chromium on the PATH")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def fake() -> Iterator[FakeLive]:
    """A live stream for pages to show."""
    with contextlib.closing(FakeLive()) as fake:
        yield fake


@pytest.fixture
def serve(fake: FakeLive) -> Iterator[Callable[..., Any]]:
    """Start servers of ``fake``; they end with the test."""
    from live_pages import serving

    with serving(fake) as serve:
        yield serve
