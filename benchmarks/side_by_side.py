"""The course beside what people would otherwise write: the tutorial's loop, and fastai.

All see the same pictures, splits and weights, each in a process of its own, by turns. Medians of several rounds count, and
ratios within a round, so that a busy machine slows all of them. The tutorial trains for 25 epochs; two are timed, and the
seconds of 25 are computed from them. `--epochs 25` trains them all, for the accuracy at the end.

    python benchmarks/side_by_side.py [--rounds 3] [--per-class 10] [--data CUB_200_2011.tgz] [--way frozen]
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import torch
import typer

from course_utils import paths, runtime
from course_utils.data import BirdSplits, load_birds
from course_utils.data.cub import unpack
from course_utils.models.packaged import weights_file
from course_utils.training.hardware import WORTH_IT, bf16_speedup
from step_profile import step_profile

HERE = Path(__file__).resolve().parent
RESULTS = HERE.parent / "results" / "benchmarks.json"
WAYS = ("frozen", "fine_tune", "scratch")
WHOLE = 25
"""Epochs of the tutorial."""


@dataclass(frozen=True)
class Contender:
    """A script in ways/, and what it is told besides pictures, way and epochs."""

    script: str
    options: tuple[str, ...] = ()
    precision: str = "fp32"


CONTENDERS = {
    "tutorial": Contender("tutorial", ("--batch-size", "32")),
    "tutorial, batches of 4, 4 workers": Contender("tutorial", ("--batch-size", "4", "--workers", "4")),
    "fastai": Contender("with_fastai"),
    "course, fp32": Contender("course"),
    "course, bf16": Contender("course", precision="bf16"),
}


@dataclass(frozen=True)
class Run:
    """One process: what a whole training takes, and how fast it learns while it does."""

    seconds: float
    training_pictures_per_second: float
    val_accuracy: float
    peak_megabytes: float


def run(contender: Contender, folder: Path, way: str, epochs: int) -> Run:
    """Start a process, and measure it from outside."""
    script = HERE / "ways" / f"{contender.script}.py"
    command = [sys.executable, str(script), str(folder), way, str(epochs)]
    if contender.script != "course":
        command += [str(weights_file()), *contender.options]
    environment = os.environ | {"COURSE_PRECISION": contender.precision}
    start = perf_counter()
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    seconds = perf_counter() - start
    if ran.returncode:
        sys.exit(f"{' '.join(command)} ended with {ran.returncode}:\n{ran.stderr[-2000:]}")
    found = json.loads(ran.stdout.strip().splitlines()[-1])
    asked_once = contender.script == "course" and way == "frozen"
    if not asked_once:
        seconds += (WHOLE - epochs) * statistics.mean(found["epoch_seconds"])
    rate = found["pictures"] / statistics.median(found["train_seconds"])
    return Run(seconds, rate, found["val_accuracy"], found["peak_megabytes"])


def write_folder(birds: BirdSplits, data: str, most: int | None, folder: Path) -> dict[str, int]:
    """Copy the pictures' files into a folder that all of them read; how many are in each split.

    Args:
        birds: What to copy.
        data: Where they were loaded from.
        most: Pictures of each class in val at most, and in test, which nobody looks at, one; None copies all of val.
        folder: Where to.
    """
    source = Path(data).expanduser()
    source = (
        paths.data_dir() / data if not source.exists() else unpack(source) if source.is_file() else source
    )
    first = birds.train.files[0]
    file = next(file for file in source.rglob(Path(first).name) if file.as_posix().endswith(first))
    root = file.parents[first.count("/")]
    limits = {"train": None, "val": most, "test": 1}
    copied: Counter[str] = Counter()
    for images in birds:
        of_class: Counter[int] = Counter()
        for name, label in zip(images.files, images.labels.tolist(), strict=True):
            of_class[label] += 1
            if limits[images.split] is None or of_class[label] <= limits[images.split]:
                place = folder / images.split / images.classes[label]
                place.mkdir(parents=True, exist_ok=True)
                shutil.copy(root / name, place)
                copied[images.split] += 1
    return dict(copied)


def summary(runs: dict[str, list[Run]]) -> dict[str, dict[str, object]]:
    """Each contender's medians, and how many times better than the tutorial's loop it is."""
    usual = runs["tutorial"]
    return {
        name: {
            "seconds": round(statistics.median(one.seconds for one in rounds), 1),
            "times_less_time": _median(lambda a, b: a.seconds / b.seconds, usual, rounds),
            "pictures_per_second": round(
                statistics.median(one.training_pictures_per_second for one in rounds), 1
            ),
            "times_the_pictures": _median(
                lambda a, b: b.training_pictures_per_second / a.training_pictures_per_second, usual, rounds
            ),
            "val_accuracy": round(statistics.median(one.val_accuracy for one in rounds), 4),
            "peak_megabytes": round(max(one.peak_megabytes for one in rounds)),
        }
        for name, rounds in runs.items()
    }


def _median(ratio: Callable[[Run, Run], float], first: list[Run], other: list[Run]) -> float:
    return round(statistics.median(map(ratio, first, other)), 2)


def beside(old: dict[str, Any] | None, new: dict[str, Any]) -> dict[str, Any]:
    """A new measurement with the ways that it left out as they were; ``commit`` then says which is of when."""
    kept = {way: rows for way, rows in old["ways"].items() if way not in new["ways"]} if old else {}
    if not kept:
        return new
    ways = new["ways"] | kept
    commit = f"{new['commit']} ({', '.join(kept)}: {old['commit']})"
    return new | {"ways": {way: ways[way] for way in WAYS if way in ways}, "commit": commit}


def profiles(precisions: list[str]) -> dict[str, dict[str, object]]:
    """Where a training step's time goes, in each precision."""
    found = {}
    for precision in precisions:
        os.environ["COURSE_PRECISION"] = precision
        found |= {f"{way}, {precision}": step_profile(way) for way in ("fine_tune", "scratch")}
    return found


