"""Before the course: what it runs on, how fast that is, and how many minutes each lesson will take.

A lesson's work was measured once, on a machine whose speed was measured at the same time, and is kept in
``results/lesson_times.json`` as seconds that no processor shortens much (starting, reading pictures) and a number of
pictures that go through the workload that dominates the lesson. ``tools/time_lessons.py`` writes that file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Literal

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import AdamW

from course_utils import paths, runtime
from course_utils.models import build_definition, freeze, load_pretrained, parameter_groups, unfreeze
from course_utils.training import train_one_epoch
from course_utils.training.hardware import describe

CLASSES = 18
BATCH_SIZE = 32
FILE = "lesson_times.json"
WORDS_A_MINUTE, MINUTES_A_CELL, MINUTES_AN_EXERCISE = 120, 0.4, 5
"""Of a person who reads code and a foreign language with care: an estimate, not a measurement."""


@dataclass(frozen=True)
class Workload:
    """A kind of work that some lessons spend most of their time on.

    Attributes:
        says: What is done, in words.
        image_size: Side of the pictures in px.
        build: Makes the model.
        way: ``"fit"`` is a training step of the course, ``"plain"`` one as lessons write it out, ``"ask"`` a forward pass as
            they write it out.
    """

    says: str
    image_size: int
    build: Callable[[], nn.Module]
    way: Literal["fit", "plain", "ask"]


WORKLOADS: dict[str, Workload] = {
    "scratch": Workload(
        "train ResNet-18 from scratch, 128 px",
        128,
        lambda: build_definition("resnet18", CLASSES, seed=0),
        "fit",
    ),
    "plain": Workload(
        "train ResNet-18 from scratch, 96 px, in plain PyTorch",
        96,
        lambda: build_definition("resnet18", CLASSES, seed=0),
        "plain",
    ),
    "forward": Workload(
        "ask EfficientNet-Lite0 for its answer, 224 px, in plain PyTorch on the processor",
        224,
        lambda: load_pretrained("efficientnet_lite0"),
        "ask",
    ),
    "fine_tune": Workload(
        "fine-tune EfficientNet-Lite0 from blocks.2 on, 224 px, in plain PyTorch",
        224,
        lambda: unfreeze(freeze(load_pretrained("efficientnet_lite0", CLASSES, seed=0)), "blocks.2"),
        "plain",
    ),
}


def machine() -> dict[str, str]:
    """What the course runs on, in words."""
    device = runtime.best_device()
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type.upper()
    threads = f"{torch.get_num_threads()} threads on {os.cpu_count()} processors"
    return {
        **runtime.versions(),
        "device": f"{name}, {threads}" if device.type == "cpu" else name,
        "precision": describe(device),
        "profile": runtime.profile(),
    }


def measure(*, batches: int = 4) -> dict[str, float]:
    """Time a few batches of each workload, after one to warm up, on random pictures; the median counts.

    Args:
        batches: How many are timed.

    Returns:
        Pictures a second for each key of :data:`WORKLOADS`.
    """
    return {name: _speed(workload, batches) for name, workload in WORKLOADS.items()}


def _speed(workload: Workload, batches: int) -> float:
    generator = torch.Generator().manual_seed(0)
    side = workload.image_size
    pictures = torch.randn(BATCH_SIZE, 3, side, side, generator=generator)
    batch = (pictures, torch.arange(BATCH_SIZE) % CLASSES)
    step = _step(workload)
    step([batch])
    seconds = []
    for _ in range(batches):
        start = perf_counter()
        step([batch])
        seconds.append(perf_counter() - start)
    return BATCH_SIZE / median(seconds)


def _step(workload: Workload) -> Callable[[list[tuple[Tensor, Tensor]]], object]:
    model = workload.build()
    if workload.way == "ask":
        return partial(_ask, model.eval())
    model.to(memory_format=torch.channels_last)
    if workload.way == "plain":
        return partial(_learn, model.train(), AdamW(model.parameters(), lr=1e-4))
    optimizer = AdamW(parameter_groups(model, lr_backbone=1e-4, lr_head=1e-4))
    return lambda loader: train_one_epoch(model, loader, optimizer=optimizer)


def _learn(model: nn.Module, optimizer: AdamW, loader: list[tuple[Tensor, Tensor]]) -> None:
    for pictures, labels in loader:
        loss = F.cross_entropy(model(pictures), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@torch.no_grad()
def _ask(model: nn.Module, loader: list[tuple[Tensor, Tensor]]) -> None:
    for pictures, _ in loader:
        model(pictures)


@dataclass(frozen=True)
class LessonTime:
    """What a lesson does, as far as time is concerned.

    Attributes:
        title: Its title.
        workload: The key of :data:`WORKLOADS` that dominates it.
        overhead_seconds: Time that does not depend on the workload's speed.
        pictures: How many pictures, each time one goes through the workload, take the rest of its time.
    """

    title: str
    workload: str
    overhead_seconds: float
    pictures: float

    def minutes(self, speeds: Mapping[str, float]) -> float:
        """Minutes on a machine with these speeds, in pictures a second."""
        return (self.overhead_seconds + self.pictures / speeds[self.workload]) / 60


def lesson_time(title: str, workload: str, *, smoke: float, standard: float, speed: float) -> LessonTime:
    """Work of a lesson from two runs of it.

    Args:
        title: Its title.
        workload: What dominates it.
        smoke: Seconds in the smoke profile, which leaves nearly all computing out.
        standard: Seconds in the standard profile.
        speed: Pictures a second of the workload on the same machine.
    """
    overhead = min(smoke, standard)
    return LessonTime(title, workload, overhead, (standard - overhead) * speed)


def read_times(file: Path | None = None) -> dict[str, LessonTime]:
    """The work of each lesson by its number; empty when nobody has measured it.

    Args:
        file: By default the one that comes with the course.
    """
    file = file or paths.results_dir() / FILE
    if not file.is_file():
        return {}
    content = json.loads(file.read_text(encoding="utf-8"))
    return {number: LessonTime(**fields) for number, fields in content["lessons"].items()}


def minutes_in_all(speeds: Mapping[str, float]) -> float:
    """Minutes of all lessons in the standard profile, on a machine with these speeds in pictures a second."""
    return sum(time.minutes(speeds) for time in read_times().values())


def person_minutes(notebook: Path) -> int:
    """Minutes that a person needs for a lesson, to the nearest five, estimated from its text, its code and its exercises.

    Args:
        notebook: The lesson.
    """
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    words = sum(len("".join(cell["source"]).split()) for cell in cells if cell["cell_type"] == "markdown")
    n_code = sum(cell["cell_type"] == "code" for cell in cells)
    n_exercises = sum("exercise" in cell["metadata"].get("tags", []) for cell in cells)
    minutes = words / WORDS_A_MINUTE + n_code * MINUTES_A_CELL + n_exercises * MINUTES_AN_EXERCISE
    return 5 * max(1, round(minutes / 5))


def predict(speeds: Mapping[str, float], times: Mapping[str, LessonTime] | None = None) -> pd.DataFrame:
    """A table of the lessons with the minutes of this machine, in the standard profile, and those of a person.

    Args:
        speeds: What :func:`measure` returned.
        times: The work of each lesson; by default that which comes with the course.
    """
    rows = [
        {
            "lesson": int(number),
            "title": time.title,
            "computer (minutes)": _about(time.minutes(speeds)),
            "you (minutes)": f"about {person_minutes(next(paths.notebooks_dir().glob(f'{number}_*.ipynb')))}",
        }
        for number, time in sorted((read_times() if times is None else times).items())
    ]
    columns = ["lesson", "title", "computer (minutes)", "you (minutes)"]
    return pd.DataFrame(rows, columns=columns).set_index("lesson")


def _about(minutes: float) -> str:
    return "less than 1" if minutes < 0.75 else f"about {minutes:.0f}"
