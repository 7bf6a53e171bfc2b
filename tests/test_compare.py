"""Flavours side by side: what is held equal, what is written, the scoreboard."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torchvision import models

from conftest import SHARED_BIRDS
from course_utils.data.collection import read_collection
from course_utils.data.splits import split_collection
from course_utils.errors import CourseError
from course_utils.experiments import flavours, scoreboard
from course_utils.experiments import run as running
from course_utils.experiments.compare import Comparison, compare
from course_utils.experiments.flavours import COMPARED, FLAVOURS
from course_utils.experiments.results import RunResult, paired_gains, summary_table
from course_utils.experiments.run import run
from course_utils.experiments.store import RunStore
from course_utils.metrics.classification import confusion_counts
from course_utils.metrics.intervals import accuracy_interval
from course_utils.runtime import pick
from course_utils.training import Recipe


def result(flavour="scratch", seed=0, test_accuracy=0.5, **changes) -> RunResult:
    fields = {
        "model": "resnet18",
        "image_size": 64,
        "images_per_class": 5,
        "val_accuracy": 0.5,
        "n_test": 100,
        "seconds": 2.0,
        "trainable_parameters": 10,
    }
    return RunResult(flavour=flavour, seed=seed, test_accuracy=test_accuracy, **fields | changes)


@pytest.fixture(scope="module")
def comparison(tmp_path_factory, request):
    """All flavours on a tiny folder, two sizes, one seed."""
    from conftest import COLOURS, draw

    root = tmp_path_factory.mktemp("compare")
    seed = 0
    for split, n in (("train", 8), ("test", 4)):
        for species, colour in COLOURS.items():
            for i in range(n):
                seed += 1
                draw(root / split / species / f"{i}.png", colour, seed)
    patch = pytest.MonkeyPatch()
    request.addfinalizer(patch.undo)
    patch.setenv("COURSE_CACHE", str(tmp_path_factory.mktemp("cache")))
    patch.setenv("COURSE_PROFILE", "smoke")
    patch.setenv("COURSE_PRECISION", "fp32")
    collection = read_collection(root)
    seen = []
    done = compare(collection, images_per_class=[3, None], seeds=1, on_result=seen.append)
    assert seen[-1] == done and [len(so_far.results) for so_far in seen] == [*range(1, len(done.results) + 1)]
    return done


def test_every_flavour_and_size_is_there(comparison):
    keys = [(r.images_per_class, r.flavour, r.seed) for r in comparison.results]
    assert {r.precision for r in comparison.results} == {"fp32"}
    assert keys == [(n, f, 0) for n in (3, 7) for f in COMPARED]
    assert comparison.num_classes == 3 and comparison.device == "cpu" and comparison.versions["torch"]


def test_flavours_share_backbone_and_size(comparison):
    same = [r for r in comparison.results if r.flavour != "scratch_best"]
    assert {(r.model, r.image_size) for r in same} == {("efficientnet_lite0", 64)}
    assert {r.model for r in comparison.results if r.flavour == "scratch_best"} == {"resnet18"}
    assert {r.n_test for r in comparison.results} == {12}


def test_trained_parameters_grow_from_probe_to_scratch(comparison):
    trained = {r.flavour: r.trainable_parameters for r in comparison.results}
    assert trained["linear_probe"] == 1280 * 3 + 3 < trained["fine_tune"] < trained["scratch"]


def test_pretrained_probe_tells_colours_apart(comparison):
    assert all(r.test_accuracy > 0.8 for r in comparison.results if r.flavour == "linear_probe")


@pytest.mark.parametrize("profile", ["smoke", "standard", "full"])
def test_scratch_sees_at_least_as_many_pictures_as_fine_tuning(profile, monkeypatch, make_folder):
    """Counted in passes over the same training set, for every profile."""
    monkeypatch.setenv("COURSE_PROFILE", profile)
    epochs = {}

    def no_training(model, train, *, val, recipe, seed, **_):
        epochs[train.images.data, len(epochs)] = recipe.epochs * len(train)
        raise KeyboardInterrupt

    monkeypatch.setattr("course_utils.experiments.run.fit", no_training)
    birds = split_collection(read_collection(make_folder(8), side=256))
    for flavour in ("fine_tune", "scratch", "scratch_best"):
        with pytest.raises(KeyboardInterrupt):
            run(FLAVOURS[flavour], birds, "efficientnet_lite0", 0)
    fine_tune, scratch, scratch_best = epochs.values()
    assert scratch >= fine_tune and scratch_best >= fine_tune


@pytest.mark.parametrize(
    ("flavour", "pictures", "epochs"),
    [
        ("scratch", 800, 30),
        ("scratch", 1600, 15),
        ("fine_tune", 1600, 15),
        ("fine_tune_short", 4000, 6),
        ("scratch_best", 600, 120),
        ("scratch_best", 1800, 40),
    ],
)
def test_large_training_sets_get_fewer_epochs(flavour, pictures, epochs, monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "standard")
    flavour = FLAVOURS[flavour]
    assert flavour.recipe(pictures).epochs == epochs
    assert flavour.recipe(10**6).epochs == 1
    monkeypatch.setenv("COURSE_PROFILE", "full")
    assert flavour.recipe(pictures).epochs == flavour.recipe().epochs


def test_small_training_sets_get_small_batches():
    assert [FLAVOURS["scratch"].recipe(n).batch_size for n in (9, 80, 160, 10**4)] == [8, 10, 20, 32]
    assert FLAVOURS["linear_probe"].recipe(100) is None


def test_saved_json_has_the_documented_form(comparison, tmp_path):
    comparison.save(tmp_path / "out.json")
    assert Comparison.load(tmp_path / "out.json") == comparison
    read = json.loads((tmp_path / "out.json").read_text())
    assert set(read) == {"data", "num_classes", "results", "provenance"}
    assert set(read["results"][0]) == {
        *("flavour", "model", "image_size", "images_per_class", "seed", "val_accuracy"),
        *("test_accuracy", "n_test", "seconds", "trainable_parameters", "confusion", "precision"),
        *("predicted", "n_val", "epochs"),
    }
    assert [RunResult(**r) for r in read["results"]] == comparison.results
    assert re.search(r'"confusion": \[\n *\[\d+, \d+, \d+\],\n', (tmp_path / "out.json").read_text())


def test_each_training_keeps_its_epochs(comparison):
    for done in comparison.results:
        if done.flavour == "linear_probe":
            assert done.epochs is None
            continue
        history = done.history
        assert history.n_val == done.n_val > 0
        assert len(history.epochs) == FLAVOURS[done.flavour].recipe(12).epochs
        assert history.best.val_accuracy == pytest.approx(done.val_accuracy, abs=1e-4)


def test_a_probe_s_seconds_hold_both_passes(monkeypatch):
    """By hand: 100 s for train and 20 for val; fitting a probe that is there already takes none."""
    passes = {"train": SimpleNamespace(seconds=100.0), "val": SimpleNamespace(seconds=20.0)}
    probe = SimpleNamespace(install=lambda model: None, l2=0.1, val={0.1: SimpleNamespace(accuracy=0.5)})
    monkeypatch.setattr(running, "extract_features", lambda model, split, preprocessing: passes[split])
    monkeypatch.setattr(running, "linear_probe", lambda train, val: probe)
    birds = SimpleNamespace(train="train", val="val")
    accuracy, seconds, _ = running._probe(FLAVOURS["linear_probe"], None, birds, None)
    assert (accuracy, seconds) == (0.5, pytest.approx(120, abs=1))


def test_confusion_counts_the_test_pictures(comparison):
    for done in comparison.results:
        counts = np.array(done.confusion)
        assert counts.sum(axis=1).tolist() == [4, 4, 4]
        assert np.trace(counts) / done.n_test == pytest.approx(done.test_accuracy)


def test_the_name_given_to_each_test_picture_is_kept(comparison):
    labels = torch.arange(3).repeat_interleave(4)
    for done in comparison.results:
        assert confusion_counts(torch.tensor(done.predicted), labels, 3) == done.confusion


def test_confusion_has_the_true_class_in_rows():
    assert confusion_counts(torch.tensor([1, 1, 2]), torch.tensor([0, 0, 2]), 3) == [
        [0, 2, 0],
        [0, 0, 0],
        [0, 0, 1],
    ]


@pytest.fixture
def measure(make_folder, tmp_path, monkeypatch):
    """Compare two flavours with two seeds, nothing trained: the list of runs that were computed."""
    collection = read_collection(make_folder(8))

    def store() -> RunStore[RunResult]:
        return RunStore(tmp_path / "runs", RunResult)

    def call(*, stop_after: int = 100, runs: bool = True, **options) -> list[tuple[str, int]]:
        computed = []

        def not_trained(flavour, birds, model, seed):
            if len(computed) == stop_after:
                raise KeyboardInterrupt
            computed.append((flavour.name, seed))
            return result(flavour.name, seed, confusion=[[1, 0], [0, 1]])

        names = ["linear_probe", "fine_tune"]
        monkeypatch.setattr("course_utils.experiments.compare.run", not_trained)
        try:
            done = compare(collection, flavours=names, runs=store() if runs else None, **options)
            assert [(r.flavour, r.seed) for r in done.results] == [(f, s) for s in (0, 1) for f in names]
            assert all(r.confusion == [[1, 0], [0, 1]] for r in done.results)
        except KeyboardInterrupt:
            pass
        return computed

    return call


def test_every_seed_has_its_own_val_and_its_flavours_share_it(make_folder, monkeypatch):
    collection, seen = read_collection(make_folder(8)), []

    def watched(flavour, birds, model, seed):
        seen.append((seed, flavour.name, birds.train.files, birds.val.files, birds.test.files))
        return result(flavour.name, seed)

    monkeypatch.setattr("course_utils.experiments.compare.run", watched)
    names = ["linear_probe", "fine_tune"]
    compare(collection, flavours=names, images_per_class=[3, None], seeds=3)
    for few in (True, False):
        mine = [row for row in seen if (len(row[2]) == 9) is few]
        assert [row[:2] for row in mine] == [(seed, name) for seed in range(3) for name in names]
        assert all(one[2:] == other[2:] for one, other in zip(mine[::2], mine[1::2], strict=True))
        assert len({row[2] for row in mine}) == len({row[3] for row in mine}) == 3
        assert len({row[4] for row in mine}) == 1, "all seeds are judged on one test"


def test_interrupted_measuring_goes_on_where_it_stopped(measure):
    assert len(measure(stop_after=2)) == 2
    assert measure() == [("linear_probe", 1), ("fine_tune", 1)]
    assert measure() == []
    assert len(measure(runs=False)) == 4


def test_other_circumstances_are_other_runs(measure, monkeypatch):
    assert len(measure()) == 4
    assert len(measure(images_per_class=[3])) == 4
    monkeypatch.setattr(flavours, "FINE_TUNE_SHARE", 0.5)
    assert measure() == [("fine_tune", 0), ("fine_tune", 1)]
    monkeypatch.setattr(flavours, "L2_CANDIDATES", (1.0,))
    assert measure() == [("linear_probe", 0), ("linear_probe", 1)]
    monkeypatch.setenv("COURSE_PROFILE", "standard")
    assert len(measure()) == 4


def test_another_recipe_is_another_run(measure, monkeypatch):
    measure()
    tuned = FLAVOURS["fine_tune"]
    slower = replace(tuned, profile_recipe=lambda: replace(tuned.recipe(), lr=1e-5))
    monkeypatch.setitem(FLAVOURS, "fine_tune", slower)
    assert measure() == [("fine_tune", 0), ("fine_tune", 1)]


def test_a_torn_or_foreign_file_counts_as_no_run(measure, tmp_path):
    measure()
    torn, foreign, *_ = sorted((tmp_path / "runs").iterdir())
    torn.write_text(torn.read_text()[:50])
    foreign.write_text(foreign.read_text().replace('"seed": 1', '"seed": 7', 1))
    assert len(measure()) == 2
    assert measure() == []


def test_wrong_choices_are_errors(make_folder):
    collection = read_collection(make_folder(8))
    with pytest.raises(CourseError, match="Unknown flavour: vanilla"):
        compare(collection, flavours=["vanilla"])
    with pytest.raises(CourseError, match="seeds is 0"):
        compare(collection, seeds=0)
    with pytest.raises(CourseError, match="no model 'resnet'"):
        compare(collection, model="resnet")
    with pytest.raises(CourseError, match="100 were asked"):
        compare(collection, images_per_class=[2, 100])


def test_interval_is_wilsons():
    low, high = accuracy_interval(0.9, 100)
    assert (low, high) == (pytest.approx(0.8256, abs=1e-3), pytest.approx(0.9448, abs=1e-3))
    assert accuracy_interval(1.0, 20)[1] == 1.0 and accuracy_interval(1.0, 20)[0] < 0.9


def test_summary_means_over_seeds_in_the_order_of_flavours():
    runs = [result("fine_tune"), result("scratch", 0, 0.2), result("scratch", 1, 0.4)]
    table = summary_table(runs)
    assert list(table.flavour) == ["scratch", "fine_tune"]
    first = table.iloc[0]
    assert first.test_accuracy == pytest.approx(0.3) and (first["worst seed"], first["best seed"]) == (
        0.2,
        0.4,
    )
    assert first.low < 0.3 < first.high and first.seeds == 2


def test_a_summary_s_interval_is_of_the_test_pictures_and_its_seconds_are_the_median():
    """By hand: 90 of 100, as if there were one seed; more seeds are no more test pictures."""
    runs = [result("scratch", seed, 0.9, seconds=seconds) for seed, seconds in enumerate((1.0, 2.0, 90.0))]
    (row,) = summary_table(runs).to_dict("records")
    assert (row["low"], row["high"]) == pytest.approx((0.8256, 0.9448), abs=1e-3)
    assert (row["seconds"], row["seeds"]) == (2.0, 3)


def test_gains_are_paired_by_seed():
    runs = [
        result("fine_tune", 0, 0.8, images_per_class=5),
        result("fine_tune", 1, 0.6, images_per_class=5),
        result("fine_tune", 2, 0.9, images_per_class=5),
        result("scratch", 1, 0.5, images_per_class=5),
        result("scratch", 0, 0.5, images_per_class=5),
        result("fine_tune", 0, 0.9, images_per_class=10),
        result("scratch", 0, 0.7, images_per_class=10),
        result("linear_probe", 0, 0.7, images_per_class=30),
    ]
    table = paired_gains(runs, [("fine_tune", "scratch"), ("linear_probe", "scratch")])
    assert list(table.index) == [("fine_tune over scratch", 5), ("fine_tune over scratch", 10)]
    # By hand: gains of .3 and .1, a standard error of .1, and t = 12.706 for two; seed 2 has no twin.
    first, single = table.iloc[0], table.iloc[1]
    assert (first.gain, first.low, first.high) == pytest.approx((0.2, 0.2 - 1.2706, 0.2 + 1.2706), abs=1e-4)
    assert first.seeds == pytest.approx((0.3, 0.1))
    assert single.gain == pytest.approx(0.2) and np.isnan(single.low) and len(single.seeds) == 1
    assert paired_gains(runs, [("linear_probe", "scratch_best")]).empty


def test_scoreboard_keeps_the_latest_and_forgets_what_is_cleared():
    scoreboard.record("03", result("scratch_best", test_accuracy=0.3))
    scoreboard.record("03", result("scratch_best", test_accuracy=0.4))
    scoreboard.record("04", result("fine_tune"))
    assert [(lesson, r.flavour, r.test_accuracy) for lesson, r in scoreboard.read()] == [
        ("03", "scratch_best", 0.4),
        ("04", "fine_tune", 0.5),
    ]
    assert [r.flavour for _, r in scoreboard.read("04", "05")] == ["fine_tune"]
    scoreboard.clear(["03"])
    assert [lesson for lesson, _ in scoreboard.read()] == ["04"]


@pytest.mark.skipif(not SHARED_BIRDS.exists(), reason="the real photos are not beside this checkout")
def test_end_to_end_on_real_photos(tmp_path):
    """The command on the official archive: a probe on ten photos a class beats every chance."""
    out = tmp_path / "out.json"
    command = [
        sys.executable,
        "-m",
        "course_utils",
        "compare",
        "--data",
        str(SHARED_BIRDS),
        "--json",
        str(out),
    ]
    command += [
        "--flavour",
        "linear_probe",
        "--flavour",
        "scratch_best",
        "--images-per-class",
        "10",
        "--profile",
        "smoke",
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "COLUMNS": "120"}, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    probe, scratch = json.loads(out.read_text())["results"]
    assert (probe["n_test"], probe["images_per_class"]) == (597, 10)
    assert probe["test_accuracy"] > 0.3 and probe["test_accuracy"] > scratch["test_accuracy"]
    assert "linear probe" in done.stdout and f"{probe['test_accuracy']:.3f}" in done.stdout


LESSONS = Path(__file__).resolve().parents[1] / "lessons"


def lesson_value(number: str, name: str) -> object:
    """What a lesson assigns to ``name``, in the profile in force."""
    (source,) = LESSONS.glob(f"{number}_*.py")
    (value,) = [
        step.value
        for step in ast.parse(source.read_text(encoding="utf-8")).body
        if isinstance(step, ast.Assign) and ast.unparse(step.targets[0]) == name
    ]
    return eval(ast.unparse(value), {"Recipe": Recipe, "pick": pick})


@pytest.mark.parametrize(("profile", "per_class"), [("smoke", 4), ("standard", 10), ("full", 100)])
def test_lesson_3_writes_out_the_recipe_of_its_flavour(profile, per_class, monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", profile)
    flavour, (third,) = FLAVOURS["scratch_short"], LESSONS.glob("03_*.py")
    recipe = flavour.recipe(18 * per_class)
    assert lesson_value("03", "PER_CLASS") == per_class and lesson_value("03", "EPOCHS") == recipe.epochs
    assert lesson_value("03", "SIDE") == flavour.image_size("efficientnet_lite0")
    assert (recipe.lr_backbone, recipe.warmup, recipe.label_smoothing, recipe.mixup) == (None, 0.1, 0.0, 0.0)
    text = third.read_text(encoding="utf-8")
    assert f"EPOCHS, lr={recipe.lr:.0e}".replace("e-0", "e-") in text
    assert f"lr, weight_decay={recipe.weight_decay})" in text
    assert f"DataLoader(train, batch_size={flavour.recipe().batch_size}, shuffle=True)" in text


def test_what_lesson_4_says_of_imagenet():
    dogs = models.ResNet18_Weights.DEFAULT.meta["categories"][151:269]
    assert (dogs[0], dogs[-1]) == ("Chihuahua", "Mexican hairless")
    (fourth,) = LESSONS.glob("04_*.py")
    text = " ".join(fourth.read_text(encoding="utf-8").replace("\n# ", " ").split())
    assert f"{len(dogs)} of its 1,000 classes are breeds of dog" in text


@pytest.fixture
def nothing_trained(monkeypatch):
    """Stands in for every run: says which are made."""
    made = []

    def run(flavour, birds, model, seed):
        made.append(flavour.name)
        return result(flavour.name, seed)

    monkeypatch.setattr("course_utils.experiments.compare.run", run)
    return made


def test_weights_that_cannot_be_had_are_noticed_before_anything_is_trained(
    make_folder, tmp_path, monkeypatch, nothing_trained
):
    """Both flavours from scratch trained for half an hour first."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr("torch.hub.download_url_to_file", _no_network)
    collection, store = read_collection(make_folder(8)), RunStore(tmp_path / "runs", RunResult)
    options = {"model": "resnet18", "seeds": 1, "runs": store}
    with pytest.raises(CourseError, match=r"weights of 'resnet18' .* can't be downloaded now"):
        compare(collection, **options)
    assert not nothing_trained
    assert compare(collection, flavours=["scratch"], **options).results


