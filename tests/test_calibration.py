"""Probabilities that can be trusted: the temperature, and how far they lie from what is right."""

from __future__ import annotations

import pytest
import torch

from course_utils.metrics.calibration import RANGE, Bin, calibration_error, fit_temperature, reliability


def drawn(number: int, temperature: float, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits whose probabilities are right after division by ``temperature``, and labels drawn from those."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(number, 4, generator=generator, dtype=torch.float64)
    labels = torch.multinomial(logits.softmax(1), 1, generator=generator).flatten()
    return logits * temperature, labels


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_the_labels_were_drawn_with_is_found(temperature):
    logits, labels = drawn(20_000, temperature)
    found = fit_temperature(logits, labels)
    assert found == pytest.approx(temperature, rel=0.05)
    before, after = (calibration_error((logits / t).softmax(1), labels) for t in (1.0, found))
    assert after < 0.02 and (after < before or temperature == 1)


def test_few_pictures_leave_it_near_one():
    logits, labels = torch.eye(4).repeat(2, 1) * 5, torch.arange(4).repeat(2)
    few, many = fit_temperature(logits, labels), fit_temperature(logits.repeat(500, 1), labels.repeat(500))
    assert RANGE[0] <= many < few < 1 and few > 0.3


def test_the_calibration_error_by_hand():
    probabilities = torch.tensor([[0.9, 0.1], [0.9, 0.1], [0.3, 0.7], [0.0, 1.0]])
    labels = torch.tensor([0, 1, 1, 1])
    # .9: half right, off by .4 twice; .7: right, off by .3; 1: right, in the last bin together with .9
    assert calibration_error(probabilities, labels) == pytest.approx((abs(2.8 - 2) + 0.3) / 4)


def test_the_bins_of_reliability_by_hand():
    found = reliability(torch.tensor([0.05, 0.55, 0.5, 1.0]), torch.tensor([False, True, False, True]))
    assert found == [
        Bin(1, pytest.approx(0.05), 0.0),
        Bin(2, pytest.approx(0.525), 0.5),
        Bin(1, 1.0, 1.0),
    ]
