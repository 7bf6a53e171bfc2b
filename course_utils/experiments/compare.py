"""Flavours, sizes of the training set and seeds, side by side on one data set."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from course_utils import paths
from course_utils.arguments import is_whole
from course_utils.data import BirdSplits
from course_utils.data.collection import Collection
from course_utils.data.splits import split_collection, split_rows
from course_utils.errors import CourseError
from course_utils.experiments.flavours import COMPARED, Flavour, find_flavours
from course_utils.experiments.results import RunResult
from course_utils.experiments.run import run
from course_utils.experiments.store import (
    Asked,
    Kept,
    Provenance,
    RunStore,
    asked,
    declared_recipe,
    provenance_table,
)
from course_utils.files import save_text
from course_utils.models.build import check_model_name
from course_utils.models.packaged import LITE0


@dataclass(frozen=True)
class Comparison:
    """All runs on one data set, and what they ran on.

    Attributes:
        data: Its name.
        num_classes: Its classes.
        results: One entry a run.
        provenance: Where the runs come from, see :func:`~course_utils.experiments.store.provenance_table`.
    """

    data: str
    num_classes: int
    results: list[RunResult]
    provenance: list[dict[str, Any]]

    @property
    def device(self) -> str:
        """Such as ``"cpu"``; of runs from several devices ``"cpu and cuda"``."""
        return " and ".join(sorted({group["device"] for group in self.provenance}))

    @property
    def versions(self) -> dict[str, str]:
        """Of the libraries that decide the numbers; of runs with several versions ``"2.14.1 and 2.15.0"``."""
        found = [group["versions"] for group in self.provenance]
        return (
            {name: " and ".join(sorted({v[name] for v in found if name in v})) for name in found[0]}
            if found
            else {}
        )

    @classmethod
    def load(cls, file: str | Path) -> Comparison:
        """Read a comparison that was saved.

        Raises:
            CourseError: No such file, or not one of a comparison.
        """
        try:
            found = json.loads(Path(file).expanduser().read_text(encoding="utf-8"))
            return cls(**{**found, "results": [RunResult(**result) for result in found["results"]]})
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise CourseError(
                f"{file} is no saved comparison ({error}). `course compare --json {file}` writes one."
            ) from error

    def save(self, file: str | Path) -> Path:
        """Write the comparison as JSON; where that fails it is kept elsewhere, with a warning."""
        return save_text(
            Path(file).expanduser(),
            re.sub(r"\[[\d.e,\s-]+\]", _on_one_line, json.dumps(asdict(self), indent=2)) + "\n",
        )


def _on_one_line(numbers: re.Match[str]) -> str:
    """A row of a confusion or all epochs, which would otherwise take a line a number."""
    return re.sub(r"\s+", " ", numbers[0]).replace("[ ", "[").replace(" ]", "]")


def measured(name: str) -> Comparison:
    """A comparison that comes with the course: ``"fieldguide"`` or ``"cub_subset"``."""
    return Comparison.load(paths.results_dir() / f"{name}.json")


def pictures_sides(flavours: Sequence[str], model: str) -> list[int]:
    """Sides in px at which pictures must be kept for these flavours: one, or several where their models ask for several."""
    check_model_name(model)
    return sorted({flavour.pictures_side(model) for flavour in find_flavours(flavours)})


def configuration(flavour: Flavour, birds: BirdSplits, model: str, seed: int) -> Asked:
    """What is asked of a run of a comparison."""
    recipe = flavour.recipe()
    return asked(
        "comparison",
        birds,
        seed,
        flavour=flavour.name,
        model=flavour.model_name(model),
        image_size=flavour.image_size(model),
        images_per_class=birds.images_per_class,
        recipe=recipe and declared_recipe(recipe),
        budget=flavour.budget,
        **flavour.also(),
    )


def compare(
    pictures: Collection | Sequence[Collection],
    *,
    flavours: Sequence[str] = COMPARED,
    images_per_class: Sequence[int | None] = (None,),
    seeds: int = 2,
    model: str = LITE0,
    runs: RunStore[RunResult] | None = None,
    train: bool = True,
    on_result: Callable[[Comparison], None] = lambda so_far: None,
) -> Comparison:
    """Train every flavour on every size of training set with every seed.

    All flavours of one seed see the same pictures in the same splits. Each picks its hyper-parameters or
    epoch on val and reads test once.

    Args:
        pictures: The decoded pictures; where :func:`pictures_sides` names several sides, the same ones at each.
        flavours: Keys of :data:`~course_utils.experiments.flavours.FLAVOURS`; one that is named twice runs once.
        images_per_class: Training pictures of each class, each size once; None means all.
        seeds: How many: 0, 1, ...
        model: The model of all flavours but ``scratch_best``.
        runs: Keeps each finished run; what it holds is not trained again.
        train: False trains nothing, and only collects the finished runs.
        on_result: Called after each run with the comparison so far, whose last result is new.

    Raises:
        CourseError: An unknown flavour or model, pictures kept at another side, a class with too few pictures, no
            seeds or sizes; a flavour whose weights can't be had or whose model does not suit it, before anything is trained.
    """
    chosen = find_flavours(flavours)
    kept_at = _by_side([pictures] if isinstance(pictures, Collection) else pictures, flavours, model)
    if not is_whole(seeds) or seeds < 1:
        raise CourseError(f"seeds is {seeds!r}; expected a whole number of 1 or more.")
    if not images_per_class:
        raise CourseError(
            "images_per_class is empty; expected one or more sizes, or (None,) for all pictures."
        )
    first = next(iter(kept_at.values()))
    # Before hours of training: a class with too few pictures must show now.
    sizes = _distinct_sizes(first, images_per_class)
    cases = list(itertools.product(sizes, range(seeds)))
    if train:
        for flavour in chosen:
            if runs is None or not all(_is_kept(runs, flavour, kept_at, model, *case) for case in cases):
                flavour.check(model, len(first.classes))
    so_far = Comparison(first.name, len(first.classes), [], [])
    provenances: list[Provenance] = []
    for number, seed in cases:
        for kept in _runs_of(chosen, kept_at, model, number, seed, runs=runs, train=train):
            provenances.append(kept.provenance)
            results = [*so_far.results, replace(kept.result, precision=kept.provenance.precision)]
            so_far = replace(so_far, results=results, provenance=provenance_table(provenances))
            on_result(so_far)
    return so_far


def _runs_of(
    flavours: Sequence[Flavour],
    kept_at: dict[int, Collection],
    model: str,
    number: int | None,
    seed: int,
    *,
    runs: RunStore[RunResult] | None,
    train: bool,
) -> Iterator[Kept[RunResult]]:
    """The runs of one size and seed. A function of its own, so that its splits are gone before the next are made."""
    splits = {
        side: split_collection(collection, images_per_class=number, seed=seed)
        for side, collection in kept_at.items()
    }
    for flavour in flavours:
        birds = splits[flavour.pictures_side(model)]
        make = partial(run, flavour, birds, model, seed) if train else None
        if runs is None:
            found = Kept(make(), Provenance.here()) if make else None
        else:
            found = runs.get_or(configuration(flavour, birds, model, seed), make)
        if found is not None:
            yield found


def _is_kept(
    runs: RunStore[RunResult],
    flavour: Flavour,
    kept_at: dict[int, Collection],
    model: str,
    number: int | None,
    seed: int,
) -> bool:
    collection = kept_at[flavour.pictures_side(model)]
    birds = split_collection(collection, images_per_class=number, seed=seed)
    return runs.get(configuration(flavour, birds, model, seed)) is not None


def _by_side(collections: Sequence[Collection], flavours: Sequence[str], model: str) -> dict[int, Collection]:
    """The collections that these flavours need, by the side at which they are kept."""
    found = {collection.pixels.shape[-1]: collection for collection in collections}
    needed = pictures_sides(flavours, model)
    if missing := [side for side in needed if side not in found]:
        raise CourseError(
            f"The pictures are kept at {' and '.join(map(str, found)) or 'no'} px; {', '.join(flavours)} of {model} ask "
            f"for {' and '.join(map(str, needed))} px. Read them with read_collection(..., side={missing[0]})."
        )
    return {side: found[side] for side in needed}


def _distinct_sizes(collection: Collection, sizes: Sequence[int | None]) -> list[int | None]:
    """Each size once: what is named twice, or comes to all pictures as None does, would count as another seed."""
    distinct = {tuple(split_rows(collection, images_per_class=size)["train"]): size for size in sizes}
    return list(distinct.values())
