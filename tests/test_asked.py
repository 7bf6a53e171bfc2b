"""What was asked of a run is its key: every setting counts, and nothing of the machine does."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from typing import Any

import pytest
import torch

from conftest import bundled_birds
from course_utils import paths, runtime
from course_utils.data import load_scans
from course_utils.data.collection import read_collection
from course_utils.data.splits import split_collection
from course_utils.errors import CourseError
from course_utils.experiments import store
from course_utils.experiments.compare import compare, configuration, pictures_sides
from course_utils.experiments.flavours import COMPARED, FLAVOURS
from course_utils.experiments.results import RunResult, summary_table, table_in_words
from course_utils.experiments.store import RunStore, declared, declared_recipe
from course_utils.experiments.studies import StudyRun, study_table
from course_utils.training import Recipe
from sweeps import bird_studies, scan_runs, scan_studies, scan_variants
from sweeps.bird_variants import study_variants
from sweeps.scan_variants import SMALL, ScanVariant

PUBLISHED = paths.results_dir() / "runs"
OTHER = {str: "other", int: 7, float: 0.7, bool: None, tuple: (2, 2)}


def other(value: Any) -> Any:
    """Something else of the same kind."""
    if isinstance(value, bool):
        return not value
    return next((thing for kind, thing in OTHER.items() if isinstance(value, kind)), 3e-5)


def changed(record: Any) -> dict[str, Any]:
    """The record with one field changed, by the field's name."""
    return {f.name: replace(record, **{f.name: other(getattr(record, f.name))}) for f in fields(record)}


@pytest.fixture
def birds(make_folder):
    return split_collection(read_collection(make_folder(8)), seed=0)


def test_every_setting_of_a_recipe_is_in_the_key():
    recipe = Recipe(epochs=3)
    assert all(declared_recipe(one) != declared_recipe(recipe) for one in changed(recipe).values())


def test_every_setting_of_a_variant_is_in_the_key(birds):
    variant = study_variants()["rate_and_depth"][1]
    key = bird_studies.configuration(variant, birds, 0)
    others = {
        "recipe": replace(variant, recipe=replace(variant.recipe, epochs=7)),
        "flavour": replace(variant, flavour="scratch_best"),
    }
    for name, one in ({**changed(replace(variant, recipe=0)), **others}).items():
        one = one if name == "recipe" else replace(one, recipe=variant.recipe)
        assert (bird_studies.configuration(one, birds, 0) == key) is (name == "label"), name
    assert bird_studies.configuration(variant, birds, 1) != key


def test_every_setting_of_a_variant_on_the_scans_is_in_the_key(scan_folder, monkeypatch):
    scans, variant = load_scans(scan_folder), ScanVariant("", SMALL)
    key = scan_studies.configuration(variant, scans, 0)
    shapes = [
        *(replace(SMALL, **change) for change in ({"depth": (2, 2)}, {"block": "bottleneck"}, {"width": 48})),
        *(
            replace(SMALL, **change)
            for change in ({"activation": "silu"}, {"in_channels": 3}, {"stem": "small"})
        ),
    ]
    assert {f.name for f in fields(SMALL)} == {"depth", "block", "width", "activation", "in_channels", "stem"}
    variants = [*(replace(variant, model=shape) for shape in shapes), replace(variant, model="resnet18")]
    variants += [
        replace(variant, pretrained=True),
        replace(variant, studies=12),
        replace(variant, exam="strangers"),
    ]
    assert {f.name for f in fields(variant)} == {"label", "model", "pretrained", "studies", "exam"}
    keys = [scan_studies.configuration(one, scans, 0) for one in variants]
    assert all(one != key for one in keys) and len({json.dumps(one) for one in keys}) == len(keys)
    assert scan_studies.configuration(replace(variant, label="x"), scans, 0) == key
    assert scan_studies.configuration(variant, scans, 1) != key
    assert scan_studies.configuration(variant, load_scans(scan_folder, studies=12), 0) != key
    for name, preprocessing in changed(scan_runs.scan_preprocessing()).items():
        monkeypatch.setattr(scan_studies, "scan_preprocessing", lambda changed=preprocessing: changed)
        assert scan_studies.configuration(variant, scans, 0) != key, name


def test_a_new_setting_with_its_old_value_changes_no_key():
    @dataclass(frozen=True)
    class Tomorrow(Recipe):
        """A recipe that can do more."""

        ema: float = 0.0

    today = declared_recipe(Recipe(epochs=3))
    assert declared_recipe(Tomorrow(epochs=3)) == today
    assert declared_recipe(Tomorrow(epochs=3, ema=0.9)) == {**today, "ema": 0.9}


