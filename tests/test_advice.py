"""The decision helper: what it advises, the measured rows behind it, what it makes of nonsense."""

from __future__ import annotations

from dataclasses import replace

import pytest

from course_utils.errors import CourseError
from course_utils.experiments.compare import measured
from course_utils.experiments.results import RunResult, paired_gains
from course_utils.lessons.which_flavour_when.advice import (
    BUDGET,
    FEW,
    LATENCY,
    LICENCE,
    LIKENESS,
    Case,
    advise,
    decide,
    measured_behind,
)


def runs(accuracy, sizes):
    flavours = ("scratch", "scratch_best", "linear_probe", "fine_tune")
    return [
        RunResult(flavour, "x", 64, size, seed, 0.5, accuracy + place / 10, 200, 10.0 * place + seed, 1000)
        for place, flavour in enumerate(flavours)
        for size in sizes
        for seed in (0, 1)
    ]


DRAWN, PHOTOS = runs(0.2, [5, 10, 30]), runs(0.5, [27])


@pytest.mark.parametrize(
    ("changes", "flavour"),
    [
        ({}, "fine_tune"),
        ({"budget": BUDGET[0]}, "linear_probe"),
        ({"licence": LICENCE[1]}, "scratch_best"),
        ({"licence": LICENCE[1], "budget": BUDGET[0]}, "scratch_best"),
        ({"likeness": LIKENESS[2]}, "fine_tune"),
        ({"pictures": FEW}, "linear_probe"),
        ({"pictures": FEW + 1}, "fine_tune"),
        ({"pictures": FEW, "likeness": LIKENESS[1]}, "fine_tune"),
    ],
)
def test_advice(changes, flavour):
    assert advise(replace(Case(), **changes)).flavour == flavour


def test_few_photos_are_those_where_fine_tuning_gained_next_to_nothing():
    gains = paired_gains(measured("cub_subset").results, [("fine_tune", "linear_probe")])
    sizes = gains.index.get_level_values("pictures a class")
    assert FEW in sizes
    assert gains.gain[sizes <= FEW].max() < 0.02 < gains.gain[sizes > FEW].min()


def test_each_answer_has_its_say():
    plain = advise(Case()).reasons
    for changes in ({"likeness": LIKENESS[2]}, {"pictures": 500}, {"latency": LATENCY[1]}):
        more = advise(replace(Case(), **changes)).reasons
        assert set(plain) < set(more) and len(more) == len(plain) + 1
    without = advise(Case(500, LIKENESS[2], BUDGET[2], LICENCE[1]))
    assert not any("scratch" in reason for reason in without.reasons), "it is what is advised already"


def test_the_measured_rows_are_the_nearest():
    drawing = Case(9, LIKENESS[1])
    rows = measured_behind(drawing, advise(drawing), DRAWN, PHOTOS)
    assert rows["measured on"].unique().tolist() == ["drawn birds, 10 a class"]
    assert rows.flavour.tolist() == [
        "pre-trained, fine-tuned",
        "from scratch, at its best",
        "pre-trained, linear probe",
    ]
    assert rows["test accuracy (95% interval)"][0].startswith("50.0% (")
    assert rows.seeds.tolist() == [2, 2, 2]
    photos = measured_behind(Case(9), advise(Case(9)), DRAWN, PHOTOS)
    assert photos["measured on"].unique().tolist() == ["photos of birds, 27 a class"]


def test_where_the_advice_was_not_measured_its_competitors_are_shown():
    case = Case(9, licence=LICENCE[1])
    known = [run for run in PHOTOS if run.flavour != "scratch_best"]
    rows = measured_behind(case, advise(case), DRAWN, known)
    assert rows.flavour.tolist() == ["pre-trained, linear probe", "pre-trained, fine-tuned"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"pictures": 0}, "pictures is 0; expected 1 or more"),
        ({"budget": "days"}, "budget is 'days'; expected one of: 'seconds'; 'minutes'; 'hours'"),
    ],
)
def test_strange_answers_are_told(changes, says):
    with pytest.raises(CourseError, match=says):
        replace(Case(), **changes)


def test_the_widget_follows_its_questions():
    panel = decide(DRAWN, PHOTOS)
    said = panel.controls["said"]
    assert "pre-trained, fine-tuned</strong>" in said.value and "photos of birds, 27 a class" in said.value
    panel.controls["likeness"].value = LIKENESS[1]
    panel.controls["pictures"].value = 6
    assert "drawn birds, 5 a class" in said.value
    panel.controls["licence"].value = LICENCE[1]
    assert "from scratch, at its best</strong>" in said.value
    panel.controls["pictures"].value = -3
    assert "pictures is -3" in said.value
    panel.controls["pictures"].value = 30
    assert "drawn birds, 30 a class" in said.value
