"""The threshold to move, and the figures on detectors and scans: what they show follows from the scores."""

from __future__ import annotations

import pandas as pd
import pytest
import torch

from course_utils.data import load_scans
from course_utils.errors import CourseError
from course_utils.lessons.a_new_domain import figures
from course_utils.lessons.a_new_domain.threshold import cheapest_threshold, explore_threshold, plot_threshold
from course_utils.metrics.binary import outcomes
from course_utils.models import build_definition
from course_utils.models.evidence import evidence_maps, strongest_places
from course_utils.notebook.described import describe
from sweeps.scan_variants import SMALL

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


def test_rates_name_their_areas_and_mark_the_threshold():
    chosen = outcomes(SCORES, LABELS, threshold=0.6)
    figure = figures.plot_rates(SCORES, LABELS, chosen=chosen)
    left, right = figure.axes
    assert "area 0.83" in left.get_legend().get_texts()[0].get_text()
    assert "guessing, area 0.40" in [text.get_text() for text in right.get_legend().get_texts()]
    point = left.lines[2]
    assert (point.get_xdata()[0], point.get_ydata()[0]) == pytest.approx((1 / 6, 0.75))


def test_calibration_dots_and_sizes():
    figure = figures.plot_calibration({"val": (SCORES, LABELS)}, bins=2)
    assert list(figure.axes[0].lines[1].get_ydata()) == [pytest.approx(0.2), pytest.approx(0.6)]
    frame = pd.DataFrame(
        {
            "model": ["a", "a", "b", "b"],
            "studies": [10, 100, 10, 100],
            "seed": [0, 0, 0, 0],
            "AUROC": [0.5, 0.6, 0.7, 0.8],
        }
    )
    dots = figures.plot_dots(frame, row="model", value="AUROC", labels={"AUROC": "area"})
    assert [text.get_text() for text in dots.axes[0].get_yticklabels()] == ["a", "b"]
    assert "area" in describe(dots).lower()
    sizes = figures.plot_by_size(frame, values=["AUROC"], labels={"AUROC": "on test"}, quantity="AUROC")
    assert (sizes.axes[0].get_title(), sizes.axes[0].get_ylabel()) == ("on test", "AUROC")
    assert [text.get_text() for text in sizes.axes[0].get_xticklabels()] == ["10", "100"]


def test_scans_carry_the_notice_and_outlines_where_something_is():
    scans = load_scans(studies=20)
    ill, healthy = int(scans.val.labels.argmax()), int(scans.val.labels.argmin())
    figure = figures.show_scans(scans.val, [ill, healthy], captions=["ill", "healthy"], outlined=True)
    assert figure.get_supxlabel() == figures.NOTICE
    outlined = [bool(axis.collections) for axis in figure.axes]
    assert outlined == [True, False]
    with pytest.raises(CourseError, match="2 studies and 1 captions"):
        figures.show_scans(scans.val, [0, 1], captions=["one"])


def test_evidence_is_ringed_where_it_is_strongest():
    scans = load_scans(studies=20)
    images = scans.val.take([0, 1])
    model = build_definition(SMALL, 2, seed=0).eval()
    maps = evidence_maps(model, images.pixels.float() / 255)
    for_ill = maps[:, 1] - maps[:, 0]
    places = strongest_places(for_ill, 192)
    figure = figures.show_evidence(images, for_ill, places, captions=["a", "b"])
    ring = figure.axes[2].lines[0]
    assert (ring.get_ydata()[0], ring.get_xdata()[0]) == tuple(places[0].tolist())
    colours = figure.axes[2].images[1]
    row, column = places[0].tolist()
    assert colours.get_array()[row, column] > 0 and colours.get_clim()[1] == -colours.get_clim()[0]
    assert colours.get_cmap().name == "PuOr_r", "orange, as the outlines, is for illness"


