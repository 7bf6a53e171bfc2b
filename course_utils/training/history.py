"""What happened during a training run, epoch by epoch."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field

import pandas as pd

Columns = dict[str, list[float]]
"""For each quantity of an :class:`Epoch` but its number the values of all epochs, in order."""


@dataclass(frozen=True)
class Epoch:
    """One pass over the training pictures.

    Attributes:
        epoch: Counted from 1.
        train_loss: Mean over the training pictures as the model saw them, with augmentation and label
            smoothing, while it was learning.
        train_accuracy: The same for accuracy, 0 to 1.
        val_loss: Mean cross-entropy over val, after the epoch.
        val_accuracy: The same for accuracy, 0 to 1.
        lr: Learning rate of the head at the end of the epoch.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    lr: float


@dataclass
class History:
    """The epochs of a run.

    Attributes:
        epochs: In order.
        n_val: Pictures that val has; 0 where nobody said.
        seconds: Wall time of the whole run, evaluation on val included.
    """

    epochs: list[Epoch] = field(default_factory=list)
    seconds: float = 0.0
    n_val: int = 0

    @property
    def best(self) -> Epoch:
        """The epoch whose weights are kept: the latest that val can't tell from its best.

        That is, the latest within one standard error of the highest val accuracy. The highest itself is often
        a lucky early epoch when val is small, and training ends on its steadiest weights.
        """
        highest = max(epoch.val_accuracy for epoch in self.epochs)
        error = math.sqrt(highest * (1 - highest) / self.n_val) if self.n_val else 0.0
        return [epoch for epoch in self.epochs if epoch.val_accuracy >= highest - error][-1]

    def __str__(self) -> str:
        if not self.epochs:
            return "no epoch yet"
        return f"{self.seconds:.0f} s; val accuracy {self.best.val_accuracy:.1%} in epoch {self.best.epoch}"

    def frame(self) -> pd.DataFrame:
        """One row an epoch."""
        return pd.DataFrame([asdict(e) for e in self.epochs]).set_index("epoch")

    def columns(self) -> Columns:
        """The epochs to four digits, as JSON can keep them."""
        columns = self.frame().to_dict("list")
        return {name: [float(f"{value:.4g}") for value in values] for name, values in columns.items()}

    @classmethod
    def from_columns(cls, columns: Columns, *, seconds: float = 0.0, n_val: int = 0) -> History:
        """A history from its :meth:`columns`."""
        rows = zip(*columns.values(), strict=True)
        epochs = [Epoch(number, **dict(zip(columns, row, strict=True))) for number, row in enumerate(rows, 1)]
        return cls(epochs, seconds, n_val)
