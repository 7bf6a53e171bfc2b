"""The threshold to move, and the figures on detectors and scans: what they show follows from the scores."""

from __future__ import annotations

import math

import pytest
import torch

from course_utils.data import load_scans
from course_utils.errors import CourseError
from course_utils.lessons.a_new_domain import figures
from course_utils.lessons.a_new_domain.threshold import (
    Outcomes,
    cheapest_threshold,
    explore_threshold,
    outcomes,
)

SCORES = torch.tensor([0.05, 0.15, 0.22, 0.31, 0.42, 0.55, 0.61, 0.74, 0.83, 0.95])
LABELS = torch.tensor([0, 0, 0, 1, 0, 0, 1, 0, 1, 1])


def test_moving_the_threshold_changes_who_is_found():
    panel = explore_threshold(SCORES, LABELS, missed=10)
    controls = panel.controls
    assert all(len(control.description) < 36 for control in (controls["threshold"], controls["missed"])), (
        "no room for a track"
    )
    before = controls["shown"].value
    controls["threshold"].value = 0.9
    assert controls["shown"].value != before
    assert "1 found, 3 missed, 0 false alarms, 6 cleared" in controls["said"].value
    assert "cost 30 " in controls["said"].value
    controls["missed"].value = 2
    assert "cost 6 " in controls["said"].value
    assert controls["said"].value.split(":")[0] in controls["shown"].value, (
        "the text is the picture's alternative"
    )


def test_the_still_form_shows_the_cheapest_threshold(capsys):
    panel = explore_threshold(SCORES, LABELS, missed=10)
    start = panel.controls["threshold"].value
    assert start == cheapest_threshold(SCORES, LABELS, missed=10)
    costs = [outcomes(SCORES, LABELS, threshold=k / 100).cost(missed=10) for k in range(101)]
    assert outcomes(SCORES, LABELS, threshold=start).cost(missed=10) == min(costs) == 3


def test_a_dearer_miss_never_raises_the_cheapest_threshold():
    cheapest = [cheapest_threshold(SCORES, LABELS, missed=price) for price in (1, 2, 5, 20)]
    assert cheapest == sorted(cheapest, reverse=True)


def test_outcomes_by_hand():
    found = outcomes(SCORES, LABELS, threshold=0.5)
    assert found == Outcomes(found=3, missed=1, false_alarms=2, cleared=4)
    assert (found.accuracy, found.sensitivity, found.cost(missed=10)) == (0.7, 0.75, 12)
    assert found.specificity == pytest.approx(2 / 3)
    assert "3 found, 1 missed" in str(found)
    nobody = Outcomes(found=0, missed=0, false_alarms=1, cleared=1)
    assert math.isnan(nobody.sensitivity) and nobody.specificity == 0.5


def test_scans_carry_the_notice_and_outlines_where_something_is():
    scans = load_scans(studies=20)
    ill, healthy = (scans.val.files[int(k)] for k in (scans.val.labels.argmax(), scans.val.labels.argmin()))
    figure = figures.show_scans([ill, healthy], ["ill", "healthy"], outlined=True)
    assert figure.get_supxlabel() == figures.NOTICE
    assert [bool(axis.collections) for axis in figure.axes] == [True, False]
    assert [axis.get_title() for axis in figures.show_scans([ill, healthy]).axes] == ["1", "2"]
    with pytest.raises(CourseError, match="2 studies and 1 captions"):
        figures.show_scans([ill, healthy], ["one"])


def test_a_radiograph_is_shown_as_large_as_it_was_stored_at_least():
    scans = load_scans(studies=20)
    figure = figures.show_scans(scans.val.files[:6])
    side = figure.axes[0].get_window_extent().width
    assert side >= 300 > scans.val.pixels.shape[-1]


def test_evidence_is_ringed_where_it_is_strongest_and_coloured_by_its_sign():
    scans = load_scans(studies=20)
    maps = torch.zeros(2, 4, 4)
    maps[0, 1, 3], maps[0, 2, 0], maps[1, 3, 3] = 4.0, -2.0, 0.1
    figure = figures.show_evidence(scans.val.files[:2], maps, ["a", "b"])
    ring = figure.axes[0].lines[0]
    assert (ring.get_ydata()[0], ring.get_xdata()[0]) == (72, 168)
    assert not figure.axes[1].lines, "no place says much"
    colours = figure.axes[0].images[1].get_array()
    red, _, blue = colours[72, 168][:3]
    assert red > blue, "for illness"
    red, _, blue = colours[120, 8][:3]
    assert blue > red, "for health"
    assert any("speaks for illness" in text.get_text() for text in figure.axes[2].texts)
    with pytest.raises(CourseError, match="1 studies and 2 captions or maps"):
        figures.show_evidence(scans.val.files[:1], maps, ["a"])
