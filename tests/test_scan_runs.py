"""Detectors on the scans: trained once, kept with their scores; the planted leak leaks only what it says."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
from functools import partial

import pytest
import torch
from torch import nn

from course_utils import paths
from course_utils.data import load_scans
from course_utils.experiments.store import Kept, Provenance, RunStore, read_study_of
from course_utils.models import ResNetConfig, build_definition
from sweeps import save_studies, scan_runs, scan_studies
from sweeps import scan_variants as scan_variants_module
from sweeps.scan_runs import FILE, ScanRun, ill_places, ill_scores, ill_studies, leak_trial
from sweeps.scan_studies import run_scans
from sweeps.scan_variants import SMALL, ScanVariant, scan_variants


def published(study: str) -> list[ScanRun]:
    return read_study_of(ScanRun, study, paths.results_dir() / FILE)


TINY = ResNetConfig(depth=(1, 1), width=16, in_channels=1)


@pytest.fixture
def trained(scan_folder, tmp_path, monkeypatch):
    calls, train = [], scan_studies._train

    def counted(variant, scans, seed):
        calls.append((variant.label, seed))
        return train(variant, scans, seed)

    monkeypatch.setattr(scan_studies, "_train", counted)

    def call(variants, seeds=1, **options):
        calls.clear()
        runs = run_scans(
            variants,
            seeds=seeds,
            runs=RunStore(tmp_path / "runs", ScanRun),
            load=lambda studies, seed: load_scans(scan_folder, studies=studies, seed=seed),
            **options,
        )
        return [kept.result for kept in runs], list(calls)

    return call


def test_a_detector_is_trained_once_and_kept_with_every_score(trained):
    variants = [ScanVariant("whole", TINY), ScanVariant("few", TINY, studies=12)]
    runs, calls = trained(variants)
    assert calls == [("whole", 0), ("few", 0)]
    assert [run.studies for run in runs] == [30, 12]
    for run in runs:
        lengths = {split: len(scores) for split, scores in run.scores.items()}
        assert lengths == {"val": 6, "test": 6, "elsewhere": 6}
        assert all(0 <= score <= 1 for score in run.scores["test"])
        assert len(run.places) == 2 and all(0 <= p < 24 for place in run.places for p in place)
        assert len(run.history.epochs) == 1
    again, calls = trained([replace(variants[0], label="another name")])
    assert not calls and again == [replace(runs[0], label="another name")]
    _, calls = trained([ScanVariant("silu", replace(TINY, activation="silu"))])
    assert calls == [("silu", 0)]
    assert trained([ScanVariant("tanh", replace(TINY, activation="tanh"))], train=False) == ([], [])


def test_every_seed_of_a_small_training_set_has_its_own_patients(scan_folder, tmp_path, monkeypatch):
    """All studies are the same for every seed; of fewer, the seed decides whose."""
    seen = {}

    def watched(variant, scans, seed):
        seen[variant.label, seed] = scans.train.files
        return ScanRun(variant.label, seed, 12, 1.0, 5, {}, 6, {}, [])

    monkeypatch.setattr(scan_studies, "load_scans", partial(load_scans, scan_folder))
    monkeypatch.setattr(scan_studies, "_decoded", scan_studies._decoded.__wrapped__)
    monkeypatch.setattr(scan_studies, "_train", watched)
    run_scans(
        [ScanVariant("whole", TINY), ScanVariant("few", TINY, studies=12)],
        seeds=3,
        runs=RunStore(tmp_path, ScanRun),
    )
    assert [len(files) for files in seen.values()] == [30, 12] * 3
    assert len({seen["whole", seed] for seed in range(3)}) == 1
    assert len({seen["few", seed] for seed in range(3)}) == 3


ARCHITECTURES = {
    "8 layers": SMALL,
    "ResNet-10": ResNetConfig((1, 1, 1, 1), width=16, in_channels=1),
    "bottleneck": ResNetConfig((1, 1), "bottleneck", width=16, in_channels=1),
    "GELU": ResNetConfig((1, 1), activation="gelu", width=16, in_channels=1),
    "small stem": ResNetConfig((1, 1), width=16, in_channels=1, stem="small"),
    "MobileNetV2": "mobilenet_v2",
    "DenseNet": "densenet121",
    "Lite0": "efficientnet_lite0",
}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_architectures_train_through_one_call_each(trained, name):
    run = trained([ScanVariant(name, ARCHITECTURES[name], studies=6)])[0][0]
    assert run.trainable_parameters > 0 and len(run.scores["test"]) == 6
    assert 0 < run.history.epochs[0].train_loss < 100


def test_the_leak_is_judged_on_its_exam_alone(trained, scan_folder):
    runs, _ = trained([ScanVariant(exam, TINY, exam=exam) for exam in ("strangers", "acquaintances")])
    for run in runs:
        assert {name: len(scores) for name, scores in run.scores.items()} == {"exam": 5, "val": 6}
        assert run.exam_labels == leak_trial(load_scans(scan_folder), seed=0)[0].labels.tolist()
        assert not run.places


def test_borrowed_and_own_weights_of_one_architecture_take_one_channel(scan_folder):
    scans = load_scans(scan_folder)
    borrowed, own = (
        ScanVariant("", "efficientnet_lite0", pretrained).build(seed=0) for pretrained in (True, False)
    )
    for model in (borrowed, own):
        assert all(parameter.requires_grad for parameter in model.parameters())
        assert ill_scores(model, scans.test).shape == (6,)
    assert sum(p.numel() for p in borrowed.parameters()) == sum(p.numel() for p in own.parameters())
    assert not torch.equal(borrowed.conv_head.weight, own.conv_head.weight)


def test_the_planted_leak(scan_folder):
    scans = load_scans(scan_folder)
    exam, sets = leak_trial(scans, seed=3)
    people = {name: set(scans.notes_of(part).patient) for name, part in {"exam": exam, **sets}.items()}
    assert len(exam) == len(people["exam"]) == 5
    assert not people["strangers"] & people["exam"]
    assert people["exam"] == people["acquaintances"]
    assert len(sets["strangers"]) == len(sets["acquaintances"]) == 10
    assert len(people["strangers"]) == len(people["acquaintances"]), "as many people to learn from"
    assert not set(exam.files) & set(sets["acquaintances"].files), "a picture of the exam is not in training"
    for part in (*sets.values(), exam):
        assert len(set(part.files)) == len(part)
    assert leak_trial(scans, seed=4)[0].files != exam.files


def test_evidence_lies_in_the_stored_picture(scan_folder):
    scans = load_scans(scan_folder)
    model = build_definition(TINY, 2, seed=0).train()
    places = ill_places(model, ill_studies(scans.test))
    assert places.shape == (2, 2) and places.max() < 24


def test_saved_studies_are_read_again(tmp_path):
    epochs = {name: [1.0] for name in ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "lr")}
    run = ScanRun("a", 0, 10, 1.0, 5, epochs, 6, {"test": [0.5]}, [[1, 2]])
    save_studies({"x": [Kept(run, Provenance.here())]}, tmp_path / "scans.json")
    assert read_study_of(ScanRun, "x", tmp_path / "scans.json") == [run]


def test_the_design_is_a_factorial_and_sizes_share_a_corner(monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "standard")
    studies = scan_variants()
    shapes = [variant.model for variant in studies["shape"]]
    crossed = {(shape.depth, shape.activation) for shape in shapes if shape.activation != "tanh"}
    assert len(crossed) == 6 == len({d for d, _ in crossed}) * len({a for _, a in crossed})
    assert len({variant.label for variant in studies["shape"]}) == 7
    assert SMALL in shapes
    assert any(v.model == SMALL and v.studies is None for v in studies["size"])
    for variants in studies.values():
        for variant in variants:
            looks = variant.recipe(variant.studies or 1178).epochs * (variant.studies or 1178)
            assert looks <= 24_000


def test_bundled_studies_are_of_today_s_variants(monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "standard")
    for name, variants in scan_variants().items():
        runs = published(name)
        found = {(run.label, run.studies) for run in runs if run.seed == 0}
        if name == "leak":
            assert {label for label, _ in found} == {variant.label for variant in variants}
        else:
            assert found == {(variant.label, variant.studies or 1178) for variant in variants}


@pytest.mark.parametrize("study", ["shape", "size", "leak"])
def test_every_published_run_is_a_kept_run(study):
    files = (paths.results_dir() / "runs").glob("scans-*.json")
    kept = [json.loads(file.read_text(encoding="utf-8"))["result"] for file in files]
    said_by_the_variant = {"label": "", "layers": 0, "activation": "", "precision": "", "exam_labels": []}
    kept = [asdict(ScanRun(**run)) | said_by_the_variant for run in kept]
    assert all(asdict(run) | said_by_the_variant in kept for run in published(study))


class Always(nn.Module):
    """Finds so much evidence for either answer, whatever it sees."""

    def __init__(self, healthy: float, ill: float) -> None:
        super().__init__()
        self.answer = nn.Parameter(torch.tensor([healthy, ill]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 1, H, W) to (N, 2)."""
        return self.answer.expand(len(x), 2)


