"""Edges that a mutation tester found open: each test here ends a change of the code that nothing else noticed."""

from __future__ import annotations

import math
import shutil

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import Dataset, TensorDataset
from torchvision.transforms import InterpolationMode, v2

from conftest import draw
from course_utils.data import ImageSet, Preprocessing, eval_transform, load_birds, train_transform
from course_utils.data.collection import read_collection
from course_utils.data.cub import list_cub
from course_utils.errors import CourseError
from course_utils.models import (
    build_definition,
    count_parameters,
    freeze,
    load_pretrained,
    preprocessing_for,
    replace_head,
    stage_names,
)
from course_utils.training import (
    Features,
    Recipe,
    extract_features,
    fit,
    linear_probe,
    load_checkpoint,
    make_loader,
    save_checkpoint,
)
from course_utils.training import features as features_module
from course_utils.training.fit import warmup_cosine

LITE0 = "efficientnet_lite0"
SIDE = 4


def linear(classes: int = 3) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE * SIDE, classes))


def noise(number: int, classes: int = 3) -> TensorDataset:
    pictures = torch.randn(number, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    return TensorDataset(pictures, torch.arange(number) % classes)


class Watched(Dataset):
    """Remembers the order in which its pictures are asked for."""

    def __init__(self, pictures: TensorDataset) -> None:
        self.pictures, self.order = pictures, []

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        self.order.append(index)
        return self.pictures[index]


def test_precision_reaches_the_forward_pass(monkeypatch, make_folder):
    """Of training, of val and of the features."""
    monkeypatch.setenv("COURSE_PRECISION", "bf16")
    asked = []
    real = torch.autocast
    monkeypatch.setattr(
        torch, "autocast", lambda *a, enabled: asked.append(enabled) or real(*a, enabled=enabled)
    )
    fit(linear(), noise(20), val=noise(20), recipe=Recipe(9, batch_size=20), device="cpu")
    birds = load_birds(make_folder(train=2, val=1, test=1), side=18).train
    extract_features(linear(), birds, preprocessing=Preprocessing(SIDE, SIDE), device="cpu", cache=False)
    assert len(asked) == 19 and all(asked)


# Training


def test_fit_smooths_labels_in_training_only():
    """By hand: beliefs of 3/4 and 1/4; a tenth of the target on the wrong name costs a tenth of ln 3 more."""
    model = linear(2)
    nn.init.zeros_(model[1].weight)
    model[1].bias.data = torch.tensor([math.log(3), 0.0])
    pictures = TensorDataset(torch.zeros(8, 3, SIDE, SIDE), torch.zeros(8, dtype=torch.int64))
    recipe = Recipe(epochs=1, lr=1e-9, label_smoothing=0.2, batch_size=8)
    (epoch,) = fit(model, pictures, val=pictures, recipe=recipe).epochs
    assert epoch.val_loss == pytest.approx(math.log(4 / 3), abs=1e-4)
    assert epoch.train_loss - epoch.val_loss == pytest.approx(0.1 * math.log(3), abs=1e-4)


def test_mixup_mixes_as_much_as_the_recipe_says(monkeypatch):
    alphas = []
    real = v2.MixUp
    monkeypatch.setattr(v2, "MixUp", lambda **named: alphas.append(named.get("alpha")) or real(**named))
    fit(linear(), noise(20), val=noise(20), recipe=Recipe(1, mixup=0.3, batch_size=5))
    assert set(alphas) == {0.3}


@pytest.mark.parametrize("seed", [0, 3])
def test_fit_is_plain_pytorch(seed):
    """AdamW, warm-up and cosine, label smoothing, weight decay, the batches and order of the seed, a ragged last batch."""
    pictures, recipe = noise(20), Recipe(3, lr=0.03, batch_size=8, weight_decay=0.4, label_smoothing=0.2)
    history = fit(linear(), pictures, val=noise(7), recipe=recipe, seed=seed)
    model, steps, expected = linear(), 9, []
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.03, weight_decay=0.4)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, warmup_cosine(steps, recipe.warmup))
    loader = make_loader(pictures, batch_size=8, shuffle=True, seed=seed)
    for _ in range(3):
        loss_sum, right = 0.0, 0
        for x, y in loader:
            logits = model(x)
            loss = F.cross_entropy(logits, y, label_smoothing=0.2)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            loss_sum, right = loss_sum + loss.item() * len(y), right + int((logits.argmax(1) == y).sum())
        expected.append([loss_sum / 20, right / 20, optimizer.param_groups[0]["lr"]])
    found = [[e.train_loss, e.train_accuracy, e.lr] for e in history.epochs]
    assert torch.tensor(found).allclose(torch.tensor(expected), rtol=1e-4, atol=1e-6)
    assert history.n_val == 7 and 0 < history.seconds < 60


