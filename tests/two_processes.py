"""Run in several processes: what evaluate, predict and fit say there, as JSON (see test_faults.py)."""

from __future__ import annotations

import json
import sys

import torch
from torch import nn
from torch.utils.data import TensorDataset

from course_utils.training import Recipe, evaluate, fit, make_loader, predict
from course_utils.training.loop import make_accelerator

CLASSES, PICTURES = 3, 50


def pictures() -> TensorDataset:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(PICTURES) % CLASSES
    return TensorDataset(
        torch.randn(PICTURES, 3, 8, 8, generator=generator) + labels[:, None, None, None], labels
    )


def measure() -> dict[str, object]:
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
    return found | {"processes": accelerator.num_processes} if accelerator.is_main_process else {}


if __name__ == "__main__":
    if found := measure():
        with open(sys.argv[1], "w") as stream:  # noqa: PTH123
            json.dump(found, stream)
