"""The loop, fit, metrics, checkpoints, features, the probe."""

from __future__ import annotations

import copy
from itertools import pairwise

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F

from course_utils.data import Preprocessing, eval_transform, load_birds
from course_utils.errors import CourseError
from course_utils.models import build_definition, freeze, replace_head, unfreeze
from course_utils.training import (
    Features,
    Recipe,
    evaluate,
    extract_features,
    fit,
    linear_probe,
    load_checkpoint,
    make_loader,
    save_checkpoint,
    train_one_epoch,
)
from course_utils.training.fit import warmup_cosine
from course_utils.training.history import Epoch, History

TINY = Preprocessing(crop_size=16, resize_size=18)


class TinyNet(nn.Module):
    """A convolution, BatchNorm, dropout and a head: everything that has a mode, in 400 numbers."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.bn = nn.BatchNorm2d(8)
        self.drop = nn.Dropout(0.2)
        self.fc = nn.Linear(8, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) to (N, classes)."""
        return self.fc(self.drop(F.relu(self.bn(self.conv(x))).mean((2, 3))))


def tiny_net(seed: int = 0) -> TinyNet:
    torch.manual_seed(seed)
    return TinyNet()


@pytest.fixture
def birds(make_folder):
    return load_birds(make_folder(train=9, val=2, test=3), side=18)


def as_dataset(images):
    return images.with_transform(eval_transform(TINY))


def by_hand(model, dataset):
    """Loss and accuracy over all pictures in one batch."""
    model = copy.deepcopy(model).eval()
    pictures, labels = (
        torch.stack(t) if i == 0 else torch.tensor(t) for i, t in enumerate(zip(*dataset, strict=True))
    )
    with torch.no_grad():
        logits = model(pictures)
    return F.cross_entropy(logits, labels).item(), (logits.argmax(1) == labels).float().mean().item()


@pytest.mark.parametrize("batch_size", [1, 4, 5, 27, 100])
def test_metrics_are_exact_whatever_the_batches(birds, batch_size):
    dataset, model = as_dataset(birds.train), tiny_net()
    measured = evaluate(model, make_loader(dataset, batch_size=batch_size))
    loss, accuracy = by_hand(model, dataset)
    assert measured.n == 27
    assert measured.loss == pytest.approx(loss, rel=1e-5) and measured.accuracy == pytest.approx(
        accuracy, abs=1e-7
    )


def test_a_mean_of_batch_means_would_not_pass(birds):
    """The guard above can fail: 27 pictures in batches of 13 leave a last batch of one."""
    dataset, model = as_dataset(birds.train), tiny_net().eval()
    with torch.no_grad():
        means = [F.cross_entropy(model(x), y).item() for x, y in make_loader(dataset, batch_size=13)]
    assert abs(sum(means) / len(means) - by_hand(model, dataset)[0]) > 1e-3
    assert evaluate(model, make_loader(dataset, batch_size=13)).loss == pytest.approx(
        by_hand(model, dataset)[0]
    )


def test_evaluate_puts_every_mode_back(birds):
    model = tiny_net().train()
    model.bn.eval()
    before = [m.training for m in model.modules()]
    state = copy.deepcopy(model.state_dict())
    evaluate(model, make_loader(as_dataset(birds.val)))
    assert [m.training for m in model.modules()] == before
    assert all(torch.equal(state[k], v) for k, v in model.state_dict().items())


def test_train_one_epoch_is_plain_pytorch(birds):
    """The package's epoch and the loop written by hand take the same steps."""
    dataset = as_dataset(birds.train)
    ours, plain = tiny_net(), tiny_net()
    optimizer = torch.optim.SGD(ours.parameters(), lr=0.1)
    torch.manual_seed(7)
    train_one_epoch(ours, make_loader(dataset, batch_size=10, shuffle=True, seed=3), optimizer=optimizer)
    optimizer = torch.optim.SGD(plain.parameters(), lr=0.1)
    torch.manual_seed(7)
    plain.train()
    for pictures, labels in make_loader(dataset, batch_size=10, shuffle=True, seed=3):
        optimizer.zero_grad()
        F.cross_entropy(plain(pictures.contiguous(memory_format=torch.channels_last)), labels).backward()
        optimizer.step()
    for a, b in zip(ours.parameters(), plain.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)


