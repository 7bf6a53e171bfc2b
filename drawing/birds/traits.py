"""How a species is described, in the terms ornithologists use.

Colours are ``RRGGBB``. ``None`` for a colour of the plumage means "like the tract beside it" (see
``Plumage.resolve``); ``None`` for a field mark means that the species lacks it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

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
        flat: The bill keeps its height to a rounded tip, as a duck's does.
        cere: Colour of the bare skin over the base of a hooked bill, a bird of prey's; None for other bills.
    """

    length: float = 0.72
    depth: float = 0.40
    decurvature: float = 0.06
    upper: Hex = "3a3632"
    lower: Hex = "5a5048"
    flat: bool = False
    cere: Hex | None = None


@dataclass(frozen=True)
class Build:
    """Size and proportions. A trunk is about 85 units long, breast to tail base, in every species.

    Attributes:
        size: Size of the living bird relative to a sparrow: 0.7 to 2.
        plumpness: Depth of the body relative to an average songbird: 0.8 to 1.2.
        head_radius: In units: 12 to 18.
        eye_radius: In head radii: 0.10 to 0.16.
        tail_length: In units: 15 to 50.
        tail_notch: Outer tail feathers longer (forked, positive) or shorter (rounded, negative) than the
            middle ones, as a share of the tail's length: -0.2 to 0.2.
        leg_length: What shows of the legs below the belly, in units: 5 to 34.
        posture: Lowest and highest angle of a perched body above the horizontal, in degrees.
        crest: Length of the crest in head radii, 0 for none: 0 to 1.
        neck_length: What shows of the neck, in units: 0 (songbirds) to 20.
        neck_width: Radius of the neck where it is thinnest, in units; matters with a neck only.
        wing_length: Spread wing from shoulder to tip, in units: 60 to 100.
        wing_point: Shape of the spread wing: 0 rounded to 1 pointed.
        wing_set: How much higher on the body the folded wing lies than a songbird's, in units: -2 to 6.
        swims: In water it floats; other birds stand.
    """

    size: float = 1.0
    plumpness: float = 1.0
    head_radius: float = 14.0
    eye_radius: float = 0.125
    tail_length: float = 34.0
    tail_notch: float = 0.0
    leg_length: float = 11.0
    posture: tuple[float, float] = (16.0, 40.0)
    crest: float = 0.0
    neck_length: float = 0.0
    neck_width: float = 9.0
    wing_length: float = 76.0
    wing_point: float = 0.25
    wing_set: float = 0.0
    swims: bool = False


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
    neck: Hex | None = None
    breast: Hex | None = None
    flank: Hex | None = None
    vent: Hex | None = None
    rump: Hex | None = None
    coverts: Hex | None = None
    underwing: Hex | None = None
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
    "neck": "cheek",
    "breast": "belly",
    "flank": "belly",
    "vent": "belly",
    "rump": "back",
    "coverts": "wing",
    "underwing": "belly",
    "feather_edge": "wing",
}


@dataclass(frozen=True)
class FieldMarks:
    """What tells similar species apart: the colour of each mark that a species has.

    Attributes:
        supercilium: Brow, a stripe above the eye from the bill to the nape.
        eye_stripe: Dark stripe from the bill through the eye.
        eye_ring: Ring of feathers around the eye, drawn out behind it.
        mask: Patch from the bill across the eye.
        malar_stripe: Stripe from the corner of the bill down the side of the throat.
        bib: Patch on chin and throat.
        collar: Patch on the side of the neck, or a ring around a long neck.
        nape_patch: Patch on the back of the head.
        breast_band: Band across the upper breast.
        breast_spots: Spots on breast and belly.
        flank_streaks: Streaks along breast sides and flanks.
        back_streaks: Dark centres of the back's feathers.
        wing_bars: Two bars across the wing, the tips of the median and greater coverts.
        wing_panel: Pale panel in the wing, the edges of the secondaries.
        wing_spots: Rows of spots across the flight feathers.
        speculum: Glossy patch on the secondaries, with a pale rim.
        scapular_patch: Large pale oval on the shoulder.
        tail_band: Band at the tip of the tail.
    """

    supercilium: Hex | None = None
    eye_stripe: Hex | None = None
    eye_ring: Hex | None = None
    mask: Hex | None = None
    malar_stripe: Hex | None = None
    bib: Hex | None = None
    collar: Hex | None = None
    nape_patch: Hex | None = None
    breast_band: Hex | None = None
    breast_spots: Hex | None = None
    flank_streaks: Hex | None = None
    back_streaks: Hex | None = None
    wing_bars: Hex | None = None
    wing_panel: Hex | None = None
    wing_spots: Hex | None = None
    speculum: Hex | None = None
    scapular_patch: Hex | None = None
    tail_band: Hex | None = None


@dataclass(frozen=True)
class Dress:
    """How the females, or the young, of a species differ from its adult male. Never in a deciding mark.

    Attributes:
        plumage: Colours of tracts that differ.
        marks: Field marks that differ; None for a mark that is missing.
        lower_bill: Colour of the lower mandible, None for no difference.
    """

    plumage: Mapping[str, Hex] = field(default_factory=dict)
    marks: Mapping[str, Hex | None] = field(default_factory=dict)
    lower_bill: Hex | None = None


@dataclass(frozen=True)
class Species:
    """A species of the field guide.

    Attributes:
        name: English name.
        group: The relatives it belongs to, as the field guide heads its chapters.
        plumage: Ground colours of the adult male.
        build: Proportions.
        bill: The bill.
        marks: Field marks of the adult male.
        female: What differs in females; None where the sexes look alike.
        juvenile: What differs in juveniles.
    """

    name: str
    group: str
    plumage: Plumage
    build: Build = Build()
    bill: Bill = Bill()
    marks: FieldMarks = FieldMarks()
    female: Dress | None = None
    juvenile: Dress = Dress()

    @property
    def folder(self) -> str:
        """The name as a folder: ``Sooty_Capling``."""
        return self.name.replace(" ", "_")

    def look_alike(self, name: str, **mark: Hex | None) -> Species:
        """Another species that differs from this one in exactly one field mark."""
        if len(mark) != 1:
            raise ValueError(f"A look-alike differs in one mark; got {sorted(mark)}.")
        return replace(self, name=name, marks=replace(self.marks, **mark))

    def dressed(self, dress: Dress) -> Species:
        """The species as its females or its young look."""
        bill = self.bill if dress.lower_bill is None else replace(self.bill, lower=dress.lower_bill)
        return replace(
            self,
            plumage=replace(self.plumage, **dress.plumage),
            marks=replace(self.marks, **dress.marks),
            bill=bill,
        )
