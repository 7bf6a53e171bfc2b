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
import imagehash
import torch
from torchvision.transforms import v2
from torchvision.transforms.v2.functional import to_pil_image

from course_utils import paths
from course_utils.runtime import pick
from course_utils.data import eval_transform, load_annotations, load_birds
from course_utils.data import load_pairs, load_twins, train_transform
from course_utils.models import preprocessing_for
from course_utils.metrics.intervals import accuracy_interval
from course_utils.training import Features, linear_probe
from course_utils.lessons.meet_the_birds import figures

# %%
from course_utils.notebook import plots
from course_utils.notebook.described import DescribedPicture
from course_utils.notebook.game import name_the_birds
from course_utils.lessons.meet_the_birds import exercises
from course_utils.lessons.meet_the_birds.quiz import QUIZ

# %% [markdown]
# ## 1. The field guide
#
# The species of this course do not exist. A program draws them: so they ship with the course, nobody's copyright is
# in the way, and the truth about every picture is known, down to the place of the eye. Field guides paint their
# plates the same way, all birds in one pose.

# %% alt="A field-guide plate: every species of the course side by side in one pose, each with its name"
DescribedPicture(
    paths.data_dir() / "fieldguide" / "plate.webp",
    alt="The plate of the field guide",
)

# %% [markdown]
# Some of them come in pairs that differ in one [field mark](glossary.md#field-mark) only, as many real species do.
# Below are some pairs as they appear in the pictures. Try to tell the upper one from the lower one before you read the
# captions.

# %% alt="Pairs of look-alike species, one above the other; the caption of each lower bird names the deciding mark"
birds = load_birds(
    "fieldguide", images_per_class=pick(smoke=10, standard=None, full=None)
)
figures.show_look_alikes(birds.val, load_pairs()[:5])

# %% [markdown]
# If you found that hard, so will a network. Everything else may vary from picture to picture: pose, size, light, perch,
# background. Only the mark decides, and it covers a small part of the bird. The mark varies, too: broad and bright in one
# bird, narrow and faint in the next. This is one species.

# %% alt="One species fifteen times: male, female, juvenile, worn plumage, and eleven poses from level to flapping"
DescribedPicture(
    paths.data_dir() / "fieldguide" / "variety.webp",
    alt="Sexes, ages and poses of one species",
    width=700,
)

# %% [markdown]
# A program that draws birds knows where everything is. For each picture a table holds the box around the bird, the places
# of its parts, its sex, age and pose, the weather and the perch.

# %% alt="A bird in a box, the parts that can be seen named: bill, crown, nape, throat, breast, back, wing and others"
notes = load_annotations()
nearest_bird = int(notes.loc[list(birds.val.files), "distance"].argmax())
figures.show_parts(
    birds.val.pixels[nearest_bird], notes.loc[birds.val.files[nearest_bird]]
)

# %% [markdown]
# For each pair there are also twins: one bird, drawn once without its mark and once with it, and not a single other pixel
# changed. How much of the picture is it that must be seen?

# %% alt="The same bird without and with its mark, and the few pixels that differ, outlined"
twin = load_twins(load_pairs()[0].mark)[0]
print(f"{twin.changed.float().mean():.1%} of the pixels differ")
figures.show_twin(twin)

# %% [markdown]
# ## 2. Three splits, three purposes
#
# [Train](glossary.md#train) is to learn from, [val](glossary.md#val) to choose with, [test](glossary.md#test) to report
# from, once. How many pictures has each?

# %%
for images in birds:
    print(images)
print("left out:", birds.left_out or "nothing")

# %% alt="For each species one dot for train, one for val and one for test; the dots form straight vertical lines"
figures.plot_counts(birds)

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
    one, other = (
        transform(birds.train.pixels[0]),
        transform(birds.train.pixels[0]),
    )
    same = torch.equal(one, other)
    print(f"{purpose:10} {tuple(one.shape)}, twice the same: {same}")

# %% [markdown]
# An augmentation makes a promise: *whatever I do to the picture, the label stays true*. Whether it keeps it depends on
# the problem. A mirror image of a bird is the same bird; a mirror image of a letter may be another letter.
#
# Below you can play with some. Look for three things: how small may a crop become before the bird, or its mark, is
# gone? Which of them makes pictures that you would never see outdoors? And which would turn one of the species above into
# another?