def test_orders_are_those_of_the_seed():
    orders = [
        [y.tolist() for _, y in make_loader(noise(20, 20), batch_size=20, shuffle=True, seed=s)]
        for s in (0, 0, 1)
    ]
    assert orders[0] == orders[1] != orders[2]
    torch.manual_seed(9)
    assert [y.tolist() for _, y in make_loader(noise(20, 20), batch_size=20, shuffle=True)] == orders[0]


def test_recipes_at_the_edge_of_what_is_allowed():
    assert Recipe(1, weight_decay=0, label_smoothing=0, warmup=0).warmup == 0
    with pytest.raises(CourseError, match="weight_decay is inf"):
        Recipe(1, weight_decay=float("inf"))


# Checkpoints


@pytest.mark.parametrize(
    ("saved", "built", "says"),
    [
        (2, 3, "missing: 2.bias, 2.weight"),
        (3, 2, "not in the model: 2.bias, 2.weight"),
    ],
)
def test_a_checkpoint_of_a_deeper_or_shallower_model(tmp_path, saved, built, says):
    models = {n: nn.Sequential(*(nn.Linear(2, 2) for _ in range(n))) for n in (2, 3)}
    save_checkpoint(tmp_path / "model.safetensors", models[saved])
    with pytest.raises(CourseError, match=f"for another model .{says}"):
        load_checkpoint(tmp_path / "model.safetensors", models[built])


def test_three_names_for_one_tensor(tmp_path):
    model = nn.ModuleList([nn.Linear(2, 2, bias=False) for _ in range(3)])
    model[1].weight = model[2].weight = model[0].weight
    expected = model[0].weight.detach().clone()
    save_checkpoint(tmp_path / "tied.safetensors", model)
    with torch.no_grad():
        model[0].weight.zero_()
    load_checkpoint(tmp_path / "tied.safetensors", model)
    assert all(torch.equal(layer.weight, expected) for layer in model)


# Features and the probe


def test_cached_features_are_the_same_table(make_folder):
    birds = load_birds(make_folder(train=2, val=1, test=1), side=18).train
    own = Preprocessing(SIDE, SIDE)
    first, again = (extract_features(linear(), birds, preprocessing=own) for _ in range(2))
    assert (first.cached, again.cached) == (False, True)
    assert torch.equal(first.x, again.x) and torch.equal(first.y, again.y) and first.seconds == again.seconds
    assert 0 < first.seconds < 60


def test_features_without_cache_write_nothing(make_folder):
    birds = load_birds(make_folder(train=2, val=1, test=1), side=18).train
    extract_features(linear(), birds, preprocessing=Preprocessing(SIDE, SIDE), cache=False)
    assert not list(features_module.paths.cache_dir("features").iterdir())


def test_a_cached_table_with_another_number_of_rows_is_not_taken(make_folder):
    birds = load_birds(make_folder(train=3, val=1, test=1), side=18).train
    own = Preprocessing(SIDE, SIDE)
    extract_features(linear(), birds, preprocessing=own)
    (file,) = features_module.paths.cache_dir("features").iterdir()
    features_module.save_file({"x": torch.zeros(1, 48)}, file, metadata={"seconds": "1"})
    assert extract_features(linear(), birds, preprocessing=own).x.shape == (9, 48)


