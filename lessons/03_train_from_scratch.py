# ---
# jupyter:
#   borrowed_feathers:
#     workload: scratch
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 3. Train from scratch: the definition alone
#
# A pre-defined model comes in two flavours. This lesson takes the first: **the [definition](glossary.md#definition)
# alone**, an architecture whose weights are random numbers. You train every one of them on ten pictures of each
# species, watch what happens, and find out how far that goes. Lesson 4 takes the second flavour and the same pictures.
#
# **You will learn to**
#
# - load a definition and check, before any training, that its first loss is what it must be;
# - write a training step by hand, and read the loop around it;
# - prove with a single batch that the whole chain can learn;
# - read the curves of a run and say whether it under-fits or over-fits;
# - see what learning rate, augmentation and regularisation each do to the same training;
# - report a test accuracy with its interval, once.
#
# **You need** Python and a first acquaintance with PyTorch tensors and modules. The longest cell trains for a
# minute or two on a laptop and shows a bar with the time left. No network is needed.

# %%
import math
import random

import torch
from torch.nn import functional as F
from torchvision import models

from course_utils.runtime import pick
from course_utils.data import eval_transform, load_birds, train_transform
from course_utils.models import build_definition, count_parameters
from course_utils.models import load_pretrained, preprocessing_for
from course_utils.notebook import plots
from course_utils.notebook.sandbox import explore_study
from course_utils.lessons.train_from_scratch import exercises, figures
from course_utils.lessons.train_from_scratch.quiz import QUIZ

# %%
from course_utils.metrics.intervals import accuracy_in_words
from course_utils.training import Recipe, find_learning_rate, fit, make_loader
from course_utils.training import predict
from course_utils.experiments import scoreboard
from course_utils.experiments.compare import measured
from course_utils.experiments.run import result_of
from course_utils.experiments.studies import read_study, study_table
from course_utils.notebook.confusions import between_look_alikes
from course_utils.notebook.confusions import browse_confusions
from course_utils.notebook.style import relatives_together

# %% [markdown]
# ## 1. The pictures
#
# The course brings its own birds: invented species, drawn by a program, so that they ship with the course and need no
# download. Some differ in one field mark only, as they do outdoors. Ten pictures of each species are used here,
# about what a biologist brings home from a morning.
#
# `load_birds` gives three sets. **[train](glossary.md#train)** is to learn from, **[val](glossary.md#val)** to choose
# with (when to stop, which setting), **[test](glossary.md#test)** to report from, once, at the very end. A picture that
# helped to choose anything can't be an honest examiner any more.
#
# `pick` gives the amount of work that fits your [profile](glossary.md#profile): seconds for a trial run (`smoke`), a
# laptop's minutes (`standard`), a GPU's (`full`). The text of this lesson describes `standard`.

# %%
birds = load_birds(
    "fieldguide", images_per_class=pick(smoke=4, standard=10, full=None)
)
for images in birds:
    print(images)

# %% alt="Drawn birds in a grid, one of each species, each under its name; look-alikes stand one after the other"
first_of_each = [
    birds.train.labels.tolist().index(label)
    for label in relatives_together(birds.classes)
]
plots.show_pictures(birds.train, first_of_each)

# %% [markdown]
# ## 2. The definition
#
# One line of torchvision gives you ResNet-18 (lesson 1): layers, connections, sizes, and random numbers for weights. That is
# all a *definition* is. `num_classes` sets the size of the last layer, the **[head](glossary.md#head)**.

# %% tags=["nbval-check-output"]
model = models.resnet18(num_classes=len(birds.classes))
print(count_parameters(model))
print(model.fc)

# %% [markdown]
# ## 3. What goes in
#
# A model sees numbers, not pictures. For evaluation each picture is resized, its centre cut out, and its values brought to
# about zero mean and unit spread: the same every time. For training, a random crop and a random mirror image make each look
# at a picture a new one ([augmentation](glossary.md#augmentation)). Colours stay as they are, because in birds they are
# field marks.
#
# Small inputs train faster. 128 px a side is a compromise: field marks shrink with the rest of the bird. The mean and
# deviation below are those of ImageNet's photos. For a model from scratch they are as good as any that bring the numbers
# near zero mean and unit spread, in training as in use.

# %%
size = pick(smoke=64, standard=128, full=128)
preprocessing = preprocessing_for("resnet18", image_size=size)
train_set = birds.train.with_transform(train_transform(preprocessing))
val_set = birds.val.with_transform(eval_transform(preprocessing))
preprocessing

