"""Fine-tuning that evaluates val from where the frozen stages end, against the whole way in every epoch.

Both train the same model on the same pictures and come to the same history. Rounds are interleaved and the median
ratio counts, so that a busy machine slows both.

    python benchmarks/frozen_stages.py [--rounds 3] [--pictures 10] [--epochs 4]
"""

from __future__ import annotations

import statistics
import sys
from unittest.mock import patch

import typer

from course_utils.data import eval_transform, load_birds, train_transform
from course_utils.models import freeze, load_pretrained, preprocessing_for, unfreeze
from course_utils.training import History, Recipe, fit

BACKBONE, START = "efficientnet_lite0", "blocks.4"


def fine_tune(pictures: int, epochs: int) -> History:
    """One training, from the same start every time."""
    birds = load_birds("fieldguide", images_per_class=pictures)
    preprocessing = preprocessing_for(BACKBONE)
    model = unfreeze(freeze(load_pretrained(BACKBONE, len(birds.classes), seed=0)), START)
    val = birds.val.with_transform(eval_transform(preprocessing))
    train = birds.train.with_transform(train_transform(preprocessing))
    return fit(model, train, val=val, recipe=Recipe(epochs, lr=3e-3, lr_backbone=3e-4))


def whole_way(pictures: int, epochs: int) -> History:
    """The same without the short way."""
    with patch.object(sys.modules[fit.__module__], "skip_frozen_stages", lambda model, batches: model):
        return fine_tune(pictures, epochs)


def main(rounds: int = 3, pictures: int = 10, epochs: int = 4) -> None:
    """Print the seconds of each round and the median ratio."""
    ratios = []
    for number in range(1, rounds + 1):
        whole, short = whole_way(pictures, epochs), fine_tune(pictures, epochs)
        assert whole.epochs == short.epochs
        ratios.append(whole.seconds / short.seconds)
        typer.echo(
            f"round {number}: {whole.seconds:.1f} s the whole way, {short.seconds:.1f} s the short way"
        )
    typer.echo(f"{statistics.median(ratios):.2f} times as fast, median of {rounds} rounds, the same history")


if __name__ == "__main__":
    typer.run(main)
