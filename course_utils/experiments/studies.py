"""One choice at a time: the same training with one thing changed, on several seeds, judged on val.

A comparison (:mod:`~course_utils.experiments.compare`) asks which flavour is best and reads test. A study asks what a
single choice does, so that a lesson can show it, and never touches test.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from course_utils import paths
from course_utils.experiments.store import (
    in_words,
    read_study_of,
)
from course_utils.training.history import Columns, History

FILE = "studies.json"


@dataclass(frozen=True)
class StudyRun:
    """What one variant came to with one seed.

    Attributes:
        label: Of the variant.
        seed: Decided the pictures, the random weights, the order and the augmentation.
        val_accuracy: 0 to 1, of the epoch that was kept.
        seconds: Wall time of the training.
        trainable_parameters: Numbers that training could change.
        epochs: What happened, see :data:`~course_utils.training.history.Columns`.
        n_val: Pictures in val.
        precision: What it computed in, ``"fp32"`` or ``"bf16"``; empty where nobody noted it.
    """

    label: str
    seed: int
    val_accuracy: float
    seconds: float
    trainable_parameters: int
    epochs: Columns
    n_val: int
    precision: str = ""

    @property
    def history(self) -> History:
        """The epochs as ``fit`` returned them, to four digits."""
        return History.from_columns(self.epochs, seconds=self.seconds, n_val=self.n_val)


def read_study(name: str, file: Path | None = None) -> list[StudyRun]:
    """The runs of a study that was measured beforehand.

    Args:
        name: Such as ``"rate_and_depth"``.
        file: By default the one that comes with the course.

    Raises:
        CourseError: No such file, or no such study in it.
    """
    return read_study_of(StudyRun, name, file or paths.results_dir() / FILE)


def study_table(runs: Sequence[StudyRun]) -> pd.DataFrame:
    """One row a variant, in the order of the study: mean val accuracy, worst and best seed, median cost.

    Where runs were computed in several precisions, a column says which row in which.
    """
    frame = pd.DataFrame([asdict(run) for run in runs]).drop(columns="epochs")
    groups = frame.groupby("label", sort=False)
    mixed = frame.precision.nunique() > 1
    return pd.DataFrame(
        {
            "val accuracy": groups.val_accuracy.mean(),
            "worst seed": groups.val_accuracy.min(),
            "best seed": groups.val_accuracy.max(),
            "seeds": groups.seed.nunique(),
            "seconds": groups.seconds.median().round(1),
            "parameters that train": groups.trainable_parameters.first(),
        }
        | ({"computed in": groups.precision.agg(in_words)} if mixed else {})
    )


def accuracies_by_seed(runs: Sequence[StudyRun]) -> pd.DataFrame:
    """Val accuracy of each variant (row, in the order of the study) with each seed (column); nan where it was not run.

    A column holds trainings on the same pictures with the same val, so that its differences are paired.
    """
    frame = pd.DataFrame([asdict(run) for run in runs])
    table = frame.pivot(index="label", columns="seed", values="val_accuracy").reindex(frame.label.unique())
    return table.rename_axis(index=None).add_prefix("seed ").rename_axis(columns=None)
