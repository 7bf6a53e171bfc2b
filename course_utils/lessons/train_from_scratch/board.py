"""What lesson 3 puts on the scoreboard."""

from __future__ import annotations

from torch import Tensor, nn

from course_utils.experiments import scoreboard


def record(
    model: nn.Module,
    named: Tensor,
    labels: Tensor,
    *,
    val_accuracy: float,
    pictures: tuple[int, int],
    seconds: float,
) -> None:
    """Put the lesson's training on the scoreboard.

    Args:
        model: A ResNet-18 that was trained.
        named: int64 (N,), what it called the test pictures.
        labels: int64 (N,), what they are.
        val_accuracy: Of the epoch that was kept, 0 to 1.
        pictures: How many of each species it was trained on, and their side in px.
        seconds: That training took.
    """
    chosen = (val_accuracy, seconds)
    result = scoreboard.result_of_lesson(
        "scratch_short", model, named, labels, chosen=chosen, pictures=pictures
    )
    scoreboard.record("03", result)
