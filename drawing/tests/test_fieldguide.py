"""The invented birds: what is drawn, and what a seed decides."""

from __future__ import annotations

import builtins
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest

from birds.pairs import PAIRS
from birds.species import SPECIES, FieldMarks


def species_named(name: str):
    return next(species for species in SPECIES if species.name == name)


@pytest.fixture(scope="module")
def render():
    pytest.importorskip("skia", exc_type=ImportError)
    from birds import render

    return render


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[2])
def test_pairs_differ_in_one_mark(pair):
    without, with_mark, mark, _ = pair
    a, b = asdict(without), asdict(with_mark)
    assert {key for key in a if a[key] != b[key]} == {"name", "marks"}
    assert [key for key in a["marks"] if a["marks"][key] != b["marks"][key]] == [mark]
    assert a["marks"][mark] is None


def test_look_alike_takes_one_mark():
    with pytest.raises(ValueError, match="one mark"):
        SPECIES[0].look_alike("Two Marks", bib="000000", mask="000000")


def test_species_are_well_formed():
    names = [species.name for species in SPECIES]
    assert len(set(names)) == len(names) == 18
    for species in SPECIES:
        assert species.folder.isascii() and " " not in species.folder
        colours = [species.plumage.resolve(name) for name in asdict(species.plumage)]
        colours += [colour for colour in asdict(species.marks).values() if colour is not None]
        assert all(len(bytes.fromhex(colour)) == 3 for colour in colours)
    assert any(species.marks == FieldMarks() for species in SPECIES)
    groups = [species.group for species in SPECIES]
    assert len(set(groups)) >= 8
    assert groups == sorted(groups, key=groups.index), "relatives stand together"
    assert len(PAIRS) >= 7


def test_missing_skia_is_explained(monkeypatch):
    real = builtins.__import__

    def no_skia(name, *args, **kwargs):
        if name == "skia":
            raise ModuleNotFoundError("No module named 'skia'", name="skia")
        return real(name, *args, **kwargs)

    for name in [n for n in sys.modules if n.startswith("birds")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", no_skia)
    import birds

    assert len(birds.SPECIES) == 18
    with pytest.raises(ImportError, match=r"pip install -e '\.\[draw\]'"):
        _ = birds.render


def test_same_seed_same_pixels_other_seed_others(render):
    first, again, other = (render(SPECIES[3], seed, size=128) for seed in (7, 7, 8))
    assert np.array_equal(first.picture, again.picture)
    assert first.annotations == again.annotations
    assert np.abs(first.picture.astype(int) - other.picture).mean() > 5


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[2])
def test_a_mark_changes_only_the_bird(render, pair):
    without, with_mark = pair[:2]
    for seed in (21, 22):
        a, b = (render(species, seed, size=224) for species in (without, with_mark))
        assert np.array_equal(a.mask, b.mask)
        assert {**a.annotations, "species": ""} == {**b.annotations, "species": ""}
        changed = np.abs(a.picture.astype(int) - b.picture).max(axis=2) > 2
        assert changed.any()
        left, top, right, bottom = a.annotations["box"]
        near = np.zeros_like(changed)
        near[max(0, top - 3) : bottom + 3, max(0, left - 3) : right + 3] = True
        assert not (changed & ~near).any()


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[2])
def test_marks_are_large_enough(render, pair):
    """At 224 px a mark covers a square of 4 x 4 px in nearly every picture, and more than that in the median one."""
    notes = [render(pair[seed % 2], seed, size=224).annotations for seed in range(40, 60)]
    assert all(note["mark"] == pair[2] for note in notes)
    assert sum(note["mark_visible"] for note in notes) >= 18
    assert np.median([note["mark_pixels"] for note in notes]) >= 24


def test_a_mark_that_the_camera_blurs_away_counts_as_hidden(render, monkeypatch):
    from birds.camera import Camera

    plain = render(species_named("Ringed Duskling"), 44, size=224).annotations
    draw = Camera.draw
    monkeypatch.setattr(Camera, "draw", lambda rng: replace(draw(rng), defocus=0.03))
    blurred = render(species_named("Ringed Duskling"), 44, size=224).annotations
    assert plain["mark_visible"] and not blurred["mark_visible"]
    assert blurred["mark_pixels"] < plain["mark_pixels"] / 2


