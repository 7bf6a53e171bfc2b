"""What holds for every test, of the course and of what draws its pictures."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's cache or build folder, or trains for long."""
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setenv("COURSE_OUT", str(tmp_path_factory.mktemp("runs")))
    monkeypatch.setenv("COURSE_PROFILE", "smoke")
    monkeypatch.setenv("COURSE_PRECISION", "fp32")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long is begun first, by each worker: pytest-xdist gives each of them a run of neighbours."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    long = [item for item in items if item.get_closest_marker("long")]
    rest = [item for item in items if not item.get_closest_marker("long")]
    spread: list[pytest.Item] = []
    for worker in range(workers):
        size = (len(items) - len(spread)) // (workers - worker)
        own = long[worker::workers]
        short = max(0, size - len(own))
        spread += own + rest[:short]
        del rest[:short]
    items[:] = spread + rest
