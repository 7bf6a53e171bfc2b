# ---
# jupyter:
#   borrowed_feathers:
#     workload: forward
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 1. Two flavours
#
# Every framework hands you its models in two flavours: the **definition alone**, with random weights, and the
# **definition with pre-trained weights**. The code of the two differs in a single argument. This lesson puts them side by
# side, for three well-known networks, and takes apart what that argument does.
#
# **You will learn to**
#
# - load ResNet-50, VGG16 and EfficientNet-Lite0 as definitions, and with weights;
# - say what a definition, a state dict, a weights enum, its transforms and its categories are;
# - measure what it costs to feed weights an input that they are not used to;
# - freeze a network and replace its last layer, knowing what each line does;
# - read the old `pretrained=True`, and ask of any weights where they come from and what you may do with them.
#
# **You need** lesson 0. No network is needed: the weights of EfficientNet-Lite0 came with the course, those of the two
# others are used where they are on your machine already. **Time**: what the preflight of lesson 0 says.

# %%
import shutil
import tempfile
import warnings
from dataclasses import replace
from pathlib import Path

import timm
import torch
import torchvision.models as models
from skimage import data
from torch import nn

# %%
from course_utils.errors import CourseError
from course_utils.files import sha256
from course_utils.runtime import pick
from course_utils.data import eval_transform, load_birds
from course_utils.models import count_parameters, freeze, head_name
from course_utils.models import imagenet_classes, load_pretrained
from course_utils.models import preprocessing_for, weights_are_here
from course_utils.models.packaged import LITE0, PACKAGED, verified
from course_utils.training import extract_features, linear_probe
from course_utils.notebook import plots
from course_utils.lessons.two_flavours import exercises
from course_utils.lessons.two_flavours.quiz import QUIZ

# %% [markdown]
# ## 1. The definition alone
#
# This is the first flavour, exactly as you will meet it in code. No argument, no download: the function builds the
# layers of ResNet-50 and fills their [weights](glossary.md#weights) with random numbers.

# %% tags=["nbval-check-output"]
model = models.resnet50()
model.fc

# %% [markdown]
# Printing `model` would fill pages. Its last layer, `fc`, shows that it expects 2,048 numbers and gives one
# [logit](glossary.md#logits) for each of a thousand classes. Next, three definitions side by side. EfficientNet-Lite0 comes
# from another library, timm, where a definition is built by name. Before you run the cell: which is largest?

# %% tags=["nbval-check-output"]
torch.manual_seed(0)
definitions = {
    "resnet50": models.resnet50(),
    "vgg16": models.vgg16(),
    "efficientnet_lite0": timm.create_model("tf_efficientnet_lite0"),
}
for name, model in definitions.items():
    total = count_parameters(model).total
    layers = sum(
        isinstance(module, (nn.Conv2d, nn.Linear)) for module in model.modules()
    )
    megabytes = 4 * total / 1e6
    print(f"{name:18} {total:11,} parameters, {megabytes:5.1f} MB,", end=" ")
    print(f"{layers} layers with weights")

# %% [markdown]
# The oldest of them, VGG16, is by far the largest and has the fewest layers. Where are all those numbers? Look at
# its parts.

# %% tags=["nbval-check-output"]
for name, part in definitions["vgg16"].named_children():
    print(f"{name:10} {count_parameters(part).total:11,}")

# %% [markdown]
# Nearly all sit in the last three layers, the `classifier`, which connect everything with everything. Later designs
# dropped them: [depth](glossary.md#depth) is worth more than such width.
#
# ## 2. What "weights" are: the state dict
#
# A model is two things: code that says what happens to the numbers, and the numbers. The numbers live in the
# [state dict](glossary.md#state-dict): a dictionary of names and tensors.

# %% tags=["nbval-check-output"]
state = definitions["resnet50"].state_dict()
print(len(state), "tensors, for instance:")
for name in [
    "conv1.weight",
    "bn1.weight",
    "bn1.running_mean",
    "fc.weight",
    "fc.bias",
]:
    print(f"{name:17} {tuple(state[name].shape)}")

# %% [markdown]
# "Loading weights" means no more than this: take a state dict from a file and copy its numbers into the model's
# tensors of the same names. `load_state_dict` does it, and refuses when the two don't fit. What must fit?


# %% tags=["exercise"] exercise="same_definition"
# Exercise 1.1: do two state dicts (name -> tensor) belong to the same
# definition? Return True or False.
def same_definition(one, other):
    return ...


# %% tags=["check"]
exercises.same_definition.check(same_definition)