def test_fit_learns_and_keeps_the_best_epoch(birds):
    model = tiny_net()
    history = fit(
        model,
        as_dataset(birds.train),
        val=as_dataset(birds.val),
        recipe=Recipe(epochs=12, lr=0.05, batch_size=8),
    )
    assert len(history.epochs) == 12 and history.seconds > 0
    assert history.epochs[-1].train_loss < history.epochs[0].train_loss
    assert history.n_val == len(birds.val) and history.best.val_accuracy >= 2 / 3
    kept = evaluate(model, make_loader(as_dataset(birds.val)))
    assert kept.accuracy == history.best.val_accuracy
    assert kept.loss == pytest.approx(history.best.val_loss, rel=1e-5)
    assert list(history.frame().index) == list(range(1, 13))


@pytest.mark.parametrize("keep", ["best", "last"])
def test_fit_leaves_the_weights_of_the_epoch_that_is_asked_for(birds, keep, monkeypatch):
    """The first epoch is the best here, whatever val says."""
    monkeypatch.setattr(History, "best", property(lambda self: self.epochs[0]))
    model, recipe = tiny_net(), Recipe(epochs=4, lr=0.05, batch_size=8)
    history = fit(model, as_dataset(birds.train), val=as_dataset(birds.val), recipe=recipe, keep=keep)
    found = evaluate(model, make_loader(as_dataset(birds.val))).loss
    epoch = {"best": 0, "last": -1}[keep]
    assert found == pytest.approx(history.epochs[epoch].val_loss, rel=1e-5)
    assert found != pytest.approx(history.epochs[-1 - epoch].val_loss, rel=1e-3)


@pytest.mark.parametrize(
    ("accuracies", "n_val", "kept"),
    [
        ([0.5, 0.9, 0.7], 1000, 2),  # clearly the best
        ([0.5, 0.92, 0.8, 0.9, 0.9], 100, 5),  # .9 is within .027 of .92
        ([0.5, 0.92, 0.8, 0.9, 0.9], 1000, 2),  # but not within .009
        ([0.5, 0.92, 0.9, 0.8], 100, 3),
        ([0.5, 1.0, 1.0, 0.99], 100, 3),
        ([0.5, 0.92, 0.9], 0, 2),
        ([0.0, 0.0], 10, 2),
    ],
)
def test_the_latest_epoch_that_val_cannot_tell_from_its_best_is_kept(accuracies, n_val, kept):
    history = History(n_val=n_val)
    for number, accuracy in enumerate(accuracies, start=1):
        history.epochs.append(Epoch(number, 1.0, 0.5, 1.0, accuracy, 0.1))
    assert history.best.epoch == kept


def test_same_seed_same_history_and_bits(birds):
    runs = []
    for seed in (1, 1, 2):
        model = tiny_net()
        train, val = as_dataset(birds.train), as_dataset(birds.val)
        history = fit(model, train, val=val, recipe=Recipe(epochs=3, batch_size=5), seed=seed)
        runs.append((history.epochs, model.state_dict()))
    assert runs[0][0] == runs[1][0] != runs[2][0]
    assert all(torch.equal(a, b) for a, b in zip(runs[0][1].values(), runs[1][1].values(), strict=True))


def test_mixup_blends_and_still_learns(birds):
    data, val = as_dataset(birds.train), as_dataset(birds.val)
    plain, mixed = (
        fit(tiny_net(), data, val=val, recipe=Recipe(epochs=12, lr=0.05, batch_size=8, mixup=mixup))
        for mixup in (0.0, 0.4)
    )
    assert mixed.epochs[-1].train_loss > plain.epochs[-1].train_loss
    assert mixed.best.val_accuracy >= 2 / 3


def test_fit_leaves_frozen_parts_bit_identical(birds):
    model = freeze(tiny_net())
    before = copy.deepcopy(model.state_dict())
    fit(model, as_dataset(birds.train), val=as_dataset(birds.val), recipe=Recipe(epochs=2, lr=0.1))
    changed = {k for k, v in model.state_dict().items() if not torch.equal(before[k], v)}
    assert changed == {"fc.weight", "fc.bias"}


