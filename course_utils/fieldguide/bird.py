"""Draw a whole bird, from the far wing or leg to the near eye."""

from __future__ import annotations

from course_utils.fieldguide.details import paint_bill, paint_crest, paint_eye, paint_leg
from course_utils.fieldguide.feathers import paint_tail
from course_utils.fieldguide.flight import paint_far_wing, paint_near_wing
from course_utils.fieldguide.plumage import paint_plumage
from course_utils.fieldguide.raster import Layer
from course_utils.fieldguide.subject import Subject
from course_utils.fieldguide.texture import paint_texture
from course_utils.fieldguide.wing import paint_folded_wings


def paint_bird(layer: Layer, subject: Subject) -> None:
    """Draw a bird, unlit, on a layer whose canvas maps units to pixels."""
    canvas, flies = layer.canvas, subject.anatomy.pose.flies
    if flies:
        paint_far_wing(canvas, subject)
    else:
        paint_leg(canvas, subject, near=False)
    paint_tail(canvas, subject)
    paint_crest(canvas, subject)
    paint_plumage(canvas, subject)
    if not flies:
        paint_leg(canvas, subject, near=True)
    paint_texture(layer, subject)
    if flies:
        paint_near_wing(canvas, subject)
    else:
        paint_folded_wings(canvas, subject)
    paint_bill(canvas, subject)
    paint_eye(canvas, subject)
