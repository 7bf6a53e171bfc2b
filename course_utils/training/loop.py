"""One pass over a loader: to learn, or to measure.

Both run on Hugging Face Accelerate, so the same code serves one processor, several, or several machines.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import DataLoaderConfiguration, DistributedType, GradientAccumulationPlugin
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from course_utils.errors import CourseError
from course_utils.metrics.classification import NO_PICTURES, Metrics, MetricSums, metrics_of, rows_of
from course_utils.models.parts import eval_mode
from course_utils.runtime import resolve_device
from course_utils.training.first_look import check_logits
from course_utils.training.hardware import Hardware
from course_utils.training.passes import Batches, one_pass

LAUNCHER = ("ACCELERATE_", "LOCAL_RANK", "MASTER_", "RANK", "WORLD_SIZE")
"""What variables are called that a launcher sets."""


def make_accelerator(device: str | torch.device | None = None) -> Accelerator:
    """An Accelerator on one device here, or on what ``accelerate launch`` set up.

    A batch is split over the processes, so ``batch_size`` always means the batch of one optimiser step.

    Args:
        device: None takes the launcher's choice, or else the best device here.

    Raises:
        CourseError: No such device, or a launcher's variables without the launcher.
    """
    if AcceleratorState._shared_state:
        state = AcceleratorState()
        launched = state.distributed_type != DistributedType.NO or "ACCELERATE_USE_CPU" in os.environ
        if not launched and state.device.type != resolve_device(device).type:
            AcceleratorState._reset_state(reset_partial_state=True)
    # Precision and accumulation are ours; never the environment's.
    precision = None if AcceleratorState._shared_state else "no"
    left = [name for name in sorted(os.environ) if name.startswith(LAUNCHER)]
    try:
        return Accelerator(
            cpu=resolve_device(device).type == "cpu",
            mixed_precision=precision,
            dataloader_config=DataLoaderConfiguration(split_batches=True),
            gradient_accumulation_plugin=GradientAccumulationPlugin(num_steps=1),
        )
    except (ImportError, RuntimeError, ValueError) as error:
        if not left:
            raise
        AcceleratorState._reset_state(reset_partial_state=True)
        for name in [name for name in os.environ if name.startswith(LAUNCHER) and name not in left]:
            del os.environ[name]  # Accelerate has just set it
        raise CourseError(
            f"{', '.join(left)} in the environment come from a launcher of several processes, and what it needs beyond "
            f"them is not here ({error}). To train in this process alone, take them away: unset {' '.join(left)}"
        ) from error


def train_one_epoch(
    model: nn.Module,
    loader: Batches,
    *,
    optimizer: Optimizer,
    scheduler: LRScheduler | None = None,
    label_smoothing: float = 0.0,
    accelerator: Accelerator | None = None,
    on_batch: Callable[[], object] = lambda: None,
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
        on_batch: Called after each.

    Returns:
        Means over the pictures, each measured as it was learned from.

    Raises:
        CourseError: The loss stopped being a number.
    """
    accelerator = accelerator or make_accelerator()
    hardware, sums = Hardware.find(accelerator.device), MetricSums()
    hardware.place(model).train()
    with one_pass(loader, accelerator) as batches:
        for step, batch in enumerate(batches, start=1):
            try:
                rows = train_step(
                    model,
                    *batch,
                    optimizer=optimizer,
                    label_smoothing=label_smoothing,
                    hardware=hardware,
                    backward=accelerator.backward,
                )
            except Diverged as error:
                raise Diverged(
                    f"{error} at step {step}: training has diverged. Lower the learning rate and look at a batch "
                    "of the input."
                ) from None
            if scheduler is not None:
                scheduler.step()
            sums.add(batches.gather(rows))
            on_batch()
    return sums.metrics()


class Diverged(CourseError):
    """The loss, or what the model answers, is no number any more."""


def train_step(
    model: nn.Module,
    pictures: Tensor,
    labels: Tensor,
    *,
    optimizer: Optimizer,
    hardware: Hardware,
    label_smoothing: float = 0.0,
    backward: Callable[[Tensor], None] = Tensor.backward,
) -> Tensor:
    """Learn from one batch: forward, loss, backward, one step of the optimiser.

    Args:
        model: In train mode, on the hardware.
        pictures: float32 (N, 3, H, W).
        labels: int64 (N,) or, blended, float32 (N, classes).
        optimizer: Knows the parameters that train.
        hardware: What to compute on.
        label_smoothing: Share of the target that is spread over all classes, 0 to 1.
        backward: What turns the loss into gradients.

    Returns:
        (N, 2): the loss of each picture, and whether it was named correctly, before the step.

    Raises:
        Diverged: The loss is no number; nothing was changed.
        CourseError: Labels without a logit, or a batch that BatchNorm can't learn from.
    """
    labels = labels.to(hardware.device)
    with _batch_norm_advice(pictures):
        logits = hardware.forward(model, pictures)
    _check_labels(check_logits(logits), labels)
    losses = F.cross_entropy(logits, labels, reduction="none", label_smoothing=label_smoothing)
    loss = losses.mean()
    if not torch.isfinite(loss):
        raise Diverged(f"The loss is {loss.item()}")
    optimizer.zero_grad()
    backward(loss)
    optimizer.step()
    return rows_of(losses, logits, labels)


def _check_labels(logits: Tensor, labels: Tensor) -> None:
    if labels.dtype != torch.int64 and not labels.is_floating_point():
        raise CourseError(f"The labels are {labels.dtype}; expected torch.int64. Convert them: labels.long()")
    if labels.ndim != (2 if labels.is_floating_point() else 1):
        raise CourseError(
            f"The labels are {labels.dtype} of shape {tuple(labels.shape)} for {len(logits)} pictures; expected int64 (N,). "
            "Convert them: labels.long().flatten()"
        )
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

    Raises:
        CourseError: The loader is empty, or labels without a logit.
        Diverged: Logits that are no numbers.
    """
    logits, labels = predict(model, loader, accelerator=accelerator)
    _check_labels(check_logits(logits), labels)
    metrics = metrics_of(logits, labels)
    if math.isnan(metrics.loss):
        spoilt = int(logits.log_softmax(1).isnan().any(1).sum())
        raise Diverged(
            f"The model answers {spoilt} of {len(logits)} pictures with values that are no numbers (NaN or infinity), so no "
            "accuracy is measured. Training has diverged (lower the learning rate), or weights or pictures have such "
            "values: look for them with torch.isfinite."
        )
    return metrics


def predict(
    model: nn.Module, loader: Batches, *, accelerator: Accelerator | None = None
) -> tuple[Tensor, Tensor]:
    """The model's logits (N, classes) and the labels (N,) of all pictures, on the CPU, in eval mode.

    The mode of every module is put back as it was found.

    Raises:
        CourseError: The loader is empty.
    """
    accelerator = accelerator or make_accelerator()
    hardware = Hardware.find(accelerator.device)
    found: list[tuple[Tensor, Tensor]] = []
    quick: nn.Module | None = None
    with one_pass(loader, accelerator) as batches, eval_mode(hardware.place(model)), torch.no_grad():
        for pictures, labels in batches:
            quick = hardware.quick(model, pictures.shape[1:]) if quick is None else quick
            rows = hardware.answer(quick, pictures), labels.to(hardware.device)
            found.append(tuple(batches.gather(part).cpu() for part in rows))
    if not found:
        raise CourseError(NO_PICTURES)
    logits, labels = (torch.cat(parts) for parts in zip(*found, strict=True))
    return logits, labels
