"""What public bug reports describe, tried on the course: docs/faults.md names each report and its test."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from conftest import draw
from course_utils.data import Preprocessing, eval_transform, load_birds, train_transform
from course_utils.data.decode import open_rgb
from course_utils.errors import CourseError
from course_utils.models import build_definition
from course_utils.training import Recipe, evaluate, fit, load_checkpoint, make_loader, save_checkpoint

PREPARED = Preprocessing(crop_size=32, resize_size=36)


def net(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
    )


def pictures(number: int = 8) -> list[tuple[torch.Tensor, int]]:
    generator = torch.Generator().manual_seed(0)
    return [(torch.rand(3, 32, 32, generator=generator), k % 2) for k in range(number)]


class Spoilt(nn.Module):
    """Answers with nan from the third epoch of two steps on, as long as it is measured."""

    def __init__(self) -> None:
        super().__init__()
        self.net, self.steps, self.after_two = net(), 0, None

    def forward(self, x):
        self.steps += self.training
        if self.steps == 4 and not self.training:
            self.after_two = self.net[4].weight.detach().clone()
        return self.net(x) * (float("nan") if self.steps > 4 and not self.training else 1)


def test_an_epoch_of_nan_is_never_the_best():
    """Its accuracy is the share of class 0, and it was kept as the best of all."""
    model, recipe = Spoilt(), Recipe(epochs=5, batch_size=4)
    with pytest.raises(CourseError, match=r"answers 8 of 8 pictures .* no numbers .*lower the learning rate"):
        fit(model, pictures(), val=pictures(), recipe=recipe, device="cpu")
    assert torch.equal(model.net[4].weight, model.after_two)


def test_pictures_or_weights_of_nan_are_no_accuracy():
    spoilt = pictures()
    spoilt[3] = (spoilt[3][0] * float("nan"), 1)
    with pytest.raises(CourseError, match="answers 1 of 8 pictures with values that are no numbers"):
        evaluate(net(), make_loader(spoilt))
    model = net()
    with torch.no_grad():
        model[4].bias[0] = float("inf")
    with pytest.raises(CourseError, match="answers 8 of 8"):
        evaluate(model, make_loader(pictures()))
    with torch.no_grad():
        model[4].bias[0] = float("-inf")  # a class that is ruled out
    assert evaluate(model, make_loader([pictures()[1]])).accuracy == 1


@pytest.mark.parametrize("kind", [list, tuple, np.array, torch.tensor])
def test_a_mask_takes_the_pictures_that_are_true(make_folder, kind):
    """Their files, pixels and labels no longer belonged together."""
    images = load_birds(make_folder(8), side=18).train
    mask = images.labels == 1
    part = images.take(kind(mask.tolist()))
    assert part.labels.tolist() == [1] * int(mask.sum()) and all("jay" in file for file in part.files)
    assert torch.equal(part.pixels, images.pixels[mask]) and len(part) == len(part.pixels)
    assert len(images.take(kind([]))) == 0 and images.take(kind([-1, 0])).files[1] == images.files[0]
    for wrong in ([True], [len(images)], [0.5], [[0, 1]], ["a"]):
        with pytest.raises(CourseError, match=r"expected whole numbers below 15, or a mask of 15 true"):
            images.take(np.array(wrong))


def test_a_damaged_table_of_exif_costs_no_picture(tmp_path):
    """One picture ended the whole loading in a struct.error, even with skip_bad."""
    exif = Image.Exif()
    exif[0x0112], exif[0x0100] = 6, 40
    raw = bytearray(exif.tobytes())
    place = raw.index(struct.pack("<H", 0x0100) if b"II" in raw[:10] else struct.pack(">H", 0x0100), 10)
    raw[place + 2 : place + 4] = struct.pack("<H" if b"II" in raw[:10] else ">H", 2)
    picture = Image.new("RGB", (40, 20), "red")
    picture.paste("blue", (0, 0, 20, 20))
    picture.save(tmp_path / "a.jpg", exif=bytes(raw), quality=95)
    upright = open_rgb((tmp_path / "a.jpg").read_bytes(), "a")
    assert upright.size == (20, 40) and upright.getpixel((10, 5))[2] > 200


def test_whatever_a_decoder_raises_is_damage(make_folder, monkeypatch):
    root = make_folder(4)

    def fail(self):
        raise NotImplementedError("Unimplemented pixel format")

    monkeypatch.setattr("PIL.BmpImagePlugin.BmpImageFile.load", fail)
    Image.new("RGB", (9, 9)).save(root / "jay" / "odd.bmp")
    with pytest.raises(CourseError, match=r"odd.bmp is damaged: Unimplemented pixel format"):
        load_birds(root, side=18)
    with pytest.warns(UserWarning, match="odd.bmp"):
        assert load_birds(root, side=18, skip_bad=True)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_put_upright(tmp_path, orientation):
    """As Pillow's own function does it, where the table is sound."""
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = Image.fromarray(np.arange(24, dtype=np.uint8).reshape(4, 6) * 10)
    picture.save(tmp_path / "a.png", exif=exif)
    expected = ImageOps.exif_transpose(Image.open(tmp_path / "a.png")).convert("RGB")
    assert open_rgb((tmp_path / "a.png").read_bytes(), "a").tobytes() == expected.tobytes()


