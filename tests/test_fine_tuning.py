"""Lesson 4: its pictures from any source, its loop, what it freezes, its figures, its place on the scoreboard, VGG16."""

from __future__ import annotations

import copy
import itertools
import math
import re
import time
from pathlib import Path

import jupytext
import numpy as np
import pytest
import timm
import torch
from PIL import Image
from test_from_scratch import noise, small
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision import models
from torchvision.datasets import ImageFolder
from torchvision.transforms import InterpolationMode, v2

from conftest import defined_in
from course_utils import paths
from course_utils.data import eval_transform, load_birds, train_transform
from course_utils.errors import CourseError
from course_utils.experiments import scoreboard
from course_utils.experiments.compare import measured
from course_utils.experiments.flavours import FLAVOURS, fine_tune_start
from course_utils.experiments.studies import read_study
from course_utils.files import sha256
from course_utils.lessons.fine_tune_pretrained import exercises, figures, folders
from course_utils.lessons.fine_tune_pretrained.board import show_scores
from course_utils.lessons.fine_tune_pretrained.folders import picture_folders
from course_utils.models import freeze, load_pretrained, preprocessing_for, unfreeze
from course_utils.training import Recipe, fit, make_loader

LESSON = Path(__file__).resolve().parents[1] / "lessons" / "04_fine_tune_pretrained.py"


def counts(folder: Path) -> dict[str, list[int]]:
    """Pictures of each class, by split, as torchvision finds them."""
    return {
        split: torch.bincount(torch.tensor(ImageFolder(folder / split).targets)).tolist()
        for split in ("train", "val", "test")
    }


def test_bundled_birds_stay_where_they_are():
    folder = picture_folders("fieldguide")
    assert folder == paths.data_dir() / "fieldguide"
    assert counts(folder)["test"] == [40] * 18


