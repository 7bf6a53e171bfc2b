"""`fit` with what learners bring along: each error says what was found, what is expected and the line that mends it."""

from __future__ import annotations

import copy
import re

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, IterableDataset
from torchvision import models
from torchvision.transforms import v2

from course_utils.data import Preprocessing, eval_transform
from course_utils.errors import CourseError
from course_utils.models import build_definition, replace_head
from course_utils.training import Recipe, evaluate, fit, make_loader

SMALL = Preprocessing(crop_size=32, resize_size=36)
PICTURE = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0))


def net(channels: int = 3) -> nn.Module:
    return nn.Sequential(nn.Conv2d(channels, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))


def train(pictures, *, model=None, val=None, **recipe):
    """Fit a small network to whatever is handed in."""
    fine = [(PICTURE, 0), (PICTURE, 1)] * 2
    return fit(
        model or net(),
        pictures,
        val=fine if val is None else val,
        recipe=Recipe(epochs=1, **recipe),
        device="cpu",
    )


class Several(nn.Module):
    """Answers with more than logits, as models of other libraries do."""

    def __init__(self, answer) -> None:
        super().__init__()
        self.net, self.answer = net(), answer

    def forward(self, x):
        return self.answer(self.net(x))


class Endless(IterableDataset):
    def __iter__(self):
        yield PICTURE, 0


PIL = Image.new("RGB", (50, 40), "red")
SAMPLES = [
    (
        lambda: [(PICTURE, 0), (PICTURE[:, :20], 1)],
        "several sizes: .*3, 32, 32.* and .*3, 20, 32",
        "v2.Compose",
    ),
    (lambda: [(PIL, 0), (PIL, 1)], "has a PIL picture; expected a float32 tensor", "transform = "),
    (lambda: [(np.zeros((32, 32, 3)), 0)], "has a NumPy array; expected a float32 tensor", "transform = "),
    (lambda: [((PICTURE * 255).byte(), 0)], "picture of torch.uint8; expected torch.float32", "v2.ToDtype"),
    (lambda: [(PICTURE.double(), 0)], "picture of torch.float64", r"picture\.float\(\)"),
    (lambda: [(PICTURE[0], 0)], r"shape \(32, 32\); expected \(3, H, W\)", r"picture\.expand\(3, -1, -1\)"),
    (
        lambda: [(PICTURE[:1], 0)],
        r"can't take a picture of shape \(1, 32, 32\)",
        r"picture\.expand\(3, -1, -1\)",
    ),
    (lambda: [(torch.rand(4, 32, 32), 0)], r"\(4, 32, 32\)", r"picture\[:3\]"),
    (lambda: [(PICTURE.permute(1, 2, 0), 0)], r"\(32, 32, 3\)", r"picture\.permute\(2, 0, 1\)"),
    (lambda: [(PICTURE, torch.tensor([0]))], r"label of torch.int64 and shape \(1,\)", r"int\(label\)"),
    (lambda: [(PICTURE, torch.tensor(0, dtype=torch.int32))], "label of torch.int32", r"int\(label\)"),
    (lambda: [(PICTURE, np.int32(0))], "label of int32", r"int\(label\)"),
    (
        lambda: [(PICTURE, torch.tensor([0.0, 1.0]))],
        r"label of torch.float32 and shape \(2,\)",
        r"int\(label\.argmax\(\)\)",
    ),
    (lambda: [(PICTURE, "wren")], "label the text 'wren'", r"classes\.index\(label\)"),
    (lambda: [(PICTURE, 0.0)], "label of type float", r"int\(label\)"),
    (lambda: [{"image": PICTURE, "label": 0}], "is a dict with image, label", "return picture, label"),
    (lambda: [(PICTURE, 0, "a.png")], "is a tuple of length 3", "return picture, label"),
    (lambda: [PICTURE], "is a Tensor; expected a pair", "return picture, label"),
    (lambda: ["a.png"], "is a str; expected a pair", "return picture, label"),
    (lambda: [("a.png", 0)], "has a str for a picture", "float32 tensor"),
    (lambda: DataLoader([(PICTURE, 0)]), "train is a DataLoader", r"train\.dataset"),
    (lambda: Endless(), "train is a Endless; expected a dataset with a length", r"list\(dataset\)"),
    (list, "train has no pictures", "Check the folder"),
]


@pytest.mark.parametrize(("samples", "found", "mend"), SAMPLES)
def test_samples_that_are_none_are_looked_at_first(samples, found, mend):
    for keyword in ("train", "val"):
        pictures = {"train": samples()} if keyword == "train" else {"val": samples()}
        with pytest.raises(CourseError, match=found.replace("train", keyword)) as caught:
            train(pictures.get("train", [(PICTURE, 0)] * 4), val=pictures.get("val"))
        assert re.search(mend.replace("train", keyword), str(caught.value))


def test_the_lines_that_mend_do():
    prepare = v2.Compose([v2.ToImage(), eval_transform(SMALL)])
    mended = [(prepare(PIL), 0), (prepare(np.zeros((40, 50, 3), dtype=np.uint8)), 1)]
    mended += [(v2.ToDtype(torch.float32, scale=True)((PICTURE * 255).byte()), int(torch.tensor([1])))]
    mended += [(PICTURE[0].expand(3, -1, -1), int(torch.tensor([0.0, 1.0]).argmax())), (PICTURE, np.int64(0))]
    mended += [(PICTURE.permute(1, 2, 0).permute(2, 0, 1), 1)]
    assert train(mended).epochs
    with pytest.raises(
        CourseError, match=r"batch can't be made of the labels, which are Tensor and int .*int\(label\)"
    ):
        next(iter(make_loader([(PICTURE, torch.tensor(0))] * 7 + [(PICTURE, 1)])))


