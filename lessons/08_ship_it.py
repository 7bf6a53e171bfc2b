# ---
# jupyter:
#   borrowed_feathers:
#     workload: fine_tune
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 8. Ship it
#
# To ship a model is to bring it to the people who use it: onto a server, onto a phone, to a colleague. Here you ship a
# model that was fine-tuned as in lesson 4. Most of what goes wrong on the way raises no error.
#
# **You will learn to**
#
# - find the mistakes around a pre-trained model that nobody notices;
# - save a model so that a fresh process can use it, and nothing in the file can run code;
# - export it to ONNX, check that it says the same, and make it smaller and faster with int8;
# - choose a batch size for a time limit;
# - make probabilities honest, and see what they are worth when the pictures change;
# - write a model card, and read licences.
#
# **You need** [lesson 4](04_fine_tune_pretrained.ipynb). **Time**: about an hour; the computer works for three minutes of
# it. It works offline. On Colab type `%pip install onnx onnxruntime onnxscript` first.

# %% tags=["hide-input"]
# @title What draws pictures and checks exercises
from pathlib import Path

import skimage

from course_utils import paths
from course_utils.runtime import pick
from course_utils.deploy.export import check_packages
from course_utils.models.packaged import weights_file
from course_utils.lessons.ship_it import exercises, figures
from course_utils.lessons.ship_it.model import trained_folder
from course_utils.lessons.ship_it.quiz import QUIZ

check_packages()  # for sections 3 to 7
WEIGHTS = str(weights_file())  # a file with EfficientNet-Lite0's weights
PHOTOS = Path(skimage.__file__).parent / "data"  # a folder with photos
BIRDS = paths.data_dir() / "fieldguide"  # holds train, val and test
EACH = pick(smoke=2, standard=10, full=40)  # pictures of each species
ALL = pick(smoke=2, standard=20, full=40)  # the same, where it must be more
ROUNDS = pick(smoke=3, standard=10, full=40)  # batches to time
print("Ready.")

# %% tags=["plain"]
import json
import pickle
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# %% tags=["plain"]
import numpy as np
import onnxruntime
import timm
import torch
from huggingface_hub import ModelCard, ModelCardData
from onnxruntime import quantization
from PIL import Image
from safetensors.torch import save_file
from torch.nn import functional as F
from torchvision import models
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

# %% [markdown]
# ## 1. As it is: wrong without an error
#
# Many models in production are used as they are published. The **weights** are then rarely the problem. What stands around
# them is: what happens to a picture before (**preprocessing**), what the numbers that come out mean (**labels**), and how
# far they can be trusted (**confidence**). Here is a cat, prepared as the weights expect it, and then in six wrong ways.
# Guess first: which of them stop with an error? Which give an answer that you would believe?

# %% tags=["plain"]
name, own = "tf_efficientnet_lite0", {"file": WEIGHTS}  # no download
lite0 = timm.create_model(name, pretrained=True, pretrained_cfg_overlay=own)
lite0.eval()
config = timm.data.resolve_model_data_config(lite0)
as_expected = timm.data.create_transform(**config)
mean, std = (torch.tensor(config[k])[:, None, None] for k in ("mean", "std"))
# ImageNet's names, in the order that all its models share:
categories = models.ResNet50_Weights.DEFAULT.meta["categories"]


@torch.no_grad()
def best(model, x, names):
    shares = model(x[None]).softmax(1)[0]
    return f"{names[shares.argmax()]}, {shares.max():.0%}"


# %% tags=["plain"]
cat = Image.open(PHOTOS / "chelsea.png").convert("RGB")
x = as_expected(cat)
ways = {
    "as expected": x,
    "blue, green, red": x.flip(0),
    "values 0 to 1": x * std + mean,
    "values 0 to 255": 255 * (x * std + mean),
    "upside down": x.flip(1),
}
for way, given in ways.items():
    print(f"{way:22} {best(lite0, given, categories)}")
wrong = sorted(categories)  # somebody put the names into another order
print(f"{'names sorted':22} {best(lite0, x, wrong)}")
print(f"{'in train mode':22} {best(lite0.train(), x, categories)}")
print(f"{'in eval mode again':22} {best(lite0.eval(), x, categories)}")

