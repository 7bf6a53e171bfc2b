"""A model that travels: a folder with its weights and all that must be known to use it.

``model.safetensors`` holds the weights; ``config.json`` is timm's own where the model is timm's; ``bundle.json`` says how
pictures come in, what answers mean and where everything comes from, with digests of the other files; ``README.md`` is a
model card. Nothing in it can run code.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import timm
import torch
from PIL import Image
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from course_utils.arguments import is_number, is_whole
from course_utils.data import Preprocessing, eval_transform
from course_utils.data.decode import square
from course_utils.deploy.card import Facts, model_card
from course_utils.errors import CourseError
from course_utils.files import check_folder, save_text, sha256
from course_utils.models import build_definition, head_name
from course_utils.models.build import check_model_name
from course_utils.models.packaged import PACKAGED
from course_utils.models.parts import eval_mode
from course_utils.training.checkpoint import load_checkpoint, save_checkpoint

FORMAT, VERSION = "borrowed-feathers-bundle", 1
WEIGHTS, CONFIG, RECORD, CARD = "model.safetensors", "config.json", "bundle.json", "README.md"
TOLERANCE = 1e-3
"""How far logits may lie from those of the machine that made the bundle, as a share of the largest."""
NO_SEAL = "0" * 64
LARGEST_RECORD, LARGEST_SIDE, MOST_CLASSES = 64 * 2**20, 4096, 100_000


@dataclass(frozen=True, eq=False)
class Bundle:
    """A model and all that must be known to use it.

    Attributes:
        model: In eval mode.
        name: Its name in the course.
        classes: What its logits stand for.
        side: Side in px of the square that is cut out of a picture and resized first.
        preprocessing: What happens to that square.
        temperature: Divides the logits, so that probabilities fit val.
        facts: Where it comes from and what was measured; None of weights that are used as they are published.
        resampling: How the square is resized, ``"bicubic"`` or ``"bilinear"``; training always takes the first.
    """

    model: nn.Module
    name: str
    classes: tuple[str, ...]
    side: int
    preprocessing: Preprocessing
    temperature: float
    facts: Facts | None = None
    resampling: str = "bicubic"

    def prepare(self, picture: Image.Image) -> Tensor:
        """float32 (3, crop_size, crop_size) of an upright RGB picture."""
        return eval_transform(self.preprocessing)(square(picture, self.side, self.resampling))

    def probabilities(self, logits: Tensor) -> Tensor:
        """(N, classes) of logits, calibrated."""
        return (logits.double() / self.temperature).softmax(1)


def save_bundle(folder: Path, bundle: Bundle) -> Path:
    """Write a bundle; ``bundle.json`` comes last, so a folder with one is whole.

    Args:
        folder: May hold other files, but no bundle.
        bundle: The model is written in float32, as it is.

    Raises:
        CourseError: There is a bundle already, or it can't be written.
    """
    if (folder / RECORD).exists():
        raise CourseError(
            f"{folder} holds a bundle already, which is not written over. Choose another folder."
        )
    check_folder(folder)
    save_checkpoint(
        folder / WEIGHTS, bundle.model, metadata={"model": bundle.name, "classes": [*bundle.classes]}
    )
    save_text(folder / CONFIG, json.dumps(_config(bundle), indent=2) + "\n")
    save_text(folder / CARD, model_card(folder.resolve().name, bundle))
    content = {
        "format": FORMAT,
        "version": VERSION,
        "model": bundle.name,
        "classes": [*bundle.classes],
        "side": bundle.side,
        "preprocessing": asdict(bundle.preprocessing),
        "temperature": bundle.temperature,
        "facts": asdict(bundle.facts),
        "check": _answer_to_a_pattern(bundle),
        "files": {name: sha256(folder / name) for name in (WEIGHTS, CONFIG)},
    }
    save_text(folder / RECORD, sealed(content))
    return folder


def load_bundle(folder: str | Path) -> Bundle:
    """Read a bundle and make sure that it is whole and that its model answers here as it did where it was made.

    Raises:
        CourseError: No bundle, from a newer version of the course, changed, truncated, or with other answers.
    """
    try:
        folder = Path(folder).expanduser()
    except RuntimeError as error:
        raise CourseError(f"{folder} is no bundle: {error}") from error
    content = _read_record(folder)
    for name in (WEIGHTS, CONFIG):
        if not (folder / name).is_file():
            raise CourseError(f"The bundle {folder} lacks {name}. Get the whole folder again.")
        if sha256(folder / name) != content["files"].get(name):
            raise CourseError(
                f"{name} of the bundle {folder} is truncated or was changed. Get the folder again."
            )
    try:
        bundle = _parsed(content)
    except (KeyError, TypeError, ValueError, CourseError) as error:
        raise CourseError(
            f"{folder / RECORD} does not say what it should: {error}. Get the folder again."
        ) from error
    _check_weights(folder, bundle)
    load_checkpoint(folder / WEIGHTS, bundle.model)
    here, there = (
        torch.tensor(rows, dtype=torch.float64) for rows in (_answer_to_a_pattern(bundle), content["check"])
    )
    if here.shape != there.shape or not (here - there).abs().max() <= TOLERANCE * max(
        1.0, there.abs().max().item()
    ):
        raise CourseError(
            f"The model of {folder} answers otherwise here than where it was made: logits differ by more than "
            f"{TOLERANCE:.1%}. Compare the versions in {RECORD} with those here (course doctor)."
        )
    return bundle


def _read_record(folder: Path) -> dict[str, Any]:
    file = folder / RECORD
    try:
        if not file.is_file():
            raise CourseError(f"{folder} is no bundle: it has no {RECORD}. `course train --out` writes one.")
        if file.stat().st_size > LARGEST_RECORD:
            raise CourseError(f"{file} is larger than any bundle's; it was not read.")
        text = file.read_text(encoding="utf-8")
        content = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise CourseError(
            f"{file} can't be read ({type(error).__name__}: {str(error)[:200]}). Get the folder again."
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CourseError(f"{file} is of another kind of file; expected the format {FORMAT!r}.")
    version = content.get("version")
    if not is_whole(version) or version > VERSION:
        raise CourseError(
            f"The bundle {folder} has version {version!r}; this course reads up to {VERSION}. Update the course, or get a "
            "bundle of an older version."
        )
    if not _is_sealed(text, content.pop("sha256", None)) or not isinstance(content.get("files"), dict):
        raise CourseError(
            f"{file} was changed after it was written: its digest does not match. Get the folder again."
        )
    return content


def _parsed(content: dict[str, Any]) -> Bundle:
    name, classes, side, given = (content[key] for key in ("model", "classes", "side", "preprocessing"))
    if not isinstance(name, str):
        raise ValueError(f"the model is {name!r}")
    check_model_name(name)
    texts = isinstance(classes, list) and all(isinstance(label, str) for label in classes)
    if not texts or not 1 <= len({*classes}) == len(classes) <= MOST_CLASSES:
        raise ValueError("classes is no list of different names")
    preprocessing = Preprocessing(**{**given, "mean": tuple(given["mean"]), "std": tuple(given["std"])})
    sides = (side, preprocessing.crop_size, preprocessing.resize_size)
    if not all(is_whole(number) and 1 <= number <= LARGEST_SIDE for number in sides):
        raise ValueError(f"sides are {sides} px")
    colours = (*preprocessing.mean, *preprocessing.std)
    if len(colours) != 6 or not all(map(is_number, colours)) or min(preprocessing.std) <= 0:
        raise ValueError("mean and std are no three numbers each")
    if preprocessing.interpolation not in ("bilinear", "bicubic"):
        raise ValueError(f"interpolation is {preprocessing.interpolation!r}")
    temperature = content["temperature"]
    if not is_number(temperature) or not 0 < temperature < float("inf"):
        raise ValueError(f"temperature is {temperature!r}")
    model = build_definition(name, len(classes)).eval()
    return Bundle(
        model, name, tuple(classes), side, preprocessing, float(temperature), Facts(**content["facts"])
    )


def _check_weights(folder: Path, bundle: Bundle) -> None:
    """The head's rows are the classes: otherwise the error would speak of tensors."""
    weight = f"{head_name(bundle.model)}.weight"
    try:
        with safe_open(folder / WEIGHTS, framework="pt") as opened:
            rows = opened.get_slice(weight).get_shape()[0] if weight in opened.keys() else None  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CourseError(
            f"{folder / WEIGHTS} holds no safetensors ({error}). Get the folder again."
        ) from error
    if rows is not None and rows != len(bundle.classes):
        raise CourseError(
            f"The bundle {folder} names {len(bundle.classes)} classes, and its model has {rows} logits."
        )


