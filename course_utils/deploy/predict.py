"""What a model says of picture files: many at a time, and bad ones are named and do not stop the others."""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torchvision import models

from course_utils.data.decode import open_rgb, read_bytes
from course_utils.data.tree import read_tree
from course_utils.deploy.bundle import Bundle
from course_utils.errors import CourseError
from course_utils.models import load_pretrained, preprocessing_for
from course_utils.training.hardware import Hardware

BATCH = 32


@dataclass(frozen=True)
class Prediction:
    """What a model says of a file.

    Attributes:
        file: As it was named.
        answers: Names and probabilities, 0 to 1, the surest first; empty where the file is bad.
        error: What is wrong with the file; empty where nothing is.
    """

    file: str
    answers: tuple[tuple[str, float], ...] = ()
    error: str = ""


def pretrained_bundle(name: str) -> Bundle:
    """A model with its ImageNet weights as they are.

    Args:
        name: A torchvision classification model, or one of :data:`~course_utils.models.packaged.PACKAGED`.

    Raises:
        CourseError: An unknown name, or weights that can't be had.
    """
    model, preprocessing = load_pretrained(name).eval(), preprocessing_for(name)
    classes = tuple(models.ResNet50_Weights.DEFAULT.meta["categories"])
    side, way = preprocessing.resize_size, preprocessing.interpolation
    return Bundle(model, name, classes, side, preprocessing, temperature=1.0, resampling=way)


def published_accuracy(name: str) -> float | None:
    """Percent of ImageNet's validation pictures that torchvision says its weights name rightly; None of other models."""
    if name not in models.list_models():
        return None
    metrics = models.get_model_weights(name).DEFAULT.meta["_metrics"]
    return metrics.get("ImageNet-1K", {}).get("acc@1")


def predict_files(bundle: Bundle, places: Iterable[str | Path], *, top: int = 5) -> Iterator[Prediction]:
    """Name pictures, in order; those of a folder in the order of their names.

    Args:
        bundle: The model.
        places: Files and folders; what is in a folder's folders counts too.
        top: How many answers.

    Yields:
        One for each picture, and one for each file that is none.
    """
    hardware = Hardware.find()
    hardware.place(bundle.model)
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool, torch.inference_mode():
        for files in _batches(_files(places)):
            prepared = list(pool.map(lambda found: found[1] or _prepared(bundle, found[0]), files))
            pictures = [picture for picture in prepared if isinstance(picture, Tensor)]
            rows = iter(_answers(bundle, hardware, pictures, top))
            for (file, _), found in zip(files, prepared, strict=True):
                if isinstance(found, Tensor):
                    yield Prediction(str(file), next(rows))
                else:
                    yield Prediction(str(file), error=found)


def _answers(
    bundle: Bundle, hardware: Hardware, pictures: Sequence[Tensor], top: int
) -> list[tuple[tuple[str, float], ...]]:
    if not pictures:
        return []
    shares = bundle.probabilities(hardware.answer(bundle.model, torch.stack([*pictures])).cpu())
    values, places = shares.topk(min(top, len(bundle.classes)), dim=1)
    return [
        tuple((bundle.classes[k], value) for k, value in zip(row, sure, strict=True))
        for row, sure in zip(places.tolist(), values.tolist(), strict=True)
    ]


def _prepared(bundle: Bundle, file: Path) -> Tensor | str:
    try:
        content, _ = read_bytes(file)
        return bundle.prepare(open_rgb(content, file))
    except CourseError as error:
        return str(error).removeprefix(f"{file} ")


def _files(places: Iterable[str | Path]) -> Iterator[tuple[Path, str]]:
    """Each file, and what is wrong with it as far as can be seen from outside."""
    for place in places:
        try:
            path = Path(place).expanduser()
            if path.is_dir():
                for folder in read_tree(path):
                    found = dict.fromkeys(folder.pictures, "") | {
                        file: f"is left out: {reason}" for file, reason in folder.left_out.items()
                    }
                    yield from sorted(found.items())
            else:
                yield path, "" if path.is_file() else "is no file." if path.exists() else "is not there."
        except (CourseError, OSError, RuntimeError, ValueError) as error:
            yield Path(place), f"can't be looked at: {error}"


def _batches(files: Iterator[tuple[Path, str]]) -> Iterator[list[tuple[Path, str]]]:
    while batch := list(itertools.islice(files, BATCH)):
        yield batch


def as_json(predictions: Iterable[Prediction]) -> str:
    """A list with an entry for each file: its answers or its error."""
    return json.dumps(
        [
            {"file": p.file, "error": p.error}
            if p.error
            else {"file": p.file, "answers": [{"name": n, "probability": round(s, 6)} for n, s in p.answers]}
            for p in predictions
        ],
        indent=1,
        ensure_ascii=False,
    )


def as_csv(predictions: Iterable[Prediction], *, top: int = 5) -> str:
    """A line for each file: the answers in columns, and the error in the last one."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(
        ["file", *(f"{what}_{k}" for k in range(1, top + 1) for what in ("name", "probability")), "error"]
    )
    for p in predictions:
        cells = [cell for name, share in p.answers for cell in (name, f"{share:.6f}")]
        table.writerow([p.file, *cells, *[""] * (2 * top - len(cells)), p.error])
    return text.getvalue()
