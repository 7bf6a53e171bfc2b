"""What training and measuring promise when something breaks or is asked in vain (docs/faults.md)."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import torch
import two_processes
from accelerate.state import AcceleratorState, GradientState
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from course_utils.data import Preprocessing, load_birds
from course_utils.errors import CourseError
from course_utils.metrics.classification import Metrics
from course_utils.models import build_definition, freeze
from course_utils.runtime import seed_everything
from course_utils.training import (
    Features,
    Recipe,
    evaluate,
    extract_features,
    fit,
    linear_probe,
    make_loader,
    predict,
    train_one_epoch,
)
from course_utils.training.fit import batch_size_for
from course_utils.training.loop import make_accelerator

N = 10
PAGE = Path(__file__).resolve().parents[1] / "docs" / "faults.md"


def pictures(number: int = N, side: int = 8) -> TensorDataset:
    generator = torch.Generator().manual_seed(0)
    return TensorDataset(torch.randn(number, 3, side, side, generator=generator), torch.arange(number) % 3)


def classifier() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(192, 3))


class Breaking(TensorDataset):
    """Raises Ctrl-C when the last picture is asked for, from the ``after``-th time on."""

    after = 1

    def __getitem__(self, index: int) -> tuple[torch.Tensor, ...]:
        if index == len(self) - 1:
            self.after -= 1
            if self.after < 1:
                raise KeyboardInterrupt
        return super().__getitem__(index)


def whole(model: nn.Module) -> None:
    """Everything that measures sees every picture, twice in a row."""
    for loader in (
        make_loader(pictures(), batch_size=8),
        make_accelerator().prepare(make_loader(pictures())),
    ):
        for _ in range(2):
            assert evaluate(model, loader).n == N
            logits, labels = predict(model, loader)
            assert len(logits) == N and labels.tolist() == [i % 3 for i in range(N)]
    assert not [loader for loader in GradientState().dataloader_references if loader is not None]


def test_nothing_is_dropped_after_a_run_that_diverged():
    model = classifier()
    with pytest.raises(CourseError, match="diverged"):
        fit(model, pictures(3), val=pictures(), recipe=Recipe(3, lr=1e36))
    whole(classifier())


@pytest.mark.parametrize("after", [1, 2])
def test_nothing_is_dropped_after_an_interruption_in_training(after):
    broken = Breaking(*pictures(9).tensors)
    broken.after = after
    with pytest.raises(KeyboardInterrupt):
        fit(classifier(), broken, val=pictures(), recipe=Recipe(5, batch_size=8))
    whole(classifier())


def test_nothing_is_dropped_after_an_interruption_in_measuring():
    broken = make_accelerator().prepare(make_loader(Breaking(*pictures(9).tensors), batch_size=8))
    for measure in (evaluate, predict):
        with pytest.raises(KeyboardInterrupt):
            measure(classifier(), broken)
    whole(classifier())


def test_nothing_is_dropped_while_somebody_else_is_in_mid_pass():
    """A prepared loader that was left at its last batch by hand, as ``next(iter(loader))`` leaves it."""
    abandoned = iter(make_accelerator().prepare(make_loader(pictures(3))))
    next(abandoned)
    model = classifier()
    assert evaluate(model, make_loader(pictures(), batch_size=8)).n == N
    assert len(predict(model, make_loader(pictures(), batch_size=8))[0]) == N
    abandoned.close()
    GradientState._reset_state()


def test_two_processes_count_each_picture_once(tmp_path, make_folder):
    """A loader that nobody prepared, a prepared one, a list of batches, a comparison: as in one process."""
    birds = make_folder(train=20, val=4, test=5)
    script, out = Path(__file__).with_name("two_processes.py"), tmp_path / "found.json"
    environment = os.environ | {
        "ACCELERATE_USE_CPU": "true",
        "OMP_NUM_THREADS": "1",
        "GLOO_SOCKET_IFNAME": "lo0" if sys.platform == "darwin" else "lo",
    }
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc_per_node",
        "2",
        script,
        birds,
        out,
    ]
    ran = subprocess.run(command, env=environment, check=False, timeout=240, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    two, one = json.loads(out.read_text()), json.loads(json.dumps(two_processes.measure(birds)))
    assert (one.pop("processes"), two.pop("processes")) == (1, 2)
    assert two["plain"][0] == 50
    assert two["accuracies"] == one["accuracies"] == [1.0, 1.0]
    assert two.pop("fit") == pytest.approx(one.pop("fit"), rel=0.01)
    assert two == one


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"lr_backbone": 0.0}, "lr_backbone is 0.0.*freeze it"),
        ({"lr_backbone": -1.0}, "lr_backbone is -1.0"),
        ({"lr_backbone": float("nan")}, "lr_backbone is nan"),
        ({"lr_backbone": float("inf")}, "lr_backbone is inf"),
        ({"lr": 0.0}, "lr is 0.0"),
        ({"lr": float("nan")}, "lr is nan"),
        ({"lr": float("inf")}, "lr is inf"),
        ({"epochs": 1.5}, "epochs is 1.5"),
        ({"epochs": True}, "epochs is True"),
        ({"epochs": 0}, "epochs is 0"),
        ({"batch_size": 2.0}, "batch_size is 2.0"),
        ({"mixup": -1}, "mixup is -1"),
        ({"mixup": float("nan")}, "mixup is nan"),
        ({"weight_decay": -0.1}, "weight_decay is -0.1"),
        ({"warmup": 1.0}, "warmup is 1.0"),
        ({"label_smoothing": -0.1}, "label_smoothing is -0.1"),
    ],
)
def test_a_recipe_says_what_is_wrong_with_it(wrong, says):
    with pytest.raises(CourseError, match=says):
        Recipe(**({"epochs": 1} | wrong))


def test_a_rate_of_the_backbone_is_taken_as_given():
    """Only None stands for the head's rate."""
    model = build_definition("resnet18", 3, seed=0)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    fit(
        model,
        pictures(4, 32),
        val=pictures(2, 32),
        recipe=Recipe(1, lr=1.0, lr_backbone=1e-9, weight_decay=0.0),
    )
    moved = {n: (p.detach() - before[n]).abs().max().item() for n, p in model.named_parameters()}
    assert moved["fc.weight"] > 0.1 and moved["conv1.weight"] < 1e-6


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, True, None, "0"])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(CourseError, match=f"seed is {seed!r}"):
        seed_everything(seed)


