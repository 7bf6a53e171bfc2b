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
# # 6. A new kind of picture, a new shape of model
#
# A hospital has a new kind of scan, wants to find what is ill in it, and no model on the shelf has seen anything like
# it. So its team takes the first flavour, **the definition alone**: the building plan of a ResNet. It trains it from
# random weights, and changes the plan: how many layers, which [activation function](glossary.md#activation-function).
# This lesson goes the same way, and asks on the way what everybody asks: would ImageNet's weights have helped?
#
# **The pictures are synthetic. A program computed them, they show nobody, and nothing here is for any clinical use.**
# Because they are computed, the truth about each is known, down to the pixels that an anomaly changed.
#
# **You will learn to**
#
# - see why accuracy misleads where something is rare, and what to report instead;
# - build a definition of your own depth, activation and number of channels, and train it;
# - choose a threshold on val, and price the two kinds of error;
# - read a small designed experiment honestly;
# - compare training from scratch with ImageNet weights on pictures unlike photos;
# - check where a network looks, what a new scanner does to it, and what a patient leak fakes.
#
# **You need** lessons 3 and 5. No network is needed. One cell trains, for a minute or two.

# %%
from dataclasses import replace

import torch

from course_utils.runtime import pick
from course_utils.data import eval_transform, load_scans
from course_utils.data.transforms import train_scan_transform
from course_utils.models import ResNetConfig, build_definition, count_parameters
from course_utils.models import load_pretrained, replace_activation
from course_utils.models import take_one_channel
from course_utils.models.evidence import evidence_maps, strongest_places
from course_utils.training import Recipe, fit

# %%
from course_utils.metrics import binary, intervals
from course_utils.experiments import scan_tables
from course_utils.experiments.scan_runs import ill_scores, ill_studies
from course_utils.experiments.scan_runs import read_scan_study
from course_utils.experiments.scan_runs import scan_preprocessing
from course_utils.notebook import plots
from course_utils.lessons.a_new_domain import exercises, figures
from course_utils.lessons.a_new_domain.quiz import QUIZ
from course_utils.lessons.a_new_domain.threshold import explore_threshold

# %% [markdown]
# ## 1. Look first
#
# Every [study](glossary.md#study) is one radiograph of a chest: grey, so one [channel](glossary.md#channel). It is
# healthy, or shows one of five anomalies. Before you read on, try to say which of these six is healthy.

# %% alt="Six synthetic chest radiographs side by side, lettered A to F; one is healthy, each other shows an anomaly"
scans = load_scans(studies=pick(smoke=60, standard=None, full=None))
notes = scans.notes_of(scans.val)
kinds = [
    *("effusion", "nodule", "", "cardiomegaly"),
    *("pneumothorax", "consolidation"),
]
clear = notes[notes.grade.isin(["", "plain"])]
one_each = [clear[clear.anomaly == kind].index[0] for kind in kinds]
shown = [scans.val.files.index(file) for file in one_each]
figures.show_scans(scans.val, shown, captions=list("ABCDEF"))

# %% alt="The same six: what each anomaly changed is outlined, and its name stands above; the third is healthy"
captions = [f"{'ABCDEF'[k]}: {kinds[k] or 'healthy'}" for k in range(6)]
figures.show_scans(scans.val, shown, captions=captions, outlined=True)

# %% [markdown]
# These were the plain ones. Most are harder: an anomaly is graded by its
# [detectability](glossary.md#detectability), that is how far it stands out of the noise around it. And harmless things
# resemble it, nipples and old scars for instance. Of a wide heart the outline marks the rim, which is what changed.
#
# Now the table behind the pictures. Each patient has several studies, and **all studies of a patient are in one
# [split](glossary.md#split)**. A fourth set, `elsewhere`, comes from a scanner that nobody of the others was examined
# on.

# %%
summary = scans.notes.groupby("split", sort=False).agg(
    patients=("patient", "nunique"),
    studies=("anomaly", "size"),
    ill=("anomaly", lambda kind: f"{(kind != '').mean():.0%}"),
    scanners=("scanner", lambda names: " and ".join(sorted(set(names)))),
)
summary

