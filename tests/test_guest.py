"""The course as a guest: beside what Colab has it changes nothing, its first cell gets it, its lessons run."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

import first_cell
from course_utils import __version__
from guest import ROOT, Guest, build_wheel

RUN_THERE = ("00", "01", "03", "04")
pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or sys.version_info < (3, 11),
    reason="Colab's versions need Linux and Python 3.11",
)


def cell_of(address: str) -> str:
    """The first cell of a notebook of a repository at an address."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("import course_utils")])
    here = first_cell.home(ROOT)
    first_cell.add(
        notebook, "notebooks/x.ipynb", None, first_cell.Home(address, here.version, here.oldest_torch)
    )
    return notebook.cells[0].source


def published(folder: Path) -> Path:
    """A bare repository of this working tree, with the version's tag, that a plain file server can serve."""
    work, bare = folder / "work", folder / "course.git"

    def git(*words: object) -> str:
        named = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", *map(str, words)]
        return subprocess.run(named, check=True, capture_output=True, text=True).stdout

    for name in git("-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard").splitlines():
        if (ROOT / name).is_file():
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, work / name)
    git("init", "-q", work)
    git("-C", work, "add", "-A")
    git("-C", work, "commit", "-qm", "all")
    git("-C", work, "tag", f"v{__version__}")
    git("clone", "-q", "--bare", work, bare)
    git("-C", bare, "update-server-info")
    return bare


@pytest.mark.long
@pytest.mark.timeout(2400)
def test_beside_colabs_packages(tmp_path, file_server):
    """One test, because all of it needs the same environment, which takes a minute or more to make."""
    guest = Guest(tmp_path / "guest")
    before = guest.versions()
    assert {"ipykernel==6.17.1", "ipywidgets==7.7.1", "pandas==2.2.3"} <= before
    torch = next(line.partition("==")[2] for line in before if line.startswith("torch=="))
    folder = tmp_path / "Vögel im Netz"
    folder.mkdir()

    def get(address: str = "", **variables: str) -> str:
        ran = guest.run("-c", cell_of(address), folder=folder, **variables)
        assert bool(ran.returncode) == ("Error" in ran.stderr)
        return ran.stdout + ran.stderr

    # Without an address and without a file: what to do, in one sentence.
    for where in ({"NO_COLAB": "1"}, {}):
        said = get(**where)
        assert f"Put its file, borrowed_feathers-*.whl, into the folder {folder} and run" in said
        assert ("Choose the course's file" in said) == (not where)

    # A torch that is too old is not touched.
    old = tmp_path / "old" / "torch-2.3.1.dist-info"
    old.mkdir(parents=True)
    (old / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 2.3.1\n")
    assert "torch==2.3.1 is here; the course needs 2.4 or newer" in get(
        "file:///x", PYTHONPATH=str(old.parent)
    )

    # Nobody answers at the address.
    said = get(f"{file_server(tmp_path)}/nothing")
    assert (
        "pip could not install the course from git+http://127.0.0.1" in said and "run this cell again" in said
    )
    assert guest.versions() == before

    # From a git repository, on this machine and over HTTP; a folder that was downloaded is none.
    addresses = []
    if (ROOT / ".git").exists():
        repository = published(tmp_path / "published")
        addresses = [f"file://localhost{repository}", f"{file_server(repository.parent)}/{repository.name}"]
    for address in addresses:
        said = get(address)
        assert f"Installed the course from git+{address}@v{__version__}." in said
        guest.pip("uninstall", "-y", "borrowed-feathers")

    # From a wheel that is chosen in Colab's dialog.
    said = get(CHOSEN=str(build_wheel(tmp_path / "wheel")))
    assert f"Installed the course from {next(folder.glob('*.whl')).as_uri()}." in said
    assert f"torch=={torch} torchvision==" in said and " stayed." in said
    assert "You are on Colab: This session has no GPU." in said and "Save a copy in Drive" in said
    assert get() == ""
    after = guest.versions()
    assert before <= after
    assert not [line for line in after if line.startswith("jupyterlab==")]

    lessons = [next((ROOT / "notebooks").glob(f"{number}_*.ipynb")) for number in RUN_THERE]
    for lesson in lessons:
        shutil.copy(lesson, folder)
    names = [lesson.name for lesson in lessons]
    ran = guest.run("-m", "course_utils", "run", *names, "--profile", "smoke", folder=folder)
    assert ran.returncode == 0, ran.stdout[-3000:]
    assert ran.stdout.count("done in") == len(RUN_THERE)
    shutil.rmtree(guest.root)
