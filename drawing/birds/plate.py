"""The plates: one page with every species, one with the sexes, ages and poses of one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from birds.anatomy import EYE, Anatomy
from birds.bird import paint_bird
from birds.camera import Framing
from birds.drawing import Array, rgb
from birds.flight import wing_extent
from birds.individual import Individual
from birds.light import Light, relight
from birds.pairs import PAIRS, deciding_mark
from birds.pose import Pose, poses_by_name
from birds.posed_bird import PosedBird
from birds.raster import Layer, to_bytes
from birds.species import SPECIES
from birds.traits import Species
from birds.twigs import draw_branch
from drawn_set.streams import Streams

PAPER, INK, FAINT, BARK = "#f6f1e6", "#33291f", "#8a7c69", rgb("6c5a4a")
LIGHT = Light(np.array([0.35, -0.75, 0.56]), 0.5, np.array([1.02, 1.0, 0.97]), 1.0)
SEED = 12
SHARPNESS = 2
"""The page is drawn this many times larger and then reduced."""
COLUMNS = 4
MOST_HEIGHT = 0.61
"""Of a bird, as a share of its cell's side."""
CELL, ROW, TOP, MARGIN = 390 * SHARPNESS, 328 * SHARPNESS, 112 * SHARPNESS, 20 * SHARPNESS


@dataclass(frozen=True)
class Leader:
    """A label at the end of a thin line.

    Attributes:
        present: Label of a bird that has the mark.
        absent: Label of its look-alike; ``""`` where there is none.
        place: Where the label is in the cell, as shares of its width and of the row's height.
        on_head: The mark is on the head, at ``point`` in head coordinates; else in body coordinates.
        point: What the line points to.
    """

    present: str
    absent: str
    place: tuple[float, float]
    on_head: bool
    point: tuple[float, float]


LOW, MIDDLE, HIGH = (0.69, 0.74), (0.71, 0.61), (0.73, 0.08)
LEADERS = {
    "wing_bars": Leader("two wing bars", "no wing bars", MIDDLE, False, (4.5, -2)),
    "wing_panel": Leader("pale wing panel", "no wing panel", MIDDLE, False, (-8, -3)),
    "breast_band": Leader("breast band", "no breast band", LOW, False, (32, -8)),
    "flank_streaks": Leader("streaked flanks", "plain flanks", MIDDLE, False, (14, -13)),
    "supercilium": Leader("pale brow", "no brow", HIGH, True, (0.1, 0.44)),
    "malar_stripe": Leader("moustache", "no moustache", (0.73, 0.30), True, (0.22, -0.7)),
    "eye_ring": Leader("eye ring", "no eye ring", HIGH, True, (EYE[0] + 0.08, EYE[1] + 0.2)),
}
VARIED = "Barred Leafling"
"""The species whose variety has a page of its own: the sexes differ, and the mark shows in flight, too."""
SINGLES = {
    "Russet Marshduck": Leader("blue speculum", "", LOW, False, (-10, 1)),
    "Cobalt Streamdart": Leader("dagger bill", "", (0.71, 0.40), True, (2.0, -0.2)),
    "Pied Barkchisel": Leader("white shoulder", "", (0.68, 0.52), False, (12, 8)),
    "Saffron Silkcrest": Leader("crest and mask", "", HIGH, True, (-0.2, 1.0)),
}


