"""Studies: one thing varies, runs are kept, test is never read."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest
import torch

from course_utils.data.collection import read_collection
from course_utils.data.splits import split_collection
from course_utils.errors import CourseError
from course_utils.experiments import store
from course_utils.experiments.flavours import FLAVOURS, fine_tune_start
from course_utils.experiments.run import run
from course_utils.experiments.store import Kept, Provenance, RunStore
from course_utils.experiments.studies import StudyRun, accuracies_by_seed, read_study, study_table
from course_utils.models import build_definition
from course_utils.training import train_one_epoch
from sweeps import bird_studies, save_studies
from sweeps.bird_studies import run_study
from sweeps.bird_variants import Variant, study_variants


def study_run(label="a", seed=0, val_accuracy=0.5, **changes) -> StudyRun:
    epochs = {name: [1.0, 0.5] for name in ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "lr")}
    given = {"seconds": 2.0, "trainable_parameters": 10, "epochs": epochs, "n_val": 20}
    return StudyRun(label=label, seed=seed, val_accuracy=val_accuracy, **given | changes)


@pytest.mark.parametrize("name", list(study_variants()))
def test_one_thing_varies(name):
    """Each variant differs from the study's reference in what the study is about, and in nothing else."""
    variants = study_variants()[name]
    about = {
        "learning_rate": {"recipe.lr"},
        "epochs": {"recipe.epochs"},
        "regularisation": {"augment", "recipe.label_smoothing", "recipe.weight_decay"},
        "rate_and_depth": {"start", "batch_norm", "recipe.lr_backbone"},
        "ingredients": {
            *("augment", "probe_first"),
            *("recipe.mixup", "recipe.label_smoothing", "recipe.lr", "recipe.epochs"),
        },
    }[name]
    assert len({variant.label for variant in variants}) == len(variants) >= 3
    for variant in variants:
        differing = {
            f.name for f in fields(Variant) if getattr(variant, f.name) != getattr(variants[0], f.name)
        }
        differing -= {"label", "recipe"}
        differing |= {
            f"recipe.{f.name}"
            for f in fields(variant.recipe)
            if getattr(variant.recipe, f.name) != getattr(variants[0].recipe, f.name)
        }
        assert differing <= about
        if name in ("epochs", "ingredients", "learning_rate"):
            assert len(differing) == (variant is not variants[0])


def test_studies_contain_the_recipes_of_the_comparison():
    variants = study_variants()
    assert any(v.recipe == FLAVOURS["scratch_short"].recipe() for v in variants["learning_rate"])
    flavour = FLAVOURS["fine_tune_short"]
    whole = variants["ingredients"][0]
    (chosen,) = [v for v in variants["rate_and_depth"] if replace(v, label=whole.label) == whole]
    assert chosen.recipe == flavour.recipe() and chosen.probe_first and flavour.probe_first
    assert chosen.start == fine_tune_start(build_definition("efficientnet_lite0", 18))


@pytest.fixture
def trained(make_folder, tmp_path, monkeypatch):
    """Train two variants on a tiny folder whose test pictures nobody may touch."""
    collection = read_collection(make_folder(8), side=256)
    calls = []
    train = bird_studies._train

    def counted(variant, birds, seed):
        calls.append((variant.label, seed))
        return train(variant, birds, seed)

    def load(seed):
        birds = split_collection(collection, seed=seed)
        return replace(birds, test=replace(birds.test, pixels=None))

    monkeypatch.setattr(bird_studies, "_train", counted)
    monkeypatch.setattr(store, "splits_fingerprint", lambda birds: "these pictures")

    def call(variants, seeds=1):
        calls.clear()
        return run_study(variants, seeds=seeds, runs=RunStore(tmp_path / "runs", StudyRun), load=load), list(
            calls
        )

    return call


def test_a_study_trains_each_variant_once(trained):
    head = replace(study_variants()["ingredients"][1], label="head only", start="")
    plain = study_variants()["regularisation"][0]
    kept, calls = trained([head, plain])
    runs = [one.result for one in kept]
    assert calls == [("head only", 0), ("nothing", 0)]
    assert [run.label for run in runs] == ["head only", "nothing"]
    assert runs[0].trainable_parameters == 1280 * 3 + 3 < runs[1].trainable_parameters
    history = runs[0].history
    assert [e.epoch for e in history.epochs] == [1] and history.n_val == runs[0].n_val > 0
    assert history.best.val_accuracy == pytest.approx(runs[0].val_accuracy, abs=1e-3)

    again, calls = trained([replace(head, label="the same by another name")], seeds=1)
    assert not calls and again[0].result.label == "the same by another name"
    assert again[0].result.val_accuracy == runs[0].val_accuracy
    _, calls = trained([replace(plain, augment=True)])
    assert len(calls) == 1, "what trains differently is another run"


def test_saved_studies_are_read_again(tmp_path):
    runs = [study_run("a", 0), study_run("b", 0, 0.75)]
    here = Provenance.here()
    save_studies({"x": [Kept(run, here) for run in runs]}, tmp_path / "studies.json")
    origin = json.loads((tmp_path / "studies.json").read_text())["provenance"]
    assert [(one["precision"], one["runs"], one["commit"]) for one in origin] == [("fp32", 2, [here.commit])]
    assert read_study("x", tmp_path / "studies.json") == runs
    with pytest.raises(CourseError, match=r"no study 'y'.*make results"):
        read_study("y", tmp_path / "studies.json")
    with pytest.raises(CourseError, match="FileNotFoundError"):
        read_study("x", tmp_path / "none.json")