def test_a_key_is_of_what_was_asked_and_of_nothing_else(birds, monkeypatch):
    flavour = FLAVOURS["fine_tune"]
    key = configuration(flavour, birds, "efficientnet_lite0", 0)
    monkeypatch.setenv("COURSE_PRECISION", "bf16")
    monkeypatch.setattr(
        runtime, "versions", lambda: {"torch": "9.0", "python": "3.13.0", "borrowed-feathers": "0.2.0"}
    )
    monkeypatch.setattr(runtime, "best_device", lambda: torch.device("cuda"))
    assert configuration(flavour, birds, "efficientnet_lite0", 0) == key == json.loads(json.dumps(key))
    monkeypatch.setattr(store, "RECIPE_REVISION", store.RECIPE_REVISION + 1)
    assert configuration(flavour, birds, "efficientnet_lite0", 0) != key
    assert declared(flavour, ("name",), apart=[f.name for f in fields(flavour)]) == {"name": "fine_tune"}


def test_the_published_runs_are_found_on_any_machine(monkeypatch):
    """One of each kind, in another precision, with other versions, from the very pictures of the course."""
    monkeypatch.setenv("COURSE_PROFILE", "standard")
    monkeypatch.setattr(runtime, "versions", lambda: {"torch": "9.0"})
    number = 10
    birds = bundled_birds(images_per_class=number, seed=0)
    for flavour in COMPARED:
        kept = RunStore(PUBLISHED, RunResult, any_machine=True).get(
            configuration(FLAVOURS[flavour], birds, "efficientnet_lite0", 0)
        )
        assert (kept.result.flavour, kept.result.images_per_class) == (flavour, number)
        assert kept.provenance.precision == "bf16" and kept.provenance.commit
    for study, variants in study_variants().items():
        for variant in variants:
            kept = RunStore(PUBLISHED, StudyRun, any_machine=True).get(
                bird_studies.configuration(variant, birds, 0)
            )
            assert kept is not None and kept.result.seed == 0, (study, variant.label)
    scans = load_scans()
    for variant in scan_variants.scan_variants()["shape"]:
        kept = RunStore(PUBLISHED, scan_runs.ScanRun, any_machine=True).get(
            scan_studies.configuration(variant, scans, 0)
        )
        assert kept is not None and kept.result.studies == len(scans.train), variant.label


def test_every_kept_run_lies_under_its_own_key():
    store_ = RunStore(PUBLISHED, RunResult, any_machine=True)
    files = sorted(PUBLISHED.glob("*.json"))
    assert len(files) >= 200
    for file in files:
        content = json.loads(file.read_text(encoding="utf-8"))
        assert file.name.startswith(store_._name(content["asked"]) + "-"), file.name
        assert set(content) - {"superseded"} == {"asked", "result", "provenance"}


def test_a_flavour_is_shown_the_same_pixels_whoever_else_is_compared(make_folder, monkeypatch):
    folder, seen = make_folder(8), {}

    def watched(flavour, birds, model, seed):
        seen.setdefault(flavour.name, []).append(birds.train.pixels)
        return RunResult(flavour.name, model, 64, 5, seed, 0.5, 0.5, 9, 1.0, 10)

    monkeypatch.setattr("course_utils.experiments.compare.run", watched)
    lite2 = "efficientnet_lite2"
    for flavours in (["scratch_best"], ["scratch", "scratch_best"], ["scratch"]):
        pictures = [read_collection(folder, side=side) for side in pictures_sides(flavours, lite2)]
        compare(pictures, flavours=flavours, model=lite2, seeds=1)
    for alone, together in seen.values():
        assert torch.equal(alone, together)
    assert {name: pixels[0].shape[-1] for name, pixels in seen.items()} == {
        "scratch_best": FLAVOURS["scratch_best"].pictures_side(lite2),
        "scratch": FLAVOURS["scratch"].pictures_side(lite2),
    }
    assert len(pictures_sides(["scratch", "scratch_best"], lite2)) == 2


@pytest.mark.parametrize("side", [255, 300])
def test_pictures_kept_at_another_side_are_refused(make_folder, side):
    with pytest.raises(CourseError, match=rf"kept at {side} px; linear_probe of .* ask for 256 px.*side=256"):
        compare(read_collection(make_folder(8), side=side), flavours=["linear_probe"])


def test_a_table_that_mixes_precisions_says_so():
    def runs(*precisions: str) -> list[RunResult]:
        common = ("resnet18", 64)
        return [
            RunResult("scratch", *common, size, seed, 0.5, 0.5, 100, 2.0, 10, precision=precision)
            for seed, (size, precision) in enumerate(zip((5, 5, 10), precisions, strict=True))
        ]

    assert "computed in" not in summary_table(runs("bf16", "bf16", "bf16"))
    assert "computed in" not in table_in_words(runs("bf16", "bf16", "bf16"))
    for table in (summary_table(runs("bf16", "fp32", "fp32")), table_in_words(runs("bf16", "fp32", "fp32"))):
        assert list(table["computed in"]) == ["bf16 and fp32", "fp32"]
    epochs = {"train_loss": [1.0]}
    study = [
        StudyRun("a", 0, 0.5, 1.0, 10, epochs, 20, "bf16"),
        StudyRun("b", 0, 0.5, 1.0, 10, epochs, 20, "fp32"),
    ]
    assert list(study_table(study)["computed in"]) == ["bf16", "fp32"]
    assert "computed in" not in study_table(study[:1])