def test_a_score_is_the_belief_in_illness(scan_folder):
    scores = ill_scores(Always(0.0, math.log(3)), load_scans(scan_folder).test)
    assert scores.tolist() == pytest.approx([0.75] * 6)


def test_places_are_where_more_speaks_for_illness_than_against(scan_folder, monkeypatch):
    maps = torch.zeros(2, 2, 4, 4)
    maps[:, 1, 0, 3], maps[:, 0, 3, 0] = 5.0, 9.0
    monkeypatch.setattr(scan_runs, "evidence_maps", lambda model, pictures: maps[: len(pictures)])
    places = ill_places(nn.Identity(), ill_studies(load_scans(scan_folder).test))
    assert all(row < 6 and column >= 18 for row, column in places.tolist())


@pytest.mark.parametrize(
    ("variant", "studies", "epochs"),
    [
        (ScanVariant("", TINY), 30, 8),
        (ScanVariant("", TINY, studies=12), 12, 20),
        (ScanVariant("", TINY, exam="strangers"), 10, 24),
    ],
    ids=["all", "few", "leak"],
)
def test_a_run_has_the_epochs_of_its_own_training_set(scan_folder, monkeypatch, variant, studies, epochs):
    """By hand: 240 looks."""

    def watched(model, train, *, val, recipe, seed, keep):
        assert (len(train), recipe.epochs, keep) == (studies, epochs, "last")
        raise KeyboardInterrupt

    monkeypatch.setenv("COURSE_PROFILE", "standard")
    monkeypatch.setattr(scan_variants_module, "SMALL_LOOKS", 240)
    monkeypatch.setattr(scan_studies, "fit", watched)
    with pytest.raises(KeyboardInterrupt):
        scan_studies._train(variant, load_scans(scan_folder, studies=variant.studies), 0)


def test_epochs_follow_from_the_number_of_studies(monkeypatch):
    """By hand: 24,000 looks of the small network, 60 epochs at most; 9,600 and 30 of the large one."""
    monkeypatch.setenv("COURSE_PROFILE", "standard")
    small, large = ScanVariant("", TINY), ScanVariant("", "efficientnet_lite0", pretrained=True)
    assert [small.recipe(n).epochs for n in (150, 400, 1178, 10**6)] == [60, 60, 20, 1]
    assert [large.recipe(n).epochs for n in (150, 400, 1178, 10**6)] == [30, 24, 8, 1]
