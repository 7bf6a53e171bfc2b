"""A photo of your own, and what a model says of it."""

from __future__ import annotations

import html as escaping
from collections.abc import Callable

from ipywidgets import HTML, FileUpload, VBox
from PIL.Image import Image

from course_utils.data.decode import open_rgb
from course_utils.errors import CourseError
from course_utils.notebook.described import image_tag
from course_utils.notebook.plots import Answers, show_answers
from course_utils.notebook.widgets import Panel

MAX_UPLOAD_MB = 30
SHOWN = 640
"""Longest side in px at which a photo is shown."""


def upload_photo(name_photo: Callable[[Image], Answers]) -> Panel:
    """A button that takes a picture file and shows what a model says of it. The file stays on this computer's kernel.

    Args:
        name_photo: Gets the picture, upright and RGB, and returns names with probabilities, best first.
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


def _named(content: bytes, name: str, name_photo: Callable[[Image], Answers]) -> str:
    if len(content) > MAX_UPLOAD_MB * 1_000_000:
        raise CourseError(
            f"{name} has {len(content) / 1e6:.0f} MB; at most {MAX_UPLOAD_MB} are taken. Scale it down."
        )
    picture = open_rgb(content, name)
    answers = name_photo(picture)
    picture.thumbnail((SHOWN, SHOWN))
    alt = f"{name}: " + ", ".join(f"{what} {share:.0%}" for what, share in answers)
    return image_tag(show_answers(picture, {name: answers}), alt)
