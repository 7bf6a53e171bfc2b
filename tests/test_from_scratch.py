"""Lesson 3: its loop is the course's `fit`; its figures, its baseline, its place on the scoreboard."""

from __future__ import annotations

import copy
import math
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F
from torch.utils.data import TensorDataset
from torchvision import models
from torchvision.datasets import ImageFolder

from conftest import defined_in
from course_utils.data import load_birds
from course_utils.experiments import scoreboard
from course_utils.experiments.compare import measured
from course_utils.experiments.studies import read_study
from course_utils.lessons.train_from_scratch import exercises, figures
from course_utils.lessons.train_from_scratch.board import record
from course_utils.paths import data_dir
from course_utils.training import Recipe, fit, make_loader

LESSON = Path(__file__).resolve().parents[1] / "lessons" / "03_train_from_scratch.py"
ROWS = [(4, 2.5, 4.0, 0.1), (8, 2.0, 2.8, 0.2), (12, 1.5, 2.6, 0.25)]


def lesson_names(*wanted: str) -> dict:
    """What the lesson's cells define, the exercises solved."""
    names = {
        "torch": torch,
        "F": F,
        "math": math,
        "device": torch.device("cpu"),
        "step": exercises.training_step.answer,
        "keep": exercises.worth_keeping.answer,
    }
    return defined_in(LESSON, names, *wanted)


def noise(number: int) -> TensorDataset:
    """Noise in which one channel is brighter, by class."""
    labels = torch.arange(number) % 3
    return TensorDataset(torch.randn(number, 3, 32, 32) + F.one_hot(labels, 3)[:, :, None, None], labels)


