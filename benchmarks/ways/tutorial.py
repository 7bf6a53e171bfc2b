"""The usual loop, as PyTorch's transfer-learning tutorial has it, written in our own words, with Lite0 and its weights.

Pictures are decoded and cropped in every epoch, fp32, SGD, and val is measured after each epoch. Frozen: only the head has
gradients. Fine-tuned: everything learns. Its own batches of 4 are slower on a processor, so they are a setting here.

    python benchmarks/ways/tutorial.py FOLDER {frozen,fine_tune,scratch} EPOCHS [--batch-size 32] [--workers 0]
"""

from __future__ import annotations

import json
from pathlib import Path
from time import perf_counter

import timm
import torch
import typer
from torch import nn
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

from peak import peak_megabytes

NORMALISE = [transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.5] * 3)]
TRANSFORMS = {
    "train": transforms.Compose(
        [transforms.RandomResizedCrop(224), transforms.RandomHorizontalFlip(), *NORMALISE]
    ),
    "val": transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224), *NORMALISE]),
}


def build(way: str, classes: int, weights: Path) -> tuple[nn.Module, list[nn.Parameter]]:
    """The model, and what of it learns."""
    options = (
        {} if way == "scratch" else {"pretrained": True, "pretrained_cfg_overlay": {"file": str(weights)}}
    )
    model = timm.create_model("tf_efficientnet_lite0", num_classes=classes, **options)
    if way == "frozen":
        for parameter in model.parameters():
            parameter.requires_grad = False
        model.reset_classifier(classes)
    return model, [p for p in model.parameters() if p.requires_grad]


def one_phase(model: nn.Module, loader: DataLoader, optimizer: Optimizer | None) -> float:
    """Accuracy over an epoch of train, or of val where there is no optimiser."""
    model.train(optimizer is not None)
    right = 0
    for pictures, labels in loader:
        with torch.set_grad_enabled(optimizer is not None):
            logits = model(pictures)
            loss = nn.functional.cross_entropy(logits, labels)
        if optimizer is not None:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        right += int((logits.argmax(1) == labels).sum())
    return right / len(loader.dataset)


def main(folder: Path, way: str, epochs: int, weights: Path, batch_size: int = 32, workers: int = 0) -> None:
    """Train, and print what it took."""
    torch.manual_seed(0)
    sets = {split: ImageFolder(folder / split, TRANSFORMS[split]) for split in TRANSFORMS}
    loaders = {
        split: DataLoader(pictures, batch_size, shuffle=True, num_workers=workers)
        for split, pictures in sets.items()
    }
    model, learning = build(way, len(sets["train"].classes), weights)
    optimizer = SGD(learning, lr=0.001, momentum=0.9)
    scheduler = StepLR(optimizer, step_size=7, gamma=0.1)
    train_seconds, epoch_seconds, accuracy = [], [], 0.0
    for _ in range(epochs):
        start = perf_counter()
        one_phase(model, loaders["train"], optimizer)
        train_seconds.append(perf_counter() - start)
        scheduler.step()
        accuracy = max(accuracy, one_phase(model, loaders["val"], None))
        epoch_seconds.append(perf_counter() - start)
    found = {"train_seconds": train_seconds, "epoch_seconds": epoch_seconds, "val_accuracy": accuracy}
    typer.echo(json.dumps(found | {"pictures": len(sets["train"]), "peak_megabytes": peak_megabytes()}))


if __name__ == "__main__":
    typer.run(main)
