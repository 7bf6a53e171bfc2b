"""Loading pictures: layouts, splits, subsets, odd pictures and bad input."""

from __future__ import annotations

import io
import re
import shutil
import struct
import tarfile
import warnings
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms, PngImagePlugin

from conftest import COLOURS, draw
from course_utils.data import Preprocessing, eval_transform, load_birds, train_transform
from course_utils.data.collection import read_collection
from course_utils.data.decode import open_rgb
from course_utils.data.folders import list_folder
from course_utils.data.splits import split_collection, split_rows
from course_utils.errors import CourseError
from course_utils.paths import cache_dir

SMALL = 32


def test_folder_with_all_splits_keeps_them(make_folder):
    birds = load_birds(make_folder(train=6, val=2, test=3), side=SMALL)
    assert [len(s) for s in birds] == [18, 6, 9]
    assert birds.classes == tuple(COLOURS)
    assert birds.train.pixels.shape == (18, 3, SMALL, SMALL) and birds.train.pixels.dtype == torch.uint8
    for images in birds:
        for file, label in zip(images.files, images.labels.tolist(), strict=True):
            assert birds.classes[label] in file


def test_folder_without_splits_is_cut_by_class(make_folder):
    birds = load_birds(make_folder(12), side=SMALL)
    for images, number in ((birds.test, 3), (birds.val, 1), (birds.train, 8)):
        assert images.counts() == dict.fromkeys(COLOURS, number)


def test_val_is_cut_out_of_train_only(make_folder):
    birds = load_birds(make_folder(train=10, test=3), side=SMALL)
    assert birds.val.counts() == dict.fromkeys(COLOURS, 1)
    assert all(file.startswith("train/") for file in birds.val.files)
    assert all(file.startswith("test/") for file in birds.test.files)


def test_test_never_depends_on_the_seed_and_val_does(make_folder):
    root = make_folder(20)
    one, two = (load_birds(root, side=SMALL, seed=seed) for seed in (0, 1))
    assert one.test.files == two.test.files
    assert one.val.files != two.val.files


def test_subsets_are_nested_seeded_and_leave_val_alone(make_folder):
    collection = read_collection(make_folder(train=12, test=2), side=SMALL)
    sets = [split_collection(collection, images_per_class=n, seed=3) for n in (2, 5, 9)]
    files = [set(s.train.files) for s in sets]
    assert files[0] < files[1] < files[2]
    assert [s.train.counts()["jay"] for s in sets] == [2, 5, 9]
    assert sets[0].val.files == sets[2].val.files
    again = split_collection(collection, images_per_class=5, seed=3)
    other = split_collection(collection, images_per_class=5, seed=4)
    assert again.train.files == sets[1].train.files != other.train.files


def test_cub_layout_from_folder_and_archive_are_the_same(cub_folder, tmp_path):
    archive = tmp_path / "CUB_200_2011.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(cub_folder, arcname="CUB_200_2011")
    from_folder, from_parent, from_archive = (
        load_birds(p, side=SMALL) for p in (cub_folder, tmp_path, archive)
    )
    assert from_folder.classes == ("001.finch", "002.jay", "003.wren")
    assert [len(s) for s in from_folder] == [12, 3, 9]
    for a, b, c in zip(from_folder, from_parent, from_archive, strict=True):
        assert a.files == b.files == c.files
        assert torch.equal(a.pixels, b.pixels) and torch.equal(a.pixels, c.pixels)


def _packed(folder: Path, archive: Path, mode: str) -> Path:
    with tarfile.open(archive, mode) as tar:
        tar.add(folder, arcname="CUB_200_2011")
    return archive


