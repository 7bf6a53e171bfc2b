"""Three machines: how they look at a person, and what they make of what they saw."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scanner:
    """Geometry, physics and processing of a machine.

    Attributes:
        name: A letter.
        upright: The patient stands with the chest to the detector; else lies with the back on it.
        distance: From the source to the detector, in cm.
        field: Side of the detector, in cm.
        soft: Attenuation of soft tissue, per cm.
        bone: Of cortical bone above that, per cm.
        scatter: Scattered radiation relative to the first scanner's.
        photons: That reach a pixel through air.
        blur: Standard deviation of the detector's blur, in mm.
        grain: Share of the noise that is correlated between neighbours.
        bands: Gains of coarse, middle and fine detail in the processing.
        contrast: Steepness of the final tone curve.
        middle: Grey level that the tone curve centres on.
        marker: Height of the lead marker in cm, and how near to the edge it is put (0 to 1).
    """

    name: str
    upright: bool
    distance: float
    field: float
    soft: float
    bone: float
    scatter: float
    photons: float
    blur: float
    grain: float
    bands: tuple[float, float, float]
    contrast: float
    middle: float
    marker: tuple[float, float]


SCANNERS = {
    scanner.name: scanner
    for scanner in (
        Scanner(
            name="A", upright=True, distance=183, field=41, soft=0.190, bone=0.44, scatter=0.9, photons=2.0e5,
            blur=0.9, grain=0.0, bands=(0.55, 1.20, 1.9), contrast=2.9, middle=0.42, marker=(1.6, 0.75),
        ),
        Scanner(
            name="B", upright=True, distance=180, field=40, soft=0.205, bone=0.52, scatter=0.9, photons=0.9e5,
            blur=1.05, grain=0.4, bands=(0.80, 1.10, 1.5), contrast=3.1, middle=0.45, marker=(2.2, 0.55),
        ),
        Scanner(
            name="C", upright=False, distance=110, field=43, soft=0.205, bone=0.56, scatter=1.9, photons=4e4,
            blur=1.3, grain=0.6, bands=(0.48, 1.30, 1.8), contrast=2.7, middle=0.43, marker=(1.3, 0.9),
        ),
    )
}  # fmt: skip
