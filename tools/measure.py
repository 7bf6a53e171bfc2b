"""Measure what the lessons cite: trains the sweeps of results/plan.toml and writes results/*.json.

    python tools/measure.py                       everything that needs no other pictures
    python tools/measure.py --only studies        a part of it
    python tools/measure.py --photos DIR          also the comparison on real photos (20 species of CUB-200-2011)
    python tools/measure.py --collect             train nothing, write what has been measured so far

Hours on two cores, so the first seed of everything comes first, then the second. Stop it and start it again as you like,
at any moment and on any day: what results/runs holds is not trained again, whatever machine it comes from; commit it. A
file of results/ never loses a run: where one that is published is not found, nothing is written. Run it on a machine that
does nothing else, because it also notes the seconds.
"""

from __future__ import annotations

import enum
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer

from course_utils.data.collection import Collection, read_collection
from course_utils.errors import CourseError
from course_utils.experiments.compare import compare, pictures_sides
from course_utils.experiments.flavours import COMPARED, FLAVOURS
from course_utils.experiments.results import RunResult
from course_utils.experiments.store import RunStore, merged
from course_utils.experiments.studies import FILE, StudyRun
from course_utils.models.packaged import LITE0
from sweeps import save_studies
from sweeps.bird_studies import run_study, study_splits
from sweeps.bird_variants import IMAGES_PER_CLASS, study_variants
from sweeps.scan_runs import FILE as SCANS_FILE
from sweeps.scan_runs import ScanRun
from sweeps.scan_studies import run_scans
from sweeps.scan_variants import scan_variants

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
        ("studies", "bird_variants.py", study_variants()),
        ("scans", "scan_variants.py", scan_variants()),
    ):
        if strange := set(plan[part]) ^ set(variants):
            raise CourseError(
                f"{file.name} and tools/sweeps/{module} name different studies: "
                f"{', '.join(sorted(strange))}. Give each study its seeds in the plan."
            )
    return plan


@dataclass(frozen=True)
class Publication:
    """What is to be written into a file of results/.

    Attributes:
        file: Where to.
        runs: What it holds, a name for each run.
        save: Writes it.
    """

    file: Path
    runs: set[str]
    save: Callable[[Path], object]

    def missing(self) -> list[str]:
        """The runs that the file of today holds, and this one would not."""
        if not self.file.is_file():
            return []
        return sorted(_published(json.loads(self.file.read_text(encoding="utf-8"))) - self.runs)


def _published(content: Mapping[str, Any]) -> set[str]:
    """A name for each run of a file of results/."""
    if "results" in content:
        return {_name(**run) for run in content["results"]}
    return {_name(study=study, **run) for study, runs in content["studies"].items() for run in runs}


def _name(**run: Any) -> str:
    said = ("study", "label", "flavour", "model", "images_per_class", "studies", "seed")
    return ", ".join(f"{name} {run[name]}" for name in said if name in run)


def publish(publications: Sequence[Publication], *, fewer: bool = False) -> None:
    """Write all of them, or none.

    Args:
        publications: What is to be written.
        fewer: Write even where published runs are missing, because they are no longer wanted.

    Raises:
        CourseError: Runs are missing that are published today.
    """
    missing = [f"{p.file.name}: {run}" for p in publications for run in p.missing()]
    if missing and not fewer:
        shown = "".join(f"\n  {run}" for run in missing[:20])
        more = f"\n  and {len(missing) - 20} more" if len(missing) > 20 else ""
        raise CourseError(
            f"Nothing is written, because {len(missing)} published runs are not in {RUNS.name}/ as the code of today asks "
            f"for them:{shown}{more}\nIf a key has changed by mistake, mend that. If training has changed, `make results` "
            "trains them again. If they are no longer wanted, say --fewer."
        )
    for publication in publications:
        publication.save(publication.file)


def train_comparison(name: str, source: str, plan: Plan, seeds: int) -> None:
    """Train a sweep's flavours with so many seeds."""
    typer.echo(name)
    for pictures, options in _sweep(name, source, plan):
        compare(pictures, seeds=seeds, on_result=lambda so_far: _say(so_far.results[-1]), **options)


