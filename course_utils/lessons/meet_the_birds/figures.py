"""Figures of the birds and of what is known of them, and an augmentation to play with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from ipywidgets import HTML, Checkbox, FloatSlider, IntSlider, VBox
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import PercentFormatter
from torch import Tensor
from torchvision.transforms import v2

from course_utils.data import BirdSplits, ImageSet, Pair, Twin
from course_utils.notebook.described import describe, image_tag
from course_utils.notebook.plots import draw_picture, show_tensors
from course_utils.notebook.style import (
    BLUE,
    GREY,
    MARKS,
    ORANGE,
    PICTURE_DPI,
    VERMILION,
    readable,
    relatives_together,
    styled_figure,
)
from course_utils.notebook.widgets import Panel


def show_pairs(pairs: Sequence[tuple[Tensor, Tensor]], captions: Sequence[tuple[str, str]]) -> Figure:
    """Pairs of pictures, one above the other, a column each, with a caption above each picture.

    Args:
        pairs: uint8 (3, H, W), two each.
        captions: Two each.
    """
    with styled_figure(2, len(pairs), figsize=(1.9 * len(pairs), 4.5), dpi=PICTURE_DPI) as (figure, axes):
        for column, (pictures, names) in enumerate(zip(pairs, captions, strict=True)):
            for row in (0, 1):
                draw_picture(axes[row, column], pictures[row])
                axes[row, column].set_title(names[row], fontsize=9)
    return figure


def show_look_alikes(images: ImageSet, pairs: Sequence[Pair]) -> Figure:
    """The first picture of each species of some pairs; the lower caption names the mark that decides."""

    def first_of(name: str) -> Tensor:
        return images.pixels[images.labels.tolist().index(images.classes.index(name))]

    pictures = [(first_of(pair.classes[0]), first_of(pair.classes[1])) for pair in pairs]
    names = [[readable(name) for name in pair.classes] for pair in pairs]
    marks = [readable(pair.mark) for pair in pairs]
    return show_pairs(pictures, [(a, f"{b}\n({mark})") for (a, b), mark in zip(names, marks, strict=True)])


def show_parts(picture: Tensor, note: pd.Series) -> Figure:
    """A picture with what is known of it: the box around the bird, and its visible parts by name.

    Args:
        picture: uint8 (3, H, W), kept at the size of its file.
        note: Its line of :func:`~course_utils.data.load_annotations`.
    """
    with styled_figure(1, 1, figsize=(5.2, 5.2), dpi=PICTURE_DPI) as (figure, axes):
        axis = axes[0, 0]
        draw_picture(axis, picture)
        left, top, right, bottom = (note[side] for side in ("left", "top", "right", "bottom"))
        axis.add_patch(
            Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor="white", lw=1.5)
        )
        parts = [name.removesuffix("_visible") for name in note.index if name.endswith("_visible")]
        for part in parts:
            if part == "mark" or not note[f"{part}_visible"]:
                continue
            point = (note[f"{part}_x"], note[f"{part}_y"])
            axis.plot(*point, "o", ms=4, mfc=ORANGE, mec="black", mew=0.6)
            axis.annotate(
                part, point, xytext=(5, 3), textcoords="offset points", fontsize=9, color="white",
                path_effects=[withStroke(linewidth=2, foreground="black")],
            )  # fmt: skip
        axis.set_title(
            f"{note['species']}: {note['sex']}, {note['age']}, {readable(note['pose'])}", fontsize=10
        )
    return figure


def show_twin(twin: Twin) -> Figure:
    """The same bird without a mark and with it, and the pixels that changed, outlined."""
    titles = [*(readable(name) for name in twin.classes), f"what changed: {readable(twin.mark)}"]
    with styled_figure(1, 3, figsize=(9.6, 3.5), dpi=PICTURE_DPI) as (figure, axes):
        pictures = (twin.without, twin.with_mark, twin.with_mark)
        for axis, picture, title in zip(axes[0], pictures, titles, strict=True):
            draw_picture(axis, picture)
            axis.set_title(title, fontsize=10)
        axes[0, 2].contour(twin.changed.float().numpy(), levels=[0.5], colors=VERMILION, linewidths=1.5)
    return figure


def plot_counts(birds: BirdSplits) -> Figure:
    """Pictures of each class in train, val and test: dots on a line for each class."""
    order = relatives_together(birds.classes)
    rows = np.arange(len(order))
    with styled_figure(1, 1, figsize=(8, 0.34 * len(order) + 1.3)) as (figure, axes):
        axis = axes[0, 0]
        for (colour, mark), images, offset in zip(MARKS, birds, (-0.2, 0.0, 0.2), strict=True):
            counts = list(images.counts().values())
            axis.plot(
                [counts[k] for k in order],
                rows + offset,
                mark,
                color=colour,
                markersize=7,
                label=images.split,
            )
        axis.set_yticks(rows, [readable(birds.classes[k]) for k in order])
        axis.invert_yaxis()
        axis.set(xlabel="pictures", xlim=(0, None))
        axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    return figure


def plot_baselines(baselines: Mapping[str, tuple[float, float, float]]) -> Figure:
    """Accuracies of simple predictors with their intervals.

    Args:
        baselines: For each label accuracy, low and high end of its interval, 0 to 1.
    """
    rows = np.arange(len(baselines))
    values = np.array(list(baselines.values()))
    with styled_figure(1, 1, figsize=(7.5, 0.5 * len(baselines) + 1.1)) as (figure, axes):
        axis = axes[0, 0]
        spread = np.abs(values[:, 1:].T - values[:, 0])
        axis.errorbar(
            values[:, 0], rows, xerr=spread, fmt="o", color=BLUE, ecolor=GREY, capsize=4, markersize=8
        )
        for row, value in zip(rows, values[:, 0], strict=True):
            axis.annotate(
                f"{value:.1%}", (value, row), xytext=(0, 7), textcoords="offset points", ha="center"
            )
        axis.set_yticks(rows, list(baselines))
        axis.set_ylim(len(baselines) - 0.5, -0.7)
        axis.set(xlabel="accuracy on test", xlim=(0, max(0.5, values.max() * 1.1)))
        axis.xaxis.set_major_formatter(PercentFormatter(1))
    return figure


LOOKS = 6


def explore_augmentations(images: ImageSet, *, number: int = 0) -> Panel:
    """Sliders for what an augmentation may do, and six random looks at one picture under it.

    Args:
        images: The pictures to choose from.
        number: Which one is shown first.
    """
    controls = {
        "picture": IntSlider(number, 0, len(images) - 1, description="picture"),
        "crop": FloatSlider(0.5, min=0.05, max=1.0, step=0.05, description="smallest crop"),
        "mirror": Checkbox(True, description="mirror at random"),
        "upside": Checkbox(False, description="turn upside down at random"),
        "colour": FloatSlider(0.0, min=0.0, max=0.5, step=0.05, description="shift hue by"),
        "blur": FloatSlider(0.0, min=0.0, max=6.0, step=0.5, description="blur"),
        "seed": IntSlider(0, 0, 20, description="roll the dice"),
    }
    for control in controls.values():
        control.style.description_width = "initial"
        control.continuous_update = False

    def draw() -> Figure:
        c = {name: control.value for name, control in controls.items()}
        transform = augmentation(
            crop=c["crop"], mirror=c["mirror"], upside=c["upside"], colour=c["colour"], blur=c["blur"]
        )
        picture = images.pixels[c["picture"]]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(c["seed"])
            looks = [transform(picture) for _ in range(LOOKS)]
        captions = ["as it is", *(f"look {i}" for i in range(1, LOOKS + 1))]
        return show_tensors([picture, *looks], captions=captions, columns=LOOKS + 1)

    shown = HTML(value=image_tag(draw()))
    for control in controls.values():
        control.observe(lambda _: setattr(shown, "value", image_tag(draw())), names="value")
    still = draw()
    text = f"One picture as it is, and {LOOKS} random looks at it. {describe(still)}"
    return Panel(
        VBox([*controls.values(), shown]), still=still, text=text, controls={**controls, "shown": shown}
    )


def augmentation(
    *,
    crop: float = 1.0,
    mirror: bool = False,
    upside: bool = False,
    colour: float = 0.0,
    blur: float = 0.0,
    size: int = 160,
) -> v2.Compose:
    """A random transform, uint8 (3, H, W) to uint8 (3, size, size).

    Args:
        crop: Smallest share of the area that a crop keeps, above 0, at most 1.
        mirror: Swap left and right in half of the looks.
        upside: Swap top and bottom in half of the looks.
        colour: Largest shift of the hue, 0 to 0.5 (half the colour circle).
        blur: Largest width of a blur, in px.
        size: Side of the result in px.
    """
    steps: list[v2.Transform] = [v2.RandomResizedCrop(size, (crop, 1.0), (0.8, 1.25), antialias=True)]
    steps += [v2.RandomHorizontalFlip()] if mirror else []
    steps += [v2.RandomVerticalFlip()] if upside else []
    steps += [v2.ColorJitter(hue=colour)] if colour else []
    steps += [v2.GaussianBlur(15, (0.1, blur))] if blur else []
    return v2.Compose(steps)
