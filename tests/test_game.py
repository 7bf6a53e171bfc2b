"""The naming game: played by clicks, scored with its interval, readable on paper."""

from __future__ import annotations

import pytest
import torch

from course_utils.data import ImageSet, Pair
from course_utils.errors import CourseError
from course_utils.notebook.game import Game, all_named, name_the_birds, numbered


@pytest.fixture
def images() -> ImageSet:
    labels = torch.arange(12) % 3
    pixels = (labels * 80).to(torch.uint8)[:, None, None, None].expand(12, 3, 16, 16).contiguous()
    names = tuple(f"{i}.png" for i in range(12))
    return ImageSet("test", "val", ("Grey_Owl", "Pale_Owl", "Reed_Wren"), names, names, pixels, labels)


def click(panel, name):
    (button,) = [b for b in panel.controls["board"].children if b.description == name]
    if not button.disabled:
        button.click()


def play(panel, images, answer):
    """Name all pictures; ``answer`` gets the true class and returns the one to say."""
    for true in Game(images, number=6).truth:
        click(panel, images.classes[answer(true)].replace("_", " "))
    return panel.controls["said"].value


def test_all_right(images):
    said = play(name_the_birds(images, number=6), images, lambda true: true)
    assert "Yes: " in said and "You named 6 of 6 rightly: 100%" in said
    assert "interval runs from 61% to 100%" in said and "A guess reaches 33%" in said


def test_a_wrong_answer_is_told_the_right_one(images):
    panel = name_the_birds(images, number=6)
    true = Game(images, number=6).truth[0]
    names = [name.replace("_", " ") for name in images.classes]
    click(panel, names[(true + 1) % 3])
    assert panel.controls["said"].value == f"No, not {names[(true + 1) % 3]}: {names[true]}."
    assert "Bird 2 of 6" in panel.controls["picture"].value


def test_who_takes_a_bird_for_its_look_alike_is_told_the_mark(images):
    game = Game(images, pairs=[Pair(("Grey_Owl", "Pale_Owl"), "eye_ring", "easy")], number=12)
    said = [game.name((true + 1) % 3) for true in game.truth]
    for true, words in zip(game.truth, said, strict=True):
        assert words.endswith("What tells them apart: eye ring.") == (true == 0)


def test_the_picture_does_not_give_its_name_away(images):
    panel = name_the_birds(images, number=6)
    assert not any(word in panel.controls["picture"].value for word in ("Owl", "Wren"))


def test_nothing_can_be_named_after_the_end_and_another_round_begins_anew(images):
    panel = name_the_birds(images, number=6)
    said = play(panel, images, lambda true: (true + 1) % 3)
    assert "You named 0 of 6" in said and "each with its name" in panel.controls["picture"].value
    assert all(button.disabled for button in panel.controls["board"].children)
    first = Game(images, number=6).rows
    panel.controls["again"].click()
    assert "Bird 1 of 6" in panel.controls["picture"].value and panel.controls["said"].value == ""
    assert Game(images, number=6, seed=1).rows != first
    play(panel, images, lambda true: 0)
    assert "of 6 rightly" in panel.controls["said"].value


def test_relatives_stand_together(images):
    names = [button.description for button in name_the_birds(images, number=6).controls["board"].children]
    assert names == ["Grey Owl", "Pale Owl", "Reed Wren"]


def test_on_paper_the_names_stand_below_and_after_the_game_what_was_said(images):
    game = Game(images, number=5, seed=3)
    text = numbered(game).get_supxlabel()
    assert text.startswith(f"1 {images.classes[game.truth[0]].replace('_', ' ')}") and text.count("\n") == 1
    for true in game.truth:
        game.name((true + 1) % 3)
    assert all("(you: " in axes.get_title() for axes in all_named(game).axes)


@pytest.mark.parametrize("number", [0, 13])
def test_as_many_pictures_as_there_are(images, number):
    with pytest.raises(CourseError, match=f"number is {number}; expected 1 to 12"):
        Game(images, number=number)


def test_no_kind_comes_twice_before_every_other_has_come(images):
    number = len(images.classes)
    for seed in range(5):
        assert len(set(Game(images, number=number, seed=seed).truth)) == number
