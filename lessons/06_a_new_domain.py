# ---
# jupyter:
#   borrowed_feathers:
#     workload: plain
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 6. A new kind of picture, a new shape of model
#
# A hospital has a new kind of scan, and no weights were trained on anything like it. So its team takes the first flavour,
# the **definition alone**, and changes it: the channels, the number of layers, the
# [activation function](glossary.md#activation-function). You do the same here, and ask what everybody asks:
# would ImageNet's weights have helped?
#
# **The pictures are synthetic. A program computed them, they show nobody, and nothing here is for any clinical use.** So
# the truth about each is known, down to the pixels that an anomaly changed.
#
# **You will learn to**
#
# - change a definition by hand: its channels, its depth, its activation;
# - judge a detector of something rare without accuracy;
# - choose a threshold on val, and see what it keeps of its promise;
# - choose between networks by one rule, on val, before you read test;
# - check where a network looks, what a new scanner does to it, and what a patient leak fakes.
#
# **You need** lessons 3 and 5. **Time**: about an hour and a half; the computer works for two or three minutes of it. It
# works offline.

# %% tags=["hide-input"]
# @title What draws pictures and checks exercises
from course_utils import paths
from course_utils.lessons.a_new_domain import exercises, figures
from course_utils.lessons.a_new_domain.effects import effect_table
from course_utils.lessons.a_new_domain.quiz import QUIZ
from course_utils.lessons.a_new_domain.threshold import explore_threshold
from course_utils.runtime import pick

SCANS = paths.data_dir() / "scans"  # pictures, masks and a table
RECORD = paths.results_dir() / "scans.json"  # trainings of the course
SIDE = pick(smoke=64, standard=128, full=192)  # what a network sees, in pixels
EPOCHS = pick(smoke=2, standard=20, full=60)
print("Ready.")

# %% tags=["plain"]
import json

import numpy as np
import pandas as pd
import torch
from matplotlib import pyplot as plt
from PIL import Image
from scipy import stats
from torch import nn
from torch.nn import functional as F
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, Dataset, Subset
from torchvision.models.resnet import BasicBlock, ResNet
from torchvision.transforms import v2

# %% [markdown]
# ## 1. Look first
#
# Every [study](glossary.md#study) is one radiograph of a chest: grey, so one [channel](glossary.md#channel). Each patient
# has several studies, and **all studies of a patient are in one split**. A fourth split, `elsewhere`, comes from a
# scanner, C, that nobody of the others was examined on. (Theirs were A and B.)
#
# Of the six pictures below the table, one is healthy. Each other shows one of five anomalies, a plain one. Which one is
# healthy?

# %% tags=["plain"]
table = SCANS / "studies.csv"
notes = pd.read_csv(table, index_col="path", keep_default_na=False)
notes["ill"] = notes.anomaly != ""
parts = dict(list(notes.groupby("split", sort=False)))
ill_test = parts["test"].query("ill").reset_index()
about = {"patients": ("patient", "nunique"), "studies": ("ill", "size")}
summary = notes.groupby("split", sort=False).agg(**about, ill=("ill", "mean"))
grades = notes[notes.ill].groupby("split").grade.value_counts(normalize=True)
for grade in ("plain", "subtle"):
    summary[f"{grade} among the ill"] = grades.xs(grade, level="grade")
summary.style.format("{:.0%}", subset=list(summary.columns[2:]))

# %% alt="Six synthetic chest radiographs, three by two, numbered; one is healthy, each other shows an anomaly"
clear = parts["val"][parts["val"].grade.isin(["", "plain"])]
six = clear.groupby("anomaly").sample(1, random_state=5)
six = six.sample(frac=1, random_state=5)  # in another order
figures.show_scans(six.index)

# %% alt="The same six: what each anomaly changed is outlined, and its name stands above; one is healthy"
kinds = six.anomaly.replace("", "healthy")
captions = [f"{k}: {kind}" for k, kind in enumerate(kinds, start=1)]
figures.show_scans(six.index, captions, outlined=True)

