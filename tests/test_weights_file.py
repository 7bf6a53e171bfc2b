"""One file with Lite0's weights, which plain timm loads without the course and without a network."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import timm
import torch

from course_utils import cli, paths
from course_utils.errors import CourseError
from course_utils.models import load_pretrained, preprocessing_for
from course_utils.models.packaged import LITE0, Packaged, weights_file

PLAIN = """
import sys
sys.modules["course_utils"] = None
import timm, torch
own = {"file": sys.argv[1]}
for classes in (1000, 4):
    model = timm.create_model("tf_efficientnet_lite0", pretrained=True, pretrained_cfg_overlay=own, num_classes=classes)
    answer = model.eval()(torch.full((1, 3, 64, 64), 0.25))[0]
    print(len(answer), *(f"{x:.4f}" for x in answer[:3].tolist() if classes == 1000))
transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model))
print(transform)
"""


def run(*words, monkeypatch, capsys) -> tuple[int, str]:
    monkeypatch.setattr("sys.argv", ["course", "weights", *words])
    monkeypatch.setattr(cli, "console", cli.Terminal(width=200))
    with pytest.raises(SystemExit) as stop:
        cli.main()
    return int(stop.value.code or 0), capsys.readouterr().out


def test_plain_timm_loads_it_and_answers_as_the_course_does():
    ran = subprocess.run(
        [sys.executable, "-c", PLAIN, weights_file()],
        capture_output=True,
        text=True,
        check=True,
        env={"HF_HUB_OFFLINE": "1"},
    )
    with torch.no_grad():
        expected = load_pretrained(LITE0).eval()(torch.full((1, 3, 64, 64), 0.25))[0]
    said = ran.stdout.splitlines()
    assert said[0].split() == ["1000", *(f"{x:.4f}" for x in expected[:3].tolist())]
    assert said[1] == "4"
    asked = preprocessing_for(LITE0)
    assert f"size={asked.resize_size}, interpolation=bicubic" in ran.stdout
    assert f"size=({asked.crop_size}, {asked.crop_size})" in ran.stdout
    assert "mean=tensor([0.5000, 0.5000, 0.5000])" in ran.stdout


def test_it_is_written_once():
    file = weights_file()
    before = file.stat().st_mtime_ns
    assert weights_file() == file and file.stat().st_mtime_ns == before
    model = timm.create_model("tf_efficientnet_lite0")
    assert file.stat().st_size > 4 * sum(p.numel() for p in model.parameters())


def test_a_write_that_fails_leaves_nothing(monkeypatch):
    def full(_: object, file: Path) -> None:
        file.write_bytes(b"a part")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("course_utils.models.packaged.save_file", full)
        with pytest.raises(CourseError, match="No space left"):
            weights_file()
    assert not list(paths.cache_dir("weights").iterdir())
    assert weights_file().stat().st_size > 1_000_000


def test_the_command_writes_where_it_is_told(tmp_path, monkeypatch, capsys):
    file = tmp_path / "lite0.safetensors"
    assert run(str(file), monkeypatch=monkeypatch, capsys=capsys) == (0, f"{file}\n")
    assert file.read_bytes() == weights_file().read_bytes()
    assert run(monkeypatch=monkeypatch, capsys=capsys) == (0, f"{weights_file()}\n")


def test_what_cannot_be(tmp_path, monkeypatch, capsys):
    status, said = run(str(tmp_path / "no" / "x.safetensors"), monkeypatch=monkeypatch, capsys=capsys)
    assert status == 2 and "there is no folder" in said
    monkeypatch.setattr(Packaged, "file", lambda self: tmp_path / "none.pth")
    with pytest.raises(CourseError, match="is missing"):
        weights_file("efficientnet_lite1")
