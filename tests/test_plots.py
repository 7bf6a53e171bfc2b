"""Figures show the numbers they were given, and leave nothing behind."""

from __future__ import annotations

import itertools
import warnings

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.font_manager import FontProperties, findfont
from matplotlib.text import Text
from PIL import Image

from conftest import bundled_birds
from course_utils.data import load_annotations
from course_utils.errors import CourseError
from course_utils.experiments.flavours import COMPARED, FLAVOURS
from course_utils.experiments.results import RunResult
from course_utils.lessons.fine_tune_pretrained import figures as fine_figures
from course_utils.lessons.meet_the_birds import figures as meet_figures
from course_utils.lessons.train_from_scratch import figures as train_figures
from course_utils.lessons.which_flavour_when import figures as which_figures
from course_utils.metrics.intervals import accuracy_interval
from course_utils.notebook import letters, plots
from course_utils.notebook.described import encode
from course_utils.training.history import Epoch, History

CLASSES = ("002.Blue_Tit", "001.Great_Tit", "Song_Thrush")


@pytest.fixture(autouse=True)
def nothing_left_behind():
    before = dict(mpl.rcParams)
    yield
    assert dict(mpl.rcParams) == before and not plt.get_fignums()


@pytest.fixture
def history() -> History:
    found = History()
    found.epochs += [Epoch(i, 2.0 / i, 0.2 * i, 2.2 / i, 0.19 * i, 0.001) for i in (1, 2, 3)]
    return found


@pytest.fixture
def results() -> list[RunResult]:
    grid = itertools.product(COMPARED, (5, 10, 30), (0, 1))
    return [RunResult(f, "x", 64, n, s, 0.5, 0.3 + n / 100 + s / 20, 200, 2.0 * n, 1000) for f, n, s in grid]


def curves(axis) -> dict[str, list[float]]:
    return {line.get_label(): list(line.get_ydata()) for line in axis.lines}


def test_confusion_counts_with_relatives_together():
    labels, predicted = torch.tensor([0, 0, 1, 2]), torch.tensor([0, 1, 1, 2])
    (axis,) = plots.plot_confusion(predicted, labels, CLASSES).axes
    names = [label.get_text() for label in axis.get_yticklabels()]
    assert names == ["Song Thrush", "Blue Tit", "Great Tit"]
    shown = {(t.get_position()[1], t.get_position()[0]): t.get_text() for t in axis.texts}
    assert shown == {(0, 0): "1", (1, 1): "1", (1, 2): "1", (2, 2): "1"}


def test_confusion_has_the_true_species_in_rows():
    """Four great tits are named thrushes, and no thrush a tit: names, colours and numbers say the same."""
    labels, predicted = torch.tensor([1] * 4 + [2] * 9), torch.tensor([2] * 4 + [2] * 9)
    (axis,) = plots.plot_confusion(predicted, labels, CLASSES).axes
    assert (axis.get_ylabel(), axis.get_xlabel()) == ("is", "named")
    rows, columns = (
        {label.get_text(): place for label, place in zip(found(), ticks(), strict=True)}
        for found, ticks in (
            (axis.get_yticklabels, axis.get_yticks),
            (axis.get_xticklabels, axis.get_xticks),
        )
    )
    drawn = np.asarray(axis.images[0].get_array())
    assert drawn[rows["Great Tit"], columns["Song Thrush"]] == 4
    assert drawn[rows["Song Thrush"], columns["Song Thrush"]] == 9 and drawn.sum() == 13
    texts = {text.get_position(): int(text.get_text()) for text in axis.texts}
    zeros = {(columns[name], rows[name]): 0 for name in ("Great Tit", "Blue Tit")}
    assert texts == zeros | {
        (columns["Song Thrush"], rows["Great Tit"]): 4,
        (columns["Song Thrush"], rows["Song Thrush"]): 9,
    }


def test_per_class_dots_stand_in_the_rows_of_their_names():
    (axis,) = fine_figures.plot_per_class({"a": [0.1, 0.5, 0.9], "b": [0.2, 0.6, 1.0]}, CLASSES).axes
    dots = {line.get_label(): list(line.get_xdata()) for line in axis.lines}
    assert dots["a"] == [0.9, 0.1, 0.5] and dots["b"] == [1.0, 0.2, 0.6]


