"""An audit of the bundled birds: could a model name them without looking at them?

What surrounds a bird must tell nothing of its species. What belongs to the bird, such as its pose or the
detail that makes its file large, may tell a little of the species, but nothing of which member of a pair it
is: there only the mark may decide. Accuracies are judged by a binomial bound, the one that guessing exceeds
once in a thousand data sets; tests of independence at p = 0.001, shared among the tests of one kind.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from operator import itemgetter
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy import stats
from torch import Tensor
from torch.nn import functional as F

from course_utils.data import BirdSplits, ImageSet, load_birds
from course_utils.data.annotations import load_annotations, load_mask, load_twins
from course_utils.fieldguide.species import PAIRS
from course_utils.files import save_text
from course_utils.training.features import Features
from course_utils.training.probe import linear_probe

ALPHA = 0.001
SIZE = 64
"""Side in px at which the audit looks at pictures."""
DILATION = 3
"""How far the hole reaches beyond the bird, in px of ``SIZE``."""
GRID = 8
BINS = 8
AROUND = ("habitat", "mood", "weather", "perch", "flip")
"""What has nothing to do with the bird."""
OF_THE_BIRD = ("pose", "sex", "age", "wear", "mark_visible")
MEASURED = ("distance", "visible_fraction", "mark_pixels")
"""What may depend on the species, as its colours do, but never on which member of a pair it is."""
NUMBERS = (*MEASURED, "bytes")
PAIR_LIMIT = 1.25
"""How many times better than a guess the bytes of a file may name the member of a pair: detail takes bytes."""
MIRRORING = ("shallows",)
"""Perches in which the bird is seen a second time, outside of its mask."""
ALONE = ("pose", "distance", "bytes")
ALONE_LIMIT = 3.0
"""How many times better than a guess one of these may name a species."""
SEEN_AT = 224
MIN_MARK_AREA = 16
"""Smallest median area of a deciding mark, in px of a picture of ``SEEN_AT`` px: a square of 4 x 4."""
MIN_HASH_DISTANCE = 20
"""Fewest of 256 bits in which the hashes of pictures of two splits may differ."""
EDGE = 3
"""How far a bird's soft edge reaches beyond the box of its mask, in px."""


@dataclass(frozen=True)
class Finding:
    """One question to the data set and its answer.

    Attributes:
        question: What was asked.
        found: The answer, in figures.
        limit: What the answer has to keep.
        ok: Whether it does.
    """

    question: str
    found: str
    limit: str
    ok: bool


def audit_pictures(folder: Path) -> list[Finding]:
    """Run all checks on a data set in the bundled layout. Takes seconds.

    Args:
        folder: Holds the splits, ``masks/``, ``annotations.csv`` and ``twins.csv``.
    """
    notes = load_annotations(folder)
    notes["bytes"] = [(folder / file).stat().st_size for file in notes.index]
    birds = load_birds(folder, size=SIZE)
    unmirrored = [_unmirrored(images, notes) for images in birds]
    background, brightness = zip(*(background_features(images, folder) for images in unmirrored), strict=True)
    notes["background_brightness"] = pd.concat(brightness)
    return [
        background_probe(birds, background),
        *surroundings(notes),
        *within_pairs(notes),
        *(alone(notes, name) for name in ALONE),
        *leaks(birds, notes, folder),
        *marks(notes),
        twins_differ_in_the_mark(folder),
    ]


def save_findings(findings: Sequence[Finding], file: Path) -> None:
    """Write the findings as JSON."""
    save_text(file, json.dumps([asdict(finding) for finding in findings], indent=2) + "\n")


def background_features(images: ImageSet, folder: Path) -> tuple[Features, pd.Series]:
    """What surrounds the birds, and nothing of the birds themselves.

    The hole is the bird's mask, generously dilated. Its shape would tell the species too, so no feature
    shows it: each cell of a coarse grid holds the mean of its background pixels, a cell without any the mean
    of the whole background, and histograms are shares.

    Args:
        images: Pictures, kept at ``SIZE``.
        folder: Folder of the data set.

    Returns:
        Features of 3 * GRID^2 cell means and 3 * BINS histogram shares, and each picture's mean background
        brightness (0 to 1) by file.
    """
    outside = torch.stack([_outside(load_mask(file, folder)) for file in images.files])
    pixels = images.pixels.float() / 255
    mean = (pixels * outside).sum((2, 3), keepdim=True) / outside.sum((2, 3), keepdim=True)
    share = F.adaptive_avg_pool2d(outside, GRID)
    cells = F.adaptive_avg_pool2d((pixels - mean) * outside, GRID) / share.clamp_min(0.05) + mean
    in_bin = (pixels * BINS).long().clamp_max(BINS - 1)
    shares = [((in_bin == b) * outside).sum((2, 3)) / outside.sum((2, 3)) for b in range(BINS)]
    table = torch.cat([cells.flatten(1), *shares], 1)
    brightness = pd.Series(mean.mean((1, 2, 3)).tolist(), list(images.files))
    return Features(table, images.labels, seconds=0.0), brightness


def _unmirrored(images: ImageSet, notes: pd.DataFrame) -> ImageSet:
    perches = notes.perch[list(images.files)]
    return images.take(np.flatnonzero(~perches.isin(MIRRORING)).tolist())


def _outside(mask: Tensor) -> Tensor:
    """Float (1, SIZE, SIZE): 1 where the picture, kept at ``SIZE``, shows nothing of the bird, else 0."""
    inside = F.adaptive_max_pool2d(mask.float()[None], SIZE)
    return 1 - F.max_pool2d(inside, 2 * DILATION + 1, stride=1, padding=DILATION)


