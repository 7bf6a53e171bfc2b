"""From a picture file to uint8 pixels, whatever its mode, orientation and size."""

from __future__ import annotations

import hashlib
import io
import math
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from course_utils.errors import CourseError

IMAGE_SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"})


def read_bytes(file: Path) -> tuple[bytes, str]:
    """A file's content and its SHA-256 in hex."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise CourseError(
            f"{file} can't be read: {error.strerror}. Check the file and its permissions."
        ) from error
    return content, hashlib.sha256(content).hexdigest()


def open_rgb(content: bytes, name: str | Path) -> Image.Image:
    """Decode a picture to upright 8-bit RGB.

    EXIF rotation is applied, transparency is laid on white, 16-bit grey is scaled to 8 bits, and of an
    animation the first frame is taken.

    Args:
        content: The file's bytes.
        name: What to call the file in an error.

    Raises:
        CourseError: The content is no picture, is truncated, or is too large to be one in good faith.
    """
    try:
        picture = Image.open(io.BytesIO(content))
        if picture.width * picture.height > (Image.MAX_IMAGE_PIXELS or math.inf):
            raise CourseError(
                f"{name} has too many pixels to be decoded safely ({picture.width} x {picture.height})."
            )
        picture.load()
    except UnidentifiedImageError as error:
        raise CourseError(f"{name} is not a picture that can be read.") from error
    except Image.DecompressionBombError as error:
        raise CourseError(f"{name} has too many pixels to be decoded safely ({error}).") from error
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, OverflowError) as error:
        raise CourseError(f"{name} is damaged: {error}.") from error
    return _to_rgb(ImageOps.exif_transpose(picture))


def _to_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I") or picture.mode == "F":
        values = np.asarray(picture, dtype=np.float64)
        top = 65535.0 if values.max(initial=0) > 255 else 255.0
        picture = Image.fromarray((np.clip(values / top, 0, 1) * 255).round().astype(np.uint8))
    if "A" in picture.getbands() or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        ground = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(ground, picture)
    return picture.convert("RGB")


def square(picture: Image.Image, side: int) -> Tensor:
    """Resize the short side to ``side`` px (bicubic) and keep the central square.

    Returns:
        uint8 (3, side, side).
    """
    fitted = ImageOps.fit(picture, (side, side), method=Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(fitted)).permute(2, 0, 1).contiguous()
