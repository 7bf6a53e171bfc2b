"""The lessons' prose holds no number that a run yields: those are computed in a cell, or read from results/."""

from __future__ import annotations

import re
from pathlib import Path

import jupytext
import pytest

LESSONS = sorted((Path(__file__).resolve().parents[1] / "lessons").glob("[0-9]*.py"))
NOT_PROSE = re.compile(r"`[^`]*`|\]\([^)]*\)|^#+ [\d.]+", re.MULTILINE)
MEASURED = re.compile(r"(?<![\w.])(?:\d*\.\d+|\d+(?=\s?(?:%|percent\b)))(?:\s?%)?")
ALLOWED = {
    "Apache-2.0": "the name of a licence",
    "2.6": "a version of PyTorch",
    "0.00001 0.0001 0.0005 0.001 0.002 0.01 0.1": "learning rates: settings, not results",
    ".85 .55": "an example that nobody measured",
    "74.5% 80.6%": "accuracies that others have published, with their source",
}


def numbers_in(text: str) -> list[str]:
    return MEASURED.findall(NOT_PROSE.sub(" ", text))


def prose_of(lesson: Path) -> list[str]:
    cells = jupytext.read(lesson).cells
    alt = [cell.metadata.get("alt", "") for cell in cells]
    texts = [text if isinstance(text, str) else " ".join(text) for text in alt]
    return [*(cell.source for cell in cells if cell.cell_type == "markdown"), *texts]


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_no_measured_number_is_typed(lesson):
    allowed = {number.removeprefix("Apache-") for words in ALLOWED for number in words.split()}
    found = [(number, text[:60]) for text in prose_of(lesson) for number in numbers_in(text)]
    assert not [item for item in found if item[0].strip() not in allowed]


def test_a_typed_number_would_be_found():
    assert numbers_in("It reached 91.4% of them, or .88 (section 3.2 of `x 0.5`).") == ["91.4%", ".88", "3.2"]
    assert numbers_in("## 3. Two models\n\nSee [this](a.0.5.md), 30 epochs.") == []


def test_every_exception_is_still_needed():
    prose = "\n".join(text for lesson in LESSONS for text in prose_of(lesson))
    assert all(number in prose for words in ALLOWED for number in words.split())
