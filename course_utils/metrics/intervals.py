"""How sure a number is: 95% intervals over pictures, over patients, and over pairs of trainings."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import torch
from scipy.stats import binomtest
from torch import Tensor

from course_utils.errors import CourseError


def accuracy_interval(accuracy: float, n: int) -> tuple[float, float]:
    """Wilson's 95% interval for an accuracy measured on ``n`` pictures.

    It says how far the number could move with another draw of test pictures. It knows nothing of seeds.
    """
    found = binomtest(round(accuracy * n), n).proportion_ci(method="wilson")
    return float(found.low), float(found.high)


def patient_interval(
    measure: Callable[[Tensor, Tensor], float],
    scores: Tensor,
    labels: Tensor,
    *,
    patients: Sequence[str],
    draws: int = 500,
    seed: int = 0,
) -> tuple[float, float]:
    """95% interval of a measure for another draw of patients. It knows nothing of the seeds of a training.

    Args:
        measure: Of scores and labels (N,), such as :func:`~course_utils.metrics.binary.auroc`.
        scores: float (N,), 0 to 1; or (runs, N) of several trainings, whose mean is meant.
        labels: int64 (N,), 1 for ill.
        patients: Whose study each is.
        draws: How many samples; one without anybody ill, or healthy, is drawn again.
        seed: Decides the draws.

    Raises:
        CourseError: What the measure refuses, or another number of patients than of scores.
    """
    runs = scores if scores.ndim == 2 else scores[None]
    for run in runs:
        measure(run, labels)  # says now what is wrong with them
    if len(patients) != len(labels):
        raise CourseError(
            f"There are {len(patients)} patients for {len(labels)} scores; expected one for each."
        )

    def measured(rows: Tensor) -> float:
        both = 0 < labels[rows].sum() < len(rows)
        return float(np.mean([measure(run[rows], labels[rows]) for run in runs])) if both else math.nan

    return interval_over_patients(measured, patients, draws=draws, seed=seed)


def interval_over_patients(
    statistic: Callable[[Tensor], float], patients: Sequence[str], *, draws: int = 500, seed: int = 0
) -> tuple[float, float]:
    """95% interval of anything that studies come to, for another draw of patients (percentile bootstrap).

    Studies of one patient resemble each other, so whole patients are drawn, with replacement; drawing studies would make
    the interval too narrow.

    Args:
        statistic: Gets the rows (int64) of the studies that were drawn; nan asks for another draw.
        patients: Whose study each row is.
        draws: How many.
        seed: Decides them.
    """
    studies = list(pd.Series(range(len(patients))).groupby(np.asarray(patients)).indices.values())
    generator, found = np.random.default_rng(seed), []
    while len(found) < draws:
        drawn = np.concatenate([studies[k] for k in generator.integers(0, len(studies), len(studies))])
        value = statistic(torch.from_numpy(drawn))
        if not math.isnan(value):
            found.append(value)
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)
