"""Pixel layers, soft noise and the bridge between arrays and Skia."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from birds._skia import skia
from birds.drawing import Array

SMOOTH = skia.SamplingOptions(skia.CubicResampler.Mitchell())


class Layer:
    """A transparent square picture to draw on.

    Attributes:
        pixels: uint8 (size, size, 4), RGBA with the colour already multiplied by alpha; what is drawn on
            the canvas appears here.
        canvas: Skia's canvas on these pixels.
    """

    def __init__(self, size: int) -> None:
        self.pixels = np.zeros((size, size, 4), np.uint8)
        self._surface = skia.Surface(self.pixels, skia.kRGBA_8888_ColorType, skia.kPremul_AlphaType)
        self.canvas: skia.Canvas = self._surface.getCanvas()

    @property
    def alpha(self) -> Array:
        """Coverage from 0 to 1."""
        return self.pixels[..., 3].astype(np.float32) / 255

    @property
    def colour(self) -> Array:
        """Colour from 0 to 1, multiplied by alpha."""
        return self.pixels[..., :3].astype(np.float32) / 255


def to_bytes(values: Array) -> np.ndarray:
    """Floats from 0 to 1 as bytes."""
    return np.ascontiguousarray(np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)


def draw_array(canvas: skia.Canvas, colour: Array, alpha: Array | float, size: int) -> None:
    """Draw an array over the whole canvas, enlarged smoothly.

    Args:
        canvas: Where to draw.
        colour: (h, w, 3) from 0 to 1, not multiplied by alpha.
        alpha: (h, w) or one number.
        size: Side of the square to fill.
    """
    alpha = np.broadcast_to(np.asarray(alpha, float), colour.shape[:2])[..., None]
    pixels = to_bytes(np.concatenate([colour * alpha, alpha], axis=2))
    image = skia.Image.fromarray(pixels, skia.kRGBA_8888_ColorType, skia.kPremul_AlphaType)
    canvas.drawImageRect(image, skia.Rect.MakeWH(size, size), SMOOTH)


def soft_noise(
    rng: np.random.Generator, size: int, cells_x: float, cells_y: float, octaves: int = 3
) -> Array:
    """Value noise from 0 to 1: random grids, each finer and fainter, enlarged smoothly and summed.

    Args:
        rng: Source of the grids. What is drawn from it does not depend on ``size``.
        size: Side of the result.
        cells_x: Cells of the coarsest grid across the picture; few make wide blotches.
        cells_y: The same down the picture; unlike cells_x for streaks.
        octaves: Number of grids.
    """
    total = np.zeros((size, size), np.float32)
    for k in range(octaves):
        grid = rng.random((int(cells_y * 2**k) + 2, int(cells_x * 2**k) + 2), dtype=np.float32)
        total += np.asarray(Image.fromarray(grid).resize((size, size), Image.Resampling.BICUBIC)) * 0.5**k
    total -= total.min()
    return total / (total.max() + 1e-6)


def blurred(values: Array, sigma: float) -> Array:
    """Gaussian blur; nothing beyond the border."""
    return gaussian_filter(values, sigma, mode="constant", truncate=3)
