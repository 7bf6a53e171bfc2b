"""One question to the data set, its answer, and how the answer is judged.

Accuracies are judged by a binomial bound, the one that guessing exceeds once in a thousand data sets; tests of
independence at p = 0.001, shared among the tests of one kind.
"""

from __future__ import annotations

from dataclasses import dataclass

from scipy import stats

ALPHA = 0.001


@dataclass(frozen=True)
class Finding:
    """One question to the data set and its answer.

    Attributes:
        question: What was asked.
        found: The answer, in figures.
        limit: What the answer has to keep.
        ok: Whether it does.
    """

    question: str
    found: str
    limit: str
    ok: bool


def guessing(question: str, accuracy: float, n: int, classes: int, times: float = 1.0) -> Finding:
    """An accuracy against that of guessing, or against a multiple of it."""
    limit = stats.binom.ppf(1 - ALPHA, n, min(1, times / classes)) / n
    found = f"accuracy {accuracy:.3f} of {n}; a guess: {1 / classes:.3f}"
    return Finding(question, found, f"at most {limit:.3f}", bool(accuracy <= limit))


def p_value(question: str, p: float, tests: int) -> Finding:
    """The p of the worst of so many tests of one kind."""
    limit = ALPHA / tests
    return Finding(question, f"p = {p:.3g}", f"p > {limit:.2g}", bool(p > limit))
