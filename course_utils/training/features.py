"""What a frozen backbone says of each picture: it never changes, so it is computed once and kept."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from tqdm.auto import tqdm

from course_utils import paths
from course_utils.data import ImageSet, Preprocessing, eval_transform
from course_utils.errors import CourseError
from course_utils.files import replacing
from course_utils.models import head_name, head_of
from course_utils.runtime import autocast, resolve_device, resolve_precision, reuse_memory
from course_utils.training.checkpoint import state_digest

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
    reuse_memory()
    where = resolve_device(device)
    precision = resolve_precision(device=where)
    file = _cache_file(model, images, preprocessing, precision) if cache else None
    if file is not None and (kept := _read(file, len(images))):
        return Features(kept[0], images.labels, kept[1], cached=True)
    start = perf_counter()
    x = _run(model, images, eval_transform(preprocessing), where, precision)
    seconds = perf_counter() - start
    if file is not None:
        with replacing(file) as temporary:
            save_file({"x": x}, temporary, metadata={"seconds": str(seconds)})
    return Features(x, images.labels, seconds)


def _run(
    model: nn.Module, images: ImageSet, transform: object, device: torch.device, precision: str
) -> Tensor:
    caught: list[Tensor] = []
    hook = head_of(model).register_forward_pre_hook(lambda _, inputs: caught.append(inputs[0].float().cpu()))
    modes = [(module, module.training) for module in model.modules()]
    model.to(device, memory_format=torch.channels_last).eval()  # not in inference mode: it must train later
    batches = images.pixels.split(BATCH_SIZE)
    try:
        for pixels in tqdm(batches, "Features", unit="batch", disable=len(batches) < 2, leave=False):
            pictures = transform(pixels).to(device).contiguous(memory_format=torch.channels_last)
            with torch.inference_mode(), autocast(device, precision):
                model(pictures)
    finally:
        hook.remove()
        for module, training in modes:
            module.training = training
    return torch.cat(caught)


def _cache_file(model: nn.Module, images: ImageSet, preprocessing: Preprocessing, precision: str) -> Path:
    prefix = head_name(model) + "."
    backbone = {k: v for k, v in model.state_dict().items() if not k.startswith(prefix)}
    key = (
        type(model).__name__,
        state_digest(backbone),
        images.fingerprint,
        preprocessing,
        precision,
        torch.__version__,
    )
    return paths.cache_dir("features") / f"{hashlib.sha256(repr(key).encode()).hexdigest()[:32]}.safetensors"


def _read(file: Path, rows: int) -> tuple[Tensor, float] | None:
    """A damaged or foreign file counts as none: it will be computed again and replaced."""
    try:
        with safe_open(file, framework="pt") as opened:
            x, seconds = opened.get_tensor("x"), float(opened.metadata()["seconds"])
    except (OSError, KeyError, TypeError, ValueError, SafetensorError):
        return None
    return (x, seconds) if len(x) == rows else None