@pytest.mark.parametrize("mode", ["w:gz", "w:xz", "w:bz2"])
@pytest.mark.parametrize("damage", ["flipped", "cut"])
def test_archive_damaged_in_mid_stream_is_refused_and_leaves_nothing(cub_folder, tmp_path, mode, damage):
    archive = _packed(cub_folder, tmp_path / "cub.tar", mode)
    content = bytearray(archive.read_bytes())
    middle = len(content) // 2
    if damage == "cut":
        del content[middle:]
    else:
        content[middle : middle + 200] = bytes(255 - b for b in content[middle : middle + 200])
    archive.write_bytes(content)
    with pytest.raises(CourseError, match=r"cub\.tar can't be unpacked .* a \.tgz was expected"):
        load_birds(archive)
    assert not list(cache_dir("archives").iterdir())


@pytest.mark.parametrize("damage", ["header", "cut"])
def test_damaged_tar_without_checksums_is_refused_and_leaves_nothing(cub_folder, tmp_path, damage):
    archive = _packed(cub_folder, tmp_path / "cub.tar", "w")
    with tarfile.open(archive) as tar:
        last = max(member.offset for member in tar.getmembers())
    content = bytearray(archive.read_bytes())
    if damage == "cut":
        del content[last + 520 :]
    else:
        content[last : last + 100] = b"x" * 100
    archive.write_bytes(content)
    with pytest.raises(CourseError, match=r"cub\.tar can't be unpacked"):
        load_birds(archive)
    assert not list(cache_dir("archives").iterdir())


def test_archive_that_is_none_or_holds_none_is_refused_and_leaves_nothing(tmp_path):
    text = tmp_path / "cub.tgz"
    text.write_text("<html>404</html>")
    with pytest.raises(CourseError, match=r"cub\.tgz can't be unpacked"):
        load_birds(text)
    other = draw(tmp_path / "other" / "a.png", (1, 2, 3), 1).parent
    with pytest.raises(CourseError, match="holds no CUB-200-2011"):
        load_birds(_packed(other, tmp_path / "other.tgz", "w:gz"))
    assert not list(cache_dir("archives").iterdir())


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
@pytest.mark.parametrize("goal", ["../../../secret.txt", "/etc/passwd"])
def test_archive_with_a_link_outside_is_refused_and_leaves_nothing(cub_folder, tmp_path, kind, goal):
    archive = tmp_path / "links.tar"
    link = tarfile.TarInfo("CUB_200_2011/link.jpg")
    link.type, link.linkname = kind, goal
    with tarfile.open(archive, "w") as tar:
        tar.add(cub_folder, arcname="CUB_200_2011")
        tar.addfile(link)
    with pytest.raises(CourseError, match=r"links\.tar can't be unpacked"):
        load_birds(archive)
    assert not list(cache_dir("archives").iterdir())


def test_archive_cannot_write_outside(cub_folder, tmp_path):
    archive = tmp_path / "evil.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(cub_folder, arcname="CUB_200_2011")
        tar.add(cub_folder / "images.txt", arcname="../../escaped.txt")
    with pytest.raises(CourseError, match=r"evil\.tgz can't be unpacked"):
        load_birds(archive)
    assert not list(tmp_path.parent.rglob("escaped.txt"))


def test_cub_tables_that_disagree_are_named(cub_folder):
    lines = (cub_folder / "image_class_labels.txt").read_text().splitlines()
    (cub_folder / "image_class_labels.txt").write_text("\n".join(lines[:-1]))
    with pytest.raises(CourseError, match="different ids"):
        load_birds(cub_folder)


def _rewrite(table: Path, change) -> None:
    table.write_bytes(change(table.read_text()).encode())


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", " \t\n"),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\n" + text.replace(" ", "\t") + "\n",
    ],
    ids=["byte-order mark", "trailing blanks", "Windows line ends", "tabs and empty lines"],
)
def test_cub_tables_from_any_editor_are_read_alike(cub_folder, change):
    expected = read_collection(cub_folder, side=SMALL)
    for table in cub_folder.glob("*.txt"):
        _rewrite(table, change)
    again = read_collection(cub_folder, side=SMALL)
    assert (again.classes, again.entries) == (expected.classes, expected.entries)


