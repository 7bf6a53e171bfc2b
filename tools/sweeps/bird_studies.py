"""Train the studies on the birds: every variant with every seed; test is never read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from course_utils.data import BirdSplits, eval_transform, train_transform
from course_utils.data.collection import Collection, read_collection
from course_utils.data.splits import split_collection
from course_utils.experiments.store import (
    Asked,
    Kept,
    RunStore,
    asked,
    declared,
    declared_recipe,
)
from course_utils.experiments.studies import StudyRun
from course_utils.models import count_parameters, preprocessing_for
from course_utils.runtime import pick
from course_utils.training.features import extract_features
from course_utils.training.fit import fit
from course_utils.training.probe import L2_CANDIDATES, linear_probe
from sweeps.bird_variants import IMAGES_PER_CLASS, Variant


def run_study(
    variants: Sequence[Variant],
    *,
    seeds: int,
    runs: RunStore[StudyRun],
    load: Callable[[int], BirdSplits] | None = None,
    train: bool = True,
    on_run: Callable[[StudyRun], None] = lambda run: None,
) -> list[Kept[StudyRun]]:
    """Train every variant with every seed; what ``runs`` holds is not trained again.

    Args:
        variants: Of one study.
        seeds: How many: 0, 1, ...
        runs: Keeps each finished run.
        load: The pictures for a seed; by default ten of each bundled species.
        train: False trains nothing, and only collects the finished runs.
        on_run: Called after each run.
    """
    load = load or _bundled
    done = []
    for seed in range(seeds):
        birds = load(seed)
        for variant in variants:
            make = partial(_train, variant, birds, seed) if train else None
            kept = runs.get_or(configuration(variant, birds, seed), make)
            if kept is not None:
                run = replace(kept.result, label=variant.label, precision=kept.provenance.precision)
                done.append(replace(kept, result=run))
                on_run(run)
    return done


def study_splits(collection: Collection, seed: int) -> BirdSplits:
    """The pictures that a study on the birds trains on with this seed: ten of each species."""
    number = pick(smoke=2, standard=IMAGES_PER_CLASS, full=IMAGES_PER_CLASS)
    return split_collection(collection, images_per_class=number, seed=seed)


def _bundled(seed: int) -> BirdSplits:
    return study_splits(read_collection("fieldguide"), seed)


def configuration(variant: Variant, birds: BirdSplits, seed: int) -> Asked:
    """What is asked of a run of a study."""
    return asked(
        "study",
        birds,
        seed,
        model=variant.model_name,
        image_size=variant.image_size,
        images_per_class=birds.images_per_class,
        recipe=declared_recipe(variant.recipe),
        **declared(variant, ("flavour", "augment", "start", "batch_norm"), apart=("label", "recipe")),
        **({"l2": L2_CANDIDATES} if variant.probe_first else {}),
    )


def _train(variant: Variant, birds: BirdSplits, seed: int) -> StudyRun:
    preprocessing = preprocessing_for(variant.model_name, image_size=variant.image_size)
    model = variant.build(len(birds.classes), seed)
    if variant.probe_first:
        features = [extract_features(model, s, preprocessing=preprocessing) for s in (birds.train, birds.val)]
        linear_probe(features[0], val=features[1]).install(model)
    variant.release(model)
    clean = eval_transform(preprocessing)
    train = birds.train.with_transform(train_transform(preprocessing) if variant.augment else clean)
    history = fit(model, train, val=birds.val.with_transform(clean), recipe=variant.recipe, seed=seed)
    return StudyRun(
        label=variant.label,
        seed=seed,
        val_accuracy=history.best.val_accuracy,
        seconds=round(history.seconds, 1),
        trainable_parameters=count_parameters(model).trainable,
        epochs=history.columns(),
        n_val=history.n_val,
    )