def main(
    rounds: int = 3,
    epochs: Annotated[int, typer.Option(help=f"Epochs that are run; seconds are those of {WHOLE}.")] = 2,
    per_class: Annotated[int, typer.Option(help="Training pictures of each class; 0 takes all.")] = 10,
    data: Annotated[
        str, typer.Option(help="fieldguide, a folder of pictures, or CUB-200-2011's .tgz.")
    ] = "fieldguide",
    way: Annotated[list[str] | None, typer.Option(help="Only this one; may be given several times.")] = None,
    out: Annotated[
        Path, typer.Option(help="The file that gets the results, beside those of other data.")
    ] = RESULTS,
) -> None:
    """Measure, print, and write."""
    speedup = bf16_speedup("cpu")
    names = [name for name, one in CONTENDERS.items() if one.precision == "fp32" or speedup > WORTH_IT]
    birds = load_birds(data, images_per_class=per_class or None)
    found: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as place:
        pictures = write_folder(birds, data, per_class // 2 or None, Path(place))
        for one_way in way or WAYS:
            runs: dict[str, list[Run]] = {name: [] for name in names}
            for number in range(1, rounds + 1):
                for name in names:
                    runs[name].append(run(CONTENDERS[name], Path(place), one_way, epochs))
                    typer.echo(f"{one_way}, round {number}, {name}: {runs[name][-1]}")
            found[one_way] = summary(runs)
    entry = {
        "processor": torch.backends.cpu.get_cpu_capability(),
        "cores": os.cpu_count(),
        "bf16_speedup": round(speedup, 2),
        "classes": len(birds.classes),
        "pictures": pictures,
        "rounds": rounds,
        "epochs": epochs,
        "ways": found,
        "profiles": profiles([CONTENDERS[name].precision for name in names if name.startswith("course")]),
        "versions": runtime.versions() | {"fastai": metadata.version("fastai")},
        "commit": runtime.commit(),
    }
    key = birds.train.data if epochs < WHOLE else f"{birds.train.data}, {WHOLE} epochs"
    old = json.loads(out.read_text(encoding="utf-8")) if out.is_file() else {}
    entry = beside(old.get(key), entry)
    out.write_text(json.dumps(old | {key: entry}, indent=2) + "\n", encoding="utf-8")
    typer.echo(json.dumps(entry, indent=2))


if __name__ == "__main__":
    typer.run(main)
