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
# # 0. Start here
#
# Somebody has trained a neural network on more than a million photos, and gives it away. In a minute it will tell you
# what is in a photo, on your own machine and offline.
#
# **You will learn to**
#
# - run a notebook, and an exercise that checks itself;
# - let a pre-trained model tell you what is in a photo, in five steps;
# - read its answer with some doubt;
# - try it on a photo of your own;
# - estimate how long a training will take on your machine.
#
# **You need** a little Python. **Time**: about half an hour for you; the computer works for less than a minute of it.
# Words in links, such as [tensor](glossary.md#tensor), lead to the [glossary](glossary.md).
#
# ## 1. What is in this photo?
#
# A notebook is a list of cells: text like this, and code. Click into a code cell and press Shift + Enter: it runs, and
# its result appears below it. Run the cells from top to bottom, because each may use what earlier ones made.
#
# The first two code cells are folded. They install the course if it is missing, and prepare what draws pictures and
# checks exercises. Run them, too. If the first one complains, do what it says; if the second does, type `course doctor`
# into a terminal, which says what is missing.

# %% tags=["hide-input"]
# @title What draws pictures and checks exercises
from pathlib import Path

import skimage

from course_utils import paths
from course_utils.runtime import pick
from course_utils.models.packaged import weights_file
from course_utils.notebook import plots, preflight
from course_utils.lessons.start_here import exercises, figures
from course_utils.lessons.start_here.quiz import QUIZ

WEIGHTS = str(weights_file())  # a file with the pre-trained weights
PHOTOS = Path(skimage.__file__).parent / "data"  # a folder with photos
BIRDS = paths.data_dir() / "fieldguide"  # the course's own pictures
print("Ready.")

# %% [markdown]
# Now the libraries that do the work: PyTorch (`torch`), and `timm`, a collection of models for it. Pillow (`PIL`) opens
# pictures. The model has learned a thousand names from [ImageNet](glossary.md#imagenet), a large collection of labelled
# photos. torchvision, PyTorch's library for pictures, has the list of these names with another model, ResNet-50, which
# learned from the same photos.

# %% tags=["plain"]
import timm
import torch
from PIL import Image, ImageOps
from torchvision.models import ResNet50_Weights

names = ResNet50_Weights.DEFAULT.meta["categories"]
print(len(names), "names, for instance", names[1], "and", names[949])

# %% [markdown]
# Here is the whole thing, in five steps. Guess what each is for before you read on.

# %% tags=["plain"]
photo = Image.open(PHOTOS / "coffee.png").convert("RGB")

weights_here = {"file": WEIGHTS}  # without it, timm would download them
model = timm.create_model(  # 1
    "tf_efficientnet_lite0",
    pretrained=True,
    pretrained_cfg_overlay=weights_here,
).eval()
config = timm.data.resolve_model_data_config(model)  # 2
transform = timm.data.create_transform(**config)
with torch.no_grad():  # 3
    logits = model(transform(photo).unsqueeze(0))[0]  # 4
shares, places = logits.softmax(0).topk(5)  # 5
for share, place in zip(shares, places, strict=True):
    print(f"{share:6.1%}  {names[place]}")

# %% alt="A cup of coffee, and bars of what the model calls it: espresso far ahead of everything else"
answer = [(names[i], s.item()) for s, i in zip(shares, places, strict=True)]
plots.show_answers(photo, {"The model says": answer})

