"""Could a model name the birds from what surrounds them, the bird itself cut out?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from course_utils.data import BirdSplits, ImageSet, load_mask
from course_utils.training.features import Features
from course_utils.training.probe import linear_probe
from drawn_set.finding import Finding, guessing

SIZE = 64
"""Side in px at which the audit looks at pictures."""
DILATION = 3
"""How far the hole reaches beyond the bird, in px of ``SIZE``."""
GRID = 8
BINS = 8
MIRRORING = ("shallows",)
"""Perches in which the bird is seen a second time, outside of its mask."""


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


def unmirrored(images: ImageSet, notes: pd.DataFrame) -> ImageSet:
    """The pictures without those in which water shows the bird again."""
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
    return guessing("background, bird cut out: linear classifier", right, len(test.y), len(birds.classes))
