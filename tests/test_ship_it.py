"""Lesson 8: its model is there, whole and of this data; its figures show what they were given."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from course_utils.data.collection import Collection
from course_utils.errors import CourseError
from course_utils.lessons.ship_it import figures, model


@pytest.fixture
def trainings(monkeypatch, tmp_path):
    """Stands for the training, which other tests try: writes a file, and refuses a folder with another one's."""
    made = []

    def train(out, pictures, request, *, say=print):
        said = f"{request.flavour.name} {request.images_per_class} {request.flavour.recipe(180).epochs}"
        splits = [entry.split for entry in pictures.entries]
        assert [splits.count(name) for name in ("train", "val", "test")] == [20, 10, 10]
        assert [*pictures.hashes] == pictures.pixels.tolist()
        if out.is_dir():
            if (out / "model").read_text() != said:
                raise CourseError("damaged")
            return
        made.append(said)
        out.mkdir()
        (out / "model").write_text(said)

    monkeypatch.setattr(model, "train_bundle", train)
    entry = SimpleNamespace
    entries = [entry(split=s, label=k % 2) for s in ("train", "val", "test") for k in range(20)]
    whole = Collection("birds", ("a", "b"), tuple(entries), tuple(range(60)), torch.arange(60))
    monkeypatch.setattr(model, "read_collection", lambda name: whole)
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    monkeypatch.setenv("COURSE_PROFILE", "standard")
    return made


def test_the_model_is_trained_once(trainings, tmp_path):
    folder = model.trained_folder()
    assert folder == tmp_path / "models" / "birds_standard" == model.trained_folder()
    assert trainings == ["fine_tune_short 10 8"] and [*folder.parent.iterdir()] == [folder]


def test_one_of_other_data_or_damaged_is_replaced(trainings):
    folder = model.trained_folder()
    (folder / "model").write_text("another")
    assert model.trained_folder() == folder and len(trainings) == 2
    assert (folder / "model").read_text() == "fine_tune_short 10 8"


def test_of_two_notebooks_that_train_at_once_one_stays(trainings, monkeypatch):
    alone = model.train_bundle

    def train(out, *others, **options):
        alone(out, *others, **options)
        if not (quicker := out.parents[1] / out.name).exists():
            alone(quicker, *others, **options)

    monkeypatch.setattr(model, "train_bundle", train)
    folder = model.trained_folder()
    assert (folder / "model").is_file() and [*folder.parent.iterdir()] == [folder]


def lines(axis) -> dict[str, list[float]]:
    return {line.get_label(): [float(y) for y in line.get_ydata()] for line in axis.lines}


def test_batches_show_the_median_and_what_a_second_brings():
    figure = figures.plot_batches(
        {"fp32": {1: [10, 10, 40], 2: [20, 20, 20]}, "int8": {1: [5] * 3, 2: [8] * 3}}
    )
    wait, rate = figure.axes
    assert lines(wait) == {"fp32": [10, 20], "int8": [5, 8]}
    assert lines(rate) == {"fp32": [100, 100], "int8": [200, 250]}


def test_drift_shows_accuracy_beside_confidence():
    figure = figures.plot_drift(
        {("light", 1.0): (0.8, 0.9), ("light", 0.5): (0.4, 0.8), ("snow", 0.0): (0.8, 0.9)}
    )
    light, snow = figure.axes
    assert lines(light) == {"says, on average": [0.9, 0.8], "is right": [0.8, 0.4]}
    assert [label.get_text() for label in light.get_xticklabels()] == ["1", "0.5"]
    assert lines(snow)["is right"] == [0.8]


def test_before_and_after_show_the_same_answers():
    logits = torch.tensor([[4.0, 0.0], [4.0, 0.0], [0.0, 1.0]])
    before, after = figures.plot_before_and_after(logits, torch.tensor([0, 1, 1]), 4.0).axes
    points = before.collections[0].get_offsets().tolist()
    assert points == [[pytest.approx(0.731, abs=1e-3), 1.0], [pytest.approx(0.982, abs=1e-3), 0.5]]
    assert after.collections[0].get_offsets().tolist()[1] == [pytest.approx(0.731, abs=1e-3), 0.5]
