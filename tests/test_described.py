"""Figures say in words what they show, wherever they are shown."""

from __future__ import annotations

import base64
import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from course_utils.notebook import described
from course_utils.notebook.described import DescribedFigure, DescribedPicture


@pytest.fixture
def figure():
    made, axis = plt.subplots(FigureClass=DescribedFigure)
    axis.plot([0, 1], [2.0, 0.5], label="train")
    axis.set(xlabel="epoch", ylabel="loss", title='the "first" run')
    plt.close(made)
    return made


def displayed(thing, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, **_: shown.append(data))
    thing._ipython_display_()
    return shown[0]


def test_figure_describes_itself(figure, monkeypatch):
    data = displayed(figure, monkeypatch)
    assert data["text/plain"] == 'The "first" run: loss over epoch (train from 2 to 0.5).'
    alt, kind, content = described.parse_image_tag(data["text/html"])
    assert (alt, kind) == (data["text/plain"], "image/png")
    assert base64.b64decode(content).startswith(b"\x89PNG")


def test_own_words_come_first(figure, monkeypatch):
    figure.alt = "My words"
    assert 'alt="My words"' in displayed(figure, monkeypatch)["text/html"]


def test_pictures_are_named_by_their_captions():
    made, axes = plt.subplots(1, 2, FigureClass=DescribedFigure)
    for axis, name in zip(axes, ("wren", "robin"), strict=True):
        axis.imshow([[0, 1]])
        axis.set_title(name)
        axis.axis("off")
    plt.close(made)
    assert described.describe(made) == "Pictures: wren; robin."
    content, kind = described.encode(made)
    assert kind == "image/jpeg" and content.startswith(b"\xff\xd8")


def test_picture_file_is_scaled_and_described(tmp_path, monkeypatch):
    Image.new("RGB", (400, 100), "green").save(tmp_path / "p.webp")
    data = displayed(DescribedPicture(tmp_path / "p.webp", "A green bar", width=100), monkeypatch)
    alt, kind, content = described.parse_image_tag(data["text/html"])
    assert (alt, kind) == ("A green bar", "image/jpeg")
    assert 'style="max-width: 100%"' in data["text/html"], "a wide figure would be cut off inside of a widget"
    (tmp_path / "p.jpeg").write_bytes(base64.b64decode(content))
    assert Image.open(tmp_path / "p.jpeg").size == (100, 25)


def test_other_html_is_no_figure():
    assert described.parse_image_tag('<img src="x" alt="y">') is None


def test_a_plot_gets_a_palette_and_keeps_its_colours():
    made, axis = plt.subplots(FigureClass=DescribedFigure)
    plt.close(made)
    axis.plot([0, 1], [0, 1], color="#0072b2", linewidth=6)
    content, kind = described.encode(made)
    with Image.open(io.BytesIO(content)) as picture:
        assert (kind, picture.mode) == ("image/png", "P")
        colours = {colour for _, colour in picture.convert("RGB").getcolors(256)}
    assert {(255, 255, 255), (0, 114, 178)} <= colours


def test_a_plot_with_a_photo_in_it_keeps_all_colours():
    made, axis = plt.subplots(FigureClass=DescribedFigure)
    plt.close(made)
    axis.imshow(np.random.default_rng(0).random((90, 90, 3)))
    content, _ = described.encode(made)
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.mode != "P"
