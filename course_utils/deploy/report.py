"""A report on a bundle: one HTML page with all that a colleague asks, which needs nothing but a browser."""

from __future__ import annotations

import base64
import io
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure

from course_utils.arguments import is_number, is_whole
from course_utils.deploy.bundle import Bundle, load_bundle
from course_utils.deploy.card import LIMITS, Mistake, Scores, recipe_in_words, snippet, steps
from course_utils.deploy.figures import plot_epochs, plot_reliability
from course_utils.deploy.pages import template
from course_utils.errors import CourseError
from course_utils.files import check_writable, save_text
from course_utils.metrics.calibration import reliability
from course_utils.metrics.intervals import accuracy_interval
from course_utils.notebook.described import describe
from course_utils.notebook.plots import plot_confusion
from course_utils.notebook.style import readable_names
from course_utils.training.history import History

REPORT = "report.html"
MOST_IN_MATRIX, MOST_CONFUSIONS, MOST_LISTED = 25, 12, 120
"""Classes that a confusion matrix can show, pairs of them in a table, classes that are listed one by one."""
THRESHOLDS = (0.5, 0.7, 0.9, 0.95)
UNFIT = (AttributeError, LookupError, TypeError, ValueError, ZeroDivisionError, jinja2.UndefinedError)
"""What comes of a record that does not hold what it should."""


@dataclass(frozen=True)
class Share:
    """So many of so many.

    Attributes:
        part: How many.
        of: Of how many.
        label: Of what, where it is one of several.
    """

    part: int
    of: int
    label: str = ""

    @property
    def value(self) -> float:
        """0 to 1."""
        return self.part / self.of

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95%."""
        return accuracy_interval(self.value, self.of)


class Image(NamedTuple):
    """A figure that stays sharp at any size.

    Attributes:
        alt: What it shows.
        width: In px, where there is room.
        svg: In base64.
    """

    alt: str
    width: int
    svg: str


def write_report(folder: Path, out: Path | None = None) -> Path:
    """Write the report of a bundle.

    Args:
        folder: The bundle's.
        out: Where to; None writes ``report.html`` into the folder.

    Returns:
        Where it is.

    Raises:
        CourseError: No bundle, one that lacks what was measured, or no place to write to.
    """
    bundle, out = load_bundle(folder), out or folder / REPORT
    check_writable(out)
    try:
        page = html(folder.resolve().name, bundle)
    except UNFIT as error:
        raise CourseError(
            f"bundle.json of {folder} lacks what a report tells ({type(error).__name__}: {error}). Get the folder again, or "
            "train the model with this version of the course."
        ) from error
    save_text(out, page)
    return out


def html(title: str, bundle: Bundle) -> str:
    """The report as one HTML page that asks nothing of any server.

    Args:
        title: What the model is called: the name of its folder.
        bundle: All else.
    """
    return template(REPORT).render(_contents(title, bundle))


def _contents(title: str, bundle: Bundle) -> dict[str, Any]:
    facts, names = bundle.facts, readable_names(bundle.classes)
    test = facts.score("test")
    label, named, probability = _answers(test, len(names))
    right = [a == b for a, b in zip(label, named, strict=True)]
    bins = reliability(torch.tensor(probability, dtype=torch.float64), torch.tensor(right))
    classes = _per_class(label, right, names)
    history = (
        None if facts.epochs is None else History.from_columns(facts.epochs, n_val=facts.pictures["val"])
    )
    small = len(names) <= MOST_IN_MATRIX
    matrix = plot_confusion(torch.tensor(named), torch.tensor(label), bundle.classes) if small else None
    return {
        "title": title,
        "bundle": bundle,
        "facts": facts,
        "test": Share(sum(right), len(right)),
        "commonest": Share(max(Counter(label).values()), len(label)),
        "scores": {split: facts.score(split) for split in facts.scores},
        "classes": classes[:MOST_LISTED],
        "more_classes": len(classes) - MOST_LISTED,
        "confusions": _confusions(label, named, names),
        "matrix": matrix and _image(matrix, f"Confusion matrix of {len(names)} classes."),
        "mistakes": [(m, names[m.label], names[m.named]) for m in (Mistake(**row) for row in facts.mistakes)],
        "reliability": _image(plot_reliability({"measured on test": bins})),
        "thresholds": _at_thresholds(probability, right),
        "curve": history and _image(plot_epochs(history)),
        "kept": history and history.best.epoch,
        "recipe": recipe_in_words(facts),
        "command": f"course predict {shlex.quote(title)} photo.jpg",
        "snippet": snippet(title, bundle),
        "steps": steps(bundle),
        "limits": LIMITS,
        "class_names": names,
    }


def _answers(test: Scores, classes: int) -> tuple[list[int], list[int], list[float]]:
    label, named, probability = (test.answers[key] for key in ("label", "named", "probability"))
    if not len(label) == len(named) == len(probability) == test.n:
        raise ValueError(f"{len(label)}, {len(named)} and {len(probability)} answers of {test.n} pictures")
    if not all(is_whole(k) and 0 <= k < classes for k in (*label, *named)):
        raise ValueError("answers are no classes")
    if not all(is_number(share) and 0 <= share <= 1 for share in probability):
        raise ValueError("probabilities are not from 0 to 1")
    return label, named, probability


def _per_class(label: Sequence[int], right: Sequence[bool], names: Sequence[str]) -> list[Share]:
    """Those that are tested, the weakest first."""
    of, good = Counter(label), Counter(k for k, yes in zip(label, right, strict=True) if yes)
    return sorted((Share(good[k], of[k], names[k]) for k in of), key=lambda share: (share.value, share.label))


def _confusions(
    label: Sequence[int], named: Sequence[int], names: Sequence[str]
) -> list[tuple[str, str, int, int]]:
    """What is named what, how often of how many, the commonest first."""
    of = Counter(label)
    pairs = Counter((a, b) for a, b in zip(label, named, strict=True) if a != b)
    ordered = sorted(pairs.items(), key=lambda pair: (-pair[1], names[pair[0][0]], names[pair[0][1]]))
    return [(names[a], names[b], number, of[a]) for (a, b), number in ordered[:MOST_CONFUSIONS]]


def _at_thresholds(
    probability: Sequence[float], right: Sequence[bool]
) -> list[tuple[float, Share, Share | None]]:
    """For each threshold how many answers reach it, and how many of those are right."""
    rows = []
    for threshold in THRESHOLDS:
        sure = [good for share, good in zip(probability, right, strict=True) if share >= threshold]
        reached = Share(len(sure), len(right))
        rows.append((threshold, reached, Share(sum(sure), len(sure)) if sure else None))
    return rows


def _image(figure: Figure, alt: str | None = None) -> Image:
    stream = io.BytesIO()
    with plt.rc_context({"svg.hashsalt": "report"}):  # the same page each time
        figure.savefig(stream, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None})
    data = base64.b64encode(stream.getvalue()).decode("ascii")
    return Image(alt or describe(figure), round(96 * figure.get_figwidth()), data)
