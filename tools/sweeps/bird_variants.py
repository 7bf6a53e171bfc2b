"""The studies of the course: which one thing is changed, and to what."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from torch import nn

from course_utils.experiments.flavours import FLAVOURS
from course_utils.models import build_definition, freeze, load_pretrained, unfreeze
from course_utils.models.packaged import LITE0
from course_utils.training.fit import Recipe

IMAGES_PER_CLASS = 10
RATES = (2.5e-4, 5e-4, 1e-3, 2e-3)
"""Of the borrowed part."""
DEPTHS = {
    "blocks.6": "blocks.6 on",
    "blocks.4": "blocks.4 on",
    "blocks.2": "blocks.2 on",
    "conv_stem": "everything",
}
BEST = ("blocks.2", 5e-4)
"""What val preferred among these: it is the recipe of ``fine_tune_short``."""


@dataclass(frozen=True)
class Variant:
    """One way to train.

    Attributes:
        label: What a figure calls it.
        flavour: ``"scratch_short"`` (a definition) or ``"fine_tune"`` (with pre-trained weights).
        recipe: How it is trained.
        augment: Whether training shows random crops and mirror images.
        start: For ``fine_tune`` the first part that trains, such as ``"blocks.4"``.
        batch_norm: Of the part that trains, see :func:`~course_utils.models.unfreeze`.
        probe_first: Whether a linear probe is the head that training begins with; otherwise it is random.
    """

    label: str
    flavour: str
    recipe: Recipe
    augment: bool = True
    start: str = ""
    batch_norm: Literal["frozen", "trained"] = "frozen"
    probe_first: bool = False

    @property
    def model_name(self) -> str:
        """The model that its flavour takes."""
        return FLAVOURS[self.flavour].model_name(LITE0)

    @property
    def image_size(self) -> int:
        """Side in px that the model sees in the profile in force."""
        return FLAVOURS[self.flavour].image_size(self.model_name)

    def build(self, classes: int, seed: int) -> nn.Module:
        """The model as it comes: its definition, or frozen with its weights."""
        if self.flavour != "fine_tune":
            return build_definition(self.model_name, classes, seed=seed)
        return freeze(load_pretrained(self.model_name, classes, seed=seed))

    def release(self, model: nn.Module) -> None:
        """Let the part of a frozen model train that is to."""
        if self.start:
            unfreeze(model, self.start, batch_norm=self.batch_norm)


def study_variants() -> dict[str, list[Variant]]:
    """The studies of the course by name: the variants of each, in the order a figure shows them."""
    scratch = FLAVOURS["scratch_short"].recipe()
    tuned = FLAVOURS["fine_tune_short"].recipe()
    bare = replace(scratch, weight_decay=0.0)
    whole = Variant("all of it", "fine_tune", tuned, start=BEST[0], probe_first=True)
    moving = {"batch_norm": "trained"}
    return {
        "learning_rate": [
            Variant(f"{lr:g}", "scratch_short", replace(scratch, lr=lr))
            for lr in (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
        ],
        "regularisation": [
            Variant("nothing", "scratch_short", bare, augment=False),
            Variant("weight decay", "scratch_short", scratch, augment=False),
            Variant("augmentation", "scratch_short", bare),
            Variant("both", "scratch_short", scratch),
        ],
        "rate_and_depth": [
            replace(
                whole,
                label=f"{label}, {rate:g}",
                recipe=replace(tuned, lr_backbone=rate),
                start=start,
                **options,
            )
            for start, label, options in (
                *((start, label, {}) for start, label in DEPTHS.items()),
                (BEST[0], f"{DEPTHS[BEST[0]]}, BatchNorm moves", moving),
            )
            for rate in RATES
        ],
        "ingredients": [
            whole,
            replace(whole, label="head not trained first", probe_first=False),
            replace(whole, label="no crops, no mirror", augment=False),
            replace(whole, label="one rate for all", recipe=replace(tuned, lr=tuned.lr_backbone)),
            replace(whole, label="with label smoothing", recipe=replace(tuned, label_smoothing=0.1)),
            replace(whole, label="with mixup", recipe=replace(tuned, mixup=0.2)),
            replace(whole, label="longer: 30 epochs", recipe=replace(tuned, epochs=30)),
        ],
    }
