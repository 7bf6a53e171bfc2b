"""Train the detectors of the studies on the scans, and keep the score of every study."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache, partial

from course_utils.data import ScanSplits, eval_transform, load_scans
from course_utils.data.transforms import train_scan_transform
from course_utils.experiments.store import (
    Asked,
    Kept,
    RunStore,
    asked,
    declared,
    declared_recipe,
)
from course_utils.models import count_parameters
from course_utils.training.fit import fit
from sweeps.scan_runs import (
    ScanRun,
    ill_places,
    ill_scores,
    ill_studies,
    leak_trial,
    scan_preprocessing,
)
from sweeps.scan_variants import ScanVariant


def run_scans(
    variants: Sequence[ScanVariant],
    *,
    seeds: int,
    runs: RunStore[ScanRun],
    load: Callable[[int | None, int], ScanSplits] | None = None,
    train: bool = True,
    on_run: Callable[[ScanRun], None] = lambda run: None,
) -> list[Kept[ScanRun]]:
    """Train every variant with every seed; what ``runs`` holds is not trained again.

    Args:
        variants: Of one study.
        seeds: How many: 0, 1, ...
        runs: Keeps each finished run.
        load: The scans for a number of studies and a seed; by default the bundled ones.
        train: False trains nothing, and only collects the finished runs.
        on_run: Called after each run.
    """
    load = load or _bundled
    done = []
    for seed in range(seeds):
        for variant in variants:
            scans = load(variant.studies, seed)
            make = partial(_train, variant, scans, seed) if train else None
            kept = runs.get_or(configuration(variant, scans, seed), make)
            if kept is not None:
                said = variant.described() | {"precision": kept.provenance.precision}
                if variant.exam:
                    said["exam_labels"] = leak_trial(scans, seed=seed)[0].labels.tolist()
                run = replace(kept.result, **said)
                done.append(replace(kept, result=run))
                on_run(run)
    return done


def _bundled(studies: int | None, seed: int) -> ScanSplits:
    return _decoded(studies, 0 if studies is None else seed)


@lru_cache(maxsize=8)
def _decoded(studies: int | None, seed: int) -> ScanSplits:
    """A hundred megabytes each, kept for all sizes and seeds of the studies: `make results` asks for each many times."""
    return load_scans(studies=studies, seed=seed)


def configuration(variant: ScanVariant, scans: ScanSplits, seed: int) -> Asked:
    """What is asked of a run on the scans."""
    model = variant.model
    shape = ("depth", "block", "activation", "width", "in_channels", "stem")
    return asked(
        "scans",
        scans,
        seed,
        studies=len(scans.train),
        recipe=declared_recipe(variant.recipe(len(scans.train))),
        preprocessing=declared(
            scan_preprocessing(), ("crop_size", "resize_size", "interpolation", "mean", "std")
        ),
        model=model if isinstance(model, str) else declared(model, shape),
        subset=variant.studies,
        **declared(variant, ("pretrained", "exam"), apart=("label", "model", "studies")),
    )


def _train(variant: ScanVariant, scans: ScanSplits, seed: int) -> ScanRun:
    judged = {"val": scans.val, "test": scans.test, "elsewhere": scans.elsewhere}
    train = scans.train
    if variant.exam:
        exam, sets = leak_trial(scans, seed=seed)
        train, judged = sets[variant.exam], {"exam": exam, "val": scans.val}
    model, preprocessing = variant.build(seed), scan_preprocessing()
    history = fit(
        model,
        train.with_transform(train_scan_transform(preprocessing)),
        val=scans.val.with_transform(eval_transform(preprocessing)),
        recipe=variant.recipe(len(train)),
        seed=seed,
        keep="last",
    )
    scores = {name: ill_scores(model, images) for name, images in judged.items()}
    places = [] if variant.exam else ill_places(model, ill_studies(scans.test)).tolist()
    return ScanRun(
        seed=seed,
        studies=variant.studies or len(train),
        seconds=round(history.seconds, 1),
        trainable_parameters=count_parameters(model).trainable,
        epochs=history.columns(),
        n_val=history.n_val,
        scores={name: [round(score, 4) for score in part.tolist()] for name, part in scores.items()},
        places=places,
        **variant.described(),
    )
