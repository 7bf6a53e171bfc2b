"""MedMNIST's sets as the course loads them, from a server of our own: what arrives, and each way it can fail."""

from __future__ import annotations

import hashlib
import http.server
import importlib
import io
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import torch
from medmnist import INFO

from course_utils.data.medical import load_medmnist
from course_utils.errors import CourseError

COUNTS = {"train": 7, "val": 3, "test": 4}
SIZES = {28: "", 64: "_64", 128: "_128", 224: "_224"}


def arrays_of(side: int, classes: int, channels: int = 1) -> dict[str, np.ndarray]:
    """Arrays of the form MedMNIST has in its files."""
    rng, arrays = np.random.default_rng(side), {}
    for split, n in COUNTS.items():
        shape = (n, side, side) if channels == 1 else (n, side, side, channels)
        arrays[f"{split}_images"] = rng.integers(0, 256, shape, dtype=np.uint8)
        arrays[f"{split}_labels"] = (np.arange(n, dtype=np.uint8) % classes)[:, None]
    return arrays


class Server(http.server.ThreadingHTTPServer):
    """Serves what is in ``files`` and notes every request; a file in ``cut_short`` arrives by half."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.cut_short: set[str] = set()
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        name = urlsplit(self.path).path[1:]
        self.server.requests.append(name)
        if name not in self.server.files:
            self.send_error(404)
            return
        content = self.server.files[name]
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if name in self.server.cut_short else content)

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """PneumoniaMNIST (grey; 28, 64 px) and BloodMNIST (colour; 64 px), small; MedMNIST's addresses lead to it."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    own = Server()
    for name, side, channels in (("pneumoniamnist", 28, 1), ("pneumoniamnist", 64, 1), ("bloodmnist", 64, 3)):
        stream, suffix = io.BytesIO(), SIZES[side]
        np.savez_compressed(stream, **arrays_of(side, len(INFO[name]["label"]), channels))
        file, content = f"{name}{suffix}.npz", stream.getvalue()
        own.files[file] = content
        monkeypatch.setitem(
            INFO[name], f"url{suffix}", f"http://127.0.0.1:{own.server_port}/{file}?download=1"
        )
        monkeypatch.setitem(INFO[name], f"MD5{suffix}", hashlib.md5(content).hexdigest())
    yield own
    own.stop()


