"""What one change did to detectors on the scans, with what other seeds and other patients would have changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from scipy.stats import rankdata, ttest_1samp

from course_utils.errors import CourseError

DRAWS = 200
SHAPE = ("layers", "activation")
Interval = tuple[float, float]


def effect_table(
    runs: pd.DataFrame,
    notes: pd.DataFrame,
    questions: Mapping[str, tuple[str, object, object]],
    *,
    split: str,
    rule: Callable[[Interval, Interval], str],
) -> pd.DataFrame:
    """What one change does to the AUROC: means over pairs of runs that share all else, with both kinds of 95% interval.

    Args:
        runs: One row a run, as results/scans.json has them: ``label``, ``layers``, ``activation``, ``studies``, ``seed`` and
            ``scores``, by split.
        notes: One row a study, as data/scans/studies.csv has them: ``split``, ``patient`` and ``anomaly``, in its order.
        questions: By what to call it: the column of ``runs`` that is changed, from which value, into which.
        split: Whose studies are scored.
        rule: Says what may be claimed, of the intervals over seeds and over patients.

    Returns:
        One row a question and size of training set: the mean ``gain``; the intervals, as text, ``over seeds`` (Student's t
        over the pairs: what other seeds would change on these patients) and ``over patients`` (a bootstrap: what other
        patients would change with these networks); the number of ``pairs``; what the rule claims. One pair has no interval
        over seeds: nan.

    Raises:
        CourseError: Nobody of the split is ill, or everybody; the runs scored another number of studies; or no question has
            a pair of runs.
    """
    studies = notes[notes.split == split]
    ill = (studies.anomaly != "").to_numpy()
    if not 0 < ill.sum() < len(ill) or any(len(scores[split]) != len(ill) for scores in runs.scores):
        raise CourseError(
            f"{split} has {len(ill)} studies, {ill.sum()} of them ill; expected ill and healthy ones, as many as each run "
            "has scores for. Pass the whole table of studies."
        )
    scored = runs.assign(scores=[np.array(scores[split]) for scores in runs.scores])
    rows = {}
    for question, (column, first, second) in questions.items():
        alike = ["studies", "seed", *(name for name in SHAPE if column in SHAPE and name != column)]
        sides = [scored[scored[column] == value].set_index(alike).scores for value in (first, second)]
        pairs = pd.concat(sides, axis=1, join="inner", keys=["first", "second"])
        for size, group in pairs.groupby("studies"):
            before, after = np.stack(group["first"]), np.stack(group["second"])
            rows[question, size] = _row(before, after, ill, studies.patient, rule)
    if not rows:
        raise CourseError(
            f"There is no pair of runs for {', '.join(questions)}. Each question names a column and two values of it; there "
            f"are the layers {_values(runs.layers)}, the activations {_values(runs.activation)} and the labels "
            f"{_values(runs.label)}."
        )
    columns = ["gain", "over seeds", "over patients", "pairs", "claim"]
    index = pd.MultiIndex.from_tuples(rows, names=["change", "studies"])
    return pd.DataFrame(rows.values(), index=index, columns=columns)


def _row(
    before: np.ndarray,
    after: np.ndarray,
    ill: np.ndarray,
    patients: pd.Series,
    rule: Callable[[Interval, Interval], str],
) -> list[object]:
    """A line of the table, of the scores (pairs, studies) of both sides."""

    def gains(rows: np.ndarray) -> np.ndarray:
        return areas(after[:, rows], ill[rows]) - areas(before[:, rows], ill[rows])

    found = gains(np.arange(len(ill)))
    seeds = ttest_1samp(found, 0).confidence_interval() if len(found) > 1 else (np.nan, np.nan)
    ends = _rounded(seeds), _rounded(over_patients(lambda rows: gains(rows).mean(), patients))
    shown = [f"{low:+.3f} to {high:+.3f}" for low, high in ends]
    return [f"{found.mean():+.3f}", *shown, len(found), rule(*ends)]


def _values(column: pd.Series) -> str:
    return ", ".join(map(repr, sorted(set(column))))


def areas(scores: np.ndarray, ill: np.ndarray) -> np.ndarray:
    """AUROC of each row of scores (runs, studies), from the ranks of the ill; nan where nobody is ill, or everybody."""
    number = ill.sum()
    pairs = number * (len(ill) - number)
    if not pairs:
        return np.full(len(scores), np.nan)
    return (rankdata(scores, axis=1)[:, ill].sum(1) - number * (number + 1) / 2) / pairs


def over_patients(measure: Callable[[np.ndarray], float], patients: pd.Series) -> Interval:
    """95% interval of a measure of some rows for another draw of patients (percentile bootstrap).

    Studies of one patient resemble each other, so whole patients are drawn, with replacement; drawing studies would make
    the interval too narrow. A draw without anybody ill, or healthy, has no measure (nan) and does not count.

    Args:
        measure: Gets the rows of the studies that were drawn.
        patients: Whose study each row is.
    """
    rows = list(patients.groupby(patients.to_numpy()).indices.values())
    generator = np.random.default_rng(0)
    draws = (generator.integers(0, len(rows), len(rows)) for _ in range(DRAWS))
    found = [measure(np.concatenate([rows[k] for k in drawn])) for drawn in draws]
    low, high = np.nanquantile(found, [0.025, 0.975])
    return float(low), float(high)


def _rounded(ends: Interval) -> Interval:
    low, high = ends
    return round(float(low), 3), round(float(high), 3)