# %% [markdown]
# Look at the column *ill*. Train and val hold many anomalies, because a network learns from what it sees. In test and
# elsewhere they are rarer, though still more frequent than in a screening. That difference will matter.
#
# ## 2. A detector that is nearly always right
#
# In screening, one person in twenty may be ill. Build a detector that is right in 95 of 100 calls, and finds nobody.


# %% tags=["exercise"] exercise="useless"
# Exercise 6.1: number people come in; one in twenty is ill, and you can't see
# who. Return a list of calls, one for each, 1 for ill and 0 for healthy. At
# least 19 of 20 must be right, and no ill person may be found.
def useless(number):
    return ...


# %% tags=["check"]
exercises.useless.check(useless)

# %% [markdown]
# So accuracy is out. Two shares take its place, and neither depends on how rare the illness is:
# **[sensitivity](glossary.md#sensitivity)**, the share of the ill that is found, and
# **[specificity](glossary.md#specificity)**, the share of the healthy that is cleared. Any detector can have either:
# call everybody ill, or nobody. What counts is both at once.
#
# ## 3. The definition, cut to fit
#
# `build_definition` takes a name, as in lesson 1, or the shape of a residual network. This one has three
# [stages](glossary.md#stage) of one block each, half the usual width, and takes one channel.

# %% tags=["nbval-check-output"]
SMALL = ResNetConfig(depth=(1, 1, 1), width=32, in_channels=1)
model = build_definition(SMALL, 2, seed=0)
print(SMALL)
print(count_parameters(model))

# %% [markdown]
# Every shape is one call away, and so are torchvision's classifiers, by name. A *bottleneck* block squeezes its
# channels before the 3 x 3 convolution, the *small stem* keeps the side of the picture instead of quartering it.
# `take_one_channel` adapts models that expect colours (section 6 says how), `replace_activation` exchanges the
# activation function of a model that has no setting for it.

# %%
shapes = {
    "as above": SMALL,
    "ResNet-18": ResNetConfig(in_channels=1),
    "ResNet-50": ResNetConfig((3, 4, 6, 3), "bottleneck", in_channels=1),
    "ResNet-18, GELU": ResNetConfig(activation="gelu", in_channels=1),
    "for small marks": replace(SMALL, stem="small"),
    "MobileNetV2": "mobilenet_v2",
    "DenseNet-121": "densenet121",
    "EfficientNet-Lite0": "efficientnet_lite0",
}
for name, shape in shapes.items():
    candidate = build_definition(shape, 2, seed=0)
    if isinstance(shape, str):
        take_one_channel(candidate)
    print(f"{name:19} {count_parameters(candidate).total:11,} parameters")

# %% tags=["nbval-check-output"]
mobile = build_definition("mobilenet_v2", 2, seed=0)
replace_activation(mobile, torch.nn.SiLU)
print(mobile.features[0])

# %% [markdown]
# ## 4. Train it, and judge it
#
# Nothing is new in the training: the loop is lesson 3's. The augmentation is milder: no crops, since a small anomaly
# may lie in what is cut off, and no mirror images. (Where would the heart be?)

# %%
preprocessing = scan_preprocessing()
train_set = scans.train.with_transform(train_scan_transform(preprocessing))
val_set = scans.val.with_transform(eval_transform(preprocessing))
recipe = Recipe(epochs=pick(smoke=1, standard=20, full=60), lr=1e-3)
history = fit(model, train_set, val=val_set, recipe=recipe, seed=0)
print(history)

# %% alt="Loss and accuracy on train and val over the epochs, thin lines for the same training measured beforehand"
shape_runs = read_scan_study("shape")
mine = f"{SMALL.layers} layers, {SMALL.activation}"
plots.plot_history(
    history,
    title=str(SMALL),
    earlier=[run.history for run in shape_runs if run.label == mine],
)

# %% [markdown]
# The [softmax](glossary.md#softmax) of the logits gives each study a score from 0 to 1. A **threshold** turns scores
# into calls: what reaches it is called ill. Choose it on val. Below you see val's scores; move the threshold, and the
# price of a missed illness, and look for the cheapest place.

