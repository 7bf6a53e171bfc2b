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
# # 10. The same two flavours in every framework
#
# Nearly every deep-learning framework offers pre-defined models in two flavours: the
# [definition](glossary.md#definition) alone, and the definition with
# [pre-trained weights](glossary.md#pre-trained-weights). You know them from torchvision and timm. Here you do each step in
# four places, side by side: **torchvision**, **timm**, **Hugging Face transformers** and **Keras**. The steps are the same.
# The defaults are not, and that is where models go wrong without an error.
#
# **You will learn to**
#
# - get both flavours, with the preprocessing that belongs to the weights;
# - carry weights from PyTorch to Keras, and prove that they arrived;
# - give a model a new head, freeze the rest, train, save and load;
# - see three mistakes that raise no error: a wrong input, a BatchNorm that moves, weights that were not loaded.
#
# **You need** [lesson 4](04_fine_tune_pretrained.ipynb). **Time**: about an hour; the computer works for one minute of
# it. It works offline. Keras and transformers are extra: `%pip install keras transformers` in a cell, before you begin.
# Without them the lesson runs, too: a cell says what it needs in its first line, and is left out if that is missing.

# %% tags=["hide-input"]
# @title What draws pictures and checks exercises
from pathlib import Path

import skimage

from course_utils import paths
from course_utils.runtime import pick
from course_utils.models.packaged import weights_file
from course_utils.notebook import plots
from course_utils.notebook.absent import skip_without
from course_utils.lessons.other_frameworks import exercises
from course_utils.lessons.other_frameworks.libraries import LIBRARIES
from course_utils.lessons.other_frameworks.quiz import QUIZ
from course_utils.lessons.other_frameworks.table import show_table

skip_without(LIBRARIES)
WEIGHTS = str(weights_file())  # a file with EfficientNet-Lite0's weights
PHOTOS = Path(skimage.__file__).parent / "data"  # a folder with photos
BIRDS = paths.data_dir() / "fieldguide"  # holds train, val and test
EACH = pick(smoke=2, standard=10, full=30)  # pictures of each species
SIDE = pick(smoke=64, standard=128, full=224)  # of a bird's picture, in pixels
EPOCHS = pick(smoke=1, standard=3, full=10)
print("Ready.")

# %% tags=["plain"]
# torchvision, timm
import copy
import inspect
import os
import tempfile
from pathlib import Path

import numpy as np
import timm
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn
from torchvision import models
from torchvision.datasets import ImageFolder

# %% [markdown]
# ## 1. The definition alone
#
# One line each. Guess before you run the cells: which flavour do you get if you say nothing about weights?


# %% tags=["plain"]
# torchvision, timm
def count(model):
    return f"{sum(p.numel() for p in model.parameters()):,} parameters"


mobilenet = models.mobilenet_v2(weights=None)
print("MobileNetV2:", count(mobilenet))
print("   ", inspect.signature(models.mobilenet_v2).parameters["weights"])
lite0 = timm.create_model("tf_efficientnet_lite0", pretrained=False)
print("EfficientNet-Lite0:", count(lite0))
print("   ", inspect.signature(timm.create_model).parameters["pretrained"])
expected = timm.data.resolve_model_data_config(lite0)  # its preprocessing

# %% tags=["plain"]
# transformers
import transformers
from transformers import AutoConfig, AutoImageProcessor, TimmWrapperConfig
from transformers import AutoModelForImageClassification as AutoClassifier
from transformers import Trainer, TrainingArguments

transformers.logging.set_verbosity_error()  # section 5 asks for its report
transformers.logging.disable_progress_bar()
described = {"architecture": "tf_efficientnet_lite0", "num_classes": 1000}
config = TimmWrapperConfig.from_dict({**described, "pretrained_cfg": expected})
by_transformers = AutoClassifier.from_config(config)
print("EfficientNet-Lite0:", count(by_transformers))

# %% tags=["plain"]
# Keras
os.environ["KERAS_BACKEND"] = "torch"  # read when Keras is imported
import keras
from keras import layers

