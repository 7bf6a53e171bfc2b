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
# # 2. Meet the birds
#
# Whoever trains before looking learns about the data afterwards, from strange results. This lesson looks first: at
# the species, at how the pictures are divided, at what happens to them on the way in, at a leak, and at how far
# one gets without any network. No network is trained here.
#
# **You will learn to**
#
# - look through a data set, its splits and its balance;
# - choose augmentations that leave the label true;
# - find pictures that are in two splits, exact copies and near ones;
# - set honest baselines, so that later numbers mean something.
#
# **You need** lesson 0. No network is needed. **Time**: what the preflight of lesson 0 says.

# %%
import torch
from torch.nn import functional as F
from torchvision.transforms import v2

from course_utils import paths
from course_utils.data import eval_transform, load_birds, load_pairs, train_transform
from course_utils.models import preprocessing_for
from course_utils.runtime import pick
from course_utils.teaching import gallery, plots, widgets
from course_utils.teaching.described import DescribedPicture
from course_utils.teaching.exercises import exploring as exercises
from course_utils.teaching.quizzes.exploring import QUIZ

# %%
from course_utils.training import Features, linear_probe
from course_utils.experiments.results import accuracy_interval

# %% [markdown]
# ## 1. The field guide
#
# The species of this course do not exist. A program draws them: so they ship with the course, nobody's copyright is
# in the way, and the truth about every picture is known, down to the place of the eye. Field guides paint their
# plates the same way, all birds in one pose.

# %% alt="A field-guide plate: every species of the course side by side in one pose, each with its name"
DescribedPicture(paths.data_dir() / "fieldguide" / "plate.webp", alt="The plate of the field guide")

# %% [markdown]
# Some of them come in pairs that differ in one [field mark](glossary.md#field-mark) only, as many real species do.
# Below are some pairs as they appear in the pictures. Try to tell the upper one from the lower one before you read the
# captions.

# %% alt="Pairs of look-alike species, one above the other; the caption of each lower bird names the deciding mark"
birds = load_birds("fieldguide", images_per_class=pick(smoke=10, standard=None, full=None))
gallery.show_look_alikes(birds.val, load_pairs()[:5])

# %% [markdown]
# If you found that hard, so will a network. Everything else may vary from picture to picture: pose, size, light, perch,
# background. Only the mark decides, and it covers a small part of the bird.
#
# ## 2. Three splits, three purposes
#
# [Train](glossary.md#train) is to learn from, [val](glossary.md#val) to choose with, [test](glossary.md#test) to report
# from, once. How many pictures has each?

# %%
for images in birds:
    print(images)
print("left out:", birds.left_out or "nothing")

# %% alt="For each species one dot for train, one for val and one for test; the dots form straight vertical lines"
gallery.plot_counts(birds)

# %% [markdown]
# Straight lines: every species has as many pictures as every other. That is [balanced](glossary.md#balanced), and rare
# outdoors, where a few species fill most of the pictures. In unbalanced data accuracy deceives: naming the commonest
# class every time can look good. Section 5 computes how good.
#
# ## 3. What goes in
#
# A network sees numbers, prepared in one of two ways. For evaluation the same picture always gives the same numbers. For
# training each look is a random view, an [augmentation](glossary.md#augmentation): it makes more of few pictures,
# because the network never meets exactly the same input twice.

# %%
preprocessing = preprocessing_for("efficientnet_lite0")
for purpose, transform in (
    ("evaluation", eval_transform(preprocessing)),
    ("training", train_transform(preprocessing)),
):
    one, other = transform(birds.train.pixels[0]), transform(birds.train.pixels[0])
    print(f"{purpose:10} {tuple(one.shape)}, twice the same: {torch.equal(one, other)}")

# %% [markdown]
# An augmentation makes a promise: *whatever I do to the picture, the label stays true*. Whether it keeps it depends on
# the problem. A mirror image of a bird is the same bird; a mirror image of a letter may be another letter.
#
# Below you can play with some. Look for three things: how small may a crop become before the bird, or its mark, is
# gone? Which of them makes pictures that you would never see outdoors? And which would turn one of the species above into
# another?

