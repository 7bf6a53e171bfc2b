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
# Look at your data before you train on it. Otherwise you learn about it later, from strange results. This lesson looks
# at the species, at the three splits, at what happens to a picture on its way into a model, at a leak, and at how far
# simple predictors get.
#
# **You will learn to**
#
# - look through a data set and its splits;
# - choose augmentations that leave the label true;
# - find pictures that are in two splits, exact copies and near ones;
# - set honest baselines, so that later numbers mean something.
#
# **You need** [lesson 0](00_start_here.ipynb) and [lesson 1](01_two_flavours.ipynb). **Time**: about forty minutes; the
# computer works for less than a minute of it. It works offline.

# %% tags=["hide-input"]
# @title What draws pictures and checks exercises
from course_utils import paths
from course_utils.notebook import plots
from course_utils.notebook.described import DescribedPicture
from course_utils.lessons.meet_the_birds import exercises, figures
from course_utils.lessons.meet_the_birds.quiz import QUIZ

BIRDS = paths.data_dir() / "fieldguide"  # the course's own pictures
print("Ready.")

# %% tags=["plain"]
import hashlib
from pathlib import Path

import imagehash
import torch
from PIL import Image
from torch import nn
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

# %% [markdown]
# ## 1. The field guide
#
# The species of this course do not exist: a program draws them. So they come with the course under a free licence, and
# the truth about every picture is known. The first page shows them all. The second shows one species as male and
# female, young and in worn plumage, and in many poses. Then comes one of the pictures: a table has the box around each
# bird, and the places of its parts.

# %% alt="A field-guide plate: every species of the course side by side in one pose, each with its name"
DescribedPicture(BIRDS / "plate.webp", alt="The plate of the field guide")

# %% alt="One species fifteen times: male, female, juvenile, worn plumage, and eleven poses from level to flapping"
DescribedPicture(
    BIRDS / "variety.webp", alt="One species in many poses", width=700
)

# %% alt="A bird in a box, the parts that can be seen named: bill, crown, nape, throat, breast, back, wing and others"
figures.show_parts("val/Ringed_Duskling/ringed_duskling_val_012.webp")

# %% [markdown]
# Seven pairs differ in one [field mark](glossary.md#field-mark) only, more strictly than most real look-alikes do. The
# next cells read the pictures (a folder for each split, and in it a folder for each species) and show the first val
# picture of four pairs. Cover the captions: what differs between the upper bird and the lower one?

# %% tags=["plain"]
PAIRS = [
    ("Citrine_Leafling", "Barred_Leafling", "wing bars"),
    ("Pale_Shorelet", "Banded_Shorelet", "breast band"),
    ("Slate_Windfalcon", "Moustached_Windfalcon", "moustache"),
    ("Sooty_Capling", "Frostwing_Capling", "wing panel"),
    ("Plain_Hazelthrush", "Browed_Hazelthrush", "brow"),
    ("Garnet_Hedgefinch", "Streaked_Hedgefinch", "streaked flanks"),
    ("Ashen_Duskling", "Ringed_Duskling", "eye ring"),
]
pictures = {s: ImageFolder(BIRDS / s) for s in ("train", "val", "test")}
species = pictures["train"].classes
labels = {s: torch.tensor(pictures[s].targets) for s in pictures}
print(len(species), "species,", len(PAIRS), "pairs of look-alikes")

# %% alt="Pairs of look-alike species, one above the other; captions below name each bird and the deciding mark"
upper, lower, marks = zip(*PAIRS[:4], strict=True)
val_labels = labels["val"].tolist()
first = [val_labels.index(species.index(name)) for name in upper + lower]
captions = [*upper, *(f"{a}\n({b})" for a, b in zip(lower, marks, strict=True))]
plots.show_grid([pictures["val"][i][0] for i in first], captions, columns=4)