# %% [markdown]
# A nodule is a round spot, an effusion fluid at the bottom of a lung, a pneumothorax air around a lung that has shrunk, a
# consolidation a part of the lung that is filled, cardiomegaly a heart too wide (outlined is its rim, which is what
# changed). Many are moderate or subtle: the grade is how far an anomaly stands out of the noise around it, its
# [detectability](glossary.md#detectability). And harmless things look alike, such as nipples.
#
# Pictures are stored with 192 pixels a side; the network gets 128. The augmentation is milder than for birds: the patient
# stands a little differently. No crops, since a small anomaly may lie in what is cut off; no mirror images.


# %% tags=["plain"]
class Scans(Dataset):
    def __init__(self, split, prepare):
        self.prepare, rows = prepare, parts[split]
        self.labels = torch.tensor(rows.ill.to_numpy()).long()  # 1 for ill
        grey = [Image.open(SCANS / path).convert("L") for path in rows.index]
        self.pictures = [v2.functional.pil_to_tensor(one) for one in grey]

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, number):
        return self.prepare(self.pictures[number]), self.labels[number]


# %% tags=["plain"]
to_float = v2.ToDtype(torch.float32, scale=True)
fixed = v2.Compose([v2.Resize(SIDE), to_float, v2.Normalize([0.5], [0.5])])
how = v2.InterpolationMode.BILINEAR
stand = v2.RandomAffine(4, (0.04, 0.04), (0.92, 1.08), interpolation=how)
train = Scans("train", v2.Compose([stand, fixed]))
sets = {split: Scans(split, fixed) for split in ("val", "test", "elsewhere")}
truth = {split: pictures.labels for split, pictures in sets.items()}
ill_rows = torch.where(truth["test"] == 1)[0]
print(len(train), "studies to learn from, each", tuple(train[0][0].shape))

# %% [markdown]
# Train and val hold many ill studies, to learn and to choose with. In test and elsewhere they are rarer, though still more
# frequent than in a screening. And more of val's are plain, more of test's subtle. Both will matter.
#
# ## 2. Change a definition by hand
#
# torchvision's ResNet is a definition that you can change. Its second argument is the number of blocks in each of its
# four [stages](glossary.md#stage). Its activation functions are modules, so a loop can exchange them. But it has four
# stages and 64 channels: millions of numbers, for about a thousand studies. So you then build a smaller network from the
# same blocks.
#
# Its first convolution expects three channels. A new one would do for random weights. But borrowed weights should not be
# lost.


# %% tags=["exercise", "plain"] exercise="one_channel"
# Exercise 6.1: conv is the first convolution of a network for colours. Change
# it so that it takes pictures of one channel. To a grey picture it must answer
# as before to the same picture in three equal channels. Return it.
def one_channel(conv):
    return ...


# %% tags=["check"]
exercises.one_channel.check(one_channel)


# %% tags=["plain"]
def exchange(network, new):
    for name, module in list(network.named_modules()):
        if isinstance(module, nn.ReLU):
            parent, _, child = name.rpartition(".")  # layer1.0, relu
            setattr(network.get_submodule(parent), child, new())


convert = exercises.one_channel.use(one_channel)
for blocks in ([1, 1, 1, 1], [2, 2, 2, 2]):
    network = ResNet(BasicBlock, blocks, num_classes=2)  # healthy, ill
    network.conv1 = convert(network.conv1)
    exchange(network, nn.SiLU)
    size = sum(weights.numel() for weights in network.parameters())
    print(f"{2 + 2 * sum(blocks)} layers: {size:,} parameters")


