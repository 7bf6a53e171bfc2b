"""Figures that carry their text alternative to where they are shown.

JupyterLab drops the ``alt`` that an image output has in its metadata. A figure of this module therefore shows
itself as an ``<img>`` with an ``alt``, which every notebook front end keeps. The builder turns it back into a plain
image output with the lesson's own, better description, because that is what web viewers of notebooks show.
"""

from __future__ import annotations

import base64
import html
import io
import re
from collections.abc import Iterator
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from course_utils.data.decode import open_rgb
from course_utils.notebook.letters import make_drawable

FEW_COLOURS = 6_000
"""Colours of lines, bars and text with soft edges: more means that a photo is among them."""
_STYLE = (
    'class="course-figure" style="max-width: 100%"'  # inside of widgets JupyterLab would cut wide figures off
)
_TAG = re.compile(rf'<img {_STYLE} alt="([^"]*)" src="data:(image/\w+);base64,([^"]+)">')


class DescribedFigure(Figure):
    """A matplotlib figure that a notebook shows with a text alternative.

    Names are drawn as they are: a ``$`` in a learner's folder name begins no formula.
    """

    alt: str | None = None

    def draw(self, renderer: RendererBase) -> None:
        """Draw everything; only matplotlib's own labels of logarithmic axes are formulas."""
        make_drawable(self)
        for text in self.findobj(Text):
            if "$" in text.get_text() and r"\mathdefault" not in text.get_text():
                text.set_parse_math(False)
        super().draw(renderer)

    def _ipython_display_(self) -> None:
        from IPython.display import display

        text = self.alt or describe(self)
        display({"text/plain": text, "text/html": image_tag(self, text)}, raw=True)


def image_tag(figure: Figure, alt: str | None = None) -> str:
    """The figure as one self-contained ``<img>`` element.

    Args:
        figure: Any figure.
        alt: What it shows; None takes :func:`describe`.
    """
    return _tag(*encode(figure), alt or describe(figure))


class DescribedPicture:
    """A picture file that a notebook shows as it is, with a text alternative. It ends a cell like a figure does."""

    def __init__(self, file: Path, alt: str, *, width: int = 900) -> None:
        """Read a picture.

        Args:
            file: Any picture file.
            alt: What it shows.
            width: Largest width in px; a larger picture is scaled down.
        """
        self.alt = alt
        picture = open_rgb(file.read_bytes(), file.name)
        picture.thumbnail((width, 10 * width))
        stream = io.BytesIO()
        picture.save(stream, format="jpeg", quality=85)
        self.jpeg = stream.getvalue()

    def _ipython_display_(self) -> None:
        from IPython.display import display

        tag = _tag(self.jpeg, "image/jpeg", self.alt)
        display({"text/plain": self.alt, "text/html": tag}, raw=True)


def _tag(content: bytes, kind: str, alt: str) -> str:
    data = base64.b64encode(content).decode("ascii")
    return f'<img {_STYLE} alt="{html.escape(alt)}" src="data:{kind};base64,{data}">'


def parse_image_tag(text: str) -> tuple[str, str, str] | None:
    """Alt text, media type and base64 data of what :func:`image_tag` wrote; None for anything else."""
    found = _TAG.fullmatch(text.strip())
    return (html.unescape(found[1]), found[2], found[3]) if found else None


def encode(figure: Figure) -> tuple[bytes, str]:
    """The figure as a file's content, cut to what is drawn, and its media type.

    A figure of nothing but pictures becomes a JPEG, a fifth of the size; anything with axes stays a sharp PNG, with a
    palette where it has few colours, a third of the size.
    """
    pictures_only = bool(figure.axes) and not any(axes.axison for axes in figure.axes)
    stream = io.BytesIO()
    options = {"format": "jpeg", "pil_kwargs": {"quality": 88}} if pictures_only else {"format": "png"}
    figure.savefig(stream, dpi=figure.dpi, bbox_inches="tight", **options)
    content = stream.getvalue() if pictures_only else _with_palette(stream)
    return content, f"image/{options['format']}"


def _with_palette(png: io.BytesIO) -> bytes:
    """The same PNG with at most 256 colours; as it is where photos would suffer from that."""
    with Image.open(png) as picture:
        drawn = picture.convert("RGB")
    if drawn.getcolors(FEW_COLOURS) is None:
        return png.getvalue()
    smaller = io.BytesIO()
    drawn.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(
        smaller, "PNG", optimize=True
    )
    return smaller.getvalue()


def describe(figure: Figure) -> str:
    """What a figure shows, in a sentence or two, from its titles, axes, legends and lines."""
    parts = [figure.get_suptitle()] if figure.get_suptitle() else []
    captions = [axes.get_title() for axes in figure.axes if axes.images and axes.get_title()]
    if captions:
        parts.append("pictures: " + "; ".join(captions))
    panels = [axes for axes in figure.axes if axes.axison and (axes.get_xlabel() or axes.get_ylabel())]
    parts += [_panel(axes) for axes in panels]
    text = re.sub(r"\s+", " ", ". ".join(parts)).strip()
    return text[:1].upper() + text[1:] + "." if text else "A figure."


def _panel(axes: Axes) -> str:
    title = f"{axes.get_title()}: " if axes.get_title() and not axes.images else ""
    over = " over ".join(label for label in (axes.get_ylabel(), axes.get_xlabel()) if label)
    lines = list(_lines(axes))
    return title + over + (f" ({', '.join(lines)})" if lines else "")


def _lines(axes: Axes) -> Iterator[str]:
    for line in axes.lines:
        name, values = str(line.get_label()), list(line.get_ydata())
        if name.startswith("_") or not values:
            continue
        numbers = [v for v in values if isinstance(v, (int, float)) or hasattr(v, "__float__")]
        yield f"{name} from {float(numbers[0]):.3g} to {float(numbers[-1]):.3g}" if len(numbers) > 1 else name
