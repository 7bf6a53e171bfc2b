"""Residual networks of any shape, other activations, and one-channel pictures."""

from __future__ import annotations

import copy

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

from course_utils.errors import CourseError
from course_utils.models import (
    ACTIVATIONS,
    ResNetConfig,
    build_definition,
    count_parameters,
    freeze,
    head_name,
    load_pretrained,
    replace_activation,
    replace_head,
    stage_names,
    take_one_channel,
)
from course_utils.models.activation import KINDS, functional_activations

TORCHVISION = {
    "resnet18": ResNetConfig(),
    "resnet34": ResNetConfig(depth=(3, 4, 6, 3)),
    "resnet50": ResNetConfig(depth=(3, 4, 6, 3), block="bottleneck"),
    "resnet101": ResNetConfig(depth=(3, 4, 23, 3), block="bottleneck"),
}
SMALL = ResNetConfig(depth=(1, 1), width=16)


@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvisions_shapes_are_torchvisions_networks(name: str) -> None:
    ours, theirs = build_definition(TORCHVISION[name], 1000), build_definition(name, 1000)
    assert {k: v.shape for k, v in ours.state_dict().items()} == {
        k: v.shape for k, v in theirs.state_dict().items()
    }
    assert count_parameters(ours).total == count_parameters(theirs).total


def test_the_same_seed_gives_torchvisions_weights_and_the_same_answers() -> None:
    ours, theirs = build_definition(ResNetConfig(), 7, seed=3), build_definition("resnet18", 7, seed=3)
    pictures = torch.rand(2, 3, 64, 64)
    assert torch.equal(ours(pictures), theirs(pictures))


@pytest.mark.parametrize("depth", [(1,), (1, 1), (1, 1, 1, 1), (2, 2, 2, 2), (3, 4, 6, 3), (1, 2, 3, 1, 1)])
@pytest.mark.parametrize("block", ["basic", "bottleneck"])
@pytest.mark.parametrize("stem", ["large", "small"])
def test_every_shape_answers_and_learns(depth: tuple[int, ...], block: str, stem: str) -> None:
    config = ResNetConfig(depth=depth, block=block, stem=stem, width=16, in_channels=1)
    model = build_definition(config, 6, seed=0)
    logits = model(torch.rand(2, 1, 64, 64))
    logits.sum().backward()
    assert logits.shape == (2, 6)
    assert all(p.grad is not None for p in model.parameters())
    convolutions = [m for n, m in model.named_modules() if isinstance(m, nn.Conv2d) and "downsample" not in n]
    assert config.layers == len(convolutions) + 1
    assert head_name(model) == "fc"


def test_the_small_stem_keeps_the_side_and_the_large_one_quarters_it() -> None:
    seen = []
    for stem in ("small", "large"):
        model = build_definition(ResNetConfig(depth=(1,), width=16, stem=stem), 2)
        model.layer1.register_forward_hook(lambda module, given, out: seen.append(given[0].shape[-1]))
        model(torch.rand(1, 3, 32, 32))
    assert seen == [32, 8]


def test_the_tools_of_the_course_work_on_a_shape_of_your_own() -> None:
    model = build_definition(SMALL, 5, seed=0)
    assert stage_names(model)[-1] == "fc"
    freeze(model)
    model = replace_head(model, 3, seed=0)
    assert count_parameters(model).trainable == 32 * 3 + 3
    assert str(ResNetConfig()) == "ResNet-18 (2-2-2-2, basic, relu, width 64)"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"depth": ()}, "depth"),
        ({"depth": (1, 0)}, "depth"),
        ({"block": "large"}, "bottleneck"),
        ({"stem": "tiny"}, "large or small"),
        ({"width": 0}, "width"),
        ({"in_channels": 0}, "in_channels"),
        ({"activation": "swish"}, "silu"),
    ],
)
def test_a_shape_that_cannot_be_says_what_is_wrong(options: dict, named: str) -> None:
    with pytest.raises(CourseError, match=named):
        ResNetConfig(**options)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_an_activation_by_name_is_in_every_place(activation: str) -> None:
    model = build_definition(ResNetConfig(depth=(1, 1), width=16, activation=activation), 2, seed=0)
    found = [m for m in model.modules() if isinstance(m, KINDS)]
    assert len(found) == 3
    assert all(type(m) is ACTIVATIONS[activation] for m in found)


def test_another_activation_leaves_the_weights_of_the_seed_alone() -> None:
    relu = build_definition(SMALL, 2, seed=0).state_dict()
    gelu = build_definition(ResNetConfig(depth=(1, 1), width=16, activation="gelu"), 2, seed=0).state_dict()
    assert all(torch.equal(gelu[name], relu[name]) for name in relu)


FAMILIES = [
    "resnet18",
    "mobilenet_v3_small",
    "mnasnet0_5",
    "efficientnet_b0",
    "squeezenet1_1",
    "shufflenet_v2_x0_5",
    "regnet_y_400mf",
    "convnext_tiny",
    "efficientnet_lite0",
]


