"""Pre-trained weights by a model's name: whether they are here, where they come from, what input they expect."""

from __future__ import annotations

from pathlib import Path

import timm
import torch
import torchvision
from torchvision.models import WeightsEnum

from course_utils.data.transforms import Preprocessing
from course_utils.download import download
from course_utils.errors import CourseError
from course_utils.files import check_folder
from course_utils.models.packaged import LITE0, PACKAGED, verified

ONE_SIZE = ("vit_", "maxvit_")
"""Models built for one input size: by a table of positions, or by windows that must come out even."""
SMALLEST_SIZE = {"inception_v3": 75}
OFFLINE_HINT = f"Without a network use {LITE0!r}: its weights came with the course."


def torchvision_weights(name: str) -> WeightsEnum:
    """The weights torchvision recommends for a model (its enum's ``DEFAULT``)."""
    return torchvision.models.get_model_weights(name).DEFAULT


def _cached_file(weights: WeightsEnum) -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints" / Path(weights.url).name


def weights_are_here(name: str) -> bool:
    """Whether a model's pre-trained weights can be loaded now without a network."""
    if name in PACKAGED:
        return PACKAGED[name].is_installed()
    return _cached_file(torchvision_weights(name)).is_file()


def fetch_torchvision(name: str) -> WeightsEnum:
    """Make sure that a torchvision model's recommended weights are in PyTorch's hub cache, and intact.

    Raises:
        CourseError: Not there and not downloadable now, nowhere to put them, or damaged.
    """
    weights = torchvision_weights(name)
    file = _cached_file(weights)
    prefix = file.stem.rpartition("-")[2]
    if not file.is_file():
        try:
            check_folder(file.parent)
        except CourseError as error:
            raise CourseError(
                f"The weights of {name!r} are to be downloaded, and {error} The variable TORCH_HOME names PyTorch's folder, "
                f"at present {torch.hub.get_dir()}: set it to a folder you may write to."
            ) from error
        try:
            download(weights.url, file, hash_prefix=prefix)
        except OSError as error:
            raise CourseError(
                f"The weights of {name!r} ({weights}) are not in {file.parent} and can't be downloaded now "
                f"({error}). {OFFLINE_HINT}"
            ) from error
        except RuntimeError as error:
            raise CourseError(
                f"The download of {weights.url} does not match its hash ({error}). Try again."
            ) from error
    verified(file, prefix)
    return weights


def preprocessing_for(name: str, *, image_size: int | None = None) -> Preprocessing:
    """What a model's pre-trained weights ask of their input; a definition trained from scratch uses the same.

    Args:
        name: A model name.
        image_size: Side in px that the model shall see; None takes what the weights were made for. A model
            that takes no pictures of that size gets the nearest it takes: a vision transformer its own.
    """
    if name in PACKAGED:
        config = timm.get_pretrained_cfg(PACKAGED[name].timm_name)
        size = config.input_size[-1]
        resize = int(size / config.crop_pct)
        own = Preprocessing(size, resize, config.interpolation, tuple(config.mean), tuple(config.std))
    else:
        preset = torchvision_weights(name).transforms()
        (size,), (resize,) = preset.crop_size, preset.resize_size
        own = Preprocessing(size, resize, preset.interpolation.value, tuple(preset.mean), tuple(preset.std))
    if image_size is None or name.startswith(ONE_SIZE):
        return own
    return own.at(max(image_size, SMALLEST_SIZE.get(name, 1)))
