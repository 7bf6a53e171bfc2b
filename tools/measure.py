"""Measure what the lessons cite: trains the sweeps of results/plan.toml and writes results/*.json.

    python tools/measure.py                       everything that needs no other pictures
    python tools/measure.py --only studies        a part of it
    python tools/measure.py --photos DIR          also the comparison on real photos (20 species of CUB-200-2011)
    python tools/measure.py --collect             train nothing, write what has been measured so far

Hours on two cores, so the first seed of everything comes first, then the second. Stop it and start it again as you like,
at any moment and on any day: what results/runs holds is not trained again; commit it. Run it on a machine that does
nothing else, because it also notes the seconds.
"""

from __future__ import annotations

import enum
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer

from course_utils.data.collection import Collection, read_collection
from course_utils.errors import CourseError
from course_utils.experiments.compare import Comparison, compare, pictures_side
from course_utils.experiments.flavours import COMPARED
from course_utils.experiments.results import RunResult
from course_utils.experiments.scan_runs import FILE as SCANS_FILE
from course_utils.experiments.scan_runs import ScanRun, run_scans
from course_utils.experiments.scan_variants import scan_variants
from course_utils.experiments.store import save_studies
from course_utils.experiments.studies import FILE, StudyRun, run_study
from course_utils.experiments.variants import IMAGES_PER_CLASS, study_variants
from course_utils.models.packaged import LITE0

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "results"
RUNS = RESULTS / "runs"
PLAN = RESULTS / "plan.toml"
Plan = Mapping[str, Any]


class Part(enum.Enum):
    """What can be measured on its own."""

    comparisons = "comparisons"
    studies = "studies"
    scans = "scans"
    pages = "pages"


def read_plan(file: Path = PLAN) -> Plan:
    """The sweeps: ``comparisons`` by data set, ``studies`` and ``scans`` with their seeds.

    Raises:
        CourseError: A study that the course does not know, or one that it has and the plan lacks.
    """
    plan = tomllib.loads(file.read_text(encoding="utf-8"))
    for part, module, variants in (
        ("studies", "variants.py", study_variants()),
        ("scans", "scan_variants.py", scan_variants()),
    ):
        if strange := set(plan[part]) ^ set(variants):
            raise CourseError(
                f"{file.name} and course_utils/experiments/{module} name different studies: "
                f"{', '.join(sorted(strange))}. Give each study its seeds in the plan."
            )
    return plan


def measure_comparison(name: str, source: str, plan: Plan, seeds: int) -> None:
    """Train a sweep's flavours with so many seeds, then write what is known into results/NAME.json."""
    sweep = {"flavours": list(COMPARED), "models": [LITE0], **plan["comparisons"][name]}
    known: Comparison | None = None
    if seeds:
        typer.echo(name)
    for model in sweep["models"]:
        pictures = _pictures(source, pictures_side(sweep["flavours"], model))
        options = {
            "flavours": sweep["flavours"],
            "images_per_class": [None if size == "all" else size for size in sweep["images_per_class"]],
            "model": model,
            "runs": RUNS,
        }
        if seeds:
            compare(pictures, seeds=seeds, on_result=_say, **options)
        found = compare(pictures, seeds=sweep["seeds"], train=False, **options)
        known = found if known is None else replace(known, results=known.results + found.results)
    known.save(RESULTS / f"{name}.json")


def measure_studies(plan: Plan, seeds: int) -> None:
    """Train all studies of the birds with so many seeds, then write what is known into results/studies.json."""
    known = _measured(study_variants(), plan["studies"], seeds, run_study)
    save_studies(known, RESULTS / FILE, data="fieldguide", images_per_class=IMAGES_PER_CLASS)


def measure_scans(plan: Plan, seeds: int) -> None:
    """Train all studies of the scans with so many seeds, then write what is known into results/scans.json."""
    known = _measured(scan_variants(), plan["scans"], seeds, run_scans)
    save_studies(known, RESULTS / SCANS_FILE, data="scans")


def _measured(
    studies: Mapping[str, Sequence[Any]], asked: Mapping[str, int], seeds: int, run: Callable[..., list[Any]]
) -> dict[str, list[Any]]:
    known = {}
    for name, variants in studies.items():
        if 0 < seeds <= asked[name]:
            typer.echo(name)
            run(variants, seeds=seeds, runs=RUNS, on_run=_say)
        known[name] = run(variants, seeds=asked[name], runs=RUNS, train=False)
    return known


@cache
def _pictures(source: str, side: int) -> Collection:
    return read_collection(source, side=side)


def _say(run: RunResult | StudyRun | ScanRun) -> None:
    if isinstance(run, RunResult):
        what = f"{run.flavour} ({run.model}), {run.images_per_class} a class"
        accuracy = run.val_accuracy
    else:
        what, accuracy = run.label, run.history.best.val_accuracy
    typer.echo(f"  {what}, seed {run.seed}: val accuracy {accuracy:.3f}, {run.seconds:.0f} s")


def main(
    only: Annotated[list[Part] | None, typer.Option(help="Again for more; none means all.")] = None,
    photos: Annotated[
        str | None, typer.Option(help="Folder with train/ and test/, a folder a species.")
    ] = None,
    collect: Annotated[
        bool, typer.Option(help="Train nothing: write what has been measured so far.")
    ] = False,
) -> None:
    """Write results/*.json, then the pages that show them."""
    parts, plan = only or list(Part), read_plan()
    sources = {"fieldguide": "fieldguide", "shelf": "fieldguide"} | ({"cub_subset": photos} if photos else {})
    sweeps = (sweep["seeds"] for sweep in plan["comparisons"].values())
    most = max([*plan["studies"].values(), *plan["scans"].values(), *sweeps])
    for seeds in [0] if collect else range(1, most + 1):
        if Part.studies in parts and seeds <= max(plan["studies"].values()):
            measure_studies(plan, seeds)
        if Part.scans in parts and seeds <= max(plan["scans"].values()):
            measure_scans(plan, seeds)
        if Part.comparisons in parts:
            for name, source in sources.items():
                if seeds <= plan["comparisons"][name]["seeds"]:
                    measure_comparison(name, source, plan, seeds)
    if Part.pages in parts:
        for tool in ("datasheet.py", "scoreboard.py"):
            subprocess.run([sys.executable, str(ROOT / "tools" / tool)], check=True)


if __name__ == "__main__":
    typer.run(main)
