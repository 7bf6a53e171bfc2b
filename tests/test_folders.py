"""Layouts of folders: what is a split, a class, a picture, and that no file vanishes without a word."""

from __future__ import annotations

import io
import os
import tempfile
import warnings
from pathlib import Path

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from conftest import draw
from course_utils.data import load_birds
from course_utils.data.collection import read_collection
from course_utils.data.folders import list_folder
from course_utils.errors import CourseError


def lay_out(root: Path, *files: str) -> Path:
    """Draw a picture of its own at each place."""
    for seed, file in enumerate(files):
        draw(root / file, (90, 90, 90), seed)
    return root


@pytest.mark.parametrize(
    ("train", "val", "test"),
    [
        ("train", "val", "test"),
        ("Training", "Validation", "Testing"),
        ("training", "valid", "testing"),
        ("TRAIN", "DEV", "TEST"),
        ("train", "eval", "test"),
        ("seg_train/seg_train", "seg_val/seg_val", "seg_test/seg_test"),
        ("train_images", "val_images", "test_images"),
        ("trainSet", "evaluationSet", "testSet"),
        ("asl_alphabet_train", "asl_alphabet_val", "asl_alphabet_test"),
        ("archive/train", "archive/val", "archive/test"),
        ("01_train", "02_val", "03_test"),
    ],
)
def test_the_usual_names_of_splits(tmp_path, train, val, test):
    """Training and Testing were taken for two classes."""
    places = {train: "train", val: "val", test: "test"}
    root = lay_out(tmp_path, *(f"{place}/{kind}/1.png" for place in places for kind in ("jay", "owl")))
    listing = list_folder(root)
    assert listing.classes == ("jay", "owl") and not listing.left_out
    assert {Path(entry.file).parent.parent.as_posix(): entry.split for entry in listing.entries} == places


@pytest.mark.parametrize("name", ["freight_train", "trainer", "contest", "testudo", "devil", "evaluator"])
def test_a_class_may_have_a_split_s_name_in_its_own(tmp_path, name):
    root = lay_out(tmp_path, f"{name}/2024/1.png", "jay/2024/1.png")
    assert list_folder(root).classes == tuple(sorted((name, "jay")))
    root = lay_out(tmp_path / "vehicles", "train/1.png", "car/1.png")
    assert list_folder(root).classes == ("car", "train")


def test_folders_of_one_shape_are_not_guessed_to_be_classes(tmp_path):
    root = lay_out(
        tmp_path, *(f"{site}/{kind}/1.png" for site in ("siteA", "siteB") for kind in ("jay", "owl"))
    )
    with pytest.raises(
        CourseError, match=r"siteA, siteB, and all of these have the folders jay, owl .* call them train"
    ):
        list_folder(root)
    draw(root / "siteA" / "1.png", (9, 9, 9), 50)
    assert list_folder(root).classes == ("siteA", "siteB")


def test_splits_without_class_folders_are_no_classes(tmp_path):
    root = lay_out(tmp_path, "train/1.png", "test/2.png")
    with pytest.raises(CourseError, match="has the splits test, train, but no class folders in them"):
        list_folder(root)


def test_a_stray_picture_in_a_split_makes_no_class_of_it(tmp_path):
    files = [f"{split}/{kind}/1.png" for split in ("train", "test") for kind in ("jay", "owl")]
    listing = list_folder(lay_out(tmp_path, *files, "train/overview.png"))
    assert listing.classes == ("jay", "owl") and len(listing.entries) == 4
    assert [(item.file, item.reason) for item in listing.left_out] == [
        ("train/overview.png", "in no class folder")
    ]


def test_a_folder_beside_splits_is_named(tmp_path):
    root = lay_out(
        tmp_path, "train/jay/1.png", "train/owl/1.png", "seg_pred/3.png", "seg_pred/4.png", "5.png"
    )
    listing = list_folder(root)
    assert {item.file: item.reason for item in listing.left_out} == {
        "seg_pred/3.png": "in seg_pred/, which is no split with class folders as train",
        "seg_pred/4.png": "in seg_pred/, which is no split with class folders as train",
        "5.png": "in no class folder",
    }