# %% [markdown]
# Nobody told this program what an espresso looks like. It has learned that from labelled photos. Step by step:
#
# 1. `create_model` builds the network EfficientNet-Lite0 and fills in its [pre-trained
#    weights](glossary.md#pre-trained-weights), from a file on your machine. `.eval()` makes it ready to answer: some
#    layers behave differently while a network trains.
# 2. `config` says what input these weights are used to: size, brightness and so on. From that comes the
#    [transform](glossary.md#transform), which turns a photo into such an input: a [tensor](glossary.md#tensor) of
#    numbers in three channels (red, green, blue). (`**config` hands over the entries of a dictionary as arguments.)
# 3. `no_grad` says: do not keep what only a training would need. That saves memory and time.
# 4. The model takes a *batch* of pictures. `unsqueeze(0)` makes a batch of one, and `[0]` takes the one answer out
#    again. The answer is a thousand [logits](glossary.md#logits), one for each name. Logits can be any numbers; the
#    largest belongs to the model's first choice.
# 5. [Softmax](glossary.md#softmax) turns logits into shares that add up to one, and `topk(5)` gives the five largest
#    shares with their places in the list of names.
#
# People often call these shares *probabilities*. This course says *share*, because it has not checked how often a name
# with such a share is right.
#
# **Change one thing and run again**: write `"astronaut.png"` instead of `"coffee.png"` in the cell with the numbered
# lines, then run that cell and the next one. *Astronaut* is not among the thousand names. What does the model do about
# it? (Section 4 comes back to this.)
#
# ## 2. Sure of the cat, unsure of the kind
#
# The same lines as a function, and a second photo. Both photos come with the library scikit-image, and their
# photographers put them into the public domain (CC0).


# %% tags=["plain"]
def name_photo(photo, k=5):
    """The k names with the largest shares, best first."""
    with torch.no_grad():
        logits = model(transform(photo).unsqueeze(0))[0]
    shares, places = logits.softmax(0).topk(k)
    return [(names[i], s.item()) for s, i in zip(shares, places, strict=True)]


cat = Image.open(PHOTOS / "chelsea.png").convert("RGB")
print("first choice:", name_photo(cat)[0][0])

# %% alt="A tabby cat, and bars of what the model calls it: three kinds of cats share nearly all of the whole"
plots.show_answers(cat, {"The model says": name_photo(cat)})

# %% [markdown]
# No name gets even half. But the first three are all kinds of small cats. How sure is the model that this is one of
# these cats? Shares of several names can be added. (`.item()` makes a Python number of a tensor that holds one number;
# you may return either.)
#
# Here is your first exercise. Replace the dots, run the cell, then run the check below it. A check breaks nothing: ask
# as often as you like. When you are stuck, write `exercises.group_share.hint()` into a new cell; `.solution()` shows
# one way to do it.


# %% tags=["exercise", "plain"] exercise="group_share"
# Exercise 0.1: which share do the names in group have together? logits is a
# tensor with one number for each of names; return one number from 0 to 1.
def group_share(logits, names, group):
    return ...


# %% tags=["check"]
exercises.group_share.check(group_share)

# %% [markdown]
# The next cell uses your function. If it is not right yet, the course's own takes its place, so that you can go on.

# %% tags=["plain"]
share_of = exercises.group_share.use(group_share)
with torch.no_grad():
    cat_logits = model(transform(cat).unsqueeze(0))[0]
for group in (["tabby", "tiger cat", "Egyptian cat"], ["espresso", "cup"]):
    print(f"{share_of(cat_logits, names, group):.1%}", " or ".join(group))

# %% [markdown]
# The model is sure of the cat and unsure of the kind. The border between *tabby* and *tiger cat* is unclear to people
# as well.
#
# ## 3. Your own photo
#
# Write the path of a photo on your computer (JPEG or PNG) into the next cell, in quotes and with forward slashes, and
# run it. As it stands, it takes a photo of a rocket. On Colab use the button below instead. (What a cell shows is saved
# in the notebook: before you give the notebook away, think of the photo.)

# %% alt="A rocket on its launch pad, and bars of what the model calls it: missile first, then projectile, none of them high"
MY_PHOTO = PHOTOS / "rocket.jpg"  # or "D:/photos/garden.jpg"
mine = ImageOps.exif_transpose(Image.open(MY_PHOTO)).convert("RGB")  # upright
plots.show_answers(mine, {"The model says": name_photo(mine)})

# %% [markdown]
# Or choose a photo with this button. It goes to the computer that runs this notebook (on Colab, Google's), and nowhere
# else.

# %%
figures.upload_photo(name_photo)

