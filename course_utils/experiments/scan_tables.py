"""What detectors on the scans came to, with intervals: by model, by anomaly, and by place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from scipy.ndimage import binary_dilation
from scipy.stats import ttest_1samp
from torch import Tensor

from course_utils.data import ImageSet, ScanSplits, load_scan_mask, load_scans
from course_utils.data.scans import ANOMALIES
from course_utils.experiments.scan_runs import ScanRun, ill_studies, leak_trial
from course_utils.experiments.store import in_words
from course_utils.metrics.binary import Measure, auroc, sensitivity_at
from course_utils.metrics.intervals import interval_over_patients, patient_interval

DRAWS = 200
LOCAL = tuple(kind for kind in ANOMALIES if kind != "cardiomegaly")


def detector_frame(
    runs: Sequence[ScanRun], scans: ScanSplits, *, split: Literal["val", "test"] = "test"
) -> pd.DataFrame:
    """One row a run, all measured on ``split`` but ``AUROC elsewhere``, on the scanner that training has not seen."""
    labels, elsewhere = getattr(scans, split).labels, scans.elsewhere.labels
    return pd.DataFrame(
        {
            "model": run.label,
            "studies": run.studies,
            "seed": run.seed,
            "AUROC": auroc(_scores(run, split), labels),
            "sensitivity": sensitivity_at(_scores(run, split), labels),
            "AUROC elsewhere": auroc(_scores(run, "elsewhere"), elsewhere),
            "seconds": run.seconds,
            "parameters": run.trainable_parameters,
        }
        for run in runs
    )


def detector_table(runs: Sequence[ScanRun], scans: ScanSplits) -> pd.DataFrame:
    """One row a model and size of training set: means over the seeds, as text, with 95% intervals over patients.

    ``sensitivity`` is the share of the ill that is found where 95% of the healthy are cleared. The intervals say what
    another draw of patients would change; ``seeds`` says what the training's chance does to the AUROC, worst to best. Where
    runs were computed in several precisions, ``computed in`` says which.
    """
    rows, mixed = [], len({run.precision for run in runs}) > 1
    for (model, studies), group in _groups(runs):
        single = [auroc(_scores(run, "test"), scans.test.labels) for run in group]
        rows.append(
            {
                "model": model,
                "studies": studies,
                "AUROC": _with_interval(auroc, group, "test", scans),
                "seeds": f"{min(single):.3f}-{max(single):.3f} ({len(group)})",
                "sensitivity": _with_interval(sensitivity_at, group, "test", scans),
                "AUROC elsewhere": _with_interval(auroc, group, "elsewhere", scans),
                "seconds": f"{np.median([run.seconds for run in group]):.0f}",
                "parameters": f"{group[0].trainable_parameters:,}",
            }
            | ({"computed in": in_words(run.precision for run in group)} if mixed else {})
        )
    return pd.DataFrame(rows).set_index(["model", "studies"])


def anomaly_table(runs: Sequence[ScanRun], scans: ScanSplits) -> pd.DataFrame:
    """AUROC on test by model (rows) and anomaly (columns), each anomaly against all healthy studies; means over seeds."""
    kinds = scans.notes_of(scans.test).anomaly.to_numpy()
    rows = {}
    for (model, _), group in _groups(runs):
        chosen = {kind: np.flatnonzero((kinds == kind) | (kinds == "")) for kind in ANOMALIES}
        rows[model] = {
            kind: np.mean([auroc(_scores(run, "test")[part], scans.test.labels[part]) for run in group])
            for kind, part in chosen.items()
        }
    return pd.DataFrame(rows).T


def pointing_table(runs: Sequence[ScanRun], scans: ScanSplits, *, tolerance: int = 8) -> pd.DataFrame:
    """The pointing game (Zhang et al. 2018): how often the strongest evidence lies on the anomaly, in ill test studies.

    Wide hearts are left out: what changed there is the rim of the heart, which is no place to point at. The last row is no
    model but one fixed point: the pixel that most of these anomalies of train cover. Whoever points without looking does no
    better than that.

    Args:
        runs: Of any models.
        scans: All of them.
        tolerance: How far outside the mask still counts, in px of the stored pictures.

    Returns:
        One row a model, as text: ``hits`` with a 95% interval over patients, and the hits by anomaly.
    """
    ill, local = ill_studies(scans.test), _local(scans, ill_studies(scans.test))
    rows_of_run = torch.from_numpy(np.flatnonzero(local))
    ill = ill.take(rows_of_run.tolist())
    notes, reach = scans.notes_of(ill), _masks(ill, tolerance)
    known = ill_studies(scans.train)
    known = known.take(np.flatnonzero(_local(scans, known)).tolist())
    common = _masks(known, 0).float().mean(0)
    fixed = torch.tensor(divmod(int(common.argmax()), common.shape[1])).expand(len(ill), 2)
    pointed = {
        model: [torch.tensor(run.places)[rows_of_run] for run in group] for (model, _), group in _groups(runs)
    }
    pointed["one fixed point"] = [fixed]
    rows = {}
    for model, places in pointed.items():
        hits = np.mean([reach[torch.arange(len(ill)), p[:, 0], p[:, 1]].numpy() for p in places], axis=0)
        low, high = interval_over_patients(
            lambda rows, hits=hits: float(hits[rows].mean()), notes.patient, draws=DRAWS
        )
        rows[model] = {"hits": f"{hits.mean():.0%} ({low:.0%}-{high:.0%})"} | {
            kind: f"{hits[notes.anomaly == kind].mean():.0%}" for kind in LOCAL
        }
    return pd.DataFrame(rows).T


def _local(scans: ScanSplits, images: ImageSet) -> np.ndarray:
    return scans.notes_of(images).anomaly.isin(LOCAL).to_numpy()


def effect_table(
    runs: Sequence[ScanRun], scans: ScanSplits, questions: Mapping[str, tuple[object, object]]
) -> pd.DataFrame:
    """What one change does to the AUROC on test: means over all :func:`twins`, with both kinds of 95% interval.

    Args:
        runs: Of one study.
        scans: All of them.
        questions: By what to call it: what is changed and into what, as labels of runs, numbers of layers or activations.

    Returns:
        One row a question and size of training set, as text. ``over seeds`` (Student's t over the pairs) says what other
        seeds would change on these patients, ``over patients`` (a bootstrap) what other patients would change with these
        networks.
    """
    people, rows, labels = scans.notes_of(scans.test).patient, {}, {run.label for run in runs}
    for question, (first, second) in questions.items():
        for studies in sorted({run.studies for run in runs}):
            groups: dict[tuple, list[ScanRun]] = {}
            for run in sorted(runs, key=lambda run: run.seed):
                if run.studies == studies:
                    key = (run.label,) if first in labels else (run.layers, run.activation)
                    groups.setdefault(key, []).append(run)
            pairs = twins(groups, first, second)
            if not pairs:
                continue

            def gains(rows: Tensor, pairs: Sequence[tuple[ScanRun, ScanRun]] = pairs) -> list[float]:
                areas = (
                    [auroc(_scores(run, "test")[rows], scans.test.labels[rows]) for run in pair]
                    for pair in pairs
                )
                return [b - a for a, b in areas]

            low, high = interval_over_patients(
                lambda rows, gains=gains: np.mean(gains(rows)), people, draws=DRAWS
            )
            mean, seeds = _effect(gains(torch.arange(len(people))))
            rows[question, studies] = {
                "gain": f"{mean:+.3f}",
                "over seeds": seeds,
                "over patients": f"{low:+.3f} to {high:+.3f}",
                "pairs": len(pairs),
            }
    return pd.DataFrame(rows, index=["gain", "over seeds", "over patients", "pairs"]).T.rename_axis(
        ["instead", "studies"]
    )


def twins(values: Mapping[tuple, Sequence[Any]], first: object, second: object) -> list[tuple[Any, Any]]:
    """All pairs that differ in this one thing and share a seed.

    Args:
        values: One entry a seed, in order, by what the runs are, such as ``(8, "relu")``.
        first: A part of such a key.
        second: What stands in its place in the twin's key. A key without a twin is left out.
    """
    keys = {key: tuple(second if part == first else part for part in key) for key in values if first in key}
    pairs = [zip(values[key], values[twin], strict=False) for key, twin in keys.items() if twin in values]
    return [pair for both in pairs for pair in both]


def effect_in_words(differences: Sequence[float]) -> str:
    """Mean of paired differences with the 95% interval of Student's t; of fewer than three pairs no interval is told."""
    if not len(differences):
        return "not measured yet"
    mean, interval = _effect(differences)
    number = len(differences)
    if number < 3:
        return f"{mean:+.3f} ({number} {'pair' if number == 1 else 'pairs'}: {interval} for an interval)"
    return f"{mean:+.3f}, 95% interval {interval} ({number} pairs)"


def _effect(differences: Sequence[float]) -> tuple[float, str]:
    mean = float(np.mean(differences))
    if len(differences) < 3:
        return mean, "too few"
    low, high = ttest_1samp(differences, 0).confidence_interval()
    return mean, f"{low:+.3f} to {high:+.3f}"


def leak_frame(runs: Sequence[ScanRun]) -> pd.DataFrame:
    """One row a run of the planted leak: how training was split, the seed, the AUROC in the exam and on val."""
    scans = load_scans()
    exams = {seed: leak_trial(scans, seed=seed)[0] for seed in {run.seed for run in runs}}
    return pd.DataFrame(
        {
            "split": run.label,
            "seed": run.seed,
            "AUROC": auroc(_scores(run, "exam"), exams[run.seed].labels),
            "AUROC on val": auroc(_scores(run, "val"), scans.val.labels),
        }
        for run in runs
    )


def _masks(images: ImageSet, tolerance: int) -> Tensor:
    """bool (N, S, S): what each study's anomaly changed, and so many pixels around it."""
    masks = [load_scan_mask(file).numpy() for file in images.files]
    if tolerance:
        y, x = np.ogrid[-tolerance : tolerance + 1, -tolerance : tolerance + 1]
        masks = [binary_dilation(mask, x**2 + y**2 <= tolerance**2) for mask in masks]
    return torch.from_numpy(np.stack(masks))


def _scores(run: ScanRun, split: str) -> Tensor:
    return torch.tensor(run.scores[split])


def _groups(runs: Sequence[ScanRun]) -> Iterator[tuple[tuple[str, int], list[ScanRun]]]:
    """Runs of one model and size, in the order in which they were first met."""
    for key in dict.fromkeys((run.label, run.studies) for run in runs):
        yield key, [run for run in runs if (run.label, run.studies) == key]


def _with_interval(measure: Measure, group: Sequence[ScanRun], split: str, scans: ScanSplits) -> str:
    images, scores = getattr(scans, split), torch.stack([_scores(run, split) for run in group])
    mean = np.mean([measure(run, images.labels) for run in scores])
    patients = scans.notes_of(images).patient
    low, high = patient_interval(measure, scores, images.labels, patients=patients, draws=DRAWS)
    return f"{mean:.3f} ({low:.3f}-{high:.3f})"
