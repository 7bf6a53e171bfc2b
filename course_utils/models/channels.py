"""How weights that were trained on three colours meet pictures of one channel."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from course_utils.errors import CourseError
from course_utils.models.parts import set_part


class RepeatChannel(nn.Module):
    """Shows a picture of one channel as one of three equal channels: grey, as a photo has it."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, H, W) to (N, 3, H, W)."""
        return x.expand(-1, 3, -1, -1)


def take_one_channel(model: nn.Module, how: Literal["sum", "mean", "repeat"] = "sum") -> nn.Module:
    """Make a model of three-channel pictures take pictures of one channel; no weight is lost to chance.

    With ``grey(x)`` for the picture ``x`` in three equal channels, the changed model answers

    - ``"sum"``: what the old one answers to ``grey(x)``, from a first layer a third as large. A filter that only
      compared colours sums to nothing, as it does on a grey photo;
    - ``"mean"``: what the old one answers to ``grey(x / 3)``: the first layer responds a third as strongly,
      to which BatchNorm's stored statistics do not fit unless they are trained again;
    - ``"repeat"``: what the old one answers to ``grey(x)``, to the last bit: the first layer stays as it is
      and is shown the channel three times.

    That holds for pictures after normalisation, which must be alike in all channels.

    Args:
        model: A model whose first convolution takes three channels.
        how: What becomes of the three.

    Returns:
        The same model, changed.

    Raises:
        CourseError: Its first convolution does not take three channels, or an unknown ``how``.
    """
    if how not in ("sum", "mean", "repeat"):
        raise CourseError(f"how is {how!r}; expected 'sum', 'mean' or 'repeat'.")
    name, first = _first_convolution(model)
    new: nn.Module
    if how == "repeat":
        new = nn.Sequential(RepeatChannel(), first)
    else:
        new = first
        total = first.weight.detach().sum(1, keepdim=True)
        first.weight = nn.Parameter(
            total / 3 if how == "mean" else total, requires_grad=first.weight.requires_grad
        )
        first.in_channels = 1
    set_part(model, name, new)
    return model


def _first_convolution(model: nn.Module) -> tuple[str, nn.Conv2d]:
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            if module.in_channels != 3 or module.groups != 1:
                raise CourseError(
                    f"The first convolution of {type(model).__name__} ({name!r}) takes {module.in_channels} channels; "
                    "expected 3, as in every model whose weights come from photos."
                )
            if name:
                return name, module
    raise CourseError(f"{type(model).__name__} holds no convolution.")
