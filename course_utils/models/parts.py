"""The parts of a model by their dotted names."""

from __future__ import annotations

from torch import nn


def set_part(model: nn.Module, name: str, part: nn.Module) -> None:
    """Put another module in the place of a model's, as ``nn.Module.set_submodule`` does from PyTorch 2.5 on."""
    parent, _, last = name.rpartition(".")
    setattr(model.get_submodule(parent), last, part)
