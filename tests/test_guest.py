"""The course as a guest: beside what Colab has it changes nothing, and its lessons run from the wheel."""

from __future__ import annotations

import shutil
import sys

import pytest
from guest import ROOT, Guest, build_wheel

RUN_THERE = ("00", "01", "03", "04")


@pytest.mark.timeout(2400)
@pytest.mark.skipif(
    sys.platform != "linux" or sys.version_info < (3, 11),
    reason="Colab's versions are for Linux and 3.11 or newer",
)
def test_beside_colabs_packages(tmp_path):
    """One test, because all of it needs the same environment, which takes a minute or more to make."""
    guest = Guest(tmp_path / "guest")
    before = guest.versions()
    assert {"ipykernel==6.17.1", "ipywidgets==7.7.1", "pandas==2.2.3"} <= before
    wheel = build_wheel(tmp_path / "wheel")
    guest.pip("install", f"borrowed-feathers[offline] @ {wheel.as_uri()}")
    after = guest.versions()
    assert before <= after
    assert not [line for line in after if line.startswith(("jupyterlab==", "medmnist=="))]

    folder = tmp_path / "Vögel im Netz"
    folder.mkdir()
    lessons = [next((ROOT / "notebooks").glob(f"{number}_*.ipynb")) for number in RUN_THERE]
    for lesson in lessons:
        shutil.copy(lesson, folder)
    ran = guest.run(
        "-m", "course_utils", "run", *(lesson.name for lesson in lessons), "--profile", "smoke", folder=folder
    )
    assert ran.returncode == 0, ran.stdout[-3000:]
    assert ran.stdout.count("done in") == len(RUN_THERE)
    shutil.rmtree(guest.root)