@pytest.mark.parametrize(
    ("table", "old", "new", "message"),
    [
        ("train_test_split", "4 1\n", "4 2\n", r"train_test_split\.txt has the flag '2' for id 4"),
        ("train_test_split", "4 1\n", "4 1\n4 0\n", r"train_test_split\.txt lists id 4 twice"),
        ("image_class_labels", "4 1\n", "4 1\n4 2\n", r"image_class_labels\.txt lists id 4 twice"),
        ("classes", "2 002.jay\n", "2 002.jay\n2 002.owl\n", r"classes\.txt lists id 2 twice"),
        ("classes", "2 002.jay\n", "2 001.finch\n", r"'001.finch' under two ids, 1 and 2"),
        ("classes", "2 002.jay\n", "2\n", r"classes\.txt has '2' in line 2; expected 'id value'"),
        ("images", "finch_1.jpg", "finch_0.jpg", r"'001.finch/finch_0.jpg' under two ids, 1 and 2"),
        ("images", "001.finch/finch_1.jpg", "../../x.jpg", r"outside .* id 2: '\.\./\.\./x\.jpg'"),
        ("images", "001.finch/finch_1.jpg", "a/../../x.jpg", "outside the data set under id 2"),
        ("images", "001.finch/finch_1.jpg", "/etc/x.jpg", "outside the data set under id 2"),
        ("images", "001.finch/finch_1.jpg", r"..\x.jpg", "outside the data set under id 2"),
        ("images", "001.finch/finch_1.jpg", "C:/x.jpg", "outside the data set under id 2"),
        ("images", "finch_1.jpg", "fin\0ch.jpg", "can't be read: .*null"),
    ],
)
def test_cub_table_with_a_wrong_line_is_named(cub_folder, table, old, new, message):
    _rewrite(cub_folder / f"{table}.txt", lambda text: text.replace(old, new, 1))
    with pytest.raises(CourseError, match=message):
        load_birds(cub_folder, side=SMALL)


def test_cub_subset_keeps_only_the_classes_that_have_pictures(cub_folder):
    _rewrite(cub_folder / "classes.txt", lambda text: f"7 000.auk\n{text}8 008.owl\n")
    birds = load_birds(cub_folder, side=SMALL)
    assert birds.classes == ("001.finch", "002.jay", "003.wren")
    assert birds.train.counts() == dict.fromkeys(birds.classes, 4)


def test_cub_subset_of_one_class_is_refused(cub_folder):
    for table in ("images", "image_class_labels", "train_test_split"):
        _rewrite(cub_folder / f"{table}.txt", lambda text: "\n".join(text.splitlines()[:8]))
    with pytest.raises(CourseError, match=r"one class only \(001\.finch\); expected two"):
        load_birds(cub_folder)


def test_a_picture_in_two_splits_stays_in_test_only(make_folder):
    root = make_folder(train=6, test=3)
    shutil.copy(root / "test" / "jay" / "jay_00.png", root / "train" / "jay" / "again.png")
    with pytest.warns(UserWarning, match=r"copies .*again.png \(of test/jay/jay_00.png\)"):
        birds = load_birds(root, side=SMALL)
    assert "train/jay/again.png" not in birds.train.files + birds.val.files
    assert "test/jay/jay_00.png" in birds.test.files
    assert len(birds.left_out) == 1


def test_pictures_under_several_labels_are_listed_and_all_left_out_where_asked(make_folder):
    """One pair was named, and leaving it out was not possible."""
    root = make_folder(8)
    for name in ("jay_00", "jay_01"):
        shutil.copy(root / "jay" / f"{name}.png", root / "wren" / f"odd_{name}.png")
    shutil.copy(root / "jay" / "jay_01.png", root / "jay" / "again.png")
    with pytest.raises(CourseError, match=r"several labels \(2\)\. .*skip_bad=True") as caught:
        load_birds(root, side=SMALL)
    assert "jay/jay_00.png and wren/odd_jay_00.png" in str(caught.value)
    assert "jay/again.png and jay/jay_01.png and wren/odd_jay_01.png" in str(caught.value)
    with pytest.warns(
        UserWarning, match=r"several labels \(5\): .*jay/again.png \(also wren/odd_jay_01.png\)"
    ):
        birds = load_birds(root, side=SMALL, skip_bad=True)
    used = [file for images in birds for file in images.files]
    assert len(used) == 22 and not {item.file for item in birds.left_out} & {*used}