# %% alt="The same bird six times, each time cropped and mirrored differently"
views = [train_set[0][0] for _ in range(6)]
mean, std = (
    torch.tensor(v).view(3, 1, 1)
    for v in (preprocessing.mean, preprocessing.std)
)
as_pixels = [((view * std + mean) * 255).clamp(0, 255).byte() for view in views]
plots.show_tensors(as_pixels, captions=[f"look {i}" for i in range(1, 7)])

# %% [markdown]
# A crop can cut the deciding mark away. Think of a bird whose label says *ringed* while its ring lies outside the crop:
# what does the model learn from it? Such a look teaches to guess. A few of them do no harm; were the crops much smaller,
# most looks would be of that kind.
#
# ## 4. Before training: what must the first loss be?
#
# Random weights know nothing, so the model should spread its belief evenly over the classes. You can work out the
# [cross-entropy](glossary.md#cross-entropy) of such a guess with paper and pencil. A first loss far from it is nearly
# always a bug, and this is the cheapest moment to find it.


# %% tags=["exercise"] exercise="guessing_loss"
# Exercise 3.1: the cross-entropy of a model that gives each of num_classes
# classes the same probability.
def guessing_loss(num_classes):
    return ...


# %% tags=["check"]
exercises.guessing_loss.check(
    guessing_loss
)  # .hint() and .solution() are there when you want them

# %%
pictures, labels = next(
    iter(make_loader(train_set, batch_size=64, shuffle=True))
)
model.train()
with torch.no_grad():
    first_loss = F.cross_entropy(model(pictures), labels).item()
guess = math.log(len(birds.classes))
classes = len(birds.classes)
print(f"first loss {first_loss:.2f};", end=" ")
print(f"an even guess among {classes} classes costs {guess:.2f}")

# %% [markdown]
# The model answers with **[logits](glossary.md#logits)**: one number for each class, of any size, the largest for the
# class it believes in most. [Softmax](glossary.md#softmax) turns them into shares that add up to one; cross-entropy does
# that inside.
#
# Close, but not equal: random weights are not perfectly even-handed, so the loss starts a little above the guess.
#
# ## 5. One step, and the loop around it
#
# Training is one small step, over and over. A batch goes *forward* through the model, and the [loss](glossary.md#loss)
# says as one number how wrong the answers are. Then three calls do all the learning:
#
# - `optimizer.step()` moves each weight a little against its [gradient](glossary.md#gradient), the way in which the loss
#   falls; the [optimiser](glossary.md#optimiser) holds the weights and knows how far;
# - `loss.backward()` computes these gradients: how the loss would change with each weight. It *adds* them to what is
#   there from before;
# - `optimizer.zero_grad()` empties them.
#
# The list names them in the wrong order. Write them in the right one.


# %% tags=["exercise"] exercise="training_step"
# Exercise 3.2: one training step. Make the three calls, in an order that works.
def training_step(model, optimizer, pictures, labels):
    loss = F.cross_entropy(model(pictures), labels)
    # three lines are missing here
    return loss.item()


# %% tags=["check"]
exercises.training_step.check(training_step)

# %% [markdown]
# Everything else in this course that trains does what the next lines do: such a step for each batch, and some bookkeeping.
# `model.train()` tells the layers that behave differently in training, such as [BatchNorm](glossary.md#batchnorm);
# `model.eval()` is its opposite.
#
# Most data sets do not divide evenly, so the last batch is smaller. Whoever averages the batches' averages gives its few
# pictures too much weight; here each batch counts by the pictures it holds.


# %%
def one_epoch(model, loader, optimizer):
    model.train()
    total_loss, correct, seen = 0.0, 0, 0
    for pictures, labels in loader:
        logits = model(pictures)  # forward: (N, 3, H, W) -> (N, classes)
        loss = F.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total_loss += loss.item() * len(labels)  # a mean over pictures,
        correct += (logits.argmax(1) == labels).sum().item()  # not over batches
        seen += len(labels)
    return total_loss / seen, correct / seen


# %% [markdown]
# ## 6. Can it learn at all? Overfit one batch
#
# Before you spend minutes, spend seconds: train on one batch of eight pictures again and again. A working chain
# of data, model, loss and optimiser drives the loss to nearly nothing. If it can't learn eight pictures by heart,
# it will not learn anything from hundreds. (`build_definition` is the line of section 2 with a seed, so that the
# random weights are the same ones every time. AdamW is the [optimiser](glossary.md#optimiser) most people start with.)

