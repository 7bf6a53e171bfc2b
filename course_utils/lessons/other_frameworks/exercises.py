"""Exercises on other frameworks (lesson 10)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from course_utils.notebook.checks import NotYet, exercise

_SCALES = {"0 to 255": (0.0, 255.0), "0 to 1": (0.0, 1.0), "-1 to 1": (-1.0, 1.0), "ImageNet": (-2.1, 2.6)}
"""Lowest and highest value of pictures in each scale."""


def _batch(layout: str, low: float, high: float) -> np.ndarray:
    """Two pictures whose values lie between the two, both of which occur."""
    values = np.random.default_rng(0).uniform(low, high, (2, 3, 8, 10)).astype(np.float32)
    values[0, 0, 0, 0], values[1, 2, 7, 9] = low, high
    return values if layout == "first" else values.transpose(0, 2, 3, 1)


def _pair(found: Any) -> tuple[Any, Any]:
    """What the answer returned, if it is a pair."""
    if found is None:
        raise NotYet("It returned `None`. Is a `return` missing?")
    if isinstance(found, str) or not isinstance(found, (tuple, list)) or len(found) != 2:
        raise NotYet(f"It returned {found!r}. Expected a pair of words: return layout, scale.")
    return tuple(found)


def _check_describe_input(answer: Callable[[np.ndarray], tuple[str, str]]) -> str:
    cases = [(layout, scale, ends) for layout in ("first", "last") for scale, ends in _SCALES.items()]
    cases += [
        ("first", "0 to 255", (3.0, 250.0)),
        ("last", "0 to 1", (0.1, 0.9)),
        ("first", "-1 to 1", (-0.4, 0.9)),
        ("last", "ImageNet", (-1.9, 0.8)),
        ("last", "ImageNet", (-0.9, 2.2)),
    ]
    for layout, scale, (low, high) in cases:
        given = _batch(layout, low, high)
        found = _pair(answer(given))
        shape = f"a batch of shape {given.shape}"
        if found[0] in _SCALES and found[1] in ("first", "last"):
            raise NotYet("The two words are in the other order: layout, then scale.")
        if found[0] not in ("first", "last"):
            raise NotYet(f"For the layout it said {found[0]!r}. Expected 'first' or 'last'.")
        if found[0] != layout:
            raise NotYet(
                f"Of {shape} it said that the colours are {found[0]}. Axis 0 counts pictures. Which of axis 1 and axis 3 "
                "has length 3?"
            )
        if found[1] not in _SCALES:
            raise NotYet(
                f"For the scale it said {found[1]!r}. Expected one of {', '.join(map(repr, _SCALES))}."
            )
        if found[1] != scale:
            raise NotYet(
                f"Values from {low:g} to {high:g}: it said {found[1]!r}, expected {scale!r}. {_why(scale, low)}"
            )
    return "A model answers to each of the four scales. The next cell shows how little you may notice."


def _why(scale: str, low: float) -> str:
    if scale == "0 to 255":
        return "No value is below 0, and the highest lies far above 1."
    if scale == "0 to 1":
        return "Between 0 and 1 nothing is negative. A picture need not hold the scale's ends themselves."
    if scale == "-1 to 1":
        return "Some values are negative, and none lies outside -1 to 1. A picture need not hold the ends themselves."
    outside = "below -1" if low < -1 else "above 1"
    return f"Some values are negative, and some lie {outside}: of the four scales only ImageNet's mean and std lead there."


@exercise(
    _check_describe_input,
    "x.shape[1] == 3 tells the layout; x.min() and x.max() tell the scale.",
    "Is the lowest value below 0? Then it is one of two scales, otherwise one of the other two. The highest decides.",
    'For negative values: "-1 to 1" if low >= -1 and high <= 1, else "ImageNet".',
)
def describe_input(x):
    layout = "first" if x.shape[1] == 3 else "last"
    low, high = x.min(), x.max()
    if low < 0:
        return layout, "-1 to 1" if low >= -1 and high <= 1 else "ImageNet"
    return layout, "0 to 1" if high <= 1 else "0 to 255"


_KINDS = {
    "Conv2D": ((5, 4, 3, 2), (2, 3, 1, 0), "(filters, in, height, width)", "(height, width, in, filters)"),
    "DepthwiseConv2D": (
        (4, 1, 3, 2),
        (2, 3, 0, 1),
        "(channels, 1, height, width)",
        "(height, width, channels, 1)",
    ),
    "Dense": ((5, 4), (1, 0), "(out, in)", "(in, out)"),
}
"""Shapes in PyTorch that no two axes share, the order of axes for Keras, and what the axes are."""


def _check_to_keras(answer: Callable[[str, np.ndarray], np.ndarray]) -> str:
    for kind, (shape, order, here, there) in _KINDS.items():
        weight = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
        wanted = weight.transpose(order)
        found = answer(kind, weight.copy())
        if found is None:
            raise NotYet(f"For {kind} it returned `None`. Is a `return` missing?")
        found = np.asarray(found)
        axes = f"PyTorch has {here}, Keras wants {there}."
        if found.shape == wanted.shape and not np.array_equal(found, wanted):
            raise NotYet(
                f"For {kind} the shape is right but the numbers stand in wrong places, as after reshape. transpose moves "
                f"axes and takes the numbers along. {axes}"
            )
        if found.shape == shape:
            raise NotYet(f"For {kind} nothing has changed. {axes}")
        if found.shape != wanted.shape:
            extra = (
                " Of a depthwise kernel the channels come before the axis of length 1."
                if kind == "DepthwiseConv2D" and found.shape == weight.transpose(2, 3, 1, 0).shape
                else ""
            )
            raise NotYet(f"For {kind} the shape is {found.shape}; expected {wanted.shape}. {axes}{extra}")
    return "Each number has moved to another place, and none has changed."


@exercise(
    _check_to_keras,
    "weight.transpose(...) takes the old axes in their new order. In Keras height comes first: that is axis 2 of PyTorch's.",
    "Conv2D: transpose(2, 3, 1, 0). A depthwise kernel is (channels, 1, height, width), and its channels come third.",
    "Dense: weight.T. DepthwiseConv2D: transpose(2, 3, 0, 1).",
)
def to_keras(kind, weight):
    if kind == "Conv2D":
        return weight.transpose(2, 3, 1, 0)
    if kind == "DepthwiseConv2D":
        return weight.transpose(2, 3, 0, 1)
    return weight.T


Shapes = Mapping[str, tuple[int, ...]]
_MODEL = {
    "conv.weight": (8, 3, 3, 3),
    "bn.weight": (8,),
    "bn.running_mean": (8,),
    "head.weight": (18, 8),
    "head.bias": (18,),
}


def _check_stays_random(answer: Callable[[Shapes, Shapes], Iterable[str]]) -> str:
    names = list(_MODEL)
    other_head = {**_MODEL, "head.weight": (1000, 8), "head.bias": (1000,)}
    renamed = {f"model.{name}": shape for name, shape in _MODEL.items()}
    more, small = {**_MODEL, "more.weight": (4,)}, {"head.bias": (5,)}
    cases: list[tuple[Shapes, Shapes, list[str], str]] = [
        (_MODEL, _MODEL, [], "The file fills everything here."),
        (_MODEL, more, [], "What only the file has is left over; it fills nothing."),
        (_MODEL, renamed, names, "Not one of these names is in the file."),
        (_MODEL, other_head, names[3:], "A tensor of another shape can't be filled: compare shapes, too."),
        (small, _MODEL, ["head.bias"], "Take the names from model, not from a list of your own."),
    ]
    for model, file, wanted, why in cases:
        found = answer(dict(model), dict(file))
        if found is None:
            raise NotYet("It returned `None`. Is a `return` missing?")
        if isinstance(found, (bool, str, int)):
            raise NotYet(f"It returned {found!r}. Expected a list of names; an empty one if all are filled.")
        found = list(found)
        if any(not isinstance(name, str) for name in found):
            raise NotYet("The list holds more than names. Return the names alone.")
        if not wanted and set(found) == set(model):
            raise NotYet("These are the names that are filled. Expected those that are not.")
        if sorted(found) != sorted(wanted):
            raise NotYet(
                f"The model has {_listed(model)}, the file {_listed(file)}. It returned {found}; expected {wanted}. {why}"
            )
    return "One line, and no half-filled model gets past you."


def _listed(shapes: Shapes) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in shapes.items())


@exercise(
    _check_stays_random,
    "Go through the names of model, and ask the file for each.",
    "file.get(name) gives the shape in the file, or None if the name is not there.",
    "[name for name in model if file.get(name) != ...]",
)
def stays_random(model, file):
    return [name for name in model if file.get(name) != model[name]]
