"""Every exercise: its solution passes, its likely wrong answers get their own message, its stub stops nothing."""

from __future__ import annotations

import importlib
import inspect
import math
import pkgutil
import statistics
import time

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

from course_utils import lessons
from course_utils.lessons.a_new_domain import exercises as detecting
from course_utils.lessons.fine_tune_pretrained import exercises as fine_tuning
from course_utils.lessons.meet_the_birds import exercises as exploring
from course_utils.lessons.other_frameworks import exercises as elsewhere
from course_utils.lessons.ship_it import exercises as shipping
from course_utils.lessons.start_here import exercises as start
from course_utils.lessons.train_from_scratch import exercises as training
from course_utils.lessons.two_flavours import exercises as flavours
from course_utils.lessons.which_flavour_when import exercises as comparing
from course_utils.notebook.checks import Exercise

EXERCISES = {
    f"{topic}.{name}": value
    for _, topic, _ in pkgutil.iter_modules(lessons.__path__)
    for name, value in vars(importlib.import_module(f"{lessons.__name__}.{topic}.exercises")).items()
    if isinstance(value, Exercise)
}


def groups(backbone_rate, head_rate, *, keep_frozen=False, drop_bias=False):
    def answer(parameters, lr_backbone, lr_head):
        rates = {"b": lr_backbone, "h": lr_head}
        kept = {n: p for n, p in parameters.items() if p.requires_grad or keep_frozen}
        head = [
            p
            for n, p in kept.items()
            if n.startswith("classifier.") and not (drop_bias and n.endswith("bias"))
        ]
        backbone = [p for n, p in kept.items() if not n.startswith("classifier.")]
        return [{"params": backbone, "lr": rates[backbone_rate]}, {"params": head, "lr": rates[head_rate]}]

    return answer


def kept(accuracies, n, errors=1.0, of=max, beside=max, root=math.sqrt):
    value = of(accuracies)
    return accuracies[-1] >= beside(accuracies) - errors * root(value * (1 - value) / n)


