"""Tables on detectors: what they say of runs whose every score is known."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image

from course_utils.data import load_scan_mask, load_scans
from course_utils.experiments import scan_tables
from course_utils.experiments.scan_runs import ScanRun, ill_studies, leak_trial
from course_utils.experiments.scan_tables import (
    anomaly_table,
    detector_frame,
    detector_table,
    effect_in_words,
    effect_table,
    leak_frame,
    pointing_table,
    twins,
)


@pytest.fixture(scope="module")
def scans():
    return load_scans(studies=60)


def run(scans, label="8 layers, relu", seed=0, *, noise=0.0, places=None, **changes) -> ScanRun:
    """A detector that knows the truth, but for some noise."""
    generator = torch.Generator().manual_seed(seed)
    scores = {}
    for images in (scans.val, scans.test, scans.elsewhere):
        noisy = images.labels * 4 - 2 + noise * torch.randn(len(images), generator=generator)
        scores[images.split] = torch.sigmoid(noisy).tolist()
    epochs = {name: [1.0] for name in ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "lr")}
    given = {"studies": 1178, "seconds": 60.0, "trainable_parameters": 10, "epochs": epochs, "n_val": 5}
    places = places or [[0, 0]] * len(ill_studies(scans.test))
    return ScanRun(label=label, seed=seed, scores=scores, places=places, **given | changes)


def test_a_perfect_detector_and_a_noisy_one(scans):
    frame = detector_frame([run(scans), run(scans, "noisy", noise=8.0)], scans)
    assert tuple(frame.loc[0, ["AUROC", "sensitivity", "AUROC elsewhere"]]) == (1, 1, 1)
    assert 0.5 < frame.loc[1, "AUROC"] < 0.9 and frame.loc[1, "sensitivity"] < 0.7


def test_the_table_averages_over_seeds_and_keeps_the_order(scans, monkeypatch):
    monkeypatch.setattr(scan_tables, "DRAWS", 20)
    runs = [run(scans, "z", seed, noise=6.0) for seed in (0, 1)] + [run(scans, "a")]
    table = detector_table(runs, scans)
    assert list(table.index) == [("z", 1178), ("a", 1178)]
    assert table.loc[("a", 1178), "AUROC"] == "1.000 (1.000-1.000)"
    mean = detector_frame(runs[:2], scans).AUROC
    assert table.loc[("z", 1178), "AUROC"].startswith(f"{mean.mean():.3f} (")
    assert table.loc[("z", 1178), "seeds"] == f"{mean.min():.3f}-{mean.max():.3f} (2)"


def test_each_scanner_has_its_own_studies(scans):
    upside_down = run(scans)
    upside_down.scores["elsewhere"] = [1 - score for score in upside_down.scores["elsewhere"]]
    assert tuple(detector_frame([upside_down], scans).loc[0, ["AUROC", "AUROC elsewhere"]]) == (1, 0)


def test_the_interval_is_that_of_the_mean_over_seeds(scans, monkeypatch):
    """One network knows everything and one the opposite: half on average, whoever is drawn."""
    monkeypatch.setattr(scan_tables, "DRAWS", 20)
    wise, fool = run(scans, seed=0), run(scans, seed=1)
    fool.scores["test"] = [1 - score for score in fool.scores["test"]]
    assert detector_table([wise, fool], scans).AUROC.item() == "0.500 (0.500-0.500)"


def test_each_anomaly_is_compared_with_all_healthy_studies(scans):
    blind = run(scans)
    nodules = (scans.notes_of(scans.test).anomaly == "nodule").to_numpy()
    blind.scores["test"] = np.where(nodules, 0.0, blind.scores["test"]).tolist()
    table = anomaly_table([blind], scans)
    assert table.loc[blind.label, "nodule"] == 0
    assert table.loc[blind.label, "effusion"] == 1


def test_pointing_at_masks_hits_and_a_corner_does_not(scans):
    inside = []
    for file in ill_studies(scans.test).files:
        rows, columns = np.nonzero(load_scan_mask(file).numpy())
        inside.append([int(rows[0]), int(columns[0])])
    table = pointing_table([run(scans, "sees", places=inside), run(scans, "corner")], scans)
    assert table.loc["sees", "hits"] == "100% (100%-100%)"
    assert table.loc["corner", "hits"] == "0% (0%-0%)"
    assert list(table.index) == ["sees", "corner", "one fixed point"]
    assert "cardiomegaly" not in table.columns
    fixed = int(table.loc["one fixed point", "hits"].partition("%")[0])
    assert 0 < fixed < 60


def test_a_near_miss_counts_within_the_tolerance(scans):
    near = []
    for file in ill_studies(scans.test).files:
        rows, columns = np.nonzero(load_scan_mask(file).numpy())
        near.append([max(int(rows.min()) - 5, 0), int(columns[rows.argmin()])])
    runs = [run(scans, "near", places=near)]
    assert pointing_table(runs, scans, tolerance=8).loc["near", "hits"].startswith("100%")
    assert not pointing_table(runs, scans, tolerance=2).loc["near", "hits"].startswith("100%")


def test_twins_differ_in_one_thing():
    values = {(8, "relu"): ["a", "b"], (8, "silu"): ["c", "d"], (10, "relu"): ["e"], (10, "tanh"): ["f"]}
    assert twins(values, "relu", "silu") == [("a", "c"), ("b", "d")]
    assert twins(values, "relu", "tanh") == [("e", "f")]
    assert twins(values, 8, 10) == [("a", "e")]
    assert twins(values, 8, 18) == []


def test_effects_come_with_both_intervals(scans, monkeypatch):
    monkeypatch.setattr(scan_tables, "DRAWS", 50)
    relu, silu, deeper = "8 layers, relu", "8 layers, silu", "10 layers, relu"
    noise = {relu: 5.0, silu: 3.0, deeper: 5.0}
    shapes = {relu: (8, "relu"), silu: (8, "silu"), deeper: (10, "relu")}
    runs = [
        replace(run(scans, label, seed, noise=noise[label]), layers=layers, activation=activation)
        for seed in (2, 0, 1)
        for label, (layers, activation) in shapes.items()
    ]
    table = effect_table(runs, scans, {"silu": ("relu", "silu"), "deeper": (8, 10), "tanh": ("relu", "tanh")})
    assert list(table.index) == [("silu", 1178), ("deeper", 1178)], "what has no twins has no row"
    assert list(table.pairs) == [3, 3]

    told_by_no_text = [replace(run, label=f"network {run.layers}{run.activation}") for run in runs]
    assert effect_table(told_by_no_text, scans, {"silu": ("relu", "silu")}).equals(table.loc[["silu"]])

    frame = detector_frame(runs, scans).pivot(index="seed", columns="model", values="AUROC")
    gain = (frame[silu] - frame[relu]).mean()
    assert table.loc[("silu", 1178), "gain"] == f"{gain:+.3f}"
    low, high = (float(end) for end in table.loc[("silu", 1178), "over patients"].split(" to "))
    assert 0 < low < gain < high
    # Equal scores on equal patients: no draw of patients tells these networks apart.
    assert table.loc[("deeper", 1178), "over patients"] == "+0.000 to +0.000"


def test_twins_share_a_seed_in_whatever_order_they_come(scans, monkeypatch):
    """Out of step the mean gain would be the same, and its interval over seeds another."""
    monkeypatch.setattr(scan_tables, "DRAWS", 2)
    own, lent = (
        [run(scans, label, seed, noise=noise * (2 + seed)) for seed in (0, 1, 2)]
        for label, noise in (("own", 3.0), ("lent", 2.0))
    )
    question = {"lent for own": ("own", "lent")}
    table = effect_table(own + lent[1:] + lent[:1], scans, question)
    assert table.equals(effect_table(own + lent, scans, question))


def test_effects_are_told_by_size_of_the_training_set(scans, monkeypatch):
    monkeypatch.setattr(scan_tables, "DRAWS", 5)
    runs = [
        run(scans, label, noise=noise, studies=studies)
        for studies in (1178, 150)
        for label, noise in (("own", 8.0), ("lent", 4.0))
    ]
    table = effect_table(runs, scans, {"lent for own": ("own", "lent")})
    assert list(table.index) == [("lent for own", 150), ("lent for own", 1178)]
    assert list(table["over seeds"]) == ["too few", "too few"]


def test_an_effect_has_an_interval_or_says_why_not():
    assert effect_in_words([]) == "not measured yet"
    assert effect_in_words([0.1]) == "+0.100 (1 pair: too few for an interval)"
    # By hand: t of 2 degrees of freedom is 4.303; the standard deviation is .1, the standard error .1 / sqrt(3).
    assert effect_in_words([-0.1, 0.0, 0.1]) == "+0.000, 95% interval -0.248 to +0.248 (3 pairs)"


def test_a_leak_s_scores_are_judged_by_the_exam_of_their_own_seed(scan_folder, monkeypatch):
    scans = load_scans(scan_folder)
    monkeypatch.setattr(scan_tables, "load_scans", lambda: scans)
    labels = {seed: leak_trial(scans, seed=seed)[0].labels.tolist() for seed in range(8)}
    seeds = [seed for seed in labels if 0 < sum(labels[seed]) < 5]
    assert len({tuple(labels[seed]) for seed in seeds}) > 1, "else one exam would serve them all"
    wrong = [1.0 - label for label in scans.val.labels.tolist()]
    runs = [
        replace(run(scans, str(seed), seed), scores={"exam": [float(k) for k in labels[seed]], "val": wrong})
        for seed in seeds
    ]
    frame = leak_frame(runs)
    assert list(frame.seed) == seeds and list(frame.split) == [str(seed) for seed in seeds]
    assert set(frame.AUROC) == {1.0} and set(frame["AUROC on val"]) == {0.0}


@pytest.mark.parametrize(("train", "test", "hits"), [((0, 0), (16, 16), "0%"), ((16, 16), (16, 16), "100%")])
def test_the_fixed_point_is_where_the_anomalies_of_train_were(scan_folder, monkeypatch, train, test, hits):
    """The anomalies of test lie elsewhere, or in the same place."""
    for split, (row, column) in {"train": train, "test": test}.items():
        mask = np.zeros((24, 24), bool)
        mask[row : row + 4, column : column + 4] = True
        for file in (scan_folder / "masks" / split).iterdir():
            Image.fromarray(mask).save(file)
    monkeypatch.setattr(scan_tables, "load_scan_mask", partial(load_scan_mask, folder=scan_folder))
    monkeypatch.setattr(scan_tables, "LOCAL", ("nodule",))
    monkeypatch.setattr(scan_tables, "DRAWS", 5)
    scans = load_scans(scan_folder)
    table = pointing_table([run(scans)], scans, tolerance=4)
    assert table.loc["one fixed point", "nodule"] == hits
    assert table.loc["one fixed point", "hits"] == f"{hits} ({hits}-{hits})"
