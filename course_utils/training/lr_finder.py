"""Which learning rate to begin with: a short run in which the rate rises until training breaks."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from itertools import chain, islice, repeat

import numpy as np
from torch import nn
from torch.optim import AdamW

from course_utils.errors import CourseError
from course_utils.models import count_parameters
from course_utils.runtime import seed_everything
from course_utils.training.fit import NOTHING_TO_TRAIN, LabelledPictures, batch_size_for, make_loader
from course_utils.training.hardware import Hardware
from course_utils.training.loop import Diverged, train_step

SMOOTHING = 0.8
STOP_ABOVE = 3.0


@dataclass(frozen=True)
class LearningRates:
    """What a range test saw.

    Attributes:
        rates: The rate at each step, rising by the same factor.
        losses: Smoothed training loss at each step.
    """

    rates: list[float]
    losses: list[float]

    @property
    def suggestion(self) -> float:
        """A rate that still has room above it: a tenth of the one with the lowest loss."""
        return self.rates[int(np.argmin(self.losses))] / 10


def find_learning_rate(
    model: nn.Module,
    train: LabelledPictures,
    *,
    lowest: float = 1e-6,
    highest: float = 1.0,
    steps: int = 60,
    seed: int = 0,
    label_smoothing: float = 0.0,
) -> LearningRates:
    """Train a copy for a few steps while the learning rate rises, and note the loss (Smith 2017).

    Ends early once the loss is far above its lowest. The model itself stays as it is.

    Args:
        model: Only its copy is trained.
        train: (picture, label) pairs; batches of 32.
        lowest: Rate of the first step, above 0.
        highest: Rate of the last step.
        steps: Optimiser steps.
        seed: Decides the order of the pictures and the augmentation.
        label_smoothing: As in the recipe that the rate is for.

    Raises:
        CourseError: The rates do not rise, there are too few steps, nothing to train, or no loss to begin with.
    """
    if not 0 < lowest < highest or steps < 10:
        raise CourseError(
            f"lowest is {lowest:g}, highest {highest:g}, steps {steps}; expected 0 < lowest < highest and 10 or more steps."
        )
    if not count_parameters(model).trainable:
        raise CourseError(NOTHING_TO_TRAIN)
    seed_everything(seed)
    hardware = Hardware.find()
    trial = hardware.place(copy.deepcopy(model)).train()
    optimizer = AdamW([p for p in trial.parameters() if p.requires_grad], lr=lowest)
    rates, losses, mean = [], [], 0.0
    loader = make_loader(train, batch_size=batch_size_for(len(train), 32), shuffle=True, seed=seed)
    for step, batch in enumerate(islice(chain.from_iterable(repeat(loader)), steps)):
        rate = lowest * (highest / lowest) ** (step / (steps - 1))
        optimizer.param_groups[0]["lr"] = rate
        try:
            rows = train_step(
                trial, *batch, optimizer=optimizer, label_smoothing=label_smoothing, hardware=hardware
            )
        except Diverged as error:
            if losses:
                break
            raise CourseError(
                f"{error} before the first step, so no rate can be found: the weights or the pictures hold nan or "
                "infinite numbers. Build the model again."
            ) from None
        mean = SMOOTHING * mean + (1 - SMOOTHING) * rows[:, 0].mean().item()
        smoothed = mean / (1 - SMOOTHING ** (step + 1))
        if losses and smoothed > STOP_ABOVE * min(losses):
            break
        rates.append(rate)
        losses.append(smoothed)
    return LearningRates(rates, losses)
