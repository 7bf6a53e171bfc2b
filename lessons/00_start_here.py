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
# Somebody has trained a network on more than a million photos and gives the result away. Within a few
# minutes you will have it name what is in a photo, on your own machine and without a network. Before that, you
# find out what your machine is and how long each lesson will take on it.
#
# **You will learn to**
#
# - run a notebook, and an exercise that checks itself;
# - say what your machine offers, and estimate how long a training will take;
# - have a pre-trained model name what is in a photo, and read its answer with some doubt;
# - try it on a photo of your own.
#
# **You need** a little Python. **Time**: mostly reading; the longest cell runs for some seconds. Words in links, such as
# [tensor](glossary.md#tensor), lead to the [glossary](glossary.md).
#
# ## 1. How a notebook works
#
# A notebook is a list of cells: text like this, and code like the next one. Click into a code cell and press
# Shift + Enter: it runs, and its result appears below. Run the cells from top to bottom, because each may use what
# earlier ones made. If things get muddled, choose *Restart kernel* in the menu and begin again at the top.

# %%
import torch
from skimage import data

from course_utils.runtime import pick
from course_utils.data import eval_transform, load_birds
from course_utils.models import imagenet_classes, load_pretrained
from course_utils.models import preprocessing_for
from course_utils.notebook import plots, preflight
from course_utils.lessons.start_here import exercises, figures
from course_utils.lessons.start_here.quiz import QUIZ

# %% [markdown]
# Nothing appeared? Good: an import that works says nothing. If it complained instead, type `course doctor` into a
# terminal; it says what is missing and how to fix it.
#
# ## 2. What this course runs on
#
# The next cell looks at your machine. The *device* is what computes: a CPU is enough for every lesson; a graphics card
# (CUDA) or Apple's chip (MPS) makes them faster. The *precision* says how many bits a number gets. Some processors
# train faster with 16 bits ([bf16](glossary.md#bf16)), others slower, so a small training step was just timed in both.

# %%
for name, value in preflight.machine().items():
    print(f"{name:18} {value}")

# %% [markdown]
# ## 3. How long will it take here?
#
# Three kinds of work fill most of the time in this course: training a network from scratch, asking one for its
# answer, and fine-tuning one. The next cell does a little of each and counts pictures. Which of the three do you
# expect to be the fastest?

# %%
speeds = preflight.measure(batches=pick(smoke=1, standard=4, full=8))
for name, speed in speeds.items():
    print(f"{speed:7.1f} pictures a second: {preflight.WORKLOADS[name].says}")

# %% [markdown]
# The last two use the same network on pictures of the same size. Asking is cheaper than training, because training must
# also find out how each weight should move. On a machine that is busy with other things all three swing widely: then
# run the cell again.
#
# How much work each lesson is was counted beforehand. Divided by your speeds, that gives your minutes. They do not
# contain the time you spend reading, thinking and solving exercises, which is longer.

# %%
preflight.predict(speeds)

# %% [markdown]
# The estimate holds for the machine as it is now. A browser with many tabs or a laptop on battery changes it.
#
# You can make such an estimate for any training, and you should, *before* you start it. Here is your first exercise.
# Replace the dots, run the cell, then run the check below it. A check never breaks anything: ask as often as you
# like. When you are stuck, write `exercises.minutes.hint()` into a new cell; `.solution()` shows one way to do it.


# %% tags=["exercise"] exercise="minutes"
# Exercise 0.1: how many minutes does a training take that shows each of the
# pictures once an epoch?
def minutes(pictures, epochs, pictures_per_second, overhead_seconds):
    return ...


# %% tags=["check"]
exercises.minutes.check(minutes)

# %% [markdown]
# ## 4. The first win: what is in this photo?
#
# A few lines do it. Guess what each is for before you read on.

# %%
model = load_pretrained("efficientnet_lite0").eval()
transform = eval_transform(preprocessing_for("efficientnet_lite0"))
photo = torch.from_numpy(data.coffee())  # uint8 (height, width, 3)
photo = photo.permute(2, 0, 1)  # uint8 (3, height, width)
with torch.no_grad():
    logits = model(transform(photo).unsqueeze(0))[0]

place = logits.argmax().item()
print(f"{len(logits)} numbers; the largest, {logits.max():.1f},", end=" ")
print(f"stands at place {place}")
print("place", place, "is called", imagenet_classes()[place])

