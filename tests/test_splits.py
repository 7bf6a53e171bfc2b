"""The edges of splitting: the smallest sizes that work, the names that sets carry, the order that seeds decide."""

from __future__ import annotations

import pytest
import torch

from course_utils.data.collection import read_collection
from course_utils.data.splits import split_collection
from course_utils.errors import CourseError

SEED_0 = "finch_01.png finch_03.png jay_03.png jay_05.png wren_02.png wren_05.png"


def test_a_class_may_be_used_up_to_its_last_picture(make_folder):
    collection = read_collection(make_folder(train=4, val=1, test=1), side=8)
    assert len(split_collection(collection, images_per_class=4).train) == 12
    assert len(split_collection(collection, images_per_class=1).train) == 3
    with pytest.raises(CourseError, match="has 4 training pictures; 5 were asked for"):
        split_collection(collection, images_per_class=5)


def test_three_pictures_a_class_are_just_enough_to_cut(make_folder):
    """One for test, one for val, one to train on."""
    splits = split_collection(read_collection(make_folder(3), side=8))
    assert [len(images) for images in splits] == [3, 3, 3]
    with pytest.raises(CourseError, match="1 pictures to train on; 1 of them are needed for val"):
        split_collection(read_collection(make_folder(2, name="fewer"), side=8))


def test_sets_carry_their_names_and_integer_labels(make_folder):
    splits = split_collection(read_collection(make_folder(8), side=8))
    assert [(images.data, images.split) for images in splits] == [
        ("pictures", "train"),
        ("pictures", "val"),
        ("pictures", "test"),
    ]
    assert all(images.labels.dtype == torch.int64 for images in splits)


def test_the_order_of_the_seeds_stays(make_folder):
    """The measured results name runs by seed: another order would be other pictures under the same name."""
    splits = split_collection(read_collection(make_folder(train=6, test=1), side=8), images_per_class=2)
    found = [file.rsplit("/", 1)[1] for file in splits.train.files]
    assert " ".join(found) == SEED_0