@pytest.mark.parametrize("name", FAMILIES)
def test_no_place_is_missed_and_a_shared_one_stays_shared(name: str) -> None:
    model = build_definition(name, 3, seed=0).eval()
    before = [m for m in model.modules() if isinstance(m, KINDS)]
    gates = [m for m in model.modules() if isinstance(m, (nn.Sigmoid, nn.Hardsigmoid))]
    replace_activation(model, nn.Mish)
    after = [m for m in model.modules() if isinstance(m, KINDS)]
    assert len(after) == len(before)
    assert all(type(m) is nn.Mish and not m.inplace for m in after)
    assert [m for m in model.modules() if isinstance(m, (nn.Sigmoid, nn.Hardsigmoid))] == gates
    seen: list[nn.Module] = []
    for module in after:
        module.register_forward_hook(lambda module, given, out: seen.append(module))
    assert model(torch.rand(1, 3, 64, 64)).shape == (1, 3)
    assert set(seen) == set(after)


def test_no_value_that_is_still_needed_is_overwritten() -> None:
    class Skip(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.act = nn.ELU(inplace=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.act(x)

    pictures = torch.tensor([-1.0, 2.0])
    model = replace_activation(Skip(), nn.ReLU)
    assert torch.equal(model(pictures), pictures + F.relu(pictures))


@pytest.mark.parametrize("name", ["densenet121", "googlenet", "inception_v3"])
def test_activations_called_as_functions_are_reported_and_nothing_changes(name: str) -> None:
    model = (
        torchvision.models.get_model(name, weights=None, init_weights=False)
        if name != "densenet121"
        else (torchvision.models.densenet121())
    )
    kinds = [type(m) for m in model.modules()]
    with pytest.raises(CourseError, match=r"called as functions.*relu"):
        replace_activation(model, nn.SiLU)
    assert [type(m) for m in model.modules()] == kinds


def test_a_function_inside_pytorchs_own_layer_is_reported() -> None:
    model = nn.Sequential(nn.TransformerEncoderLayer(8, 2), nn.ReLU())
    assert functional_activations(model) == ["0.activation"]


def test_a_method_call_is_reported() -> None:
    class Method(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.relu()

    with pytest.raises(CourseError, match=r"called as functions.*: relu"):
        replace_activation(Method(), nn.SiLU)


def test_a_forward_that_cannot_be_read_is_said_to_be_so() -> None:
    class Decides(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x if x.sum() > 0 else -x

    with pytest.raises(CourseError, match="can't be traced"):
        replace_activation(Decides(), nn.SiLU)


def test_a_model_without_activations_says_so() -> None:
    with pytest.raises(CourseError, match="no activation"):
        replace_activation(nn.Sequential(nn.Linear(2, 2)), nn.SiLU)


@pytest.fixture(scope="module")
def borrowed() -> nn.Module:
    return load_pretrained("efficientnet_lite0").eval()


def grey(x: torch.Tensor) -> torch.Tensor:
    return x.expand(-1, 3, -1, -1)


@pytest.mark.parametrize("how", ["sum", "mean", "repeat"])
def test_one_channel_keeps_what_it_promises(borrowed: nn.Module, how: str) -> None:
    scans = torch.rand(2, 1, 96, 96, generator=torch.Generator().manual_seed(0)) * 2 - 1
    shown = grey(scans / 3 if how == "mean" else scans)
    changed = take_one_channel(copy.deepcopy(borrowed), how)
    with torch.no_grad():
        found, expected = changed(scans), borrowed(shown)
    assert torch.equal(found, expected) if how == "repeat" else torch.allclose(found, expected, atol=1e-4)
    with torch.no_grad():
        assert not torch.allclose(borrowed(grey(scans)), borrowed(grey(scans / 3)), atol=0.1)


def test_a_first_layer_for_one_channel_is_a_third_as_large_and_still_learns() -> None:
    model = build_definition("resnet18", 2, seed=0)
    take_one_channel(model)
    assert model.conv1.weight.shape == (64, 1, 7, 7)
    model(torch.rand(2, 1, 32, 32)).sum().backward()
    assert model.conv1.weight.grad is not None
    assert not take_one_channel(freeze(build_definition("resnet18", 2))).conv1.weight.requires_grad


@pytest.mark.parametrize(
    ("model", "how", "said"),
    [
        (SMALL, "average", "'sum', 'mean' or 'repeat'"),
        (ResNetConfig(depth=(1,), in_channels=1), "sum", "takes 1 channels"),
    ],
)
def test_what_cannot_take_one_channel_says_why(model: ResNetConfig, how: str, said: str) -> None:
    with pytest.raises(CourseError, match=said):
        take_one_channel(build_definition(model, 2), how)


def test_a_model_without_convolutions_says_so() -> None:
    with pytest.raises(CourseError, match="no convolution"):
        take_one_channel(nn.Sequential(nn.Linear(2, 2)))
