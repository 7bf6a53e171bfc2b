"""From a bundle to ONNX, in fp32 and int8, and what each engine is worth on this machine."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from course_utils.data import ImageSet, eval_transform
from course_utils.data.collection import Collection
from course_utils.data.splits import split_collection
from course_utils.deploy import engine
from course_utils.deploy.bundle import Bundle
from course_utils.errors import CourseError
from course_utils.experiments.store import splits_fingerprint
from course_utils.files import check_folder, replacing
from course_utils.metrics.classification import metrics_of
from course_utils.models.parts import eval_mode
from course_utils.training.hardware import bf16_speedup

AGREE = 1e-4
"""How far the logits of ONNX in fp32 may lie from PyTorch's, as a share of the largest."""
CALIBRATED_ON = 200
"""Training pictures that int8 takes its ranges from."""
PACKAGES = ("onnx", "onnxruntime", "onnxscript")


@dataclass(frozen=True)
class Engine:
    """What a form of a model is worth on this machine.

    Attributes:
        name: Such as ``"ONNX int8"``.
        megabytes: Of its file.
        p50: Milliseconds for one picture, the median.
        p95: Milliseconds for one picture, which one of twenty takes longer than.
        pictures_a_second: In batches of 32.
        memory: MB that its process took after a batch of 32, Python and the engine itself included.
        accuracy: On the pictures that were looked at, 0 to 1; None where there were no labels.
        difference: The largest difference of a logit from PyTorch's in fp32.
    """

    name: str
    megabytes: float
    p50: float
    p95: float
    pictures_a_second: float
    memory: float
    accuracy: float | None
    difference: float


def check_packages() -> None:
    """Raise a CourseError with the line to type unless the packages for ONNX are here."""
    if missing := [name for name in PACKAGES if find_spec(name) is None]:
        raise CourseError(
            f"Exporting needs {', '.join(missing)}. Install: {sys.executable} -m pip install {' '.join(missing)}"
        )


def export(
    folder: Path,
    bundle: Bundle,
    pictures: Collection | None,
    *,
    int8: bool,
    say: Callable[[str], object] = print,
) -> list[Engine]:
    """Write a bundle's model as ONNX beside it, in int8, too, where asked, and measure what each form is worth here.

    Args:
        folder: The bundle's.
        bundle: The bundle.
        pictures: What it was trained on; None measures on noise, without accuracy.
        int8: Needs pictures.
        say: Told what happens, in sentences.

    Raises:
        CourseError: A package is missing, other pictures, or a model that can't be exported.
    """
    check_packages()
    train, test = (None, None) if pictures is None else splits_of(bundle, pictures)
    files = [("ONNX fp32", folder / "model.onnx")]
    difference = export_onnx(bundle, files[0][1])
    say(f"{files[0][1]}: its logits differ from PyTorch's by {difference:.1g} at most.")
    if int8:
        files.append(("ONNX int8", folder / "model_int8.onnx"))
        ranges = prepared(bundle, train, CALIBRATED_ON)
        export_int8(files[0][1], files[1][1], ranges)
        say(f"{files[1][1]}: ranges from {len(ranges)} training pictures.")
    shown, labels = (pattern(bundle), None) if test is None else (prepared(bundle, test), test.labels)
    engines = compare_engines(folder, bundle, files, shown, labels)
    say(f"\nOn this machine:\n{table(engines).to_string(index=False)}")
    if int8:
        lost = engines[0].accuracy - engines[-1].accuracy
        say(f"int8 names {abs(lost):.1%} of test {'fewer' if lost > 0 else 'more'} rightly than fp32.")
    return engines


def export_onnx(bundle: Bundle, file: Path) -> float:
    """Write a bundle's model as ONNX in fp32, for batches of any size, with all that must be known in its metadata.

    Args:
        bundle: The model.
        file: Where to.

    Returns:
        What :func:`difference_of` says.

    Raises:
        CourseError: A package is missing, the file can't be written, the model can't be exported, or it answers otherwise.
    """
    check_packages()
    check_folder(file.parent)
    import onnx

    model, noise = bundle.model.cpu().float(), pattern(bundle)[:2]
    with eval_mode(model), torch.no_grad(), _quiet():
        try:
            program = torch.onnx.export(
                model,
                (noise,),
                dynamo=True,
                input_names=["pictures"],
                output_names=["logits"],
                dynamic_shapes=({0: torch.export.Dim("batch")},),
            )
        except Exception as error:  # of whatever the exporter meets in a model
            raise CourseError(
                f"{bundle.name} can't be exported to ONNX ({type(error).__name__}: {error})."
            ) from error
    made = program.model_proto
    onnx.helper.set_model_props(made, {name: json.dumps(value) for name, value in _told(bundle).items()})
    with replacing(file) as temporary:
        onnx.save(made, temporary)
    return difference_of(bundle, file)


def difference_of(bundle: Bundle, file: Path) -> float:
    """The largest difference of an ONNX file's logits from the model's, on pictures of noise in batches of 1, 2 and 5.

    Raises:
        CourseError: It is more than :data:`AGREE` of the largest logit.
    """
    noise, answer = pattern(bundle)[:5], engine.onnx_engine(str(file))
    with eval_mode(bundle.model), torch.no_grad():
        expected = bundle.model(noise)
    found = [torch.from_numpy(answer(noise[:number].numpy())) for number in (1, 2, 5)]
    difference = max((rows - expected[: len(rows)]).abs().max().item() for rows in found)
    if not difference <= AGREE * max(1.0, expected.abs().max().item()):
        raise CourseError(f"{file} answers otherwise than PyTorch: logits differ by up to {difference:.2g}.")
    return difference


