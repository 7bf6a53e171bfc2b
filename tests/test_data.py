"""Loading pictures: layouts, splits, subsets, odd pictures and bad input."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import COLOURS, draw
from PIL import Image

from course_utils.data import Preprocessing, eval_transform, load_birds, train_transform
from course_utils.data.collection import read_collection
from course_utils.data.decode import open_rgb
from course_utils.data.splits import check_no_overlap, split_collection
from course_utils.errors import CourseError

SMALL = 32


def test_folder_with_all_splits_keeps_them(make_folder):
    birds = load_birds(make_folder(train=6, val=2, test=3), size=SMALL)
    assert [len(s) for s in birds] == [18, 6, 9]
    assert birds.classes == tuple(COLOURS)
    assert birds.train.pixels.shape == (18, 3, SMALL, SMALL) and birds.train.pixels.dtype == torch.uint8
    for images in birds:
        for file, label in zip(images.files, images.labels.tolist(), strict=True):
            assert birds.classes[label] in file


def test_folder_without_splits_is_cut_by_class(make_folder):
    birds = load_birds(make_folder(12), size=SMALL)
    for images, number in ((birds.test, 3), (birds.val, 1), (birds.train, 8)):
        assert images.counts() == dict.fromkeys(COLOURS, number)


def test_val_is_cut_out_of_train_only(make_folder):
    birds = load_birds(make_folder(train=10, test=3), size=SMALL)
    assert birds.val.counts() == dict.fromkeys(COLOURS, 1)
    assert all(file.startswith("train/") for file in birds.val.files)
    assert all(file.startswith("test/") for file in birds.test.files)


def test_test_never_depends_on_the_seed_and_val_does(make_folder):
    root = make_folder(20)
    one, two = (load_birds(root, size=SMALL, seed=seed) for seed in (0, 1))
    assert one.test.files == two.test.files
    assert one.val.files != two.val.files


def test_subsets_are_nested_seeded_and_leave_val_alone(make_folder):
    collection = read_collection(make_folder(train=12, test=2), size=SMALL)
    sets = [split_collection(collection, images_per_class=n, seed=3) for n in (2, 5, 9)]
    files = [set(s.train.files) for s in sets]
    assert files[0] < files[1] < files[2]
    assert [s.train.counts()["jay"] for s in sets] == [2, 5, 9]
    assert sets[0].val.files == sets[2].val.files
    again = split_collection(collection, images_per_class=5, seed=3)
    other = split_collection(collection, images_per_class=5, seed=4)
    assert again.train.files == sets[1].train.files != other.train.files


def test_one_split_is_the_same_as_of_all(make_folder):
    root = make_folder(10)
    assert load_birds(root, size=SMALL, split="val").files == load_birds(root, size=SMALL).val.files


def test_cub_layout_from_folder_and_archive_are_the_same(cub_folder, tmp_path):
    archive = tmp_path / "CUB_200_2011.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(cub_folder, arcname="CUB_200_2011")
    from_folder, from_parent, from_archive = (
        load_birds(p, size=SMALL) for p in (cub_folder, tmp_path, archive)
    )
    assert from_folder.classes == ("001.finch", "002.jay", "003.wren")
    assert [len(s) for s in from_folder] == [12, 3, 9]
    for a, b, c in zip(from_folder, from_parent, from_archive, strict=True):
        assert a.files == b.files == c.files
        assert torch.equal(a.pixels, b.pixels) and torch.equal(a.pixels, c.pixels)


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


def test_a_picture_in_two_splits_stays_in_test_only(make_folder):
    root = make_folder(train=6, test=3)
    shutil.copy(root / "test" / "jay" / "jay_00.png", root / "train" / "jay" / "again.png")
    with pytest.warns(UserWarning, match="again.png is the same picture as test/jay/jay_00.png"):
        birds = load_birds(root, size=SMALL)
    assert "train/jay/again.png" not in birds.train.files + birds.val.files
    assert "test/jay/jay_00.png" in birds.test.files
    assert len(birds.left_out) == 1


def test_overlap_check_names_both_files(make_folder):
    birds = load_birds(make_folder(8), size=SMALL)
    leaking = birds.train.take([0, 1])
    object.__setattr__(leaking, "split", "test")
    with pytest.raises(CourseError, match="same picture"):
        check_no_overlap(birds.train, leaking)
    check_no_overlap(*birds)


def test_one_picture_under_two_labels_is_an_error(make_folder):
    root = make_folder(8)
    shutil.copy(root / "jay" / "jay_00.png", root / "wren" / "odd.png")
    with pytest.raises(CourseError, match=r"jay_00\.png and wren/odd\.png .* two labels"):
        load_birds(root, size=SMALL)


@pytest.mark.parametrize("damage", ["truncated", "empty", "text"])
def test_damaged_picture_is_named_or_left_out(make_folder, damage):
    root = make_folder(8)
    victim = root / "jay" / "jay_03.png"
    content = victim.read_bytes()
    victim.write_bytes(
        {"truncated": content[: len(content) // 2], "empty": b"", "text": b"<html>404"}[damage]
    )
    with pytest.raises(CourseError, match=r"jay_03\.png .*--skip-bad"):
        load_birds(root, size=SMALL)
    with pytest.warns(UserWarning, match=r"jay_03\.png"):
        birds = load_birds(root, size=SMALL, skip_bad=True)
    assert sum(len(s) for s in birds) == 23
    assert "jay_03.png" in birds.left_out[0]


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
        load_birds(root, size=SMALL)


def test_test_folder_without_train_folder(make_folder):
    with pytest.raises(CourseError, match="no train folder"):
        load_birds(make_folder(test=3), size=SMALL)


def test_split_with_an_unknown_class(make_folder):
    root = make_folder(train=4, test=2)
    draw(root / "test" / "owl" / "owl.png", (1, 2, 3), 99)
    with pytest.raises(CourseError, match="lacks: owl"):
        load_birds(root, size=SMALL)


def test_too_many_images_per_class(make_folder):
    with pytest.raises(CourseError, match=r"'finch' .* 5 training pictures; 50 were asked"):
        load_birds(make_folder(8), size=SMALL, images_per_class=50)


@pytest.mark.parametrize(("argument", "value"), [("images_per_class", 0), ("split", "dev")])
def test_wrong_arguments(make_folder, argument, value):
    with pytest.raises(CourseError, match=r"expected"):
        load_birds(make_folder(8), size=SMALL, **{argument: value})


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


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_decompression_bomb_is_refused(tmp_path, monkeypatch):
    content = _bytes(Image.new("L", (300, 300)), tmp_path / "bomb.png")
    for limit in (80_000, 1000):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        with pytest.raises(CourseError, match="bomb has too many pixels"):
            open_rgb(content, "bomb")


def test_eval_transform_repeats_itself_and_train_transform_does_not():
    preprocessing = Preprocessing(size=24, resize=28, mean=(0.5,) * 3, std=(0.5,) * 3)
    pixels = torch.randint(0, 256, (3, SMALL, SMALL), dtype=torch.uint8)
    fixed, random = eval_transform(preprocessing), train_transform(preprocessing)
    assert torch.equal(fixed(pixels), fixed(pixels)) and not torch.equal(random(pixels), random(pixels))
    assert fixed(pixels).shape == random(pixels).shape == (3, 24, 24)
    white = torch.full((3, SMALL, SMALL), 255, dtype=torch.uint8)
    assert torch.allclose(fixed(white), torch.ones(3, 24, 24)) and torch.allclose(
        random(white), torch.ones(3, 24, 24)
    )


def test_fingerprint_follows_the_content(make_folder):
    birds = load_birds(make_folder(8), size=SMALL)
    assert birds.train.fingerprint == birds.train.take(range(len(birds.train))).fingerprint
    assert birds.train.fingerprint != birds.train.take([0, 1]).fingerprint