def test_no_last_batch_of_one():
    """33 pictures in batches of 32 would leave one, from which BatchNorm on a map of 1 x 1 learns nothing."""
    assert batch_size_for(33, 32) == 31 and batch_size_for(64, 32) == 32 and batch_size_for(5, 4) == 3
    model = build_definition("resnet18", 3, seed=0)
    fit(model, pictures(5, 32), val=pictures(2, 32), recipe=Recipe(1, batch_size=4))


def test_several_processes_share_batches_evenly():
    assert [batch_size_for(33, n, processes=2) for n in (32, 7, 2, 1)] == [32, 6, 4, 4]
    assert batch_size_for(100, 32, processes=3) == 30


def test_one_picture_and_batch_norm_is_an_error_with_advice():
    loader = DataLoader(pictures(5, 32), batch_size=4)
    model = build_definition("resnet18", 3, seed=0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(CourseError, match=r"batch of 1 picture.*batch_size"):
        train_one_epoch(model, loader, optimizer=optimizer)


def test_nothing_to_measure_or_to_train():
    model = classifier()
    for measure in (evaluate, predict):
        with pytest.raises(CourseError, match="no pictures"):
            measure(model, [])
    frozen = build_definition("resnet18", 3).requires_grad_(False)
    with pytest.raises(CourseError, match="frozen"):
        fit(frozen, pictures(8, 32), val=pictures(2, 32), recipe=Recipe(1))


def test_fit_leaves_the_weights_of_the_epoch_it_names(monkeypatch):
    """Val says that the second of four epochs is by far the best; the weights are those it was measured with."""
    model, seen, script = classifier(), [], [0.1, 1.0, 0.2, 0.3]

    def scripted(model, loader, *, accelerator):
        seen.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
        return Metrics(1.0, script[len(seen) - 1], 1000)

    monkeypatch.setattr(import_module("course_utils.training.fit"), "evaluate", scripted)
    history = fit(model, pictures(), val=pictures(), recipe=Recipe(4, lr=0.1))
    assert history.best.epoch == 2
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, seen[1][name]) and not torch.equal(tensor, seen[3][name])


