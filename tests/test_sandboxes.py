"""Sliders show what was measured, menus the right mistakes, and both have a still form."""

from __future__ import annotations

import pytest
import torch
from test_studies import study_run
from test_widgets import VIEW, displayed

from course_utils.data.images import ImageSet
from course_utils.errors import CourseError
from course_utils.experiments.results import RunResult
from course_utils.lessons.which_flavour_when import figures as which_figures
from course_utils.metrics.intervals import accuracy_interval
from course_utils.notebook import sandbox
from course_utils.notebook.confusions import (
    browse_confusions,
    frequent_confusions,
    show_confusions,
)

RUNS = [
    study_run("low", 0, 0.2),
    study_run("low", 1, 0.3),
    study_run("high", 0, 0.8, trainable_parameters=1234),
]


def test_slider_shows_the_chosen_variant():
    panel = sandbox.explore_study(RUNS, choice="learning rate", start="low")
    before = panel.controls["shown"].value
    assert "25.0% on average (20.0% to 30.0% over 2 seeds)" in panel.controls["said"].value
    panel.controls["slider"].value = "high"
    assert panel.controls["shown"].value != before
    assert "1,234 parameters train" in panel.controls["said"].value
    panel.controls["slider"].value = "low"
    assert panel.controls["shown"].value == before


def test_slider_refuses_what_was_not_measured():
    with pytest.raises(CourseError, match="no variant 'none'; it has: low, high"):
        sandbox.explore_study(RUNS, choice="rate", start="none")
    with pytest.raises(CourseError, match="it has: none"):
        sandbox.explore_study([], choice="rate")


def flavour_run(flavour, size, seed, accuracy):
    return RunResult(flavour, "x", 64, size, seed, 0.5, accuracy, 200, 2.0, 10)


def test_slider_over_sizes_shows_a_dot_a_seed_on_the_interval_of_their_mean(monkeypatch):
    runs = [
        *(flavour_run("scratch", 5, seed, 0.25 + seed / 4) for seed in (0, 1)),
        flavour_run("fine_tune", 5, 0, 0.6),
        flavour_run("fine_tune", 30, 0, 0.9),
    ]
    (axis,) = which_figures.plot_sizes(runs, [5]).axes
    intervals, dots = axis.lines[::2], axis.lines[1::2]
    assert [line.get_xdata().tolist() for line in dots] == [[0.25, 0.5], [0.6]]
    assert intervals[0].get_xdata() == pytest.approx(accuracy_interval(0.375, 200))
    assert [text.get_text() for text in axis.texts] == ["38%", "60%"]
    panel = which_figures.explore_sizes(runs)
    before = panel.controls["shown"].value
    panel.controls["slider"].value = 30
    assert panel.controls["shown"].value != before
    data, _ = displayed(panel, monkeypatch)
    assert VIEW in data and data["image/png"]
    with pytest.raises(CourseError, match="no results to show"):
        which_figures.explore_sizes([])


def test_figures_of_a_study():
    figure = sandbox.plot_study(RUNS, "learning rate")
    low, high, accuracies = figure.axes
    assert (low.get_title(), high.get_title()) == ("low", "high")
    assert len(low.lines) == 4 and len(high.lines) == 2, "a train and a val curve for each seed"
    assert [list(line.get_xdata()) for line in accuracies.lines] == [[0.2, 0.3], [0.8]]
    _, accuracies = sandbox.plot_variant(RUNS, "high", "learning rate").axes
    colours = [line.get_color() for line in accuracies.lines]
    assert colours == [sandbox.GREY, sandbox.BLUE]


def test_losses_of_a_study_are_called_what_they_are():
    epochs = {"train_loss": [3.0, 2.0], "train_accuracy": [0.1, 0.2], "val_loss": [3.5, 2.5]}
    epochs |= {"val_accuracy": [0.1, 0.2], "lr": [0.1, 0.1]}
    for figure in (sandbox.plot_study, lambda runs, choice: sandbox.plot_variant(runs, "one", choice)):
        lines = figure([study_run("one", 0, 0.2, epochs=epochs)], "rate").axes[0].lines
        assert {line.get_label(): list(line.get_ydata()) for line in lines} == {
            "train": epochs["train_loss"],
            "val": epochs["val_loss"],
        }


def test_sandbox_has_a_still_form(monkeypatch):
    data, options = displayed(sandbox.explore_study(RUNS, choice="learning rate"), monkeypatch)
    assert VIEW in data and data["image/png"]
    assert options["metadata"]["image/png"]["alt"].endswith("comes to: low 25%, high 80%.")


@pytest.fixture
def images() -> ImageSet:
    pixels = torch.arange(6, dtype=torch.uint8).view(6, 1, 1, 1).expand(6, 3, 32, 32) * 40
    files = tuple("abcdef")
    labels = torch.tensor([0, 0, 0, 1, 1, 2])
    return ImageSet("x", "test", ("A_wren", "A_tit", "A_jay"), files, files, pixels, labels)


@pytest.fixture
def logits() -> torch.Tensor:
    return torch.nn.functional.one_hot(torch.tensor([0, 1, 1, 1, 2, 2]), 3) * 5.0


def test_confusions_are_counted_and_sorted(images, logits):
    assert frequent_confusions(logits.argmax(1), images.labels) == [(0, 1, 2), (1, 2, 1)]


def test_mistakes_stand_beside_right_ones(images, logits):
    axes = show_confusions(images, logits, [(0, 1)]).axes
    shown = [int(axis.images[0].get_array()[0, 0, 0]) for axis in axes]
    assert shown == [0, 120, 40, 80, 255, 255], "a right wren, a right tit, the two mistakes, nothing"
    assert axes[1].get_title() == "A tit\nright" and axes[2].get_title() == "named\nA tit, 99%"


def test_menu_changes_the_pictures(images, logits, monkeypatch):
    panel = browse_confusions(images, logits)
    menu, before = panel.controls["menu"], panel.controls["shown"].value
    assert [label for label, _ in menu.options] == ["A wren, named A tit: 2", "A tit, named A jay: 1"]
    menu.value = (1, 2)
    assert panel.controls["shown"].value != before
    data, options = displayed(panel, monkeypatch)
    assert VIEW in data and "A jay" in options["metadata"]["image/jpeg"]["alt"]


def test_nothing_to_browse(images, logits):
    right = torch.nn.functional.one_hot(images.labels, 3) * 5.0
    assert (
        browse_confusions(images, right) == "All 6 pictures were named rightly: there is nothing to browse."
    )
    with pytest.raises(CourseError, match="6 pictures and 2 answers"):
        browse_confusions(images, logits[:2])


def test_one_seed_is_no_range():
    slider = sandbox.explore_study(RUNS[:1], choice="learning rate").controls
    assert "(one seed)" in slider["said"].value