def test_grey_pictures(server: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    splits = load_medmnist(folder=tmp_path)
    wanted = arrays_of(64, 2)
    assert [images.split for images in splits] == ["train", "val", "test"]
    assert list(splits) == [splits.train, splits.val, splits.test]
    for images in splits:
        n, pictures = COUNTS[images.split], wanted[f"{images.split}_images"]
        assert images.data == "pneumoniamnist"
        assert images.classes == ("normal", "pneumonia")
        assert images.pixels.shape == (n, 1, 64, 64)
        assert images.pixels.dtype == torch.uint8
        assert np.array_equal(images.pixels[:, 0].numpy(), pictures)
        assert images.labels.dtype == torch.int64
        assert images.labels.tolist() == [k % 2 for k in range(n)]
        assert images.files[2] == f"{images.split}/00002"
        assert images.hashes == tuple(hashlib.sha256(p.tobytes()).hexdigest() for p in pictures)
    assert splits.licence == "CC BY 4.0"
    assert "pediatric chest X-Ray" in splits.description
    assert [file.name for file in tmp_path.iterdir()] == ["pneumoniamnist_64.npz"]
    assert capfd.readouterr().out == ""


def test_colour_pictures(server: Server, tmp_path: Path):
    splits = load_medmnist("bloodmnist", folder=tmp_path)
    pictures = arrays_of(64, 8, 3)["val_images"]
    assert splits.val.pixels.shape == (3, 3, 64, 64)
    assert splits.val.pixels.is_contiguous()
    assert np.array_equal(splits.val.pixels.permute(0, 2, 3, 1).numpy(), pictures)
    assert splits.val.hashes[0] == hashlib.sha256(pictures[0].tobytes()).hexdigest()
    assert splits.val.classes[:3] == ("basophil", "eosinophil", "erythroblast")
    assert len(splits.val.classes) == 8


def test_classes_are_in_the_order_of_their_numbers(server: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(INFO["bloodmnist"], "label", {str(k): f"cell {k}" for k in reversed(range(11))})
    assert load_medmnist("bloodmnist").train.classes == tuple(f"cell {k}" for k in range(11))


def test_the_smallest_size_has_no_suffix(server: Server, tmp_path: Path):
    assert load_medmnist(size=28, folder=tmp_path).test.pixels.shape == (4, 1, 28, 28)
    assert (tmp_path / "pneumoniamnist.npz").is_file()


def test_a_file_is_downloaded_once_and_then_needs_no_network(server: Server):
    first = load_medmnist()
    asked = list(server.requests)
    assert asked == ["pneumoniamnist_64.npz"]
    server.stop()
    assert load_medmnist().train.fingerprint == first.train.fingerprint
    assert server.requests == asked


def test_downloads_go_to_the_cache(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    load_medmnist()
    assert (tmp_path / "medmnist" / "pneumoniamnist_64.npz").is_file()


def test_a_file_put_in_place_by_hand(server: Server, tmp_path: Path):
    (tmp_path / "pneumoniamnist_64.npz").write_bytes(server.files["pneumoniamnist_64.npz"])
    server.stop()
    assert len(load_medmnist(folder=tmp_path).train) == 7


def test_without_a_network(server: Server, tmp_path: Path):
    server.stop()
    with pytest.raises(CourseError) as caught:
        load_medmnist(folder=tmp_path)
    message = str(caught.value)
    assert f"pneumoniamnist_64.npz is missing in {tmp_path} and can't be downloaded now" in message
    assert f"fetch http://127.0.0.1:{server.server_port}/pneumoniamnist_64.npz?download=1" in message
    assert "refused" in message
    assert "put it there as pneumoniamnist_64.npz" in message
    assert "load_scans()" in message
    assert not list(tmp_path.iterdir())


def test_the_server_has_no_such_file(server: Server, tmp_path: Path):
    del server.files["pneumoniamnist_64.npz"]
    with pytest.raises(CourseError, match=r"can't be downloaded now \(HTTP Error 404.*load_scans"):
        load_medmnist(folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_something_else_arrives_and_then_the_file(server: Server, tmp_path: Path):
    good = server.files["pneumoniamnist_64.npz"]
    bad = server.files["pneumoniamnist_64.npz"] = b"<html>log in first</html>"
    found, expected = (hashlib.md5(content).hexdigest() for content in (bad, good))
    with pytest.raises(CourseError, match=f"has the MD5 {found}; expected {expected}.*Try again"):
        load_medmnist(folder=tmp_path)
    assert not list(tmp_path.iterdir())
    server.files["pneumoniamnist_64.npz"] = good
    assert len(load_medmnist(folder=tmp_path).train) == 7


def test_half_a_file_arrives(server: Server, tmp_path: Path):
    server.cut_short.add("pneumoniamnist_64.npz")
    with pytest.raises(CourseError, match=r"pneumoniamnist_64\.npz"):
        load_medmnist(folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_damaged_file_in_place_is_never_read_and_gets_replaced(server: Server, tmp_path: Path):
    file, good = tmp_path / "pneumoniamnist_64.npz", server.files["pneumoniamnist_64.npz"]
    file.write_bytes(good[:-10])
    server.files.clear()
    with pytest.raises(CourseError, match=r"pneumoniamnist_64\.npz is damaged in .* can't be downloaded now"):
        load_medmnist(folder=tmp_path)
    server.files[file.name] = good
    assert len(load_medmnist(folder=tmp_path).train) == 7
    assert file.read_bytes() == good


def test_a_folder_that_cannot_be(server: Server, tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(CourseError, match="can't be downloaded now"):
        load_medmnist(folder=tmp_path / "file" / "below")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("pneumonia", "no set of MedMNIST"),
        ("chestmnist", "a set for another task (multi-label, binary-class)"),
        ("retinamnist", "a set for another task (ordinal-regression)"),
        ("organmnist3d", "a set of volumes (3-D)"),
    ],
)
def test_a_set_that_cannot_be_loaded(name: str, found: str):
    with pytest.raises(CourseError, match=re.escape(f"'{name}' is {found}; expected")) as caught:
        load_medmnist(name)
    listed = str(caught.value).rpartition(": ")[2].rstrip(".").split(", ")
    assert {"pneumoniamnist", "bloodmnist", "breastmnist"} <= set(listed)
    assert not {"chestmnist", "retinamnist", "organmnist3d"} & set(listed)


@pytest.mark.parametrize("size", [0, 32, 256])
def test_a_size_that_medmnist_does_not_have(size: int):
    with pytest.raises(CourseError, match=rf"size is {size}; .* of 'pneumoniamnist': 28, 64, 128, 224\."):
        load_medmnist(size=size)


def test_a_package_too_old_for_large_sizes(monkeypatch: pytest.MonkeyPatch):
    for key in [key for key in INFO["pneumoniamnist"] if re.search(r"_\d+$", key)]:
        monkeypatch.delitem(INFO["pneumoniamnist"], key)
    with pytest.raises(CourseError, match=r"size is 64; .*: 28\."):
        load_medmnist()


def test_without_the_package(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "medmnist", None)
    monkeypatch.delitem(sys.modules, "course_utils.data.medical")
    medical = importlib.import_module("course_utils.data.medical")
    with pytest.raises(CourseError, match=r'pip install "medmnist>=3".*load_scans'):
        medical.load_medmnist()