# %%
figures.explore_augmentations(birds.train, number=0)

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
order = torch.randperm(len(birds.train), generator=generator)
smuggled = order[: len(birds.val) // 5].tolist()
kept = [i for i in range(len(birds.val)) if i % 5]
copies = birds.train.take(smuggled)
dirty_hashes = [*(birds.val.hashes[i] for i in kept), *copies.hashes]
print(f"{len(dirty_hashes)} pictures, {len(smuggled)} of them smuggled in")


# %% tags=["exercise"] exercise="leaked"
# Exercise 2.1: the positions in test of all pictures whose hash is also in
# train. Both are lists of hashes.
def leaked(train, test):
    return ...


# %% tags=["check"]
exercises.leaked.check(leaked)

# %%
known = set(birds.train.hashes)
print(
    "dirty val:",
    sum(digest in known for digest in dirty_hashes),
    "pictures are also in train",
)
print("real val: ", sum(digest in known for digest in birds.val.hashes))
print("real test:", sum(digest in known for digest in birds.test.hashes))

# %% [markdown]
# All found, and the real splits share nothing. `load_birds` looks for such doubles itself and leaves them out, in
# your own folders, too.
#
# A content hash is exact, and that is its weakness: whoever saves a picture again, a little smaller or brighter,
# changes every byte. A [perceptual hash](glossary.md#hash) forgives that: it says of a picture, in a few bits, how
# light and dark are spread over it. Pictures that look alike differ in few of the bits. The package `imagehash` computes
# several kinds; the one below has 256 bits, so two unrelated pictures differ in about 128.


# %%
def looks(pixels):
    hashes = [
        imagehash.phash(to_pil_image(picture), hash_size=16)
        for picture in pixels
    ]
    return torch.stack([torch.from_numpy(h.hash).flatten() for h in hashes])


def nearest(bits, others):
    """For each picture the other one that differs in the fewest bits."""
    return torch.cdist(bits.float(), others.float(), p=1).min(1)


train_looks = looks(birds.train.pixels)

# %% [markdown]
# Try it on the smuggled copies, brightened and cut, so that no content hash knows them any more.

# %%
altered = v2.functional.adjust_brightness(copies.pixels[..., 6:, 6:], 1.15)
planted = nearest(looks(altered), train_looks)
found = sum(
    i == j for i, j in zip(planted.indices.tolist(), smuggled, strict=True)
)
print(f"{found} of {len(smuggled)} copies are nearest to their original")
print(
    f"bits that differ: {planted.values.median():.0f} in the middle,", end=" "
)
print(f"{planted.values.max():.0f} at most, of 256")

# %% [markdown]
# New bytes, same look: the copies give themselves away. What would they have done to an accuracy? Take the laziest of
# predictors: it remembers all of train and gives each new picture the name of its nearest one there.

# %%
remembered = birds.train.labels[
    nearest(looks(birds.val.pixels), train_looks).indices
]
right = remembered == birds.val.labels
smuggled_right = birds.train.labels[planted.indices] == copies.labels
dirty = torch.cat([right[kept], smuggled_right])
print(f"on the real val {right.float().mean():.1%}")
print(f"on the dirty one {dirty.float().mean():.1%}")

# %% [markdown]
# The difference is not skill. It is the copies, and the more a model can remember, the more they flatter it. And the
# real splits? Take the three test pictures that are nearest to any train picture, and look at them beside their
# neighbours. Are they the same picture?

# %% alt="Three test pictures above the train pictures that look most like them, with the bits that differ"
real = nearest(looks(birds.test.pixels), train_looks)
first = real.values.topk(3, largest=False).indices.tolist()
neighbours = [int(real.indices[i]) for i in first]
figures.show_pairs(
    [
        (birds.test.pixels[i], birds.train.pixels[j])
        for i, j in zip(first, neighbours, strict=True)
    ],
    [
        (f"test {i}", f"train {j}: {real.values[i]:.0f} bits")
        for i, j in zip(first, neighbours, strict=True)
    ],
)

# %% [markdown]
# No number decides this for you. Few bits say *look here*, and your eyes decide. In photos the usual
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


# %% tags=["exercise"] exercise="majority_accuracy"
# Exercise 2.2: the accuracy on val of always naming train's commonest class.
# Both are tensors of labels.
def majority_accuracy(train, val):
    return ...


# %% tags=["check"]
exercises.majority_accuracy.check(majority_accuracy)

# %% [markdown]
# The third needs a [histogram](glossary.md#histogram) of each colour channel: how many of its pixels are dark, less
# dark, ... bright. It forgets every shape.


# %% tags=["exercise"] exercise="colour_histogram"
# Exercise 2.3: picture is uint8 (3, H, W). For each channel, the share of its
# pixels in each of bins equal steps from 0 to 255; return the 3 * bins numbers
# as one tensor.
def colour_histogram(picture, bins):
    return ...


# %% tags=["check"]
exercises.colour_histogram.check(colour_histogram)


# %%
def histogram(picture, bins=16):
    counts = [torch.histc(c.float(), bins, 0, 256) for c in picture]
    return torch.cat(counts) / picture[0].numel()


def histograms(images):
    shares = torch.stack([histogram(picture) for picture in images.pixels])
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
bars = {
    name: (accuracy, *accuracy_interval(accuracy, len(labels)))
    for name, accuracy in accuracies.items()
}
figures.plot_baselines(bars)

# %% [markdown]
# In balanced data majority is no better than chance. Colours get well beyond both, without any idea of what a bird is.
# From now on a network has to beat *colours*; beating chance would prove nothing.
#
# And you? Ten birds, one after the other: name each with the plate from above before your eyes. That is one more
# predictor, and it has learned from one page.

# %% alt="Ten birds to name, numbered; their names stand upside down below"
name_the_birds(birds.val, pairs=load_pairs(), number=10)

# %% [markdown]
# Look at the interval before you are proud or ashamed: ten pictures are few. And look at which birds you missed. Were
# they the pairs?
#
# Which birds can colours not tell apart? Rows are what a bird is, columns what it was named; look-alikes stand side by
# side.

# %% alt="Confusion matrix of the colour classifier: many numbers off the diagonal, the largest within look-alike pairs"
named = classifier.logits(colours["test"].x).argmax(1)
plots.plot_confusion(named, labels, birds.classes)

# %% [markdown]
# Look at the blocks of two along the diagonal. A small mark changes hardly any colour of the whole picture, so within a
# pair colours do only a little better than a coin. That is where networks must show what they are worth.
#
# ## Recap
#
# - Look at pictures of every class, and count them, before anything else.
# - An augmentation promises that the label stays true. Check the promise against *your* labels.
# - Doubles between splits are found by content hash, near-doubles by perceptual hash, and then by looking.
# - Chance, majority and a colour histogram say what is easy. Report them beside every network.
#
# ## Quiz

# %%
QUIZ

# %% [markdown]
# ## Where to go next
#
# [Lesson 3](03_train_from_scratch.ipynb) takes the first flavour, the definition alone, and trains it on these birds.