# %% [markdown]
# No error. A pillow, a bucket or a chow, which is a dog, you would notice, but a server looks at nothing. "Egyptian cat" you
# would believe, and upside down the model is surer of it than of its answer to the right view. The last line differs from
# the first: one pass in train mode has moved [BatchNorm](glossary.md#batchnorm)'s statistics for good. So test the whole
# path, from the file to the name, with pictures whose answers you know.
#
# A colleague's server must do without torch and torchvision, so they have written the preparation again with Pillow and
# NumPy. It runs, but it does not do what the weights expect. Compare it with the recipe in the comment.


# %% tags=["exercise", "plain"] exercise="server_input"
# Exercise 8.1: mend it. Resize so that the SHORT side has round(side / 0.875)
# pixels (bicubic), cut out the middle, side x side, bring values to 0..1, take
# mean off, divide by std (three numbers each, tuples). Return float32 of shape
# (3, side, side), in the order red, green, blue. exercises.server_input.hint()
def server_input(picture, side, mean, std):
    picture = picture.resize((side, side), Image.BICUBIC)
    pixels = np.asarray(picture, dtype=np.float32)[:, :, ::-1]
    pixels = (pixels - mean) / std
    return pixels.transpose(2, 0, 1)


# %% tags=["check"]
exercises.server_input.check(server_input)

# %% [markdown]
# ## 2. A model that travels
#
# The model of this lesson is fine-tuned on ten pictures of each species, as in lesson 4. The course has a command for it,
# `course train`, that puts a model into a folder with all that must be known to use it. (If the folder is not there yet, the
# next cell makes it, which takes about a minute.)

# %%
MODEL = trained_folder()

# %% tags=["plain"]
for file in sorted(MODEL.iterdir()):
    print(f"{file.name:20} {file.stat().st_size / 1e6:5.1f} MB")
record = json.loads((MODEL / "config.json").read_text())
species = record["label_names"]
model = timm.create_model(f"local-dir:{MODEL}", pretrained=True).eval()
config = timm.data.resolve_model_data_config(model)
prepare = timm.data.create_transform(**config)
print(record["architecture"], config["input_size"], config["crop_pct"])

# %% [markdown]
# Weights (safetensors), the architecture with its preprocessing and the names of the classes (JSON), what was measured
# (JSON), and a model card (Markdown). Plain timm opens it. For a model of your own, from whatever library, two files do:
# the weights, and what must be known to use them. The best test is another process, which knows nothing of this notebook:

# %% tags=["plain"]
OUT = Path(tempfile.mkdtemp())  # to keep the files: a folder of yours
save_file(model.state_dict(), OUT / "birds.safetensors")
info = {"architecture": record["architecture"], "classes": species, **config}
(OUT / "birds.json").write_text(json.dumps(info))
OTHER_PROCESS = """
import json, numpy, timm, torch
from safetensors.torch import load_file
info = json.load(open("birds.json"))
number = len(info["classes"])
model = timm.create_model(info["architecture"], num_classes=number)
model.load_state_dict(load_file("birds.safetensors"))
with torch.no_grad():
    logits = model.eval()(torch.ones(1, *info["input_size"]))
numpy.save("logits.npy", logits)
"""

# %% tags=["plain"]
subprocess.run([sys.executable, "-c", OTHER_PROCESS], cwd=OUT, check=True)
there = torch.from_numpy(np.load(OUT / "logits.npy"))
with torch.no_grad():
    here = model(torch.ones(1, *config["input_size"]))
print("the same there:", torch.allclose(here, there, atol=1e-4))

# %% [markdown]
# Safetensors hold numbers and nothing else. `torch.save(model)` writes a pickle, and a pickle is a program: whoever loads it
# runs it, unless it was loaded with `weights_only=True`. (The appendix shows one.)
#
# ## 3. ONNX: the same model without PyTorch
#
# [ONNX](glossary.md#onnx) is a file format for the calculation itself. Engines such as onnxruntime run it, on servers, on
# phones and in browsers. The exporter follows one example batch through the model. `dynamic_shapes` says that a batch may
# have another size.


