"""Look through a model's mistakes, one pair of species at a time."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from ipywidgets import HTML, Dropdown, VBox
from matplotlib.figure import Figure
from torch import Tensor

from course_utils.data import ImageSet
from course_utils.errors import CourseError
from course_utils.metrics.classification import confusion_counts
from course_utils.notebook import plots
from course_utils.notebook.described import describe, image_tag
from course_utils.notebook.style import readable
from course_utils.notebook.widgets import Panel

MISTAKES = 4


def frequent_confusions(predicted: Tensor, labels: Tensor) -> list[tuple[int, int, int]]:
    """Which class was taken for which and how often: (is, named, pictures), the most frequent first.

    Args:
        predicted: int64 (N,).
        labels: int64 (N,).
    """
    counts = confusion_counts(predicted, labels, 1 + max([-1, *predicted.tolist(), *labels.tolist()]))
    wrong = [(k, name, n) for k, row in enumerate(counts) for name, n in enumerate(row) if n and k != name]
    return sorted(wrong, key=lambda item: (-item[2], item[:2]))


def browse_confusions(images: ImageSet, logits: Tensor) -> Panel | str:
    """A menu of a model's mistakes: the pictures, beside one of each species that was named rightly.

    Args:
        images: The pictures that were named.
        logits: (N, classes), in the same order.

    Returns:
        The browser; a sentence where there is no mistake to look at.

    Raises:
        CourseError: Another number of pictures than of answers.
    """
    if len(images) != len(logits):
        raise CourseError(
            f"There are {len(images)} pictures and {len(logits)} answers; expected one for each."
        )
    confusions = frequent_confusions(logits.argmax(1), images.labels)
    if not confusions:
        return f"All {len(images)} pictures were named rightly: there is nothing to browse."
    names = [readable(name) for name in images.classes]
    options = [
        (f"{names[true]}, named {names[named]}: {count}", (true, named)) for true, named, count in confusions
    ]
    menu = Dropdown(options=options, description="show")
    menu.layout.width = "36em"
    shown = HTML()

    def show(_: object = None) -> None:
        shown.value = image_tag(show_confusions(images, logits, [menu.value]))

    menu.observe(show, names="value")
    show()
    still = show_confusions(images, logits, [(true, named) for true, named, _ in confusions[:2]])
    text = f"Pictures that were named wrongly, beside right ones. {describe(still)}"
    return Panel(VBox([menu, shown]), still=still, text=text, controls={"menu": menu, "shown": shown})


def show_confusions(images: ImageSet, logits: Tensor, pairs: Sequence[tuple[int, int]]) -> Figure:
    """A row for each (is, named): one picture of either species that was named rightly, then the mistakes.

    The percentage below a picture is the share of the model's belief that the wrong name got.
    """
    shares, predicted = logits.float().softmax(1), logits.argmax(1)
    blank = torch.full_like(images.pixels[0], 255)
    pictures, captions = [], []
    for true, named in pairs:
        mistakes = ((images.labels == true) & (predicted == named)).nonzero().flatten().tolist()[:MISTAKES]
        right = [
            ((images.labels == k) & (predicted == k)).nonzero().flatten().tolist() for k in (true, named)
        ]
        for k, found in zip((true, named), right, strict=True):
            pictures.append(images.pixels[found[0]] if found else blank)
            captions.append(f"{readable(images.classes[k])}\n{'right' if found else '(none right)'}")
        pictures += [images.pixels[i] for i in mistakes] + [blank] * (MISTAKES - len(mistakes))
        captions += [f"named\n{readable(images.classes[named])}, {shares[i, named]:.0%}" for i in mistakes]
        captions += [""] * (MISTAKES - len(mistakes))
    return plots.show_grid(pictures, captions, columns=MISTAKES + 2)
