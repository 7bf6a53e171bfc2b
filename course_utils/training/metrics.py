"""Loss and accuracy as means over pictures, never over batches: a ragged last batch counts for what it holds."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

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


def rows_of(losses: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
    """What :class:`MetricSums` adds, (N, 2): losses (N,), logits (N, classes), labels (N,) or, blended, (N, classes)."""
    correct = logits.argmax(1) == (labels if labels.ndim == 1 else labels.argmax(1))
    return torch.stack([losses.detach().float(), correct.float()], dim=1)
