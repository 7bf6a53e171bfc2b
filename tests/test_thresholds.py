"""The threshold to move, and the figures on detectors and scans: what they show follows from the scores."""

from __future__ import annotations

import pandas as pd
import pytest
import torch

from course_utils.data import load_scans
from course_utils.errors import CourseError
from course_utils.experiments.scan_variants import SMALL
from course_utils.models import build_definition
from course_utils.models.evidence import evidence_maps, strongest_places
from course_utils.teaching import detection_plots, scan_gallery
from course_utils.teaching.described import describe
from course_utils.teaching.thresholds import cheapest_threshold, explore_threshold
from course_utils.training.detection import outcomes

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
    figure = detection_plots.plot_rates(SCORES, LABELS, chosen=chosen)
    left, right = figure.axes
    assert "area 0.83" in left.get_legend().get_texts()[0].get_text()
    assert "guessing, area 0.40" in [text.get_text() for text in right.get_legend().get_texts()]
    point = left.lines[2]
    assert (point.get_xdata()[0], point.get_ydata()[0]) == pytest.approx((1 / 6, 0.75))


def test_calibration_dots_and_sizes():
    figure = detection_plots.plot_calibration({"val": (SCORES, LABELS)}, bins=2)
    assert list(figure.axes[0].lines[1].get_ydata()) == [pytest.approx(0.2), pytest.approx(0.6)]
    frame = pd.DataFrame(
        {
            "model": ["a", "a", "b", "b"],
            "studies": [10, 100, 10, 100],
            "seed": [0, 0, 0, 0],
            "AUROC": [0.5, 0.6, 0.7, 0.8],
        }
    )
    dots = detection_plots.plot_dots(frame, row="model", value="AUROC", labels={"AUROC": "area"})
    assert [text.get_text() for text in dots.axes[0].get_yticklabels()] == ["a", "b"]
    assert "area" in describe(dots).lower()
    sizes = detection_plots.plot_by_size(
        frame, values=["AUROC"], labels={"AUROC": "on test"}, quantity="AUROC"
    )
    assert (sizes.axes[0].get_title(), sizes.axes[0].get_ylabel()) == ("on test", "AUROC")
    assert [text.get_text() for text in sizes.axes[0].get_xticklabels()] == ["10", "100"]


def test_scans_carry_the_notice_and_outlines_where_something_is():
    scans = load_scans(studies=20)
    ill, healthy = int(scans.val.labels.argmax()), int(scans.val.labels.argmin())
    figure = scan_gallery.show_scans(scans.val, [ill, healthy], captions=["ill", "healthy"], outlined=True)
    assert figure.get_supxlabel() == scan_gallery.NOTICE
    outlined = [bool(axis.collections) for axis in figure.axes]
    assert outlined == [True, False]
    with pytest.raises(CourseError, match="2 studies and 1 captions"):
        scan_gallery.show_scans(scans.val, [0, 1], captions=["one"])


def test_evidence_is_ringed_where_it_is_strongest():
    scans = load_scans(studies=20)
    images = scans.val.take([0, 1])
    model = build_definition(SMALL, 2, seed=0).eval()
    maps = evidence_maps(model, images.pixels.float() / 255)
    for_ill = maps[:, 1] - maps[:, 0]
    places = strongest_places(for_ill, 192)
    figure = scan_gallery.show_evidence(images, for_ill, places, captions=["a", "b"])
    ring = figure.axes[2].lines[0]
    assert (ring.get_ydata()[0], ring.get_xdata()[0]) == tuple(places[0].tolist())
