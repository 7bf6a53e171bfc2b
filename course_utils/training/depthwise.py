"""Depthwise convolutions whose backward pass is fast on CPUs in bf16.

On CPUs, oneDNN's bf16 gradients of depthwise convolutions fall back to slow reference code in two cases: the input's
with a stride, and the weights' of kernels larger than 3 x 3. Together they take most of a training step of
EfficientNets and MobileNets. Both can be written with the cases that are fast; the numbers are the same sums.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.grad import conv2d_weight
from torch.overrides import TorchFunctionMode


class FastDepthwise(TorchFunctionMode):
    """While active, depthwise ``conv2d`` calls under bf16 autocast on the CPU get the fast backward pass.

    Use it around the forward pass; models stay as they are::

        with FastDepthwise():
            logits = model(pictures)
    """

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        """Take over the calls it can speed up; leave all others alone."""
        kwargs = kwargs or {}
        if func is torch.conv2d and not kwargs and len(args) == 7 and _applies(*args):
            x, weight, bias, stride, padding, _, _ = args
            x, weight = x.to(torch.bfloat16), weight.to(torch.bfloat16)
            out = _Depthwise.apply(x, weight, _pair(stride), _pair(padding))
            return out if bias is None else out + bias.to(out.dtype)[:, None, None]
        return func(*args, **kwargs)


def _applies(
    x: Tensor, weight: Tensor, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> bool:
    depthwise = groups > 1 and groups == x.shape[1] == weight.shape[0] and weight.shape[1] == 1
    if not (depthwise and x.device.type == "cpu" and torch.is_grad_enabled()):
        return False
    if not torch.is_autocast_enabled("cpu") or torch.get_autocast_dtype("cpu") != torch.bfloat16:
        return False
    rows, columns = weight.shape[2:]
    plain = not isinstance(padding, str) and _pair(dilation) == [1, 1] and rows == columns and rows % 2 == 1
    slow = rows > 3 or _pair(stride) != [1, 1]
    return plain and slow and max(_pair(padding)) < rows


class _Depthwise(torch.autograd.Function):
    """conv2d(x, weight, groups=channels): x (N, C, H, W), weight (C, 1, K, K), both bfloat16."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: list[int], padding: list[int]) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.geometry = stride, padding
        return F.conv2d(x, weight, None, stride, padding, 1, x.shape[1])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        (x, weight), (stride, padding) = ctx.saved_tensors, ctx.geometry
        grad = grad.contiguous(memory_format=torch.channels_last)
        for_x = _grad_of_input(grad, x, weight, stride, padding) if ctx.needs_input_grad[0] else None
        for_weight = _grad_of_weight(grad, x, weight, stride, padding) if ctx.needs_input_grad[1] else None
        return for_x, for_weight, None, None


def _grad_of_input(grad: Tensor, x: Tensor, weight: Tensor, stride: list[int], padding: list[int]) -> Tensor:
    """The stride undone by zeros between the gradients; then it is a convolution with the turned kernel."""
    kernel = weight.shape[-1]
    if stride != [1, 1]:
        height, width = (n + 2 * p - kernel + 1 for n, p in zip(x.shape[2:], padding, strict=True))
        spread = torch.empty(
            (*grad.shape[:2], height, width), dtype=grad.dtype, memory_format=torch.channels_last
        ).zero_()
        spread[:, :, :: stride[0], :: stride[1]] = grad
        grad = spread
    return F.conv2d(grad, weight.flip(2, 3), None, 1, [kernel - 1 - p for p in padding], 1, x.shape[1])


def _grad_of_weight(grad: Tensor, x: Tensor, weight: Tensor, stride: list[int], padding: list[int]) -> Tensor:
    """A large kernel's gradient, put together from overlapping 3 x 3 pieces."""
    kernel = weight.shape[-1]
    if kernel <= 3:
        return conv2d_weight(x, weight.shape, grad, stride, padding, groups=len(weight))
    x = F.pad(x, (padding[1], padding[1], padding[0], padding[0]))
    height, width = (s * (n - 1) + 3 for s, n in zip(stride, grad.shape[2:], strict=True))
    whole, piece = torch.empty_like(weight), (len(weight), 1, 3, 3)
    for row in range(0, kernel - 2, 2):
        for column in range(0, kernel - 2, 2):
            part = x[:, :, row : row + height, column : column + width]
            part = part.contiguous(memory_format=torch.channels_last)
            found = conv2d_weight(part, piece, grad, stride, groups=len(weight))
            whole[:, :, row : row + 3, column : column + 3] = found
    return whole


def _pair(value: Any) -> list[int]:
    return [value, value] if isinstance(value, int) else list(value)
