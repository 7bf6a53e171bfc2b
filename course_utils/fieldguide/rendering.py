"""Draw one picture: habitat, perch, bird, light, what stands in front, camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from course_utils.fieldguide.anatomy import Anatomy
from course_utils.fieldguide.bird import paint_bird
from course_utils.fieldguide.camera import Framing, develop, frame
from course_utils.fieldguide.drawing import Array
from course_utils.fieldguide.habitats import HABITATS, Habitat, Mood
from course_utils.fieldguide.light import draw_light, grade, relight
from course_utils.fieldguide.perch import Site, paint_occluders, paint_perch
from course_utils.fieldguide.pose import draw_pose
from course_utils.fieldguide.raster import Layer, to_bytes
from course_utils.fieldguide.scene import paint_habitat
from course_utils.fieldguide.species import Species
from course_utils.fieldguide.streams import Streams
from course_utils.fieldguide.subject import Dye, Subject

MIN_VISIBLE = 0.8
Annotations = dict[str, object]


@dataclass(frozen=True, eq=False)
class Rendering:
    """A picture and what is known about it.

    Attributes:
        picture: uint8 (size, size, 3), RGB.
        mask: bool (size, size), the visible pixels of the bird.
        annotations: ``species``, ``seed``, ``box`` (left, top, right, bottom; the last two exclusive),
            ``parts`` (name to (x, y, visible)), ``habitat``, ``mood``, ``perch``, ``pose``, ``flip`` (the
            bird faces left, unless it looks back) and ``visible_fraction``.
    """

    picture: np.ndarray
    mask: np.ndarray
    annotations: Annotations


def render(species: Species, seed: int, *, size: int = 256) -> Rendering:
    """Draw a species.

    Habitat, light, pose, individual, perch, occluders and camera each have a random stream of their own,
    derived from the seed: the same seed with another field mark gives the same picture but for the mark.

    Args:
        species: What to draw.
        seed: Decides everything else.
        size: Side of the picture in px; marks are readable from about 200.
    """
    streams = Streams(seed)
    habitat, mood, perch, snow = _draw_habitat(streams)
    anatomy = Anatomy(species, draw_pose(species.build, streams("pose")))
    framing = frame(anatomy, streams("framing"), size)
    light = draw_light(mood, streams("light"))

    behind, bird = Layer(size), Layer(size)
    paint_habitat(behind, habitat, streams)
    surroundings = behind.colour.mean(axis=(0, 1))
    site = Site(framing.to_pixels(anatomy.foot), framing.scale, size, snow)
    paint_perch(behind.canvas, perch, site, streams("perch"))

    bird.canvas.concat(framing.matrix)
    paint_bird(bird, Subject(anatomy, Dye.draw(streams("individual")), streams))
    lit = relight(bird, light, surroundings, framing.scale, streams("light.dapples")) * light.brightness
    picture = grade(behind.colour, light) * (1 - bird.alpha[..., None]) + lit

    front = _occluders(bird.alpha, anatomy, framing, streams, snow)
    picture = grade(front.colour, light) + picture * (1 - front.alpha[..., None])
    picture = to_bytes(develop(picture, streams("camera")))
    notes = _annotate(anatomy, framing, bird.alpha, front.alpha)
    notes |= {
        "species": species.name,
        "seed": seed,
        "habitat": habitat.name,
        "mood": mood.name,
        "perch": perch,
    }
    return Rendering(picture, (bird.alpha > 0.5) & (front.alpha < 0.5), notes)


def _draw_habitat(streams: Streams) -> tuple[Habitat, Mood, str, bool]:
    rng = streams("habitat")
    habitat = HABITATS[rng.integers(len(HABITATS))]
    mood = habitat.moods[rng.integers(len(habitat.moods))]
    return habitat, mood, str(rng.choice(habitat.perches)), bool(habitat.snow and rng.random() < 0.8)


def _occluders(bird: Array, anatomy: Anatomy, framing: Framing, streams: Streams, snow: bool) -> Layer:
    """What stands in front of the bird, unless it would hide the eye or too much of the whole."""
    size = len(bird)
    front = Layer(size)
    paint_occluders(front, streams("occluders"), snow=snow)
    y, x = np.mgrid[:size, :size]
    eye_x, eye_y = framing.to_pixels(anatomy.eye)
    near_eye = np.hypot(x - eye_x, y - eye_y) < 0.6 * anatomy.head_radius * framing.scale
    hidden = (bird > 0.5) & (front.alpha >= 0.5)
    spoilt = (near_eye & (front.alpha > 0.1)).any() or hidden.sum() > (1 - MIN_VISIBLE) * (bird > 0.5).sum()
    return Layer(size) if spoilt else front


def _annotate(anatomy: Anatomy, framing: Framing, bird: Array, front: Array) -> Annotations:
    whole = bird > 0.5
    rows, columns = np.flatnonzero(whole.any(axis=1)), np.flatnonzero(whole.any(axis=0))
    box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    parts = {}
    for name, point in anatomy.parts.items():
        x, y = framing.to_pixels(point).tolist()
        inside = 0 <= x < len(bird) and 0 <= y < len(bird)
        visible = inside and bool(front[int(y), int(x)] < 0.5)
        parts[name] = (round(x, 1), round(y, 1), visible)
    visible_fraction = float((whole & (front < 0.5)).sum() / whole.sum())
    return {
        "box": box,
        "parts": parts,
        "pose": anatomy.pose.name,
        "flip": framing.flipped,
        "visible_fraction": round(visible_fraction, 3),
    }
