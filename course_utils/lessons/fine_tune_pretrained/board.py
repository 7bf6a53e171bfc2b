"""What lesson 4 puts on the scoreboard, and what it shows of it."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure
from torch import Tensor, nn

from course_utils.experiments import scoreboard
from course_utils.experiments.results import RunResult
from course_utils.lessons.fine_tune_pretrained.figures import plot_flavours
from course_utils.metrics.classification import confusion_counts, metrics_of
from course_utils.models import count_parameters
from course_utils.models.packaged import LITE0

FLAVOUR = {"linear probe": "linear_probe", "fine-tuned": "fine_tune_short"}
"""By what the lesson calls it."""


def show_scores(
    models: Mapping[str, nn.Module],
    answers: Mapping[str, tuple[Tensor, Tensor]],
    chosen: Mapping[str, tuple[float, float]],
    *,
    pictures: tuple[int, int],
    drawn: bool,
) -> Figure:
    """Show what the lesson's models came to on test, beside other ways; on the bundled birds, keep it on the scoreboard.

    Args:
        models: The linear probe and the fine-tuned model, by the names of :data:`FLAVOUR`.
        answers: Of each the logits (N, classes) and the labels (N,) of the test pictures.
        chosen: Of each the val accuracy (0 to 1), and the seconds it took to train.
        pictures: How many of each species it was trained on, and their side in px.
        drawn: Whether they are the bundled birds.
    """
    results = [_result(name, models[name], answers[name], chosen[name], pictures) for name in models]
    for result in results if drawn else ():
        scoreboard.record("04", result)
    earlier = [result for _, result in scoreboard.read("03")] if drawn else []
    own = {result.flavour: result.test_accuracy for result in (*earlier, *results)}
    return plot_flavours(own, results[0].n_test, drawn=drawn, per_class=pictures[0])


def _result(
    name: str,
    model: nn.Module,
    answers: tuple[Tensor, Tensor],
    chosen: tuple[float, float],
    pictures: tuple[int, int],
) -> RunResult:
    logits, labels = answers
    named = logits.argmax(1)
    return RunResult(
        flavour=FLAVOUR[name],
        model=LITE0,
        image_size=pictures[1],
        images_per_class=pictures[0],
        seed=0,
        val_accuracy=chosen[0],
        test_accuracy=metrics_of(logits, labels).accuracy,
        n_test=len(labels),
        seconds=round(chosen[1], 2),
        trainable_parameters=count_parameters(model).trainable,
        confusion=confusion_counts(named, labels, logits.shape[1]),
        precision="fp32",
        predicted=named.tolist(),
    )