# %% tags=["plain"]
def birds(split, each, change=lambda picture, file: picture):
    """Pictures (N, 3, H, W) of a split, so many of each species, and labels."""
    samples = ImageFolder(BIRDS / split).samples
    labels = torch.tensor([label for _, label in samples])
    ids = [torch.where(labels == k)[0][:each] for k in labels.unique()]
    ids = torch.cat(ids).tolist()
    files = [samples[i][0] for i in ids]
    shown = [change(Image.open(file).convert("RGB"), file) for file in files]
    return torch.stack([prepare(picture) for picture in shown]), labels[ids]


# %% tags=["plain"]
val, val_labels = birds("val", ALL)
onnx_file = OUT / "birds.onnx"
program = torch.onnx.export(
    model,
    (val[:2],),  # the example; with one picture, 1 would look like a constant
    dynamo=True,
    verbose=False,
    input_names=["pictures"],
    output_names=["logits"],
    dynamic_shapes=({0: "batch"},),
)
program.save(onnx_file)
print(f"{onnx_file.stat().st_size / 1e6:.1f} MB")


# %% [markdown]
# An ONNX file that onnxruntime has opened is called a session. It takes and gives NumPy arrays, by the names chosen above.
# Does it give the same logits as PyTorch? Not to the last digit, because it adds in another order. So compare with a
# tolerance, and in such a way that no wrong logit gets through.


# %% tags=["exercise", "plain"] exercise="may_ship"
# Exercise 8.2: expected and found are logits (N, classes), NumPy arrays. May it
# be shipped? True if no logit differs by more than tolerance times the largest
# absolute value in expected. False for other shapes, and for a NaN in found.
def may_ship(expected, found, tolerance):
    return ...


# %% tags=["check"]
exercises.may_ship.check(may_ship)


# %% tags=["plain"]
def ask(session, pictures, size=30):
    """Logits (N, classes) of pictures (N, 3, H, W)."""
    batches = [{"pictures": part.numpy()} for part in pictures.split(size)]
    return np.concatenate([session.run(None, batch)[0] for batch in batches])


def accuracy(logits, labels):
    return (logits.argmax(1) == labels.numpy()).mean()


# %% tags=["plain"]
with torch.no_grad():
    expected = model(val).numpy()
session = onnxruntime.InferenceSession(onnx_file)
logits = ask(session, val)
print(f"largest difference: {np.abs(logits - expected).max():.0e}")
agrees = exercises.may_ship.use(may_ship)
print("may be shipped:", agrees(expected, logits, tolerance=1e-4))

# %% [markdown]
# Now the whole path on a server, from the file to the name, with Pillow, NumPy, onnxruntime and your `server_input`. No
# torch, and no timm:

# %% tags=["plain"]
to_input = exercises.server_input.use(server_input)
file = sorted((BIRDS / "test").glob("*/*.webp"))[0]
side, mean, std = (config[name] for name in ("input_size", "mean", "std"))
picture = Image.open(file).convert("RGB")
given = to_input(picture, side[-1], mean, std)
difference = np.abs(given - prepare(picture).numpy()).max()
print(f"differs from timm's by {difference:.0e}")
(answer,) = session.run(None, {"pictures": given[None]})
with torch.no_grad():
    by_torch = model(prepare(picture)[None])[0]
print("the same name as here:", bool(by_torch.argmax() == answer.argmax()))

# %% [markdown]
# The file itself holds neither the preparation nor the names. Ship `birds.json` with it. (`course export` writes them into
# the file's metadata.)
#
# ## 4. int8: less than a third of the size
#
# Weights are stored as numbers of 32 bits. [Quantisation](glossary.md#quantisation) replaces them, and what flows between
# the layers (activations), by whole numbers of 8 bits. A scale says what one step is worth: one for each filter's weights,
# and one for each layer's activations. For the latter the tool looks at some training pictures. Guess: what does this cost
# in accuracy, and what does it bring?