def test_a_folder_of_ones_own_is_split_and_copied_once(make_folder, monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    own = make_folder(12)
    folder = picture_folders(own)
    birds = load_birds(own)
    assert counts(folder) == {images.split: list(images.counts().values()) for images in birds}
    assert ImageFolder(folder / "train").classes == sorted(birds.classes)
    copied = np.array(Image.open(ImageFolder(folder / "test").samples[0][0]), dtype=float)
    assert copied.shape == (256, 256, 3)
    assert np.abs(copied - birds.test.pixels[0].permute(1, 2, 0).numpy()).mean() < 3

    monkeypatch.setattr(folders, "_write", lambda *_: pytest.fail("written again"))
    assert picture_folders(str(own)) == folder


def test_copies_that_break_off_leave_nothing(make_folder, monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    own, saved = make_folder(12), itertools.count()

    def full(self, file, **options):
        if next(saved) > 5:
            raise OSError(28, "No space left on device")
        Path(file).touch()

    with monkeypatch.context() as patch:
        patch.setattr(Image.Image, "save", full)
        with pytest.raises(CourseError, match=r"No space left on device.*COURSE_CACHE"):
            picture_folders(own)
    assert not list((tmp_path / "cache" / "folders").iterdir())
    assert counts(picture_folders(own))["train"]


def test_a_split_without_a_kind_is_refused(make_folder):
    own = make_folder(train=6, val=2, test=3)
    for file in (own / "val" / "jay").iterdir():
        file.unlink()
    refused = pytest.raises(
        CourseError, match=r"jay has no picture in val\. Add some there, or remove the folder val"
    )
    with pytest.warns(UserWarning, match="folders without pictures"), refused:
        picture_folders(own)


def test_what_is_no_data_set_is_refused(tmp_path):
    with pytest.raises(CourseError, match="no data set"):
        picture_folders(tmp_path / "nothing")


class Small(nn.Module):
    """Small, so that roundings do not add up; its head has the name of Lite0's."""

    def __init__(self):
        super().__init__()
        self.body = small()[:-1]
        self.classifier = nn.Linear(8, 3)

    def forward(self, x):
        return self.classifier(self.body(x))


def lesson_names(*wanted: str, **names) -> dict:
    """What the lesson's cells define, the exercises solved."""
    known = {"torch": torch, "nn": nn, "F": F, "math": math, "time": time, "copy": copy, "timm": timm}
    known |= {"models": models, "DataLoader": DataLoader, "Dataset": Dataset, "v2": v2}
    known["InterpolationMode"] = InterpolationMode
    known["device"] = torch.device("cpu")
    known["groups_of"] = exercises.two_rates.answer
    return defined_in(LESSON, known | names, *wanted)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_lessons_loop_is_fit(seed, monkeypatch, capsys):
    """Number for number: the same batches, steps, rates and measures, BatchNorm at rest, the last epoch."""
    monkeypatch.setenv("COURSE_PRECISION", "fp32")
    torch.manual_seed(seed)
    train, val = noise(22), noise(10)
    model = Small()
    twin = unfreeze(freeze(copy.deepcopy(model)))
    loader = make_loader(train, batch_size=5, shuffle=True, seed=seed)
    lesson = lesson_names(
        "ask", "accuracy", "train_mode", "warmup_cosine", "fit", loader=loader, train=train, val=val
    )
    groups = exercises.two_rates.answer(dict(model.named_parameters()), 1e-3, 3e-3)
    lesson["fit"](model, torch.optim.AdamW(groups, weight_decay=0.01), 4)
    recipe = Recipe(4, lr=3e-3, lr_backbone=1e-3, batch_size=5, weight_decay=0.01, label_smoothing=0.0)
    history = fit(twin, train, val=val, recipe=recipe, seed=seed, device="cpu")
    said = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("epoch")]
    assert [float(words[4].rstrip(",")) for words in said] == pytest.approx(
        [epoch.train_loss for epoch in history.epochs], abs=0.006
    )
    measured_at = {
        int(words[1].rstrip(":")): float(words[-1].rstrip("%")) for words in said if "val" in words
    }
    assert measured_at == pytest.approx(
        {k: 100 * history.epochs[k - 1].val_accuracy for k in (2, 4)}, abs=0.1
    )
    assert history.best.epoch == 4
    for name, value in twin.state_dict().items():
        assert torch.allclose(model.state_dict()[name].float(), value.float(), atol=1e-4), name


def test_a_loop_that_lets_batchnorm_move_would_be_noticed():
    model = Small()
    before = copy.deepcopy(model.state_dict())
    train = noise(20)
    lesson = lesson_names(
        "ask", "accuracy", "warmup_cosine", "fit",
        loader=make_loader(train, batch_size=5), train=train, val=train, train_mode=nn.Module.train,
    )  # fmt: skip
    lesson["fit"](model, torch.optim.SGD(model.classifier.parameters(), 0.1), 1)
    assert not exercises.is_frozen.answer(before, model.state_dict(), "classifier.")


def test_what_the_lesson_frees_is_what_the_comparison_trains():
    """The same parameters, and BatchNorm at rest everywhere."""
    lesson = lesson_names("train_mode")
    own, course = (load_pretrained("efficientnet_lite0", 18, seed=0) for _ in range(2))
    unfreeze(freeze(course), fine_tune_start(course))
    cells = [cell.source for cell in jupytext.read(LESSON).cells]
    (cell,) = [source for source in cells if source.startswith("tuned = copy.deepcopy(probed)")]
    names = lesson | {"probed": own}
    exec(cell.partition("print(")[0], names)
    own = names["tuned"]
    trains = [{name for name, p in model.named_parameters() if p.requires_grad} for model in (own, course)]
    assert trains[0] == trains[1] and 150 > len(trains[0]) > 100
    lesson["train_mode"](own)
    course.train()
    norms = [
        [m.training for m in model.modules() if isinstance(m, nn.BatchNorm2d)] for model in (own, course)
    ]
    assert not any(norms[0]) and norms[0] == norms[1]


def test_the_lesson_prepares_pictures_as_the_course_does():
    preprocessing = preprocessing_for("efficientnet_lite0")
    mode = InterpolationMode(preprocessing.interpolation)
    views = lesson_names("views", SIDE=224)["views"](preprocessing.mean, preprocessing.std, mode)
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (256, 256, 3), dtype=np.uint8))
    tensor = v2.functional.pil_to_tensor(picture)
    for own, course in zip(
        views, (eval_transform(preprocessing), train_transform(preprocessing)), strict=True
    ):
        found = []
        for transform, given in ((own, picture), (course, tensor)):
            torch.manual_seed(3)
            found.append(transform(given))
        assert torch.allclose(*found, atol=0.02)  # Pillow and torchvision round differently