def test_marks_differ_between_birds_of_a_species_in_width_and_in_strength():
    pytest.importorskip("skia", exc_type=ImportError)
    from birds.drawing import narrowed
    from birds.individual import MARK_EXTENT, Individual

    birds = [Individual.draw(SPECIES[3], np.random.default_rng(seed)) for seed in range(200)]
    extents, strengths = (
        [getattr(bird, name) for bird in birds] for name in ("mark_extent", "mark_strength")
    )
    assert min(extents) < MARK_EXTENT[0] + 0.05 and max(extents) > MARK_EXTENT[1] - 0.05
    assert 0.4 < min(strengths) < 0.6 and max(strengths) > 0.95
    stripe = [(0.0, 0.0), (4.0, 0.0), (5.0, 1.0), (4.0, 2.0), (0.0, 2.0)]
    assert narrowed(stripe, 0.5) == [(0.0, 0.5), (4.0, 0.5), (5.0, 1.0), (4.0, 1.5), (0.0, 1.5)]
    assert narrowed(stripe, 1.0) == stripe


def test_motion_and_defocus_blur_and_keep_the_light():
    pytest.importorskip("skia", exc_type=ImportError)
    from birds.camera import Camera

    camera = Camera.draw(np.random.default_rng(0))
    dot = np.zeros((64, 64), np.float32)
    dot[32, 32] = 1
    sharp = replace(camera, defocus=0.0, motion=(0.0, 0.0))
    assert np.array_equal(sharp.soften(dot), dot)
    for blurry in (replace(sharp, defocus=0.02), replace(sharp, motion=(0.1, 0.0))):
        seen = blurry.soften(dot)
        assert seen.max() < 0.5 and seen.sum() == pytest.approx(1, abs=0.02)
    moved = replace(sharp, motion=(0.1, 0.0)).soften(dot)
    assert (moved.sum(axis=1) > 0).sum() == 1 and (moved.sum(axis=0) > 0).sum() >= 6, "to the side only"


def test_the_plates_name_every_species_and_every_pose(render, monkeypatch):
    from birds import plate, pose

    said = []
    text = plate.ImageDraw.ImageDraw.text
    monkeypatch.setattr(
        plate.ImageDraw.ImageDraw,
        "text",
        lambda pen, at, words, *a, **k: (said.append(words), text(pen, at, words, *a, **k)),
    )
    monkeypatch.setattr(
        plate,
        "draw_cell",
        lambda species, individual, size, pose=None: (
            plate.Image.new("RGB", (size, size), plate.PAPER),
            dict.fromkeys(plate.LEADERS | plate.SINGLES, np.zeros(2)),
        ),
    )
    plate.draw_plate()
    assert {species.name for species in SPECIES} <= set(said)
    assert {species.group.upper() for species in SPECIES} <= set(said)
    plate.draw_variety()
    assert {name.replace("_", " ") for name in (*pose.PERCHED, "gliding", "flapping")} <= set(said)


def test_species_without_look_alike_have_no_mark(render):
    notes = render(species_named("Cobalt Streamdart"), 3, size=64).annotations
    assert (notes["mark"], notes["mark_pixels"], notes["mark_visible"]) == ("", 0, True)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[2])
def test_no_sex_and_no_age_takes_the_deciding_mark_away(pair):
    without, with_mark, mark, grade = pair
    assert grade in {"easy", "medium", "hard"}
    for dress in (with_mark.juvenile, *([with_mark.female] if with_mark.female else [])):
        assert mark not in dress.marks
        assert getattr(without.dressed(dress).marks, mark) is None
        assert getattr(with_mark.dressed(dress).marks, mark) is not None


@pytest.mark.parametrize("species", SPECIES, ids=lambda species: species.folder)
def test_individuals_differ(species):
    pytest.importorskip("skia", exc_type=ImportError)
    from birds.individual import Individual

    birds = [Individual.draw(species, np.random.default_rng(seed)) for seed in range(80)]
    assert {bird.age for bird in birds} == {"adult", "juvenile"}
    assert {bird.wear for bird in birds} == {"fresh", "worn", "moulting"}
    sexes = {"unsexed", "female", "male"} if species.female else {"unsexed"}
    assert {bird.sex for bird in birds} == sexes
    assert all(bird.sex == "unsexed" for bird in birds if bird.age == "juvenile")
    young = next(bird for bird in birds if bird.age == "juvenile")
    assert young.dress(species) != species


