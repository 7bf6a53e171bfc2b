"""`make results`: the plan, what is trained in which order, and that nothing is trained twice."""

from __future__ import annotations

import json

import measure
import pytest

from course_utils import paths
from course_utils.errors import CourseError
from course_utils.experiments.compare import Comparison
from course_utils.experiments.results import RunResult

PLAN = {
    "comparisons": {
        "fieldguide": {"images_per_class": [5, "all"], "seeds": 2},
        "shelf": {"images_per_class": [5, "all"], "seeds": 1, "models": ["resnet18", "efficientnet_lite0"]},
        "cub_subset": {"images_per_class": ["all"], "seeds": 1},
    },
    "studies": {"depth": 1, "rate": 3},
    "scans": {"shape": 2},
}


@pytest.fixture
def calls(monkeypatch, tmp_path):
    """What is trained, and what is written, with nothing trained in truth: (what, seeds, trains)."""
    made = []

    def compare(collection, *, images_per_class, seeds, runs, flavours, model, train=True, on_result=None):
        made.append((f"{collection} {model}", seeds, train))
        assert images_per_class in ([5, None], [None]) and len(flavours) == 4
        return Comparison(collection, 2, [], {}, "cpu")

    def study(variants, *, seeds, runs, train=True, on_run=None):
        made.append((variants, seeds, train))
        return []

    monkeypatch.setattr(measure, "RESULTS", tmp_path)
    monkeypatch.setattr(measure, "_pictures", lambda source, side: source)
    monkeypatch.setattr(measure, "compare", compare)
    monkeypatch.setattr(measure, "run_study", study)
    monkeypatch.setattr(measure, "run_scans", study)
    monkeypatch.setattr(measure, "scan_variants", lambda: {"shape": "shape"})
    monkeypatch.setattr(measure, "study_variants", lambda: {"depth": "depth", "rate": "rate"})
    monkeypatch.setattr(measure, "read_plan", lambda: PLAN)
    return made


def test_the_first_seed_of_everything_comes_first(calls, tmp_path):
    measure.main([part for part in measure.Part if part != measure.Part.pages], photos="photos")
    trained = [(what, seeds) for what, seeds, train in calls if train]
    birds = "fieldguide efficientnet_lite0"
    comparisons = [("fieldguide resnet18", 1), (birds, 1), ("photos efficientnet_lite0", 1)]
    assert trained[:7] == [("depth", 1), ("rate", 1), ("shape", 1), (birds, 1), *comparisons]
    assert trained[7:] == [("rate", 2), ("shape", 2), (birds, 2), ("rate", 3)], (
        "a round repeats what has no more seeds"
    )
    assert {file.name for file in tmp_path.iterdir()} == {
        "fieldguide.json",
        "shelf.json",
        "cub_subset.json",
        "studies.json",
        "scans.json",
    }


def test_an_interrupted_measurement_writes_all_seeds_that_are_known(calls):
    """Writing only the seeds of the present round would throw away what earlier rounds measured."""
    measure.main([measure.Part.comparisons])
    assert [seeds for _, seeds, train in calls if not train] == [2, 1, 1, 2]


def test_collecting_trains_nothing(calls, tmp_path):
    measure.main([measure.Part.comparisons, measure.Part.studies], collect=True)
    assert calls and not any(train for _, _, train in calls)
    assert (tmp_path / "studies.json").is_file()


def test_the_plan_names_the_studies_that_there_are(tmp_path):
    plan = measure.read_plan()
    assert set(plan["comparisons"]) == {"fieldguide", "shelf", "cub_subset"}
    file = tmp_path / "plan.toml"
    text = measure.PLAN.read_text(encoding="utf-8")
    for wrong, says in (
        (text.replace("[studies]", "[studies]\nbedtime = 2"), r"and .*/variants\.py name .*: bedtime\."),
        (text.replace("freeze_depth = 3", ""), r"and .*/variants\.py name .*: freeze_depth\."),
        (text.replace("leak = ", "tide = "), r"and .*scan_variants\.py name .*: leak, tide\."),
    ):
        file.write_text(wrong, encoding="utf-8")
        with pytest.raises(CourseError, match=says):
            measure.read_plan(file)


@pytest.mark.parametrize("name", ["fieldguide", "cub_subset"])
def test_every_published_number_is_a_kept_run(name):
    """results/*.json can be written anew from results/runs without training."""
    files = (paths.results_dir() / "runs").glob("*.json")
    kept = [json.loads(file.read_text(encoding="utf-8"))["result"] for file in files]
    published = Comparison.load(paths.results_dir() / f"{name}.json").results
    runs = [RunResult(**found) for found in kept if "flavour" in found]
    assert published and all(run in runs for run in published)
