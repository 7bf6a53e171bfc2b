"""What the code finds out about the machine it computes on."""

from __future__ import annotations

import platform
from contextlib import nullcontext
from itertools import count

import pytest
import torch
from torch import nn

from course_utils import runtime
from course_utils.training import hardware

CPU = torch.device("cpu")


def run_at(monkeypatch: pytest.MonkeyPatch, fp32: float, bf16: float) -> list[float]:
    """Let every fp32 round of the probe take ``fp32`` s and every bf16 round ``bf16`` s; return what was spent."""
    spent: list[float] = []
    reading, clock = count(), [0.0]

    def now() -> float:
        position = next(reading)
        if position % 2:  # the end of a round
            took = bf16 if position % 4 == 3 else fp32
            clock[0] += took
            spent.append(took)
        return clock[0]

    monkeypatch.setattr(hardware, "perf_counter", now)
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())
    monkeypatch.setattr(hardware, "bf16_speedup", hardware.bf16_speedup.__wrapped__)
    monkeypatch.delenv("COURSE_PRECISION", raising=False)
    return spent


@pytest.mark.parametrize(
    ("bf16", "chosen"), [(0.003, "bf16"), (0.0095, "fp32"), (0.011, "fp32"), (0.2, "fp32")]
)
def test_auto_takes_the_faster_precision(monkeypatch, bf16, chosen):
    run_at(monkeypatch, 0.010, bf16)
    assert hardware.resolve_precision(device=CPU) == chosen


def test_measuring_the_precision_is_short_where_bf16_is_slow(monkeypatch):
    """A processor without bf16 units took 6 s to say so."""
    spent = run_at(monkeypatch, 0.010, 0.150)
    assert hardware.resolve_precision(device=CPU) == "fp32"
    assert sum(spent) < 1 and len(spent) >= 4


def test_measuring_the_precision_is_thorough_where_it_is_fast(monkeypatch):
    spent = run_at(monkeypatch, 0.003, 0.001)
    assert hardware.bf16_speedup("cpu") == pytest.approx(3)
    assert len(spent) == 50


def test_measuring_the_precision_leaves_threads_and_random_numbers_as_they_were():
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    hardware.bf16_speedup.__wrapped__("cpu")
    assert torch.get_num_threads() == threads and torch.equal(torch.get_rng_state(), state)


def test_a_precision_that_can_t_run_is_never_taken(monkeypatch):
    def refuse(*_, **__):
        raise RuntimeError("no bf16 here")

    monkeypatch.setattr(torch, "autocast", refuse)
    assert hardware.bf16_speedup.__wrapped__("cpu") == 0.0


def test_what_is_timed_is_a_training_step_on_the_path_that_training_takes(monkeypatch):
    """Forward alone was 4.3 times as fast in bf16 where training was 1.4 times as fast."""
    computed, learned = [], []
    forward, backward = hardware.Hardware.forward, torch.Tensor.backward
    monkeypatch.setattr(
        hardware.Hardware, "forward", lambda h, *a: computed.append(h.precision) or forward(h, *a)
    )
    monkeypatch.setattr(torch.Tensor, "backward", lambda t: learned.append(t.requires_grad) or backward(t))
    with torch.no_grad():
        hardware.bf16_speedup.__wrapped__("cpu")
    assert set(computed) == {"fp32", "bf16"} and learned == [True] * len(computed)


def test_the_precision_is_said_with_its_reason(monkeypatch):
    run_at(monkeypatch, 0.010, 0.005)
    assert hardware.describe(CPU) == "bf16 (training in bf16 is 2.0 times as fast as in fp32 here)"


def test_a_precision_that_was_asked_for_is_not_measured(monkeypatch):
    spent = run_at(monkeypatch, 0.010, 0.005)
    monkeypatch.setenv("COURSE_PRECISION", "fp32")
    assert hardware.describe(CPU) == "fp32 (as COURSE_PRECISION says)"
    assert not spent


def test_a_processor_answers_in_pieces_that_fit_its_caches(monkeypatch):
    sizes: list[int] = []

    class Counts(nn.Module):
        """The mean of each picture, and how many came at a time."""

        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            """(N, C, H, W) to (N, 1)."""
            sizes.append(len(pictures))
            return pictures.mean((1, 2, 3))[:, None]

    here = hardware.Hardware(torch.device("cpu"), "fp32")
    pictures = torch.rand(7, 3, 8, 8)
    whole = here.answer(Counts(), pictures)
    assert sizes == [7] and torch.allclose(whole[:, 0], pictures.mean((1, 2, 3)))
    monkeypatch.setattr(hardware, "PIXELS_AT_A_TIME", 2 * 8 * 8)
    assert torch.allclose(here.answer(Counts(), pictures), whole) and sizes[1:] == [2, 2, 2, 1]
    monkeypatch.setattr(hardware.Hardware, "forward", lambda self, model, pictures: model(pictures))
    elsewhere = hardware.Hardware(torch.device("cuda"), "fp32")
    assert torch.allclose(elsewhere.answer(Counts(), pictures), whole) and sizes[5:] == [7]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told so")
def test_memory_of_a_large_tensor_is_used_again():
    """Fresh memory would cost 40,000 page faults each time; the first few rounds settle where it lies."""
    import resource

    assert runtime.reuse_memory()
    faults = []
    for _ in range(8):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        torch.ones(40 * 2**20)
        faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    assert faults[-1] < 1_000, faults


@pytest.mark.parametrize(
    ("device", "layout"),
    [("cpu", torch.channels_last), ("cuda", torch.channels_last), ("mps", torch.contiguous_format)],
)
def test_a_mac_gets_the_plain_layout(device, layout, monkeypatch):
    """Its BatchNorm gives wrong gradients otherwise. No Mac is needed: a model is asked to move, and does not."""
    place, asked = hardware.Hardware(torch.device(device), "fp32"), []
    monkeypatch.setattr(nn.Module, "to", lambda self, *where, **how: asked.append((where, how)) or self)
    place.place(nn.Linear(1, 1))
    assert asked == [((torch.device(device),), {"memory_format": layout})]
