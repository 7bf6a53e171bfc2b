"""A first look at what is to be trained, before a second is spent: a few samples, and what the model makes of one."""

from __future__ import annotations

from collections.abc import Sized

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter
from torch.utils.data import DataLoader, Dataset

from course_utils.errors import CourseError
from course_utils.models.parts import eval_mode

LOOKED_AT = 8
"""Samples of a set, spread over it."""
PREPARE = (
    "from torchvision.transforms import v2; "
    "transform = v2.Compose([v2.ToImage(), eval_transform(preprocessing)])"
)


def check_dataset(name: str, dataset: Dataset) -> None:
    """Look at a few samples of a dataset.

    Args:
        name: What the argument is called.
        dataset: Whatever was handed in.

    Raises:
        CourseError: It is no dataset of (picture, label): float32 (3, H, W), all of one size, and whole numbers.
    """
    if isinstance(dataset, DataLoader):
        raise CourseError(
            f"{name} is a DataLoader; expected a dataset, of which fit makes batches. Give {name}.dataset."
        )
    if not (isinstance(dataset, Sized) and hasattr(dataset, "__getitem__")):
        raise CourseError(
            f"{name} is a {type(dataset).__name__}; expected a dataset with a length and samples by number, such as "
            "torchvision's ImageFolder or list(dataset)."
        )
    if not len(dataset):
        raise CourseError(f"{name} has no pictures; expected one or more. Check the folder or the split.")
    numbers = range(0, len(dataset), -(-len(dataset) // LOOKED_AT))
    sizes = {tuple(_picture_of(name, i, dataset[i]).shape): i for i in numbers}
    if len(sizes) > 1:
        found = " and ".join(f"{shape} (number {i})" for shape, i in [*sizes.items()][:2])
        raise CourseError(
            f"The pictures of {name} have several sizes: {found}. A batch needs one size; give the dataset a transform "
            f"that resizes and crops: {PREPARE}"
        )


def _picture_of(name: str, number: int, sample: object) -> Tensor:
    where = f"Sample {number} of {name}"
    if not isinstance(sample, (tuple, list)) or len(sample) != 2:
        keys = f" with {', '.join(map(str, sample))}" if isinstance(sample, dict) else ""
        length = f" of length {len(sample)}" if isinstance(sample, (tuple, list)) else ""
        raise CourseError(
            f"{where} is a {type(sample).__name__}{length}{keys}; expected a pair (picture, label). Let the dataset's "
            "__getitem__ end with: return picture, label"
        )
    picture, label = sample
    _check_label(where, label)
    if isinstance(picture, (Image.Image, np.ndarray)):
        kind = "PIL picture" if isinstance(picture, Image.Image) else "NumPy array"
        raise CourseError(
            f"{where} has a {kind}; expected a float32 tensor (3, H, W). Give the dataset a transform: {PREPARE}"
        )
    if not isinstance(picture, Tensor):
        raise CourseError(
            f"{where} has a {type(picture).__name__} for a picture; expected a float32 tensor (3, H, W)."
        )
    if picture.dtype != torch.float32:
        mend = (
            "v2.ToDtype(torch.float32, scale=True)(picture)"
            if picture.dtype == torch.uint8
            else "picture.float()"
        )
        raise CourseError(
            f"{where} has a picture of {picture.dtype}; expected torch.float32, normalised. Convert it: {mend}"
        )
    if picture.ndim != 3:
        mend = ". For grey pictures: picture.expand(3, -1, -1)" if picture.ndim == 2 else ""
        raise CourseError(f"{where} has a picture of shape {tuple(picture.shape)}; expected (3, H, W){mend}")
    return picture


def _check_label(where: str, label: object) -> None:
    if isinstance(label, str):
        found, mend = f"the text {label!r}", "Give its number in the list of classes: classes.index(label)"
    elif isinstance(label, (Tensor, np.ndarray, np.generic)):
        whole = label.dtype in (torch.int64, np.dtype("int64"))
        if whole and label.ndim == 0:
            return
        found = f"of {label.dtype} and shape {tuple(label.shape)}"
        several = label.ndim > 0 and max(label.shape, default=1) > 1
        mend = (
            "Of one-hot labels take int(label.argmax())" if several else "Turn it into a number: int(label)"
        )
    elif isinstance(label, int):
        return
    else:
        found, mend = f"of type {type(label).__name__}", "Turn it into a whole number: int(label)"
    raise CourseError(f"{where} has a label {found}; expected a whole number from 0 on. {mend}")


def check_model(model: nn.Module, picture: Tensor) -> int:
    """Let the model answer one picture, in eval mode and without a trace.

    Args:
        model: Whatever was handed in.
        picture: float32 (C, H, W).

    Returns:
        Its number of logits.

    Raises:
        CourseError: Its weights are no float32, it takes no such picture, or it does not answer with logits.
    """
    parameters = list(model.parameters())
    if any(isinstance(p, UninitializedParameter) for p in parameters):
        raise CourseError(
            f"Parts of {type(model).__name__} have no shape yet (LazyLinear and the like). Show it a picture first: "
            "model(picture[None])"
        )
    if odd := {str(p.dtype) for p in parameters if p.is_floating_point()} - {"torch.float32"}:
        raise CourseError(
            f"The weights are {' and '.join(sorted(odd))}; expected torch.float32. Convert them: model.float(). "
            "COURSE_PRECISION=bf16 trains in bf16 all the same."
        )
    if any(p.is_inference() for p in parameters):
        raise CourseError(
            "The model was built inside torch.inference_mode(), so it can't learn. Build or load it outside of it."
        )
    try:
        with torch.no_grad(), eval_mode(model):
            answer = model(picture[None].to(parameters[0].device))
    except (RuntimeError, ValueError, TypeError) as error:
        raise CourseError(
            f"{type(model).__name__} can't take a picture of shape {tuple(picture.shape)}: {error}. {_mend(model, picture)}"
        ) from error
    return check_logits(answer).shape[1]


def _mend(model: nn.Module, picture: Tensor) -> str:
    first = next((module for module in model.modules() if isinstance(module, nn.Conv2d)), None)
    if first is None or first.in_channels == len(picture):
        return "Show it pictures of the size that it was made for."
    lines = {1: "picture.expand(3, -1, -1)", 2: "picture[:1].expand(3, -1, -1)", 4: "picture[:3]"}
    mend = lines.get(len(picture), "picture.permute(2, 0, 1)")
    return f"Its first layer takes {first.in_channels} channels, which come first in a picture. Convert it: {mend}"


def check_tensor(answer: object) -> Tensor:
    """Return what a model answered if it is one tensor.

    Raises:
        CourseError: It is something else.
    """
    if isinstance(answer, Tensor):
        return answer
    mend = (
        "It has auxiliary outputs: build_definition and load_pretrained make models without them; of another one take the "
        "logits alone, in a module whose forward ends with: return answer.logits"
        if hasattr(answer, "logits")
        else "Put it into a module whose forward returns the logits alone."
    )
    raise CourseError(
        f"The model answers with a {type(answer).__name__}; expected one tensor, logits (N, classes). {mend}"
    )


def check_logits(answer: object) -> Tensor:
    """Return what a model answered if it is logits (N, classes).

    Raises:
        CourseError: It is something else.
    """
    logits = check_tensor(answer)
    if logits.ndim != 2:
        raise CourseError(
            f"The model answers with a tensor of shape {tuple(logits.shape)}; expected logits (N, classes). Give it a head: "
            "pooling, nn.Flatten() and nn.Linear(features, classes)."
        )
    return logits
