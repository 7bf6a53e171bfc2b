"""Draw the bundled scans: what ``draw_scans.py render`` does.

::

    train|val|test|elsewhere/P0012_2.webp        the second study of a patient
    masks/train|val|test|elsewhere/P0012_2.png   the pixels that an anomaly changed, 1 bit; only where there is one
    studies.csv                                  a line for each study

The unit of work is a patient. ``elsewhere`` holds patients of a scanner on which nobody else was examined.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from drawn_set.command import in_processes
from drawn_set.pictures import save_mask, save_picture
from drawn_set.streams import Streams
from drawn_set.tables import Row, write_table
from scans.anomalies import ANOMALIES
from scans.patient import Patient
from scans.scanner import SCANNERS
from scans.study import GRADES, take

COLUMNS = (
    *("path", "split", "patient", "study", "scanner", "anomaly", "grade", "detectability", "mask_pixels"),
    *("mimics", "sex", "age", "seed"),
)
"""Columns of ``studies.csv``."""
QUALITY = 78
SIDE = 192


@dataclass(frozen=True)
class Part:
    """One split.

    Attributes:
        patients: How many.
        scanners: On which they were examined.
        ill: Share of patients with an anomaly: many in training, few in the tests.
    """

    patients: int
    scanners: str
    ill: float


PARTS = {
    "train": Part(400, "AB", 0.5),
    "val": Part(100, "AB", 0.5),
    "test": Part(334, "AB", 0.18),
    "elsewhere": Part(134, "C", 0.24),
}
STUDIES = (2, 3, 4)
"""How many studies a patient has, each as likely; three on average."""
SHOWN = 0.85
"""In how many of an ill patient's studies the anomaly is there: it may not have begun, or be over."""


@dataclass(frozen=True)
class Job:
    """All studies of one patient.

    Attributes:
        split: A key of :data:`PARTS`.
        number: Of the patient within all splits.
        anomaly: What the patient has, ``""`` for nothing.
    """

    split: str
    number: int
    anomaly: str

    @property
    def name(self) -> str:
        """What the files of this patient begin with."""
        return f"P{self.number:04d}"

    @property
    def seed(self) -> int:
        """Of the patient; those of the studies follow it."""
        return 50_000_000 + 100 * self.number


def jobs(counts: dict[str, int] | None = None) -> Iterator[Job]:
    """All patients, split by split.

    Args:
        counts: Patients of each split, for a trial; None means all.
    """
    first = 1
    for split, part in PARTS.items():
        for k in range(part.patients if counts is None else counts.get(split, 0)):
            yield Job(split, first + k, illness(k, part.ill))
        first += part.patients


def illness(k: int, share: float) -> str:
    """What the k-th patient of a split has: a share is ill, spread evenly, and the anomalies take turns."""
    before, after = math.floor(k * share), math.floor((k + 1) * share)
    return list(ANOMALIES)[before % len(ANOMALIES)] if after > before else ""


def render_patient(job: Job, out: Path) -> list[Row]:
    """Draw one patient's studies; return their lines of the table."""
    part, patient = PARTS[job.split], Patient.draw(job.seed)
    rng = Streams(job.seed)("history")
    rows = []
    for study in range(1, int(rng.choice(STUDIES)) + 1):
        scanner, grade, there = (
            str(rng.choice(list(part.scanners))),
            str(rng.choice(GRADES)),
            rng.random() < SHOWN,
        )
        found = job.anomaly if there else ""
        path = f"{job.split}/{job.name}_{study}.webp"
        seed = job.seed + study
        taken = take(patient, SCANNERS[scanner], seed, anomaly=found, grade=grade, side=SIDE)
        save_picture(out / path, np.repeat(taken.picture[..., None], 3, 2), QUALITY)
        if found:
            save_mask(out / "masks" / Path(path).with_suffix(".png"), taken.mask)
        rows.append(
            {
                "path": path,
                "split": job.split,
                "patient": job.name,
                "study": str(study),
                "scanner": scanner,
                "anomaly": found,
                "grade": taken.grade,
                "detectability": f"{taken.detectability:.2f}" if found else "",
                "mask_pixels": str(int(taken.mask.sum())) if found else "",
                "mimics": ";".join(taken.mimics),
                "sex": "female" if patient.female else "male",
                "age": f"{patient.age:.0f}",
                "seed": str(seed),
            }
        )
    return rows


def render_dataset(
    out: Path,
    *,
    counts: dict[str, int] | None = None,
    processes: int = 1,
    on_patient: Callable[[int], None] = lambda number: None,
) -> None:
    """Draw all studies, their masks and the table. Drawing again gives the same files, byte for byte.

    Args:
        out: Folder of the data set; created when missing.
        counts: Patients of each split, for a trial; None means all.
        processes: Processes that draw at the same time.
        on_patient: Called after each patient with how many are done.
    """
    todo, rows = list(jobs(counts)), []
    draw = partial(render_patient, out=out)
    for done, lines in enumerate(in_processes(draw, todo, processes), 1):
        rows += lines
        on_patient(done)
    write_table(out / "studies.csv", COLUMNS, rows)
