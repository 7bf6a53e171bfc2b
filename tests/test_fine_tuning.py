"""Lesson 4: its pictures from any source."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import ImageFolder

from course_utils import paths
from course_utils.data import load_birds
from course_utils.errors import CourseError
from course_utils.lessons.fine_tune_pretrained import folders
from course_utils.lessons.fine_tune_pretrained.folders import picture_folders


def counts(folder: Path) -> dict[str, list[int]]:
    """Pictures of each class, by split, as torchvision finds them."""
    return {
        split: torch.bincount(torch.tensor(ImageFolder(folder / split).targets)).tolist()
        for split in ("train", "val", "test")
    }


def test_bundled_birds_stay_where_they_are():
    folder = picture_folders("fieldguide")
    assert folder == paths.data_dir() / "fieldguide"
    assert counts(folder)["test"] == [40] * 18


def test_a_folder_of_ones_own_is_split_and_copied_once(make_folder, monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    own = make_folder(12)
    folder = picture_folders(own)
    birds = load_birds(own)
    assert counts(folder) == {images.split: list(images.counts().values()) for images in birds}
    assert ImageFolder(folder / "train").classes == sorted(birds.classes)
    copied = np.array(Image.open(ImageFolder(folder / "test").samples[0][0]), dtype=float)
    assert copied.shape == (256, 256, 3)
    assert np.abs(copied - birds.test.pixels[0].permute(1, 2, 0).numpy()).mean() < 3

    monkeypatch.setattr(folders, "_write", lambda *_: pytest.fail("written again"))
    assert picture_folders(str(own)) == folder


def test_copies_that_break_off_leave_nothing(make_folder, monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    own, saved = make_folder(12), itertools.count()

    def full(self, file, **options):
        if next(saved) > 5:
            raise OSError(28, "No space left on device")
        Path(file).touch()

    with monkeypatch.context() as patch:
        patch.setattr(Image.Image, "save", full)
        with pytest.raises(CourseError, match=r"No space left on device.*COURSE_CACHE"):
            picture_folders(own)
    assert not list((tmp_path / "cache" / "folders").iterdir())
    assert counts(picture_folders(own))["train"]


def test_what_is_no_data_set_is_refused(tmp_path):
    with pytest.raises(CourseError, match="no data set"):
        picture_folders(tmp_path / "nothing")
