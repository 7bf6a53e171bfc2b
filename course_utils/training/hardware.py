"""What a run computes on, decided once: device, precision, memory layout, and the fast path that goes with them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from time import perf_counter

import torch
from torch import Tensor, nn

from course_utils.errors import CourseError
from course_utils.models.folding import folded
from course_utils.runtime import best_device, resolve_device, reuse_memory
from course_utils.training.depthwise import FastDepthwise
from course_utils.training.first_look import check_tensor

PRECISIONS = ("auto", "fp32", "bf16")
WORTH_IT = 1.1
"""How many times faster bf16 must be to be taken: below that its coarser numbers buy nothing."""
PROBE_SECONDS = 0.6
PIXELS_AT_A_TIME = 2**20
"""How many pixels of a batch a processor answers for at a time: what their feature maps take still fits its caches."""


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

    @property
    def layout(self) -> torch.memory_format:
        """The memory layout that convolutions are fastest with, where it can be trusted.

        Not on MPS: there BatchNorm's gradients of pictures in channels_last are wrong or missing (pytorch issue 175189).
        """
        return torch.contiguous_format if self.device.type == "mps" else torch.channels_last

    def place(self, model: nn.Module) -> nn.Module:
        """Move a model there, in its layout; it stays the same object."""
        return model.to(self.device, memory_format=self.layout)

    def quick(self, model: nn.Module, shape: Sequence[int], *, trains: bool = False) -> nn.Module:
        """The same model by a way that is shorter on a processor: see :mod:`~course_utils.models.folding`.

        Args:
            model: Placed here. It is not changed, and whoever trains the result trains it.
            shape: That of a picture, (3, H, W).
            trains: Whether its weights may change while the result is in use.
        """
        if self.device.type != "cpu":
            return model
        generator = torch.Generator("cpu").manual_seed(0)
        noise = torch.randn((2, *shape), generator=generator, dtype=torch.float32, device="cpu")
        return folded(model, noise.contiguous(memory_format=torch.channels_last), trains=trains)

    def forward(self, model: nn.Module, pictures: Tensor) -> Tensor:
        """What the model makes of pictures (N, 3, H, W), wherever they are: float32.

        Raises:
            CourseError: It is not one tensor.
        """
        pictures = pictures.to(self.device).contiguous(memory_format=self.layout)
        with self._fast_depthwise(), self._autocast():
            return check_tensor(model(pictures)).float()

    def answer(self, model: nn.Module, pictures: Tensor) -> Tensor:
        """The same as :meth:`forward` for a model in eval mode, on a processor in pieces that fit its caches."""
        pixels = pictures[:, 0].numel() if self.device.type == "cpu" else 0
        pieces = max(1, -(-pixels // PIXELS_AT_A_TIME))
        return torch.cat([self.forward(model, piece) for piece in pictures.chunk(pieces)])

    def _autocast(self) -> AbstractContextManager[None]:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16")

    def _fast_depthwise(self) -> AbstractContextManager[object]:
        """See :mod:`~course_utils.training.depthwise`; ``COURSE_DEPTHWISE=plain`` switches it off."""
        wanted = os.environ.get("COURSE_DEPTHWISE") != "plain"
        helps = self.device.type == "cpu" and torch.is_grad_enabled()
        return FastDepthwise() if wanted and helps else nullcontext()


def resolve_precision(precision: str = "auto", *, device: torch.device) -> str:
    """``"bf16"`` or ``"fp32"``: what was asked for, or, with ``"auto"``, the faster one to train with here.

    ``COURSE_PRECISION`` overrides ``"auto"``.

    Raises:
        CourseError: An unknown precision.
    """
    if precision == "auto":
        precision = os.environ.get("COURSE_PRECISION", "auto")
    if precision not in PRECISIONS:
        raise CourseError(f"Precision {precision!r} is unknown; expected one of {', '.join(PRECISIONS)}.")
    if precision != "auto":
        return precision
    return "bf16" if bf16_speedup(device.type) > WORTH_IT else "fp32"


def describe(device: torch.device | None = None) -> str:
    """The precision that is taken on a device, by default the best one here, and why, in words."""
    device = device or best_device()
    if os.environ.get("COURSE_PRECISION", "auto") != "auto":
        return f"{resolve_precision(device=device)} (as COURSE_PRECISION says)"
    speedup = bf16_speedup(device.type)
    why = f"training in bf16 is {speedup:.1f} times as fast as in fp32" if speedup else "bf16 does not run"
    return f"{resolve_precision(device=device)} ({why} here)"


@lru_cache(maxsize=4)
def bf16_speedup(device_type: str) -> float:
    """How many times faster a training step of a small network is in bf16 than in fp32, measured now.

    Some processors have bf16 units; on others autocast only adds conversions, or computes fifteen times slower. A
    list of processor names ages, so this times real work, in the way that :meth:`Hardware.forward` does it, and
    backward too: a forward pass alone can gain fourfold where training gains a third. It runs on one thread,
    because a busy machine slows a team of threads to its slowest member, and the best of several rounds
    counts, because whatever else the machine does can only slow a round down. It takes less than a second:
    where bf16 is so slow that a few rounds take longer, they are enough.

    Args:
        device_type: ``"cpu"``, ``"cuda"`` or ``"mps"``.

    Returns:
        Time in fp32 over time in bf16; 0.0 where bf16 does not run at all.
    """
    device = torch.device(device_type)
    plain, half = Hardware(device, "fp32"), Hardware(device, "bf16")
    with torch.random.fork_rng(devices=[]):
        network = plain.place(_network()).train()
        pictures = torch.randn(4, 24, 56, 56).to(device)

    def seconds(hardware: Hardware) -> float:
        start = perf_counter()
        loss = hardware.forward(network, pictures).sum()
        loss.backward()
        loss.item()  # a GPU works on until it is asked
        return perf_counter() - start

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.enable_grad():
            rounds = [(seconds(plain), seconds(half))]
            while len(rounds) < 25 and sum(map(sum, rounds)) < PROBE_SECONDS:
                rounds.append((seconds(plain), seconds(half)))
    except (RuntimeError, TypeError):
        return 0.0
    finally:
        torch.set_num_threads(threads)
    return min(first for first, _ in rounds) / min(second for _, second in rounds)


def _network() -> nn.Module:
    """A block of a MobileNet and two layers of a ResNet: the sorts of work that the course's models do."""
    wide, narrow = 144, 64
    return nn.Sequential(
        *(nn.Conv2d(24, wide, 1, bias=False), nn.BatchNorm2d(wide), nn.ReLU6()),
        *(nn.Conv2d(wide, wide, 5, 2, 2, groups=wide, bias=False), nn.BatchNorm2d(wide), nn.ReLU6()),
        *(nn.Conv2d(wide, narrow, 1, bias=False), nn.BatchNorm2d(narrow)),
        *(nn.Conv2d(narrow, narrow, 3, padding=1, bias=False), nn.BatchNorm2d(narrow), nn.ReLU()),
        *(nn.Conv2d(narrow, narrow, 3, padding=1, bias=False), nn.BatchNorm2d(narrow), nn.ReLU()),
    )