print("Keras calculates with", keras.backend.backend())
MobileNetV2 = keras.applications.MobileNetV2
definition = MobileNetV2(weights=None)
print(f"MobileNetV2: {definition.count_params():,} parameters, it says;")
sizes = [np.prod(weight.shape) for weight in definition.trainable_weights]
print(f"    {sum(sizes):,} of them can be trained")
print("   ", inspect.signature(MobileNetV2).parameters["weights"])

# %% [markdown]
# - **Keras gives you the other flavour**: `MobileNetV2()` downloads weights. torchvision and timm give random ones. Always
#   write which you want.
# - In transformers the verb decides: `from_config` gives random weights, `from_pretrained` loads them. A *config*
#   describes an architecture. (`AutoClassifier` is short for a long name, here only.) Usually one names a model on the
#   hub there; offline, the cell writes the config by hand. (transformers has models of its own, and takes those of timm
#   in a wrapper, as here.)
# - Keras counts BatchNorm's statistics, too. What can be trained agrees with torchvision. (Padding and BatchNorm's
#   epsilon do not agree: section 4 comes back to that.)
# - Keras describes models, and lets a [backend](glossary.md#backend) calculate: TensorFlow, JAX or, as here, PyTorch.
#
# ## 2. The definition with weights
#
# The weights of EfficientNet-Lite0 lie on your disk, as a file with timm's names. So no network is needed. timm reads it.
# transformers wants a folder with a config and weights. (Hugging Face's *hub* is a website with many such folders, where
# people share models.) The third cell writes one, and loads it as you would load any.


# %% tags=["plain"]
# timm
OUT = Path(tempfile.mkdtemp())  # to keep the files: a folder of yours
own = {"file": WEIGHTS}  # instead of a download
lite0 = timm.create_model(
    "tf_efficientnet_lite0", pretrained=True, pretrained_cfg_overlay=own
).eval()
# ImageNet's 1,000 names, in the order that its models share:
categories = models.ResNet50_Weights.DEFAULT.meta["categories"]


def best(logits):
    """The best name for each picture."""
    both = torch.as_tensor(logits).softmax(1).max(1)
    pairs = zip(both.indices.tolist(), both.values.tolist(), strict=True)
    return "; ".join(f"{categories[k]} {share:.1%}" for k, share in pairs)


# %% tags=["plain"]
# timm
files = [PHOTOS / "chelsea.png", PHOTOS / "coffee.png"]
photos = [Image.open(file).convert("RGB") for file in files]
prepare = timm.data.create_transform(**expected)
x = torch.stack([prepare(photo) for photo in photos])
with torch.no_grad():
    logits = lite0(x)
print(best(logits))

# %% tags=["plain"]
# transformers
by_transformers.timm_model.load_state_dict(lite0.state_dict())
by_transformers.save_pretrained(OUT / "lite0")
print(*sorted(file.name for file in (OUT / "lite0").iterdir()))

by_transformers = AutoClassifier.from_pretrained(OUT / "lite0")
prepare = AutoImageProcessor.from_pretrained(OUT / "lite0")
given = prepare(photos, return_tensors="pt")  # a dictionary: pixel_values
with torch.no_grad():
    found = by_transformers(**given).logits
print(f"largest difference from timm: {(found - logits).abs().max():.0e}")
names = by_transformers.config.id2label
print(*(names[k] for k in found.argmax(1).tolist()), sep="; ")

# %% tags=["plain"]
# transformers
config = AutoConfig.from_pretrained(OUT / "lite0")
torch.manual_seed(0)
model = AutoClassifier.from_config(config).eval()
with torch.no_grad():
    print(best(model(**given).logits))

# %% [markdown]
# In the last cell `from_pretrained` loads the config alone. The model got random weights, and nothing warned you. The
# **symptom**: one name for both photos. All shares are the same here, one in 1,000, so the first name in the list wins.
# (transformers begins with very small weights. Random weights of other libraries give larger shares, as in section 7.)
#
# ## 3. What the weights expect
#
# A [transform](glossary.md#transform) belongs to the weights. Two things about its result differ from place to place. The
# **scale**: 0 to 255, 0 to 1, -1 to 1, or what ImageNet's mean and std make of it. And the
# **[layout](glossary.md#layout)**: PyTorch's libraries want the colours first, (N, 3, H, W), Keras by default wants them
# last, (N, H, W, 3). (`channels_last` in PyTorch is about how numbers lie in memory, and not this.) Write a tool that tells
# both.


