"""Draw the plate, one page with every species: ``python -m course_utils.fieldguide.plate --out FILE``."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from course_utils.fieldguide.anatomy import Anatomy
from course_utils.fieldguide.bird import paint_bird
from course_utils.fieldguide.camera import Framing
from course_utils.fieldguide.drawing import Array, rgb
from course_utils.fieldguide.light import Light, relight
from course_utils.fieldguide.pose import Pose
from course_utils.fieldguide.raster import Layer, to_bytes
from course_utils.fieldguide.species import SPECIES, Species
from course_utils.fieldguide.streams import Streams
from course_utils.fieldguide.subject import Dye, Subject
from course_utils.fieldguide.twigs import draw_branch
from course_utils.files import replacing

PAPER, INK, BARK = rgb("f4efe3"), "3a332a", rgb("6c5a4a")
POSE = Pose(pitch=30, head_pitch=3, tail_spread=8)
LIGHT = Light(np.array([0.35, -0.75, 0.56]), 0.5, np.array([1.02, 1.0, 0.97]), 1.0)
SEED = 12
COLUMNS, CELL, CAPTION = 4, 300, 34


def draw_cell(species: Species, size: int = CELL) -> Array:
    """One species on paper, (size, size, 3) from 0 to 1; all in one pose and to the same scale."""
    anatomy, streams = Anatomy(species, POSE), Streams(SEED)
    scale = size / 158
    framing = Framing(scale, flipped=False, roll=0.0, offset=(size * 0.50, size * 0.56))
    behind, bird = Layer(size), Layer(size)
    foot = framing.to_pixels(anatomy.foot)
    along = np.linspace(-34, 34, 7)
    twig = foot + scale * np.stack([along, 2.6 + 0.002 * along**2], axis=1)
    draw_branch(behind.canvas, twig, 5 * scale, BARK, streams("perch"), lichen=False)
    bird.canvas.concat(framing.matrix)
    paint_bird(bird, Subject(anatomy, Dye(1.0, np.ones(3)), streams))
    lit = relight(bird, LIGHT, PAPER, scale, streams("light.dapples"))
    ground = PAPER * (1 - behind.alpha[..., None]) + behind.colour
    return np.clip(ground * (1 - bird.alpha[..., None]) + lit, 0, 1)


def draw_plate() -> Image.Image:
    """All species with their names, in the order of the field guide: the members of a pair side by side."""
    rows = -(-len(SPECIES) // COLUMNS)
    page = Image.new("RGB", (COLUMNS * CELL, rows * (CELL - 40 + CAPTION)), tuple(to_bytes(PAPER).tolist()))
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(19)
    for place, species in enumerate(SPECIES):
        x, y = place % COLUMNS * CELL, place // COLUMNS * (CELL - 40 + CAPTION)
        page.paste(Image.fromarray(to_bytes(draw_cell(species)[20:-20])), (x, y))
        pen.text((x + CELL / 2, y + CELL - 40), species.name, f"#{INK}", font, anchor="mt")
    return page


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Draw one page with every species.")
    parser.add_argument("--out", type=Path, required=True, help="file to write, .webp")
    out = parser.parse_args().out
    with replacing(out) as file:
        draw_plate().save(file, "WEBP", quality=88, method=6)


if __name__ == "__main__":
    main()
