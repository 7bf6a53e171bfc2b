"""The ways to a trained model that the course takes: all that is fixed about each, in one record.

``scratch``, ``linear_probe`` and ``fine_tune`` share model, image size and splits, so that what differs
is the weights they start from, and the recipe that goes with them. ``scratch_best`` is the honest competitor:
an architecture and image size that learn well from few pictures, trained for long. ``scratch_short``
and ``fine_tune_short`` are what lessons 3 and 4 write out, for a lesson's minutes, and stand in no comparison.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn

from course_utils import runtime
from course_utils.errors import CourseError
from course_utils.models import (
    build_definition,
    count_parameters,
    freeze,
    head_of,
    load_pretrained,
    preprocessing_for,
    stage_names,
    unfreeze,
)
from course_utils.runtime import pick
from course_utils.training.fit import Recipe
from course_utils.training.probe import L2_CANDIDATES

FINE_TUNE_SHARE = 0.99
"""Of the parameters, that the later part holds at least which fine-tuning trains."""
BUDGET = 24_000
"""Pictures that ``scratch`` and ``fine_tune`` see at most in ``standard``, and a third of what ``scratch_best`` does, whose
small pictures cost less: larger sets get fewer epochs."""


@dataclass(frozen=True)
class Flavour:
    """One way to a trained model. What depends on the profile is asked for when it is needed.

    Attributes:
        name: Its key in :data:`FLAVOURS`.
        label: What tables and figures call it.
        start: The model that training begins with, from its name, the number of classes and the seed.
        profile_recipe: How it is trained; None where nothing but a probe is fitted.
        own_model: The model that it always takes; None takes the one that is compared.
        own_size: Side in px that its model sees; None takes what the model's weights ask for.
        budget: Pictures that training sees at most in ``standard``; None sets no limit.
        probe_first: Whether a linear probe becomes the head of the frozen model first, and the part from
            :func:`fine_tune_start` on trains from there.
        also: What else decides a run, by name.
    """

    name: str
    label: str
    start: Callable[[str, int, int], nn.Module]
    profile_recipe: Callable[[], Recipe] | None = None
    own_model: str | None = None
    own_size: int | None = None
    budget: int | None = None
    probe_first: bool = False
    also: Callable[[], dict[str, object]] = dict

    def model_name(self, model: str) -> str:
        """The model that it takes where ``model`` is compared."""
        return self.own_model or model

    def image_size(self, model: str) -> int:
        """Side in px that its model sees in the profile in force."""
        name = self.model_name(model)
        own = self.own_size or preprocessing_for(name).crop_size
        return preprocessing_for(name, image_size=pick(smoke=64, standard=own, full=own)).crop_size

    def recipe(self, pictures: int | None = None) -> Recipe | None:
        """How it is trained in the profile in force, fitted to a training set; None where a probe is fitted.

        Args:
            pictures: Size of the training set: it decides the batch size, and the epochs where there is a budget.
                None leaves the recipe as it is for a large set without limit.
        """
        if self.profile_recipe is None:
            return None
        recipe = self.profile_recipe()
        if pictures is None:
            return recipe
        epochs = recipe.epochs
        if self.budget is not None and runtime.profile() != "full":
            epochs = max(1, min(epochs, self.budget // pictures))
        return replace(recipe, epochs=epochs, batch_size=min(recipe.batch_size, max(8, pictures // 8)))

    def release(self, model: nn.Module) -> nn.Module:
        """Let the part of the frozen model train that this flavour trains."""
        return unfreeze(model, fine_tune_start(model)) if self.probe_first else model

    def check(self, model: str, classes: int) -> None:
        """Find out before hours of training whether its weights can be had and its model takes its pictures.

        Args:
            model: Name of the model that is compared.
            classes: Number of classes.

        Raises:
            CourseError: The weights are missing, or the model does not suit this flavour.
        """
        name, side = self.model_name(model), self.image_size(model)
        started = self.start(name, classes, 0).eval()
        head = head_of(started)
        if (self.profile_recipe is None or self.probe_first) and not isinstance(head, nn.Linear):
            raise CourseError(
                f"The head of {name} is a {type(head).__name__}, and the flavour {self.name} fits a linear one. "
                "Leave that flavour out (--flavour names those to run), or choose another model."
            )
        try:
            with torch.inference_mode():
                found = tuple(started(torch.zeros(1, 3, side, side)).shape)
        except (RuntimeError, ValueError, AssertionError) as error:
            raise CourseError(
                f"{name} takes no pictures of {side} px ({error}). Choose another model."
            ) from error
        if found != (1, classes):
            raise CourseError(
                f"{name} answers a picture with a tensor of shape {found}; expected {(1, classes)}, a logit for each class. "
                "Choose another model."
            )

    def pictures_side(self, model: str) -> int:
        """Side in px at which its pictures are kept: what its model's weights ask for, whoever else is compared."""
        return preprocessing_for(self.model_name(model)).resize_size


