"""What a training run came to: one record, its interval, a table of many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from scipy.stats import t

from course_utils.experiments.flavours import FLAVOURS
from course_utils.experiments.store import in_words
from course_utils.metrics.intervals import accuracy_interval
from course_utils.training.fit import Recipe
from course_utils.training.history import Columns, History


@dataclass(frozen=True)
class RunResult:
    """One training run.

    Attributes:
        flavour: A key of :data:`~course_utils.experiments.flavours.FLAVOURS`.
        model: Model name.
        image_size: Side in px that the model saw.
        images_per_class: Training pictures of each class, as they were asked for (of all: their mean number).
        seed: Decided val, subset, head, order and augmentation.
        val_accuracy: 0 to 1, of the weights that were kept.
        test_accuracy: 0 to 1, measured once.
        n_test: Test pictures.
        seconds: Wall time to train and choose; decoding the pictures and the test are not in it.
        trainable_parameters: Numbers that training could change.
        confusion: Counts (classes x classes) of the test pictures of each class (row) that were given each
            name (column), in the order of the classes; None where nobody counted.
        precision: What it computed in, ``"fp32"`` or ``"bf16"``; empty where nobody noted it.
        predicted: The class that each test picture was given, in the order of the test set; None where nobody
            noted it.
        n_val: Pictures in val; 0 where nobody noted them.
        epochs: What happened, see :data:`~course_utils.training.history.Columns`; None for a probe, and where
            nobody noted it.
    """

    flavour: str
    model: str
    image_size: int
    images_per_class: int
    seed: int
    val_accuracy: float
    test_accuracy: float
    n_test: int
    seconds: float
    trainable_parameters: int
    confusion: list[list[int]] | None = None
    precision: str = ""
    predicted: list[int] | None = None
    n_val: int = 0
    epochs: Columns | None = None

    @property
    def label(self) -> str:
        """What tables and figures call its flavour."""
        return FLAVOURS[self.flavour].label

    @property
    def recipe(self) -> Recipe | None:
        """How its flavour trains in the profile in force; None where a probe is fitted."""
        return FLAVOURS[self.flavour].recipe()

    @property
    def history(self) -> History:
        """The epochs as ``fit`` returned them, to four digits; without any where nobody noted them."""
        return History.from_columns(self.epochs or {}, seconds=self.seconds, n_val=self.n_val)


def results_frame(results: Sequence[RunResult]) -> pd.DataFrame:
    """One row a run: all that is one number or word."""
    return pd.DataFrame([asdict(result) for result in results]).drop(
        columns=["confusion", "predicted", "epochs"]
    )


def summary_table(results: Sequence[RunResult]) -> pd.DataFrame:
    """One row for each flavour, model and number of pictures: means over the seeds.

    ``low`` and ``high`` bound the 95% interval of the mean test accuracy for the number of test pictures;
    ``worst seed`` and ``best seed`` show what the seed alone does. ``seconds`` is the median: one run that shared its
    machine with something else does not count. Where runs were computed in several precisions, ``computed in`` says which.
    """
    order = list(FLAVOURS)
    frame = results_frame(results)
    mixed = frame.precision.nunique() > 1
    keys = ["images_per_class", "flavour", "model", "image_size"]
    rows = []
    for key, runs in sorted(frame.groupby(keys), key=lambda item: (item[0][0], order.index(item[0][1]))):
        mean, n_test = float(runs.test_accuracy.mean()), int(runs.n_test.iloc[0])
        low, high = accuracy_interval(mean, n_test)
        rows.append(
            dict(zip(keys, key, strict=True))
            | {"test_accuracy": mean, "low": low, "high": high}
            | {
                "worst seed": runs.test_accuracy.min(),
                "best seed": runs.test_accuracy.max(),
                "seeds": len(runs),
            }
            | {"seconds": float(np.median(runs.seconds))}
            | {"trainable_parameters": int(runs.trainable_parameters.iloc[0])}
            | ({"computed in": in_words(runs.precision)} if mixed else {})
        )
    return pd.DataFrame(rows)


def table_in_words(results: Sequence[RunResult]) -> pd.DataFrame:
    """:func:`summary_table` as people read it: one row of text for each flavour, model and number of pictures."""
    rows = []
    for row in summary_table(results).to_dict("records"):
        low, high = row["worst seed"], row["best seed"]
        rows.append(
            {
                "flavour": FLAVOURS[row["flavour"]].label,
                "model": f"{row['model']}, {row['image_size']} px",
                "pictures a class": str(row["images_per_class"]),
                "test accuracy (95% interval)": f"{row['test_accuracy']:.3f} ({row['low']:.3f}-{row['high']:.3f})",
                "seeds": f"{low:.3f}-{high:.3f}" if row["seeds"] > 1 else "one seed",
                "seconds": f"{row['seconds']:.0f}",
                "parameters trained": f"{row['trainable_parameters']:,}",
            }
            | ({"computed in": row["computed in"]} if "computed in" in row else {})
        )
    return pd.DataFrame(rows)


def paired_gains(results: Sequence[RunResult], duels: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """What one flavour is ahead of another in test accuracy, compared within each seed, where both saw the same pictures.

    Args:
        results: Of one data set and one model a flavour.
        duels: Two flavours each: the gain is that of the first over the second.

    Returns:
        One row a duel and number of pictures that both were trained on: the mean ``gain``, the ``low`` and ``high`` end of
        its 95% interval over seeds (Student's t; nan of one seed), and the gain with each of the ``seeds``, a tuple.
    """
    accuracies = results_frame(results).pivot_table("test_accuracy", ["images_per_class", "seed"], "flavour")
    accuracies = accuracies.reindex(columns=list(FLAVOURS))
    rows = []
    for one, other in duels:
        gains = (accuracies[one] - accuracies[other]).dropna()
        for number, of_size in gains.groupby("images_per_class"):
            mean, reach = of_size.mean(), t.ppf(0.975, len(of_size) - 1) * of_size.sem()
            rows.append((f"{one} over {other}", number, mean, mean - reach, mean + reach, tuple(of_size)))
    columns = ["duel", "pictures a class", "gain", "low", "high", "seeds"]
    return pd.DataFrame(rows, columns=columns).set_index(columns[:2])


def computed_on(device: str, results: Sequence[RunResult]) -> str:
    """Device and precision of results in words, such as ``"cpu in bf16"``; the device alone where none was noted."""
    precisions = in_words(result.precision for result in results)
    return f"{device} in {precisions}" if precisions else device