def test_a_data_set_of_nothing_but_pictures_under_several_labels(make_folder):
    root = make_folder(1)
    for name in ("jay", "wren"):
        shutil.copy(root / "finch" / "finch_00.png", root / name / f"{name}_00.png")
    with (
        pytest.warns(UserWarning, match="several labels"),
        pytest.raises(CourseError, match="Nothing is left of"),
    ):
        load_birds(root, side=SMALL, skip_bad=True)


@pytest.mark.parametrize("damage", ["truncated", "empty", "text"])
def test_damaged_picture_is_named_or_left_out(make_folder, damage):
    root = make_folder(8)
    victim = root / "jay" / "jay_03.png"
    content = victim.read_bytes()
    victim.write_bytes(
        {"truncated": content[: len(content) // 2], "empty": b"", "text": b"<html>404"}[damage]
    )
    with pytest.raises(CourseError, match=r"jay_03\.png .*--skip-bad"):
        load_birds(root, side=SMALL)
    with pytest.warns(UserWarning, match=r"jay_03\.png"):
        birds = load_birds(root, side=SMALL, skip_bad=True)
    assert sum(len(s) for s in birds) == 23
    assert [item.file for item in birds.left_out] == ["jay/jay_03.png"]


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda root: shutil.rmtree(root), "There is no data set"),
        (lambda root: [shutil.rmtree(root / name) for name in COLOURS], "0 class folders"),
        (lambda root: [shutil.rmtree(root / name) for name in list(COLOURS)[1:]], "1 class folders"),
        (lambda root: [f.unlink() for f in sorted((root / "jay").iterdir())[2:]], "Class 'jay' .* only"),
    ],
)
def test_unusable_folders_get_one_clear_error(make_folder, prepare, message):
    root = make_folder(8)
    prepare(root)
    with pytest.raises(CourseError, match=message):
        load_birds(root, side=SMALL)


SYSTEM_FOLDERS = (".thumbnails", ".ipynb_checkpoints", "__MACOSX", "@eaDir", "$RECYCLE.BIN")


@pytest.mark.parametrize("below", ["", "jay", "jay/2024"])
def test_folders_of_the_system_are_passed_over_and_others_that_are_set_aside_named(make_folder, below):
    root = make_folder(3, name=".cache/_mine/pictures")
    deep = draw(root / "jay" / "2024" / "_DSC0001.png", COLOURS["jay"], 90)
    expected = list_folder(root)
    assert deep.relative_to(root).as_posix() in {entry.file for entry in expected.entries}
    for seed, name in enumerate((*SYSTEM_FOLDERS, "_rejected"), start=100):
        draw(root / below / name / "a.png", (9, 9, 9), seed)
        draw(root / below / name / "deeper" / "b.png", (9, 9, 9), seed)
    draw(root / "jay" / "._jay_00.png", (9, 9, 9), 200)
    (root / "jay" / "Thumbs.db").write_bytes(b"x")
    found = list_folder(root)
    assert (found.entries, found.classes) == (expected.entries, expected.classes)
    assert [Path(item.file).name for item in found.left_out] == ["a.png", "b.png"]
    assert "begins with _ (rename it" in found.left_out[0].reason
    assert len(found.passed_over) == 2 * len(SYSTEM_FOLDERS) + 2


def test_links_that_go_in_circles_end(make_folder):
    root = make_folder(3)
    expected = list_folder(root)
    (root / "jay" / "up").symlink_to(root, target_is_directory=True)
    (root / "jay" / "self.png").symlink_to(root / "jay" / "self.png")
    (root / "round").symlink_to(root, target_is_directory=True)
    found = list_folder(root)
    assert found.entries == expected.entries
    assert {item.file: item.reason.partition(" (")[0] for item in found.left_out} == {
        "jay/self.png": "links that lead nowhere",
        "jay/up": "links to folders that are not followed",
        "round": "links to folders that are not followed",
    }


