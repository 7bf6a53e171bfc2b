"""What happens to a picture on its way into a model, for training and for evaluation."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torchvision.transforms import InterpolationMode, v2

from course_utils.errors import CourseError

SLACK = 0.25
"""How far beyond 0 and 1 a picture may go: enlarging overshoots a little, and what is normalised goes further."""
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

    The result maps uint8 (..., 3, H, W), or floating point from 0 to 1, to float32 (..., 3, crop_size, crop_size). It
    raises a CourseError for anything else.
    """
    p = preprocessing
    mode = InterpolationMode(p.interpolation)
    return v2.Compose(
        [
            Expected(len(p.mean)),
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
    return v2.Compose([Expected(len(p.mean)), crop, v2.RandomHorizontalFlip(), *_normalise(p)])


class Expected(nn.Module):
    """Lets a picture pass that a transform makes sense of, and stops any other: its answer would look like one."""

    def __init__(self, channels: int) -> None:
        """Expect so many channels, or one, which stands for all."""
        super().__init__()
        self.channels = channels

    def forward(self, picture: object) -> object:
        """The picture as it is.

        Raises:
            CourseError: No tensor, another number of channels, or values that are neither uint8 nor from 0 to 1.
        """
        if not isinstance(picture, Tensor):
            raise CourseError(
                f"The picture is a {type(picture).__module__}.{type(picture).__name__}; expected a tensor. Make it one: "
                "v2.ToImage()(picture)"
            )
        if picture.ndim < 3 or picture.shape[-3] not in (1, self.channels):
            mend = "picture[:3]" if picture.ndim == 3 and len(picture) == 4 else "picture.permute(2, 0, 1)"
            raise CourseError(
                f"The picture has the shape {tuple(picture.shape)}; expected ({self.channels}, height, width). Convert it: "
                f"{mend if picture.ndim == 3 else 'picture[None]'}"
            )
        if picture.is_floating_point():
            low, high = (value.item() for value in picture.aminmax())
            if not -SLACK <= low <= high <= 1 + SLACK:
                mend = (
                    "Divide it by 255."
                    if 0 <= low <= high <= 255
                    else "Hand it in before it is normalised, or scale it."
                )
                raise CourseError(
                    f"The picture has values from {low:.3g} to {high:.3g}; expected 0 to 1 in floating point, or 0 to 255 "
                    f"in uint8. {mend}"
                )
        elif picture.dtype != torch.uint8:
            raise CourseError(
                f"The picture is {picture.dtype}; expected torch.uint8, or floating point from 0 to 1. Convert it: "
                "picture.to(torch.uint8)"
            )
        return picture


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
