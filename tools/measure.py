"""Measure what the lessons cite: writes results/*.json. Hours on two cores, so every finished run is kept.

    python tools/measure.py                       everything that needs no other pictures
    python tools/measure.py --only studies        a part of it
    python tools/measure.py --photos DIR          also the comparison on real photos (20 species of CUB-200-2011)

Stop it and start it again as you like: what build/runs holds is not trained again. Run it on a machine that does
nothing else, because it also notes the seconds.
"""

from __future__ import annotations

import enum
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from course_utils.data.collection import read_collection
from course_utils.experiments.compare import Comparison, compare, pictures_side
from course_utils.experiments.flavours import FLAVOURS
from course_utils.experiments.results import RunResult
from course_utils.experiments.studies import FILE, StudyRun, run_study, save_studies
from course_utils.experiments.variants import study_variants

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "results"
RUNS = ROOT / "build" / "runs"
SEEDS = 3
SEEDS_OF = {"learning_rate": 1}
"""Studies with fewer seeds: rates that differ by factors of ten differ by more than any seed."""
SIZES: dict[str, list[int | None]] = {"fieldguide": [5, 10, 30, 100], "cub_subset": [None]}


class Part(enum.Enum):
    """What can be measured on its own."""

    comparison = "comparison"
    studies = "studies"
    pages = "pages"


def measure_comparison(name: str, source: str) -> None:
    """All flavours on one data set, into results/NAME.json."""
    collection = read_collection(source, side=pictures_side(list(FLAVOURS), "efficientnet_lite0"))
    done: Comparison = compare(
        collection, images_per_class=SIZES[name], seeds=SEEDS, runs=RUNS, on_result=_say
    )
    done.save(RESULTS / f"{name}.json")


def measure_studies() -> None:
    """All studies, into results/studies.json."""
    done = {}
    for name, variants in study_variants().items():
        typer.echo(name)
        done[name] = run_study(variants, seeds=SEEDS_OF.get(name, SEEDS), runs=RUNS, on_run=_say)
    save_studies(done, RESULTS / FILE)


def _say(run: RunResult | StudyRun) -> None:
    what = run.label if isinstance(run, StudyRun) else f"{run.flavour}, {run.images_per_class} a class"
    typer.echo(f"  {what}, seed {run.seed}: val accuracy {run.val_accuracy:.3f}, {run.seconds:.0f} s")


def main(
    only: Annotated[list[Part] | None, typer.Option(help="Again for more; none means all.")] = None,
    photos: Annotated[
        str | None, typer.Option(help="Folder with train/ and test/, a folder a species.")
    ] = None,
) -> None:
    """Write results/*.json, then the pages that show them."""
    parts = only or list(Part)
    if Part.studies in parts:
        measure_studies()
    if Part.comparison in parts:
        measure_comparison("fieldguide", "fieldguide")
        if photos is not None:
            measure_comparison("cub_subset", photos)
    if Part.pages in parts:
        for tool in ("datasheet.py", "scoreboard.py"):
            subprocess.run([sys.executable, str(ROOT / "tools" / tool)], check=True)


if __name__ == "__main__":
    typer.run(main)
