"""The bundled birds' notes, masks, pairs and twins are read, and what can't be read is named."""

from __future__ import annotations

import pytest
import torch

from course_utils.data import load_annotations, load_mask, load_pairs, load_twins
from course_utils.errors import CourseError


def test_notes_and_masks_belong_to_the_pictures():
    notes = load_annotations()
    assert notes.flip.dtype == notes.eye_visible.dtype == "boolean"
    mask = load_mask(notes.index[0])
    assert mask.shape == (256, 256) and mask.dtype == torch.bool and mask.any()


def test_twins_of_one_mark_can_be_asked_for():
    twins, only = load_twins(), load_twins("eye_ring")
    assert {twin.mark for twin in twins} == {pair.mark for pair in load_pairs()}
    assert {twin.mark for twin in only} == {"eye_ring"} and len(only) < len(twins)
    assert only[0].without.shape == (3, 256, 256) and only[0].changed.dtype == torch.bool
    with pytest.raises(CourseError, match=r"No pair differs in 'beard'; expected one of .*eye_ring"):
        load_twins("beard")


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(CourseError, match=r"annotations\.csv can't be read .*git checkout"):
        load_annotations(tmp_path)
    with pytest.raises(CourseError, match=r"no\.png can't be read"):
        load_mask("train/no.webp", tmp_path)