def test_a_class_folder_may_be_a_link(make_folder, tmp_path):
    root = make_folder(3)
    expected = list_folder(root)
    (root / "jay").rename(tmp_path / "elsewhere")
    (root / "jay").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert list_folder(root) == expected


def test_a_folder_that_cannot_be_listed_is_named(make_folder, monkeypatch):
    root = make_folder(3)
    iterdir = Path.iterdir

    def refuse(path):
        if path.name == "jay":
            raise PermissionError(13, "Permission denied", str(path))
        return iterdir(path)

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(CourseError, match=r"jay can't be listed: Permission denied"):
        list_folder(root)


def test_a_folder_that_cannot_be_entered_is_named(cub_folder, monkeypatch):
    def is_file(path):
        if path.name == "images.txt":
            raise PermissionError(13, "Permission denied")
        return False

    monkeypatch.setattr(Path, "is_file", is_file)
    with pytest.raises(CourseError, match=r"CUB_200_2011 can't be read: Permission denied"):
        load_birds(cub_folder)


@pytest.mark.parametrize(("one", "two"), [("train", "Train"), ("val", "valid"), ("Validation", "val")])
def test_two_folders_for_one_split_are_both_named(make_folder, one, two):
    root = make_folder(**{"train": 4, one: 4, two: 2})
    if len({p.name for p in root.iterdir()} & {one, two}) < 2:
        pytest.skip("this file system takes the two names for one")
    with pytest.raises(CourseError, match=rf"2 folders for (train|val): {', '.join(sorted((one, two)))}\."):
        load_birds(root, side=SMALL)


def test_the_train_folder_is_called_by_its_name(make_folder):
    root = make_folder(Train=4, test=2)
    draw(root / "test" / "owl" / "owl.png", (1, 2, 3), 99)
    with pytest.raises(CourseError, match=r"/Train lacks: owl"):
        load_birds(root, side=SMALL)


@pytest.mark.parametrize("name", ["~nosuchuser/pics", "x" * 300, "pic\0tures", None, 5])
def test_a_name_that_can_be_no_path_gets_one_clear_error(name):
    with pytest.raises(CourseError, match=r"There is no data set .* Bundled: fieldguide") as caught:
        load_birds(name)
    assert len(str(caught.value)) < 800


def test_a_single_picture_is_no_data_set(tmp_path):
    with pytest.raises(CourseError, match=r"x\.JPG is a single picture; expected a folder"):
        load_birds(draw(tmp_path / "x.JPG", (1, 2, 3), 1))


def test_test_folder_without_train_folder(make_folder):
    with pytest.raises(CourseError, match="no train folder"):
        load_birds(make_folder(test=3), side=SMALL)


def test_split_with_an_unknown_class(make_folder):
    root = make_folder(train=4, test=2)
    draw(root / "test" / "owl" / "owl.png", (1, 2, 3), 99)
    with pytest.raises(CourseError, match="lacks: owl"):
        load_birds(root, side=SMALL)


def test_too_many_images_per_class(make_folder):
    with pytest.raises(CourseError, match=r"'finch' .* 5 training pictures; 50 were asked"):
        load_birds(make_folder(8), side=SMALL, images_per_class=50)


def test_no_images_per_class_are_refused(make_folder):
    with pytest.raises(CourseError, match=r"expected"):
        load_birds(make_folder(8), side=SMALL, images_per_class=0)


@pytest.mark.parametrize(
    ("argument", "value"),
    [("images_per_class", v) for v in (2.5, 2.0, True, "5", 0, -1)]
    + [("seed", v) for v in (-1, 1.5, True, "5", None)],
)
def test_numbers_that_are_not_whole_are_refused_before_anything_is_read(make_folder, argument, value):
    message = rf"^{argument} is {value!r}; expected a whole number"
    with pytest.raises(CourseError, match=message):
        load_birds("nowhere", **{argument: value})
    with pytest.raises(CourseError, match=message):
        split_collection(read_collection(make_folder(4), side=8), **{argument: value})


