"""The cheat sheet: its code runs from top to bottom, its table is right, it fits on two sides of a page."""

from __future__ import annotations

import re
import shutil
from html import unescape
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn
from torchvision import models

from course_utils import paths
from course_utils.models.packaged import weights_file

ROOT = Path(__file__).resolve().parents[1]
SHEET = ROOT / "docs" / "cheatsheet.html"
PAGE = SHEET.read_text(encoding="utf-8")
BLOCKS = [unescape(block).strip() for block in re.findall(r"<pre>(.*?)</pre>", PAGE, re.DOTALL)]
HEADS = {
    "ResNet": "resnet18",
    "RegNet": "regnet_y_400mf",
    "VGG": "vgg11",
    "AlexNet": "alexnet",
    "MobileNet": "mobilenet_v3_small",
    "EfficientNet": "efficientnet_b0",
    "DenseNet": "densenet121",
    "ConvNeXt": "convnext_tiny",
    "ViT": "vit_b_16",
    "Swin": "swin_t",
}


@pytest.fixture
def desk(tmp_path, monkeypatch) -> Path:
    """A folder with what the sheet's code expects: a photo, pictures of three kinds, files with weights."""
    Image.new("RGB", (300, 260), "olive").save(tmp_path / "photo.jpg")
    for split, number in (("train", 6), ("val", 3), ("test", 3)):
        for species in sorted((paths.data_dir() / "fieldguide" / split).iterdir())[:3]:
            folder = tmp_path / "my_pictures" / split / species.name
            folder.mkdir(parents=True)
            for file in sorted(species.iterdir())[:number]:
                shutil.copy(file, folder)
    shutil.copy(weights_file(), tmp_path / "lite0.safetensors")
    checkpoints = tmp_path / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True)
    torch.manual_seed(0)
    name = models.ResNet18_Weights.DEFAULT.url.rpartition("/")[2]
    torch.save(models.resnet18().state_dict(), checkpoints / name)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.long
def test_the_code_runs_from_top_to_bottom(desk, capsys):
    torch.manual_seed(0)
    names: dict = {"__name__": "sheet"}
    for block in BLOCKS:
        exec(compile(block, "cheatsheet", "exec"), names)
    said = capsys.readouterr().out
    assert len(re.findall(r"^\d\.\d%|^\d\d\.\d% \w", said, re.MULTILINE)) >= 5  # five names of the photo
    assert len(re.findall(r"^\d \d+\.\d% on val$", said, re.MULTILINE)) == names["epochs"]
    loss, guess = re.search(r"([0-9.]+) should be near ([0-9.]+)", said).groups()
    assert abs(float(loss) - float(guess)) < 1
    assert re.search(r"^test: \d+\.\d%, give or take \d+\.\d%$", said, re.MULTILINE)
    model, again = names["model"].eval(), names["again"]
    trained = {name.split(".")[0] for name, p in model.named_parameters() if p.requires_grad}
    assert trained == {"layer3", "layer4", "fc"}
    x = names["x"]
    assert torch.equal(model(x), again(x)) and model(x).shape[1] == 3
    rates = {len(group["params"]): group["initial_lr"] for group in names["optimizer"].param_groups}
    assert rates[2] == max(rates.values())


def test_train_mode_lets_frozen_statistics_rest(desk):
    names: dict = {"__name__": "sheet"}
    for block in BLOCKS[: 1 + next(i for i, block in enumerate(BLOCKS) if "def train_mode" in block)]:
        exec(compile(block, "cheatsheet", "exec"), names)
    model = names["model"]
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    names["train_mode"](model)
    model(torch.rand(2, 3, 64, 64))
    assert model.training and all(torch.equal(before[n], t) for n, t in model.state_dict().items())
    model.train()
    model(torch.rand(2, 3, 64, 64))
    assert not all(torch.equal(before[n], t) for n, t in model.state_dict().items())


def test_heads_are_where_the_table_says():
    rows = re.findall(r"<tr><td>([^<]+)</td><td><code>(model[^<]+)</code></td></tr>", PAGE)
    told = {name: place for names, place in rows for name in names.split(", ")}
    assert set(told) == set(HEADS)
    for name, place in told.items():
        computes = name in ("RegNet", "Swin")  # while it is built
        with torch.device("cpu" if computes else "meta"):
            model = models.get_model(HEADS[name])
        head = eval(place, {"model": model})
        linear = [part for part in model.modules() if isinstance(part, nn.Linear)]
        assert head is linear[-1] and head.out_features == 1000, name


def test_timm_s_own_words_for_the_head():
    import timm

    model = timm.create_model("tf_efficientnet_lite0")
    assert model.get_classifier() is model.classifier
    model.reset_classifier(5)
    assert model.get_classifier().out_features == 5
    assert "model.get_classifier()" in PAGE and "model.reset_classifier(n)" in PAGE


def needs_a_browser():
    cheatsheet = pytest.importorskip("cheatsheet", reason="playwright is not installed")
    if not any(map(shutil.which, cheatsheet.BROWSERS)):
        pytest.skip("There is no chromium here: the cheat sheet is not printed.")
    return cheatsheet


def test_it_prints_on_two_sides(tmp_path):
    cheatsheet = needs_a_browser()
    file = tmp_path / "new" / "sheet.pdf"
    cheatsheet.print_sheet(file)
    content = file.read_bytes()
    assert content.startswith(b"%PDF") and len(re.findall(rb"/Type\s*/Page\b", content)) == 2


def test_what_does_not_fit_is_noticed(tmp_path):
    cheatsheet = needs_a_browser()
    full = tmp_path / "full.html"
    full.write_text(PAGE.replace("model.eval()", "model.eval()" + "\n" * 90, 1), encoding="utf-8")
    with pytest.raises(SystemExit, match="too full"):
        cheatsheet.print_sheet(tmp_path / "full.pdf", full)
    wide = tmp_path / "wide.html"
    wide.write_text(PAGE.replace("model.eval()", "model.eval()" + "  # word" * 12, 1), encoding="utf-8")
    with pytest.raises(SystemExit, match="cut off begins with"):
        cheatsheet.print_sheet(tmp_path / "wide.pdf", wide)
    assert not list(tmp_path.glob("*.pdf"))
