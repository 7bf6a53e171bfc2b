"""The files of the data set: a picture as lossy WebP, a mask as 1-bit PNG."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from course_utils.files import replacing

WEBP_QUALITY = 85


def webp(picture: np.ndarray, quality: int = WEBP_QUALITY) -> bytes:
    """A picture, uint8 (H, W, 3), as the bytes of its file; ``quality`` from 0 to 100."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "WEBP", quality=quality, method=6)
    return buffer.getvalue()


def save_picture(file: Path, picture: np.ndarray, quality: int = WEBP_QUALITY) -> None:
    """Write a picture, uint8 (H, W, 3); whole or not at all."""
    with replacing(file) as temporary:
        temporary.write_bytes(webp(picture, quality))


def save_mask(file: Path, mask: np.ndarray) -> None:
    """Write a mask, bool (H, W); whole or not at all."""
    with replacing(file) as temporary:
        Image.fromarray(mask).convert("1", dither=Image.Dither.NONE).save(temporary, "PNG", optimize=True)
