"""How well a score tells the ill from the healthy: what is found, what is missed, and how sure that is.

The curves and areas are TorchMetrics'; what is added here are thresholds that are chosen on one set and judged on another,
and intervals that draw patients instead of pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor
from torchmetrics.functional import classification as measures

from course_utils.errors import CourseError
from course_utils.metrics.intervals import accuracy_interval

Measure = Callable[[Tensor, Tensor], float]
"""Of scores (N,) and labels (N,)."""


def auroc(scores: Tensor, labels: Tensor) -> float:
    """Chance that an ill study is scored higher than a healthy one: .5 is guessing, 1 is perfect.

    Args:
        scores: float (N,), 0 to 1; higher means more likely ill.
        labels: int64 (N,), 1 for ill.

    Raises:
        CourseError: Other shapes or values, or nobody ill or nobody healthy.
    """
    _check(scores, labels)
    return measures.binary_auroc(scores, labels).item()


def average_precision(scores: Tensor, labels: Tensor) -> float:
    """Mean precision over all levels of sensitivity, 0 to 1; guessing gets the share of the ill.

    Args and errors: as for :func:`auroc`.
    """
    _check(scores, labels)
    return measures.binary_average_precision(scores, labels).item()


def calibration_error(scores: Tensor, labels: Tensor, *, bins: int = 10) -> float:
    """How far scores lie from the share that is ill, on average: 0 means that a score is a probability.

    Studies are put into bins of equal width; what is averaged, weighted by studies, is the distance in each
    (Naeini et al. 2015). Args and errors: as for :func:`auroc`.
    """
    _check(scores, labels)
    return measures.binary_calibration_error(scores, labels, n_bins=bins, norm="l1").item()


def threshold_for(scores: Tensor, labels: Tensor, *, specificity: float = 0.95) -> float:
    """The lowest threshold that still clears so many of the healthy; choose it on val.

    Args:
        scores: float (N,), 0 to 1.
        labels: int64 (N,), 1 for ill.
        specificity: Share of the healthy that must be cleared, above 0, at most 1.

    Raises:
        CourseError: Other shapes or values, nobody ill or healthy, or a specificity that can't be.
    """
    _check(scores, labels)
    if not 0 < specificity <= 1:
        raise CourseError(f"specificity is {specificity!r}; expected a share above 0, at most 1.")
    healthy = scores[labels == 0].sort().values
    allowed = int(len(healthy) * (1 - specificity) + 1e-9)
    # Just above the highest score that must be cleared: equal scores stay on one side.
    return float(torch.nextafter(healthy[len(healthy) - 1 - allowed], torch.tensor(torch.inf)))


def sensitivity_at(scores: Tensor, labels: Tensor, *, specificity: float = 0.95) -> float:
    """Share of the ill that is found where so many of the healthy are cleared, 0 to 1.

    The threshold is chosen on these very studies, so that models can be compared at one rate of false alarms. A number for
    practice takes the threshold from val, see :func:`outcomes`. Args and errors: as for :func:`threshold_for`.
    """
    threshold = threshold_for(scores, labels, specificity=specificity)
    return outcomes(scores, labels, threshold=threshold).sensitivity


@dataclass(frozen=True)
class Outcomes:
    """What becomes of studies at one threshold.

    Attributes:
        found: Ill and called ill.
        missed: Ill and called healthy.
        false_alarms: Healthy and called ill.
        cleared: Healthy and called healthy.
    """

    found: int
    missed: int
    false_alarms: int
    cleared: int

    @property
    def total(self) -> int:
        """All studies."""
        return self.found + self.missed + self.false_alarms + self.cleared

    @property
    def accuracy(self) -> float:
        """Share that is called what it is, 0 to 1."""
        return (self.found + self.cleared) / self.total

    @property
    def sensitivity(self) -> float:
        """Share of the ill that is found, 0 to 1; nan where nobody is ill."""
        return _share(self.found, self.missed)

    @property
    def specificity(self) -> float:
        """Share of the healthy that is cleared, 0 to 1; nan where nobody is healthy."""
        return _share(self.cleared, self.false_alarms)

    @property
    def precision(self) -> float:
        """Share of the alarms that are right, 0 to 1; nan where there is none."""
        return _share(self.found, self.false_alarms)

    def precision_at(self, prevalence: float) -> float:
        """Share of the alarms that would be right if so many (a share, 0 to 1) were ill, at the same two rates."""
        right = self.sensitivity * prevalence
        return _share(right, (1 - self.specificity) * (1 - prevalence))

    def cost(self, *, missed: float, false_alarm: float = 1.0) -> float:
        """What the errors cost together, in the unit of the two prices."""
        return self.missed * missed + self.false_alarms * false_alarm

    def __str__(self) -> str:
        return (
            f"{self.found} found, {self.missed} missed, {self.false_alarms} false alarms, {self.cleared} cleared; "
            f"sensitivity {self.sensitivity:.1%}, specificity {self.specificity:.1%}"
        )


def _share(part: float, rest: float) -> float:
    return part / (part + rest) if part + rest else float("nan")


def outcomes(scores: Tensor, labels: Tensor, *, threshold: float) -> Outcomes:
    """Call ill what reaches the threshold, and count.

    Args:
        scores: float (N,), 0 to 1.
        labels: int64 (N,), 1 for ill.
        threshold: Lowest score of an alarm.

    Raises:
        CourseError: Other shapes or values.
    """
    _check(scores, labels, both=False)
    alarm, ill = scores >= threshold, labels == 1
    counts = (alarm & ill, ~alarm & ill, alarm & ~ill, ~alarm & ~ill)
    return Outcomes(*(int(part.sum()) for part in counts))


def roc_curve(scores: Tensor, labels: Tensor) -> pd.DataFrame:
    """One row a threshold, from strict to lax: ``threshold``, ``false alarms`` and ``sensitivity`` (shares).

    Args and errors: as for :func:`auroc`.
    """
    _check(scores, labels)
    false_alarms, sensitivity, thresholds = measures.binary_roc(scores, labels)
    columns = {"threshold": thresholds, "false alarms": false_alarms, "sensitivity": sensitivity}
    return pd.DataFrame({name: values.numpy() for name, values in columns.items()})


def precision_curve(scores: Tensor, labels: Tensor) -> pd.DataFrame:
    """One row a threshold, from lax to strict: ``sensitivity`` and ``precision`` (shares).

    Args and errors: as for :func:`auroc`.
    """
    _check(scores, labels)
    precision, sensitivity, _ = measures.binary_precision_recall_curve(scores, labels)
    return pd.DataFrame({"sensitivity": sensitivity.numpy(), "precision": precision.numpy()})


def calibration_table(scores: Tensor, labels: Tensor, *, bins: int = 10) -> pd.DataFrame:
    """Scores in bins of equal width: ``studies``, mean ``score``, and the share that is ``ill``. Empty bins are left out.

    ``low`` and ``high`` bound Wilson's 95% interval of that share. It takes studies as strangers to each other; where some
    are of one patient it is a little too narrow.

    Args and errors: as for :func:`auroc`.
    """
    _check(scores, labels)
    place = (scores * bins).long().clamp(max=bins - 1).numpy()
    frame = pd.DataFrame({"bin": place, "score": scores.double().numpy(), "ill": labels.numpy()})
    groups = frame.groupby("bin")
    table = pd.DataFrame({"studies": groups.size(), "score": groups.score.mean(), "ill": groups.ill.mean()})
    low, high = zip(*(accuracy_interval(row.ill, row.studies) for row in table.itertuples()), strict=True)
    return table.assign(low=low, high=high).reset_index(drop=True)


def _check(scores: Tensor, labels: Tensor, *, both: bool = True) -> None:
    if scores.ndim != 1 or scores.shape != labels.shape:
        raise CourseError(
            f"scores have shape {tuple(scores.shape)} and labels {tuple(labels.shape)}; expected (N,) and (N,)."
        )
    if not len(scores) or not ((scores >= 0) & (scores <= 1)).all():
        found = f"{scores.min():.3g} to {scores.max():.3g}" if len(scores) else "none"
        raise CourseError(
            f"scores are {found}; expected 0 to 1. Logits become scores with softmax or sigmoid."
        )
    strange = set(labels.unique().tolist()) - {0, 1}
    if strange or (both and len(labels.unique()) < 2):
        raise CourseError(
            f"labels are {sorted(labels.unique().tolist())}; expected 1 for ill and 0 for healthy, and some of each."
        )
