"""Checkpoints when something is wrong: the file, its place, the metadata, the model."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from course_utils.errors import CourseError
from course_utils.training import load_checkpoint, save_checkpoint
from course_utils.training.checkpoint import _digest


def net(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def header_of(file: Path) -> dict[str, str]:
    with safe_open(file, framework="pt") as opened:
        return opened.metadata()


def refused(file: Path, message: str) -> None:
    """Loading ends in a CourseError and leaves the model as it was."""
    model = net(1)
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(CourseError, match=message):
        load_checkpoint(file, model)
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "metadata.*no JSON"), ("[1]", "is a list; expected a dict"), ("[" * 100_000, "no JSON")],
)
def test_metadata_is_read_before_the_model_is_touched(tmp_path, text, message):
    """Even where the digest is right: a file made by another hand."""
    file = save_checkpoint(tmp_path / "a.safetensors", net())
    state, header = load_file(file), header_of(file)
    save_file(state, file, metadata=header | {"metadata": text, "sha256": _digest(state, text)})
    refused(file, message)


@pytest.mark.parametrize("change", ["edited", "missing", "old format", "no digest"])
def test_a_changed_header_is_noticed(tmp_path, change):
    file = save_checkpoint(tmp_path / "a.safetensors", net(), metadata={"classes": ["jay", "wren"]})
    state, header = load_file(file), header_of(file)
    if change == "edited":
        header["metadata"] = header["metadata"].replace("jay", "owl")
    elif change == "old format":
        header["format"] = header["format"].replace("/2", "/1")
    else:
        del header["metadata" if change == "missing" else "sha256"]
    save_file(state, file, metadata=header)
    refused(file, r"format '.*/1'; expected '.*/2'.*Save it again" if change == "old format" else "digest")


def test_no_single_changed_byte_of_the_header_goes_unnoticed(tmp_path):
    metadata = {"classes": ["jay", "wren"], "accuracy": 0.75}
    file = save_checkpoint(tmp_path / "a.safetensors", net(), metadata=metadata)
    content = file.read_bytes()
    expected, length = net().state_dict(), 8 + int.from_bytes(content[:8], "little")
    for position in range(length):
        changed = bytearray(content)
        changed[position] ^= 1
        file.write_bytes(bytes(changed))
        model = net(1)
        before = copy.deepcopy(model.state_dict())
        try:
            found = load_checkpoint(file, model)
        except CourseError:
            found, expected_now = metadata, before
        else:
            expected_now = expected
        assert found == metadata, position
        assert all(torch.equal(expected_now[k], v) for k, v in model.state_dict().items()), position


def test_a_link_stays_a_link(tmp_path):
    real = save_checkpoint(tmp_path / "store" / "real.safetensors", net(0))
    link, dangling = tmp_path / "best.safetensors", tmp_path / "new.safetensors"
    link.symlink_to(real)
    dangling.symlink_to(Path("store") / "fresh.safetensors")
    for name, n in ((link, 1), (dangling, 2)):
        assert save_checkpoint(name, net(n), metadata={"n": n}) == name
        assert name.is_symlink() and not name.resolve().is_symlink()
        assert load_checkpoint(name, net()) == load_checkpoint(name.resolve(), net()) == {"n": n}
    assert sorted(p.name for p in real.parent.iterdir()) == ["fresh.safetensors", "real.safetensors"]
    assert len(list(tmp_path.iterdir())) == 3


def test_a_place_that_holds_no_file_is_refused(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "to_folder").symlink_to(tmp_path / "folder")
    os.mkfifo(tmp_path / "pipe")  # not /dev/null, which a failure of this test would replace
    (tmp_path / "to_pipe").symlink_to("pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "text").write_text("kept")
    before = sorted(p.name for p in tmp_path.rglob("*"))
    for name, message in {
        "folder": "is a folder; expected a file",
        "to_folder": "is a folder; expected a file",
        "pipe": "is a device or pipe",
        "to_pipe": "is a device or pipe",
        "loop": "leads back to itself",
        "text/inner": "can't be written",
    }.items():
        with pytest.raises(CourseError, match=message):
            save_checkpoint(tmp_path / name, net())
    assert sorted(p.name for p in tmp_path.rglob("*")) == before
    assert (tmp_path / "loop").is_symlink() and (tmp_path / "text").read_text() == "kept"
    assert (tmp_path / "pipe").is_fifo() and (tmp_path / "to_pipe").is_symlink()


def test_a_full_disk_is_said_and_leaves_the_old_file(tmp_path, monkeypatch):
    file = save_checkpoint(tmp_path / "a.safetensors", net(), metadata={"n": 1})

    def full(*_, **__):
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("course_utils.training.checkpoint.save_file", full)
    with pytest.raises(CourseError, match=r"can't be written.*No space left"):
        save_checkpoint(file, net(1))
    assert load_checkpoint(file, net(2)) == {"n": 1} and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"n": 1, "accuracy": torch.tensor(0.5)}, r"metadata\['accuracy'\].*Tensor.*tolist"),
        ({"n": 1, "deep": {"a": [Path("x")]}}, r"metadata\['deep'\].*Path"),
        ({"n": {1, 2}}, r"metadata\['n'\].*set"),
        ({"n": {(1, 2): 3}}, r"metadata\['n'\].*tuple"),
        ({1: "jay"}, "the key 1; expected text"),
    ],
)
def test_metadata_that_json_cannot_hold(tmp_path, metadata, message):
    with pytest.raises(CourseError, match=message):
        save_checkpoint(tmp_path / "new" / "a.safetensors", net(), metadata=metadata)
    assert not list(tmp_path.iterdir())


def test_metadata_that_refers_to_itself(tmp_path):
    loop: dict[str, object] = {}
    loop["loop"] = loop
    with pytest.raises(CourseError, match="Circular"):
        save_checkpoint(tmp_path / "a.safetensors", net(), metadata=loop)


def test_metadata_comes_back_as_it_was(tmp_path):
    metadata = {"ü": "Grünfink \ud800\n", "nothing": None, "inf": float("inf"), "deep": {"a": [1, 2.5, True]}}
    file = save_checkpoint(tmp_path / "a.safetensors", net(), metadata=metadata)
    assert load_checkpoint(file, net()) == metadata
    file = save_checkpoint(file, net(), metadata={"loss": float("nan")})
    assert json.dumps(load_checkpoint(file, net())) == '{"loss": NaN}'


class Tied(nn.Module):
    """One tensor under two names, a view of another, and an empty one."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.one, self.two = nn.Linear(3, 3), nn.Linear(3, 3)
        self.two.weight = self.one.weight
        self.register_buffer("whole", torch.randn(4, 3))
        self.register_buffer("part", self.whole[1:3])
        self.register_buffer("none", torch.zeros(0))


def test_tied_weights_are_saved_and_stay_tied(tmp_path):
    model, other = Tied(0), Tied(1)
    file = save_checkpoint(tmp_path / "a.safetensors", model, metadata={"n": 1})
    assert model.two.weight is model.one.weight
    assert load_checkpoint(file, other) == {"n": 1}
    assert other.two.weight is other.one.weight
    assert all(
        torch.equal(a, b)
        for a, b in zip(model.state_dict().values(), other.state_dict().values(), strict=True)
    )
