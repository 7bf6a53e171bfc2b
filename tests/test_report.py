"""The report on a bundle: it tells what was measured, asks no server for anything, and no name in it can do harm."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from test_bundle import facts
from test_cli import run  # noqa: F401 - a fixture
from torch import nn

from course_utils.data import Preprocessing
from course_utils.deploy.bundle import Bundle, load_bundle
from course_utils.deploy.card import Facts
from course_utils.deploy.report import html, write_report
from course_utils.errors import CourseError
from course_utils.files import save_text

VOID = {"meta", "link", "br", "img", "input"}
EPOCHS = {
    "train_loss": [2.0, 1.0, 0.5],
    "train_accuracy": [0.2, 0.5, 0.8],
    "val_loss": [1.8, 1.1, 0.9],
    "val_accuracy": [0.3, 0.6, 0.7],
    "lr": [0.1, 0.05, 0.01],
}


class Page(HTMLParser):
    """What stands in a page, by tag, and what it would load; tags must be closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open, self.tags, self.loads, self.text, self.alts = [], [], [], "", []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        given = dict(attrs)
        assert not any(name.startswith("on") for name in given)
        self.loads += [given[name] for name in ("src", "href", "srcset", "action", "data") if name in given]
        if tag == "img":
            self.alts.append(given["alt"])
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text = " ".join(f"{self.text} {data}".split())


def bundle_of(classes, answers, **changes) -> Bundle:
    """With answers (label, named, probability) on test."""
    label, named, probability = (list(column) for column in zip(*answers, strict=True))
    right = sum(a == b for a, b in zip(label, named, strict=True))
    score = {"accuracy": right / len(label), "n": len(label), "loss": 1.0, "calibration_error": 0.042}
    score["answers"] = {"label": label, "named": named, "probability": probability}
    told: Facts = facts(scores={"val": score, "test": score}, **changes)
    return Bundle(nn.Identity(), "resnet18", tuple(classes), 64, Preprocessing(64, 64), 1.5, told)


TWO = bundle_of(
    ["ill", "well"],
    [*[(0, 0, 0.99)] * 6, *[(0, 1, 0.6)] * 2, *[(1, 1, 0.8)] * 11, (1, 0, 0.97)],
    epochs=EPOCHS,
)


def test_the_command_writes_it_into_the_folder(run, probe_bundle, tmp_path):  # noqa: F811
    folder = shutil.copytree(probe_bundle, tmp_path / "my model")
    status, said = run("report", str(folder))
    assert status == 0 and "report.html opens in any browser" in said
    page = Page((folder / "report.html").read_text(encoding="utf-8"))
    test = load_bundle(folder).facts.score("test")
    assert page.text.startswith("my model: report my model") and f"{test.accuracy:.1%}" in page.text
    assert "course predict 'my model' photo.jpg" in page.text
    load_bundle(folder)  # it is still one
    assert run("report", str(folder), "--out", str(tmp_path / "other.html"))[0] == 0
    assert (tmp_path / "other.html").read_text() == (folder / "report.html").read_text()


def test_it_tells_what_was_measured():
    page = Page(html("lungs", TWO))
    for told in (
        "85.0% of test pictures named rightly 17 of 20; 95% interval: 64.0% to 94.8%",
        "60.0% without any model",
        "4.2% off, on average",
        "ill 6 of 8 well 11 of 12",
        "Wrong names: 3 of 20 test pictures.",
        "ill well 2 of 8 well ill 1 of 12",
        "any 100.0% 85.0% (64.0% to 94.8%)",
        "70% or more 90.0% 94.4% (74.2% to 99.0%)",
        "90% or more 35.0% 85.7% (48.7% to 97.4%)",
        "Weights of epoch 3 are kept",
        "1.5",
    ):
        assert told in page.text, told
    assert len(page.alts) == 3 and all(len(alt) > 20 for alt in page.alts)


def test_no_threshold_is_reached_by_a_model_that_is_never_sure():
    assert "95% or more 0.0% none" in Page(html("m", bundle_of(["a", "b"], [(0, 0, 0.6), (1, 0, 0.6)]))).text


