"""Lesson 6: its network, loop and measures are what its record was trained with; its exam of a detector is right."""

from __future__ import annotations

import copy
from pathlib import Path

import jupytext
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.metrics import roc_auc_score
from test_from_scratch import noise, small
from torch import nn
from torch.nn import functional as F
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, Dataset
from torchvision.models.resnet import BasicBlock, ResNet, resnet18
from torchvision.transforms import v2

from conftest import defined_in
from course_utils.data import eval_transform, load_scans
from course_utils.data.transforms import train_scan_transform
from course_utils.lessons.a_new_domain import exercises
from course_utils.lessons.a_new_domain.effects import areas, over_patients
from course_utils.models import ResNetConfig, build_definition, replace_activation
from course_utils.training import Recipe, fit, make_loader
from outputs import code_cells
from sweeps.evidence import evidence_maps
from sweeps.scan_runs import scan_preprocessing
from sweeps.scan_variants import SMALL

LESSON = Path(__file__).resolve().parents[1] / "lessons" / "06_a_new_domain.py"


def lesson_names(*wanted: str, **names) -> dict:
    """What the lesson's cells define."""
    known = {"torch": torch, "nn": nn, "F": F, "np": np, "pd": pd, "BasicBlock": BasicBlock}
    known |= {"DataLoader": DataLoader, "lr_scheduler": lr_scheduler, "device": torch.device("cpu")}
    return defined_in(LESSON, known | names, *wanted)


def own_network(depth) -> nn.Module:
    torch.manual_seed(0)
    return lesson_names("stage", "small_resnet")["small_resnet"](depth)