# %% tags=["plain"]
def stage(inputs, outputs, blocks, stride):
    shortcut = None
    if stride > 1:  # where the map shrinks, the shortcut must shrink it, too
        halve = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
        shortcut = nn.Sequential(halve, nn.BatchNorm2d(outputs))
    first = BasicBlock(inputs, outputs, stride, shortcut)
    rest = [BasicBlock(outputs, outputs) for _ in range(blocks - 1)]
    return nn.Sequential(first, *rest)


def small_resnet(depth=(1, 1, 1), width=32):
    stem = nn.Conv2d(1, width, 7, stride=2, padding=3, bias=False)
    pool = nn.MaxPool2d(3, stride=2, padding=1)
    layers, inputs = [stem, nn.BatchNorm2d(width), nn.ReLU(), pool], width
    for k, blocks in enumerate(depth):  # the first keeps the map's side
        layers.append(stage(inputs, width * 2**k, blocks, 2 if k else 1))
        inputs = width * 2**k
    ending = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 2)]
    network = nn.Sequential(*layers, *ending)
    for module in network.modules():  # random weights as in torchvision's
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out")
    return network


# %% [markdown]
# ## 3. Train it
#
# The loop is lesson 3's, with two changes. On val it measures the **[AUROC](glossary.md#roc-curve)**: the chance that an
# ill study gets a higher score than a healthy one. One half is a coin, 1 a perfect order. (In a project, take
# `roc_auc_score` of scikit-learn.) And the last epoch is kept, whatever val says. There the rate has come down to zero,
# and val is needed for other choices.


# %% tags=["plain"]
def auroc(scores, ill):
    higher = scores[ill == 1][:, None] - scores[ill == 0]
    return ((higher > 0).float() + (higher == 0) / 2).mean().item()


@torch.no_grad()
def answers(network, pictures):
    loader = DataLoader(pictures, batch_size=64)
    return torch.cat([network.eval()(x.to(device)).cpu() for x, _ in loader])


def train_epoch(network, loader, optimizer, schedule):
    losses = []
    for x, labels in loader:
        logits = network.train()(x.to(device))
        loss = F.cross_entropy(logits, labels.to(device), label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    val, ill = answers(network, sets["val"]), truth["val"]
    scores = val.softmax(1)[:, 1]
    called, area = (scores > 0.5).float().mean().item(), auroc(scores, ill)
    return [np.mean(losses), F.cross_entropy(val, ill).item(), area, called]


# %% tags=["plain"]
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
torch.manual_seed(0)
network = small_resnet().to(device, memory_format=torch.channels_last)
size = sum(weights.numel() for weights in network.parameters())
print(f"8 layers: {size:,} parameters")
loader = DataLoader(train, batch_size=32, shuffle=True)
optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.05)
steps = EPOCHS * len(loader)
rising = steps // 10  # the rate rises in a line, then falls along a cosine
up = lr_scheduler.LinearLR(optimizer, 1 / rising, 1, rising - 1)
down = lr_scheduler.CosineAnnealingLR(optimizer, steps - rising)
schedule = lr_scheduler.SequentialLR(optimizer, [up, down], [rising])

# %% tags=["plain"]
epochs = []
for _ in range(EPOCHS // 2):
    epochs.append(train_epoch(network, loader, optimizer, schedule))
print(f"half of it done: AUROC on val {epochs[-1][2]:.2f}")

# %% tags=["plain"]
for _ in range(EPOCHS - len(epochs)):
    epochs.append(train_epoch(network, loader, optimizer, schedule))
epochs = pd.DataFrame(epochs, columns=["train", "val", "AUROC", "called ill"])
scores = {s: answers(network, sets[s]).softmax(1)[:, 1] for s in sets}
worst = epochs.loc[epochs.val.idxmax()]
print(f"worst loss on val {worst.val:.1f}:", end=" ")
print(f"{worst['called ill']:.0%} called ill, AUROC {worst.AUROC:.2f}")
print(f"last epoch: AUROC on val {epochs.AUROC.iloc[-1]:.2f}")

# %% tags=["plain"] alt="Losses over the epochs, val with spikes; beside them AUROC on val and the share that is called ill"
epochs.index = range(1, EPOCHS + 1)
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6))
epochs[["train", "val"]].plot(ax=left, logy=True, xlabel="epoch", ylabel="loss")
left.set_yticks([0.5, 1, 2], [0.5, 1, 2])
left.minorticks_off()
on_val = epochs[["AUROC", "called ill"]]
on_val.plot(ax=right, ylim=(0, 1), xlabel="epoch", title="val")
share_ill = truth["val"].float().mean()
right.axhline(share_ill, linestyle=":", color="grey", label="truly ill")
right.legend(loc="lower right")
plt.show()

