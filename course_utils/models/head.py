"""The head: the last layer, which turns a backbone's features into logits."""

from __future__ import annotations

import torch
from torch import nn
from torchvision.models import SqueezeNet

from course_utils.arguments import check_num_classes
from course_utils.errors import CourseError
from course_utils.models.parts import set_part


def head_name(model: nn.Module) -> str:
    """Dotted name of a model's head, such as ``"fc"`` or ``"classifier.6"``."""
    kind = nn.Conv2d if isinstance(model, SqueezeNet) else nn.Linear
    names = [name for name, module in model.named_modules() if isinstance(module, kind)]
    if not names:
        raise CourseError(f"{type(model).__name__} has no linear layer at its end to be its head.")
    return names[-1]


def head_of(model: nn.Module) -> nn.Module:
    """The head itself."""
    return model.get_submodule(head_name(model))


def replace_head(model: nn.Module, num_classes: int, *, seed: int | None = None) -> nn.Module:
    """Put a new, randomly initialised head in place; the backbone is not touched.

    The new head always has a bias, even where the old one (MaxViT's) has none.

    Args:
        model: Any model of the course.
        num_classes: Number of logits of the new head.
        seed: Decides its random weights; None draws from PyTorch's global state.

    Returns:
        The same model, changed.
    """
    check_num_classes(num_classes)
    name = head_name(model)
    old = model.get_submodule(name)
    with torch.random.fork_rng(devices=[], enabled=seed is not None):
        if seed is not None:
            torch.manual_seed(seed)
        if isinstance(old, nn.Conv2d):
            new = nn.Conv2d(old.in_channels, num_classes, old.kernel_size)
        else:
            new = nn.Linear(old.in_features, num_classes)
    set_part(model, name, new.to(old.weight))
    if hasattr(model, "num_classes"):
        model.num_classes = num_classes
    return model