# %% tags=["exercise", "plain"] exercise="describe_input"
# Exercise 10.1: x is a batch, an array with four axes; axis 0 counts pictures.
# Return two words: which of axes 1 and 3 holds the 3 colours, "first" or
# "last", and the scale: "0 to 255", "0 to 1", "-1 to 1" or "ImageNet". With
# ImageNet's mean and std, values reach from about -2.1 to 2.6. It is a guess: a
# picture need not hold a scale's lowest and highest value.
def describe_input(x):
    return ...


# %% tags=["check"]
exercises.describe_input.check(describe_input)

# %% tags=["plain"]
# torchvision, timm
describe = exercises.describe_input.use(describe_input)
recipe = models.MobileNet_V2_Weights.DEFAULT.transforms()
of_mobilenet = torch.stack([recipe(photo) for photo in photos])
print("MobileNetV2:", *describe(of_mobilenet))
print(recipe)
print("EfficientNet-Lite0:", *describe(x))
for name in ("input_size", "crop_pct", "interpolation", "mean", "std"):
    print(f"    {name:13} {expected[name]}")
with torch.no_grad():
    print("Lite0 with its own recipe:", best(logits))
    print("with MobileNetV2's:", best(lite0(of_mobilenet)))

# %% tags=["plain"]
# Keras
three = np.full((1, 1, 3), 255.0) * np.array([0, 0.5, 1])[:, None, None, None]
for name in ("mobilenet_v2", "resnet", "efficientnet"):
    recipe = getattr(keras.applications, name).preprocess_input
    print(name, "makes of black, grey and white:")
    print("   ", *recipe(three.copy())[:, 0, 0].round().tolist())
b0 = keras.applications.EfficientNetB0(weights=None)
print("EfficientNetB0 begins with", [layer.name for layer in b0.layers[1:3]])

# %% [markdown]
# With another model's recipe Lite0 raises no error, and its answers look fine. This is the usual mistake. What it costs,
# two photos can't show: that takes accuracy on many pictures.
#
# transformers keeps the recipe in the folder (`AutoImageProcessor`, section 2). Keras has several in one library. Its
# MobileNetV2 wants -1 to 1, as Lite0 does. Its ResNet wants blue, green, red, less a mean: a fifth scale, which your tool
# does not know. Its EfficientNet wants 0 to 255: there `preprocess_input` does nothing, because the preprocessing is
# **inside the model**.
#
# ## 4. The same weights in Keras
#
# `keras.applications` has no EfficientNet-Lite0. But weights are only numbers: write the definition in Keras, name its
# layers as timm does, and pour the numbers in. In Keras you make a layer, and call it on what comes before it:
# `layers.ReLU(6.0)(x)`. You need not read every line below. `conv` is a convolution with its BatchNorm, `block` puts two
# or three of them together, and `STAGES` says how many blocks there are.
#
# Some details must agree that no name shows: padding (what stands around a picture's edge), the activation, BatchNorm's
# `epsilon` (a small number that keeps it from dividing by zero), and for training BatchNorm's `momentum` (how fast its
# statistics follow: PyTorch's `0.1` is Keras' `0.9`). And the axes of a kernel have another order: that is your part.


# %% tags=["plain"]
# Keras
def conv(x, names, filters=None, kernel=1, stride=1, act=True):
    """A convolution, of each channel alone without filters, and BatchNorm."""
    name, norm = names
    shared = {"padding": "same", "use_bias": False, "name": name}
    if filters is None:
        x = layers.DepthwiseConv2D(kernel, stride, **shared)(x)
    else:
        x = layers.Conv2D(filters, kernel, stride, **shared)(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-3, name=norm)(x)
    return layers.ReLU(6.0)(x) if act else x


def block(x, name, kernel, stride, expand, filters):
    start, convs = x, ("dw", "pw") if expand == 1 else ("pw", "dw", "pwl")
    for number, kind in enumerate(convs, 1):
        names = (f"{name}-conv_{kind}", f"{name}-bn{number}")
        if kind == "dw":
            x = conv(x, names, kernel=kernel, stride=stride)
        elif number < len(convs):
            x = conv(x, names, expand * x.shape[-1])
        else:
            x = conv(x, names, filters, act=False)
    same = stride == 1 and x.shape == start.shape
    return x + start if same else x