@pytest.fixture(scope="module")
def posed():
    """Pixels of a bird in a given pose, and of its spread wings."""
    pytest.importorskip("skia", exc_type=ImportError)
    from birds import pose, raster, sitter
    from birds.anatomy import Anatomy
    from birds.camera import Framing
    from birds.individual import Individual
    from drawn_set import streams

    def draw(species, name, seed=1):
        rng = np.random.default_rng(seed)
        for _ in range(2_000):
            drawn = pose.draw_pose(species.build, "", rng, flies=name in {"gliding", "flapping"})
            if drawn.name == name:
                break
        anatomy = Anatomy(species, drawn)
        framing = Framing(0.7, False, 0.0, (80.0, 80.0))
        layer = sitter.paint_layer(anatomy, Individual(), framing, streams.Streams(seed), 160)
        return anatomy, layer.alpha

    assert raster.Layer(8).alpha.sum() == 0
    return draw


POSES = ("relaxed", "upright", "level", "fluffed", "half_turned", "from_behind", "looking_back", "preening",
         "feeding", "gliding", "flapping")  # fmt: skip


@pytest.mark.parametrize("name", POSES)
@pytest.mark.parametrize("species", SPECIES[::5], ids=lambda species: species.folder)
def test_every_pose_draws_one_whole_bird(posed, species, name):
    from scipy.ndimage import label

    anatomy, alpha = posed(species, name)
    assert anatomy.pose.name == name
    pieces, number = label(alpha > 0.5)
    sizes = sorted(np.bincount(pieces.ravel())[1:])
    assert number >= 1 and sizes[-1] > 0.97 * sum(sizes), "no stray strokes beside the bird"


@pytest.mark.parametrize("name", ["gliding", "flapping"])
def test_birds_in_flight_have_two_wings(posed, name):
    from birds.flight import WingPlan

    for seed in range(4):
        anatomy, alpha = posed(SPECIES[6], name, seed)
        near, far = (WingPlan(anatomy, side).at(60, 12) for side in (1, -1))
        assert np.hypot(*(near - far)) > 15, "the wings don't cover one another"
        for x, y in (near, far):
            assert alpha[int(80 + 0.7 * y), int(80 + 0.7 * x)] > 0.5


def test_birds_stay_inside_the_picture(render):
    for seed in range(24):
        left, top, right, bottom = render(SPECIES[seed % len(SPECIES)], seed, size=128).annotations["box"]
        assert left > 0 and top > 0 and right < 128 and bottom < 128


@pytest.mark.parametrize("size", [64, 224])
@pytest.mark.parametrize("species", SPECIES, ids=lambda species: species.folder)
def test_every_species_at_every_size(render, species, size):
    drawn = render(species, 5, size=size)
    assert drawn.picture.shape == (size, size, 3) and drawn.picture.dtype == np.uint8
    assert drawn.mask.shape == (size, size) and drawn.mask.dtype == bool
    assert drawn.mask.mean() > 0.02
    left, top, right, bottom = drawn.annotations["box"]
    assert 0 <= left < right <= size and 0 <= top < bottom <= size
    outside = drawn.mask.copy()
    outside[top:bottom, left:right] = False
    assert not outside.any()
    assert 0.6 <= drawn.annotations["visible_fraction"] <= 1
    assert drawn.annotations["parts"]["eye"][2], "the eye is never hidden"


def test_habitat_does_not_depend_on_species(render):
    for seed in range(3):
        found = {
            (notes["habitat"], notes["mood"], notes["weather"], notes["perch"], notes["flip"])
            for notes in (render(species, seed, size=64).annotations for species in SPECIES)
        }
        assert len(found) == 1


def test_streams_are_independent():
    from drawn_set.streams import Streams

    streams = Streams(3)
    before = streams("perch").random(4)
    streams("pose").random(100)
    assert np.array_equal(before, streams("perch").random(4))
    assert not np.array_equal(before, streams("pose").random(4))
    assert not np.array_equal(before, Streams(4)("perch").random(4))
