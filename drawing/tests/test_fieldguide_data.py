"""The bundled birds as a data set: complete, drawn from their seeds, without shortcuts."""

from __future__ import annotations

import builtins
import itertools
import os
import shutil
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import draw_birds as command
from birds import audit, background, shortcuts
from birds.layout import COUNTS, SPLITS, SUBSETS, TWINS, mask_path, picture_seed
from birds.pairs import PAIRS
from birds.species import SPECIES
from birds.tables import ANNOTATION_COLUMNS, DRAWN_FROM_THE_SEED, TWIN_COLUMNS
from course_utils.data import load_annotations, load_birds, load_mask, load_pairs, load_twins
from course_utils.errors import CourseError
from course_utils.training.features import Features
from drawn_set.likeness import differences
from drawn_set.tables import read_table, write_table

BUNDLED = Path(__file__).resolve().parents[2] / "data" / "fieldguide"
ROOT = Path(os.environ.get("COURSE_TEST_BIRDS", BUNDLED))
"""Another folder, drawn by ``draw_birds.py render --out``, can be put to the same tests."""
MAX_BYTES = 20_000_000
TINY = {"train": 2, "val": 1, "test": 1, TWINS: 1}

whole_set = pytest.mark.skipif(ROOT != BUNDLED, reason="only the bundled set has the full numbers")


@pytest.fixture(scope="module")
def drawing():
    """The module that draws the data set."""
    pytest.importorskip("skia", exc_type=ImportError)
    from birds import dataset

    return dataset


@pytest.fixture(scope="module")
def notes() -> pd.DataFrame:
    return load_annotations(ROOT)


@pytest.fixture(scope="module")
def birds():
    return load_birds(ROOT, side=background.SIZE)


@pytest.fixture(scope="module")
def twins():
    return load_twins(folder=ROOT)


def pixels(file: Path) -> np.ndarray:
    with Image.open(file) as picture:
        return np.asarray(picture.convert("RGBA"), int)


# --- what is there


@whole_set
def test_numbers_of_pictures(notes, twins):
    found = Counter(zip(notes.split, notes.species, strict=True))
    assert found == {(split, s.name): COUNTS[split] for split in SPLITS for s in SPECIES}
    assert Counter(twin.mark for twin in twins) == {pair[2]: COUNTS[TWINS] for pair in PAIRS}


def test_every_file_is_listed_and_every_line_has_its_files():
    annotations = read_table(ROOT / "annotations.csv", ANNOTATION_COLUMNS)
    table = read_table(ROOT / "twins.csv", TWIN_COLUMNS)
    assert annotations and table
    wanted = {row["path"] for row in annotations + table} | {row["mark_path"] for row in table}
    wanted |= {mask_path(row["path"]) for row in annotations + table}
    folders = (*SPLITS, TWINS, "masks")
    found = {f.relative_to(ROOT).as_posix() for name in folders for f in (ROOT / name).rglob("*.*")}
    assert found == wanted


def test_size_on_disk():
    total = sum(file.stat().st_size for file in ROOT.rglob("*") if file.is_file())
    print(f"{total / 1e6:.1f} MB")
    assert total < MAX_BYTES


@whole_set
@pytest.mark.parametrize("name", ["plate", "variety"])
def test_plates_are_small(name):
    assert (BUNDLED / f"{name}.webp").stat().st_size < 250_000


def test_masks_and_twins_are_no_classes(birds):
    assert birds.classes == tuple(sorted(species.folder for species in SPECIES))
    assert not birds.left_out


@whole_set
@pytest.mark.parametrize("seed", [0, 1])
def test_subsets_are_nested_up_to_everything(birds, seed):
    from course_utils.data.collection import read_collection
    from course_utils.data.splits import split_collection

    collection = read_collection(ROOT, side=8)
    splits = [split_collection(collection, images_per_class=n, seed=seed) for n in SUBSETS]
    files = [set(s.train.files) for s in splits]
    assert all(small < large for small, large in itertools.pairwise(files))
    assert [len(f) for f in files] == [n * len(SPECIES) for n in SUBSETS]
    assert files[-1] == set(birds.train.files)
    assert all(s.val.files == birds.val.files and s.test.files == birds.test.files for s in splits)


# --- annotations, masks, twins