# %% [markdown]
# Pose, size, light, perch and background vary from picture to picture. Only the mark decides, and it varies, too: broad
# and bright in one bird, narrow and faint in the next, and in a few it can hardly be seen.
#
# How much of a picture is a mark? For each pair there are also twins: one bird, drawn without the mark and with it, and
# no other pixel changed. Here are wing bars.

# %% alt="The same bird without wing bars and with them, and the wing bars alone on grey"
folder = BIRDS / "twins" / "Citrine_Leafling-Barred_Leafling"
without = Image.open(folder / "00.webp").convert("RGBA")
mark = Image.open(folder / "00_mark.webp").convert("RGBA")
with_mark = Image.alpha_composite(without, mark)
changed = F.pil_to_tensor(mark)[3] > 0  # where the mark is not transparent
print(f"{changed.float().mean():.1%} of the pixels differ")

grey = Image.new("RGBA", mark.size, "grey")
alone = Image.alpha_composite(grey, mark)
captions = ["Citrine Leafling", "Barred Leafling", "the wing bars alone"]
plots.show_grid([without, with_mark, alone], captions, columns=3)

# %% [markdown]
# ## 2. Three splits, three purposes
#
# [Train](glossary.md#train) is to learn from, [val](glossary.md#val) to choose with, [test](glossary.md#test) to report
# from, once. How many pictures of each species are in them?

# %% tags=["nbval-check-output", "plain"]
for split in pictures:
    counts = torch.bincount(labels[split])  # how many of each species
    print(f"{split:5} {len(pictures[split]):5} pictures,", end=" ")
    print(f"{counts.min()} to {counts.max()} of each species")

# %% [markdown]
# Every species has as many pictures as every other: the data is [balanced](glossary.md#balanced). Outdoors that is
# rare: a few common species fill most of the pictures. Then [accuracy](glossary.md#accuracy) deceives, because naming
# the commonest species every time can look good. Section 5 shows it.
#
# ## 3. What goes in
#
# A model sees numbers. The code below prepares them in two ways. For evaluation, the same picture must always give the
# same numbers. For training, the model gets a random view each time, an [augmentation](glossary.md#augmentation): it
# makes more of few pictures, because the model hardly ever meets the same numbers twice.

# %% tags=["plain"]
to_numbers = [
    v2.ToImage(),
    v2.ToDtype(torch.float32, scale=True),
    v2.Normalize([0.5] * 3, [0.5] * 3),  # from 0..1 to -1..1
]
evaluation = v2.Compose([v2.Resize(256), v2.CenterCrop(224), *to_numbers])
# scale: share of the area that is kept; ratio: of width to height
crop = v2.RandomResizedCrop(224, scale=(0.5, 1.0), ratio=(0.8, 1.25))
training = v2.Compose([crop, v2.RandomHorizontalFlip(), *to_numbers])

picture, _ = pictures["train"][0]
for name, transform in (("evaluation", evaluation), ("training", training)):
    one, other = transform(picture), transform(picture)
    print(f"{name:10} twice the same numbers: {torch.equal(one, other)}")

# %% [markdown]
# An augmentation makes a promise: *whatever I do to the picture, the label stays true*. A mirror image of a bird is the
# same bird; a mirror image of a letter may be another letter.
#
# Play with some: crops, mirror images, upside down, a shift of the hue (all colours move on), blur. How small may a
# crop become before the bird or its mark is gone? Which of them makes pictures that you would never see outdoors? Which
# ones make the label untrue?

# %%
green_bird = labels["train"].tolist().index(species.index("Citrine_Leafling"))
figures.explore_augmentations(pictures["train"], first=green_bird)

# %% [markdown]
# A crop that keeps a tenth of the area loses most of the bird; this course keeps half or more. Upside down makes
# pictures that never come: the label stays true, but learning them is wasted effort. Blur, or a crop that cuts the mark
# off, makes the label untrue: a Barred Leafling without its wing bars is a Citrine Leafling. A shift of the hue
# repaints the bird, so that it fits no species. So this course mirrors, and crops so little that the mark is rarely
# lost, and leaves colours alone.
#
# ## 4. A leak, planted and found
#
# A [leak](glossary.md#leak) is information about the answers of val or test that the model can get at while it learns.
# A common one is plain: the same picture is in train and in val. For such a picture val tests memory only.
#
# Plant one. Suppose that every fifth picture of val was replaced by one from train, under a new name. A [content
# hash](glossary.md#hash) does not look at names: it depends on the bytes of a file alone. The next cell makes a dirty
# copy of val's list of hashes.


