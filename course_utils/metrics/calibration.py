"""How far a model's probabilities can be trusted, and the temperature that brings them nearer to the truth."""

from __future__ import annotations

import math
from typing import NamedTuple

from scipy.optimize import minimize_scalar
from torch import Tensor
from torch.nn import functional as F

RANGE = (0.05, 20.0)
"""Temperatures that are looked at."""
SPREAD = 0.5
"""Standard deviation of the logarithm of temperatures that is taken for granted: a few pictures, all named rightly, would
otherwise ask for a temperature of 0."""


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """The number to divide logits by so that their probabilities fit the labels best (Guo et al. 2017).

    It changes no answer, only how sure it sounds. Above 1 the model was too sure of itself. With few pictures it stays near
    1: a normal prior on its logarithm counts as much as a few of them.

    Args:
        logits: (N, classes), of pictures that nothing was trained on.
        labels: int64 (N,).

    Returns:
        From 0.05 to 20.
    """
    logits = logits.double()

    def loss(log_temperature: float) -> float:
        fit = F.cross_entropy(logits / math.exp(log_temperature), labels).item()
        return fit + (log_temperature / SPREAD) ** 2 / (2 * len(labels))

    low, high = map(math.log, RANGE)
    return math.exp(minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-4}).x)


class Bin(NamedTuple):
    """Pictures whose answers have about the same probability.

    Attributes:
        n: Pictures.
        probability: Mean of their answers' probabilities, 0 to 1.
        accuracy: Share of the answers that are right, 0 to 1.
    """

    n: int
    probability: float
    accuracy: float


def reliability(probability: Tensor, right: Tensor, *, bins: int = 10) -> list[Bin]:
    """What share of the answers is right, by the probability that the model gave them; bins without pictures are left out.

    Args:
        probability: (N,), of each picture's answer.
        right: bool (N,).
        bins: Equally wide, from 0 to 1.
    """
    place = (probability.double() * bins).long().clamp(max=bins - 1)
    chosen = [place == k for k in place.unique().tolist()]
    return [
        Bin(int(of.sum()), probability[of].double().mean().item(), right[of].double().mean().item())
        for of in chosen
    ]


def calibration_error(probabilities: Tensor, labels: Tensor, *, bins: int = 10) -> float:
    """Expected calibration error: how far, on average, the probability of the answer lies from the share that is right.

    Args:
        probabilities: (N, classes), rows that sum to 1.
        labels: int64 (N,).
        bins: Equally wide, from 0 to 1.
    """
    sure, named = probabilities.max(1)
    found = reliability(sure, named == labels, bins=bins)
    return sum(of.n * abs(of.probability - of.accuracy) for of in found) / len(labels)