def test_annotations_fit_the_pictures(notes, birds):
    assert list(notes.index) == sorted(notes.index, key=lambda file: notes.seed[file])
    for images in birds:
        names = [images.classes[label] for label in images.labels.tolist()]
        assert names == notes.class_name[list(images.files)].tolist()
    assert notes.flip.dtype == notes.eye_visible.dtype == "boolean"
    assert notes.visible_fraction.between(0.5, 1).all()
    assert notes.mark_extent.between(0.5, 1).all() and notes.mark_tone.between(0.65, 1).all()
    in_pair = {species.name for pair in PAIRS for species in pair[:2]}
    assert set(notes.species[notes.mark.notna()]) == in_pair


def test_masks_fill_their_boxes(notes):
    for file, row in notes.iloc[::29].iterrows():
        mask = load_mask(file, ROOT)
        assert mask.shape == (256, 256) and mask.dtype == torch.bool
        left, top, right, bottom = audit.bounding_box(mask)
        assert row.left <= left < right <= row.right and row.top <= top < bottom <= row.bottom
        box_area = (row.right - row.left) * (row.bottom - row.top)
        assert 0.15 < mask.sum() / box_area < 0.95


def test_twins_are_pairs_of_the_field_guide(twins):
    marks = {pair[2]: (pair[0].folder, pair[1].folder) for pair in PAIRS}
    for twin in twins:
        assert twin.classes == marks[twin.mark]
        assert twin.without.shape == twin.with_mark.shape == (3, 256, 256)
        assert twin.without.dtype == torch.uint8 and twin.changed.dtype == torch.bool
        assert (twin.without != twin.with_mark).any(0).sum() > 0.5 * twin.changed.sum() > 0


def test_pairs_are_those_of_the_field_guide():
    found = [(pair.classes, pair.mark, pair.grade) for pair in load_pairs(ROOT)]
    assert found == [((a.folder, b.folder), mark, grade) for a, b, mark, grade in PAIRS]


# --- drawing it again


def test_bundled_pictures_can_be_drawn_again(drawing, tmp_path):
    """One picture of every third species, from all splits, and a twin."""
    wanted = [drawing.Shard(SPLITS[k % 3], k, 1) for k in range(0, len(SPECIES), 3)]
    wanted.append(drawing.Shard(TWINS, 1, 1))
    rows: dict[str, list] = {"annotations.csv": [], "twins.csv": []}
    for shard in wanted:
        rows[shard.table] += drawing.draw_shard(shard, tmp_path, 256)
    for name, columns in drawing.TABLES.items():
        write_table(tmp_path / name, columns, rows[name])
    assert not list(differences(tmp_path, ROOT, DRAWN_FROM_THE_SEED))


def test_a_drawing_that_differs_is_noticed(tiny, tmp_path):
    shutil.copytree(tiny, tmp_path, dirs_exist_ok=True)
    assert not list(differences(tmp_path, tiny, DRAWN_FROM_THE_SEED))
    rows = read_table(tmp_path / "annotations.csv", ANNOTATION_COLUMNS)
    rows[0]["pose"], moved = "upside down", rows[1]["path"]
    write_table(tmp_path / "annotations.csv", ANNOTATION_COLUMNS, rows)
    Image.fromarray(255 - pixels(tmp_path / moved)[..., :3].astype(np.uint8)).save(tmp_path / moved)
    Image.new("1", (64, 64)).save(tmp_path / mask_path(moved))
    (tmp_path / "train" / "new.webp").write_bytes((tmp_path / moved).read_bytes())
    found = "\n".join(differences(tmp_path, tiny, DRAWN_FROM_THE_SEED))
    assert len(found.splitlines()) == 4
    for part in (
        f"{moved} differs by",
        "of the mask; at most 0.002",
        "train/new.webp is not among",
        "differs in pose",
    ):
        assert part in found


@pytest.fixture(scope="module")
def tiny(drawing, tmp_path_factory) -> Path:
    """A very small data set."""
    out = tmp_path_factory.mktemp("tiny")
    drawing.render_dataset(out, counts=TINY, size=64)
    return out


def files_in(root: Path) -> dict[str, bytes]:
    return {f.relative_to(root).as_posix(): f.read_bytes() for f in root.rglob("*") if f.is_file()}


