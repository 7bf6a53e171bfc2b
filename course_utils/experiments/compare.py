"""Flavours, sizes of the training set and seeds, side by side on one data set."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from course_utils import paths, runtime
from course_utils.data.collection import Collection
from course_utils.data.splits import split_collection, split_rows
from course_utils.errors import CourseError
from course_utils.experiments.flavours import COMPARED, find_flavours
from course_utils.experiments.results import RunResult
from course_utils.experiments.run import run
from course_utils.experiments.store import RunStore, configuration
from course_utils.files import save_text
from course_utils.models import preprocessing_for
from course_utils.models.build import check_model_name
from course_utils.models.packaged import LITE0


@dataclass(frozen=True)
class Comparison:
    """All runs on one data set, and what they ran on.

    Attributes:
        data: Its name.
        num_classes: Its classes.
        results: One entry a run.
        versions: Of the libraries that decide the numbers.
        device: Such as ``"cpu"``.
        commit: State of the course's code, see :func:`~course_utils.runtime.commit`.
    """

    data: str
    num_classes: int
    results: list[RunResult]
    versions: dict[str, str]
    device: str
    commit: str = ""

    @classmethod
    def load(cls, file: str | Path) -> Comparison:
        """Read a comparison that was saved.

        Raises:
            CourseError: No such file, or not one of a comparison.
        """
        try:
            found = json.loads(Path(file).read_text(encoding="utf-8"))
            return cls(**{**found, "results": [RunResult(**result) for result in found["results"]]})
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise CourseError(
                f"{file} is no saved comparison ({error}). `course compare --json {file}` writes one."
            ) from error

    def save(self, file: str | Path) -> Path:
        """Write the comparison as JSON; where that fails it is kept elsewhere, with a warning."""
        return save_text(
            Path(file), re.sub(r"\[[\d.e,\s-]+\]", _on_one_line, json.dumps(asdict(self), indent=2)) + "\n"
        )


def _on_one_line(numbers: re.Match[str]) -> str:
    """A row of a confusion or all epochs, which would otherwise take a line a number."""
    return re.sub(r"\s+", " ", numbers[0]).replace("[ ", "[").replace(" ]", "]")


def measured(name: str) -> Comparison:
    """A comparison that comes with the course: ``"fieldguide"`` or ``"cub_subset"``."""
    return Comparison.load(paths.results_dir() / f"{name}.json")


def pictures_side(flavours: Sequence[str], model: str) -> int:
    """Side in px at which pictures must be kept for these flavours."""
    found = find_flavours(flavours)
    check_model_name(model)
    return max(
        preprocessing_for(f.model_name(model), image_size=f.image_size(model)).resize_size for f in found
    )


def compare(
    collection: Collection,
    *,
    flavours: Sequence[str] = COMPARED,
    images_per_class: Sequence[int | None] = (None,),
    seeds: int = 2,
    model: str = LITE0,
    runs: Path | None = None,
    train: bool = True,
    on_result: Callable[[RunResult], None] = lambda result: None,
) -> Comparison:
    """Train every flavour on every size of training set with every seed.

    All flavours of one seed see the same pictures in the same splits. Each picks its hyper-parameters or
    epoch on val and reads test once.

    Args:
        collection: The decoded pictures, kept at :func:`pictures_side` or more.
        flavours: Keys of :data:`~course_utils.experiments.flavours.FLAVOURS`; one that is named twice runs once.
        images_per_class: Training pictures of each class, each size once; None means all.
        seeds: How many: 0, 1, ...
        model: The model of all flavours but ``scratch_best``.
        runs: Folder that keeps each finished run; what it holds is not trained again.
        train: False trains nothing, and only collects the finished runs.
        on_result: Called after each run.

    Raises:
        CourseError: An unknown flavour or model, a class with too few pictures, no seeds or sizes, or a folder
            of runs that can't be written to.
    """
    chosen = find_flavours(flavours)
    check_model_name(model)
    if isinstance(seeds, bool) or not isinstance(seeds, int) or seeds < 1:
        raise CourseError(f"seeds is {seeds!r}; expected a whole number of 1 or more.")
    if not images_per_class:
        raise CourseError(
            "images_per_class is empty; expected one or more sizes, or (None,) for all pictures."
        )
    store = None if runs is None else RunStore(runs, RunResult)
    # Before hours of training: a class with too few pictures must show now.
    sizes = _distinct_sizes(collection, images_per_class)
    results = []
    for number, seed in itertools.product(sizes, range(seeds)):
        birds = split_collection(collection, images_per_class=number, seed=seed)
        for flavour in chosen:
            make = partial(run, flavour, birds, model, seed) if train else None
            if store is None:
                result = make() if make else None
            else:
                result = store.get_or(configuration(flavour, birds, model, seed), make)
            if result is not None:
                results.append(result)
                on_result(result)
    ran_on = (runtime.versions(), str(runtime.best_device()), runtime.commit())
    return Comparison(collection.name, len(collection.classes), results, *ran_on)


def _distinct_sizes(collection: Collection, sizes: Sequence[int | None]) -> list[int | None]:
    """Each size once: what is named twice, or comes to all pictures as None does, would count as another seed."""
    distinct = {tuple(split_rows(collection, images_per_class=size)["train"]): size for size in sizes}
    return list(distinct.values())
