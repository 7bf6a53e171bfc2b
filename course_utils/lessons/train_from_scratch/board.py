"""What lesson 3 puts on the scoreboard."""

from __future__ import annotations

from torch import Tensor, nn

from course_utils.experiments import scoreboard
from course_utils.experiments.results import RunResult
from course_utils.metrics.classification import confusion_counts
from course_utils.models import count_parameters


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
    scoreboard.record(
        "03",
        RunResult(
            flavour="scratch_short",
            model="resnet18",
            image_size=pictures[1],
            images_per_class=pictures[0],
            seed=0,
            val_accuracy=val_accuracy,
            test_accuracy=(named == labels).float().mean().item(),
            n_test=len(labels),
            seconds=round(seconds, 2),
            trainable_parameters=count_parameters(model).trainable,
            confusion=confusion_counts(named, labels, model.fc.out_features),
            precision="fp32",
            predicted=named.tolist(),
        ),
    )
