"""Run in several processes: what evaluate, predict, fit and compare say there, as JSON (see test_faults.py)."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import torch
from torch import nn
from torch.utils.data import TensorDataset

from course_utils.data.collection import read_collection
from course_utils.experiments.compare import compare
from course_utils.experiments.flavours import FLAVOURS
from course_utils.training import Recipe, evaluate, fit, make_loader, predict
from course_utils.training.loop import make_accelerator

CLASSES, PICTURES = 3, 50


def pictures() -> TensorDataset:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(PICTURES) % CLASSES
    return TensorDataset(
        torch.randn(PICTURES, 3, 8, 8, generator=generator) + labels[:, None, None, None], labels
    )


def measure(birds: Path) -> dict[str, object]:
    """All that is measured, by name; empty but in the main process."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(192, CLASSES))
    accelerator = make_accelerator("cpu")
    plain, prepared = (
        make_loader(pictures(), batch_size=8),
        accelerator.prepare(make_loader(pictures(), batch_size=8)),
    )
    found = {}
    for name, loader in {"plain": plain, "prepared": prepared, "list": list(plain)}.items():
        metrics = evaluate(model, loader)
        logits, labels = predict(model, loader)
        found[name] = [metrics.n, round(metrics.loss, 5), metrics.accuracy, len(logits), labels.tolist()]
    history = fit(model, pictures(), val=pictures(), recipe=Recipe(2, batch_size=8), device="cpu")
    found["fit"] = [history.n_val, round(history.epochs[-1].val_loss, 3)]
    tuned = replace(FLAVOURS["fine_tune"], profile_recipe=lambda: Recipe(6, lr=3e-3, lr_backbone=3e-4))
    with patch.dict(FLAVOURS, fine_tune=tuned):
        runs = compare(
            read_collection(birds, side=256), flavours=["linear_probe", "fine_tune"], seeds=1
        ).results
    found["compare"] = [(run.flavour, run.n_test, run.trainable_parameters) for run in runs]
    found["accuracies"] = [run.test_accuracy for run in runs]
    return found | {"processes": accelerator.num_processes} if accelerator.is_main_process else {}


if __name__ == "__main__":
    if measured := measure(Path(sys.argv[1])):
        Path(sys.argv[2]).write_text(json.dumps(measured), encoding="utf-8")