# %%
widgets.explore_augmentations(birds.train, number=0)

# %% [markdown]
# This course crops and mirrors, and leaves colours alone: here they are field marks. Turning upside down is harmless to
# the label, but no such picture will ever come, so learning it is wasted effort. Blur destroys just the small
# marks that decide.
#
# ## 4. A leak, planted and found
#
# A [leak](glossary.md#leak) is information about the answers that the model can get at while it learns. The commonest is
# plain: the same picture in train and in val. Then the exam asks what was taught word for word.
#
# Plant one. The next cell makes a dirty copy of val, in which every fifth picture is replaced by one from train, under a
# new name. A [content hash](glossary.md#hash) sees through new names: it depends on the bytes of a file alone.

# %%
generator = torch.Generator().manual_seed(0)
smuggled = torch.randperm(len(birds.train), generator=generator)[: len(birds.val) // 5].tolist()
kept = [i for i in range(len(birds.val)) if i % 5]
copies = birds.train.take(smuggled)
dirty_hashes = [*(birds.val.hashes[i] for i in kept), *copies.hashes]
print(f"{len(dirty_hashes)} pictures, {len(smuggled)} of them smuggled in")


# %% tags=["exercise"] exercise="exploring.leaked"
# Exercise 2.1: the positions in test of all pictures whose hash is also in train. Both are lists of hashes.
def leaked(train, test):
    return ...


# %% tags=["check"]
exercises.leaked.check(leaked)

# %%
known = set(birds.train.hashes)
print("dirty val:", sum(digest in known for digest in dirty_hashes), "pictures are also in train")
print("real val: ", sum(digest in known for digest in birds.val.hashes))
print("real test:", sum(digest in known for digest in birds.test.hashes))

# %% [markdown]
# All found, and the real splits share nothing. `load_birds` looks for such doubles itself and leaves them out, in
# your own folders, too.
#
# A hash is exact, and that is its weakness: whoever saves a picture again, a little smaller or brighter, changes every
# byte. So compare what pictures *look* like: shrink each to 16 x 16 grey pixels, take out its brightness and contrast,
# and see how well two of them agree, from -1 to 1.


# %%
def thumbnail(pixels):
    grey = v2.functional.resize(pixels.float().mean(1, keepdim=True), [16, 16], antialias=True).flatten(1)
    return F.normalize(grey - grey.mean(1, keepdim=True), dim=1)


def agreement(pixels, others):
    return (thumbnail(pixels) @ thumbnail(others).T).max(1)  # for each picture its nearest among the others


altered = v2.functional.adjust_brightness(copies.pixels[:, :, 6:, 6:], 1.15)
planted = agreement(altered, birds.train.pixels)
found = sum(i == j for i, j in zip(planted.indices.tolist(), smuggled, strict=True))
print(f"{found} of {len(smuggled)} brightened, cut copies are nearest to their original")
print(f"their agreement: lowest {planted.values.min():.3f}, in the middle {planted.values.median():.3f}")

# %% [markdown]
# New bytes, same look: the copies give themselves away. What would they have done to an accuracy? Take the laziest of
# predictors: it remembers all of train and gives each new picture the name of its nearest one there.

# %%
nearest_label = birds.train.labels[agreement(birds.val.pixels, birds.train.pixels).indices]
right = nearest_label == birds.val.labels
remembered = birds.train.labels[planted.indices] == copies.labels
dirty = torch.cat([right[kept], remembered])
print(f"on the real val {right.float().mean():.1%}, on the dirty one {dirty.float().mean():.1%}")

# %% [markdown]
# The difference is not skill. It is the copies, and the more a model can remember, the more they flatter it. And the
# real splits? Take the three test pictures that agree best
# with any train picture, and look at them beside their neighbours. Are they the same picture?

# %% alt="Three test pictures above the train pictures that look most like them, with their agreement"
real = agreement(birds.test.pixels, birds.train.pixels)
nearest = real.values.topk(3).indices.tolist()
gallery.show_pairs(
    [(birds.test.pixels[i], birds.train.pixels[real.indices[i]]) for i in nearest],
    [(f"test {i}", f"train {real.indices[i]}: {real.values[i]:.3f}") for i in nearest],
)

# %% [markdown]
# No number decides this for you. A high agreement says *look here*, and your eyes decide. In photos the usual
# culprits are bursts: ten pictures of one bird within a second, shared out among the splits. Then split by burst, not by
# picture.
#
# ## 5. Baselines: what is easy?
#
# A number means something only beside another. Before any network come three simple predictors:
#
# - **chance**: name a species at random;
# - **majority**: always name the species that is commonest in train;
# - **colours**: look at how much of which colour there is, nowhere at where.


# %% tags=["exercise"] exercise="exploring.majority_accuracy"
# Exercise 2.2: the accuracy on val of always naming train's commonest class. Both are tensors of labels.
def majority_accuracy(train, val):
    return ...


# %% tags=["check"]
exercises.majority_accuracy.check(majority_accuracy)

# %% [markdown]
# The third needs a [histogram](glossary.md#histogram) of each colour channel: how many of its pixels are dark, less
# dark, ... bright. It forgets every shape.


# %% tags=["exercise"] exercise="exploring.colour_histogram"
# Exercise 2.3: picture is uint8 (3, H, W). For each channel, the share of its pixels in each of bins equal steps from
# 0 to 255; return the 3 * bins numbers as one tensor.
def colour_histogram(picture, bins):
    return ...


# %% tags=["check"]
exercises.colour_histogram.check(colour_histogram)


# %%
def histograms(images, bins=16):
    rows = [
        torch.cat([torch.histc(channel.float(), bins=bins, min=0, max=256) for channel in picture])
        for picture in images.pixels
    ]
    shares = torch.stack(rows) / images.pixels[0, 0].numel()
    return Features(shares.sqrt(), images.labels, seconds=0.0)


colours = {images.split: histograms(images) for images in birds}
classifier = linear_probe(colours["train"], val=colours["val"])
print("colours, on val:", classifier.evaluate(colours["val"]))

# %% [markdown]
# On top of the histograms sits a plain linear classifier, the same that lesson 4 puts on top of a network's features;
# val has chosen its one setting. (The square root keeps a few large bins from drowning the small ones.) All three are
# ready, so test may be asked, once.

# %% alt="Accuracy on test of chance, majority and colours, each with its interval; colours are clearly ahead"
labels = birds.test.labels
commonest = torch.bincount(birds.train.labels).argmax()
accuracies = {
    "chance": 1 / len(birds.classes),
    "majority": (labels == commonest).float().mean().item(),
    "colours": classifier.evaluate(colours["test"]).accuracy,
}
gallery.plot_baselines({name: (a, *accuracy_interval(a, len(labels))) for name, a in accuracies.items()})

# %% [markdown]
# In balanced data majority is no better than chance. Colours get well beyond both, without any idea of what a bird is.
# From now on a network has to beat *colours*; beating chance would prove nothing.
#
# Which birds can colours not tell apart? Rows are what a bird is, columns what it was named; look-alikes stand side by
# side.

# %% alt="Confusion matrix of the colour classifier: many numbers off the diagonal, above all within look-alike pairs"
plots.plot_confusion(classifier.logits(colours["test"].x).argmax(1), labels, birds.classes)

# %% [markdown]
# Look at the blocks of two along the diagonal. A small mark changes hardly any colour of the whole picture, so within a
# pair colours do only a little better than a coin. That is where networks must show what they are worth.
#
# ## Recap
#
# - Look at pictures of every class, and count them, before anything else.
# - An augmentation promises that the label stays true. Check the promise against *your* labels.
# - Doubles between splits are found by content hash, near-doubles by comparing small versions and then looking.
# - Chance, majority and a colour histogram say what is easy. Report them beside every network.
#
# ## Quiz

# %%
QUIZ

# %% [markdown]
# ## Where to go next
#
# [Lesson 3](03_train_from_scratch.ipynb) takes the first flavour, the definition alone, and trains it on these birds.
