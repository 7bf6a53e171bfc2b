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
# # 5. Which flavour when
#
# Lesson 3 trained a definition from scratch, lesson 4 fine-tuned borrowed weights. Each gave one number, for one number of
# pictures, with one [seed](glossary.md#seed). That is not enough to decide anything. Here you measure what weights are
# worth at several sizes of training set, in two minutes. Then you read what full trainings came to, which took hours. At
# the end you decide for your own pictures.
#
# **You will learn to**
#
# - measure a learning curve with two loops;
# - name what must be equal for a comparison to be fair;
# - say how many labelled pictures borrowed weights are worth;
# - tell a gain from luck with runs paired by seed;
# - choose a flavour for your own pictures, and say how long it will take.
#
# **You need** [lesson 4](04_fine_tune_pretrained.ipynb). **Time**: about 40 minutes; the computer works for two or three
# of them. It works offline.

# %% tags=["hide-input"]
# @title What draws pictures and checks exercises
from course_utils import paths
from course_utils.experiments.compare import measured
from course_utils.lessons.which_flavour_when import exercises, figures
from course_utils.lessons.which_flavour_when.advice import decide
from course_utils.lessons.which_flavour_when.quiz import QUIZ
from course_utils.models.packaged import weights_file
from course_utils.runtime import pick

WEIGHTS = str(weights_file())  # a file with EfficientNet-Lite0's weights
BIRDS = paths.course_root() / "data" / "fieldguide"  # the course's pictures
SIDE = pick(smoke=96, standard=224, full=224)  # of a picture, in pixels
MOST = pick(smoke=8, standard=100, full=100)  # pictures of each species
print("Ready.")

# %% tags=["plain"]
import copy
import time
from functools import partial

import numpy as np
import pandas as pd
import timm
import torch
from matplotlib import pyplot as plt
from scipy import stats
from torch import nn
from torch.utils.data import DataLoader, Subset
from torchvision import models
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

# %% [markdown]
# ## 1. The same network twice
#
# What are weights worth? To see it, let nothing else differ. Both networks below are EfficientNet-Lite0. One is the
# definition, with random weights, as every new network has them. The other has ImageNet's. Both are frozen and have no
# head (`num_classes=0`), so each turns a picture into 1,280 [features](glossary.md#features).

# %% tags=["plain"]
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def lite0(pretrained):
    torch.manual_seed(0)
    network = timm.create_model(
        "tf_efficientnet_lite0",
        num_classes=0,
        pretrained=pretrained,
        pretrained_cfg_overlay={"file": WEIGHTS},  # instead of a download
    )
    return network.eval().to(device, memory_format=torch.channels_last)


networks = {"random weights": lite0(False), "ImageNet's weights": lite0(True)}

