"""Perceptual hashes, which show whether two pictures look nearly the same."""

from __future__ import annotations

import imagehash
import torch
from torch import Tensor
from torchvision.transforms.v2.functional import to_pil_image


def difference_hash(pixels: Tensor) -> Tensor:
    """Perceptual hash (dHash): is each cell of a 16 x 16 grid brighter than its neighbour?

    Args:
        pixels: uint8 (N, 3, S, S).

    Returns:
        bool (N, 256).
    """
    hashes = (imagehash.dhash(to_pil_image(picture), hash_size=16) for picture in pixels)
    return torch.stack([torch.from_numpy(found.hash).flatten() for found in hashes])
