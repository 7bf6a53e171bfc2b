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
# # 3. Train from scratch: the definition alone
#
# A pre-defined model comes in two flavours. This lesson takes the first: **the [definition](glossary.md#definition)
# alone**, whose weights are random numbers. You build the whole training in the open, in plain PyTorch, and train every
# weight on ten pictures of each species. How far does that go? Lesson 4 takes the second flavour and the same pictures.
#
# **You will learn to**
#
# - prepare pictures with a `Dataset` and a `DataLoader`;
# - check a model before any training, and with a single batch;
# - write the training loop, the val loop and the schedule of the learning rate;
# - keep the best epoch in a file, and load it;
# - read the curves of a run, and recognise three sick ones;
# - report a test accuracy with its interval, once.
#
# **You need** [lesson 1](01_two_flavours.ipynb) and the transforms of [lesson 2](02_meet_the_birds.ipynb). **Time**: about
# an hour; the computer works for three minutes of it. It works offline.

# %% tags=["hide-input"]
# @title What draws pictures and checks exercises
from course_utils import paths
from course_utils.runtime import pick
from course_utils.notebook import plots
from course_utils.notebook.sandbox import explore_study
from course_utils.lessons.train_from_scratch import exercises, figures
from course_utils.lessons.train_from_scratch.board import record
from course_utils.lessons.train_from_scratch.quiz import QUIZ

BIRDS = paths.course_root() / "data" / "fieldguide"  # the course's pictures
FINETUNE = paths.course_root() / "take_home" / "finetune.py"
PER_CLASS = pick(smoke=4, standard=10, full=100)  # pictures of each species
SIDE = pick(smoke=64, standard=96, full=96)  # of a picture, in pixels
EPOCHS = pick(smoke=1, standard=16, full=100)
FEW_EPOCHS = pick(smoke=1, standard=12, full=12)
print("Ready.")

# %% tags=["plain"]
import math
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision import models
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

# %% [markdown]
# ## 1. Pictures that a loader can ask for
#
# **[Train](glossary.md#train)** is to learn from, **[val](glossary.md#val)** to choose with, **[test](glossary.md#test)**
# to report from, once, at the end. Each is a `Dataset`: a class of your own that says how many pictures there are
# (`__len__`) and gives the one with a certain number (`__getitem__`). This one lists the files with `ImageFolder`, takes
# the first of each species, and keeps them in memory. It prepares a picture anew each time it is asked for.


# %% tags=["plain"]
class Birds(Dataset):
    def __init__(self, split, prepare, per_class=None):
        files = ImageFolder(BIRDS / split)
        labels = torch.tensor(files.targets)
        of_each = [torch.where(labels == k)[0] for k in labels.unique()]
        wanted = torch.cat([numbers[:per_class] for numbers in of_each])
        self.classes, self.prepare = files.classes, prepare
        self.pictures = [files[i] for i in wanted.tolist()]  # (picture, label)

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, number):
        picture, label = self.pictures[number]
        return self.prepare(picture), label


# %% [markdown]
# What is done to a picture is lesson 2's: for evaluation always the same, for training a random view each time
# ([augmentation](glossary.md#augmentation)). Only the size is smaller, because small pictures train faster: 96 pixels a
# side instead of 224 are a fifth of the work. Field marks shrink with the rest of the bird, so that has a price.
#
# A `DataLoader` collects pictures into [batches](glossary.md#batch). `shuffle=True` mixes them anew for each
# [epoch](glossary.md#epoch). Small batches mean more steps in an epoch. (There are no worker processes: they hang or crash
# in notebooks on some systems.)