def test_probe_is_at_the_lowest_point_of_what_it_minimises():
    """Few pictures, unequal classes, features on any scale: standardised by their own spread, with a bias."""
    generator = torch.Generator().manual_seed(0)
    y = torch.tensor([0] * 9 + [1] * 3 + [2] * 2)
    x = (torch.randn(14, 6, generator=generator) + F.one_hot(y, 6)) * torch.tensor([1e-3, 0.1, 1, 10, 1e3, 1])
    penalty = 0.01
    probe = linear_probe(Features(x, y, 0.0), val=Features(x, y, 0.0), l2=[penalty])
    spread = x.std(0, correction=0)
    weight = (probe.weight * spread).requires_grad_()
    bias = (probe.bias + probe.weight @ x.mean(0)).requires_grad_()
    logits = F.linear((x - x.mean(0)) / spread, weight, bias)
    (F.cross_entropy(logits, y) + penalty * weight.square().sum()).backward()
    assert weight.grad.abs().max() < 1e-3 and bias.grad.abs().max() < 1e-3
    assert probe.evaluate(Features(x, y, 0.0)).n == 14


# Models


def test_a_head_of_one_logit_is_a_head_and_none_is_not():
    assert replace_head(linear_named(), 1).fc.out_features == 1
    with pytest.raises(CourseError, match="num_classes is 0; expected a whole number, 1 or more"):
        replace_head(linear_named(), 0)


def linear_named() -> nn.Module:
    return build_definition("resnet18", 3, seed=0)


