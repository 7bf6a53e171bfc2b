"""What each short way of the course gains, switched off and on by turns: medians of the ratios.

    python benchmarks/short_ways.py [--rounds 5]

``COURSE_PRECISION=fp32`` measures what a processor without bf16 does.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from time import perf_counter
from unittest.mock import patch

import typer

from course_utils.data import BirdSplits, eval_transform, load_birds, train_transform
from course_utils.experiments.flavours import FLAVOURS
from course_utils.models import load_pretrained, preprocessing_for
from course_utils.training import Recipe, extract_features, fit, hardware
from course_utils.training.hardware import describe

BACKBONE = "efficientnet_lite0"
PREPROCESSING = preprocessing_for(BACKBONE)
Switch = Callable[[], AbstractContextManager[object]]


def features(birds: BirdSplits) -> None:
    """One pass of a frozen backbone."""
    extract_features(load_pretrained(BACKBONE), birds.train, preprocessing=PREPROCESSING, cache=False)


def training(way: str) -> Callable[[BirdSplits], None]:
    """Two epochs of a flavour, val included."""

    def run(birds: BirdSplits) -> None:
        train = birds.train.with_transform(train_transform(PREPROCESSING))
        val = birds.val.with_transform(eval_transform(PREPROCESSING))
        fit(FLAVOURS[way].start(BACKBONE, len(birds.classes), 0), train, val=val, recipe=Recipe(2))

    return run


def _unfolded() -> AbstractContextManager[object]:
    return patch.object(hardware, "folded", lambda model, sample, trains: model)


def _large_batches() -> AbstractContextManager[object]:
    return patch.object(hardware, "PIXELS_AT_A_TIME", 2**30)


def _plain_depthwise() -> AbstractContextManager[object]:
    return patch.dict("os.environ", {"COURSE_DEPTHWISE": "plain"})


def _frozen_stages_again() -> AbstractContextManager[object]:
    return patch.object(sys.modules[fit.__module__], "skip_frozen_stages", lambda model, batches: model)


WORK: dict[str, tuple[Callable[[BirdSplits], None], dict[str, Switch]]] = {
    "features of a frozen backbone": (
        features,
        {"BatchNorm folded": _unfolded, "pieces that fit the caches": _large_batches},
    ),
    "fine-tuning": (
        training("fine_tune"),
        {
            "BatchNorm folded": _unfolded,
            "pieces that fit the caches": _large_batches,
            "depthwise gradients": _plain_depthwise,
            "frozen stages once for val": _frozen_stages_again,
        },
    ),
    "from scratch": (training("scratch"), {"depthwise gradients": _plain_depthwise}),
}


def main(rounds: int = 3, per_class: int = 10) -> None:
    """Print how many times longer each work takes without one short way, and without all of them."""
    birds = load_birds("fieldguide", images_per_class=per_class)
    typer.echo(f"{len(birds.train)} pictures, {len(birds.val)} of val; {rounds} rounds; {describe()}")
    for name, (work, switches) in WORK.items():
        without = {way: [switch] for way, switch in switches.items()} | {"all": list(switches.values())}
        ratios: dict[str, list[float]] = {way: [] for way in without}
        for _ in range(rounds):
            whole = _seconds(work, birds, [])
            for way, off in without.items():
                ratios[way].append(_seconds(work, birds, off) / whole)
        for way, found in ratios.items():
            typer.echo(f"{name}, without {way}: {statistics.median(found):.2f} times longer")


def _seconds(work: Callable[[BirdSplits], None], birds: BirdSplits, off: list[Switch]) -> float:
    with ExitStack() as stack:
        for switch in off:
            stack.enter_context(switch())
        start = perf_counter()
        work(birds)
        return perf_counter() - start


if __name__ == "__main__":
    typer.run(main)
