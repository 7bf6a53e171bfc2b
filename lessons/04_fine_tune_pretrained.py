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
# # 4. Fine-tune a pre-trained model
#
# A pre-defined model comes in two flavours: the [definition](glossary.md#definition) alone, trained from scratch
# (lesson 3), or, here, **with [pre-trained weights](glossary.md#pre-trained-weights)**. Somebody has trained
# EfficientNet-Lite0 on more than a million photos of [ImageNet](glossary.md#imagenet). You keep what it learned about
# edges, textures and shapes, and teach it your birds: load, freeze, replace the head, train the head, then unfreeze.
#
# **You will learn to**
#
# - freeze a network, replace its head, and check that frozen means frozen;
# - compute only once what never changes, and fit a linear probe in a blink;
# - unfreeze a network and train it with two learning rates;
# - choose how much of it to train, and how fast;
# - say what each step brought, on drawings and on photos;
# - run the same lines with VGG16, if you can have its weights, and with pictures of your own.
#
# **You need** [lesson 3](03_train_from_scratch.ipynb), or some practice with a training loop. **Time**: about an hour;
# the computer works for three minutes of it. It works offline.
#
# **Do you begin here?** Linked words stand in the [glossary](glossary.md). Run the cells from top to bottom with Shift
# + Enter, also the folded ones. In an exercise replace the `...`, run it, then the check below it;
# `exercises.is_frozen.hint()` in a new cell helps. Without your answer the course's own is used. A model learns from
# [train](glossary.md#train); [val](glossary.md#val) is to choose with, [test](glossary.md#test) for one report at the
# end. A training step takes a [batch](glossary.md#batch) of pictures, computes the [loss](glossary.md#loss) and its
# [gradients](glossary.md#gradient), and the [optimiser](glossary.md#optimiser) moves the
# [parameters](glossary.md#parameter).

# %% tags=["hide-input"]
# @title What draws pictures and checks exercises
from course_utils.runtime import pick
from course_utils.models.packaged import weights_file
from course_utils.notebook import plots
from course_utils.notebook.sandbox import explore_study
from course_utils.lessons.fine_tune_pretrained import exercises, figures
from course_utils.lessons.fine_tune_pretrained.board import show_scores
from course_utils.lessons.fine_tune_pretrained.folders import picture_folders
from course_utils.lessons.fine_tune_pretrained.quiz import QUIZ

WEIGHTS = str(weights_file())  # a file with EfficientNet-Lite0's weights
PER_CLASS = pick(smoke=4, standard=10, full=100)  # pictures of each species
SIDE = pick(smoke=96, standard=224, full=224)  # of a picture, in pixels
EPOCHS = pick(smoke=1, standard=8, full=30)
print("Ready.")

# %% tags=["plain"]
import copy
import math
import time

import timm
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision import models
from torchvision.datasets import ImageFolder
from torchvision.transforms import InterpolationMode, v2

# %% [markdown]
# ## 1. Pictures, weights, and what the weights expect
#
# A program drew the pictures (lesson 2): eighteen invented species, ten pictures of each to learn from. `DATA` names
# them. A folder of your own runs the whole lesson as well; section 10 comes back to it. `Birds` reads the pictures.
# With the [schedule](glossary.md#schedule) `warmup_cosine` the [learning rate](glossary.md#learning-rate) rises in the
# first tenth of the steps, and then falls to zero.
#
# Weights work well only on input like that of their training (lesson 1). timm notes it with them: size, way of
# resizing, mean and standard deviation (std) of each colour. So the model is loaded first. `views` then prepares
# pictures in this way, and random [crops and mirror images](glossary.md#augmentation) for training.

# %%
DATA = "fieldguide"  # or a folder, or the archive CUB_200_2011.tgz
BIRDS = picture_folders(DATA)  # holds train, val and test


