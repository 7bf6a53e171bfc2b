"""Evaluate the same pictures again and again without running the stages that never change."""

from __future__ import annotations

import zlib

import torch
from torch import Tensor, nn

from course_utils.models import stage_names
from course_utils.models.folding import Folded
from course_utils.models.parts import computing

Fingerprint = tuple[tuple[int, ...], int]
MEMORY = 2**29
"""Bytes that what the frozen stages gave may take."""


def frozen_stages(model: nn.Module) -> list[nn.Module]:
    """The stages before the first that trains, as long as :func:`~course_utils.models.freeze` holds all of them still."""
    found = []
    for name in stage_names(model):
        stage = model.get_submodule(name)
        moves = any(p.requires_grad for p in stage.parameters())
        if moves or not all("train" in vars(module) for module in stage.modules()):
            return found
        found.append(stage)
    return []


def skip_frozen_stages(model: nn.Module, *, batches: int) -> nn.Module:
    """The model with a short way for batches that come again; the model itself where nothing is frozen.

    Args:
        model: Goes on training between the passes.
        batches: How many different ones there are.
    """
    short = SkipsFrozenStages(model, batches=batches)
    return short if short.skips else model


class SkipsFrozenStages(nn.Module):
    """A model that answers a batch it has seen before from where its frozen stages ended.

    Whether it has seen a batch is decided by the numbers in it: val pictures that are augmented afresh are new ones
    every time. Where the model can't be cut between stages, or the short way does not give the same answer to the last
    bit, it goes the whole way every time.
    """

    def __init__(self, model: nn.Module, *, batches: int) -> None:
        """Wrap a model.

        Args:
            model: Partly frozen; may train between the batches.
            batches: How many different ones there are. More than that, and it stops looking.
        """
        super().__init__()
        self.model = model
        inner = model.model if isinstance(model, Folded) else model
        self._skipped = frozen_stages(inner)
        names = stage_names(inner)
        self._next = inner.get_submodule(names[len(self._skipped)]) if self._skipped else None
        self._batches = batches
        self._kept: dict[Fingerprint, Tensor] = {}
        self._memory = MEMORY

    @property
    def skips(self) -> bool:
        """Whether there is anything to skip."""
        return self._next is not None

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits (N, classes) of pictures (N, C, H, W), which are those of the model."""
        if self._next is None:
            return self.model(pictures)
        key = _fingerprint(pictures)
        if key in self._kept:
            return self._from(pictures, self._kept[key])
        heard: list[Tensor] = []
        hook = self._next.register_forward_pre_hook(lambda module, given: heard.append(given[0]))
        try:
            logits = self.model(pictures)
        finally:
            hook.remove()
        self._keep(key, pictures, heard, logits)
        return logits

    def _keep(self, key: Fingerprint, pictures: Tensor, heard: list[Tensor], logits: Tensor) -> None:
        fits = len(heard) == 1 and len(self._kept) < self._batches
        if fits and not self._kept:
            fits = self._gives(logits, pictures, heard[0])
        if not fits:
            self._next, self._kept = None, {}
            return
        self._memory -= heard[0].nbytes
        if self._memory >= 0:
            self._kept[key] = heard[0]

    def _gives(self, logits: Tensor, pictures: Tensor, features: Tensor) -> bool:
        try:
            return torch.equal(self._from(pictures, features), logits)
        except Exception:  # whatever a forward does with shapes it was not made for
            return False

    def _from(self, pictures: Tensor, features: Tensor) -> Tensor:
        """The model's answer where its frozen stages pass on what they get, and the next one gets ``features``."""
        hook = self._next.register_forward_pre_hook(lambda module, given: (features, *given[1:]))
        try:
            with computing(dict.fromkeys(self._skipped, _pass_on)):
                return self.model(pictures)
        finally:
            hook.remove()


def _pass_on(x: Tensor, *_: object) -> Tensor:
    return x


def _fingerprint(pictures: Tensor) -> Fingerprint:
    """Shape, and a checksum of every number in its place."""
    rows = pictures.detach().permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return tuple(rows.shape), zlib.crc32(rows.data)