# %%
scores = {
    images.split: ill_scores(model, images)
    for images in (scans.val, scans.test, scans.elsewhere)
}

# %% alt="Scores of healthy and ill val studies overlap around a threshold; a table of the four outcomes; cost by threshold"
explore_threshold(scores["val"], scans.val.labels, missed=10)

# %% [markdown]
# There is no best threshold, only a price. Where a second look is cheap and a miss is dear, it belongs far to the left.
# But careful: a price weighs people, so the cheapest place depends on how many are ill, and val holds far more ill than
# you will meet. Whoever chooses by price must first reweight val to the place where the detector will work.
#
# A choice by specificity asks the healthy only, and needs no reweighting: clear 95 of 100 healthy, and report how many
# of the ill are found.


# %% tags=["exercise"] exercise="threshold_for"
# Exercise 6.2: the lowest threshold that still clears the share specificity of
# the healthy. scores and labels (1 for ill) are tensors of one dimension; a
# score that reaches the threshold is an alarm. Return one number, just above
# the last score that must be cleared.
def threshold_for(scores, labels, specificity):
    return ...


# %% tags=["check"]
exercises.threshold_for.check(threshold_for)

# %% [markdown]
# Now test, and choose nothing by it. The threshold comes from val; what does it keep of its promise?

# %%
threshold = binary.threshold_for(scores["val"], scans.val.labels)
on_test = binary.outcomes(
    scores["test"], scans.test.labels, threshold=threshold
)
print(f"threshold {threshold:.3f}: {on_test}")
print(f"accuracy {on_test.accuracy:.1%}, but", end=" ")
print(f"{1 - scans.test.labels.double().mean():.1%} are healthy")
print(f"of the alarms, {on_test.precision:.0%} are right", end=" ")
print("(their share is called precision);", end=" ")
rare = on_test.precision_at(1 / 20)
print(f"{rare:.0%} if one in twenty were ill")

# %% alt="Left the ROC curve above the diagonal of guessing; right precision against sensitivity; the threshold is marked"
figures.plot_rates(scores["test"], scans.test.labels, chosen=on_test)

# %% [markdown]
# The specificity need not be what was asked: the threshold was set on the healthy of val, who are few, and others would
# have moved it. The left panel is the **[ROC curve](glossary.md#roc-curve)**: every threshold is a point on it, strict
# ones at the lower left. The area under it, the **AUROC**, is the chance that an ill study is scored higher than a
# healthy one. It does not depend on how rare illness is. The right panel does: it shows the [share of right
# alarms](glossary.md#positive-predictive-value), and with fewer ill people the same curve on the left gives a lower one
# on the right, because false alarms come from the healthy, and there are many.
#
# How sure is that area? Draw the test patients again and again, with replacement: patients and not studies, since two
# studies of a patient are alike. (The interval is that of this one trained network. Another seed is not in it.)

# %%
patients = scans.notes_of(scans.test).patient
area = binary.auroc(scores["test"], scans.test.labels)
low, high = intervals.patient_interval(
    binary.auroc, scores["test"], scans.test.labels, patients=patients
)
print(f"AUROC {area:.3f}, 95% interval {low:.3f} to {high:.3f}")

# %% [markdown]
# Last question to a score: is it a probability? Of the studies that are scored near one half, is half ill? That is
# **[calibration](glossary.md#calibration)**. Guess how val and test differ, given that illness is rarer in test.

# %% alt="Share that is ill against the score: val around the diagonal, test below it, elsewhere flat at high scores"
figures.plot_calibration(
    {
        name: (scores[name], getattr(scans, name).labels)
        for name in ("val", "test", "elsewhere")
    }
)

# %% [markdown]
# On test the scores are higher than the share that is ill, as they must be where illness is rarer than it was in
# training; their order may be as good. Elsewhere a high score means little at all. (Each mark stands for the studies of
# one bin, the thin bar behind it for the interval that their number leaves: don't read every bend.) Who shows scores to
# people as probabilities must calibrate them where they are used.
#
# ## 5. Change the shape: a designed experiment
#
# The team wonders: more layers? Another activation? The usual way is to try one after the other, and to keep what looks
# better. A design asks better. Three depths were **crossed** with two activations, and each of the six networks trained
# with the same seeds; a seventh has tanh, from before ReLU. Guess first: what does a better activation bring, what do
# more layers?

