"""A model for engines without PyTorch: the same answers, all that must be known with it, and what each engine is worth."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image
from test_cli import run  # noqa: F401 - a fixture

from conftest import pictures_in
from course_utils.data.collection import read_collection
from course_utils.deploy import export as exporting
from course_utils.deploy.bundle import load_bundle
from course_utils.errors import CourseError


@pytest.fixture(scope="module")
def exported(probe_bundle, tmp_path_factory) -> Path:
    """A copy of the bundle with its ONNX file."""
    folder = Path(shutil.copytree(probe_bundle, tmp_path_factory.mktemp("exported") / "probe"))
    assert exporting.export_onnx(load_bundle(folder), folder / "model.onnx") < 0.01  # of logits of a hundred
    return folder


def answers(file: Path, pictures: torch.Tensor) -> torch.Tensor:
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(["logits"], {"pictures": pictures.numpy()})[0])


def test_odd_pictures_get_the_same_logits(exported):
    bundle, rng = load_bundle(exported), np.random.default_rng(0)
    modes = ["L", "RGB", "RGBA", "CMYK", "P", "1", "I;16"]
    sizes = [(1, 1), (3, 700), (64, 64), (300, 200)]
    pictures = []
    for k in range(28):
        width, height = sizes[k % 4]
        noise = Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
        mode = modes[k % 7]
        noise = noise.convert("L").convert("I").convert("I;16") if mode == "I;16" else noise.convert(mode)
        pictures.append(bundle.prepare(noise.convert("RGB")))
    pictures = torch.stack(pictures)
    with torch.no_grad():
        expected = bundle.model(pictures)
    near = 1e-4 * max(1.0, expected.abs().max().item())
    assert (answers(exported / "model.onnx", pictures) - expected).abs().max() < near
    assert (answers(exported / "model.onnx", pictures[:1]) - expected[:1]).abs().max() < near


def test_the_file_says_what_must_be_known(exported):
    bundle, model = load_bundle(exported), onnx.load(exported / "model.onnx")
    told = {entry.key: json.loads(entry.value) for entry in model.metadata_props}
    assert told["classes"] == [*bundle.classes] and told["temperature"] == bundle.temperature
    assert (
        told["preprocessing"]["mean"] == [*bundle.preprocessing.mean]
        and told["preprocessing"]["square_side"] == 256
    )
    (given,) = model.graph.input
    assert given.type.tensor_type.shape.dim[0].dim_param and given.name == "pictures"
    onnx.checker.check_model(model)
    assert load_bundle(exported).name == bundle.name, "a file beside it changes nothing"


def test_the_command_exports_and_measures(run, exported, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setenv("COURSE_PRECISION", "fp32")
    monkeypatch.setattr(exporting, "CALIBRATED_ON", 8)
    colours = pictures_in(tmp_path / "colours")
    status, out = run("export", str(exported), "--onnx", "--int8", "--data", str(colours))
    assert status == 0, out
    assert "model.onnx: its logits differ" in out and "ranges from 8 training pictures" in out
    for name in ("PyTorch fp32", "ONNX fp32", "ONNX int8"):
        (line,) = [line for line in out.splitlines() if line.strip().startswith(name)]
        assert line.count("MB") == 2 and line.count(" ms") == 2 and "%" in line
    assert "int8 names" in out
    assert (exported / "model_int8.onnx").stat().st_size < 0.5 * (exported / "model.onnx").stat().st_size


def test_what_cannot_be_exported_is_one_message(run, exported, probe_bundle, tmp_path, monkeypatch):  # noqa: F811
    other = pictures_in(tmp_path / "other")
    shutil.rmtree(other / "jay")
    for words, message in (
        ([str(exported)], "Say --onnx"),
        ([str(exported), "--onnx", "--int8"], "--int8 needs pictures"),
        ([str(tmp_path), "--onnx"], "is no bundle"),
        ([str(exported), "--onnx", "--data", str(other)], "are not those that the model was trained on"),
    ):
        status, out = run("export", *words)
        assert status == 2 and message in " ".join(out.split())

    def fail(*_, **__):
        raise RuntimeError("an operator that it lacks")

    monkeypatch.setattr(torch.onnx, "export", fail)
    with pytest.raises(CourseError, match=r"can't be exported to ONNX .*an operator that it lacks"):
        exporting.export_onnx(load_bundle(probe_bundle), tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()
    monkeypatch.setattr(exporting, "find_spec", lambda name: None if name == "onnxruntime" else name)
    with pytest.raises(CourseError, match=r"needs onnxruntime\. Install: .* -m pip install onnxruntime"):
        exporting.export_onnx(load_bundle(probe_bundle), tmp_path / "model.onnx")


def test_a_file_that_answers_otherwise_is_not_called_the_same(exported, monkeypatch):
    bundle, file = load_bundle(exported), exported / "model.onnx"
    assert exporting.difference_of(bundle, file) < 0.01
    real = exporting.engine.onnx_engine
    monkeypatch.setattr(exporting.engine, "onnx_engine", lambda file: lambda x: real(file)(x) + 0.1)
    with pytest.raises(CourseError, match="answers otherwise than PyTorch"):
        exporting.difference_of(bundle, file)


def test_training_data_is_known_again_by_its_digest(probe_bundle, tmp_path):
    bundle = load_bundle(probe_bundle)
    train, test = exporting.splits_of(bundle, read_collection(pictures_in(tmp_path / "colours")))
    assert (len(train), len(test)) == (15, 6)
    assert exporting.prepared(bundle, train, 4).shape == (4, 3, 64, 64)
