"""The studies on the scans: what is trained, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import nn

from course_utils.models import (
    ResNetConfig,
    build_definition,
    load_pretrained,
    replace_head,
    take_one_channel,
)
from course_utils.models.packaged import LITE0
from course_utils.runtime import pick
from course_utils.training.fit import Recipe

SMALL = ResNetConfig(depth=(1, 1, 1), width=32, in_channels=1)
"""The definition of the lesson: three stages of one block, half as wide as usual, for one channel. The study of shapes
recommends it: on val no deeper one and no other activation can be told from it, so the smallest and fastest wins."""

SIZES = (150, 450, None)
"""Studies to train on; None takes all."""

SMALL_LOOKS, LITE_LOOKS = 24_000, 9_600
"""Pictures that training sees at most: about the same time for the small network and the large one."""


@dataclass(frozen=True)
class ScanVariant:
    """One way to a detector.

    Attributes:
        label: What a figure calls it.
        model: A model's name, or the shape of a residual network that takes one channel.
        pretrained: Whether it starts from ImageNet weights (a name only).
        studies: How many it trains on; None takes all.
        exam: Empty for the usual splits. ``"strangers"`` and ``"acquaintances"`` are the two sides of a planted leak,
            see :func:`~sweeps.scan_runs.leak_trial`.
    """

    label: str
    model: str | ResNetConfig
    pretrained: bool = False
    studies: int | None = None
    exam: Literal["", "strangers", "acquaintances"] = ""

    def described(self) -> dict[str, str | int]:
        """Its label, and the number of layers and the activation of a shape of one's own."""
        shape = self.model if isinstance(self.model, ResNetConfig) else None
        return {"label": self.label} | (
            {"layers": shape.layers, "activation": shape.activation} if shape else {}
        )

    def build(self, seed: int) -> nn.Module:
        """The model that training begins with: all of it trains, with BatchNorm that follows the scans."""
        if isinstance(self.model, ResNetConfig):
            return build_definition(self.model, 2, seed=seed)
        if self.pretrained:
            return take_one_channel(load_pretrained(self.model, 2, seed=seed))
        # timm's random head of two logits is so large that the first loss is ten times that of a coin.
        return take_one_channel(replace_head(build_definition(self.model, 2, seed=seed), 2, seed=seed))

    def recipe(self, studies: int) -> Recipe:
        """How it trains on so many studies in the profile in force: fewer epochs where there are more."""
        small = isinstance(self.model, ResNetConfig)
        looks, most = (SMALL_LOOKS, 60) if small else (LITE_LOOKS, 30)
        epochs = pick(smoke=1, standard=max(1, min(most, looks // studies)), full=60)
        if small:
            return Recipe(epochs=epochs, lr=1e-3)
        return (
            Recipe(epochs=epochs, lr=3e-3, lr_backbone=1e-3) if self.pretrained else Recipe(epochs, lr=1e-3)
        )


def scan_variants() -> dict[str, list[ScanVariant]]:
    """The studies on the scans by name: the variants of each, in the order a figure shows them."""
    shapes = [
        ResNetConfig(depth, activation=activation, width=32, in_channels=1)
        for depth in ((1, 1, 1), (1, 1, 1, 1), (2, 2, 2, 2))
        for activation in ("relu", "silu")
    ]
    shapes.append(ResNetConfig((1, 1, 1, 1), activation="tanh", width=32, in_channels=1))
    return {
        "shape": [ScanVariant(f"{shape.layers} layers, {shape.activation}", shape) for shape in shapes],
        "size": [
            ScanVariant(label, model, pretrained, size)
            for size in SIZES
            for label, model, pretrained in (
                ("8 layers, relu", SMALL, False),
                ("Lite0 with ImageNet weights", LITE0, True),
                ("Lite0 from scratch", LITE0, False),
            )
        ],
        "leak": [
            ScanVariant("patients apart", SMALL, exam="strangers"),
            ScanVariant("studies mixed", SMALL, exam="acquaintances"),
        ],
    }
