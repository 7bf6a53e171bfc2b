"""Things to play with in a lesson, each with a still form for where widgets don't live (web viewers, print)."""

from __future__ import annotations

import html as escaping
from base64 import b64encode
from collections.abc import Callable, Sequence

import torch
from ipywidgets import HTML, Checkbox, FileUpload, FloatSlider, IntSlider, VBox, Widget
from matplotlib.figure import Figure
from torch import Tensor
from torchvision.transforms import v2

from course_utils.data import ImageSet
from course_utils.data.decode import open_rgb, square
from course_utils.errors import CourseError
from course_utils.teaching import gallery, plots
from course_utils.teaching.described import describe, encode, image_tag

Answers = Sequence[tuple[str, float]]
MAX_UPLOAD_MB = 30
LOOKS = 6


class Panel:
    """A widget and its still form; ends a cell like a figure does.

    Attributes:
        widget: The whole widget.
        controls: Its parts by name, for tests and for the curious.
    """

    def __init__(
        self, widget: Widget, *, still: str | Figure, text: str, controls: dict[str, Widget] | None = None
    ) -> None:
        self.widget, self.controls = widget, controls or {}
        self._still, self._text = still, text

    def _ipython_display_(self) -> None:
        from IPython.display import display

        data = {**self.widget._repr_mimebundle_(), "text/plain": self._text}
        if isinstance(self._still, str):
            display({**data, "text/html": self._still}, raw=True)
            return
        content, kind = encode(self._still)
        image = b64encode(content).decode("ascii")
        display({**data, kind: image}, metadata={kind: {"alt": self._text}}, raw=True)


def upload_photo(name_photo: Callable[[Tensor], Answers]) -> Panel:
    """A button that takes a picture file and shows what a model says of it. The file stays on this computer's kernel.

    Args:
        name_photo: Gets the picture, uint8 (3, H, W), and returns names with probabilities, best first.
    """
    button = FileUpload(
        accept="image/*", multiple=False, description="Choose a photo", layout={"width": "max-content"}
    )
    said = HTML(value="The answer will appear here.")

    def answer(change: dict) -> None:
        if not change["new"]:
            return
        file = change["new"][0]
        try:
            said.value = _named(bytes(file["content"]), str(file["name"]), name_photo)
        except CourseError as error:
            said.value = f"<strong>That did not work.</strong> {escaping.escape(str(error))}"

    button.observe(answer, names="value")
    still = (
        "<em>Run this cell in JupyterLab or Colab, and a button for a photo of your own appears here.</em>"
    )
    text = "A button to choose a photo of your own; it needs a running notebook."
    return Panel(VBox([button, said]), still=still, text=text, controls={"button": button, "said": said})


def _named(content: bytes, name: str, name_photo: Callable[[Tensor], Answers]) -> str:
    if len(content) > MAX_UPLOAD_MB * 1_000_000:
        raise CourseError(
            f"{name} has {len(content) / 1e6:.0f} MB; at most {MAX_UPLOAD_MB} are taken. Scale it down."
        )
    picture = square(open_rgb(content, name), 320)
    answers = name_photo(picture)
    alt = f"{name}: " + ", ".join(f"{what} {share:.0%}" for what, share in answers)
    return image_tag(gallery.show_answers(picture, {name: answers}), alt)


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
        return plots.show_tensors([picture, *looks], captions=captions, columns=LOOKS + 1)

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
