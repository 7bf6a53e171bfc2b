"""Figures of stored notebooks, written again in fewer bytes: charts as PNGs with a palette, photos as JPEGs."""

from __future__ import annotations

import base64
import io
import math

from PIL import Image

from course_utils.notebook.described import FEW_COLOURS

CHART_COLOURS = 64
"""Enough for lines, bars, heat maps and text with soft edges."""
QUALITIES = ((85, 20_000), (75, 50_000), (65, math.inf))
"""JPEG qualities, best first, each with the number of bytes that a picture may have in it."""
KINDS = ("image/png", "image/jpeg")


def smaller(kind: str, content: str) -> tuple[str, str]:
    """A picture in fewer bytes; as it is where nothing is gained, and always at the second time.

    Args:
        kind: ``image/png`` or ``image/jpeg``.
        content: The file in base64.

    Returns:
        Media type, which may be another one, and the file in base64.
    """
    old = base64.b64decode(content)
    with Image.open(io.BytesIO(old)) as picture:
        if _is_done(picture):
            return kind, content
        flat = _on_white(picture)
    if kind == "image/png" and flat.getcolors(FEW_COLOURS):
        new_kind, new = "image/png", _chart(flat)
    else:
        new_kind, new = "image/jpeg", _photo(flat)
    return (new_kind, base64.b64encode(new).decode("ascii")) if len(new) < len(old) else (kind, content)


def _is_done(picture: Image.Image) -> bool:
    """Whether a picture is as this module writes it: matplotlib and Pillow write no progressive JPEGs unasked."""
    if picture.format == "JPEG":
        return bool(picture.info.get("progressive"))
    return picture.mode == "P" and picture.getcolors(CHART_COLOURS) is not None


def _on_white(picture: Image.Image) -> Image.Image:
    drawn = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", drawn.size, "white"), drawn).convert("RGB")


def _chart(picture: Image.Image) -> bytes:
    """A PNG with a palette. The octree method is smaller still, but tints the white and merges pale cells."""
    stream = io.BytesIO()
    drawn = picture.quantize(CHART_COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    drawn.save(stream, "PNG", optimize=True)
    return stream.getvalue()


def _photo(picture: Image.Image) -> bytes:
    for quality, most in QUALITIES:
        stream = io.BytesIO()
        picture.save(stream, "JPEG", quality=quality, optimize=True, progressive=True)
        if stream.tell() <= most:
            break
    return stream.getvalue()
