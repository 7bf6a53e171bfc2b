"""What is kept of a detector on the scans: every score, so that a lesson can measure what it likes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from course_utils.data import ImageSet, Preprocessing, ScanSplits, eval_transform
from course_utils.runtime import pick
from course_utils.training.fit import make_loader
from course_utils.training.hardware import Hardware
from course_utils.training.history import Columns, History
from course_utils.training.loop import predict
from sweeps.evidence import evidence_maps, strongest_places

FILE = "scans.json"


@dataclass(frozen=True)
class ScanRun:
    """What one variant came to with one seed.

    Attributes:
        label: Of the variant.
        seed: Decided the studies, the random weights, the order and the augmentation.
        studies: How many it was to be trained on: in whole patients, so it may have been a few less.
        seconds: Wall time of the training.
        trainable_parameters: Numbers that training could change.
        epochs: What happened, see :data:`~course_utils.training.history.Columns`. All else is of the last epoch.
        n_val: Studies in val.
        scores: By split, ``"val"``, ``"test"`` and ``"elsewhere"`` (of a planted leak ``"exam"`` and ``"val"``): the score
            of each study in the order of the split, 0 to 1, higher for ill.
        places: Row and column, in px of the stored picture, of the strongest evidence for illness in each ill test study,
            in the order of the split; empty for a planted leak.
        layers: Of the variant's network; 0 where it is not a shape of one's own.
        activation: Of the variant's network; empty where it is not a shape of one's own.
        precision: What it computed in, ``"fp32"`` or ``"bf16"``; empty where nobody noted it.
        exam_labels: Of a planted leak: for each study of the exam 1 for ill, 0 for healthy.
    """

    label: str
    seed: int
    studies: int
    seconds: float
    trainable_parameters: int
    epochs: Columns
    n_val: int
    scores: dict[str, list[float]]
    places: list[list[int]]
    layers: int = 0
    activation: str = ""
    precision: str = ""
    exam_labels: list[int] = field(default_factory=list)

    @property
    def history(self) -> History:
        """The epochs as ``fit`` returned them, to four digits."""
        return History.from_columns(self.epochs, seconds=self.seconds, n_val=self.n_val)


def ill_scores(model: nn.Module, images: ImageSet) -> Tensor:
    """How likely a detector holds each study to be ill: float32 (N,), 0 to 1, in the order of ``images``."""
    logits, _ = predict(model, make_loader(images.with_transform(eval_transform(scan_preprocessing()))))
    return logits.float().softmax(1)[:, 1]


def ill_places(model: nn.Module, images: ImageSet) -> Tensor:
    """Where a detector finds most evidence for illness: int64 (N, 2), row and column in px of the stored pictures."""
    transform, side = eval_transform(scan_preprocessing()), images.pixels.shape[-1]
    device = Hardware.find().device
    model.to(device).eval()
    found = []
    for pixels in images.pixels.split(64):
        maps = evidence_maps(model, transform(pixels).to(device))
        found.append(strongest_places(maps[:, 1] - maps[:, 0], side).cpu())
    return torch.cat(found)


def leak_trial(scans: ScanSplits, *, seed: int) -> tuple[ImageSet, dict[str, ImageSet]]:
    """A planted leak: one exam, and two training sets with as many patients and nearly as many studies of each.

    Half of the train patients sit the exam, with one study each. ``"acquaintances"`` holds their other studies: what comes
    of splitting studies instead of patients. ``"strangers"`` holds the other half of the patients, without one study each.

    Args:
        scans: Their train split is divided; val, test and elsewhere stay untouched.
        seed: Decides who sits the exam, and with which study.

    Returns:
        The exam, and the training sets by name.
    """
    generator = np.random.default_rng(seed)
    patients = scans.notes_of(scans.train).patient.to_numpy()
    order = generator.permutation(len(patients))
    one_each = order[np.unique(patients[order], return_index=True)[1]]
    others = np.setdiff1d(order, one_each)
    everybody = generator.permutation(np.unique(patients))
    examined = everybody[: len(everybody) // 2]
    rows = {
        "strangers": others[~np.isin(patients[others], examined)],
        "acquaintances": others[np.isin(patients[others], examined)],
    }
    exam = np.sort(one_each[np.isin(patients[one_each], examined)])
    return scans.train.take(exam.tolist()), {
        name: scans.train.take(part.tolist()) for name, part in rows.items()
    }


def ill_studies(images: ImageSet) -> ImageSet:
    """The studies with an anomaly, in their order."""
    return images.take(torch.nonzero(images.labels)[:, 0].tolist())


def scan_preprocessing() -> Preprocessing:
    """What every model of the studies sees: one channel from -1 to 1, 128 px."""
    side = pick(smoke=64, standard=128, full=192)
    return Preprocessing(side, side, mean=(0.5,), std=(0.5,))
