"""A labelled set of pictures, decoded once and kept as uint8."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from course_utils.errors import CourseError

Transform = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class ImageSet:
    """The pictures of one split.

    Attributes:
        data: Name of the data set.
        split: ``"train"``, ``"val"`` or ``"test"``.
        classes: Class names; a label is an index into them.
        files: Where each picture came from, relative to the data set.
        hashes: SHA-256 of each file's bytes.
        pixels: uint8 (N, 3, S, S), RGB.
        labels: int64 (N,).
    """

    data: str
    split: str
    classes: tuple[str, ...]
    files: tuple[str, ...]
    hashes: tuple[str, ...]
    pixels: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.files)

    def __repr__(self) -> str:
        side = self.pixels.shape[-1]
        return f"{self.data}/{self.split}: {len(self)} pictures of {len(self.classes)} classes, {side} px"

    @property
    def fingerprint(self) -> str:
        """Hex digest of the pictures, their labels and their stored size: the key for anything computed from them."""
        text = "\n".join([*self.hashes, str(self.labels.tolist()), str(tuple(self.pixels.shape))])
        return hashlib.sha256(text.encode()).hexdigest()

    def counts(self) -> dict[str, int]:
        """Number of pictures of each class."""
        numbers = torch.bincount(self.labels, minlength=len(self.classes)).tolist()
        return dict(zip(self.classes, numbers, strict=True))

    def take(self, indices: Sequence[int]) -> ImageSet:
        """The pictures at ``indices``, in that order; of a mask of N true and false values, those that are true.

        Raises:
            CourseError: A mask of another length, or an index that there is not.
        """
        wanted, number = np.asarray(indices), len(self)
        if wanted.dtype == bool and wanted.shape == (number,):
            wanted = wanted.nonzero()[0]
        try:
            rows = [int(i) for i in np.arange(number)[wanted if wanted.size else wanted.astype(int)]]
        except (IndexError, TypeError) as error:
            raise CourseError(
                f"The indices have the type {wanted.dtype} and the shape {wanted.shape}; expected whole numbers below "
                f"{number}, or a mask of {number} true and false values."
            ) from error
        return ImageSet(
            self.data,
            self.split,
            self.classes,
            tuple(self.files[i] for i in rows),
            tuple(self.hashes[i] for i in rows),
            self.pixels[rows],
            self.labels[rows],
        )

    def with_transform(self, transform: Transform) -> TransformedSet:
        """A dataset for a loader: ``transform`` is applied afresh each time a picture is asked for."""
        return TransformedSet(self, transform)


class TransformedSet(Dataset[tuple[Tensor, int]]):
    """An :class:`ImageSet` seen through a transform: item i is ``(transform(pixels[i]), label)``."""

    def __init__(self, images: ImageSet, transform: Transform) -> None:
        self.images = images
        self.transform = transform
        self._labels = images.labels.tolist()

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(self.images.pixels[index]), self._labels[index]
