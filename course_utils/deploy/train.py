"""Train a model on a folder of pictures and put it into a bundle; a training that was broken off goes on."""

from __future__ import annotations

import base64
import copy
import io
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch import Tensor
from torch.optim import AdamW
from torchvision.transforms.functional import to_pil_image

from course_utils import runtime
from course_utils.data import BirdSplits, ImageSet, eval_transform, train_transform
from course_utils.data.collection import Collection
from course_utils.data.splits import split_collection
from course_utils.deploy.bundle import CARD, CONFIG, RECORD, WEIGHTS, Bundle, load_bundle, save_bundle
from course_utils.deploy.card import Facts, Mistake, Scores
from course_utils.errors import CourseError
from course_utils.experiments.compare import configuration
from course_utils.experiments.flavours import Flavour
from course_utils.experiments.run import Trained, train_flavour
from course_utils.experiments.store import splits_fingerprint
from course_utils.files import check_folder, save_text
from course_utils.metrics.calibration import calibration_error, fit_temperature
from course_utils.metrics.classification import metrics_of
from course_utils.models import parameter_groups, preprocessing_for
from course_utils.models.packaged import PACKAGED
from course_utils.training.fit import make_loader
from course_utils.training.hardware import Hardware
from course_utils.training.loop import predict, train_one_epoch
from course_utils.training.state import TrainingState

ASKED, STATE = "training.json", "training.safetensors"
"""What an unfinished training leaves in its folder."""
MISTAKES, MISTAKE_SIDE = 12, 192
"""How many of the surest mistakes are kept as pictures, and their side in px."""


@dataclass(frozen=True)
class Request:
    """What is to be trained.

    Attributes:
        flavour: How.
        model: Name of the model.
        seed: Of the run.
        images_per_class: Training pictures of each class; None takes all.
        licence: Of the pictures.
        pictures_of_mistakes: Whether small copies of the surest mistakes in test go into the bundle.
    """

    flavour: Flavour
    model: str
    seed: int = 0
    images_per_class: int | None = None
    licence: str = "unknown"
    pictures_of_mistakes: bool = True


def train_bundle(
    out: Path, pictures: Collection, request: Request, *, say: Callable[[str], object] = print
) -> Bundle:
    """Train, measure and write a bundle; the same call goes on with what an earlier one left unfinished.

    Args:
        out: Its folder; new, empty, or with an unfinished training of the same request.
        pictures: Kept at the side that the flavour asks for.
        request: What is to be trained.
        say: Told what happens, in sentences.

    Returns:
        The bundle, read back.

    Raises:
        CourseError: Another bundle, another training or other files are in the folder; the model does not suit the flavour.
    """
    birds = split_collection(pictures, images_per_class=request.images_per_class, seed=request.seed)
    asked = configuration(request.flavour, birds, request.model, request.seed)
    asked |= {"classes": [*pictures.classes], "licence": request.licence}
    asked["pictures_of_mistakes"] = request.pictures_of_mistakes
    if not _is_to_be_trained(out, asked):
        say(f"{out} holds this very model already.")
        _clear(out)
        return load_bundle(out)
    request.flavour.check(request.model, len(pictures.classes))
    if (out / STATE).is_file():
        say("An earlier training goes on.")
        way = _read(out / ASKED)["way"]
    else:
        say(_forecast(request, birds))
        way = {"precision": Hardware.find().precision, "threads": torch.get_num_threads()}
        save_text(out / ASKED, json.dumps({"asked": asked, "way": way}) + "\n")
    with _computing(**way):
        state = TrainingState(out / STATE)
        trained = train_flavour(request.flavour, birds, request.model, request.seed, state=state)
        save_bundle(out, _bundle(trained, birds, pictures, request, asked))
    _clear(out)
    return load_bundle(out)


def _clear(out: Path) -> None:
    """Take away what training kept, and what a process that was killed had begun to write."""
    begun = (f".{name}-*" for name in (STATE, ASKED, WEIGHTS, CONFIG, CARD, RECORD))
    for pattern in (STATE, ASKED, *begun, ".tmp*"):  # the last is safetensors' own
        for file in out.glob(pattern):
            file.unlink(missing_ok=True)


def _is_to_be_trained(out: Path, asked: dict[str, Any]) -> bool:
    if (out / RECORD).exists():
        if load_bundle(out).facts.asked == asked:
            return False
        raise CourseError(f"{out} holds another bundle, which is not written over. Choose another folder.")
    check_folder(out)
    there = sorted(file.name for file in out.iterdir() if not file.name.startswith("."))
    if ASKED in there:
        if _read(out / ASKED).get("asked") != asked:
            raise CourseError(
                f"{out} holds an unfinished training of other pictures, other options or another profile. "
                "Give the same options as before, choose another folder, or delete this one."
            )
    elif there:
        raise CourseError(f"{out} is not empty ({', '.join(there[:3])}). Choose a new folder.")
    return True


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


@contextmanager
def _computing(precision: str, threads: int) -> Iterator[None]:
    """In a precision and with so many threads: both decide the last bits, and each process times anew what is faster."""
    before = os.environ.get("COURSE_PRECISION"), torch.get_num_threads()
    os.environ["COURSE_PRECISION"] = precision
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before[1])
        if before[0] is None:
            del os.environ["COURSE_PRECISION"]
        else:
            os.environ["COURSE_PRECISION"] = before[0]


