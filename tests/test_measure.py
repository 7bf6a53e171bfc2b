"""`make results`: the plan, what is trained in which order, and that nothing is trained twice."""

from __future__ import annotations

import json
import shutil

import measure
import pytest

from conftest import bundled_pictures
from course_utils import paths
from course_utils.errors import CourseError
from course_utils.experiments import store
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

    def compare(pictures, *, images_per_class, seeds, runs, flavours, model, train=True, on_result=None):
        made.append((f"{pictures[0]} {model}", seeds, train))
        assert images_per_class in ([5, None], [None]) and len(flavours) == 4
        assert len(pictures) == 1 and runs.any_machine
        return Comparison(pictures[0], 2, [], [])

    def study(variants, *, seeds, runs, load, train=True, on_run=None):
        made.append((variants, seeds, train))
        assert runs.any_machine
        return []

    monkeypatch.setattr(measure, "RESULTS", tmp_path)
    monkeypatch.setattr(measure, "_pictures", lambda source, side: source)
    monkeypatch.setattr(measure, "compare", compare)
    named = {"studies": {"depth": "depth", "rate": "rate"}, "scans": {"shape": "shape"}}
    for part, variants in named.items():
        replaced = (lambda variants=variants: variants, study, *measure.STUDIES[part][2:])
        monkeypatch.setitem(measure.STUDIES, part, replaced)
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
    assert [seeds for _, seeds, train in calls if not train] == [2, 1, 1]


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
        (text.replace("[studies]", "[studies]\nbedtime = 2"), r"and .*/bird_variants\.py name .*: bedtime\."),
        (text.replace("rate_and_depth = 3", ""), r"and .*/bird_variants\.py name .*: rate_and_depth\."),
        (text.replace("leak = ", "tide = "), r"and .*scan_variants\.py name .*: leak, tide\."),
    ):
        file.write_text(wrong, encoding="utf-8")
        with pytest.raises(CourseError, match=says):
            measure.read_plan(file)


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A results folder with the studies of the course as they are published, and their kept runs."""
    monkeypatch.setenv("COURSE_PROFILE", "standard")
    for name in ("studies.json", "plan.toml"):
        shutil.copy(paths.results_dir() / name, tmp_path)
    shutil.copytree(
        paths.results_dir() / "runs", tmp_path / "runs", ignore=shutil.ignore_patterns("scans-*", "comp*")
    )
    monkeypatch.setattr(measure, "RESULTS", tmp_path)
    monkeypatch.setattr(measure, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(measure, "_pictures", lambda source, side: bundled_pictures())
    return tmp_path


def collect(**options) -> None:
    measure.main([measure.Part.studies], collect=True, **options)


def test_collecting_writes_what_is_published_byte_for_byte(kept):
    before = (kept / "studies.json").read_bytes()
    collect()
    assert (kept / "studies.json").read_bytes() == before


def test_a_kept_run_that_is_gone_is_named_and_nothing_is_written(kept):
    files = sorted((kept / "runs").glob("study-fine_tune-10-1-*"))
    file = next(file for file in files if "superseded" not in json.loads(file.read_text()))
    label = json.loads(file.read_text())["result"]["label"]
    file.unlink()
    before = (kept / "studies.json").read_bytes()
    with pytest.raises(
        CourseError, match=rf"Nothing is written.*\n  studies.json: study .*label {label}, seed 1\n"
    ):
        collect()
    assert (kept / "studies.json").read_bytes() == before


def test_fewer_runs_are_written_only_when_that_is_asked_for(kept, monkeypatch):
    """A raised revision finds none of the 98; what is published stays until somebody gives it up."""
    monkeypatch.setattr(store, "RECIPE_REVISION", store.RECIPE_REVISION + 1)
    with pytest.raises(CourseError, match=r"(?s)98 published runs are not in .*and 78 more.*make results"):
        collect()
    collect(fewer=True)
    assert not any(json.loads((kept / "studies.json").read_text())["studies"].values())


def test_nothing_is_written_where_one_of_several_files_would_lose_a_run(kept):
    saved = []
    full, short = (
        measure.Publication(kept / "studies.json", runs, saved.append)
        for runs in (measure._published(json.loads((kept / "studies.json").read_text())), set())
    )
    measure.publish([full])
    with pytest.raises(CourseError, match="Nothing is written"):
        measure.publish([full, short])
    assert saved == [kept / "studies.json"]


@pytest.mark.parametrize("name", ["fieldguide", "cub_subset"])
def test_every_published_number_is_a_kept_run(name):
    """results/*.json can be written anew from results/runs without training."""
    files = (paths.results_dir() / "runs").glob("*.json")
    kept = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    kept = [{**run["result"], "precision": run["provenance"]["precision"]} for run in kept]
    published = Comparison.load(paths.results_dir() / f"{name}.json").results
    runs = [RunResult(**found) for found in kept if "flavour" in found]
    assert published and all(run in runs for run in published)
