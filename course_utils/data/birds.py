"""One way in to the course's pictures and to your own."""

from __future__ import annotations

from pathlib import Path

from course_utils.data.collection import read_collection
from course_utils.data.splits import BirdSplits, check_numbers, split_collection


def load_birds(
    name_or_path: str | Path = "fieldguide",
    *,
    images_per_class: int | None = None,
    seed: int = 0,
    side: int = 256,
    skip_bad: bool = False,
) -> BirdSplits:
    """Load a data set of pictures, decoded and split.

    Args:
        name_or_path: ``"fieldguide"`` (bundled), a folder in ImageFolder layout with or without split
            folders, or CUB-200-2011 in its official layout, as a folder or as its .tgz.
        images_per_class: Training pictures of each class; None takes all. Subsets of one seed are nested.
        seed: Decides which pictures make up val (where the data comes without one) and the subsets.
        side: In px, at which pictures are kept in memory; at least what the model's transform resizes to.
        skip_bad: Leave damaged pictures out and report them, instead of stopping at the first.

    Returns:
        The three splits.

    Raises:
        CourseError: Nothing usable at that place, a damaged picture, or a class with too few.
    """
    check_numbers(images_per_class, seed)
    collection = read_collection(name_or_path, side=side, skip_bad=skip_bad)
    return split_collection(collection, images_per_class=images_per_class, seed=seed)
