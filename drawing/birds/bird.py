"""Draw a whole bird, from the far wing or leg to the near eye."""

from __future__ import annotations

from birds.details import paint_bill, paint_crest, paint_eye, paint_leg
from birds.feathers import paint_tail
from birds.flight import paint_far_wing, paint_near_wing
from birds.plumage import paint_plumage
from birds.posed_bird import PosedBird
from birds.raster import Layer
from birds.texture import paint_texture
from birds.wing import paint_folded_wings


def paint_bird(layer: Layer, bird: PosedBird) -> None:
    """Draw a bird, unlit, on a layer whose canvas maps units to pixels."""
    canvas, flies = layer.canvas, bird.anatomy.pose.flies
    if flies:
        paint_far_wing(canvas, bird)
    else:
        paint_leg(canvas, bird, near=False)
    paint_tail(canvas, bird)
    paint_crest(canvas, bird)
    paint_plumage(canvas, bird)
    if not flies:
        paint_leg(canvas, bird, near=True)
    paint_texture(layer, bird)
    if flies:
        paint_near_wing(canvas, bird)
    else:
        paint_folded_wings(canvas, bird)
    paint_bill(canvas, bird)
    paint_eye(canvas, bird)
