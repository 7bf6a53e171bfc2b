"""What the code finds out about the machine it computes on."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import warnings
from contextlib import nullcontext
from itertools import count

import pytest
import torch
from torch import nn

from course_utils import runtime
from course_utils.errors import CourseError
from course_utils.training import hardware
from course_utils.training.loop import make_accelerator

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


@pytest.fixture
def useless_gpu(monkeypatch):
    """Seen by PyTorch, and unable to compute, as one that its build has no kernels for."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    runtime.trouble_with.cache_clear()
    runtime._warn_once.cache_clear()
    yield
    runtime.trouble_with.cache_clear()


def test_a_gpu_that_does_not_compute_is_not_taken(useless_gpu):
    """compare ended in a traceback."""
    with pytest.warns(UserWarning, match=r"sees a GPU \(cuda\) and can't compute on it .*course doctor"):
        assert hardware.Hardware.find().device == CPU
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert make_accelerator().device == CPU, "said once"
    with pytest.raises(CourseError, match="Device 'cuda' can't be used here"):
        hardware.Hardware.find("cuda")


def test_a_kernel_that_is_missing_is_noticed_by_a_convolution(monkeypatch):
    """An empty tensor goes to any GPU that is visible."""

    def no_kernel(*_, **__):
        raise RuntimeError(
            "CUDA error: no kernel image is available for execution on the device\nCompile with ..."
        )

    runtime.trouble_with.cache_clear()
    monkeypatch.setattr(torch.nn.functional, "conv2d", no_kernel)
    assert (
        runtime.trouble_with("cpu")
        == "RuntimeError: CUDA error: no kernel image is available for execution on the device"
    )
    with pytest.raises(CourseError, match="no kernel image"):
        runtime.resolve_device("cpu")
    runtime.trouble_with.cache_clear()


@pytest.mark.parametrize(
    "variables",
    [
        {"LOCAL_RANK": "0", "RANK": "0", "WORLD_SIZE": "1"},
        {"RANK": "0", "WORLD_SIZE": "4"},
        {"ACCELERATE_USE_DEEPSPEED": "true"},
    ],
)
def test_what_a_launcher_left_behind_is_named_and_can_be_taken_away(variables):
    code = """
import os
from course_utils.errors import CourseError
from course_utils.training.loop import make_accelerator
try:
    make_accelerator()
except CourseError as error:
    print(error)
    for name in str(error).partition("unset ")[2].split():
        del os.environ[name]
    print(make_accelerator().num_processes)
"""
    environment = {**os.environ, **variables}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    said, processes = done.stdout.splitlines()
    assert said.endswith(
        f"To train in this process alone, take them away: unset {' '.join(sorted(variables))}"
    )
    assert processes == "1"


def test_accumulation_is_the_course_s_own(monkeypatch):
    """A variable that a launcher left behind divided every loss by four, without a word."""
    monkeypatch.setenv("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "4")
    assert make_accelerator("cpu").gradient_accumulation_steps == 1