# %% tags=["plain"]
# Keras
# kernel, stride, expand, filters, repeats
STAGES = "3 1 1 16 1, 3 2 6 24 2, 5 2 6 40 2, 3 2 6 80 3, 5 1 6 112 3"
STAGES += ", 5 2 6 192 4, 3 1 6 320 1"
inputs = keras.Input((None, None, 3))
out = conv(inputs, ("conv_stem", "bn1"), 32, kernel=3, stride=2)
for i, stage in enumerate(STAGES.split(", ")):
    kernel, stride, expand, filters, repeats = map(int, stage.split())
    for k in range(repeats):
        name, by = f"blocks-{i}-{k}", 1 if k else stride
        out = block(out, name, kernel, by, expand, filters)
out = conv(out, ("conv_head", "bn2"), 1280)
out = layers.GlobalAveragePooling2D()(out)
by_keras = keras.Model(inputs, layers.Dense(1000, name="classifier")(out))
print(f"{by_keras.count_params():,} parameters")


# %% tags=["exercise", "plain"] exercise="to_keras"
# Exercise 10.2: weight is a NumPy array as PyTorch keeps it; return it as Keras
# does. kind: "Conv2D", from (filters, in, height, width) to (height, width, in,
# filters); "DepthwiseConv2D", from (channels, 1, height, width) to (height,
# width, channels, 1); "Dense", from (out, in) to (in, out).
def to_keras(kind, weight):
    return ...


# %% tags=["check"]
exercises.to_keras.check(to_keras)

# %% tags=["plain"]
# Keras
convert = exercises.to_keras.use(to_keras)
state = {n: t.numpy() for n, t in load_file(WEIGHTS).items()}
parts = ("weight", "bias", "running_mean", "running_var")  # in Keras' order
for layer in by_keras.layers:
    name = layer.name.replace("-", ".")  # dots fail on PyTorch
    numbers = [state[f"{name}.{p}"] for p in parts if f"{name}.{p}" in state]
    if numbers and numbers[0].ndim > 1:
        numbers[0] = convert(type(layer).__name__, numbers[0])
    if numbers:
        layer.set_weights(numbers)
last = x.permute(0, 2, 3, 1).numpy()  # colours last
found = torch.from_numpy(by_keras.predict(last, verbose=0))
print(best(found))
print(f"largest difference from timm: {(found - logits).abs().max():.0e}")

# %% [markdown]
# Two libraries, one model. (The rest is rounding: they add in another order. The number of parameters is larger than
# timm's, because Keras counts statistics.) Now put the preprocessing inside, as Keras' EfficientNet has it, and hand the
# model to three colleagues. Only one of them does it correctly. Which? And why do the others see no error?

# %% tags=["plain"]
# Keras
whole = keras.Sequential(
    [keras.Input((None, None, 3)), layers.Rescaling(1 / 127.5, -1), by_keras]
)
colleagues = {"A": last, "B": 127.5 * (last + 1), "C": (last + 1) / 2}
for who, given in colleagues.items():
    print(f"{who}: {best(whole.predict(given, verbose=0))}")
    print("   ", *describe(given))
try:
    by_keras.predict(x.numpy(), verbose=0)  # colours first
except ValueError as error:
    print(str(error).partition(": ")[2])

# %% [markdown]
# B. The others see no error because nothing checks the range of numbers. A used the whole recipe, C divided by 255, and
# the model did so again: all that it sees is nearly black. The **symptom** of a picture that was prepared twice: names
# that have nothing to do with it, and small shares. A wrong layout at least raises an error here, because the number of
# colours does not fit.
#
# ## 5. A new head, and is the rest frozen?
#
# Now your birds: ten pictures of each species, small ones to save time. Each library has its own way to a new
# [head](glossary.md#head). Then everything else is frozen, and one batch goes through the model, as it does in training.
# Lesson 4 had a trap there. Guess: in which library does nothing change?


