"""Exercises on timing and on reading a classifier's answer (lesson 0)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from course_utils.notebook.checks import NotYet, exercise, one_number


def _check_minutes(answer: Callable[[int, int, float, float], float]) -> str:
    pictures, epochs, speed, overhead = 600, 10, 50.0, 90.0
    found, right = one_number(answer(pictures, epochs, speed, overhead)), 3.5
    near = {
        210.0: "That is in seconds. Sixty of them make a minute.",
        1.7: "That is for one epoch. Each epoch shows every picture once more.",
        2.0: "The overhead is missing: the seconds for starting and for reading the pictures.",
        3.0: "That is cut to whole minutes. Keep the fraction: / divides without cutting, // cuts.",
        4.0: "That is rounded to whole minutes. Keep the fraction.",
        pictures * epochs * speed
        + overhead: "Too long by far: a higher speed must make it shorter, so divide by it.",
        (pictures * epochs * speed + overhead)
        / 60: "Too long by far: a higher speed must make it shorter, so divide.",
        pictures * epochs / speed + overhead / 60: "Half of it is in minutes. Divide the whole sum by 60.",
        pictures * epochs / speed / 60
        + overhead: "The overhead is in seconds, the rest in minutes. Add first, then divide.",
    }
    for value, message in near.items():
        if math.isclose(found, value, rel_tol=1e-6):
            raise NotYet(message)
    if not math.isclose(found, right, rel_tol=1e-6):
        raise NotYet(
            f"{pictures} pictures, {epochs} epochs, {speed:.0f} a second and {overhead:.0f} s of overhead take "
            f"{right} minutes; it returned {found:.4g}."
        )
    if not math.isclose(float(answer(60, 1, 1.0, 0.0)), 1.0):
        raise NotYet(
            "60 pictures at one a second and no overhead are one minute. Use the arguments, not numbers."
        )
    return "Pictures times epochs over speed, plus what happens once. Estimate before you start, not after an hour."


@exercise(
    _check_minutes,
    "How many pictures go through the model in all? Every epoch shows each of them once.",
    "Divided by the speed that gives seconds; add the overhead, which is in seconds as well.",
    "At the end divide the whole sum by 60.",
)
def minutes(pictures, epochs, pictures_per_second, overhead_seconds):
    seconds = pictures * epochs / pictures_per_second + overhead_seconds
    return seconds / 60


_NAMES = ("cat", "dog", "owl", "cup", "tree")
_LOGITS = (1.0, 3.0, 0.5, 4.0, -2.0)


def _check_group_share(answer: Callable[[Tensor, Sequence[str], Sequence[str]], float]) -> str:
    logits = torch.tensor(_LOGITS)
    shares, group, rows = logits.softmax(0), ["owl", "dog"], [2, 1]
    found, right = one_number(answer(logits.clone(), list(_NAMES), list(group))), shares[rows].sum().item()
    near = {
        logits[rows].sum().item(): "That is a sum of logits, which can be any size. Apply softmax first.",
        1.0: "Softmax was applied to the group alone, so its shares add up to one. Apply it to all logits, then choose.",
        shares[rows].mean().item(): "That is the mean of their shares. Together they have the sum.",
        shares[rows]
        .max()
        .item(): "That is the share of one of them only. Add the shares of all names in the group.",
        shares[:2]
        .sum()
        .item(): "Those are the first names of the list. Look up where each name of the group stands.",
        shares.topk(2)
        .values.sum()
        .item(): "Those are the largest shares. Add the shares of the names in the group.",
    }
    for value, message in near.items():
        if math.isclose(found, value, rel_tol=1e-4):
            raise NotYet(message)
    if not math.isclose(found, right, rel_tol=1e-4):
        raise NotYet(f"owl and dog have {right:.3f} together; it returned {found:.4g}.")
    whole = one_number(answer(logits.clone(), list(_NAMES), list(_NAMES)))
    if not math.isclose(whole, 1.0, rel_tol=1e-4):
        raise NotYet(
            f"All five names together must have 1; it returned {whole:.4g}. How long may a group be?"
        )
    return "Softmax over all names, then a sum: shares of names that exclude each other may be added."


@exercise(
    _check_group_share,
    "logits.softmax(0) turns all logits into shares that add up to one.",
    "names.index(name) says where a name stands in the list, and so which share is its own.",
    "Add them: sum(shares[names.index(name)] for name in group).",
)
def group_share(logits, names, group):
    shares = logits.softmax(0)
    return sum(shares[names.index(name)].item() for name in group)
