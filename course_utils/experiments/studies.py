"""One choice at a time: the same training with one thing changed, on several seeds, judged on val.

A comparison (:mod:`~course_utils.experiments.compare`) asks which flavour is best and reads test. A study asks what a
single choice does, so that a lesson can show it, and never touches test.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import pandas as pd

from course_utils import paths
from course_utils.data import BirdSplits, eval_transform, train_transform
from course_utils.data.collection import Collection, read_collection
from course_utils.data.splits import split_collection
from course_utils.experiments.store import (
    Asked,
    Kept,
    RunStore,
    asked,
    declared,
    declared_recipe,
    in_words,
    read_study_of,
)
from course_utils.experiments.variants import IMAGES_PER_CLASS, Variant
from course_utils.models import count_parameters, preprocessing_for
from course_utils.runtime import pick
from course_utils.training.fit import fit
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


def run_study(
    variants: Sequence[Variant],
    *,
    seeds: int,
    runs: RunStore[StudyRun],
    load: Callable[[int], BirdSplits] | None = None,
    train: bool = True,
    on_run: Callable[[StudyRun], None] = lambda run: None,
) -> list[Kept[StudyRun]]:
    """Train every variant with every seed; what ``runs`` holds is not trained again.

    Args:
        variants: Of one study.
        seeds: How many: 0, 1, ...
        runs: Keeps each finished run.
        load: The pictures for a seed; by default ten of each bundled species.
        train: False trains nothing, and only collects the finished runs.
        on_run: Called after each run.
    """
    load = load or _bundled
    done = []
    for seed in range(seeds):
        birds = load(seed)
        for variant in variants:
            make = partial(_train, variant, birds, seed) if train else None
            kept = runs.get_or(configuration(variant, birds, seed), make)
            if kept is not None:
                run = replace(kept.result, label=variant.label, precision=kept.provenance.precision)
                done.append(replace(kept, result=run))
                on_run(run)
    return done


def study_splits(collection: Collection, seed: int) -> BirdSplits:
    """The pictures that a study on the birds trains on with this seed: ten of each species."""
    number = pick(smoke=2, standard=IMAGES_PER_CLASS, full=IMAGES_PER_CLASS)
    return split_collection(collection, images_per_class=number, seed=seed)


def _bundled(seed: int) -> BirdSplits:
    return study_splits(read_collection("fieldguide"), seed)


def configuration(variant: Variant, birds: BirdSplits, seed: int) -> Asked:
    """What is asked of a run of a study."""
    return asked(
        "study",
        birds,
        seed,
        model=variant.model_name,
        image_size=variant.image_size,
        images_per_class=birds.images_per_class,
        recipe=declared_recipe(variant.recipe),
        **declared(variant, ("flavour", "augment", "start", "batch_norm"), apart=("label", "recipe")),
    )


def _train(variant: Variant, birds: BirdSplits, seed: int) -> StudyRun:
    preprocessing = preprocessing_for(variant.model_name, image_size=variant.image_size)
    model = variant.build(len(birds.classes), seed)
    clean = eval_transform(preprocessing)
    train = birds.train.with_transform(train_transform(preprocessing) if variant.augment else clean)
    history = fit(model, train, val=birds.val.with_transform(clean), recipe=variant.recipe, seed=seed)
    return StudyRun(
        label=variant.label,
        seed=seed,
        val_accuracy=history.best.val_accuracy,
        seconds=round(history.seconds, 1),
        trainable_parameters=count_parameters(model).trainable,
        epochs=history.columns(),
        n_val=history.n_val,
    )


def read_study(name: str, file: Path | None = None) -> list[StudyRun]:
    """The runs of a study that was measured beforehand.

    Args:
        name: A key of :func:`~course_utils.experiments.variants.study_variants`.
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