def draw_cell(
    species: Species, individual: Individual, size: int, pose: Pose | None = None
) -> tuple[Image.Image, dict[str, Array]]:
    """One bird on paper, all to the same scale; smaller on the wing.

    Args:
        species: What to draw.
        individual: Sex and age.
        size: Side of the picture in px.
        pose: How it sits or flies; None for the posture usual in its species.

    Returns:
        The picture, and the ends of its leader lines in px, by mark or by name of the species.
    """
    low, high = species.build.posture
    pose = pose or Pose(pitch=0.5 * (low + high), head_pitch=3, head_yaw=4, yaw=2, tail_spread=8)
    anatomy, streams = Anatomy(individual.dress(species), pose), Streams(SEED)
    extent = np.concatenate([anatomy.extent, wing_extent(anatomy)]) if pose.flies else anatomy.extent
    low, high = extent.min(axis=0), extent.max(axis=0)
    scale = min(size / 178, MOST_HEIGHT * size / float((high - low)[1]))
    x, y = size * np.array([0.47, 0.48]) - scale * (low + high) / 2
    framing = Framing(scale, flipped=False, roll=0.0, offset=(float(x), float(y)))
    behind, bird = Layer(size), Layer(size)
    if not pose.flies:
        along = np.linspace(-19, 19, 7)
        twig = framing.to_pixels(anatomy.foot) + scale * np.stack([along, 2.6 + 0.002 * along**2], axis=1)
        draw_branch(behind.canvas, twig, 4.5 * scale, BARK, streams("perch"), lichen=False)
    bird.canvas.concat(framing.matrix)
    paint_bird(bird, PosedBird(anatomy, individual, streams))
    paper = rgb(PAPER[1:])
    lit = relight(bird, LIGHT, paper, scale, streams("light.dapples"))
    ground = paper * (1 - behind.alpha[..., None]) + behind.colour
    pixels = to_bytes(ground * (1 - bird.alpha[..., None]) + lit)
    ends = {}
    for name, leader in (LEADERS | SINGLES).items():
        point = anatomy.beside_head(*leader.point) if leader.on_head else anatomy.on_trunk(*leader.point)
        ends[name] = framing.to_pixels(point)
    return Image.fromarray(pixels), ends


