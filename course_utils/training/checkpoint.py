"""Save what was learned, and load it again or fail loudly. Safetensors only: a checkpoint can't run code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from course_utils.errors import CourseError
from course_utils.files import replacing

FORMAT = "borrowed-feathers-checkpoint/1"


def save_checkpoint(file: str | Path, model: nn.Module, *, metadata: Mapping[str, Any] | None = None) -> Path:
    """Write a model's weights and what is known about them.

    The file is written beside its place and moved there, so an interruption leaves the old one whole.

    Args:
        file: Conventionally ends in ``.safetensors``.
        model: All its parameters and buffers are saved.
        metadata: Anything JSON can hold: model name, classes, accuracy.

    Returns:
        The file's path.
    """
    file = Path(file)
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    header = {"format": FORMAT, "metadata": json.dumps(dict(metadata or {})), "sha256": state_digest(state)}
    try:
        with replacing(file) as temporary:
            save_file(state, temporary, metadata=header)
    except OSError as error:
        raise CourseError(f"The checkpoint {file} can't be written: {error.strerror or error}.") from error
    return file


def load_checkpoint(file: str | Path, model: nn.Module) -> dict[str, Any]:
    """Load a checkpoint into a model of the same shape. The model is left alone unless everything fits.

    Returns:
        The metadata it was saved with.

    Raises:
        CourseError: No such file; not a checkpoint; truncated or changed; or made for another model.
    """
    file = Path(file)
    if not file.is_file():
        raise CourseError(f"There is no checkpoint {file}.")
    try:
        with safe_open(file, framework="pt") as opened:
            header = opened.metadata() or {}
            state = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError) as error:
        raise CourseError(
            f"The checkpoint {file} is truncated or is none ({error}). Save it again."
        ) from error
    if header.get("format") != FORMAT:
        raise CourseError(f"{file} has format {header.get('format')!r}; expected {FORMAT!r}.")
    if state_digest(state) != header.get("sha256"):
        raise CourseError(f"The checkpoint {file} was changed after it was saved: its digest does not match.")
    _load_strictly(model, state, file)
    return json.loads(header["metadata"])


def _load_strictly(model: nn.Module, state: Mapping[str, Tensor], file: Path) -> None:
    own = model.state_dict()
    missing, extra = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    shapes = [name for name in own.keys() & state.keys() if own[name].shape != state[name].shape]
    if missing or extra or shapes:
        first = next(
            f"{kind}: {', '.join(names[:3])}"
            for kind, names in (
                ("missing", missing),
                ("not in the model", extra),
                ("other shapes", sorted(shapes)),
            )
            if names
        )
        raise CourseError(
            f"{file} was made for another model ({first}). Build the model with the name and number of classes "
            "it was saved with."
        )
    model.load_state_dict(state)


def state_digest(state: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, types, shapes and values, in hex: equal for equal weights."""
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy())
    return digest.hexdigest()