# %% alt="The loss on one batch falls from that of guessing to nearly zero within a few steps"
torch.manual_seed(0)
fresh = build_definition("resnet18", len(birds.classes), seed=0)
one_batch = [next(iter(make_loader(train_set, batch_size=8, shuffle=True)))]
optimizer = torch.optim.AdamW(fresh.parameters(), lr=1e-3)
losses = [
    one_epoch(fresh, one_batch, optimizer)[0]
    for _ in range(pick(smoke=5, standard=30, full=30))
]
figures.plot_losses(losses, chance=math.log(len(birds.classes)))

# %% [markdown]
# The loss is nearly gone: the chain works. It learned the eight pictures by heart, which is worthless outdoors and
# exactly what we wanted to know.
#
# ## 7. How large a step? A range test
#
# The [learning rate](glossary.md#learning-rate) is the one setting that can ruin everything else. There is a cheap way
# to see which ones work: start tiny, multiply the rate a little at every step, and watch the loss. At first nothing
# happens; then it falls; at some point the steps overshoot and it shoots up
# ([Smith 2017](https://arxiv.org/abs/1506.01186)).

# %% alt="The loss is flat at tiny rates, falls to a lowest point, then climbs far above where it began"
trial = build_definition("resnet18", len(birds.classes), seed=0)
found = find_learning_rate(
    trial, train_set, steps=pick(smoke=12, standard=60, full=100)
)
figures.plot_learning_rates(found)

# %% [markdown]
# Left of the dotted line little happens within so few steps. To the right of the lowest point larger steps no longer help,
# and much further to the right they overshoot. The curve is a running average, so it lags behind: at its lowest point the
# rate is too high already, and people go back by up to a factor of ten, to the dotted line. Anywhere in between will
# serve; the test is crude, and a factor of three is no disagreement.
#
# What do whole trainings say? Each position of the slider below is one, run to the end beforehand
# (`results/studies.json`), with the recipe of the next section and nothing changed but the rate. Which will be best?

# %% alt="Loss curves for five learning rates and val accuracies: flat at 0.00001, best at 0.001, poor again at 0.1"
explore_study(
    read_study("learning_rate"), choice="learning rate", start="1e-05"
)

# %% [markdown]
# At the lowest rate the curves hardly move within the epochs given; one step up train falls, and val stays where it was.
# The highest rates first throw the weights far off (the panels cut those losses), lose many epochs on the way back, and
# end with a lower val accuracy. One run each is enough to see that both ends are bad; it would not be enough to tell
# 0.001 from 0.002.
#
# The peaks of val in the first epochs are no disaster. Their likely cause is [BatchNorm](glossary.md#batchnorm): it judges
# val by running averages, which lag behind weights in quick motion.
#
# ## 8. Train in earnest
#
# `fit` is the loop above with what you want in practice: a [learning rate](glossary.md#learning-rate) that warms up and
# then fades along a cosine, AdamW with some [weight decay](glossary.md#weight-decay), a little
# [label smoothing](glossary.md#label-smoothing), and a measurement on val after every [epoch](glossary.md#epoch). What it
# is told stands in a [recipe](glossary.md#recipe). At the end it keeps the latest epoch whose val accuracy is
# as good as the highest within a [standard error](glossary.md#standard-error): with a small val, the highest itself is
# often a lucky one. It runs on a GPU where there is one.

# %%
recipe = Recipe(
    epochs=pick(smoke=1, standard=40, full=200),
    lr=1e-3,
    batch_size=pick(smoke=8, standard=20, full=32),
)
print(recipe)

# %%
model = build_definition("resnet18", len(birds.classes), seed=0)
random_filters = model.conv1.weight.detach().clone()
history = fit(model, train_set, val=val_set, recipe=recipe, seed=0)
print(history)

# %% alt="Two panels over epochs: train loss falls steadily, val loss peaks first; val accuracy ends far below train's"
beforehand = [
    run.history
    for run in read_study("regularisation")
    if run.label == "all of them"
]
plots.plot_history(history, title="ResNet-18 from scratch", earlier=beforehand)