def test_the_lessons_recipe_is_that_of_its_flavour(monkeypatch):
    text = LESSON.read_text(encoding="utf-8")
    for profile, per_class, epochs in (("smoke", 4, 1), ("standard", 10, 8), ("full", 100, 30)):
        monkeypatch.setenv("COURSE_PROFILE", profile)
        recipe = FLAVOURS["fine_tune_short"].recipe(18 * per_class)
        assert recipe.epochs == epochs
        assert (recipe.warmup, recipe.label_smoothing, recipe.mixup) == (0.1, 0.0, 0.0)
    assert "EPOCHS = pick(smoke=1, standard=8, full=30)" in text
    assert (
        f"dict(tuned.named_parameters()), {recipe.lr_backbone:.0e}, {recipe.lr:.0e})".replace("e-0", "e-")
        in text
    )
    assert f"AdamW(groups, weight_decay={recipe.weight_decay})" in text
    assert f"DataLoader(train, batch_size={recipe.batch_size}, shuffle=True)" in text


def test_rates_and_depths_are_shown_as_the_study_has_them():
    runs = read_study("rate_and_depth")
    (axis,) = figures.plot_rates_and_depths().axes
    lines = {line.get_label(): line for line in axis.lines if not line.get_label().startswith("_")}
    for what, line in lines.items():
        for rate, mean in zip(
            sorted({float(r.label.rpartition(", ")[2]) for r in runs}), line.get_ydata(), strict=True
        ):
            seeds = [r.val_accuracy for r in runs if r.label == f"{what.rpartition(':')[0]}, {rate:g}"]
            assert len(seeds) == 3 and mean == pytest.approx(np.mean(seeds))


ANSWERS = {
    "linear probe": (torch.eye(3)[[0, 0, 1, 2]] * 5, torch.tensor([0, 1, 1, 2])),
    "fine-tuned": (torch.eye(3)[[0, 1, 1, 2]] * 5, torch.tensor([0, 1, 1, 2])),
}


