"""A model that travels: what is in its folder, that it is whole, and that training it can be broken off anywhere."""

from __future__ import annotations

import base64
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import timm
import torch
from huggingface_hub import ModelCard
from PIL import Image
from safetensors.torch import load_file, save_file

from conftest import COLOURS, pictures_in
from course_utils.data import ImageSet, Preprocessing
from course_utils.data.collection import read_collection
from course_utils.deploy import bundle as bundles
from course_utils.deploy.bundle import Bundle, load_bundle, save_bundle
from course_utils.deploy.card import Facts, Mistake, Scores
from course_utils.deploy.train import ASKED, MISTAKES, STATE, Request, surest_mistakes, train_bundle
from course_utils.errors import CourseError
from course_utils.experiments.flavours import FLAVOURS
from course_utils.models import build_definition
from course_utils.training import Recipe
from course_utils.training.state import TrainingState

FILES = {"README.md", "bundle.json", "config.json", "model.safetensors"}
SHORT = replace(
    FLAVOURS["scratch_short"], profile_recipe=lambda: Recipe(epochs=4, lr=1e-3, batch_size=8, mixup=0.2)
)
"""Four epochs of a small network on small pictures."""


@pytest.fixture
def made(probe_bundle) -> Path:
    return probe_bundle


@pytest.fixture
def copied(made, tmp_path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "copied"))


def facts(**changes) -> Facts:
    score = {"accuracy": 0.5, "n": 4, "loss": 1.0, "calibration_error": 0.1}
    fields = {
        "flavour": "scratch",
        "weights": "random weights",
        "data": "colours",
        "data_sha256": "0" * 64,
        "pictures": {"train": 4, "val": 4, "test": 4},
        "seed": 0,
        "recipe": None,
        "epochs": None,
        "seconds": 1.0,
        "scores": {"val": score, "test": score},
        "licence": "unknown",
        "provenance": {"device": "cpu", "precision": "fp32", "versions": {"torch": "2"}, "commit": ""},
    }
    return Facts(**fields | changes)


def test_a_bundle_says_all_that_must_be_known(made):
    assert {file.name for file in made.iterdir()} == FILES
    bundle = load_bundle(made)
    assert (bundle.name, bundle.classes, bundle.side) == ("efficientnet_lite0", tuple(sorted(COLOURS)), 256)
    assert not bundle.model.training and bundle.temperature > 0
    picture = Image.new("RGB", (300, 200), "red")
    logits = bundle.model(bundle.prepare(picture)[None])
    assert bundle.probabilities(logits).sum().item() == pytest.approx(1)
    record = json.loads((made / "bundle.json").read_text())
    assert record["facts"]["pictures"] == {"train": 15, "val": 3, "test": 6}
    assert set(record["facts"]["provenance"]) == {"device", "precision", "versions", "commit"}


def test_a_bundle_keeps_every_answer_and_the_surest_mistakes(made):
    facts = load_bundle(made).facts
    for split in ("val", "test"):
        score = facts.score(split)
        right = [a == b for a, b in zip(score.answers["label"], score.answers["named"], strict=True)]
        assert len(right) == score.n and sum(right) / len(right) == pytest.approx(score.accuracy)
    wrong = [row for row in zip(*score.answers.values(), strict=True) if row[0] != row[1]]
    kept = [(m["label"], m["named"], m["probability"]) for m in facts.mistakes]
    assert kept == sorted(wrong, key=lambda row: -row[2])[:MISTAKES]


def test_pictures_of_mistakes_are_small_and_can_be_left_out():
    pixels = torch.randint(0, 255, (4, 3, 256, 256), dtype=torch.uint8)
    labels = torch.tensor([0, 1, 0, 1])
    test = ImageSet("odd", "test", ("a", "b"), tuple("wxyz"), tuple("1234"), pixels, labels)
    answers = {"label": labels.tolist(), "named": [1, 1, 1, 0], "probability": [0.6, 0.9, 0.8, 0.7]}
    found = [Mistake(**row) for row in surest_mistakes(test, Scores(0.25, 4, 1.0, 0.1, answers))]
    assert [(m.file, m.label, m.named) for m in found] == [("y", 0, 1), ("z", 1, 0), ("w", 0, 1)]
    with Image.open(io.BytesIO(base64.b64decode(found[0].jpeg))) as picture:
        assert picture.format == "JPEG" and picture.size == (192, 192)


