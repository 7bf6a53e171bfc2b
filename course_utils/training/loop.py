"""One pass over a loader: to learn, or to measure.

Both run on Hugging Face Accelerate, so the same code serves one processor, several, or several machines.
Every metric is a mean over pictures, never a mean over batches: a ragged last batch counts for what it holds.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import DataLoaderConfiguration, DistributedType
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from course_utils.errors import CourseError
from course_utils.runtime import autocast, resolve_device, resolve_precision, reuse_memory
from course_utils.training.depthwise import FastDepthwise
from course_utils.training.passes import Batches, one_pass, to_device

NO_PICTURES = "The loader gave no pictures: check the split, or that batch_size is not too large."


@dataclass(frozen=True)
class Metrics:
    """Loss and accuracy over ``n`` pictures."""

    loss: float
    accuracy: float
    n: int

    def __str__(self) -> str:
        return f"loss {self.loss:.3f}, accuracy {self.accuracy:.1%} of {self.n} pictures"


def make_accelerator(device: str | torch.device | None = None) -> Accelerator:
    """An Accelerator on one device here, or on what ``accelerate launch`` set up.

    A batch is split over the processes, so ``batch_size`` always means the batch of one optimiser step.

    Args:
        device: None takes the launcher's choice, or else the best device here.
    """
    reuse_memory()
    if AcceleratorState._shared_state:
        state = AcceleratorState()
        launched = state.distributed_type != DistributedType.NO or "ACCELERATE_USE_CPU" in os.environ
        if not launched and state.device.type != resolve_device(device).type:
            AcceleratorState._reset_state(reset_partial_state=True)
    cpu = device is not None and resolve_device(device).type == "cpu"
    precision = (
        None if AcceleratorState._shared_state else "no"
    )  # ours, see runtime.autocast; never the environment's
    loading = DataLoaderConfiguration(split_batches=True)
    return Accelerator(cpu=cpu, mixed_precision=precision, dataloader_config=loading)


class Tally:
    """Sums of loss and correct answers, weighted by pictures."""

    def __init__(self) -> None:
        self._sums = torch.zeros(2, dtype=torch.float64)
        self._n = 0

    def add(self, rows: Tensor) -> None:
        """Add pictures: (N, 2), the loss of each and whether it was named correctly."""
        self._sums += rows.cpu().double().sum(0)
        self._n += len(rows)

    def metrics(self) -> Metrics:
        """The means so far."""
        if not self._n:
            raise CourseError(NO_PICTURES)
        loss, accuracy = (self._sums / self._n).tolist()
        return Metrics(loss, accuracy, self._n)


def _rows(losses: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
    """What a tally adds: losses (N,), logits (N, classes), labels (N,) or, blended, (N, classes)."""
    correct = logits.argmax(1) == (labels if labels.ndim == 1 else labels.argmax(1))
    return torch.stack([losses.detach().float(), correct.float()], dim=1)


def train_one_epoch(
    model: nn.Module,
    loader: Batches,
    *,
    optimizer: Optimizer,
    scheduler: LRScheduler | None = None,
    label_smoothing: float = 0.0,
    accelerator: Accelerator | None = None,
) -> Metrics:
    """Take one optimiser step for each batch.

    Args:
        model: Maps (N, 3, H, W) to logits (N, classes). Set to train mode; frozen modules stay in eval.
        loader: Batches of float32 pictures (N, 3, H, W) and labels, int64 (N,) or, blended, float32
            (N, classes).
        optimizer: Knows the parameters that train.
        scheduler: Stepped once a batch.
        label_smoothing: Share of the target that is spread over all classes, 0 to 1.
        accelerator: Where to run; by default the best device here.

    Returns:
        Means over the pictures, each measured as it was learned from.

    Raises:
        CourseError: The loss stopped being a number.
    """
    accelerator = accelerator or make_accelerator()
    device, precision = accelerator.device, resolve_precision(device=accelerator.device)
    tally = Tally()
    model.to(device).train()
    with one_pass(loader, accelerator) as batches:
        for step, (pictures, labels) in enumerate(batches, start=1):
            pictures, labels = to_device(pictures, device), labels.to(device)
            with FastDepthwise(), autocast(device, precision), _batch_norm_advice(pictures):
                logits = model(pictures)
            _check_labels(logits, labels)
            losses = F.cross_entropy(
                logits.float(), labels, reduction="none", label_smoothing=label_smoothing
            )
            loss = losses.mean()
            if not torch.isfinite(loss):
                raise CourseError(
                    f"The loss is {loss.item()} at step {step}: training has diverged. Lower the learning "
                    "rate and look at a batch of the input."
                )
            optimizer.zero_grad()
            accelerator.backward(loss)
            optimizer.step()
            if scheduler is not None:
                scheduler.step()
            tally.add(batches.gather(_rows(losses, logits, labels)))
    return tally.metrics()


def _check_labels(logits: Tensor, labels: Tensor) -> None:
    if labels.ndim == 1 and not 0 <= int(labels.min()) <= int(labels.max()) < logits.shape[1]:
        raise CourseError(
            f"The labels go from {int(labels.min())} to {int(labels.max())}, and the model has {logits.shape[1]} "
            "logits, for labels from 0. Give it a head that fits: replace_head(model, number of classes)."
        )


@contextmanager
def _batch_norm_advice(pictures: Tensor) -> Iterator[None]:
    """BatchNorm can't learn a deviation from one value a channel: a batch of one picture on a map of 1 x 1."""
    try:
        yield
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise CourseError(
            f"A batch of {len(pictures)} picture of {pictures.shape[-1]} px leaves BatchNorm one value a "
            "channel, and it needs several to learn from. Choose a batch_size that leaves no last batch of one, "
            "drop the last batch, or show larger pictures."
        ) from error