@pytest.mark.parametrize("drawn", [True, False])
def test_scores_stand_beside_what_was_measured(drawn, monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_OUT", str(tmp_path))
    chosen = {"linear probe": (0.5, 1.0), "fine-tuned": (0.75, 60.0)}
    both = {name: nn.Linear(2, 3) for name in ANSWERS}
    figure = show_scores(both, ANSWERS, chosen, pictures=(10, 224), drawn=drawn)
    kept = {result.flavour: result for _, result in scoreboard.read("04")}
    assert set(kept) == ({"linear_probe", "fine_tune_short"} if drawn else set())
    title = figure.get_suptitle()
    assert title.endswith("probe 75%, fine-tuned 100%") and ("from scratch" in title) == drawn
    if drawn:
        assert kept["fine_tune_short"].test_accuracy == 1 and kept["linear_probe"].seconds == 1.0
        assert kept["linear_probe"].val_accuracy == 0.5 and kept["linear_probe"].predicted == [0, 0, 1, 2]
    left, right = figure.axes
    rows = {
        label.get_text(): row for row, label in zip(left.get_yticks(), left.get_yticklabels(), strict=True)
    }
    row = rows[FLAVOURS["linear_probe"].label]
    photos = [run.test_accuracy for run in measured("cub_subset").results if run.flavour == "linear_probe"
              and run.images_per_class == 10]  # fmt: skip
    dots = {tuple(line.get_xydata()[0]) for line in right.lines if len(line.get_xydata()) == 1}
    assert any(x == pytest.approx(np.mean(photos)) and y == row for x, y in dots)
    assert any(x == 0.75 and y == row for x, y in (tuple(line.get_xydata()[0]) for line in left.lines))


def test_the_lesson_runs_on_a_folder_of_ones_own(make_folder, monkeypatch, tmp_path, capsys):
    """Three kinds of pictures, and few of them: every cell copes, and the scoreboard stays as it is."""
    monkeypatch.setenv("COURSE_PROFILE", "smoke")
    monkeypatch.setenv("COURSE_OUT", str(tmp_path / "out"))
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    own, names = make_folder(12), {}
    for cell in jupytext.read(LESSON).cells:
        if cell.cell_type == "code":
            exec(cell.source.replace('DATA = "fieldguide"', f"DATA = {str(own)!r}"), names)
    assert names["species"] == ["finch", "jay", "wren"]
    assert re.search(r"^fine-tuned +: val [\d.]+%, test [\d.]+%", capsys.readouterr().out, re.MULTILINE)
    assert not scoreboard.read("04")


def run_vgg16(monkeypatch, address: str, digits: str) -> dict:
    """Run the lesson's cells on VGG16, switched on, with the weights of an address, on six pictures of noise."""
    weights = models.VGG16_Weights.DEFAULT
    monkeypatch.setattr(weights.value, "url", f"{address}/vgg16-{digits}.pth")

    class Few(Dataset):
        prepare = staticmethod(lambda picture: torch.zeros(3, 224, 224))

        def __len__(self):
            return 6

        def __getitem__(self, number):
            if number > 5:
                raise IndexError
            return self.prepare(Image.fromarray(np.full((40, 40, 3), 40 * number, np.uint8))), number % 3

    train = Few()
    names = lesson_names(
        "ask", "train_mode", "warmup_cosine", "views", "fit", "fine_tune_vgg16",
        SIDE=32, EPOCHS=1, species=["a", "b", "c"], train=train, val=Few(), test=Few(),
        loader=DataLoader(train, batch_size=3), evaluation=Few.prepare, training=Few.prepare,
    )  # fmt: skip
    (cell,) = [c.source for c in jupytext.read(LESSON).cells if "network" in c.metadata.get("tags", [])]
    assert "FINE_TUNE_VGG16 = False" in cell
    exec(cell.replace("FINE_TUNE_VGG16 = False", "FINE_TUNE_VGG16 = True"), names)
    return names


def test_vgg16_is_fetched_and_fine_tuned_in_the_same_lines(tmp_path, monkeypatch, file_server, capsys):
    """A file of the right form: each tensor one number, stored once."""
    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in models.vgg16().state_dict().items()}
    served = tmp_path / "served"
    served.mkdir()
    torch.save(
        {name: torch.tensor(0.01).expand(shape) for name, shape in shapes.items()}, served / "whole.pth"
    )
    digits = sha256(served / "whole.pth")[:8]
    (served / "whole.pth").rename(served / f"vgg16-{digits}.pth")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    names = run_vgg16(monkeypatch, file_server(served), digits)
    said = capsys.readouterr().out
    assert said.splitlines()[-1].startswith("VGG16: test accuracy") and "epoch 1: train loss" in said
    assert (tmp_path / "home" / "hub" / "checkpoints" / f"vgg16-{digits}.pth").is_file()
    moved = {
        name
        for name, parameter in names["vgg"].named_parameters()
        if name.startswith("classifier.6") or not torch.equal(parameter, torch.full_like(parameter, 0.01))
    }
    assert moved == {f"{part}.{kind}" for part in ("features.24", "features.26", "features.28", "classifier.6")
                     for kind in ("weight", "bias")}  # fmt: skip
    assert names["train"].prepare is names["training"] and names["test"].prepare is names["evaluation"]


def test_no_vgg16_to_be_had_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    run_vgg16(monkeypatch, "http://127.0.0.1:9", "0" * 8)
    assert (
        capsys.readouterr()
        .out.splitlines()[-1]
        .startswith("No weights for VGG16 here, and none to be had now: ")
    )