@pytest.mark.parametrize("depth", [(1, 1, 1), (1, 1, 1, 1), (2, 2, 2, 2)])
def test_the_lessons_network_is_that_of_its_record(depth):
    """Weight for weight, from the same seed, with the same answers."""
    own = own_network(depth)
    theirs = build_definition(ResNetConfig(depth, width=SMALL.width, in_channels=1), 2, seed=0)
    for one, other in zip(own.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(one, other)
    pictures = torch.randn(2, 1, 64, 64)
    assert torch.allclose(own.eval()(pictures), theirs.eval()(pictures), atol=1e-5)


def test_the_loop_exchanges_every_activation_of_torchvision_s_resnet():
    own, theirs = resnet18(), resnet18()
    given = {"ResNet": ResNet, "exercises": exercises, "one_channel": exercises.one_channel.answer}
    lesson_names("exchange", **given)["exchange"](own, nn.SiLU)
    replace_activation(theirs, nn.SiLU)
    assert not [m for m in own.modules() if isinstance(m, nn.ReLU)]
    theirs.load_state_dict(own.state_dict())
    pictures = torch.randn(2, 3, 64, 64)
    assert torch.equal(own.eval()(pictures), theirs.eval()(pictures))


def run_cell(start: str, end: str = r"\Z", **names) -> dict:
    """What the lesson's cell defines from one text on, and before another."""
    (source,) = [c.source for c in code_cells(jupytext.read(LESSON)) if start in c.source]
    exec(source[source.index(start) :].partition(end)[0], names)
    return names


@pytest.mark.filterwarnings("ignore:.*epoch parameter.*")
def test_the_lessons_loop_is_fit(monkeypatch):
    """Number for number: the same batches, steps, rates and losses, and the last epoch is kept."""
    monkeypatch.setenv("COURSE_PRECISION", "fp32")
    torch.manual_seed(0)
    train, val, model = noise(22), noise(10), small()
    twin, loader = copy.deepcopy(model), make_loader(train, batch_size=2, shuffle=True, seed=0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
    names = {"EPOCHS": 3, "loader": loader, "optimizer": optimizer, "lr_scheduler": lr_scheduler}
    schedule = run_cell("steps = EPOCHS", **names)["schedule"]
    val.labels = torch.tensor([label for _, label in val])
    train_epoch = lesson_names("train_epoch", sets={"val": val}, truth={"val": val.labels})["train_epoch"]
    rows = [train_epoch(model, loader, optimizer, schedule) for _ in range(3)]
    history = fit(twin, train, val=val, recipe=Recipe(3, batch_size=2), device="cpu", keep="last")
    assert [row[:2] for row in rows] == [
        pytest.approx([epoch.train_loss, epoch.val_loss], rel=1e-4) for epoch in history.epochs
    ]
    for one, other in zip(model.state_dict().values(), twin.state_dict().values(), strict=True):
        assert torch.allclose(one.float(), other.float(), atol=1e-4)


def test_pictures_are_prepared_as_for_the_record(scan_folder):
    notes = pd.read_csv(scan_folder / "studies.csv", index_col="path", keep_default_na=False)
    notes["ill"] = notes.anomaly != ""
    names = {
        "Dataset": Dataset,
        "Image": Image,
        "v2": v2,
        "SCANS": scan_folder,
        "SIDE": scan_preprocessing().crop_size,
    }
    names["parts"] = dict(list(notes.groupby("split")))
    lesson = run_cell("class Scans", torch=torch, **names) | run_cell(
        "to_float =", "train =", torch=torch, **names
    )
    scans, preprocessing = load_scans(scan_folder), scan_preprocessing()
    own = lesson["Scans"]("test", lesson["fixed"])
    theirs = scans.test.with_transform(eval_transform(preprocessing))
    assert len(own) == len(theirs)
    for k in range(len(own)):
        assert own[k][1] == theirs[k][1] and torch.allclose(own[k][0], theirs[k][0], atol=1e-6)
    varied = v2.Compose([lesson["stand"], lesson["fixed"]])
    torch.manual_seed(0)
    one = varied(scans.train.pixels[0])
    torch.manual_seed(0)
    assert torch.allclose(one, train_scan_transform(preprocessing)(scans.train.pixels[0]), atol=1e-6)


def test_auroc_is_scikit_learn_s():
    auroc = lesson_names("auroc")["auroc"]
    scores = torch.randint(9, (80,), generator=torch.Generator().manual_seed(0)) / 9
    ill = torch.arange(80) % 5 == 0
    assert auroc(scores, ill.long()) == pytest.approx(roc_auc_score(ill, scores), abs=1e-6)
    assert auroc(scores, ill.long()) == pytest.approx(areas(scores[None].numpy(), ill.numpy())[0], abs=1e-6)


def test_a_detector_is_judged_by_hand_s_numbers(capsys):
    """From .6 on 3 of the 4 ill and 1 of the 6 healthy are called ill; 20 of the 24 pairs are in order."""
    scores = torch.tensor([0.05, 0.15, 0.22, 0.31, 0.42, 0.55, 0.61, 0.74, 0.83, 0.95])
    truth = torch.tensor([0, 0, 0, 1, 0, 0, 1, 0, 1, 1])
    names = {"scores": {"val": scores}, "truth": {"val": truth}, "threshold": 0.6}
    lesson_names("auroc", "judge", **names)["judge"]("val")
    said = capsys.readouterr().out
    # Of 1000 people 50 are ill, 37.5 of them found; 158.3 of the 950 others are alarmed.
    assert said.startswith("val: AUROC 0.833, sensitivity 75.0%, specificity 83.3%; were 1 in 20 ill, 19% of")


def test_patients_are_drawn_as_in_the_tables():
    patients = pd.Series([str(k // 3) for k in range(90)])
    values = np.random.default_rng(0).normal(size=90)
    own = lesson_names("over_patients")["over_patients"](lambda rows: values[rows].mean(), patients)
    assert tuple(own) == pytest.approx(over_patients(lambda rows: values[rows].mean(), patients))


def test_evidence_is_that_of_the_record():
    network = own_network((1, 1, 1)).eval()
    theirs = build_definition(SMALL, 2, seed=0).eval()
    pictures = [(torch.randn(1, 64, 64), 0) for _ in range(3)]
    own = lesson_names("evidence")["evidence"](network, pictures)
    x = torch.stack([picture for picture, _ in pictures])
    maps = evidence_maps(theirs, x)
    bias = (theirs.fc.bias[1] - theirs.fc.bias[0]).item()
    assert torch.allclose(own, maps[:, 1] - maps[:, 0] + bias, atol=1e-5)
    logits = network(x).detach()
    assert torch.allclose(own.mean((1, 2)), logits[:, 1] - logits[:, 0], atol=1e-5)


def test_pointing_by_hand():
    """A mask of one study; places on it, near it, and off it."""
    near = torch.zeros(3, 192, 192, dtype=torch.bool)
    near[:, 10:20, 30:40] = True
    lesson = lesson_names("middles", "hits", near=near)
    assert lesson["middles"](2).tolist() == [[48, 48], [48, 144], [144, 48], [144, 144]]
    places = torch.tensor([[10, 30], [19, 39], [30, 10]])
    assert lesson["hits"](places) == pytest.approx(2 / 3)