def export_int8(fp32: Path, file: Path, pictures: Tensor) -> None:
    """Write an ONNX model in int8, with the ranges that it takes on pictures (static quantisation).

    Args:
        fp32: What :func:`export_onnx` wrote.
        file: Where to.
        pictures: float32 (N, 3, H, W), prepared, of train.
    """
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Pictures(quantization.CalibrationDataReader):
        def __init__(self) -> None:
            self.left: Iterator[Tensor] = iter(pictures.split(1))

        def get_next(self) -> dict[str, np.ndarray] | None:
            batch = next(self.left, None)
            return None if batch is None else {"pictures": batch.numpy()}

    with tempfile.TemporaryDirectory() as folder, _quiet(), replacing(file) as temporary:
        shaped = Path(folder) / "shaped.onnx"
        quant_pre_process(str(fp32), str(shaped))
        quantization.quantize_static(
            str(shaped),
            str(temporary),
            Pictures(),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            weight_type=quantization.QuantType.QInt8,
            activation_type=quantization.QuantType.QUInt8,
        )


def splits_of(bundle: Bundle, pictures: Collection) -> tuple[ImageSet, ImageSet]:
    """Train and test of the data that a bundle was trained on.

    Raises:
        CourseError: Other data.
    """
    asked = bundle.facts.asked if bundle.facts else {}
    number, seed = asked.get("images_per_class"), asked.get("seed", 0)
    for wanted in (None, number):
        birds = split_collection(pictures, images_per_class=wanted, seed=seed)
        if bundle.facts and splits_fingerprint(birds) == bundle.facts.data_sha256:
            return birds.train, birds.test
    raise CourseError(
        f"The pictures of {pictures.name} are not those that the model was trained on: their digests differ. Give the data "
        "that `course train` had."
    )


def compare_engines(
    folder: Path, bundle: Bundle, onnx: Sequence[tuple[str, Path]], pictures: Tensor, labels: Tensor | None
) -> list[Engine]:
    """Measure PyTorch in fp32, in bf16 where that is faster here, and ONNX files, each in a process of its own.

    Args:
        folder: The bundle's.
        bundle: The bundle.
        onnx: Names and files.
        pictures: float32 (N, 3, H, W), prepared.
        labels: int64 (N,); None where nobody knows them.
    """
    weights = folder / "model.safetensors"
    forms = [("PyTorch fp32", "torch", folder, weights)]
    if bf16_speedup("cpu"):
        forms.append(("PyTorch bf16", "bf16", folder, weights))
    forms += [(name, "onnx", file, file) for name, file in onnx]
    found: list[Engine] = []
    expected: np.ndarray | None = None
    with tempfile.TemporaryDirectory() as place:
        given, made = Path(place) / "pictures.npy", Path(place) / "logits.npy"
        np.save(given, pictures.numpy())
        for name, kind, model, file in forms:
            command = [sys.executable, "-m", engine.__name__, kind, str(model), str(given), str(made)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise CourseError(f"{name} could not be measured: {done.stderr.strip().splitlines()[-1]}")
            numbers, logits = json.loads(done.stdout), np.load(made)
            expected = logits if expected is None else expected
            accuracy = None if labels is None else metrics_of(torch.from_numpy(logits), labels).accuracy
            found.append(
                Engine(
                    name=name,
                    megabytes=file.stat().st_size / 1e6,
                    p50=1e3 * numbers["p50"],
                    p95=1e3 * numbers["p95"],
                    pictures_a_second=numbers["pictures_a_second"],
                    memory=numbers["memory"] / 1e6,
                    accuracy=accuracy,
                    difference=float(np.abs(logits - expected).max()),
                )
            )
    return found


def prepared(bundle: Bundle, images: ImageSet, most: int | None = None) -> Tensor:
    """float32 (N, 3, crop_size, crop_size) of an image set, or of so many of its pictures, spread over it."""
    rows = (
        range(len(images))
        if most is None
        else np.linspace(0, len(images) - 1, min(most, len(images))).astype(int)
    )
    transform = eval_transform(bundle.preprocessing)
    return torch.cat([transform(images.pixels[int(row)][None]) for row in rows])


def pattern(bundle: Bundle) -> Tensor:
    """float32 (32, 3, crop_size, crop_size) of noise, to measure time where there are no pictures."""
    side = bundle.preprocessing.crop_size
    return torch.randn((engine.BATCH, 3, side, side), generator=torch.Generator().manual_seed(0))


def _told(bundle: Bundle) -> dict[str, object]:
    return {
        "model": bundle.name,
        "classes": [*bundle.classes],
        "preprocessing": {
            "first": "turn upright, convert to RGB, cut out the central square",
            "square_side": bundle.side,
            "square_resampling": bundle.resampling,
            **asdict(bundle.preprocessing),
            "order": "resize to resize_size, cut out the central crop_size, scale to 0..1, subtract mean, divide by std",
        },
        "temperature": bundle.temperature,
    }


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporters speak of their steps; what goes wrong they raise."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def table(engines: Sequence[Engine]) -> pd.DataFrame:
    """The engines as people read them, one a row."""
    rows = [
        {
            "engine": e.name,
            "file": f"{e.megabytes:.1f} MB",
            "latency p50": f"{e.p50:.1f} ms",
            "latency p95": f"{e.p95:.1f} ms",
            "pictures a second": f"{e.pictures_a_second:.0f}",
            "memory": f"{e.memory:.0f} MB",
            "test accuracy": "" if e.accuracy is None else f"{e.accuracy:.1%}",
            "logits differ by": f"{e.difference:.2g}",
        }
        for e in engines
    ]
    return pd.DataFrame(rows)
