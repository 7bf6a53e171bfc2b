"""Light on the bird: relief from its silhouette, sun, sky and what the habitat reflects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from birds.drawing import LUMINANCE, Array, mix
from birds.habitats import Mood
from birds.raster import Layer, blurred, soft_noise


@dataclass(frozen=True)
class Light:
    """The light in one picture.

    Attributes:
        towards: Unit vector from the bird to the sun: right, down, to the viewer.
        hardness: The sun's share.
        colour: Colour of the sun; 1 is the mean of the channels.
        brightness: Exposure as a factor.
        dappled: Depth of leaf shadows on the bird, 0 for none.
        on_bird: Light on the bird as a share of the light on what is behind it: below 1 against the light.
    """

    towards: Array
    hardness: float
    colour: Array
    brightness: float
    dappled: float = 0.0
    on_bird: float = 1.0


def draw_light(mood: Mood, rng: np.random.Generator) -> Light:
    """Draw a light at random within a mood."""
    hardness, warmth = rng.uniform(*mood.hardness), rng.uniform(*mood.warmth)
    elevation, azimuth = np.radians(rng.uniform(*mood.elevation)), np.radians(rng.uniform(-70, 70))
    towards = np.array(
        [np.cos(elevation) * np.sin(azimuth), -np.sin(elevation), np.cos(elevation) * np.cos(azimuth) + 0.25]
    )
    colour = np.array([1 + 0.10 * warmth, 1.0, 1 - 0.13 * warmth])
    depth = rng.uniform(0.2, 0.45) * float(mood.dappled and rng.random() < 0.5)
    towards /= np.linalg.norm(towards)
    brightness, on_bird = rng.uniform(*mood.brightness), rng.uniform(*mood.on_bird)
    return Light(towards, hardness, colour, brightness, depth, on_bird)


def relight(bird: Layer, light: Light, surroundings: Array, scale: float, rng: np.random.Generator) -> Array:
    """Light a bird as if it were round.

    Its height above the picture plane is guessed from the blurred silhouette; brighter plumage stands out
    a little, which gives feathers their relief.

    Args:
        bird: The unlit bird.
        light: The light.
        surroundings: Mean colour of the habitat, which tints the light from below.
        scale: Pixels a unit.
        rng: Stream of the leaf shadows.

    Returns:
        (size, size, 3), multiplied by the bird's alpha.
    """
    alpha = bird.alpha
    height = sum(w * blurred(alpha, s * scale) for w, s in ((0.5, 9), (0.35, 4.5), (0.15, 1.8)))
    relief_y, relief_x = (g * scale * 15 for g in np.gradient(height))
    detail_y, detail_x = (g * 0.45 for g in np.gradient(bird.colour.mean(axis=2)))
    normals = np.stack([-relief_x - detail_x, -relief_y - detail_y, np.ones_like(alpha)], axis=2)
    normals /= np.linalg.norm(normals, axis=2, keepdims=True)
    shade = _shade(normals, light, surroundings)
    smooth = np.stack([-relief_x, -relief_y, np.ones_like(alpha)], axis=2)
    smooth /= np.linalg.norm(smooth, axis=2, keepdims=True)
    level = (_shade(smooth, light, surroundings) @ LUMINANCE * alpha).sum() / max(1.0, alpha.sum())
    shade *= 0.95 / max(0.2, level)
    if light.dappled:
        leaves = np.clip((soft_noise(rng, len(alpha), 7, 7, 2) - 0.5) * 4 + 0.6, 0, 1)
        shade *= (1 - light.dappled * (1 - leaves))[..., None]
    rim = np.clip(alpha - blurred(alpha, 1.2 * scale), 0, 1) * np.clip(normals @ light.towards, 0, 1)
    lit = bird.colour * shade * light.on_bird + (0.3 * light.hardness * rim * alpha)[..., None] * light.colour
    return np.minimum(lit, alpha[..., None] * 1.15)


def _shade(normals: Array, light: Light, surroundings: Array) -> Array:
    """Light that reaches a surface: from the sun, the sky above and the ground below."""
    sky = np.array([0.96, 0.99, 1.03])
    ground = mix(np.full(3, 0.62), balanced(surroundings), 0.35)
    upward = np.clip(0.5 - 0.5 * normals[..., 1:2], 0, 1)
    ambient = sky * upward + ground * (1 - upward)
    sun = np.clip(normals @ light.towards, 0, 1)[..., None] * light.colour
    return (1 - 0.55 * light.hardness) * ambient + light.hardness * sun


def balanced(colour: Array) -> Array:
    """A colour with green no weaker than the mean of red and blue: never violet."""
    red, green, blue = colour
    return np.array([red, max(green, (red + blue) / 2), blue])


def grade(backdrop: Array, light: Light) -> Array:
    """The habitat in the same light as the bird."""
    return backdrop * light.brightness * mix(np.ones(3), light.colour, 0.6)
