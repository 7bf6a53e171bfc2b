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
        if not watched.model.training:
            raise NotYet(
                "It leaves the model in eval mode, in which BatchNorm does not learn. The three calls are enough."
            )
        if not torch.allclose(watched.weights(), expected.weights(), rtol=1e-5, atol=1e-6):
            _check_calls(watched.calls, first=number == 0)
            _check_loss(found, loss)
            raise NotYet(
                "The three calls are there, and the weights still move otherwise than they should. Is each made once, and "
                "nothing between them that changes a gradient or a weight?"
            )
        _check_loss(found, loss)
    return "Empty, compute, move: these three lines train nearly every network."


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


_ACCURACIES = {
    "has a single epoch": (True, [0.05], 360),
    "ends with its highest accuracy": (True, [0.1, 0.2, 0.3], 360),
    "ends a little below its highest accuracy": (True, [0.2, 0.36, 0.34], 360),
    "ends 3 points below the highest, on 360 pictures": (False, [0.2, 0.36, 0.33], 360),
    "ends 3 points below the highest, on 36 pictures": (True, [0.2, 0.36, 0.33], 36),
    "fell long ago and stays there": (False, [0.4, 0.3, 0.3], 360),
    "ends 1.8 points below 98%, on 100 pictures": (False, [0.9, 0.98, 0.962], 100),
    "ends with all pictures named rightly": (True, [0.9, 1.0], 100),
    "begins with no picture named rightly": (True, [0.0], 100),
}


def _check_worth_keeping(answer: Callable[[list[float], int], bool]) -> str:
    found = {name: answer(list(values), n) for name, (_, values, n) in _ACCURACIES.items()}
    for value in found.values():
        if value is None:
            raise NotYet("It returned `None`. Is a `return` missing?")
        if isinstance(value, (str, float, list, tuple)) or value not in (True, False):
            raise NotYet(f"It returned {value!r}. Expected True or False: is the last epoch worth keeping?")
    found = {name: bool(value) for name, value in found.items()}
    if not any(found.values()) or all(found.values()):
        raise NotYet(
            f"It says {found['has a single epoch']} of every run, also of one that fell from 40% to 30%. How large is one "
            "standard error? The square root matters, and n inside it."
        )
    if not found["ends a little below its highest accuracy"]:
        raise NotYet(
            "34% is called worse than 36%. On 360 pictures the standard error of 36% is 2.5 points, so the difference may "
            "well be luck. Is the square root taken, and does it divide by n inside?"
        )
    if found["fell long ago and stays there"]:
        raise NotYet("Compare the last epoch with the highest of all, not with the one before it.")
    if (
        found["ends 3 points below the highest, on 360 pictures"]
        and found["ends 1.8 points below 98%, on 100 pictures"]
    ):
        raise NotYet(
            "It allows too much. How large is one standard error of the highest? The square root matters, too."
        )
    if not found["ends 3 points below the highest, on 36 pictures"]:
        raise NotYet("With a tenth of the pictures an accuracy is three times as uncertain. Use n.")
    if found["ends 1.8 points below 98%, on 100 pictures"]:
        raise NotYet(
            "Which accuracy's standard error did you take? The one that counts is that of the highest."
        )
    for name, (expected, *_) in _ACCURACIES.items():
        if found[name] != expected:
            raise NotYet(f"A run that {name}: expected {expected}, and it returned {found[name]}.")
    return "What lies within a standard error may well be luck; and the later epoch has had more training."


@exercise(
    _check_worth_keeping,
    "best = max(accuracies) is the highest; accuracies[-1] is the last.",
    "The standard error of best is math.sqrt(best * (1 - best) / n).",
    "Return accuracies[-1] >= best - error.",
)
def worth_keeping(accuracies, n):
    best = max(accuracies)
    error = math.sqrt(best * (1 - best) / n)
    return accuracies[-1] >= best - error
