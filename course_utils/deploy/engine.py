"""One engine that answers pictures, alone in its process: how fast, with how much memory, and with which logits.

Run by itself, so that an engine without PyTorch is measured without PyTorch:
``python -m course_utils.deploy.engine (torch|bf16|onnx) MODEL PICTURES.npy LOGITS.npy`` prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from time import perf_counter

import numpy as np
import psutil

ROUNDS, BATCH = 50, 32


def onnx_engine(model: str) -> Callable[[np.ndarray], np.ndarray]:
    """onnxruntime on the processor."""
    import onnxruntime

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda pictures: session.run(None, {name: pictures})[0]


def torch_engine(model: str, *, bf16: bool) -> Callable[[np.ndarray], np.ndarray]:
    """PyTorch on the processor, with a bundle's folder."""
    import torch

    from course_utils.deploy.bundle import load_bundle

    network = load_bundle(model).model.to(memory_format=torch.channels_last)

    def answer(pictures: np.ndarray) -> np.ndarray:
        given = torch.from_numpy(np.array(pictures)).contiguous(memory_format=torch.channels_last)
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            return network(given).float().numpy()

    return answer


def measure(
    answer: Callable[[np.ndarray], np.ndarray], pictures: np.ndarray
) -> tuple[np.ndarray, dict[str, float]]:
    """Logits of all pictures, (N, classes); and seconds for one, pictures a second in batches, bytes of memory."""
    one, several = np.array(pictures[:1]), np.resize(pictures[:BATCH], (BATCH, *pictures.shape[1:]))
    for _ in range(5):
        answer(one)
    alone = [_seconds(answer, one) for _ in range(ROUNDS)]
    answer(several)
    together = [_seconds(answer, several) for _ in range(5)]
    memory = psutil.Process().memory_info().rss
    logits = np.concatenate(
        [answer(np.array(pictures[i : i + BATCH])) for i in range(0, len(pictures), BATCH)]
    )
    return logits, {
        "p50": float(np.percentile(alone, 50)),
        "p95": float(np.percentile(alone, 95)),
        "pictures_a_second": BATCH / float(np.median(together)),
        "memory": float(memory),
    }


def _seconds(answer: Callable[[np.ndarray], np.ndarray], pictures: np.ndarray) -> float:
    start = perf_counter()
    answer(pictures)
    return perf_counter() - start


if __name__ == "__main__":
    kind, model, given, made = sys.argv[1:]
    engine = onnx_engine(model) if kind == "onnx" else torch_engine(model, bf16=kind == "bf16")
    logits, numbers = measure(engine, np.load(given, mmap_mode="r"))
    np.save(made, logits)
    print(json.dumps(numbers))
