"""Naming pictures with a model that travelled: every kind of picture, bad files, tables for machines."""

from __future__ import annotations

import csv
import io
import json
import shutil

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from test_cli import run  # noqa: F401 - a fixture

from conftest import COLOURS, draw, pictures_in
from course_utils.data.collection import read_collection
from course_utils.data.splits import split_collection
from course_utils.deploy.bundle import load_bundle
from course_utils.deploy.predict import as_csv, as_json, predict_files, pretrained_bundle
from course_utils.errors import CourseError
from course_utils.models import preprocessing_for
from course_utils.models.packaged import weights_file


@pytest.fixture
def colours(tmp_path):
    return pictures_in(tmp_path / "colours")


def test_test_pictures_get_the_names_that_were_measured(probe_bundle, colours, monkeypatch):
    """From the files, one by one, as in training from memory."""
    monkeypatch.setenv("COURSE_PRECISION", "fp32")
    bundle = load_bundle(probe_bundle)
    test = split_collection(read_collection(colours), seed=0).test
    named = list(predict_files(bundle, [colours / file for file in test.files]))
    measured = bundle.facts.score("test").answers
    assert [bundle.classes.index(p.answers[0][0]) for p in named] == measured["named"]
    assert [p.answers[0][1] for p in named] == pytest.approx(measured["probability"], abs=1e-3)
    assert test.labels.tolist() == measured["label"]
    assert all(sum(share for _, share in p.answers) == pytest.approx(1) for p in named)
    assert all([*p.answers] == sorted(p.answers, key=lambda answer: -answer[1]) for p in named)


def test_every_kind_of_picture_is_named(probe_bundle, tmp_path):
    kinds = {
        "grey.png": Image.new("L", (30, 30), 99),
        "alpha.png": Image.new("RGBA", (30, 30), (9, 9, 9, 0)),
        "deep.png": Image.fromarray(np.full((30, 30), 40_000, dtype=np.uint16)),
        "cmyk.jpg": Image.new("CMYK", (30, 30)),
        "palette.gif": Image.new("P", (30, 30)),
        "dot.png": Image.new("RGB", (1, 1)),
        "line.png": Image.new("RGB", (3000, 1)),
        "no_suffix": Image.new("RGB", (30, 30)),
    }
    for name, picture in kinds.items():
        picture.save(tmp_path / name, "PNG" if name == "no_suffix" else None)
    found = list(predict_files(load_bundle(probe_bundle), [tmp_path]))
    assert [p.file for p in found] == sorted(str(tmp_path / name) for name in kinds)
    assert not any(p.error for p in found) and all(len(p.answers) == 3 for p in found)


def test_batches_change_no_answer(probe_bundle, colours):
    bundle = load_bundle(probe_bundle)
    files = sorted(colours.rglob("*.png")) * 3
    together = list(predict_files(bundle, files))
    assert [p.file for p in together] == [str(file) for file in files] and len(together) == 72
    for prediction in together[::17]:
        (alone,) = predict_files(bundle, [prediction.file], top=2)
        assert len(alone.answers) == 2
        for (name, share), (other, expected) in zip(alone.answers, prediction.answers, strict=False):
            assert name == other and share == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("form", ["", "--json", "--csv"])
