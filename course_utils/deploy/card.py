"""The model card of a bundle, in Hugging Face's format: what was really measured, and how to use the model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from course_utils.metrics.intervals import accuracy_interval
from course_utils.models.packaged import PACKAGED
from course_utils.training.history import Columns

if TYPE_CHECKING:
    from course_utils.deploy.bundle import Bundle


@dataclass(frozen=True)
class Scores:
    """What a model reached on a split.

    Attributes:
        accuracy: 0 to 1.
        n: Pictures.
        loss: Mean cross-entropy, before calibration.
        calibration_error: Expected calibration error of the calibrated probabilities, 0 to 1.
        answers: For each picture, in the split's order, its ``label``, what it was ``named`` (both class numbers) and the
            calibrated ``probability`` of that.
    """

    accuracy: float
    n: int
    loss: float
    calibration_error: float
    answers: dict[str, list[float]] = field(default_factory=dict)

    def __str__(self) -> str:
        low, high = accuracy_interval(self.accuracy, self.n)
        return f"{self.accuracy:.1%} ({low:.1%} to {high:.1%})"


@dataclass(frozen=True)
class Mistake:
    """A test picture that was given a wrong name.

    Attributes:
        file: Within the data set.
        label: Number of its class.
        named: Number of the class that it was taken for.
        probability: Of that, calibrated, 0 to 1.
        jpeg: A small copy, in base64.
    """

    file: str
    label: int
    named: int
    probability: float
    jpeg: str


@dataclass(frozen=True)
class Facts:
    """Where a model comes from and what was measured.

    Attributes:
        flavour: A key of :data:`~course_utils.experiments.flavours.FLAVOURS`.
        weights: What training began with, in words.
        data: Name of the data set.
        data_sha256: Of its pictures, labels and splits.
        pictures: In each split.
        seed: Of the run.
        recipe: How it was trained; None for a probe.
        epochs: What happened in each; None for a probe.
        seconds: Of training.
        scores: On ``"val"``, which chose the epoch and the temperature, and on ``"test"``, which was read once.
        licence: Of the pictures, as whoever trained it says; ``"unknown"`` where nobody said.
        provenance: Device, precision, versions and commit.
        asked: What decided the run, see :func:`~course_utils.experiments.compare.configuration`.
        mistakes: Of test, those that the model was surest of, as entries of :class:`Mistake`.
    """

    flavour: str
    weights: str
    data: str
    data_sha256: str
    pictures: dict[str, int]
    seed: int
    recipe: dict[str, Any] | None
    epochs: Columns | None
    seconds: float
    scores: dict[str, dict[str, Any]]
    licence: str
    provenance: dict[str, Any]
    asked: dict[str, Any] = field(default_factory=dict)
    mistakes: list[dict[str, Any]] = field(default_factory=list)

    def score(self, split: str) -> Scores:
        """What was reached on ``"val"`` or ``"test"``."""
        return Scores(**self.scores[split])


LIMITS = (
    "It knows the classes below and gives every picture one of them, also a picture that shows none. It was measured on\n"
    "pictures of the same source as those it learned from. On others expect less, and measure before you rely on it."
)


def recipe_in_words(facts: Facts) -> str:
    """How a model was trained."""
    if not facts.recipe:
        return "a linear probe on the features of the pre-trained network"
    return ", ".join(f"{name} {value:g}" for name, value in facts.recipe.items() if value is not None)


def steps(bundle: Bundle) -> list[str]:
    """What happens to a picture before the model, and to its logits after it."""
    p = bundle.preprocessing
    return [
        "Turn the picture upright, convert it to RGB, cut out its central square and resize that to "
        f"{bundle.side} px (bicubic).",
        f"Resize that to {p.resize_size} px ({p.interpolation}) and cut out the central {p.crop_size} px.",
        f"From values of 0 to 1 take {_numbers(p.mean)} off (red, green, blue) and divide by {_numbers(p.std)}.",
        f"Divide the logits by {bundle.temperature:.6g} before a softmax.",
    ]


def model_card(title: str, bundle: Bundle) -> str:
    """README.md of a bundle.

    Args:
        title: What the model is called: the name of its folder.
        bundle: All else.
    """
    facts, test = bundle.facts, bundle.facts.score("test")
    library = "timm" if bundle.name in PACKAGED else "pytorch"
    accuracy = EvalResult(
        task_type="image-classification",
        task_name="Image classification",
        dataset_type="imagefolder",
        dataset_name=facts.data,
        dataset_split="test",
        metric_type="accuracy",
        metric_name="Accuracy",
        metric_value=round(test.accuracy, 4),
    )
    data = ModelCardData(
        library_name=library,
        license=facts.licence,
        tags=["image-classification", library, "borrowed-feathers"],
        pipeline_tag="image-classification",
        metrics=["accuracy"],
        model_name=title,
        eval_results=[accuracy],
    )
    return str(ModelCard(f"---\n{data.to_yaml()}\n---\n\n{_text(title, bundle)}"))


def _text(title: str, bundle: Bundle) -> str:
    facts = bundle.facts
    rows = "".join(
        f"| {split} | {score.n} | {score} | {score.calibration_error:.3f} |\n"
        for split, score in ((name, facts.score(name)) for name in facts.scores)
    )
    counts = ", ".join(f"{number} in {split}" for split, number in facts.pictures.items())
    versions = ", ".join(f"{name} {number}" for name, number in facts.provenance["versions"].items())
    where = f"{facts.provenance['device']} in {facts.provenance['precision']}"
    prepared = "\n".join(f"{number}. {step}" for number, step in enumerate(steps(bundle), 1))
    classes = "\n".join(f"{number}. {name}" for number, name in enumerate(bundle.classes))
    return f"""# {title}

