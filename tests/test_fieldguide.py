"""The invented birds: what is drawn, what a seed decides, and the bundled pictures."""

from __future__ import annotations

import builtins
import csv
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from course_utils.fieldguide.species import PAIRS, SPECIES, FieldMarks

BUNDLED = Path(__file__).resolve().parents[1] / "data" / "fieldguide"
WEBP_TOLERANCE = 4.0
"""Mean absolute difference, of 255, between a drawn picture and its WebP file."""


@pytest.fixture(scope="module")
def render():
    pytest.importorskip("skia", exc_type=ImportError)
    from course_utils.fieldguide import render

    return render


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with (BUNDLED / "annotations.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[2])
def test_pairs_differ_in_one_mark(pair):
    without, with_mark, mark = pair
    a, b = asdict(without), asdict(with_mark)
    assert {key for key in a if a[key] != b[key]} == {"name", "marks"}
    assert [key for key in a["marks"] if a["marks"][key] != b["marks"][key]] == [mark]
    assert a["marks"][mark] is None


def test_look_alike_takes_one_mark():
    with pytest.raises(ValueError, match="one mark"):
        SPECIES[0].look_alike("Two Marks", bib="000000", mask="000000")


def test_species_are_well_formed():
    names = [species.name for species in SPECIES]
    assert len(set(names)) == len(names) == 12
    for species in SPECIES:
        assert species.folder.isascii() and " " not in species.folder
        colours = [species.plumage.resolve(name) for name in asdict(species.plumage)]
        colours += [colour for colour in asdict(species.marks).values() if colour is not None]
        assert all(len(bytes.fromhex(colour)) == 3 for colour in colours)
    assert any(species.marks == FieldMarks() for species in SPECIES)


def test_missing_skia_is_explained(monkeypatch):
    real = builtins.__import__

    def no_skia(name, *args, **kwargs):
        if name == "skia":
            raise ModuleNotFoundError("No module named 'skia'", name="skia")
        return real(name, *args, **kwargs)

    for name in [n for n in sys.modules if n.startswith("course_utils.fieldguide")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", no_skia)
    import course_utils.fieldguide as fieldguide

    assert len(fieldguide.SPECIES) == 12
    with pytest.raises(ImportError, match=r"pip install 'borrowed-feathers\[draw\]'"):
        _ = fieldguide.render


def test_same_seed_same_pixels_other_seed_others(render):
    first, again, other = (render(SPECIES[3], seed, size=128) for seed in (7, 7, 8))
    assert np.array_equal(first.picture, again.picture)
    assert first.annotations == again.annotations
    assert np.abs(first.picture.astype(int) - other.picture).mean() > 5


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[2])
def test_a_mark_changes_only_the_bird(render, pair):
    without, with_mark, _ = pair
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
    """At 224 px the median mark covers at least a square of 4 x 4 px with a clear difference."""
    sizes = []
    for seed in range(40, 43):
        a, b = (render(species, seed, size=224).picture.astype(int) for species in pair[:2])
        sizes.append((np.abs(a - b).max(axis=2) > 30).sum())
    assert np.median(sizes) >= 16


@pytest.mark.parametrize("size", [64, 224])
@pytest.mark.parametrize("species", SPECIES, ids=lambda species: species.folder)
def test_every_species_at_every_size(render, species, size):
    drawn = render(species, 5, size=size)
    assert drawn.picture.shape == (size, size, 3) and drawn.picture.dtype == np.uint8
    assert drawn.mask.shape == (size, size) and drawn.mask.dtype == bool
    assert drawn.mask.mean() > 0.04
    left, top, right, bottom = drawn.annotations["box"]
    assert 0 <= left < right <= size and 0 <= top < bottom <= size
    outside = drawn.mask.copy()
    outside[top:bottom, left:right] = False
    assert not outside.any()
    assert 0.8 <= drawn.annotations["visible_fraction"] <= 1
    assert drawn.annotations["parts"]["eye"][2], "the eye is never hidden"


def test_habitat_does_not_depend_on_species(render):
    for seed in range(3):
        found = {
            (notes["habitat"], notes["mood"], notes["perch"], notes["flip"])
            for notes in (render(species, seed, size=64).annotations for species in SPECIES)
        }
        assert len(found) == 1


def test_streams_are_independent():
    from course_utils.fieldguide.streams import Streams

    streams = Streams(3)
    before = streams("perch").random(4)
    streams("pose").random(100)
    assert np.array_equal(before, streams("perch").random(4))
    assert not np.array_equal(before, streams("pose").random(4))
    assert not np.array_equal(before, Streams(4)("perch").random(4))


def test_seeds_never_repeat():
    pytest.importorskip("skia", exc_type=ImportError)
    from course_utils.fieldguide.dataset import SPLITS, jobs, picture_seed

    seeds = [job.seed for job in jobs(dict.fromkeys(SPLITS, 400))]
    assert len(set(seeds)) == len(seeds) == 3 * 12 * 400
    with pytest.raises(ValueError, match="too large"):
        picture_seed("train", 0, 10_000)


def test_render_dataset_is_reproducible(render, tmp_path):
    from course_utils.fieldguide.dataset import render_dataset

    files = []
    for name in ("a", "b"):
        annotations = render_dataset(tmp_path / name, per_class={"train": 1, "test": 1}, size=64)
        files.append(
            {f.relative_to(tmp_path / name): f.read_bytes() for f in annotations.parent.rglob("*.*")}
        )
    assert files[0] == files[1]
    assert len(files[0]) == 2 * 12 + 1


def test_bundled_counts(rows):
    counts = Counter((row["split"], row["species"]) for row in rows)
    expected = {"train": 30, "val": 10, "test": 30}
    assert counts == {(split, s.name): n for split, n in expected.items() for s in SPECIES}
    files = {file.relative_to(BUNDLED).as_posix() for file in BUNDLED.glob("*/*/*")}
    assert files == {row["path"] for row in rows}
    assert len({row["seed"] for row in rows}) == len(rows)
    assert sum(file.stat().st_size for file in BUNDLED.rglob("*.*")) < 8_000_000
    assert (BUNDLED / "plate.webp").stat().st_size < 250_000


def test_bundled_pictures_can_be_drawn_again(render, rows):
    by_name = {species.name: species for species in SPECIES}
    for row in rows[::83]:
        with Image.open(BUNDLED / row["path"]) as file:
            stored = np.asarray(file.convert("RGB"), int)
        drawn = render(by_name[row["species"]], int(row["seed"]))
        assert np.abs(stored - drawn.picture).mean() < WEBP_TOLERANCE, row["path"]
        assert drawn.annotations["box"] == tuple(int(row[k]) for k in ("left", "top", "right", "bottom"))
