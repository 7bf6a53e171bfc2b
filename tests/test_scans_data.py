"""The scans as the course loads them: splits by patient, subsets, masks, damage."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import SCAN_SIDE as SIDE
from course_utils.data import load_scan_mask, load_scans
from course_utils.errors import CourseError


def test_scans_have_one_channel_and_two_classes(scan_folder: Path):
    scans = load_scans(scan_folder)
    assert [len(images) for images in scans] == [30, 6, 6, 6]
    assert scans.train.pixels.shape == (30, 1, SIDE, SIDE)
    notes = scans.notes_of(scans.train)
    assert list(notes.index) == list(scans.train.files)
    assert (notes.anomaly != "").tolist() == scans.train.labels.bool().tolist()
    assert scans.train.counts() == {"normal": 20, "anomalous": 10}
    with Image.open(scan_folder / scans.test.files[2]) as picture:
        assert np.array_equal(scans.test.pixels[2, 0].numpy(), np.array(picture))


def test_subsets_hold_whole_patients_and_are_nested(scan_folder: Path):
    files = [set(load_scans(scan_folder, studies=n, seed=1).train.files) for n in (3, 7, 12, 30)]
    assert [len(f) for f in files] == [3, 6, 12, 30]
    assert all(small < large for small, large in itertools.pairwise(files))
    assert files[0] != set(load_scans(scan_folder, studies=3, seed=2).train.files)
    few = load_scans(scan_folder, studies=7)
    assert few.notes_of(few.train).groupby("patient").size().eq(3).all()


@pytest.mark.parametrize("studies", [0, 2, 31])
def test_a_number_of_studies_that_cannot_be(scan_folder: Path, studies: int):
    with pytest.raises(CourseError, match=rf"studies is {studies}; expected from 3 .* to 30"):
        load_scans(scan_folder, studies=studies)


def test_masks(scan_folder: Path):
    scans = load_scans(scan_folder)
    ill, healthy = scans.train.labels.argmax(), scans.train.labels.argmin()
    assert load_scan_mask(scans.train.files[ill], scan_folder).sum() == SIDE
    assert not load_scan_mask(scans.train.files[healthy], scan_folder).any()


def test_a_patient_in_two_splits_is_refused(scan_folder: Path):
    table = (scan_folder / "studies.csv").read_text()
    (scan_folder / "studies.csv").write_text(
        table.replace("test/test0_1.png,test,test0", "test/test0_1.png,test,train3")
    )
    with pytest.raises(CourseError, match="Patient train3 is in 2 splits"):
        load_scans(scan_folder)


@pytest.mark.parametrize("damage", ["missing", "empty", "columns"])
def test_a_damaged_table_says_how_to_restore_it(scan_folder: Path, damage: str):
    file = scan_folder / "studies.csv"
    file.unlink() if damage == "missing" else file.write_text("" if damage == "empty" else "a,b\n1,2\n")
    with pytest.raises(CourseError, match=r"studies\.csv is missing or damaged .*git checkout"):
        load_scans(scan_folder)


def test_a_damaged_picture_is_named(scan_folder: Path):
    (scan_folder / "val/val0_1.png").write_bytes(b"no picture")
    with pytest.raises(CourseError, match=r"val0_1\.png is not a picture"):
        load_scans(scan_folder)


def test_a_picture_of_another_size_is_named(scan_folder: Path):
    Image.new("L", (9, 7)).save(scan_folder / "val/val0_2.png")
    with pytest.raises(CourseError, match=r"val0_2\.png is 9 x 7 px, unlike the others"):
        load_scans(scan_folder)