`{bundle.name}` that names pictures of {len(bundle.classes)} classes. It began with {facts.weights} and was trained as the
flavour `{facts.flavour}` of the course Borrowed Feathers.

## How well it does

| split | pictures | accuracy (95% interval) | calibration error |
|---|---|---|---|
{rows}
Val chose among epochs or penalties, and the temperature of {bundle.temperature:.3g} by which logits are divided;
test was read once, at the end. The interval says how far another draw of as many pictures could move the accuracy.

## How to use it

With the course: `course predict {title} photo.jpg`. In Python:

```python
{snippet(title, bundle)}```

{prepared}

## What it was trained on

{facts.data}: {counts}. SHA-256 of pictures, labels and splits: `{facts.data_sha256}`.

## How it was trained

{recipe_in_words(facts)}. Seed {facts.seed}, {facts.seconds:.0f} s on {where}. Versions: {versions}.

## What it can't do

{LIMITS}

## Licence

Of the pictures: {facts.licence}. Training began with {facts.weights}; their licence goes with them.

## Classes

{classes}
"""


PLAIN_OPTIONS = {
    "googlenet": ", aux_logits=False, init_weights=False",
    "inception_v3": ", aux_logits=False, init_weights=False",
}
"""What plain torchvision must be told to build the network that the course trains."""
NOT_PLAIN = ("maxvit_t",)
"""Their heads have a bias in the course and none in torchvision."""


def snippet(title: str, bundle: Bundle) -> str:
    """Python that loads the model, without the course where that can be."""
    if bundle.name in PACKAGED:
        return f'import timm\n\nmodel = timm.create_model("local-dir:{title}", pretrained=True).eval()\n'
    if bundle.name in NOT_PLAIN:
        return f'from course_utils.deploy.bundle import load_bundle\n\nmodel = load_bundle("{title}").model\n'
    options = f"num_classes={len(bundle.classes)}{PLAIN_OPTIONS.get(bundle.name, '')}"
    return (
        "from safetensors.torch import load_file\nfrom torchvision import models\n\n"
        f'model = models.get_model("{bundle.name}", {options})\n'
        f'model.load_state_dict(load_file("{title}/model.safetensors"))\nmodel.eval()\n'
    )


def _numbers(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:.4g}" for value in values)