def test_filters_are_scaled_about_grey():
    weights = torch.zeros(2, 3, 1, 1)
    weights[0, 0], weights[1, 2] = 5.0, -0.1
    (axis,) = plots.show_filters({"before": weights}).axes
    tiles = axis.images[0].get_array()
    assert np.allclose(tiles[1, 1], [1, 0.5, 0.5]) and np.allclose(tiles[1, 3], [0.5, 0.5, 0])


def test_pictures_stand_under_their_names():
    images = bundled_birds(images_per_class=1).train
    figure = plots.show_grid([*images.pixels[:2]], images.classes[:2], columns=2)
    assert [axis.get_title() for axis in figure.axes] == [plots.readable(images.classes[k]) for k in (0, 1)]
    assert np.array_equal(figure.axes[0].images[0].get_array(), images.pixels[0].permute(1, 2, 0))


def test_learning_curves_show_means(results):
    (axis,) = which_figures.plot_learning_curves(results).axes
    labels = axis.get_legend_handles_labels()[1]
    assert labels == [FLAVOURS[name].label for name in COMPARED]
    means = axis.containers[0].lines[0]
    assert list(means.get_xdata()) == [5, 10, 30]
    assert np.allclose(means.get_ydata(), [0.375, 0.425, 0.625])


def test_gains_show_a_mark_a_seed_and_an_interval_where_there_are_three():
    def runs(flavour, *accuracies):
        return [RunResult(flavour, "x", 64, 5, k, 0.5, a, 200, 2.0, 1000) for k, a in enumerate(accuracies)]

    drawn = [
        *runs("fine_tune", 0.8, 0.9, 0.7),
        *runs("scratch_best", 0.5, 0.5, 0.5),
        *runs("linear_probe", 0.6, 0.6, 0.6),
    ]
    photos = [run for run in drawn if run.seed < 2]
    three, two = which_figures.plot_gains({"drawn": drawn, "photos": photos}).axes
    assert [axis.get_title() for axis in (three, two)] == ["drawn", "photos"]
    marks = [
        line.get_ydata() for line in three.lines if line.get_marker() == "o" and len(line.get_ydata()) > 1
    ]
    assert np.allclose(marks, [[0.3, 0.4, 0.2]])
    intervals = [line.get_ydata() for line in three.lines if line.get_linewidth() == 1.5]
    # By hand: a deviation of .1 over the root of 3, times 4.303.
    assert intervals[0] == pytest.approx([0.3 - 0.2484, 0.3 + 0.2484], abs=1e-3) and len(intervals) == 3
    assert not [line for line in two.lines if line.get_linewidth() == 1.5]


def test_a_published_curve_is_marked_as_theirs(results):
    (axis,) = which_figures.plot_learning_curves(results, published=True).axes
    (theirs,) = [line for line in axis.lines if str(line.get_label()).startswith("published: ResNet-50")]
    assert theirs.get_xdata()[-1] == pytest.approx(30, abs=0.1) and theirs.get_ydata()[-1] == 0.818


def test_seeds_that_agree_have_no_spread():
    runs = [RunResult("fine_tune", "x", 64, 5, s, 0.5, 0.1, 200, 2.0, 1000) for s in range(3)]
    assert sum([0.1] * 3) / 3 > 0.1, "the mean of equal seeds can lie above them all"
    (axis,) = which_figures.plot_learning_curves(runs).axes
    assert axis.lines[0].get_ydata() == pytest.approx([0.1])


def test_bars_go_from_the_worst_to_the_best_seed():
    runs = [
        RunResult("scratch", "x", 64, 5, s, 0.5, a, 200, 2.0, 1000) for s, a in enumerate((0.2, 0.3, 0.7))
    ]
    (axis,) = which_figures.plot_learning_curves(runs).axes
    ((segment,),) = [bars.get_segments() for bars in axis.containers[0].lines[2]]
    assert segment.tolist() == [[5, pytest.approx(0.2)], [5, pytest.approx(0.7)]]
    assert axis.containers[0].lines[0].get_ydata() == pytest.approx([0.4])


STRANGE_NAMES = ("$x^{$", "a\\frac{", "<b>&amp;", "owl " * 60, "line\nbreak", "%s{}", "", "Käuzchen")


def test_names_are_drawn_as_they_are():
    """A dollar sign in a folder's name began a formula, and no figure could be drawn."""
    number = len(STRANGE_NAMES)
    pixels, labels = torch.zeros(number, 3, 8, 8, dtype=torch.uint8), torch.arange(number)
    figures = [
        plots.show_grid([*pixels], STRANGE_NAMES),
        plots.plot_confusion(labels, labels, STRANGE_NAMES),
        fine_figures.plot_per_class({"$m^{$": [0.5] * number}, STRANGE_NAMES),
        plots.show_answers(pixels[0], {"$m^{$": [(name, 0.1) for name in STRANGE_NAMES]}),
    ]
    for figure in figures:
        encode(figure)
        assert any("$x^{$" in text.get_text() for text in figure.findobj(Text))
    assert len(plots.readable("owl " * 60)) == 40


