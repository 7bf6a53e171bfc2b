"""Which flavour to try first, for a case of one's own: five questions, an answer, and the measured row behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import pandas as pd
from ipywidgets import HTML, Dropdown, IntText, VBox

from course_utils.errors import CourseError
from course_utils.experiments.flavours import FLAVOURS
from course_utils.experiments.results import RunResult, summary_table
from course_utils.notebook.widgets import Panel

LIKENESS = ("photos of things or animals", "drawings, maps, screenshots", "scans, spectra, microscopy")
BUDGET = ("seconds", "minutes", "hours")
LICENCE = ("any weights", "no borrowed weights")
LATENCY = ("a server or laptop", "a phone, or many pictures a second")
FEW = 10
"""Photos a class up to which fine-tuning gained next to nothing over a probe (``results/cub_subset.json``)."""

MANY = 100
"""Pictures a class from which on the best scratch run is named as a serious competitor: there it had passed the probe and
come near to fine-tuning (``results/fieldguide.json``)."""


@dataclass(frozen=True)
class Case:
    """What somebody has and needs.

    Attributes:
        pictures: Labelled pictures of each class, 1 or more.
        likeness: To ImageNet's photos, one of :data:`LIKENESS`.
        budget: What a training may take, one of :data:`BUDGET`.
        licence: What may be used, one of :data:`LICENCE`.
        latency: Where the model has to answer, one of :data:`LATENCY`.

    Raises:
        CourseError: No picture, or an answer that none of the questions has.
    """

    pictures: int = 30
    likeness: str = LIKENESS[0]
    budget: str = BUDGET[1]
    licence: str = LICENCE[0]
    latency: str = LATENCY[0]

    def __post_init__(self) -> None:
        if self.pictures < 1:
            raise CourseError(f"pictures is {self.pictures}; expected 1 or more of each class.")
        for name, allowed in QUESTIONS.items():
            if getattr(self, name) not in allowed:
                raise CourseError(
                    f"{name} is {getattr(self, name)!r}; expected one of: {'; '.join(map(repr, allowed))}."
                )


QUESTIONS = {"likeness": LIKENESS, "budget": BUDGET, "licence": LICENCE, "latency": LATENCY}


@dataclass(frozen=True)
class Advice:
    """What to try first.

    Attributes:
        flavour: A key of :data:`~course_utils.experiments.flavours.FLAVOURS`.
        reasons: A sentence for each answer that had a say.
    """

    flavour: str
    reasons: tuple[str, ...]


def advise(case: Case) -> Advice:
    """Which flavour to try first, and why."""
    reasons = []
    if case.licence == LICENCE[1]:
        flavour = "scratch_best"
        reasons.append("No weights that you may use: the definition alone is yours to train.")
    elif case.budget == BUDGET[0]:
        flavour = "linear_probe"
        reasons.append("One pass over the pictures is all the time there is: a linear probe needs no more.")
    elif case.likeness == LIKENESS[0] and case.pictures <= FEW:
        flavour = "linear_probe"
        reasons.append(
            "With so few photos fine-tuning added next to nothing to a linear probe: try it once you have more."
        )
    else:
        flavour = "fine_tune"
        reasons.append("Fit the probe first; it costs seconds. Where it is not enough, fine-tune.")
    if case.likeness == LIKENESS[2] and flavour != "scratch_best":
        reasons.append(
            "Your pictures are far from what the weights have seen: train the best scratch beside it, as lesson 6 does."
        )
    if case.pictures >= MANY and flavour != "scratch_best":
        reasons.append("With so many pictures there is less to borrow: compare with the best scratch.")
    if case.latency == LATENCY[1]:
        reasons.append("A flavour does not change how fast a model answers. Its size does: take a small one.")
    return Advice(flavour, tuple(reasons))


def measured_behind(
    case: Case, advice: Advice, drawn: Sequence[RunResult], photos: Sequence[RunResult]
) -> pd.DataFrame:
    """The measured rows that come nearest to a case: that of the advice and those of its competitors.

    Args:
        case: Whose number of pictures is looked up: the nearest size that was measured.
        advice: Its row comes first.
        drawn: Runs on drawn birds.
        photos: Runs on photos; used where the case has photos.
    """
    name, runs = ("photos of birds", photos) if case.likeness == LIKENESS[0] else ("drawn birds", drawn)
    table = summary_table(runs)
    table = table[table.flavour != "scratch"]
    own = table[table.flavour == advice.flavour].images_per_class
    nearest = min(table.images_per_class if own.empty else own, key=lambda size: abs(size - case.pictures))
    rows = table[table.images_per_class == nearest]
    rows = pd.concat([rows[rows.flavour == advice.flavour], rows[rows.flavour != advice.flavour]])
    return pd.DataFrame(
        {
            "measured on": f"{name}, {nearest} a class",
            "flavour": [FLAVOURS[flavour].label for flavour in rows.flavour],
            "test accuracy (95% interval)": [
                f"{row.test_accuracy:.1%} ({row.low:.1%} to {row.high:.1%})" for row in rows.itertuples()
            ],
            "seeds": rows.seeds.tolist(),
            "seconds": [f"{seconds:.0f}" for seconds in rows.seconds],
        }
    )


def decide(drawn: Sequence[RunResult], photos: Sequence[RunResult]) -> Panel:
    """Five questions, and for their answers a flavour to try first with the measured rows behind it."""
    wide = {"style": {"description_width": "11em"}, "layout": {"width": "34em"}}
    controls: dict[str, IntText | Dropdown | HTML] = {
        "pictures": IntText(Case().pictures, description="pictures of each class", **wide),
        **{
            name: Dropdown(options=allowed, description=text, **wide)
            for (name, allowed), text in zip(
                QUESTIONS.items(),
                ("they look like", "a training may take", "I may use", "it answers on"),
                strict=True,
            )
        },
    }
    controls["budget"].value = Case().budget
    said = HTML()

    def show(_: object = None) -> None:
        try:
            case = Case(**{name: control.value for name, control in controls.items()})
        except CourseError as error:
            said.value = escape(str(error))
            return
        said.value = _in_html(case, drawn, photos)

    for control in controls.values():
        control.observe(show, names="value")
    show()
    still = "".join(
        f"<p><em>{escape(title)}</em></p>{_in_html(case, drawn, photos)}" for title, case in EXAMPLES.items()
    )
    text = "\n".join(f"{title}: {FLAVOURS[advise(case).flavour].label}" for title, case in EXAMPLES.items())
    return Panel(
        VBox([*controls.values(), said]), still=still, text=text, controls={**controls, "said": said}
    )


EXAMPLES: Mapping[str, Case] = {
    "Thirty photos of each class, minutes to train": Case(),
    "Eight photos of each class, minutes to train": Case(8),
    "Five drawings of each class, seconds to train": Case(5, LIKENESS[1], BUDGET[0]),
    "Thirty drawings of each class, no borrowed weights": Case(30, LIKENESS[1], BUDGET[2], LICENCE[1]),
}


def _in_html(case: Case, drawn: Sequence[RunResult], photos: Sequence[RunResult]) -> str:
    advice = advise(case)
    # JupyterLab gives tables inside of widgets no padding.
    rows = (
        measured_behind(case, advice, drawn, photos)
        .style.hide(axis="index")
        .set_table_styles([{"selector": "th, td", "props": "padding: 0.2em 0.8em; text-align: left"}])
        .to_html(table_uuid=f"{advice.flavour}-{case.pictures}")
    )
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in advice.reasons)
    return f"<p>Try first: <strong>{FLAVOURS[advice.flavour].label}</strong></p><ul>{reasons}</ul>{rows}"