def background_probe(birds: BirdSplits, tables: Sequence[Features]) -> Finding:
    """A linear classifier on the background: right by chance?"""
    train, val, test = tables
    right = linear_probe(train, val=val, l2=(1e-2, 1e-1)).evaluate(test).accuracy
    return _guessing("background, bird cut out: linear classifier", right, len(test.y), len(birds.classes))


def _guessing(question: str, accuracy: float, n: int, classes: int, times: float = 1.0) -> Finding:
    """An accuracy against that of guessing, or against a multiple of it."""
    limit = stats.binom.ppf(1 - ALPHA, n, min(1, times / classes)) / n
    found = f"accuracy {accuracy:.3f} of {n}; a guess: {1 / classes:.3f}"
    return Finding(question, found, f"at most {limit:.3f}", bool(accuracy <= limit))


def surroundings(notes: pd.DataFrame) -> Iterator[Finding]:
    """Is what surrounds the birds independent of the species? Chi-square, and Kruskal-Wallis for brightness."""
    tests = len(AROUND) + 1
    for name in AROUND:
        yield _p_value(f"{name} and species", _chi_square(notes, name), tests)
    groups = [group.background_brightness.dropna() for _, group in notes.groupby("species")]
    yield _p_value("brightness of the background and species", stats.kruskal(*groups).pvalue, tests)


def within_pairs(notes: pd.DataFrame) -> Iterator[Finding]:
    """Is all but the mark alike in both members of a pair? Chi-square, and Mann-Whitney for numbers.

    Each question is asked of every pair; the smallest p is shown. A mark may take bytes, as detail does: there the
    question is whether they would name the bird.
    """
    pairs = [notes[notes.species.isin([species.name for species in pair[:2]])] for pair in PAIRS]
    for name in (*OF_THE_BIRD, *MEASURED):
        test = _mann_whitney if name in MEASURED else _chi_square
        p = min((test(pair, name) for pair in pairs if pair[name].nunique() > 1), default=1.0)
        yield _p_value(f"{name} and member of the pair, smallest p", p, len(pairs))
    right, pair = max(((_right_from(pair, "bytes"), pair) for pair in pairs), key=itemgetter(0))
    n = int((pair.split == "test").sum())
    yield _guessing("bytes and member of the pair, highest", right, n, 2, PAIR_LIMIT)


def _chi_square(notes: pd.DataFrame, name: str) -> float:
    counts = pd.crosstab(notes.species, notes[name].astype(object).fillna("none"))
    return stats.chi2_contingency(counts).pvalue


def _mann_whitney(notes: pd.DataFrame, name: str) -> float:
    return stats.mannwhitneyu(*(group[name] for _, group in notes.groupby("species"))).pvalue


def _p_value(question: str, p: float, tests: int) -> Finding:
    limit = ALPHA / tests
    return Finding(question, f"p = {p:.3g}", f"p > {limit:.2g}", bool(p > limit))


def alone(notes: pd.DataFrame, name: str) -> Finding:
    """How often one property names the species."""
    n = int((notes.split == "test").sum())
    return _guessing(f"{name} alone", _right_from(notes, name), n, notes.species.nunique(), ALONE_LIMIT)


def _right_from(notes: pd.DataFrame, name: str) -> float:
    """Accuracy in test of naming the species that train has most often with the property.

    Numbers are cut into tenths.
    """
    train, test = notes[notes.split == "train"], notes[notes.split == "test"]
    kinds = [train[name], test[name]]
    if name in NUMBERS:
        edges = np.quantile(train[name], np.linspace(0, 1, 11)[1:-1])
        kinds = [np.searchsorted(edges, part) for part in kinds]
    votes = pd.crosstab(np.asarray(kinds[0]), train.species.to_numpy()).idxmax(axis=1)
    return float((votes.reindex(kinds[1]).to_numpy() == test.species.to_numpy()).mean())


def leaks(birds: BirdSplits, notes: pd.DataFrame, folder: Path) -> Iterator[Finding]:
    """Seeds that occur twice, and pictures of two splits that look nearly the same."""
    seeds = [*notes.seed, *(twin.seed for twin in load_twins(folder=folder))]
    found = f"{len(seeds) - len(set(seeds))} of {len(seeds)}"
    yield Finding("seeds that occur twice, twins included", found, "0", len(seeds) == len(set(seeds)))
    hashes = [difference_hash(images.pixels) for images in birds]
    nearest = min(
        int((a.shape[1] - _agreeing_bits(a, b)).min()) for i, a in enumerate(hashes) for b in hashes[i + 1 :]
    )
    question = "nearest pictures of two splits, bits of their hashes that differ"
    yield Finding(
        question, f"{nearest} of 256", f"at least {MIN_HASH_DISTANCE}", nearest >= MIN_HASH_DISTANCE
    )


def difference_hash(pixels: Tensor) -> Tensor:
    """Perceptual hash (dHash): is each cell of a 16 x 16 grid brighter than its right neighbour?

    Args:
        pixels: uint8 (N, 3, S, S).

    Returns:
        bool (N, 256).
    """
    cells = torch.cat([F.adaptive_avg_pool2d(p.float().mean(1), (16, 17)) for p in pixels.split(64)])
    return (cells[:, :, :-1] > cells[:, :, 1:]).flatten(1)


def _agreeing_bits(a: Tensor, b: Tensor) -> Tensor:
    x, y = a.float() * 2 - 1, b.float() * 2 - 1
    return (x.shape[1] + x @ y.T) / 2


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