# %% tags=["plain"]
to_float = v2.ToDtype(torch.float32, scale=True)  # 0 to 1
to_numbers = [v2.ToImage(), to_float, v2.Normalize([0.5] * 3, [0.5] * 3)]
resize = v2.Resize(round(SIDE * 256 / 224))  # the margin of lesson 2
evaluation = v2.Compose([resize, v2.CenterCrop(SIDE), *to_numbers])
crop = v2.RandomResizedCrop(SIDE, scale=(0.5, 1.0), ratio=(0.8, 1.25))
training = v2.Compose([crop, v2.RandomHorizontalFlip(), *to_numbers])

train = Birds("train", training, PER_CLASS)
val = Birds("val", evaluation)
loaders = {
    "train": DataLoader(train, batch_size=10, shuffle=True),
    "val": DataLoader(val, batch_size=60),
}
species = train.classes
print(len(train), "pictures in train,", len(val), "in val")

# %% [markdown]
# ## 2. The definition, and its first loss
#
# One line gives you ResNet-18: layers, sizes, and start values for its weights, nearly all of them random. `num_classes`
# sets the size of the last layer, the [head](glossary.md#head). `.to(device)` moves the numbers to a GPU, if there is one;
# pictures and labels must follow. (`channels_last` is an order in memory in which convolutions are often faster.)


# %% tags=["plain"]
gpu = torch.cuda.is_available()
device = torch.device("cuda" if gpu else "cpu")


def new_model(seed=0):
    torch.manual_seed(seed)
    model = models.resnet18(num_classes=len(species))
    return model.to(device, memory_format=torch.channels_last)


model = new_model()
print(f"{sum(p.numel() for p in model.parameters()):,} parameters")
print(model.fc)

# %% [markdown]
# Random weights know nothing, so the model should spread its belief evenly over the classes.
# [Cross-entropy](glossary.md#cross-entropy) is minus the natural logarithm of the probability that the right class got, so
# you can work out what such a guess costs. A first loss far from it is nearly always a bug, and this is the cheapest
# moment to find it.


# %% tags=["exercise", "plain"] exercise="guessing_loss"
# Exercise 3.1: the cross-entropy of a model that gives each of num_classes
# classes the same probability.
def guessing_loss(num_classes):
    return ...


# %% tags=["check"]
exercises.guessing_loss.check(guessing_loss)

# %% tags=["plain"]
guess = exercises.guessing_loss.use(guessing_loss)(len(species))
pictures, labels = next(iter(DataLoader(train, batch_size=60, shuffle=True)))
fresh = new_model().train()  # as it is while it learns
with torch.no_grad():  # without gradients: nothing is to be learned now
    logits = fresh(pictures.to(device))  # (60, 3, side, side) -> (60, 18)
    first = F.cross_entropy(logits, labels.to(device)).item()
print(f"first loss {first:.2f}; an even guess costs {guess:.2f}")

# %% [markdown]
# Close, but not equal: random weights favour some species a little.
#
# ## 3. One step
#
# Training is one small step, over and over. A batch goes *forward* through the model, and the [loss](glossary.md#loss)
# says as one number how wrong the answers are. Then three calls do all the learning:
#
# - `optimizer.step()` moves each weight a little, roughly in the direction in which the loss falls;
# - `loss.backward()` computes that direction: a [gradient](glossary.md#gradient) for each weight says how the loss changes
#   with it. It *adds* the gradients to what is there from before;
# - `optimizer.zero_grad()` empties them.
#
# In the order of this list nothing is learned. Write them in one that works.


# %% tags=["exercise", "plain"] exercise="training_step"
# Exercise 3.2: one training step. Make the three calls, in an order that works.
def training_step(model, optimizer, pictures, labels):
    loss = F.cross_entropy(model(pictures), labels)
    # three lines are missing here
    return loss.item()


# %% tags=["check"]
exercises.training_step.check(training_step)

# %% [markdown]
# Before you spend minutes, spend seconds: train on one batch of eight pictures again and again. A chain of data, model,
# loss and optimiser that works learns them by heart, and the loss falls to nearly nothing. If it does not, look for the
# fault now. (AdamW is the [optimiser](glossary.md#optimiser) most people start
# with; `lr` is the [learning rate](glossary.md#learning-rate), the size of its steps.)