def test_a_seeded_head_leaves_the_global_state_and_an_unseeded_one_draws_from_it():
    model = linear_named()
    torch.manual_seed(5)
    before = torch.get_rng_state()
    replace_head(model, 4, seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    replace_head(model, 4)
    assert not torch.equal(torch.get_rng_state(), before)


def test_loading_pretrained_seeds_the_new_head_only():
    first, same, other = (load_pretrained(LITE0, 4, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.classifier.weight, same.classifier.weight)
    assert not torch.equal(first.classifier.weight, other.classifier.weight)
    assert torch.equal(first.conv_stem.weight, other.conv_stem.weight)
    assert first.num_classes == 4


def test_counts_are_said_in_words():
    assert str(count_parameters(freeze(linear_named()))) == "1,539 of 11,178,051 parameters train (0.0%)"
    assert str(count_parameters(nn.Linear(1, 1))) == "2 of 2 parameters train (100.0%)"
    assert str(count_parameters(nn.Identity())) == "0 of 0 parameters train (0.0%)"


def test_stages_of_a_resnet():
    layers = [f"layer{i}" for i in range(1, 5)]
    assert [name for name in stage_names(linear_named()) if "layer" in name] == layers


def test_preprocessing_to_the_last_field():
    half = (0.5, 0.5, 0.5)
    assert preprocessing_for(LITE0) == Preprocessing(224, 256, "bicubic", half, half)
    assert preprocessing_for("resnet18") == Preprocessing(
        224, 256, "bilinear", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    )
    assert preprocessing_for("efficientnet_b1").interpolation == "bilinear"


# Pictures


def test_transforms_are_what_they_say():
    own = Preprocessing(8, 10, "bicubic")
    _, resize, crop, *_ = eval_transform(own).transforms
    assert (resize.interpolation, resize.antialias, resize.size) == (InterpolationMode.BICUBIC, True, [10])
    assert tuple(crop.size) == (8, 8)
    crop = train_transform(own, min_scale=0.3).transforms[1]
    assert (crop.scale, crop.ratio) == ((0.3, 1.0), (0.8, 1.25))
    assert (crop.interpolation, crop.antialias) == (InterpolationMode.BICUBIC, True)


def test_a_part_of_a_set_knows_whose_it_is():
    pixels = torch.zeros(3, 3, 4, 6, dtype=torch.uint8)
    files, labels = ("a", "b", "c"), torch.tensor([0, 0, 1])
    images = ImageSet("birds", "val", ("jay", "owl", "tit"), files, files, pixels, labels)
    assert images.counts() == {"jay": 2, "owl": 1, "tit": 0}
    part = images.take([2])
    assert (part.data, part.split, part.classes, part.files) == (
        "birds",
        "val",
        ("jay", "owl", "tit"),
        ("c",),
    )
    assert repr(part) == "birds/val: 1 pictures of 3 classes, 6 px"


@pytest.mark.parametrize(("bad", "more"), [(5, ")"), (8, ") and 3 more")])
def test_five_pictures_that_are_left_out_for_one_reason_are_named(tmp_path, bad, more):
    for name in ("jay", "owl"):
        for i in range(4):
            draw(tmp_path / name / f"{i}.png", (9, 9, 9), seed=10 * i + len(name) + ord(name[0]))
    for i in range(bad):
        (tmp_path / "jay" / f"broken_{i:02d}.png").write_bytes(b"broken")
    with pytest.warns(UserWarning, match="Not used of") as caught:
        load_birds(tmp_path, side=18, skip_bad=True)
    text = str(caught[0].message)
    assert text.count("broken_") == 5 and f"({bad})" in text
    assert text.endswith(more)


@pytest.mark.parametrize(("first", "second"), [("test", "val"), ("test", "train"), ("val", "train")])
def test_of_two_copies_the_one_further_from_training_stays(make_folder, first, second):
    root = make_folder(train=4, val=4, test=4)
    shutil.copy(root / first / "jay" / "jay_00.png", root / second / "jay" / "again.png")
    with pytest.warns(UserWarning, match=rf"copies .*{second}/jay/again.png \(of {first}/jay/jay_00.png\)"):
        birds = load_birds(root, side=18)
    assert f"{first}/jay/jay_00.png" in getattr(birds, first).files


def test_a_damaged_picture_stops_unless_it_may_be_skipped(make_folder):
    root = make_folder(4)
    (root / "jay" / "jay_00.png").write_bytes(b"broken")
    with pytest.raises(CourseError, match=r"jay_00\.png"):
        read_collection(root)
    assert read_collection(make_folder(4, name="whole")).pixels.shape[-1] == 256
    assert load_birds(make_folder(4, name="dots"), side=1).train.pixels.shape[-1] == 1


def test_a_long_name_is_cut_and_a_short_one_is_not():
    with pytest.raises(CourseError, match=r"no data set 'nowhere' \(No such file") as short:
        load_birds("nowhere")
    with pytest.raises(CourseError) as long:
        load_birds("n" * 5000)
    assert "..." not in str(short.value).partition("(")[0]
    assert "n" * 199 + "... (" in str(long.value) and "n" * 201 not in str(long.value)


# CUB-200-2011


def rewrite(folder, table, change):
    file = folder / table
    file.write_text("\n".join(change(file.read_text().splitlines())) + "\n")


def test_cub_classes_stand_in_the_order_of_their_names(cub_folder):
    """Also where ids say otherwise: another set's ids must not shift the labels."""
    ids = {"1": "3", "2": "2", "3": "1"}
    rewrite(cub_folder, "classes.txt", lambda lines: [f"{ids[x.split()[0]]} {x.split()[1]}" for x in lines])
    rewrite(
        cub_folder,
        "image_class_labels.txt",
        lambda lines: [f"{x.split()[0]} {ids[x.split()[1]]}" for x in lines],
    )
    listing = list_cub(cub_folder)
    assert listing.name == "CUB_200_2011" and listing.classes == ("001.finch", "002.jay", "003.wren")
    assert all(listing.classes[entry.label].partition(".")[2] in entry.file for entry in listing.entries)


def test_cub_file_names_may_hold_blanks(cub_folder):
    rewrite(cub_folder, "images.txt", lambda lines: ["1 001.finch/a b 1.jpg", *lines[1:]])
    assert list_cub(cub_folder).entries[0].file == "images/001.finch/a b 1.jpg"


def test_cub_tables_that_lack_something_are_named(cub_folder):
    with pytest.raises(CourseError, match=r"not in CUB-200-2011's layout: expected images.txt, "):
        list_cub(cub_folder / "images")
    rewrite(cub_folder, "classes.txt", lambda lines: lines[2:])
    with pytest.raises(CourseError, match=r"classes.txt has no name for the class ids 1, 2\."):
        list_cub(cub_folder)
    (cub_folder / "classes.txt").write_bytes(b"1 \xff\xfe\n")
    with pytest.raises(CourseError, match=r"classes.txt can't be read as lines of 'id value'"):
        list_cub(cub_folder)


def test_cub_of_two_classes_will_do_and_of_one_will_not(cub_folder):
    def only(most):
        def change(lines):
            return [line for line in lines if int(line.split()[0]) <= most]

        return change

    for number, most in ((2, 16), (1, 8)):
        for table in ("images.txt", "image_class_labels.txt", "train_test_split.txt"):
            rewrite(cub_folder, table, only(most))
        if number == 2:
            assert len(list_cub(cub_folder).classes) == 2
        else:
            with pytest.raises(CourseError, match=r"one class only \(001.finch\)"):
                list_cub(cub_folder)