# %% tags=["plain"]
def content_hashes(files):
    contents = (Path(file).read_bytes() for file, _ in files)
    return [hashlib.sha256(content).hexdigest() for content in contents]


hashes = {s: content_hashes(pictures[s].samples) for s in pictures}
order = torch.randperm(1800, generator=torch.Generator().manual_seed(0))
smuggled = order[:72].tolist()  # places in train
dirty = hashes["val"].copy()
dirty[::5] = [hashes["train"][i] for i in smuggled]  # every fifth entry
print(len(dirty), "hashes; the first begins with", dirty[0][:16])


# %% tags=["exercise", "plain"] exercise="leaked"
# Exercise 2.1: at which places of val are pictures whose hash is also in train?
# Both are lists of hashes; return a list of places.
def leaked(train, val):
    return ...


# %% tags=["check"]
exercises.leaked.check(leaked)

# %% tags=["plain"]
find_leaked = exercises.leaked.use(leaked)
for name, some in {**hashes, "dirty val": dirty}.items():
    print(f"{name:9} {len(find_leaked(hashes['train'], some)):4} also in train")

# %% [markdown]
# All of train is in train, of course. All 72 copies are found, and the real val and test share no file with train. A
# content hash is exact, and that is its weakness: save a picture again, a little smaller or brighter, and it has
# another hash.
#
# A [perceptual hash](glossary.md#hash) forgives that. It says in a few bits how light and dark are spread over a
# picture, so pictures that look alike differ in few bits. The one below has 256 bits. Try it on the smuggled copies
# after somebody has brightened and cut them.


# %% tags=["plain"]
def look(picture):
    bits = imagehash.phash(picture, hash_size=16).hash
    return torch.from_numpy(bits.flatten()).float()


def bits_between(some, others):
    """How many bits differ, for each of some and each of the others."""
    return torch.cdist(some, others, p=1)  # bits are 0 or 1


looks = {s: torch.stack([look(p) for p, _ in pictures[s]]) for s in pictures}

# %% tags=["plain"]
originals = [pictures["train"][i][0] for i in smuggled]
altered = [
    F.adjust_brightness(p.crop((6, 6, 256, 256)), 1.15) for p in originals
]
copies = torch.stack([look(picture) for picture in altered])
bits, nearest = bits_between(copies, looks["train"]).min(1)  # and where
found = (nearest == torch.tensor(smuggled)).sum()
print(f"{found} of {len(copies)} copies are nearest to their original,")
print(f"{bits.median():.0f} bits away (median), {bits.max():.0f} at most")

# %% [markdown]
# Every copy gives itself away. Is there a number of bits below which a picture must be a copy? Compare all test
# pictures with all train pictures of another species: these can't be copies. And look at the two test pictures that are
# nearest to any train picture: are they copies? (This checks the pictures, not a predictor.)

# %% alt="Two test pictures above the train pictures that look most like them, with the bits that differ"
distances = bits_between(looks["test"], looks["train"])
strangers = labels["test"][:, None] != labels["train"]  # all with all
apart = distances[strangers]
print("bits between pictures of two species:", end=" ")
print(f"{apart.median():.0f} (median), {apart.min():.0f} at least")

bits, nearest = distances.min(1)
two = bits.topk(2, largest=False).indices
pairs = [(pictures["test"][i], pictures["train"][nearest[i]]) for i in two]
shown = [one[0] for one, _ in pairs] + [other[0] for _, other in pairs]
names = [f"test: {species[one[1]]}" for one, _ in pairs]
for i, (_, other) in zip(two, pairs, strict=True):
    names.append(f"train: {species[other[1]]}\n{bits[i]:.0f} bits")
