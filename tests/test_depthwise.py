"""The fast backward pass of depthwise convolutions gives the plain one's gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_utils.models import build_definition
from course_utils.training import depthwise, evaluate, train_one_epoch
from course_utils.training.depthwise import FastDepthwise
from course_utils.training.loop import make_accelerator


@pytest.fixture
def calls(monkeypatch):
    """How often the fast path was taken."""
    counted = []
    apply = depthwise._Depthwise.apply
    monkeypatch.setattr(depthwise._Depthwise, "apply", lambda *args: counted.append(args) or apply(*args))
    return counted


def gradients(layer: nn.Module, x: Tensor, *, fast: bool, bf16: bool = True) -> list[Tensor]:
    x = x.clone().requires_grad_()
    layer.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        if fast:
            with FastDepthwise():
                out = layer(x)
        else:
            out = layer(x)
    out.float().square().sum().backward()
    return [out.detach().float(), x.grad, *(p.grad.clone() for p in layer.parameters())]


@pytest.mark.parametrize("bf16", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("side", [(14, 14), (15, 12)])
@pytest.mark.parametrize("padding", [0, "half"])
@pytest.mark.parametrize("stride", [1, 2, (2, 1)])
@pytest.mark.parametrize("kernel", [3, 5, 7])
def test_same_gradients(calls, kernel, stride, padding, side, bias, bf16):
    torch.manual_seed(0)
    padding = kernel // 2 if padding == "half" else padding
    layer = nn.Conv2d(6, 6, kernel, stride, padding, groups=6, bias=bias)
    x = torch.randn(3, 6, *side).contiguous(memory_format=torch.channels_last)
    exact, fast = (gradients(layer, x, fast=on, bf16=bf16 and on) for on in (False, True))
    assert len(calls) == 1
    for expected, found in zip(exact, fast, strict=True):
        assert found.dtype == expected.dtype and found.shape == expected.shape
        assert (found - expected).norm() < (0.01 if bf16 else 1e-5) * expected.norm()


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(6, 6, 1, groups=6),
        nn.Conv2d(6, 6, 5, 1, 2),
        nn.Conv2d(6, 12, 5, 1, 2, groups=6),
        nn.Conv2d(6, 6, 5, 1, 4, dilation=2, groups=6),
        nn.Conv2d(6, 6, 4, 2, 1, groups=6),
        nn.Conv2d(6, 6, 5, 1, "same", groups=6),
    ],
    ids=str,
)
def test_other_convolutions_are_left_alone(calls, layer):
    x = torch.randn(2, 6, 16, 16)
    plain, watched = (gradients(layer, x, fast=on) for on in (False, True))
    assert not calls
    assert all(torch.equal(a, b) for a, b in zip(plain, watched, strict=True))


def test_left_alone_where_nothing_learns(calls):
    layer, x = nn.Conv2d(6, 6, 5, 1, 2, groups=6), torch.randn(2, 6, 8, 8)
    with torch.autocast("cpu", torch.bfloat16), FastDepthwise():
        with torch.no_grad():
            layer(x)
        layer.requires_grad_(False)(x)
    assert not calls


def test_other_types_are_left_alone(calls):
    layer, x = nn.Conv2d(6, 6, 5, 1, 2, groups=6).double(), torch.randn(2, 6, 8, 8).double()
    with FastDepthwise():
        layer(x)
        with torch.autocast("cpu", torch.float16):
            layer.float()(x.float())
    assert not calls


@pytest.mark.parametrize("bf16", [True, False])
def test_a_whole_network_gets_the_same_gradients(calls, bf16):
    torch.manual_seed(0)
    model = build_definition("efficientnet_lite0", 5, seed=0).eval()
    x, labels = torch.randn(4, 3, 64, 64), torch.tensor([0, 1, 2, 3])
    found = []
    for fast in (False, True):
        model.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            if fast:
                with FastDepthwise():
                    logits = model(x)
            else:
                logits = model(x)
        F.cross_entropy(logits.float(), labels).backward()
        found.append(torch.cat([p.grad.flatten() for p in model.parameters()]))
    assert len(calls) == 16
    assert F.cosine_similarity(*found, dim=0) > (0.99 if bf16 else 0.99999)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(("switch", "taken"), [("", True), ("plain", False)])
def test_training_takes_the_fast_path_and_measuring_does_not(calls, monkeypatch, switch, taken, precision):
    """A torch whose layers call conv2d in another way would leave it unused without a word."""
    monkeypatch.setenv("COURSE_PRECISION", precision)
    monkeypatch.setenv("COURSE_DEPTHWISE", switch)
    model = build_definition("efficientnet_lite0", 3, seed=0)
    batch = [(torch.randn(2, 3, 32, 32), torch.tensor([0, 1]))]
    accelerator = make_accelerator("cpu")
    evaluate(model, batch, accelerator=accelerator)
    assert not calls
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
    train_one_epoch(model, batch, optimizer=optimizer, accelerator=accelerator)
    assert bool(calls) == taken
    depthwise = [m for m in model.modules() if isinstance(m, nn.Conv2d) and m.groups > 1]
    assert len(calls) == (len(depthwise) if taken else 0) and len(depthwise) == 16
