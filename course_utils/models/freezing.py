"""Which parts of a model train, and with which learning rate."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from course_utils.errors import CourseError
from course_utils.models.head import head_name, head_of


@dataclass(frozen=True)
class ParameterCount:
    """How many numbers a model holds, and how many of them train."""

    total: int
    trainable: int

    def __str__(self) -> str:
        share = self.trainable / max(1, self.total)
        return f"{self.trainable:,} of {self.total:,} parameters train ({share:.1%})"


def count_parameters(model: nn.Module) -> ParameterCount:
    """Count a model's parameters. BatchNorm's running statistics are buffers and do not count."""
    sizes = [(p.numel(), p.requires_grad) for p in model.parameters()]
    return ParameterCount(sum(n for n, _ in sizes), sum(n for n, trains in sizes if trains))


def freeze(model: nn.Module) -> nn.Module:
    """Freeze the backbone; the head goes on training.

    Frozen means frozen: no parameter gets a gradient, and every frozen module stays in eval mode through
    each later ``model.train()``, so that BatchNorm's running statistics do not move and dropout is off.

    Returns:
        The same model, changed.
    """
    head = set(head_of(model).modules())
    for module in model.modules():
        if module in head or any(child in head for child in module.modules()):
            _unlock(module)
        else:
            _lock(module)
    for parameter in model.parameters():
        parameter.requires_grad = False
    for parameter in head_of(model).parameters():
        parameter.requires_grad = True
    return model


def unfreeze(
    model: nn.Module, start: str | None = None, *, batch_norm: Literal["frozen", "trained"] = "frozen"
) -> nn.Module:
    """Let the part of a model from ``start`` to the end train again: its parameters, its dropout.

    What a module around ``start`` owns itself (a vision transformer's class token) follows only if ``start``
    is that module's first part, so that all of the module trains.

    Args:
        model: A model whose modules are registered in the order they run in, as the course's are.
        start: Name of the first module to train, such as ``"layer4"`` or ``"blocks.4"``; None means all.
        batch_norm: ``"frozen"`` keeps BatchNorm's running statistics as they were learned (its scale and
            shift train), the safe choice for small data and small batches; ``"trained"`` lets them move.

    Returns:
        The same model, changed.

    Raises:
        CourseError: No module of that name.
    """
    if batch_norm not in ("frozen", "trained"):
        raise CourseError(f"batch_norm is {batch_norm!r}; expected 'frozen' or 'trained'.")
    for module in _modules_from(model, start):
        if isinstance(module, _BatchNorm) and batch_norm == "frozen":
            _lock(module)
        else:
            _unlock(module)
        for parameter in module.parameters(recurse=False):
            parameter.requires_grad = True
    return model


def stage_names(model: nn.Module) -> list[str]:
    """A model's parts in the order they run in: its children, with sequences of blocks written out."""
    names = []
    for name, child in model.named_children():
        inner = isinstance(child, nn.Sequential) and name in ("blocks", "features")
        names += [f"{name}.{part}" for part, _ in child.named_children()] if inner else [name]
    return names


def parameter_groups(model: nn.Module, *, lr_backbone: float, lr_head: float) -> list[dict[str, Any]]:
    """Optimiser groups with two learning rates: what was learned moves gently, what is new moves fast.

    Args:
        model: Only its parameters that train are listed.
        lr_backbone: Peak learning rate of everything but the head.
        lr_head: Peak learning rate of the head.
    """
    prefix = head_name(model) + "."
    trains = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    groups = [
        {"name": "backbone", "params": [p for n, p in trains if not n.startswith(prefix)], "lr": lr_backbone},
        {"name": "head", "params": [p for n, p in trains if n.startswith(prefix)], "lr": lr_head},
    ]
    return [group for group in groups if group["params"]]


def _modules_from(model: nn.Module, start: str | None) -> list[nn.Module]:
    modules = dict(model.named_modules())
    names = list(modules)
    if start is None:
        return list(modules.values())
    if start not in names[1:]:
        top = ", ".join(stage_names(model))
        raise CourseError(f"{type(model).__name__} has no part {start!r}. Its parts, first to last: {top}.")
    first = names.index(start)
    while first and names[first - 1] == names[first].rpartition(".")[0]:
        first -= 1  # a module is listed right before its first part
    return list(modules.values())[first:]


def _lock(module: nn.Module) -> None:
    """Keep this one module in eval mode; its children decide for themselves.

    A partial, unlike a method put on an instance, can be pickled, and a deep copy binds the copy.
    """
    module.training = False
    module.train = partial(_stay_in_eval, module)


def _unlock(module: nn.Module) -> None:
    module.__dict__.pop("train", None)


def _stay_in_eval(module: nn.Module, mode: bool = True) -> nn.Module:
    type(module).train(module, mode)
    module.training = False
    return module
