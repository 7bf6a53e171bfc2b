"""Loss and accuracy as means over pictures, never over batches: a ragged last batch counts for what it holds."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from course_utils.errors import CourseError

NO_PICTURES = "The loader gave no pictures: check the split, or that batch_size is not too large."


@dataclass(frozen=True)
class Metrics:
    """Loss and accuracy over ``n`` pictures."""

    loss: float
    accuracy: float
    n: int

    def __str__(self) -> str:
        return f"loss {self.loss:.3f}, accuracy {self.accuracy:.1%} of {self.n} pictures"


class MetricSums:
    """Sums of loss and correct answers, weighted by pictures."""

    def __init__(self) -> None:
        self._sums = torch.zeros(2, dtype=torch.float64)
        self._n = 0

    def add(self, rows: Tensor) -> None:
        """Add pictures: (N, 2), the loss of each and whether it was named correctly."""
        self._sums += rows.cpu().double().sum(0)
        self._n += len(rows)

    def metrics(self) -> Metrics:
        """The means so far."""
        if not self._n:
            raise CourseError(NO_PICTURES)
        loss, accuracy = (self._sums / self._n).tolist()
        return Metrics(loss, accuracy, self._n)


def correct(logits: Tensor, labels: Tensor) -> Tensor:
    """Which pictures are named rightly, bool (N,): logits (N, classes), labels (N,) or, blended, (N, classes)."""
    return logits.argmax(1) == (labels if labels.ndim == 1 else labels.argmax(1))


def rows_of(losses: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
    """What :class:`MetricSums` adds, (N, 2): losses (N,), and whether each picture is named rightly."""
    return torch.stack([losses.detach().float(), correct(logits, labels).float()], dim=1)


def metrics_of(logits: Tensor, labels: Tensor) -> Metrics:
    """Plain cross-entropy and accuracy of logits (N, classes) against labels (N,)."""
    loss = F.cross_entropy(logits.double(), labels).item()
    return Metrics(loss, correct(logits, labels).double().mean().item(), len(labels))


def confusion_counts(predicted: Tensor, labels: Tensor, classes: int) -> list[list[int]]:
    """How many pictures of each class (rows) were given each name (columns).

    Args:
        predicted: int64 (N,).
        labels: int64 (N,).
        classes: Number of classes.
    """
    return torch.bincount(labels * classes + predicted, minlength=classes**2).view(classes, classes).tolist()
