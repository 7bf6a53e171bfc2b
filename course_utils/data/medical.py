"""MedMNIST's 2-D sets with one label a picture: real medical pictures, shrunk, to be downloaded. For no clinical use."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torchvision.datasets.utils import calculate_md5

from course_utils import paths
from course_utils.data.images import ImageSet
from course_utils.download import download
from course_utils.errors import CourseError
from course_utils.files import replacing

SUFFIXES = {28: "", 64: "_64", 128: "_128", 224: "_224"}
"""Sides in px, and what each adds to the name of a file and to the keys of its address and MD5."""
TASKS = ("binary-class", "multi-class")
SPLITS = ("train", "val", "test")
OFFLINE_HINT = "Without a network use `load_scans()`: its scans came with the course."


@dataclass(frozen=True, eq=False)
class MedicalSplits:
    """A MedMNIST set in the splits its authors made.

    Attributes:
        train: To learn from.
        val: To choose with.
        test: To report, once.
        licence: What the pictures may be used for, such as ``"CC BY 4.0"``.
        description: Where they come from, in the words of MedMNIST's authors.
    """

    train: ImageSet
    val: ImageSet
    test: ImageSet
    licence: str
    description: str

    def __iter__(self) -> Iterator[ImageSet]:
        return iter((self.train, self.val, self.test))


def load_medmnist(
    name: str = "pneumoniamnist", *, size: int = 64, folder: Path | None = None
) -> MedicalSplits:
    """Load a MedMNIST set, decoded: uint8 (N, 1 or 3, size, size). It is downloaded where it is not here yet.

    Args:
        name: A 2-D set with one label a picture.
        size: Side in px: 28, 64, 128 or 224.
        folder: Where the downloads are kept; None means ``medmnist`` in the cache.

    Raises:
        CourseError: The package ``medmnist`` is missing, it has no such set or size, or the file is neither here
            nor downloadable now.
    """
    info = _entry(name)
    sizes = {side: suffix for side, suffix in SUFFIXES.items() if f"MD5{suffix}" in info}
    if size not in sizes:
        known = ", ".join(map(str, sizes))
        raise CourseError(f"size is {size}; expected one that MedMNIST has of {name!r}: {known}.")
    suffix = sizes[size]
    file = (folder or paths.cache_dir("medmnist")) / f"{name}{suffix}.npz"
    _fetch(file, info[f"url{suffix}"], info[f"MD5{suffix}"])
    classes = tuple(info["label"][number] for number in sorted(info["label"], key=int))
    with np.load(file) as arrays:
        sets = {split: _image_set(name, split, classes, arrays) for split in SPLITS}
    return MedicalSplits(**sets, licence=info["license"], description=info["description"])


def _entry(name: str) -> dict[str, Any]:
    """What the package knows of a set."""
    try:
        from medmnist import INFO
    except ImportError as error:
        raise CourseError(
            'MedMNIST\'s sets need the package medmnist, which is missing: `pip install "medmnist>=3"`. '
            f"{OFFLINE_HINT}"
        ) from error
    usable = [key for key, info in INFO.items() if not _obstacle(info)]
    if name not in usable:
        raise CourseError(
            f"{name!r} is {_obstacle(INFO.get(name))}; expected a set of pictures with one label each: "
            f"{', '.join(usable)}."
        )
    return INFO[name]


def _obstacle(info: dict[str, Any] | None) -> str:
    """Why a set can't be loaded here; empty where it can."""
    if info is None:
        return "no set of MedMNIST"
    if info["python_class"].endswith("3D"):
        return "a set of volumes (3-D)"
    return "" if info["task"] in TASKS else f"a set for another task ({info['task']})"


def _fetch(file: Path, url: str, md5: str) -> None:
    """Make sure that a file is in its place, and intact."""
    state = "missing"
    try:
        if file.is_file():
            if calculate_md5(file) == md5:
                return
            state = "damaged"
        with replacing(file) as temporary:
            download(url, temporary)
            found = calculate_md5(temporary)
            if found != md5:
                raise CourseError(
                    f"The download of {url} has the MD5 {found}; expected {md5}: it was cut short or changed on "
                    f"its way, and is not kept. Try again. {OFFLINE_HINT}"
                )
    except OSError as error:
        raise CourseError(
            f"{file.name} is {state} in {file.parent} and can't be downloaded now ({error}). Try again later, or "
            f"fetch {url} elsewhere and put it there as {file.name}. {OFFLINE_HINT}"
        ) from error


def _image_set(name: str, split: str, classes: tuple[str, ...], arrays: np.lib.npyio.NpzFile) -> ImageSet:
    pictures = arrays[f"{split}_images"]
    labels = torch.from_numpy(arrays[f"{split}_labels"].astype(np.int64).reshape(-1))
    files = tuple(f"{split}/{k:05d}" for k in range(len(pictures)))
    hashes = tuple(hashlib.sha256(picture.tobytes()).hexdigest() for picture in pictures)
    pixels = torch.from_numpy(pictures)
    pixels = pixels.permute(0, 3, 1, 2).contiguous() if pixels.ndim == 4 else pixels.unsqueeze(1)
    return ImageSet(name, split, classes, files, hashes, pixels, labels)
