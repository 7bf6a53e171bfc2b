"""Another model from the shelf: what it borrows, and what its linear probe reaches on the same pictures."""

from __future__ import annotations

from torch import nn

from course_utils.data import BirdSplits
from course_utils.metrics.intervals import accuracy_in_words
from course_utils.models import count_parameters, load_pretrained, preprocessing_for
from course_utils.models.build import check_model_name
from course_utils.models.weights import how_to_get, weights_are_here
from course_utils.notebook.notes import show_note
from course_utils.runtime import pick
from course_utils.training.features import extract_features
from course_utils.training.probe import linear_probe

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def in_numbers(model: nn.Module) -> str:
    """Parameters and BatchNorm layers of a model, in words."""
    norms = sum(isinstance(module, NORMS) for module in model.modules())
    return f"{count_parameters(model)}, {norms} BatchNorm layers"


def try_probe(name: str, birds: BirdSplits, *, download: bool = False) -> None:
    """Fit a linear probe on a model's features and say what it reached on val and what it took.

    Args:
        name: A model name.
        birds: Train teaches, val chooses the penalty; test is not read.
        download: Fetch the weights where they are not on this machine. Without it a note says how to.

    Raises:
        CourseError: An unknown name; weights that can't be fetched or are damaged.
    """
    check_model_name(name)
    if not (download or weights_are_here(name)):
        show_note(
            name,
            f"its weights are not on this machine ({how_to_get(name)}). With them this cell would run the frozen network "
            "once over the pictures and fit the probe.",
        )
        return
    model = load_pretrained(name)
    size = pick(smoke=64, standard=None, full=None)
    preprocessing = preprocessing_for(name, image_size=size)
    train, val = (
        extract_features(model, images, preprocessing=preprocessing) for images in (birds.train, birds.val)
    )
    probe = linear_probe(train, val=val)
    accuracy = accuracy_in_words(probe.val[probe.l2].accuracy, len(val.y))
    pictures = len(train.y) + len(val.y)
    show_note(
        name,
        f"a linear probe on its {train.x.shape[1]:,} features names {accuracy}, on val. The pass over {pictures} pictures "
        f"took {train.seconds + val.seconds:.0f} s.",
    )
