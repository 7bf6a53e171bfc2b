"""fastai's way, as its documentation shows it: a learner of pictures, one-cycle training, ``fine_tune``.

python benchmarks/ways/with_fastai.py FOLDER {frozen,fine_tune,scratch} EPOCHS WEIGHTS
"""

from __future__ import annotations

import json
from pathlib import Path
from time import perf_counter

import typer
from fastai.vision.all import (
    Callback,
    ChannelsLast,
    Flip,
    ImageDataLoaders,
    RandomResizedCrop,
    Resize,
    accuracy,
    set_seed,
    vision_learner,
)

from peak import peak_megabytes


class Clock(Callback):
    """Seconds of each epoch, and of its training alone."""

    def before_fit(self) -> None:
        """Begin."""
        self.train_seconds: list[float] = []
        self.epoch_seconds: list[float] = []

    def before_epoch(self) -> None:
        """Note the start."""
        self.start = perf_counter()

    def after_train(self) -> None:
        """Note what training took."""
        self.train_seconds.append(perf_counter() - self.start)

    def after_epoch(self) -> None:
        """Note what all of it took."""
        self.epoch_seconds.append(perf_counter() - self.start)


def main(folder: Path, way: str, epochs: int, weights: Path) -> None:
    """Train, and print what it took."""
    set_seed(0)
    batch_size = min(64, sum(1 for _ in (folder / "train").rglob("*.*")) // 2)
    frozen = way == "frozen"
    loaders = ImageDataLoaders.from_folder(
        folder,
        train="train",
        valid="val",
        item_tfms=Resize(224) if frozen else RandomResizedCrop(224, min_scale=0.5),
        batch_tfms=None if frozen else Flip(),
        bs=batch_size,
        num_workers=0,
    )
    clock = Clock()
    borrowed = way != "scratch"
    overlay = {"pretrained_cfg_overlay": {"file": str(weights)}} if borrowed else {}
    learner = vision_learner(
        loaders,
        "tf_efficientnet_lite0",
        metrics=accuracy,
        pretrained=borrowed,
        cbs=[clock, ChannelsLast()],
        **overlay,
    )
    with learner.no_bar(), learner.no_logging():
        if way == "fine_tune":
            learner.unfreeze()
        learner.fit_one_cycle(epochs, 2e-3)
    found = {
        "train_seconds": clock.train_seconds,
        "epoch_seconds": clock.epoch_seconds,
        "val_accuracy": max(float(row[-1]) for row in learner.recorder.values),
        "pictures": len(loaders.train) * batch_size,
        "peak_megabytes": peak_megabytes(),
    }
    typer.echo(json.dumps(found))


if __name__ == "__main__":
    typer.run(main)