# %% [markdown]
# The loss on val jumps in the middle of the training. Look at the right panel: there nearly everybody is called ill. All
# scores have moved. A likely reason, not tested here: BatchNorm's averages lag behind weights that change fast. As the
# learning rate goes to zero, the jumps end.
#
# ## 4. Choose a threshold, judge the detector
#
# In a screening, one person in twenty may be ill. Who calls everybody healthy is then right in 95 of 100 calls, and finds
# nobody. So accuracy is out. Two shares take its place, and neither changes just because fewer are ill:
# **[sensitivity](glossary.md#sensitivity)**, the share of the ill that is found, and
# **[specificity](glossary.md#specificity)**, the share of the healthy that is cleared.
#
# The [softmax](glossary.md#softmax) gives each study a score from 0 to 1. A **threshold** turns scores into calls. Choose
# it on val. Below, move it, and the price of a missed illness. The cheapest place depends on the price, and on how many
# are ill. Val holds far more ill than you will meet, so don't take it from there. A choice by specificity asks the
# healthy only: clear 95 of 100 healthy, and report how many of the ill are found.

# %% alt="Scores of healthy and ill val studies overlap around a threshold; a table of the four outcomes; cost by threshold"
explore_threshold(scores["val"], truth["val"], missed=3)


# %% tags=["exercise", "plain"] exercise="threshold_for"
# Exercise 6.2: the lowest threshold below which at least the share
# specificity of the healthy scores lies. scores and labels (1 for ill) are
# tensors of one dimension. A score that reaches the threshold is an alarm, so
# go just above the last score that must be cleared.
def threshold_for(scores, labels, specificity):
    return ...


# %% tags=["check"]
exercises.threshold_for.check(threshold_for)


# %% tags=["plain"]
def judge(split):
    alarm, ill = scores[split] >= threshold, truth[split] == 1
    found = alarm[ill].float().mean().item()  # sensitivity
    false = alarm[~ill].float().mean().item()  # 1 - specificity
    right = found / (found + 19 * false + 1e-9)  # one ill for 19 healthy
    area = auroc(scores[split], truth[split])
    print(f"{split}: AUROC {area:.3f}, sensitivity {found:.1%}", end="")
    print(f", specificity {1 - false:.1%}; were 1 in 20 ill,", end="")
    print(f" {right:.0%} of alarms would be right")


def over_patients(measure, patients, draws=200):
    """95% interval of measure(rows) for other patients."""
    rows_of = list(patients.groupby(patients.to_numpy()).indices.values())
    generator, found = np.random.default_rng(0), []
    for _ in range(draws):
        drawn = generator.integers(0, len(rows_of), len(rows_of))
        found.append(measure(np.concatenate([rows_of[k] for k in drawn])))
    return np.quantile(found, [0.025, 0.975])


# %% tags=["plain"]
choose = exercises.threshold_for.use(threshold_for)
threshold = choose(scores["val"], truth["val"], 0.95)
judge("val")
judge("test")
low, high = over_patients(
    lambda rows: auroc(scores["test"][rows], truth["test"][rows]),
    parts["test"].patient,
)
print(f"AUROC on test, 95% interval: {low:.3f} to {high:.3f}")