def test_a_size_that_differs_in_mid_set_is_an_error_with_advice():
    pictures = [(PICTURE, k % 2) for k in range(40)]
    pictures[7] = (PICTURE[:, :20], 0)
    for mixup in (0.0, 0.2):
        with pytest.raises(
            CourseError, match=r"which are \(3, 20, 32\) and \(3, 32, 32\)\. .* one size: give the dataset"
        ):
            train(pictures, mixup=mixup)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: Several(lambda x: (x, x)), "answers with a tuple; expected one tensor, logits"),
        (lambda: Several(lambda x: {"out": x}), "answers with a dict"),
        (
            lambda: Several(lambda x: x[:, :, None, None]),
            r"shape \(1, 2, 1, 1\); expected logits \(N, classes\)",
        ),
        (lambda: Several(lambda x: x[:, 0]), r"shape \(1,\)"),
        (lambda: net().half(), r"weights are torch.float16; expected torch.float32.*model\.float\(\)"),
        (lambda: net().double(), r"weights are torch.float64.*model\.float\(\)"),
        (
            lambda: nn.Sequential(nn.Flatten(), nn.Linear(7, 2)),
            r"can't take a picture of shape \(3, 32, 32\).*the size that it",
        ),
        (lambda: nn.Sequential(nn.Flatten(), nn.LazyLinear(2)), r"no shape yet .*model\(picture\[None\]\)"),
    ],
)
def test_models_that_do_not_answer_with_logits_are_noticed_first(model, message):
    with pytest.raises(CourseError, match=message):
        train([(PICTURE, 0)] * 4, model=model())


def test_auxiliary_outputs_are_named():
    """GoogLeNet answers with them in train mode only."""
    model = models.googlenet(num_classes=2, aux_logits=True, init_weights=False)
    pictures = [(torch.rand(3, 96, 96), k % 2) for k in range(4)]
    with pytest.raises(
        CourseError, match=r"answers with a GoogLeNetOutputs; .*auxiliary outputs: build_definition"
    ):
        train(pictures, val=pictures, model=model)


def test_a_look_leaves_no_trace():
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.BatchNorm2d(4),
        nn.Dropout(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 2),
    )
    model[1].eval()
    before, state = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    with pytest.raises(CourseError, match="labels go from 5"):
        train([(PICTURE, 5)] * 4, model=model)
    del state
    assert all(
        torch.equal(before[name], value) or "running" in name or "tracked" in name
        for name, value in model.state_dict().items()
    )


@pytest.mark.parametrize(
    "labels", [torch.tensor([0, 1], dtype=torch.int32), torch.tensor([[0], [1]]), torch.tensor([0.0, 1.0])]
)
def test_labels_of_a_loader_of_one_s_own(labels):
    with pytest.raises(CourseError, match=r"The labels are .*; expected .*Convert them: labels\.long\(\)"):
        evaluate(net(), [(torch.stack([PICTURE, PICTURE]), labels)])


def test_gradients_that_are_switched_off_do_not_stop_training():
    """A cell further up had said torch.set_grad_enabled(False)."""
    for off in (torch.no_grad, torch.inference_mode):
        model = net()
        with off():
            assert train([(PICTURE, 0), (PICTURE, 1)] * 2, model=model).epochs
    with torch.inference_mode():
        model = net()
    with pytest.raises(CourseError, match=r"built inside torch\.inference_mode\(\)"):
        train([(PICTURE, 0)] * 4, model=model)


NET = net()


@pytest.mark.parametrize("number", [["wren", "jay"], ("wren", "jay"), {"wren": 0}, "2", 2.0, True, 0, None])
def test_a_number_of_classes_is_one(number):
    says = (
        {"2": r"int\('2'\)"}.get(number)
        if isinstance(number, str)
        else r"len\(classes\)"
        if hasattr(number, "__len__")
        else ""
    )
    for make in (lambda: build_definition("resnet18", number), lambda: replace_head(net(), number)):
        with pytest.raises(
            CourseError, match="num_classes is .* expected a whole number, 1 or more.*" + (says or "")
        ):
            make()
    assert build_definition("resnet18", np.int64(2)).fc.out_features == 2


def test_numbers_of_a_settings_file_and_of_numpy():
    with pytest.raises(CourseError, match=r"lr is '1e-3'; expected a number\. .*float\('1e-3'\)"):
        Recipe(epochs=1, lr="1e-3")
    for wrong in (
        {"epochs": None},
        {"epochs": "3"},
        {"epochs": 1, "mixup": True},
        {"epochs": 1, "warmup": [0.1]},
    ):
        with pytest.raises(CourseError, match="expected a number"):
            Recipe(**wrong)
    recipe = Recipe(epochs=np.int64(3), lr=np.float32(0.5), lr_backbone=None)
    assert recipe == Recipe(epochs=3, lr=0.5) and type(recipe.epochs) is int and type(recipe.lr) is float
    pictures = [(PICTURE, 0), (PICTURE, 1)] * 2
    one, two = (
        fit(copy.deepcopy(NET), pictures, val=pictures, recipe=recipe, seed=seed, device="cpu").best
        for seed in (3, np.int64(3))
    )
    assert one == two


def test_a_loader_still_takes_what_it_took():
    assert next(iter(make_loader([(PICTURE, 0)] * 3, batch_size=2)))[0].shape == (2, 3, 32, 32)