# %% tags=["plain"]
step = exercises.training_step.use(training_step)
trial = new_model().train()
optimizer = torch.optim.AdamW(trial.parameters(), lr=1e-3)
pictures, labels = next(iter(DataLoader(train, batch_size=8, shuffle=True)))
batch = pictures.to(device), labels.to(device)
losses = [step(trial, optimizer, *batch) for _ in range(20)]
for number in (1, 2, 5, 10, 20):
    print(f"step {number:2}: loss {losses[number - 1]:.3f}")

# %% [markdown]
# The chain works. (Wrong labels would not show: they are learned by heart as well.)
#
# ## 4. How large a step? A range test
#
# The learning rate can ruin everything else. A cheap test shows which ones work: begin with a tiny rate, let it grow by a
# third at every step, and watch the loss. At first nothing happens; then the loss falls; at some point the steps are too
# large, and it climbs (after [Smith 2017](https://arxiv.org/abs/1506.01186)). Larger batches make it less shaky.


# %% tags=["plain"]
def endless(loader):
    while True:
        yield from loader


trial = new_model().train()
optimizer = torch.optim.AdamW(trial.parameters())
batches = endless(DataLoader(train, batch_size=30, shuffle=True))
rates, losses = [1e-5 * 1.3**n for n in range(44)], []
for rate, (pictures, labels) in zip(rates, batches, strict=False):
    optimizer.param_groups[0]["lr"] = rate  # where the optimiser keeps it
    batch = pictures.to(device), labels.to(device)
    losses.append(step(trial, optimizer, *batch))
print(f"{len(losses)} steps, from {rates[0]:.0e} to {rates[-1]:.1f}")

# %% alt="The loss is flat at tiny rates, falls a little to a lowest point, then climbs far above where it began"
figures.plot_rates(rates, losses)

# %% [markdown]
# The loss falls by little, because each rate has one step only. The running average lags behind, so where it is lowest, the
# rate is too high already. People take a third or a tenth of that rate. The test is crude; what do whole trainings say?
# Five were run beforehand, with the loop of the next section and nothing changed but the rate. (In a running notebook a
# slider shows them one by one.) Which will be best?

# %% alt="Loss curves for five learning rates and val accuracies: nearly flat at 0.00001, best at 0.001, chance at 0.1"
explore_study("learning_rate", choice="learning rate", start="1e-05")

# %% [markdown]
# At 0.00001 the curves hardly move within the epochs given. At 0.0001 train is learned and val is not. At 0.01 and above the
# losses come back to that of a guess, and stay near it. 0.001 is best, within a factor of three of what the range test
# says. One training each is enough to see that both ends are bad; it would not be enough to tell 0.001 from 0.002.
#
# The val loss of a good run, too, is far above that of a guess in its first epochs. The likely cause is
# [BatchNorm](glossary.md#batchnorm): it judges val by running averages, which lag behind weights in quick motion.
#
# ## 5. The loop
#
# Three parts are missing. First a **[schedule](glossary.md#schedule)**: the rate rises from nearly zero in the first
# tenth of the steps, and then falls along a cosine to zero, so that training comes to rest. `warmup_cosine` makes a
# function for a certain number of steps. PyTorch calls it before each step, and multiplies the rate by what it returns.


# %% tags=["plain"]
def warmup_cosine(steps):
    rising = max(1, round(0.1 * steps))

    def share(number):
        if number < rising:
            return (number + 1) / rising
        done = (number - rising) / max(1, steps - rising)
        return (1 + math.cos(math.pi * done)) / 2

    return share


share = warmup_cosine(300)
for number in (0, 14, 29, 30, 165, 250, 299):
    print(f"step {number:3}: rate {0.001 * share(number):.6f}")

