"""Hours of work are not lost to a place that can't be written, nor mixed with other work (docs/faults.md)."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from course_utils import files, paths, runtime
from course_utils.cli import app
from course_utils.data import Preprocessing, load_birds
from course_utils.data.collection import read_collection
from course_utils.data.splits import split_collection
from course_utils.doctor import examine
from course_utils.errors import CourseError
from course_utils.experiments import scoreboard
from course_utils.experiments.compare import Comparison, compare, configuration
from course_utils.experiments.flavours import FLAVOURS
from course_utils.experiments.results import RunResult
from course_utils.experiments.store import Provenance, RunStore
from course_utils.models import build_definition
from course_utils.notebook.runner import run_lessons
from course_utils.training import extract_features

TINY = Preprocessing(crop_size=32, resize_size=36)


def result(**changes) -> RunResult:
    return replace(RunResult("scratch", "resnet18", 64, 5, 0, 0.5, 0.5, 100, 2.0, 10), **changes)


@pytest.fixture
def full_disk(monkeypatch):
    """Every file of the package that is to be moved into its place meets a full disk."""

    def fail(self, target):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)


@pytest.fixture
def read_only(monkeypatch):
    """No temporary file can be made: what root, who may write anywhere, would not see otherwise."""

    def fail(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    for name in ("mkstemp", "TemporaryFile"):
        monkeypatch.setattr(files.tempfile, name, fail)


def test_a_file_where_runs_should_go_is_noticed_before_training(make_folder, tmp_path):
    (tmp_path / "runs").write_text("mine")
    words = [
        "compare",
        "--data",
        str(make_folder(8)),
        "--flavour",
        "scratch",
        "--runs",
        str(tmp_path / "runs"),
    ]
    found = CliRunner().invoke(app, words)
    assert isinstance(found.exception, CourseError) and "no folder that can be written" in str(
        found.exception
    )
    assert (tmp_path / "runs").read_text() == "mine"


def test_a_read_only_place_is_noticed_before_training(tmp_path, read_only):
    with pytest.raises(CourseError, match="Read-only file system"):
        RunStore(tmp_path, RunResult)
    with pytest.raises(CourseError, match="Read-only file system"):
        files.check_writable(tmp_path / "out.json")


def test_the_doctor_tries_to_write(read_only):
    broken = {finding.name: finding.advice for finding in examine() if not finding.ok}
    assert "COURSE_CACHE" in broken["cache"] and "COURSE_OUT" in broken["results"]


def test_a_run_on_a_full_disk_is_kept_elsewhere(make_folder, tmp_path, full_disk):
    birds = split_collection(read_collection(make_folder(8), side=36))
    key = configuration(FLAVOURS["scratch"], birds, "resnet18", 0)
    with pytest.warns(UserWarning, match="No space left.*kept as") as caught:
        RunStore(tmp_path, RunResult).put(key, result())
    kept = Path(str(caught[0].message).split("kept as ")[1].split(" instead")[0])
    assert '"test_accuracy": 0.5' in kept.read_text()


def test_a_comparison_and_a_lesson_on_a_full_disk_are_kept_elsewhere(tmp_path, full_disk):
    with pytest.warns(UserWarning, match="kept as"):
        kept = Comparison("birds", 3, [result()], []).save(tmp_path / "out.json")
    assert Comparison.load(kept).results == [result()]
    with pytest.warns(UserWarning, match="kept as"):
        scoreboard.record("03", result())


def test_features_on_a_full_disk_are_returned(make_folder, full_disk):
    birds = load_birds(make_folder(8), side=36)
    with pytest.warns(UserWarning, match="can't be kept"):
        features = extract_features(build_definition("resnet18", 3), birds.val, preprocessing=TINY)
    assert features.x.shape == (len(birds.val), 512)


def test_a_link_stays_a_link_and_a_pipe_a_pipe(tmp_path):
    (tmp_path / "old.json").write_text("old")
    (tmp_path / "link.json").symlink_to(tmp_path / "old.json")
    Comparison("birds", 3, [result()], []).save(tmp_path / "link.json")
    assert (tmp_path / "link.json").is_symlink() and "birds" in (tmp_path / "old.json").read_text()
    os.mkfifo(tmp_path / "pipe")
    for file, says in ((tmp_path / "pipe", "device or pipe"), (tmp_path, "is a folder")):
        with pytest.raises(CourseError, match=says):
            files.check_writable(file)


def test_features_follow_the_structure_and_not_only_the_weights(make_folder):
    """A stride, a pooling and a hook leave the state dict as it was."""
    birds = load_birds(make_folder(8), side=36)
    model = build_definition("resnet18", 3, seed=0)

    def features():
        return extract_features(model, birds.val, preprocessing=TINY)

    def stride():
        model.layer4[0].conv1.stride = model.layer4[0].downsample[0].stride = (1, 1)

    seen = [features()]
    assert features().cached
    for change in (
        lambda: setattr(model, "maxpool", nn.Identity()),
        stride,
        lambda: model.avgpool.register_forward_hook(lambda _, inputs, out: out * 2),
    ):
        change()
        found = features()
        assert not found.cached and all(not torch.equal(found.x, other.x) for other in seen)
        assert features().cached
        seen.append(found)


def test_a_learner_s_run_in_another_precision_is_trained_anew_and_in_another_version_is_not(
    tmp_path, monkeypatch
):
    made = []

    def again(**options) -> str:
        def train():
            made.append(1)
            return result(seconds=float(len(made)))

        kept = RunStore(tmp_path, RunResult, **options).get_or({"kind": "comparison", "seed": 0}, train)
        return f"{kept.result.seconds:.0f} {kept.provenance.precision}"

    assert again() == again() == "1 fp32"
    monkeypatch.setenv("COURSE_PRECISION", "bf16")
    assert again() == again() == "2 bf16"
    monkeypatch.setattr(runtime, "versions", lambda: {"torch": "9.0", "borrowed-feathers": "0.2.0"})
    assert again() == "2 bf16"
    monkeypatch.setenv("COURSE_PRECISION", "fp32")
    assert again() == "1 fp32" and len(made) == 2 == len(list(tmp_path.iterdir()))
    monkeypatch.setattr(Provenance, "here", lambda: Provenance("cuda", "fp16", {}, ""))
    assert again(any_machine=True) in ("1 fp32", "2 bf16")
    assert again() == "3 fp16"


def test_a_superseded_run_stays_and_counts_as_none(tmp_path):
    store, key = RunStore(tmp_path, RunResult, any_machine=True), {"kind": "comparison", "seed": 0}
    store.put(key, result(seconds=2.0))
    (file,) = tmp_path.iterdir()
    old = json.loads(file.read_text())
    file.write_text(json.dumps({**old, "superseded": "timed beside another training"}))
    assert store.get(key) is None
    store.put(key, result(seconds=3.0))
    assert store.get(key).result.seconds == 3.0
    store.put(key, result(seconds=4.0))
    assert store.get(key).result.seconds == 3.0, "a whole file is never written over"
    assert len(list(tmp_path.iterdir())) == 3 and json.loads(file.read_text())["result"]["seconds"] == 2.0


def test_what_is_named_twice_is_one_run(make_folder, monkeypatch):
    collection = read_collection(make_folder(train=4, test=2))
    monkeypatch.setattr(
        "course_utils.experiments.compare.run",
        lambda flavour, birds, model, seed: result(images_per_class=len(birds.train) // 3, seed=seed),
    )
    found = compare(collection, flavours=["scratch", "scratch"], images_per_class=[2, 2, None, 3], seeds=2)
    assert [(r.images_per_class, r.seed) for r in found.results] == [(2, 0), (2, 1), (3, 0), (3, 1)]


@pytest.mark.parametrize(
    ("changes", "says"), [({"seeds": 1.5}, "seeds is 1.5"), ({"images_per_class": []}, "empty")]
)
def test_a_comparison_of_nothing_is_refused(make_folder, changes, says):
    with pytest.raises(CourseError, match=says):
        compare(read_collection(make_folder(8)), **changes)


def test_folders_are_the_same_in_a_kernel(tmp_path, monkeypatch):
    """A relative COURSE_OUT means the folder it was given in, not one beside the notebook."""
    (tmp_path / "notebooks").mkdir()
    code = "from course_utils import paths\npaths.output_dir(), paths.cache_dir()"
    file = tmp_path / "notebooks" / "01_where.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)]), file)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COURSE_OUT", "mine")
    monkeypatch.setenv("COURSE_CACHE", "cached")
    [run] = run_lessons([file], profile="smoke", out_dir=paths.output_dir())
    shown = nbformat.read(run.output, 4).cells[0].outputs[0].data["text/plain"]
    assert run.ok and str(tmp_path / "mine") in shown and str(tmp_path / "cached") in shown


def test_a_notebook_that_is_none_does_not_stop_the_others(tmp_path):
    good = tmp_path / "02_good.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")]), good)
    bad = []
    for name, content in (("00_a", "no json {"), ("01_b", '{"cells": 3}'), ("01_c", "")):
        bad.append(tmp_path / f"{name}.ipynb")
        bad[-1].write_text(content)
    runs = run_lessons([*bad, good], profile="smoke", out_dir=tmp_path / "out")
    assert [run.ok for run in runs] == [False, False, False, True]
    assert all("is no notebook" in run.error for run in runs[:3])
    assert bad[0].read_text() == "no json {"


def test_a_foreign_file_on_the_scoreboard_is_left_out():
    scoreboard.record("03", result())
    for name, content in (("notes.json", "hello"), ("04-x.json", '{"a": 1}'), ("05-y.json", "[]")):
        (paths.output_dir() / "scoreboard" / name).write_text(content)
    with pytest.warns(UserWarning, match="is no result of a lesson"):
        assert scoreboard.read() == [("03", result())]


def test_names_with_brackets_are_printed_whole(make_folder, monkeypatch):
    monkeypatch.setattr("course_utils.experiments.compare.run", lambda *_: result())
    folder = make_folder(8, name="pics [old] [bold]x")
    found = CliRunner().invoke(app, ["compare", "--data", str(folder), "--flavour", "scratch"])
    assert "pics [old] [bold]x: 24 pictures" in found.output


@pytest.mark.skipif(os.name == "nt", reason="Windows has no process groups to interrupt")
def test_ctrl_c_ends_a_lesson_with_one_word(tmp_path):
    file, begun = tmp_path / "01_long.ipynb", tmp_path / "begun"
    code = f"import pathlib, time\npathlib.Path({str(begun)!r}).touch()\ntime.sleep(300)"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)]), file)
    command = [sys.executable, "-m", "course_utils", "run", str(file)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, start_new_session=True, **pipes) as process:
        for _ in range(1200):
            if begun.exists() or process.poll() is not None:
                break
            time.sleep(0.1)
        os.killpg(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and "Stopped." in out
    assert "Traceback" not in out and "Error" not in out and len(out.splitlines()) < 6


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        pytest.param(
            "os.kill(os.getpid(), signal.SIGINT)",
            130,
            marks=pytest.mark.skipif(os.name == "nt", reason="SIGINT"),
        ),
        ("raise CourseError('no such luck')", 2),
        ("raise RuntimeError('out of memory')", 1),
    ],
)
def test_what_is_finished_is_written_whatever_ends_a_comparison(make_folder, tmp_path, ending, status):
    """Two results stood on the screen, and no file was there."""
    broken_off = f"""
import os, signal
from course_utils import cli
from course_utils.errors import CourseError
from course_utils.experiments import compare

def run(flavour, birds, model, seed, made=[], real=compare.run):
    if len(made) == 2:
        {ending}
    made.append(seed)
    return real(flavour, birds, model, seed)

compare.run = run
cli.main()
"""
    words = [
        "compare",
        "--data",
        make_folder(8),
        "--flavour",
        "linear_probe",
        "--seeds",
        "3",
        "--json",
        tmp_path / "a.json",
    ]
    first = _run_python("-c", broken_off, *words)
    assert first.returncode == status, first.stdout
    assert [run.seed for run in Comparison.load(tmp_path / "a.json").results] == [0, 1]
    last = first.stdout.splitlines()[-1]
    assert f"2 runs are. {tmp_path / 'a.json'} has their results. To go on" in last
    again = _run_python("-c", broken_off, *words, *last.split()[-2:])
    assert again.returncode == 0, again.stdout
    assert len(Comparison.load(tmp_path / "a.json").results) == 3


def _run_python(*words: object) -> subprocess.CompletedProcess[str]:
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "timeout": 300}
    return subprocess.run([sys.executable, *map(str, words)], check=False, **options)
