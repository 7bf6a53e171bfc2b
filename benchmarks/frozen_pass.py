"""One pass of a frozen backbone: folded and in small batches, as the course does it, against the model as it is.

The answers are the same but for rounding. Rounds are interleaved and the median ratio counts, so that a busy machine
slows both. ``COURSE_PRECISION=fp32`` measures what a processor without bf16 does.

    python benchmarks/frozen_pass.py [--rounds 5] [--pictures 10]
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from unittest.mock import patch

import typer

from course_utils.data import load_birds
from course_utils.models import freeze, load_pretrained, preprocessing_for
from course_utils.training import extract_features, hardware
from course_utils.training.hardware import describe

BACKBONE = "efficientnet_lite0"


def unfolded() -> AbstractContextManager[object]:
    """Leave the model as it is."""
    return patch.object(hardware, "folded", lambda model, sample, trains: model)


def large_batches() -> AbstractContextManager[object]:
    """64 pictures at a time."""
    return patch.object(hardware, "PIXELS_AT_A_TIME", 2**30)


WAYS: dict[str, tuple[Callable[[], AbstractContextManager[object]], ...]] = {
    "as it is, 64 at a time": (unfolded, large_batches),
    "as it is, 16 at a time": (unfolded, nullcontext),
    "folded, 64 at a time": (nullcontext, large_batches),
    "folded, 16 at a time": (nullcontext, nullcontext),
}


def main(rounds: int = 5, pictures: int = 10) -> None:
    """Print pictures a second of each way, and the median ratio to the first."""
    birds = load_birds("fieldguide", images_per_class=pictures)
    model, preprocessing = freeze(load_pretrained(BACKBONE)), preprocessing_for(BACKBONE)
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way, (one, other) in WAYS.items():
            with one(), other():
                found = extract_features(model, birds.train, preprocessing=preprocessing, cache=False)
            seconds[way].append(found.seconds)
    typer.echo(f"{len(birds.train)} pictures, median of {rounds} rounds, {describe()}")
    first = seconds[next(iter(WAYS))]
    for way, took in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(first, took, strict=True))
        typer.echo(
            f"{way:24} {len(birds.train) / statistics.median(took):6.1f} pictures/s, {ratio:.2f} times"
        )


if __name__ == "__main__":
    typer.run(main)
