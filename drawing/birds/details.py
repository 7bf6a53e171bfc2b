"""Bill, eye, crest and legs."""

from __future__ import annotations

import math

import numpy as np

from birds._skia import skia
from birds.anatomy import EYE
from birds.drawing import (
    BLACK,
    WHITE,
    Array,
    bend,
    ellipse,
    line,
    linear_gradient,
    mix,
    paint,
    radial_gradient,
    rgb,
    spline,
    tapered,
    vec,
)
from birds.posed_bird import PosedBird

EYELID = 1.16
"""Radius of the eye with its dark lid, in radii of the eye."""
TOES = ((7.0, 0.8), (5.0, 2.2), (1.8, 2.8), (-5.0, 1.4))


def paint_bill(canvas: skia.Canvas, bird: PosedBird) -> None:
    """Draw both mandibles, the line between them, the nostril and the feathers at the base."""
    bill, at = bird.anatomy.species.bill, bird.anatomy.bill_point
    length, depth = (share * bird.anatomy.head_radius for share in (bill.length, bill.depth))
    drop = bill.decurvature * length
    colour = bird.individual.colour(bill.lower)
    shade = linear_gradient(at(0, 0), at(0, -0.6 * depth), [colour * 1.1, colour * 0.62], [0, 1])
    canvas.drawPath(_lower_mandible(bird, length, depth, drop), paint(shader=shade))
    colour = bird.individual.colour(bill.upper)
    shade = linear_gradient(at(0, 0.6 * depth), at(0, 0), [colour * 1.2 + 0.05, colour * 0.78], [0, 1])
    upper = _upper_mandible(bird, length, depth, drop)
    canvas.drawPath(upper, paint(shader=shade))
    gleam = [(0.05, 0.36, 0), (0.35, 0.28, 0), (0.66, 0.1, -0.4)]
    gleam = spline([at(x * length, y * depth + z * drop) for x, y, z in gleam], closed=False)
    canvas.save()
    canvas.clipPath(upper, skia.ClipOp.kIntersect, True)
    canvas.drawPath(gleam, paint(WHITE, 0.22, blur=0.5, stroke=max(0.5, depth * 0.12)))
    canvas.restore()
    gape = [at(-1.5, -0.1), at(0.5 * length, -0.35 - 0.25 * drop), at(0.92 * length, -0.95 * drop - 0.1)]
    canvas.drawPath(spline(gape, closed=False), paint(BLACK, 0.6, stroke=0.5))
    if bill.cere is not None:
        _paint_cere(canvas, bird, upper, length, depth)
    canvas.drawOval(ellipse(at(0.18 * length, 0.18 * depth), 1.4, 0.7), paint(BLACK, 0.6))
    _paint_bill_base(canvas, bird, depth)


def _paint_cere(canvas: skia.Canvas, bird: PosedBird, upper: skia.Path, length: float, depth: float) -> None:
    """The bare skin over the base of a hooked bill."""
    colour = bird.individual.colour(bird.anatomy.species.bill.cere)
    corners = [
        (-3, depth),
        (0.34 * length, depth),
        (0.3 * length, 0.1 * depth),
        (0.36 * length, -depth),
        (-3, -depth),
    ]
    canvas.save()
    canvas.clipPath(upper, skia.ClipOp.kIntersect, True)
    canvas.drawPath(spline([bird.anatomy.bill_point(*c) for c in corners]), paint(colour, 0.95, blur=0.3))
    canvas.restore()


