"""Exercises on definitions, state dicts and transforms (lesson 1)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from course_utils.notebook.checks import NotYet, exercise

State = dict[str, Tensor]


def _check_same_definition(answer: Callable[[State, State], bool]) -> str:
    one = {"conv.weight": torch.zeros(4, 3), "fc.weight": torch.zeros(2, 4)}
    trained = {name: tensor + 1 for name, tensor in one.items()}
    if not answer(one, trained):
        raise NotYet(
            "It said no to two state dicts that differ in their values only. Values are what the two flavours differ "
            "in; the definition decides names and shapes."
        )
    if answer(one, {"conv.weight": torch.zeros(4, 3), "head.weight": torch.zeros(2, 4)}):
        raise NotYet("It said yes although one has fc.weight and the other head.weight. Compare the names.")
    if answer(one, {"conv.weight": torch.zeros(4, 3), "fc.weight": torch.zeros(5, 4)}):
        raise NotYet(
            "It said yes although fc.weight has another shape: a head for 5 classes does not fit one for 2. "
            "Compare .shape, too."
        )
    if answer(one, {**one, "extra.bias": torch.zeros(1)}) or answer(
        {**one, "extra.bias": torch.zeros(1)}, one
    ):
        raise NotYet("It said yes although one of them has a tensor more. Compare the names both ways.")
    if not answer(one, dict(reversed(trained.items()))):
        raise NotYet("The order of the names does not matter when a state dict is loaded by name.")
    return "Names and shapes: exactly what load_state_dict demands before it copies a single number."


@exercise(
    _check_same_definition,
    "What does the definition decide about a tensor, and what does training decide?",
    "one.keys() == other.keys() compares the names of two dictionaries, in any order.",
    "all(one[name].shape == other[name].shape for name in one) compares the shapes.",
)
def same_definition(one, other):
    if one.keys() != other.keys():
        return False
    return all(one[name].shape == other[name].shape for name in one)


def _check_normalise(answer: Callable[[Tensor, tuple, tuple], Tensor]) -> str:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (3, 5, 5), dtype=torch.uint8, generator=generator)
    mean, std = (0.5, 0.4, 0.3), (0.2, 0.25, 0.5)
    m, s = torch.tensor(mean).view(3, 1, 1), torch.tensor(std).view(3, 1, 1)
    scaled = pixels / 255
    found = answer(pixels.clone(), mean, std)
    if not isinstance(found, Tensor) or found.shape != (3, 5, 5):
        raise NotYet(
            f"Expected a tensor of shape (3, 5, 5); found {getattr(found, 'shape', type(found).__name__)}."
        )
    wrong = (
        (
            (pixels - m) / s,
            "The pixels still run from 0 to 255, but mean and std are for 0 to 1: divide by 255 first.",
        ),
        (scaled, "The range is right; now subtract the mean and divide by the standard deviation."),
        (scaled - m, "The mean is subtracted; the division by the standard deviation is missing."),
        (scaled / s - m, "The order matters: subtract the mean first, then divide."),
        (
            (scaled + m) / s,
            "Subtract the mean instead of adding it: the result should be about zero on average.",
        ),
        ((scaled - m) * s, "Divide by the standard deviation instead of multiplying."),
        (
            (scaled - m.view(1, 1, 3)[..., :1]) / s.view(1, 1, 3)[..., :1],
            "Every channel was treated with the first channel's numbers.",
        ),
    )
    for value, message in wrong:
        if torch.allclose(found.float(), value, atol=1e-4):
            raise NotYet(message)
    if not torch.allclose(found.float(), (scaled - m) / s, atol=1e-4):
        raise NotYet(
            "Not the expected values. Does every channel get its own mean and std? torch.tensor(mean).view(3, 1, 1) "
            "lines them up with (3, H, W)."
        )
    return "Scale, subtract, divide, channel by channel: that is all v2.Normalize does."


@exercise(
    _check_normalise,
    "First bring the pixels from 0..255 to 0..1.",
    "torch.tensor(mean).view(3, 1, 1) has one number a channel and lines up with (3, H, W).",
    "(pixels / 255 - mean) / std, with mean and std as such tensors.",
)
def normalise(pixels, mean, std):
    mean = torch.tensor(mean).view(3, 1, 1)
    std = torch.tensor(std).view(3, 1, 1)
    return (pixels / 255 - mean) / std


class _VggLike(nn.Module):
    """Small, with its last layer where VGG16 has it: the last entry of ``classifier``."""

    def __init__(self, width: int = 6) -> None:
        super().__init__()
        self.features = nn.Conv2d(3, 4, 3)
        self.classifier = nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, 10))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).mean((2, 3)))


def _check_new_head(answer: Callable[[nn.Module, int], object]) -> str:
    model = _VggLike()
    returned = answer(model, 7)
    model = returned if isinstance(returned, nn.Module) else model
    outputs = model(torch.zeros(1, 3, 8, 8)).shape[-1]
    if outputs == 10 and "fc" in dict(model.named_children()):
        raise NotYet(
            "It set model.fc, which this model never calls: it still has 10 outputs. VGG's last layer is classifier[-1]."
        )
    if outputs != 7:
        raise NotYet(
            f"The model has {outputs} outputs; 7 were asked for. Its last layer is model.classifier[-1]."
        )
    names = [name for name, p in model.named_parameters() if p.requires_grad]
    if not names:
        raise NotYet(
            "Nothing is left to train: the new layer was frozen with the rest. Freeze first, then replace; a new layer "
            "trains by default."
        )
    if any(name.startswith("features") for name in names):
        raise NotYet(
            "The features still train. Set requires_grad = False for every parameter before you replace."
        )
    if len(names) != 2:
        raise NotYet(f"{', '.join(names)} train; only the new last layer's weight and bias should.")
    wider = _VggLike(width=9)
    wider = answer(wider, 3) or wider
    try:
        wider(torch.zeros(1, 3, 8, 8))
    except RuntimeError:
        raise NotYet(
            "It works for one width only. Ask the old layer: model.classifier[-1].in_features."
        ) from None
    return (
        "Freeze, look how many numbers arrive, put the new layer where the model really keeps its last one."
    )


@exercise(
    _check_new_head,
    "The three lines above, but VGG16 keeps its last layer in model.classifier[-1].",
    "model.classifier[-1] = nn.Linear(...) replaces the last entry of a Sequential.",
    "Its number of inputs is model.classifier[-1].in_features. Freeze before you replace.",
)
def new_head(model, num_classes):
    for parameter in model.parameters():
        parameter.requires_grad = False
    num_features = model.classifier[-1].in_features
    model.classifier[-1] = nn.Linear(num_features, num_classes)
    return model
