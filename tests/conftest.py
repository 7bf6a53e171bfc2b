"""Small, fast data that every test can have for itself."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from pathlib import Path

import jupytext
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from course_utils.data import BirdSplits
from course_utils.data.collection import Collection, read_collection
from course_utils.data.splits import split_collection

SHARED_BIRDS = Path(__file__).resolve().parents[2] / "shared" / "real-birds" / "CUB_200_2011.tgz"
SCAN_SIDE = 24
COLOURS = {"finch": (200, 60, 60), "jay": (60, 60, 200), "wren": (60, 180, 60)}


def draw(path: Path, colour: tuple[int, int, int], seed: int, size: tuple[int, int] = (40, 36)) -> Path:
    """A noisy picture of one colour."""
    noise = np.random.default_rng(seed).normal(0, 25, (size[1], size[0], 3))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(noise + colour, 0, 255).astype(np.uint8)).save(path)
    return path


@lru_cache(maxsize=1)
def bundled_pictures() -> Collection:
    """The bundled birds, decoded once for all tests of a process."""
    return read_collection("fieldguide")


def bundled_birds(**options: int) -> BirdSplits:
    """What ``load_birds("fieldguide", ...)`` gives."""
    return split_collection(bundled_pictures(), **options)


def defined_in(lesson: Path, names: dict, *wanted: str) -> dict:
    """``names``, and what those cells of a lesson define that define these functions; what they do besides is left out."""
    for cell in jupytext.read(lesson).cells:
        if cell.cell_type == "code" and any(f"\ndef {name}(" in f"\n{cell.source}" for name in wanted):
            lines = cell.source.splitlines()
            end = max(i for i, line in enumerate(lines) if line.startswith("    ")) + 1
            exec("\n".join(lines[:end]), names)
    return names


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Path]:
    """Build an ImageFolder: ``make_folder(train=6, test=3)`` or, without splits, ``make_folder(8)``."""

    def build(number: int | None = None, *, name: str = "pictures", **splits: int) -> Path:
        root, seed = tmp_path / name, 0
        for split, n in (splits or {"": number}).items():
            for species, colour in COLOURS.items():
                for i in range(n):
                    seed += 1
                    draw(root / split / species / f"{species}_{i:02d}.png", colour, seed)
        return root

    return build


@pytest.fixture
def cub_folder(tmp_path: Path) -> Path:
    """Three species in the official layout of CUB-200-2011: 5 train and 3 test pictures each."""
    root = tmp_path / "CUB_200_2011"
    images, labels, split, number = [], [], [], 0
    for class_id, (species, colour) in enumerate(COLOURS.items(), start=1):
        for i in range(8):
            number += 1
            name = f"{class_id:03d}.{species}/{species}_{i}.jpg"
            draw(root / "images" / name, colour, number)
            images.append(f"{number} {name}")
            labels.append(f"{number} {class_id}")
            split.append(f"{number} {int(i < 5)}")
    classes = [f"{i} {i:03d}.{species}" for i, species in enumerate(COLOURS, start=1)]
    for file, lines in (
        ("images.txt", images),
        ("image_class_labels.txt", labels),
        ("train_test_split.txt", split),
        ("classes.txt", classes),
    ):
        (root / file).write_text("\n".join(lines) + "\n")
    return root


@pytest.fixture
def scan_folder(tmp_path: Path) -> Path:
    """Ten patients with three studies in train, two patients in each other split; every second one is ill."""
    rng, rows = np.random.default_rng(0), []
    for split, patients in (("train", 10), ("val", 2), ("test", 2), ("elsewhere", 2)):
        for k in range(patients):
            for study in (1, 2, 3):
                path = f"{split}/{split}{k}_{study}.png"
                file = tmp_path / path
                file.parent.mkdir(exist_ok=True)
                Image.fromarray(rng.integers(0, 255, (SCAN_SIDE, SCAN_SIDE), np.uint8)).save(file)
                anomaly = "nodule" if k % 2 and study > 1 else ""
                if anomaly:
                    mask = tmp_path / "masks" / path
                    mask.parent.mkdir(exist_ok=True, parents=True)
                    Image.fromarray(np.eye(SCAN_SIDE) > 0).save(mask)
                rows.append(
                    (path, split, f"{split}{k}", study, "C" if split == "elsewhere" else "A", anomaly)
                )
    table = pd.DataFrame(rows, columns=["path", "split", "patient", "study", "scanner", "anomaly"])
    table["detectability"] = np.where(table.anomaly == "", "", "3.5")
    table.to_csv(tmp_path / "studies.csv", index=False)
    return tmp_path


@pytest.fixture
def file_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], str]]:
    """Serve a folder on this machine: gives its address; every server ends with the test."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(http.server.SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    servers = []

    def serve(folder: Path) -> str:
        handler = partial(http.server.SimpleHTTPRequestHandler, directory=folder)
        servers.append(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def pictures_in(root: Path) -> Path:
    """Three classes of eight pictures."""
    for seed, (species, colour) in enumerate(COLOURS.items()):
        for i in range(8):
            draw(root / species / f"{i}.png", colour, 100 * seed + i)
    return root


@pytest.fixture(scope="session")
def probe_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of a linear probe, trained on three colours in the profile smoke."""
    from course_utils.data.collection import read_collection
    from course_utils.deploy.train import Request, train_bundle
    from course_utils.experiments.flavours import FLAVOURS

    out, said = tmp_path_factory.mktemp("models") / "probe", []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_PROFILE", "smoke")
        patch.setenv("COURSE_PRECISION", "fp32")
        patch.setenv("COURSE_CACHE", str(tmp_path_factory.mktemp("cache")))
        pictures = read_collection(pictures_in(tmp_path_factory.mktemp("data") / "colours"))
        train_bundle(out, pictures, Request(FLAVOURS["linear_probe"], "efficientnet_lite0"), say=said.append)
    assert said[0].startswith("About ")
    return out
