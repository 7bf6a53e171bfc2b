"""What lesson 4 puts on the scoreboard, and what it shows of it."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure
from torch import Tensor, nn

from course_utils.experiments import scoreboard
from course_utils.lessons.fine_tune_pretrained.figures import plot_flavours

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
    results = [
        scoreboard.result_of_lesson(
            FLAVOUR[name], models[name], logits.argmax(1), labels, chosen=chosen[name], pictures=pictures
        )
        for name, (logits, labels) in answers.items()
    ]
    for result in results if drawn else ():
        scoreboard.record("04", result)
    earlier = [result for _, result in scoreboard.read("03")] if drawn else []
    own = {result.flavour: result.test_accuracy for result in (*earlier, *results)}
    return plot_flavours(own, results[0].n_test, drawn=drawn, per_class=pictures[0])
