"""The datasheet of the bundled birds says what the field guide and the results say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from PIL import Image

import datasheet
from birds.pairs import PAIRS
from birds.species import SPECIES
from course_utils.experiments.compare import Comparison
from course_utils.experiments.results import RunResult

DRAWING = Path(__file__).resolve().parents[1]

N = len(SPECIES)
A, B = (datasheet.CLASSES.index(species.folder) for species in PAIRS[1][:2])
EMPTY = "\n".join(
    mark.format(name=name)
    for name in ("composition", "measured")
    for mark in (datasheet.BEGIN, datasheet.END)
)


def run(flavour="fine_tune", seed=0, number=10, swapped=2) -> RunResult:
    """Ten test pictures a species, all named correctly but for some of one pair."""
    confusion = [[10 * (i == j) for j in range(N)] for i in range(N)]
    confusion[A][A] -= swapped
    confusion[A][B] += swapped
    accuracy = 1 - swapped / (10 * N)
    return RunResult(
        flavour, "efficientnet_lite0", 224, number, seed, 0.9, accuracy, 10 * N, 5.0, 9, confusion
    )


@pytest.fixture
def results(tmp_path) -> Path:
    for name, runs in {
        "fieldguide": [
            run(),
            run(seed=1, swapped=4),
            run("linear_probe", swapped=8),
        ],
        "fieldguide_more": [run("linear_probe", number=5, swapped=10), run(number=30, swapped=0)],
    }.items():
        Comparison("fieldguide", N, runs, []).save(tmp_path / f"{name}.json")
    return tmp_path


def test_bundled_datasheet_is_in_step():
    subprocess.run([sys.executable, DRAWING / "datasheet.py", "--check"], check=True)


def test_accuracies_by_flavour_and_number(results):
    lines = datasheet.accuracy_table(datasheet.read_runs(results))
    mean = 1 - 3 / (10 * N)
    low, high = 1 - 4 / (10 * N), 1 - 2 / (10 * N)
    assert "| training pictures a species | 5 | 10 | 30 |" in lines
    fine_tune = next(line for line in lines if "fine-tuned" in line)
    assert fine_tune.endswith(f"px) |  | {mean:.3f} ({low:.3f}-{high:.3f}) | 1.000 (one seed) |")
    assert f"{1 - 10 / (10 * N):.3f} (one seed)" in next(line for line in lines if "probe" in line)


def test_pairs_are_counted_over_both_members_and_all_seeds(results):
    runs = [r for r in datasheet.read_runs(results) if r.flavour == "fine_tune" and r.images_per_class == 10]
    assert datasheet.pair_counts(runs, 1) == (34 / 40, 6 / 40)
    assert datasheet.pair_counts(runs, 0) == (1.0, 0.0)
    table = datasheet.pair_table(datasheet.read_runs(results), 10)
    row = next(line for line in table if line.startswith(f"| {PAIRS[1][2].replace('_', ' ')} |"))
    assert row.endswith("| 0.60 / 0.40 | 0.85 / 0.15 |")
    assert datasheet.pair_table(datasheet.read_runs(results), 7) == []


def test_sections_are_filled_and_filled_again_alike(results):
    audit = [{"question": "seeds that occur twice", "found": "0 of 9", "limit": "0", "ok": True}]
    (results / datasheet.AUDIT).write_text(json.dumps(audit))
    text = datasheet.updated(f"# A\n{EMPTY}\nend", results)
    assert all(species.name in text for species in SPECIES)
    assert "fine-tuned, 10 training pictures" in text and "| seeds that occur twice | 0 of 9 | 0 |" in text
    assert text.startswith("# A\n") and text.endswith("\nend")
    assert datasheet.updated(text, results) == text


def test_without_results_it_says_so(tmp_path):
    assert "Nothing yet" in datasheet.updated(EMPTY, tmp_path)


def test_results_of_another_field_guide_are_refused(results):
    Comparison("fieldguide", N - 1, [], []).save(results / "fieldguide_old.json")
    with pytest.raises(SystemExit, match=f"fieldguide_old.json was measured on {N - 1} species"):
        datasheet.read_runs(results)


def test_marks_must_be_there(tmp_path):
    with pytest.raises(SystemExit, match="lacks one of the marks"):
        datasheet.updated("# A datasheet", tmp_path)


def test_the_drawn_confusion_has_the_true_species_in_its_rows(results, tmp_path, monkeypatch):
    """In the two seeds 2 and 4 pictures of one species were given its look-alike's name, and none the other way."""
    drawn = []

    def watched(predicted, labels, classes):
        drawn.extend(zip(labels.tolist(), predicted.tolist(), strict=True))
        return Figure()

    monkeypatch.setattr(datasheet, "plot_confusion", watched)
    datasheet.draw_confusion(datasheet.best_runs(datasheet.read_runs(results), 10), tmp_path / "x.webp")
    assert (drawn.count((A, B)), drawn.count((B, A)), drawn.count((A, A))) == (6, 0, 14)
    assert len(drawn) == 2 * 10 * N


def test_confusion_becomes_a_small_picture(results, tmp_path):
    best = datasheet.best_runs(datasheet.read_runs(results), 10)
    assert [(r.flavour, r.seed) for r in best] == [("fine_tune", 0), ("fine_tune", 1)]
    file = tmp_path / "confusion.webp"
    datasheet.draw_confusion(best, file)
    with Image.open(file) as picture:
        assert picture.width > 500
    assert file.stat().st_size < 200_000
