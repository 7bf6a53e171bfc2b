"""What the code runs on: profile, device, precision, seeds, versions."""

from __future__ import annotations

import ctypes
import os
import platform
import random
import subprocess
from contextlib import AbstractContextManager
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from time import perf_counter
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from course_utils.errors import CourseError

T = TypeVar("T")

PROFILES = ("smoke", "standard", "full")
PRECISIONS = ("auto", "fp32", "bf16")
PROBE_SECONDS = 0.6


def profile() -> str:
    """The size of everything: ``smoke`` (CI, seconds a lesson), ``standard`` (a laptop's CPU), ``full`` (a GPU).

    Read from ``COURSE_PROFILE``; ``standard`` when unset.
    """
    chosen = os.environ.get("COURSE_PROFILE", "standard")
    if chosen not in PROFILES:
        raise CourseError(f"COURSE_PROFILE is {chosen!r}; expected one of {', '.join(PROFILES)}.")
    return chosen


def pick(*, smoke: T, standard: T, full: T) -> T:
    """Return the value for the profile in force, so that a lesson shows all three."""
    return {"smoke": smoke, "standard": standard, "full": full}[profile()]


def best_device() -> torch.device:
    """CUDA if there is one, else Apple's MPS, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def resolve_device(device: str | torch.device | None) -> torch.device:
    """Turn a learner's choice into a device; ``None`` means :func:`best_device`."""
    if device is None:
        return best_device()
    try:
        found = torch.device(device)
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError) as error:
        raise CourseError(
            f"Device {device!r} can't be used here ({str(error).splitlines()[0]}). "
            f"This machine's best is {str(best_device())!r}; leave device=None to take it."
        ) from error
    return found


@lru_cache(maxsize=4)
def bf16_speedup(device_type: str) -> float:
    """How many times faster a small convolutional block runs in bf16 than in fp32, measured now.

    Some processors have bf16 units and gain threefold; on others autocast only adds conversions, or computes
    fifteen times slower. A list of processor names ages, so this times real work: on one thread, because a busy
    machine slows a team of threads to its slowest member, and the best of several rounds counts, because
    whatever else the machine does can only slow a round down. It takes less than a second: where bf16 is so
    slow that a few rounds take longer, they are enough.

    Args:
        device_type: ``"cpu"``, ``"cuda"`` or ``"mps"``.

    Returns:
        Time in fp32 over time in bf16; 0.0 where bf16 does not run at all.
    """
    with torch.random.fork_rng(devices=[]):
        wide = nn.Conv2d(160, 160, 3, padding=1, groups=160)
        block = nn.Sequential(nn.Conv2d(32, 160, 1), wide, nn.ReLU(), nn.Conv2d(160, 64, 3, padding=1))
        pictures = torch.randn(2, 32, 56, 56)
    block = block.to(device_type, memory_format=torch.channels_last).eval()
    pictures = pictures.to(device_type).contiguous(memory_format=torch.channels_last)

    def seconds(enabled: bool) -> float:
        start = perf_counter()
        with torch.inference_mode(), torch.autocast(device_type, torch.bfloat16, enabled=enabled):
            block(pictures).sum().item()
        return perf_counter() - start

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        rounds = [(seconds(False), seconds(True))]
        while len(rounds) < 25 and sum(map(sum, rounds)) < PROBE_SECONDS:
            rounds.append((seconds(False), seconds(True)))
    except (RuntimeError, TypeError):
        return 0.0
    finally:
        torch.set_num_threads(threads)
    return min(plain for plain, _ in rounds) / min(half for _, half in rounds)


def resolve_precision(precision: str = "auto", *, device: torch.device) -> str:
    """``"bf16"`` or ``"fp32"``: what was asked for, or, with ``"auto"``, the faster one here.

    ``COURSE_PRECISION`` overrides ``"auto"``.
    """
    if precision == "auto":
        precision = os.environ.get("COURSE_PRECISION", "auto")
    if precision not in PRECISIONS:
        raise CourseError(f"Precision {precision!r} is unknown; expected one of {', '.join(PRECISIONS)}.")
    if precision != "auto":
        return precision
    return "bf16" if bf16_speedup(device.type) > 1.2 else "fp32"


def autocast(device: torch.device, precision: str) -> AbstractContextManager[None]:
    """Context in which the forward pass runs in ``precision`` (``"fp32"`` changes nothing)."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


@lru_cache(maxsize=1)
def reuse_memory() -> bool:
    """Let glibc keep freed memory for the next batch, where glibc is the C library; elsewhere do nothing.

    By default each large tensor is fresh memory from the system, whose pages are cleared one by one when they
    are first touched. A training step on a CPU can spend a third of its time on that.

    Tensors above 32 MB, the most that glibc allows here, stay fresh memory.

    Returns:
        Whether anything was changed. It holds for the life of the process.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    mmap_threshold, trim_threshold, top_pad = -3, -1, -2  # from malloc.h
    settings = {mmap_threshold: 32 * 2**20, trim_threshold: 2**31 - 1, top_pad: 256 * 2**20}
    return all(mallopt(name, value) for name, value in settings.items())


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and PyTorch.

    Raises:
        CourseError: Not a whole number from 0 to 2**32 - 1.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise CourseError(f"seed is {seed!r}; expected a whole number from 0 to {2**32 - 1:,}.")
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - third-party code still draws from the global state
    torch.manual_seed(seed)


def versions() -> dict[str, str]:
    """Versions that a result depends on."""
    names = ("borrowed-feathers", "torch", "torchvision", "timm", "accelerate", "numpy")
    return {"python": platform.python_version(), **{name: _version(name) for name in names}}


def commit() -> str:
    """Commit of the course's code, with ``+changes`` where code or data differ from it; empty outside a clone."""
    root = Path(__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return ""
    try:
        head = _git(root, "rev-parse", "--short=12", "HEAD")
        clean = _git(root, "diff", "--quiet", "HEAD", "--", "course_utils", "data").returncode == 0
    except OSError:
        return ""
    return head.stdout.strip() + ("" if clean else "+changes") if head.returncode == 0 else ""


def _git(root: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", "-C", str(root), *command], capture_output=True, text=True, check=False)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"
