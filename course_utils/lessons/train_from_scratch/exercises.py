"""Exercises on training from scratch (lesson 3)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_utils.notebook.checks import NotYet, exercise, one_number


def _check_guessing_loss(answer: Callable[[int], float]) -> str:
    answers = {classes: one_number(answer(classes)) for classes in (12, 2, 200)}
    if len(set(answers.values())) == 1:
        raise NotYet(f"It returns {answers[2]:.3f} whatever num_classes is. Use the argument.")
    if all(found == round(math.log(classes), 2) for classes, found in answers.items()):
        raise NotYet("The right idea. Return the number as it is, without rounding.")
    for classes, found in answers.items():
        expected = math.log(classes)
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
        if any(math.isclose(abs(found), log(classes), rel_tol=1e-3) for log in (math.log2, math.log10)):
            raise NotYet(
                "The right idea in another base: PyTorch's cross-entropy uses the natural logarithm, and is never negative."
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


class SGD(torch.optim.SGD):
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
    expected, watched = SGD(), SGD()
    for number, (right, given) in enumerate(zip(_batches(), _batches(), strict=True)):
        loss = training_step.answer(expected.model, expected, *right)
        before = watched.weights()
        del watched.calls[:]
        found = answer(watched.model, watched, *given)
        moved = not torch.equal(watched.weights(), before)
        if "step" not in watched.calls and moved:
            raise NotYet(
                "The weights move, but not by the optimiser that was handed in. Call optimizer.step()."
            )
        if not torch.equal(watched.weights(), expected.weights()):
            _check_calls(watched.calls, first=number == 0)
            _check_loss(found, loss)
            raise NotYet(
                "The three calls are there, and the weights still move otherwise than they should. Is each made once, and "
                "nothing between them that changes a gradient or a weight?"
            )
        _check_loss(found, loss)
    return "Empty, compute, move: these three lines train every network in this course."


def _check_loss(found: Any, expected: float) -> None:
    if isinstance(found, Tensor):
        raise NotYet("It returned a tensor: loss.item() is the plain number.")
    if not math.isclose(one_number(found), expected, rel_tol=1e-4):
        raise NotYet(
            f"It returned {found:.4f} where the loss is {expected:.4f}: that of F.cross_entropy(model(pictures), labels), "
            "as it stood."
        )


def _check_calls(calls: Sequence[str], *, first: bool) -> None:
    """Say what is missing from a step that did not move the weights as it should, if the calls tell."""
    if not calls:
        raise NotYet(
            "`training_step` is still to be written: the weights have not moved. (Do the calls have their `()`, and do they "
            "stand before `return`?) Stuck? `.hint()` gives a nudge."
        )
    if "backward" not in calls:
        raise NotYet(
            "Nothing computes the gradients. loss.backward() does, for every weight that the loss depends on."
        )
    if "step" not in calls:
        raise NotYet("The gradients are there, and no weight moves by them. optimizer.step() does that.")
    if calls.index("step") < calls.index("backward"):
        raise NotYet("It moves the weights before backward has computed this batch's gradients.")
    if "zero_grad" in calls[calls.index("backward") : calls.index("step")]:
        raise NotYet("zero_grad empties what backward has just computed, before step could use it.")
    if not first and "zero_grad" not in calls:
        raise NotYet(
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
    "comes to rest":
        ("good", [2.7, 1.6, 0.9, 0.6, 0.45, 0.41], [2.7, 1.8, 1.1, 0.8, 0.71, 0.7], _CHANCE),
    "still falls":
        ("good", [2.7, 2.4, 2.1, 1.8, 1.5, 1.2], [2.7, 2.5, 2.2, 1.9, 1.6, 1.4], _CHANCE),
    "turns up on val":
        ("over-fit", [2.7, 1.2, 0.5, 0.1, 0.03, 0.01], [2.7, 1.5, 0.9, 0.8, 1.1, 1.4], _CHANCE),
    "never falls on val":
        ("over-fit", [2.7, 1.5, 0.6, 0.1, 0.01, 0.0], [2.8, 2.8, 2.8, 2.8, 2.8, 2.8], _CHANCE),
    "hardly moves":
        ("under-fit", [2.8, 2.7, 2.6, 2.5, 2.45, 2.41], [2.8, 2.8, 2.7, 2.6, 2.58, 2.55], _CHANCE),
    "hardly moves, with two classes":
        ("under-fit", [0.69, 0.67, 0.65, 0.62], [0.69, 0.68, 0.67, 0.66], math.log(2)),
    "falls on train, but dips first and ends above three quarters of chance":
        ("under-fit", [2.7, 1.9, 2.0, 2.1, 2.2, 2.15], [2.8, 2.7, 2.6, 2.5, 2.4, 2.4], _CHANCE),
    "learns late, and ends well below three quarters of chance":
        ("good", [2.8, 2.8, 2.8, 2.8, 2.7, 1.0], [2.8, 2.8, 2.8, 2.8, 2.7, 1.1], _CHANCE),
    "ends just below three quarters of chance":
        ("good", [2.7, 2.5, 2.3, 2.2, 2.1, 2.03], [2.7, 2.6, 2.4, 2.3, 2.15, 2.05], _CHANCE),
    "learns train, while val ends between three quarters of chance and chance":
        ("over-fit", [2.7, 2.0, 1.4, 0.9, 0.6, 0.5], [2.8, 2.5, 2.3, 2.2, 2.15, 2.14], _CHANCE),
    "ends 7% above val's lowest loss":
        ("good", [2.7, 1.6, 0.9, 0.6, 0.45, 0.41], [2.7, 1.5, 1.0, 1.03, 1.05, 1.07], _CHANCE),
    "creeps up to 13% above val's lowest loss":
        ("over-fit", [2.7, 1.6, 0.9, 0.6, 0.45, 0.41], [2.7, 1.5, 1.0, 1.05, 1.09, 1.13], _CHANCE),
}  # fmt: skip


def _check_diagnose(answer: Callable[[list[float], list[float], float], str]) -> str:
    answers = {
        name: answer(list(train), list(val), chance) for name, (_, train, val, chance) in _RUNS.items()
    }
    allowed = {expected for expected, *_ in _RUNS.values()}
    strange = [found for found in answers.values() if not isinstance(found, str) or found not in allowed]
    if strange:
        missing = " Is a `return` missing?" if strange[0] is None else ""
        raise NotYet(
            f'It returned {strange[0]!r}. Expected one of "under-fit", "over-fit" or "good".{missing}'
        )
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
    if answers["hardly moves"] != "under-fit":
        raise NotYet(
            f"A run whose train loss hardly moves was called {answers['hardly moves']}. Look at train first: where it ends "
            "above three quarters of chance, val does not matter any more."
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
