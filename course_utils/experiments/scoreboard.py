"""The scoreboard: each lesson puts its final numbers on it, and ``course run`` shows it at the end."""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict

from torch import Tensor, nn

from course_utils import paths
from course_utils.experiments.flavours import FLAVOURS
from course_utils.experiments.results import RunResult
from course_utils.files import save_text
from course_utils.metrics.classification import confusion_counts
from course_utils.models import count_parameters, head_of
from course_utils.models.packaged import LITE0


def result_of_lesson(
    flavour: str,
    model: nn.Module,
    named: Tensor,
    labels: Tensor,
    *,
    chosen: tuple[float, float],
    pictures: tuple[int, int],
) -> RunResult:
    """What a training came to that a lesson wrote out in plain PyTorch, in fp32.

    Args:
        flavour: A key of :data:`~course_utils.experiments.flavours.FLAVOURS`.
        model: What was trained.
        named: int64 (N,), what it called the test pictures.
        labels: int64 (N,), what they are.
        chosen: Val accuracy of the weights that were kept (0 to 1), and the seconds that training took.
        pictures: How many of each class it was trained on, and their side in px.
    """
    return RunResult(
        flavour=flavour,
        model=FLAVOURS[flavour].model_name(LITE0),
        image_size=pictures[1],
        images_per_class=pictures[0],
        seed=0,
        val_accuracy=chosen[0],
        test_accuracy=(named == labels).float().mean().item(),
        n_test=len(labels),
        seconds=round(chosen[1], 2),
        trainable_parameters=count_parameters(model).trainable,
        confusion=confusion_counts(named, labels, head_of(model).out_features),
        precision="fp32",
        predicted=named.tolist(),
    )


def record(lesson: str, result: RunResult) -> None:
    """Put a lesson's result on the board, in place of an earlier one of the same flavour.

    Args:
        lesson: Its two-digit number.
        result: What it measured on test.
    """
    save_text(_folder() / f"{lesson}-{result.flavour}.json", json.dumps(asdict(result), indent=2) + "\n")


def read(*lessons: str) -> list[tuple[str, RunResult]]:
    """The (lesson, result) pairs on the board, in the order of the lessons. Foreign files are left out, with a warning.

    Args:
        *lessons: Two-digit numbers of those that are asked for; none asks for all.
    """
    found = []
    for file in sorted(_folder().glob("*.json")):
        if lessons and file.name[:2] not in lessons:
            continue
        try:
            found.append((file.name[:2], RunResult(**json.loads(file.read_text(encoding="utf-8")))))
        except (OSError, ValueError, TypeError) as error:
            warnings.warn(f"{file} is no result of a lesson ({error}): left out.", stacklevel=2)
    return found


def clear(lessons: list[str]) -> None:
    """Take the results of these lessons off the board."""
    for lesson in lessons:
        for file in _folder().glob(f"{lesson}-*.json"):
            file.unlink()


def _folder() -> paths.Path:
    return paths.output_dir() / "scoreboard"