def test_axes_of_powers_still_have_their_formulas():
    figure = train_figures.plot_rates([1e-5, 1e-3, 1e-1], [2.0, 1.0, 3.0])
    encode(figure)
    powers = [label for label in figure.axes[0].get_xticklabels() if label.get_text()]
    assert powers and all("mathdefault" in label.get_text() and label.get_parse_math() for label in powers)


@pytest.mark.parametrize(
    ("show", "says"),
    [
        (lambda: plots.show_grid([], []), "no picture to show"),
        (lambda: plots.show_grid([torch.zeros(3, 2, 2)] * 3, ["a"]), "3 pictures and 1 captions"),
        (lambda: plots.plot_confusion(torch.zeros(2), torch.zeros(3), "ab"), "2 predictions and 3 labels"),
        (
            lambda: plots.plot_confusion(torch.tensor([2]), torch.tensor([0]), "ab"),
            "class 2, but names for 0 to 1",
        ),
    ],
)
def test_what_cannot_be_drawn_is_said(show, says):
    with pytest.raises(CourseError, match=says):
        show()


# Machado, Oliveira and Fernandes (2009), complete deficiency: rows map linear RGB to what is seen.
DEFICIENCIES = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}  # fmt: skip


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_flavours_tell_apart_for_colour_blind_readers(deficiency):
    """Colours that are near each other must at least differ in mark and line."""
    seen = {
        f: np.array(DEFICIENCIES[deficiency]) @ to_rgb(look[0]) for f, look in which_figures.LOOKS.items()
    }
    for a, b in itertools.combinations(seen, 2):
        assert np.linalg.norm(seen[a] - seen[b]) > 0.12, (a, b)
    assert len({look[1:] for look in which_figures.LOOKS.values()}) == len(FLAVOURS)


def test_the_visible_parts_are_where_the_annotations_say():
    file = "val/Ringed_Duskling/ringed_duskling_val_012.webp"
    note = load_annotations().loc[file]
    (axis,) = meet_figures.show_parts(file).axes
    named = {text.get_text(): text.xy for text in axis.texts}
    parts = [name.removesuffix("_visible") for name in note.index if name.endswith("_visible")]
    assert set(named) == {part for part in parts if part != "mark" and note[f"{part}_visible"]}
    assert named["crown"] == (note.crown_x, note.crown_y)
    (box,) = axis.patches
    assert box.get_bbox().extents.tolist() == [note.left, note.top, note.right, note.bottom]


def test_bars_of_answers_stand_beside_their_names():
    picture = torch.zeros(3, 8, 8, dtype=torch.uint8)
    axis = plots.show_answers(picture, {"a model": [("great_tit", 0.75), ("jay", 0.2)]}).axes[1]
    names = {
        place: label.get_text()
        for place, label in zip(axis.get_yticks(), axis.get_yticklabels(), strict=True)
    }
    bars = {names[round(bar.get_y() + bar.get_height() / 2)]: bar.get_width() for bar in axis.patches}
    assert bars == {"great tit": 0.75, "jay": 0.2} and axis.get_title() == "a model"
    assert {text.get_text() for text in axis.texts} == {"75%", "20%"} and axis.yaxis_inverted()


def test_only_measured_baselines_have_intervals():
    (axis,) = meet_figures.plot_baselines({"chance": 0.1}, {"colours": 0.4}, number=100).axes
    assert [label.get_text() for label in axis.get_yticklabels()] == ["chance", "colours"]
    assert [text.get_text() for text in axis.texts] == ["10.0%", "40.0%"]
    chance, colours = axis.containers
    assert not chance.lines[2]
    (segment,) = colours.lines[2][0].get_segments()
    assert list(segment[:, 0]) == pytest.approx(accuracy_interval(0.4, 100)) and segment[0, 1] == 1


def test_captions_stand_below_the_pictures():
    picture = torch.zeros(3, 8, 8, dtype=torch.uint8)
    figure = plots.show_grid([picture, Image.new("RGBA", (8, 8))], ["Great_Tit", "b"], columns=2)
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    assert [axis.get_title() for axis in figure.axes] == ["Great Tit", "b"]
    for axis in figure.axes:
        below = axis.title.get_window_extent(renderer)
        assert below.y1 <= axis.get_window_extent(renderer).y0 and below.y0 >= 0