def draw_plate() -> Image.Image:
    """All species with their names, in the order of the field guide, and what to look for."""
    note = "Invented species. Look-alikes stand side by side; lines point to the one field mark that decides."
    page = _new_page("The birds of Borrowed Feathers", note, len(SPECIES))
    pen = ImageDraw.Draw(page)
    for place, species in enumerate(SPECIES):
        _paste_species(page, species, *_corner(place))
    for group, members in groupby(enumerate(SPECIES), key=lambda item: item[1].group):
        for _, row in groupby([place for place, _ in members], key=lambda place: place // COLUMNS):
            places = list(row)
            x, y = _corner(places[0])
            gap, end = 14 * SHARPNESS, _corner(places[-1])[0] + CELL
            pen.text((x + gap, y + 2), group.upper(), FAINT, _font(16), anchor="lt")
            pen.line([(x + gap, y + 24 * SHARPNESS), (end - gap, y + 24 * SHARPNESS)], "#cbbfa9", SHARPNESS)
    return _reduced(page)


def draw_variety() -> Image.Image:
    """One species: its sexes and ages, and an adult in each pose."""
    species = next(species for species in SPECIES if species.name == VARIED)
    mark, _ = deciding_mark(species)
    poses = poses_by_name(species.build, mark, Streams(SEED)("pose")).values()
    birds = [(species.name + ", male", Individual(), None)]
    birds += [
        ("female", Individual(sex="female"), None),
        ("juvenile", Individual(sex="unsexed", age="juvenile"), None),
    ]
    worn = Individual(wear="worn", saturation=0.86, mark_extent=0.55, mark_tone=0.7)
    birds.append(("worn plumage: narrow, faint marks", worn, None))
    birds += [(pose.name.replace("_", " "), Individual(), pose) for pose in poses]
    note = "Sexes, ages and poses of one species."
    page = _new_page(f"One bird, many pictures: the {species.name}", note, len(birds))
    pen, cut = ImageDraw.Draw(page), 58 * SHARPNESS
    for place, (caption, individual, pose) in enumerate(birds):
        x, y = _corner(place)
        picture = draw_cell(species, individual, CELL, pose)[0].crop((0, cut, CELL, CELL - cut))
        page.paste(_over(page, picture, (x, y)), (x, y))
        pen.text((x + CELL * 0.48, y + ROW - 46 * SHARPNESS), caption, INK, _font(20), anchor="mt")
    return _reduced(page)


def _new_page(title: str, note: str, cells: int) -> Image.Image:
    size = (COLUMNS * CELL + 2 * MARGIN, TOP - (-cells // COLUMNS) * ROW + MARGIN)
    page = Image.new("RGB", size, PAPER)
    pen, middle = ImageDraw.Draw(page), size[0] / 2
    pen.text((middle, 22 * SHARPNESS), title, INK, _font(36), anchor="mt")
    pen.text((middle, 68 * SHARPNESS), note, FAINT, _font(19), anchor="mt")
    return page


def _reduced(page: Image.Image) -> Image.Image:
    return page.resize((page.width // SHARPNESS, page.height // SHARPNESS), Image.Resampling.LANCZOS)


def _font(height: int) -> ImageFont.FreeTypeFont:
    return ImageFont.load_default(height * SHARPNESS)


def _corner(place: int) -> tuple[int, int]:
    return MARGIN + place % COLUMNS * CELL, TOP + place // COLUMNS * ROW


def _paste_species(page: Image.Image, species: Species, x: int, y: int) -> None:
    """The adult, its name, and small beside it the female or a juvenile."""
    pen, top = ImageDraw.Draw(page), y + 26 * SHARPNESS
    adult, ends = draw_cell(species, Individual(), CELL)
    cut = 58 * SHARPNESS
    adult = adult.crop((0, cut, CELL, CELL - cut))
    page.paste(_over(page, adult, (x, top)), (x, top))
    inset = CELL * 46 // 100
    other, label = _other_dress(species)
    small, _ = draw_cell(species, other, inset)
    corner = (x, y + 26 * SHARPNESS)
    page.paste(_over(page, small, corner), corner)
    pen.text((x + inset * 0.47, y + 46 * SHARPNESS), label, FAINT, _font(15), anchor="mb")
    pen.text((x + CELL * 0.48, y + ROW - 38 * SHARPNESS), species.name, INK, _font(23), anchor="mt")
    _label(pen, species, (x, top), {name: end + np.array([x, top - cut]) for name, end in ends.items()})


def _label(
    pen: ImageDraw.ImageDraw, species: Species, corner: tuple[int, int], ends: dict[str, Array]
) -> None:
    """A label and its leader line; fainter where it says what is missing."""
    mark, _ = deciding_mark(species)
    leader = LEADERS.get(mark) or SINGLES[species.name]
    without = bool(mark) and getattr(species.marks, mark) is None
    text, colour = (leader.absent, FAINT) if without else (leader.present, INK)
    tip, radius = ends[mark or species.name], 2.6 * SHARPNESS
    at = np.array(corner) + np.array(leader.place) * (CELL, CELL - 116 * SHARPNESS)
    pen.line([tuple(at - (5 * SHARPNESS, 0)), tuple(tip)], colour, SHARPNESS)
    pen.ellipse([*(tip - radius), *(tip + radius)], fill=PAPER, outline=colour, width=SHARPNESS)
    pen.text(tuple(at), text, colour, _font(17), anchor="lm")


def _other_dress(species: Species) -> tuple[Individual, str]:
    """Female where the sexes differ, but a juvenile for the second of a pair."""
    second = any(species == pair[1] for pair in PAIRS)
    if species.female is None or second:
        return Individual(sex="unsexed", age="juvenile"), "juvenile"
    return Individual(sex="female"), "female"


def _over(page: Image.Image, picture: Image.Image, corner: tuple[int, int]) -> Image.Image:
    """The picture over what is on the page, its own paper transparent."""
    box = (*corner, corner[0] + picture.width, corner[1] + picture.height)
    below, above = np.asarray(page.crop(box), int), np.asarray(picture, int)
    blank = (np.abs(above - rgb(PAPER[1:]) * 255).max(axis=2) < 3)[..., None]
    return Image.fromarray(np.where(blank, below, above).astype(np.uint8))