def _config(bundle: Bundle) -> dict[str, Any]:
    """timm's own configuration where the model is timm's; else the same facts for people."""
    p, number = bundle.preprocessing, len(bundle.classes)
    told = {
        "num_classes": number,
        "input_size": [3, p.crop_size, p.crop_size],
        "interpolation": p.interpolation,
        "crop_pct": p.crop_size / p.resize_size,
        "crop_mode": "center",
        "mean": [*p.mean],
        "std": [*p.std],
    }
    if bundle.name not in PACKAGED:
        return {
            "library": "torchvision",
            "architecture": bundle.name,
            "label_names": [*bundle.classes],
            **told,
        }
    name = PACKAGED[bundle.name].timm_name
    own = timm.get_pretrained_cfg(name)
    told |= {
        "custom_load": False,
        "fixed_input_size": False,
        "first_conv": own.first_conv,
        "classifier": own.classifier,
    }
    return {
        "architecture": name,
        "num_classes": number,
        "num_features": bundle.model.num_features,
        "label_names": [*bundle.classes],
        "pretrained_cfg": told,
    }


def _answer_to_a_pattern(bundle: Bundle) -> list[float]:
    """Logits for a picture that every machine makes alike, in float32 on the CPU."""
    side = bundle.side
    rows, columns = torch.arange(side)[:, None], torch.arange(side)
    pattern = torch.stack(
        [(rows * a + columns * b + rows * columns // 7) % 256 for a, b in ((1, 2), (3, 1), (2, 5))]
    )
    prepared = eval_transform(bundle.preprocessing)(pattern.to(torch.uint8))
    device = next(bundle.model.parameters()).device
    with torch.no_grad(), eval_mode(bundle.model.cpu().float()):
        logits = bundle.model(prepared[None])[0].tolist()
    bundle.model.to(device)
    return logits


def sealed(content: dict[str, Any]) -> str:
    """A record's text with the digest of all of it as its last entry."""
    text = json.dumps({**content, "sha256": NO_SEAL}, indent=1) + "\n"
    before, _, after = text.rpartition(NO_SEAL)
    return before + hashlib.sha256(text.encode()).hexdigest() + after


def _is_sealed(text: str, told: object) -> bool:
    if not isinstance(told, str) or len(told) != len(NO_SEAL):
        return False
    before, _, after = text.rpartition(told)
    return hashlib.sha256((before + NO_SEAL + after).encode()).hexdigest() == told