# %% tags=["plain"]
# timm
def birds(split):
    """Pictures (N, 3, SIDE, SIDE), EACH of a species, and labels (N,)."""
    files = ImageFolder(BIRDS / split)
    labels = torch.tensor(files.targets)
    ids = [torch.where(labels == k)[0][:EACH] for k in labels.unique()]
    ids = torch.cat(ids)[torch.randperm(EACH * len(ids))]  # mixed
    small = {**expected, "input_size": (3, SIDE, SIDE)}
    prepare = timm.data.create_transform(**small)
    pictures = torch.stack([prepare(files[i][0]) for i in ids.tolist()])
    return pictures, labels[ids], files.classes


def changed(model, batch):
    """How many tensors one batch changes in train mode."""
    trial = copy.deepcopy(model).train()
    before = {n: t.clone() for n, t in trial.state_dict().items()}
    trial(batch)
    after = trial.state_dict()
    moved = sum(not torch.equal(after[n], before[n]) for n in before)
    return f"{moved} of {len(before)} changed"


# %% tags=["plain"]
# torchvision, timm
torch.manual_seed(0)
train, labels, species = birds("train")
val, val_labels, _ = birds("val")
mobilenet.classifier[1] = nn.Linear(mobilenet.last_channel, len(species))
by_timm = timm.create_model(
    "tf_efficientnet_lite0",
    pretrained=True,
    pretrained_cfg_overlay=own,
    num_classes=len(species),
)
by_timm.requires_grad_(False)
by_timm.classifier.requires_grad_(True)
print(changed(by_timm, train[:10]))

# %% tags=["plain"]
# transformers
by_transformers, report = AutoClassifier.from_pretrained(
    OUT / "lite0",
    num_labels=len(species),
    ignore_mismatched_sizes=True,  # the head's
    output_loading_info=True,
)
for what, found in report.items():
    names = [name if isinstance(name, str) else name[0] for name in found]
    print(f"{what}:", *sorted(names))
by_transformers.requires_grad_(False)
by_transformers.timm_model.classifier.requires_grad_(True)
print(changed(by_transformers, train[:10]))

# %% tags=["plain"]
# Keras
backbone = keras.Model(by_keras.input, by_keras.layers[-2].output)
new_head = layers.Dense(len(species), kernel_initializer="zeros")
for frozen in (False, True):
    trial = keras.models.clone_model(backbone)
    trial.set_weights(backbone.get_weights())
    trial.trainable = not frozen
    before = [np.array(weight) for weight in trial.get_weights()]
    trial(train[:10].permute(0, 2, 3, 1), training=True)
    pairs = zip(before, trial.get_weights(), strict=True)
    moved = sum(not np.array_equal(old, new) for old, new in pairs)
    print(f"frozen {frozen}: {moved} of {len(before)} changed")
backbone.trainable = False
by_keras = keras.Sequential([backbone, new_head])

# %% [markdown]
# The report of transformers names what is random now. (It prints the report by itself, unless it was silenced, as here.)
# Read it each time. Expect the head, and nothing else. A model of `keras.applications` comes without its head if you say
# `include_top=False, pooling="avg"`.
#
# In Keras a frozen BatchNorm rests, even with `training=True`. In PyTorch, and so in transformers, its statistics move:
# they are not parameters. `model.eval()` helps until somebody calls `model.train()`, and transformers' `Trainer` does
# that before each step. timm has a cure: it replaces the layers by others that can't move.


# %% tags=["plain"]
# timm
def freeze_all_but(model, head):
    names = [name for name, _ in model.named_children() if name != head]
    timm.utils.freeze(model, names)


for parameter in by_timm.classifier.parameters():
    nn.init.zeros_(parameter)  # the same start for all
at_rest = copy.deepcopy(by_timm)
freeze_all_but(at_rest, "classifier")
print(changed(at_rest, train[:10]))

# %% [markdown]
# (Each of the 49 BatchNorms has a mean and a variance, and in PyTorch a counter. timm's new layers have no counter.)
#
# ## 6. Train
#
# The same few steps in each library: SGD with momentum as the [optimiser](glossary.md#optimiser), the same rate, and a
# head that begins at zero. timm's model and Keras' see the pictures in the same order. transformers' `Trainer` mixes them
# in its own order. torchvision has no Lite0, so there you train MobileNetV2's definition, all of it, from random weights.
# timm's model is trained twice, once with statistics that move. In Keras `compile` says how to train, and `fit` is the
# loop that you write yourself in PyTorch. (`from_logits=True`: our head has no softmax.) Guess the five accuracies on
# val.