def evaluate(model: nn.Module, loader: Batches, *, accelerator: Accelerator | None = None) -> Metrics:
    """Measure loss and accuracy, in eval mode; the mode of every module is put back as it was found.

    Args:
        model: Maps (N, 3, H, W) to logits (N, classes).
        loader: Batches of float32 pictures (N, 3, H, W) and int64 labels (N,).
        accelerator: Where to run; by default the best device here.

    Returns:
        Means over the pictures. The loss is plain cross-entropy, without label smoothing.
    """
    accelerator = accelerator or make_accelerator()
    tally = Tally()
    with one_pass(loader, accelerator) as batches, closing(_answers(model, batches, accelerator)) as answers:
        for logits, labels in answers:
            _check_labels(logits, labels)
            losses = F.cross_entropy(logits, labels, reduction="none")
            tally.add(batches.gather(_rows(losses, logits, labels)))
    return tally.metrics()


def predict(
    model: nn.Module, loader: Batches, *, accelerator: Accelerator | None = None
) -> tuple[Tensor, Tensor]:
    """The model's logits (N, classes) and the labels (N,) of all pictures, on the CPU, in eval mode.

    Raises:
        CourseError: The loader is empty.
    """
    accelerator = accelerator or make_accelerator()
    logits, labels = [], []
    with one_pass(loader, accelerator) as batches, closing(_answers(model, batches, accelerator)) as answers:
        for some_logits, some_labels in answers:
            logits.append(batches.gather(some_logits).cpu())
            labels.append(batches.gather(some_labels).cpu())
    if not logits:
        raise CourseError(NO_PICTURES)
    return torch.cat(logits), torch.cat(labels)


@torch.no_grad()
def _answers(
    model: nn.Module, loader: Batches, accelerator: Accelerator
) -> Generator[tuple[Tensor, Tensor], None, None]:
    device, precision = accelerator.device, resolve_precision(device=accelerator.device)
    modes = [(module, module.training) for module in model.modules()]
    model.to(device).eval()
    try:
        for pictures, labels in loader:
            with autocast(device, precision):
                logits = model(to_device(pictures, device))
            yield logits.float(), labels.to(device)
    finally:
        for module, training in modes:
            module.training = training