# %% [markdown]
# Thin lines are the same training, measured beforehand, one line a [seed](glossary.md#seed): it decides the random weights,
# which pictures are drawn for train, their order and their crops. Your curve should run close to them.
#
# Read the two curves together: train runs far ahead of val. With ten pictures of each species even augmented ones are
# learned by heart, and what is learned by heart does not carry over. (Where there is more to learn from, train may look
# *worse* than val: it is measured during the epoch, on cropped and mirrored pictures, and with label smoothing, under which
# no loss can reach zero, however well the pictures are known; val is measured after the epoch, on clean pictures.)
#
# Val has already done its work: it had a say in every setting, and in which epoch was kept. Whatever chooses flatters, on
# average, what it chose, so its accuracy is not the one to report.
#
# Are these epochs enough? They are what a lesson's minutes allow. The comparison of lesson 5 trains three times as long,
# until val has come to rest; here is its run on the same pictures. It is no continuation of yours: its rate fades over
# three times as many epochs, too. Compare where the two end.

# %% alt="Two panels over 120 epochs: train loss falls steadily; val accuracy rises long after epoch 40, then rests"
longer = [
    run
    for run in measured("fieldguide").results
    if run.flavour == "scratch_best" and run.images_per_class == 10
]
plots.plot_history(longer[0].history, title="Trained three times as long")

# %% [markdown]
# ## 9. Three ways to go wrong, on purpose
#
# You will meet sick runs more often than healthy ones, so make three now and remember their faces. They use five
# pictures of each species and a few epochs: a rate that is far too low, one that is far too high, and a run without
# augmentation that can learn its few pictures by heart. Which panel will be which?

# %%
few = load_birds("fieldguide", images_per_class=5).train
augmented = few.with_transform(train_transform(preprocessing))
plain = few.with_transform(eval_transform(preprocessing))
epochs = pick(smoke=1, standard=12, full=30)
sick = {
    "rate too low": (augmented, Recipe(epochs, lr=1e-5)),
    "rate too high": (augmented, Recipe(epochs, lr=0.3)),
    "nothing but repetition": (
        plain,
        Recipe(epochs, lr=1e-3, label_smoothing=0.0, weight_decay=0.0),
    ),
}

# %% alt="Loss curves of three sick runs, in panels A, B, C: one flat, one far too high for long, one with train near zero"
histories = {}
for name, (pictures, bad_recipe) in sick.items():
    patient = build_definition("resnet18", len(birds.classes), seed=0)
    histories[name] = fit(patient, pictures, val=val_set, recipe=bad_recipe)
order = random.Random(5).sample(list(histories), 3)
figures.plot_losses_side_by_side(
    {letter: histories[name] for letter, name in zip("ABC", order, strict=True)}
)

# %% [markdown]
# - **A, nothing but repetition**: train falls to nothing, val does not follow. That is
#   **[over-fitting](glossary.md#over-fitting)**: the model learned the pictures rather than the birds. Augmentation,
#   more pictures or an earlier stop would help.
# - **B, rate too high**: the loss jumps far above that of guessing, so far that most of it does not fit into the panel,
#   and comes back to it at best. Lower the rate.
# - **C, rate too low**: both curves hardly move from the loss of guessing. That is
#   **[under-fitting](glossary.md#under-fitting)**: more epochs or a higher rate would help.


# %% tags=["exercise"] exercise="diagnose"
# Exercise 3.3: name what a run's loss curves show. train and val are lists of
# losses, one an epoch; chance is the loss of guessing.
# 1. "under-fit": train ends above three quarters of chance. Otherwise:
# 2. "over-fit": val ends above three quarters of chance, or more than 10% above
#    its own lowest loss. Otherwise:
# 3. "good".
def diagnose(train, val, chance):
    return ...


# %% tags=["check"]
exercises.diagnose.check(diagnose)

# %% [markdown]
# Let your rule judge runs that were measured beforehand: the five rates of section 7, and one with nothing against learning
# by heart, which section 10 comes back to. Do you agree with it?

# %%
judged = [*read_study("learning_rate"), read_study("regularisation")[0]]
for run in judged:
    losses = run.history.frame()
    train, val = losses.train_loss.tolist(), losses.val_loss.tolist()
    verdict = diagnose(train, val, guess)
    print(f"{run.label}:", "?" if verdict is ... else verdict)

# %% [markdown]
# A rule of thumb draws a line where there is none. Look again at the run at 0.001: it is the best of these, and close to
# that line. Its train loss, too, ends far below its val loss: it learned much of its few pictures by heart.

# %% [markdown]
# ## 10. What keeps it from learning by heart?
#
# Section 8 used two remedies. **Augmentation** changes the pictures.
# **[Regularisation](glossary.md#regularisation)** changes the goal: label smoothing asks for a little less certainty,
# [weight decay](glossary.md#weight-decay) pulls weights that are not needed towards zero. Which of the two is worth
# more, with ten pictures of each species? Both were left out in turn; the table says with how many seeds.

