"""The habitats as data: colours, what is out of focus behind the bird, and the light that falls there.

Colour, light and exposure belong together: each habitat has its own moods of light, so that snow is
never lit like a forest at noon. No species prefers a habitat, a perch or a weather: a duck sits on a branch
as often as a thrush stands in the water.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mood:
    """A kind of light.

    Attributes:
        name: Its name.
        hardness: Range of the sun's share of the light: 0 overcast to 1 clear.
        warmth: Range of the light's colour: -1 blue shade to 1 evening sun.
        brightness: Range of the exposure, as a factor.
        elevation: Range of the light's height, in degrees above the horizontal.
        dappled: Leaves may throw shadows on the bird.
        on_bird: Range of the light on the bird, as a share of the light behind it.
    """

    name: str
    hardness: tuple[float, float]
    warmth: tuple[float, float]
    brightness: tuple[float, float]
    elevation: tuple[float, float]
    dappled: bool = False
    on_bird: tuple[float, float] = (0.9, 1.05)


SUN = Mood("sun", (0.55, 0.9), (0.0, 0.5), (0.95, 1.08), (40, 70))
LOW_SUN = Mood("low sun", (0.6, 0.95), (0.5, 1.0), (0.88, 1.02), (18, 40))
SHADE = Mood("open shade", (0.15, 0.4), (-0.35, 0.1), (0.92, 1.04), (45, 80))
DAPPLED = Mood("dappled", (0.45, 0.8), (0.0, 0.5), (0.92, 1.05), (45, 75), dappled=True)
AGAINST = Mood("against the light", (0.6, 0.95), (0.3, 1.0), (0.95, 1.1), (12, 35), on_bird=(0.56, 0.8))
CLOUD = Mood("overcast", (0.08, 0.3), (-0.3, 0.1), (0.9, 1.04), (55, 85))


@dataclass(frozen=True)
class Habitat:
    """A kind of background.

    Attributes:
        name: Its name.
        ground: Four colours of the blurred background, dark to light.
        spots: Colours of things out of focus.
        cells: Blotches of the background across and down the picture; unequal for streaks.
        moods: Kinds of light.
        contents: What is out of focus: any of ``"bokeh"``, ``"branches"``, ``"leaves"``, ``"stems"``,
            ``"ripples"``, ``"clouds"``, ``"ridge"``.
        perches: What there is to sit or stand on: ``"branch"``, ``"twig"``, ``"post"``, ``"rock"``,
            ``"bank"`` (bare ground) or ``"shallows"`` (water, in which birds stand, bathe or swim).
        snow: Snow may lie on perches.
    """

    name: str
    ground: tuple[str, str, str, str]
    spots: tuple[str, ...]
    cells: tuple[float, float]
    moods: tuple[Mood, ...]
    contents: frozenset[str]
    perches: tuple[str, ...]
    snow: bool = False


HABITATS: tuple[Habitat, ...] = (
    Habitat(
        "woodland edge",
        ("2f3f22", "4c6530", "738a48", "9aa765"),
        ("b9c684", "869f58", "d8d7a4", "3a4f28"),
        (2.5, 2.5),
        (SUN, DAPPLED, SHADE, LOW_SUN, AGAINST),
        frozenset({"bokeh", "branches", "leaves"}),
        ("branch", "twig", "post"),
    ),
    Habitat(
        "autumn wood",
        ("4a3620", "7a5a32", "a27f48", "8d7a50"),
        ("d0a662", "b06f38", "e3cf9f", "7a4626"),
        (2.5, 2.5),
        (LOW_SUN, SUN, SHADE, AGAINST),
        frozenset({"bokeh", "branches", "leaves"}),
        ("branch", "twig", "rock"),
    ),
    Habitat(
        "forest",
        ("3a4a30", "50643f", "6d8258", "8d9d70"),
        ("75885c", "9aa575", "38492f", "c0c299"),
        (2.2, 2.6),
        (SHADE, DAPPLED, AGAINST),
        frozenset({"bokeh", "branches", "leaves"}),
        ("branch", "twig", "rock"),
    ),
    Habitat(
        "open sky",
        ("86aacb", "a3c0d9", "bdd1e0", "d3dfe6"),
        ("eef2f4", "dbe5ec"),
        (1.2, 1.6),
        (SUN, LOW_SUN, AGAINST),
        frozenset({"clouds", "branches"}),
        ("branch", "twig", "post"),
    ),
    Habitat(
        "grey sky",
        ("a5acb0", "b7bdc0", "c8cccc", "d6d8d6"),
        ("e3e5e4", "b9bfc2"),
        (1.2, 1.6),
        (CLOUD, AGAINST),
        frozenset({"clouds", "branches"}),
        ("branch", "twig", "post"),
    ),
    Habitat(
        "reedbed",
        ("5a5433", "807445", "a09161", "b9ab7e"),
        ("c9b984", "ddcfa0", "5f5838"),
        (9.0, 1.2),
        (SUN, LOW_SUN, CLOUD, AGAINST),
        frozenset({"stems", "ridge"}),
        ("twig", "bank", "post", "shallows"),
    ),
    Habitat(
        "lake shore",
        ("3d5d66", "5b7d85", "7f9ca1", "a3b7b8"),
        ("c7d5d5", "dfe7e6", "34525a"),
        (1.6, 8.0),
        (SUN, CLOUD, LOW_SUN, AGAINST),
        frozenset({"ripples", "ridge"}),
        ("branch", "rock", "post", "shallows", "shallows"),
    ),
    Habitat(
        "winter garden",
        ("9aa6b0", "b6c0c8", "cdd4d9", "dfe3e5"),
        ("eef0f1", "94a2ae", "7a766c"),
        (2.0, 2.2),
        (CLOUD, SUN, AGAINST),
        frozenset({"bokeh", "branches", "ridge"}),
        ("branch", "twig", "post", "bank"),
        snow=True,
    ),
    Habitat(
        "old wall",
        ("5e554a", "7b7062", "988c7c", "b0a694"),
        ("968b79", "57503f"),
        (5.0, 4.0),
        (SHADE, SUN, CLOUD, AGAINST),
        frozenset({"stems"}),
        ("branch", "twig", "rock", "post"),
    ),
    Habitat(
        "meadow",
        ("4d6230", "71853f", "95a158", "b6b878"),
        ("d8c66c", "e6dfc0", "b0b56a", "c98e86"),
        (3.0, 2.0),
        (SUN, LOW_SUN, CLOUD, AGAINST),
        frozenset({"bokeh", "stems", "ridge"}),
        ("twig", "bank", "post", "rock"),
    ),
    Habitat(
        "moor",
        ("4d4a3a", "6f6a4c", "8e8560", "aa9d7a"),
        ("9c7f6c", "b49c86", "7d7a52"),
        (3.0, 3.0),
        (CLOUD, LOW_SUN, SUN, AGAINST),
        frozenset({"bokeh", "ridge"}),
        ("rock", "branch", "bank", "shallows"),
    ),
)
