"""Lesson 10: every line of its table runs, downloads are tried against a server here, it runs without its libraries."""

from __future__ import annotations

import hashlib
import html
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from importlib import metadata
from pathlib import Path

import jupytext
import pytest
import skimage
import timm
import torch
from packaging.requirements import Requirement
from playwright.sync_api import sync_playwright
from safetensors.torch import save_file
from torchvision import models

from course_utils.lessons.other_frameworks.libraries import LIBRARIES
from course_utils.lessons.other_frameworks.table import COLUMNS, STEPS, show_table
from outputs import code_cells

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
LESSON = ROOT / "lessons" / "10_other_frameworks.py"
CAT = Path(skimage.__file__).parent / "data" / "chelsea.png"
SAYS = 282
"""The class that all served weights decide for: tiger cat."""

HUB_NAME = "timm/mobilenetv2_100.ra_in1k"
H5 = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224"
KERAS_FILES = """
import sys
from pathlib import Path
import h5py, keras
from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group
folder, name, says = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
for top in (True, False):
    model = keras.applications.MobileNetV2(weights=None, include_top=top)
    if top:
        kernel, bias = model.layers[-1].get_weights()
        bias[says] = 1e6
        model.layers[-1].set_weights([kernel, bias])
    with h5py.File(folder / f"{name}{'' if top else '_no_top'}.h5", "w") as file:
        save_weights_to_hdf5_group(file, model)
"""
BEFORE = f"""
import os, sys
os.environ["KERAS_BACKEND"] = "torch"
import hashlib, huggingface_hub, numpy as np, safetensors.torch, torch
from pathlib import Path
from PIL import Image
SERVER = os.environ["SERVER"]
from torchvision import models
weights = models.MobileNet_V2_Weights.DEFAULT.value
weights.__dict__["url"] = f"{{SERVER}}/" + os.environ["TORCH_FILE"]
import keras
import keras.src.applications.mobilenet_v2 as mobilenet
import keras.src.applications.imagenet_utils as utils
from keras.src.utils import file_utils
mobilenet.BASE_WEIGHT_PATH = f"{{SERVER}}/"
utils.CLASS_INDEX_PATH = f"{{SERVER}}/imagenet_class_index.json"
picture = Image.open({str(CAT)!r}).convert("RGB")
"""
"""What the lines of the table, and the cells of the lesson, are told: that the weights lie on the server here."""


class Shelf(http.server.SimpleHTTPRequestHandler):
    """Serves files, as a hub does, too: with a commit and an ETag."""

    def end_headers(self) -> None:
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("ETag", f'"{hashlib.sha256(self.path.encode()).hexdigest()}"')
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@pytest.fixture(scope="module")
def shelf(tmp_path_factory) -> Iterator[dict[str, str]]:
    """Where the weights of MobileNetV2 lie in the form of each library, random but for a bias; as environment variables."""
    folder = tmp_path_factory.mktemp("shelf")
    torch.manual_seed(0)
    state = models.mobilenet_v2().state_dict()
    state["classifier.1.bias"][SAYS] = 1e6
    torch.save(state, folder / "whole.pth")
    name = f"mobilenet_v2-{hashlib.sha256((folder / 'whole.pth').read_bytes()).hexdigest()[:8]}.pth"
    (folder / "whole.pth").rename(folder / name)
    on_hub = folder / HUB_NAME / "resolve" / "main"
    on_hub.mkdir(parents=True)
    model = timm.create_model("mobilenetv2_100")
    torch.nn.init.zeros_(model.classifier.bias)
    model.classifier.bias.data[SAYS] = 1e6
    save_file(model.state_dict(), on_hub / "model.safetensors")
    config = {"architecture": "mobilenetv2_100", "num_classes": 1000, "pretrained_cfg": model.pretrained_cfg}
    (on_hub / "config.json").write_text(json.dumps(config))
    run = [sys.executable, "-c", KERAS_FILES, folder, H5, str(SAYS)]
    subprocess.run(run, check=True, env=os.environ | {"KERAS_BACKEND": "torch"}, capture_output=True)
    names = timm.data.ImageNetInfo()
    index = {k: [names.index_to_label_name(k), names.index_to_description(k)] for k in range(1000)}
    (folder / "imagenet_class_index.json").write_text(json.dumps(index))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Shelf, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    yield {"SERVER": address, "HF_ENDPOINT": address, "TORCH_FILE": name}
    server.shutdown()
    server.server_close()


