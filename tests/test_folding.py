"""BatchNorm folded into convolutions: the same answers, faster; where that can't be, the model itself."""

from __future__ import annotations

import copy
import threading

import pytest
import timm
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm
from torchvision import models

from course_utils.data import Preprocessing, load_birds
from course_utils.models.folding import folded
from course_utils.training import extract_features, features

FAMILIES = {
    "alexnet": 0, "convnext_tiny": 0, "densenet121": 59, "efficientnet_b0": 49, "efficientnet_v2_s": 110,
    "googlenet": 57, "inception_v3": 94, "maxvit_t": 23, "mnasnet0_5": 52, "mobilenet_v2": 52,
    "mobilenet_v3_small": 34, "regnet_y_400mf": 53, "resnet18": 20, "resnext50_32x4d": 53, "shufflenet_v2_x0_5": 56,
    "squeezenet1_0": 0, "swin_t": 0, "vgg11_bn": 8, "vit_b_16": 0, "wide_resnet50_2": 53,
}  # fmt: skip
"""One model of each family of torchvision's, with how many of its BatchNorm layers follow a convolution."""
LITE = {f"tf_efficientnet_lite{number}": depth for number, depth in ((0, 49), (1, 64), (2, 64))}
SIDES = {"vit_b_16": 224, "maxvit_t": 224, "inception_v3": 96, "alexnet": 96, "squeezenet1_0": 96}


def with_statistics(model: nn.Module) -> nn.Module:
    """As after a training: no BatchNorm leaves its input as it is."""
    generator = torch.Generator().manual_seed(0)
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            for tensor, low, high in (
                (module.running_mean, -0.1, 0.1),
                (module.running_var, 0.5, 1.5),
                (module.weight.data, 0.7, 1.2),
                (module.bias.data, -0.1, 0.1),
            ):
                tensor.copy_(torch.rand(tensor.shape, generator=generator) * (high - low) + low)
    return model.eval()


def pictures(side: int, number: int = 2) -> torch.Tensor:
    return torch.randn(number, 3, side, side, generator=torch.Generator().manual_seed(1))


def norms(model: nn.Module) -> int:
    return sum(isinstance(module, _BatchNorm) for module in model.modules())


@pytest.mark.parametrize("name", [*FAMILIES, *LITE])
def test_each_family_gives_the_same_logits(name):
    torch.manual_seed(0)
    if name in LITE:
        model, count = timm.create_model(name, num_classes=5), LITE[name]
    else:
        options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
        model, count = models.get_model(name, num_classes=5, **options), FAMILIES[name]
    model = with_statistics(model)
    side = SIDES.get(name, 64)
    before = copy.deepcopy(model.state_dict())
    fast = folded(model, pictures(side))
    assert (fast is model) is (count == 0) and norms(model) - norms(fast) == count
    new = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        expected, found = model(new), fast(new)
    assert torch.allclose(found, expected, atol=1e-4 * expected.abs().max().item(), rtol=0)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


class Uses(nn.Module):
    """A convolution and its BatchNorm, used in a way of their own."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way
        self.conv, self.norm = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3)
        self.head = nn.Linear(3, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) to (N, 4)."""
        made = self.conv(x)
        if self.way == "the convolution runs twice":
            made = self.conv(made)
        x = self.norm(F.relu(made) if self.way == "something lies between" else made)
        if self.way == "BatchNorm runs twice":
            x = self.norm(x)
        if self.way == "its output goes elsewhere, too":
            x = x + made
        return self.head(x.mean((2, 3)))


@pytest.mark.parametrize(
    "way",
    [
        "the convolution runs twice",
        "BatchNorm runs twice",
        "something lies between",
        "its output goes elsewhere, too",
    ],
)
def test_what_can_not_be_folded_is_left_alone(way):
    torch.manual_seed(0)
    model = with_statistics(Uses(way))
    assert folded(model, pictures(8)) is model and norms(model) == 1


def test_the_plain_way_is_folded_and_the_model_can_go_on_training():
    torch.manual_seed(0)
    model = with_statistics(Uses("plainly")).train()
    fast = folded(model, pictures(8))
    assert norms(fast) == 0 and model.training and not fast.training
    F.cross_entropy(model(pictures(8)), torch.tensor([0, 1])).backward()
    assert model.conv.weight.grad is not None


def test_a_model_that_can_not_be_copied_stays_as_it_is():
    model = with_statistics(Uses("plainly"))
    model.lock = threading.Lock()
    assert folded(model, pictures(8)) is model


@pytest.mark.parametrize("cache", [True, False])
def test_features_are_those_of_the_whole_model(make_folder, monkeypatch, cache):
    birds = load_birds(make_folder(train=9, val=2, test=3), side=18)
    own = Preprocessing(crop_size=16, resize_size=18)
    torch.manual_seed(0)
    model = with_statistics(Uses("plainly"))
    answering: list[nn.Module] = []

    def watched(*given: object) -> nn.Module:
        answering.append(folded(*given))
        return answering[-1]

    monkeypatch.setattr(features, "folded", watched)
    found = extract_features(model, birds.train, preprocessing=own, cache=cache).x
    assert [norms(one) for one in answering] == [0] and norms(model) == 1
    monkeypatch.setattr(features, "folded", lambda model, sample: model)
    whole = extract_features(model, birds.train, preprocessing=own, cache=False).x
    assert not torch.equal(found, whole) and torch.allclose(found, whole, atol=1e-5)