@pytest.mark.parametrize(
    "places",
    [
        ("jay/images", "jay/masks", "owl/images", "owl/masks"),
        ("images/jay", "masks/jay", "images/owl", "masks/owl"),
    ],
)
def test_masks_beside_pictures_are_said(tmp_path, places):
    root = lay_out(tmp_path, *(f"{place}/{i}.png" for place in places for i in range(5)))
    with pytest.warns(UserWarning, match=r"in masks/ beside pictures, taken for masks of them \(10\): "):
        collection = read_collection(root, side=18)
    assert collection.classes == ("jay", "owl")
    assert all("images/" in entry.file for entry in collection.entries)


def test_masks_are_no_class(tmp_path):
    with pytest.raises(CourseError, match="1 class folders with pictures"):
        list_folder(lay_out(tmp_path, "images/1.png", "masks/1.png"))
    assert list_folder(lay_out(tmp_path / "mail", "label/1.png", "photo/1.png", "form/1.png")).classes == (
        "form",
        "label",
        "photo",
    )


def test_every_kind_that_pillow_reads_is_read_by_its_name_or_by_its_first_bytes(tmp_path):
    """Pictures called .jfif, .jpe or .pgm, and those without a suffix, vanished."""
    names = {
        "a.jfif": "JPEG",
        "b.jpe": "JPEG",
        "c.pgm": "PPM",
        "d.jp2": "JPEG2000",
        "e": "PNG",
        "f.jpg_large": "JPEG",
        "IMG_1.HEIC": "JPEG",
    }
    for kind in ("jay", "owl"):
        (tmp_path / kind).mkdir()
        for seed, (name, form) in enumerate(names.items()):
            Image.new("L", (20, 20), 10 * seed + len(kind) + ord(kind[0])).save(tmp_path / kind / name, form)
    (tmp_path / "jay" / "README").write_text("Taken in June.")
    with pytest.warns(UserWarning, match=r"files that are no pictures \(1\): jay/README"):
        collection = read_collection(tmp_path, side=18)
    assert {entry.file for entry in collection.entries} == {
        f"{kind}/{name}" for kind in ("jay", "owl") for name in names
    }


def test_links_and_folders_that_are_not_used_are_named(make_folder):
    """A dangling link, an empty class, a class called _: gone without a note."""
    root = make_folder(4)
    (root / "jay" / "gone.png").symlink_to(root / "nowhere.png")
    (root / "kite" / "deeper").mkdir(parents=True)
    draw(root / "_" / "1.png", (9, 9, 9), 77)
    draw(root / "_background_noise_" / "1.png", (9, 9, 9), 78)
    with pytest.warns(UserWarning, match="Not used of pictures:") as caught:
        load_birds(root, side=18)
    text = str(caught[0].message)
    assert "links that lead nowhere (1): jay/gone.png" in text
    assert "folders without pictures, so no classes (1): kite" in text
    assert "begins with _ (rename it to use them) (2): _/1.png, _background_noise_/1.png" in text


PICTURE, NO_PICTURE, TEXT = "picture", b"no picture", b"a text"
KINDS = {
    **dict.fromkeys(
        [".png", ".JPG", ".jfif", ".jpe", ".pgm", ".webp", ".tif", ".gif", ".bmp", ".jpeg", "", ".large"],
        PICTURE,
    ),
    **dict.fromkeys([".heic", ".NEF", ".mp4", ".zip", ".tmp"], NO_PICTURE),
    **dict.fromkeys([".txt", ".csv", ".md"], TEXT),
}
LINKS = ("link to nothing", "link to a file", "link to a folder", "link to the root")
FOLDERS = [
    "train",
    "Test",
    "val",
    "seg_train",
    "images",
    "masks",
    "_",
    "_x",
    ".hidden",
    "@eaDir",
    "$x",
    "jay",
    "owl",
]
ODD = ["K\u00e4uzchen", "Ka\u0308uzchen", "a b", "1.5 euro", "[1]", "\u00fc" * 40, "\udcff", "new\nline"]
TREES = int(os.environ.get("COURSE_TREES", "50"))