# %% [markdown]
# Nearly half of the ill are missed. Three warnings:
#
# - The specificity on test need not be what was asked, because the healthy of val are few.
# - The sensitivity holds for this mix of subtle and plain alone. So does the share of right alarms.
# - Studies are not people. Who comes three times can be alarmed three times.
#
# The interval draws patients again and again, not studies, since two studies of a patient are alike. Another seed is not
# in it.
#
# ## 5. Change the shape: one rule for all choices
#
# More layers? Another activation? Three depths were crossed with two activations, three seeds each. So each question has
# pairs of runs that share seed and all else. A seventh shape has tanh, from before ReLU, at one depth and with ReLU's
# learning rate. All were trained like yours, from other random numbers.

# %% tags=["plain"] alt="AUROC on val for seven shapes, a dot a seed and a bar at the mean"
record = json.loads(RECORD.read_text())["studies"]


def areas(study):
    runs = pd.DataFrame(record[study])
    for s in sets:
        runs[s] = [auroc(torch.tensor(x[s]), truth[s]) for x in runs.scores]
    return runs


shapes = areas("shape")
axis = shapes.plot.scatter("val", "label", title="AUROC", figsize=(7, 4))
means = shapes.groupby("label").val.mean()
axis.plot(means, means.index, "k|", markersize=12)
plt.show()

# %% [markdown]
# One mean is higher than another: what may you claim? A gain has two kinds of luck. Other *seeds* would train other
# networks (lesson 5's interval). Other *patients* would judge them differently (the interval above). Write a rule of
# thumb for both. Where it can't tell, the cheapest network is chosen; where nothing is cheaper, things stay as they are.


# %% tags=["exercise"] exercise="claim"
# Exercise 6.3: both arguments are 95% intervals (low, high) of a mean gain, for
# other seeds and for other patients. Return "gain" if a gain may be claimed for
# both, "loss" if a loss may be, and "can't tell" otherwise. An interval that
# ends at 0 still holds it.
def claim(over_seeds, over_patients):
    return ...


# %% tags=["check"]
exercises.claim.check(claim)

# %%
rule = exercises.claim.use(claim)
changes = {
    "SiLU, not ReLU": ("activation", "relu", "silu"),
    "tanh, not ReLU": ("activation", "relu", "tanh"),
    "10 layers, not 8": ("layers", 8, 10),
    "18 layers, not 8": ("layers", 8, 18),
}
effect_table(shapes, notes, changes, split="val", rule=rule)

# %% [markdown]
# Only the loss by tanh may be claimed (of this tanh: one depth, no learning rate of its own). All else can't be told
# apart on val, which has few patients. So it is 8 layers, the smallest, with ReLU: the network that you have trained. The
# choice is made. Now read test for it.

# %%
effect_table(shapes, notes, changes, split="test", rule=rule)

# %% [markdown]
# On test the rule claims a small gain for SiLU. It is near the edge (its pairs are pooled over three depths and share
# three seeds), and of many intervals one in twenty misleads. To change the choice now would be to choose on test.
# Better draw a larger val next time.
#
# ## 6. Would borrowed weights help?
#
# ImageNet holds no radiographs. That its pictures have colours is no obstacle, as your `one_channel` shows. Three ways
# were tried at three sizes of training set: your network; Lite0 with ImageNet's weights, all of it trained further; and
# Lite0 from random weights. Lite0 took more time at each size, and made fewer epochs. Guess first: with how many studies
# does borrowing gain most? Below the figure, decide by the lines of val, then read those of test.

# %% tags=["plain"] alt="AUROC on val over the number of training studies, for three ways to train"
sizes = areas("size")
plt.figure(figsize=(6.5, 4))
for label, runs in sizes.groupby("label", sort=False):
    (line,) = plt.plot(runs.groupby("studies").val.mean(), label=label)
    plt.plot(runs.studies, runs.val, "o", color=line.get_color())
