"""The linear probe: a linear classifier on the features of a frozen backbone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_utils.errors import CourseError
from course_utils.metrics.classification import Metrics, metrics_of
from course_utils.models import head_of
from course_utils.training.features import Features

L2_CANDIDATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
MAX_ITERATIONS = 200


@dataclass(frozen=True, eq=False)
class LinearProbe:
    """A linear classifier, and how it was chosen.

    Attributes:
        weight: float32 (classes, D).
        bias: float32 (classes,).
        l2: The penalty that val preferred.
        val: Loss and accuracy on val for every penalty that was tried.
    """

    weight: Tensor
    bias: Tensor
    l2: float
    val: dict[float, Metrics]

    def logits(self, x: Tensor) -> Tensor:
        """(N, D) features to (N, classes) logits."""
        return F.linear(x, self.weight, self.bias)

    def evaluate(self, features: Features) -> Metrics:
        """Loss and accuracy on other features of the same backbone."""
        return metrics_of(self.logits(features.x), features.y)

    def install(self, model: nn.Module) -> nn.Module:
        """Copy the probe into the model's head, so that the model itself gives the probe's logits.

        Raises:
            CourseError: The head has another shape, or no bias.
        """
        head = head_of(model)
        if head.weight.shape != self.weight.shape:
            raise CourseError(
                f"The head has shape {tuple(head.weight.shape)}, the probe {tuple(self.weight.shape)}: "
                f"call replace_head(model, {len(self.bias)}) first."
            )
        if head.bias is None:
            raise CourseError(
                f"The head of {type(model).__name__} has no bias, the probe has one: "
                f"call replace_head(model, {len(self.bias)}) first."
            )
        with torch.no_grad():
            head.weight.copy_(self.weight)
            head.bias.copy_(self.bias)
        return model


def linear_probe(train: Features, *, val: Features, l2: Sequence[float] = L2_CANDIDATES) -> LinearProbe:
    """Fit a linear classifier for each penalty and keep the one with the lowest loss on val.

    Multinomial logistic regression on standardised features, solved by L-BFGS: it minimises the
    mean cross-entropy plus ``l2`` times the sum of the squared weights, from the largest penalty to the smallest, each
    beginning where the last one ended. The standardisation is folded into the result.

    Args:
        train: Features of the training pictures; every class must occur.
        val: Features of the val pictures.
        l2: The penalties to try, each above 0.

    Raises:
        CourseError: No candidates, or one that is not above 0; or features that don't go together.
    """
    if not l2 or min(l2) <= 0:
        raise CourseError(f"l2 is {tuple(l2)}; expected one or more penalties above 0.")
    _check(train, val)
    solutions = _solve(train, l2)
    measured = {penalty: metrics_of(F.linear(val.x, *solutions[penalty]), val.y) for penalty in l2}
    best = min(l2, key=lambda penalty: measured[penalty].loss)
    return LinearProbe(*solutions[best], best, measured)


def _check(train: Features, val: Features) -> None:
    for features, name in ((train, "train"), (val, "val")):
        if not len(features.x):
            raise CourseError(f"The features of {name} are of no picture; expected one or more.")
        if not torch.isfinite(features.x).all():
            raise CourseError(
                f"The features of {name} hold nan or infinite numbers: the backbone has diverged."
            )
    if train.x.shape[1] != val.x.shape[1]:
        raise CourseError(
            f"train has {train.x.shape[1]} features a picture and val {val.x.shape[1]}: expected the same backbone."
        )
    if unknown := sorted(set(val.y.tolist()) - set(train.y.tolist())):
        raise CourseError(f"val has the labels {unknown[:5]}, of which train has no picture.")


def _solve(train: Features, penalties: Sequence[float]) -> dict[float, tuple[Tensor, Tensor]]:
    mean, std = train.x.mean(0), train.x.std(0, correction=0).clamp_min(1e-6)
    x, classes = (train.x - mean) / std, int(train.y.max()) + 1
    weight = torch.zeros(classes, x.shape[1], requires_grad=True)
    bias = torch.zeros(classes, requires_grad=True)
    solutions = {}
    for l2 in sorted(penalties, reverse=True):
        optimizer = torch.optim.LBFGS([weight, bias], max_iter=MAX_ITERATIONS, line_search_fn="strong_wolfe")

        def closure(optimizer: torch.optim.Optimizer = optimizer, l2: float = l2) -> Tensor:
            optimizer.zero_grad()
            loss = F.cross_entropy(F.linear(x, weight, bias), train.y) + l2 * weight.square().sum()
            loss.backward()
            return loss

        optimizer.step(closure)
        scaled = weight.detach() / std
        solutions[l2] = scaled, bias.detach() - scaled @ mean
    return solutions