def test_bad_files_are_named_and_the_others_too(run, probe_bundle, tmp_path, form):  # noqa: F811
    folder = tmp_path / 'a, "b"'
    draw(folder / "good.png", COLOURS["jay"], 1)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    (folder / "phone.heic").write_bytes(b"....ftypheic")
    (folder / "gone.png").symlink_to(tmp_path / "nowhere")
    (folder / "notes.txt").write_text("no picture")
    words = ["predict", str(probe_bundle), str(folder), str(tmp_path / "missing.png")]
    status, out = run(*words, *([form] if form else []))
    assert status == 1
    if form == "--json":
        found = {entry["file"].rpartition("/")[2]: entry for entry in json.loads(out)}
        assert set(found["good.png"]) == {"file", "answers"} and len(found["good.png"]["answers"]) == 3
        errors = {name: entry.get("error", "") for name, entry in found.items()}
    elif form == "--csv":
        rows = list(csv.DictReader(io.StringIO(out)))
        errors = {row["file"].rpartition("/")[2]: row["error"] for row in rows}
        assert (
            rows[2]["name_1"] in COLOURS and float(rows[2]["probability_1"]) > 0.3 and not rows[2]["name_4"]
        )
    else:
        errors = {line.partition(": ")[0].rpartition("/")[2]: line for line in out.splitlines()}
    assert len(errors) == 5 and "notes.txt" not in errors
    for name, says in (
        ("broken.jpg", "not a picture|damaged"),
        ("phone.heic", "convert them to JPEG"),
        ("gone.png", "lead nowhere"),
    ):
        assert any(part in errors[name] for part in says.split("|"))
    assert "is not there" in errors["missing.png"]
    assert run(*words[:2], str(folder / "good.png"))[0] == 0


def test_imagenet_weights_as_they_are(run, tmp_path):  # noqa: F811
    """The same as plain timm, on the picture as plain torchvision prepares it."""
    from torchvision.transforms import v2

    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 260, 3), dtype=np.uint8))
    picture.save(tmp_path / "noise.png")
    file = {"file": str(weights_file())}
    model = timm.create_model("tf_efficientnet_lite0", pretrained=True, pretrained_cfg_overlay=file).eval()
    p = preprocessing_for("efficientnet_lite0")
    plain = v2.Compose([
        v2.Resize(p.resize_size, v2.InterpolationMode.BICUBIC), v2.CenterCrop(p.crop_size), v2.ToImage(),
        v2.ToDtype(torch.float32, scale=True), v2.Normalize(p.mean, p.std),
    ])  # fmt: skip
    with torch.no_grad():
        share, place = model(plain(picture)[None]).softmax(1).max(1)
    bundle = pretrained_bundle("efficientnet_lite0")
    ((name, found), *_) = next(predict_files(bundle, [tmp_path / "noise.png"])).answers
    assert (name, found) == (bundle.classes[place], pytest.approx(share.item(), abs=0.05))
    status, out = run(
        "predict", "--pretrained", "efficientnet_lite0", str(tmp_path / "noise.png"), "--top", "1"
    )
    assert status == 0 and f"noise.png: {name} " in out


def test_what_cannot_be_predicted_is_one_message(run, probe_bundle, colours, tmp_path):  # noqa: F811
    for words, message in (
        ([str(probe_bundle)], "There are no pictures to name"),
        ([str(colours), str(colours)], "is no bundle: it has no bundle.json"),
        ([str(tmp_path / "nothing"), "x.png"], "is no bundle"),
        (["--pretrained", "resnet-50", "x.png"], "Nearest: resnet50"),
    ):
        status, out = run("predict", *words)
        assert status == 2 and message in " ".join(out.split())


def test_an_empty_folder_and_a_folder_in_circles(probe_bundle, tmp_path):
    bundle = load_bundle(probe_bundle)
    assert (
        list(predict_files(bundle, [])) == [] and as_json([]) == "[]" and as_csv([], top=1).count("\n") == 1
    )
    (tmp_path / "empty").mkdir()
    (tmp_path / "round").symlink_to(tmp_path)
    assert [p.file for p in predict_files(bundle, [tmp_path])] == [str(tmp_path / "round")]


def test_a_model_of_many_names_gives_as_many_as_were_asked_for(probe_bundle, colours):
    shutil.rmtree(colours / "jay")
    found = list(predict_files(load_bundle(probe_bundle), [colours], top=99))
    assert len(found) == 16 and all(len(p.answers) == 3 for p in found)
    with pytest.raises(CourseError, match="There is no model"):
        pretrained_bundle("resnet")