plt.axhline(0.5, linestyle=":", color="grey", label="a coin")
plt.xscale("log")
plt.xticks([150, 450, 1178], [150, 450, 1178])
plt.minorticks_off()
plt.xlabel("training studies")
plt.ylabel("AUROC on val")
plt.legend(loc="upper left", bbox_to_anchor=(1, 1))
plt.show()

# %%
own, lent = "8 layers, relu", "Lite0 with ImageNet weights"
borrow = {"borrowed, not your own": ("label", own, lent)}
tables = {
    split: effect_table(sizes, notes, borrow, split=split, rule=rule)
    for split in ("val", "test")
}
coins = sizes[sizes.label == "Lite0 from scratch"]
last = [epochs["train_loss"][-1] for epochs in coins.epochs]
print("Lite0 from scratch, last loss on train:", end=" ")
print(f"{min(last):.2f} to {max(last):.2f};", end=" ")
print(f"who always says one half has {np.log(2):.2f}")
pd.concat(tables, names=["split"])

# %% [markdown]
# Most with all studies, if at all: the mean gain grows with the number of studies, on val and on test. But the rule
# claims nothing. So the team keeps its own network, a tenth of the size. (On lesson 5's photos the gain was far larger,
# with two seeds.) And if there is a gain, whether it comes from the weights or from the larger network, these runs can't
# say: **Lite0 from random weights is hardly better than a coin.** It has not learned even its training studies. So how
# far it lies below the others says nothing about what the weights are worth.
#
# All this belongs to these drawn scans, sizes and recipes. Raghu et al. (2019) asked the same with hundreds of thousands
# of real medical pictures: small networks of their own came close to large borrowed ones. With few pictures it may
# differ. And for real radiographs, unlike for these, there are weights that were trained on radiographs
# (TorchXRayVision).
#
# ## 7. Where does it look?
#
# Your network averages its last feature map and applies one linear layer. It might as well apply that layer at each
# place, and average then. So each place has its share in the verdict: a [class activation
# map](glossary.md#class-activation-map).


# %% tags=["plain"]
@torch.no_grad()
def evidence(network, pictures):
    """Of each place: what speaks for ill, minus what speaks for healthy."""
    loader = DataLoader(pictures, batch_size=64)
    body, head = network.eval()[:-3], network[-1]  # without average and head
    features = torch.cat([body(x.to(device)) for x, _ in loader])
    weights, bias = (part[1] - part[0] for part in head.parameters())
    return (torch.einsum("nchw,c->nhw", features, weights) + bias).cpu()


maps = evidence(network, Subset(sets["test"], ill_rows.tolist()))
logits = answers(network, sets["test"])[ill_rows]
apart = maps.mean((1, 2)) - (logits[:, 1] - logits[:, 0])
print(tuple(maps.shape), "studies, rows, columns")
print(f"their mean is the difference of the logits, to {apart.abs().max():.4f}")

# %% alt="Five ill studies, coloured by their evidence for illness; anomalies are outlined, strongest places ringed"
plainest = ill_test.groupby("anomaly").detectability.idxmax()
rows = plainest.tolist()
found = scores["test"][ill_rows[rows]]
captions = [
    f"{k}, score {s:.2f}" for k, s in zip(plainest.index, found, strict=True)
]
figures.show_evidence(ill_test.path[rows], maps[rows], captions)

# %% [markdown]
# These are the plainest studies of each kind. Five pictures prove nothing, so the appendix counts in all ill test studies
# but the wide hearts how often the strongest place lies on the anomaly. Your network points better than one fixed pixel
# does. Networks with four stages point no better, though they detect as well. Detecting and pointing are two skills.
#
# ## 8. A scanner that it has never seen
#
# `elsewhere` comes from scanner C: other geometry, noise and processing, and patients lie down. Take your detector with
# the threshold that it has. Three things can break: the order of the scores (AUROC), their level (specificity), and what
# a score means ([calibration](glossary.md#calibration)): of the studies with a score of one quarter, is one in four ill?
# Guess which of them break, then look.