class Counting(nn.Module):
    """A layer whose state holds more than tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.net, self.seen = net(), []

    def forward(self, x):
        return self.net(x)

    def get_extra_state(self):
        return {"seen": self.seen}

    def set_extra_state(self, state):
        self.seen = state["seen"]


def test_a_state_of_more_than_tensors_is_trained_and_not_saved(tmp_path):
    """A whole epoch was trained, and then lost to an AttributeError."""
    model = Counting()
    assert fit(model, pictures(), val=pictures(), recipe=Recipe(epochs=1), device="cpu").epochs
    with pytest.raises(
        CourseError, match=r"has a dict under '_extra_state'; a checkpoint holds plain tensors only"
    ):
        save_checkpoint(tmp_path / "a.safetensors", model)


@pytest.mark.parametrize(
    ("model", "found"),
    [
        (lambda: torch.ao.quantization.quantize_dynamic(net().eval(), {nn.Linear}), "has a .* under '4.*'"),
        (lambda: net().to("meta"), "without values, on the device meta under '0.weight'"),
        (lambda: _with_buffer(torch.eye(3).to_sparse()), "of layout torch.sparse_coo under 'extra'"),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_what_a_checkpoint_cannot_hold_is_named(tmp_path, model, found):
    with pytest.raises(CourseError, match=found):
        save_checkpoint(tmp_path / "a.safetensors", model())
    assert not list(tmp_path.iterdir())


def _with_buffer(buffer: torch.Tensor) -> nn.Module:
    model = net()
    model.register_buffer("extra", buffer)
    return model


def test_a_model_without_memory_or_of_a_narrower_type_is_not_loaded_into(tmp_path):
    """The first stayed empty, in the second a weight became infinite, and both were called loaded."""
    wide = net().double()
    with torch.no_grad():
        wide[4].weight[0, 0] = 1e6
    file = save_checkpoint(tmp_path / "a.safetensors", wide)
    with pytest.raises(CourseError, match=r"no memory for 0\..*model\.to_empty"):
        load_checkpoint(file, net().to("meta"))
    model = net(1).half()
    before = model[4].weight.clone()
    with pytest.raises(CourseError, match=r"4\.weight of .* has values that torch\.float16 can't hold"):
        load_checkpoint(file, model)
    assert torch.equal(before, model[4].weight)
    assert load_checkpoint(file, net(1)) == {}


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "_orig_mod.module.", "backbone.net."])
def test_a_prefix_before_every_name_is_said_and_stripped_when_asked(tmp_path, prefix):
    """Build with the same name and classes, it said, of a model that had both."""
    wrapped = nn.Module()
    inner = wrapped
    for part in prefix.strip(".").split("."):
        inner.add_module(part, net() if prefix.endswith(f"{part}.") else nn.Module())
        inner = getattr(inner, part)
    file = save_checkpoint(tmp_path / "a.safetensors", wrapped)
    with pytest.raises(
        CourseError, match=rf"every name in it begins with '{prefix}'.*strip_prefix='{prefix}'"
    ):
        load_checkpoint(file, net(1))
    model = net(1)
    load_checkpoint(file, model, strip_prefix=prefix)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), net().parameters(), strict=True))
    plain = save_checkpoint(tmp_path / "b.safetensors", net())
    with pytest.raises(
        CourseError, match=rf"every name of the model begins with '{prefix}'.*model\.{prefix[:-1]}$"
    ):
        load_checkpoint(plain, wrapped)
    with pytest.raises(CourseError, match="Build the model with the name and number of classes"):
        load_checkpoint(plain, net()[:4])


@pytest.mark.parametrize("key", [0, 1.5, True, None])
def test_a_table_of_labels_comes_back_with_its_keys_or_is_refused(tmp_path, key):
    """{0: "wren"} came back as {"0": "wren"}."""
    for metadata in ({"names": {key: "wren"}}, {"deep": [1, ({"a": {key: 2}},)]}):
        with pytest.raises(CourseError, match=f"has the key {key!r}; expected text. Write it as '{key}'"):
            save_checkpoint(tmp_path / "a.safetensors", net(), metadata=metadata)


def test_a_tilde_is_the_home(tmp_path, monkeypatch):
    """It became a folder called ~."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "home").mkdir()
    assert save_checkpoint("~/a.safetensors", net()) == tmp_path / "home" / "a.safetensors"
    assert load_checkpoint("~/a.safetensors", net(1)) == {}
    assert [file.name for file in tmp_path.iterdir()] == ["home"]


