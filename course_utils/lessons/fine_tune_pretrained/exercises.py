"""Exercises on fine-tuning (lesson 4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from course_utils.notebook.checks import NotYet, exercise, one_number

State = dict[str, Tensor]


_NAMES = ("conv.weight", "bn.weight", "bn.running_mean", "block.classifier.weight")


def _states(head: str, changed: str = "") -> tuple[State, State]:
    """A state dict before and after, where one number in the middle of the tensor ``changed`` has moved a little."""
    before = {name: torch.arange(6.0) + i for i, name in enumerate((*_NAMES, f"{head}weight", f"{head}bias"))}
    after = {name: tensor.clone() for name, tensor in before.items()}
    if changed:
        after[changed][3] += 0.001
    return before, after


def _said(answer: Callable[[State, State, str], bool], states: tuple[State, State], head: str) -> bool:
    """What the answer says of two state dicts, if that is a truth value."""
    try:
        found = answer(*states, head)
        if isinstance(found, Tensor):
            found = found.item() if found.numel() == 1 else bool(found)
    except (RuntimeError, ValueError) as error:
        if "ambiguous" not in str(error):
            raise
        raise NotYet(
            "`==` compares two tensors number by number, and gives a tensor of answers. torch.equal(a, b) gives one: "
            "whether all of them agree."
        ) from error
    if found is None:
        raise NotYet("It returned `None`. Is a `return True` missing at the end?")
    if not (isinstance(found, bool) or type(found).__name__ in ("bool", "bool_")):
        raise NotYet(
            f"It returned a value of type `{type(found).__name__}`; expected True or False. all(...) makes one of many."
        )
    return bool(found)


def _check_is_frozen(answer: Callable[[State, State, str], bool]) -> str:
    for head in ("classifier.", "fc."):
        for part in ("weight", "bias"):
            if not _said(answer, _states(head, f"{head}{part}"), head):
                raise NotYet(
                    f"It said no although only {head}{part} has changed, and head was {head!r}. The head is meant to train: "
                    "leave out the names for which name.startswith(head)."
                )
        if _said(answer, _states(head, "bn.running_mean"), head):
            raise NotYet(
                "It said yes although bn.running_mean has moved. Look at every tensor of the state dict, not only at those "
                "called weight or bias: BatchNorm's statistics are what usually escapes. Is every one asked (all, not any), "
                "and does no `return` inside the loop end it early?"
            )
        for name in _NAMES:
            if _said(answer, _states(head, name), head):
                raise NotYet(
                    f"It said yes although one number of {name} has changed a little. Compare every tensor whose name does "
                    "not start with the head's, whole: torch.equal(before[n], after[n])."
                )
        before, after = _states(head)
        if _said(answer, (before, after | {"conv.weight": before["conv.weight"].flip(0)}), head):
            raise NotYet(
                "It said yes although the numbers of conv.weight have changed places. Their sum is the same, the tensor is "
                "not: torch.equal compares each."
            )
        if not _said(answer, _states(head), head):
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


_LOSSES = {
    "train": {0.0001: 0.02, 0.001: 0.05, 0.003: 0.58, 0.01: 0.20, 0.1: 0.95},
    "val": {0.1: 1.10, 0.0001: 0.96, 0.01: 0.71, 0.003: 0.75, 0.001: 0.78},
}


_WHY_NOT = {
    0.0001: "0.0001 wins on the training pictures. A head with thousands of weights can learn a few hundred pictures by "
    "heart; ask val instead.",
    0.1: "0.1 has the highest loss on val, and the smallest gap between train and val. A loss is better when it is lower, "
    "and a small gap is worth nothing where both are bad.",
    0.001: "0.001 has the lowest sum of both losses. What the model has learned from should have no say: ask val alone.",
    0.003: "0.003 is not the one with the lowest loss on val. The two dictionaries have their keys in different orders: do "
    "positions from one serve in the other?",
}


def _check_best_l2(answer: Callable[[Mapping[str, Mapping[float, float]]], float]) -> str:
    found = answer({split: dict(losses) for split, losses in _LOSSES.items()})
    if isinstance(found, str):
        raise NotYet(
            f"{found!r} is the name of a split. Return one of the l2 that losses[split] maps to a loss."
        )
    if isinstance(found, (tuple, list)):
        raise NotYet(f"It returned {found!r}, a pair or a list. Return the l2 alone.")
    found = one_number(found)
    train, val = _LOSSES["train"], _LOSSES["val"]
    if found in val.values() or found in train.values():
        raise NotYet("That is a loss itself. Return the l2 that has it: min(d, key=d.get).")
    if found in range(1, len(val)):
        raise NotYet(
            "That is a position. Return the l2 that stands there: min(d, key=d.get) gives it at once."
        )
    if found not in val:
        raise NotYet(f"It returned {found!r}. Expected the l2 whose loss on val is lowest.")
    if found == 0.0001 and answer({key: {0.0001: 0.5, 0.001: 0.1} for key in _LOSSES}) == 0.0001:
        raise NotYet(
            "That is the smallest l2, whatever its loss: min(d) compares a dictionary's keys. Compare their values: "
            "min(d, key=d.get)."
        )
    if found in _WHY_NOT:
        raise NotYet(_WHY_NOT[found])
    return "Val chooses; train would always vote for the smallest penalty."


@exercise(
    _check_best_l2,
    "Which of the two splits has the model not learned from?",
    "min(d, key=d.get) gives the key of a dictionary d with the lowest value.",
)
def best_l2(losses):
    val = losses["val"]
    return min(val, key=val.get)


Groups = list[dict[str, Any]]


def _check_two_rates(answer: Callable[[dict[str, nn.Parameter], float, float], Groups]) -> str:
    parameters = {
        "conv.weight": nn.Parameter(torch.zeros(5), requires_grad=False),
        "blocks.classifier_like": nn.Parameter(torch.zeros(7)),
        "classifier.weight": nn.Parameter(torch.zeros(3)),
        "blocks.weight": nn.Parameter(torch.zeros(2)),
        "classifier.bias": nn.Parameter(torch.zeros(1)),
    }
    lr_backbone, lr_head = 0.001, 0.03
    groups = [_group(group) for group in _list_of_two(answer(dict(parameters), lr_backbone, lr_head))]
    names = {id(parameter): name for name, parameter in parameters.items()}
    held = [(names.get(id(p)), group["lr"]) for group in groups for p in group["params"]]
    if any(name is None for name, _ in held):
        raise NotYet(
            "A group holds tensors that are no parameters of the model, perhaps copies. Only the parameters themselves move."
        )
    rates = dict(held)
    if "conv.weight" in rates:
        raise NotYet("A frozen parameter is in a group. Keep only those with requires_grad.")
    if len(held) > len(rates):
        raise NotYet("A parameter is in the groups twice. Each belongs into one of them.")
    missing = [name for name, p in parameters.items() if p.requires_grad and name not in rates]
    if missing:
        early = " Does a `return` inside the loop end it early?" if len(rates) <= 1 else ""
        raise NotYet(f"{missing[0]} trains but is in no group, so the optimiser would never move it.{early}")
    _check_rates(rates, lr_backbone, lr_head)
    torch.optim.AdamW(groups)
    return "An optimiser takes such groups as they are: torch.optim.AdamW(groups)."


def _list_of_two(groups: Any) -> Groups:
    """The two groups, if that is what was returned."""
    if groups is None:
        raise NotYet("It returned `None`. Is a `return` missing?")
    if isinstance(groups, torch.optim.Optimizer):
        raise NotYet("It returned an optimiser. Return the list of groups that one would be given.")
    if not isinstance(groups, Mapping) and isinstance(groups, Iterable):
        groups = list(groups)
    if not isinstance(groups, list) or not all(isinstance(group, Mapping) for group in groups):
        raise NotYet(
            'Expected a list of two dictionaries: [{"params": ..., "lr": ...}, {"params": ..., "lr": ...}].'
        )
    return groups


def _group(group: Mapping[str, Any]) -> dict[str, Any]:
    """One group with its parameters as a list, if it holds any."""
    if not {"params", "lr"} <= set(group):
        raise NotYet(
            f'A group has the keys {sorted(map(str, group))}. The optimiser looks for "params" and "lr".'
        )
    params = group["params"]
    if params is ... or (isinstance(params, (list, tuple)) and any(p is ... for p in params)):
        raise NotYet("A group holds `...`: a part of it is still to be written.")
    if isinstance(params, Mapping):
        raise NotYet("params is a dictionary in a group. The optimiser moves parameters: take its values().")
    params = [params] if isinstance(params, Tensor) else list(params)
    params = [p[1] if isinstance(p, tuple) and len(p) == 2 else p for p in params]  # (name, parameter)
    if any(isinstance(p, str) for p in params):
        raise NotYet(
            "A group holds names. The optimiser moves parameters, so params is a list of them: the dictionary's values."
        )
    return {"params": params, "lr": group["lr"]}


def _check_rates(rates: Mapping[str | None, float], lr_backbone: float, lr_head: float) -> None:
    head = {rates["classifier.weight"], rates["classifier.bias"]}
    backbone = {rates["blocks.weight"], rates["blocks.classifier_like"]}
    if head == backbone:
        raise NotYet("Head and backbone have the same rate. The head takes lr_head, the rest lr_backbone.")
    if head == {lr_backbone} and backbone == {lr_head}:
        raise NotYet(
            "The rates are swapped: the new head moves fast (lr_head), what was learned moves gently."
        )
    if len(head) > 1 or len(backbone) > 1 or head == {lr_backbone}:
        raise NotYet(
            'Some parameters are in the wrong group. The head\'s are those for which name.startswith("classifier.").'
        )
    if head != {lr_head} or backbone != {lr_backbone}:
        raise NotYet(
            f"The head is to move at lr_head ({lr_head}) and the rest at lr_backbone ({lr_backbone}), as they were given."
        )


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
