"""Figures of the birds and of what is known of them, and an augmentation to play with."""

from __future__ import annotations

import torch
from ipywidgets import HTML, Checkbox, FloatSlider, IntSlider, VBox
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from PIL import Image
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2
from torchvision.transforms.v2.functional import pil_to_tensor

from course_utils import paths
from course_utils.data import load_annotations, load_birds, load_pairs
from course_utils.notebook.described import describe, image_tag
from course_utils.notebook.game import name_the_birds
from course_utils.notebook.plots import draw_picture, show_grid, write_below
from course_utils.notebook.plots import plot_baselines as plot_baselines
from course_utils.notebook.style import ORANGE, PICTURE_DPI, readable, styled_figure
from course_utils.notebook.widgets import Panel


def show_parts(file: str) -> Figure:
    """One of the bundled pictures with what is known of it: the box around the bird, and its visible parts by name.

    Args:
        file: Below ``data/fieldguide``, as in the column ``path`` of its ``annotations.csv``.
    """
    picture = Image.open(paths.data_dir() / "fieldguide" / file)
    note = load_annotations().loc[file]
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
        write_below(axis, f"{note['species']}: {note['age']}, {readable(note['pose'])}")
    return figure


def name_ten_birds() -> Panel:
    """The game with ten val pictures of the bundled birds, each of another species."""
    return name_the_birds(load_birds().val, pairs=load_pairs(), number=10)


VIEWS = 6


def explore_augmentations(pictures: ImageFolder, *, first: int = 0) -> Panel:
    """Sliders for what an augmentation may do, and six random views of one picture under it.

    Args:
        pictures: To choose from.
        first: Which one is shown first.
    """
    controls = {
        "picture": IntSlider(first, 0, len(pictures) - 1, description="picture"),
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
        picture = pil_to_tensor(pictures[c["picture"]][0])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(c["seed"])
            views = [transform(picture) for _ in range(VIEWS)]
        captions = ["as it is", *(f"view {i}" for i in range(1, VIEWS + 1))]
        return show_grid([picture, *views], captions, columns=VIEWS + 1)

    shown = HTML(value=image_tag(draw()))
    for control in controls.values():
        control.observe(lambda _: setattr(shown, "value", image_tag(draw())), names="value")
    still = draw()
    text = f"One picture as it is, and {VIEWS} random views of it. {describe(still)}"
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
        mirror: Swap left and right in half of the views.
        upside: Swap top and bottom in half of the views.
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