def test_pairs_are_framed_where_they_stand_side_by_side():
    labels = torch.tensor([0, 1, 2])
    pairs = [(CLASSES[1], CLASSES[2], "a mark"), (CLASSES[0], CLASSES[1], "another")]
    (axis,) = plots.plot_confusion(labels, labels, CLASSES, pairs=pairs).axes
    names = [label.get_text() for label in axis.get_yticklabels()]
    (frame,) = axis.patches
    framed = names[round(frame.get_y() + 0.5) : round(frame.get_y() + 0.5) + 2]
    together = {frozenset(map(plots.readable, pair[:2])) for pair in pairs}
    assert frozenset(framed) in together and (frame.get_width(), frame.get_height()) == (2, 2)


def test_pictures_keep_their_size_above_long_captions():
    picture = torch.zeros(3, 8, 8, dtype=torch.uint8)
    short, long = (plots.show_grid([picture], [text]) for text in ("a", "a\nb\nc\nd"))
    assert long.get_size_inches()[1] > short.get_size_inches()[1]


ALIKE = (
    "0.5 euro",
    "1.5 euro",
    "Rosa sp.",
    "Rosa sp",
    "a_b",
    "a b",
    "_",
    "1.owl",
    "2.owl",
    "x" * 60 + "1",
    "x" * 60 + "2",
)


def test_labels_stay_distinct_and_not_empty():
    """Two classes were both called 5 euro, and one nothing."""
    names = plots.readable_names(ALIKE)
    assert len({*names}) == len(ALIKE) and all(name.strip() for name in names)
    assert names[:4] == ["0.5 euro", "1.5 euro", "Rosa sp.", "Rosa sp"]
    assert plots.readable_names(["003.Wren_Tit"]) == ["Wren Tit"]
    assert max(map(len, names)) <= 46
    labels = torch.arange(len(ALIKE))
    axis = plots.plot_confusion(labels, labels, ALIKE, pairs=[("0.5 euro", "1.5 euro")]).axes[0]
    assert {label.get_text() for label in axis.get_yticklabels()} == {*names}
    assert len(axis.patches) == 1


@pytest.fixture
def fresh_letters(monkeypatch):
    monkeypatch.setattr(letters, "_numbers", {})


def test_letters_that_no_font_has_become_numbers_that_are_explained_once(fresh_letters, monkeypatch):
    """Korean and Chinese names were boxes."""
    monkeypatch.setattr(letters, "_font_with", lambda letters: None)
    classes = ("참새", "wren", "麻雀 小", "bird\udce9")
    labels = torch.arange(len(classes))
    with pytest.warns(UserWarning, match="no. 1 = .*, no. 2 = .*") as said:
        axis = plots.plot_confusion(labels, labels, classes).axes[0]
    assert "참새" in str(said[0].message) and "麻雀 小" in str(said[0].message)
    shown = {label.get_text() for label in axis.get_yticklabels()}
    assert shown == {"no. 1", "wren", "no. 2", "bird\\udce9"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = plots.show_grid([torch.zeros(3, 8, 8, dtype=torch.uint8)], ["참새\n85 %"])
        encode(figure)
    assert figure.axes[0].get_title() in ("no. 1\n85 %", "no. 2\n85 %")


def test_letters_are_drawn_in_a_font_that_has_them(fresh_letters, monkeypatch):
    """A DejaVu Sans that lacks one letter stands in for one that lacks an alphabet."""
    real = letters._letters_of
    monkeypatch.setattr(
        letters,
        "_letters_of",
        lambda file: real(file) - ({ord("ё")} if file.endswith("DejaVuSans.ttf") else set()),
    )
    letters._font_with.cache_clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        axis = plots.plot_confusion(torch.tensor([0, 1]), torch.tensor([0, 1]), ("тётерев", "wren")).axes[0]
    family = axis.get_yticklabels()[0].get_fontfamily()
    assert len(family) == 2 and ord("ё") in real(findfont(FontProperties(family=family[1:])))
    letters._font_with.cache_clear()


def test_a_learner_s_own_settings_for_latex_do_not_spoil_a_figure():
    with plt.rc_context({"text.usetex": True}):
        encode(plots.plot_confusion(torch.tensor([0, 1]), torch.tensor([0, 1]), ("a_b", "c")))