def _no_network(*_, **__):
    raise OSError("no network")


def test_what_is_kept_needs_no_weights(make_folder, tmp_path, monkeypatch, nothing_trained):
    collection, store = read_collection(make_folder(8)), RunStore(tmp_path / "runs", RunResult)
    options = {"flavours": ["linear_probe"], "seeds": 2, "runs": store}
    compare(collection, **options)

    def missing(*_, **__):
        raise CourseError("no weights")

    monkeypatch.setattr(flavours, "load_pretrained", missing)
    probe = replace(FLAVOURS["linear_probe"], start=missing)
    monkeypatch.setitem(FLAVOURS, "linear_probe", probe)
    assert len(compare(collection, **options).results) == 2
    with pytest.raises(CourseError, match="no weights"):
        compare(collection, **{**options, "seeds": 3})


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (
            lambda *_: nn.Sequential(nn.Conv2d(3, 5, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
            "has no linear layer",
        ),
        (lambda *_: models.squeezenet1_1(num_classes=3), "The head of .* is a Conv2d"),
        (lambda *_: nn.Sequential(nn.Flatten(), nn.Linear(7, 3)), "takes no pictures of 64 px"),
        (
            lambda *_: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 9)),
            r"\(1, 9\); expected \(1, 3\)",
        ),
    ],
)
def test_a_model_that_does_not_suit_its_flavour_is_noticed_before_anything_is_trained(
    make_folder, monkeypatch, nothing_trained, start, message
):
    monkeypatch.setenv("COURSE_PROFILE", "smoke")
    monkeypatch.setitem(FLAVOURS, "linear_probe", replace(FLAVOURS["linear_probe"], start=start))
    with pytest.raises(CourseError, match=message):
        compare(read_collection(make_folder(8)), flavours=["scratch", "linear_probe"], seeds=1)
    assert not nothing_trained


def test_a_squeezenet_is_trained_with_mixup(make_folder, monkeypatch):
    """Its head is a convolution, which has no out_features."""
    monkeypatch.setenv("COURSE_PROFILE", "smoke")
    collection = read_collection(make_folder(8))
    tuned = replace(FLAVOURS["scratch"], profile_recipe=FLAVOURS["fine_tune"].profile_recipe)
    monkeypatch.setitem(FLAVOURS, "scratch", tuned)
    assert len(compare(collection, flavours=["scratch"], model="squeezenet1_1", seeds=1).results) == 1
