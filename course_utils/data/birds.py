"""One way in to the course's pictures and to your own."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, overload

from course_utils.data.collection import read_collection
from course_utils.data.images import ImageSet
from course_utils.data.listing import SPLITS
from course_utils.data.splits import BirdSplits, check_numbers, split_collection
from course_utils.errors import CourseError

Split = Literal["train", "val", "test"]


@overload
def load_birds(
    name_or_path: str | Path = ...,
    *,
    split: None = ...,
    images_per_class: int | None = ...,
    seed: int = ...,
    size: int = ...,
    skip_bad: bool = ...,
) -> BirdSplits: ...
@overload
def load_birds(
    name_or_path: str | Path = ...,
    *,
    split: Split,
    images_per_class: int | None = ...,
    seed: int = ...,
    size: int = ...,
    skip_bad: bool = ...,
) -> ImageSet: ...
def load_birds(
    name_or_path: str | Path = "fieldguide",
    *,
    split: Split | None = None,
    images_per_class: int | None = None,
    seed: int = 0,
    size: int = 256,
    skip_bad: bool = False,
) -> BirdSplits | ImageSet:
    """Load a data set of pictures, decoded and split.

    Args:
        name_or_path: ``"fieldguide"`` (bundled), a folder in ImageFolder layout with or without split
            folders, or CUB-200-2011 in its official layout, as a folder or as its .tgz.
        split: One of ``"train"``, ``"val"``, ``"test"``, or None for all three.
        images_per_class: Training pictures of each class; None takes all. Subsets of one seed are nested.
        seed: Decides which pictures make up val (where the data comes without one) and the subsets.
        size: Side in px at which pictures are kept in memory; at least what the model's transform resizes to.
        skip_bad: Leave damaged pictures out and report them, instead of stopping at the first.

    Returns:
        The three splits, or the one asked for.

    Raises:
        CourseError: Nothing usable at that place, a damaged picture, or a class with too few.
    """
    if split is not None and split not in SPLITS:
        raise CourseError(f"Split {split!r} is unknown; expected one of {', '.join(SPLITS)}.")
    check_numbers(images_per_class, seed)
    collection = read_collection(name_or_path, size=size, skip_bad=skip_bad)
    splits = split_collection(collection, images_per_class=images_per_class, seed=seed)
    return splits if split is None else getattr(splits, split)