@pytest.mark.parametrize("number", [1, 2, 25, 26, 60, 300])
def test_any_number_of_classes(number):
    answers = [(k, (k + k % 2) % number, 0.7) for k in range(number) for _ in range(2)]
    page = Page(html("m", bundle_of([f"class {k}" for k in range(number)], answers)))
    assert page.tags.count("li") == min(number, 120) + 4
    assert any("Confusion matrix" in alt for alt in page.alts) == (number <= 25)
    assert ("And 180 classes that it knows better." in page.text) == (number == 300)
    assert ("Nothing: every test picture is named rightly." in page.text) == (number == 1)


NASTY = [
    "<script>alert(1)</script>",
    "a \"b\" & 'c'",
    "{{ 7 * 7 }}",
    "x" * 300,
    "한국",
    "\udce9t\udce9",
    "$y^2$",
]


@pytest.mark.filterwarnings("ignore:No font here")
def test_no_name_can_do_harm(tmp_path):
    answers = [(k, (k + 1) % len(NASTY), 0.9) for k in range(len(NASTY))]
    mistake = {"label": 0, "named": 1, "probability": 0.9, "file": NASTY[0], "jpeg": '"><script>x</script>'}
    bundle = bundle_of(
        NASTY,
        answers,
        mistakes=[mistake],
        data=NASTY[0],
        licence=NASTY[0],
        weights=NASTY[0],
        flavour=NASTY[1],
    )
    page = Page(html(NASTY[0], bundle))
    assert save_text(tmp_path / "page.html", html(NASTY[0], bundle)).is_file()
    assert "script" not in page.tags and "49" not in page.text.split("What can't it do?")[1]
    assert "<script>alert(1)</script>" in page.text and "{{ 7 * 7 }}" in page.text and "한국" in page.text


def test_it_asks_no_server_for_anything():
    jpeg = {"label": 0, "named": 1, "probability": 0.9, "file": "a.jpg", "jpeg": "AAAA"}
    text = html("m", bundle_of(["a", "b"], [(0, 1, 0.9)], mistakes=[jpeg], epochs=EPOCHS))
    page = Page(text)
    assert len(page.loads) == 5 and all(place.startswith("data:") for place in page.loads)
    assert not {"script", "iframe", "object", "embed", "base", "form"} & {*page.tags}
    assert "default-src 'none'" in text and not re.search(r"url\(|@import", text)


@pytest.mark.parametrize(
    "changes",
    [
        {"scores": {}},
        {"scores": {"test": {"accuracy": 1}}},
        {"mistakes": [{"file": "a"}]},
        {"mistakes": [{"label": 99, "named": 0, "probability": 0.5, "file": "a", "jpeg": ""}]},
        {"epochs": {"train_loss": ["a"]}},
        {"pictures": []},
        {"provenance": {}},
    ],
)
def test_a_bundle_that_lacks_what_was_measured_is_refused(monkeypatch, tmp_path, changes):
    bad = replace(TWO, facts=replace(TWO.facts, **changes))
    monkeypatch.setattr("course_utils.deploy.report.load_bundle", lambda _: bad)
    with pytest.raises(CourseError, match="lacks what a report tells"):
        write_report(tmp_path)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("key", ["label", "named", "probability"])
@pytest.mark.parametrize("wrong", [[], [0], ["a"] * 20, None, [float("nan")] * 20, [99] * 20, [-1] * 20])
def test_answers_that_can_not_be_are_refused(monkeypatch, tmp_path, key, wrong):
    score = TWO.facts.scores["test"]
    answers = {**score["answers"], key: wrong}
    bad = replace(TWO, facts=replace(TWO.facts, scores={"test": {**score, "answers": answers}}))
    monkeypatch.setattr("course_utils.deploy.report.load_bundle", lambda _: bad)
    with pytest.raises(CourseError, match="lacks what a report tells"):
        write_report(tmp_path)


def test_no_bundle_and_no_place(run, probe_bundle, tmp_path):  # noqa: F811
    status, said = run("report", str(tmp_path))
    assert status == 2 and "it has no bundle.json" in said
    status, said = run("report", str(probe_bundle), "--out", str(tmp_path))
    assert status == 2 and str(tmp_path) in said