# %% tags=["plain"]
# torchvision, timm
def fit(model):
    learns = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(learns, lr=0.01, momentum=0.9)
    model.train()
    for _ in range(EPOCHS):
        for ids in torch.arange(len(train)).split(30):
            loss = nn.functional.cross_entropy(model(train[ids]), labels[ids])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return optimizer


@torch.no_grad()
def accuracy(model, logits_of=lambda said: said):
    model.eval()
    said = [logits_of(model(part)) for part in val.split(30)]
    return (torch.cat(said).argmax(1) == val_labels).float().mean().item()


# %% tags=["plain"]
# torchvision, timm
reached = {}
for way, model in {
    "torchvision, the definition alone": mobilenet,
    "timm, with weights, statistics move": by_timm,
    "timm, with weights": at_rest,
}.items():
    optimizer = fit(model)
    reached[way] = accuracy(model)

# %% tags=["plain"]
# transformers
arguments = TrainingArguments(
    OUT,
    num_train_epochs=EPOCHS,
    per_device_train_batch_size=30,
    optim="sgd",
    optim_args="momentum=0.9",
    learning_rate=0.01,
    lr_scheduler_type="constant",  # otherwise the rate falls
    max_grad_norm=0,  # otherwise long gradients are shortened
    report_to="none",  # to no website
    disable_tqdm=True,
    use_cpu=True,  # as the other models here
    dataloader_pin_memory=False,
)

# %% tags=["plain"]
# transformers
freeze_all_but(by_transformers.timm_model, "classifier")
for parameter in by_transformers.timm_model.classifier.parameters():
    nn.init.zeros_(parameter)
pairs = zip(train, labels, strict=True)
rows = [{"pixel_values": picture, "labels": label} for picture, label in pairs]
trainer = Trainer(by_transformers, arguments, train_dataset=rows)
trainer.remove_callback(transformers.PrinterCallback)  # it prints seconds
learned = trainer.train()
right = accuracy(by_transformers, lambda said: said.logits)
reached["transformers, with weights"] = right

# %% tags=["plain"]
# Keras
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
sgd = keras.optimizers.SGD(0.01, momentum=0.9)
by_keras.compile(sgd, loss, metrics=["accuracy"])
# colours last, and as NumPy arrays
data, val_data = (part.permute(0, 2, 3, 1).numpy() for part in (train, val))
answers, val_answers = labels.numpy(), val_labels.numpy()
how = {"batch_size": 30, "verbose": 0}
learned = by_keras.fit(data, answers, epochs=EPOCHS, shuffle=False, **how)
_, reached["Keras, with weights"] = by_keras.evaluate(
    val_data, val_answers, **how
)

# %% tags=["plain"]
for way, share in reached.items():
    print(f"{way:35} val {share:.1%}")

# %% [markdown]
# The library hardly matters: timm's model and Keras' are equally good, and transformers', with another order, differs by
# a few pictures. The flavour does matter. A few steps are enough for a new head. The definition is still at chance, one
# in 18. (It is another architecture; lesson 5 compares fairly.) And here statistics that move cost accuracy, without an
# error.
#
# ## 7. Save, load, and what was not loaded
#
# transformers and Keras save a whole model in one line. In torchvision and timm you save the state dict (lesson 1). In the
# second cell a colleague has saved the state dict of transformers' Lite0, and loads it into timm's. There was an error, so
# they have added `strict=False`. It was gone at once.

# %% tags=["plain"]
# transformers, Keras
by_transformers.save_pretrained(OUT / "birds")
again = AutoClassifier.from_pretrained(OUT / "birds").eval()
with torch.no_grad():
    pair = [m(val[:9]).logits for m in (by_transformers, again)]
print("transformers, the same:", torch.allclose(*pair, atol=1e-4))

by_keras.save(OUT / "birds.keras")
again = keras.saving.load_model(OUT / "birds.keras")
pair = [m.predict(val_data[:9], verbose=0) for m in (by_keras, again)]
print("Keras, the same:", np.allclose(*pair, atol=1e-4))