def test_calibration_has_scores_across_and_wilson_s_interval_of_each_share():
    """By hand: 1 of 2 is ill among the low scores, 2 of 2 among the high ones; z is 1.96."""
    scores, labels = torch.tensor([0.1, 0.3, 0.6, 0.8]), torch.tensor([0, 1, 1, 1])
    axis = figures.plot_calibration({"val": (scores, labels)}, bins=2).axes[0]
    assert list(axis.lines[1].get_xdata()) == pytest.approx([0.2, 0.7])
    assert list(axis.lines[1].get_ydata()) == pytest.approx([0.5, 1.0])
    segments = axis.collections[0].get_segments()
    assert [x for segment in segments for x in segment[:, 0]] == pytest.approx([0.2, 0.2, 0.7, 0.7])
    ends = [y for segment in segments for y in segment[:, 1]]
    assert ends == pytest.approx([0.0945, 0.9055, 0.3424, 1.0], abs=1e-3)


def test_precision_stands_over_sensitivity_and_the_threshold_is_marked():
    """By hand: from .6 on 3 of the 4 ill and 1 of the 6 healthy are called ill."""
    figure = figures.plot_rates(SCORES, LABELS, chosen=outcomes(SCORES, LABELS, threshold=0.6))
    left, right = figure.axes
    assert (0.0, 0.5) in set(zip(*left.lines[0].get_data(), strict=True))
    points = [
        tuple(float(value) for value in point) for point in zip(*right.lines[0].get_data(), strict=True)
    ]
    assert (1.0, pytest.approx(0.4)) == points[0] and (0.75, 0.75) in points
    assert list(right.lines[1].get_ydata()) == pytest.approx([0.4, 0.4])
    assert (right.lines[2].get_xdata()[0], right.lines[2].get_ydata()[0]) == (0.75, 0.75)


def test_dots_are_runs_and_bars_their_means():
    frame = pd.DataFrame({"model": ["a", "b", "a", "a"], "AUROC": [0.5, 0.8, 0.6, 1.0]})
    lines = figures.plot_dots(frame, row="model", value="AUROC", labels={}).axes[0].lines
    assert [(list(line.get_xdata()), list(line.get_ydata())) for line in lines[::2]] == [
        ([0.5, 0.6, 1.0], [0, 0, 0]),
        ([0.8], [1]),
    ]
    assert [line.get_xdata()[0] for line in lines[1::2]] == pytest.approx([0.7, 0.8])


def test_means_by_size_have_bars_from_worst_to_best_seed():
    frame = pd.DataFrame({"model": "a", "studies": [100, 10, 10, 10], "AUROC": [0.9, 0.5, 0.6, 1.0]})
    figure = figures.plot_by_size(frame, values=["AUROC"], labels={}, quantity="AUROC")
    container = figure.axes[0].containers[0]
    assert list(container.lines[0].get_xdata()) == [10, 100]
    assert list(container.lines[0].get_ydata()) == pytest.approx([0.7, 0.9])
    few, many = container.lines[2][0].get_segments()
    assert few[:, 1].tolist() == pytest.approx([0.5, 1.0]) and many[:, 1].tolist() == [0.9, 0.9]


def test_the_four_outcomes_stand_in_their_cells_and_the_cost_is_the_price():
    """By hand: from .6 on 3 ill are found and 1 missed, 1 of the healthy is alarmed and 5 are cleared."""
    left, four, cost = plot_threshold(SCORES, LABELS, threshold=0.6, missed=10).axes
    columns = [label.get_text().replace("\n", " ") for label in four.get_xticklabels()]
    rows = [label.get_text() for label in four.get_yticklabels()]
    cells = {
        (rows[int(y)], columns[int(x)]): text.get_text().split("\n")
        for text in four.texts
        for x, y in [text.get_position()]
    }
    assert cells == {
        ("ill", "called ill"): ["3", "found"],
        ("ill", "called healthy"): ["1", "missed"],
        ("healthy", "called ill"): ["1", "false alarms"],
        ("healthy", "called healthy"): ["5", "cleared"],
    }
    assert cost.lines[1].get_ydata()[0] == 11 and cost.lines[1].get_xdata()[0] == 0.6
    curve = dict(
        zip((round(float(x), 2) for x in cost.lines[0].get_xdata()), cost.lines[0].get_ydata(), strict=True)
    )
    assert (curve[0.0], curve[0.6], curve[1.0]) == (6, 11, 40)
    heights = [sum(patch.get_height() for patch in bars) for bars in left.containers]
    assert dict(zip(left.get_legend_handles_labels()[1], heights, strict=True)) == {"healthy": 6, "ill": 4}