# %% tags=["plain"]
class Examples(quantization.CalibrationDataReader):
    left = iter(birds("train", EACH // 2)[0].split(1))

    def get_next(self):
        batch = next(self.left, None)
        return None if batch is None else {"pictures": batch.numpy()}


int8_file, shaped = OUT / "birds_int8.onnx", OUT / "shaped.onnx"
quantization.quant_pre_process(onnx_file, shaped)  # notes shapes, merges layers
# a scale for each filter's weights; 0 to 255 for what flows between layers
how = {"per_channel": True, "activation_type": quantization.QuantType.QUInt8}
quantization.quantize_static(shaped, int8_file, Examples(), **how)

# %% tags=["plain"]
int8_session = onnxruntime.InferenceSession(int8_file)
in_int8 = ask(int8_session, val)
for name, file, answers in (
    ("fp32", onnx_file, logits),
    ("int8", int8_file, in_int8),
):
    megabytes = file.stat().st_size / 1e6
    print(
        f"{name}: {megabytes:4.1f} MB, val {accuracy(answers, val_labels):.1%}"
    )
fp32_right, int8_right = (
    answers.argmax(1) == val_labels.numpy() for answers in (logits, in_int8)
)
print(f"only fp32 is right: {(fp32_right & ~int8_right).mean():.1%} of val")
print(f"only int8 is right: {(int8_right & ~fp32_right).mean():.1%} of val")

# %% [markdown]
# Accuracies say little about so small a change. The last two lines say more: on each of these pictures the two disagree,
# and if int8 cost nothing, both shares would be about the same. (`may_ship` says no to int8, and it should: it is another
# model. Compare names, on val.) Without `per_channel` it costs far more here. And processors compute int8 in different
# ways: on an older one, without instructions for it, such a file was far less accurate. Measure on the machine that will do
# the work.
#
# ## 5. How many pictures at once?
#
# A server may collect several requests and answer them in one [batch](glossary.md#batch). Latency is how long one batch
# takes (to decode and resize pictures comes on top), throughput how many pictures the machine answers in a second. Guess
# the shape of both curves before you run the cell.


# %% tags=["plain"]
def milliseconds(session, size):
    """How long batches of a size took, each of them."""
    pictures, took = val[:size].numpy(), []
    session.run(None, {"pictures": pictures})  # to warm up
    for _ in range(ROUNDS):
        began = time.perf_counter()
        session.run(None, {"pictures": pictures})
        took.append(1000 * (time.perf_counter() - began))
    return took


sizes, engines = (1, 2, 4, 8, 16, 32), {"fp32": session, "int8": int8_session}
waits = {}
for name, engine in engines.items():
    waits[name] = {size: milliseconds(engine, size) for size in sizes}

# %% alt="Two panels over the batch size: milliseconds of a batch rise; pictures a second soon level off, int8 above"
figures.plot_batches(waits)

# %% [markdown]
# On a processor the time soon grows with the batch, so collecting requests gains little, and the first one has to wait
# for the last. On a GPU it usually gains much, until the GPU is full. Curves differ from machine to machine, and with
# what else it does: measure on the one that will do the work.


# %% tags=["exercise", "plain"] exercise="largest_batch"
# Exercise 8.3: rounds maps a batch size to the milliseconds of its rounds.
# Return the largest size whose 95th percentile (np.percentile(values, 95)) is
# at most limit; None if there is no such size.
def largest_batch(rounds, limit):
    return ...


# %% tags=["check"]
exercises.largest_batch.check(largest_batch)

# %% tags=["plain"]
largest = exercises.largest_batch.use(largest_batch)
for name, of_engine in waits.items():
    print(f"{name}: {largest(of_engine, limit=100)} pictures within 100 ms")

# %% [markdown]
# Why the 95th percentile? A mean hides who waits long. The 95th percentile says: nineteen of twenty do not wait longer.
# (With ten rounds it is close to the slowest one. On a server take thousands.)
#
# ## 6. Honest probabilities
#
# Of the answers that a model gives with a probability of nine tenths, nine in ten should be right. Fine-tuned networks are
# often too sure of themselves. One number mends much of it: divide all logits by a [temperature](glossary.md#temperature)
# before the softmax (Guo and others, 2017). It changes no answer. The cell tries values from one half to 3 and keeps the one
# with the lowest loss on val, for each of the two models. Then both read test, once.


# %% tags=["plain"]
def fit_temperature(logits, labels):
    losses = {}
    for t in (k / 20 for k in range(10, 61)):
        losses[t] = F.cross_entropy(logits / t, labels)
    return min(losses, key=losses.get)


def confidence(logits):
    return logits.softmax(1).amax(1)


# %% tags=["plain"]
test, test_labels = birds("test", ALL)
temperatures, of_test = {}, {}
for name, of_val in (("fp32", logits), ("int8", in_int8)):
    t = fit_temperature(torch.from_numpy(of_val), val_labels)
    found = torch.from_numpy(ask(engines[name], test))
    temperatures[name], of_test[name] = t, found
    before, after = (confidence(found / k).mean() for k in (1, t))
    right = accuracy(found.numpy(), test_labels)
    print(f"{name}: is right in {right:.1%}; says {before:.1%} on average,")
    print(f"    and {after:.1%} when divided by {t:.2f}")
temperature = temperatures["fp32"]

# %% alt="Share of right answers over their probability: before, most points lie below the diagonal; after, nearer to it"
figures.plot_before_and_after(of_test["fp32"], test_labels, temperature)

# %% [markdown]
# Each point is a group of answers with about the same probability; a larger point is a larger group. The bar says how far
# luck could move it. On the dotted line the model is honest, below it too sure. After the division the model is nearer to
# honest, and not quite there: val has chosen the number, and test is another draw of pictures.
#
# Compare the two models as well. Do they differ on test as they did on val? A few hundred pictures show a difference of a
# few points badly. If so much decides, get more of them.
#
# ## 7. When the world changes
#
# The birds come to the same place, but it gets dark early, and it snows. Here light is scaled down. For snow the drawn
# birds' masks help, which say where the bird is: everything else turns white. The pictures are those of test, so the
# answers are known. In production they are not: there you see only how sure the model is. Guess: will that tell you?


# %% tags=["plain"]
def darker(light):
    return lambda picture, file: v2.functional.adjust_brightness(picture, light)


def snowier(share):
    def change(picture, file):
        name = Path(file).relative_to(BIRDS).with_suffix(".png")
        mask = Image.open(BIRDS / "masks" / name).convert("L")
        snow = Image.new("RGB", picture.size, (240, 244, 248))
        return Image.composite(picture, Image.blend(picture, snow, share), mask)

    return change


# %% alt="The same drawn bird by day, at a quarter of the light, and in snow that lies on everything but the bird"
file = ImageFolder(BIRDS / "test").samples[4][0]
bird = Image.open(file).convert("RGB")
looks = (bird, darker(0.25)(bird, file), snowier(0.8)(bird, file))
small_ones = [np.asarray(picture.resize((160, 160))) for picture in looks]
Image.fromarray(np.hstack(small_ones))

# %% tags=["plain"]
shifts = {
    "light": {level: darker(level) for level in (1.0, 0.5, 0.25, 0.15)},
    "snow": {level: snowier(level) for level in (0.0, 0.4, 0.8)},
}
drift = {}
for what, levels in shifts.items():
    for level, change in levels.items():
        changed, labels = birds("test", EACH, change)
        answers = torch.from_numpy(ask(session, changed))
        sure = confidence(answers / temperature).mean().item()
        reached = accuracy(answers.numpy(), labels)
        drift[what, level] = reached, sure
        print(f"{what} {level}: right {reached:.1%}, says {sure:.1%}")

# %% alt="Accuracy and mean confidence over light and snow: in the dark accuracy falls faster than confidence"
figures.plot_drift(drift)

# %% [markdown]
# The darker it is, the less sure the model is, but it does not become unsure enough: accuracy falls faster, and the gap
# grows. In production you see only the upper line. It may tell you that something has changed, and not how bad it is. What
# helps: pictures that a person names now and then, a hundred or more; simple statistics of what comes in, such as mean
# brightness, beside those of train; and training pictures of what will come. (Snow matters little here. With so few
# pictures a few points can be luck.)
#
# ## 8. The model card, and licences
#
# A model card says what a model is for, what was measured, and what it can't do. Hugging Face's hub reads its head, which
# is YAML, and people read the rest. The folder of section 2 has one; the ONNX file needs its own. Change the two texts to
# what you think is right.

# %% tags=["plain"]
right_of_fp32 = accuracy(of_test["fp32"].numpy(), test_labels)
INTENDED = "Teaching. It names drawn birds of 18 invented species."
LIMITS = "In poor light it is wrong more often than its probabilities say."
head = ModelCardData(
    license="apache-2.0",  # that of the weights it began with
    base_model="timm/tf_efficientnet_lite0.in1k",
    library_name="onnx",
    tags=["image-classification"],
)
reached = f"{right_of_fp32:.1%} of {len(test)} test pictures"
told = f"""# Feeder\n\n{INTENDED} It named {reached} rightly. {LIMITS}
Pictures: the Borrowed Feathers authors, CC-BY-4.0. birds.json says how to
prepare them. Divide its logits by {temperature:.2f} before a softmax."""
ModelCard(f"---\n{head.to_yaml()}\n---\n{told}").save(OUT / "README.md")
print((OUT / "README.md").read_text())

# %% [markdown]
# **Licences** come in three layers, and each has to allow what you want to do.
#
# - **Code.** timm comes under Apache-2.0, torchvision under BSD-3-Clause: both allow commercial use.
# - **Weights.** Those of Lite0 are given under Apache-2.0. They were learned from ImageNet's photos, which are offered for
#   non-commercial research. Whether weights inherit that is disputed. Models on the hub name their own licences; some
#   forbid commercial use.
# - **Pictures.** The drawn birds come under `CC-BY-4.0`: use them for anything and name their authors. The photos of
#   CUB-200-2011, which lesson 4 mentions, are for non-commercial research and education. Your own pictures belong to
#   whoever took them.
#
# If money or people depend on it, ask somebody who knows the law.
#
# ## 9. The same with commands
#
# The course's own commands do all this for a folder of your pictures (README, "Your own pictures"). Type them into a
# terminal:
#
# | command | what you get |
# |---|---|
# | `course train --data my_pictures --out my_model` | the folder of section 2, temperature and card included |
# | `course predict my_model photo.jpg` | names with probabilities |
# | `course export my_model --onnx --int8 --data my_pictures` | sections 3 and 4, with times on your machine |
# | `course report my_model` | a page for a colleague: scores, confusions, surest mistakes |
# | `course app my_model` | a page to drop a photo into, in your browser |
#
# Try the last one on the model of this lesson: `print(MODEL)` says where its folder is.
#
# **Before it goes live**, check what this lesson has left out: pictures that a phone has turned (their EXIF says so), grey,
# transparent and CMYK ones; files that are damaged or huge; versions of all libraries, written down; a checksum of the
# weights; a load of many visitors at once.
#
# ## Recap
#
# - Preprocessing, labels and confidence fail silently. Test the whole path with pictures whose answers you know.
# - Weights travel as safetensors, with everything else that must be known beside them. A pickle is a program.
# - After an export compare logits with a tolerance; after int8 count on which pictures only one of the two is right.
# - Choose the batch size by the 95th percentile on the machine that will do the work.
# - A temperature brings probabilities nearer to the truth on pictures like those of val. On others nobody promises it.
#
# ## Quiz

# %%
QUIZ

# %% [markdown]
# ## Appendix: a file that runs


# %% tags=["plain"]
class Surprise:
    def __reduce__(self):
        return print, ("This line ran while the file was being loaded.",)


torch.save(Surprise(), OUT / "model.pt")
torch.load(OUT / "model.pt", weights_only=False)
try:
    torch.load(OUT / "model.pt", weights_only=True)  # the default since 2.6
except pickle.UnpicklingError as error:
    print("refused:", type(error).__name__)

# %% [markdown]
# Here it was `print`. It could have been any command. Load files of others with `weights_only=True`, or ask for safetensors.