plots.show_grid(shown, names, columns=2)

# %% [markdown]
# No: they are other birds in front of a similar background, one of them of another species. Yet fewer bits lie between
# them than between one of the copies and its original. So no number of bits parts copies cleanly from look-alikes. Few
# bits say *look here*, and your eyes decide.
#
# In photos, near copies often come from a burst: ten pictures of one bird within a second, some in train and some in
# val. Then split by burst, not by picture.
#
# ## 5. Baselines: what is easy?
#
# A number means something only beside another, a [baseline](glossary.md#baseline). Four simple predictors:
#
# - **chance**: name a species at random;
# - **majority**: always name the species that is commonest in train;
# - **nearest look**: give each picture the name of the train picture with the nearest perceptual hash;
# - **colours**: look at how much red, green and blue there is, each by itself, and never at where.


# %% tags=["exercise", "plain"] exercise="majority_accuracy"
# Exercise 2.2: the accuracy on val of always naming train's commonest class.
# Both are tensors of labels.
def majority_accuracy(train, val):
    return ...


# %% tags=["check"]
exercises.majority_accuracy.check(majority_accuracy)

# %% tags=["plain"]
majority = exercises.majority_accuracy.use(majority_accuracy)
print(f"these birds: {majority(labels['train'], labels['val']):.1%}")
outdoors = torch.tensor([0] * 90 + [1] * 9 + [2])  # 90 sparrows in 100
print(f"outdoors, 90 of 100 of one kind: {majority(outdoors, outdoors):.1%}")

# %% [markdown]
# The fourth predictor needs a [histogram](glossary.md#histogram) of each colour channel: which share of its pixels is
# dark, less dark, ... bright. It forgets every shape. (`torch.histc(values, bins, min, max)` counts the values of a
# float tensor.)


# %% tags=["exercise", "plain"] exercise="colour_histogram"
# Exercise 2.3: picture is uint8 (3, H, W). Divide 0 to 256 into equal steps, as
# many as bins says. Which share of a channel's pixels is in each? Return one
# float tensor of 3 * bins numbers: red's, green's, blue's.
def colour_histogram(picture, bins):
    return ...


# %% tags=["check"]
exercises.colour_histogram.check(colour_histogram)

# %% tags=["plain"]
histogram = exercises.colour_histogram.use(colour_histogram)
BINS = 16
colours = {}
for split in pictures:
    tensors = [F.pil_to_tensor(picture) for picture, _ in pictures[split]]
    colours[split] = torch.stack([histogram(t, BINS) for t in tensors]).sqrt()
mean = colours["train"].mean(0)
std = colours["train"].std(0) + 1e-6  # never zero
colours = {split: (x - mean) / std for split, x in colours.items()}
print(tuple(colours["train"].shape), "numbers for train")

# %% [markdown]
# On top sits one linear layer, trained as in lesson 1. (The square root keeps a few large bins from drowning the small
# ones.) [Weight decay](glossary.md#weight-decay) pulls its weights towards zero, which can keep it from learning the
# train pictures by heart. How strongly? That is a choice, so val makes it.


