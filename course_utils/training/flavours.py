"""The four ways to a trained model that the course compares, each as one function.

``scratch``, ``linear_probe`` and ``fine_tune`` share backbone, image size and splits, so that what differs
is the weights they start from, and the recipe that goes with them. ``scratch_best`` is the honest competitor:
an architecture and image size that learn well from few pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import perf_counter

from torch import nn

from course_utils import runtime
from course_utils.data import BirdSplits, Preprocessing, eval_transform, train_transform
from course_utils.models import (
    build_definition,
    count_parameters,
    freeze,
    load_pretrained,
    preprocessing_for,
    stage_names,
    unfreeze,
)
from course_utils.runtime import pick
from course_utils.training.features import extract_features
from course_utils.training.fit import Recipe, fit, make_loader
from course_utils.training.loop import predict
from course_utils.training.probe import L2_CANDIDATES, linear_probe
from course_utils.training.results import RunResult, confusion_counts

SCRATCH_BEST_BACKBONE = "resnet18"
FINE_TUNE_SHARE = 0.8
BUDGET = 24_000
"""Pictures that ``scratch`` and ``fine_tune`` see at most in ``standard``: larger sets get fewer epochs."""


def image_size(flavour: str, backbone: str) -> int:
    """Side in px that a flavour's model sees in the profile in force."""
    own = preprocessing_for(backbone).size
    wanted = (
        pick(smoke=64, standard=128, full=128)
        if flavour == "scratch_best"
        else pick(smoke=64, standard=own, full=own)
    )
    return preprocessing_for(backbone, image_size=wanted).size


def recipe_for(flavour: str) -> Recipe | None:
    """How a flavour is trained in the profile in force; None where nothing but a probe is fitted."""
    return {
        "scratch": Recipe(epochs=pick(smoke=1, standard=30, full=100), lr=2e-3),
        "scratch_best": Recipe(epochs=pick(smoke=1, standard=40, full=200), lr=1e-3),
        "linear_probe": None,
        "fine_tune": Recipe(
            epochs=pick(smoke=1, standard=30, full=60),
            lr=3e-3,
            lr_backbone=3e-4,
            weight_decay=0.01,
            label_smoothing=0.2,
            mixup=0.2,
        ),
    }[flavour]


def epochs_for(flavour: str, pictures: int) -> int:
    """Epochs on a training set of so many pictures: the recipe's, or as many as the budget allows.

    ``scratch_best`` has no budget: it goes on until val has stopped rising. Nor has the profile ``full``.
    """
    epochs = recipe_for(flavour).epochs
    if flavour == "scratch_best" or runtime.profile() == "full":
        return epochs
    return max(1, min(epochs, BUDGET // pictures))


def settings(flavour: str) -> str:
    """The recipe and what else is fixed here, as text: it changes whenever a run would come out differently."""
    fixed = {
        "scratch": f"budget {BUDGET}",
        "linear_probe": f"l2 of {L2_CANDIDATES}",
        "fine_tune": f"budget {BUDGET}, share {FINE_TUNE_SHARE}",
    }
    return " ".join(filter(None, (str(recipe_for(flavour)), fixed.get(flavour))))


def run_scratch(birds: BirdSplits, backbone: str, seed: int) -> RunResult:
    """The definition alone, on the same terms as the pre-trained flavours."""
    return _train_definition("scratch", birds, backbone, seed)


def run_scratch_best(birds: BirdSplits, backbone: str, seed: int) -> RunResult:
    """The definition alone, given its best chance in about the same time. ``backbone`` is not used."""
    return _train_definition("scratch_best", birds, SCRATCH_BEST_BACKBONE, seed)


def run_linear_probe(birds: BirdSplits, backbone: str, seed: int) -> RunResult:
    """A linear classifier on the frozen, pre-trained backbone."""
    preprocessing = preprocessing_for(backbone, image_size=image_size("linear_probe", backbone))
    model = freeze(load_pretrained(backbone, len(birds.classes), seed=seed))
    train, val = (extract_features(model, s, preprocessing=preprocessing) for s in (birds.train, birds.val))
    start = perf_counter()
    probe = linear_probe(train, val=val)
    seconds = train.seconds + val.seconds + perf_counter() - start
    probe.install(model)
    return _result(
        "linear_probe", birds, (backbone, model, preprocessing), seed, probe.val[probe.l2].accuracy, seconds
    )


def run_fine_tune(birds: BirdSplits, backbone: str, seed: int) -> RunResult:
    """The pre-trained backbone, its later part trained at a lower rate than the new head."""
    preprocessing = preprocessing_for(backbone, image_size=image_size("fine_tune", backbone))
    model = freeze(load_pretrained(backbone, len(birds.classes), seed=seed))
    unfreeze(model, fine_tune_start(model))
    return _fit("fine_tune", birds, (backbone, model, preprocessing), seed)


RUNNERS: dict[str, Callable[[BirdSplits, str, int], RunResult]] = {
    "scratch": run_scratch,
    "scratch_best": run_scratch_best,
    "linear_probe": run_linear_probe,
    "fine_tune": run_fine_tune,
}


def fine_tune_start(model: nn.Module) -> str:
    """The part to train from: the latest one that still leaves most of the parameters to train.

    Early parts see edges and colours, which serve any picture, and cost the most time to train.
    """
    names = stage_names(model)
    total = count_parameters(model).total
    tail = 0
    for name in reversed(names):
        tail += sum(p.numel() for p in model.get_submodule(name).parameters())
        if tail >= FINE_TUNE_SHARE * total:
            return name
    return names[0]


def _train_definition(flavour: str, birds: BirdSplits, backbone: str, seed: int) -> RunResult:
    size = image_size(flavour, backbone)
    model = build_definition(backbone, len(birds.classes), seed=seed)
    return _fit(flavour, birds, (backbone, model, preprocessing_for(backbone, image_size=size)), seed)


Subject = tuple[str, nn.Module, Preprocessing]


def _fit(flavour: str, birds: BirdSplits, subject: Subject, seed: int) -> RunResult:
    _, model, preprocessing = subject
    recipe = recipe_for(flavour)
    train = birds.train.with_transform(train_transform(preprocessing))
    val = birds.val.with_transform(eval_transform(preprocessing))
    recipe = replace(
        recipe,
        batch_size=min(recipe.batch_size, max(8, len(train) // 8)),
        epochs=epochs_for(flavour, len(train)),
    )
    history = fit(model, train, val=val, recipe=recipe, seed=seed)
    return _result(flavour, birds, subject, seed, history.best.val_accuracy, history.seconds)


def _result(
    flavour: str, birds: BirdSplits, subject: Subject, seed: int, val_accuracy: float, seconds: float
) -> RunResult:
    backbone, model, preprocessing = subject
    logits, labels = predict(model, make_loader(birds.test.with_transform(eval_transform(preprocessing))))
    predicted = logits.argmax(1)
    return RunResult(
        flavour=flavour,
        backbone=backbone,
        image_size=preprocessing.size,
        images_per_class=round(len(birds.train) / len(birds.classes)),
        seed=seed,
        val_accuracy=val_accuracy,
        test_accuracy=(predicted == labels).double().mean().item(),
        n_test=len(labels),
        seconds=round(seconds, 2),
        trainable_parameters=count_parameters(model).trainable,
        confusion=confusion_counts(predicted, labels, len(birds.classes)),
    )
