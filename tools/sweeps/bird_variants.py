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
BATCH_SIZE = 20
"""As lesson 4 trains on the 180 pictures; a comparison takes an eighth of them, 22."""


@dataclass(frozen=True)
class Variant:
    """One way to train.

    Attributes:
        label: What a figure calls it.
        flavour: ``"scratch_short"`` (a definition) or ``"fine_tune"`` (with pre-trained weights).
        recipe: How it is trained.
        augment: Whether training shows random crops and mirror images.
        start: For ``fine_tune`` the first part that trains, such as ``"blocks.4"``; ``""`` trains the head only.
        batch_norm: Of the part that trains, see :func:`~course_utils.models.unfreeze`.
    """

    label: str
    flavour: str
    recipe: Recipe
    augment: bool = True
    start: str = ""
    batch_norm: Literal["frozen", "trained"] = "frozen"

    @property
    def model_name(self) -> str:
        """The model that its flavour takes."""
        return FLAVOURS[self.flavour].model_name(LITE0)

    @property
    def image_size(self) -> int:
        """Side in px that the model sees in the profile in force."""
        return FLAVOURS[self.flavour].image_size(self.model_name)

    def build(self, classes: int, seed: int) -> nn.Module:
        """The model that training begins with."""
        if self.flavour != "fine_tune":
            return build_definition(self.model_name, classes, seed=seed)
        model = freeze(load_pretrained(self.model_name, classes, seed=seed))
        return unfreeze(model, self.start, batch_norm=self.batch_norm) if self.start else model


def study_variants() -> dict[str, list[Variant]]:
    """The studies of the course by name: the variants of each, in the order a figure shows them."""
    scratch = FLAVOURS["scratch_short"].recipe()
    tuned = replace(FLAVOURS["fine_tune"].recipe(), batch_size=BATCH_SIZE)
    bare = replace(scratch, weight_decay=0.0)
    whole = Variant("all of it", "fine_tune", tuned, start="blocks.4")
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
        "ingredients": [
            whole,
            replace(whole, label="no mixup", recipe=replace(tuned, mixup=0.0)),
            replace(whole, label="no label smoothing", recipe=replace(tuned, label_smoothing=0.0)),
            replace(whole, label="no crops, no mirror", augment=False),
            replace(whole, label="one high rate", recipe=replace(tuned, lr_backbone=tuned.lr)),
            replace(whole, label="a middle rate", recipe=replace(tuned, lr_backbone=1e-3)),
            replace(whole, label="one gentle rate", recipe=replace(tuned, lr=tuned.lr_backbone)),
            replace(whole, label="BatchNorm moves", batch_norm="trained"),
        ],
    }