def test_drawing_again_gives_the_same_bytes(drawing, tiny, tmp_path):
    drawing.render_dataset(tmp_path, counts=TINY, size=64, processes=2)
    first, second = files_in(tiny), files_in(tmp_path)
    assert first == second
    assert len(first) == 2 * 4 * len(SPECIES) + 3 * len(PAIRS) + 2


def test_only_the_parts_that_are_asked_for(drawing, tiny, tmp_path):
    before = files_in(tiny)
    for name, content in before.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    drawn = []
    drawing.render_dataset(tmp_path, counts={"val": 2}, size=64, on_shard=drawn.append)
    assert [shard.part for shard in drawn] == ["val"] * len(SPECIES)
    after = files_in(tmp_path)
    assert {n for n in after.keys() - before.keys() if not n.startswith(("val/", "masks/val/"))} == set()
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"annotations.csv"}
    drawing.render_dataset(tmp_path, counts={"val": 1}, size=64)
    assert files_in(tmp_path) == before


def test_interrupted_drawing_is_resumed(drawing, tmp_path):
    counts = {"val": 1}
    drawn = []

    def stop_after_two(shard):
        drawn.append(shard)
        if len(drawn) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drawing.render_dataset(tmp_path, counts=counts, size=64, on_shard=stop_after_two)
    first = (tmp_path / "val" / SPECIES[0].folder).glob("*.webp")
    kept = next(first)
    kept.write_bytes(b"touched")
    (tmp_path / "masks" / "val" / SPECIES[1].folder).joinpath(
        f"{SPECIES[1].folder.lower()}_val_000.png"
    ).unlink()
    drawn.clear()
    drawing.render_dataset(tmp_path, counts=counts, size=64, resume=True, on_shard=drawn.append)
    assert [shard.place for shard in drawn] == list(range(1, len(SPECIES)))
    assert kept.read_bytes() == b"touched"
    drawing.render_dataset(tmp_path, counts=counts, size=64)
    assert kept.read_bytes() != b"touched"


def test_a_foreign_folder_is_left_alone(drawing, tmp_path):
    (tmp_path / "train" / "sparrow").mkdir(parents=True)
    with pytest.raises(CourseError, match=r"sparrow is none of the field guide's species"):
        drawing.render_dataset(tmp_path, counts=TINY, size=64)
    assert not list(tmp_path.rglob("*.webp"))


def test_seeds_never_repeat():
    places = {split: len(SPECIES) for split in SPLITS} | {TWINS: len(PAIRS)}
    seeds = [picture_seed(part, k, i) for part, n in places.items() for k in range(n) for i in range(400)]
    assert len(set(seeds)) == len(seeds)
    with pytest.raises(ValueError, match="too large"):
        picture_seed("train", 0, 10_000)


