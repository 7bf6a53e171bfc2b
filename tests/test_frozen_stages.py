"""What the frozen stages give is computed once, and nothing else changes by it."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from course_utils.models import ResNetConfig, build_definition, freeze, unfreeze
from course_utils.training import Recipe, fit, make_loader
from course_utils.training import frozen_stages as module
from course_utils.training.frozen_stages import SkipsFrozenStages, frozen_stages

SHAPE = ResNetConfig(depth=(1, 1, 1), width=16)


def pictures(seed: int, number: int = 4) -> Tensor:
    return torch.rand(number, 3, 32, 32, generator=torch.Generator().manual_seed(seed))


def half_frozen(name: str | ResNetConfig = SHAPE, start: str = "layer2") -> nn.Module:
    return unfreeze(freeze(build_definition(name, 3, seed=0)), start).eval()


def counted(stage: nn.Module) -> list[int]:
    """How often a stage ran, one entry a time."""
    calls: list[int] = []
    for part in stage.modules():
        if isinstance(part, nn.Conv2d):
            part.register_forward_hook(lambda m, given, out: None if out is given[0] else calls.append(1))
            break
    return calls


def test_the_stages_before_the_first_that_trains():
    model = half_frozen()
    assert frozen_stages(model) == [model.conv1, model.bn1, model.relu, model.maxpool, model.layer1]
    assert frozen_stages(build_definition(SHAPE, 3)) == []


def test_without_a_frozen_batch_norm_nothing_is_skipped():
    """requires_grad alone does not keep BatchNorm's statistics where they are."""
    model = build_definition(SHAPE, 3)
    for parameter in model.parameters():
        parameter.requires_grad = False
    for parameter in model.fc.parameters():
        parameter.requires_grad = True
    assert frozen_stages(model) == []


@pytest.mark.parametrize(
    ("name", "start"),
    [
        (SHAPE, "layer2"),
        (SHAPE, "fc"),
        ("efficientnet_lite0", "blocks.4"),
        ("resnet18", "layer4"),
        ("mobilenet_v3_small", "features.9"),
        ("vgg11", "features.8"),
    ],
)
def test_answers_are_the_same_to_the_last_bit_and_the_frozen_part_runs_once(
    name: str | ResNetConfig, start: str
):
    model = half_frozen(name, start)
    calls = counted(frozen_stages(model)[0])
    short = SkipsFrozenStages(model, batches=2)
    with torch.no_grad():
        expected = [model(pictures(0)), model(pictures(1))]
        del calls[:]
        for _ in range(3):
            found = [short(pictures(0)), short(pictures(1))]
            assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
        assert len(calls) == 2
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.mul_(1.5)
        assert torch.equal(short(pictures(1)), model(pictures(1)))
    assert not any("forward" in vars(part) for part in model.modules())


def test_a_picture_that_changed_is_a_new_one():
    model = half_frozen()
    short = SkipsFrozenStages(model, batches=4)
    with torch.no_grad():
        for seen in (pictures(0), pictures(0).flip(3), pictures(0).flip(0), pictures(0).roll(1, 2)):
            assert torch.equal(short(seen), model(seen))
            assert torch.equal(short(seen), model(seen))


def test_pictures_that_are_always_new_end_the_search():
    model = half_frozen()
    calls = counted(model.conv1)
    short = SkipsFrozenStages(model, batches=2)
    with torch.no_grad():
        for seed in range(5):
            assert torch.equal(short(pictures(seed)), model(pictures(seed)))
        del calls[:]
        short(pictures(0))
    assert len(calls) == 1 and not short._kept


def test_what_does_not_fit_into_memory_is_computed_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MEMORY", 4 * 16 * 8 * 8 * 4)  # one batch: 4 pictures of 16 channels of 8 x 8
    model = half_frozen()
    calls = counted(model.conv1)
    short = SkipsFrozenStages(model, batches=2)
    with torch.no_grad():
        for _ in range(2):
            short(pictures(0))
            short(pictures(1))
    assert len(calls) == 3


class Doubles(nn.Module):
    """Does something between its stages that the short way would not do again."""

    def __init__(self, between: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.second, self.head = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.Linear(4, 3)
        self.between = between

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.second(self.first(x)).mean((2, 3)) + self.between(x, self.first(x)))


@pytest.mark.parametrize(
    "between",
    [
        lambda x, first: first.mean((2, 3)),
        lambda x, first: first[:, 3].mean((1, 2))[:, None],
    ],
    ids=["skip connection", "error"],
)
def test_a_model_that_cannot_be_cut_goes_the_whole_way(between: Callable):
    model = unfreeze(freeze(Doubles(between)), "second").eval()
    assert frozen_stages(model) == [model.first]
    short = SkipsFrozenStages(model, batches=2)
    with torch.no_grad():
        for _ in range(2):
            assert torch.equal(short(pictures(0)), model(pictures(0)))


def test_a_transformer_goes_the_whole_way():
    model = unfreeze(freeze(build_definition("swin_t", 3, seed=0)), "features.6").eval()
    short = SkipsFrozenStages(model, batches=1)
    with torch.no_grad():
        for _ in range(2):
            assert torch.equal(short(pictures(0, 1)), model(pictures(0, 1)))


def test_fit_gives_the_same_history_and_weights(monkeypatch: pytest.MonkeyPatch):
    data = [(p, int(k % 3)) for k, p in enumerate(pictures(5, 12))]
    val = [(p, int(k % 3)) for k, p in enumerate(pictures(6, 9))]

    def run() -> tuple[list, dict[str, Tensor], int]:
        model = half_frozen()
        calls = counted(model.conv1)
        history = fit(model, data, val=val, recipe=Recipe(epochs=3, batch_size=6), device="cpu")
        return history.epochs, model.state_dict(), len(calls)

    epochs, weights, runs = run()
    monkeypatch.setattr(sys.modules[fit.__module__], "skip_frozen_stages", lambda model, batches: model)
    plain_epochs, plain_weights, plain_runs = run()
    assert epochs == plain_epochs
    assert all(torch.equal(weights[name], plain_weights[name]) for name in weights)
    batches = len(make_loader(val))
    assert plain_runs - runs == 2 * batches
