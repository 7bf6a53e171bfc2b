"""A frozen backbone, from picture files to a trained head: the usual loop against one cached pass.

The usual loop is that of the well-known transfer-learning tutorials: ImageFolder decodes every picture in
every epoch, fp32, SGD on the new head. The course decodes once, runs the backbone once and solves for the
head. Both see the same pictures and the same weights. Rounds are interleaved and the median ratio counts,
so that a busy machine slows both.

    python benchmarks/frozen_backbone.py [--rounds 3] [--pictures 10] [--epochs 25]
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from time import perf_counter

import torch
import typer
from torch.nn import functional as F
from torch.utils.data import DataLoader, Subset
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from course_utils import paths, runtime
from course_utils.data import load_birds, train_transform
from course_utils.models import freeze, load_pretrained, preprocessing_for
from course_utils.training import extract_features, linear_probe

BACKBONE = "efficientnet_lite0"


def usual_epoch(per_class: int) -> float:
    """Seconds of one epoch of the usual loop."""
    preprocessing = preprocessing_for(BACKBONE)
    transform = v2.Compose([v2.PILToTensor(), train_transform(preprocessing)])
    folder = ImageFolder(paths.data_dir() / "fieldguide" / "train", transform)
    rows = [folder.targets.index(label) + i for label in range(len(folder.classes)) for i in range(per_class)]
    model = load_pretrained(BACKBONE, len(folder.classes))
    for name, parameter in model.named_parameters():
        parameter.requires_grad = name.startswith("classifier.")
    optimizer = torch.optim.SGD(model.classifier.parameters(), lr=1e-3, momentum=0.9)
    start = perf_counter()
    model.train()
    for pictures, labels in DataLoader(Subset(folder, rows), 32, shuffle=True):
        optimizer.zero_grad()
        F.cross_entropy(model(pictures), labels).backward()
        optimizer.step()
    return perf_counter() - start


def course_whole(per_class: int) -> float:
    """Seconds of the course's way, from files to the chosen probe."""
    start = perf_counter()
    birds = load_birds("fieldguide", images_per_class=per_class)
    model = freeze(load_pretrained(BACKBONE, len(birds.classes)))
    train, val = (
        extract_features(model, images, preprocessing=preprocessing_for(BACKBONE), cache=False)
        for images in (birds.train, birds.val)
    )
    linear_probe(train, val=val)
    return perf_counter() - start


def main(rounds: int = 3, pictures: int = 10, epochs: int = 25) -> None:
    """Measure, print, and write results/benchmarks.json."""
    pairs = [(usual_epoch(pictures), course_whole(pictures)) for _ in range(rounds)]
    ratio = statistics.median(epochs * usual / course for usual, course in pairs)
    found = {
        "what": f"{epochs} epochs of the usual frozen loop (one epoch measured, times {epochs}) over the course's whole way",
        "ratio": round(ratio, 1),
        "usual_epoch_seconds": [round(usual, 2) for usual, _ in pairs],
        "course_seconds": [round(course, 2) for _, course in pairs],
        "images_per_class": pictures,
        "device": str(runtime.best_device()),
        "versions": runtime.versions(),
    }
    print(json.dumps(found, indent=2))
    file = Path(__file__).resolve().parents[1] / "results" / "benchmarks.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
