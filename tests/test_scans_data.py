"""The scans as the course loads them: splits by patient, subsets, masks, damage."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from course_utils.data import load_scan_mask, load_scans
from course_utils.errors import CourseError

SIDE = 24


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten patients with three studies in train, two patients in each other split; every second one is ill."""
    rng, rows = np.random.default_rng(0), []
    for split, patients in (("train", 10), ("val", 2), ("test", 2), ("elsewhere", 2)):
        for k in range(patients):
            for study in (1, 2, 3):
                path = f"{split}/{split}{k}_{study}.png"
                file = tmp_path / path
                file.parent.mkdir(exist_ok=True)
                Image.fromarray(rng.integers(0, 255, (SIDE, SIDE), np.uint8)).save(file)
                anomaly = "nodule" if k % 2 and study > 1 else ""
                if anomaly:
                    mask = tmp_path / "masks" / path
                    mask.parent.mkdir(exist_ok=True, parents=True)
                    Image.fromarray(np.eye(SIDE) > 0).save(mask)
                rows.append(
                    (path, split, f"{split}{k}", study, "C" if split == "elsewhere" else "A", anomaly)
                )
    table = pd.DataFrame(rows, columns=["path", "split", "patient", "study", "scanner", "anomaly"])
    table["detectability"] = np.where(table.anomaly == "", "", "3.5")
    table.to_csv(tmp_path / "studies.csv", index=False)
    return tmp_path


def test_scans_have_one_channel_and_two_classes(folder: Path):
    scans = load_scans(folder)
    assert [len(images) for images in scans] == [30, 6, 6, 6]
    assert scans.train.pixels.shape == (30, 1, SIDE, SIDE)
    notes = scans.notes_of(scans.train)
    assert list(notes.index) == list(scans.train.files)
    assert (notes.anomaly != "").tolist() == scans.train.labels.bool().tolist()
    assert scans.train.counts() == {"normal": 20, "anomalous": 10}
    with Image.open(folder / scans.test.files[2]) as picture:
        assert np.array_equal(scans.test.pixels[2, 0].numpy(), np.array(picture))


def test_subsets_hold_whole_patients_and_are_nested(folder: Path):
    files = [set(load_scans(folder, studies=n, seed=1).train.files) for n in (3, 7, 12, 30)]
    assert [len(f) for f in files] == [3, 6, 12, 30]
    assert all(small < large for small, large in itertools.pairwise(files))
    assert files[0] != set(load_scans(folder, studies=3, seed=2).train.files)
    few = load_scans(folder, studies=7)
    assert few.notes_of(few.train).groupby("patient").size().eq(3).all()


@pytest.mark.parametrize("studies", [0, 2, 31])
def test_a_number_of_studies_that_cannot_be(folder: Path, studies: int):
    with pytest.raises(CourseError, match=rf"studies is {studies}; expected from 3 .* to 30"):
        load_scans(folder, studies=studies)


def test_masks(folder: Path):
    scans = load_scans(folder)
    ill, healthy = scans.train.labels.argmax(), scans.train.labels.argmin()
    assert load_scan_mask(scans.train.files[ill], folder).sum() == SIDE
    assert not load_scan_mask(scans.train.files[healthy], folder).any()


def test_a_patient_in_two_splits_is_refused(folder: Path):
    table = (folder / "studies.csv").read_text()
    (folder / "studies.csv").write_text(
        table.replace("test/test0_1.png,test,test0", "test/test0_1.png,test,train3")
    )
    with pytest.raises(CourseError, match="Patient train3 is in 2 splits"):
        load_scans(folder)


@pytest.mark.parametrize("damage", ["missing", "empty", "columns"])
def test_a_damaged_table_says_how_to_restore_it(folder: Path, damage: str):
    file = folder / "studies.csv"
    file.unlink() if damage == "missing" else file.write_text("" if damage == "empty" else "a,b\n1,2\n")
    with pytest.raises(CourseError, match=r"studies\.csv is missing or damaged .*git checkout"):
        load_scans(folder)


def test_a_damaged_picture_is_named(folder: Path):
    (folder / "val/val0_1.png").write_bytes(b"no picture")
    with pytest.raises(CourseError, match=r"val0_1\.png is not a picture"):
        load_scans(folder)


def test_a_picture_of_another_size_is_named(folder: Path):
    Image.new("L", (9, 7)).save(folder / "val/val0_2.png")
    with pytest.raises(CourseError, match=r"val0_2\.png is 9 x 7 px, unlike the others"):
        load_scans(folder)
