"""The preflight: measured speeds, and minutes that follow from them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
import torch

import time_lessons
from course_utils.notebook import preflight
from course_utils.notebook.preflight import LessonTime, lesson_time, predict

ROOT = Path(__file__).resolve().parents[1]
SPEEDS = {"scratch": 100.0, "forward": 50.0, "fine_tune": 20.0}


def test_minutes_are_overhead_plus_pictures_over_speed():
    assert LessonTime("t", "scratch", 30.0, 9000.0).minutes(SPEEDS) == pytest.approx(2.0)


def test_the_machine_that_measured_gets_its_own_time_back():
    time = lesson_time("t", "fine_tune", smoke=12.0, standard=240.0, speed=20.0)
    assert time.minutes(SPEEDS) == pytest.approx(4.0) and time.overhead_seconds == 12.0
    assert lesson_time("t", "forward", smoke=9.0, standard=8.0, speed=1.0).pictures == 0


def test_table():
    times = {"03": LessonTime("Long", "scratch", 0, 60_000), "00": LessonTime("Short", "forward", 5, 0)}
    table = predict(SPEEDS, times)
    assert table.drop(columns="you (minutes)").to_dict("index") == {
        0: {"title": "Short", "computer (minutes)": "less than 1"},
        3: {"title": "Long", "computer (minutes)": "about 10"},
    }
    minutes = [int(text.removeprefix("about ")) for text in table["you (minutes)"]]
    assert 10 <= minutes[0] < minutes[1] <= 90
    assert predict(SPEEDS, {}).empty


def test_a_person_needs_time_for_words_cells_and_exercises(tmp_path):
    """By hand: 1,200 words in ten minutes, 25 cells of code in ten, two exercises in ten."""
    code = [nbformat.v4.new_code_cell("...") for _ in range(23)]
    exercises = [nbformat.v4.new_code_cell("...", metadata={"tags": ["exercise"]}) for _ in range(2)]
    cells = [nbformat.v4.new_markdown_cell("some words " * 600), *code, *exercises]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "n.ipynb")
    assert preflight.person_minutes(tmp_path / "n.ipynb") == 30


def test_times_are_read_from_the_file(tmp_path):
    fields = {"title": "T", "workload": "forward", "overhead_seconds": 1.0, "pictures": 2.0}
    (tmp_path / "times.json").write_text(json.dumps({"lessons": {"01": fields}}))
    assert preflight.read_times(tmp_path / "times.json") == {"01": LessonTime(**fields)}
    assert preflight.read_times(tmp_path / "none.json") == {}


def test_machine_is_described_in_words():
    about = preflight.machine()
    assert {"python", "torch", "device", "precision", "profile"} <= about.keys()
    assert about["profile"] == "smoke" and "fp32" in about["precision"]


def test_speeds_are_measured(monkeypatch):
    monkeypatch.setattr(preflight, "BATCH_SIZE", 4)
    speeds = preflight.measure(batches=1)
    assert speeds.keys() == preflight.WORKLOADS.keys() and min(speeds.values()) > 0


def test_speed_is_pictures_a_second_of_the_median_batch_without_the_warm_up(monkeypatch):
    """By hand: batches of 4 pictures that take 100 s to warm up, then 1, 2 and 9: 4 in 2 s are 2 a second."""
    clock, takes = [0.0], iter([100.0, 1.0, 2.0, 9.0] * len(preflight.WORKLOADS))

    def step(loader):
        assert [len(pictures) for pictures, _ in loader] == [4]
        clock[0] += next(takes)

    monkeypatch.setattr(preflight, "BATCH_SIZE", 4)
    monkeypatch.setattr(preflight, "_step", lambda workload: step)
    monkeypatch.setattr(preflight, "perf_counter", lambda: clock[0])
    speeds = preflight.measure(batches=3)
    assert speeds == dict.fromkeys(preflight.WORKLOADS, 2.0)
    # A lesson of 840 s, 120 of them overhead, is 1440 such pictures; twice the speed halves what they take.
    time = lesson_time("t", "scratch", smoke=120.0, standard=840.0, speed=speeds["scratch"])
    assert time.pictures == 1440 and time.minutes({"scratch": 4.0}) == pytest.approx(8.0)


@pytest.mark.parametrize(("workload", "in_bf16"), [("plain", False), ("scratch", True)])
def test_what_lessons_write_out_is_timed_without_the_courses_ways(workload, in_bf16, monkeypatch):
    monkeypatch.setenv("COURSE_PRECISION", "bf16")
    asked, real = [], torch.autocast
    monkeypatch.setattr(
        torch, "autocast", lambda *a, enabled: asked.append(enabled) or real(*a, enabled=enabled)
    )
    small = replace(preflight.WORKLOADS[workload], image_size=32)
    preflight._step(small)([(torch.randn(4, 3, 32, 32), torch.arange(4))])
    assert any(asked) == in_bf16


def test_every_lesson_names_its_workload():
    for source in sorted((ROOT / "lessons").glob("[0-9][0-9]_*.py")):
        title, workload = time_lessons.header(source)
        assert title and workload in preflight.WORKLOADS
