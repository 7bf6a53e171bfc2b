"""Class activation maps: they add up to the logits, point where the signal is, and refuse models they can't explain."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from course_utils.errors import CourseError
from course_utils.models import ResNetConfig, build_definition, head_of, load_pretrained, take_one_channel
from sweeps.evidence import evidence_maps, strongest_places

AVERAGING = (
    "resnet18",
    "densenet121",
    "efficientnet_b0",
    "mobilenet_v2",
    "efficientnet_lite0",
    "regnet_y_400mf",
)


@pytest.mark.parametrize("name", AVERAGING)
def test_places_add_up_to_the_logits(name):
    model = build_definition(name, 5, seed=0).eval()
    pictures = torch.randn(2, 3, 96, 96)
    maps = evidence_maps(model, pictures)
    assert maps.shape == (2, 5, 3, 3)
    with torch.no_grad():
        logits = model(pictures)
    torch.testing.assert_close(maps.mean((2, 3)) + head_of(model).bias, logits, rtol=1e-3, atol=1e-4)


def test_places_add_up_for_borrowed_weights_and_shapes_of_your_own():
    shape = build_definition(ResNetConfig(depth=(1, 1, 1), width=16, in_channels=1), 2, seed=0).eval()
    borrowed = take_one_channel(load_pretrained("efficientnet_lite0", 2, seed=0)).eval()
    pictures = torch.randn(3, 1, 128, 128)
    assert evidence_maps(shape, pictures).shape == (3, 2, 8, 8)
    assert evidence_maps(borrowed, pictures).shape == (3, 2, 4, 4)


class _FindsBright(nn.Module):
    """One convolution that lets brightness through, averaged, and a head that takes it as evidence for class 1."""

    def __init__(self) -> None:
        super().__init__()
        self.see = nn.Conv2d(1, 1, 8, 8, bias=False)
        self.fc = nn.Linear(1, 2)
        nn.init.constant_(self.see.weight, 1 / 64)
        self.fc.weight.data = torch.tensor([[-1.0], [1.0]])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.see(x).mean((2, 3)))


def test_a_peak_at_the_border_lies_in_the_middle_of_its_place():
    maps = torch.zeros(2, 4, 8)
    maps[0, 0, 7], maps[1, 2, 3] = 1.0, 1.0
    assert strongest_places(maps, 64).tolist() == [[8, 60], [40, 28]]


def test_the_strongest_place_is_where_the_signal_is():
    pictures = torch.zeros(2, 1, 64, 64)
    pictures[0, 0, 8:24, 40:56] = 1.0
    pictures[1, 0, 48:64, 0:16] = 1.0
    maps = evidence_maps(_FindsBright().eval(), pictures)
    places = strongest_places(maps[:, 1] - maps[:, 0], 64)
    for (row, column), picture in zip(places.tolist(), pictures, strict=True):
        assert picture[0, row, column] == 1


@pytest.mark.parametrize("name", ["vgg11", "vit_b_32", "squeezenet1_0", "convnext_tiny"])
def test_models_that_do_something_else_are_refused(name):
    size = 224 if name.startswith("vit") else 96
    with pytest.raises(CourseError, match=r"average|linear layer"):
        evidence_maps(build_definition(name, 3, seed=0).eval(), torch.randn(1, 3, size, size))


def test_train_mode_is_refused_and_no_hook_stays():
    model = build_definition("resnet18", 2, seed=0)
    with pytest.raises(CourseError, match=r"model\.eval\(\)"):
        evidence_maps(model.train(), torch.randn(1, 3, 64, 64))
    evidence_maps(model.eval(), torch.randn(1, 3, 64, 64))
    assert not any(module._forward_hooks for module in model.modules())
