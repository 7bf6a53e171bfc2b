"""Effects of one change: what the table says of runs whose every score is known."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from course_utils.errors import CourseError
from course_utils.lessons.a_new_domain import effects
from course_utils.lessons.a_new_domain.effects import areas, effect_table, over_patients

NOTES = pd.DataFrame(
    [
        (split, f"{split}{k // 3}", "nodule" if k % 4 == 1 else "")
        for split in ("val", "test")
        for k in range(60)
    ],
    columns=["split", "patient", "anomaly"],
)
ILL = (NOTES[NOTES.split == "test"].anomaly != "").to_numpy()


def run(label="8 layers, relu", seed=0, *, layers=8, activation="relu", noise=2.0, studies=1178) -> dict:
    """A detector that knows the truth, but for some noise."""
    generator = np.random.default_rng((seed, int(10 * noise)))
    scores = {split: (ILL + noise * generator.normal(size=60)).tolist() for split in ("val", "test")}
    return {
        "label": label,
        "seed": seed,
        "layers": layers,
        "activation": activation,
        "studies": studies,
        "scores": scores,
    }


def table_of(runs: list[dict], questions: dict, split: str = "test") -> pd.DataFrame:
    return effect_table(pd.DataFrame(runs), NOTES, questions, split=split, rule=lambda *ends: f"by {ends}")


SILU = {"silu": ("activation", "relu", "silu")}


def test_areas_are_scikit_learn_s_with_ties_and_for_each_run():
    scores = np.random.default_rng(0).integers(0, 9, (3, 60))
    assert areas(scores, ILL) == pytest.approx([roc_auc_score(ILL, row) for row in scores])
    assert np.isnan(areas(scores, np.zeros(60, bool))).all()


def test_a_gain_has_the_mean_of_its_pairs_and_student_s_interval_over_them():
    runs = [
        run(seed=seed, activation=name, noise=noise)
        for seed in (0, 1, 2)
        for name, noise in (("relu", 3.0), ("silu", 1.0))
    ]
    area = {(r["activation"], r["seed"]): roc_auc_score(ILL, r["scores"]["test"]) for r in runs}
    gains = [area["silu", seed] - area["relu", seed] for seed in (0, 1, 2)]
    # By hand: t of 2 degrees of freedom is 4.303.
    mean, reach = np.mean(gains), 4.303 * np.std(gains, ddof=1) / math.sqrt(3)
    (row,) = table_of(runs[::-1], SILU).itertuples(index=False, name=None)
    gain, seeds, patients, pairs, claim = row
    seeds, patients = (tuple(map(float, ends.split(" to "))) for ends in (seeds, patients))
    assert (float(gain), pairs) == (pytest.approx(mean, abs=6e-4), 3)
    assert seeds == (pytest.approx(mean - reach, abs=2e-3), pytest.approx(mean + reach, abs=2e-3))
    assert patients[0] < float(gain) < patients[1]
    assert claim == f"by {(seeds, patients)}"


def test_each_split_has_its_own_scores():
    runs = [run(noise=2.0), run(activation="silu", noise=2.0)]
    runs[1]["scores"]["val"] = (-np.array(runs[0]["scores"]["val"])).tolist()
    runs[1]["scores"]["test"] = runs[0]["scores"]["test"]
    assert float(table_of(runs, SILU).gain.item()) == 0
    assert float(table_of(runs, SILU, "val").gain.item()) != 0


def test_pairs_share_all_but_what_is_asked_about():
    runs = [
        run(layers=layers, activation=activation, seed=seed, noise=0.5 + layers / 10 + (activation == "silu"))
        for layers in (8, 10)
        for activation in ("relu", "silu")
        for seed in (0, 1)
    ]
    runs.append(run(layers=10, activation="tanh", seed=0))
    questions = SILU | {
        "tanh": ("activation", "relu", "tanh"),
        "deeper": ("layers", 8, 10),
        "never trained": ("layers", 8, 18),
    }
    table = table_of(runs, questions)
    assert list(table.index) == [("silu", 1178), ("tanh", 1178), ("deeper", 1178)]
    assert list(table.pairs) == [4, 1, 4]
    assert table.loc[("tanh", 1178), "over seeds"] == "+nan to +nan", "one pair says nothing about seeds"


def test_effects_are_told_by_size_of_the_training_set():
    runs = [
        run(label, noise=noise, studies=size)
        for size in (1178, 150)
        for label, noise in (("own", 8.0), ("lent", 1.0))
    ]
    table = table_of(runs, {"lent for own": ("label", "own", "lent")})
    assert list(table.index) == [("lent for own", 150), ("lent for own", 1178)]


def test_whole_patients_are_drawn():
    """Three equal studies of each patient tell no more than one."""
    values = np.repeat(np.random.default_rng(0).normal(size=50), 3)
    people, strangers = (pd.Series([str(k // n) for k in range(150)]) for n in (3, 1))

    def width(patients):
        low, high = over_patients(lambda rows: values[rows].mean(), patients)
        return high - low

    assert width(people) > 1.4 * width(strangers)


def test_an_interval_over_patients_is_one_of_95_percent(monkeypatch):
    """By hand: the mean of 0 to 99 has a standard error of 2.887, and 95% lie within 1.96 of them, 5.66."""
    monkeypatch.setattr(effects, "DRAWS", 4000)
    low, high = over_patients(lambda rows: rows.mean(), pd.Series([str(k) for k in range(100)]))
    assert (low, high) == (pytest.approx(49.5 - 5.66, abs=0.4), pytest.approx(49.5 + 5.66, abs=0.4))


def test_a_draw_without_anybody_ill_does_not_count():
    low, high = over_patients(lambda rows: np.nan if 0 not in rows else 0.5, pd.Series(list("abcdef")))
    assert (low, high) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("notes", "says"),
    [
        (NOTES[NOTES.anomaly == ""], r"test has 45 studies, 0 of them ill"),
        (
            NOTES.iloc[:-1],
            r"test has 59 studies, 15 of them ill; expected .* as many as each run has scores for",
        ),
    ],
)
def test_other_studies_than_those_of_the_scores_are_refused(notes, says):
    with pytest.raises(CourseError, match=says):
        effect_table(pd.DataFrame([run(), run(activation="silu")]), notes, SILU, split="test", rule=str)


def test_questions_that_no_runs_answer_say_what_there_is():
    with pytest.raises(
        CourseError, match=r"no pair of runs for deep\..* layers 8, 10, .* activations 'relu'"
    ):
        table_of([run(), run(layers=10)], {"deep": ("layers", 8, 34)})
