"""What happened during a training run, epoch by epoch."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

import pandas as pd


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
        seconds: Wall time of the whole run, evaluation on val included.
    """

    epochs: list[Epoch] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def best(self) -> Epoch:
        """The epoch whose weights are kept: highest val accuracy, then lowest val loss."""
        return max(self.epochs, key=lambda e: (e.val_accuracy, -e.val_loss))

    def frame(self) -> pd.DataFrame:
        """One row an epoch."""
        return pd.DataFrame([asdict(e) for e in self.epochs]).set_index("epoch")
