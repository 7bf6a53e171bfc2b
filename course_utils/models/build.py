"""The two flavours of a pre-defined model: the definition alone, and with pre-trained weights."""

from __future__ import annotations

import difflib
import warnings
from functools import lru_cache

import timm
import torch
import torchvision
from torch import nn

from course_utils.arguments import check_num_classes
from course_utils.errors import CourseError
from course_utils.models.head import head_of, replace_head
from course_utils.models.packaged import PACKAGED, load_from_hub, load_packaged
from course_utils.models.resnet import ResNet, ResNetConfig
from course_utils.models.weights import fetch_torchvision, preprocessing_for


@lru_cache(maxsize=1)
def model_names() -> tuple[str, ...]:
    """Every name that :func:`build_definition` and :func:`load_pretrained` take."""
    return tuple(sorted([*PACKAGED, *torchvision.models.list_models(module=torchvision.models)]))


def check_model_name(name: str) -> None:
    """Raise a CourseError that names the nearest models if ``name`` is none."""
    if name not in model_names():
        near = difflib.get_close_matches(name.lower().replace("-", "_"), model_names(), n=3, cutoff=0.4)
        raise CourseError(
            f"There is no model {name!r}. {'Nearest: ' + ', '.join(near) + '. ' if near else ''}"
            "course_utils.models.model_names() lists all."
        )


def build_definition(model: str | ResNetConfig, num_classes: int, *, seed: int | None = None) -> nn.Module:
    """The first flavour: the architecture with random weights.

    Args:
        model: A torchvision classification model, one of :data:`~course_utils.models.packaged.PACKAGED`, or
            the shape of a residual network of your own.
        num_classes: Number of logits.
        seed: Decides the random weights; None draws from PyTorch's global state. With a seed that state
            is left as it was.

    Returns:
        A model that maps float32 (N, 3, H, W) to logits (N, num_classes); a shape of your own says itself how
        many channels it takes.

    Raises:
        CourseError: An unknown name, or fewer than one class.
    """
    if isinstance(model, str):
        check_model_name(model)
    check_num_classes(num_classes)
    if seed is None:
        return _definition(model, num_classes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _definition(model, num_classes)


def load_pretrained(name: str, num_classes: int | None = None, *, seed: int | None = None) -> nn.Module:
    """The second flavour: the architecture with weights trained on ImageNet.

    ``"efficientnet_lite0"`` works without a network where the extra ``offline`` is installed, and its siblings
    ``lite1`` and ``lite2`` do where ``backbones`` is; elsewhere timm downloads weights of the same networks, and a
    warning says so. The weights of torchvision's models come from PyTorch's hub cache, or are downloaded into it.
    What the packages and torchvision publish is checked against its hash.

    Args:
        name: A torchvision classification model, or one of :data:`~course_utils.models.packaged.PACKAGED`.
        num_classes: None keeps the 1,000 ImageNet classes; a number puts a new, random head in place.
        seed: Decides the new head's random weights.

    Returns:
        A model that maps float32 (N, 3, H, W) to logits.

    Raises:
        CourseError: An unknown name; weights that are damaged, or that can't be had without a network.
    """
    check_model_name(name)
    if name in PACKAGED:
        here = PACKAGED[name].is_installed()
        model = load_packaged(name, _definition(name, 1000)) if here else load_from_hub(name)
    else:
        weights = fetch_torchvision(name)
        model = _without_auxiliary_heads(torchvision.models.get_model(name, weights=weights))
    return model if num_classes is None else replace_head(model, num_classes, seed=seed)


def _definition(name: str | ResNetConfig, num_classes: int) -> nn.Module:
    if isinstance(name, ResNetConfig):
        return ResNet(name, num_classes)
    if name in PACKAGED:
        return timm.create_model(PACKAGED[name].timm_name, pretrained=False, num_classes=num_classes)
    # A vision transformer's position table fixes its input size; take the size of its published weights.
    options = {"image_size": preprocessing_for(name).crop_size} if name.startswith("vit_") else {}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*weight initialization of.*")
        model = torchvision.models.get_model(name, weights=None, num_classes=num_classes, **options)
    model = _without_auxiliary_heads(model)
    # A definition has the parameters that a pre-trained model with a new head has.
    if head_of(model).bias is None:
        replace_head(model, num_classes)
    return model


def _without_auxiliary_heads(model: nn.Module) -> nn.Module:
    """GoogLeNet and Inception carry extra heads for training only; without them a model returns plain logits."""
    if isinstance(model, torchvision.models.GoogLeNet):
        model.aux_logits, model.aux1, model.aux2 = False, None, None
    if isinstance(model, torchvision.models.Inception3):
        model.aux_logits, model.AuxLogits = False, None
    return model