def collect_comparison(name: str, source: str, plan: Plan) -> Publication:
    """What is known of a sweep, for results/NAME.json."""
    seeds = plan["comparisons"][name]["seeds"]
    found = [compare(p, seeds=seeds, train=False, **options) for p, options in _sweep(name, source, plan)]
    runs = [run for part in found for run in part.results]
    origin = merged(group for part in found for group in part.provenance)
    known = replace(found[0], results=runs, provenance=origin)
    return Publication(RESULTS / f"{name}.json", {_name(**asdict(run)) for run in runs}, known.save)


def _sweep(name: str, source: str, plan: Plan) -> Iterator[tuple[list[Collection], dict[str, Any]]]:
    """The pictures and the options of each comparison of a sweep: one a model."""
    sweep = {"flavours": list(COMPARED), "models": [LITE0], **plan["comparisons"][name]}
    for model in sweep["models"]:
        yield (
            [_pictures(source, side) for side in pictures_sides(sweep["flavours"], model)],
            {
                "flavours": sweep["flavours"],
                "images_per_class": [None if size == "all" else size for size in sweep["images_per_class"]],
                "model": model,
                "runs": RunStore(RUNS, RunResult, any_machine=True),
            },
        )


STUDIES = {
    "studies": (
        study_variants,
        run_study,
        StudyRun,
        FILE,
        {"data": "fieldguide", "images_per_class": IMAGES_PER_CLASS},
    ),
    "scans": (scan_variants, run_scans, ScanRun, SCANS_FILE, {"data": "scans"}),
}
"""By part: the variants, what runs them, the record of a run, the file, and what is said of all runs."""


LOADS: dict[str, Callable[..., Any] | None] = {
    "studies": lambda seed: study_splits(
        _pictures("fieldguide", FLAVOURS["fine_tune"].pictures_side(LITE0)), seed
    ),
    "scans": None,
}
"""By part: the pictures for a seed, decoded once for all; None leaves that to the part."""


def train_studies(part: str, plan: Plan, seeds: int) -> None:
    """Train all studies of the birds or of the scans with so many seeds."""
    variants, run, record, *_ = STUDIES[part]
    for name, study in variants().items():
        if seeds <= plan[part][name]:
            typer.echo(name)
            run(
                study,
                seeds=seeds,
                runs=RunStore(RUNS, record, any_machine=True),
                on_run=_say,
                load=LOADS[part],
            )


def collect_studies(part: str, plan: Plan) -> Publication:
    """What is known of the studies of the birds or of the scans."""
    variants, run, record, file, about = STUDIES[part]
    store = RunStore(RUNS, record, any_machine=True)
    known = {
        name: run(study, seeds=plan[part][name], runs=store, load=LOADS[part], train=False)
        for name, study in variants().items()
    }
    names = {_name(study=name, **asdict(kept.result)) for name, done in known.items() for kept in done}
    return Publication(RESULTS / file, names, lambda target: save_studies(known, target, **about))


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
    fewer: Annotated[
        bool, typer.Option(help="Write even where published runs are missing: they are no longer wanted.")
    ] = False,
) -> None:
    """Write results/*.json, then docs/results.md and README's picture, which show them."""
    parts, plan = only or list(Part), read_plan()
    sources = {"fieldguide": "fieldguide", "shelf": "fieldguide"} | ({"cub_subset": photos} if photos else {})
    sweeps = sources if Part.comparisons in parts else {}
    studies = [part.value for part in (Part.studies, Part.scans) if part in parts]
    wanted = {part: max(plan[part].values()) for part in studies}
    wanted |= {name: plan["comparisons"][name]["seeds"] for name in sweeps}
    for seeds in [] if collect else range(1, max(wanted.values(), default=0) + 1):
        for name in (name for name, most in wanted.items() if seeds <= most):
            if name in studies:
                train_studies(name, plan, seeds)
            else:
                train_comparison(name, sources[name], plan, seeds)
    publish(
        [collect_studies(part, plan) for part in studies]
        + [collect_comparison(name, source, plan) for name, source in sweeps.items()],
        fewer=fewer,
    )
    if Part.pages in parts:
        subprocess.run([sys.executable, str(ROOT / "tools" / "scoreboard.py")], check=True)


if __name__ == "__main__":
    try:
        typer.run(main)
    except CourseError as error:
        sys.exit(f"Error: {error}")
