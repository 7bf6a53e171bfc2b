"""Every exercise: its solution passes, its likely wrong answers get their own message, its stub stops nothing."""

from __future__ import annotations

import math
import statistics

import pytest
import torch
from torch import nn

from course_utils.teaching.exercises import comparing, fine_tuning, training

EXERCISES = {
    f"{module.__name__.rpartition('.')[2]}.{name}": value
    for module in (training, fine_tuning, comparing)
    for name, value in vars(module).items()
    if type(value).__name__ == "Exercise"
}


def groups(backbone_rate, head_rate, *, keep_frozen=False, drop_bias=False):
    def answer(parameters, lr_backbone, lr_head):
        rates = {"b": lr_backbone, "h": lr_head}
        kept = {n: p for n, p in parameters.items() if p.requires_grad or keep_frozen}
        head = [
            p
            for n, p in kept.items()
            if n.startswith("classifier.") and not (drop_bias and n.endswith("bias"))
        ]
        backbone = [p for n, p in kept.items() if not n.startswith("classifier.")]
        return [{"params": backbone, "lr": rates[backbone_rate]}, {"params": head, "lr": rates[head_rate]}]

    return answer


def only_parameters(before, after, head):
    return all(
        torch.equal(before[n], after[n]) for n in before if "running" not in n and not n.startswith(head)
    )


def paired(a, b):
    differences = [x - y for x, y in zip(a, b, strict=True)]
    return statistics.mean(differences), statistics.stdev(differences) / math.sqrt(len(a))


def unpaired(a, b):
    apart = math.sqrt(statistics.variance(a) / len(a) + statistics.variance(b) / len(b))
    return statistics.mean(a) - statistics.mean(b), apart


WRONG = [
    (training.guessing_loss, lambda n: 1 / n, "probability of the right class"),
    (training.guessing_loss, lambda n: -math.log(n), "never negative"),
    (training.guessing_loss, math.log2, "natural logarithm"),
    (training.guessing_loss, lambda n: 7.0, "it returned 7.000"),
    (training.mean_accuracy, lambda b: sum(c / n for c, n in b) / len(b), "as much as 32 others"),
    (training.mean_accuracy, lambda b: sum(c for c, _ in b), "Divide by the number"),
    (training.mean_accuracy, lambda b: 100 * sum(c for c, _ in b) / sum(n for _, n in b), "in percent"),
    (training.diagnose, lambda t, v: "overfit", "Expected one of"),
    (
        training.diagnose,
        lambda t, v: "over-fit" if v[-1] > 1.1 * t[-1] else "under-fit",
        "gap between train and val",
    ),
    (training.diagnose, lambda t, v: "under-fit" if t[-1] < 0.9 * t[-3] else "good", "Ask val first"),
    (fine_tuning.is_frozen, lambda b, a, h: all(torch.equal(b[n], a[n]) for n in b), "leave its names out"),
    (fine_tuning.is_frozen, only_parameters, "BatchNorm"),
    (fine_tuning.is_frozen, lambda b, a, h: b.keys() == a.keys(), "yes although"),
    (fine_tuning.best_l2, lambda d: min(d["train"], key=d["train"].get), "ask val instead"),
    (fine_tuning.best_l2, lambda d: max(d["val"], key=d["val"].get), "better when it is lower"),
    (fine_tuning.best_l2, lambda d: min(d["val"].values()), "lowest loss itself"),
    (fine_tuning.two_rates, groups("h", "b"), "swapped"),
    (fine_tuning.two_rates, groups("b", "h", keep_frozen=True), "frozen parameter is in a group"),
    (fine_tuning.two_rates, groups("b", "h", drop_bias=True), "classifier.bias trains but is in no group"),
    (comparing.differences, lambda a, b: {k for k in a if a[k] != b[k]}, "is what the comparison is about"),
    (
        comparing.differences,
        lambda a, b: {k for k in a if a[k] != b[k] and k != "weights"},
        "why there are several",
    ),
    (comparing.differences, lambda a, b: a == b, "Return the names"),
    (comparing.differences, lambda a, b: set(), "calls every pair fair"),
    (comparing.gain, lambda a, b: paired(b, a), "wrong way round"),
    (comparing.gain, lambda a, b: (paired(a, b)[0], 2 * paired(a, b)[1]), "divide by the root of 4"),
    (comparing.gain, unpaired, "as strangers"),
    (comparing.gain, lambda a, b: paired(a, b)[0], "Return two numbers"),
    (comparing.pictures_needed, lambda n, a, t: n[0], "return None"),
    (
        comparing.pictures_needed,
        lambda n, a, t: min((x for x in a if x >= t), default=None),
        "not the accuracy",
    ),
    (
        comparing.pictures_needed,
        lambda n, a, t: next((s for s, x in zip(n, a, strict=True) if x >= t), None),
        "in any order",
    ),
]


def solved(exercise):
    namespace = {"math": math, "statistics": statistics, "torch": torch, "nn": nn}
    exec(exercise.solution_code(), namespace)
    return namespace[exercise.name]


@pytest.mark.parametrize("name", EXERCISES)
def test_solution_passes(name, capsys):
    exercise = EXERCISES[name]
    assert exercise.check(solved(exercise))
    assert "Correct" in capsys.readouterr().out


@pytest.mark.parametrize(("exercise", "answer", "message"), WRONG)
def test_wrong_answer_gets_its_message(exercise, answer, message, capsys):
    assert not exercise.check(answer)
    assert message in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("name", EXERCISES)
def test_each_exercise_foresees_three_wrong_answers_and_has_hints(name):
    exercise = EXERCISES[name]
    assert sum(e is exercise for e, _, _ in WRONG) >= 3
    assert len(exercise.hints) >= 2


@pytest.mark.parametrize("name", EXERCISES)
def test_unsolved_stub_is_no_error(name, capsys):
    assert not EXERCISES[name].check(lambda *_: None)
    out, err = capsys.readouterr()
    assert "Not yet" in out and not err
