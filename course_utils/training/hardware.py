"""What a run computes on, decided once: device, precision, memory layout, and the fast path that goes with them."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course_utils.runtime import autocast, resolve_device, resolve_precision, reuse_memory
from course_utils.training.depthwise import FastDepthwise


@dataclass(frozen=True)
class Hardware:
    """Where a model and its pictures go, and how the forward pass computes there.

    Attributes:
        device: Where.
        precision: ``"fp32"`` or ``"bf16"``.
    """

    device: torch.device
    precision: str

    @classmethod
    def find(cls, device: str | torch.device | None = None) -> Hardware:
        """A device, by default the best one here, with the precision that is faster on it."""
        reuse_memory()
        found = resolve_device(device)
        return cls(found, resolve_precision(device=found))

    def place(self, model: nn.Module) -> nn.Module:
        """Move a model there, in the memory layout that convolutions are fastest with; it stays the same object."""
        return model.to(self.device, memory_format=torch.channels_last)

    def forward(self, model: nn.Module, pictures: Tensor) -> Tensor:
        """What the model makes of pictures (N, 3, H, W), wherever they are: float32."""
        pictures = pictures.to(self.device).contiguous(memory_format=torch.channels_last)
        with self._fast_depthwise(), autocast(self.device, self.precision):
            return model(pictures).float()

    def _fast_depthwise(self) -> AbstractContextManager[object]:
        """See :mod:`~course_utils.training.depthwise`; ``COURSE_DEPTHWISE=plain`` switches it off."""
        wanted = os.environ.get("COURSE_DEPTHWISE") != "plain"
        helps = self.device.type == "cpu" and self.precision == "bf16" and torch.is_grad_enabled()
        return FastDepthwise() if wanted and helps else nullcontext()
