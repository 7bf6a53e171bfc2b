"""A BatchNorm whose statistics stay as they are is a part of the convolution before it: one pass over the map less."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.batchnorm import _BatchNorm

from course_utils.models.parts import computing, eval_mode

TOLERANCE = 1e-4
"""How far the logits may move, as a part of the largest: rounding moves them by a tenth of this."""
Pair = tuple[str, str]
"""Names of a convolution and of the BatchNorm that takes what it gives."""


def folded(model: nn.Module, sample: Tensor, *, trains: bool = True) -> nn.Module:
    """A model that answers as this one does, but for rounding, in less time; the model itself where nothing is to gain.

    What follows what is seen when a sample passes through, so that any ``forward`` will do. Where a convolution's output is
    used elsewhere, too, the sample gets other logits, and that pair is left out.

    Args:
        model: Any model; it is not changed.
        sample: What it takes: float32 (N, C, H, W), with pictures that are unlike each other and no constant.
        trains: Whether the model's weights may change while the result is in use. If not, it must stay in eval mode.
    """
    if any(
        isinstance(module, (Folded, nn.DataParallel, torch.jit.ScriptModule)) for module in model.modules()
    ):
        return model  # it is short already, or can't be called with other weights
    with eval_mode(model), torch.no_grad():
        pairs, logits = _neighbours(model, sample)

        def exact(pairs: Sequence[Pair]) -> bool:
            found = Folded(model, pairs)(sample)
            return bool((found - logits).abs().max() <= TOLERANCE * logits.abs().max())

        if not exact(pairs):
            pairs = [pair for pair in pairs if exact([pair])]
        return Folded(model, pairs, trains=trains) if pairs and exact(pairs) else model


class Folded(nn.Module):
    """A model in which the convolutions do what the BatchNorm behind them does, as long as that one is in eval mode.

    The weights for it are computed in each pass from those of the model, whose parameters get the same gradients, or once,
    where nothing trains.
    """

    def __init__(self, model: nn.Module, pairs: Sequence[Pair], *, trains: bool = True) -> None:
        """Wrap a model and name the pairs."""
        super().__init__()
        self.model = model
        self.pairs = tuple(pairs)
        self._fixed = None if trains else self._short_way()

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits (N, classes) of pictures (N, C, H, W)."""
        weights, instead = self._fixed or self._short_way()
        with computing(instead):
            return functional_call(self.model, weights, (pictures,))

    def _short_way(self) -> tuple[dict[str, Tensor], dict[nn.Module, Callable[..., Tensor]]]:
        """The weights of the convolutions, and what is left for the BatchNorms to do."""
        weights: dict[str, Tensor] = {}
        instead: dict[nn.Module, Callable[..., Tensor]] = {}
        for conv, norm in self.pairs:
            before, after = self.model.get_submodule(conv), self.model.get_submodule(norm)
            if not after.training:
                weights[f"{conv}.weight"], weights[f"{conv}.bias"] = _fused(before, after)
                # timm's BatchNorm holds a dropout and an activation, which stay
                instead[after] = nn.Sequential(*after.children()).forward
        return weights, instead


def _fused(conv: nn.Conv2d, norm: _BatchNorm) -> tuple[Tensor, Tensor]:
    """Weight and bias of the two as one convolution."""
    scale = torch.rsqrt(norm.running_var + norm.eps)
    scale = scale if norm.weight is None else scale * norm.weight
    bias = -norm.running_mean if conv.bias is None else conv.bias - norm.running_mean
    bias = bias * scale if norm.bias is None else bias * scale + norm.bias
    return conv.weight * scale[:, None, None, None], bias


def _neighbours(model: nn.Module, sample: Tensor) -> tuple[list[Pair], Tensor]:
    """The pairs in which BatchNorm takes exactly what the convolution gives, each run once; and the logits."""
    made_by: dict[int, str] = {}
    kept: list[Tensor] = []  # as long as they live, no other tensor gets their id
    pairs: list[Pair] = []
    runs: Counter[str] = Counter()

    def watch(name: str, module: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> None:
        runs[name] += 1
        if isinstance(module, nn.Conv2d):
            made_by[id(made)] = name
            kept.append(made)
        elif id(given[0]) in made_by:
            pairs.append((made_by[id(given[0])], name))

    hooks = [
        module.register_forward_hook(lambda m, given, made, name=name: watch(name, m, given, made))
        for name, module in model.named_modules()
        if (isinstance(module, nn.Conv2d) and "weight" in dict(module.named_parameters(recurse=False)))
        or (isinstance(module, _BatchNorm) and module.track_running_stats)
    ]
    try:
        logits = model(sample)
    finally:
        for hook in hooks:
            hook.remove()
    return [pair for pair in pairs if all(runs[name] == 1 for name in pair)], logits
