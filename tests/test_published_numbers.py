"""README and docs/results.md show what results/ holds; where they don't, the check says so."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import scoreboard

PICTURES = ("ten_pictures.png", "fieldguide.png", "cub_subset.png")


@pytest.fixture
def pages(tmp_path, monkeypatch) -> Path:
    """A copy of the pages with their pictures, and of the results."""
    for folder in ("docs", "results", "benchmarks"):
        (tmp_path / folder).mkdir()
    speed = ("benchmarks/README.md", "benchmarks/side_by_side.png")
    for name in (
        "README.md",
        "TEACHING.md",
        "docs/results.md",
        *speed,
        *(f"docs/{name}" for name in PICTURES),
    ):
        shutil.copy(scoreboard.ROOT / name, tmp_path / name)
    for name in ("fieldguide", "cub_subset", "lesson_times", "benchmarks"):
        shutil.copy(scoreboard.ROOT / "results" / f"{name}.json", tmp_path / "results")
    monkeypatch.setattr(scoreboard, "ROOT", tmp_path)
    return tmp_path


def contents(root: Path) -> dict[str, bytes]:
    return {str(file.relative_to(root)): file.read_bytes() for file in root.rglob("*.*") if file.is_file()}


def test_in_step_nothing_is_written(pages):
    before = contents(pages)
    scoreboard.main(check=True)
    scoreboard.main()
    assert contents(pages) == before


def test_another_result_is_noticed_and_written(pages):
    file = pages / "results" / "cub_subset.json"
    content = json.loads(file.read_text())
    for run in content["results"]:
        if run["flavour"] == "fine_tune" and run["images_per_class"] == scoreboard.PICTURES:
            run["test_accuracy"] = 0.5
    file.write_text(json.dumps(content))
    before = contents(pages)
    with pytest.raises(
        SystemExit, match=r"README\.md, docs/results\.md, docs/ten_pictures\.png, docs/cub_subset\.png\."
    ):
        scoreboard.main(check=True)
    assert contents(pages) == before
    scoreboard.main()
    scoreboard.main(check=True)
    after = contents(pages)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"README.md", "docs/results.md", "docs/ten_pictures.png", "docs/cub_subset.png"}
    assert "| 10 | 0.500 (" in after["docs/results.md"].decode()


def test_a_picture_that_is_gone_is_drawn_again(pages):
    (pages / "docs" / "fieldguide.png").unlink()
    with pytest.raises(SystemExit, match=r"docs/fieldguide\.png"):
        scoreboard.main(check=True)
    scoreboard.main()
    scoreboard.main(check=True)


def test_another_speed_is_noticed_and_written(pages):
    file = pages / "results" / "benchmarks.json"
    content = json.loads(file.read_text())
    content["fieldguide"]["ways"]["frozen"]["fastai"]["times_less_time"] = 3.25
    file.write_text(json.dumps(content))
    before = contents(pages)
    with pytest.raises(SystemExit, match=r"benchmarks/README\.md, benchmarks/side_by_side\.png\."):
        scoreboard.main(check=True)
    scoreboard.main()
    after = contents(pages)
    assert {name for name in after if after[name] != before[name]} == {
        "benchmarks/README.md",
        "benchmarks/side_by_side.png",
    }
    assert "fastai 3.2" in after["benchmarks/README.md"].decode()
