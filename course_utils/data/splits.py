"""Cut a collection into train, val and test, and train into nested subsets."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from course_utils.arguments import is_whole
from course_utils.data.collection import Collection
from course_utils.data.images import ImageSet
from course_utils.data.listing import SPLITS, LeftOut
from course_utils.errors import CourseError

VAL_FRACTION = 0.1
TEST_FRACTION = 0.25
TEST_SEED = 0


@dataclass(frozen=True, eq=False)
class BirdSplits:
    """The three splits of a data set; no picture is in two of them.

    Attributes:
        train: To learn from.
        val: To choose with: hyper-parameters, the best epoch.
        test: To report, once.
        asked_per_class: How many training pictures of each class were asked for; None asked for all.
        left_out: Every picture, link and class folder that is not used, with the reason.
    """

    train: ImageSet
    val: ImageSet
    test: ImageSet
    asked_per_class: int | None = None
    left_out: tuple[LeftOut, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names; a label is an index into them."""
        return self.train.classes

    @property
    def images_per_class(self) -> int:
        """Training pictures of each class: what was asked for; of all pictures, their mean number."""
        return self.asked_per_class or round(len(self.train) / len(self.classes))

    def __iter__(self) -> Iterator[ImageSet]:
        return iter((self.train, self.val, self.test))


def split_collection(
    collection: Collection, *, images_per_class: int | None = None, seed: int = 0
) -> BirdSplits:
    """Cut a collection into splits.

    Splits that the publisher gave are kept. What is missing is cut out of train, stratified by class:
    test always the same way, val by ``seed``. The training subsets of one seed are nested: the pictures
    of ``images_per_class=5`` are among those of ``images_per_class=10``.

    Args:
        collection: The decoded pictures.
        images_per_class: Training pictures of each class; None takes all.
        seed: Decides val (where it is cut here) and the order in which subsets grow.

    Raises:
        CourseError: A class with too few pictures, or an argument that is no such number.
    """
    rows = split_rows(collection, images_per_class=images_per_class, seed=seed)
    sets = {split: _image_set(collection, split, rows[split]) for split in SPLITS}
    return BirdSplits(**sets, asked_per_class=images_per_class, left_out=collection.left_out)


def split_rows(
    collection: Collection, *, images_per_class: int | None = None, seed: int = 0
) -> dict[str, list[int]]:
    """Which pictures of a collection go where, by split, as :func:`split_collection` cuts it; copies none."""
    check_numbers(images_per_class, seed)
    split_of = [entry.split or "train" for entry in collection.entries]
    for split, fraction, split_seed in (("test", TEST_FRACTION, TEST_SEED), ("val", VAL_FRACTION, seed)):
        if split not in split_of:
            _cut(collection, split_of, split, fraction, split_seed)
    rows = {split: [i for i, s in enumerate(split_of) if s == split] for split in SPLITS}
    rows["train"] = _nested_subset(collection, rows["train"], images_per_class, seed)
    return rows


def check_numbers(images_per_class: int | None, seed: int) -> None:
    """Raise a CourseError unless both are numbers that :func:`split_collection` takes."""
    if images_per_class is not None and not (is_whole(images_per_class) and images_per_class >= 1):
        raise CourseError(
            f"images_per_class is {images_per_class!r}; expected a whole number, 1 or more, or None for all."
        )
    if not (is_whole(seed) and seed >= 0):
        raise CourseError(f"seed is {seed!r}; expected a whole number, 0 or more.")


def _cut(collection: Collection, split_of: list[str], split: str, fraction: float, seed: int) -> None:
    for label, rows in _by_label(collection, [i for i, s in enumerate(split_of) if s == "train"]).items():
        number = math.ceil(fraction * len(rows))
        if len(rows) - number < 1:
            raise CourseError(
                f"Class {collection.classes[label]!r} of {collection.name} has only {len(rows)} pictures to train "
                f"on; {number} of them are needed for {split}. Add pictures (ten or more work well) or remove the class."
            )
        for i in _shuffled(rows, seed, label, stream=split)[:number]:
            split_of[i] = split


def _nested_subset(collection: Collection, rows: Sequence[int], number: int | None, seed: int) -> list[int]:
    chosen = []
    groups = _by_label(collection, rows)
    for label, name in enumerate(collection.classes):
        mine = groups.get(label, [])
        if len(mine) < (number or 1):
            raise CourseError(
                f"Class {name!r} of {collection.name} has {len(mine)} training pictures; {number or 1} were asked for. "
                "Ask for fewer images per class, or add pictures."
            )
        chosen += _shuffled(mine, seed, label, stream="subset")[:number]
    return sorted(chosen)


def _by_label(collection: Collection, rows: Sequence[int]) -> dict[int, list[int]]:
    groups = defaultdict(list)
    for i in rows:
        groups[collection.entries[i].label].append(i)
    return dict(sorted(groups.items()))


def _shuffled(rows: Sequence[int], seed: int, label: int, *, stream: str) -> list[int]:
    """Shuffle with a random stream of its own for each purpose and class."""
    generator = np.random.default_rng([seed, label, *stream.encode()])
    return [rows[i] for i in generator.permutation(len(rows))]


def _image_set(collection: Collection, split: str, rows: Sequence[int]) -> ImageSet:
    labels = torch.tensor([collection.entries[i].label for i in rows], dtype=torch.int64)
    files = tuple(collection.entries[i].file for i in rows)
    hashes = tuple(collection.hashes[i] for i in rows)
    pixels = collection.pixels[list(rows)]
    return ImageSet(collection.name, split, collection.classes, files, hashes, pixels, labels)