# %% alt="A row for each shape, a dot a seed and a bar at the mean, by AUROC on test"
shapes_frame = scan_tables.detector_frame(shape_runs, scans)
figures.plot_dots(
    shapes_frame, row="model", value="AUROC", labels={"AUROC": "AUROC on test"}
)

# %% [markdown]
# The same with what it costs. *AUROC* and *sensitivity* are means over the seeds, in brackets with
# [intervals](glossary.md#interval) over patients. *Seeds* gives the AUROC of the worst and the best seed, and their
# number. *Sensitivity* takes each network's threshold from the test studies themselves, so that all are compared at the
# same 5 of 100 false alarms; it is no promise, unlike yours above. *AUROC elsewhere* is on the scanner that training
# has not seen (section 8). Seconds are rough: the machine had other work.

# %%
scan_tables.detector_table(shape_runs, scans)

# %% [markdown]
# The intervals in the table say what other patients would change. Two networks that are judged on the same patients
# share that luck. So compare in pairs: each run with its twin of the same seed. Of activation twins nothing else
# differs. Of depths, the step from 8 to 10 layers adds a stage, which quadruples the parameters and halves the last
# map; the step from 10 to 18 adds blocks only.


# %% tags=["exercise"] exercise="gains"
# Exercise 6.3: auroc maps (layers, activation) to a list of AUROCs, one a seed,
# in the order of the seeds. Return the list of differences, second minus
# first, of all twins: same depth, same seed. Some depths may lack one of the
# two activations; those have no twins.
def gains(auroc, first, second):
    return ...


# %% tags=["check"]
exercises.gains.check(gains)

# %%
questions = {
    "SiLU instead of ReLU": ("relu", "silu"),
    "tanh instead of ReLU": ("relu", "tanh"),
    "10 layers instead of 8": (8, 10),
    "18 layers instead of 10": (10, 18),
    "18 layers instead of 8": (8, 18),
}
scan_tables.effect_table(shape_runs, scans, questions)

# %% [markdown]
# *Gain* is the mean difference of the twins. It has two kinds of chance: *over seeds* is the interval for other seeds
# on these patients, *over patients* the one for other patients and these networks. A claim needs both on one side of 0;
# and then the effect may still be too small to care for: whether it is worth its seconds and parameters is yours to
# judge. An interval that holds 0 does not show that there is no effect: effects inside it fit these runs.
#
# So both knobs matter here. SiLU gives a little, at hardly any cost; tanh takes more than that. A fourth stage alone
# shows no effect, more blocks in each stage do, at the price of their seconds.
#
# A warning: what is chosen because it came out best on test is flattered by it. So the team chooses on val, which has
# few patients; among near neighbours its order is luck.

# %%
on_val = scan_tables.detector_frame(shape_runs, scans, split="val")
by_model = on_val.groupby("model", sort=False)["AUROC"]
by_model.agg(["mean", "min", "max"]).style.format("{:.3f}")

# %% [markdown]
# On val the depths can't be told apart: their means differ less than the seeds of one network do. Then one takes the
# smallest, with the activation that does better there: 8 layers, SiLU. Test, with more patients, speaks for 18. That is
# a reason to draw a larger val next time. To change the choice now would be to choose on test.
#
# ## 6. Would borrowed weights help?
#
# ImageNet holds no radiographs, and its pictures have colours. First the colours: weights for three channels meet
# pictures of one. Summing the first layer's weights over the channels loses nothing: on a grey picture, with three
# equal channels, the old network answered exactly so.

# %% tags=["nbval-check-output"]
borrowed = load_pretrained("efficientnet_lite0", 2, seed=0).eval()
grey = torch.rand(4, 1, 96, 96)
with torch.no_grad():
    before = borrowed(grey.expand(-1, 3, -1, -1))
    after = take_one_channel(borrowed)(grey)
print(f"the same answers: {torch.allclose(before, after, atol=1e-4)}")