def test_fit_refuses_what_cannot_work(birds):
    data = as_dataset(birds.train)
    model = tiny_net().requires_grad_(False)
    with pytest.raises(CourseError, match="nothing to train"):
        fit(model, data, val=data, recipe=Recipe(epochs=1))
    with pytest.raises(CourseError, match=r"loss is nan at step 1"):
        broken = tiny_net()
        broken.fc.weight.data.fill_(float("nan"))
        fit(broken, data, val=data, recipe=Recipe(epochs=1))
    with pytest.raises(CourseError, match="epochs"):
        Recipe(epochs=0)
    with pytest.raises(CourseError, match="lr"):
        Recipe(epochs=1, lr=0)
    with pytest.raises(CourseError, match="no pictures"):
        evaluate(tiny_net(), [])


def test_schedule_rises_peaks_and_ends_at_zero():
    factor = warmup_cosine(100, 0.1)
    values = [factor(step) for step in range(101)]
    assert (
        values[0] == pytest.approx(0.1)
        and max(values) == values[10] == 1.0
        and values[100] == pytest.approx(0)
    )
    assert all(a <= b for a, b in pairwise(values[:11]))
    assert all(a >= b for a, b in pairwise(values[10:]))


def test_checkpoint_round_trip(tmp_path):
    model, other = tiny_net(0), tiny_net(1)
    file = save_checkpoint(
        tmp_path / "runs" / "best.safetensors", model, metadata={"val_accuracy": 0.5, "classes": ["a"]}
    )
    assert load_checkpoint(file, other) == {"val_accuracy": 0.5, "classes": ["a"]}
    assert all(
        torch.equal(a, b)
        for a, b in zip(model.state_dict().values(), other.state_dict().values(), strict=True)
    )
    assert [p.name for p in file.parent.iterdir()] == ["best.safetensors"]


def test_checkpoint_fails_loudly_and_leaves_the_model_alone(tmp_path):
    file = save_checkpoint(tmp_path / "best.safetensors", tiny_net())
    content = file.read_bytes()
    changed = bytearray(content)
    changed[-3] ^= 1
    plain = tmp_path / "plain.safetensors"
    save_file(load_file(file), plain)
    cases = {
        "truncated": (content[:-8], "truncated or is none"),
        "tampered": (bytes(changed), "changed after it was saved"),
        "text": (b"hello", "truncated or is none"),
        "foreign": (plain.read_bytes(), "format None"),
    }
    model = tiny_net(1)
    before = copy.deepcopy(model.state_dict())
    for name, (bad, message) in cases.items():
        victim = tmp_path / f"{name}.safetensors"
        victim.write_bytes(bad)
        with pytest.raises(CourseError, match=f"{name}.*{message}"):
            load_checkpoint(victim, model)
    with pytest.raises(CourseError, match=r"another model .*fc"):
        load_checkpoint(file, replace_head(copy.deepcopy(model), 5))
    with pytest.raises(CourseError, match="no checkpoint"):
        load_checkpoint(tmp_path / "none.safetensors", model)
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())


def test_interrupted_save_keeps_the_old_checkpoint(tmp_path, monkeypatch):
    file = save_checkpoint(tmp_path / "best.safetensors", tiny_net(0), metadata={"n": 1})

    def dies_half_way(state, path, metadata):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr("course_utils.training.checkpoint.save_file", dies_half_way)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(file, tiny_net(1), metadata={"n": 2})
    assert load_checkpoint(file, tiny_net(2)) == {"n": 1}
    assert len(list(tmp_path.iterdir())) == 1


def test_features_are_the_input_of_the_head(birds):
    model = tiny_net().train()
    features = extract_features(model, birds.val, preprocessing=TINY, cache=False)
    assert features.x.shape == (6, 8) and torch.equal(features.y, birds.val.labels)
    pictures = torch.stack([x for x, _ in as_dataset(birds.val)])
    with torch.no_grad():
        assert torch.allclose(model.fc(features.x), model.eval()(pictures), atol=1e-5)


def test_features_come_from_the_cache_until_anything_changes(birds):
    model = tiny_net()
    first, second = (extract_features(model, birds.val, preprocessing=TINY) for _ in range(2))
    assert (first.cached, second.cached) == (False, True)
    assert torch.equal(first.x, second.x) and second.seconds == pytest.approx(first.seconds)
    with torch.no_grad():
        model.fc.weight.add_(1)
    assert extract_features(model, birds.val, preprocessing=TINY).cached
    assert not extract_features(model, birds.test, preprocessing=TINY).cached
    assert not extract_features(
        model, birds.val, preprocessing=Preprocessing(crop_size=12, resize_size=18)
    ).cached
    with torch.no_grad():
        model.bn.running_mean.add_(1)
    assert not extract_features(model, birds.val, preprocessing=TINY).cached