# %% tags=["nbval-check-output"]
try:
    models.resnet50(num_classes=16).load_state_dict(state)
except RuntimeError as error:
    print(str(error).replace("\t", "  "))

# %% [markdown]
# A head for sixteen classes can't take the numbers of a head for a thousand. That is why, later, the last layer is
# replaced *after* the weights have been loaded.
#
# ## 3. The weights enum: which numbers, and all about them
#
# One definition can have several published sets of weights. torchvision lists them in an
# [enum](glossary.md#weights-enum), and each entry knows what one must know about it. None of this needs a network: only
# the numbers themselves must be fetched.

# %% tags=["nbval-check-output"]
for weights in models.ResNet50_Weights:
    top1 = weights.meta["_metrics"]["ImageNet-1K"]["acc@1"]
    megabytes = weights.meta["_file_size"]
    print(f"{weights.name}: {top1}% of ImageNet's val named right,", end=" ")
    print(f"{megabytes} MB")
print("DEFAULT is", models.ResNet50_Weights.DEFAULT.name)

# %% [markdown]
# The same definition, two trainings, nearly five points apart: the second set comes from a better
# [recipe](glossary.md#recipe). Three things in an entry are worth knowing: what the outputs mean, what the input
# must look like, and where the file lies.

# %%
weights = models.ResNet50_Weights.DEFAULT
print(
    len(weights.meta["categories"]),
    "categories:",
    weights.meta["categories"][:3],
    "...",
)
print(weights.transforms())
print(weights.url)

# %% [markdown]
# - **categories** give each output its name. Without them, output 967 is a number; with them it is *espresso*.
# - **transforms** bring a picture into the form these weights were trained with.
# - the **url** ends in the first eight digits of the file's [hash](glossary.md#hash).
#
# ## 4. The definition with pre-trained weights
#
# The second flavour, exactly as you will meet it, differs in one argument:
#
# ```python
# model = models.resnet50(weights=models.ResNet50_Weights.DEFAULT)     # or weights="DEFAULT"
# ```
#
# Run like this, torchvision looks for the file in a folder of its own, and downloads it if it is not there. Set the
# switch below to `True` if you are online and want ResNet-50 and VGG16, too (VGG16 is a large file). Otherwise the cell
# takes what is on your machine; EfficientNet-Lite0 always is.

# %%
DOWNLOAD = False

pretrained = {
    name: load_pretrained(name).eval()
    for name in definitions
    if DOWNLOAD or weights_are_here(name)
}
for name in definitions:
    without = "definition only: weights not here"
    print(f"{name:18} {'with weights' if name in pretrained else without}")

# %% [markdown]
# `load_pretrained` is the course's door to both libraries: it does what the line above does, for all models alike, and
# checks the file's hash first.
#
# What does each say of the same photo? First the definitions. What would you expect of random numbers?


# %%
def answers(model, name, photo, k=3):
    transform = eval_transform(preprocessing_for(name))
    with torch.no_grad():
        logits = model.eval()(transform(photo).unsqueeze(0))[0]
    shares, places = logits.softmax(0).topk(k)
    names = [imagenet_classes()[place] for place in places]
    return list(zip(names, shares.tolist(), strict=True))


# %% alt="A cup of coffee; each of three definitions names it at random, some of them with large shares"
photo = torch.from_numpy(data.coffee()).permute(2, 0, 1)
plots.show_answers(
    photo, {name: answers(m, name, photo) for name, m in definitions.items()}
)

# %% [markdown]
# Names at random. Look at the shares, too: an even spread over a thousand names would give each a tenth of a percent,
# and some definitions come near that. Others seem sure of their nonsense: in a deep network with random weights the
# numbers can grow from layer to layer, until one logit towers above the rest. A high share is no sign of knowledge.
#
# Then the same definitions with weights, those that are here.

# %% alt="The same cup of coffee; with pre-trained weights the answer is espresso, with nearly all of the belief"
plots.show_answers(
    photo, {name: answers(m, name, photo) for name, m in pretrained.items()}
)

# %% [markdown]
# Same code, other numbers. You can also *see* the difference, because the filters of the first layer look at red, green
# and blue directly. Grey stands for a weight of zero.

# %% alt="First-layer filters: noise in the definition; edges in several directions and colours with weights"
name = "efficientnet_lite0"
plots.show_filters(
    {
        "definition: random": definitions[name].conv_stem.weight.detach(),
        "with weights": pretrained[name].conv_stem.weight.detach(),
    }
)