# %% [markdown]
# Then the **val loop**. `model.eval()` switches the layers that behave differently in training, such as
# [BatchNorm](glossary.md#batchnorm); `model.train()` switches them back. `no_grad` saves the work for gradients. The last
# batch of a loader is often smaller. In an average of averages its few pictures would count too much, so this loop adds
# up over pictures.


# %% tags=["plain"]
@torch.no_grad()
def measure(model, loader):
    model.eval()
    loss, correct, seen = 0.0, 0, 0
    for pictures, labels in loader:
        pictures, labels = pictures.to(device), labels.to(device)
        logits = model(pictures)
        loss += F.cross_entropy(logits, labels, reduction="sum").item()
        correct += (logits.argmax(1) == labels).sum().item()
        seen += len(labels)
    return loss / seen, correct / seen


loss, accuracy = measure(model, loaders["val"])
print(f"untrained: val loss {loss:.2f}, val accuracy {accuracy:.1%}")

# %% [markdown]
# Last, a rule for **which epoch to keep**. An accuracy `a` on `n` pictures is an estimate: other pictures of the same kind
# would give another one. Its [standard error](glossary.md#standard-error), `sqrt(a * (1 - a) / n)`, says about how far
# off it is. So the highest of many accuracies is often a lucky one. This course keeps the latest epoch that is as good as
# the highest, give or take one standard error, because it has had more training.


# %% tags=["exercise", "plain"] exercise="worth_keeping"
# Exercise 3.3: accuracies holds the val accuracies measured so far, each on n
# pictures. Is the last one as high as the highest, or at most one standard
# error of the highest below it? Return True or False.
def worth_keeping(accuracies, n):
    return ...


# %% tags=["check"]
exercises.worth_keeping.check(worth_keeping)

# %% [markdown]
# Now all of it together. To save time, val is measured after every fourth epoch only. `torch.save` writes the [state
# dict](glossary.md#state-dict) into a file. [Weight decay](glossary.md#weight-decay) pulls all weights towards zero, a
# little at each step.


# %% tags=["plain"]
def fit(model, loaders, epochs, lr, file, every=4):
    optimizer = torch.optim.AdamW(model.parameters(), lr, weight_decay=0.05)
    steps = epochs * len(loaders["train"])
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, warmup_cosine(steps)
    )
    history, accuracies = [], []
    for epoch in range(1, epochs + 1):
        model.train()
        total = 0.0
        for pictures, labels in loaders["train"]:
            batch = pictures.to(device), labels.to(device)
            total += step(model, optimizer, *batch) * len(labels)
            schedule.step()
        if epoch % every == 0 or epoch == epochs:
            mean = total / len(loaders["train"].dataset)
            loss, accuracy = measure(model, loaders["val"])
            print(f"epoch {epoch}: train {mean:.2f}, val {loss:.2f}", end=" ")
            print(f"and {accuracy:.1%}")
            history.append((epoch, mean, loss, accuracy))
            accuracies.append(accuracy)
            if keep(accuracies, len(loaders["val"].dataset)):
                torch.save(model.state_dict(), file)
    return history


# %% [markdown]
# ## 6. Train in earnest
#
# Guess first: a name drawn at random is right once in eighteen times. What will the network reach on val?

# %% tags=["plain"]
keep = exercises.worth_keeping.use(worth_keeping)
folder = Path(tempfile.mkdtemp())
model = new_model()
began = time.perf_counter()
history = fit(model, loaders, EPOCHS, lr=1e-3, file=folder / "best.pt")
seconds = time.perf_counter() - began

# %% alt="Both losses fall, val stays far above train; val accuracy still rises at the end, close to the runs beforehand"
figures.plot_runs({"ResNet-18 from scratch": history}, beforehand=True)

