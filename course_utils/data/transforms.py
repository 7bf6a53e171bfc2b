"""What happens to a picture on its way into a model, for training and for evaluation."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torchvision.transforms import InterpolationMode, v2

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Preprocessing:
    """What a set of weights asks of its input.

    Attributes:
        crop_size: Side of the square that the model sees, in px.
        resize_size: Short side in px before the central square of ``crop_size`` is cut out.
        interpolation: ``"bilinear"`` or ``"bicubic"``.
        mean: Subtracted from each channel, on the scale 0 to 1.
        std: Each channel is then divided by it.
    """

    crop_size: int = 224
    resize_size: int = 256
    interpolation: str = "bilinear"
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD

    def at(self, crop_size: int) -> Preprocessing:
        """The same for another input size; the margin that is cut off keeps its share."""
        return Preprocessing(
            crop_size,
            round(crop_size * self.resize_size / self.crop_size),
            self.interpolation,
            self.mean,
            self.std,
        )


def eval_transform(preprocessing: Preprocessing) -> v2.Compose:
    """The same picture gives the same input every time: resize, cut out the centre, normalise.

    The result maps uint8 (..., 3, H, W) to float32 (..., 3, crop_size, crop_size).
    """
    p = preprocessing
    mode = InterpolationMode(p.interpolation)
    return v2.Compose(
        [
            v2.Resize(p.resize_size, interpolation=mode, antialias=True),
            v2.CenterCrop(p.crop_size),
            *_normalise(p),
        ]
    )


def train_transform(preprocessing: Preprocessing, *, min_scale: float = 0.5) -> v2.Compose:
    """A new view of the picture every time: a random crop and a random mirror image, then normalise.

    Colours are left alone: in birds they are field marks.

    Args:
        preprocessing: What the weights ask for.
        min_scale: Smallest share of the picture's area that a crop keeps, 0 to 1.
    """
    p = preprocessing
    mode = InterpolationMode(p.interpolation)
    crop = v2.RandomResizedCrop(
        p.crop_size, (min_scale, 1.0), (0.8, 1.25), interpolation=mode, antialias=True
    )
    return v2.Compose([crop, v2.RandomHorizontalFlip(), *_normalise(p)])


def train_scan_transform(preprocessing: Preprocessing) -> v2.Compose:
    """As if the patient had stood a little differently: turned by up to 4 degrees, shifted, nearer or farther.

    No mirror image, because the heart lies on the left, and no crop, because a small anomaly may lie in what is cut off.

    Args:
        preprocessing: What the model sees; with one value in ``mean`` and ``std`` for pictures of one channel.
    """
    stand = v2.RandomAffine(4, (0.04, 0.04), (0.92, 1.08), interpolation=InterpolationMode.BILINEAR)
    return v2.Compose([stand, eval_transform(preprocessing)])


def _normalise(p: Preprocessing) -> list[v2.Transform]:
    return [v2.ToDtype(torch.float32, scale=True), v2.Normalize(list(p.mean), list(p.std))]
