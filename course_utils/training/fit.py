"""Train a model on one set, choose the best epoch on another."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from time import perf_counter
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, Dataset, default_collate
from torchvision.transforms import v2
from tqdm.auto import tqdm

from course_utils.arguments import is_number, is_whole
from course_utils.data import ImageSet
from course_utils.errors import CourseError
from course_utils.metrics.classification import Metrics
from course_utils.models import count_parameters, parameter_groups
from course_utils.runtime import seed_everything
from course_utils.training.first_look import PREPARE, check_dataset, check_model
from course_utils.training.frozen_stages import skip_frozen_stages
from course_utils.training.hardware import Hardware
from course_utils.training.history import Epoch, History
from course_utils.training.loop import evaluate, make_accelerator, train_one_epoch
from course_utils.training.state import Running, TrainingState

LabelledPictures = Dataset[tuple[Tensor, int]]
NOTHING_TO_TRAIN = "Every parameter is frozen, so there is nothing to train. Unfreeze the head or more."
NO_TRANSFORM = (
    "{!r} holds pictures as they were read; a model wants them prepared. "
    "Call .with_transform(eval_transform(preprocessing)) on it, or train_transform to train."
)


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Attributes:
        epochs: Passes over the training pictures.
        lr: Peak learning rate (of the head, when ``lr_backbone`` is given).
        lr_backbone: Peak learning rate of the rest; None takes ``lr``.
        batch_size: Pictures a step.
        weight_decay: AdamW's.
        warmup: Share of all steps in which the rate rises from 0; it then falls to 0 along a cosine.
        label_smoothing: Share of the target that is spread over all classes.
        mixup: How strongly pairs of pictures and their labels are blended (Zhang et al. 2018): the alpha of
            the Beta distribution that the share is drawn from; 0 blends nothing.
    """

    epochs: int
    lr: float = 1e-3
    lr_backbone: float | None = None
    batch_size: int = 32
    weight_decay: float = 0.05
    warmup: float = 0.1
    label_smoothing: float = 0.1
    mixup: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.generic):
                object.__setattr__(self, field.name, value.item())
            elif not is_number(value) and not (field.name == "lr_backbone" and value is None):
                text = (
                    f" It is text, as a settings file may give it: float({value!r})"
                    if isinstance(value, str)
                    else ""
                )
                raise CourseError(f"{field.name} is {value!r}; expected a number.{text}")
        whole = {"epochs": self.epochs, "batch_size": self.batch_size}
        if any(not is_whole(n) or n < 1 for n in whole.values()):
            raise CourseError(f"{_named(whole)}; expected whole numbers of 1 or more.")
        rates = {"lr": self.lr} | ({} if self.lr_backbone is None else {"lr_backbone": self.lr_backbone})
        if any(not 0 < rate < math.inf for rate in rates.values()):
            raise CourseError(
                f"{_named(rates)}; expected numbers above 0. To keep the backbone as it is, freeze it; "
                "lr_backbone=None trains it at lr."
            )
        amounts = {"weight_decay": self.weight_decay, "mixup": self.mixup}
        if any(not 0 <= amount < math.inf for amount in amounts.values()):
            raise CourseError(f"{_named(amounts)}; expected numbers of 0 or more.")
        shares = {"warmup": self.warmup, "label_smoothing": self.label_smoothing}
        if any(not 0 <= share < 1 for share in shares.values()):
            raise CourseError(f"{_named(shares)}; expected shares from 0 to below 1.")


def _named(values: dict[str, float]) -> str:
    return " and ".join(f"{name} is {value!r}" for name, value in values.items())


def make_loader(
    pictures: LabelledPictures,
    *,
    batch_size: int = 64,
    shuffle: bool = False,
    seed: int = 0,
    collate: Callable[[list], tuple[Tensor, Tensor]] | None = None,
) -> DataLoader[tuple[Tensor, Tensor]]:
    """Batches in this process: no worker processes, which hang or crash in notebooks on some systems.

    Args:
        pictures: A dataset of (picture, label).
        batch_size: Pictures a batch; the last batch may be smaller, and is kept.
        shuffle: New order every epoch.
        seed: Decides the orders.
        collate: Makes a batch of a list of (picture, label); by default they are stacked.

    Raises:
        CourseError: The pictures have no transform yet.
    """
    if isinstance(pictures, ImageSet):
        raise CourseError(NO_TRANSFORM.format(pictures))
    generator = torch.Generator().manual_seed(seed)
    return DataLoader(
        pictures, batch_size, shuffle=shuffle, generator=generator, collate_fn=collate or _stacked
    )


