"""One study of one person: a picture, and what its anomaly changed in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import affine_transform, binary_dilation, gaussian_filter, label

from drawn_set.streams import Streams
from scans.anomalies import ANOMALIES, Anomaly, heart_strength
from scans.detector import Exposure, Window, develop
from scans.patient import Patient, Positioning
from scans.phantom import Change, Phantom
from scans.scanner import Scanner
from scans.shapes import Array

GRADES = ("subtle", "moderate", "plain")
LIMITS = {
    "nodule": (3.0, 5.5, 9.0, 16.0),
    "effusion": (4.5, 8.0, 15.0, 30.0),
    "pneumothorax": (4.0, 7.0, 12.0, 22.0),
    "consolidation": (4.0, 7.0, 12.0, 22.0),
}
"""The detectability at which each grade of an anomaly begins, and at which the last one ends."""
HEART = (0.49, 0.52, 0.56, 0.61)
"""The same for an enlarged heart, as its width relative to that of the chest: how much it changes one picture says little
where healthy hearts differ as they do."""


@dataclass(frozen=True, eq=False)
class Study:
    """A picture and what is known about it.

    Attributes:
        picture: uint8 (side, side).
        mask: bool (side, side), the pixels that the anomaly changed; none where there is none.
        detectability: See :func:`detectability`; 0 without an anomaly.
        grade: One of :data:`GRADES`, by what was found: not every place lets an anomaly stand out as it was asked
            to. ``""`` without an anomaly.
        mimics: Harmless things that look like anomalies.
    """

    picture: np.ndarray
    mask: np.ndarray
    detectability: float
    grade: str
    mimics: tuple[str, ...]


def take(
    patient: Patient,
    scanner: Scanner,
    seed: int,
    *,
    anomaly: str = "",
    grade: str = "moderate",
    side: int = 192,
) -> Study:
    """Expose a person.

    Args:
        patient: Who.
        scanner: On which machine.
        seed: Decides how they stand, and the exposure.
        anomaly: A key of :data:`~scans.anomalies.ANOMALIES`, or ``""``; where it is depends on the person.
        grade: One of :data:`GRADES`.
        side: Of the picture, in px.
    """
    streams = Streams(seed)
    positioning = Positioning.draw(streams("positioning"), upright=scanner.upright)
    phantom = Phantom(patient, scanner, positioning, seed=seed, side=side)
    exposure = Exposure.draw(streams("exposure"), scanner, side)
    change, found = None, 0.0
    if anomaly:
        rng, k = streams("grade"), GRADES.index(grade)
        grown = ANOMALIES[anomaly](phantom, Streams(patient.seed)(f"anomaly.{anomaly}"))
        limits = LIMITS.get(anomaly, HEART)
        target = float(rng.uniform(limits[k], limits[k + 1]))
        strength = _strength(phantom, grown, target) if anomaly in LIMITS else heart_strength(target)
        change = grown(strength)
    picture, _ = _develop(phantom, change, exposure=exposure)
    mask = np.zeros((side, side), bool)
    if change is not None:
        without, window = _develop(phantom)
        within, _ = _develop(phantom, change, window=window)
        mask = changed(without, within, phantom.rays.pixel)
        found = detectability(without, within, phantom.rays.pixel)
        if anomaly in LIMITS:
            grade = grade_of(anomaly, found)
    picture = _label(picture, scanner, streams("marker"))
    return Study(picture, mask, found, grade if anomaly else "", phantom.mimics)


def grade_of(anomaly: str, found: float) -> str:
    """The grade of an anomaly with a detectability."""
    return GRADES[sum(found >= limit for limit in LIMITS[anomaly][1:-1])]


def _develop(
    phantom: Phantom,
    change: Change | None = None,
    *,
    exposure: Exposure | None = None,
    window: Window | None = None,
) -> tuple[Array, Window]:
    pixel = phantom.rays.pixel
    absorbed, body = (
        _placed(m, phantom.positioning, pixel) for m in (phantom.absorbed(change), phantom.body)
    )
    return develop(absorbed, body, phantom.scanner, pixel, exposure=exposure, window=window)


def _placed(picture: Array, positioning: Positioning, pixel: float) -> Array:
    """Turned, shifted and scaled as the person stood."""
    cos, sin = np.cos(positioning.tilt), np.sin(positioning.tilt)
    matrix = np.array([[cos, -sin], [sin, cos]]) / positioning.zoom
    middle = np.full(2, (len(picture) - 1) / 2)
    moved = middle + np.array(positioning.shift[::-1]) / pixel
    return affine_transform(picture, matrix, middle - matrix @ moved, order=1, mode="nearest")


def detectability(without: Array, within: Array, pixel: float) -> float:
    """How far a change stands out from its surroundings: a signal-to-noise ratio.

    The squared difference of two noise-free pictures, each pixel over the variance of the picture around it (what
    ribs and vessels do within some cm), is summed; details smaller than 7 mm count as one.
    """
    detail = without - gaussian_filter(without, 2.5 / pixel)
    variance = gaussian_filter(detail**2, 1.5 / pixel) + 0.02**2
    cell = (0.7 / pixel) ** 2
    return float(np.sqrt(((within - without) ** 2 / variance).sum() / cell))


def changed(without: Array, within: Array, pixel: float) -> np.ndarray:
    """The pixels in which a change is to be seen: at least a quarter of what it is at its clearest, without crumbs."""
    apart = gaussian_filter(np.abs(within - without), 0.35 / pixel)
    parts, number = label(apart > 0.25 * np.percentile(apart, 99.5))
    sizes = np.bincount(parts.ravel(), minlength=number + 1)[1:]
    kept = 1 + np.flatnonzero(sizes > 0.2 * sizes.max(initial=0))
    return binary_dilation(np.isin(parts, kept))


def _strength(phantom: Phantom, anomaly: Anomaly, target: float) -> float:
    """The strength that gives an anomaly a detectability, or brings it as near as it gets."""
    without, window = _develop(phantom)
    low, high = 0.0, 1.0
    for _ in range(6):
        middle = 0.5 * (low + high)
        within, _ = _develop(phantom, anomaly(middle), window=window)
        enough = detectability(without, within, phantom.rays.pixel) > target
        low, high = (low, middle) if enough else (middle, high)
    return 0.5 * (low + high)


def _label(picture: Array, scanner: Scanner, rng: np.random.Generator) -> np.ndarray:
    """The lead marker of the side, and the word that says what this is."""
    side = len(picture)
    image = Image.fromarray(np.uint8(np.clip(picture, 0, 1) * 250))
    draw = ImageDraw.Draw(image)
    pixels = side / scanner.field
    if rng.random() < 0.85:
        letter, height = rng.choice(["L", "R"]), scanner.marker[0] * pixels * 1.5
        edge = (0.5 - 0.5 * scanner.marker[1]) * side * 0.35 + rng.uniform(0, 0.04) * side
        x = side - edge if letter == "L" else edge
        y = rng.uniform(0.08, 0.18) * side
        draw.text((x, y), str(letter), fill=250, font=ImageFont.load_default(height), anchor="mm")
    draw.text(
        (0.012 * side, side - 2),
        "SYNTHETIC",
        fill=235,
        font=ImageFont.load_default(0.045 * side),
        anchor="ls",
        stroke_width=1,
        stroke_fill=40,
    )
    return np.asarray(image)