def _forecast(request: Request, birds: BirdSplits) -> str:
    """How long it will take, from a step or two of the very training."""
    flavour, preprocessing = (
        request.flavour,
        preprocessing_for(
            request.flavour.model_name(request.model), image_size=request.flavour.image_size(request.model)
        ),
    )
    recipe = flavour.recipe(len(birds.train))
    model = flavour.start(flavour.model_name(request.model), len(birds.classes), request.seed)
    val = birds.val.take(range(min(len(birds.val), 32))).with_transform(eval_transform(preprocessing))
    predict(model, make_loader(val))  # the first pass also finds out what is fast here
    start = perf_counter()
    predict(model, make_loader(val))
    answers = (perf_counter() - start) / len(val)
    if recipe is None:
        return f"About {_minutes(answers * sum(map(len, birds)))}."
    few = birds.train.take(range(min(len(birds.train), 2 * recipe.batch_size)))
    loader = make_loader(few.with_transform(train_transform(preprocessing)), batch_size=recipe.batch_size)
    learner = flavour.release(copy.deepcopy(model)) if flavour.probe_first else model
    optimizer = AdamW(parameter_groups(learner, lr_backbone=1e-6, lr_head=1e-6))
    train_one_epoch(learner, loader, optimizer=optimizer)
    start = perf_counter()
    train_one_epoch(learner, loader, optimizer=optimizer)
    learns = (perf_counter() - start) / len(few)
    seconds = recipe.epochs * (learns * len(birds.train) + answers * len(birds.val)) + answers * len(
        birds.test
    )
    return f"About {_minutes(seconds)}: {recipe.epochs} epochs of {len(birds.train)} pictures, timed on the first few."


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < 90 else f"{seconds / 60:.0f} minutes"


def _bundle(
    trained: Trained, birds: BirdSplits, pictures: Collection, request: Request, asked: dict[str, Any]
) -> Bundle:
    """Measure val, then test, once."""
    flavour, name = request.flavour, request.flavour.model_name(request.model)
    clean = eval_transform(trained.preprocessing)
    val, test = (
        predict(trained.model, make_loader(part.with_transform(clean))) for part in (birds.val, birds.test)
    )
    temperature = fit_temperature(*val)
    scores = {split: _scores(*answers, temperature) for split, answers in (("val", val), ("test", test))}
    hardware, recipe = Hardware.find(), flavour.recipe(len(birds.train))
    facts = Facts(
        flavour=flavour.name,
        weights=_origin(name, flavour),
        data=pictures.name,
        data_sha256=splits_fingerprint(birds),
        pictures={part.split: len(part) for part in birds},
        seed=request.seed,
        recipe=None if recipe is None else asdict(recipe),
        epochs=trained.epochs,
        seconds=round(trained.seconds, 1),
        scores={split: asdict(reached) for split, reached in scores.items()},
        licence=request.licence,
        provenance={
            "device": hardware.device.type,
            "precision": hardware.precision,
            "versions": runtime.versions(),
            "commit": runtime.commit(),
        },
        asked=asked,
        mistakes=surest_mistakes(birds.test, scores["test"]) if request.pictures_of_mistakes else [],
    )
    side = pictures.pixels.shape[-1]
    return Bundle(
        trained.model, name, tuple(pictures.classes), side, trained.preprocessing, temperature, facts
    )


def _origin(name: str, flavour: Flavour) -> str:
    if flavour.name.startswith("scratch"):
        return "random weights"
    source = "timm" if name in PACKAGED else "torchvision"
    return f"weights trained on ImageNet ({source})"


def _scores(logits: Tensor, labels: Tensor, temperature: float) -> Scores:
    metrics = metrics_of(logits, labels)
    calibrated = (logits.double() / temperature).softmax(1)
    probability, named = calibrated.max(1)
    return Scores(
        accuracy=metrics.accuracy,
        n=metrics.n,
        loss=metrics.loss,
        calibration_error=calibration_error(calibrated, labels),
        answers={
            "label": labels.tolist(),
            "named": named.tolist(),
            "probability": [round(sure, 6) for sure in probability.tolist()],
        },
    )


def surest_mistakes(test: ImageSet, scores: Scores) -> list[dict[str, Any]]:
    """The wrong answers on test, the surest first, as entries of :class:`Mistake`."""
    rows = list(zip(*(scores.answers[key] for key in ("label", "named", "probability")), strict=True))
    wrong = [row for row, (label, named, _) in enumerate(rows) if label != named]
    surest = sorted(wrong, key=lambda row: -rows[row][2])[:MISTAKES]
    return [asdict(Mistake(test.files[row], *rows[row], _small_copy(test.pixels[row]))) for row in surest]


def _small_copy(pixels: Tensor) -> str:
    """A JPEG in base64."""
    picture, stream = to_pil_image(pixels), io.BytesIO()
    picture.thumbnail((MISTAKE_SIDE, MISTAKE_SIDE))
    picture.save(stream, "JPEG", quality=80)
    return base64.b64encode(stream.getvalue()).decode("ascii")
