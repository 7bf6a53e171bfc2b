"""Save what was learned, and load it again or fail loudly. Safetensors only: a checkpoint can't run code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from course_utils.errors import CourseError
from course_utils.files import replacing

FORMAT = "borrowed-feathers-checkpoint/2"


def save_checkpoint(file: str | Path, model: nn.Module, *, metadata: Mapping[str, Any] | None = None) -> Path:
    """Write a model's weights and what is known about them.

    The file is written beside its place and moved there, so an interruption leaves the old one whole. A link
    stays a link: the file it leads to is written.

    Args:
        file: Conventionally ends in ``.safetensors``.
        model: All its parameters and buffers are saved; one that goes by two names is saved under both.
        metadata: Anything JSON can hold: model name, classes, accuracy.

    Returns:
        The file's path.

    Raises:
        CourseError: The metadata can't be JSON, the model has something else than tensors with values, or the file can't
            be written.
    """
    file, text = Path(file).expanduser(), _metadata_text(metadata or {})
    state = _separate(model.state_dict())
    header = {"format": FORMAT, "metadata": text, "sha256": _digest(state, text)}
    try:
        with replacing(file) as temporary:
            save_file(state, temporary, metadata=header)
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CourseError(
            f"The checkpoint {file} can't be written: {reason}. Make room there or choose another place."
        ) from error
    return file


def load_checkpoint(file: str | Path, model: nn.Module, *, strip_prefix: str = "") -> dict[str, Any]:
    """Load a checkpoint into a model of the same shape. The model is left alone unless everything fits.

    Args:
        file: What :func:`save_checkpoint` wrote.
        model: Gets the weights.
        strip_prefix: Taken off the front of every name, such as ``"module."`` of a model that was saved inside of
            DataParallel, or ``"_orig_mod."`` of one that torch.compile made.

    Returns:
        The metadata it was saved with.

    Raises:
        CourseError: No such file; not a checkpoint; truncated or changed; or made for another model.
    """
    file = Path(file).expanduser()
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
        raise CourseError(
            f"{file} has format {header.get('format')!r}; expected {FORMAT!r}. "
            "Save it again with save_checkpoint."
        )
    text = header.get("metadata", "")
    if _digest(state, text) != header.get("sha256"):
        raise CourseError(
            f"The checkpoint {file} was changed after it was saved: its digest does not match. Save it again."
        )
    metadata = _parsed(text, file)
    state = {name.removeprefix(strip_prefix): tensor for name, tensor in state.items()}
    _check_fit(model, state, file)
    model.load_state_dict(state)
    return metadata


def _check_fit(model: nn.Module, state: Mapping[str, Tensor], file: Path) -> None:
    own = model.state_dict()
    missing, extra = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    shapes = [name for name in own.keys() & state.keys() if own[name].shape != state[name].shape]
    if missing or extra or shapes:
        if advice := _prefix_advice(own.keys(), state.keys()):
            raise CourseError(f"{file} was made for another model: {advice}")
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
    for name, tensor in state.items():
        if own[name].is_meta:
            raise CourseError(
                f"The model has no memory for {name} (it is on the device meta). Give it some: "
                'model.to_empty(device="cpu"), and load then.'
            )
        kind = own[name].dtype
        if not torch.equal(tensor.to(kind).isfinite(), tensor.isfinite()):
            raise CourseError(
                f"{name} of {file} has values that {kind} can't hold. Load it into a model of {tensor.dtype}: "
                f"model.to({tensor.dtype})"
            )


def _prefix_advice(own: Collection[str], saved: Collection[str]) -> str:
    """What to do where the names differ by what stands in front of each."""
    prefix = _prefix(saved, own)
    if prefix:
        return (
            f"every name in it begins with {prefix!r}, as of a model that was saved from inside a wrapper (DataParallel, "
            f"torch.compile, Lightning). To take that off: load_checkpoint(file, model, strip_prefix={prefix!r})"
        )
    prefix = _prefix(own, saved)
    if prefix:
        inside = f"model.{prefix.rstrip('.')}"
        return f"every name of the model begins with {prefix!r}, because it is wrapped. Load into the one inside: {inside}"
    return ""


def _prefix(longer: Collection[str], shorter: Collection[str]) -> str:
    """What each of the longer names has in front of one of the shorter; empty where there is no such thing."""
    name = min(shorter, default="")
    prefixes = {long.removesuffix(name) for long in longer if name and long.endswith(name)}
    return next((p for p in sorted(prefixes) if p and {p + short for short in shorter} == {*longer}), "")


def _metadata_text(metadata: Mapping[str, Any]) -> str:
    for key, value in metadata.items():
        try:
            json.dumps({key: value})
        except (TypeError, ValueError, RecursionError) as error:
            raise CourseError(
                f"metadata[{key!r}] can't be saved: {error}. Expected text, numbers, lists or dicts of them: "
                "turn a tensor or an array into those with .tolist()."
            ) from error
    for key in _keys(metadata):
        if not isinstance(key, str):  # it would come back as text
            raise CourseError(f"metadata has the key {key!r}; expected text. Write it as {str(key)!r}.")
    return json.dumps(dict(metadata))


def _keys(value: object) -> Iterator[object]:
    """The keys of all dicts in what JSON can hold."""
    if isinstance(value, Mapping):
        yield from value
    for part in (
        value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else ()
    ):
        yield from _keys(part)


def _parsed(text: str, file: Path) -> dict[str, Any]:
    try:
        metadata = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CourseError(
            f"The metadata of the checkpoint {file} is no JSON ({error}). Save it again."
        ) from error
    if not isinstance(metadata, dict):
        raise CourseError(
            f"The metadata of the checkpoint {file} is a {type(metadata).__name__}; expected a dict. Save it again."
        )
    return metadata


def _separate(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors on the CPU, each with memory of its own, as safetensors wants it."""
    separate, seen = {}, set()
    for name, tensor in state.items():
        _check_plain(name, tensor)
        tensor = tensor.detach().cpu().contiguous()
        memory = tensor.untyped_storage().data_ptr()
        separate[name] = tensor.clone() if memory in seen else tensor
        seen.add(memory)
    return separate


def _check_plain(name: str, value: object) -> None:
    if not isinstance(value, Tensor):
        found = f"a {type(value).__name__}"
    elif value.is_meta:
        found = "a tensor without values, on the device meta"
    elif value.is_quantized:
        found = "a quantized tensor"
    elif value.layout != torch.strided:
        found = f"a tensor of layout {value.layout}"
    else:
        return
    raise CourseError(
        f"The model's state has {found} under {name!r}; a checkpoint holds plain tensors only, because it can't run code. "
        "Save the model before it is quantized, pruned or given such a state; put other values into metadata."
    )


def _digest(state: Mapping[str, Tensor], text: str) -> str:
    return hashlib.sha256(f"{state_digest(state)} {text}".encode()).hexdigest()


def state_digest(state: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, types, shapes and values, in hex: equal for equal weights."""
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy())
    return digest.hexdigest()
