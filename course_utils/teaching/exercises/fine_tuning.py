"""Exercises on fine-tuning (lesson 4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from course_utils.teaching.checks import NotYet, exercise

State = dict[str, Tensor]


def _state() -> State:
    names = ("conv.weight", "bn.weight", "bn.running_mean", "classifier.weight", "classifier.bias")
    return {name: torch.arange(3.0) + i for i, name in enumerate(names)}


def _moved(*names: str) -> State:
    return {name: tensor + (name in names) for name, tensor in _state().items()}


def _check_is_frozen(answer: Callable[[State, State, str], bool]) -> str:
    head = "classifier."
    try:
        found = answer(_state(), _moved("classifier.weight", "classifier.bias"), head)
    except RuntimeError as error:
        if "ambiguous" not in str(error):
            raise
        raise NotYet(
            "`==` compares two tensors number by number, and gives a tensor of answers. torch.equal(a, b) gives one: "
            "whether all of them agree."
        ) from error
    if found is None:
        raise NotYet(
            "It returned `None` where nothing but the head has changed. Is a `return True` missing at the end?"
        )
    if not found:
        raise NotYet(
            "It said no although only the head has changed. The head is meant to train: leave its names out."
        )
    if answer(_state(), _moved("classifier.weight", "bn.running_mean"), head):
        raise NotYet(
            "It said yes although bn.running_mean has moved. Look at every tensor of the state dict, not only at those "
            "called weight or bias: BatchNorm's statistics are what usually escapes."
        )
    if answer(_state(), _moved("conv.weight"), head):
        raise NotYet(
            "It said yes although conv.weight has changed. Compare the values: torch.equal(before[n], after[n])."
        )
    turned = _state() | {"conv.weight": _state()["conv.weight"].flip(0)}
    if answer(_state(), turned, head):
        raise NotYet(
            "It said yes although the numbers of conv.weight have changed places. Their sum is the same, the tensor is not: "
            "torch.equal compares each."
        )
    if not answer(_state(), _state(), head):
        raise NotYet("It said no although nothing has changed at all.")
    return "Parameters and buffers alike: that is what frozen means."


@exercise(
    _check_is_frozen,
    "Go through all names of the state dict; skip those for which name.startswith(head).",
    "torch.equal compares two tensors; == compares them number by number.",
    "all(... for name in before if ...) is True when every comparison is.",
)
def is_frozen(before, after, head):
    backbone = [name for name in before if not name.startswith(head)]
    return all(torch.equal(before[name], after[name]) for name in backbone)


def _check_best_l2(answer: Callable[[Mapping[str, Mapping[float, float]]], float]) -> str:
    losses = {
        "train": {0.0001: 0.01, 0.001: 0.05, 0.01: 0.20, 0.1: 0.60},
        "val": {0.1: 1.10, 0.0001: 0.95, 0.01: 0.70, 0.001: 0.78},
    }
    found = answer(losses)
    if found == 0.0001 and answer({key: {0.0001: 0.5, 0.001: 0.1} for key in losses}) == 0.0001:
        raise NotYet(
            "That is the smallest l2, whatever its loss: min(d) compares a dictionary's keys. Compare their values: "
            "min(d, key=d.get)."
        )
    if found == 0.0001:
        raise NotYet(
            "0.0001 wins on the training pictures. A head with thousands of weights can learn a few hundred pictures "
            "by heart; ask val instead."
        )
    if found == 0.1:
        raise NotYet("0.1 has the highest loss on val. A loss is better when it is lower.")
    if found == 0.001:
        raise NotYet(
            "0.001 has the lowest sum of both losses. What the model has learned from should have no say: ask val alone."
        )
    if found == 0.7:
        raise NotYet("That is the lowest loss itself. Return the l2 that has it: min(d, key=d.get).")
    if found != 0.01:
        raise NotYet(f"It returned {found!r}. Expected the l2 whose loss on val is lowest.")
    return "Val chooses; train would always vote for the smallest penalty."


@exercise(
    _check_best_l2,
    "Which of the two splits has the model not learned from?",
    "min(d, key=d.get) gives the key of a dictionary d with the lowest value.",
)
def best_l2(losses):
    val = losses["val"]
    return min(val, key=val.get)


def _check_two_rates(answer: Callable[[dict[str, nn.Parameter], float, float], list[dict[str, Any]]]) -> str:
    parameters = {
        "conv.weight": nn.Parameter(torch.zeros(5), requires_grad=False),
        "blocks.weight": nn.Parameter(torch.zeros(7)),
        "classifier.weight": nn.Parameter(torch.zeros(3)),
        "classifier.bias": nn.Parameter(torch.zeros(1)),
    }
    groups = answer(parameters, 0.001, 0.01)
    for group in groups:
        if set(group) != {"params", "lr"}:
            raise NotYet(f'A group has the keys {sorted(group)}. The optimiser looks for "params" and "lr".')
        if isinstance(group["params"], Mapping) or any(isinstance(p, str) for p in group["params"]):
            raise NotYet(
                "A group holds names. The optimiser moves parameters, so params is a list of them: the dictionary's values."
            )
    rates = {id(p): group["lr"] for group in groups for p in group["params"]}
    if id(parameters["conv.weight"]) in rates:
        raise NotYet("A frozen parameter is in a group. Keep only those with requires_grad.")
    missing = [name for name, p in parameters.items() if p.requires_grad and id(p) not in rates]
    if missing:
        raise NotYet(f"{missing[0]} trains but is in no group, so the optimiser would never move it.")
    if rates[id(parameters["blocks.weight"])] == 0.01 or rates[id(parameters["classifier.weight"])] == 0.001:
        raise NotYet(
            "The rates are swapped: the new head moves fast (lr_head), what was learned moves gently."
        )
    torch.optim.AdamW(groups)
    if rates[id(parameters["blocks.weight"])] != 0.001 or rates[id(parameters["classifier.bias"])] != 0.01:
        raise NotYet("Use the rates that were given: lr_backbone and lr_head.")
    return "An optimiser takes such groups as they are: torch.optim.AdamW(groups)."


@exercise(
    _check_two_rates,
    "First keep what trains: [(n, p) for n, p in parameters.items() if p.requires_grad].",
    'Then part it by name.startswith("classifier.").',
    'A group is {"params": [...], "lr": ...}.',
)
def two_rates(parameters, lr_backbone, lr_head):
    head, backbone = [], []
    for name, parameter in parameters.items():
        if parameter.requires_grad:
            part = head if name.startswith("classifier.") else backbone
            part.append(parameter)
    return [
        {"params": backbone, "lr": lr_backbone},
        {"params": head, "lr": lr_head},
    ]
