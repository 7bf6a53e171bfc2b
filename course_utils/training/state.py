"""A training that goes on where it was broken off: all that the next epoch depends on, in one file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from course_utils.errors import CourseError
from course_utils.files import replacing
from course_utils.training.history import Epoch, History

FORMAT = "borrowed-feathers-training/1"


class Running(NamedTuple):
    """A training under way: all that its next epoch depends on.

    Attributes:
        model: As the last epoch left it.
        optimizer: Its averages and steps.
        scheduler: Where on its curve it is.
        generator: Of the loader, which decides the orders to come.
        history: Of the epochs so far.
    """

    model: nn.Module
    optimizer: Optimizer
    scheduler: LRScheduler
    generator: torch.Generator
    history: History


class TrainingState:
    """A file that holds a training after its last finished epoch: whole or absent, whatever ends the process.

    On a CPU the training that goes on from it ends with the bits of the unbroken one.
    """

    def __init__(self, file: Path) -> None:
        """Name the file; it need not exist yet."""
        self.file = file

    def save(self, running: Running, *, best: Mapping[str, Tensor] | None = None) -> None:
        """Write everything after an epoch.

        Args:
            running: The training.
            best: The state that would be kept if training ended here; None where it is the model's.

        Raises:
            CourseError: It can't be written.
        """
        model, optimizer, scheduler, generator, history = running
        state = optimizer.state_dict()
        tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
        tensors |= {f"best.{name}": tensor for name, tensor in (best or {}).items()}
        for number, values in state["state"].items():
            tensors |= {
                f"optimizer.{number}.{name}": torch.as_tensor(value) for name, value in values.items()
            }
        tensors |= {"random.global": torch.get_rng_state(), "random.loader": generator.get_state()}
        numbers = {
            "epochs": [asdict(epoch) for epoch in history.epochs],
            "n_val": history.n_val,
            "seconds": history.seconds,
            "groups": [{k: v for k, v in group.items() if k != "params"} for group in state["param_groups"]],
            "scheduler": {k: v for k, v in scheduler.state_dict().items() if k != "lr_lambdas"},
        }
        plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
        try:
            with replacing(self.file) as temporary:
                save_file(plain, temporary, metadata={"format": FORMAT, "numbers": json.dumps(numbers)})
        except (OSError, SafetensorError) as error:
            raise CourseError(
                f"The training can't be kept in {self.file} ({error}), so it could not go on later. Make room there."
            ) from error

    def restore(self, running: Running) -> dict[str, Tensor]:
        """Put everything back that :meth:`save` wrote; nothing where there is no file.

        Returns:
            The state to keep if training ended here; empty where there is no file.

        Raises:
            CourseError: The file is damaged, or of another training.
        """
        model, optimizer, scheduler, generator, history = running
        if not self.file.is_file():
            return {}
        tensors, numbers = self._read()
        parts: dict[str, dict[str, Tensor]] = {"model": {}, "best": {}, "optimizer": {}, "random": {}}
        for name, tensor in tensors.items():
            part, _, rest = name.partition(".")
            parts[part][rest] = tensor
        averages: dict[int, dict[str, Any]] = {}
        for name, tensor in parts["optimizer"].items():
            number, _, key = name.partition(".")
            averages.setdefault(int(number), {})[key] = tensor
        own = optimizer.state_dict()["param_groups"]
        try:
            model.load_state_dict(parts["model"])
            groups = [
                {**new, "params": old["params"]} for old, new in zip(own, numbers["groups"], strict=True)
            ]
            optimizer.load_state_dict({"state": averages, "param_groups": groups})
            _lay_out_alike(optimizer)
            scheduler.load_state_dict({**scheduler.state_dict(), **numbers["scheduler"]})
            history.epochs[:] = [Epoch(**epoch) for epoch in numbers["epochs"]]
            history.n_val, history.seconds = numbers["n_val"], numbers["seconds"]
            generator.set_state(parts["random"]["loader"])
            torch.set_rng_state(parts["random"]["global"])
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise CourseError(
                f"{self.file} is of another training ({error}). Delete it to begin anew, or choose another place."
            ) from error
        return parts["best"] or parts["model"]

    def _read(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        try:
            with safe_open(self.file, framework="pt") as opened:
                header = opened.metadata() or {}
                tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - not a dict
            if header.get("format") != FORMAT:
                raise ValueError(f"format {header.get('format')!r}")
            return tensors, json.loads(header["numbers"])
        except (OSError, SafetensorError, ValueError, KeyError, RecursionError) as error:
            raise CourseError(
                f"{self.file} is no training that can go on ({error}). Delete it to begin anew."
            ) from error


def _lay_out_alike(optimizer: Optimizer) -> None:
    """Averages in the memory layout of their parameters, as the optimiser makes them: other layouts are added up in another
    order."""
    for parameter, values in optimizer.state.items():
        for name, value in values.items():
            if value.shape == parameter.shape and value.ndim:
                values[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)