@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::torch.jit.TracerWarning"
)
def test_a_wrapped_or_traced_model_is_measured_like_the_plain_one():
    """The short way with folded BatchNorms can't be taken, and plain PyTorch can."""
    plain = evaluate(net(), make_loader(pictures()))
    traced = torch.jit.trace(net().eval(), torch.zeros(1, 3, 32, 32))
    for model in (nn.DataParallel(net()), traced):
        assert evaluate(model, make_loader(pictures())).loss == pytest.approx(plain.loss, abs=1e-5)


DEFAULTS = """
import torch
from course_utils.models import build_definition
from course_utils.training import evaluate, make_loader
model = build_definition("resnet18", 2, seed=0)
pictures = [(torch.rand(3, 32, 32, dtype=torch.float32), 0)] * 3
torch.set_default_dtype(torch.float64)
print(evaluate(model, make_loader(pictures)))
"""


def test_the_session_s_default_type_changes_nothing():
    done = subprocess.run(
        [sys.executable, "-c", DEFAULTS], capture_output=True, text=True, check=False, env=os.environ
    )
    assert "of 3 pictures" in done.stdout, done.stderr


VALUES = [
    (lambda p: p.float(), "values from 0 to 255; expected 0 to 1 in floating point.*Divide it by 255"),
    (lambda p: (p / 255 - 0.45) / 0.22, "expected 0 to 1 .*before it is normalised"),
    (lambda p: p.float() * float("nan"), "values from nan to nan"),
    (lambda p: p.to(torch.int64), r"is torch.int64; expected torch.uint8.*picture\.to\(torch\.uint8\)"),
    (lambda p: torch.cat([p, p[:1]]), r"shape \(4, 48, 40\); expected \(3, height, width\).*picture\[:3\]"),
    (lambda p: p.permute(1, 2, 0), r"shape \(48, 40, 3\).*picture\.permute\(2, 0, 1\)"),
    (lambda p: p[0], r"shape \(48, 40\).*picture\[None\]"),
    (lambda p: p.numpy(), r"is a numpy\.ndarray; expected a tensor.*v2\.ToImage\(\)\(picture\)"),
    (lambda p: Image.fromarray(p.permute(1, 2, 0).numpy()), r"is a PIL\.Image\.Image.*v2\.ToImage"),
]


@pytest.mark.parametrize(("make", "message"), VALUES)
def test_values_out_of_range_are_no_picture(make, message):
    """Pictures of 0 to 255 in floating point: an espresso was a loudspeaker."""
    picture = torch.arange(3 * 48 * 40, dtype=torch.int64).remainder(256).to(torch.uint8).view(3, 48, 40)
    for transform in (eval_transform(PREPARED), train_transform(PREPARED)):
        with pytest.raises(CourseError, match=message):
            transform(make(picture))


def test_what_is_a_picture_still_passes():
    picture = torch.arange(3 * 48 * 40, dtype=torch.int64).remainder(256).to(torch.uint8).view(3, 48, 40)
    transform = eval_transform(PREPARED)
    assert torch.allclose(transform(picture), transform(picture / 255), atol=0.03)
    assert transform(picture[None]).shape == (1, 3, 32, 32) and transform(picture[:1]).shape == (3, 32, 32)
    enlarged = nn.functional.interpolate((picture / 255)[None], scale_factor=3, mode="bicubic")[0]
    assert enlarged.max() > 1 and transform(enlarged).isfinite().all()


def test_a_squeezenet_learns_with_mixup():
    """Its head is a convolution, which has no out_features."""
    model = build_definition("squeezenet1_1", 2, seed=0)
    large = [(torch.rand(3, 64, 64), k % 2) for k in range(4)]
    assert fit(model, large, val=large, recipe=Recipe(epochs=1, mixup=0.2), device="cpu").epochs


def test_a_folder_whose_name_is_no_utf_8(tmp_path):
    name = os.fsdecode(b"m\xe9sange")
    try:
        for kind in (name, "jay"):
            for k in range(4):
                draw(Path(tmp_path, "birds", kind, f"{k}.png"), (9, 9, 9), 10 * k + len(kind))
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    assert name in load_birds(tmp_path / "birds", side=18).classes


def test_a_share_that_knows_no_permissions_takes_a_file(tmp_path, monkeypatch):
    """Nothing was saved, and the advice was to make room."""

    def refuse(self, mode):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refuse)
    assert load_checkpoint(save_checkpoint(tmp_path / "a.safetensors", net()), net(1)) == {}
