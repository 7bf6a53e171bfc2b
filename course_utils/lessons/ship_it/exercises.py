"""Exercises on shipping a model (lesson 8)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from course_utils.notebook.checks import NotYet, exercise, one_number

_MEAN, _STD = (0.48, 0.45, 0.40), (0.22, 0.23, 0.25)


def _picture(width: int, height: int) -> Image.Image:
    """Other colours and structures on each side, fine enough to tell ways of resizing apart."""
    rows, columns = np.mgrid[:height, :width]
    red, green = 255 * columns / width, 255 * rows / height
    blue = np.random.default_rng(0).integers(0, 120, (height, width))
    return Image.fromarray(np.stack([red, green, blue], -1).astype(np.uint8))


def _expected(picture: Image.Image, side: int, *, squeeze: bool = False, way: int = 3) -> np.ndarray:
    """Colours in 0..1, (side, side, 3), resized in one of Pillow's ways; 3 is bicubic."""
    scale = round(side / 0.875) / min(picture.size)
    size = (side, side) if squeeze else tuple(round(scale * length) for length in picture.size)
    resized = picture.resize(size, way)
    left, top = ((length - side) // 2 for length in size)
    return np.asarray(resized, dtype=np.float32)[top : top + side, left : left + side] / 255


def _normalised(pixels: np.ndarray) -> np.ndarray:
    return ((pixels - np.float32(_MEAN)) / np.float32(_STD)).transpose(2, 0, 1)


def _close(found: np.ndarray, expected: np.ndarray) -> bool:
    scale = 1e-3 * max(1.0, float(np.abs(expected).max()))
    return found.shape == expected.shape and float(np.abs(found - expected).max()) < scale


def _why_not(found: np.ndarray, picture: Image.Image, side: int) -> str:
    right = _expected(picture, side)
    unnormalised, squeezed = right.transpose(2, 0, 1), _expected(picture, side, squeeze=True)
    told = {
        "The colours are in the order blue, green, red. [:, :, ::-1] turns them round: leave it out.": [
            _normalised(right)[::-1],
            _normalised(right[:, :, ::-1]),
        ],
        "The values were never divided by 255: mean and std are meant for values from 0 to 1.": [
            _normalised(255 * right),
            _normalised(255 * right[:, :, ::-1]),
        ],
        "Mean and std are not used yet, or only one of them.": [
            unnormalised,
            unnormalised / np.float32(_STD)[:, None, None],
            unnormalised - np.float32(_MEAN)[:, None, None],
        ],
        "It is resized in another way than bicubic: picture.resize(size, Image.BICUBIC).": [
            _normalised(_expected(picture, side, way=way)) for way in range(6) if way != 3
        ],
        "The picture is squeezed: a wide one comes out narrow. Scale both sides by the same factor, so that the short side "
        "gets round(side / 0.875) pixels, and cut out the middle.": [
            _normalised(squeezed),
            _normalised(squeezed[:, :, ::-1]),
            _normalised(255 * squeezed),
            _normalised(255 * squeezed[:, :, ::-1]),
        ],
    }
    for message, wrongs in told.items():
        if any(_close(found, wrong) for wrong in wrongs):
            return message
    return (
        "The numbers differ from the recipe's. Has the short side round(side / 0.875) pixels? Is the cut in the middle, the "
        "factor the same for both sides, and are mean and std taken off and divided by after the division by 255?"
    )


def _check_server_input(answer: Callable[..., np.ndarray]) -> str:
    side = 56
    for size in ((160, 128), (128, 192), (64, 64)):
        picture = _picture(*size)
        try:
            found = answer(picture.copy(), side, _MEAN, _STD)
        except (ValueError, AttributeError) as error:
            if "ambiguous" in str(error) or "broadcast" not in str(error):
                raise
            raise NotYet(
                f"{str(error)[:80]}: mean and std have 3 values, one for each colour, so the colours must be the last "
                "axis when you use them. transpose(2, 0, 1) comes after."
            ) from error
        if found is None:
            raise NotYet("It returned `None`. Is a `return` missing?")
        if isinstance(found, Image.Image):
            raise NotYet("It returned a picture. Return an array of numbers, (3, side, side).")
        found = np.asarray(found)
        if found.shape == (side, side, 3):
            raise NotYet(
                f"Its shape is {found.shape}: the colours come last. transpose(2, 0, 1) puts them first."
            )
        if found.shape != (3, side, side):
            raise NotYet(f"Its shape is {found.shape}; expected {(3, side, side)}.")
        right = _normalised(_expected(picture, side))
        if not np.isfinite(found).all() or not _close(found, right):
            raise NotYet(_why_not(found, picture, side))
        if found.dtype != np.float32:
            raise NotYet(
                f"The numbers are right, but of type {found.dtype}; the model takes float32: .astype(np.float32)."
            )
    return "Squeezed, colours reversed, not divided by 255: three bugs, and none of them raised an error."


@exercise(
    _check_server_input,
    "There are three bugs: one in the size, one in the order of the colours, one in the range of the values.",
    "scale = round(side / 0.875) / min(picture.size) is the factor for both sides.",
    "picture.crop((left, top, left + side, top + side)) cuts out; left is half of what is too wide.",
)
def server_input(picture, side, mean, std):
    scale = round(side / 0.875) / min(picture.size)
    width, height = (round(scale * length) for length in picture.size)
    picture = picture.resize((width, height), Image.BICUBIC)
    left, top = (width - side) // 2, (height - side) // 2
    picture = picture.crop((left, top, left + side, top + side))
    pixels = np.asarray(picture, dtype=np.float32) / 255
    pixels = (pixels - mean) / std
    return pixels.transpose(2, 0, 1).astype(np.float32)


def _said(answer: Callable[..., bool], *given: Any) -> bool:
    found = answer(*given)
    if found is None:
        raise NotYet("It returned `None`. Is a `return` missing?")
    if isinstance(found, np.ndarray) and found.size != 1:
        raise NotYet(
            "It returned an array of answers. One is wanted: take the largest difference of all, differences.max()."
        )
    if not isinstance(found, (bool, np.bool_)):
        raise NotYet(f"It returned a value of type `{type(found).__name__}`; expected True or False.")
    return bool(found)


def _check_may_ship(answer: Callable[[np.ndarray, np.ndarray, float], bool]) -> str:
    rng = np.random.default_rng(0)
    expected = rng.normal(0, 3, (6, 5)).astype(np.float32)
    expected[2, 3] = -10.0  # the largest absolute value is a negative one
    if not _said(answer, expected, expected.copy(), 1e-4):
        raise NotYet("It said no although both are the same.")
    one, other = expected.copy(), expected.copy()
    one[4, 1] += 0.5
    if _said(answer, expected, one, 1e-2):
        raise NotYet(
            "It said yes although one logit of thirty is off by a lot. Look at the largest difference, not at the mean, and "
            "not at the names only."
        )
    other[1, 2] -= 0.5
    if _said(answer, expected, other, 1e-2):
        raise NotYet(
            "It said yes although one logit is too small by a lot: take the absolute difference, np.abs."
        )
    if not _said(answer, expected, expected + np.float32(0.09), 1e-2):
        raise NotYet(
            "It said no although no logit is off by more than tolerance times the largest absolute value, 10, which is "
            "negative here: np.abs(expected).max()."
        )
    lone = np.zeros_like(expected)
    lone[0, 0] = 100.0
    grown = 1.5 * lone
    for off, tolerance, right in (
        (0.9, 1e-2, True),
        (1.1, 1e-2, False),
        (9.0, 1e-1, True),
        (0.02, 1e-4, False),
    ):
        if _said(answer, lone, lone + np.float32(off), tolerance) != right:
            raise NotYet(
                f"It said {'no' if right else 'yes'} where the largest value is 100, logits are off by {off:g} and "
                f"tolerance is {tolerance:g}. Up to tolerance times the largest absolute value may be shipped, and no more."
            )
    if _said(answer, expected, expected + np.float32(0.11), 1e-2) or _said(answer, lone, grown, 0.4):
        raise NotYet(
            "It said yes although logits are off by more than tolerance times the largest absolute value. Take that value "
            "from expected, once for all rows."
        )
    broken = expected.copy()
    broken[0, 0] = np.nan
    if _said(answer, expected, broken, 1e-2):
        raise NotYet(
            "It said yes to a NaN. Every comparison with NaN is False, so ask whether the difference IS small, never "
            "whether it is not large."
        )
    try:
        column = np.repeat(expected[:, :1], 5, axis=1)
        shorter = _said(answer, np.repeat(expected[:1], 6, axis=0), expected[:1], 1e-2)
        shorter = shorter or _said(answer, column, column[:, :1], 1e-2)
    except NotYet:
        raise
    except ValueError:
        shorter = False
    if shorter:
        raise NotYet(
            "It said yes to logits of another shape: NumPy repeats a row or a column to fit. Compare the shapes first, "
            "whole."
        )
    if _said(answer, expected[:, :1], expected[:, :1].copy(), 1e-4) is not True:
        raise NotYet("It said no although both are the same, with a single class.")
    return "The largest difference, absolute, relative to the size of the logits, and no NaN gets through."


@exercise(
    _check_may_ship,
    "First the shapes: found.shape == expected.shape.",
    "np.abs(found - expected).max() is the largest difference; it is NaN where found has one.",
    "Any comparison with NaN is False: difference <= limit says no to it, not (difference > limit) says yes.",
)
def may_ship(expected, found, tolerance):
    if found.shape != expected.shape:
        return False
    difference = np.abs(found - expected).max()
    return bool(difference <= tolerance * np.abs(expected).max())


_WAITS = {
    8: [40.0] * 19 + [42.0],
    1: [10.0] * 20,
    16: [60.0] * 18 + [300.0, 320.0],
    32: [150.0] * 20,
    2: [14.0] * 20,
}


def _check_largest_batch(answer: Callable[[Mapping[int, Sequence[float]], float], int | None]) -> str:
    given = {size: list(values) for size, values in _WAITS.items()}
    found = answer(given, 100)
    if found is None:
        raise NotYet("It returned `None` although batches of 8 stay below 100 ms.")
    if isinstance(found, str):
        raise NotYet("It returned a text; expected a batch size.")
    found = one_number(found)
    if found == 16:
        raise NotYet(
            "It returned 16. Most of its rounds take 60 ms, but two of twenty take 300: its 95th percentile is above the "
            "limit. Neither mean nor median shows that."
        )
    if found == 32:
        raise NotYet("It returned 32, whose rounds all take 150 ms: more than the limit of 100.")
    if found in (1, 2):
        raise NotYet(
            f"It returned {found:g}. A larger batch stays within the limit, too. (The sizes do not come in order.)"
        )
    if found not in _WAITS:
        raise NotYet(f"It returned {found:g}, which is no batch size. Return a key of rounds.")
    if answer({4: [50.0] * 20}, 50) != 4:
        raise NotYet("At most the limit: a batch that takes 50 ms is within a limit of 50.")
    slow = {1: [99.0], 2: [99.0]}
    try:
        none = answer(slow, 10)
    except ValueError as error:
        raise NotYet(
            "No size is within the limit here, and max() of nothing is an error. max(sizes, default=None) is None."
        ) from error
    if none is not None:
        raise NotYet("No size is within the limit here: return None.")
    if answer({1: [1.0] * 20, 2: [200.0] * 20, 4: [5.0] * 20}, 10) != 4:
        raise NotYet(
            "Batches of 2 are slow here, batches of 1 and 4 are not: go through all sizes before you choose."
        )
    if answer({1: [1.0] * 96 + [1000.0] * 4, 2: [2000.0] * 100}, 10) != 1:
        raise NotYet(
            "Four of a hundred rounds are slow here. The 95th percentile leaves them out; the maximum does not."
        )
    return "The 95th percentile: what nineteen of twenty batches do not exceed."


@exercise(
    _check_largest_batch,
    "Go through rounds.items() and keep the sizes whose np.percentile(values, 95) is at most limit.",
    "max(sizes, default=None) is None where there are none.",
)
def largest_batch(rounds, limit):
    within = []
    for size, values in rounds.items():
        if np.percentile(values, 95) <= limit:
            within.append(size)
    return max(within, default=None)