# %% tags=["plain"]
class Birds(Dataset):
    def __init__(self, split, prepare, per_class=None):  # None takes all
        files = ImageFolder(BIRDS / split)
        labels = torch.tensor(files.targets)
        ids = [torch.where(labels == k)[0][:per_class] for k in labels.unique()]
        self.classes, self.prepare = files.classes, prepare
        self.pictures = [files[i] for i in torch.cat(ids).tolist()]

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, number):
        picture, label = self.pictures[number]
        return self.prepare(picture), label  # anew each time it is asked


def warmup_cosine(steps):
    rising = max(1, round(0.1 * steps))

    def share(number):
        done = (number - rising) / max(1, steps - rising)
        falling = (1 + math.cos(math.pi * done)) / 2
        return (number + 1) / rising if number < rising else falling

    return share  # PyTorch multiplies the rate by what it returns


# %% tags=["plain"]
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
pretrained = timm.create_model(
    "tf_efficientnet_lite0",
    pretrained=True,
    pretrained_cfg_overlay={"file": WEIGHTS},  # instead of a download
)
pretrained = pretrained.to(device, memory_format=torch.channels_last)
config = timm.data.resolve_model_data_config(pretrained)
for name in ("input_size", "crop_pct", "interpolation", "mean", "std"):
    print(f"{name:13} {config[name]}")


# %% tags=["plain"]
def views(mean, std, interpolation):
    """A picture's view for evaluation, and a random one for training."""
    to_float = v2.ToDtype(torch.float32, scale=True)
    to_numbers = [v2.ToImage(), to_float, v2.Normalize(mean, std)]
    resize = v2.Resize(round(SIDE / 0.875), interpolation)  # crop_pct
    crop = v2.RandomResizedCrop(SIDE, (0.5, 1.0), (0.8, 1.25), interpolation)
    fixed = [resize, v2.CenterCrop(SIDE), *to_numbers]
    varied = [crop, v2.RandomHorizontalFlip(), *to_numbers]
    return v2.Compose(fixed), v2.Compose(varied)


# %% tags=["plain"]
how = InterpolationMode(config["interpolation"])
evaluation, training = views(config["mean"], config["std"], how)
train, val = Birds("train", training, PER_CLASS), Birds("val", evaluation)
loader = DataLoader(train, batch_size=10, shuffle=True)
species = train.classes
print(len(train), "pictures in train,", len(val), "in val")

# %% [markdown]
# ## 2. The model as it comes
#
# Ask it before you change anything. `ask` returns its [logits](glossary.md#logits) and the right labels. What will a
# model say that knows the thousand names of ImageNet, and none of these birds?


# %% tags=["plain"]
@torch.no_grad()
def ask(model, pictures):
    model.eval()
    loader = DataLoader(pictures, batch_size=10)
    rows = [(model(x.to(device)).cpu(), labels) for x, labels in loader]
    logits, labels = (torch.cat(part) for part in zip(*rows, strict=True))
    return logits, labels


def accuracy(logits, labels):
    return (logits.argmax(1) == labels).float().mean().item()


