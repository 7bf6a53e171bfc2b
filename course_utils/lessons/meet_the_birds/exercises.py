"""Exercises on looking at a data set before training on it (lesson 2)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from time import perf_counter

import torch
from torch import Tensor

from course_utils.notebook.checks import NotYet, exercise, one_number

SLOW_SECONDS = 0.2


def _check_leaked(answer: Callable[[Sequence[str], Sequence[str]], list[int]]) -> str:
    train, val = ["a1", "b2", "c3", "d4"], ["x9", "c3", "y8", "a1", "c3", "z7"]
    found = answer(list(train), list(val))
    if isinstance(found, int):
        raise NotYet(
            f"It returned {found}. Return where the copies stand in val, so that they can be looked at."
        )
    if not hasattr(found, "__len__"):
        raise NotYet(
            f"It returned a `{type(found).__name__}`, which can be read only once. Make a list of it: list(...)."
        )
    if len(found) == 1 and getattr(found[0], "ndim", 0) == 1:
        raise NotYet("np.where returns a tuple of arrays. Return the first of them.")
    try:
        places = sorted(found)
    except TypeError:
        raise NotYet(f"It returned {found!r}. Expected a list of places in val.") from None
    if places and all(isinstance(place, str) for place in places):
        raise NotYet("Those are the hashes. Return their places in val: enumerate gives both.")
    if places == [0, 2]:
        raise NotYet("Those are the places in train. It is val that must be cleaned.")
    if not places:
        raise NotYet(
            "It found nothing, but three of these val pictures are in train. A copy may stand at any place: don't "
            "compare place by place."
        )
    if places == [0, 2, 5]:
        raise NotYet("Those are the pictures that are not in train.")
    if places != [1, 3, 4]:
        raise NotYet(
            f"The copies stand at 1, 3 and 4 of {val}; it returned {places}. A train picture may be copied twice."
        )
    return (
        "A set makes this fast for a million pictures, too: looking up a hash takes the same time in any set."
    )


@exercise(
    _check_leaked,
    "Put the hashes of train into a set: known = set(train).",
    "for i, digest in enumerate(val) gives place and hash.",
    "Keep the places whose hash is in known.",
)
def leaked(train, val):
    known = set(train)
    return [i for i, digest in enumerate(val) if digest in known]


def _check_majority(answer: Callable[[Tensor, Tensor], float]) -> str:
    train = torch.tensor([3] + [0] * 6 + [1] * 3 + [2] * 2)
    val = torch.tensor([0, 1, 1, 1, 1, 2, 2, 3, 0, 0])
    found = one_number(answer(train.clone(), val.clone()))
    if math.isclose(found, 0.4, rel_tol=1e-3):
        raise NotYet(
            "That is the share of val's own commonest class. A predictor only knows train: take its commonest class."
        )
    if math.isclose(found, 0.25):
        raise NotYet(
            "That is chance, 1 / classes. The majority baseline always names train's commonest class."
        )
    if found == 3.0:
        raise NotYet("That is how many are right. Divide by the number of pictures in val.")
    if math.isclose(found, 0.5):
        raise NotYet("That is the share of the commonest class in train. Measure on val.")
    if not math.isclose(found, 0.3, rel_tol=1e-5):
        raise NotYet(
            f"Train's commonest class is 0, and 3 of the 10 val labels are 0; it returned {found:.3f}."
        )
    return "It learned one thing from train and was measured on val, as every predictor should be."


@exercise(
    _check_majority,
    "torch.bincount(train) counts each class; .argmax() gives the commonest.",
    "(val == commonest) is true where it would be right.",
    "A mean needs floats: .float().mean().item().",
)
def majority_accuracy(train, val):
    commonest = torch.bincount(train).argmax()
    return (val == commonest).float().mean().item()


def _seconds(answer: Callable[[Tensor, int], Tensor], picture: Tensor) -> float:
    start = perf_counter()
    answer(picture.clone(), 16)
    return perf_counter() - start


def _check_histogram(answer: Callable[[Tensor, int], Tensor]) -> str:
    picture = torch.zeros(3, 4, 4, dtype=torch.uint8)
    picture[0], picture[1], picture[2, :2] = 255, 100, 200
    expected = torch.tensor([[0.0, 0, 0, 1], [0, 1, 0, 0], [0.5, 0, 0, 0.5]]).flatten()
    answered = answer(picture.clone(), 4)
    found = torch.as_tensor(answered).float().flatten()
    if len(found) == 4:
        raise NotYet(
            "All channels went into one histogram of 4 bins: red and blue become the same. Make one a channel."
        )
    if len(found) != 12:
        raise NotYet(f"Expected 3 channels of 4 bins, 12 numbers; found {len(found)}.")
    if torch.allclose(found, expected * 16):
        raise NotYet(
            "Those are counts. Divide by the number of pixels, so that large and small pictures agree."
        )
    if torch.allclose(found, expected / 3):
        raise NotYet("Divide by the number of pixels of one channel: each channel's bins should add up to 1.")
    by_values = torch.tensor([[0.0, 0, 0, 1], [0, 0, 0, 1], [0.5, 0, 0, 0.5]]).flatten()
    stretched = torch.tensor([[0.0, 0, 1, 0], [0, 0, 1, 0], [0.5, 0, 0, 0.5]]).flatten()
    if torch.allclose(found, by_values) or torch.allclose(found, stretched):
        raise NotYet(
            "The bins must run from 0 to 255 in every picture: give torch.histc min=0 and max=255 or 256."
        )
    if not torch.allclose(found, expected):
        raise NotYet(
            f"A picture with red 255 everywhere should fill red's last bin only; found {found[:4].tolist()}."
        )
    if not isinstance(answered, Tensor) or answered.dtype != torch.float32:
        kind = answered.dtype if isinstance(answered, Tensor) else type(answered).__name__
        raise NotYet(
            f"The numbers are right, but they are a `{kind}`. Return a float tensor: torch.tensor(...).float()."
        )
    if answered.ndim != 1:
        raise NotYet(
            f"The numbers are right, but in the shape {tuple(answered.shape)}. Put them in one row: .flatten()."
        )
    if (number := len(answer(picture.clone(), 8))) != 24:
        raise NotYet(f"For 8 bins there should be 24 numbers; there are {number}. Use the argument bins.")
    large = torch.zeros(3, 256, 256, dtype=torch.uint8)
    if (seconds := min(_seconds(answer, large) for _ in range(3))) > SLOW_SECONDS:
        raise NotYet(
            f"Right, but a picture of 256 x 256 pixels takes {seconds:.1f} s, and 2,880 are waiting. Let torch.histc "
            "count whole channels instead of a loop over pixels."
        )
    return "It forgets where a colour was. What can still be told from it needs no shapes, hence no deep network."


@exercise(
    _check_histogram,
    "torch.histc(channel.float(), bins=bins, min=0, max=256) counts one channel.",
    "A picture is a stack of three channels: for channel in picture.",
    "Divide each count by channel.numel(), then join the three with torch.cat.",
)
def colour_histogram(picture, bins):
    counts = [torch.histc(c.float(), bins, 0, 256) for c in picture]
    return torch.cat(counts) / picture[0].numel()