# %% [markdown]
# Thin lines are the same recipe, run three times beforehand, each with its own [seed](glossary.md#seed): other random
# weights, pictures, order and crops. Yours should run close to them. (Train loss is an average over the epoch, on random
# views; val is measured after it.)
#
# The file holds the epoch that was kept. Load it into a fresh definition: `weights_only=True` lets in tensors and plain
# values such as text, but no code, in case the file is a stranger's. `map_location` puts the numbers where you want them.
# Then ask about train, too, without random crops.

# %% tags=["plain"]
best = models.resnet18(num_classes=len(species))
file = folder / "best.pt"
state = torch.load(file, map_location=device, weights_only=True)
print(best.load_state_dict(state))
best = best.to(device, memory_format=torch.channels_last)

clean_train = DataLoader(Birds("train", evaluation, PER_CLASS), batch_size=60)
for name, loader in {"train": clean_train, "val": loaders["val"]}.items():
    loss, accuracy = measure(best, loader)
    print(f"{name:5}: loss {loss:.2f}, accuracy {accuracy:.1%}")
val_accuracy = accuracy

# %% [markdown]
# Train runs far ahead of val: much of what it has learned fits these few pictures only.
#
# **From lesson 5 on, `fit` of this course does the training. It is the loop that you have just read**, with more safeguards:
# it stops a training whose loss is `nan`, keeps the best epoch when you interrupt it, avoids a batch of a single picture,
# from which BatchNorm learns badly or not at all, and can run on several GPUs.
#
# ## 7. Three ways to go wrong, on purpose
#
# You will meet sick runs, too. So make three now and remember their faces: a rate that is far too low, one that is far
# too high, and a run without augmentation. They use five small pictures of each species. Which panel will be which?

# %% alt="Loss curves of three sick runs: A both flat; B far too high, then a guess; C train near zero with val far above"
SMALL = 48  # a quarter of the work
small = v2.Compose([v2.Resize(55), v2.CenterCrop(SMALL), *to_numbers])
crop = v2.RandomResizedCrop(SMALL, scale=(0.5, 1.0), ratio=(0.8, 1.25))
small_view = v2.Compose([crop, v2.RandomHorizontalFlip(), *to_numbers])
small_val = DataLoader(Birds("val", small, per_class=5), batch_size=60)
runs = [(small, 1e-3), (small_view, 0.5), (small_view, 1e-5)]
random.Random(4).shuffle(runs)
sick = {}
for name, (prepare, lr) in zip("ABC", runs, strict=True):
    few = DataLoader(Birds("train", prepare, 5), batch_size=10, shuffle=True)
    both = {"train": few, "val": small_val}
    print("Run", name)
    file = folder / "sick.pt"
    sick[name] = fit(new_model(), both, FEW_EPOCHS, lr, file, every=3)
figures.plot_runs(sick)

# %% [markdown]
# - **A, rate too low**: both curves stay near the loss of guessing. That is **[under-fitting](glossary.md#under-fitting)**.
#   More epochs or a higher rate would help.
# - **B, rate too high**: the loss jumps far above that of guessing, out of the panel, and comes back to it at best. Lower
#   the rate.
# - **C, nothing but repetition**: train falls to nothing, and val ends above the loss of a guess. That is
#   **[over-fitting](glossary.md#over-fitting)**. Augmentation or more pictures would help.
#
# In your run of section 6, too, train is far ahead, but val still gets better. Two remedies were at work: augmentation
# changes the pictures, weight decay the weights. How much is each worth? Here are trainings like that of section 6,
# with neither, with one, with the other, and with both, three seeds each.

# %% alt="Loss curves and accuracies of four trainings: augmentation raises val accuracy, weight decay changes little"
explore_study("regularisation", choice="remedy", start="nothing")

