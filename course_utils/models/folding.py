"""A model that only answers, made faster: BatchNorm becomes a part of the convolution before it."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_eval

from course_utils.models.parts import set_part

TOLERANCE = 1e-4
"""How far the logits may move, as a part of the largest: rounding moves them by a tenth of this."""


@torch.no_grad()
def folded(model: nn.Module, sample: Tensor) -> nn.Module:
    """A copy of a model in eval mode, in which each BatchNorm that follows a convolution is a part of it.

    What follows what is seen when a sample passes through, so that any ``forward`` will do. Where a convolution's output is
    used elsewhere, too, the sample gets other logits, and that pair stays as it is. The copy shares nothing with the model,
    which may go on training.

    Args:
        model: Any model.
        sample: What it takes: float32 (N, C, H, W), with pictures that are unlike each other and no constant.

    Returns:
        The copy; the model itself where there is nothing to fold, or where it can't be copied.
    """
    try:
        whole = copy.deepcopy(model).eval()
    except Exception:  # whatever an attribute of a learner's own model does
        return model
    pairs, logits = _neighbours(whole, sample)
    fast = _folding(whole, pairs)
    if not _near(fast(sample), logits):
        pairs = [pair for pair in pairs if _near(_folding(whole, [pair])(sample), logits)]
        fast = _folding(whole, pairs)
    return fast if pairs and _near(fast(sample), logits) else model


def _near(found: Tensor, logits: Tensor) -> bool:
    return bool((found - logits).abs().max() <= TOLERANCE * logits.abs().max())


def _folding(model: nn.Module, pairs: Sequence[tuple[str, str]]) -> nn.Module:
    """A copy with these pairs folded. The dropout and activation that timm's BatchNorm has stay."""
    fast = copy.deepcopy(model)
    for conv, norm in pairs:
        rest = nn.Sequential(*fast.get_submodule(norm).children())
        set_part(fast, conv, fuse_conv_bn_eval(fast.get_submodule(conv), fast.get_submodule(norm)))
        set_part(fast, norm, rest)
    return fast


def _neighbours(model: nn.Module, sample: Tensor) -> tuple[list[tuple[str, str]], Tensor]:
    """Names of convolutions with the BatchNorm that takes exactly what they give, each run once; and the logits."""
    made_by: dict[int, str] = {}
    kept: list[Tensor] = []  # as long as they live, no other tensor gets their id
    pairs: list[tuple[str, str]] = []
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
        if isinstance(module, nn.Conv2d) or (isinstance(module, _BatchNorm) and module.track_running_stats)
    ]
    try:
        logits = model(sample)
    finally:
        for hook in hooks:
            hook.remove()
    return [pair for pair in pairs if all(runs[name] == 1 for name in pair)], logits
