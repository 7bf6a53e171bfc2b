"""The benchmarks run, measure what they say, and their page is written from what they found."""

from __future__ import annotations

import json

import pytest

import course
import side_by_side
import speed
import step_profile
import tutorial
from course_utils.data import load_birds
from course_utils.models.packaged import weights_file
from side_by_side import Run, summary, write_folder


@pytest.fixture
def folder(make_folder, tmp_path):
    """Three species: 6 pictures each to learn from, 2 of val."""
    source = make_folder(train=6, val=4, test=3)
    birds = load_birds(source)
    copied = write_folder(birds, str(source), 2, tmp_path / "copied")
    assert copied == {"train": 18, "val": 6, "test": 3}
    return tmp_path / "copied"


def test_the_folder_has_the_splits_files_themselves(folder, make_folder):
    again = load_birds(folder)
    assert (len(again.train), len(again.val)) == (18, 6)
    assert set(again.train.hashes) == set(load_birds(make_folder(train=6, val=4, test=3)).train.hashes)


@pytest.mark.parametrize("way", ["frozen", "fine_tune"])
@pytest.mark.parametrize("who", [tutorial, course])
def test_a_contender_reports_itself(folder, capsys, who, way):
    options = {"weights": weights_file()} if who is tutorial else {}
    who.main(folder, way, 1, **options)
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["pictures"] == 18 and found["peak_megabytes"] >= 0
    assert 0 <= found["val_accuracy"] <= 1
    assert 0 < sum(found["train_seconds"]) <= sum(found["epoch_seconds"])


def test_frozen_means_that_only_the_head_learns_and_scratch_that_nothing_was_learned():
    frozen, learning = tutorial.build("frozen", 3, weights_file())
    assert sum(p.numel() for p in learning) == 1280 * 3 + 3
    scratch, everything = tutorial.build("scratch", 3, weights_file())
    assert len(everything) == len(list(scratch.parameters()))
    assert not scratch.conv_stem.weight.equal(frozen.conv_stem.weight)


def test_ratios_are_taken_within_a_round():
    usual = [Run(100, 10, 0.5, 1), Run(300, 5, 0.5, 1), Run(100, 10, 0.5, 1)]
    other = [Run(10, 40, 0.5, 3), Run(20, 40, 0.6, 2), Run(50, 20, 0.7, 1)]
    row = summary({"tutorial": usual, "course": other})["course"]
    assert row["times_less_time"] == 10 and row["times_the_pictures"] == 4
    assert row["seconds"] == 20 and row["val_accuracy"] == 0.6 and row["peak_megabytes"] == 3


def test_a_way_that_is_measured_alone_leaves_the_others():
    old = {"ways": {"frozen": 1, "fine_tune": 2, "scratch": 3}, "commit": "abc"}
    found = side_by_side.beside(old, {"ways": {"fine_tune": 4}, "commit": "def"})
    assert list(found["ways"].items()) == [("frozen", 1), ("fine_tune", 4), ("scratch", 3)]
    assert found["commit"] == "def (frozen, scratch: abc)"
    whole = {"ways": dict.fromkeys(side_by_side.WAYS), "commit": "def"}
    assert side_by_side.beside(old, whole) == side_by_side.beside(None, whole) == whole


def test_a_contender_that_fails_says_why(folder):
    lost = side_by_side.Contender("tutorial", ("--no-such-option",))
    with pytest.raises(SystemExit, match="no-such-option"):
        side_by_side.run(lost, folder, "frozen", 1)


def test_operators_are_sorted_by_what_they_do():
    conv = "aten::convolution_backward"
    maps = [2, 8, 4, 4]
    assert step_profile.kind_of(conv, [maps, maps, [8, 1, 3, 3], []]) == "depthwise convolutions"
    assert step_profile.kind_of(conv, [maps, maps, [8, 8, 1, 1], []]) == "other convolutions"
    assert step_profile.kind_of("aten::native_batch_norm", [maps]) == "BatchNorm"
    assert step_profile.kind_of("aten::copy_", [maps]).startswith("copies")


def test_the_page_says_what_was_found():
    row = {"seconds": 10.0, "times_less_time": 50.5, "pictures_per_second": 70.0, "times_the_pictures": 5.25,
           "val_accuracy": 0.5, "peak_megabytes": 1200}  # fmt: skip
    usual = row | {"times_less_time": 1.0, "times_the_pictures": 1.0}
    entry = {"cores": 2, "processor": "AVX512", "bf16_speedup": 1.5, "classes": 3, "rounds": 3, "commit": "abc",
             "pictures": {"train": 18, "val": 6},
             "ways": {way: {"tutorial": usual, "course, fp32": row} for way in side_by_side.WAYS}}  # fmt: skip
    found = {"fieldguide": entry, "fieldguide, 25 epochs": entry}
    table, _, whole = speed.tables(found).partition("25 epochs\n")
    assert "| frozen | course, fp32 | 10 | 50.5 | 70.0 | 5.2 | 1,200 |" in table and "accuracy" not in table
    assert "| 1,200 | 0.500 |" in whole
    assert "in 50 times less time" in speed.speed_sentence(found)
    assert speed.speed_alt(found).count("course, fp32 50.5") == 1
