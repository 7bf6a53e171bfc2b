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
    MANY,
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
    ("changes", "steps"),
    [
        ({}, ["linear_probe", "fine_tune"]),
        ({"budget": BUDGET[0]}, ["linear_probe"]),
        ({"budget": BUDGET[0], "pictures": MANY}, ["linear_probe"]),
        ({"licence": LICENCE[1]}, ["scratch_best"]),
        ({"licence": LICENCE[1], "budget": BUDGET[0]}, ["scratch_best"]),
        ({"likeness": LIKENESS[2]}, ["linear_probe", "fine_tune", "scratch_best"]),
        ({"pictures": MANY - 1}, ["linear_probe", "fine_tune"]),
        ({"pictures": MANY}, ["linear_probe", "fine_tune", "scratch_best"]),
    ],
)
def test_advice(changes, steps):
    assert list(advise(replace(Case(), **changes)).steps) == steps


def test_little_is_promised_of_fine_tuning_few_photos():
    few, more = (advise(Case(number)).steps["fine_tune"] for number in (FEW, FEW + 1))
    assert few.startswith("Expect little") and more != few
    assert advise(Case(FEW, LIKENESS[1])).steps["fine_tune"] == more


def test_few_photos_are_those_where_fine_tuning_gained_next_to_nothing():
    gains = paired_gains(measured("cub_subset").results, [("fine_tune", "linear_probe")])
    sizes = gains.index.get_level_values("pictures a class")
    assert FEW in sizes
    assert gains.gain[sizes <= FEW].max() < 0.02 < gains.gain[sizes > FEW].min()


def test_each_answer_has_its_say():
    for changes in ({"budget": BUDGET[0]}, {"latency": LATENCY[1]}, {"likeness": LIKENESS[2]}):
        assert len(advise(replace(Case(), **changes)).notes) == 1
    (note,) = advise(Case(licence=LICENCE[1], budget=BUDGET[0])).notes
    assert "no training from scratch takes seconds" in note
    assert advise(Case()).notes == ()
    far, many = advise(Case(30, LIKENESS[2])), advise(Case(500))
    assert far.steps["scratch_best"] != many.steps["scratch_best"]


def test_the_measured_rows_are_the_nearest():
    drawing = Case(9, LIKENESS[1])
    rows = measured_behind(drawing, advise(drawing), DRAWN, PHOTOS)
    assert rows["measured on"].unique().tolist() == ["drawn birds, 10 a class"]
    assert rows.flavour.tolist() == [
        "pre-trained, linear probe",
        "pre-trained, fine-tuned",
        "from scratch, at its best",
    ]
    assert rows["test accuracy (95% interval)"].iloc[0].startswith("40.0% (")
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
        ({"budget": "days"}, "budget is 'days'; expected one of: 'seconds'; 'minutes or more'"),
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
