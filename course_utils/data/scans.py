"""The bundled scans: synthetic chest radiographs of invented patients, with what is known of each. For no clinical use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import Tensor

from course_utils import paths
from course_utils.data.decode import open_rgb, read_bytes
from course_utils.data.images import ImageSet
from course_utils.errors import CourseError

CLASSES = ("normal", "anomalous")
ANOMALIES = ("nodule", "effusion", "pneumothorax", "consolidation", "cardiomegaly")
SPLITS = ("train", "val", "test", "elsewhere")
RESTORE = "Restore the folder data/scans: git checkout -- data, or clone the course again."


@dataclass(frozen=True, eq=False)
class ScanSplits:
    """The studies of a scan data set; no patient is in two splits.

    Attributes:
        train: To learn from: scanners A and B, many anomalies.
        val: To choose with, including every threshold: the same scanners and as many anomalies.
        test: To report, once: the same scanners, anomalies as rare as in practice.
        elsewhere: To report, once: scanner C, on which nobody of the other splits was examined.
        notes: One row a study by its file as in ``ImageSet.files``: patient, scanner, anomaly (``""`` for none),
            grade, detectability, mimics, sex, age.
    """

    train: ImageSet
    val: ImageSet
    test: ImageSet
    elsewhere: ImageSet
    notes: pd.DataFrame

    def __iter__(self) -> Iterator[ImageSet]:
        return iter((self.train, self.val, self.test, self.elsewhere))

    def notes_of(self, images: ImageSet) -> pd.DataFrame:
        """The notes of some studies, in their order."""
        return self.notes.loc[list(images.files)]


def load_scans(folder: Path | None = None, *, studies: int | None = None, seed: int = 0) -> ScanSplits:
    """Load the scans, decoded: uint8 (N, 1, 192, 192), labels 0 (normal) and 1 (anomalous).

    Args:
        folder: Folder of the data set; None means the bundled one.
        studies: Training studies, in whole patients, so a few may be missing; None takes all. Subsets of one
            seed are nested.
        seed: Decides which patients.

    Raises:
        CourseError: A file is missing or damaged, a patient is in two splits, or too few studies were asked for.
    """
    root = folder or paths.data_dir() / "scans"
    notes = _notes(root)
    chosen = {split: notes[notes.split == split] for split in SPLITS}
    if studies is not None:
        chosen["train"] = _some(chosen["train"], studies, seed)
    sets = {split: _read(root, split, rows) for split, rows in chosen.items()}
    return ScanSplits(**sets, notes=notes)


def load_scan_mask(file: str, folder: Path | None = None) -> Tensor:
    """The pixels that the anomaly of a study changed: bool (192, 192); none where it has no anomaly.

    Args:
        file: The study, as in ``ImageSet.files``.
        folder: Folder of the data set; None means the bundled one.
    """
    root = folder or paths.data_dir() / "scans"
    mask = root / "masks" / Path(file).with_suffix(".png")
    if mask.is_file():
        with Image.open(mask) as picture:
            return torch.from_numpy(np.array(picture.convert("1")))
    with Image.open(root / file) as picture:
        return torch.zeros(picture.size[::-1], dtype=torch.bool)


def _notes(root: Path) -> pd.DataFrame:
    file = root / "studies.csv"
    try:
        notes = pd.read_csv(file, keep_default_na=False, dtype={"patient": str})
        notes = notes.set_index("path")
        notes["detectability"] = pd.to_numeric(notes.detectability)
        splits = notes.groupby("patient").split.nunique()
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise CourseError(f"{file} is missing or damaged ({error}). {RESTORE}") from error
    if (splits > 1).any():
        raise CourseError(
            f"Patient {splits.idxmax()} is in {splits.max()} splits; expected every patient in one. {RESTORE}"
        )
    return notes


def _some(rows: pd.DataFrame, studies: int, seed: int) -> pd.DataFrame:
    """Whole patients in a random order, as long as they fit."""
    sizes = rows.groupby("patient").size()
    order = np.random.default_rng(seed).permutation(len(sizes))
    total = np.cumsum(sizes.to_numpy()[order])
    if not total[0] <= studies <= total[-1]:
        raise CourseError(
            f"studies is {studies}; expected from {total[0]} (one patient) to {total[-1]} (all)."
        )
    patients = sizes.index[order[: int(np.searchsorted(total, studies, side="right"))]]
    return rows[rows.patient.isin(patients)]


def _read(root: Path, split: str, rows: pd.DataFrame) -> ImageSet:
    pixels = torch.empty(0, dtype=torch.uint8)
    hashes = []
    for k, file in enumerate(rows.index):
        content, digest = read_bytes(root / file)
        grey = np.array(open_rgb(content, root / file).convert("L"))
        if not k:
            pixels = torch.empty((len(rows), 1, *grey.shape), dtype=torch.uint8)
        if grey.shape != tuple(pixels.shape[2:]):
            raise CourseError(
                f"{root / file} is {grey.shape[1]} x {grey.shape[0]} px, unlike the others. {RESTORE}"
            )
        pixels[k, 0] = torch.from_numpy(grey)
        hashes.append(digest)
    labels = torch.tensor((rows.anomaly != "").to_numpy(), dtype=torch.int64)
    return ImageSet("scans", split, CLASSES, tuple(rows.index), tuple(hashes), pixels, labels)