# %% [markdown]
# On the left noise; on the right little detectors of edges, spots and colours, 3 x 3 pixels each. Nobody drew
# these. They are what looking at a million photos leaves in
# the first layer, and they serve birds as well as coffee.
#
# ## 5. The input belongs to the weights
#
# ResNet-50's transforms subtract one mean for each channel, Lite0's another. Such a
# [normalisation](glossary.md#normalisation) looks like a detail. Write it once yourself, then see what it is worth.


# %% tags=["exercise"] exercise="normalise"
# Exercise 1.2: pixels is uint8 (3, H, W). Bring it to 0..1, then subtract each
# channel's mean and divide by its std. mean and std are tuples of three
# numbers, made for values from 0 to 1.
def normalise(pixels, mean, std):
    return ...


# %% tags=["check"]
exercises.normalise.check(normalise)

# %% [markdown]
# There are no ImageNet photos in this course, so the damage is measured on the birds. A [linear
# probe](glossary.md#linear-probe), a small classifier on top of the frozen network, learns the species from rightly
# prepared training pictures. Then it must name val pictures that were prepared rightly, or wrongly in one of the ways
# that happen in practice. Which mistake will cost most?

# %%
number = pick(smoke=2, standard=20, full=None)
birds = load_birds("fieldguide", images_per_class=number)
side = pick(smoke=96, standard=224, full=224)
right = preprocessing_for("efficientnet_lite0", image_size=side)
resnet = preprocessing_for("resnet50")
preparations = {
    "right: mean and std 0.5": right,
    "ResNet-50's mean and std": replace(
        right, mean=resnet.mean, std=resnet.std
    ),
    "no normalisation, 0 to 1": replace(right, mean=(0.0,) * 3, std=(1.0,) * 3),
    "pictures half as large": right.at(right.crop_size // 2),
}

# %%
backbone = freeze(load_pretrained("efficientnet_lite0"))
train = extract_features(
    backbone, birds.train, preprocessing=right, cache=False
)
val = {
    how: extract_features(backbone, birds.val, preprocessing=p, cache=False)
    for how, p in preparations.items()
}
swapped = replace(birds.val, pixels=birds.val.pixels.flip(1))
val["blue, green, red"] = extract_features(
    backbone, swapped, preprocessing=right, cache=False
)

# %%
probe = linear_probe(train, val=val["right: mean and std 0.5"])
truth = backbone.classifier(val["right: mean and std 0.5"].x).argmax(1)
for how, features in val.items():
    same = (backbone.classifier(features.x).argmax(1) == truth).float().mean()
    accuracy = probe.evaluate(features).accuracy
    print(f"{how:26} species right {accuracy:6.1%},", end=" ")
    print(f"ImageNet name kept {same:6.1%}")

# %% [markdown]
# The last mistake is common with OpenCV, which reads a picture's channels in the order blue, green, red.
#
# The first number is the accuracy on the species in val; the second says for how many pictures the network keeps its
# first choice among ImageNet's thousand names. (Val has chosen the probe's one setting, so the first row is a touch too
# good; the differences between the rows are the point.) No cell complained. The shapes fit, the numbers flow, and the
# answers are quietly worse. **Take the transforms from the weights**, always.
#
# ## 6. Freeze, look, replace
#
# To use borrowed weights on classes of your own, you will meet these lines everywhere:
#
# ```python
# for param in model.parameters():
#     param.requires_grad = False                        # 1
# num_features = model.fc.in_features                    # 2
# model.fc = nn.Linear(num_features, num_classes)        # 3
# ```
#
# 1. **Freeze**: no parameter gets a [gradient](glossary.md#gradient), so no training step will move it.
# 2. **Look**: how many numbers arrive at the last layer, the [head](glossary.md#head)?
# 3. **Replace**: put a new head there, with one output for each of your classes. A new layer trains by default.
#
# The lines work the same on a definition, so you can try them without any download.

# %% tags=["nbval-check-output"]
model = definitions["resnet50"]
for param in model.parameters():
    param.requires_grad = False
num_features = model.fc.in_features
model.fc = nn.Linear(num_features, 16)
print(count_parameters(model))

# %% [markdown]
# With random weights this would be pointless: the head would learn from what a random network makes of a picture. With
# pre-trained weights it is the first step of lesson 4.
#
# One trap is hidden in line 3. `fc` is what *ResNet* calls its head. VGG16 has no `fc`; its last layer is the last
# entry of `classifier`.


# %% tags=["exercise"] exercise="new_head"
# Exercise 1.3: freeze a network built like VGG16, give it a new last layer with
# num_classes outputs and return it.
def new_head(model, num_classes):
    return ...


# %% tags=["check"]
exercises.new_head.check(new_head)

# %% [markdown]
# So the first question to any model is: where is the head? Its last linear layer is the answer for nearly all of them.
# `head_name` of the course finds it. Models built on PyTorch's `meta` device have names and shapes but no numbers,
# so looking costs no memory.

# %% tags=["nbval-check-output"]
for name in ("resnet50", "vgg16", "densenet121", "convnext_tiny", "vit_b_16"):
    with torch.device("meta"):
        model = models.get_model(name)
    print(f"{name:14} model.{head_name(model)}")

# %% [markdown]
# Behind the point stands the path to the layer. `classifier.6` is written `model.classifier[6]` in code: a
# `Sequential` numbers its layers.
#
# ## 7. Old code: `pretrained=True`
#
# Before 2022 the second flavour read like this, and many tutorials still say so:
#
# ```python
# model = models.resnet50(pretrained=True)
# ```
#
# The next cell uses the old argument with `False`, which needs no download, and catches what PyTorch says.

# %%
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    models.resnet18(pretrained=False)
for warning in caught:
    print("-", warning.message)

# %% [markdown]
# How to read it:
#
# | old | means today |
# |---|---|
# | `models.resnet50()` or `pretrained=False` | `models.resnet50(weights=None)`: the definition alone |
# | `models.resnet50(pretrained=True)` | `models.resnet50(weights=ResNet50_Weights.IMAGENET1K_V1)` |
# | (had no counterpart) | `models.resnet50(weights="DEFAULT")`: the best set there is now |
#
# `True` never meant the best weights, but the *first* ones. Whoever replaces it by `"DEFAULT"` changes results, mostly
# for the better; whoever wants to repeat old results writes `IMAGENET1K_V1`.
#
# ## 8. Where do these numbers come from?
#
# A weights file is a download from somebody, and it decides what your program says. Three questions are due.
#
# **Is it the file that was published?** A [hash](glossary.md#hash) is a fingerprint of a file's bytes. The course
# knows the fingerprint of Lite0's file and compares. Watch what a single changed byte does.

# %%
published = PACKAGED[LITE0]
with tempfile.TemporaryDirectory() as folder:
    copy = Path(shutil.copy(published.file(), folder))
    as_published = sha256(copy) == published.sha256
    print("original:", sha256(copy)[:16], "as expected:", as_published)
    content = bytearray(copy.read_bytes())
    content[len(content) // 2] ^= 1
    copy.write_bytes(content)
    try:
        verified(copy, published.sha256)
    except CourseError as error:
        print(str(error).replace(folder, "...").replace(". ", ".\n"))

# %% [markdown]
# **Can the file do anything else than hold numbers?** The older format, Python's *pickle*, can run code when it is
# loaded. `torch.load(file, weights_only=True)` refuses that, and *safetensors* can't hold code at all. Prefer both to
# a bare `torch.load` of a stranger's file.
#
# **What may you do with it?** Three licences meet in one file, and they need not agree: that of the *code* (torchvision:
# BSD-3-Clause; timm: Apache-2.0), that of the *weights*, which some publishers restrict to research, and the terms of
# the *pictures* they were trained on: ImageNet's were handed out for non-commercial research and education. What the
# last means for weights is disputed. For a product, ask somebody who knows the law where you live.
#
# ## 9. Three uses of the second flavour
#
# | use | what trains | where in this course |
# |---|---|---|
# | **production**: the model as it is, for the classes it knows | nothing | lesson 0, and section 4 here |
# | **feature extraction**: it describes pictures, a small classifier learns from that | the new head | section 5; lesson 4 |
# | **[fine-tuning](glossary.md#fine-tuning)**: the weights are where training starts | the head and more | lesson 4 |
#
# The last two are called [transfer learning](glossary.md#transfer-learning). The first flavour, the definition alone,
# has one use: all of it trains, on your pictures only. That is lesson 3, and lesson 5 asks which of them pays when.
#
# ## Recap
#
# - A definition is code; a state dict holds its numbers by name. Loading copies one into the other, if names and shapes
#   fit.
# - The two flavours differ in one argument: `weights=None` or `weights=...`. Old code says `pretrained=True` and means
#   the first published weights.
# - Categories and transforms belong to the weights. A wrong transform raises no error, only the number of mistakes.
# - Freeze, look, replace; and look where the model keeps its head.
#
# ## Quiz

# %%
QUIZ

# %% [markdown]
# ## Where to go next
#
# [Lesson 2](02_meet_the_birds.ipynb) looks at the pictures that both flavours will learn from, and at how they can
# deceive you.
