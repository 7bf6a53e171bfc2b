"""Depthwise convolutions whose backward pass is fast on CPUs.

On CPUs, oneDNN's gradients of depthwise convolutions fall back to slow code: the weights' of kernels wider than 3, and in
bf16 the input's with a stride, too. Together they take most of a training step of EfficientNets and MobileNets in bf16, and
a fifth in fp32. Both can be written with the cases that are fast; the numbers are the same sums.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.grad import conv2d_input, conv2d_weight
from torch.overrides import TorchFunctionMode


class FastDepthwise(TorchFunctionMode):
    """While active, depthwise ``conv2d`` calls on the CPU get the fast backward pass, in fp32 and under bf16 autocast.

    Use it around the forward pass; models stay as they are::

        with FastDepthwise():
            logits = model(pictures)
    """

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        """Take over the calls it can speed up; leave all others alone."""
        kwargs = kwargs or {}
        if func is torch.conv2d and not kwargs and len(args) == 7 and _applies(*args):
            x, weight, bias, stride, padding, _, _ = args
            kind = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype
            bias = None if bias is None else bias.to(kind)
            return _Depthwise.apply(x.to(kind), weight.to(kind), bias, _pair(stride), _pair(padding))
        return func(*args, **kwargs)


def _applies(
    x: Tensor, weight: Tensor, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> bool:
    depthwise = groups > 1 and groups == x.shape[1] == weight.shape[0] and weight.shape[1] == 1
    learns = torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad)
    if not (depthwise and learns and x.device.type == "cpu"):
        return False
    if torch.is_autocast_enabled("cpu"):
        known = torch.get_autocast_dtype("cpu") == torch.bfloat16
    else:
        known = x.dtype == weight.dtype == torch.float32
    rows, columns = weight.shape[2:]
    plain = not isinstance(padding, str) and _pair(dilation) == [1, 1] and rows == columns and rows % 2 == 1
    return known and plain and rows > 1 and max(_pair(padding)) < rows


class _Depthwise(torch.autograd.Function):
    """conv2d(x, weight, bias, groups=channels): x (N, C, H, W), weight (C, 1, K, K), bias (C,) or None, of one type."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, stride: list[int], padding: list[int]
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.geometry = stride, padding
        return F.conv2d(x, weight, bias, stride, padding, 1, x.shape[1])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None, None]:
        (x, weight), (stride, padding) = ctx.saved_tensors, ctx.geometry
        grad = grad.contiguous(memory_format=torch.channels_last)
        for_x = _grad_of_input(grad, x, weight, stride, padding) if ctx.needs_input_grad[0] else None
        for_weight = _grad_of_weight(grad, x, weight, stride, padding) if ctx.needs_input_grad[1] else None
        for_bias = grad.sum((0, 2, 3)) if ctx.needs_input_grad[2] else None
        return for_x, for_weight, for_bias, None, None


def _grad_of_input(grad: Tensor, x: Tensor, weight: Tensor, stride: list[int], padding: list[int]) -> Tensor:
    """A convolution with the turned kernel. In bf16 a stride is undone first, by zeros between the gradients."""
    kernel = weight.shape[-1]
    if stride != [1, 1]:
        if grad.dtype == torch.float32:
            return conv2d_input(x.shape, weight, grad, stride, padding, groups=len(weight))
        height, width = (n + 2 * p - kernel + 1 for n, p in zip(x.shape[2:], padding, strict=True))
        spread = _maps(grad, height, width).zero_()
        spread[:, :, :: stride[0], :: stride[1]] = grad
        grad = spread
    return F.conv2d(grad, weight.flip(2, 3), None, 1, [kernel - 1 - p for p in padding], 1, x.shape[1])


def _grad_of_weight(grad: Tensor, x: Tensor, weight: Tensor, stride: list[int], padding: list[int]) -> Tensor:
    """A wide kernel's gradient, put together from overlapping pieces three columns wide."""
    kernel, (_, across) = weight.shape[-1], padding
    if kernel <= 3:
        return conv2d_weight(x, weight.shape, grad, stride, padding, groups=len(weight))
    whole, piece = torch.empty_like(weight), (len(weight), 1, kernel, 3)
    width = stride[1] * (grad.shape[3] - 1) + 3
    for column in range(0, kernel - 2, 2):
        part = _columns(x, column - across, width)
        found = conv2d_weight(part, piece, grad, stride, (padding[0], 0), groups=len(weight))
        whole[..., column : column + 3] = found
    return whole


def _columns(x: Tensor, first: int, width: int) -> Tensor:
    """So many columns of x, counted from ``first``; zeros where x has none."""
    part = _maps(x, x.shape[2], width)
    low, high = max(first, 0), min(first + width, x.shape[3])
    part[..., : low - first].zero_()
    part[..., high - first :].zero_()
    part[..., low - first : high - first] = x[..., low:high]
    return part


def _maps(like: Tensor, height: int, width: int) -> Tensor:
    shape = (*like.shape[:2], height, width)
    return torch.empty(shape, dtype=like.dtype, memory_format=torch.channels_last)


def _pair(value: Any) -> list[int]:
    return [value, value] if isinstance(value, int) else list(value)
