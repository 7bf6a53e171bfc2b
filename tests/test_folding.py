"""BatchNorm folded into convolutions: the same answers, faster; where that can't be, the model itself."""

from __future__ import annotations

import copy

import pytest
import timm
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm
from torchvision import models

from course_utils.data import Preprocessing, eval_transform, load_birds
from course_utils.models import folding, freeze, unfreeze
from course_utils.models.folding import Folded, folded
from course_utils.training import Recipe, extract_features, fit, hardware

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
    fast = folded(model, pictures(side))
    assert fast is model if count == 0 else len(fast.pairs) == count
    new = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        expected, found = model(new), fast(new)
    assert torch.allclose(found, expected, atol=1e-4 * expected.abs().max().item(), rtol=0)


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
    assert folded(model, pictures(8)) is model


def test_a_weight_that_is_no_parameter_is_left_alone():
    torch.manual_seed(0)
    model = with_statistics(Uses("plainly"))
    nn.utils.parametrizations.weight_norm(model.conv)
    assert folded(model, pictures(8)) is model


def test_it_is_folded_once():
    fast = folded(with_statistics(Uses("plainly")), pictures(8))
    assert isinstance(fast, Folded) and folded(fast, pictures(8)) is fast


def test_the_model_keeps_its_mode_its_weights_and_its_forward():
    model = with_statistics(Uses("plainly")).train()
    before = copy.deepcopy(model.state_dict())
    folded(model, pictures(8)).eval()(pictures(8))
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    folded(model.train(), pictures(8))
    assert model.training and model.norm.training
    assert not any("forward" in vars(part) for part in model.modules())


def test_an_error_in_the_middle_of_a_pass_leaves_nothing_behind():
    model = with_statistics(Uses("plainly"))
    fast = folded(model, pictures(8))
    with pytest.raises(RuntimeError):
        fast(torch.zeros(2, 5, 8, 8))
    assert not any("forward" in vars(part) for part in model.modules())


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_gradients_are_those_of_the_model(affine, bias):
    torch.manual_seed(0)
    model = Uses("plainly")
    model.conv, model.norm = nn.Conv2d(3, 3, 3, bias=bias), nn.BatchNorm2d(3, affine=affine)
    model.norm.running_mean.uniform_(-0.1, 0.1)
    fast, labels = folded(model.eval(), pictures(8)), torch.tensor([0, 1])
    assert isinstance(fast, Folded)
    found = []
    for one in (model, fast):
        model.zero_grad()
        F.cross_entropy(one(pictures(8)), labels).backward()
        found.append({name: p.grad.clone() for name, p in model.named_parameters()})
    for name, expected in found[0].items():
        assert torch.allclose(found[1][name], expected, rtol=1e-4, atol=1e-6), name


def test_statistics_that_move_are_not_folded():
    torch.manual_seed(0)
    model = with_statistics(Uses("plainly"))
    fast, before = folded(model, pictures(8)).train(), model.norm.running_mean.clone()
    expected = copy.deepcopy(model).train()(pictures(8))
    assert torch.equal(fast(pictures(8)), expected)
    assert not torch.equal(model.norm.running_mean, before)


def test_what_is_trained_is_the_model():
    torch.manual_seed(0)
    model = with_statistics(Uses("plainly"))
    fast = folded(model, pictures(8))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5)
        assert torch.allclose(fast(pictures(8)), model(pictures(8)), atol=1e-5)


def test_where_nothing_trains_the_weights_are_computed_once(monkeypatch):
    model = with_statistics(Uses("plainly"))
    expected = folded(model, pictures(8))(pictures(8))
    fast = folded(model, pictures(8), trains=False)
    monkeypatch.setattr(folding, "_fused", None)
    assert torch.equal(fast(pictures(8)), expected)


@pytest.mark.parametrize("cache", [True, False])
def test_features_are_those_of_the_whole_model(make_folder, monkeypatch, cache):
    birds = load_birds(make_folder(train=9, val=2, test=3), side=18)
    own = Preprocessing(crop_size=16, resize_size=18)
    torch.manual_seed(0)
    model = with_statistics(Uses("plainly"))
    found = extract_features(model, birds.train, preprocessing=own, cache=cache).x
    monkeypatch.setattr(hardware, "folded", lambda model, sample, trains: model)
    whole = extract_features(model, birds.train, preprocessing=own, cache=False).x
    assert not torch.equal(found, whole) and torch.allclose(found, whole, atol=1e-5)


def test_a_training_is_that_of_the_whole_model(make_folder, monkeypatch):
    """BatchNorm in eval mode: the same weights come out, but for rounding."""
    monkeypatch.setenv("COURSE_PRECISION", "fp32")
    birds = load_birds(make_folder(train=9, val=2, test=3), side=18)
    train, val = (
        part.with_transform(eval_transform(Preprocessing(16, 18))) for part in (birds.train, birds.val)
    )

    def trained() -> dict[str, torch.Tensor]:
        torch.manual_seed(0)
        model = unfreeze(freeze(with_statistics(Uses("plainly"))), "conv")
        fit(model, train, val=val, recipe=Recipe(2, batch_size=8))
        return model.state_dict()

    short = trained()
    monkeypatch.setattr(hardware, "folded", lambda model, sample, trains: model)
    whole = trained()
    for name, expected in whole.items():
        assert torch.allclose(short[name], expected, atol=1e-4), name
    assert any(not torch.equal(short[name], expected) for name, expected in whole.items())