# %% tags=["plain"]
for split in sets:
    judge(split)
names = ["0 to .2", ".2 to .4", ".4 to .6", ".6 to .8", ".8 to 1"]
shares = pd.DataFrame(index=pd.Index(names, name="score"))
for split, values in scores.items():
    place = (values * 5).long().clamp(max=4)
    groups = [truth[split][place == k].float() for k in range(5)]
    shares[split] = [f"{g.mean():.0%} of {len(g)}" for g in groups]
shares

# %% [markdown]
# The table shows, by score, how many are ill. **The order breaks**: AUROC falls, as in each training of the record. The
# level breaks: fewer of the ill are found, with more false alarms; how much differs from training to training. And a
# score had lost its meaning on test already, because fewer are ill there than in training. Elsewhere it changes again:
# high scores are wrong more often than on test, although more are ill.
#
# The level can be set again with healthy studies from there. That does not mend the order; for that, train with studies
# from there.
#
# ## 9. A leak, planted
#
# A team in a hurry splits *studies* at random instead of patients. So for each person in its exam, training has other
# studies of the same person. Here two networks were trained for one exam, which asks for one study each of half the train
# patients: *studies mixed* learned from other studies of these people, *patients apart* from as many other people, with
# about as many studies. By how much does the leak flatter?

# %% tags=["plain"]
leak = pd.DataFrame(record["leak"])
exams = zip(leak.scores, leak.exam_labels, strict=True)
leak["exam"] = [
    auroc(torch.tensor(s["exam"]), torch.tensor(y)) for s, y in exams
]
leak["val"] = [auroc(torch.tensor(s["val"]), truth["val"]) for s in leak.scores]
by_seed = leak.pivot(index="seed", columns="label", values=["exam", "val"])
for place in ("exam", "val"):
    more = by_seed[place, "studies mixed"] - by_seed[place, "patients apart"]
    low, high = stats.ttest_1samp(more, 0).confidence_interval()
    print(f"{place}: mixed is {more.mean():+.3f} ({low:+.3f} to {high:+.3f})")
by_seed.round(3)

# %% [markdown]
# In the exam the mixed network looks much better. The line for val is the check: there both networks judge strangers, and
# no difference may be claimed. What leaks is probably knowledge of people: ribs, heart, build, and whether they are ill.
# An ill patient's anomaly is in the same place in 85 of 100 studies. Where anomalies come and go, the leak would be
# smaller.
#
# Now write the split that does not leak.


# %% tags=["exercise"] exercise="split_patients"
# Exercise 6.4: patients is a list, the patient of each study. Return a list of
# True (val) and False (train), one for each study. Draw about the given share
# of the patients at random for val, and let nobody be on both sides.
def split_patients(patients, share):
    return ...


# %% tags=["check"]
exercises.split_patients.check(split_patients)

# %% [markdown]
# ## Recap
#
# - A definition is yours to change: its first layer, its depth, its activation, or blocks of your own.
# - Where illness is rare, report sensitivity and specificity, AUROC with an interval over patients, and the
#   [share of right alarms](glossary.md#positive-predictive-value) for the place of use. Never accuracy alone.
# - The threshold is chosen on val, and again for each new scanner.
# - One rule for all choices, on val; read test after a choice, not for it. "Can't tell" is an answer.
# - Borrowed weights are a question to measure. The honest rival is what you can do without.
# - Split patients, not studies.
#
# ## Quiz

# %%
QUIZ

# %% [markdown]
# ## Appendix: pointing, costs, real scans
#
# **The pointing game.** Each ill test study counts, but not the wide hearts, which have no one place. Is the strongest
# place on the anomaly, or within 8 stored pixels of it? Networks of the record are there for comparison. Three rows do
# not look at the picture: one fixed pixel, the one that most anomalies of train cover; and the most that maps of 8 x 8 or
# 4 x 4 cells allow, for somebody who knows the best cell. (A network with three stages has 8 x 8 cells, one with four
# stages and Lite0 4 x 4.)


