"""Exercises on definitions, state dicts and transforms (lesson 1)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from course_utils.notebook.checks import NotYet, exercise

State = dict[str, Tensor]


def _check_same_names_and_shapes(answer: Callable[[State, State], bool]) -> str:
    one = {"conv.weight": torch.zeros(4, 3), "fc.weight": torch.zeros(2, 4)}
    trained = {name: tensor + 1 for name, tensor in one.items()}
    try:
        answer(one, trained)
    except RuntimeError as error:
        if "Boolean value of Tensor" not in str(error):
            raise
        raise NotYet(
            "one == other compares the tensors number by number, which gives no single yes or no. Compare the names "
            "(one.keys()), then the shape of each tensor."
        ) from None
    if not answer(one, trained):
        raise NotYet(
            "It said no to two state dicts that differ in their values only. Values are what loading copies; they may "
            "differ. Compare names and shapes."
        )
    if answer(one, {"conv.weight": torch.zeros(4, 3), "head.weight": torch.zeros(2, 4)}):
        raise NotYet("It said yes although one has fc.weight and the other head.weight. Compare the names.")
    if answer(one, {"conv.weight": torch.zeros(4, 3), "fc.weight": torch.zeros(5, 4)}):
        raise NotYet(
            "It said yes although fc.weight has another shape: a head for 5 classes does not fit one for 2. "
            "Compare .shape, too."
        )
    if answer(one, {**one, "fc.weight": torch.zeros(4, 2)}):
        raise NotYet("It said yes to (2, 4) and (4, 2): as many numbers, but another shape. Compare .shape.")
    if answer(one, {**one, "fc.weight": torch.zeros(2, 5)}):
        raise NotYet("It said yes to (2, 4) and (2, 5): as many rows, but another shape. Compare .shape.")
    if answer(one, {**one, "extra.bias": torch.zeros(1)}) or answer(
        {**one, "extra.bias": torch.zeros(1)}, one
    ):
        raise NotYet("It said yes although one of them has a tensor more. Compare the names both ways.")
    if not answer(one, dict(reversed(trained.items()))):
        raise NotYet("The order of the names does not matter when a state dict is loaded by name.")
    return "Names and shapes: that is what load_state_dict demands."


@exercise(
    _check_same_names_and_shapes,
    "What does the definition decide about a tensor, and what does training decide?",
    "one.keys() == other.keys() compares the names of two dictionaries, in any order.",
    "all(one[name].shape == other[name].shape for name in one) compares the shapes.",
)
def same_names_and_shapes(one, other):
    if one.keys() != other.keys():
        return False
    return all(one[name].shape == other[name].shape for name in one)


def _check_normalise(answer: Callable[[Tensor, tuple, tuple], Tensor]) -> str:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (3, 5, 5), dtype=torch.uint8, generator=generator)
    mean, std = (0.5, 0.4, 0.3), (0.2, 0.25, 0.5)
    m, s = torch.tensor(mean).view(3, 1, 1), torch.tensor(std).view(3, 1, 1)
    scaled = pixels / 255
    given = pixels.clone()
    found = answer(given, mean, std)
    if isinstance(found, Tensor) and found.dtype == torch.uint8:
        raise NotYet(
            "The result is still uint8, whole numbers from 0 to 255: writing into pixels cuts every fraction off. "
            "pixels / 255 makes a new tensor of fractions."
        )
    if not torch.equal(given, pixels):
        raise NotYet("It changed the picture that it was given. Make a new tensor: pixels / 255.")
    if not isinstance(found, Tensor):
        raise NotYet(f"Expected a tensor; found a `{type(found).__name__}`.")
    if found.shape != (3, 5, 5):
        raise NotYet(f"Expected the shape (3, 5, 5); found {tuple(found.shape)}.")
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
    return (
        "Scale, subtract, divide, channel by channel. In torchvision, v2.ToDtype(scale=True) scales and v2.Normalize does "
        "the rest."
    )


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
    """Small, with the seven entries of VGG16's ``classifier``, of which the last is the head."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.features = nn.Conv2d(3, 4, 3)
        hidden = [
            nn.Linear(4, width),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Dropout(),
        ]
        self.classifier = nn.Sequential(*hidden, nn.Linear(width, 10))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).mean((2, 3)))


_WIDTH = 6


def _answered(answer: Callable[[nn.Module, int], object], num_classes: int, width: int) -> nn.Module:
    """The model that an answer returned; NotYet where that is none."""
    returned = answer(_VggLike(width), num_classes)
    if isinstance(returned, tuple):
        raise NotYet(f"It returned a tuple of {len(returned)}. Return the model alone.")
    if not isinstance(returned, nn.Module):
        found = "nothing. Is a `return` missing?" if returned is None else f"a `{type(returned).__name__}`."
        raise NotYet(f"It returned {found} Return the model.")
    return returned


def _check_new_head(answer: Callable[[nn.Module, int], object]) -> str:
    model = _answered(answer, 7, _WIDTH)
    layers = model.classifier
    if isinstance(layers, nn.Linear):
        raise NotYet(
            "You replaced the whole classifier, with its two trained layers before the head. Replace its last entry only: "
            "model.classifier[-1], which in VGG16 is model.classifier[6]."
        )
    head = layers[-1]
    if "fc" in dict(model.named_children()):
        raise NotYet(
            "It set model.fc, which this model never calls: it still has 10 outputs. VGG's last layer is classifier[-1]."
        )
    if isinstance(head, nn.Linear) and head.in_features != _WIDTH:
        raise NotYet(
            f"The new layer expects {head.in_features:,} numbers{' (right for VGG16)' if head.in_features == 4096 else ''}, "
            f"but {_WIDTH} arrive in this smaller network. Ask the old layer: model.classifier[-1].in_features."
        )
    outputs = model.eval()(torch.zeros(1, 3, 8, 8)).shape[-1]
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
    wider = _answered(answer, 3, 9).classifier[-1]
    if (wider.in_features, wider.out_features) != (9, 3):
        raise NotYet(
            "It works for one width and one number of classes only. Use num_classes, and ask the old layer: "
            "model.classifier[-1].in_features."
        )
    return (
        "Freeze, look how many numbers arrive, put the new layer where the model really keeps its last one. "
        "classifier[-1] and VGG16's classifier[6] are the same."
    )


@exercise(
    _check_new_head,
    "Freeze, look, replace as in section 6, but VGG16 keeps its last layer in model.classifier[-1].",
    "model.classifier[-1] = nn.Linear(...) replaces the last entry of a Sequential.",
    "Its number of inputs is model.classifier[-1].in_features. Freeze before you replace.",
)
def new_head(model, num_classes):
    for parameter in model.parameters():
        parameter.requires_grad = False
    num_features = model.classifier[-1].in_features
    model.classifier[-1] = nn.Linear(num_features, num_classes)
    return model