def by_log_softmax(model, optimizer, pictures, labels):
    loss = F.nll_loss(F.log_softmax(model(pictures), 1), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def in_eval(model, *others):
    model.eval()
    return step_of("zero_grad", "backward", "step")(model, *others)


def only_no(before, after, head):
    for name in before:
        if not name.startswith(head) and not torch.equal(before[name], after[name]):
            return False
    return None


def only_parameters(before, after, head):
    return all(
        torch.equal(before[n], after[n]) for n in before if "running" not in n and not n.startswith(head)
    )


def step_of(*calls, item=True, scale=1):
    """A training step that makes these calls in this order."""

    def answer(model, optimizer, pictures, labels):
        loss = F.cross_entropy(model(pictures), labels)
        for call in calls:
            loss.backward() if call == "backward" else getattr(optimizer, call)()
        return scale * loss.item() if item else loss

    return answer


def swapped_arguments(model, optimizer, pictures, labels):
    loss = F.cross_entropy(labels, model(pictures))
    return loss.item()


def own_optimiser(model, optimizer, pictures, labels):
    return step_of("zero_grad", "backward", "step")(
        model, torch.optim.SGD(model.parameters(), lr=0.5), pictures, labels
    )


def by_hand(model, optimizer, pictures, labels):
    loss = F.cross_entropy(model(pictures), labels)
    optimizer.zero_grad()
    loss.backward()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter -= 0.5 * parameter.grad
    return loss.item()


def over_softmax(model, optimizer, pictures, labels):
    return step_of("zero_grad", "backward", "step")(
        lambda x: model(x).softmax(1), optimizer, pictures, labels
    )


def optimizer_backward(model, optimizer, pictures, labels):
    optimizer.backward()


def frozen(before, after, head, *, same=torch.equal, many=all, chosen=None):
    """is_frozen with one thing wrong."""
    chosen = chosen or (lambda n: not n.startswith(head))
    return many(same(before[n], after[n]) for n in before if chosen(n))


def first_only(before, after, head):
    for name in before:
        if not name.startswith(head):
            return torch.equal(before[name], after[name])
    return True


def rates(parameters, lr_backbone, lr_head, *, wrap=list, chosen=lambda n: n.startswith("classifier.")):
    kept = {n: p for n, p in parameters.items() if p.requires_grad}
    return [
        {"params": wrap(p for n, p in kept.items() if not chosen(n)), "lr": lr_backbone},
        {"params": wrap(p for n, p in kept.items() if chosen(n)), "lr": lr_head},
    ]


def paired(a, b, t, times=1.0):
    differences = [x - y for x, y in zip(a, b, strict=True)]
    return statistics.mean(differences), times * t * statistics.stdev(differences) / math.sqrt(len(a))


def unpaired(a, b, t):
    apart = math.sqrt(statistics.variance(a) / len(a) + statistics.variance(b) / len(b))
    return statistics.mean(a) - statistics.mean(b), t * apart


def variance_first(a, b, t):
    mean, reach = paired(a, b, t)
    return mean, 2 * reach**2 / t


def upwards(sizes, accuracies, target):
    """The first size that is good enough, as if nothing lay between two."""
    if not accuracies[0] <= target <= accuracies[-1]:
        return None
    return next(n for n, accuracy in zip(sizes, accuracies, strict=True) if accuracy >= target)


def linear(sizes, accuracies, target):
    inside = accuracies[0] <= target <= accuracies[-1]
    return float(np.interp(target, accuracies, sizes)) if inside else None


def one_slope(sizes, accuracies, target):
    if not accuracies[0] <= target <= accuracies[-1]:
        return None
    known = dict(zip(accuracies, sizes, strict=True))
    if target in known:
        return known[target]
    share = (target - accuracies[1]) / (accuracies[2] - accuracies[1])
    return sizes[1] * (sizes[2] / sizes[1]) ** share


def same_by(measure):
    return lambda a, b: a.keys() == b.keys() and all(measure(a[n]) == measure(b[n]) for n in a)


def rows_of(names, group):
    return [names.index(name) for name in group]


def channels(values):
    return torch.tensor(values).view(3, 1, 1)


def set_fc(model, num_classes):
    for parameter in model.parameters():
        parameter.requires_grad = False
    model.fc = nn.Linear(4, num_classes)
    return model


def freeze_last(model, num_classes):
    model.classifier[-1] = nn.Linear(model.classifier[-1].in_features, num_classes)
    for parameter in model.parameters():
        parameter.requires_grad = False
    return model


def no_freeze(model, num_classes):
    model.classifier[-1] = nn.Linear(model.classifier[-1].in_features, num_classes)
    return model


def of_width(width, place=-1, give=lambda model: model):
    def answer(model, num_classes):
        for parameter in model.parameters():
            parameter.requires_grad = False
        model.classifier[place] = nn.Linear(width or model.classifier[place].in_features, num_classes)
        return give(model)

    return answer


def replace_all(model, num_classes):
    for parameter in model.parameters():
        parameter.requires_grad = False
    model.classifier = nn.Linear(4, num_classes)
    return model


def in_place(pixels, mean, std):
    pixels[:] = (pixels / 255 - channels(mean)) / channels(std)
    return pixels


def spoiled(pixels, mean, std):
    answer = (pixels / 255 - channels(mean)) / channels(std)
    pixels //= 255
    return answer


def slow_histogram(picture, bins):
    if picture[0].numel() > 1000:
        time.sleep(exploring.SLOW_SECONDS)
    return counts(picture, bins) / picture[0].numel()


def counts(picture, bins):
    return torch.cat([torch.histc(c.float(), bins=bins, min=0, max=256) for c in picture])


def last_cleared(scores, labels, specificity, *, in_order=True, above=0.0):
    healthy = scores[labels == 0]
    healthy = healthy.sort().values if in_order else healthy
    return healthy[math.ceil(len(healthy) * specificity - 1e-9) - 1].item() + above


def greyed(conv, weight):
    conv.weight, conv.in_channels = nn.Parameter(weight.detach()), 1
    return conv


def anew(conv, *, bias=None, stride=1, padding=0):
    new = nn.Conv2d(1, conv.out_channels, conv.kernel_size, stride, padding, bias=bias is not None)
    new.bias = bias
    return greyed(new, conv.weight.sum(1, keepdim=True))


def quantile(scores, share, way):
    return torch.quantile(scores, share, interpolation=way).item()


def claimed(seeds, patients, *, at_least=False):
    ends = [*seeds, *patients]
    if all(end > 0 or (at_least and end == 0) for end in ends):
        return "gain"
    return "loss" if all(end < 0 for end in ends) else None


def by_one(ends):
    return claimed(ends, ends) or "can't tell"


def swapped(said):
    return {"gain": "loss", "loss": "gain"}.get(said, "can't tell")


def same_side(seeds, patients):
    holds = [low <= 0 <= high for low, high in (seeds, patients)]
    return "can't tell" if any(holds) else by_one(seeds)


def whole_patients(patients, share):
    everybody = sorted(set(patients))
    np.random.default_rng(0).shuffle(everybody)
    val = everybody[: int(share * len(everybody))]
    return [patient in val for patient in patients]


def first_patients(patients, share):
    everybody = list(dict.fromkeys(patients))
    return [patient in everybody[: int(share * len(everybody))] for patient in patients]


def every_fourth(patients, share):
    everybody = list(dict.fromkeys(patients))
    return [everybody.index(patient) % 4 == 0 for patient in patients]


def in_order(patients, share):
    return [k < share * len(patients) for k in range(len(patients))]


def input_by(
    *,
    squeeze=False,
    reverse=False,
    divide=True,
    mean=True,
    std=True,
    last=False,
    kind=np.float32,
    corner=False,
    way=3,
    share=0.875,
):
    """A way from a picture to a model's input, right unless an option says otherwise."""

    def answer(picture, side, mean_, std_):
        scale = round(side / share) / min(picture.size)
        width, height = (side, side) if squeeze else (round(scale * length) for length in picture.size)
        picture = picture.resize((width, height), way)
        left, top = (0, 0) if corner else ((width - side) // 2, (height - side) // 2)
        pixels = np.asarray(picture.crop((left, top, left + side, top + side)), dtype=np.float32)
        pixels = pixels[:, :, ::-1] if reverse else pixels
        pixels = pixels / 255 if divide else pixels
        pixels = pixels - mean_ if mean else pixels
        pixels = pixels / std_ if std else pixels
        return (pixels if last else pixels.transpose(2, 0, 1)).astype(kind)

    return answer


def within(pick=max, share=95, strict=False):
    """The largest batch whose percentile is within the limit."""

    def answer(waits, limit):
        found = [
            size
            for size, values in waits.items()
            if (np.percentile(values, share) < limit if strict else np.percentile(values, share) <= limit)
        ]
        return pick(found) if found else None

    return answer


def until_too_slow(waits, limit):
    found = None
    for size in sorted(waits):
        if np.percentile(waits[size], 95) > limit:
            break
        found = size
    return found


def described(*, axis=1, swapped=False, scale=lambda low, high: ""):
    """describe_input with one thing wrong."""

    def answer(x):
        layout = "first" if x.shape[axis] == 3 else "last"
        pair = layout, scale(x.min(), x.max()) or elsewhere.describe_input.answer(x)[1]
        return pair[::-1] if swapped else pair

    return answer


def moved(order=(2, 3, 1, 0), depthwise=(2, 3, 0, 1), dense=(1, 0)):
    orders = {"Conv2D": order, "DepthwiseConv2D": depthwise, "Dense": dense}
    return lambda kind, weight: weight.transpose(orders[kind])


WRONG = [
    (elsewhere.describe_input, lambda x: x.shape, "Expected a pair of words"),
    (elsewhere.describe_input, lambda x: "first", "Expected a pair of words"),
    (elsewhere.describe_input, lambda x: None, "Is a `return` missing?"),
    (elsewhere.describe_input, described(swapped=True), "in the other order"),
    (elsewhere.describe_input, lambda x: ("channels first", "0 to 1"), "For the layout it said"),
    (elsewhere.describe_input, described(axis=3), "Which of axis 1 and axis 3"),
    (elsewhere.describe_input, described(scale=lambda low, high: "uint8"), "For the scale it said"),
    (elsewhere.describe_input, described(scale=lambda low, high: "0 to 255"), "nothing is negative"),
    (elsewhere.describe_input, described(scale=lambda low, high: "-1 to 1"), "No value is below 0"),
    (
        elsewhere.describe_input,
        described(scale=lambda low, high: ("ImageNet" if high > 1 else "-1 to 1") if low < 0 else ""),
        "lie below -1",
    ),
    (
        elsewhere.describe_input,
        described(scale=lambda low, high: "-1 to 1" if -1 <= low < 0 else ""),
        "lie above 1",
    ),
    (
        elsewhere.describe_input,
        described(scale=lambda low, high: "ImageNet" if low < 0 and low != -1 else ""),
        "none lies outside -1 to 1",
    ),
    (elsewhere.to_keras, lambda kind, weight: weight, "nothing has changed"),
    (elsewhere.to_keras, lambda kind, weight: None, "Is a `return` missing?"),
    (elsewhere.to_keras, moved(depthwise=(2, 3, 1, 0)), "the channels come before the axis of length 1"),
    (elsewhere.to_keras, moved(order=(2, 3, 0, 1)), "expected (3, 2, 4, 5)"),
    (elsewhere.to_keras, lambda kind, weight: weight.T, "expected (3, 2, 4, 5)"),
    (
        elsewhere.to_keras,
        lambda kind, weight: weight.reshape(elsewhere.to_keras.answer(kind, weight).shape),
        "as after reshape",
    ),
    (elsewhere.to_keras, moved(dense=(0, 1)), "For Dense nothing has changed"),
    (elsewhere.stays_random, lambda model, file: None, "Is a `return` missing?"),
    (elsewhere.stays_random, lambda model, file: False, "Expected a list of names"),
    (elsewhere.stays_random, lambda model, file: [n for n in model if n not in file], "compare shapes, too"),
    (
        elsewhere.stays_random,
        lambda model, file: [n for n in model if n in file],
        "Expected those that are not",
    ),
    (
        elsewhere.stays_random,
        lambda model, file: [n for n in file if n not in model],
        "it fills nothing",
    ),
    (
        elsewhere.stays_random,
        lambda model, file: [(n, s) for n, s in model.items() if file.get(n) != s],
        "Return the names alone",
    ),
    (
        elsewhere.stays_random,
        lambda model, file: [n for n in {**model, **file} if model.get(n) != file.get(n)],
        "it fills nothing",
    ),
    (shipping.server_input, input_by(squeeze=True, reverse=True, divide=False), "The picture is squeezed"),
    (shipping.server_input, input_by(squeeze=True, reverse=True), "The picture is squeezed"),
    (shipping.server_input, input_by(squeeze=True), "The picture is squeezed"),
    (shipping.server_input, input_by(reverse=True, divide=False), "never divided by 255"),
    (shipping.server_input, input_by(reverse=True), "in the order blue, green, red"),
    (shipping.server_input, input_by(divide=False), "never divided by 255"),
    (shipping.server_input, input_by(mean=False, std=False), "not used yet"),
    (shipping.server_input, input_by(std=False), "not used yet"),
    (shipping.server_input, input_by(last=True), "the colours come last"),
    (shipping.server_input, input_by(corner=True), "Is the cut in the middle"),
    (shipping.server_input, input_by(kind=np.float64), "of type float64"),
    (shipping.server_input, input_by(way=2), "in another way than bicubic"),
    (shipping.server_input, input_by(share=0.9), "Has the short side round(side / 0.875) pixels?"),
    (shipping.server_input, lambda picture, *_: picture, "It returned a picture"),
    (shipping.server_input, lambda picture, side, mean, std: np.asarray(picture), "expected (3, 56, 56)"),
    (
        shipping.server_input,
        lambda picture, side, mean, std: (np.zeros((3, side, side)) - mean) / std,
        "the colours must be the last axis",
    ),
    (shipping.may_ship, lambda a, b, t: np.abs(a - b) <= t, "an array of answers"),
    (shipping.may_ship, lambda a, b, t: np.abs(a - b).mean() <= t * np.abs(a).max(), "not at the mean"),
    (shipping.may_ship, lambda a, b, t: (a.argmax(1) == b.argmax(1)).all(), "off by a lot"),
    (shipping.may_ship, lambda a, b, t: (b - a).max() <= t * np.abs(a).max(), "absolute difference"),
    (shipping.may_ship, lambda a, b, t: np.abs(a - b).max() <= t * a.max(), "np.abs(expected).max()"),
    (shipping.may_ship, lambda a, b, t: np.abs(a - b).max() <= t, "np.abs(expected).max()"),
    (shipping.may_ship, lambda a, b, t: not np.abs(a - b).max() > t * np.abs(a).max(), "yes to a NaN"),
    (shipping.may_ship, lambda a, b, t: np.abs(a - b).max() <= t * np.abs(a).max(), "Compare the shapes"),
    (
        shipping.may_ship,
        lambda a, b, t: np.abs(a - b).max() <= 2 * t * np.abs(a).max(),
        "and no more",
    ),
    (shipping.may_ship, lambda a, b, t: 0.5, "expected True or False"),
    (shipping.may_ship, lambda a, b, t: np.abs(a - b).max() <= 0.1, "tolerance is"),
    (shipping.may_ship, lambda a, b, t: np.abs(a - b).max() <= 10 * t, "tolerance is"),
    (shipping.may_ship, lambda a, b, t: np.abs(a - b).max() <= -t * a.min(), "It said no"),
    (shipping.may_ship, lambda a, b, t: np.abs(a - b).max() <= 3 * t * a.std(), "It said"),
    (shipping.may_ship, lambda a, b, t: np.abs(a - b).max() <= t * np.abs(b).max(), "from expected"),
    (
        shipping.may_ship,
        lambda a, b, t: len(a) == len(b) and np.abs(a - b).max() <= t * np.abs(a).max(),
        "Compare the shapes first, whole",
    ),
    (shipping.largest_batch, within(share=50), "two of twenty take 300"),
    (shipping.largest_batch, lambda waits, limit: max(waits), "It returned 32"),
    (shipping.largest_batch, within(pick=min), "A larger batch stays within"),
    (shipping.largest_batch, within(share=100), "the maximum does not"),
    (shipping.largest_batch, within(strict=True), "At most the limit"),
    (shipping.largest_batch, until_too_slow, "go through all sizes"),
    (shipping.largest_batch, lambda waits, limit: "8", "It returned a text"),
    (shipping.largest_batch, lambda waits, limit: 40.0, "no batch size"),
    (
        shipping.largest_batch,
        lambda waits, limit: max(s for s, v in waits.items() if np.percentile(v, 95) <= limit),
        "max() of nothing",
    ),
    (
        shipping.largest_batch,
        lambda waits, limit: max((s for s, v in waits.items() if np.percentile(v, 95) <= limit), default=0),
        "return None",
    ),
    (detecting.one_channel, lambda c: greyed(c, c.weight.mean(1, keepdim=True)), "a third as strong"),
    (detecting.one_channel, lambda c: greyed(c, c.weight[:, :1]), "weights of one colour only"),
    (
        detecting.one_channel,
        lambda c: greyed(c, torch.rand(len(c.weight), 1, *c.kernel_size)),
        "must come from those",
    ),
    (detecting.one_channel, lambda c: c, "does not take pictures of one channel"),
    (detecting.one_channel, lambda c: c.weight.sum(1, keepdim=True), "expected the convolution"),
    (detecting.one_channel, lambda c: print(c), "It returned nothing"),
    (detecting.one_channel, lambda c: anew(c, bias=c.bias, padding=c.padding), "Keep stride and padding"),
    (
        detecting.one_channel,
        lambda c: anew(c, stride=c.stride, padding=c.padding),
        "The bias of conv is lost",
    ),
    (detecting.threshold_for, last_cleared, "go just above it"),
    (detecting.threshold_for, lambda s, y, p: torch.quantile(s, p), "share of everybody"),
    (detecting.threshold_for, lambda s, y, p: torch.quantile(s[y == 1], p), "follows the scores of the ill"),
    (detecting.threshold_for, lambda s, y, p: torch.quantile(s[y == 0], 1 - p), "Count from the other end"),
    (detecting.threshold_for, lambda s, y, p: 0.99, "Take the lowest"),
    (detecting.threshold_for, lambda s, y, p: 0.25, "Go higher"),
    (detecting.threshold_for, lambda s, y, p: 7, "A threshold is a score"),
    (detecting.threshold_for, lambda s, y, p: s[y == 0], "expected one number"),
    (
        detecting.threshold_for,
        lambda s, y, p: last_cleared(s, y, p, in_order=False, above=1e-6),
        "sort the scores",
    ),
    (detecting.threshold_for, lambda s, y, p: torch.quantile(s[y == 0], p) + 1e-6, "counts the steps"),
    (detecting.threshold_for, lambda s, y, p: quantile(s[y == 0], p, "lower") + 1e-6, "counts the steps"),
    (detecting.threshold_for, lambda s, y, p: quantile(s[y == 0], p, "higher") + 1e-6, "counts the steps"),
    (detecting.claim, lambda seeds, patients: by_one(seeds), "The interval over patients holds 0"),
    (detecting.claim, lambda seeds, patients: by_one(patients), "The interval over seeds holds 0"),
    (
        detecting.claim,
        lambda seeds, patients: max(seeds[0], patients[0]) > 0,
        "It returned True; expected one",
    ),
    (detecting.claim, lambda seeds, patients: None, "It returned None; expected one"),
    (
        detecting.claim,
        lambda seeds, patients: swapped(claimed(seeds, patients)),
        "signs are the wrong way round",
    ),
    (detecting.claim, lambda seeds, patients: "can't tell", "so this may be claimed"),
    (detecting.claim, lambda seeds, patients: claimed(seeds, patients) or "no effect", "is never shown"),
    (
        detecting.claim,
        lambda seeds, patients: claimed(seeds, patients, at_least=True) or "can't tell",
        "still holds 0",
    ),
    (detecting.claim, same_side, "One speaks for a gain and the other for a loss"),
    (detecting.split_patients, lambda p, share: every_fourth(p, share), "every patient number 4"),
    (detecting.split_patients, lambda p, share: first_patients(p, share), "who stand together in the list"),
    (detecting.split_patients, in_order, "patients are on both sides"),
    (
        detecting.split_patients,
        lambda p, share: [k % 4 == 0 for k in range(len(p))],
        "patients are on both sides",
    ),
    (detecting.split_patients, lambda p, share: [False] * len(p), "went to train"),
    (detecting.split_patients, lambda p, share: [True] * len(p), "went to val"),
    (detecting.split_patients, lambda p, share: sorted(set(p))[:5], "5 values for 604 studies"),
    (detecting.split_patients, lambda p, share: p, "'P000' for the first study"),
    (detecting.split_patients, lambda p, share: whole_patients(p, 0.75), "75% of the patients are in val"),
    (detecting.split_patients, lambda p, share: whole_patients(p, 0.25), "use the argument"),
    (detecting.split_patients, lambda p, share: set(p), "202 values for 604 studies"),
    (start.minutes, lambda n, e, v, o: n * e / v + o, "in seconds"),
    (start.minutes, lambda n, e, v, o: (n / v + o) / 60, "for one epoch"),
    (start.minutes, lambda n, e, v, o: n * e / v / 60, "overhead is missing"),
    (start.minutes, lambda n, e, v, o: (n * e * v + o) / 60, "so divide"),
    (start.minutes, lambda n, e, v, o: 3.5, "Use the arguments"),
    (start.minutes, lambda n, e, v, o: (n * e / v + o) // 60, "cut to whole minutes"),
    (start.minutes, lambda n, e, v, o: round((n * e / v + o) / 60), "rounded to whole minutes"),
    (start.group_share, lambda x, n, g: x[rows_of(n, g)].sum(), "sum of logits"),
    (start.group_share, lambda x, n, g: x[rows_of(n, g)].softmax(0).sum(), "to the group alone"),
    (start.group_share, lambda x, n, g: x.softmax(0)[rows_of(n, g)].mean(), "the mean of their shares"),
    (start.group_share, lambda x, n, g: x.softmax(0)[rows_of(n, g)].max(), "one of them only"),
    (start.group_share, lambda x, n, g: x.softmax(0)[: len(g)].sum(), "first names of the list"),
    (start.group_share, lambda x, n, g: x.softmax(0).topk(len(g)).values.sum(), "largest shares"),
    (start.group_share, lambda x, n, g: x.softmax(0)[n.index(g[0])], "owl and dog have"),
    (start.group_share, lambda x, n, g: x.softmax(0)[rows_of(n, g[:2])].sum(), "How long may a group be"),
    (start.group_share, lambda x, n, g: x.softmax(0)[rows_of(n, g)], "expected one number"),
    (flavours.same_names_and_shapes, lambda a, b: all(torch.equal(a[n], b[n]) for n in a), "values only"),
    (flavours.same_names_and_shapes, lambda a, b: a.keys() == b.keys(), "another shape"),
    (flavours.same_names_and_shapes, lambda a, b: len(a) == len(b), "Compare the names"),
    (
        flavours.same_names_and_shapes,
        lambda a, b: all(n in b and a[n].shape == b[n].shape for n in a),
        "both ways",
    ),
    (
        flavours.same_names_and_shapes,
        lambda a, b: [(n, t.shape) for n, t in a.items()] == [(n, t.shape) for n, t in b.items()],
        "order of the names",
    ),
    (flavours.normalise, lambda x, m, s: (x - channels(m)) / channels(s), "divide by 255 first"),
    (flavours.normalise, lambda x, m, s: x / 255, "now subtract the mean"),
    (flavours.normalise, lambda x, m, s: (x / 255 - channels(m)) * channels(s), "instead of multiplying"),
    (flavours.normalise, lambda x, m, s: (x / 255 - m[0]) / s[0], "first channel's numbers"),
    (flavours.normalise, lambda x, m, s: x / 255 / channels(s) - channels(m), "order matters"),
    (flavours.new_head, set_fc, "never calls"),
    (flavours.new_head, freeze_last, "Freeze first, then replace"),
    (flavours.new_head, no_freeze, "features still train"),
    (flavours.new_head, of_width(6), "one width and one number"),
    (flavours.new_head, of_width(4096), r"expects 4,096 numbers (right for VGG16), but 6 arrive"),
    (flavours.new_head, of_width(25088), "expects 25,088 numbers, but 6 arrive"),
    (flavours.new_head, of_width(None, give=lambda model: None), "Is a `return` missing"),
    (flavours.new_head, replace_all, "replaced the whole classifier"),
    (flavours.new_head, of_width(None, give=lambda m: (m.classifier, m)), "returned a tuple of 2"),
    (flavours.normalise, in_place, "still uint8"),
    (
        flavours.normalise,
        lambda x, m, s: ((x / 255 - channels(m)) / channels(s)).numpy(),
        "found a `ndarray`",
    ),
    (flavours.normalise, lambda x, m, s: (x / 255)[0], "found (5, 5)"),
    (flavours.normalise, spoiled, "changed the picture"),
    (flavours.same_names_and_shapes, lambda a, b: a == b, "number by number"),
    (flavours.same_names_and_shapes, same_by(lambda tensor: tensor.numel()), "as many numbers"),
    (flavours.same_names_and_shapes, same_by(len), "as many rows"),
    (exploring.leaked, lambda a, b: len(set(a) & set(b)), "Return where"),
    (exploring.leaked, lambda a, b: [h for h in b if h in a], "Those are the hashes"),
    (
        exploring.leaked,
        lambda a, b: [i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x == y],
        "place by place",
    ),
    (exploring.leaked, lambda a, b: [i for i, h in enumerate(a) if h in b], "places in train"),
    (exploring.leaked, lambda a, b: [i for i, h in enumerate(b) if h not in a], "not in train"),
    (exploring.majority_accuracy, lambda a, b: (b == b.mode().values).float().mean(), "val's own commonest"),
    (exploring.majority_accuracy, lambda a, b: (b == a.mode().values).sum(), "Divide by the number"),
    (
        exploring.majority_accuracy,
        lambda a, b: (b == torch.bincount(a).argmin()).float().mean(),
        "returned 0.100",
    ),
    (exploring.majority_accuracy, lambda a, b: (b == a[0]).float().mean(), "returned 0.100"),
    (exploring.majority_accuracy, lambda a, b: (b == a.max()).float().mean(), "returned 0.100"),
    (exploring.leaked, lambda a, b: (i for i, h in enumerate(b) if h in a), "list(...)"),
    (exploring.leaked, lambda a, b: np.where(np.isin(b, a)), "first of them"),
    (exploring.colour_histogram, lambda x, n: (counts(x, n) / 16).numpy(), "they are a `ndarray`"),
    (exploring.colour_histogram, lambda x, n: (counts(x, n) / 16).double(), "they are a `torch.float64`"),
    (exploring.colour_histogram, lambda x, n: (counts(x, n) / 16).view(3, -1), "in the shape (3, 4)"),
    (exploring.colour_histogram, lambda x, n: counts(x, 4) / 16, "Use the argument bins"),
    (
        exploring.colour_histogram,
        lambda x, n: torch.histc(x, n),
        "Your code stopped with NotImplementedError",
    ),
    (exploring.majority_accuracy, lambda a, b: 1 / len(a.unique()), "That is chance"),
    (exploring.majority_accuracy, lambda a, b: (a == a.mode().values).float().mean(), "Measure on val"),
    (exploring.colour_histogram, slow_histogram, "Right, but a picture of 256 x 256 pixels takes"),
    (exploring.colour_histogram, counts, "Those are counts"),
    (
        exploring.colour_histogram,
        lambda x, n: torch.histc(x.float(), n, 0, 256) / x.numel(),
        "Make one a channel",
    ),
    (exploring.colour_histogram, lambda x, n: counts(x, n) / x.numel(), "add up to 1"),
    (
        exploring.colour_histogram,
        lambda x, n: torch.cat([torch.histc(c.float(), bins=n) for c in x]) / x[0].numel(),
        "in every picture",
    ),
    (training.guessing_loss, lambda n: 1 / n, "probability of the right class"),
    (training.guessing_loss, lambda n: -math.log(n), "never negative"),
    (training.guessing_loss, math.log2, "natural logarithm"),
    (training.guessing_loss, lambda n: 7.0, "It returns 7.000 whatever num_classes is"),
    (training.guessing_loss, lambda n: 1 - 1 / n, "share of an even guess that is wrong"),
    (training.guessing_loss, 2.77, "should be a function"),
    (training.guessing_loss, lambda n: round(math.log(n), 2), "without rounding"),
    (training.guessing_loss, lambda n: -math.log2(n), "and is never negative"),
    (training.guessing_loss, lambda n: f"{math.log(n)}", "of type `str`; expected one number"),
    (
        training.guessing_loss,
        lambda n: torch.full((n,), math.log(n)),
        "of type `Tensor`; expected one number",
    ),
    (training.guessing_loss, lambda n: print(n), "Is a `return` missing?"),
    (training.training_step, step_of(), "still to be written"),
    (training.training_step, step_of("zero_grad", "step"), "Nothing computes the gradients"),
    (training.training_step, step_of("zero_grad", "backward"), "no weight moves by them"),
    (training.training_step, step_of("backward", "step"), "adds to the gradients that the first has left"),
    (training.training_step, step_of("zero_grad", "step", "backward"), "before backward has computed"),
    (training.training_step, step_of("backward", "zero_grad", "step"), "has just computed"),
    (
        training.training_step,
        step_of("zero_grad", "backward", "step", "step"),
        "Is each made once",
    ),
    (training.training_step, step_of("zero_grad", "backward", "step", item=False), "It returned a tensor"),
    (training.training_step, step_of("zero_grad", "backward", "step", scale=2), "where the loss is"),
    (training.training_step, step_of(item=True), "Do the calls have their `()`"),
    (training.training_step, swapped_arguments, "Your code stopped with"),
    (training.training_step, own_optimiser, "not by the optimiser that was handed in"),
    (training.training_step, by_hand, "not by the optimiser that was handed in"),
    (training.training_step, over_softmax, "that of F.cross_entropy(model(pictures), labels), as it stood"),
    (training.training_step, optimizer_backward, "'SGD' object has no attribute 'backward'"),
    (training.training_step, lambda *a: str(step_of("zero_grad", "backward", "step")(*a)), "of type `str`"),
    (training.worth_keeping, lambda a, n: a[-1] >= max(a), "may well be luck"),
    (training.worth_keeping, lambda a, n: kept(a, 360), "With a tenth of the pictures"),
    (training.worth_keeping, lambda a, n: kept(a, n, errors=2), "It allows too much"),
    (training.worth_keeping, lambda a, n: kept(a, n, root=lambda x: x**0.25), "The square root matters"),
    (training.worth_keeping, lambda a, n: kept(a, n, of=lambda a: a[-1]), "that of the highest"),
    (training.worth_keeping, lambda a, n: kept(a, n, of=lambda a: 0.5), "that of the highest"),
    (training.worth_keeping, lambda a, n: kept(a, n, root=lambda x: x), "Is the square root taken"),
    (
        training.worth_keeping,
        lambda a, n: kept(a, n) and a[-1] < 1,
        "all pictures named rightly: expected True",
    ),
    (training.training_step, in_eval, "leaves the model in eval mode"),
    (training.worth_keeping, lambda a, n: len(a) < 2 or a[-1] >= a[-2] - 0.025, "not with the one before it"),
    (training.worth_keeping, lambda a, n: True, "It says True of every run"),
    (training.worth_keeping, lambda a, n: a.index(max(a)), "It returned 2. Expected True or False"),
    (training.worth_keeping, lambda a, n: max(a), "Expected True or False"),
    (training.worth_keeping, lambda a, n: print(a), "Is a `return` missing?"),
    (training.worth_keeping, lambda a, n: not kept(a, n), "may well be luck"),
    (fine_tuning.is_frozen, lambda b, a, h: all(torch.equal(b[n], a[n]) for n in b), "leave out the names"),
    (fine_tuning.is_frozen, only_parameters, "BatchNorm"),
    (fine_tuning.is_frozen, lambda b, a, h: b.keys() == a.keys(), "yes although"),
    (fine_tuning.is_frozen, lambda b, a, h: frozen(b, a, h, many=any), "all, not any"),
    (
        fine_tuning.is_frozen,
        lambda b, a, h: frozen(b, a, h, many=list),
        "of type `list`; expected True or False",
    ),
    (fine_tuning.is_frozen, lambda b, a, h: str(frozen(b, a, h)), "of type `str`; expected True or False"),
    (fine_tuning.is_frozen, lambda b, a, h: not frozen(b, a, h), "name.startswith(head)"),
    (fine_tuning.is_frozen, first_only, "inside the loop"),
    (
        fine_tuning.is_frozen,
        lambda b, a, h: frozen(b, a, h, chosen=lambda n: not n.startswith("classifier.")),
        "head was 'fc.'",
    ),
    (fine_tuning.is_frozen, lambda b, a, h: frozen(b, a, h, chosen=lambda n: h not in n), "block.classifier"),
    (fine_tuning.is_frozen, lambda b, a, h: frozen(b, a, h, same=lambda x, y: x[0] == y[0]), "yes although"),
    (
        fine_tuning.is_frozen,
        lambda b, a, h: frozen(b, a, h, same=lambda x, y: torch.allclose(x, y, atol=0.1)),
        "yes although",
    ),
    (
        fine_tuning.is_frozen,
        lambda b, a, h: all(b[n] == a[n] for n in b if not n.startswith(h)),
        "number by number",
    ),
    (fine_tuning.is_frozen, lambda b, a, h: only_no(b, a, h), "`return True` missing"),
    (
        fine_tuning.is_frozen,
        lambda b, a, h: all(b[n].sum() == a[n].sum() for n in b if not n.startswith(h)),
        "yes although",
    ),
    (fine_tuning.best_l2, lambda d: min(d["val"]), "smallest l2, whatever its loss"),
    (
        fine_tuning.best_l2,
        lambda d: min(d["val"], key=lambda k: d["val"][k] + d["train"][k]),
        "sum of both losses",
    ),
    (fine_tuning.best_l2, lambda d: min(d["train"].values()), "a loss itself"),
    (
        fine_tuning.best_l2,
        lambda d: min(d["val"], key=lambda k: d["val"][k] - d["train"][k]),
        "small gap is worth nothing",
    ),
    (
        fine_tuning.best_l2,
        lambda d: list(d["train"])[min(range(5), key=list(d["val"].values()).__getitem__)],
        "do positions from one serve",
    ),
    (fine_tuning.best_l2, lambda d: print(d), "Is a `return` missing?"),
    (fine_tuning.best_l2, lambda d: min(d["val"].items(), key=lambda i: i[1]), "Return the l2 alone"),
    (fine_tuning.best_l2, lambda d: min(d), "name of a split"),
    (fine_tuning.best_l2, lambda d: torch.tensor(list(d["val"].values())).argmin(), "That is a position"),
    (fine_tuning.two_rates, lambda p, b, h: [{"params": list(p), "lr": b}], "holds names"),
    (fine_tuning.two_rates, lambda p, b, h: [{"params": p, "lr": b}], "take its values()"),
    (fine_tuning.two_rates, lambda p, b, h: rates(p, b, 10 * b), "as they were given"),
    (fine_tuning.two_rates, lambda p, b, h: rates(p, b, b), "the same rate"),
    (
        fine_tuning.two_rates,
        lambda p, b, h: rates(p, b, h, chosen=lambda n: "classifier" in n),
        "wrong group",
    ),
    (fine_tuning.two_rates, lambda p, b, h: rates(p, b, h)[0], "list of two dictionaries"),
    (fine_tuning.two_rates, lambda p, b, h: torch.optim.AdamW(rates(p, b, h)), "an optimiser"),
    (
        fine_tuning.two_rates,
        lambda p, b, h: rates(p, b, h, wrap=lambda g: [*(q.clone() for q in g)]),
        "copies",
    ),
    (fine_tuning.two_rates, lambda p, b, h: rates(p, b, h, wrap=lambda g: 2 * list(g)), "twice"),
    (fine_tuning.two_rates, lambda p, b, h: [{"params": [...], "lr": b}], "still to be written"),
    (
        fine_tuning.two_rates,
        lambda p, b, h: [{"params": [p["blocks.classifier_like"]], "lr": b}],
        "inside the loop",
    ),
    (
        fine_tuning.two_rates,
        lambda p, b, h: [{"params": list(p.values()), "learning_rate": b}],
        r"keys ['learning_rate', 'params']",
    ),
    (fine_tuning.best_l2, lambda d: min(d["train"], key=d["train"].get), "ask val instead"),
    (fine_tuning.best_l2, lambda d: max(d["val"], key=d["val"].get), "better when it is lower"),
    (fine_tuning.best_l2, lambda d: min(d["val"].values()), "a loss itself"),
    (fine_tuning.two_rates, groups("h", "b"), "swapped"),
    (fine_tuning.two_rates, groups("b", "h", keep_frozen=True), "frozen parameter is in a group"),
    (fine_tuning.two_rates, groups("b", "h", drop_bias=True), "classifier.bias trains but is in no group"),
    (comparing.differences, lambda a, b: {k for k in a if a[k] != b[k]}, "is what the comparison is about"),
    (
        comparing.differences,
        lambda a, b: {k for k in a if a[k] != b[k] and k != "weights"},
        "why there are several",
    ),
    (comparing.differences, lambda a, b: a == b, "Return a set of the names"),
    (comparing.differences, lambda a, b: set(), "calls every pair fair"),
    (comparing.differences, lambda a, b: "image_size", "Return a set"),
    (comparing.differences, lambda a, b: {a[k] for k in a if a[k] != b[k]}, "without their values"),
    (comparing.differences, lambda a, b: set(a.items()) ^ set(b.items()), "without their values"),
    (
        comparing.learning_curve,
        lambda f, ns, seeds: [[f(n, k) for k in seeds] for n in ns],
        "Return a dictionary",
    ),
    (
        comparing.learning_curve,
        lambda f, ns, seeds: {k: [f(n, k) for n in ns] for k in seeds},
        "keys are the seeds",
    ),
    (comparing.learning_curve, lambda f, ns, seeds: {5: [f(5, k) for k in seeds]}, "nothing for 20"),
    (comparing.learning_curve, lambda f, ns, seeds: {n: f(n, 0) for n in ns}, "of every seed, in a list"),
    (comparing.learning_curve, lambda f, ns, seeds: {n: [f(n, 0)] for n in ns}, "one for each of 2 seeds"),
    (
        comparing.learning_curve,
        lambda f, ns, seeds: {n: [f(n, 0), f(n, 0)] for n in ns},
        "call accuracy(number, seed)",
    ),
    (
        comparing.learning_curve,
        lambda f, ns, seeds: {n: [f(n, k) for k in seeds if f(n, k)] for n in ns},
        "some of them twice",
    ),
    (comparing.gain, lambda a, b, t: paired(a, b, t)[::-1], "in the other order"),
    (comparing.gain, lambda a, b, t: [100 * number for number in paired(a, b, t)], "not in percent"),
    (comparing.gain, lambda a, b, t: paired(a, b, t, 1 / t), "one standard error"),
    (comparing.gain, lambda a, b, t: paired(a, b, t, 1 / 2), "not by 4"),
    (comparing.gain, variance_first, "began with the variance"),
    (comparing.gain, lambda a, b, t: ("high", "low"), "Return two numbers"),
    (comparing.gain, lambda a, b, t: paired(b, a, t), "wrong way round"),
    (comparing.gain, lambda a, b, t: paired(a, b, t, math.sqrt(3 / 4)), "n - 1"),
    (comparing.gain, lambda a, b, t: paired(a, b, t, 3.0), "expected"),
    (comparing.gain, unpaired, "as strangers"),
    (comparing.gain, lambda a, b, t: paired(a, b, t)[0], "Return two numbers"),
    (comparing.pictures_needed, lambda n, a, t: n[0], "return None"),
    (comparing.pictures_needed, lambda n, a, t: None if t > a[-1] else n[0], "begins above"),
    (
        comparing.pictures_needed,
        lambda n, a, t: None if not a[0] <= t <= a[-1] else [x for x, y in zip(n, a, strict=True) if y >= t],
        "Return one number",
    ),
    (
        comparing.pictures_needed,
        lambda n, a, t: min((x for x in a if x >= t), default=None) if t >= a[0] else None,
        "not the accuracy",
    ),
    (comparing.pictures_needed, upwards, "Go along the line"),
    (comparing.pictures_needed, linear, "half way is the root"),
    (comparing.pictures_needed, one_slope, "own slope"),
]


def solved(exercise):
    namespace = {
        "math": math,
        "np": np,
        "statistics": statistics,
        "torch": torch,
        "nn": nn,
        "F": F,
        "Image": Image,
    }
    exec(exercise.solution_code(), namespace)
    return namespace[exercise.name]


@pytest.mark.parametrize("name", EXERCISES)
def test_solution_passes(name, capsys):
    exercise = EXERCISES[name]
    assert exercise.check(solved(exercise))
    assert "Correct" in capsys.readouterr().out


def nearest_above(scores, labels, specificity):
    for score in sorted(scores.tolist()):
        if (scores[labels == 0] < score).double().mean() >= specificity:
            return score
    return 1.0


def grid_search(scores, labels, specificity):
    healthy = scores[labels == 0]
    found = [k / 1000 for k in range(1001) if (healthy < k / 1000).float().mean().item() >= specificity]
    return min(found)


class Thrice(nn.Module):
    def forward(self, x):
        return x.expand(-1, 3, -1, -1)


RIGHT = [
    (flavours.new_head, of_width(None, place=6)),
    (comparing.gain, lambda a, b, t: np.array(paired(a, b, t))),
    (detecting.one_channel, lambda c: anew(c, bias=c.bias, stride=c.stride, padding=c.padding)),
    (detecting.one_channel, lambda c: nn.Sequential(Thrice(), c)),
    (detecting.threshold_for, nearest_above),
    (detecting.claim, lambda seeds, patients: claimed(seeds, patients) or "Can’t tell"),
    (detecting.claim, lambda seeds, patients: (claimed(seeds, patients) or "can't tell").upper()),
    (detecting.threshold_for, grid_search),
    (
        detecting.split_patients,
        lambda p, share: [hash(patient) % 1000 < 1000 * share for patient in p],
    ),
    (detecting.split_patients, whole_patients),
    (detecting.split_patients, lambda p, share: np.array(whole_patients(p, share))),
    (training.guessing_loss, lambda n: torch.tensor(float(n)).log()),
    (training.guessing_loss, lambda n: -math.log(1 / n)),
    (training.training_step, by_log_softmax),
    (training.worth_keeping, lambda a, n: np.bool_(kept(a, n))),
    (training.worth_keeping, lambda a, n: torch.tensor(kept(a, n))),
    (training.training_step, lambda m, o, p, t: (m.zero_grad(), step_of("backward", "step")(m, o, p, t))[1]),
    (fine_tuning.is_frozen, lambda b, a, h: frozen(b, a, h, same=lambda x, y: bool((x == y).all()))),
    (fine_tuning.is_frozen, lambda b, a, h: torch.tensor(frozen(b, a, h))),
    (fine_tuning.best_l2, lambda d: torch.tensor(min(d["val"], key=d["val"].get), dtype=torch.float64)),
    (fine_tuning.two_rates, lambda p, b, h: [g | {"name": "x"} for g in rates(p, b, h)]),
    (fine_tuning.two_rates, lambda p, b, h: rates(p, b, h, wrap=iter)),
    (fine_tuning.two_rates, lambda p, b, h: (g for g in rates(p, b, h))),
    (fine_tuning.two_rates, lambda p, b, h: rates(p, b, h)[::-1]),
]


@pytest.mark.parametrize(("exercise", "answer"), RIGHT)
def test_another_right_answer_passes(exercise, answer, capsys):
    assert exercise.check(answer), capsys.readouterr().out


@pytest.mark.parametrize(("exercise", "answer", "message"), WRONG)
def test_wrong_answer_gets_its_message(exercise, answer, message, capsys):
    assert not exercise.check(answer)
    assert message in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("name", EXERCISES)
def test_each_exercise_foresees_three_wrong_answers_and_has_hints(name):
    exercise = EXERCISES[name]
    assert sum(e is exercise for e, _, _ in WRONG) >= 3
    assert len(exercise.hints) >= 2


@pytest.mark.parametrize("name", EXERCISES)
def test_unsolved_stub_is_no_error(name, capsys):
    assert not EXERCISES[name].check(lambda *_: None)
    out, err = capsys.readouterr()
    assert "Not yet" in out and not err


class Refusing:
    """Can't be compared, printed or asked whether it is true; calling it gives itself."""

    def __eq__(self, other):
        raise ValueError("no comparison")

    __repr__ = __bool__ = __len__ = __eq__
    __hash__ = None

    def __call__(self, *_, **__):
        return self


def endless(*args, **named):
    return endless(*args, **named)


def leave(*_, **__):
    raise SystemExit(3)


def a_generator(*_, **__):
    yield 1


async def a_coroutine(*_, **__):
    return 1


def emptied(*args, **_):
    """Spoil what was handed over, then give it back."""
    for value in args:
        for spoil in ("clear", "zero_"):
            getattr(value, spoil, lambda: None)()
    return args[0] if args else None


STRANGE = {
    "endless": endless,
    "leave": leave,
    "generator": a_generator,
    "coroutine": a_coroutine,
    "emptied": emptied,
    "refusing": Refusing(),
    "gives refusing": lambda *_, **__: Refusing(),
    "gives nan": lambda *_, **__: float("nan"),
    "gives tensor": lambda *_, **__: torch.tensor([1.0, 2.0], requires_grad=True),
    "gives array": lambda *_, **__: np.arange(3),
    "gives a long text": lambda *_, **__: "x" * 10**5,
    "gives a class": lambda *_, **__: Refusing,
    "gives its first": lambda *args, **_: args[0] if args else 1,
    "nothing but a value": 1.5,
    "text": "x",
    "list": [],
    "half a list": [..., 1],
    "object": object(),
    "class": int,
    "module": nn.Linear(1, 1),
    "array": np.array([1, 2]),
    "tensor": torch.tensor([1.0, 2.0]),
    "nan": float("nan"),
    "builtin": print,
    "none": None,
}


@pytest.mark.filterwarnings("ignore:coroutine")
@pytest.mark.parametrize("name", EXERCISES)
def test_whatever_is_handed_in_there_is_a_verdict(name, capsys):
    exercise = EXERCISES[name]
    number = len(inspect.signature(exercise.check_answer).parameters)
    for kind, answer in STRANGE.items():
        verdict = exercise.check(*[answer] * number)
        assert not verdict.solved, kind
        assert 10 < len(verdict.message) <= 600, kind


def test_an_answer_that_changes_what_it_is_given_spoils_no_later_check(capsys):
    def emptied(a, b):
        a.clear()
        b.clear()
        return set()

    assert not comparing.differences.check(emptied)
    assert comparing.differences.check(solved(comparing.differences)), capsys.readouterr().out