def _upper_mandible(bird: PosedBird, length: float, depth: float, drop: float) -> skia.Path:
    ridge = [(-1.8, 0.52 * depth), (0.3 * length, 0.44 * depth - 0.1 * drop)]
    if bird.anatomy.species.bill.flat:
        ridge = [(-1.8, 0.6 * depth), (0.28 * length, 0.3 * depth), (0.62 * length, 0.13 * depth)]
        ridge += [(0.93 * length, 0.2 * depth), (1.02 * length, -0.02 * depth)]
    elif bird.anatomy.species.bill.cere is not None:
        hook = [(0.62 * length, 0.44 * depth), (0.95 * length, 0.1 * depth), (length, -0.62 * depth)]
        ridge = [(-1.8, 0.56 * depth), (0.3 * length, 0.56 * depth), *hook, (0.74 * length, -0.22 * depth)]
    else:
        ridge += [(0.72 * length, 0.2 * depth - 0.5 * drop), (length, -drop)]
    corners = [(-2.4, 0), *ridge, (0.5 * length, -0.25 - 0.25 * drop)]
    return spline([bird.anatomy.bill_point(*corner) for corner in corners])


def _lower_mandible(bird: PosedBird, length: float, depth: float, drop: float) -> skia.Path:
    edge = [(-2.4, 0), (0.45 * length, -0.3 - 0.25 * drop), (0.94 * length, -0.95 * drop - 0.1)]
    if bird.anatomy.species.bill.flat:
        edge = [(-2.4, 0), (0.45 * length, -0.05 * depth), (0.97 * length, -0.05 * depth)]
        keel = [(0.9 * length, -0.2 * depth), (0.4 * length, -0.24 * depth), (-2, -0.36 * depth)]
        return spline([bird.anatomy.bill_point(*corner) for corner in (*edge, *keel)])
    keel = [(0.55 * length, -0.28 * depth - 0.4 * drop), (0.15 * length, -0.43 * depth), (-2, -0.42 * depth)]
    return spline([bird.anatomy.bill_point(*corner) for corner in (*edge, *keel)])


def _paint_bill_base(canvas: skia.Canvas, bird: PosedBird, depth: float) -> None:
    """Small feathers of forehead, lores and chin over the bill's base."""
    at, rng = bird.anatomy.bill_point, bird.streams("plumage.bill_base")
    forehead, lores, chin = bird.tract("forehead"), bird.tract("cheek"), bird.tract("throat")
    if (mask := bird.mark("mask")) is not None:
        forehead = lores = mask
    if (bib := bird.mark("bib")) is not None:
        chin = bib
    for height in np.linspace(-0.4, 0.46, 15):
        colour = forehead if height > 0.25 else lores if height > -0.45 else chin
        start = at(-2.6, height * depth)
        end = at(rng.uniform(-2.0, -1.1), height * depth * 0.9 + rng.normal(0, 0.2))
        line(canvas, start, end, paint(colour * rng.uniform(0.82, 1.0), 0.8, stroke=0.8))


def paint_eye(canvas: skia.Canvas, bird: PosedBird) -> None:
    """Draw the eye with lid, iris, pupil and catchlight, and the eye ring if the species has one."""
    anatomy, ring = bird.anatomy, bird.mark("eye_ring")
    radius = anatomy.species.build.eye_radius * anatomy.head_radius
    iris = rgb(anatomy.species.plumage.iris)
    narrow = math.cos(math.asin(EYE[0]) - math.radians(anatomy.pose.head_yaw))
    if ring is not None:
        _paint_eye_ring(canvas, bird, bird.strong(ring, "cheek"), radius)
    canvas.save()
    canvas.translate(*anatomy.eye.tolist())
    canvas.scale(0.5 + 0.5 * max(0.3, narrow), 0.96)
    canvas.drawCircle(0, 0, radius * EYELID, paint("1a1410", 0.9, blur=0.15))
    shade = radial_gradient((0, radius * 0.5), radius * 1.3, iris * 2.2 + 0.04, iris)
    canvas.drawCircle(0, 0, radius, paint(shader=shade))
    canvas.drawCircle(0, 0, radius * 0.66, paint("050303", 0.92))
    canvas.drawCircle(radius * 0.22, -radius * 0.42, radius * 0.24, paint(WHITE, 0.9, blur=0.1))
    canvas.drawOval(ellipse((0, radius * 0.5), radius * 1.1, radius * 0.4), paint("9fb0bc", 0.2, blur=0.3))
    canvas.restore()


