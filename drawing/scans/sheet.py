"""A page to look at: every anomaly in every grade, on each scanner, beside its mask."""

from __future__ import annotations

import numpy as np
from PIL import Image

from scans.anomalies import ANOMALIES
from scans.patient import Patient
from scans.scanner import SCANNERS
from scans.study import GRADES, take


def draw_sheet(seed: int, *, side: int = 192) -> Image.Image:
    """A row for each anomaly, a pair of pictures for each grade; the scanners take turns.

    Args:
        seed: Decides the patients.
        side: Of each picture, in px.
    """
    rows = []
    for k, anomaly in enumerate(ANOMALIES):
        row = []
        for j, grade in enumerate(GRADES):
            number = seed + len(GRADES) * k + j
            scanner = list(SCANNERS.values())[(j + k) % len(SCANNERS)]
            study = take(Patient.draw(number), scanner, number, anomaly=anomaly, grade=grade, side=side)
            dimmed = study.picture // 2
            row += [study.picture, np.where(study.mask, dimmed + 110, dimmed).astype(np.uint8)]
        rows.append(np.hstack(row))
    return Image.fromarray(np.vstack(rows))
