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
# The second flavour: **the definition with [pre-trained weights](glossary.md#pre-trained-weights)**. Somebody has
# trained EfficientNet-Lite0 on the million photos of [ImageNet](glossary.md#imagenet). You borrow its feathers: keep
# what it learned about edges, textures and shapes, and teach it your birds on top.
#
# **You will learn to**
#
# - load a model with its weights, and see what it already says of a bird;
# - freeze the backbone, replace the head, and count what is left to train;
# - catch a "frozen" model whose BatchNorm still moves;
# - compute the frozen part once instead of in every epoch, and fit a linear probe in a blink;
# - unfreeze the later part with two learning rates, and say what each step brought;
# - choose how much of a network to unfreeze.
#
# **You need** lesson 3, or some practice with a training loop. The weights came with the course as a pip package:
# no network is needed. The longest cell trains for some minutes and shows a bar with the time left.

# %%
import copy
from dataclasses import replace
from time import perf_counter

import torch
from torch import nn
from torch.nn import functional as F
from torchvision import models
from torchvision.transforms import v2

# %%
from course_utils.runtime import pick
from course_utils.data import eval_transform, load_birds, load_pairs
from course_utils.data import train_transform
from course_utils.models import count_parameters, freeze, imagenet_classes
from course_utils.models import load_pretrained, parameter_groups
from course_utils.models import preprocessing_for, stage_names, unfreeze
from course_utils.notebook import plots
from course_utils.notebook.confusions import browse_confusions
from course_utils.notebook.game import name_the_birds
from course_utils.notebook.sandbox import explore_study
from course_utils.lessons.fine_tune_pretrained import exercises, figures
from course_utils.lessons.fine_tune_pretrained.quiz import QUIZ
from course_utils.lessons.fine_tune_pretrained.shelf import in_numbers
from course_utils.lessons.fine_tune_pretrained.shelf import try_probe

# %%
from course_utils.metrics.intervals import accuracy_in_words
from course_utils.training import Recipe, evaluate, extract_features, fit
from course_utils.training import linear_probe, make_loader, predict
from course_utils.experiments import scoreboard
from course_utils.experiments.results import table_in_words
from course_utils.experiments.run import result_of
from course_utils.experiments.studies import accuracies_by_seed, read_study
from course_utils.experiments.studies import study_table

# %% [markdown]
# ## 1. The pictures, and what these weights expect
#
# The same birds and the same splits as in lesson 3, prepared in another way. Weights are used to a certain input, and you
# must serve it: these saw pictures of 224 px, resized by one particular method and scaled to between -1 and 1. Serve
# anything else and they still answer, only worse.

# %%
birds = load_birds(
    "fieldguide", images_per_class=pick(smoke=4, standard=10, full=None)
)
preprocessing = preprocessing_for(
    "efficientnet_lite0", image_size=pick(smoke=96, standard=224, full=224)
)
train_set = birds.train.with_transform(train_transform(preprocessing))
val_set = birds.val.with_transform(eval_transform(preprocessing))
test_set = birds.test.with_transform(eval_transform(preprocessing))
preprocessing

# %% [markdown]
# ## 2. The model as it comes
#
# In torchvision the second flavour reads `models.resnet50(weights="DEFAULT")`; in older code you will meet
# `models.resnet50(pretrained=True)`, which loads the first published weights instead of the best ones (lesson 1).
# `load_pretrained` checks the file against its SHA-256, so that a damaged or swapped file is refused; torchvision does the
# same with what it downloads.

# %% tags=["nbval-check-output"]
model = load_pretrained("efficientnet_lite0")
print(count_parameters(model))
print(stage_names(model))

