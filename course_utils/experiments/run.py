"""One run: one flavour, one set of pictures, one seed; test is read once, at the end."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

from torch import nn

from course_utils.data import BirdSplits, Preprocessing, eval_transform, train_transform
from course_utils.experiments.flavours import Flavour
from course_utils.experiments.results import RunResult
from course_utils.metrics.classification import confusion_counts, metrics_of
from course_utils.models import count_parameters, preprocessing_for
from course_utils.training.features import extract_features
from course_utils.training.fit import fit, make_loader
from course_utils.training.hardware import Hardware
from course_utils.training.history import Columns
from course_utils.training.loop import predict
from course_utils.training.probe import linear_probe
from course_utils.training.state import TrainingState

Outcome = tuple[float, float, Columns | None]
"""Of a training: val accuracy of the weights that were kept, seconds, epochs."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A model that a flavour came to.

    Attributes:
        model: With the weights that were kept.
        preprocessing: What it sees of pictures.
        val_accuracy: Of those weights.
        seconds: Wall time to train and choose.
        epochs: What happened in each; None for a probe.
    """

    model: nn.Module
    preprocessing: Preprocessing
    val_accuracy: float
    seconds: float
    epochs: Columns | None


def train_flavour(
    flavour: Flavour, birds: BirdSplits, model_name: str, seed: int, *, state: TrainingState | None = None
) -> Trained:
    """Train a flavour; test is not touched.

    Args:
        flavour: One of :data:`~course_utils.experiments.flavours.FLAVOURS`.
        birds: Train and val teach and choose.
        model_name: Name of the model that is compared.
        seed: Decides head or weights, order and augmentation.
        state: Keeps a training with epochs, and goes on with what it holds.
    """
    name = flavour.model_name(model_name)
    preprocessing = preprocessing_for(name, image_size=flavour.image_size(model_name))
    model = flavour.start(name, len(birds.classes), seed)
    if flavour.profile_recipe is None:
        outcome = _probe(flavour, model, birds, preprocessing)
    else:
        outcome = _fit(flavour, model, birds, preprocessing, seed, state)
    return Trained(model, preprocessing, *outcome)


def run(flavour: Flavour, birds: BirdSplits, model_name: str, seed: int) -> RunResult:
    """Train a flavour and measure it on test, once. The arguments are those of :func:`train_flavour`."""
    trained = train_flavour(flavour, birds, model_name, seed)
    model, preprocessing = trained.model, trained.preprocessing
    test = birds.test.with_transform(eval_transform(preprocessing))
    logits, labels = predict(model, make_loader(test))
    predicted = logits.argmax(1)
    return RunResult(
        flavour=flavour.name,
        model=flavour.model_name(model_name),
        image_size=preprocessing.crop_size,
        images_per_class=birds.images_per_class,
        seed=seed,
        val_accuracy=trained.val_accuracy,
        test_accuracy=metrics_of(logits, labels).accuracy,
        n_test=len(labels),
        seconds=round(trained.seconds, 2),
        trainable_parameters=count_parameters(model).trainable,
        confusion=confusion_counts(predicted, labels, len(birds.classes)),
        precision=Hardware.find().precision,
        predicted=predicted.tolist(),
        n_val=len(birds.val),
        epochs=trained.epochs,
    )


def _fit(
    flavour: Flavour,
    model: nn.Module,
    birds: BirdSplits,
    preprocessing: Preprocessing,
    seed: int,
    state: TrainingState | None,
) -> Outcome:
    before = 0.0
    if flavour.probe_first:
        _, before, _ = _probe(flavour, model, birds, preprocessing)
        flavour.release(model)
    train = birds.train.with_transform(train_transform(preprocessing))
    val = birds.val.with_transform(eval_transform(preprocessing))
    history = fit(model, train, val=val, recipe=flavour.recipe(len(train)), seed=seed, state=state)
    return history.best.val_accuracy, before + history.seconds, history.columns()


def _probe(flavour: Flavour, model: nn.Module, birds: BirdSplits, preprocessing: Preprocessing) -> Outcome:
    """The probe is put into the model. No chance is in it, so no seed."""
    train, val = (extract_features(model, s, preprocessing=preprocessing) for s in (birds.train, birds.val))
    start = perf_counter()
    probe = linear_probe(train, val=val)
    seconds = train.seconds + val.seconds + perf_counter() - start
    probe.install(model)
    return probe.val[probe.l2].accuracy, seconds, None
