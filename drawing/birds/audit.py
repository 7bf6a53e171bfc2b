"""An audit of the bundled birds: could a model name them without looking at them? What ``draw_birds.py audit`` does."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from birds.background import SIZE, background_features, background_probe, unmirrored
from birds.shortcuts import alone, surroundings, within_pairs
from course_utils.data import BirdSplits, load_annotations, load_birds, load_pairs, load_twins
from course_utils.files import save_text
from drawn_set.finding import Finding
from drawn_set.hashes import difference_hash

ALONE = ("pose", "distance", "bytes")
SEEN_AT = 224
MIN_MARK_AREA = 16
"""Smallest median area of a deciding mark, in px of a picture of ``SEEN_AT`` px: a square of 4 x 4."""
MIN_HASH_DISTANCE = 20
"""Fewest of 256 bits in which the hashes of pictures of two splits may differ."""
EDGE = 3
"""How far a bird's soft edge reaches beyond the box of its mask, in px."""


def audit_pictures(folder: Path) -> list[Finding]:
    """Run all checks on a data set in the bundled layout. Takes seconds.

    Args:
        folder: Holds the splits, ``masks/``, ``annotations.csv`` and ``twins.csv``.
    """
    notes = load_annotations(folder)
    notes["bytes"] = [(folder / file).stat().st_size for file in notes.index]
    birds = load_birds(folder, side=SIZE)
    features = (background_features(unmirrored(images, notes), folder) for images in birds)
    background, brightness = zip(*features, strict=True)
    notes["background_brightness"] = pd.concat(brightness)
    return [
        background_probe(birds, background),
        *surroundings(notes),
        *within_pairs(notes, load_pairs(folder)),
        *(alone(notes, name) for name in ALONE),
        *leaks(birds, notes, folder),
        *marks(notes),
        twins_differ_in_the_mark(folder),
    ]


def save_findings(findings: Sequence[Finding], file: Path) -> None:
    """Write the findings as JSON."""
    save_text(file, json.dumps([asdict(finding) for finding in findings], indent=2) + "\n")


def leaks(birds: BirdSplits, notes: pd.DataFrame, folder: Path) -> Iterator[Finding]:
    """Seeds that occur twice, and pictures of two splits that look nearly the same."""
    seeds = [*notes.seed, *(twin.seed for twin in load_twins(folder=folder))]
    found = f"{len(seeds) - len(set(seeds))} of {len(seeds)}"
    yield Finding("seeds that occur twice, twins included", found, "0", len(seeds) == len(set(seeds)))
    hashes = [difference_hash(images.pixels).float() for images in birds]
    nearest = min(int(torch.cdist(a, b, p=1).min()) for i, a in enumerate(hashes) for b in hashes[i + 1 :])
    question = "nearest pictures of two splits, bits of their hashes that differ"
    yield Finding(
        question, f"{nearest} of 256", f"at least {MIN_HASH_DISTANCE}", nearest >= MIN_HASH_DISTANCE
    )


def marks(notes: pd.DataFrame) -> Iterator[Finding]:
    """Are the deciding marks large enough for a model to see, and is it known where they are hidden?"""
    pairs = notes[notes.mark.notna()]
    scale = (SEEN_AT / 256) ** 2
    medians = (pairs.groupby("mark").mark_pixels.median() * scale).round(1)
    yield Finding(
        f"deciding marks, median area at {SEEN_AT} px",
        ", ".join(f"{mark} {area:.0f}" for mark, area in medians.sort_values().items()),
        f"each at least {MIN_MARK_AREA} px",
        bool(len(medians) and (medians >= MIN_MARK_AREA).all()),
    )
    known = pairs.mark_visible.notna().mean()
    seen = pairs.mark_visible.fillna(False).astype(bool).mean()
    found = f"{known:.1%} recorded; visible in {seen:.1%}"
    yield Finding("deciding marks, visibility", found, "recorded for at least 95%", bool(known >= 0.95))


def twins_differ_in_the_mark(folder: Path) -> Finding:
    """Are the twins equal but for the mark, and does that lie within the bird's box?"""
    twins = load_twins(folder=folder)
    strayed = 0
    for twin in twins:
        allowed = torch.zeros_like(twin.changed)
        left, top, right, bottom = _grown(bounding_box(twin.mask), EDGE)
        allowed[top:bottom, left:right] = True
        differs = (twin.without != twin.with_mark).any(0)
        strayed += bool((differs & ~(allowed & twin.changed)).any()) or bounding_box(twin.changed) != twin.box
    found = f"{strayed} of {len(twins)}"
    return Finding("twins that differ outside the bird", found, "0", strayed == 0 and bool(twins))


def bounding_box(mask: Tensor) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the pixels that are set; the last two exclusive."""
    rows, columns = (mask.any(dim).nonzero().flatten().tolist() for dim in (1, 0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def _grown(box: tuple[int, int, int, int], by: int) -> tuple[int, int, int, int]:
    left, top, right, bottom = box
    return max(0, left - by), max(0, top - by), right + by, bottom + by
