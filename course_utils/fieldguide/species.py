"""The field guide: every species as data, in the terms ornithologists use.

Colours are ``RRGGBB``. ``None`` for a colour of the plumage means "like the tract beside it" (see
``Plumage.resolve``); ``None`` for a field mark means that the species lacks it. Two species of a pair
differ in one field mark and in nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

Hex = str


@dataclass(frozen=True)
class Bill:
    """The bill. Lengths are in head radii.

    Attributes:
        length: From the feathers of the forehead to the tip: 0.5 (seed eater) to 2.2 (fish eater).
        depth: Height at its base: 0.25 (insect eater) to 0.75 (seed eater).
        decurvature: How far the tip bends down, as a share of the length: 0 to 0.2.
        upper: Colour of the upper mandible.
        lower: Colour of the lower mandible.
    """

    length: float = 0.72
    depth: float = 0.40
    decurvature: float = 0.06
    upper: Hex = "3a3632"
    lower: Hex = "5a5048"


@dataclass(frozen=True)
class Build:
    """Size and proportions. A trunk is about 85 units long, breast to tail base, in every species.

    Attributes:
        size: Size of the living bird relative to a sparrow: 0.7 to 1.3.
        plumpness: Depth of the body relative to an average songbird: 0.9 to 1.2.
        head_radius: In units: 13 to 18.
        eye_radius: In head radii: 0.10 to 0.16.
        tail_length: In units: 15 to 50.
        tail_notch: Outer tail feathers longer (forked, positive) or shorter (rounded, negative) than the
            middle ones, as a share of the tail's length: -0.2 to 0.2.
        leg_length: What shows of the legs below the belly, in units: 5 to 16.
        posture: Lowest and highest angle of a perched body above the horizontal, in degrees.
        crest: Length of the crest in head radii, 0 for none: 0 to 1.
    """

    size: float = 1.0
    plumpness: float = 1.0
    head_radius: float = 14.0
    eye_radius: float = 0.145
    tail_length: float = 34.0
    tail_notch: float = 0.0
    leg_length: float = 11.0
    posture: tuple[float, float] = (16.0, 40.0)
    crest: float = 0.0


@dataclass(frozen=True)
class Plumage:
    """Ground colours, tract by tract, without the field marks."""

    crown: Hex
    back: Hex
    belly: Hex
    wing: Hex
    tail: Hex
    forehead: Hex | None = None
    nape: Hex | None = None
    cheek: Hex | None = None
    throat: Hex | None = None
    breast: Hex | None = None
    flank: Hex | None = None
    vent: Hex | None = None
    rump: Hex | None = None
    coverts: Hex | None = None
    feather_edge: Hex | None = None
    iris: Hex = "2a1a10"
    legs: Hex = "5b4638"

    def resolve(self, tract: str) -> Hex:
        """Colour of a tract, following "like the tract beside it" to the end."""
        while getattr(self, tract) is None:
            tract = _LIKE[tract]
        return getattr(self, tract)


_LIKE = {
    "forehead": "crown",
    "nape": "crown",
    "cheek": "crown",
    "throat": "breast",
    "breast": "belly",
    "flank": "belly",
    "vent": "belly",
    "rump": "back",
    "coverts": "wing",
    "feather_edge": "wing",
}


@dataclass(frozen=True)
class FieldMarks:
    """What tells similar species apart: the colour of each mark that a species has.

    Attributes:
        supercilium: Brow, a stripe above the eye from the bill to the nape.
        eye_stripe: Dark stripe from the bill through the eye.
        eye_ring: Ring of feathers around the eye.
        mask: Patch from the bill across the eye.
        malar_stripe: Stripe from the corner of the bill down the side of the throat.
        bib: Patch on chin and throat.
        collar: Patch on the side of the neck.
        breast_spots: Spots on breast and belly.
        flank_streaks: Streaks along breast sides and flanks.
        back_streaks: Dark centres of the back's feathers.
        wing_bars: Two bars across the folded wing, the tips of the median and greater coverts.
        wing_panel: Pale panel in the folded wing, the edges of the secondaries.
        tail_band: Band at the tip of the tail.
    """

    supercilium: Hex | None = None
    eye_stripe: Hex | None = None
    eye_ring: Hex | None = None
    mask: Hex | None = None
    malar_stripe: Hex | None = None
    bib: Hex | None = None
    collar: Hex | None = None
    breast_spots: Hex | None = None
    flank_streaks: Hex | None = None
    back_streaks: Hex | None = None
    wing_bars: Hex | None = None
    wing_panel: Hex | None = None
    tail_band: Hex | None = None


@dataclass(frozen=True)
class Species:
    """A species of the field guide."""

    name: str
    plumage: Plumage
    build: Build = Build()
    bill: Bill = Bill()
    marks: FieldMarks = FieldMarks()

    @property
    def folder(self) -> str:
        """The name as a folder: ``Sooty_Capling``."""
        return self.name.replace(" ", "_")

    def look_alike(self, name: str, **mark: Hex | None) -> Species:
        """Another species that differs from this one in exactly one field mark."""
        if len(mark) != 1:
            raise ValueError(f"A look-alike differs in one mark; got {sorted(mark)}.")
        return replace(self, name=name, marks=replace(self.marks, **mark))


_CAPLING = Species(
    "Sooty Capling",
    Plumage(
        crown="1a1a1d", cheek="ece6da", throat="e6dece", breast="d9ccb6", belly="e2d6c0", flank="c6a680",
        back="80776a", wing="5a5651", feather_edge="85807a", tail="514e4a", legs="4f5a66",
    ),
    Build(size=0.86, plumpness=1.1, head_radius=15.2, tail_length=33),
    Bill(0.5, 0.36, upper="1f1d1d", lower="2a2727"),
    FieldMarks(bib="1c1b1d"),
)  # fmt: skip
_LEAFLING = Species(
    "Citrine Leafling",
    Plumage(
        crown="7f8a3c", nape="7b8743", cheek="bda93a", throat="dcbf4c", breast="d9be50", belly="e2cf72",
        vent="ece4b4", back="717a40", rump="8f9648", wing="47483a", feather_edge="8f9158", tail="4d4d3b",
        legs="b98d6e",
    ),
    Build(size=0.8, tail_length=31),
    Bill(0.7, 0.28, upper="4a3a2e", lower="a98658"),
    FieldMarks(eye_stripe="53542f"),
)  # fmt: skip
_THRUSH = Species(
    "Plain Hazelthrush",
    Plumage(
        crown="745437", cheek="957554", throat="ece2cf", breast="e6cfa6", belly="efe7d8", flank="dcbd92",
        back="725338", wing="644730", feather_edge="91704a", tail="664a32", legs="c09a82",
    ),
    Build(size=1.08, plumpness=1.04, tail_length=37, leg_length=13),
    Bill(0.8, 0.35, upper="4a392c", lower="b89460"),
    FieldMarks(malar_stripe="4a3424", breast_spots="3c2a1e"),
)  # fmt: skip
_FINCH = Species(
    "Garnet Hedgefinch",
    Plumage(
        crown="8c3138", nape="81464a", cheek="89403f", throat="a23f47", breast="b0636a", belly="e4d5cc",
        flank="d2b0a5", rump="99464a", back="77574d", wing="483b37", feather_edge="94756a", tail="4a3b37",
        legs="7a5a4c",
    ),
    Build(size=0.92, plumpness=1.05, tail_notch=0.12),
    Bill(0.62, 0.68, upper="83705f", lower="9a8474"),
    FieldMarks(back_streaks="4b352f"),
)  # fmt: skip
_DUSKLING = Species(
    "Ashen Duskling",
    Plumage(
        crown="665f54", nape="6e675b", cheek="82796b", throat="d6cfc1", breast="c4baa9", belly="e6dfd2",
        back="6e665a", wing="48423b", feather_edge="8d8577", tail="4a443c", legs="2a2523",
    ),
    Build(size=0.84, head_radius=14.4, leg_length=9, posture=(30, 52)),
    Bill(0.7, 0.32, upper="28221e", lower="54463a"),
)  # fmt: skip
_STREAMDART = Species(
    "Cobalt Streamdart",
    Plumage(
        crown="235f97", cheek="cf7934", throat="efe8da", breast="d47d40", belly="d58546", back="3187b4",
        rump="4aaecb", wing="21526f", coverts="236788", feather_edge="3d87aa", tail="23557f", legs="c24f32",
    ),
    Build(1.05, 1.06, head_radius=17.5, eye_radius=0.12, tail_length=19, leg_length=6, posture=(32, 52)),
    Bill(2.0, 0.44, 0.02, upper="1d1e20", lower="3b2d27"),
    FieldMarks(collar="efe8da", eye_stripe="2a2a30"),
)  # fmt: skip
_SILKCREST = Species(
    "Saffron Silkcrest",
    Plumage(
        crown="a98469", forehead="a8714f", nape="9f7f6c", cheek="ad8a6c", throat="a98a74", breast="ac8c76",
        belly="b9a797", vent="8f4d30", back="826c5f", rump="85837f", wing="4a484a", feather_edge="85817f",
        tail="535355", legs="2c2622",
    ),
    Build(size=0.98, plumpness=1.07, head_radius=14.5, eye_radius=0.12, leg_length=8, crest=0.85),
    Bill(0.5, 0.38, upper="1f1b1a", lower="3a3230"),
    FieldMarks(mask="181412", bib="181412", tail_band="e2b540"),
)  # fmt: skip

SPECIES: tuple[Species, ...] = (
    _CAPLING,
    _CAPLING.look_alike("Frostwing Capling", wing_panel="ece8df"),
    _LEAFLING,
    _LEAFLING.look_alike("Barred Leafling", wing_bars="f1ecd6"),
    _THRUSH,
    _THRUSH.look_alike("Browed Hazelthrush", supercilium="f3ead4"),
    _FINCH,
    _FINCH.look_alike("Streaked Hedgefinch", flank_streaks="3f2422"),
    _DUSKLING,
    _DUSKLING.look_alike("Ringed Duskling", eye_ring="f8f5ea"),
    _STREAMDART,
    _SILKCREST,
)
"""All species, in the order of the field guide; the alphabetical order of folders is another."""

PAIRS: tuple[tuple[Species, Species, str], ...] = (
    (SPECIES[0], SPECIES[1], "wing_panel"),
    (SPECIES[2], SPECIES[3], "wing_bars"),
    (SPECIES[4], SPECIES[5], "supercilium"),
    (SPECIES[6], SPECIES[7], "flank_streaks"),
    (SPECIES[8], SPECIES[9], "eye_ring"),
)
"""Look-alikes and the field mark that decides: the second of each pair has it, the first lacks it."""