def test_table_keeps_the_order_and_counts_seeds():
    table = study_table([study_run("z", 0, 0.2), study_run("z", 1, 0.4), study_run("a", 0, 0.9)])
    assert list(table.index) == ["z", "a"]
    assert table.loc["z", "val accuracy"] == pytest.approx(0.3)
    assert (table.loc["z", "worst seed"], table.loc["z", "best seed"], table.loc["z", "seeds"]) == (
        0.2,
        0.4,
        2,
    )


def test_accuracies_by_seed_pair_what_was_run():
    table = accuracies_by_seed([study_run("z", 0, 0.2), study_run("a", 0, 0.3), study_run("a", 1, 0.6)])
    assert list(table.index) == ["z", "a"] and list(table.columns) == ["seed 0", "seed 1"]
    assert table.loc["a"].tolist() == [0.3, 0.6] and table.loc["z", "seed 0"] == 0.2
    assert table.diff().loc["a", "seed 0"] == pytest.approx(0.1) and table.diff().loc["a"].isna()["seed 1"]


def test_bundled_studies_are_of_today_s_variants(monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "standard")
    for name, variants in study_variants().items():
        runs = read_study(name)
        assert list(dict.fromkeys(run.label for run in runs)) == [variant.label for variant in variants]
        epochs = {variant.label: variant.recipe.epochs for variant in variants}
        assert all(len(run.history.epochs) == epochs[run.label] for run in runs)


def test_every_seed_of_a_study_has_its_own_pictures(make_folder, tmp_path, monkeypatch):
    collection, seen = read_collection(make_folder(8), side=32), []

    def watched(variant, birds, seed):
        seen.append((seed, birds.train.files))
        return study_run(variant.label, seed)

    monkeypatch.setattr(bird_studies, "_train", watched)
    monkeypatch.setattr(store, "splits_fingerprint", lambda birds: "these pictures")
    monkeypatch.setattr(bird_studies, "read_collection", lambda name: collection)
    run_study(study_variants()["rate_and_depth"][:2], seeds=2, runs=RunStore(tmp_path, StudyRun))
    assert [seed for seed, _ in seen] == [0, 0, 1, 1]
    files = [files for _, files in seen]
    assert files[0] == files[1] != files[2] == files[3]


def moved_by_a_step(model) -> list[str]:
    """The stages in which running statistics of BatchNorm moved."""
    before = {name: buffer.clone() for name, buffer in model.named_buffers()}
    pictures = torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 3
    optimizer = torch.optim.SGD((p for p in model.parameters() if p.requires_grad), lr=1e-3)
    train_one_epoch(model, [(pictures, torch.tensor([0, 1, 2, 0]))], optimizer=optimizer)
    moved = [name for name, buffer in model.named_buffers() if not torch.equal(buffer, before[name])]
    return sorted({name.split(".bn")[0].rpartition(".")[0] or name.split(".")[0] for name in moved})


def test_fine_tuning_leaves_the_running_statistics_alone():
    for name in ("fine_tune", "fine_tune_short"):
        flavour = FLAVOURS[name]
        assert moved_by_a_step(flavour.release(flavour.start("efficientnet_lite0", 3, 0))) == []
    moved = {}
    for variant in (study_variants()["ingredients"][0], study_variants()["rate_and_depth"][-1]):
        model = variant.build(3, 0)
        variant.release(model)
        moved[variant.batch_norm] = moved_by_a_step(model)
    assert moved["frozen"] == []
    assert "bn2" in moved["trained"] and {name[:8] for name in moved["trained"]} >= {"blocks.2", "blocks.6"}
    assert not any(name.startswith(("bn1", "blocks.0", "blocks.1")) for name in moved["trained"])


@pytest.mark.parametrize("augment", [True, False])
def test_training_alone_is_shown_random_looks(make_folder, monkeypatch, augment):
    """Val and, where the variant says so, train are shown as they are: twice the same."""
    birds, seen = split_collection(read_collection(make_folder(8), side=256)), {}

    def watched(model, train, *, val, recipe, seed, **_):
        for name, shown in (("train", train), ("val", val)):
            seen[name] = all(torch.equal(shown[0][0], shown[0][0]) for _ in range(4))
        raise KeyboardInterrupt

    monkeypatch.setattr(bird_studies, "fit", watched)
    monkeypatch.setattr("course_utils.experiments.run.fit", watched)
    with pytest.raises(KeyboardInterrupt):
        bird_studies._train(replace(study_variants()["regularisation"][0], augment=augment), birds, 0)
    assert seen == {"train": not augment, "val": True}
    with pytest.raises(KeyboardInterrupt):
        run(FLAVOURS["scratch_best"], birds, "efficientnet_lite0", 0)
    assert seen == {"train": False, "val": True}


def test_a_study_s_seconds_are_the_median():
    table = study_table([study_run("a", seed, seconds=s) for seed, s in enumerate((1.0, 2.0, 90.0))])
    assert table.loc["a", "seconds"] == 2.0
