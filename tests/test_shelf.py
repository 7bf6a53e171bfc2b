"""Another model from the shelf: in numbers, tried where its weights are here, explained where they are not."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
from torchvision import models

from course_utils.data.collection import read_collection
from course_utils.data.splits import split_collection
from course_utils.errors import CourseError
from course_utils.lessons.fine_tune_pretrained import shelf
from course_utils.lessons.fine_tune_pretrained.shelf import in_numbers, try_probe
from course_utils.metrics.classification import Metrics


@pytest.fixture
def birds(make_folder):
    return split_collection(read_collection(make_folder(8), side=256), seed=0)


def test_a_model_in_numbers():
    assert in_numbers(models.resnet18()).endswith(", 20 BatchNorm layers")
    assert in_numbers(models.vgg11()).endswith(", 0 BatchNorm layers")


def test_a_model_whose_weights_are_here_is_tried(birds, capsys):
    try_probe("efficientnet_lite0", birds)
    said = capsys.readouterr().out
    found = re.search(r"1,280 features names ([\d.]+)% of (\d+) pictures", said)
    assert float(found[1]) > 60 and int(found[2]) == len(birds.val)
    assert f"The pass over {len(birds.train) + len(birds.val)} pictures took" in said


def test_the_probe_that_val_chose_is_told_and_not_the_luckiest(birds, capsys, monkeypatch):
    """The lowest loss chooses; another penalty has a higher accuracy."""
    seen = {0.1: Metrics(loss=1.0, accuracy=0.5, n=6), 1.0: Metrics(loss=2.0, accuracy=1.0, n=6)}
    monkeypatch.setattr(shelf, "linear_probe", lambda train, val: SimpleNamespace(l2=0.1, val=seen))
    try_probe("efficientnet_lite0", birds)
    assert f"names 50.0% of {len(birds.val)} pictures" in capsys.readouterr().out


def test_a_model_whose_weights_are_elsewhere_says_how_to_get_them(birds, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    try_probe("vgg16", birds)
    assert "a download of 528 MB: `download=True`" in capsys.readouterr().out
    assert not list(tmp_path.rglob("*.pth"))


def test_an_unknown_model_is_no_download(birds):
    with pytest.raises(CourseError, match="Nearest"):
        try_probe("vgg-16", birds)
