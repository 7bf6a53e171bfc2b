"""Widgets react to their controls, and leave a still form where there are no widgets."""

from __future__ import annotations

import datetime
import io

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import ImageFolder

from course_utils.lessons.meet_the_birds import figures as meet_figures
from course_utils.lessons.start_here import figures as start_figures

VIEW = "application/vnd.jupyter.widget-view+json"


def answers(picture):
    assert picture.mode == "RGB"
    return [("robin", 0.75), ("wren", 0.25)]


@pytest.fixture
def photo() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (60, 40), "red").save(stream, "png")
    return stream.getvalue()


@pytest.fixture
def pictures(make_folder) -> ImageFolder:
    return ImageFolder(make_folder(2))


def upload(panel, content, name="my.png"):
    file = {"name": name, "type": "image/png", "size": len(content), "content": memoryview(content)}
    file["last_modified"] = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
    panel.controls["button"].value = (file,)
    return panel.controls["said"].value


def displayed(panel, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, **options: shown.append((data, options)))
    panel._ipython_display_()
    return shown[0]


def test_upload_shows_the_photo_and_its_names(photo):
    said = upload(start_figures.upload_photo(answers), photo)
    assert said.startswith("<img") and 'alt="my.png: robin 75%, wren 25%"' in said


def test_a_large_photo_is_looked_at_as_it_is():
    stream, seen = io.BytesIO(), []
    Image.new("RGB", (1300, 900), "red").save(stream, "png")
    upload(
        start_figures.upload_photo(lambda picture: seen.append(picture.size) or [("x", 1.0)]),
        stream.getvalue(),
    )
    assert seen == [(1300, 900)]


@pytest.mark.parametrize("content", [b"", b"no picture", b"GIF89a"])
def test_upload_explains_what_is_no_picture(content):
    said = upload(start_figures.upload_photo(answers), content, "<b>.png")
    assert "did not work" in said and "&lt;b&gt;.png" in said


def test_upload_refuses_what_is_too_large(photo, monkeypatch):
    monkeypatch.setattr(start_figures, "MAX_UPLOAD_MB", 0)
    assert "Scale it down" in upload(start_figures.upload_photo(answers), photo)


def test_upload_has_a_still_form(monkeypatch):
    data, _ = displayed(start_figures.upload_photo(answers), monkeypatch)
    assert VIEW in data and "Run this cell" in data["text/html"]


def test_explorer_draws_again_when_a_control_moves(pictures):
    panel = meet_figures.explore_augmentations(pictures)
    seen = [panel.controls["shown"].value]
    for name, value in (
        ("crop", 0.1),
        ("seed", 3),
        ("colour", 0.4),
        ("upside", True),
        ("blur", 4.0),
        ("picture", 2),
    ):
        panel.controls[name].value = value
        seen.append(panel.controls["shown"].value)
    assert len(set(seen)) == len(seen)
    panel.controls["picture"].value = 0
    panel.controls["picture"].value = 2
    assert panel.controls["shown"].value == seen[-1], "the same settings show the same looks"


def test_explorer_leaves_the_random_state_alone_and_has_a_still_form(pictures, monkeypatch):
    before = torch.get_rng_state()
    panel = meet_figures.explore_augmentations(pictures)
    assert torch.equal(before, torch.get_rng_state())
    data, options = displayed(panel, monkeypatch)
    assert (
        VIEW in data
        and data["image/jpeg"]
        and options["metadata"]["image/jpeg"]["alt"].startswith("One picture")
    )


@pytest.mark.parametrize(("option", "axis"), [("mirror", 1), ("upside", 0)])
def test_a_mirror_swaps_the_sides_and_upside_top_and_bottom(option, axis):
    """A ramp along that axis: every look at it rises or falls there, and some do either."""
    ramp = torch.arange(0, 256, 8).to(torch.uint8)
    picture = (ramp if axis == 1 else ramp[:, None]).expand(3, 32, 32)
    transform = meet_figures.augmentation(**{option: True}, size=32)
    steps = [np.diff(transform(picture)[0].numpy().astype(int), axis=axis).mean() for _ in range(30)]
    assert {np.sign(step) for step in steps} == {-1, 1}


def test_augmentation_does_what_it_is_told():
    picture = torch.arange(3 * 64 * 64).remainder(251).to(torch.uint8).view(3, 64, 64)
    still = meet_figures.augmentation(size=64)
    assert still(picture).shape == (3, 64, 64)
    looks = {
        bytes(meet_figures.augmentation(mirror=True, size=64)(picture).numpy().tobytes()) for _ in range(20)
    }
    assert len(looks) > 1
