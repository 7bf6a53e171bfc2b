"""Parts of a model: put another one in place, for good or for a while; and the mode that each is in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from torch import Tensor, nn


def set_part(model: nn.Module, name: str, part: nn.Module) -> None:
    """Replace the module of a dotted name. PyTorch 2.5 has ``set_submodule`` for it; the course takes 2.4, too."""
    above, _, last = name.rpartition(".")
    setattr(model.get_submodule(above), last, part)


@contextmanager
def computing(instead: Mapping[nn.Module, Callable[..., Tensor]]) -> Iterator[None]:
    """For a while each of these modules computes what stands beside it; its hooks, parameters and mode stay."""
    before = [(module, vars(module).get("forward")) for module in instead]
    try:
        for module, forward in instead.items():
            module.forward = forward
        yield
    finally:
        for module, forward in before:
            vars(module).pop("forward", None)
            if forward is not None:
                module.forward = forward


@contextmanager
def eval_mode(model: nn.Module) -> Iterator[None]:
    """Every module in eval mode for a while; then each in the mode it was found in, whatever happened."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