def test_numbers_may_be_numpys(make_folder):
    root = make_folder(8)
    plain = load_birds(root, side=SMALL, images_per_class=2, seed=3)
    numpys = load_birds(root, side=SMALL, images_per_class=np.int64(2), seed=np.uint8(3))
    assert numpys.train.files == plain.train.files


def _bytes(picture: Image.Image, path: Path, **options) -> bytes:
    picture.save(path, **options)
    return path.read_bytes()


def test_odd_pictures_become_upright_rgb(tmp_path):
    grey16 = Image.fromarray(np.linspace(0, 65535, 100).reshape(10, 10).astype(np.uint16))
    decoded = np.asarray(open_rgb(_bytes(grey16, tmp_path / "grey.png"), "grey"))
    assert decoded.shape == (10, 10, 3) and decoded.max() == 255 and 100 < decoded.mean() < 155
    clear = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    assert np.asarray(open_rgb(_bytes(clear, tmp_path / "clear.png"), "clear")).min() == 255
    cmyk = Image.new("CMYK", (8, 8), (0, 0, 0, 0))
    assert open_rgb(_bytes(cmyk, tmp_path / "cmyk.jpg"), "cmyk").getpixel((0, 0)) == (255, 255, 255)
    wide = Image.new("RGB", (20, 10), "blue")
    exif = wide.getexif()
    exif[0x0112] = 6
    assert open_rgb(_bytes(wide, tmp_path / "turned.jpg", exif=exif), "turned").size == (10, 20)


def _grey_level(pixels: np.ndarray, form: str = "TIFF", mode: str | None = None) -> int:
    """The one level that a picture of one value ends up with."""
    stream = io.BytesIO()
    picture = Image.fromarray(pixels)
    (picture if mode is None else picture.convert(mode)).save(stream, form)
    decoded = np.asarray(open_rgb(stream.getvalue(), "grey"))
    assert decoded.shape == (*pixels.shape, 3) and decoded.min() == decoded.max()
    return int(decoded.max())


def _flat(value: float, dtype: type | str) -> np.ndarray:
    return np.full((6, 5), value, dtype)


@pytest.mark.parametrize(
    ("form", "dtype", "mode"),
    [
        ("PNG", np.uint16, None),
        ("TIFF", np.uint16, None),
        ("TIFF", ">u2", None),
        ("PPM", np.uint16, None),
        ("PPM", np.uint16, "I"),
    ],
)
def test_deep_grey_is_scaled_by_its_depth_and_not_by_its_values(form, dtype, mode):
    for value, level in ((250, 1), (260, 1), (32896, 128), (65535, 255)):
        assert _grey_level(_flat(value, dtype), form, mode) == level


def test_depth_that_a_tiff_declares_is_its_scale():
    assert [_grey_level(_flat(v, np.int32)) for v in (-5, 250, 2**30, 2**31 - 1)] == [0, 0, 128, 255]
    stream = io.BytesIO()
    Image.fromarray(_flat(-1, np.int32)).save(stream, "TIFF")
    signed, unsigned = (struct.pack("<HHII", 339, 3, 1, sample_format) for sample_format in (2, 1))
    assert signed in stream.getvalue()
    content = stream.getvalue().replace(signed, unsigned)
    assert np.asarray(open_rgb(content, "unsigned")).min() == 255


@pytest.mark.parametrize(
    ("value", "level"),
    [
        (-1, 0),
        (0, 0),
        (0.5, 128),
        (1, 255),
        (2, 2),
        (128, 128),
        (255, 255),
        (256, 1),
        (65535, 255),
        (1e9, 255),
    ],
)
def test_floating_point_grey_has_three_scales(value, level):
    assert _grey_level(_flat(value, np.float32)) == level


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_floating_point_grey_without_a_number_is_damaged(value, tmp_path):
    pixels = _flat(0.5, np.float32)
    pixels[2, 3] = value
    with pytest.raises(CourseError, match=r"odd is damaged: .*finite"):
        open_rgb(_bytes(Image.fromarray(pixels), tmp_path / "odd.tif"), "odd")


