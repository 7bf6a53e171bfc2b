"""How sure an accuracy is."""

from __future__ import annotations

from scipy.stats import binomtest


def accuracy_interval(accuracy: float, n: int) -> tuple[float, float]:
    """Wilson's 95% interval for an accuracy measured on ``n`` pictures.

    It says how far the number could move with another draw of test pictures. It knows nothing of seeds.
    """
    found = binomtest(round(accuracy * n), n).proportion_ci(method="wilson")
    return float(found.low), float(found.high)