# %% [markdown]
# Then the question itself, at three sizes of training set. Three rivals: the 8-layer ResNet with SiLU,
# EfficientNet-Lite0 with ImageNet's weights, all of it trained further, and the same Lite0 from random weights. All get
# about the same time for all studies, so the small ResNet sees each study more often; both Lite0 make the same number
# of epochs. In both, BatchNorm's statistics move with the scans: those of photos would not fit. Bars go from the worst
# to the best seed.

# %% alt="AUROC on test and on the unseen scanner against the number of training studies, for three ways to train"
size_runs = read_scan_study("size")
sizes_frame = scan_tables.detector_frame(size_runs, scans)
figures.plot_by_size(
    sizes_frame,
    values=["AUROC", "AUROC elsewhere"],
    labels={"AUROC": "on test", "AUROC elsewhere": "on the unseen scanner"},
    quantity="AUROC",
)

# %%
scan_tables.detector_table(size_runs, scans)

# %%
lite, own = "Lite0 with ImageNet weights", "ResNet, 8 layers, silu"
questions = {
    "weights instead of none": ("Lite0 from scratch", lite),
    "borrowed instead of our own": (own, lite),
}
scan_tables.effect_table(size_runs, scans, questions)

# %% [markdown]
# Two different things are asked here. *What do the weights give?* Compare Lite0 with and without them: within this
# budget a great deal, since from random weights it hardly learns even its training studies in that time. (More time
# might change that; it was not tried.) *Should the team borrow?* Compare Lite0 with the small network of its own: in no
# row do both intervals lie on one side of 0. With few studies, where one hopes for most, the mean even speaks against
# it. On lesson 5's real photos both answers were yes. Raghu et al. (2019) found on real medical pictures that small
# networks of one's own came close to large borrowed ones.
#
# By anomaly, with all training studies:

# %%
full = [run for run in size_runs if run.studies == max(sizes_frame.studies)]
scan_tables.anomaly_table(full, scans).style.format("{:.2f}")

# %% [markdown]
# ## 7. Where does it look?
#
# A network of this kind averages its last feature map and applies one linear layer. It might as well apply the layer at
# each place and average afterwards: the result is the same up to rounding. So every place has its own share in the
# verdict, and it can be drawn: a [class activation map](glossary.md#class-activation-map).

# %%
ill = ill_studies(scans.test)
ill_notes = scans.notes_of(ill).reset_index()
plainest = ill_notes.groupby("anomaly").detectability.idxmax()
examples = ill.take(plainest.tolist())
pictures = eval_transform(preprocessing)(examples.pixels)
model = model.cpu().float().eval()
maps = evidence_maps(model, pictures)
print(tuple(maps.shape), "evidence by study, class, row and column")

# %%
logits, bias = model(pictures).detach(), model.fc.bias.detach()
gap = (maps.mean((2, 3)) + bias - logits).abs().max()
print(f"mean over the places plus bias, minus the logit: {gap:.6f}")

# %% [markdown]
# With two classes only the difference of the logits decides, so the evidence is that for illness minus that for health.
# Below is the plainest study of each kind.

# %% alt="Five ill studies with outlines; below each, in colour, where the evidence for illness lies; its peak is ringed"
for_ill = maps[:, 1] - maps[:, 0]
places = strongest_places(for_ill, scans.test.pixels.shape[-1])
figures.show_evidence(
    examples, for_ill, places, captions=plainest.index.tolist()
)

# %% [markdown]
# Five pictures prove nothing. In the **pointing game** every ill test study counts but those with a wide heart, which
# has no one place: does the strongest place, the middle of its cell, lie on the anomaly, or within 8 of the picture's
# 192 pixels of it? The last row points at one and the same pixel in every study, the one that is covered more often
# than any other in train. A network that points no better has not shown that it looks.

# %%
borrowed_runs = [run for run in full if run.label.startswith("Lite0")]
scan_tables.pointing_table([*shape_runs, *borrowed_runs], scans)

