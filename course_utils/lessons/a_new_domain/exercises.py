"""Exercises on detecting something rare (lesson 6)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_utils.notebook.checks import NotYet, exercise, one_number


def _first_convolutions() -> list[nn.Conv2d]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return [nn.Conv2d(3, 8, 7, stride=2, padding=3, bias=False), nn.Conv2d(3, 4, 3, padding=1)]


def _check_one_channel(answer: Callable[[nn.Conv2d], nn.Module]) -> str:
    grey = torch.rand(2, 1, 20, 20, generator=torch.Generator().manual_seed(0))
    for conv in _first_convolutions():
        colours, weight = conv(grey.expand(-1, 3, -1, -1)).detach(), conv.weight.detach().clone()
        bias = 0 if conv.bias is None else conv.bias.detach()[:, None, None]
        found = answer(conv)
        if found is None:
            raise NotYet("It returned nothing. Is a `return` missing?")
        if not isinstance(found, nn.Module):
            raise NotYet(f"It returned a value of type `{type(found).__name__}`; expected the convolution.")
        try:
            answered = found(grey).detach()
        except RuntimeError as error:
            raise NotYet(
                f"What it returned does not take pictures of one channel, (2, 1, 20, 20): {str(error).splitlines()[0]}"
            ) from error
        if answered.shape != colours.shape:
            raise NotYet(
                f"Its answer has the shape {tuple(answered.shape)}; that of conv has {tuple(colours.shape)}. Keep stride "
                "and padding."
            )
        if torch.allclose(answered, colours, atol=1e-5):
            continue
        without, wanted = answered - bias, colours - bias
        if conv.bias is not None and torch.allclose(answered, wanted, atol=1e-5):
            raise NotYet("The bias of conv is lost.")
        if torch.allclose(without * 3, wanted, atol=1e-5):
            raise NotYet(
                "Its answer is a third as strong. Three equal channels are added up, each with its own weights: take the "
                "sum of the weights, not the mean."
            )
        if any(
            torch.allclose(
                without, F.conv2d(grey, weight[:, k : k + 1], None, conv.stride, conv.padding), atol=1e-5
            )
            for k in range(3)
        ):
            raise NotYet(
                "It keeps the weights of one colour only. The other two saw the same grey picture, too."
            )
        raise NotYet(
            "To a grey picture it answers otherwise than conv does to the same picture in three equal channels. Its weights "
            "must come from those of conv: (out, 3, k, k) becomes (out, 1, k, k)."
        )
    return "Nothing is lost, where the colours were normalised alike. timm does the same: create_model(..., in_chans=1)."


@exercise(
    _check_one_channel,
    "A convolution multiplies each channel by weights of its own, and adds up. What if the three channels are equal?",
    "conv.weight.sum(dim=1, keepdim=True) has the shape (out, 1, k, k).",
    "Put it back as nn.Parameter(...detach()...), and set conv.in_channels = 1.",
)
def one_channel(conv):
    total = conv.weight.detach().sum(dim=1, keepdim=True)
    conv.weight = nn.Parameter(total)
    conv.in_channels = 1
    return conv


_SCORES = torch.tensor([0.05, 0.10, 0.15, 0.20, 0.30, 0.35, 0.45, 0.55, 0.62, 0.80])
_TRUTH = torch.tensor([0, 0, 0, 1, 0, 0, 1, 0, 1, 1])


def _check_threshold(answer: Callable[[Tensor, Tensor, float], float]) -> str:
    for specificity in (0.8, 0.5):
        found = one_number(answer(_SCORES.clone(), _TRUTH.clone(), specificity))
        _judge_threshold(found, _SCORES, _TRUTH, specificity)
    order = torch.tensor([9, 3, 4, 0, 1, 8, 2, 7, 5, 6])
    shuffled = one_number(answer(_SCORES[order], _TRUTH[order], 0.8))
    if not 0.35 < shuffled <= 0.45:
        raise NotYet(
            f"The same studies in another order gave {shuffled:.3f}: sort the scores of the healthy first."
        )
    for number, specificity in ((19, 0.95), (43, 0.95), (57, 0.9), (101, 0.75)):
        generator = torch.Generator().manual_seed(number)
        truth = (torch.arange(number + 10) < 10).long()
        scores = torch.randperm(999, generator=generator)[: number + 10] / 1000 + 0.0005
        found = one_number(answer(scores.clone(), truth.clone(), specificity))
        _judge_threshold(found, scores, truth, specificity)
    return "It is chosen on val, where you may look. What it keeps of its promise shows on test."


def _judge_threshold(found: float, scores: Tensor, truth: Tensor, specificity: float) -> None:
    healthy, ill = scores[truth == 0].sort().values, scores[truth == 1]
    cleared = (healthy < found).double().mean().item()
    allowed = int(len(healthy) * (1 - specificity) + 1e-9)
    last = healthy[len(healthy) - 1 - allowed].item()
    following = scores.sort().values[int((last >= scores).sum())].item()
    if last < found <= following:
        return
    says = f"To clear {specificity:.0%} of {len(healthy)} healthy studies it chose {found:.3f}"
    if found == last:
        raise NotYet(
            f"{says}, the very score of a healthy study. What reaches the threshold is called ill, so that one is alarmed, "
            "too: go just above it. (A step as small as 1e-9 is lost in a float32 tensor; 1e-6 is not.)"
        )
    if not 0 < found < 1:
        raise NotYet(
            f"{says}. A threshold is a score, somewhere from {scores.min():.2f} to {scores.max():.2f}."
        )
    ways = ("linear", "lower", "higher", "nearest", "midpoint")
    quantiles = [torch.quantile(healthy, specificity, interpolation=way).item() for way in ways]
    if min(abs(found - q) for q in quantiles) < 1e-4:
        raise NotYet(
            f"{says}. quantile counts the steps between the studies, not the studies, so it lands too high or too low. Sort "
            "the healthy, find the last score that must be cleared, and go just above it."
        )
    from_wrong_studies = {
        "clears that share of everybody": torch.quantile(scores, specificity),
        "follows the scores of the ill": torch.quantile(ill, specificity),
        "finds that share of the ill": torch.quantile(ill, 1 - specificity),
    }
    for what, score in from_wrong_studies.items():
        if scores is _SCORES and abs(found - score) < 0.02:
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


_GAIN, _LOSS, _OPEN = "gain", "loss", "can't tell"
_CLAIMS = (
    ((0.011, 0.031), (0.002, 0.050), _GAIN),
    ((-0.052, -0.010), (-0.047, -0.003), _LOSS),
    ((0.008, 0.030), (-0.012, 0.045), _OPEN),
    ((-0.012, 0.045), (0.008, 0.030), _OPEN),
    ((-0.040, -0.008), (-0.030, 0.001), _OPEN),
    ((-0.030, -0.010), (0.004, 0.020), _OPEN),
    ((0.000, 0.024), (0.001, 0.030), _OPEN),
)


def _check_claim(answer: Callable[[tuple[float, float], tuple[float, float]], str]) -> str:
    for seeds, patients, expected in _CLAIMS:
        found = answer(seeds, patients)
        if not isinstance(found, str):
            raise NotYet(
                f'It returned {found!r}; expected one of the texts "gain", "loss" and "can\'t tell".'
            )
        said = " ".join(found.lower().replace("\u2019", "'").split())
        case = f"Over seeds {seeds[0]:+.3f} to {seeds[1]:+.3f}, over patients {patients[0]:+.3f} to {patients[1]:+.3f}: you "
        case += f'said "{found}". '
        if said not in (_GAIN, _LOSS, _OPEN):
            raise NotYet(
                case
                + 'Expected "gain", "loss" or "can\'t tell". (That there is no effect is never shown: effects '
                "inside the intervals fit, too.)"
            )
        if said == expected:
            continue
        if {said, expected} == {_GAIN, _LOSS}:
            raise NotYet(case + "The signs are the wrong way round: above 0 it is a gain.")
        if expected != _OPEN:
            raise NotYet(case + "Both intervals lie on the same side of 0, so this may be claimed.")
        if 0 in seeds:
            raise NotYet(case + "An interval that ends at 0 still holds 0.")
        if (seeds[0] > 0) == (seeds[1] > 0) and (patients[0] > 0) == (patients[1] > 0):
            raise NotYet(case + "One speaks for a gain and the other for a loss.")
        holds = "over seeds" if seeds[0] <= 0 <= seeds[1] else "over patients"
        raise NotYet(
            case + f"The interval {holds} holds 0, so it may be luck. A claim needs both on one side."
        )
    return 'Mind the third answer: "can\'t tell" is not "no effect". Every effect inside the intervals fits these runs.'


@exercise(
    _check_claim,
    "An interval lies above 0 if its low end does; below 0 if its high end does.",
    "Take the lower of both low ends: min(over_seeds[0], over_patients[0]). If that is above 0, both intervals are.",
)
def claim(over_seeds, over_patients):
    if min(over_seeds[0], over_patients[0]) > 0:
        return "gain"
    if max(over_seeds[1], over_patients[1]) < 0:
        return "loss"
    return "can't tell"


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
    places = sorted(sorted(val | train).index(patient) for patient in val)
    steps = {after - before for before, after in itertools.pairwise(places)}
    if len(steps) == 1:
        which = (
            "patients who stand together in the list"
            if steps == {1}
            else f"every patient number {steps.pop()}"
        )
        raise NotYet(
            f"Val holds {which}. A list often has an order, by date or by clinic for instance, and then val is of another "
            "kind than train. Draw the patients at random."
        )
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
