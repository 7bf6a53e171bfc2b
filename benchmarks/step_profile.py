"""What bounds a training step: where its time goes, and what share of this machine's peak its arithmetic reaches.

python benchmarks/step_profile.py [--way fine_tune] [--batch-size 32]
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from time import perf_counter

import torch
import typer
from torch import Tensor, nn
from torch.optim import AdamW
from torch.profiler import ProfilerActivity, profile

from course_utils.data import load_birds, train_transform
from course_utils.experiments.flavours import FLAVOURS
from course_utils.models import preprocessing_for
from course_utils.training import make_loader
from course_utils.training.hardware import Hardware
from course_utils.training.loop import train_step

BACKBONE = "efficientnet_lite0"
ROUNDS = 5
KINDS = {
    "batch_norm": "BatchNorm",
    "hardtanh": "activations",
    "clamp": "activations",
    "threshold": "activations",
    "relu": "activations",
    "_foreach": "optimiser",
    "_fused_adam": "optimiser",
}
"""What operators do, by a part of their names; convolutions are told apart by their shapes."""


@lru_cache(maxsize=2)
def gemm_peak(precision: str) -> float:
    """GFLOP/s of a large matrix product, the best of many: a busy machine only slows it."""
    side = 2048
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    a, b = torch.randn(side, side, dtype=kind), torch.randn(side, side, dtype=kind)
    return max(2 * side**3 / _seconds(lambda: a @ b) for _ in range(100)) / 1e9


def kind_of(name: str, shapes: list[list[int]]) -> str:
    """Which row of the table an operator belongs to."""
    if "conv" in name:
        weights = [shape for shape in shapes if len(shape) == 4][1:]
        return "depthwise convolutions" if any(w[1] == 1 for w in weights[-1:]) else "other convolutions"
    return next((kind for part, kind in KINDS.items() if part in name), "copies, sums, the rest")


def gflop(model: nn.Module, step: Callable[[], object]) -> float:
    """What the convolutions and linear layers of one step compute; PyTorch's own counter takes depthwise ones for dense."""
    done: list[float] = []

    def count(layer: nn.Module, given: object, made: Tensor) -> None:
        passes = 3 if layer.weight.requires_grad else 1  # forward, for the input, for the weights
        done.append(2 * made.numel() * layer.weight[0].numel() * passes)

    layers = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    step()
    for hook in hooks:
        hook.remove()
    return sum(done) / 1e9


def step_profile(way: str, batch_size: int = 32) -> dict[str, object]:
    """Shares of a step's time, and its GFLOP/s beside the peak."""
    hardware, preprocessing = Hardware.find("cpu"), preprocessing_for(BACKBONE)
    birds = load_birds("fieldguide", images_per_class=2)
    train = birds.train.with_transform(train_transform(preprocessing))
    model = hardware.place(FLAVOURS[way].start(BACKBONE, len(birds.classes), 0))
    pictures, labels = next(iter(make_loader(train, batch_size=batch_size)))
    quick = hardware.quick(model, pictures.shape[1:], trains=True).train()
    optimizer = AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4, fused=True)

    def step() -> Tensor:
        return train_step(quick, pictures, labels, optimizer=optimizer, hardware=hardware)

    done = gflop(model, step)
    seconds = sorted(_seconds(step) for _ in range(ROUNDS))[ROUNDS // 2]
    loading = sorted(
        _seconds(lambda: next(iter(make_loader(train, batch_size=batch_size)))) for _ in range(ROUNDS)
    )
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as seen:
        step()
    took: Counter[str] = Counter()
    for event in seen.key_averages(group_by_input_shape=True):
        took[kind_of(event.key, event.input_shapes)] += event.self_cpu_time_total
    whole, peak = seconds + loading[ROUNDS // 2], gemm_peak(hardware.precision)
    inside = seconds / whole
    shares = {kind: time / sum(took.values()) * inside for kind, time in took.most_common()}
    return {
        "precision": hardware.precision,
        "pictures_per_second": round(len(labels) / whole, 1),
        "gflop_per_picture": round(done / len(labels), 2),
        "gemm_peak_gflops": round(peak),
        "share_of_peak": round(done / seconds / peak, 3),
        "shares": {kind: round(share, 3) for kind, share in (shares | {"crops": 1 - inside}).items()},
    }


def _seconds(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


def main(way: str = "fine_tune", batch_size: int = 32) -> None:
    """Print it."""
    typer.echo(json.dumps(step_profile(way, batch_size), indent=2))


if __name__ == "__main__":
    typer.run(main)