def test_its_card_tells_what_was_measured(made):
    card, test = ModelCard.load(made / "README.md"), load_bundle(made).facts.score("test")
    card.validate = None  # asks a server
    (result,) = card.data.eval_results
    assert result.metric_value == round(test.accuracy, 4) and result.dataset_name == "colours"
    assert (card.data.library_name, card.data.license, card.data.model_name) == ("timm", "unknown", "probe")
    assert f"| test | 6 | {test} |" in card.text and "ImageNet (timm)" in card.text
    assert all(name in card.text for name in COLOURS)


def test_plain_timm_loads_it(made, monkeypatch):
    monkeypatch.chdir(made.parent)
    ours, given = load_bundle(made), torch.rand(2, 3, 64, 64)
    space = {}
    exec(_code(made), space)
    assert torch.equal(space["model"](given), ours.model(given))
    config = timm.data.resolve_model_data_config(space["model"])
    assert tuple(config["mean"]) == ours.preprocessing.mean and tuple(config["input_size"]) == (3, 64, 64)
    assert space["model"].pretrained_cfg["label_names"] == [*ours.classes]


def _code(folder: Path) -> str:
    return (folder / "README.md").read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]


@pytest.mark.parametrize(
    "name", ["resnet18", "googlenet", "mobilenet_v3_small", "vit_b_32", "squeezenet1_1", "maxvit_t"]
)
def test_plain_torchvision_loads_it(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    side = {"vit_b_32": 224, "maxvit_t": 224}.get(name, 64)
    model = build_definition(name, 2, seed=0).eval()
    made = Bundle(model, name, ("a", "b"), side, Preprocessing(side, side), 1.5, facts())
    save_bundle(tmp_path / "own", made)
    space = {}
    exec(_code(tmp_path / "own"), space)
    given = torch.rand(1, 3, side, side)
    assert torch.equal(space["model"](given), model(given))
    assert torch.equal(load_bundle(tmp_path / "own").model(given), model(given))


def test_a_name_that_is_no_utf8_can_be_written(tmp_path):
    model = build_definition("squeezenet1_1", 2, seed=0).eval()
    save_bundle(
        tmp_path,
        Bundle(model, "squeezenet1_1", ("\udce9t\udce9", "b"), 64, Preprocessing(64, 64), 1.5, facts()),
    )
    assert load_bundle(tmp_path).classes == ("\udce9t\udce9", "b")
    assert "\\udce9t" in (tmp_path / "README.md").read_text(encoding="utf-8")


def test_another_process_answers_alike(made):
    code = f"""
import torch
torch.set_num_threads(1)
from course_utils.deploy.bundle import load_bundle
print(load_bundle({str(made)!r}).model(torch.ones(1, 3, 64, 64))[0].tolist())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == pytest.approx(
        load_bundle(made).model(torch.ones(1, 3, 64, 64))[0].tolist(), abs=1e-3
    )


def test_a_bundle_is_never_written_over(made):
    before = {file.name: file.read_bytes() for file in made.iterdir()}
    with pytest.raises(CourseError, match="holds a bundle already"):
        save_bundle(made, load_bundle(made))
    assert before == {file.name: file.read_bytes() for file in made.iterdir()}


def test_any_changed_byte_is_noticed(copied):
    rng = random.Random(0)
    for name in sorted(FILES - {"README.md"}):
        file, places = copied / name, 12
        content = file.read_bytes()
        for place in rng.sample(range(len(content)), places):
            changed = bytearray(content)
            changed[place] ^= 1 << rng.randrange(8)
            file.write_bytes(changed)
            with pytest.raises(CourseError):
                load_bundle(copied)
        for cut in (0, 10, len(content) // 2, len(content) - 1):
            file.write_bytes(content[:cut])
            with pytest.raises(CourseError, match="Get the"):
                load_bundle(copied)
        file.unlink()
        with pytest.raises(CourseError, match=f"no {name}|lacks {name}"):
            load_bundle(copied)
        file.write_bytes(content)
    assert load_bundle(copied)


def rewrite(folder: Path, change) -> None:
    """What somebody could do who knows the form: change the record and its digest."""
    record = json.loads((folder / "bundle.json").read_text())
    record.pop("sha256")
    change(record)
    (folder / "bundle.json").write_text(bundles.sealed(record))


HOSTILE = {
    "newer": (lambda r: r.update(version=2), "has version 2; this course reads up to 1. Update the course"),
    "no version": (lambda r: r.update(version="1"), "has version '1'"),
    "other format": (lambda r: r.update(format="x"), "another kind of file"),
    "no model": (lambda r: r.pop("model"), "does not say what it should: 'model'"),
    "unknown model": (lambda r: r.update(model="../../etc/passwd"), "There is no model"),
    "model a list": (lambda r: r.update(model=["resnet18"]), "the model is"),
    "classes text": (lambda r: r.update(classes="abc"), "classes is no list"),
    "classes twice": (lambda r: r.update(classes=["a", "a", "b"]), "classes is no list"),
    "classes more": (lambda r: r["classes"].append("more"), "names 4 classes, and its model has 3 logits"),
    "classes a million": (lambda r: r.update(classes=[str(i) for i in range(10**6)]), "classes is no list"),
    "another model": (lambda r: r.update(model="resnet18"), "made for another model"),
    "side huge": (lambda r: r.update(side=10**9), "sides are"),
    "crop negative": (lambda r: r["preprocessing"].update(crop_size=-1), "sides are"),
    "mean of one": (lambda r: r["preprocessing"].update(mean=[0.5]), "mean and std"),
    "std zero": (lambda r: r["preprocessing"].update(std=[0, 1, 1]), "mean and std"),
    "interpolation": (
        lambda r: r["preprocessing"].update(interpolation="nearest"),
        "interpolation is 'nearest'",
    ),
    "unknown field": (lambda r: r["preprocessing"].update(run="rm"), "unexpected keyword"),
    "temperature": (lambda r: r.update(temperature=0), "temperature is 0"),
    "facts": (lambda r: r.update(facts={}), "missing .* required"),
    "files": (lambda r: r.update(files=["model.safetensors"]), "digest does not match"),
    "answers": (lambda r: r.update(check=[9.0, 9.0, 9.0]), "answers otherwise here"),
    "answers nan": (lambda r: r.update(check=[float("nan")] * 3), "answers otherwise here"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_record_that_says_something_else_is_refused(copied, kind):
    change, message = HOSTILE[kind]
    rewrite(copied, change)
    with pytest.raises(CourseError, match=message):
        load_bundle(copied)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"[" * 200_000, b"\xff\xfe", b"null", b'{"a": NaN}'])
def test_a_record_that_is_none_is_refused(copied, content):
    (copied / "bundle.json").write_bytes(content)
    with pytest.raises(CourseError, match=r"bundle\.json"):
        load_bundle(copied)


def test_weights_of_a_pickle_are_never_opened(copied, tmp_path):
    class Runs:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'ran'}",)

    torch.save({"weight": Runs()}, copied / "model.safetensors")
    rewrite(
        copied,
        lambda r: r["files"].update({"model.safetensors": bundles.sha256(copied / "model.safetensors")}),
    )
    with pytest.raises(CourseError):
        load_bundle(copied)
    assert not (tmp_path / "ran").exists()


def test_folders_that_are_no_bundle(tmp_path):
    for folder in (tmp_path, tmp_path / "nothing", "~nobody_here/x"):
        with pytest.raises(CourseError, match=r"is no bundle|can't be"):
            load_bundle(folder)


class Stopped(BaseException):
    """What ends a training from outside."""


@pytest.fixture
def colours(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "smoke")
    monkeypatch.setenv("COURSE_PRECISION", "fp32")
    return read_collection(pictures_in(tmp_path / "colours"))


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


@pytest.mark.parametrize("after", [1, 2, 3, 4])
def test_a_training_that_was_broken_off_ends_with_the_same_bits(colours, tmp_path, monkeypatch, after):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    request = Request(SHORT, "efficientnet_lite0")
    train_bundle(whole, colours, request, say=lambda _: None)
    save, saved = TrainingState.save, []

    def stop(state, *arguments, **options):
        save(state, *arguments, **options)
        saved.append(0)
        if len(saved) == after:
            raise Stopped

    monkeypatch.setattr(TrainingState, "save", stop)
    with pytest.raises(Stopped):
        train_bundle(broken, colours, request, say=lambda _: None)
    assert {file.name for file in broken.iterdir()} == {ASKED, STATE}
    for begun in (f".{STATE}-x1y2", ".tmpMFfLM2"):  # as a process leaves them that is killed while it writes
        (broken / begun).write_bytes(b"half")
    said: list[str] = []
    monkeypatch.setenv("COURSE_PRECISION", "bf16")  # as a second process may find it faster
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    bundle = train_bundle(broken, colours, request, say=said.append)
    assert (os.environ["COURSE_PRECISION"], torch.get_num_threads()) == ("bf16", threads + 1)
    torch.set_num_threads(threads)
    assert said == ["An earlier training goes on."] and len(saved) == 4
    one, two = weights(whole), weights(broken)
    assert all(torch.equal(one[name], two[name]) for name in one)
    first, second = load_bundle(whole).facts, bundle.facts
    assert (first.epochs, first.scores) == (second.epochs, second.scores)
    assert {file.name for file in broken.iterdir()} == FILES


def test_the_same_command_again_trains_nothing_and_another_is_refused(colours, tmp_path, monkeypatch):
    out, request = tmp_path / "out", Request(SHORT, "efficientnet_lite0")
    (out).mkdir()
    (out / "mine.txt").write_text("kept")
    with pytest.raises(CourseError, match=r"is not empty \(mine.txt\)"):
        train_bundle(out, colours, request, say=lambda _: None)
    (out / "mine.txt").unlink()
    (out / ASKED).write_text("{}")
    with pytest.raises(CourseError, match="unfinished training of other pictures"):
        train_bundle(out, colours, request, say=lambda _: None)
    (out / ASKED).unlink()
    train_bundle(out, colours, request, say=lambda _: None)
    said: list[str] = []
    train_bundle(out, colours, request, say=said.append)
    assert said == [f"{out} holds this very model already."]
    with pytest.raises(CourseError, match="holds another bundle"):
        train_bundle(out, colours, replace(request, seed=1), say=said.append)


def test_a_state_of_another_training_or_a_damaged_one_is_refused(colours, tmp_path):
    out, request = tmp_path / "out", Request(SHORT, "efficientnet_lite0")
    train_bundle(tmp_path / "other", colours, request, say=lambda _: None)
    out.mkdir()
    shutil.copy(tmp_path / "other" / "model.safetensors", out / STATE)
    with pytest.raises(CourseError, match="is not empty"):
        train_bundle(out, colours, request, say=lambda _: None)
    asked = load_bundle(tmp_path / "other").facts.asked
    way = {"precision": "fp32", "threads": 1}
    (out / ASKED).write_text(json.dumps({"asked": asked, "way": way}))
    with pytest.raises(CourseError, match=r"no training that can go on .*Delete it"):
        train_bundle(out, colours, request, say=lambda _: None)
    header = {"format": "borrowed-feathers-training/1", "numbers": "{}"}
    save_file({"model.x": torch.zeros(1)}, out / STATE, metadata=header)
    with pytest.raises(CourseError, match="is of another training"):
        train_bundle(out, colours, request, say=lambda _: None)


KILLED = """
import sys
from dataclasses import replace
from pathlib import Path
from course_utils.data.collection import read_collection
from course_utils.deploy.train import Request, train_bundle
from course_utils.experiments.flavours import FLAVOURS
from course_utils.training import Recipe
short = replace(FLAVOURS["scratch_short"], profile_recipe=lambda: Recipe(epochs=4, lr=1e-3, batch_size=8, mixup=0.2))
pictures = read_collection(sys.argv[1])
print("begun", flush=True)
train_bundle(Path(sys.argv[2]), pictures, Request(short, "efficientnet_lite0"))
print("done", flush=True)
"""
KILLS = int(os.environ.get("COURSE_KILLS", "2"))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_killed_at_any_moment_it_goes_on_and_ends_with_the_same_bits(colours, tmp_path):
    """``COURSE_KILLS=10`` kills as often."""
    request = Request(SHORT, "efficientnet_lite0")
    start = time.perf_counter()
    train_bundle(tmp_path / "whole", colours, request, say=lambda _: None)
    takes, rng, out = (
        time.perf_counter() - start,
        random.Random(os.environ.get("COURSE_KILLS")),
        tmp_path / "killed",
    )
    command = [sys.executable, "-c", KILLED, str(tmp_path / "colours"), str(out)]
    threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    for _ in range(KILLS):
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=os.environ | threads
        ) as process:
            assert process.stdout.readline() == b"begun\n"
            time.sleep(rng.uniform(0, 1.5 * takes / KILLS))
            process.send_signal(signal.SIGKILL)
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | threads)
    assert done.stdout.endswith("done\n"), done.stderr
    one, two = weights(tmp_path / "whole"), weights(out)
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert {file.name for file in out.iterdir()} == FILES


def test_scores_carry_their_interval():
    assert str(Scores(0.5, 100, 1.0, 0.1)) == "50.0% (40.4% to 59.6%)"