# %% [markdown]
# Compare with the AUROCs. Each further stage halves the map: in three stages a cell spans 24 pixels of the picture, in
# four and in Lite0 48, wider than many a nodule. And what a late place adds was computed from a large part of the
# picture, so evidence may land beside its cause. Detecting and pointing are two skills; if you need the place, choose
# the shape for it, and measure.
#
# ## 8. A scanner it has never seen
#
# `elsewhere` comes from scanner C: other geometry, noise and processing, and patients lying down. Take the detector you
# trained, with the threshold it has.

# %%
for name in ("test", "elsewhere"):
    labels = getattr(scans, name).labels
    area = binary.auroc(scores[name], labels)
    calls = binary.outcomes(scores[name], labels, threshold=threshold)
    print(f"{name:9} AUROC {area:.3f}; {calls}")

# %% [markdown]
# Two things can break: the order of the scores (then AUROC falls), and their level (then the threshold keeps its
# promise no more). Look which of them did, and what it cost in people found. The level can be set again with healthy
# studies from there. That does not mend the order; for that one changes the processing, or trains with studies from
# there. None of this shows in any number that was measured at home.
#
# ## 9. A leak, planted
#
# One more number, from a team in a hurry. It splits *studies* at random instead of patients, so that the people of its
# exam have other studies in training. Here both ways were tried, with one and the same exam: the same network, as many
# patients to learn from and as many studies of each; only *who* they were differs. Val holds nobody of either.

# %% alt="AUROC in the exam of two trainings, a dot a seed: with studies mixed it is higher than with patients apart"
leak_runs = read_scan_study("leak")
leak = scan_tables.leak_frame(leak_runs)
figures.plot_dots(
    leak, row="split", value="AUROC", labels={"AUROC": "AUROC in the exam"}
)

# %%
for measure in ("AUROC", "AUROC on val"):
    by_seed = leak.pivot(index="seed", columns="split", values=measure)
    differences = by_seed["studies mixed"] - by_seed["patients apart"]
    said = scan_tables.effect_in_words(differences.dropna().tolist())
    print(f"{measure:12}, mixed minus apart: {said}")

# %% [markdown]
# No picture of the exam was in training, but its people were: ribs, heart, build, and whether they were ill. The second
# line is the check: on strangers the two networks should be alike, for what the leak added is knowledge of people. (Its
# interval is what these seeds leave open.)


# %% tags=["exercise"] exercise="split_patients"
# Exercise 6.4: patients names the patient of each study. Return a list of True
# (val) and False (train), one for each study, such that about the given share
# of the patients is in val, and nobody is on both sides.
def split_patients(patients, share):
    return ...


# %% tags=["check"]
exercises.split_patients.check(split_patients)

# %% [markdown]
# ## 10. Real scans, one step away
#
# [MedMNIST](https://medmnist.com) (Yang et al. 2023) holds real, small medical pictures with licences, among them chest
# radiographs. With a network, `pip install medmnist`, and

# %%
real = None  # for instance "pneumoniamnist"

if real:
    from course_utils.data.medical import load_medmnist

    medical = load_medmnist(real, size=64)
    print(medical.description)
    print([len(images) for images in medical], medical.licence)
else:
    print('Name a set to try real pictures: real = "pneumoniamnist"')

# %% [markdown]
# Train the same definition on it: `medical.train.with_transform(...)` goes into `fit` like the scans did. Mind what its
# authors say of patients in its splits.
#
# ## Recap
#
# - Rare: report sensitivity and specificity, AUROC with an interval over patients, and the [share of right
#   alarms](glossary.md#positive-predictive-value) where illness is as rare as in use. Never accuracy alone.
# - The threshold is chosen on val by a share of false alarms, or by price once val is reweighted to the place of use;
#   and again for each new scanner.
# - A definition is yours to change. Cross what you vary, pair what you compare, and give the interval of "no effect" as
#   well.
# - Borrowed weights are a question to measure, not a habit; the honest rival is what you can do without.
# - Split patients, not studies. Whatever made the number so good, look for the leak first.
#
# ## Quiz

# %%
QUIZ

# %% [markdown]
# ## Where to go next
#
# `data/scans/DATASHEET.md` says how the scans are made and what they can't teach. [Lesson
# 5](05_which_flavour_when.ipynb) has the same question for the birds.
