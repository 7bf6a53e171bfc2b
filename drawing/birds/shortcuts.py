"""Could a model name the birds from what was noted of a picture, without looking at the bird?

What has nothing to do with the bird must tell nothing of its species. What belongs to the bird, such as its pose or
the detail that makes its file large, may tell a little of the species, but nothing of which member of a pair it is:
there only the mark may decide.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import itemgetter

import numpy as np
import pandas as pd
from scipy import stats

from course_utils.data.annotations import Pair
from drawn_set.finding import Finding, guessing, p_value

AROUND = ("habitat", "mood", "weather", "perch", "flip")
"""What has nothing to do with the bird."""
OF_THE_BIRD = ("pose", "sex", "age", "wear", "mark_visible")
MEASURED = ("distance", "visible_fraction", "mark_pixels")
"""What may depend on the species, as its colours do, but never on which member of a pair it is."""
NUMBERS = (*MEASURED, "bytes")
PAIR_LIMIT = 1.25
"""How many times better than a guess the bytes of a file may name the member of a pair: detail takes bytes."""
ALONE_LIMIT = 3.0
"""How many times better than a guess one property may name a species."""


def surroundings(notes: pd.DataFrame) -> Iterator[Finding]:
    """Is what surrounds the birds independent of the species? Chi-square, and Kruskal-Wallis for brightness."""
    tests = len(AROUND) + 1
    for name in AROUND:
        yield p_value(f"{name} and species", _chi_square(notes, name), tests)
    groups = [group.background_brightness.dropna() for _, group in notes.groupby("species")]
    yield p_value("brightness of the background and species", stats.kruskal(*groups).pvalue, tests)


def within_pairs(notes: pd.DataFrame, pairs: Sequence[Pair]) -> Iterator[Finding]:
    """Is all but the mark alike in both members of a pair? Chi-square, and Mann-Whitney for numbers.

    Each question is asked of every pair; the smallest p is shown. A mark may take bytes, as detail does: there the
    question is whether they would name the bird.
    """
    members = [notes[notes.class_name.isin(pair.classes)] for pair in pairs]
    for name in (*OF_THE_BIRD, *MEASURED):
        test = _mann_whitney if name in MEASURED else _chi_square
        p = min((test(pair, name) for pair in members if pair[name].nunique() > 1), default=1.0)
        yield p_value(f"{name} and member of the pair, smallest p", p, len(members))
    right, pair = max(((_right_from(pair, "bytes"), pair) for pair in members), key=itemgetter(0))
    n = int((pair.split == "test").sum())
    yield guessing("bytes and member of the pair, highest", right, n, 2, PAIR_LIMIT)


def _chi_square(notes: pd.DataFrame, name: str) -> float:
    counts = pd.crosstab(notes.species, notes[name].astype(object).fillna("none"))
    return stats.chi2_contingency(counts).pvalue


def _mann_whitney(notes: pd.DataFrame, name: str) -> float:
    return stats.mannwhitneyu(*(group[name] for _, group in notes.groupby("species"))).pvalue


def alone(notes: pd.DataFrame, name: str) -> Finding:
    """How often one property names the species."""
    n = int((notes.split == "test").sum())
    return guessing(f"{name} alone", _right_from(notes, name), n, notes.species.nunique(), ALONE_LIMIT)


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