# %% [markdown]
# Line by line:
#
# 1. `load_pretrained` builds the network EfficientNet-Lite0 and fills in its
#    [pre-trained weights](glossary.md#pre-trained-weights), which came with the course. `.eval()` says: you are here to
#    answer, not to learn.
# 2. The [transform](glossary.md#transform) brings a picture into the form these weights are used to.
# 3. The photo comes with the library scikit-image; Rachel Michetti, who took it, put it in the public domain (CC0), as
#    did the photographer of the cat below. It becomes a [tensor](glossary.md#tensor): three channels, red,
#    green and blue, of numbers from 0 to 255.
# 4. The model takes a *batch* of pictures, so `unsqueeze(0)` makes a batch of one. It answers with a thousand
#    [logits](glossary.md#logits), one for each name it knows: the thousand classes of [ImageNet](glossary.md#imagenet).
#
# Logits can be any numbers. [Softmax](glossary.md#softmax) turns them into shares that add up to one.


# %% tags=["exercise"] exercise="top_names"
# Exercise 0.2: the k best names with their shares, best first, as a list of
# (name, share). logits is a tensor with one number for each of names.
def top_names(logits, names, k):
    return ...


# %% tags=["check"]
exercises.top_names.check(top_names)


# %% [markdown]
# The next cell writes the same thing out once more, so that the lesson goes on whether or not you have solved it.


# %%
def name_photo(photo, k=5):
    with torch.no_grad():
        logits = model(transform(photo).unsqueeze(0))[0]
    shares, places = logits.softmax(0).topk(k)
    names = [imagenet_classes()[place] for place in places]
    return list(zip(names, shares.tolist(), strict=True))


# %% alt="A cup of coffee, and bars of what the model calls it: espresso far ahead of everything else"
plots.show_answers(photo, {"EfficientNet-Lite0 says": name_photo(photo)})

# %% [markdown]
# Nobody told this program what an espresso looks like; it learned that from labelled photos. Try a harder one, a cat.

# %% alt="A tabby cat, and bars of what the model calls it: three kinds of cats share nearly all of its belief"
cat = torch.from_numpy(data.chelsea()).permute(2, 0, 1)
plots.show_answers(cat, {"EfficientNet-Lite0 says": name_photo(cat)})

# %% [markdown]
# It is sure of the cat and unsure of the kind. ImageNet's classes are fine-grained where its makers cared, above all
# in dogs, and the border between *tabby* and *tiger cat* is unclear to people as well.
#
# ## 5. Where it must fail
#
# Now an astronaut. Write down what you expect, then run the cell.

# %% alt="An astronaut in an orange suit, and bars of wrong names such as football helmet, none of them high"
astronaut = torch.from_numpy(data.astronaut()).permute(2, 0, 1)
print("Is astronaut among the names?", "astronaut" in imagenet_classes())
plots.show_answers(
    astronaut, {"EfficientNet-Lite0 says": name_photo(astronaut)}
)

# %% [markdown]
# None of the thousand names is *astronaut*. A classifier can't say "something else": it divides its belief among the
# names that it has. The shares are lower this time, but that is no reliable alarm. Keep this in mind whenever a model
# meets pictures that it was not made for.
#
# And so to the birds. The course has its own, drawn by a program, of species that do not exist.

# %% alt="A drawn bird on its perch, and bars of what the model calls it: names of real birds and other things"
birds = load_birds("fieldguide").val
print(
    "The field guide calls it:", plots.readable(birds.classes[birds.labels[0]])
)
plots.show_answers(
    birds.pixels[0], {"EfficientNet-Lite0 says": name_photo(birds.pixels[0])}
)

# %% [markdown]
# The right name is not among its thousand, so it divides its belief among others. Its knowledge of beaks, feathers and
# twigs is there all the same. Teaching it *your* names is called [fine-tuning](glossary.md#fine-tuning), and is what
# lesson 4 is about.
#
# ## 6. Your own photo
#
# Choose any photo on your computer. It is looked at by this notebook and goes nowhere else.

# %%
figures.upload_photo(name_photo)

# %% [markdown]
# Some things worth trying: a thing half hidden; the same thing from above; a drawing; a photo of a photo; something
# that is surely not among the thousand names.
#
# ## Recap
#
# - A pre-trained model is a few lines away, and works without a network once its weights are on your machine.
# - It answers with a logit for each name that it knows; softmax makes shares of them. A high share is no proof, and
#   "none of these" is not among the answers.
# - Time is pictures times epochs over speed. Estimate before you train.
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