def _paint_eye_ring(canvas: skia.Canvas, bird: PosedBird, colour: Array, radius: float) -> None:
    """A ring of short pale feathers, drawn out to a point behind the eye and thin above it."""
    anatomy, rng = bird.anatomy, bird.streams("plumage.eye_ring")
    reach = radius / anatomy.head_radius
    corners = []
    for angle in np.radians(np.arange(0, 360, 18)):
        behind = max(0.0, -math.cos(angle))
        grow = 1.72 + 0.95 * behind**5 - 0.12 * max(0.0, math.sin(angle)) + rng.uniform(-0.06, 0.06)
        grow = EYELID + (grow - EYELID) * (0.5 + 0.5 * bird.individual.mark_extent)
        u, v = reach * grow * math.cos(angle), reach * grow * math.sin(angle)
        corners.append(anatomy.on_head(EYE[0] + u, EYE[1] + v))
    canvas.drawPath(spline(corners), paint(colour, 0.96, blur=0.35, inside=True))


def paint_crest(canvas: skia.Canvas, bird: PosedBird) -> None:
    """Draw the crest's feathers from the crown to one point, more or less raised."""
    anatomy = bird.anatomy
    length = anatomy.species.build.crest
    if not length:
        return
    raised, colour, rng = anatomy.pose.crest_raise, bird.tract("crown"), bird.streams("plumage.crest")
    point = np.array([-0.85 - 0.5 * length * (1.7 - raised), 0.75 + 0.8 * raised * length])
    hollow = anatomy.beside_head(-0.5, 1.02)
    for t in np.linspace(0, 1, 12):
        root = anatomy.beside_head(0.42 - 1.2 * t, 0.78 - 0.4 * t * t)
        spread = np.array([0.1, 0.0]) * (1 - t) + np.array([0.04, -0.2]) * t + rng.normal(0, 0.025, 2)
        tip = anatomy.beside_head(*(point + spread))
        shape = tapered(bend(root, mix(hollow, (root + tip) / 2, t), tip, 6), [2.5, 5, 5, 4, 2.4, 0.4])
        canvas.drawPath(shape, paint(colour * rng.uniform(0.88, 1.05)))


def paint_leg(canvas: skia.Canvas, bird: PosedBird, *, near: bool) -> None:
    """Draw a leg: feathered thigh, bare shank, four toes that grip the perch, or a webbed foot."""
    anatomy, shade = bird.anatomy, 1.0 if near else 0.7
    build, colour = anatomy.species.build, bird.tract("legs") * shade
    shift = 3.0 if near else -3.5
    hip = anatomy.at(-5 + shift, -13 * anatomy.depth)
    foot = anatomy.foot + np.array([shift, 0.0])
    knee = min(0.5, 8 / build.leg_length)
    ankle = mix(hip, foot, knee) + np.array([-3.5, 0.0])
    thigh = [hip, mix(hip, ankle, 0.5), ankle]
    canvas.drawPath(tapered(thigh, [9, 5.5, 2.4]), paint(bird.tract("flank") * 0.86 * shade))
    canvas.drawPath(tapered([ankle, mix(ankle, foot, 0.5), foot], [2.2, 1.7, 2.1]), paint(colour * 0.85))
    line(canvas, ankle + vec(0.35, 0), foot + vec(0.35, 0), paint(colour * 1.3, 0.6, stroke=0.5))
    if build.swims:
        web = [foot + vec(*p) for p in ((-1, -0.8), (5, 0), (11, 1.8), (6, 3.2), (0.5, 2.4))]
        canvas.drawPath(spline(web), paint(colour * 0.88))
        return
    for x, y in TOES:
        tip = foot + np.array([x, y])
        toe = tapered([foot, foot + vec(x * 0.5, 0.3 * y - 0.8), tip], [1.8, 1.6, 1.0])
        canvas.drawPath(toe, paint(colour * 0.88))
        claw = [tip - vec(0.08 * x, 0.2), tip + vec(0.06 * x, 0.5), tip + vec(0.12 * x, 1.6)]
        canvas.drawPath(tapered(claw, [0.9, 0.6, 0.2]), paint("1c1714"))