# %% tags=["plain"]
def fit_linear(x, y, weight_decay):
    torch.manual_seed(0)
    layer = nn.Linear(x.shape[1], len(species))
    numbers = layer.parameters()
    optimizer = torch.optim.AdamW(numbers, lr=0.05, weight_decay=weight_decay)
    for _ in range(300):
        loss = nn.functional.cross_entropy(layer(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return layer


def accuracy(layer, split):
    named = layer(colours[split]).argmax(1)
    return (named == labels[split]).float().mean().item()


# %% tags=["plain"]
best = -1.0
for decay in (0.0, 0.01, 0.1, 1.0):
    layer = fit_linear(colours["train"], labels["train"], decay)
    on_train, on_val = accuracy(layer, "train"), accuracy(layer, "val")
    print(f"{BINS} bins, weight decay {decay:4}:", end=" ")
    print(f"{on_train:.1%} on train, {on_val:.1%} on val")
    if on_val > best:
        best, colour_layer = on_val, layer

# %% [markdown]
# The first three hardly differ: one picture in 360 is a quarter of a point. So few numbers can't learn train by heart,
# even without weight decay: it does not help here. **Change one thing and run again**: 4 or 64 instead of 16 in the
# line with `BINS`, then that cell and the two below it. Keep what val prefers, and go on.
#
# And what would a leak have done? Let *nearest look* answer for val as it is, and for a dirty val, in which every fifth
# picture is one of the altered copies.

# %% tags=["plain"]
nearest = bits_between(looks["val"], looks["train"]).argmin(1)
right = labels["train"][nearest] == labels["val"]
print(f"val as it is: {right.float().mean():.1%}")
nearest = bits_between(copies, looks["train"]).argmin(1)
right[::5] = labels["train"][nearest] == labels["train"][smuggled]
print(f"dirty val:    {right.float().mean():.1%}")

# %% [markdown]
# Twice as good, it seems, and it has learned nothing more. This predictor remembers all of train, so every copy counts
# as right.
#
# All four predictors are ready, so test may be asked for their accuracy, once.

# %% alt="Accuracy on test of four predictors; colours are ahead; chance and majority have no intervals"
nearest = bits_between(looks["test"], looks["train"]).argmin(1)
same = labels["train"][nearest] == labels["test"]
fixed = {
    "chance": 1 / len(species),
    "majority": majority(labels["train"], labels["test"]),
}
learned = {
    "nearest look": same.float().mean().item(),
    "colours": accuracy(colour_layer, "test"),
}
figures.plot_baselines(fixed, learned, number=len(pictures["test"]))

# %% [markdown]
# In balanced data majority is no better than chance. Colours get well beyond it, without any idea of what a bird is. So
# a network has to beat *colours*; beating chance proves nothing. (The grey lines are [intervals](glossary.md#interval):
# how far luck in the choice of the test pictures reaches. Chance and majority follow from the counts alone.)
#
# And you? Ten birds of ten kinds, one after the other: name each with the plate before your eyes. That is one more
# predictor, and it has learned from one page.

# %% alt="Ten birds to name, numbered; their names stand upside down below"
figures.name_ten_birds()

# %% [markdown]
# Which birds did you miss: were they look-alikes? And colours, which birds do they miss? Rows say what a bird is,
# columns what it was named; frames mark the pairs. (These are the same answers as above; nothing is chosen with them.)

# %% alt="Confusion matrix of the colours: within the framed pairs as many birds lie off the diagonal as on it"
named = colour_layer(colours["test"]).argmax(1)
right = swapped = 0
for pair in PAIRS:
    a, b = (species.index(name) for name in pair[:2])
    for one, other in ((a, b), (b, a)):
        answers = named[labels["test"] == one]
        right += (answers == one).sum().item()
        swapped += (answers == other).sum().item()
others = 14 * 40 - right - swapped
print(f"birds of pairs: {right} right, {swapped} taken for the look-alike")
print(f"and {others} for another species")
plots.plot_confusion(named, labels["test"], species, pairs=PAIRS)

# %% [markdown]
# When colours find the pair, which of the two it is seems a toss of a coin: a small mark changes hardly any colour of
# the whole picture. That is where networks must show what they are worth.
#
# ## Recap
#
# - Look at pictures of every class, and count them, before anything else.
# - An augmentation promises that the label stays true. Check the promise against *your* labels.
# - A content hash finds copies of a file. A perceptual hash finds candidates for near copies; then look.
# - Chance, majority, nearest look and colours say what is easy. Report them beside every network.
#
# ## Quiz

# %%
QUIZ

# %% [markdown]
# ## Where to go next
#
# [Lesson 3](03_train_from_scratch.ipynb) takes the first flavour, the definition alone, and trains it on these birds.