# %% alt="Four drawn birds, each under its true name and the three ImageNet classes that the model believes in most"
number = len(birds.val)
some = birds.val.take([0, number // 4, number // 2, number - 1])
shown = some.with_transform(eval_transform(preprocessing))
logits, labels = predict(model, make_loader(shown))
shares, places = logits.softmax(1).topk(3)
captions = []
for label, top, share in zip(labels, places, shares, strict=True):
    lines = [plots.readable(birds.classes[label]).upper()]
    for k, part in zip(top, share, strict=True):
        lines.append(f"{imagenet_classes()[k]}, {part:.0%}")
    captions.append("\n".join(lines))
plots.show_pictures(some, range(4), captions=captions, columns=4)

# %% [markdown]
# It has never seen these species, because they do not exist, and none of its thousand names fits. So it divides its belief
# (the [softmax](glossary.md#softmax) of its [logits](glossary.md#logits)) among names that share something with the
# picture, and not always what you would call the nearest. The names are of no use to you. What led to them is.
#
# ## 3. Freeze the backbone, replace the head
#
# You find these lines in every tutorial. First, no parameter of the network learns. Then look how many numbers reach the
# last layer, and put a new one there, with as many outputs as you have species. A new layer learns by default.

# %% tags=["nbval-check-output"]
for parameter in model.parameters():
    parameter.requires_grad = False
num_features = model.classifier.in_features
model.classifier = nn.Linear(num_features, len(birds.classes))
print(count_parameters(model))

# %% [markdown]
# The **[backbone](glossary.md#backbone)** is everything before the last layer, the **[head](glossary.md#head)** is the
# last layer. What trains now is less than one percent of the network. The total fell, too: a head for a thousand classes
# is a large part of so small a network, and yours has fewer outputs.
#
# ## 4. Is frozen really frozen?
#
# Take one training step and compare the model's whole [state dict](glossary.md#state-dict) before and after, not the
# parameters only. Guess first: how many of its tensors will have changed?


# %%
def changed_by_one_step(model):
    before = copy.deepcopy(model.state_dict())
    pictures, labels = next(iter(make_loader(train_set, batch_size=16)))
    training = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(training, lr=0.1)
    model.train()
    F.cross_entropy(model(pictures), labels).backward()
    optimizer.step()
    after = model.state_dict()
    return [n for n, old in before.items() if not old.equal(after[n])]


changed = changed_by_one_step(copy.deepcopy(model))
total = len(model.state_dict())
print(f"{len(changed)} of {total} tensors changed, for example {changed[:3]}")

# %% [markdown]
# Two of them are the head's weight and bias. The others are [BatchNorm](glossary.md#batchnorm)'s running means and
# variances, and the counter of batches beside each pair. They are no parameters but [buffers](glossary.md#buffer), so
# `requires_grad` does not touch them; in train mode every batch moves them. With few pictures they drift away from what
# the frozen weights were trained with.
#
# [`freeze`](glossary.md#freeze) closes the hole: frozen modules also stay in eval mode, through every later
# `model.train()`.

# %% tags=["nbval-check-output"]
freeze(model)
print(changed_by_one_step(copy.deepcopy(model)))


# %% tags=["exercise"] exercise="is_frozen"
# Exercise 4.1: given a state dict from before training and one from after, is
# everything but the head unchanged? The names of the head's tensors start with
# head, for instance "classifier.". Return True or False.
def is_frozen(before, after, head):
    return ...


# %% tags=["check"]
exercises.is_frozen.check(is_frozen)

# %% [markdown]
# ## 5. The frozen part never changes, so compute it once
#
# Below the head nothing trains. Show the backbone the same picture twice and it answers with the same 1,280 numbers, its
# [features](glossary.md#features), twice. A training loop asks it again in every epoch. (Lesson 3's loop shows it another
# crop each time. One pass gives those crops up: that is its price.) Before you run the next cells, write down a guess: how
# do thirty epochs of the loop compare with *one* pass that serves them all?

# %%
start = perf_counter()
trial = freeze(copy.deepcopy(model))
one_epoch = fit(trial, train_set, val=val_set, recipe=Recipe(epochs=1))
seconds = perf_counter() - start
print(f"one epoch of the loop: {seconds:.1f} s,", end=" ")
print(f"val accuracy {one_epoch.best.val_accuracy:.1%};")
print(f"thirty epochs would take about {30 * seconds:.0f} s")

# %%
features = {
    images.split: extract_features(
        model, images, preprocessing=preprocessing, cache=False
    )
    for images in (birds.train, birds.val)
}
for split, table in features.items():
    shape = tuple(table.x.shape)
    print(f"{split}: {shape} in {table.seconds:.1f} s, once and for all")

# %% [markdown]
# What is left is a linear classifier on a table: a problem from before deep learning. It has one setting, the penalty
# `l2` on large weights, and val is there to choose it.


# %% tags=["exercise"] exercise="best_l2"
# Exercise 4.2: which l2 would you keep? losses maps each split, "train" and
# "val", to a dictionary of l2 -> loss.
def best_l2(losses):
    return ...


# %% tags=["check"]
exercises.best_l2.check(best_l2)

# %%
start = perf_counter()
probe = linear_probe(features["train"], val=features["val"])
probe_seconds = perf_counter() - start
print(f"{len(probe.val)} probes in {probe_seconds:.1f} s;", end=" ")
print(f"kept l2 = {probe.l2:g}: {probe.val[probe.l2]}")

# %% alt="Over the l2 penalty val loss has a lowest point; val accuracy hardly changes, and its intervals overlap"
figures.plot_penalties(probe)

# %% [markdown]
# Loss chooses here, and not accuracy: it moves with every picture's share, while accuracy only counts which side of the
# line a picture falls on, so that one picture more or less looks like progress.
#
# This is the **[linear probe](glossary.md#linear-probe)**: it tells how much of your problem the borrowed weights solve
# already, for the price of one pass. Put it into the head, and the model gives the probe's answers, up to rounding:
# where it is faster the model computes in [bf16](glossary.md#bf16), which can tip a picture that hangs in the balance.

# %%
probe.install(model)
print(
    "the model with the probe as its head, on val:",
    evaluate(model, make_loader(val_set)),
)

# %% [markdown]
# ## 6. Unfreeze, gently
#
# The early parts of a network see edges and colours, which serve any picture. The later parts put together what
# ImageNet asked for, and 118 of its 1,000 classes are breeds of dog. Let them adapt to your birds. Two things keep them
# from forgetting what they know:
#
# - **two learning rates**: what was learned moves gently, the new head moves ten times as fast (a common ratio, not a
#   law: the place to start from when you tune);
# - **BatchNorm's statistics stay frozen**: the borrowed weights were trained with those of a million photos. Batches of
#   a few birds would put noisier ones in their place. (In lesson 3 there were no better ones to keep.)
#
# The head starts afresh, from random weights, so that this run owes nothing to the probe and can be compared with it.

# %%
tuned = freeze(
    load_pretrained("efficientnet_lite0", len(birds.classes), seed=0)
)
first = "blocks.4"
unfreeze(tuned, first, batch_norm="frozen")
print(count_parameters(tuned))
for group in parameter_groups(tuned, lr_backbone=3e-4, lr_head=3e-3):
    total = sum(p.numel() for p in group["params"])
    print(f"{group['name']}: {total:,} parameters at {group['lr']:g}")


# %% tags=["exercise"] exercise="two_rates"
# Exercise 4.3: build the optimiser's groups yourself. parameters is a
# dictionary of name -> parameter; names of the head start with "classifier.".
# Return a list of two dictionaries with "params" and "lr"; leave out what is
# frozen.
def two_rates(parameters, lr_backbone, lr_head):
    return ...


# %% tags=["check"]
exercises.two_rates.check(two_rates)

# %% [markdown]
# What trains now sounds like nearly everything, because late layers are wide and hold most of the parameters. In depth it
# is half of the network: the seven groups of blocks that section 2 listed hold 16 blocks, and 8 of them lie from `blocks.4`
# on. The first half stays as it is, and needs no backward pass; what it makes of val is computed only once, as in section 5.
#
# With few pictures a network of this size soon knows them by heart. Three remedies are in the recipe below: [label
# smoothing](glossary.md#label-smoothing) asks for a little less certainty, **[mixup](glossary.md#mixup)** blends
# pairs of pictures, and their labels with them, and [weight decay](glossary.md#weight-decay) keeps weights small. So several
# things differ from the probe at once: the weights that move, random crops, two rates and all three remedies. Sections 7
# and 8 take most of them apart.

# %%
recipe = Recipe(
    epochs=pick(smoke=1, standard=30, full=60),
    lr=3e-3,
    lr_backbone=3e-4,
    weight_decay=0.01,
    batch_size=pick(smoke=8, standard=20, full=32),
    label_smoothing=0.2,
    mixup=0.2,
)
history = fit(tuned, train_set, val=val_set, recipe=recipe, seed=0)
print(history)

# %% alt="Two panels over epochs: loss on train and val falls fast, then stays; val accuracy ends below train's"
depths = read_study("freeze_depth")
beforehand = [run.history for run in depths if run.label == f"{first} on"]
plots.plot_history(
    history,
    title=f"EfficientNet-Lite0, fine-tuned from {first} on",
    earlier=beforehand,
)

# %% [markdown]
# Thin lines are the same training, measured beforehand, one line a [seed](glossary.md#seed) (`results/studies.json`); one of
# them may lie under yours.
#
# ## 7. How much to unfreeze?
#
# Why from `blocks.4`? Below, the same training was run with more and with less of the network free, and
# nothing else changed. *Head only* is the probe's model, trained by the loop; *everything* is what most tutorials call
# fine-tuning. Guess first: which is best, and which is slowest?

# %% alt="Loss curves and val accuracies for five depths: val accuracy is lowest for the head only and higher with more free"
explore_study(depths, choice="what trains", start="head only")

# %%
study_table(depths)[
    [
        "val accuracy",
        "worst seed",
        "best seed",
        "seeds",
        "seconds",
        "parameters that train",
    ]
].round(3)

# %% [markdown]
# How sure is the order? Within a [seed](glossary.md#seed) all depths saw the same pictures and were judged on the same val,
# so look at what each step down the table gained, seed by seed. A step that gains in every column deserves some trust: one
# that does nothing would come out so once in eight.

# %%
accuracies_by_seed(depths).diff().dropna().round(3)

# %% [markdown]
# Down to `blocks.2` every step gains with every seed. The last one, to everything, gains with some and loses with others:
# it costs time and brings nothing that could be seen here. So our `blocks.4` is not the best depth for these birds. It comes
# from a rule of thumb, the shortest part that holds four fifths of the parameters, and on drawings the earlier parts have
# something to learn, too. That is a result, not an embarrassment: the depth is a setting like any other, to be chosen
# on val for *your* pictures. Change `first` in section 6 and run the cells again. (Seconds are rough: some are of an
# earlier version of the loop. That deeper costs more is sure.)
#
# ## 8. What did each ingredient bring?
#
# Section 6 threw several things together. Below, each was left out in turn, or done as many tutorials do it: no mixup; no
# label smoothing; no random crops and mirror images; BatchNorm's statistics free to move in the part that trains. And the
# rates: the head's for all that trains; a middle one for the borrowed part, about three times the gentle one; the gentle
# one for all. Nothing else changed. Which will be missed most? And which rate is best?

# %% alt="Loss curves and val accuracies of eight trainings: a middle rate is highest, one seed of one high rate far below"
ingredients = read_study("ingredients")
explore_study(ingredients, choice="recipe", start="all of it")

# %% [markdown]
# The next table says what each change gained or lost against *all of it*, seed by seed. A row with the same sign in every
# column says something, and more so the larger its numbers. A row with both signs says nothing yet.

# %%
by_seed = accuracies_by_seed(ingredients)
(by_seed - by_seed.loc["all of it"]).drop("all of it").round(3)

# %% [markdown]
# - **Missed with every seed**: the random crops and mirror images, and the still BatchNorm, which counts most. Mixup and
#   label smoothing can't be told from nothing. A recipe is often handed on with ingredients that nobody has tried to
#   leave out.
# - **One high rate is a gamble.** With one seed it never gets beyond guessing. With the others it forgets at first (put the
#   slider there and look at the first epochs), learns anew, and ends above our recipe. A mean over such seeds describes
#   none of them. When this lesson had only the first seed, it told its readers that a high rate destroys what was borrowed.
#   One seed is an anecdote.
# - **The middle rate wins, and clearly.** Our gentle rate was chosen on photos, like those that the weights were learned
#   on. These birds are drawn, and perhaps there is more to unlearn. So the rate of the borrowed part is the first thing to
#   tune, on val, for your own pictures: three or four values a factor of three apart. Try it: set `lr_backbone=1e-3` in
#   section 6.
# - The gentle rate for the head, too, costs little: what counts is how fast the borrowed part moves.
#
# (Compare accuracies here, not losses: smoothing and mixup train for less certainty, so a run without has the lower loss
# and is no better. And a recipe chosen on val by several looks is flattered by it a little: the test, once, would tell.)
#
# ## 9. The test, once
#
# Two models were chosen, each with the help of val. Each reads the test set once.

# %%
loader = make_loader(test_set)
answers = {
    "linear probe": predict(model, loader),
    "fine-tuned": predict(tuned, loader),
}
for name, (logits, labels) in answers.items():
    accuracy = (logits.argmax(1) == labels).float().mean().item()
    words = accuracy_in_words(accuracy, len(labels))
    print(f"{name:13}: test accuracy {words}")

# %% tags=["hide-input"]
passes = sum(table.seconds for table in features.values())
result = result_of(
    "linear_probe",
    model,
    birds=birds,
    preprocessing=preprocessing,
    predictions=answers["linear probe"],
    val_accuracy=probe.val[probe.l2].accuracy,
    seconds=probe_seconds + passes,
)
scoreboard.record("04", result)

# %% tags=["hide-input"]
result = result_of(
    "fine_tune",
    tuned,
    birds=birds,
    preprocessing=preprocessing,
    predictions=answers["fine-tuned"],
    val_accuracy=history.best.val_accuracy,
    seconds=history.seconds,
)
scoreboard.record("04", result)

# %% [markdown]
# Where did fine-tuning help? Before you look: most with the species that stand out, or with the look-alikes, which stand
# next to each other below? And is there one that it did not help at all?

# %% alt="Accuracy of each species as a dot for the probe and a square for the fine-tuned model, joined by a line"
logits, labels = answers["fine-tuned"]
per_class = {}
for name, (scores, truth) in answers.items():
    right = (scores.argmax(1) == truth).float()
    kinds = range(len(birds.classes))
    per_class[name] = [right[truth == k].mean().item() for k in kinds]
figures.plot_per_class(per_class, birds.classes)

# %% alt="Confusion matrix of the fine-tuned model; most pictures lie on the diagonal"
plots.plot_confusion(logits.argmax(1), labels, birds.classes)

# %% [markdown]
# What is left over? Look at the mistakes, and for the mark that would have decided. Of look-alikes, the place where it is,
# or would be, can be seen in nearly every picture (`data/fieldguide/annotations.csv` says how many pixels of it), though
# sometimes it is only a few pixels wide.

# %% alt="Rows of birds: a right one of each of two species, then pictures of the one that were given the other's name"
browse_confusions(birds.test, logits)

# %% [markdown]
# And the probe's worst: the pictures in which it was surest of a wrong name. Above each stands, too, what the
# fine-tuned model makes of it. Did it see the mark, or is it wrong in the same way? (Compare names, not shares: label
# smoothing and mixup have taught the fine-tuned model to claim less.)

# %% alt="Six birds under their true names, the wrong name that the probe gave each, and the fine-tuned model's name"
scores = {name: logits for name, (logits, _) in answers.items()}
figures.show_mistakes(birds.test, scores, number=6)

# %% [markdown]
# ## 10. Break it
#
# Borrowed weights want their input the way they were trained on it (section 1). What does it cost to forget that? Nothing
# will crash; that is what makes it dangerous. Three mistakes that people make, each with the finished model: numbers from
# 0 to 1 instead of -1 to 1; red and blue swapped, as OpenCV reads files; pictures of half the size. Write down how much of
# the accuracy on val each will cost, then run the cell.

# %%
halved = max(32, preprocessing.crop_size // 2)
half_size = preprocessing_for("efficientnet_lite0", image_size=halved)
unscaled = replace(preprocessing, mean=(0.0,) * 3, std=(1.0,) * 3)
as_trained = eval_transform(preprocessing)
inputs = {
    "as it should be": as_trained,
    "numbers from 0 to 1": eval_transform(unscaled),
    "red and blue swapped": v2.Compose([as_trained, lambda x: x.flip(0)]),
    "half the size": eval_transform(half_size),
}
for name, transform in inputs.items():
    broken = make_loader(birds.val.with_transform(transform))
    print(f"{name:21}{evaluate(tuned, broken).accuracy:.1%} on val")

# %% [markdown]
# Each of them runs without a word. So test the whole path, from the file to the name, on pictures whose answer you know,
# before you trust it.
#
# ## 11. You against the models
#
# Ten birds of the look-alike pairs, from the test pictures: name them with the plate of lesson 2 before your eyes. In the
# end you see how many of the same ten each of your models named rightly, that of lesson 3 included if you have run it.

# %% alt="Ten birds to name, numbered; their names and the models' scores stand upside down below"
board = [result for _, result in scoreboard.read("03", "04")]
name_the_birds(
    birds.test, pairs=load_pairs(), look_alikes_only=True, rivals=board
)

# %% [markdown]
# Ten are few, and another round may end otherwise. But whom did you beat, and at which birds? You know the plate, and look
# for the mark. The models know their training pictures, and nobody told them where to look.
#
# ## 12. The same lines with another model
#
# Many tutorials fine-tune **VGG16**. Every line of section 3 serves for it, too; only the head has another
# name, `classifier[6]` instead of `classifier`. Guess before you run the cell: how many times as many parameters has it,
# and how many BatchNorm layers?

# %% tags=["nbval-check-output"]
vgg = models.vgg16()  # its definition alone: enough to look at it
for parameter in vgg.parameters():
    parameter.requires_grad = False
vgg.classifier[6] = nn.Linear(vgg.classifier[6].in_features, len(birds.classes))
print("VGG16:", in_numbers(vgg))
print("EfficientNet-Lite0:", in_numbers(model))
times = count_parameters(vgg).total / count_parameters(model).total
print(f"{times:.0f} times as many")

# %% [markdown]
# No BatchNorm, so the trap of section 4 is not there. Most of the numbers sit in its three linear layers (lesson 1), and all
# must be stored. Is such a giant the better lender? The cell below fits a probe on its features, where its weights are on
# this machine.

# %%
try_probe("vgg16", birds, download=False)

# %% [markdown]
# Where it ran, compare it with section 5: the accuracy of Lite0's probe on val, and the seconds of its pass. Val answers,
# not a model's fame.
#
# ## 13. Your numbers so far
#
# What you measured yourself in lessons 3 and 4, on the same test pictures:

# %%
table_in_words(board)

# %% [markdown]
# ## Recap
#
# - Freezing is `requires_grad = False` **and** BatchNorm in eval mode.
# - What never changes is computed once. The probe is the first thing to try on a new problem: it is nearly free.
# - Fine-tuning starts from the same weights and pays where the probe falls short. How fast the borrowed part moves matters
#   much: too fast is a gamble, too gently leaves accuracy behind.
# - Compare with lesson 3's number on the same test pictures. More than the weights differs between the two: architecture,
#   size of the pictures, recipe. Lesson 5 sets the same architecture, trained from scratch, beside them.
# - Weights are used to their input: the wrong numbers, colours or sizes cost accuracy and raise no error.
# - Should a model of yours score (nearly) 100%, the test can no longer tell a better model from it. Then look for harder
#   pictures before you celebrate.
#
# ## Quiz

# %%
QUIZ

# %% [markdown]
# ## Where to go next
#
# Three models, one number each, on one number of pictures and with one seed: that decides nothing yet.
# [Lesson 5](05_which_flavour_when.ipynb) compares the flavours as one would for a paper or a purchase.