@st.composite
def trees(draw_of: st.DrawFn) -> list[tuple[str, str, str]]:
    """Folder, name and kind of each file, link or empty folder; most trees have the form of a data set at heart."""
    tops = draw_of(
        st.sampled_from(
            [[""], ["jay", "owl"], ["jay", "owl", "kite"], ["train/jay", "train/owl", "Testing/owl"]]
        )
    )
    below = st.lists(st.sampled_from(FOLDERS + ODD), max_size=3)
    folders = st.tuples(st.sampled_from([*tops, ""]), below).map(
        lambda found: "/".join([found[0], *found[1]])
    )
    names = st.sampled_from(["a", "b", "IMG_1", ".x", "_DSC1", "n.1", "Thumbs.db", *ODD])
    kinds = st.sampled_from([*KINDS, *LINKS, "empty folder"])
    heart = [(top, "a", ".png") for top in tops if top]
    return heart + draw_of(st.lists(st.tuples(folders, names, kinds), max_size=25))


def plant(root: Path, tree: list[tuple[str, str, str]], picture: bytes) -> set[str]:
    """Lay a tree out, except for what is in the way of something else; all its files and links."""
    planted = set()
    for number, (folder, name, kind) in enumerate(tree):
        above, suffix = root / folder.strip("/"), kind if kind in KINDS else ""
        file = above / f"{name}{suffix}"
        if (
            any(part.is_symlink() or part.is_file() for part in (above, *above.parents) if part != root)
            or file.is_symlink()
            or file.exists()
        ):
            continue
        above.mkdir(parents=True, exist_ok=True)
        if kind == "empty folder":
            file.mkdir()
        elif kind in LINKS:
            goal = {
                "link to nothing": root / "nothing",
                "link to a file": above / "a.png",
                "link to a folder": root / "jay",
                "link to the root": root,
            }
            file.symlink_to(goal[kind])
        else:
            file.write_bytes(picture + bytes([number]) if KINDS[kind] == PICTURE else KINDS[kind])
        if kind != "empty folder":
            planted.add(file.relative_to(root).as_posix())
    return planted


@settings(max_examples=TREES, derandomize="COURSE_TREES" not in os.environ, database=None, deadline=None)
@example(tree=[("jay", "a", ".png"), ("owl", "a", ".png"), ("jay/_x", "l", "link to a folder")])
@given(tree=trees())
def test_every_file_is_used_once_or_counted_in_what_was_left_out(tree):
    """``COURSE_TREES=2000`` tries as many."""
    picture = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(picture, "PNG")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        planted = plant(root, tree, picture.getvalue())
        try:
            listing = list_folder(root)
        except CourseError as error:
            assert str(root) in str(error)
            event("refused")
            return
        event("read")
        places = [
            [entry.file for entry in listing.entries],
            [item.file for item in listing.left_out],
            listing.passed_over,
        ]
        found = [file for place in places for file in place]
        assert len(found) == len({*found})
        followed = {
            file
            for file in planted
            if (root / file).is_dir() and any(f.startswith(f"{file}/") for f in found)
        }
        assert planted - followed <= {*found}
        assert len(listing.classes) == len({entry.label for entry in listing.entries}) >= 2
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                collection = read_collection(root, side=4, skip_bad=True)
            except CourseError as error:
                assert "every picture of it was left out" in str(error)
                return
        kept, left_out = (
            [item.file for item in items] for items in (collection.entries, collection.left_out)
        )
        assert sorted(kept + left_out) == sorted(places[0] + places[1])
