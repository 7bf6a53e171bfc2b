"""The course's way: pictures decoded once; a frozen backbone asked once; fine-tuning and scratch with the course's recipes.

python benchmarks/ways/course.py FOLDER {frozen,fine_tune,scratch} EPOCHS
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from unittest.mock import patch

import typer

from course_utils.data import BirdSplits, eval_transform, load_birds, train_transform
from course_utils.experiments.flavours import FLAVOURS
from course_utils.models import load_pretrained, preprocessing_for
from course_utils.training import extract_features, fit, linear_probe, train_one_epoch
from peak import peak_megabytes

BACKBONE = "efficientnet_lite0"


def frozen(birds: BirdSplits) -> dict[str, object]:
    """Features once, then a linear probe."""
    model, preprocessing = load_pretrained(BACKBONE), preprocessing_for(BACKBONE)
    train, val = (
        extract_features(model, images, preprocessing=preprocessing, cache=False)
        for images in (birds.train, birds.val)
    )
    probe = linear_probe(train, val=val)
    return {
        "train_seconds": [train.seconds],
        "epoch_seconds": [train.seconds + val.seconds],
        "val_accuracy": probe.evaluate(val).accuracy,
    }


def trained(birds: BirdSplits, way: str, epochs: int) -> dict[str, object]:
    """So many epochs of a flavour's recipe."""
    flavour, preprocessing = FLAVOURS[way], preprocessing_for(BACKBONE)
    model = flavour.start(BACKBONE, len(birds.classes), 0)
    recipe = replace(flavour.recipe(len(birds.train)), epochs=epochs)
    seconds: list[float] = []

    def timed(*args: object, **options: object) -> object:
        start = perf_counter()
        metrics = train_one_epoch(*args, **options)
        seconds.append(perf_counter() - start)
        return metrics

    with patch.object(sys.modules[fit.__module__], "train_one_epoch", timed):
        history = fit(
            model,
            birds.train.with_transform(train_transform(preprocessing)),
            val=birds.val.with_transform(eval_transform(preprocessing)),
            recipe=recipe,
        )
    whole = [history.seconds / epochs] * epochs
    return {"train_seconds": seconds, "epoch_seconds": whole, "val_accuracy": history.best.val_accuracy}


def main(folder: Path, way: str, epochs: int) -> None:
    """Train, and print what it took."""
    birds = load_birds(folder)
    found = frozen(birds) if way == "frozen" else trained(birds, way, epochs)
    typer.echo(json.dumps(found | {"pictures": len(birds.train), "peak_megabytes": peak_megabytes()}))


if __name__ == "__main__":
    typer.run(main)