# %% [markdown]
# Some things worth trying: a thing half hidden; the same thing from above; a drawing; a photo of a photo.
#
# ## 4. Where it must fail
#
# The birds of this course do not exist: a program draws them. This one is called *Ashen Duskling*. What will the model
# say?

# %% alt="A drawn bird in flight, and bars of what the model calls it: kite is far ahead of everything else"
file = BIRDS / "val" / "Ashen_Duskling" / "ashen_duskling_val_000.webp"
bird = Image.open(file).convert("RGB")
print("Is Ashen Duskling among the names?", "Ashen Duskling" in names)
plots.show_answers(bird, {"The model says": name_photo(bird)})

# %% [markdown]
# *Kite* (a bird of prey), it says, with a large share. It is wrong, it sounds confident, and nothing warns you. The
# right name is not among its thousand, and a classifier can't say "something else": it divides the whole among the
# names that it has. For the astronaut all shares are low, which may warn you. But the cat's first name had a low share,
# too, and was not far off. So neither a high nor a low share is proof.
#
# Is what it has learned from photos of any use for such a bird? Lesson 1 tries: there you teach it this bird's name.
#
# ## 5. Your machine, and your time
#
# The *device* is what computes: a processor (CPU) is enough for every lesson; a graphics card (CUDA) or Apple's chip
# (MPS) is faster. The *precision* says how many bits a number gets. Some processors train faster with 16 bits
# ([bf16](glossary.md#bf16)); the course tries it and takes it where it is clearly faster, otherwise 32 (fp32). The
# [profile](glossary.md#profile) says how much work the lessons do.

# %%
about = preflight.machine()
for name in ("device", "precision", "profile"):
    print(f"{name:10} {about[name]}")

# %% [markdown]
# Training fills most of the computing time in this course: training a network from scratch (from random weights), and
# [fine-tuning](glossary.md#fine-tuning) one that has learned before. The next cell tries a little of both and counts
# pictures a second. (*Scratch* trains another network, ResNet-18, on smaller pictures.)

# %%
speeds = preflight.measure(batches=pick(smoke=1, standard=2, full=8))
for work in ("scratch", "fine_tune"):
    print(f"{speeds[work]:7.1f} pictures a second: {work}")

# %% [markdown]
# The work in each lesson was counted beforehand. From that and your speeds come the minutes of your computer. The
# minutes of a person (reading, running cells, exercises) are an estimate from the lesson's length.

# %%
preflight.predict(speeds)

# %% [markdown]
# You can make such an estimate for any training, and you should make it *before* you start. In an
# [epoch](glossary.md#epoch) the model sees each training picture once. *Overhead* is what happens once, however long
# the training is: starting, and reading the pictures if all of them fit into memory.


# %% tags=["exercise", "plain"] exercise="minutes"
# Exercise 0.2: how many minutes does a training take that shows each of the
# pictures once an epoch?
def minutes(pictures, epochs, pictures_per_second, overhead_seconds):
    return ...


# %% tags=["check"]
exercises.minutes.check(minutes)

# %%
minutes_of = exercises.minutes.use(minutes)
for work in ("scratch", "fine_tune"):
    hours = minutes_of(10_000, 30, speeds[work], 60) / 60
    print(f"10,000 pictures, 30 epochs, {work}: {hours:.1f} hours here")

# %% [markdown]
# On a processor that takes from one hour to many, or longer where each epoch must read the pictures again. And this is
# still a small data set. Lesson 4 shows a faster way.
#
# ## Recap
#
# - A pre-trained model is five steps away: weights, transform, `no_grad`, the model, the best names.
# - It gives a logit for each name that it knows, and softmax makes shares of them. A high share is no proof, and "none of
#   these" is not among the answers.
# - Time is pictures times epochs over speed, plus overhead. Estimate it before you train.
#
# ## Quiz
#
# Choose an answer and it says why it is right, or what to think about again.

# %%
QUIZ

# %% [markdown]
# ## Where to go next
#
# [Lesson 1](01_two_flavours.ipynb) opens the box: what is a definition, what are weights, and how do you get the one
# without the other?