# %% tags=["plain"]
# timm
torch.manual_seed(0)
wrapped = {f"timm_model.{n}": t for n, t in lite0.state_dict().items()}
save_file(wrapped, OUT / "model.safetensors")  # names in its state dict
state = load_file(OUT / "model.safetensors")
model = timm.create_model("tf_efficientnet_lite0").eval()
result = model.load_state_dict(state, strict=False)
with torch.no_grad():
    print(best(model(x)))


# %% tags=["exercise", "plain"] exercise="stays_random"
# Exercise 10.3: find out what is wrong. model and file map names of tensors to
# shapes. Return a list of the model's names that the file can't fill: it has
# no tensor of that name, or one of another shape.
def stays_random(model, file):
    return ...


# %% tags=["check"]
exercises.stays_random.check(stays_random)

# %% tags=["plain"]
unfilled = exercises.stays_random.use(stays_random)
wanted = {name: tuple(t.shape) for name, t in lite0.state_dict().items()}
comes = {name: tuple(t.shape) for name, t in state.items()}
renamed = {n.removeprefix("timm_model."): shape for n, shape in comes.items()}
head = {"classifier.weight": (18, 1280), "classifier.bias": (18,)}
for what, names in {
    "as the file comes": unfilled(wanted, comes),
    "without timm_model.": unfilled(wanted, renamed),
    "for 18 species": unfilled({**wanted, **head}, renamed),
}.items():
    print(f"{what}: {len(names)} of {len(wanted)} stay random", *names[:2])

# %% [markdown]
# Not one tensor was loaded: the names begin with `timm_model.` in the file. Without this prefix all fit. `strict=False`
# repairs nothing. It returns two lists, `result.missing_keys` and `result.unexpected_keys`, and the colleague has not read
# them. The last line is what you want with a new head: `num_classes` in timm and `ignore_mismatched_sizes` in transformers
# leave out what has another shape. (`load_state_dict` raises an error there, even with `strict=False`.)
#
# What a file does not hold: transformers forgets what was frozen, and neither keeps the names of your species. Keep them
# beside it (lesson 8).
#
# ## 8. All on one page
#
# Each line below is run by the course's tests. `show_table("frameworks.html")` writes it into a file, to print from a
# browser.

# %%
show_table()

# %% [markdown]
# **Which one, then?** The one that your colleagues use, or the one that has the weights you need. torchvision is made by
# PyTorch's own team. timm has by far the most image models. transformers has text and sound as well, and the hub. Keras is
# short, and changes its backend.
#
# **And JAX?** Its libraries Flax and Equinox bring layers, and no large catalogue of pre-trained image models. There are
# smaller ones, such as [Bonsai](https://github.com/jax-ml/bonsai). transformers has dropped JAX in version 5. Keras runs on
# it, and so does KerasHub, its newer catalogue. With `"jax"` in place of `"torch"`, the cells of section 4 gave the same
# logits there, up to rounding.
#
# ## Recap
#
# - Both flavours are one line everywhere. The default differs: write down which you want.
# - Weights are numbers with names. If the architecture agrees, padding and epsilon included, they work in another library.
# - Preprocessing belongs to the weights, and may be inside the model. Look at layout and scale of what goes in.
# - A frozen BatchNorm rests in Keras, and in PyTorch it moves in train mode.
# - Read what was not loaded. It should be the head, or nothing.
#
# | you see | it may be | look at |
# |---|---|---|
# | names that make no sense | random weights, or pictures prepared twice | what was not loaded; the input's scale |
# | plausible names, lower accuracy than promised | another model's recipe | scale, colours, size |
# | lower accuracy while only the head trains | BatchNorm that moves | the state dict before and after |
#
# ## Quiz

# %%
QUIZ

# %% [markdown]
# ## Appendix: what trains was decided too early
#
# You unfreeze the backbone, and train on. But what trains was fixed earlier: in PyTorch when the optimiser was made, in
# Keras at the first `fit`.

# %% tags=["plain"]
# timm
known = sum(len(group["params"]) for group in optimizer.param_groups)
timm.utils.unfreeze(at_rest)  # puts BatchNorm back, too
print(f"the optimiser knows {known} of {len(list(at_rest.parameters()))}")

