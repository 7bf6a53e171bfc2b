"""Draw one picture: habitat, perch, bird, light, water, weather, what stands in front, camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from birds.anatomy import Anatomy
from birds.camera import Camera
from birds.drawing import Array, mix
from birds.light import Light, draw_light, grade, relight
from birds.occluders import draw_occluders
from birds.perch import Site, paint_perch
from birds.raster import Layer, to_bytes
from birds.scene import paint_habitat
from birds.setting import Setting, draw_setting
from birds.sitter import CLEAR, Sitter, draw_sitter
from birds.traits import Species
from birds.weather import flood, paint_precipitation, ring_waves, veil
from drawn_set.streams import Streams

MARK_AREA = 16
"""Pixels at 224 px that a mark needs to count as visible."""
Annotations = dict[str, object]


@dataclass(frozen=True, eq=False)
class Rendering:
    """A picture and what is known about it.

    Attributes:
        picture: uint8 (size, size, 3), RGB.
        mask: bool (size, size), the visible pixels of the bird.
        quality: Of the lossy compression that the camera stores it with.
        annotations: ``species``, ``seed``; ``box`` (left, top, right, bottom of the bird in px; the last
            two exclusive), ``parts`` (name to (x, y, visible)); ``sex``, ``age``, ``wear``, ``mark_extent`` and
            ``mark_tone`` (of all its field marks, see ``Individual``); ``habitat``,
            ``mood``, ``weather``, ``perch`` (``"none"`` in flight), ``pose``, ``flip`` (the body faces
            left), ``distance`` (length of the bird as a share of the picture's side),
            ``visible_fraction`` (of the bird); ``mark`` (what decides between the species and its
            look-alike, ``""`` if it has none), ``mark_pixels`` (pixels that the mark decides) and
            ``mark_visible`` (they are enough; True for species without a look-alike).
    """

    picture: np.ndarray
    mask: np.ndarray
    quality: int
    annotations: Annotations


def render(species: Species, seed: int, *, size: int = 256) -> Rendering:
    """Draw a species.

    Habitat, light, weather, pose, individual, perch, occluders and camera each have a random stream of
    their own, derived from the seed: the same seed with the look-alike gives the same picture but for the
    mark.

    Args:
        species: What to draw.
        seed: Decides everything else.
        size: Side of the picture in px; marks are readable from about 200.
    """
    streams = Streams(seed)
    camera = Camera.draw(streams("camera"))
    setting = draw_setting(streams("habitat"), streams("weather"))
    light = draw_light(setting.mood, streams("light"))
    sitter = draw_sitter(species, setting, streams, size)
    behind = _paint_behind(setting, sitter, streams, size)
    bird, framing = sitter.layer, sitter.framing
    surroundings = behind.colour.mean(axis=(0, 1))

    lit = relight(bird, light, surroundings, framing.scale, streams("light.dapples")) * light.brightness
    picture = grade(behind.colour, light) * (1 - bird.alpha[..., None]) + lit
    picture, dry = _flood(picture, surroundings, setting, sitter, light, streams)
    picture = veil(picture, surroundings, bird.alpha * dry, setting.weather, streams("weather.veil"))

    front = draw_occluders(
        bird.alpha * dry, _around_eye(sitter), sitter.mark & dry, streams("occluders"), snow=setting.snow
    )
    paint_precipitation(front, setting.weather, streams("weather.fall"))
    picture = grade(front.colour, light) + picture * (1 - front.alpha[..., None])
    free = dry & (front.alpha < 0.5)
    picture = to_bytes(camera.develop(picture, streams("camera.noise")))
    exposure = light.brightness * light.on_bird * camera.gain[1]
    mark = (camera.soften(sitter.gap * exposure) >= CLEAR) & free
    notes = {"species": species.name, "seed": seed, **setting.notes, **_annotate(sitter, mark, free)}
    return Rendering(picture, (bird.alpha > 0.5) & free, camera.quality, notes)


def _paint_behind(setting: Setting, sitter: Sitter, streams: Streams, size: int) -> Layer:
    """Habitat and perch."""
    behind = Layer(size)
    paint_habitat(behind, setting.habitat, streams)
    if setting.perch not in ("none", "shallows"):
        foot = sitter.framing.to_pixels(sitter.anatomy.foot)
        site = Site(foot, sitter.framing.scale, size, setting.snow)
        paint_perch(behind.canvas, setting.perch, site, streams("perch"))
    return behind


def _flood(
    picture: Array, surroundings: Array, setting: Setting, sitter: Sitter, light: Light, streams: Streams
) -> tuple[Array, Array]:
    """Let water cover the feet of a bird in the shallows; also return what stays above it."""
    size = len(picture)
    dry = np.ones((size, size), bool)
    if setting.perch != "shallows":
        return picture, dry
    level, rng = sitter.waterline, streams("perch")
    tone = rng.uniform(0.8, 1.1) * np.array([0.42, 0.50, 0.50])
    picture = flood(picture, level, mix(surroundings, tone, 0.45), rng)
    rings = Layer(size)
    middle = sitter.framing.to_pixels(sitter.anatomy.foot)
    ring_waves(rings, middle, level, sitter.framing.scale, rng)
    picture = grade(rings.colour, light) + picture * (1 - rings.alpha[..., None])
    dry[int(np.clip(round(level), 1, size - 1)) :] = False
    return picture, dry


def _around_eye(sitter: Sitter) -> Array:
    size = len(sitter.layer.pixels)
    y, x = np.mgrid[:size, :size]
    eye_x, eye_y = sitter.framing.to_pixels(sitter.anatomy.eye)
    return np.hypot(x - eye_x, y - eye_y) < 0.6 * sitter.anatomy.head_radius * sitter.framing.scale


def _annotate(sitter: Sitter, mark: Array, free: Array) -> Annotations:
    """What is known about the bird, given which pixels show its mark and which nothing covers."""
    size, anatomy = len(free), sitter.anatomy
    whole = sitter.layer.alpha > 0.5
    rows, columns = np.flatnonzero(whole.any(axis=1)), np.flatnonzero(whole.any(axis=0))
    shown = int(mark.sum())
    return {
        "box": (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1),
        "parts": _parts(anatomy, sitter, free),
        "sex": sitter.individual.sex,
        "age": sitter.individual.age,
        "wear": sitter.individual.wear,
        "mark_extent": round(sitter.individual.mark_extent, 3),
        "mark_tone": round(sitter.individual.mark_tone, 3),
        "pose": anatomy.pose.name,
        "flip": sitter.framing.flipped,
        "distance": round(anatomy.length * sitter.framing.scale / size, 3),
        "visible_fraction": round(float((whole & free).sum() / whole.sum()), 3),
        "mark": sitter.mark_name,
        "mark_pixels": shown,
        "mark_visible": not sitter.mark_name or shown * (224 / size) ** 2 >= MARK_AREA,
    }


def _parts(anatomy: Anatomy, sitter: Sitter, free: Array) -> dict[str, tuple[float, float, bool]]:
    hidden = anatomy.hidden_parts
    parts = {}
    for name, point in anatomy.parts.items():
        x, y = sitter.framing.to_pixels(point).tolist()
        inside = 0 <= x < len(free) and 0 <= y < len(free)
        visible = inside and name not in hidden and bool(free[int(y), int(x)])
        parts[name] = (round(x, 1), round(y, 1), visible)
    return parts
