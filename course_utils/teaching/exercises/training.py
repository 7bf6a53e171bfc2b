"""Exercises on training from scratch (lesson 3)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_utils.teaching.checks import NotYet, exercise


def _check_guessing_loss(answer: Callable[[int], float]) -> str:
    for classes in (12, 2, 200):
        found, expected = answer(classes), math.log(classes)
        if math.isclose(found, expected, rel_tol=1e-3):
            continue
        if math.isclose(found, -expected, rel_tol=1e-3):
            raise NotYet(
                "The sign is the wrong way round: a loss counts what is missing, so it is never negative."
            )
        if math.isclose(found, 1 / classes, rel_tol=1e-3):
            raise NotYet("That is the probability of the right class. Cross-entropy is minus its logarithm.")
        if math.isclose(found, 1 - 1 / classes, rel_tol=1e-3):
            raise NotYet(
                "That is the share of an even guess that is wrong. Cross-entropy is minus the logarithm of the probability "
                "of the right class."
            )
        if math.isclose(found, math.log2(classes), rel_tol=1e-3) or math.isclose(
            found, math.log10(classes), rel_tol=1e-3
        ):
            raise NotYet(
                "The right idea in another base: PyTorch's cross-entropy uses the natural logarithm."
            )
        raise NotYet(
            f"For {classes} classes it returned {found:.3f}. What is -log(p) when p is the same for every class?"
        )
    return "An even guess costs log(number of classes), so any first loss can be checked in your head."


@exercise(
    _check_guessing_loss,
    "Each class gets the probability 1 / num_classes, the right one too.",
    "Cross-entropy is minus the natural logarithm of the probability that the right class got.",
    "math.log is the natural logarithm.",
)
def guessing_loss(num_classes):
    return math.log(num_classes)


class _Watched(torch.optim.SGD):
    """An optimiser on a small model that writes down what is done to its gradients, in order."""

    def __init__(self) -> None:
        self.model = nn.utils.skip_init(nn.Linear, 2, 3)  # draws no random numbers
        nn.init.constant_(self.model.bias, 0.0)
        nn.init.eye_(self.model.weight)
        self.calls: list[str] = []
        self.model.weight.register_hook(lambda gradient: self.calls.append("backward"))
        super().__init__(self.model.parameters(), lr=0.5)

    def zero_grad(self, set_to_none: bool = True) -> None:
        self.calls.append("zero_grad")
        super().zero_grad(set_to_none)

    def step(self, closure: Any = None) -> Any:
        self.calls.append("step")
        return super().step(closure)

    def weights(self) -> Tensor:
        return torch.cat([self.model.weight, self.model.bias[:, None]], 1).detach().clone()


def _batches() -> list[tuple[Tensor, Tensor]]:
    return [
        (torch.tensor([[1.0, 2.0], [3.0, -1.0]]), torch.tensor([0, 2])),
        (torch.tensor([[-2.0, 1.0], [0.5, 0.5], [1.0, 0.0]]), torch.tensor([1, 1, 0])),
    ]


def _check_training_step(answer: Callable[[nn.Module, torch.optim.Optimizer, Tensor, Tensor], float]) -> str:
    expected, watched = _Watched(), _Watched()
    for number, (right, given) in enumerate(zip(_batches(), _batches(), strict=True)):
        loss = training_step.answer(expected.model, expected, *right)
        del watched.calls[:]
        found = answer(watched.model, watched, *given)
        if torch.equal(watched.weights(), expected.weights()):
            _check_loss(found, loss)
        else:
            raise NotYet(_what_is_missing(watched.calls, first=number == 0))
    return "Empty, compute, move: these three lines train every network in this course."


def _check_loss(found: Any, expected: float) -> None:
    if isinstance(found, Tensor):
        raise NotYet(
            "The weights move as they should, but it returned a tensor: loss.item() is the plain number."
        )
    if not math.isclose(found, expected, rel_tol=1e-4):
        raise NotYet(
            f"The weights move as they should, but it returned {found:.4f} where the loss was {expected:.4f}."
        )


def _what_is_missing(calls: Sequence[str], *, first: bool) -> str:
    """Why two steps did not move the weights as they should, from what was called."""
    if not calls:
        return "`training_step` is still to be written: the weights have not moved."
    if "backward" not in calls:
        return (
            "Nothing computes the gradients. loss.backward() does, for every weight that the loss depends on."
        )
    if "step" not in calls:
        return "The gradients are there, and no weight moves along them. optimizer.step() does that."
    if calls.index("step") < calls.index("backward"):
        return "It moves the weights before backward has computed this batch's gradients."
    if "zero_grad" in calls[calls.index("backward") : calls.index("step")]:
        return "zero_grad empties what backward has just computed, before step could use it."
    if first:
        return "One step does not move the weights as it should. Is each of the three lines there once?"
    return (
        "The first batch is right, the second is not: backward adds to the gradients that the first has left. "
        "optimizer.zero_grad() empties them."
    )


@exercise(
    _check_training_step,
    "Three lines, one call each: one empties the gradients, one computes them, one moves the weights.",
    "The optimiser has zero_grad() and step(); backward() belongs to the loss.",
    "optimizer.zero_grad(), then loss.backward(), then optimizer.step().",
)
def training_step(model, optimizer, pictures, labels):
    loss = F.cross_entropy(model(pictures), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


_CHANCE = math.log(16)
_RUNS = {
    "comes to rest": ("good", [2.7, 1.6, 0.9, 0.6, 0.45, 0.41], [2.7, 1.8, 1.1, 0.8, 0.71, 0.70], _CHANCE),
    "still falls": ("good", [2.7, 2.4, 2.1, 1.8, 1.5, 1.2], [2.7, 2.5, 2.2, 1.9, 1.6, 1.4], _CHANCE),
    "turns up on val": (
        "over-fit",
        [2.7, 1.2, 0.5, 0.1, 0.03, 0.01],
        [2.7, 1.5, 0.9, 0.8, 1.1, 1.4],
        _CHANCE,
    ),
    "never falls on val": (
        "over-fit",
        [2.7, 1.5, 0.6, 0.1, 0.01, 0.0],
        [2.8, 2.8, 2.8, 2.8, 2.8, 2.8],
        _CHANCE,
    ),
    "hardly moves": (
        "under-fit",
        [2.8, 2.7, 2.6, 2.5, 2.45, 2.41],
        [2.8, 2.8, 2.7, 2.6, 2.58, 2.55],
        _CHANCE,
    ),
    "hardly moves, with two classes": (
        "under-fit",
        [0.69, 0.67, 0.65, 0.62],
        [0.69, 0.68, 0.67, 0.66],
        math.log(2),
    ),
}


def _check_diagnose(answer: Callable[[list[float], list[float], float], str]) -> str:
    answers = {
        name: answer(list(train), list(val), chance) for name, (_, train, val, chance) in _RUNS.items()
    }
    allowed = {expected for expected, *_ in _RUNS.values()}
    strange = [found for found in answers.values() if found not in allowed]
    if strange:
        raise NotYet(f'It returned {strange[0]!r}. Expected one of "under-fit", "over-fit" or "good".')
    if answers["still falls"] == "under-fit":
        raise NotYet(
            "A run whose train loss still falls was called under-fit. It might gain from more epochs, but it has "
            "learned: compare where train ends with chance."
        )
    if answers["comes to rest"] == "over-fit":
        raise NotYet(
            "A gap between train and val alone is no over-fitting. Has val learned, and does it end near its lowest?"
        )
    if answers["never falls on val"] != "over-fit":
        raise NotYet(
            f"A run that knows train by heart while val stays at guessing was called {answers['never falls on val']}. "
            "Val never rose, but it never learned either."
        )
    if answers["turns up on val"] != "over-fit":
        raise NotYet(
            f"A run whose val loss turns up was called {answers['turns up on val']}. Compare val's last value with val's "
            "lowest."
        )
    if answers["hardly moves, with two classes"] != "under-fit":
        raise NotYet(
            "With two classes guessing costs 0.69: three quarters of chance is another number there."
        )
    for name, (expected, *_) in _RUNS.items():
        if answers[name] != expected:
            raise NotYet(f"A run that {name} is {expected}, and was called {answers[name]}.")
    return "Train says whether anything was learned; val says whether it was the birds or the pictures."


@exercise(
    _check_diagnose,
    "Begin with under-fitting: is train[-1] above 0.75 * chance?",
    "If not, look at val: is val[-1] above 0.75 * chance, or above 1.1 * min(val)?",
)
def diagnose(train, val, chance):
    if train[-1] > 0.75 * chance:
        return "under-fit"
    if val[-1] > 0.75 * chance or val[-1] > 1.1 * min(val):
        return "over-fit"
    return "good"