def test_deep_grey_keeps_its_scale_when_turned(tmp_path):
    stored = Image.fromarray(np.full((4, 9), 2**30, np.int32))
    turned = open_rgb(_bytes(stored, tmp_path / "turned.tif", tiffinfo={0x0112: 6}), "turned")
    assert turned.size == (4, 9) and turned.getpixel((0, 0)) == (128, 128, 128)


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [
        *((mode, "png") for mode in ("1", "L", "LA", "P", "RGB", "RGBA")),
        *((mode, "tif") for mode in ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB")),
        *((mode, "jpg") for mode in ("L", "CMYK", "YCbCr")),
    ],
)
def test_every_mode_keeps_its_colours(tmp_path, mode, suffix):
    grey = mode in {"1", "L", "LA"}
    halves = Image.new("RGB", (16, 16), "black" if grey else (204, 51, 51))
    halves.paste("white", (8, 0, 16, 16))
    picture = _in_mode(halves, mode)
    assert picture.mode == mode
    decoded = open_rgb(_bytes(picture, tmp_path / f"x.{suffix}"), mode)
    assert decoded.mode == "RGB" and decoded.size == (16, 16)
    for corner in ((0, 0), (15, 15)):
        assert decoded.getpixel(corner) == pytest.approx(halves.getpixel(corner), abs=8)


def _in_mode(picture: Image.Image, mode: str) -> Image.Image:
    if mode == "LAB":
        to_lab = ImageCms.buildTransform(
            ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
        )
        return ImageCms.applyTransform(picture, to_lab)
    return picture.convert("P").convert("PA") if mode == "PA" else picture.convert(mode)


def test_a_large_picture_is_read_and_a_bomb_says_how_to_scale_it_down(make_folder, monkeypatch):
    """A photo of 108 megapixels was refused."""
    root = make_folder(4)
    Image.new("L", (300, 300), 9).save(root / "jay" / "large.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 80_000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "jay/large.png" in {entry.file for entry in read_collection(root, side=18).entries}
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40_000)
    with pytest.raises(
        CourseError, match=r"large\.png is too large to be read .*90000 pixels.* scale it down: "
    ) as caught:
        read_collection(root, side=18)
    advice = re.search(r"scale it down: (.*save\(file\))", str(caught.value))
    exec(advice[1], {"file": root / "jay" / "large.png"})
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40_000_000)
    assert len(read_collection(root, side=18).entries) == 13


def test_a_picture_with_a_long_text_in_it_is_read(tmp_path):
    """Three megabytes of a program's notes made a sound picture a damaged one."""
    notes = PngImagePlugin.PngInfo()
    notes.add_text("workflow", "x" * 3_000_000, zip=True)
    Image.new("RGB", (8, 8), "red").save(tmp_path / "a.png", pnginfo=notes)
    assert open_rgb((tmp_path / "a.png").read_bytes(), "a").getpixel((3, 3)) == (255, 0, 0)


def test_eval_transform_repeats_itself_and_train_transform_does_not():
    preprocessing = Preprocessing(crop_size=24, resize_size=28, mean=(0.5,) * 3, std=(0.5,) * 3)
    pixels = torch.randint(0, 256, (3, SMALL, SMALL), dtype=torch.uint8)
    fixed, random = eval_transform(preprocessing), train_transform(preprocessing)
    assert torch.equal(fixed(pixels), fixed(pixels)) and not torch.equal(random(pixels), random(pixels))
    assert fixed(pixels).shape == random(pixels).shape == (3, 24, 24)
    white = torch.full((3, SMALL, SMALL), 255, dtype=torch.uint8)
    assert torch.allclose(fixed(white), torch.ones(3, 24, 24)) and torch.allclose(
        random(white), torch.ones(3, 24, 24)
    )


def test_fingerprint_follows_the_content(make_folder):
    birds = load_birds(make_folder(8), side=SMALL)
    assert birds.train.fingerprint == birds.train.take(range(len(birds.train))).fingerprint
    assert birds.train.fingerprint != birds.train.take([0, 1]).fingerprint


