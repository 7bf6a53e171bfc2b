"""From a picture file to uint8 pixels, whatever its mode, orientation and size."""

from __future__ import annotations

import hashlib
import io
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, PngImagePlugin, UnidentifiedImageError
from torch import Tensor

from course_utils.errors import CourseError

OTHER_IMAGES = frozenset(
    {".arw", ".avif", ".cr2", ".cr3", ".dcm", ".dng", ".heic", ".heif", ".jxl", ".nef", ".orf", ".svg"}
)
NO_PICTURES = frozenset({"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "PDF", "WMF"})
"""What Pillow knows by name and can't decode by itself. For EPS it would run a program on what the file says."""
LARGEST_FILE = 2**30
"""Bytes: what the largest picture that Pillow decodes takes uncompressed, with 16 bits a colour."""
ORIENTATION = 0x0112
UPRIGHT = dict(
    enumerate(
        (
            Image.Transpose.FLIP_LEFT_RIGHT,
            Image.Transpose.ROTATE_180,
            Image.Transpose.FLIP_TOP_BOTTOM,
            Image.Transpose.TRANSPOSE,
            Image.Transpose.ROTATE_270,
            Image.Transpose.TRANSVERSE,
            Image.Transpose.ROTATE_90,
        ),
        start=2,
    )
)
"""What turns a picture upright, by EXIF's orientation."""

BITS_PER_SAMPLE, SAMPLE_FORMAT, SIGNED = 258, 339, 2  # TIFF tags, and a value of the latter
# A comment of a megabyte, as some programs write it, is no damage; Pillow's limit for all texts together stays.
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY
SCALE_DOWN = (
    "If you trust the file, scale it down: from PIL import Image; Image.MAX_IMAGE_PIXELS = None; "
    "picture = Image.open(file); picture.thumbnail((2000, 2000)); picture.save(file)"
)


@cache
def formats() -> tuple[str, ...]:
    """What Pillow decodes here by itself, as ``Image.open`` takes it."""
    Image.init()
    return tuple(kind for kind in Image.OPEN if kind not in NO_PICTURES)


@cache
def readable_suffixes() -> frozenset[str]:
    """Of the files that Pillow decodes here, such as ``".jpg"``."""
    return frozenset(suffix for suffix, kind in Image.registered_extensions().items() if kind in formats())


def is_picture(file: Path) -> bool:
    """Whether a file is called like a picture; one with another name is looked into."""
    if not file.is_file():
        return False
    suffix = file.suffix.lower()
    if suffix in readable_suffixes():
        return True
    try:
        with Image.open(file, formats=formats()) as picture:
            # Raw files are TIFFs to Pillow, and it would take their thumbnail for the picture.
            return not (suffix in OTHER_IMAGES and picture.format == "TIFF")
    except Image.DecompressionBombError:
        return True
    except Exception:  # each of Pillow's decoders has errors of its own
        return False


def read_bytes(file: Path) -> tuple[bytes, str]:
    """A file's content and its SHA-256 in hex."""
    try:
        if (size := file.stat().st_size) > LARGEST_FILE:
            raise CourseError(f"{file} is larger than any picture ({size:,} bytes); it was not read.")
        content = file.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CourseError(f"{file} can't be read: {reason}. Check the file and its permissions.") from error
    return content, hashlib.sha256(content).hexdigest()


def open_rgb(content: bytes, name: str | Path) -> Image.Image:
    """Decode a picture to upright 8-bit RGB.

    EXIF rotation is applied, transparency is laid on white, and of an animation the first frame is taken.

    Grey of more than 8 bits is scaled to 8 bits by the depth the file declares, never by its values, so that
    pictures of one camera stay comparable. Floating point declares no range and is the one exception: values
    up to 1 are read as 0..1, otherwise up to 255 as 0..255, and beyond as 0..65535.

    Args:
        content: The file's bytes.
        name: What to call the file in an error.

    Raises:
        CourseError: The content is no picture, is truncated, has values that are no numbers, or has twice as many pixels
            as Pillow thinks safe (some 180 million); from half of that on Pillow warns.
    """
    try:
        picture = Image.open(io.BytesIO(content), formats=formats())
        picture.load()
        return _to_rgb(picture)
    except MemoryError:
        raise
    except UnidentifiedImageError as error:
        raise CourseError(f"{name} is not a picture that can be read.") from error
    except Image.DecompressionBombError as error:
        raise CourseError(f"{name} is too large to be read ({error}). {SCALE_DOWN}") from error
    except Exception as error:  # each of Pillow's decoders has errors of its own
        raise CourseError(f"{name} is damaged: {error}.") from error


def _to_rgb(picture: Image.Image) -> Image.Image:
    # The tags that declare the depth don't survive the rotation.
    bits, signed = _declared_depth(picture)
    if (turn := UPRIGHT.get(_orientation(picture))) is not None:
        picture = picture.transpose(turn)
    if picture.mode == "F":
        values = np.asarray(picture, dtype=np.float64)
        picture = _grey(values, _float_top(values))
    elif picture.mode.startswith("I"):
        values = np.asarray(picture)
        # Pillow keeps 32 unsigned bits in a signed type.
        values = values.astype(np.uint32) if bits == 32 and not signed else values
        picture = _grey(values.astype(np.float64), 2.0 ** (bits - signed) - 1)
    if {"A", "a"} & {*picture.getbands()} or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        ground = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(ground, picture)
    return picture.convert("RGB")


def _orientation(picture: Image.Image) -> int:
    """What EXIF says of how the camera was held. Pillow's own function also writes EXIF anew, and fails where another of its
    tags is damaged, which is no reason to lose a sound picture."""
    try:
        return picture.getexif().get(ORIENTATION, 1)
    except Exception:  # whatever a damaged table makes of it
        return 1


def _declared_depth(picture: Image.Image) -> tuple[int, bool]:
    """Bits a sample of a deep grey picture, and whether one of them is a sign. Only TIFF has others than 16."""
    tags = getattr(picture, "tag_v2", {})
    return tags.get(BITS_PER_SAMPLE, (16,))[0], tags.get(SAMPLE_FORMAT, (1,))[0] == SIGNED


def _float_top(values: np.ndarray) -> float:
    if not np.isfinite(values).all():
        raise ValueError("it has values that are not finite numbers (NaN or infinity)")
    top = values.max(initial=0)
    return next((scale for scale in (1.0, 255.0) if top <= scale), 65535.0)


def _grey(values: np.ndarray, top: float) -> Image.Image:
    return Image.fromarray((np.clip(values / top, 0, 1) * 255).round().astype(np.uint8))


def square(picture: Image.Image, side: int, resampling: str = "bicubic") -> Tensor:
    """Resize the short side to ``side`` px and keep the central square.

    Args:
        picture: RGB.
        side: In px.
        resampling: ``"bicubic"`` or ``"bilinear"``.

    Returns:
        uint8 (3, side, side).
    """
    fitted = ImageOps.fit(picture, (side, side), method=Image.Resampling[resampling.upper()])
    return torch.from_numpy(np.array(fitted)).permute(2, 0, 1).contiguous()