# %% tags=["plain"]
config = timm.data.resolve_model_data_config(networks["ImageNet's weights"])
how = v2.InterpolationMode(config["interpolation"])
prepare = v2.Compose(
    [
        v2.Resize(round(SIDE / 0.875), how),
        v2.CenterCrop(SIDE),
        v2.ToImage(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(config["mean"], config["std"]),
    ]
)


# %% tags=["plain"]
def pictures(split, per_class):
    files = ImageFolder(BIRDS / split, prepare)
    labels = torch.tensor(files.targets)
    rows = [torch.where(labels == k)[0][:per_class] for k in labels.unique()]
    return Subset(files, torch.cat(rows).tolist())


train, test = pictures("train", MOST), pictures("test", 20)
print(len(train), "pictures in train,", len(test), "in test")

# %% [markdown]
# A frozen network answers the same each time, so ask it once (lesson 4). These are the only slow cells.


# %% tags=["plain"]
@torch.no_grad()
def ask(network, pictures):
    loader = DataLoader(pictures, batch_size=10)
    rows = [(network(x.to(device)).cpu(), labels) for x, labels in loader]
    features, labels = (torch.cat(part) for part in zip(*rows, strict=True))
    return features, labels


def look(name):
    began = time.perf_counter()
    tables[name] = [ask(networks[name], split) for split in (train, test)]
    seconds = time.perf_counter() - began
    print(f"{seconds:.0f} s")
    return (len(train) + len(test)) / seconds


# %% tags=["plain"]
tables = {}
_ = look("random weights")

# %% tags=["plain"]
pictures_per_second = look("ImageNet's weights")

# %% [markdown]
# ## 2. A learning curve in two loops
#
# `accuracy_with` draws so many pictures of each species, fits a [linear probe](glossary.md#linear-probe) on their
# features, and returns its accuracy on test. Here the seed decides only which pictures are drawn. You write the loops.
# Guess both curves first: where does each stand at five pictures of each species, and where at a hundred?


# %% tags=["plain"]
def fit_probe(x, y, l2=0.001):
    torch.manual_seed(0)
    head = nn.Linear(x.shape[1], int(y.max()) + 1)
    optimizer = torch.optim.LBFGS(
        head.parameters(), max_iter=200, line_search_fn="strong_wolfe"
    )

    def closure():
        optimizer.zero_grad()
        penalty = l2 * head.weight.square().sum()
        loss = nn.functional.cross_entropy(head(x), y) + penalty
        loss.backward()
        return loss

    optimizer.step(closure)
    return head


# %% tags=["plain"]
def accuracy_with(name, number, seed):
    (x, y), (test_x, test_y) = tables[name]
    torch.manual_seed(seed)
    of_class = [torch.where(y == k)[0] for k in y.unique()]
    drawn = [rows[torch.randperm(len(rows))[:number]] for rows in of_class]
    x, y = x[torch.cat(drawn)], y[torch.cat(drawn)]
    mean, std = x.mean(0), x.std(0) + 1e-6  # one scale for all features
    head = fit_probe((x - mean) / std, y)
    right = head((test_x - mean) / std).argmax(1) == test_y
    return right.float().mean().item()


# %% tags=["exercise", "plain"] exercise="learning_curve"
# Exercise 5.1: accuracy(number, seed) trains with so many pictures of each
# class. Return a dictionary: number -> list of accuracies, one for each seed.
def learning_curve(accuracy, numbers, seeds):
    return ...


# %% tags=["check"]
exercises.learning_curve.check(learning_curve)

# %% tags=["plain"]
loops = exercises.learning_curve.use(learning_curve)
numbers = [n for n in (5, 10, 30, 100) if n <= MOST]
curves = {}
for name in networks:
    accuracy = partial(accuracy_with, name)  # accuracy_with, name filled in
    curves[name] = loops(accuracy, numbers, range(3))
    for number, found in curves[name].items():
        shown = ", ".join(f"{share:.0%}" for share in found)
        print(f"{name:18} {number:3}: mean {np.mean(found):.1%} ({shown})")

# %% tags=["plain"] alt="Test accuracy over training pictures: ImageNet's weights rise steeply, random weights stay low"
for name, curve in curves.items():
    means = [np.mean(curve[number]) for number in numbers]
    (line,) = plt.plot(numbers, means, label=name)
    for number in numbers:
        plt.plot([number] * 3, curve[number], "o", color=line.get_color())
plt.axhline(1 / 18, linestyle=":", color="grey", label="a guess")
plt.xscale("log")
plt.xticks(numbers, numbers)
plt.ylim(0, 1)
plt.xlabel("training pictures of each species")
plt.ylabel("accuracy on test")
plt.legend()
plt.show()

# %% [markdown]
# Nothing differs but the numbers inside the network. (A hundred of each species are all there are, so there every seed
# draws the same.) But this is not training from scratch: these random weights stay as they are. Training changes them.
# What does it come to?
#
# ## 3. Whole trainings, and what must be equal
#
# The course has trained four ways at the same sizes, with three seeds each: hours of work. You can read all runs. Three
# ways take the same architecture, Lite0. But one that borrows well need not learn well from nothing. So the fourth is
# **from scratch, at its best**: a ResNet-18 on smaller pictures, trained for long. It is what you would do without
# borrowed weights.
#
# "Pre-trained got .85, from scratch got .55" says something about weights only when all else was equal. What else differs
# is a second explanation. Let your function compare fine-tuning with both ways from scratch.


# %% tags=["exercise"] exercise="differences"
# Exercise 5.2: run and other describe two runs, with the same keys. Return the
# set of keys whose values differ, apart from "weights", which is the subject,
# and "seed", which may differ.
def differences(run, other):
    return ...


# %% tags=["check"]
exercises.differences.check(differences)

# %%
birds, photos = measured("fieldguide").results, measured("cub_subset").results


def setting(run):
    return {
        "weights": "random" if "scratch" in run.flavour else "ImageNet's",
        "seed": run.seed,
        "architecture": run.model,
        "side of a picture": run.image_size,
        "pictures": run.images_per_class,
        "epochs": len(run.history.epochs),
        "recipe": run.recipe,
    }


# %%
differ = exercises.differences.use(differences)
ten = {run.flavour: run for run in birds if run.images_per_class == 10}
for other in (ten["scratch"], ten["scratch_best"]):
    found = differ(setting(ten["fine_tune"]), setting(other))
    print(f"{other.label}, differs in: {', '.join(sorted(found))}")

# %% [markdown]
# So not even the first pair is quite equal. The [recipes](glossary.md#recipe) differ: only fine-tuning has two learning
# rates, [mixup](glossary.md#mixup) and frozen first layers. It also had more care: it was chosen on val of drawn birds
# and photos. And with a hundred of each species all trainings have fewer epochs, so that nobody waits for a night.

# %% alt="Test accuracy over training pictures of each species for four ways, on drawn birds"
figures.plot_learning_curves(birds)

# %% [markdown]
# A mark is the mean of the seeds; a bar goes from the worst seed to the best. At the same size, borrowed weights are far
# ahead of the same architecture from scratch. Before you read on: how many pictures does the best scratch need to be as
# good as fine-tuning with ten?
#
# ## 4. What is borrowing worth in pictures?
#
# Pictures with labels cost money, so read the curves sideways. Take an accuracy that a borrowing way has reached. How many
# pictures does the best scratch need for it? Mind the figure's axis: it is logarithmic, from 10 to 20 is as far as from 20
# to 40.


# %% tags=["exercise"] exercise="pictures_needed"
# Exercise 5.3: sizes and accuracies are the points of a learning curve, both
# rising. Return the number of pictures at which the curve reaches target.
# Between two points, go along a straight line over the logarithm of the size.
# Return None if target is below the first accuracy or above the last.
def pictures_needed(sizes, accuracies, target):
    return ...


# %% tags=["check"]
exercises.pictures_needed.check(pictures_needed)


# %%
def means_of(runs):
    frame = pd.DataFrame([vars(run) | {"way": run.label} for run in runs])
    return frame.groupby(["way", "images_per_class"]).test_accuracy.mean()


# %%
needed = exercises.pictures_needed.use(pictures_needed)
for title, runs in {"drawn birds": birds, "photos": photos}.items():
    means = means_of(runs)
    rival = means["from scratch, at its best"]
    for (way, number), mean in means.items():
        if "pre-trained" in way:
            same = needed(list(rival.index), list(rival), mean)
            worth = f"{same:.0f}" if same else f"more than {rival.index[-1]}"
            print(f"{title}, {way}: {number} = {worth} from scratch")

# %% [markdown]
# On drawn birds, with five or ten pictures of each species, one picture is worth about two or more when you borrow. (The
# rival is the best scratch, so architecture and recipe have their part in it.) Fine-tuning stays ahead at every size that
# was tried. The probe does not: with a hundred, the best scratch passes it. A likely reason, which nobody has tested here:
# the probe's features stay as they are. A detail that they leave out is lost, while a network of your own can learn it. On
# photos, even the fewest with borrowed weights are worth more than all there were from scratch.
#
# The same architecture from scratch is a weak rival: after as many epochs as fine-tuning had, it has not even learned its
# training pictures, at any size. **Who compares with it alone makes borrowed weights look better than they are.**
#
# ## 5. Gain or luck?
#
# Another seed (other training pictures, other random numbers) moves an accuracy by some points. So compare within a seed,
# where both ways saw the same pictures: take the difference for each seed, then the mean of the differences. How far would
# other seeds move this mean? Its [standard error](glossary.md#standard-error) says it: the standard deviation of the
# differences, divided by the root of their number. From few seeds, this is a rough guess itself, so the interval goes `t`
# standard errors to each side, more than the usual two. If the interval holds zero, the gain may be luck.

# %% tags=["plain"]
t_of = {n: stats.t.ppf(0.975, n - 1) for n in (2, 3, 5, 10, 100)}
for n, t in t_of.items():
    print(f"{n:3} seeds: t = {t:.1f}")


# %% tags=["exercise", "plain"] exercise="gain"
# Exercise 5.4: one[i] and other[i] are accuracies of the same seed. Return the
# mean of the differences (one minus other), and how far the 95% interval goes
# to each side: t times the standard error of that mean. In the standard
# deviation, divide by n - 1.
def gain(one, other, t):
    return ...


# %% tags=["check"]
exercises.gain.check(gain)

# %% tags=["plain"]
gain_of = exercises.gain.use(gain)
random_weights, borrowed = curves.values()
for number in (n for n in numbers if n < MOST):
    mean, reach = gain_of(borrowed[number], random_weights[number], t_of[3])
    print(f"{number:3}: gain {mean:.1%}, give or take {100 * reach:.1f} points")

# %% [markdown]
# Those are your own two curves. Below are the pairs of whole trainings that matter, on drawn birds and on **photos** of
# twenty real species (a part of CUB-200-2011). On photos there are only two seeds: an interval from two says next to
# nothing, so there are only the two dots. (The larger the set, the more pictures the seeds share; with a hundred drawn
# birds of each species, all. Those intervals are too short. And all seeds are tested on the same pictures: other test
# pictures would move a gain by some points more.) Guess first: on photos, which way gains over which?

# %% alt="Gains by size of training set, a dot a seed: on drawn birds with intervals, on photos two dots"
figures.plot_gains({"drawn birds": birds, "photos": photos})

# %% alt="Test accuracy on photos of real species for four ways, beside a published curve"
figures.plot_learning_curves(photos, published=True)

# %% [markdown]
# Drawings and photos differ. On drawings, fine-tuning is far ahead of the probe at every size. On photos it is about
# equal with the fewest pictures and a little ahead with the most, in both seeds, and training from scratch stays far
# behind. A likely reason, which nobody has tested here: the features were made of photos and already hold what tells real
# birds apart. (Some of these photos are among ImageNet's, too, which flatters whatever is borrowed.)
#
# The grey curve is not ours. Others fine-tuned a ResNet-50 on all 200 species, which is harder than twenty, so compare its
# shape, not its height: each further photo still pays.
#
# ## 6. Decide
#
# Start with what is cheapest, and stop as soon as it is good enough:
#
# 1. **No pre-trained weights that you may use?** Train from scratch. Choose depth and size for your pictures, and expect
#    to need many.
# 2. Otherwise fit the **linear probe**. It costs one pass, and is one small table of numbers on top of a backbone that
#    many tasks can share. Good enough? Keep it.
# 3. **Fine-tune**, if time and memory allow it. Good enough? Keep it.
# 4. **A hundred pictures of each class or more, or pictures unlike those of the weights?** Train from scratch at its best,
#    too, and let val decide.
# 5. Otherwise collect pictures of what it confuses.
#
# And your case? Answer five questions. You get the flavours to try, in order, with reasons, and what was measured nearest
# to your case. (The interval beside an accuracy there is for other test pictures, not for other seeds.)

# %%
decide(birds, photos)

# %% [markdown]
# ## 7. Your own pictures
#
# How many do you need? Start with twenty of each class; the course then takes thirteen of them to train, two for val,
# five for test. Test limits what you can say: an accuracy from a hundred test pictures is known to ten points each way at
# worst, from a thousand to three (one over the root of their number). With fewer than a hundred you can't see a gain of a
# few points. Then keep the probe. If you have several pictures of one animal, make the folders train, val and test
# yourself, and keep these together.
#
# How long will it take here? Time a training step of each way, and set your number.


# %% tags=["plain"]
def seconds_of_a_step(network, x):
    network.train()
    began = time.perf_counter()
    network(x).sum().backward()
    next(network.parameters()).grad.sum().item()  # waits for a GPU
    return time.perf_counter() - began


# %% tags=["plain"]
MINE = 300  # all training pictures that you have
x = torch.stack([test[i][0] for i in range(10)]).to(device)
lite0_copy = copy.deepcopy(networks["random weights"])
ways = {
    "fine-tuning, 30 epochs": (30, lite0_copy, x),
    "from scratch at its best, 120 epochs": (
        120,
        models.resnet18().to(device),
        x[:, :, :128, :128],
    ),
}
print(f"linear probe: {MINE / pictures_per_second / 60:.1f} minutes")
for way, (epochs, network, x) in ways.items():
    step = min(seconds_of_a_step(network, x) for _ in range(3)) / len(x)
    print(f"{way}: {epochs * MINE * step / 60:.1f} minutes")

# %% [markdown]
# That is for one training. Put the pictures into folders, one folder a class. In a terminal, this trains both borrowing
# ways with three seeds:
#
# ```
# course compare --data my_pictures --flavour linear_probe --flavour fine_tune --seeds 3
# ```
#
# It uses short ways that a lesson leaves out, so a training takes less time than the estimate. `course compare --help`
# lists what else it can do. `take_home/finetune.py` (lesson 3) trains one model that you keep.
#
# ## Recap
#
# - In a fair comparison only what you compare differs. Say what else does, and show the best rival.
# - Compare within seeds; three seeds need an interval of four standard errors to each side.
# - Probe first. Fine-tune when the probe is not enough. Train from scratch when there are no weights that you may use, and
#   beside fine-tuning when you have a hundred pictures of each class or more.
#
# [Lesson 6](06_a_new_domain.ipynb) takes pictures that are no photos, scans, and a definition whose shape you change.
#
# ## Quiz

# %%
QUIZ

# %% [markdown]
# ## Appendix: cost, and other models
#
# The time to train, and how many numbers training may change. (Seconds are rough: they are of several days.)

# %%
columns = {"test_accuracy": "mean", "seconds": "median"}
frame = pd.DataFrame([vars(run) | {"way": run.label} for run in birds])
sizes = frame.groupby(["way", "images_per_class", "trainable_parameters"])
sizes.agg(columns).style.format(
    {"test_accuracy": "{:.1%}", "seconds": "{:.0f}"}
)

# %% [markdown]
# EfficientNet-Lite0 has larger siblings, trained on the same photos and shown larger pictures. They are better on
# ImageNet. Are they better here? All three are linear probes, so the seconds are those of one pass over train and val.

# %%
frame = pd.DataFrame([vars(run) for run in measured("shelf").results])
models_of = frame.groupby(["images_per_class", "model", "image_size"])
shown = {"test_accuracy": ["min", "mean", "max"], "seconds": "median"}
models_of.agg(shown).style.format("{:.1%}", subset=["test_accuracy"]).format(
    "{:.0f}", subset=["seconds"]
)

# %% [markdown]
# A better place on ImageNet is a promise, not a result. Compare within seeds, as in section 5, and look at what it costs.
