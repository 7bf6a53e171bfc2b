"""What a frozen backbone says of each picture: it never changes, so it is computed once and kept."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from tqdm.auto import tqdm

from course_utils import paths
from course_utils.data import ImageSet, Preprocessing, eval_transform
from course_utils.data.images import Transform
from course_utils.errors import CourseError
from course_utils.files import replacing
from course_utils.models import head_name, head_of
from course_utils.models.parts import eval_mode
from course_utils.training.checkpoint import state_digest
from course_utils.training.hardware import Hardware

BATCH_SIZE = 64


@dataclass(frozen=True, eq=False)
class Features:
    """A table: one row a picture.

    Attributes:
        x: float32 (N, D), the input of the model's head.
        y: int64 (N,), labels.
        seconds: What it took to compute them, be it now or when they were put into the cache.
        cached: Whether they came from the cache.
    """

    x: Tensor
    y: Tensor
    seconds: float
    cached: bool = False


def extract_features(
    model: nn.Module,
    images: ImageSet,
    *,
    preprocessing: Preprocessing,
    device: str | torch.device | None = None,
    cache: bool = True,
) -> Features:
    """Run the backbone once over the pictures, in eval mode, without augmentation.

    Args:
        model: Its head must be linear; what reaches the head are the features.
        images: The pictures.
        preprocessing: What the weights ask for.
        device: Where to run; None takes the best one here.
        cache: Keep the result in the course's cache, keyed by weights, pictures, preprocessing and precision.

    Raises:
        CourseError: The head is not linear.
    """
    head = head_of(model)
    if not isinstance(head, nn.Linear):
        raise CourseError(
            f"{type(model).__name__}'s head is no linear layer, so it has no table of features."
        )
    hardware, transform = Hardware.find(device), eval_transform(preprocessing)
    hardware.place(model)  # not in inference mode: it must train later
    compute = partial(_reaching_head, model, transform=transform, hardware=hardware)
    how = (preprocessing, hardware.precision, compute(_sample(preprocessing))) if cache else None
    file = _cache_file(model, images, how) if how else None
    if file is not None and (kept := _read(file, len(images))):
        return Features(kept[0], images.labels, kept[1], cached=True)
    start = perf_counter()
    x = compute(images.pixels)
    seconds = perf_counter() - start
    if file is not None:
        _keep(file, x, seconds)
    return Features(x, images.labels, seconds)


def _reaching_head(model: nn.Module, pixels: Tensor, *, transform: Transform, hardware: Hardware) -> Tensor:
    caught: list[Tensor] = []
    batches = pixels.split(BATCH_SIZE)
    quick = hardware.quick(model, transform(pixels[:1]).shape[1:])
    hook = head_of(model).register_forward_pre_hook(lambda _, inputs: caught.append(inputs[0].float().cpu()))
    try:
        with eval_mode(model), torch.inference_mode():
            for batch in tqdm(batches, "Features", unit="batch", disable=len(batches) < 2, leave=False):
                hardware.answer(quick, transform(batch))
    finally:
        hook.remove()
    return torch.cat(caught)


def _sample(preprocessing: Preprocessing) -> Tensor:
    """A picture of noise: uint8 (1, 3, S, S), always the same."""
    shape = (1, 3, preprocessing.resize_size, preprocessing.resize_size)
    return torch.randint(256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def _cache_file(model: nn.Module, images: ImageSet, how: tuple[Preprocessing, str, Tensor]) -> Path:
    """Named after all that decides the features.

    Weights alone don't: a stride, a pooling that was taken out, a hook leave them as they were. So what the model
    makes of a sample picture counts too.
    """
    preprocessing, precision, answer = how
    prefix = head_name(model) + "."
    backbone = {k: v for k, v in model.state_dict().items() if not k.startswith(prefix)}
    weights = state_digest(backbone | {"answer": answer})
    key = (type(model).__name__, weights, images.fingerprint, preprocessing, precision, torch.__version__)
    return paths.cache_dir("features") / f"{hashlib.sha256(repr(key).encode()).hexdigest()[:32]}.safetensors"


def _keep(file: Path, x: Tensor, seconds: float) -> None:
    """A full or read-only disk costs the cache, not the features."""
    try:
        with replacing(file) as temporary:
            save_file({"x": x}, temporary, metadata={"seconds": str(seconds)})
    except (OSError, SafetensorError, CourseError) as error:
        warnings.warn(
            f"The features can't be kept in {file.parent} ({error}), so they will be computed again next time. "
            "Make room, or set COURSE_CACHE to a folder you may write to.",
            stacklevel=3,
        )


def _read(file: Path, rows: int) -> tuple[Tensor, float] | None:
    """A damaged or foreign file counts as none: it will be computed again and replaced."""
    try:
        with safe_open(file, framework="pt") as opened:
            x, seconds = opened.get_tensor("x"), float(opened.metadata()["seconds"])
    except (OSError, KeyError, TypeError, ValueError, SafetensorError):
        return None
    return (x, seconds) if len(x) == rows else None