def run_python(code: str, home: Path, shelf: dict[str, str]) -> str:
    """What a program prints, in a process with caches of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "COURSE_"))}
    own = {"TORCH_HOME": str(home / "torch"), "HF_HOME": str(home / "hf"), "KERAS_HOME": str(home / "keras")}
    quiet = {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_XET": "1", "no_proxy": "127.0.0.1"}
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", BEFORE + code],
        cwd=home,
        env={**kept, **own, **quiet, **shelf},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    return ran.stdout


def lines(library: str) -> list[str]:
    """Those of one library, from top to bottom."""
    return [row[COLUMNS.index(library)] for row in STEPS.values()]


PREPARED = {
    "torchvision": "URL, CLASSES = weights.url, 3",
    "timm": f"NAME, CLASSES = {HUB_NAME.removeprefix('timm/')!r}, 3",
    "transformers": f"NAME, FOLDER, CLASSES = {HUB_NAME!r}, 'out', 3\n"
    "rows = [{'pixel_values': torch.randn(3, 64, 64), 'labels': k % 3} for k in range(6)]\n"
    "import timm\nfrom transformers import Trainer, TrainingArguments",
    "Keras": "URL, CLASSES = SERVER + '/imagenet_class_index.json', 3\n"
    "batch, labels = np.random.rand(6, 224, 224, 3), np.arange(6) % 3\n"
    "import urllib.request\n"
    "HASH = hashlib.sha256(urllib.request.urlopen(URL).read()).hexdigest()\n"
    "file_utils.validate_file = lambda *_, **__: True  # Keras' list of names is another file than the one here",
}
"""What the table's lines need that stands above the table, or below it."""

SEEN = """
def bias():
    in_keras = hasattr(model, "get_weights")
    return np.abs(model.get_weights()[-1] if in_keras else list(model.parameters())[-1].detach().numpy())

def statistics():
    if hasattr(model, "get_weights"):
        return [np.array(w) for w in model.layers[0].get_weights()]
    return [b.numpy().copy() for n, b in model.named_buffers() if "running" in n]

def moves(mode=""):
    before = statistics()
    if mode and not hasattr(model, "get_weights"):
        model.train()
    if hasattr(model, "get_weights"):
        model(np.random.rand(4, 224, 224, 3), training=True)
    else:
        model(torch.randn(4, 3, 64, 64))
    return sum(not np.array_equal(a, b) for a, b in zip(before, statistics(), strict=True))
"""
AFTER = {
    "The definition alone": "print('random:', bias().max() < 1e6)",
    "With weights": "print('loaded:', bias().max() == 1e6)",
    "Categories": "print('says', value)",
    "A new head": "print('head', bias().shape)",
    "Freeze the rest": "print('otherwise', moves('train mode'))",
    "BatchNorm, frozen": "print('moves', moves())",
}
"""What is looked at after a line."""


@pytest.mark.parametrize("library", COLUMNS)
def test_each_line_of_the_table_runs_and_does_what_its_row_says(library, shelf, tmp_path):
    """Those of one library run as one program, whose last expressions are looked at."""
    program = [PREPARED[library], SEEN]
    for step, line in zip(STEPS, lines(library), strict=True):
        program += [f"value = {line}" if step == "Categories" else line, AFTER.get(step, "")]
    said = run_python("\n".join(program), tmp_path, shelf)
    still = ("otherwise 0",) if library in ("timm", "Keras") else ()  # there the line above is enough
    assert still or "otherwise 0" not in said, said
    for expected in ("random: True", "loaded: True", "head (3,)", "moves 0", *still):
        assert expected in said, said
    assert "says tiger cat" in said or "'tiger cat'" in said, said


OTHER_BYTES = """
import http.server, threading, urllib.request
import huggingface_hub.constants
class Other(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.do_GET()
    def do_GET(self):
        try:
            content = bytearray(urllib.request.urlopen(SERVER + self.path).read())
        except OSError:
            return self.send_error(404)
        content[-1] ^= 1
        self.send_response(200)
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("ETag", '"x"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Other)
threading.Thread(target=server.serve_forever, daemon=True).start()
there = f"http://127.0.0.1:{server.server_port}"
weights.__dict__["url"] = weights.url.replace(SERVER, there)
mobilenet.BASE_WEIGHT_PATH = f"{there}/"
huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE = there + "/{repo_id}/resolve/{revision}/{filename}"
index = "/imagenet_class_index.json"
HASH = hashlib.sha256(urllib.request.urlopen(SERVER + index).read()).hexdigest()

def attempt(name, line, **names):
    try:
        exec(line, globals() | names)
    except Exception as found:
        print(f"{name}: refused, {found}")
    else:
        print(f"{name}: taken")
"""
"""Serves what the shelf has with one byte changed, so of the same length, and asks the libraries for it."""


