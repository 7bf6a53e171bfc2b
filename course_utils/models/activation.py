"""Another activation function in every place of a model, or a clear word about why not."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models.feature_extraction import NodePathTracer
from torchvision.ops import stochastic_depth

from course_utils.errors import CourseError
from course_utils.models.parts import set_part

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "hardswish": nn.Hardswish,
    "tanh": nn.Tanh,
}
"""The activation functions that a definition can be asked for by name."""

KINDS = (
    nn.ReLU,
    nn.ReLU6,
    nn.LeakyReLU,
    nn.PReLU,
    nn.RReLU,
    nn.ELU,
    nn.CELU,
    nn.SELU,
    nn.GELU,
    nn.SiLU,
    nn.Mish,
    nn.Hardswish,
    nn.Hardtanh,
    nn.Softplus,
    nn.Tanh,
)
"""What counts as an activation function. Sigmoids do not: in a squeeze-and-excitation block they are gates."""

_FUNCTIONS = {
    getattr(F, name)
    for name in ("relu", "relu_", "relu6", "leaky_relu", "elu", "gelu", "silu", "mish", "hardswish", "tanh")
} | {torch.relu, torch.relu_, torch.tanh}
_METHODS = {"relu", "relu_", "tanh", "tanh_"}
_WITH_A_FUNCTION = (nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)


def activation_called(name: str) -> Callable[[], nn.Module]:
    """The class behind a name of :data:`ACTIVATIONS`.

    Raises:
        CourseError: There is no such name.
    """
    if name not in ACTIVATIONS:
        raise CourseError(
            f"There is no activation {name!r}. Take one of {', '.join(ACTIVATIONS)}, "
            "or give any module to replace_activation."
        )
    return ACTIVATIONS[name]


def replace_activation(model: nn.Module, new: Callable[[], nn.Module]) -> nn.Module:
    """Put another activation function in every place where the model has one; weights are not touched.

    A module that is used in several places stays one module in all of them. The new ones never work in
    place, so no value that a skip connection still needs is overwritten. The gates of squeeze-and-excitation
    blocks (sigmoids) stay.

    Args:
        model: Any model. The activations inside its blocks are found, too.
        new: Makes one activation module, such as ``nn.SiLU`` or ``lambda: nn.LeakyReLU(0.2)``.

    Returns:
        The same model, changed.

    Raises:
        CourseError: The model has no activation module, or calls an activation as a function, which no
            replaced module would reach (DenseNet, GoogLeNet and Inception do). Nothing is changed then.
    """
    calls = functional_activations(model)
    if calls:
        raise CourseError(
            f"{type(model).__name__} has activations in its forward that are called as functions, out of reach "
            f"of any replaced module: {', '.join(calls[:3])}{', ...' if len(calls) > 3 else ''}. Nothing was changed. "
            "Take a model that keeps its activations as modules, such as a ResNet, or change its forward."
        )
    places = [
        (name, module)
        for name, module in model.named_modules(remove_duplicate=False)
        if isinstance(module, KINDS) and name
    ]
    if not places:
        raise CourseError(f"{type(model).__name__} has no activation module to replace.")
    replaced: dict[nn.Module, nn.Module] = {}
    for name, old in places:
        set_part(model, name, replaced.setdefault(old, new()))
    return model


def functional_activations(model: nn.Module) -> list[str]:
    """Where a model's forward calls an activation as a function (``F.relu``) rather than as a module.

    Returns:
        The dotted path of each call, in the order of the forward pass.

    Raises:
        CourseError: The forward can't be read without running it.
    """
    tracer = NodePathTracer(leaf_modules=[nn.Conv2d], autowrap_functions=(stochastic_depth,))
    try:
        graph = tracer.trace(model)
    except Exception as error:
        raise CourseError(
            f"The forward of {type(model).__name__} can't be traced, so it can't be said whether it calls an "
            f"activation as a function ({error}). Nothing was changed; replace its modules by hand."
        ) from error
    called = [
        tracer.node_to_qualname[node]
        for node in graph.nodes
        if (node.op == "call_function" and node.target in _FUNCTIONS)
        or (node.op == "call_method" and node.target in _METHODS)
    ]
    inside = [
        f"{name}.activation"
        for name, module in model.named_modules()
        if isinstance(module, _WITH_A_FUNCTION) and not isinstance(module.activation, nn.Module)
    ]
    return called + inside