def test_an_interrupted_fit_leaves_the_best_of_what_it_finished(monkeypatch):
    """Ctrl-C in the third epoch: the second was the best."""
    model, seen = classifier(), []

    def scripted(model, loader, *, accelerator):
        if len(seen) == 3:
            raise KeyboardInterrupt
        seen.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
        return Metrics(1.0, [0.1, 1.0, 0.2][len(seen) - 1], 1000)

    monkeypatch.setattr(import_module("course_utils.training.fit"), "evaluate", scripted)
    with pytest.raises(KeyboardInterrupt):
        fit(model, pictures(), val=pictures(), recipe=Recipe(9, lr=0.1))
    assert all(torch.equal(tensor, seen[1][name]) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("measure", [evaluate, predict])
def test_modes_come_back_when_measuring_is_broken_off_between_two_batches(monkeypatch, measure):
    """At once, and not when the traceback, which a notebook keeps, lets the pass go."""

    def broken(self, rows):
        raise KeyboardInterrupt

    monkeypatch.setattr("course_utils.training.passes.Pass.gather", broken)
    model = classifier().train()
    with pytest.raises(KeyboardInterrupt) as kept:
        measure(model, make_loader(pictures(), batch_size=4))
    assert model.training and model[1].training and torch.is_grad_enabled() and kept


@pytest.mark.parametrize(
    ("train", "val", "says"),
    [
        (torch.zeros(0, 4), torch.zeros(3, 4), "train are of no picture"),
        (torch.zeros(3, 4), torch.full((3, 4), float("nan")), "val hold nan"),
        (torch.zeros(3, 4), torch.zeros(3, 5), "4 features a picture and val 5"),
        (torch.zeros(2, 4), torch.zeros(3, 4), "labels .2., of which train has no picture"),
    ],
)
def test_a_probe_of_features_that_do_not_go_together(train, val, says):
    with pytest.raises(CourseError, match=says):
        linear_probe(Features(train, torch.arange(len(train)), 0.0), val=Features(val, torch.arange(3), 0.0))


@pytest.mark.parametrize("classes", [2, 1])
def test_labels_without_a_logit_are_an_error_with_advice(classes):
    model = nn.Sequential(nn.Flatten(), nn.Linear(192, classes))
    with pytest.raises(CourseError, match=f"from 0 to 2, and the model has {classes} logits.*replace_head"):
        evaluate(model, make_loader(pictures()))
    with pytest.raises(CourseError, match="replace_head"):
        fit(model, pictures(), val=pictures(), recipe=Recipe(1))


def test_pictures_without_a_transform_are_an_error_with_advice(make_folder):
    birds = load_birds(make_folder(8), side=36)
    with pytest.raises(CourseError, match=r"with_transform\(eval_transform"):
        fit(classifier(), birds.train, val=birds.val, recipe=Recipe(1))


def test_the_precision_is_the_course_s_own(monkeypatch):
    """What ``accelerate launch --mixed_precision`` left in the environment does not wrap the model."""
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    AcceleratorState._reset_state(reset_partial_state=True)
    assert make_accelerator().mixed_precision == "no"


def test_features_broken_off_leave_the_model_as_it_was(make_folder):
    birds = load_birds(make_folder(8), side=36)
    model = build_definition("resnet18", 3, seed=0).train()
    model.layer4.register_forward_hook(lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(KeyboardInterrupt):
        extract_features(model, birds.val, preprocessing=Preprocessing(crop_size=32, resize_size=36))
    assert all(module.training for module in model.modules()) and not model.fc._forward_pre_hooks
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_frozen_from_the_first_moment():
    """Not only after the next ``train()``: a forward pass right after ``freeze`` leaves BatchNorm where it was."""
    model = freeze(build_definition("resnet18", 3, seed=0).train())
    before = model.bn1.running_mean.clone()
    model(torch.randn(4, 3, 32, 32))
    assert torch.equal(model.bn1.running_mean, before) and not model.layer1.training


def test_each_test_that_the_page_names_is_there():
    """docs/faults.md promises nothing that no test holds."""
    named = re.findall(r"`(?:(test_\w+\.py)::)?(test_\w+)`", PAGE.read_text(encoding="utf-8"))
    folder, file = Path(__file__).parent, None
    assert len(named) > 50
    for other, test in named:
        file = other or file
        assert f"def {test}(" in (folder / file).read_text(encoding="utf-8"), f"{file}::{test}"