def test_damaged_cache_is_computed_again(birds, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "mine"))
    first = extract_features(tiny_net(), birds.val, preprocessing=TINY)
    (file,) = (tmp_path / "mine" / "features").iterdir()
    file.write_bytes(file.read_bytes()[:50])
    again = extract_features(tiny_net(), birds.val, preprocessing=TINY)
    assert not again.cached and torch.equal(first.x, again.x)
    with safe_open(file, framework="pt") as opened:
        assert torch.equal(opened.get_tensor("x"), first.x)


def blobs(n: int, seed: int, classes: int = 3) -> Features:
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % classes
    return Features(torch.randn(n, 10, generator=generator) + 3 * F.one_hot(y, 10), y, 0.0)


@pytest.mark.parametrize("classes", [2, 3])
def test_probe_separates_blobs_and_minimises_what_it_says(classes):
    train, val = blobs(120, 0, classes), blobs(60, 1, classes)
    probe = linear_probe(train, val=val, l2=[1e-2])
    assert probe.evaluate(val).accuracy > 0.9 and probe.weight.shape == (classes, 10)
    mean, std = train.x.mean(0), train.x.std(0, correction=0)
    weight = (probe.weight * std).requires_grad_()
    loss = F.cross_entropy(
        F.linear((train.x - mean) / std, weight, probe.bias + probe.weight @ mean), train.y
    )
    (loss + 1e-2 * weight.square().sum()).backward()
    assert weight.grad.abs().max() < 1e-3


def test_probe_lets_val_choose():
    train, val = blobs(30, 0), blobs(300, 1)
    probe = linear_probe(train, val=val)
    assert probe.val[probe.l2].loss == min(m.loss for m in probe.val.values())
    assert len(probe.val) > 3
    with pytest.raises(CourseError, match="above 0"):
        linear_probe(train, val=val, l2=[0.0])


def test_installed_probe_is_the_model(birds):
    model = tiny_net()
    train, val = (extract_features(model, s, preprocessing=TINY) for s in (birds.train, birds.val))
    probe = linear_probe(train, val=val)
    measured = evaluate(probe.install(model), make_loader(as_dataset(birds.val)))
    assert measured.accuracy == probe.evaluate(val).accuracy
    assert measured.loss == pytest.approx(probe.evaluate(val).loss, rel=1e-4)
    with pytest.raises(CourseError, match=r"replace_head\(model, 3\)"):
        probe.install(replace_head(model, 7))


def test_a_probed_model_can_be_fine_tuned(birds):
    model = freeze(build_definition("resnet18", 3, seed=0))
    preprocessing = Preprocessing(crop_size=32, resize_size=32)
    train, val = (extract_features(model, s, preprocessing=preprocessing) for s in (birds.train, birds.val))
    assert not train.x.is_inference()
    unfreeze(linear_probe(train, val=val).install(model), "layer4")
    before = model.layer4[0].conv1.weight.clone()
    data = birds.train.with_transform(eval_transform(preprocessing))
    fit(model, data, val=data, recipe=Recipe(epochs=1))
    assert not torch.equal(model.layer4[0].conv1.weight, before)


def test_vgg_and_resnet_features_reach_the_probe(birds):
    model = freeze(build_definition("resnet18", 3, seed=0))
    features = extract_features(model, birds.val, preprocessing=Preprocessing(crop_size=32, resize_size=32))
    assert features.x.shape == (6, 512)
    with pytest.raises(CourseError, match="no linear layer"):
        extract_features(build_definition("squeezenet1_1", 3), birds.val, preprocessing=TINY)


def test_a_history_in_words():
    history = History([Epoch(1, 2.0, 0.1, 2.0, 0.25, 0.1), Epoch(2, 1.0, 0.5, 1.0, 0.5, 0.1)], seconds=61.2)
    assert str(history) == "61 s; val accuracy 50.0% in epoch 2"
    assert str(History()) == "no epoch yet"
