"""A learner's copies of the lessons: made once, never written over, restored beside what the learner typed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from course_utils import paths
from course_utils.errors import CourseError
from course_utils.notebook import copies


@pytest.fixture
def lessons(tmp_path, monkeypatch) -> Path:
    """The course's notebooks: two lessons with solutions, and a glossary."""
    source = tmp_path / "course" / "notebooks"
    (source / "solutions").mkdir(parents=True)
    for name in ("00_start_here", "03_train"):
        text = json.dumps({"metadata": {"borrowed_feathers": {"source_sha256": name}}, "cells": []})
        (source / f"{name}.ipynb").write_text(text)
        (source / "solutions" / f"{name}.ipynb").write_text(text)
    (source / "glossary.md").write_text("words")
    monkeypatch.setattr(paths, "notebooks_dir", lambda: source)
    return source


def test_everything_is_copied_once(lessons, tmp_path):
    folder = tmp_path / "mine"
    new, stale = copies.copy_lessons(folder)
    assert len(new) == 5 and not stale
    assert {p.relative_to(folder) for p in folder.rglob("*.*")} == {
        p.relative_to(lessons) for p in lessons.rglob("*.*")
    }
    assert copies.copy_lessons(folder) == ([], [])


def test_what_a_learner_typed_stays(lessons, tmp_path):
    folder = tmp_path / "mine"
    copies.copy_lessons(folder)
    own = folder / "03_train.ipynb"
    own.write_text(own.read_text().replace('"cells": []', '"cells": ["typed"]'))
    typed = own.read_bytes()
    (folder / "glossary.md").unlink()
    new, stale = copies.copy_lessons(folder)
    assert [path.name for path in new] == ["glossary.md"] and not stale
    assert own.read_bytes() == typed


@pytest.mark.parametrize(
    "content", ['{"metadata": {"borrowed_feathers": {"source_sha256": "old"}}}', "{}", "no JSON"]
)
def test_a_lesson_of_another_version_is_named_and_left(lessons, tmp_path, content):
    folder = tmp_path / "mine"
    copies.copy_lessons(folder)
    own = folder / "03_train.ipynb"
    own.write_text(content)
    assert copies.copy_lessons(folder) == ([], ["03_train.ipynb"])
    assert own.read_text() == content


def test_reset_restores_one_and_keeps_each_old_copy(lessons, tmp_path):
    folder = tmp_path / "mine"
    copies.copy_lessons(folder)
    own = folder / "03_train.ipynb"
    for number in (1, 2):
        own.write_text(f"typed {number}")
        found, kept = copies.reset_lesson("3", folder)
        assert found == own and kept == [folder / f"03_train.kept-{number}.ipynb"]
        assert kept[0].read_text() == f"typed {number}"
        assert own.read_bytes() == (lessons / "03_train.ipynb").read_bytes()
    assert copies.reset_lesson("3", folder) == (own, [])
    own.unlink()
    assert copies.reset_lesson("03", folder) == (own, []) and own.is_file()


def test_solutions_of_another_version_are_named_once_and_reset_with_their_lesson(lessons, tmp_path):
    folder = tmp_path / "mine"
    copies.copy_lessons(folder)
    for name in ("03_train.ipynb", "solutions/03_train.ipynb"):
        (folder / name).write_text("{}")
    assert copies.copy_lessons(folder) == ([], ["03_train.ipynb"])
    _, kept = copies.reset_lesson("3", folder)
    assert kept == [folder / "03_train.kept-1.ipynb", folder / "solutions" / "03_train.kept-1.ipynb"]
    assert copies.copy_lessons(folder) == ([], [])


def test_a_reset_that_fails_loses_nothing(lessons, tmp_path, monkeypatch):
    folder = tmp_path / "mine"
    copies.copy_lessons(folder)
    (folder / "03_train.ipynb").write_text("typed")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(CourseError, match="No space left"):
        copies.reset_lesson("3", folder)
    assert {path.name: path.read_text() for path in folder.glob("*03*")} == {"03_train.ipynb": "typed"}


def test_folders_that_cannot_be(lessons, tmp_path):
    (tmp_path / "file").write_text("in the way")
    for call in (copies.copy_lessons, lambda folder: copies.reset_lesson("3", folder)):
        with pytest.raises(CourseError, match="Choose another"):
            call(tmp_path / "file")
    with pytest.raises(CourseError, match="There is no lesson '7'"):
        copies.reset_lesson("7", tmp_path)


def test_the_commands(lessons, tmp_path, monkeypatch):
    """`course lab` opens lesson 0 in the folder and hands on what it does not know; here nothing is opened."""
    started = []

    def run(command, folder):
        started.append((command, folder))
        return 0

    from typer.testing import CliRunner

    from course_utils import cli

    monkeypatch.setattr(copies, "run_to_its_end", run)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "console", cli.Terminal(width=200))
    result = CliRunner().invoke(cli.app, ["lab", "--no-browser"])
    assert result.exit_code == 0
    assert started == [
        ([sys.executable, "-m", "jupyterlab", "--no-browser", "00_start_here.ipynb"], Path("my_lessons"))
    ]
    (tmp_path / "my_lessons" / "03_train.ipynb").write_text("typed")
    result = CliRunner().invoke(cli.app, ["reset", "03"])
    assert result.exit_code == 0
    assert (tmp_path / "my_lessons" / "03_train.kept-1.ipynb").read_text() == "typed"


def test_lab_without_jupyterlab_copies_nothing(lessons, tmp_path, monkeypatch, capsys):
    from course_utils import cli

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "find_spec", lambda name: None)
    monkeypatch.setattr("sys.argv", ["course", "lab"])
    monkeypatch.setattr(cli, "console", cli.Terminal(width=200))
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2 and "-m pip install jupyterlab" in capsys.readouterr().out
    assert not (tmp_path / "my_lessons").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals to a group of processes")
def test_ctrl_c_is_left_to_jupyterlab(tmp_path):
    """It comes to both; the program that was started takes its time to end, and its exit status counts."""
    program = (
        "import signal, sys, time\n"
        "def stop(*_): print('asked', flush=True); time.sleep(1); sys.exit(7)\n"
        "signal.signal(signal.SIGINT, stop); print('ready', flush=True); time.sleep(60)"
    )
    code = (
        "import sys; from pathlib import Path; from course_utils.notebook import copies\n"
        f"sys.exit(copies.run_to_its_end([sys.executable, '-c', {program!r}], Path('.')))"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as both:
        assert both.stdout.readline() == "ready\n"
        os.killpg(both.pid, signal.SIGINT)
        assert both.stdout.readline() == "asked\n"
        assert both.wait(timeout=30) == 7
