"""One run: one flavour, one set of pictures, one seed; test is read once, at the end."""

from __future__ import annotations

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

Outcome = tuple[float, float, Columns | None]
"""Of a training: val accuracy of the weights that were kept, seconds, epochs."""


def run(flavour: Flavour, birds: BirdSplits, model_name: str, seed: int) -> RunResult:
    """Train a flavour and measure it.

    Args:
        flavour: One of :data:`~course_utils.experiments.flavours.FLAVOURS`.
        birds: Train and val teach and choose; test is measured once.
        model_name: Name of the model that is compared.
        seed: Decides head or weights, order and augmentation.
    """
    name = flavour.model_name(model_name)
    preprocessing = preprocessing_for(name, image_size=flavour.image_size(model_name))
    model = flavour.start(name, len(birds.classes), seed)
    train = _fit if flavour.profile_recipe else _probe
    val_accuracy, seconds, epochs = train(flavour, model, birds, preprocessing, seed)
    test = birds.test.with_transform(eval_transform(preprocessing))
    logits, labels = predict(model, make_loader(test))
    predicted = logits.argmax(1)
    return RunResult(
        flavour=flavour.name,
        model=name,
        image_size=preprocessing.crop_size,
        images_per_class=birds.images_per_class,
        seed=seed,
        val_accuracy=val_accuracy,
        test_accuracy=metrics_of(logits, labels).accuracy,
        n_test=len(labels),
        seconds=round(seconds, 2),
        trainable_parameters=count_parameters(model).trainable,
        confusion=confusion_counts(predicted, labels, len(birds.classes)),
        precision=Hardware.find().precision,
        predicted=predicted.tolist(),
        n_val=len(birds.val),
        epochs=epochs,
    )


def _fit(
    flavour: Flavour, model: nn.Module, birds: BirdSplits, preprocessing: Preprocessing, seed: int
) -> Outcome:
    before = 0.0
    if flavour.probe_first:
        _, before, _ = _probe(flavour, model, birds, preprocessing, seed)
        flavour.release(model)
    train = birds.train.with_transform(train_transform(preprocessing))
    val = birds.val.with_transform(eval_transform(preprocessing))
    history = fit(model, train, val=val, recipe=flavour.recipe(len(train)), seed=seed)
    return history.best.val_accuracy, before + history.seconds, history.columns()


def _probe(
    flavour: Flavour, model: nn.Module, birds: BirdSplits, preprocessing: Preprocessing, seed: int
) -> Outcome:
    """The probe is put into the model. No chance is in it, so no seed."""
    train, val = (extract_features(model, s, preprocessing=preprocessing) for s in (birds.train, birds.val))
    start = perf_counter()
    probe = linear_probe(train, val=val)
    seconds = train.seconds + val.seconds + perf_counter() - start
    probe.install(model)
    return probe.val[probe.l2].accuracy, seconds, None