# %% tags=["plain"]
def masks_of(paths):
    """What the anomaly of each study changed: (N, 1, 192, 192)."""
    files = [(SCANS / "masks" / path).with_suffix(".png") for path in paths]
    masks = [np.array(Image.open(file).convert("L")) > 0 for file in files]
    return torch.from_numpy(np.stack(masks)).float()[:, None]


def middles(cells):
    """The middle of each cell of a map, row by row: (cells * cells, 2)."""
    steps = (torch.arange(cells) + 0.5) * 192 / cells
    return torch.cartesian_prod(steps, steps).long()


def hits(places):
    """Whether each place (N, 2), row and column, lies on the anomaly."""
    rows, columns = places.T
    return near[torch.arange(len(near)), rows, columns].float().mean().item()


# %% tags=["plain"]
local = ill_test[ill_test.anomaly != "cardiomegaly"]
near = F.max_pool2d(masks_of(local.path), 17, 1, padding=8)[:, 0] > 0
strongest = middles(maps.shape[-1])[maps.flatten(1).argmax(1)]
pointed = {"your network": hits(strongest[local.index])}
runs = pd.concat([shapes, sizes[sizes.studies == sizes.studies.max()]])
runs = runs.drop_duplicates(["label", "seed"])
for label, group in runs.groupby("label", sort=False):
    places = [torch.tensor(one)[local.index] for one in group.places]
    pointed[label] = np.mean([hits(one) for one in places])
known = parts["train"].query("ill and anomaly != 'cardiomegaly'")
common = masks_of(known.index).mean((0, 1)).argmax().item()
pointed["one fixed pixel"] = hits(
    torch.tensor([divmod(common, 192)] * len(near))
)

# %% tags=["plain"]
for cells in (8, 4):
    rows, columns = middles(cells).T
    covered = near[:, rows, columns].any(1).float().mean().item()
    pointed[f"most that {cells} x {cells} allow"] = covered
pd.Series(pointed, name="hits").map("{:.0%}".format).to_frame()

# %% [markdown]
# Networks with four stages detect as well as yours, and point no better than one fixed pixel. The size of their cells
# explains only a part: with 4 x 4 cells most anomalies could be hit. What a late place adds was computed from nearly the
# whole picture, so it may land beside its cause. If you need the place, choose the shape for it, and measure.
#
# **Costs and kinds.** Seconds are rough: the machine had other work. Under each anomaly stands the AUROC on test of its
# studies against all healthy ones.

# %% tags=["plain"]
columns = ["seconds", "trainable_parameters", "test", "elsewhere"]
anomaly = parts["test"].anomaly.to_numpy()
for kind in sorted(set(anomaly) - {""}):
    rows = (anomaly == kind) | (anomaly == "")
    found = [torch.tensor(scores["test"])[rows] for scores in runs.scores]
    runs[kind] = [auroc(one, truth["test"][rows]) for one in found]
    columns.append(kind)
table = runs.groupby("label", sort=False)[columns].mean()
table.style.format("{:.2f}").format("{:,.0f}", subset=columns[:2])

# %% [markdown]
# **Real scans.** [MedMNIST](https://medmnist.com) (Yang et al. 2023) holds real, small medical pictures with licences,
# among them chest radiographs. With a network, `pip install medmnist`, then
#
# ```python
# from medmnist import PneumoniaMNIST
# real = PneumoniaMNIST("train", size=64, download=True, transform=...)
# ```
#
# gives a `Dataset` for your loop; its labels have the shape (1,). The pictures show children, and nothing is said of
# whether patients are kept apart.
#
# `data/scans/DATASHEET.md` says how the scans of this lesson are made, and what they can't teach.
