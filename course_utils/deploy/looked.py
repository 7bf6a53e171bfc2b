"""Where a model looked: cover each part of a picture in turn, and see how much of its certainty goes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from course_utils.deploy.bundle import Bundle
from course_utils.training.hardware import Hardware

STEPS = 7
"""Places of the cover a side."""
COVER = 0.28
"""Its side, as a share of the picture's."""
LITTLE = 0.5
"""A fall of log-odds that decides nothing: from even odds to 38%."""


def where_it_looked(bundle: Bundle, prepared: Tensor, answer: int) -> Tensor:
    """How far an answer's log-odds fall when a part of the picture is covered (occlusion, Zeiler and Fergus 2014).

    A probability near 1 hardly falls whatever is covered; its log-odds still tell the parts apart.

    Args:
        bundle: Its model is where :meth:`~course_utils.training.hardware.Hardware.place` put it.
        prepared: float32 (3, S, S), as :meth:`~course_utils.deploy.bundle.Bundle.prepare` gives it.
        answer: Number of the class.

    Returns:
        float32 (S, S): what is lost, as a mean of the covers that lie over a pixel; below 0 where covering helps.
    """
    side = prepared.shape[-1]
    width = max(1, round(COVER * side))
    starts = torch.linspace(0, side - width, STEPS).round().long().tolist()
    masks = torch.zeros(STEPS**2, 1, side, side)
    for number, (top, left) in enumerate((top, left) for top in starts for left in starts):
        masks[number, :, top : top + width, left : left + width] = 1
    mean, std = _colours(bundle)
    grey = (0.5 - mean) / std
    covered = torch.cat([prepared[None], prepared * (1 - masks) + grey * masks])
    with torch.inference_mode():
        logits = Hardware.find().answer(bundle.model, covered).cpu() / bundle.temperature
    others = [k for k in range(logits.shape[1]) if k != answer]
    odds = logits[:, answer] - logits[:, others].logsumexp(1)
    lost = (odds[0] - odds[1:]).nan_to_num()
    return (lost[:, None, None] * masks[:, 0]).sum(0) / masks[:, 0].sum(0).clamp(min=1)


def seen(bundle: Bundle, prepared: Tensor) -> Tensor:
    """The picture that the model sees, uint8 (3, S, S), from what was prepared of it."""
    mean, std = _colours(bundle)
    return ((prepared * std + mean).clamp(0, 1) * 255).round().to(torch.uint8)


def _colours(bundle: Bundle) -> tuple[Tensor, Tensor]:
    """Mean and std of the preprocessing, (3, 1, 1) each."""
    p = bundle.preprocessing
    return tuple(torch.tensor(values)[:, None, None] for values in (p.mean, p.std))


def lit(picture: Tensor, lost: Tensor) -> Tensor:
    """A picture, uint8 (3, S, S), bright where covering it took most (S, S); dark where that took none, or where little."""
    reach = picture.shape[-1] // 20
    smooth = F.avg_pool2d(
        lost.clamp(min=0)[None], 2 * reach + 1, stride=1, padding=reach, count_include_pad=False
    )[0]
    share = smooth / smooth.max().clamp(min=LITTLE)
    return (picture * (0.3 + 0.7 * share)).round().to(torch.uint8)