@pytest.mark.parametrize("side", [0, -1, 1.5, "64", True, None])
def test_a_side_is_a_whole_number_of_pixels(make_folder, side):
    with pytest.raises(CourseError, match=f"side is {side!r}; expected a whole number of pixels"):
        load_birds(make_folder(3), side=side)


def test_a_size_beyond_memory_is_named_with_what_it_takes(make_folder):
    with pytest.raises(CourseError, match=r"9 pictures of 10000000 px take 5,400,000\.0 GB .* are free"):
        load_birds(make_folder(3), side=10_000_000)


def test_memory_counts_the_copy_that_the_splits_make(make_folder, monkeypatch):
    """They fitted once, and not twice."""
    root, needed = make_folder(3), 9 * 3 * 100**2
    for free, fits in ((int(1.9 * needed), False), (int(2.1 * needed), True)):
        monkeypatch.setattr("psutil.virtual_memory", lambda free=free: SimpleNamespace(available=free))
        with (
            nullcontext() if fits else pytest.raises(CourseError, match=r"9 pictures of 100 px take 0\.0 GB")
        ):
            load_birds(root, side=100)


def test_pictures_of_kinds_that_cannot_be_read_are_reported(make_folder):
    """A phone's .heic vanished without a word."""
    root = make_folder(4)
    (root / "jay" / "IMG_0001.HEIC").write_bytes(b"....ftypheic")
    (root / "jay" / "notes.txt").write_text("not a picture")
    with pytest.warns(
        UserWarning,
        match=r"Not used of .*\n  - \.heic files, .*convert them to JPEG\) \(1\): jay/IMG_0001.HEIC",
    ):
        birds = load_birds(root, side=18)
    assert [item.file for item in birds.left_out] == ["jay/IMG_0001.HEIC"]
    for file in root.rglob("*.png"):
        file.write_bytes(b"....ftypheic")
        file.rename(file.with_suffix(".heif"))
    with pytest.raises(CourseError, match=r"has 0 class folders .* of the kind .heic, .heif can't be read"):
        load_birds(root, side=18)


def test_an_accent_is_the_same_however_it_is_stored(tmp_path):
    """macOS stores a u with dots as two characters, others as one: what came from both must still fit together."""
    composed, decomposed = "K\u00e4uzchen", "Ka\u0308uzchen"
    for seed, folder in enumerate(("train/jay", f"train/{composed}", "test/jay", f"test/{decomposed}")):
        for i in range(4):
            draw(tmp_path / "birds" / folder / f"{i}.png", (90, 90, 90), seed=10 * seed + i)
    birds = load_birds(tmp_path / "birds", side=18)
    assert birds.classes == ("jay", composed) or birds.classes == (composed, "jay")
    assert set(birds.test.counts().values()) == {4}
    (tmp_path / "birds" / "train" / decomposed).mkdir()
    if len(list((tmp_path / "birds" / "train").iterdir())) == 2:
        pytest.skip("this file system knows one spelling only")
    with pytest.raises(CourseError, match=f"two folders '{composed}', whose accents are stored in two ways"):
        load_birds(tmp_path / "birds", side=18)


def test_what_was_asked_for_is_remembered(make_folder):
    birds = load_birds(make_folder(8), side=SMALL, images_per_class=3)
    assert (birds.asked_per_class, birds.images_per_class) == (3, 3)
    whole = load_birds(make_folder(8), side=SMALL)
    assert (whole.asked_per_class, whole.images_per_class) == (None, 5)


def test_rows_say_where_pictures_go_without_copying_any(make_folder):
    collection = read_collection(make_folder(8), side=SMALL)
    rows = split_rows(collection, images_per_class=2, seed=3)
    birds = split_collection(collection, images_per_class=2, seed=3)
    for split, images in zip(("train", "val", "test"), birds, strict=True):
        assert tuple(collection.entries[i].file for i in rows[split]) == images.files