# %% [markdown]
# Augmentation does most of the work here. Weight decay adds a little with most of the seeds; three are too few to say more.
# On other pictures, or with longer training, it may be otherwise: measure before you believe a recipe, this one included.
#
# ## 8. The test, once
#
# All choices are made. Val had a say in them, so its accuracy flatters the model a little. Test had none. Two standard
# errors to each side make an [interval](glossary.md#interval): the accuracy on very many pictures of this kind most
# probably lies in it.
#
# The figure puts the network beside chance, and beside a predictor that looks at colours only, as in lesson 2, and has
# learned from the same pictures. On top stands the same definition, trained much longer on larger pictures, as in lesson 5.

# %% tags=["plain"]
test = Birds("test", evaluation)
best.eval()
with torch.no_grad():
    loader = DataLoader(test, batch_size=60)
    named = torch.cat([best(x.to(device)).argmax(1).cpu() for x, _ in loader])
labels = torch.tensor([label for _, label in test.pictures])
accuracy = (named == labels).float().mean().item()
error = math.sqrt(accuracy * (1 - accuracy) / len(test))
print(f"test accuracy {accuracy:.1%}, give or take {2 * error:.1%}")

# %% alt="Accuracy on test: a longer training is best, then the network, far behind it colours, and chance"
about = {"seconds": seconds, "val_accuracy": val_accuracy}
record(best, named, labels, pictures=(PER_CLASS, SIDE), **about)
sets = (birds.pictures for birds in (train, val, test))
figures.plot_beside_colours(*sets, accuracy)

# %% [markdown]
# Which species does it mix up? Here are its six most frequent mistakes, with how often it made them, and a picture of
# each. Would you have been taken in, too?

# %% alt="Six birds that were named wrongly, each with its species and the name it was given below it"
pairs = list(zip(labels.tolist(), named.tolist(), strict=True))
wrong = Counter((bird, name) for bird, name in pairs if bird != name)
frequent = wrong.most_common(6)
these = sum(times for _, times in frequent)
print(f"{wrong.total()} mistakes, {these} of them of these six kinds")
shown = [test.pictures[pairs.index(pair)][0] for pair, _ in frequent]
captions = [
    f"{times} x {species[bird]},\nnamed {species[name]}"
    for (bird, name), times in frequent
]
plots.show_grid(shown, captions, columns=3)

# %% [markdown]
# The most frequent ones are look-alikes, which differ in one small mark. But most mistakes are of other kinds: from so few
# pictures even colours and outlines are learned only in part. More pictures might help, or weights that have learned to
# see elsewhere: lesson 4.
#
# ## 9. The same in one file
#
# `take_home/finetune.py` is yours to keep: such a loop in one file of 120 lines, without this course. (It keeps the epoch of
# the highest val accuracy, and takes pre-trained weights, too.) Give it a folder that holds a folder for each class. It
# splits off val, trains, and names pictures afterwards. Here it learns from the pictures of val, for two epochs, and names
# one bird. Later, give it your own pictures.


# %%
def finetune(*words):
    command = [sys.executable, FINETUNE, *words]
    ran = subprocess.run(command, cwd=folder, capture_output=True)
    said = (ran.stdout + ran.stderr).decode(errors="replace")
    for line in said.split("\n"):  # of a bar that runs, its last state
        print(line.rstrip("\r").rpartition("\r")[2])


recipe = "--model resnet18 --weights none --side 48 --epochs 2"
finetune(BIRDS / "val", *recipe.split())
bird = BIRDS / "test" / "Garnet_Hedgefinch"
finetune(next(bird.iterdir()), "--name", "model.pt")

# %% [markdown]
# ## Recap
#
# - A definition is an architecture with random weights. `models.resnet18(num_classes=...)` is all it takes.
# - The first loss must be near that of guessing, and one batch must be learnable by heart. Check both, always.
# - Train is to learn, val to choose, test to report, once. Means are over pictures, not over batches.
# - An accuracy without its standard error says little.
#
# [Lesson 4](04_fine_tune_pretrained.ipynb) takes the second flavour: the same pictures, and weights that have seen
# a million photos.
#
# ## Quiz

# %%
QUIZ