def test_what_checks_a_download_is_what_the_table_says(shelf, tmp_path):
    checks = dict(zip(COLUMNS, STEPS["What checks a download"], strict=True))
    loads = dict(zip(COLUMNS, STEPS["With weights"], strict=True))
    program = f"""
import keras
from torchvision import models
attempt("torchvision", {checks["torchvision"]!r}, URL=weights.url)
attempt("torchvision, in one line", {loads["torchvision"]!r})
attempt("the hub", {checks["transformers"]!r}, NAME={HUB_NAME!r})
attempt("Keras, with a hash", {checks["Keras"]!r}, URL=there + index)
attempt("Keras, MobileNetV2", {loads["Keras"]!r})
"""
    said = run_python(OTHER_BYTES + program, tmp_path, shelf)
    for expected in (
        "torchvision: refused, invalid hash value",
        "torchvision, in one line: refused, invalid hash value",
        "the hub: taken",
        "Keras, with a hash: refused, Incomplete or corrupted file detected",
        "Keras, MobileNetV2: taken",
    ):
        assert expected in said, said


def cells(*beginnings: str) -> list[str]:
    """Those cells of the lesson that have these words in them."""
    found = [cell.source for cell in code_cells(jupytext.read(LESSON))]
    return [next(cell for cell in found if words in cell) for words in beginnings]


def network_cells(shelf: dict[str, str], home: Path) -> list[str]:
    """What the cells that fetch weights say, when they are told to."""
    names = cells("def best(")[0].partition("own =")[2].partition("\n).eval()")[2]
    before = f"""
from torchvision import models
import timm, inspect
from transformers import AutoImageProcessor, AutoModelForImageClassification as AutoClassifier
MobileNetV2, photos = keras.applications.MobileNetV2, [picture]
{names}
"""
    fetch = "\n".join(cells("def from_torchvision", "DOWNLOAD = False")).replace(
        "DOWNLOAD = False", "DOWNLOAD = True"
    )
    no_pause = "import time\ntime.sleep = lambda _: None\n"  # the hub's client tries again and again
    return run_python(before + no_pause + fetch, home, shelf).splitlines()


def test_each_library_fetches_its_own_weights(shelf, tmp_path):
    said = network_cells(shelf, tmp_path)
    names = ("torchvision", "timm", "transformers", "keras")
    assert all(f"from_{name}: tiger cat 100.0%" in said for name in names), said


def test_without_a_network_it_says_so_four_times(shelf, tmp_path):
    nowhere = dict.fromkeys(("SERVER", "HF_ENDPOINT"), "http://127.0.0.1:9")
    said = network_cells({**shelf, **nowhere}, tmp_path)
    assert sum("no weights to be had now." in line for line in said) == 4, said


def test_the_lesson_asks_for_what_the_extra_brings():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extra = project["optional-dependencies"]["frameworks"]
    assert sorted(LIBRARIES.values()) == sorted(extra)
    for line in extra:
        assert Requirement(line).specifier.contains(metadata.version(Requirement(line).name))


WITHOUT = """
import sys
sys.modules["keras"] = sys.modules["transformers"] = None
from IPython.core.interactiveshell import InteractiveShell
import jupytext
shell = InteractiveShell.instance()
for cell in jupytext.read(sys.argv[1]).cells:
    if cell.cell_type == "code":
        shell.run_cell(cell.source).raise_error()
"""


@pytest.mark.long
def test_without_keras_and_transformers_the_lesson_says_what_to_type_and_goes_on(tmp_path):
    """In a process that can import neither."""
    own = {
        "COURSE_PROFILE": "smoke",
        "COURSE_OUT": str(tmp_path),
        "COURSE_PRECISION": "fp32",
        "MPLBACKEND": "agg",
    }
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WITHOUT, LESSON],
        env=os.environ | own,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-3000:]
    labels = [cell.source.splitlines()[0] for cell in code_cells(jupytext.read(LESSON))]
    labels = [
        label.removeprefix("# ").split(", ") for label in labels if re.fullmatch(r"# \w+(, \w+)*", label)
    ]
    asked = re.findall(r"This cell needs (keras|transformers), which is not here", ran.stdout)
    assert asked.count("keras") == sum("Keras" in label for label in labels) >= 8
    assert asked.count("transformers") == sum("transformers" in label for label in labels) >= 5
    assert '%pip install "keras>=' in ran.stdout and "timm, with weights" in ran.stdout
    assert "Keras, with weights" not in ran.stdout


def test_the_page_holds_each_line_and_is_printed_on_one_side(tmp_path, capsys):
    show_table(tmp_path / "frameworks.html")
    assert "Written: frameworks.html" in capsys.readouterr().out
    text = html.unescape((tmp_path / "frameworks.html").read_text(encoding="utf-8"))
    assert all(line in text for row in STEPS.values() for line in row)
    browser = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    if browser is None:
        pytest.skip("no chromium")
    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        opened = running.new_page()
        opened.goto((tmp_path / "frameworks.html").as_uri())
        pdf = opened.pdf(prefer_css_page_size=True)
        running.close()
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1