def test_without_skia_the_command_says_what_to_install(monkeypatch, capsys):
    real = builtins.__import__

    def no_skia(name, *args, **kwargs):
        if name == "skia":
            raise ModuleNotFoundError("No module named 'skia'", name="skia")
        return real(name, *args, **kwargs)

    for name in [n for n in sys.modules if n.startswith("birds") or n == "skia"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", no_skia)
    monkeypatch.setattr(sys, "argv", ["draw_birds.py", "render"])
    with pytest.raises(SystemExit) as stop:
        command.main()
    assert stop.value.code == 2 and "pip install -e '.[draw]'" in capsys.readouterr().err


def test_check_draws_again_and_compares(drawing, monkeypatch, capsys):
    monkeypatch.setattr(command, "BUNDLED", BUNDLED)
    arguments = ["draw_birds.py", "check", "--only", "val", "--number", "1", "--processes", "1"]
    monkeypatch.setattr(drawing, "SPECIES", SPECIES[:2])
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as stop:
        command.main()
    assert stop.value.code == 0 and "All as bundled." in capsys.readouterr().out


# --- no shortcuts


def test_audit_finds_no_shortcut():
    findings = audit.audit_pictures(ROOT)
    for finding in findings:
        print(f"{finding.question}: {finding.found} ({finding.limit})")
    assert len(findings) >= 16
    assert not [finding for finding in findings if not finding.ok]


def test_audit_would_see_a_tint_of_the_background(birds):
    tables = [background.background_features(images, ROOT)[0] for images in birds]
    assert background.background_probe(birds, tables).ok
    tints = torch.linspace(-0.3, 0.3, len(birds.classes))
    tinted = [Features(t.x + tints[t.y][:, None], t.y, 0.0) for t in tables]
    assert not background.background_probe(birds, tinted).ok


def test_background_features_know_nothing_of_the_bird(birds):
    """Painting over the bird changes no feature; painting over everything does."""
    val = birds.val.take(range(12))
    red = torch.zeros(3, 1, 1, dtype=torch.uint8)
    red[0] = 255
    masks = torch.stack([load_mask(file, ROOT) for file in val.files])[:, None]
    small = torch.nn.functional.adaptive_max_pool2d(masks.float(), background.SIZE) > 0
    painted = replace(val, pixels=torch.where(small, red, val.pixels))
    plain, hidden = (background.background_features(images, ROOT)[0].x for images in (val, painted))
    assert torch.equal(plain, hidden)
    flooded = replace(val, pixels=red.expand_as(val.pixels))
    assert not torch.allclose(plain, background.background_features(flooded, ROOT)[0].x)


@pytest.fixture(scope="module")
def measured(notes) -> pd.DataFrame:
    """The annotations with what the audit adds to them."""
    sizes = [(ROOT / file).stat().st_size for file in notes.index]
    return notes.assign(bytes=sizes, background_brightness=np.random.default_rng(0).random(len(notes)))


def broken(findings) -> list[str]:
    return [finding.question for finding in findings if not finding.ok]


@pytest.mark.parametrize("name", ["habitat", "perch", "flip"])
def test_audit_would_see_a_habit_of_one_species(measured, name):
    habit = measured.copy()
    habit.loc[habit.species == SPECIES[2].name, name] = habit[name].iloc[0]
    assert broken(shortcuts.surroundings(habit)) == [f"{name} and species"]


def test_audit_would_see_a_species_in_the_dark(measured):
    dark = measured.copy()
    dark.loc[dark.species == SPECIES[2].name, "background_brightness"] -= 0.5
    assert broken(shortcuts.surroundings(dark)) == ["brightness of the background and species"]


@pytest.mark.parametrize(
    ("name", "reported"), [("bytes", "highest"), ("distance", "smallest p"), ("mark_pixels", "smallest p")]
)
def test_audit_would_see_what_differs_within_a_pair(measured, name, reported):
    larger = measured.astype({name: float})
    larger.loc[larger.species == PAIRS[1][1].name, name] *= 2
    assert broken(shortcuts.within_pairs(larger, load_pairs(ROOT))) == [
        f"{name} and member of the pair, {reported}"
    ]


def test_audit_would_see_a_property_that_names_the_species(measured):
    telling = measured.assign(bytes=measured.species.map({s.name: k for k, s in enumerate(SPECIES)}))
    finding = shortcuts.alone(telling, "bytes")
    assert not finding.ok and "accuracy 0." in finding.found
    shuffled = np.random.default_rng(0).permutation(telling.bytes)
    assert shortcuts.alone(telling.assign(bytes=shuffled), "bytes").ok


def test_audit_would_see_a_near_duplicate(birds):
    one = birds.train.pixels[:1]
    brighter = (one.float() * 0.9 + 20).to(torch.uint8)
    a, b, other = (audit.difference_hash(p)[0] for p in (one, brighter, birds.train.pixels[1:2]))
    assert (a != b).sum() < audit.MIN_HASH_DISTANCE <= (a != other).sum()


def test_audit_would_see_a_twin_that_differs_elsewhere(twins, monkeypatch):
    moved = twins[0].with_mark.clone()
    moved[:, 0, 0] = 255 - moved[:, 0, 0]
    spoilt = [replace(twins[0], with_mark=moved), *twins[1:]]
    monkeypatch.setattr(audit, "load_twins", lambda folder: spoilt)
    finding = audit.twins_differ_in_the_mark(ROOT)
    assert not finding.ok and finding.found.startswith("1 of")


def test_audit_would_see_a_mark_that_is_too_small(notes):
    tiny = notes.assign(mark_pixels=notes.mark_pixels.where(notes.mark != PAIRS[0][2], 5))
    area, _ = audit.marks(tiny)
    assert not area.ok and f"{PAIRS[0][2]} 4" in area.found
