"""The audit of the scans finds what would let a model cheat."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

import draw_scans
from course_utils.data.images import ImageSet
from course_utils.data.scans import CLASSES, ScanSplits
from drawn_set.finding import Finding
from scans.audit import independent, masks, nearest
from scans.dataset import render_dataset
from scans.datasheet import datasheet
from scans.mimics import CHANCES


@pytest.fixture
def notes() -> pd.DataFrame:
    """Two studies each of 300 patients, half of them ill, all else by chance."""
    rng, rows = np.random.default_rng(0), []
    for k in range(300):
        ill = k % 2 == 0
        names = ";".join(name for name in CHANCES if rng.random() < CHANCES[name])
        sex, age = rng.choice(["female", "male"]), rng.integers(20, 90)
        for study in (1, 2):
            rows.append(
                {
                    "split": "train", "patient": f"P{k}", "study": study, "ill": ill, "sex": sex, "age": age,
                    "mimics": names, "scanner": rng.choice(["A", "B"]), "rim": rng.normal(), "bytes": rng.normal(),
                    "anomaly": "nodule" if ill else "",
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def leaks(notes: pd.DataFrame) -> list[str]:
    return [finding.question for finding in independent(notes) if not finding.ok]


def test_what_is_drawn_by_chance_passes(notes: pd.DataFrame):
    assert leaks(notes) == []


PLANTED: dict[str, Callable[[pd.DataFrame], object]] = {
    "scanner": lambda n: n.ill.map({True: "A", False: "B"}),
    "sex": lambda n: n.ill.map({True: "female", False: "male"}),
    "age": lambda n: n.age + 15 * n.ill,
    "rim": lambda n: n.rim + n.ill,
    "bytes": lambda n: n.bytes + n.ill,
    "mimics": lambda n: n.ill.map({True: "granuloma", False: ""}),
}


@pytest.mark.parametrize("column", PLANTED)
def test_a_planted_shortcut_is_found(notes: pd.DataFrame, column: str):
    notes[column] = PLANTED[column](notes)
    expected = "granuloma" if column == "mimics" else column
    assert any(question.startswith(expected) for question in leaks(notes))


def test_more_studies_of_the_ill_are_found(notes: pd.DataFrame):
    assert "studies and illness" in leaks(notes[~notes.ill | (notes.study == 1)])


def splits(*pixels: torch.Tensor) -> ScanSplits:
    sets = [
        ImageSet("scans", str(k), CLASSES, ("a",) * len(p), ("a",) * len(p), p, torch.zeros(len(p)).long())
        for k, p in enumerate(pixels)
    ]
    return ScanSplits(*sets, notes=pd.DataFrame())


def test_the_same_picture_in_two_splits_is_found():
    generator = torch.Generator().manual_seed(0)
    parts = [torch.randint(0, 255, (2, 1, 64, 64), generator=generator).byte() for _ in range(4)]
    assert nearest(splits(*parts)).ok
    parts[3][1] = parts[0][0]
    assert not nearest(splits(*parts)).ok


def test_empty_masks_and_grades_out_of_order_are_found(tmp_path: Path):
    rows = [
        (f"train/{k}.png", "nodule", grade, 2.0 + k)
        for k, grade in enumerate(("subtle", "moderate", "plain"))
    ]
    notes = pd.DataFrame(rows, columns=["path", "anomaly", "grade", "detectability"]).set_index("path")
    notes["ill"] = True
    (tmp_path / "masks/train").mkdir(parents=True)
    for file in notes.index:
        Image.fromarray(np.ones((8, 8), bool)).save(tmp_path / "masks" / file)
    assert all(finding.ok for finding in masks(notes, tmp_path))
    notes["detectability"] = notes.detectability[::-1].to_numpy()
    Image.fromarray(np.zeros((8, 8), bool)).save(tmp_path / "masks" / notes.index[0])
    assert [finding.ok for finding in masks(notes, tmp_path)] == [False, False]


def test_drawing_again_gives_the_same_and_a_change_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(draw_scans, "BUNDLED", tmp_path)
    run = CliRunner()
    assert (
        run.invoke(
            draw_scans.app, ["render", "--out", str(tmp_path), "--patients", "1", "--processes", "1"]
        ).exit_code
        == 0
    )
    again = ["check", "--patients", "1", "--processes", "1"]
    assert "All as bundled." in run.invoke(draw_scans.app, again).output
    file = next((tmp_path / "train").glob("*.webp"))
    Image.new("RGB", (192, 192)).save(file)
    found = run.invoke(draw_scans.app, again)
    assert found.exit_code == 1 and file.name in found.output


def test_the_datasheet_holds_what_was_drawn_and_found(tmp_path: Path):
    render_dataset(tmp_path, counts={"elsewhere": 2})
    sheet = datasheet(tmp_path, [Finding("smallest mask", "345", "at least 16", True)])
    assert "none is for any clinical use" in sheet
    assert (
        "| elsewhere | C | 2 |" in sheet
        and "| smallest mask | 345 | at least 16 |" in sheet
        and "@" not in sheet
    )