# %% alt="Four birds, each with its name and the three ImageNet classes that the model believes in most"
# ImageNet's names, in the order that all its models share:
categories = models.ResNet50_Weights.DEFAULT.meta["categories"]
four = [len(val) * k // 4 for k in range(4)]
logits, labels = ask(pretrained, torch.utils.data.Subset(val, four))
captions = []
for share, label in zip(logits.softmax(1), labels, strict=True):
    best = share.topk(3).indices.tolist()
    guesses = [f"{categories[k]}, {share[k]:.0%}" for k in best]
    captions.append("\n".join([species[label], *guesses]))
plots.show_grid([val.pictures[i][0] for i in four], captions, columns=4)

# %% [markdown]
# Above each picture's guesses stands its true name. None of the thousand names fits, so the model names other birds, now
# and then with a large share. These names are of no use to you. The numbers inside that led to them are.
#
# ## 3. Freeze, replace the head
#
# These lines are in many tutorials (lesson 1). **Freeze**: no parameter gets a gradient. **Replace**: a new
# [head](glossary.md#head), with one output for each of your species. Everything before it is the
# [backbone](glossary.md#backbone).

# %% tags=["plain"]
model = copy.deepcopy(pretrained)
for parameter in model.parameters():
    parameter.requires_grad = False
num_features = model.classifier.in_features  # Lite0's name for its head
torch.manual_seed(0)
model.classifier = nn.Linear(num_features, len(species)).to(device)


def count(model):
    sizes = [(p.numel(), p.requires_grad) for p in model.parameters()]
    trains = sum(n for n, learns in sizes if learns)
    return f"{trains:,} of {sum(n for n, _ in sizes):,} parameters train"


print(count(model))  # a new layer trains by default

# %% [markdown]
# ## 4. Is frozen really frozen?
#
# Look at the whole [state dict](glossary.md#state-dict) before and after one training step, not at the parameters only.
# The cell after the check takes such a step, in train mode as every loop does, with an optimiser that knows the head only.
# What will your function say?


# %% tags=["exercise", "plain"] exercise="is_frozen"
# Exercise 4.1: given a state dict from before training and one from after, is
# everything but the head unchanged? The names of the head's tensors start with
# head, for instance "classifier.". Return True or False.
def is_frozen(before, after, head):
    return ...


# %% tags=["check"]
exercises.is_frozen.check(is_frozen)


# %% tags=["plain"]
def one_step(model):
    before = copy.deepcopy(model.state_dict())
    pictures, labels = next(iter(loader))
    optimizer = torch.optim.SGD(model.classifier.parameters(), lr=0.1)
    F.cross_entropy(model(pictures.to(device)), labels.to(device)).backward()
    optimizer.step()
    return before, model.state_dict()


frozen = exercises.is_frozen.use(is_frozen)
trial = copy.deepcopy(model).train()
before, after = one_step(trial)
print("frozen:", frozen(before, after, "classifier."))
changed = [n for n in before if (after[n] - before[n]).abs().sum() > 0]
print(len(changed), "of", len(before), "tensors changed:", *changed[:3])

# %% [markdown]
# It is not frozen. Two of the changed tensors are the head's. The others are [BatchNorm](glossary.md#batchnorm)'s running
# means and variances, with a counter of batches beside each pair. They are not parameters but
# [buffers](glossary.md#buffer), so `requires_grad` does not touch them. In train mode every batch moves them away from
# what the frozen weights were trained with. In eval mode they rest. So train mode needs one exception:


# %% tags=["plain"]
def train_mode(model):
    model.train()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


trial = copy.deepcopy(model)
train_mode(trial)
before, after = one_step(trial)
print("frozen:", frozen(before, after, "classifier."))

# %% [markdown]
# ## 5. Train the head
#
# The loop is lesson 3's, but it calls `train_mode`, takes an optimiser that you hand in, and measures val half way and
# at the end. The model stays as the last epoch leaves it. Two [epochs](glossary.md#epoch) show how fast it learns.


# %% tags=["plain"]
def fit(model, optimizer, epochs):
    steps = epochs * len(loader)
    rate = torch.optim.lr_scheduler.LambdaLR(optimizer, warmup_cosine(steps))
    for epoch in range(1, epochs + 1):
        train_mode(model)
        total = 0.0
        for pictures, labels in loader:
            logits = model(pictures.to(device))
            loss = F.cross_entropy(logits, labels.to(device))
            optimizer.zero_grad()  # backward adds to what is there
            loss.backward()
            optimizer.step()
            rate.step()
            total += loss.item() * len(labels)
        said = f"epoch {epoch}: train loss {total / len(train):.2f}"
        if epoch in (epochs // 2, epochs):
            val_accuracy = accuracy(*ask(model, val))
            said += f", val {val_accuracy:.1%}"
        print(said)
    return val_accuracy


# %% tags=["plain"]
chosen = {}  # of each model: val accuracy, and seconds that it took
by_loop = copy.deepcopy(model)
optimizer = torch.optim.AdamW(by_loop.classifier.parameters(), lr=3e-3)
began = time.perf_counter()
fit(by_loop, optimizer, epochs=2)
print(f"{time.perf_counter() - began:.0f} s")

# %% [markdown]
# ## 6. The frozen part never changes, so compute it once
#
# Show the backbone the same picture twice, and it answers with the same 1,280 numbers twice: its
# [features](glossary.md#features). The loop asks it again in every epoch. (It takes a new random crop each time; what is
# computed once has one fixed view.) In code, a backbone is the model with nothing for its head:

# %% tags=["plain"]
backbone = copy.deepcopy(model)
backbone.classifier = nn.Identity()
began = time.perf_counter()
x, y = ask(backbone, Birds("train", evaluation, PER_CLASS))
val_x, val_y = ask(backbone, val)
pass_seconds = time.perf_counter() - began
print(f"train {tuple(x.shape)}, val {tuple(val_x.shape)}: {pass_seconds:.0f} s")

# %% [markdown]
# What is left is a linear classifier on a table: a problem from before deep learning. This is the **[linear
# probe](glossary.md#linear-probe)**. LBFGS, an optimiser for such small problems, looks at all rows in each step. It asks
# for the loss several times, so it gets a function, the closure. The probe has one setting, the penalty `l2` on large
# weights.


# %% tags=["plain"]
def fit_probe(x, y, l2):
    torch.manual_seed(0)
    head = nn.Linear(x.shape[1], len(species))
    optimizer = torch.optim.LBFGS(
        head.parameters(), max_iter=200, line_search_fn="strong_wolfe"
    )

    def closure():
        optimizer.zero_grad()
        penalty = l2 * head.weight.square().sum()
        loss = F.cross_entropy(head(x), y) + penalty
        loss.backward()
        return loss

    optimizer.step(closure)
    return head


# %% tags=["exercise", "plain"] exercise="best_l2"
# Exercise 4.2: losses maps each split, "train" and "val", to a dictionary of
# l2 -> loss. Return the l2 that you expect to do best on new pictures.
def best_l2(losses):
    return ...


# %% tags=["check"]
exercises.best_l2.check(best_l2)

# %% tags=["plain"]
began = time.perf_counter()
heads = {10.0**-k: fit_probe(x, y, 10.0**-k) for k in range(1, 7)}
tables = {"train": (x, y), "val": (val_x, val_y)}
losses = {split: {} for split in tables}
with torch.no_grad():
    for l2, head in heads.items():
        for split, (rows, labels) in tables.items():
            losses[split][l2] = F.cross_entropy(head(rows), labels).item()
        both = ", ".join(f"{split} {losses[split][l2]:.2f}" for split in tables)
        print(f"l2 {l2:g}: loss {both}; val {accuracy(head(val_x), val_y):.1%}")
l2 = exercises.best_l2.use(best_l2)(losses)
seconds = time.perf_counter() - began
print(f"kept {l2:g}; all {len(heads)} fitted in {seconds:.1f} s")

# %% tags=["plain"]
probed = copy.deepcopy(model)
probed.classifier = heads[l2].to(device)
val_accuracy = accuracy(*ask(probed, val))
chosen["linear probe"] = val_accuracy, pass_seconds + seconds
print(f"the model with the probe as its head: {val_accuracy:.1%} on val")

# %% [markdown]
# Val chooses, by its loss. Accuracy is a rougher measure: it changes only when a picture's name changes, and then by a
# whole picture.
#
# Two epochs of the loop brought less than the probe, which is fitted to the end. More epochs would bring the loop closer,
# and each costs another pass. The probe's accuracy tells how much of your problem the borrowed weights solve already.
#
# ## 7. Unfreeze, with two learning rates
#
# Early layers see edges and colours, which serve any picture. Later ones put these together into what ImageNet's
# classes need, and 118 of its 1,000 classes are breeds of dog. Let them adapt to your birds: all from `blocks.2` on (of
# `blocks.0` to `blocks.6`), everything but the first, small layers. BatchNorm's statistics rest, as in section 4.
#
# An optimiser takes groups of parameters, each with its own learning rate. What is borrowed moves gently, the head
# faster. The cell after the check trains with your groups. Guess: how far above the probe will the model get on val?


# %% tags=["exercise", "plain"] exercise="two_rates"
# Exercise 4.3: build the groups. parameters is a dictionary of name ->
# parameter; names of the head start with "classifier.". Return a list of two
# dictionaries with "params" and "lr", backbone and head. Leave out what is
# frozen: its requires_grad is False.
def two_rates(parameters, lr_backbone, lr_head):
    return ...


# %% tags=["check"]
exercises.two_rates.check(two_rates)

# %% tags=["plain"]
tuned = copy.deepcopy(probed)
learns = False
for name, parameter in tuned.named_parameters():  # first layer to last
    learns = learns or name.startswith("blocks.2.")
    parameter.requires_grad = learns
print(count(tuned))

groups_of = exercises.two_rates.use(two_rates)
groups = groups_of(dict(tuned.named_parameters()), 5e-4, 3e-3)
optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
torch.manual_seed(0)
began = time.perf_counter()
val_accuracy = fit(tuned, optimizer, EPOCHS)
chosen["fine-tuned"] = val_accuracy, time.perf_counter() - began
print(f"{chosen['fine-tuned'][1]:.0f} s")

# %% [markdown]
# Compare with the probe's val: half way the model is ahead of it, and at the end further. The loss of train rises before
# it falls, because the head fitted features that now change. (Eight epochs are what a class has time for. Thirty are
# better; see the appendix.)
#
# ## 8. Where does this recipe come from?
#
# It was chosen by the accuracy on val. How much of the network trains, and how fast the borrowed part moves, were chosen
# together: trainings like yours, each with three [seeds](glossary.md#seed). The crosses train `blocks.2` on, but let
# BatchNorm's statistics move, as a plain `model.train()` would. Before you look: which rate will be best? And is it best
# to train everything?

# %% alt="Val accuracy over four rates for five choices of what trains"
figures.plot_rates_and_depths()

# %% [markdown]
# - **The rate can ruin everything.** Too low, and train is learned by heart while the borrowed weights hardly move; val
#   stays lower. Too high, and the network ends at a guess or little above it, unless only its last blocks train. 0.001 is
#   best or nearly so, but it is one step from that edge, so the lesson takes 0.0005. Tune the rate first, on val, for
#   your own pictures: three or four values, a factor of two or three apart.
# - **Depth**: to train more than the last blocks helps. `blocks.4`, `blocks.2` and everything lie close together, and
#   each step takes more time (the seconds in the legend). The lesson takes the middle one.
# - **BatchNorm should rest.** With statistics that move in batches of ten, accuracy is far lower at 0.001 and below, with
#   every seed. (It survives even 0.002, but stays far below the best of the others.)
#
# ## 9. The test, once
#
# All choices are made, and each model reads test once. "Give or take" is two [standard
# errors](glossary.md#standard-error). Guess: how far apart are training from scratch, the probe and fine-tuning, when
# all learn from ten pictures of each species?

# %% tags=["plain"]
test = Birds("test", evaluation)
models_of = {"linear probe": probed, "fine-tuned": tuned}
answers = {name: ask(model, test) for name, model in models_of.items()}
for name, (logits, labels) in answers.items():
    right = accuracy(logits, labels)
    error = math.sqrt(right * (1 - right) / len(test))
    print(f"{name:12}: val {chosen[name][0]:.1%}, test {right:.1%}", end=" ")
    print(f"give or take {200 * error:.1f} points")

# %% alt="Test accuracies: from scratch lowest, then the probe, then fine-tuning; on photos the last two are close"
# the short training from scratch is lesson 3's: shown if you ran it
show_scores(
    models_of,
    answers,
    chosen,
    pictures=(PER_CLASS, SIDE),
    drawn=DATA == "fieldguide",
)

# %% [markdown]
# This is what the course is about. "From scratch, same architecture" differs in nothing but the start and the recipe. "At
# its best" is the strongest rival without borrowed weights: another architecture, trained for long. (The last row is
# lesson 5's fine-tuning: the same part at the same rate for thirty epochs, with label smoothing and mixup.)
#
# Val came out a little higher than test. So small a difference can be luck. But val also had a say in the choices: it
# tends to flatter, and the more so the more you choose. Report test.
#
# Where did fine-tuning help? Look-alikes share the last word of their names and stand next to each other below. Will it be
# they that gain most? Will some species lose?

# %% alt="Accuracy of each species as a dot for the probe and a square for the fine-tuned model, joined by a line"
per_species = {}
for name, (logits, labels) in answers.items():
    hits = (logits.argmax(1) == labels).float()
    kinds = range(len(species))
    per_species[name] = [hits[labels == k].mean().item() for k in kinds]
probe, fine = (torch.tensor(values) for values in per_species.values())
gains = 100 * (fine - probe)
order = gains.argsort(descending=True).tolist()
for k in dict.fromkeys(order[:3] + order[-3:]):
    print(f"{species[k].replace('_', ' '):24} {gains[k]:+.0f} points")
print((gains < 0).sum().item(), "of", len(species), "species lost")
figures.plot_per_class(per_species, species)

# %% [markdown]
# Most species gain, and a few lose a little. The largest gains are those of look-alikes. Perhaps the probe's features
# hold too little of their small marks, which fine-tuning can learn. With forty test pictures of each species, a
# difference of less than about twenty points can be luck.
#
# ## 10. Real photos, and your own
#
# Drawn birds are not photos. The right half of section 9's figure shows the same ways on photos of twenty real species,
# ten of each, from [CUB-200-2011](https://data.caltech.edu/records/65de6-vp158), cut to the bird. There the probe is
# about as good as lesson 5's fine-tuning, probably because the weights were learned on photos. (Tried once, this lesson's
# fine-tuning was no better than the probe there. And some of CUB's photos are among ImageNet's, which flatters whatever
# is borrowed.)
#
# Now yours: write the path of a folder into `DATA` in section 1. Inside it, have one folder for each class, with at least
# twenty pictures in each. A part of them becomes val and test. Or write the path of CUB's archive, `CUB_200_2011.tgz`.
# Then run all cells. (The text will still speak of drawn birds. With few pictures val chooses badly and test's interval
# is wide. All 200 species of CUB keep two cores busy for half an hour.)
#
# ## 11. The same lines with VGG16
#
# Many tutorials fine-tune **VGG16**, from 2014. The lines are the same, only its head has another name: `classifier[6]`
# (lesson 1). It has no BatchNorm, so the trap of section 4 is not there. How does it compare with lesson 3's ResNet-18 and
# with Lite0, each with its head for a thousand classes? Guess which is the largest, and which the fastest.


# %% tags=["plain"]
def speed(model):
    """Pictures a second that it answers; the best of three batches."""
    pictures = torch.randn(8, 3, SIDE, SIDE, device=device)
    model = model.to(device, memory_format=torch.channels_last).eval()
    seconds = []
    with torch.no_grad():
        for _ in range(3):
            began = time.perf_counter()
            model(pictures).cpu()
            seconds.append(time.perf_counter() - began)
    return len(pictures) / min(seconds)


# %% tags=["plain"]
lite0 = "tf_efficientnet_lite0"
makers = {"vgg16": models.vgg16, "resnet18": models.resnet18}
makers[lite0] = lambda: timm.create_model(lite0)
speeds = {}
for name, make in makers.items():
    definition = make()
    numbers = sum(p.numel() for p in definition.parameters())
    norms = sum(isinstance(m, nn.BatchNorm2d) for m in definition.modules())
    speeds[name] = speed(definition)
    print(f"{name}: {numbers:,} parameters, {4 * numbers / 2**20:.0f} MiB,")
    print(f"    {norms} BatchNorm, {speeds[name]:.0f} pictures a second")
# most of VGG16 will be frozen: a step takes little longer than an answer
passes = 1.2 * EPOCHS * len(train) + 2 * len(val) + len(test)
print(f"VGG16 below: about {passes / speeds['vgg16'] / 60:.0f} minutes")

# %% [markdown]
# The oldest is the largest and the slowest. Size is no promise of accuracy, either. Others have fine-tuned on all 200
# species of CUB-200-2011, at 224 pixels: VGG-16, without its two large linear layers, named 74.5% of the photos, ResNet-50
# 80.6% ([HaoMood/fine-grained-baseline](https://github.com/HaoMood/fine-grained-baseline)).
#
# Now with VGG16's weights: set the variable to `True` if you have the minutes and, the first time, an internet connection
# for the download. The last three convolutions and the new head train, together from the start; its two large linear
# layers stay frozen. (The last cell is stored without output, and nobody has tuned these rates on the birds.)


# %% tags=["plain"]
def fine_tune_vgg16(vgg, expected):
    for parameter in vgg.parameters():
        parameter.requires_grad = False
    num_features = vgg.classifier[6].in_features
    vgg.classifier[6] = nn.Linear(num_features, len(species))
    for parameter in vgg.features[24:].parameters():
        parameter.requires_grad = True
    vgg.to(device, memory_format=torch.channels_last)
    groups = groups_of(dict(vgg.named_parameters()), 1e-4, 1e-3)
    fixed, varied = views(expected.mean, expected.std, expected.interpolation)
    train.prepare, val.prepare, test.prepare = varied, fixed, fixed
    try:
        fit(vgg, torch.optim.AdamW(groups, weight_decay=0.01), EPOCHS)
        print(f"VGG16: test accuracy {accuracy(*ask(vgg, test)):.1%}")
    finally:  # Lite0's again, also if you stop it
        train.prepare = training
        val.prepare = test.prepare = evaluation


# %% tags=["network", "plain"]
FINE_TUNE_VGG16 = False

if FINE_TUNE_VGG16:
    weights = models.VGG16_Weights.DEFAULT
    try:
        vgg = models.vgg16(weights=weights)
    except (OSError, RuntimeError) as error:
        print("No weights for VGG16 here, and none to be had now:", error)
    else:
        fine_tune_vgg16(vgg, weights.transforms())

# %% [markdown]
# ## Recap
#
# - Freezing is `requires_grad = False` **and** BatchNorm in eval mode.
# - What never changes is computed once. The probe is the first thing to try on a new problem: it is nearly free.
# - Then unfreeze, and train the borrowed part gently. How gently is the first thing to tune, on val.
# - Where it pays depends on the pictures: more on these drawings than on ten photos each of twenty species.
# - `take_home/finetune.py` (lesson 3) does both in one file: `--train head` and `--train all`.
#
# You tried ten pictures of each species, and one seed; that proves little. [Lesson 5](05_which_flavour_when.ipynb)
# compares the flavours as one would for a paper or a purchase.
#
# ## Quiz

# %%
QUIZ

# %% [markdown]
# ## Appendix: the recipe taken apart
#
# In each of these trainings one thing was changed, and nothing else. Each dot is a seed. Even a change that does nothing
# can point the same way with all three seeds: luck does that once in four times. Which change will matter most, for
# better or worse?

# %% alt="Loss curves and val accuracies of seven trainings, each with one thing changed"
explore_study("ingredients", choice="recipe", start="all of it")

# %% [markdown]
# - **A head that starts afresh** does better here, and **thirty epochs** instead of eight do. The probe's head fits train
#   with a loss near zero, so it leaves the rest little to learn from. On ten photos of each of twenty species the fresh
#   head did worse (val, one seed): there the borrowed features are good as they are, and a fresh head shakes them. So for
#   your own pictures try both.
# - **Without random crops and mirror images** accuracy falls.
# - **One rate for all** is a little worse with every seed, which may be luck. Label smoothing and mixup, which many
#   recipes have, do nothing that can be told from luck.