@torch.inference_mode(False)
@torch.enable_grad()
def fit(
    model: nn.Module,
    train: LabelledPictures,
    *,
    val: LabelledPictures,
    recipe: Recipe,
    seed: int = 0,
    device: str | torch.device | None = None,
    keep: Literal["best", "last"] = "best",
    state: TrainingState | None = None,
) -> History:
    """Train with AdamW, warm-up and a cosine schedule; leave the model with the weights of one epoch.

    So too when training is interrupted or diverges: what the finished epochs reached is not lost. Parameters that are
    frozen stay as they are.
    What frozen stages make of ``val`` is computed once.

    Args:
        model: A model of the course; changed in place.
        train: (picture, label) pairs, augmented afresh each time they are asked for.
        val: (picture, label) pairs.
        recipe: How to train.
        seed: Decides the order of the pictures, the augmentation and dropout. Seeds the global generators.
        device: Where to run; None takes the best one here.
        keep: Which epoch's weights to leave: the one that ``val`` decides for (see :attr:`History.best`), or the last
            finished one, whatever val says.
        state: Keeps the training after each epoch; what it holds already is gone on with.

    Returns:
        Loss and accuracy of each epoch.

    Raises:
        CourseError: Nothing to train; samples that are no (picture, label), or a model that does not make logits of them,
            before anything is trained; labels that the model has no logits for; or the loss stopped being a number.
    """
    for name, pictures in (("train", train), ("val", val)):
        if isinstance(pictures, ImageSet):
            raise CourseError(NO_TRANSFORM.format(pictures))
        check_dataset(name, pictures)
    classes, _ = (check_model(model, pictures[0][0]) for pictures in (train, val))
    if not count_parameters(model).trainable:
        raise CourseError(NOTHING_TO_TRAIN)
    start = perf_counter()
    seed_everything(seed)
    seed = int(seed)
    accelerator = make_accelerator(device)
    # Before the model is prepared, so that what Accelerate wraps around it for several processes knows the layout.
    hardware = Hardware.find(accelerator.device)
    hardware.place(model)
    lr_backbone = recipe.lr if recipe.lr_backbone is None else recipe.lr_backbone
    groups = parameter_groups(model, lr_backbone=lr_backbone, lr_head=recipe.lr)
    fused = hardware.device.type in ("cpu", "cuda")  # one pass over the parameters instead of a dozen
    optimizer = AdamW(groups, weight_decay=recipe.weight_decay, fused=fused)
    collate = _blend(classes, recipe.mixup) if recipe.mixup else None
    size = batch_size_for(len(train), recipe.batch_size, processes=accelerator.num_processes)
    loader = make_loader(train, batch_size=size, shuffle=True, seed=seed, collate=collate)
    generator, loader = loader.generator, accelerator.prepare(loader)
    val_loader = accelerator.prepare(make_loader(val))
    scheduler = LambdaLR(optimizer, warmup_cosine(recipe.epochs * len(loader), recipe.warmup))
    prepared, optimizer = accelerator.prepare(model, optimizer)
    history = History()
    running = Running(model, optimizer, scheduler, generator, history)
    best_state = state.restore(running) if state else {}
    before, first = history.seconds, len(history.epochs) + 1
    quick = hardware.quick(prepared, val[0][0].shape, trains=True)
    alone = accelerator.num_processes == 1
    to_measure = skip_frozen_stages(quick, batches=len(val)) if alone else quick
    bar = tqdm(
        total=recipe.epochs * len(loader),
        desc="Training",
        unit="batch",
        initial=(first - 1) * len(loader),
        disable=not accelerator.is_main_process,
    )
    try:
        for epoch in range(first, recipe.epochs + 1):
            trained = train_one_epoch(
                quick,
                loader,
                optimizer=optimizer,
                scheduler=scheduler,
                label_smoothing=recipe.label_smoothing,
                accelerator=accelerator,
                on_batch=bar.update,
            )
            measured = evaluate(to_measure, val_loader, accelerator=accelerator)
            history.n_val = measured.n
            history.epochs.append(_epoch(epoch, trained, measured, optimizer.param_groups[-1]["lr"]))
            is_kept = keep == "last" or history.best.epoch == epoch
            if is_kept:
                # deepcopy: what is no tensor, such as a module's extra state, is part of it too
                best_state = copy.deepcopy(model.state_dict())
            bar.set_postfix_str(
                f"epoch {epoch} of {recipe.epochs}, train loss {trained.loss:.2f}, val accuracy {measured.accuracy:.1%}"
            )
            history.seconds = before + perf_counter() - start
            if state is not None:
                state.save(running, best=None if is_kept else best_state)
    finally:
        bar.close()
        if best_state:
            model.load_state_dict(best_state)
    history.seconds = before + perf_counter() - start
    return history


def batch_size_for(pictures: int, wanted: int, *, processes: int = 1) -> int:
    """The batch size nearest to ``wanted`` that BatchNorm and the processes can live with.

    BatchNorm can't learn from one picture. A single process must not be left a last batch of one; several share
    each batch out evenly, and Accelerate fills the last one up.

    Args:
        pictures: In the training set.
        wanted: Pictures of one optimiser step.
        processes: How many share a batch.
    """
    if processes > 1:
        return max(2, wanted // processes) * processes
    return next((n for n in range(wanted, 1, -1) if pictures % n != 1), wanted)


def warmup_cosine(steps: int, warmup: float) -> Callable[[int], float]:
    """Factor of the peak learning rate at each step: up in a line, then down along a cosine to 0."""
    rising = max(1, round(warmup * steps))

    def factor(step: int) -> float:
        if step < rising:
            return (step + 1) / rising
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - rising) / max(1, steps - rising))))

    return factor


def _blend(classes: int, alpha: float) -> Callable[[list], tuple[Tensor, Tensor]]:
    mixup = v2.MixUp(alpha=alpha, num_classes=classes)
    return lambda rows: mixup(*_stacked(rows))


def _stacked(rows: list) -> list[Tensor]:
    try:
        return default_collate(rows)
    except (RuntimeError, TypeError) as error:
        pictures, labels = zip(*rows, strict=True)
        sizes = sorted({str(tuple(p.shape)) if isinstance(p, Tensor) else type(p).__name__ for p in pictures})
        kinds = sorted({type(label).__name__ for label in labels})
        found = (
            f"pictures, which are {' and '.join(sizes[:3])}. Expected tensors of one size: give the dataset a transform. "
            f"{PREPARE}"
            if len(sizes) > 1
            else f"labels, which are {' and '.join(kinds)} ({error}). Expected whole numbers: int(label)"
        )
        raise CourseError(f"A batch can't be made of the {found}") from error


def _epoch(number: int, trained: Metrics, measured: Metrics, lr: float) -> Epoch:
    return Epoch(number, trained.loss, trained.accuracy, measured.loss, measured.accuracy, lr)
