"""A set of scans is what its datasheet says: the bundled one, or the folder that COURSE_TEST_SCANS names."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from course_utils import paths
from course_utils.data import ScanSplits, load_scan_mask, load_scans
from course_utils.data.scans import ANOMALIES, CLASSES
from drawn_set.likeness import MASK_TOLERANCE, PIXEL_TOLERANCE, difference
from scans.audit import audit_scans
from scans.dataset import COLUMNS, PARTS, SIDE, jobs, render_patient
from scans.datasheet import datasheet
from scans.study import GRADES, LIMITS

ROOT = Path(os.environ.get("COURSE_TEST_SCANS", paths.data_dir() / "scans"))
pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason=f"no scans in {ROOT}: drawing/draw_scans.py render")


@pytest.fixture(scope="module")
def scans() -> ScanSplits:
    return load_scans(ROOT)


def test_every_file_is_in_the_table_and_every_line_has_its_files(scans: ScanSplits):
    listed = set(scans.notes.index)
    assert listed == {file.relative_to(ROOT).as_posix() for file in ROOT.rglob("*.webp")}
    ill = {Path(file).with_suffix("").as_posix() for file in scans.notes.index[scans.notes.anomaly != ""]}
    masks = {
        f.relative_to(ROOT / "masks").with_suffix("").as_posix() for f in (ROOT / "masks").rglob("*.png")
    }
    assert masks == ill
    with (ROOT / "studies.csv").open(encoding="utf-8", newline="") as stream:
        assert tuple(next(csv.reader(stream))) == COLUMNS


def test_the_set_is_small(scans: ScanSplits):
    assert sum(file.stat().st_size for file in ROOT.rglob("*") if file.is_file()) < 15e6
    assert scans.train.pixels.shape[1:] == (1, SIDE, SIDE)


def test_patients_scanners_and_prevalence(scans: ScanSplits):
    for images, (split, part) in zip(scans, PARTS.items(), strict=True):
        notes = scans.notes_of(images)
        assert notes.patient.nunique() == part.patients and set(notes.split) == {split}
        assert set(notes.scanner) == set(part.scanners)
        assert set(notes.groupby("patient").size()) == {2, 3, 4}
        assert set(notes.anomaly) == {"", *ANOMALIES}
        assert notes.groupby("patient").anomaly.apply(lambda found: len(set(found) - {""})).max() == 1
    shares = {images.split: images.labels.float().mean().item() for images in scans}
    assert shares["train"] > 0.3 and shares["val"] > 0.3
    assert 0.08 < shares["test"] < 0.2 and 0.1 < shares["elsewhere"] < 0.3
    assert all(number >= 10 for number in scans.notes_of(scans.test).anomaly.value_counts())
    assert scans.train.classes == CLASSES


def test_grades_keep_their_ranges(scans: ScanSplits):
    for anomaly, (low, *limits, high) in LIMITS.items():
        notes = scans.notes[scans.notes.anomaly == anomaly]
        for grade, bottom, top in zip(GRADES, (0, *limits), (*limits, 1.2 * high), strict=True):
            found = notes[notes.grade == grade].detectability
            assert len(found) > 20 and bottom <= found.min() and found.max() < top + 0.01
        assert (notes.detectability > 0.8 * low).mean() > 0.8


def test_masks_lie_where_the_table_says(scans: ScanSplits):
    notes = scans.notes_of(scans.test)
    for file, row in list(notes[notes.anomaly != ""].iterrows())[:20]:
        assert int(load_scan_mask(file, ROOT).sum()) == int(row.mask_pixels)


def test_every_picture_says_that_it_is_synthetic(scans: ScanSplits):
    """The word's white letters on their dark rim, in the lower left corner."""
    for images in scans:
        corner = images.pixels[:, 0, -12:, :70].float()
        assert (corner.amax((1, 2)) > 180).all() and (corner.amin((1, 2)) < 90).all()


def test_the_datasheet_is_in_step():
    """But for the figures of the audit, which another version of scipy may round otherwise."""
    fixed = datasheet(ROOT, []).partition("|---|---|---|\n\n## Distribution")[0]
    assert (ROOT / "DATASHEET.md").read_text(encoding="utf-8").startswith(fixed)


def test_nothing_gives_the_illness_away():
    assert [finding for finding in audit_scans(ROOT) if not finding.ok] == []


@pytest.mark.parametrize("split", PARTS)
def test_a_patient_drawn_again_is_the_bundled_one(split: str, tmp_path: Path):
    job = next(job for job in jobs() if job.split == split)
    for row in render_patient(job, tmp_path):
        assert difference(tmp_path / row["path"], ROOT / row["path"]) <= PIXEL_TOLERANCE
        if row["anomaly"]:
            mask = Path("masks") / Path(row["path"]).with_suffix(".png")
            assert difference(tmp_path / mask, ROOT / mask) <= MASK_TOLERANCE
        with Image.open(tmp_path / row["path"]) as picture:
            assert np.asarray(picture).shape == (SIDE, SIDE, 3)
