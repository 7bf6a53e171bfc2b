"""take_home/finetune.py: the file that a learner keeps, run as a learner runs it, on a few of the bundled birds."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torchvision import models

from course_utils.models.packaged import weights_file

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "take_home" / "finetune.py"
LITE0 = ("--model", "tf_efficientnet_lite0", "--weights", str(weights_file()))
SCRATCH = ("--model", "resnet18", "--weights", "none", "--side", "64", "--epochs", "2")
MOST_LINES = 120


@pytest.fixture(scope="module")
def birds(tmp_path_factory):
    """Ten pictures of each of three species that differ at first sight."""
    top = tmp_path_factory.mktemp("birds")
    for species in ("Citrine_Leafling", "Pale_Shorelet", "Slate_Windfalcon"):
        (top / species).mkdir()
        for file in sorted((ROOT / "data" / "fieldguide" / "train" / species).iterdir())[:10]:
            shutil.copy(file, top / species)
    return top


@pytest.fixture
def finetune(tmp_path, monkeypatch, capsys):
    """Run the file in an empty folder; what it says, or complains of."""

    def run(*arguments, fails: bool = False) -> str:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", [FILE.name, *map(str, arguments)])
        ended = pytest.raises(SystemExit, match=r"^1$") if fails else nullcontext()
        with ended:
            runpy.run_path(str(FILE), run_name="__main__")
        said = capsys.readouterr()
        return said.err if fails else said.out

    return run


def val_accuracy(said: str) -> float:
    return float(re.search(r"holds the best epoch: ([\d.]+)% of 6 val pictures", said)[1])


def test_it_is_one_short_file_that_needs_nothing_of_the_course():
    source = FILE.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= MOST_LINES and "course_utils" not in source


def test_it_runs_where_the_course_is_not(birds, tmp_path):
    run = f"import sys, runpy; sys.modules['course_utils'] = None; runpy.run_path({str(FILE)!r}, run_name='__main__')"
    command = [sys.executable, "-W", "error", "-c", run, str(birds), *SCRATCH]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert "epoch 2, 100%, loss" in said and val_accuracy(said) >= 0


def test_from_scratch_and_names_a_picture(birds, tmp_path, finetune):
    finetune(birds, *SCRATCH)
    saved = torch.load(tmp_path / "model.pt", weights_only=True)
    assert saved["classes"] == ["Citrine_Leafling", "Pale_Shorelet", "Slate_Windfalcon"]
    picture = next((birds / "Pale_Shorelet").iterdir())
    assert re.fullmatch(
        r"(Citrine_Leafling|Pale_Shorelet|Slate_Windfalcon) \(\d+%\)\n",
        finetune(picture, "--name", "model.pt"),
    )


def test_the_head_alone_learns_from_the_weights_file_of_lesson_0(birds, tmp_path, finetune):
    said = finetune(birds, *LITE0, "--train", "head", "--out", "head.pt", "--lr", "0.01")
    assert val_accuracy(said) > 60
    body = torch.load(tmp_path / "head.pt", weights_only=True)["state"]
    own = load_file(weights_file())
    assert all(torch.equal(body[name], own[name]) for name in own if not name.startswith("classifier"))
    right = [
        finetune(next((birds / species).iterdir()), "--name", "head.pt").startswith(species)
        for species in ("Citrine_Leafling", "Pale_Shorelet", "Slate_Windfalcon")
    ]
    assert sum(right) >= 2


def test_all_of_it_trains_and_batch_norm_keeps_its_statistics(birds, tmp_path, finetune):
    finetune(birds, *LITE0, "--epochs", "1", "--side", "96")
    own, tuned = load_file(weights_file()), torch.load(tmp_path / "model.pt", weights_only=True)["state"]
    assert torch.equal(own["bn1.running_mean"], tuned["bn1.running_mean"])
    assert not torch.equal(own["conv_stem.weight"], tuned["conv_stem.weight"])


def test_a_file_of_torchvisions_weights(birds, tmp_path, finetune):
    torch.save(models.resnet18().state_dict(), tmp_path / "resnet18.pth")
    some = ("--model", "resnet18", "--side", "64", "--epochs", "1")
    assert "holds the best" in finetune(birds, *some, "--weights", "resnet18.pth")


def test_a_seed_splits_alike_whatever_the_model(birds, finetune, monkeypatch):
    """And val has pictures of every class."""
    shown = []
    real = torch.utils.data.Subset.__init__
    monkeypatch.setattr(
        torch.utils.data.Subset,
        "__init__",
        lambda self, data, rows: (shown.append(rows), real(self, data, rows))[1],
    )
    for model in ("resnet18", "mobilenet_v3_small"):
        finetune(birds, "--model", model, "--weights", "none", "--side", "64", "--epochs", "1")
    first, second = shown[:2], shown[2:]
    assert first == second and len(first[1]) == 6
    assert {row // 10 for row in first[1]} == {0, 1, 2} and not set(first[0]) & set(first[1])


def test_a_photo_that_was_held_upright_is_read_upright(tmp_path):
    read = runpy.run_path(str(FILE))["read"]
    sideways = Image.new("RGB", (40, 20))
    exif = Image.Exif()
    exif[0x0112] = 6
    sideways.save(tmp_path / "a.jpg", exif=exif)
    assert read(tmp_path / "a.jpg").size == (20, 40)


PROBLEMS = {
    "nowhere": "No such file or directory: 'nowhere'",
    "birds --model resnet18 --weights birds.jpg": "birds.jpg can't be read (UnpicklingError): is it there, and whole?",
    "birds --model resnet18 --weights gone.pth": "gone.pth can't be read (FileNotFoundError)",
    "birds --model resnet18 --weights vgg11.pth": "Error(s) in loading state_dict for ResNet: Missing key(s)",
    "birds --model squeezenet1_0 --weights none": "squeezenet1_0 does not end in a linear layer",
    "birds --model resnet8000 --weights none": "Unknown model (resnet8000)",
    "single --weights none --model resnet18": "Expected 2 or more folders of 5 or more pictures",
    "birds --weights none --model resnet18 --side 64 --lr 1e30": "The loss is no number any more. Try a smaller --lr.",
    "damaged --weights none --model resnet18 --side 64": "b.jpg can't be read (OSError): is it there, and whole?",
    "birds.jpg --name gone.pt": "gone.pt can't be read (FileNotFoundError)",
}


@pytest.mark.parametrize("arguments", PROBLEMS)
def test_a_problem_is_one_sentence(arguments, birds, tmp_path, finetune):
    (tmp_path / "birds").symlink_to(birds, target_is_directory=True)
    (tmp_path / "birds.jpg").write_text("no picture")
    for folder, classes in {"single": ["one"], "damaged": ["one", "two"]}.items():
        for name in classes:
            (tmp_path / folder / name).mkdir(parents=True)
            for file in "abcde":
                Image.effect_noise((80, 80), 50).save(tmp_path / folder / name / f"{file}.jpg")
    whole = (tmp_path / "damaged" / "two" / "b.jpg").read_bytes()
    (tmp_path / "damaged" / "two" / "b.jpg").write_bytes(whole[: len(whole) // 2])
    torch.save({"features.0.weight": torch.ones(1)}, tmp_path / "vgg11.pth")
    said = finetune(*arguments.split(), fails=True)
    assert said.startswith("finetune.py: ") and PROBLEMS[arguments] in said and said.count("\n") == 1
