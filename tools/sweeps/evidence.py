"""Where in a picture a network finds what it says: class activation maps (Zhou et al. 2016)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from course_utils.errors import CourseError
from course_utils.models.head import head_of

TOLERANCE = 1e-3


def evidence_maps(model: nn.Module, pictures: Tensor) -> Tensor:
    """What each place of the last feature map adds to each logit.

    A network that averages its last feature map and ends in one linear layer may as well apply that layer at every place
    and average afterwards. So this is no approximation: the mean of a map, plus the head's bias, is the logit.

    Args:
        model: In eval mode. Its last feature map is averaged into the input of a linear head, as in ResNet, DenseNet,
            EfficientNet, MobileNetV2 and Lite0.
        pictures: float32 (N, C, H, W), as the model takes them.

    Returns:
        float32 (N, classes, h, w), for h x w places that cover the picture evenly.

    Raises:
        CourseError: A model of another kind, or one in train mode.
    """
    if model.training:
        raise CourseError(f"{type(model).__name__} is in train mode. Call model.eval() first.")
    head = head_of(model)
    if not isinstance(head, nn.Linear):
        raise CourseError(f"The head of {type(model).__name__} is {head}; expected a linear layer.")
    features, reached = _seen_on_the_way(model, head, pictures)
    if features is None or features.shape[:2] != reached.shape or not _averaged(features, reached):
        raise CourseError(
            f"{type(model).__name__} does not average its last feature map into its head, so what a place adds to a "
            "logit can't be told. Models that do: ResNet, DenseNet, EfficientNet, MobileNetV2."
        )
    return torch.einsum("nchw,kc->nkhw", features, head.weight.detach())


def _seen_on_the_way(model: nn.Module, head: nn.Linear, pictures: Tensor) -> tuple[Tensor | None, Tensor]:
    """The last feature map (N, channels, h, w) of more than one place, and what reaches the head (N, channels)."""
    seen: dict[str, Tensor] = {}

    def remember(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if module is head:
            seen["head"] = inputs[0].detach()
        elif isinstance(output, Tensor) and output.ndim == 4 and output.shape[2:].numel() > 1:
            seen["map"] = output.detach()

    hooks = [module.register_forward_hook(remember) for module in model.modules()]
    try:
        with torch.no_grad():
            model(pictures)
    finally:
        for hook in hooks:
            hook.remove()
    return seen.get("map"), seen["head"]


def _averaged(features: Tensor, reached: Tensor) -> bool:
    mean = features.mean((2, 3))
    return bool(((mean - reached).abs() <= TOLERANCE * (1 + mean.abs())).all())


def strongest_places(maps: Tensor, side: int) -> Tensor:
    """The middle of the place with most evidence in each map.

    No finer than the map: between places nothing was measured, and enlarging a coarse map moves its peaks to the edges.

    Args:
        maps: float32 (N, h, w), evidence for one class (or for one minus another).
        side: Of the picture, in px.

    Returns:
        int64 (N, 2): row and column, in px.
    """
    rows, columns = maps.shape[1:]
    place = maps.flatten(1).argmax(1)
    row, column = place // columns, place % columns
    middle = ((row + 0.5) * side / rows, (column + 0.5) * side / columns)
    return torch.stack(middle, dim=1).long()
