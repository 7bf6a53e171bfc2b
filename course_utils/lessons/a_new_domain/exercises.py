"""Exercises on detecting something rare (lesson 6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from course_utils.notebook.checks import NotYet, exercise, one_number

_PEOPLE, _ILL = 1000, 50


def _check_useless(answer: Callable[[int], Sequence[int]]) -> str:
    calls = _as_list(answer(_PEOPLE), "a call for each person")
    if len(calls) != _PEOPLE:
        raise NotYet(f"There are {len(calls)} calls for {_PEOPLE} people; expected one for each.")
    if strange := set(map(str, calls)) - {"0", "1", "0.0", "1.0", "False", "True"}:
        raise NotYet(f"A call is 1 (ill) or 0 (healthy), but there is {min(strange)} among them.")
    truth = [1] * _ILL + [0] * (_PEOPLE - _ILL)
    found = sum(int(call) for call, ill in zip(calls, truth, strict=True) if ill)
    right = sum(int(call) == ill for call, ill in zip(calls, truth, strict=True)) / _PEOPLE
    if found:
        raise NotYet(
            f"It finds {found} of the {_ILL} ill people and is right in {right:.0%} of its calls. It is to find nobody. "
            "What would a machine say that never raises an alarm?"
        )
    if right < 0.95:
        raise NotYet(
            f"It finds nobody, and still only {right:.1%} of its calls are right: it raises alarms for the healthy."
        )
    if len(_as_list(answer(7), "a call for each person")) != 7:
        raise NotYet(
            f"Asked for 7 people it does not make 7 calls: use the argument, not the number {_PEOPLE}."
        )
    return (
        "Nineteen of twenty calls are right, and everybody who is ill goes home. Where something is rare, accuracy measures "
        "how rare it is."
    )


@exercise(
    _check_useless,
    "Nineteen of twenty people are healthy. What is right for each of them?",
    "A list of `number` zeros: [0] * number.",
)
def useless(number):
    return [0] * number


_SCORES = torch.tensor([0.05, 0.10, 0.15, 0.20, 0.30, 0.35, 0.45, 0.55, 0.62, 0.80])
_TRUTH = torch.tensor([0, 0, 0, 1, 0, 0, 1, 0, 1, 1])


def _check_threshold(answer: Callable[[Tensor, Tensor, float], float]) -> str:
    for specificity, asked in ((0.8, "four of five"), (0.5, "half")):
        found = one_number(answer(_SCORES.clone(), _TRUTH.clone(), specificity))
        _judge_threshold(found, specificity, asked)
    order = torch.tensor([9, 3, 4, 0, 1, 8, 2, 7, 5, 6])
    shuffled = one_number(answer(_SCORES[order], _TRUTH[order], 0.8))
    if not 0.35 < shuffled <= 0.45:
        raise NotYet(
            f"The same studies in another order gave {shuffled:.3f}: sort the scores of the healthy first."
        )
    return "It is chosen on val, where you may look. What it keeps of its promise shows on test."


def _judge_threshold(found: float, specificity: float, asked: str) -> None:
    healthy, ill = _SCORES[_TRUTH == 0], _SCORES[_TRUTH == 1]
    cleared = (healthy < found).double().mean().item()
    allowed = int(len(healthy) * (1 - specificity) + 1e-9)
    last = healthy.sort().values[len(healthy) - 1 - allowed].item()
    following = _SCORES.sort().values[int((last >= _SCORES).sum())].item()
    if last < found <= following:
        return
    says = f"To clear {asked} of the healthy it chose {found:.3f}"
    if found == last:
        raise NotYet(
            f"{says}, the very score of a healthy study. What reaches the threshold is called ill, so that one is alarmed, "
            "too: go just above it. (A step as small as 1e-9 is lost in a float32 tensor; 1e-6 is not.)"
        )
    if not 0 < found < 1:
        raise NotYet(
            f"{says}. A threshold is a score, somewhere from {_SCORES.min():.2f} to {_SCORES.max():.2f}."
        )
    if abs(found - torch.quantile(healthy, specificity)) < 1e-4:
        raise NotYet(
            f"{says}. quantile puts it somewhere between two studies, which may be too high or too low. Sort the healthy, "
            "find the last score that must be cleared, and go just above it."
        )
    from_wrong_studies = {
        "clears that share of everybody": torch.quantile(_SCORES, specificity),
        "follows the scores of the ill": torch.quantile(ill, specificity),
        "finds that share of the ill": torch.quantile(ill, 1 - specificity),
    }
    for what, score in from_wrong_studies.items():
        if abs(found - score) < 0.02:
            raise NotYet(f"{says}, which {what}. Specificity asks the healthy only: labels == 0.")
    if specificity > 0.5 and abs(found - torch.quantile(healthy, 1 - specificity)) < 0.02:
        raise NotYet(f"{says}: that share is alarmed, not cleared. Count from the other end.")
    if cleared < specificity - 1e-9:
        raise NotYet(f"{says}: only {cleared:.0%} of the healthy lie below it. Go higher.")
    raise NotYet(
        f"{says}: that clears {cleared:.0%} of the healthy, but a lower threshold would do, and would find more of the ill. "
        "Take the lowest."
    )


@exercise(
    _check_threshold,
    "Only the healthy decide: scores[labels == 0]. Sort them.",
    "With n healthy studies, int(n * (1 - specificity) + 1e-9) may be alarmed: the highest ones.",
    "The highest score that must be cleared stands at place n - 1 - alarmed of the sorted ones; add a little, such as 1e-6.",
)
def threshold_for(scores, labels, specificity):
    healthy = scores[labels == 0].sort().values
    alarmed = int(len(healthy) * (1 - specificity) + 1e-9)
    return healthy[len(healthy) - 1 - alarmed].item() + 1e-6


_AUROC = {
    (8, "relu"): [0.70, 0.74],
    (8, "silu"): [0.73, 0.75],
    (10, "relu"): [0.80, 0.78],
    (10, "silu"): [0.79, 0.84],
}
_GAINS = [0.03, 0.01, -0.01, 0.06]


def _check_gains(answer: Callable[[Mapping[tuple[int, str], Sequence[float]], str, str], list[float]]) -> str:
    found = sorted(_differences(answer(_AUROC, "relu", "silu")))
    if found == sorted(-g for g in _GAINS):
        raise NotYet(
            "The signs are the wrong way round: a gain is what the second activation has more than the first."
        )
    if len(found) == 2 and found == [0.02, 0.025]:
        raise NotYet(
            "Those are means over the seeds. Keep every seed's difference: their spread tells how sure you are."
        )
    if len(found) == 1:
        raise NotYet(
            "That is one number. Return a list with a difference for each depth and seed, four here."
        )
    if len(found) in (8, 16):
        raise NotYet(
            f"It returned {len(found)} differences: every run against several others. A run has one twin: the same "
            "depth and the same seed."
        )
    if len(found) != len(_GAINS):
        raise NotYet(f"It returned {len(found)} differences; expected {len(_GAINS)}: two depths, two seeds.")
    if found != sorted(_GAINS):
        raise NotYet(
            f"The differences were {found}, expected {sorted(_GAINS)}: the same depth and the same seed in each."
        )
    more = {(6, "relu"): [0.5], (6, "tanh"): [0.4], (9, "relu"): [0.6]}
    found = _differences(answer(more, "relu", "tanh"))
    if found != [-0.1]:
        raise NotYet(
            f"A depth that was tried with one of the two activations only gave {found}; expected [-0.1]. Leave it out: it "
            'has no twin. And use the arguments, not "relu" and "silu".'
        )
    return (
        "Every depth serves the question on activations, and every activation the one on depth: that is what crossing them "
        "buys."
    )


def _differences(found: object) -> list[float]:
    values = _as_list(found, "a difference for each pair")
    if any(hasattr(value, "__iter__") for value in values):
        raise NotYet(
            "There are lists inside the list that it returned; expected one flat list of differences."
        )
    return [round(float(value), 6) for value in values]


@exercise(
    _check_gains,
    "Go through the depths; for each look both activations up: auroc[depth, first] and auroc[depth, second].",
    "zip(auroc[depth, first], auroc[depth, second]) gives the seeds in pairs.",
    "(depth, second) in auroc tells whether the twin was trained.",
)
def gains(auroc, first, second):
    depths = [d for d, name in auroc if name == first and (d, second) in auroc]
    pairs = [zip(auroc[d, first], auroc[d, second]) for d in depths]
    return [b - a for runs in pairs for a, b in runs]


_PATIENTS = [f"P{k // 3:03}" for k in range(600)] + ["P200", "P201", "P003", "P007"]


def _check_split(answer: Callable[[Sequence[str], float], Sequence[bool]]) -> str:
    chosen = _as_list(answer(list(_PATIENTS), 0.25), "True or False for each study")
    if len(chosen) != len(_PATIENTS):
        raise NotYet(
            f"It returned {len(chosen)} values for {len(_PATIENTS)} studies; expected True (val) or False (train) "
            "for each."
        )
    if any(not isinstance(part, bool) and str(part) not in ("True", "False", "0", "1") for part in chosen):
        raise NotYet(
            f"It returned {chosen[0]!r} for the first study; expected True for val, False for train."
        )
    chosen = [bool(part) for part in chosen]
    val = {patient for patient, part in zip(_PATIENTS, chosen, strict=True) if part}
    train = {patient for patient, part in zip(_PATIENTS, chosen, strict=True) if not part}
    if not val or not train:
        raise NotYet(f"All studies went to {'train' if not val else 'val'}.")
    if both := sorted(val & train):
        raise NotYet(
            f"{len(both)} patients are on both sides, {both[0]} for one. Choose patients, then send all studies of "
            "each the same way, wherever in the list they stand."
        )
    share = len(val) / len(val | train)
    if not 0.15 <= share <= 0.35:
        raise NotYet(f"{share:.0%} of the patients are in val; expected about 25%, as share says.")
    other = _as_list(answer(list(_PATIENTS), 0.6), "True or False for each study")
    if sum(map(bool, other)) <= sum(chosen):
        raise NotYet("With share=0.6 val is no larger than with share=0.25: use the argument.")
    return "Nobody is known from training. In scikit-learn this is GroupShuffleSplit, with the patients as groups."


@exercise(
    _check_split,
    "First list the patients, each once: sorted(set(patients)).",
    "Shuffle them, or go through torch.randperm(len(everybody)), and put the first share of them into a set.",
    "For each study ask whether its patient is in that set.",
)
def split_patients(patients, share):
    everybody = sorted(set(patients))
    order = torch.randperm(len(everybody)).tolist()
    val = {everybody[k] for k in order[: round(share * len(everybody))]}
    return [patient in val for patient in patients]


def _as_list(found: object, of: str) -> list:
    if isinstance(found, Tensor):
        found = found.tolist()
    if isinstance(found, str | Mapping) or not hasattr(found, "__iter__"):
        what = "nothing" if found is None else f"a value of type `{type(found).__name__}`"
        raise NotYet(f"It returned {what}; expected a list with {of}.")
    return list(found)