# %% alt="Loss curves and accuracies of four trainings: with augmentation they are twice as high, the rest changes little"
regularisation = read_study("regularisation")
explore_study(regularisation, choice="remedy", start="nothing")

# %%
study_table(regularisation)[
    ["val accuracy", "worst seed", "best seed", "seeds", "seconds"]
].round(3)

# %% [markdown]
# Without augmentation train is learned by heart. Smoothing hides that: it forbids certainty, so the train loss comes to rest
# above zero although every picture is known. Smoothing and decay make the model less sure of its errors, and val's loss
# lower; its accuracy they leave almost as it is. Augmentation does the work here. What smoothing and decay add to it is
# small beside the scatter of the seeds: on other pictures, or with longer training, it may be otherwise. Measure before
# you believe a recipe, this one included.
#
# ## 11. The test, once
#
# All choices are made, so the test set may speak. An accuracy on a few hundred pictures is an estimate: the
# [interval](glossary.md#interval) says how far it could have come out otherwise with other test pictures of the same
# kind. It may come out above val's accuracy, too: both are estimates, from other pictures, and the flattery of section 8 is
# a tendency, not a law for every run.

# %%
test_set = birds.test.with_transform(eval_transform(preprocessing))
logits, labels = predict(model, make_loader(test_set))
accuracy = (logits.argmax(1) == labels).float().mean().item()
print("test accuracy", accuracy_in_words(accuracy, len(labels)))
print(f"a guess would reach {1 / len(birds.classes):.1%}")

# %% tags=["hide-input"]
result = result_of(
    "scratch_short",
    model,
    birds=birds,
    preprocessing=preprocessing,
    predictions=(logits, labels),
    val_accuracy=history.best.val_accuracy,
    seconds=history.seconds,
)
scoreboard.record("03", result)

# %% [markdown]
# One number hides which birds were taken for which. The table below has a row for what each bird is and a column
# for what it was named: a perfect model fills the diagonal only.

# %% alt="Confusion matrix of the species: some pairs of look-alikes form blocks on the diagonal, many errors lie elsewhere"
plots.plot_confusion(logits.argmax(1), labels, birds.classes)

# %%
print(between_look_alikes(logits.argmax(1), birds.test))

# %% [markdown]
# Some pairs stand out as blocks on the diagonal: species that share shape and colour and differ in one small mark. But most
# errors lie elsewhere. From so few pictures even colours and outlines are learned only in part. More pictures or weights
# that have learned to see elsewhere might help: that is what the next two lessons are about.
#
# Then look at the mistakes themselves. The first two birds of a row were named rightly, one of each species. Would you
# have been taken in, too?

# %% alt="Rows of birds: a right one of each of two species, then pictures of the one that were given the other's name"
browse_confusions(birds.test, logits)

# %% [markdown]
# Ask of each whether its mark can be seen. Where it can, the model did not use it rightly. (In some species the sexes
# differ in colour, and the mark is what they share.)
#
# ## 12. What did the weights learn?
#
# The first layer looks at raw pixels through 64 little windows of 7 x 7, so its weights can be shown as pictures. They
# began as noise (left); in the middle they are as your training left them. Beside them the first layer that lesson 4 will
# borrow: 32 windows of 3 x 3, learned from more than a million photos.

# %% alt="Filters: 64 before training, all noise; after it, still mostly noise; 32 borrowed ones with edges and colours"
borrowed = load_pretrained("efficientnet_lite0").conv_stem.weight
plots.show_filters(
    {
        "before": random_filters,
        "after": model.conv1.weight.detach().cpu(),
        "borrowed": borrowed.detach(),
    }
)

# %% [markdown]
# So few pictures move these windows only a little: look long for an edge or a colour contrast among the noise. In the
# borrowed ones you need not look for them. The second flavour comes with clean edges and spots of colour.
#
# ## Recap
#
# - A definition is an architecture with random weights. `models.resnet18(num_classes=...)` is all it takes.
# - The first loss must be near that of guessing, and one batch must be learnable by heart. Check both, always.
# - Metrics are means over pictures. Train is to learn, val to choose, test to report, once.
#
# ## Quiz

# %%
QUIZ

# %% [markdown]
# ## Where to go next
#
# [Lesson 4](04_fine_tune_pretrained.ipynb) takes the second flavour: the same pictures, and weights that have seen
# a million photos.
