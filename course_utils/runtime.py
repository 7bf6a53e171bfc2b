"""What the code runs on: profile, device, memory, seeds, versions."""

from __future__ import annotations

import ctypes
import os
import platform
import random
import subprocess
import warnings
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from course_utils.arguments import is_whole
from course_utils.errors import CourseError

T = TypeVar("T")

PROFILES = ("smoke", "standard", "full")


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
    """CUDA if there is one that computes, else Apple's MPS, else the CPU.

    A warning says, once, that there is one that does not compute.
    """
    for name in visible_accelerators():
        if not trouble_with(name):
            return torch.device(name)
        _warn_once(name)
    return torch.device("cpu")


def visible_accelerators() -> list[str]:
    """Kinds of accelerators that PyTorch sees here; ``"cuda"`` first."""
    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    return [name for name, available in here.items() if available]


@lru_cache(maxsize=8)
def trouble_with(device: str) -> str:
    """Why a small convolution does not run on a device; empty where it does.

    PyTorch sees GPUs that it has no kernels for, because they are older or newer than its build.
    """
    try:
        pictures, weight = (torch.ones(shape, device=device) for shape in ((1, 3, 8, 8), (4, 3, 3, 3)))
        torch.nn.functional.conv2d(pictures, weight).sum().item()
    except (RuntimeError, AssertionError) as error:
        return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
    return ""


@lru_cache(maxsize=2)
def _warn_once(device: str) -> None:
    warnings.warn(
        f"PyTorch sees a GPU ({device}) and can't compute on it ({trouble_with(device)}). The course takes the CPU. "
        "`course doctor` says how to mend it.",
        stacklevel=4,
    )


def resolve_device(device: str | torch.device | None) -> torch.device:
    """Turn a learner's choice into a device; ``None`` means :func:`best_device`."""
    if device is None:
        return best_device()
    try:
        found = torch.device(device)
        trouble = trouble_with(str(found))
    except (RuntimeError, TypeError) as error:
        trouble = str(error).strip().partition("\n")[0]
    if trouble:
        raise CourseError(
            f"Device {device!r} can't be used here ({trouble}). "
            f"This machine's best is {str(best_device())!r}; leave device=None to take it."
        )
    return found


@lru_cache(maxsize=1)
def reuse_memory() -> bool:
    """Let glibc keep freed memory for the next batch, where glibc is the C library; elsewhere do nothing.

    By default each large tensor is fresh memory from the system, whose pages are cleared one by one when they
    are first touched. A training step on a CPU can spend a third of its time on that.

    Without M_MMAP_MAX = 0, tensors above 32 MB would still be fresh memory: a fifth of a step from scratch at 224 px.

    Returns:
        Whether anything was changed. It holds for the life of the process.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    mmap_max, trim_threshold, top_pad = -4, -1, -2  # from malloc.h
    settings = {mmap_max: 0, trim_threshold: 2**31 - 1, top_pad: 256 * 2**20}
    return all(mallopt(name, value) for name, value in settings.items())


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and PyTorch.

    Raises:
        CourseError: Not a whole number from 0 to 2**32 - 1.
    """
    if not is_whole(seed) or not 0 <= seed < 2**32:
        raise CourseError(f"seed is {seed!r}; expected a whole number from 0 to {2**32 - 1:,}.")
    seed = int(seed)
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
