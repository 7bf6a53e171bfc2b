"""One choice at a time: the same training with one thing changed, on several seeds, judged on val.

A comparison (:mod:`~course_utils.experiments.compare`) asks which flavour is best and reads test. A study asks what a
single choice does, so that a lesson can show it, and never touches test.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pandas as pd
from torch import nn

from course_utils import paths, runtime
from course_utils.data import BirdSplits, eval_transform, load_birds, train_transform
from course_utils.errors import CourseError
from course_utils.experiments.flavours import FLAVOURS
from course_utils.experiments.store import Configuration, RunStore, ran_on, splits_fingerprint
from course_utils.files import save_text
from course_utils.models import (
    build_definition,
    count_parameters,
    freeze,
    load_pretrained,
    preprocessing_for,
    unfreeze,
)
from course_utils.models.weights import LITE0
from course_utils.runtime import pick
from course_utils.training.fit import Recipe, fit
from course_utils.training.history import Epoch, History

IMAGES_PER_CLASS = 10
BATCH_SIZE = 20
"""An eighth of the 160 pictures: as in a comparison of that size."""
FILE = "studies.json"


@dataclass(frozen=True)
class Variant:
    """One way to train.

    Attributes:
        label: What a figure calls it.
        flavour: ``"scratch_best"`` (a definition) or ``"fine_tune"`` (with pre-trained weights).
        recipe: How it is trained.
        augment: Whether training shows random crops and mirror images.
        start: For ``fine_tune`` the first part that trains, such as ``"blocks.4"``; ``""`` trains the head only.
    """

    label: str
    flavour: str
    recipe: Recipe
    augment: bool = True
    start: str = ""


@dataclass(frozen=True)
class StudyRun:
    """What one variant came to with one seed.

    Attributes:
        label: Of the variant.
        seed: Decided the pictures, the random weights, the order and the augmentation.
        val_accuracy: 0 to 1, of the epoch that was kept.
        seconds: Wall time of the training.
        trainable_parameters: Numbers that training could change.
        epochs: For each quantity of an :class:`~course_utils.training.history.Epoch` its values, in order.
        n_val: Pictures in val.
    """

    label: str
    seed: int
    val_accuracy: float
    seconds: float
    trainable_parameters: int
    epochs: dict[str, list[float]]
    n_val: int

    @property
    def history(self) -> History:
        """The epochs as ``fit`` returned them, to four digits."""
        rows = zip(*self.epochs.values(), strict=True)
        epochs = [
            Epoch(number, **dict(zip(self.epochs, row, strict=True))) for number, row in enumerate(rows, 1)
        ]
        return History(epochs, self.seconds, self.n_val)


def study_variants() -> dict[str, list[Variant]]:
    """The studies of the course by name: the variants of each, in the order a figure shows them."""
    scratch = replace(FLAVOURS["scratch_best"].recipe(), batch_size=BATCH_SIZE)
    tuned = replace(FLAVOURS["fine_tune"].recipe(), batch_size=BATCH_SIZE)
    bare = replace(scratch, label_smoothing=0.0, weight_decay=0.0)
    return {
        "learning_rate": [
            Variant(f"{lr:g}", "scratch_best", replace(scratch, lr=lr))
            for lr in (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
        ],
        "regularisation": [
            Variant("nothing", "scratch_best", bare, augment=False),
            Variant("smoothing and decay", "scratch_best", scratch, augment=False),
            Variant("augmentation", "scratch_best", bare),
            Variant("all of them", "scratch_best", scratch),
        ],
        "freeze_depth": [
            Variant(label, "fine_tune", tuned, start=start)
            for label, start in (
                ("head only", ""),
                ("blocks.6 on", "blocks.6"),
                ("blocks.4 on", "blocks.4"),
                ("blocks.2 on", "blocks.2"),
                ("everything", "conv_stem"),
            )
        ],
    }


def run_study(
    variants: Sequence[Variant],
    *,
    seeds: int,
    runs: Path,
    load: Callable[[int], BirdSplits] | None = None,
    on_run: Callable[[StudyRun], None] = lambda run: None,
) -> list[StudyRun]:
    """Train every variant with every seed; what ``runs`` holds is not trained again.

    Args:
        variants: Of one study.
        seeds: How many: 0, 1, ...
        runs: Folder that keeps each finished run.
        load: The pictures for a seed; by default ten of each bundled species.
        on_run: Called after each run.
    """
    store = RunStore(runs, StudyRun)
    load = load or _bundled
    done = []
    for seed in range(seeds):
        birds = load(seed)
        for variant in variants:
            key = _configuration(variant, birds, seed)
            run = store.get(key)
            if run is None:
                run = _train(variant, birds, seed)
                store.put(key, run)
            done.append(replace(run, label=variant.label))
            on_run(done[-1])
    return done


def _bundled(seed: int) -> BirdSplits:
    number = pick(smoke=2, standard=IMAGES_PER_CLASS, full=IMAGES_PER_CLASS)
    return load_birds("fieldguide", images_per_class=number, seed=seed)


def _backbone(variant: Variant) -> str:
    return FLAVOURS[variant.flavour].model_name(LITE0)


def _configuration(variant: Variant, birds: BirdSplits, seed: int) -> Configuration:
    backbone = _backbone(variant)
    return {
        "data": splits_fingerprint(birds),
        "flavour": variant.flavour,
        "backbone": backbone,
        "image_size": FLAVOURS[variant.flavour].image_size(backbone),
        "images_per_class": birds.images_per_class,
        "seed": seed,
        "profile": runtime.profile(),
        **ran_on(),
        "settings": f"study: {replace(variant, label='')}",
    }


def _train(variant: Variant, birds: BirdSplits, seed: int) -> StudyRun:
    backbone = _backbone(variant)
    preprocessing = preprocessing_for(backbone, image_size=FLAVOURS[variant.flavour].image_size(backbone))
    model = _model(variant, len(birds.classes), seed)
    clean = eval_transform(preprocessing)
    train = birds.train.with_transform(train_transform(preprocessing) if variant.augment else clean)
    history = fit(model, train, val=birds.val.with_transform(clean), recipe=variant.recipe, seed=seed)
    columns = history.frame().to_dict("list")
    return StudyRun(
        label=variant.label,
        seed=seed,
        val_accuracy=history.best.val_accuracy,
        seconds=round(history.seconds, 1),
        trainable_parameters=count_parameters(model).trainable,
        epochs={name: [float(f"{value:.4g}") for value in values] for name, values in columns.items()},
        n_val=history.n_val,
    )


def _model(variant: Variant, classes: int, seed: int) -> nn.Module:
    if variant.flavour != "fine_tune":
        return build_definition(_backbone(variant), classes, seed=seed)
    model = freeze(load_pretrained(LITE0, classes, seed=seed))
    return unfreeze(model, variant.start) if variant.start else model


def save_studies(studies: Mapping[str, Sequence[StudyRun]], file: Path) -> None:
    """Write studies as JSON, with what they ran on."""
    content = {
        "data": "fieldguide",
        "images_per_class": IMAGES_PER_CLASS,
        "versions": runtime.versions(),
        "device": str(runtime.best_device()),
        "commit": runtime.commit(),
        "studies": {name: [asdict(run) for run in runs] for name, runs in studies.items()},
    }
    save_text(file, json.dumps(content) + "\n")


def read_study(name: str, file: Path | None = None) -> list[StudyRun]:
    """The runs of a study that was measured beforehand.

    Args:
        name: A key of :func:`study_variants`.
        file: By default the one that comes with the course.

    Raises:
        CourseError: No such file, or no such study in it.
    """
    file = file or paths.results_dir() / FILE
    try:
        studies = json.loads(file.read_text(encoding="utf-8"))["studies"]
        return [StudyRun(**run) for run in studies[name]]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CourseError(
            f"{file} holds no study {name!r} ({type(error).__name__}: {error}). `make results` writes one."
        ) from error


def study_table(runs: Sequence[StudyRun]) -> pd.DataFrame:
    """One row a variant, in the order of the study: mean val accuracy, worst and best seed, median cost."""
    frame = pd.DataFrame([asdict(run) for run in runs]).drop(columns="epochs")
    groups = frame.groupby("label", sort=False)
    return pd.DataFrame(
        {
            "val accuracy": groups.val_accuracy.mean(),
            "worst seed": groups.val_accuracy.min(),
            "best seed": groups.val_accuracy.max(),
            "seeds": groups.seed.nunique(),
            "seconds": groups.seconds.median().round(1),
            "parameters that train": groups.trainable_parameters.first(),
        }
    )
