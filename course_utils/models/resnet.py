"""A residual network of any depth, width and activation, from torchvision's own blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck, conv1x1

from course_utils.errors import CourseError
from course_utils.models.activation import activation_called, replace_activation

BLOCKS = {"basic": BasicBlock, "bottleneck": Bottleneck}
STEMS = ("large", "small")


@dataclass(frozen=True)
class ResNetConfig:
    """The shape of a residual network (He et al. 2016). The defaults are ResNet-18.

    Attributes:
        depth: Number of blocks of each stage. Each stage after the first halves the side of its input and
            doubles the channels. ``(3, 4, 6, 3)`` is ResNet-34 and, with ``block="bottleneck"``, ResNet-50.
        block: ``"basic"`` (two 3 x 3 convolutions) or ``"bottleneck"`` (1 x 1, 3 x 3, 1 x 1, four times as
            many channels at its end).
        activation: A name of :data:`~course_utils.models.activation.ACTIVATIONS`.
        width: Channels of the stem and of the first stage's 3 x 3 convolutions, 16 or more: with fewer, training on a CPU
            can crash or learn from wrong gradients (a 1 x 1 convolution of stride 2, channels last: oneDNN issue 6035).
        in_channels: Channels of a picture: 3 for colours, 1 for a scan.
        stem: ``"large"`` is the 7 x 7 convolution and pooling of photos at 224 px, which quarters the side;
            ``"small"`` is one 3 x 3 convolution that keeps it, for small pictures and small marks.
    """

    depth: tuple[int, ...] = (2, 2, 2, 2)
    block: Literal["basic", "bottleneck"] = "basic"
    activation: str = "relu"
    width: int = 64
    in_channels: int = 3
    stem: Literal["large", "small"] = "large"

    def __post_init__(self) -> None:
        object.__setattr__(self, "depth", tuple(self.depth))
        _check(self.depth and min(self.depth) > 0, "depth", self.depth, "one or more blocks in each stage")
        _check(self.block in BLOCKS, "block", self.block, " or ".join(BLOCKS))
        _check(self.stem in STEMS, "stem", self.stem, " or ".join(STEMS))
        _check(self.width >= 16, "width", self.width, "16 or more: fewer can crash PyTorch on a CPU")
        _check(self.in_channels > 0, "in_channels", self.in_channels, "1 or more")
        activation_called(self.activation)

    @property
    def layers(self) -> int:
        """Layers with weights, as the names count them: 18 for ResNet-18."""
        return 2 + sum(self.depth) * (2 if self.block == "basic" else 3)

    def __str__(self) -> str:
        blocks = "-".join(map(str, self.depth))
        return f"ResNet-{self.layers} ({blocks}, {self.block}, {self.activation}, width {self.width})"


def _check(fine: object, name: str, found: object, expected: str) -> None:
    if not fine:
        raise CourseError(f"{name} is {found!r}; expected {expected}.")


class ResNet(nn.Module):
    """The network that a :class:`ResNetConfig` describes.

    Its parts have the names of torchvision's ResNet and are initialised in the same order and way, so that
    where torchvision has the same shape, weights can be exchanged and the same seed gives the same network.
    """

    def __init__(self, config: ResNetConfig, num_classes: int) -> None:
        super().__init__()
        kernel, stride = (7, 2) if config.stem == "large" else (3, 1)
        self.conv1 = nn.Conv2d(config.in_channels, config.width, kernel, stride, kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(config.width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1) if config.stem == "large" else nn.Identity()
        block, channels = BLOCKS[config.block], config.width
        self.stages = tuple(f"layer{k}" for k in range(1, len(config.depth) + 1))
        for k, (name, blocks) in enumerate(zip(self.stages, config.depth, strict=True)):
            planes = config.width * 2**k
            self.add_module(name, _stage(block, channels, planes, blocks, stride=1 if k == 0 else 2))
            channels = planes * block.expansion
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        if config.activation != "relu":
            replace_activation(self, activation_called(config.activation))

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, num_classes) of pictures (N, in_channels, H, W)."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for name in self.stages:
            x = self.get_submodule(name)(x)
        return self.fc(torch.flatten(self.avgpool(x), 1))


def _stage(
    block: type[BasicBlock | Bottleneck], channels: int, planes: int, blocks: int, stride: int
) -> nn.Sequential:
    """``blocks`` blocks; the first may halve the side, and its shortcut then meets the new shape."""
    out = planes * block.expansion
    shortcut = None
    if stride != 1 or channels != out:
        shortcut = nn.Sequential(conv1x1(channels, out, stride), nn.BatchNorm2d(out))
    first = block(channels, planes, stride, shortcut)
    return nn.Sequential(first, *(block(out, planes) for _ in range(blocks - 1)))
