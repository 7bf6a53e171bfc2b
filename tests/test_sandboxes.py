"""Sliders show what was measured, and have a still form."""

from __future__ import annotations

import pytest
from test_studies import study_run
from test_widgets import VIEW, displayed

from course_utils.errors import CourseError
from course_utils.notebook import sandbox

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


def test_one_seed_is_no_range():
    slider = sandbox.explore_study(RUNS[:1], choice="learning rate").controls
    assert "(one seed)" in slider["said"].value