def _pretrained(name: str, classes: int, seed: int) -> nn.Module:
    return freeze(load_pretrained(name, classes, seed=seed))


def _later_part_free(name: str, classes: int, seed: int) -> nn.Module:
    model = _pretrained(name, classes, seed)
    return unfreeze(model, fine_tune_start(model))


def _definition(name: str, classes: int, seed: int) -> nn.Module:
    return build_definition(name, classes, seed=seed)


def fine_tune_start(model: nn.Module) -> str:
    """The part to train from: the latest one that still leaves :data:`FINE_TUNE_SHARE` of the parameters to train.

    Early parts hold few parameters, see edges and colours, which serve any picture, and cost the most time to train.
    """
    names = stage_names(model)
    total = count_parameters(model).total
    tail = 0
    for name in reversed(names):
        tail += sum(p.numel() for p in model.get_submodule(name).parameters())
        if tail >= FINE_TUNE_SHARE * total:
            return name
    return names[0]


FLAVOURS = {
    flavour.name: flavour
    for flavour in (
        Flavour(
            "scratch",
            "from scratch, same architecture",
            _definition,
            lambda: Recipe(epochs=pick(smoke=1, standard=30, full=100), lr=2e-3),
            budget=BUDGET,
        ),
        Flavour(
            "scratch_short",
            "from scratch, a short training",
            _definition,
            lambda: Recipe(
                epochs=pick(smoke=1, standard=16, full=100), lr=1e-3, batch_size=10, label_smoothing=0.0
            ),
            own_model="resnet18",
            own_size=96,
            budget=BUDGET,
        ),
        Flavour(
            "scratch_best",
            "from scratch, at its best",
            _definition,
            lambda: Recipe(epochs=pick(smoke=1, standard=120, full=200), lr=1e-3),
            own_model="resnet18",
            own_size=128,
            budget=3 * BUDGET,
        ),
        Flavour(
            "linear_probe",
            "pre-trained, linear probe",
            _pretrained,
            also=lambda: {"l2": L2_CANDIDATES},
        ),
        Flavour(
            "fine_tune",
            "pre-trained, fine-tuned",
            _later_part_free,
            lambda: Recipe(
                epochs=pick(smoke=1, standard=30, full=60),
                lr=3e-3,
                lr_backbone=5e-4,
                weight_decay=0.01,
                label_smoothing=0.2,
                mixup=0.2,
            ),
            budget=BUDGET,
            also=lambda: {"share": FINE_TUNE_SHARE},
        ),
        Flavour(
            "fine_tune_short",
            "pre-trained, fine-tuned briefly",
            _pretrained,
            lambda: Recipe(
                epochs=pick(smoke=1, standard=8, full=30),
                lr=3e-3,
                lr_backbone=5e-4,
                batch_size=10,
                weight_decay=0.01,
                label_smoothing=0.0,
            ),
            budget=BUDGET,
            probe_first=True,
            also=lambda: {"share": FINE_TUNE_SHARE, "probe_first": True, "l2": L2_CANDIDATES},
        ),
    )
}

COMPARED = tuple(name for name in FLAVOURS if not name.endswith("_short"))
"""The flavours of a comparison."""


def find_flavours(names: Sequence[str]) -> list[Flavour]:
    """The flavours of these names, each once.

    Raises:
        CourseError: There is none, or one the course does not know.
    """
    unknown = [name for name in names if name not in FLAVOURS]
    if unknown or not names:
        raise CourseError(
            f"Unknown flavour: {', '.join(unknown) or 'none given'}. Expected some of {', '.join(FLAVOURS)}."
        )
    return [FLAVOURS[name] for name in dict.fromkeys(names)]