def small() -> nn.Module:
    """Small, so that roundings do not add up."""
    layers = (
        nn.Conv2d(3, 8, 3, stride=2, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
    return nn.Sequential(*layers, nn.Linear(8, 3))


@pytest.mark.parametrize("seed", [0, 1])
def test_the_lessons_loop_is_fit(seed, monkeypatch, tmp_path):
    """Number for number: the same batches, steps, rates, measures, and the same epoch kept."""
    monkeypatch.setenv("COURSE_PRECISION", "fp32")
    torch.manual_seed(seed)
    train, val = (noise(number) for number in (22, 10))
    model = small()
    twin = copy.deepcopy(model)
    loaders = {"train": make_loader(train, batch_size=5, shuffle=True, seed=seed), "val": make_loader(val)}
    lesson = lesson_names("warmup_cosine", "measure", "fit")
    rows = lesson["fit"](model, loaders, 5, 1e-3, tmp_path / "best.pt", every=1)
    recipe = Recipe(5, lr=1e-3, batch_size=5, weight_decay=0.05, label_smoothing=0.0)
    history = fit(twin, train, val=val, recipe=recipe, seed=seed, device="cpu")
    own = [(e.epoch, e.train_loss, e.val_loss, e.val_accuracy) for e in history.epochs]
    assert [row[0] for row in rows] == [1, 2, 3, 4, 5]
    for row, epoch in zip(rows, own, strict=True):
        assert row == pytest.approx(epoch, rel=1e-3)
    kept = torch.load(tmp_path / "best.pt", weights_only=True)
    for name, value in twin.state_dict().items():
        assert torch.allclose(kept[name].float(), value.float(), atol=1e-4), name


def test_another_loop_would_be_noticed(monkeypatch, tmp_path):
    """A schedule without its warm-up comes to other numbers."""
    monkeypatch.setenv("COURSE_PRECISION", "fp32")
    torch.manual_seed(0)
    train, model = noise(20), small()
    loaders = {"train": make_loader(train, batch_size=5), "val": make_loader(train)}
    losses = []
    for change in (False, True):
        lesson = lesson_names("warmup_cosine", "measure", "fit")
        if change:
            lesson["warmup_cosine"] = lambda steps: lambda step: 1.0
        rows = lesson["fit"](copy.deepcopy(model), loaders, 3, 1e-3, tmp_path / "best.pt", every=1)
        losses.append(rows[-1][1])
    assert losses[0] != pytest.approx(losses[1], rel=0.01)


def test_val_is_measured_every_so_often_and_after_the_last_epoch(monkeypatch, tmp_path, capsys):
    lesson = lesson_names("warmup_cosine", "measure", "fit")
    capsys.readouterr()
    data = TensorDataset(torch.randn(6, 3, 32, 32), torch.arange(6) % 3)
    loaders = {"train": make_loader(data, batch_size=6), "val": make_loader(data)}
    rows = lesson["fit"](models.resnet18(num_classes=3), loaders, 6, 1e-3, tmp_path / "best.pt")
    assert [row[0] for row in rows] == [4, 6]
    assert capsys.readouterr().out.startswith("epoch 4: train ")


def test_rates_mark_the_lowest_point_of_the_running_average():
    losses = [3.0, 3.0, 2.0, 1.0, 9.0, 9.0]
    average = figures.smoothed(losses)
    assert average[:2] == pytest.approx([3.0, 3.0])
    assert average[2] == pytest.approx((0.64 * 3 + 0.8 * 3 + 2) / (0.64 + 0.8 + 1))
    (axis,) = figures.plot_rates([1e-5, 1e-4, 1e-3, 3e-3, 1e-1, 1.0], losses).axes
    raw, mean, lowest = axis.lines
    assert list(raw.get_ydata()) == losses and list(mean.get_ydata()) == average
    assert (
        set(lowest.get_xdata()) == {3e-3} and axis.get_title() == "lowest at 0.003; a third of that is 0.001"
    )
    assert axis.get_xscale() == "log" and axis.get_ylim()[1] < 9


def test_runs_have_a_panel_each_on_one_scale():
    first, second = figures.plot_runs({"one": ROWS, "other": ROWS[:2]}).axes
    assert [first.get_title(), second.get_title()] == ["one", "other"]
    assert first.get_ylim() == second.get_ylim() == (0, pytest.approx(1.5 * math.log(18)))
    train, val, chance = first.lines
    assert list(train.get_xdata()) == [4, 8, 12] and list(train.get_ydata()) == [2.5, 2.0, 1.5]
    assert list(val.get_ydata()) == [4.0, 2.8, 2.6] and chance.get_ydata()[0] == pytest.approx(math.log(18))


def test_what_was_measured_beforehand_is_drawn_thin_behind():
    losses, accuracies = figures.plot_runs({"mine": ROWS}, beforehand=True).axes
    runs = [run for run in read_study("regularisation") if run.label == figures.HEALTHY]
    thin = [line for line in losses.lines if line.get_label() == "_earlier"]
    assert len(runs) >= 3 and len(thin) == 2 * len(runs)
    assert list(thin[0].get_ydata()) == runs[0].history.frame().train_loss.tolist()
    (own,) = [line for line in accuracies.lines if line.get_label() == "val"]
    assert list(own.get_ydata()) == [0.1, 0.2, 0.25]


def coloured(colours: list[str], marked: bool = False) -> list[tuple[Image.Image, int]]:
    pictures = []
    for place in range(12):
        for label, colour in enumerate(colours):
            picture = Image.new("RGB", (32, 32), colour)
            picture.paste(
                "white", (place, 0, place + 8, 8) if not (marked and label) else (place, 20, place + 8, 28)
            )
            pictures.append((picture, label))
    return pictures


def test_colours_know_colours_and_no_shapes():
    by_colour, by_place = coloured(["red", "blue"]), coloured(["red", "red"], marked=True)
    assert figures.colour_accuracy(by_colour, by_colour, by_colour) == 1
    assert figures.colour_accuracy(by_place, by_place, by_place) == 0.5


def test_the_network_stands_beside_chance_colours_and_a_longer_training():
    by_colour = coloured(["red", "blue"])
    (axis,) = figures.plot_beside_colours(by_colour, by_colour, by_colour, 0.4).axes
    names = [label.get_text() for label in axis.get_yticklabels()]
    runs = [
        run
        for run in measured("fieldguide").results
        if run.flavour == "scratch_best" and run.images_per_class == 10
    ]
    assert names == ["120 epochs, 128 px:\nmean of 3 seeds (lesson 5)", "chance", "colours", "your network"]
    longer = sum(run.test_accuracy for run in runs) / len(runs)
    shown = [text.get_text() for text in axis.texts]
    assert shown == [f"{longer:.1%}", "5.6%", "100.0%", "40.0%"]


def test_the_lesson_reads_test_in_the_order_of_the_course():
    """So that lesson 4 can say which birds it named rightly."""
    files = ImageFolder(data_dir() / "fieldguide" / "test")
    images = load_birds("fieldguide", side=32).test
    pairs = zip(files.samples, images.files, strict=True)
    assert all(Path(file).as_posix().endswith(own) for (file, _), own in pairs)
    assert files.targets == images.labels.tolist() and files.classes == list(images.classes)


def test_the_lesson_stands_on_the_scoreboard(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_OUT", str(tmp_path))
    model = models.resnet18(num_classes=3)
    named, labels = torch.tensor([0, 1, 2, 2]), torch.tensor([0, 1, 2, 0])
    record(model, named, labels, pictures=(10, 96), seconds=12.345, val_accuracy=0.5)
    ((lesson, result),) = scoreboard.read()
    assert (lesson, result.flavour, result.model) == ("03", "scratch_short", "resnet18")
    assert (result.images_per_class, result.image_size) == (10, 96)
    assert (result.test_accuracy, result.n_test, result.val_accuracy, result.seconds) == (0.75, 4, 0.5, 12.35)
    assert result.confusion == [[1, 0, 1], [0, 1, 0], [0, 0, 1]]
    assert result.trainable_parameters == sum(p.numel() for p in model.parameters())
