"""Which flavours to try, for a case of one's own: five questions, an answer, and the measured rows behind it."""

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
BUDGET = ("seconds", "minutes or more")
LICENCE = ("any weights", "no borrowed weights")
LATENCY = ("a server or laptop", "a phone, or many pictures a second")
FEW = 10
"""Photos a class up to which fine-tuning gained next to nothing over a probe (``results/cub_subset.json``)."""

MANY = 100
"""Pictures a class from which on the best scratch run is named as a competitor: there it had passed the probe
(``results/fieldguide.json``)."""


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
    """What to try.

    Attributes:
        steps: Keys of :data:`~course_utils.experiments.flavours.FLAVOURS`, each with a reason, in the order to try them.
        notes: What else the answers ask for.
    """

    steps: Mapping[str, str]
    notes: tuple[str, ...] = ()


def advise(case: Case) -> Advice:
    """Which flavours to try, from the cheapest on, and why."""
    notes = []
    if case.licence == LICENCE[1]:
        steps = {"scratch_best": "Weights of others are ruled out: the definition alone is yours to train."}
        if case.budget == BUDGET[0]:
            notes.append("But no training from scratch takes seconds.")
    else:
        steps = {"linear_probe": "It costs one pass over the pictures. If it is good enough, stop here."}
        if case.budget == BUDGET[0]:
            notes.append("Seconds allow no more than the probe.")
        else:
            steps["fine_tune"] = (
                "Expect little: with so few photos it added next to nothing to the probe. More photos may bring more."
                if case.likeness == LIKENESS[0] and case.pictures <= FEW
                else "Where the probe is not good enough: it takes minutes, and gets more right."
            )
            if case.likeness == LIKENESS[2]:
                steps["scratch_best"] = (
                    "Your pictures are far from what the weights have seen: train it beside, as lesson 6 does."
                )
            elif case.pictures >= MANY:
                steps["scratch_best"] = "With so many pictures it may compete: let val decide."
    if case.likeness == LIKENESS[2]:
        notes.append(
            "The rows below are of drawn birds, which are far from your pictures, too. Lesson 6 measures scans."
        )
    if case.latency == LATENCY[1]:
        notes.append("A flavour does not change how fast a model answers. Its size does: take a small one.")
    return Advice(steps, tuple(notes))


def measured_behind(
    case: Case, advice: Advice, drawn: Sequence[RunResult], photos: Sequence[RunResult]
) -> pd.DataFrame:
    """The measured rows that come nearest to a case: those of the advice in its order, then the others.

    Args:
        case: Whose number of pictures is looked up: the nearest size that was measured.
        advice: Its rows come first.
        drawn: Runs on drawn birds.
        photos: Runs on photos; used where the case has photos.
    """
    name, runs = ("photos of birds", photos) if case.likeness == LIKENESS[0] else ("drawn birds", drawn)
    table = summary_table(runs)
    table = table[table.flavour != "scratch"]
    order = list(advice.steps)
    own = table[table.flavour == order[0]].images_per_class
    nearest = min(table.images_per_class if own.empty else own, key=lambda size: abs(size - case.pictures))
    rows = table[table.images_per_class == nearest]
    rows = rows.sort_values(
        "flavour",
        key=lambda names: names.map(lambda name: order.index(name) if name in order else len(order)),
        kind="stable",
    )
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
    """Five questions, and for their answers the flavours to try with the measured rows behind them."""
    wide = {"style": {"description_width": "14em"}, "layout": {"width": "37em"}}
    controls: dict[str, IntText | Dropdown | HTML] = {
        "pictures": IntText(Case().pictures, description="to train on, of each class", **wide),
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
    text = "\n".join(
        f"{title}: {', then '.join(FLAVOURS[name].label for name in advise(case).steps)}"
        for title, case in EXAMPLES.items()
    )
    return Panel(
        VBox([*controls.values(), said]), still=still, text=text, controls={**controls, "said": said}
    )


EXAMPLES: Mapping[str, Case] = {
    "Thirty photos of each class, minutes to train": Case(),
    "Eight photos of each class, minutes to train": Case(8),
    "Five drawings of each class, seconds to train": Case(5, LIKENESS[1], BUDGET[0]),
    "Thirty drawings of each class, no borrowed weights": Case(30, LIKENESS[1], BUDGET[1], LICENCE[1]),
}


def _in_html(case: Case, drawn: Sequence[RunResult], photos: Sequence[RunResult]) -> str:
    advice = advise(case)
    # JupyterLab gives tables inside of widgets no padding.
    rows = (
        measured_behind(case, advice, drawn, photos)
        .style.hide(axis="index")
        .set_table_styles([{"selector": "th, td", "props": "padding: 0.2em 0.8em; text-align: left"}])
        .to_html(table_uuid=f"{'-'.join(advice.steps)}-{case.pictures}")
    )
    steps = "".join(
        f"<li><strong>{FLAVOURS[name].label}</strong>. {escape(reason)}</li>"
        for name, reason in advice.steps.items()
    )
    notes = "".join(f"<p>{escape(note)}</p>" for note in advice.notes)
    return f"<p>Try in this order:</p><ol>{steps}</ol>{notes}{rows}"