# %% tags=["plain"]
# Keras
backbone.trainable = True
for layer in backbone.layers:  # BatchNorm would move again
    if isinstance(layer, layers.BatchNormalization):
        layer.trainable = False
try:
    by_keras.fit(data[:9], answers[:9], verbose=0)
except ValueError as error:
    print(str(error)[:58], "...")
by_keras.compile(keras.optimizers.SGD(0.001), loss)  # a new optimiser
print(len(by_keras.trainable_weights), "tensors can be trained")

# %% [markdown]
# PyTorch's optimiser goes on with the head alone, and says nothing. Keras complains of an "unknown variable". So first say
# what trains, then make a new optimiser.
#
# ## Appendix: the same names and shapes, another model
#
# timm has two EfficientNet-Lite0s. `tf_efficientnet_lite0` pads as TensorFlow does, where these weights were trained, and
# `efficientnet_lite0` as PyTorch does. Their names and shapes agree, so the weights load, and strictly.

# %% tags=["plain"]
# timm
other = timm.create_model("efficientnet_lite0").eval()
print(other.load_state_dict(lite0.state_dict()))
with torch.no_grad():
    found = other(x)
print(best(found))
print(f"largest difference: {(found - logits).abs().max():.1f}")

# %% [markdown]
# It says cat, but it is another model: padding and epsilon have no names in a state dict. So compare logits, and not the
# answer to one picture.
#
# ## Appendix: the size of a picture in Keras
#
# In Keras the size is your own job. `load_img` squeezes a picture and takes the nearest pixel, unless you say otherwise.

# %% alt="The cat as timm's transform cuts it out; squeezed by Keras' load_img; cut out by load_img with two more words"
# Keras
size = (224, 224)
squeezed = keras.utils.load_img(files[0], target_size=size)
kept = keras.utils.load_img(
    files[0], target_size=size, interpolation="bicubic", keep_aspect_ratio=True
)
as_timm = Image.fromarray(np.uint8(127.5 * (x[0].permute(1, 2, 0) + 1)))
plots.show_grid(
    [as_timm, squeezed, kept],
    ["timm", "Keras, as it comes", "Keras, keep_aspect_ratio"],
    columns=3,
)

# %% [markdown]
# ## Appendix: weights from the internet
#
# With a network, or if you have them already, each library brings its own weights. Set the variable to `True`. (The cell is
# stored without output. Without a network timm and transformers may try for a minute each before they give up.)
# torchvision compares a download with the digits in the file's name. Keras compares those of most models with a checksum,
# and MobileNetV2's with nothing.


# %% tags=["network", "plain"]
# torchvision, timm, transformers, Keras
def from_torchvision(photo):
    weights = models.MobileNet_V2_Weights.DEFAULT
    prepare, model = weights.transforms(), models.mobilenet_v2(weights=weights)
    return model.eval()(prepare(photo)[None])


def from_timm(photo, name="mobilenetv2_100.ra_in1k"):
    model = timm.create_model(name, pretrained=True).eval()
    config = timm.data.resolve_model_data_config(model)
    return model(timm.data.create_transform(**config)(photo)[None])


def from_transformers(photo, name="timm/mobilenetv2_100.ra_in1k"):
    given = AutoImageProcessor.from_pretrained(name)(photo, return_tensors="pt")
    return AutoClassifier.from_pretrained(name)(**given).logits


def from_keras(photo):
    model = MobileNetV2(weights="imagenet", classifier_activation=None)
    pixels = np.asarray(photo.resize((224, 224)), dtype="float32")[None]
    prepare = keras.applications.mobilenet_v2.preprocess_input
    return model.predict(prepare(pixels.copy()), verbose=0)


# %% tags=["network", "plain"]
# torchvision, timm, transformers, Keras
DOWNLOAD = False
ways = (from_torchvision, from_timm, from_transformers, from_keras)

for way in ways if DOWNLOAD else ():
    try:
        print(f"{way.__name__}: {best(way(photos[0]))}")
    except Exception as error:  # each library has errors of its own
        print(f"{way.__name__}: no weights to be had now.", str(error)[:99])
