"""Could a model tell ill from healthy without looking at the anomaly? What ``draw_scans.py audit`` asks.

Everything that is no consequence of the anomaly must be as frequent, or lie as high, in both.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy import stats

from course_utils.data.scans import ScanSplits, load_scan_mask, load_scans
from drawn_set.finding import Finding, p_value
from drawn_set.hashes import difference_hash
from scans.mimics import CHANCES

MIN_HASH_DISTANCE = 5
"""Fewest of 256 bits in which the hashes of studies of two splits may differ: all chests are alike, but a copy that was
shifted or compressed anew differs in a bit or two."""
RIM = 12
"""Width of the frame in px that holds marker, label and shutters, and no lung."""


def audit_scans(folder: Path) -> list[Finding]:
    """Run all checks on a data set in the bundled layout. Takes seconds.

    Args:
        folder: Holds the splits, ``masks/`` and ``studies.csv``.
    """
    scans = load_scans(folder)
    notes = scans.notes.copy()
    notes["ill"] = notes.anomaly != ""
    notes["bytes"] = [(folder / file).stat().st_size for file in notes.index]
    rims = {
        file: _rim(pixels)
        for images in scans
        for file, pixels in zip(images.files, images.pixels, strict=True)
    }
    notes["rim"] = pd.Series(rims)
    return [*independent(notes), nearest(scans), *masks(notes, folder)]


def _rim(pixels: torch.Tensor) -> float:
    """Mean grey of the frame."""
    frame = pixels[0].float().clone()
    frame[RIM:-RIM, RIM:-RIM] = torch.nan
    return float(frame.nanmean())


def independent(notes: pd.DataFrame) -> Iterator[Finding]:
    """Is what does not come from the anomaly independent of it?

    Studies of one patient are no independent cases, so what belongs to the patient is asked of patients: chi-square
    for kinds, Mann-Whitney for numbers. Splits and scanners differ in how many are ill on purpose, so train is asked.
    """
    train = notes[notes.split == "train"]
    people = train.groupby("patient").agg(
        ill=("ill", "max"), sex=("sex", "first"), age=("age", "first"), mimics=("mimics", "first"),
        studies=("study", "max"), rim=("rim", "mean"), bytes=("bytes", "mean"),
    )  # fmt: skip
    tests = 6 + len(CHANCES)
    yield p_value("scanner and illness", _chi_square(train.scanner, train.ill), tests)
    for name in ("sex", "studies"):
        yield p_value(f"{name} and illness", _chi_square(people[name], people.ill), tests)
    for name in CHANCES:
        has = people.mimics.str.split(";").map(lambda names, name=name: name in names)
        yield p_value(f"{name} and illness", _chi_square(has, people.ill), tests)
    for name in ("age", "rim", "bytes"):
        groups = [group[name] for _, group in people.groupby("ill")]
        yield p_value(f"{name} and illness", stats.mannwhitneyu(*groups).pvalue, tests)


def _chi_square(kinds: pd.Series, ill: pd.Series) -> float:
    return float(stats.chi2_contingency(pd.crosstab(kinds, ill)).pvalue)


def nearest(scans: ScanSplits) -> Finding:
    """The most similar studies of two splits."""
    hashes = [difference_hash(images.pixels.expand(-1, 3, -1, -1)).float() for images in scans]
    bits = min(int(torch.cdist(a, b, p=1).min()) for a, b in combinations(hashes, 2))
    question = "nearest pictures of two splits, bits of their hashes that differ"
    return Finding(question, str(bits), f"at least {MIN_HASH_DISTANCE}", bits >= MIN_HASH_DISTANCE)


def masks(notes: pd.DataFrame, folder: Path) -> Iterator[Finding]:
    """Does every anomaly have a mask, and every grade its place in the order of detectability?"""
    ill = notes[notes.ill]
    sizes = np.array([int(load_scan_mask(file, folder).sum()) for file in ill.index])
    yield Finding("smallest mask, in px", str(sizes.min()), "at least 16", bool(sizes.min() >= 16))
    medians = ill.groupby(["anomaly", "grade"]).detectability.median().unstack()
    ordered = (medians.subtle < medians.moderate) & (medians.moderate < medians.plain)
    yield Finding(
        "anomalies whose grades are in order", str(int(ordered.sum())), str(len(medians)), bool(ordered.all())
    )
