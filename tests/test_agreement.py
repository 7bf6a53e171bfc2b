"""What the published lessons measured live agrees with what was measured beforehand, within the intervals of both."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from scipy.stats import ttest_1samp
from sklearn.metrics import roc_auc_score

from course_utils import paths
from course_utils.data import load_birds, load_pairs
from course_utils.experiments.compare import measured
from course_utils.experiments.flavours import FLAVOURS
from course_utils.experiments.results import paired_gains
from course_utils.experiments.studies import accuracies_by_seed, read_study, study_table
from course_utils.lessons.a_new_domain import exercises
from course_utils.lessons.a_new_domain.effects import effect_table
from course_utils.metrics.intervals import accuracy_interval
from sweeps.scan_variants import SMALL

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"


def printed(number: str) -> str:
    """All text that the published lesson has printed."""
    (file,) = NOTEBOOKS.glob(f"{number}_*.ipynb")
    outputs = [out for cell in nbformat.read(file, as_version=4).cells for out in cell.get("outputs", [])]
    return "\n".join(out.get("text") or out.get("data", {}).get("text/plain", "") for out in outputs)


def accuracies(flavour: str, images_per_class: int) -> list[tuple[float, int]]:
    """Test accuracy and pictures of each seed, from results/."""
    runs = measured("fieldguide").results
    return [
        (run.test_accuracy, run.n_test)
        for run in runs
        if (run.flavour, run.images_per_class) == (flavour, images_per_class)
    ]


def agree(live: float, beforehand: list[tuple[float, int]]) -> bool:
    """Whether the intervals meet: that of the live number, and those of all seeds together."""
    intervals = [accuracy_interval(accuracy, n) for accuracy, n in beforehand]
    low, high = accuracy_interval(live, beforehand[0][1])
    return low <= max(high for _, high in intervals) and high >= min(low for low, _ in intervals)


def test_agreement_can_fail():
    assert agree(0.5, [(0.52, 700), (0.55, 700)])
    assert not agree(0.5, [(0.7, 700)]) and not agree(0.5, [(0.3, 700)])


def said_of(name: str) -> tuple[float, float]:
    """Accuracies on val and test that lesson 4 has printed of a model."""
    found = re.search(rf"^{name} *: val ([\d.]+)%, test ([\d.]+)% give", printed("04"), re.MULTILINE)
    return float(found[1]) / 100, float(found[2]) / 100


def test_lesson_4_agrees_with_what_was_measured_beforehand():
    """Its probe with the comparison on test; its fine-tuning with the study of its recipe, which does not read test."""
    assert agree(said_of("linear probe")[1], accuracies("linear_probe", 10))
    runs = [run for run in read_study("ingredients") if run.label == "all of it"]
    assert agree(said_of("fine-tuned")[0], [(run.val_accuracy, run.n_val) for run in runs])


def test_lesson_4_on_its_own_numbers():
    """Fine-tuned is ahead of the probe on test, and less so than on val; look-alikes gain and lose most."""
    (probe_val, probe), (tuned_val, tuned) = map(said_of, ("linear probe", "fine-tuned"))
    assert tuned > probe + 0.05 and tuned_val > tuned and probe_val > probe - 0.02
    losses = [
        float(x) for x in re.findall(r"^epoch \d: train loss ([\d.]+)", printed("04"), re.MULTILINE)[2:]
    ]
    assert len(losses) == 8 and losses[1] > losses[0] > losses[3]
    half, end = (
        float(x) / 100 for x in re.findall(r"^epoch [48]: .*val ([\d.]+)%", printed("04"), re.MULTILINE)
    )
    assert probe_val < half < end
    gains = re.findall(r"^(\S+ \S+) +([+-]\d+) points$", printed("04"), re.MULTILINE)
    alike = {name.replace("_", " ") for pair in load_pairs() for name in pair.classes}
    assert len(gains) == 6 and {name for name, _ in (*gains[:3], gains[-1])} <= alike
    assert int(gains[0][1]) > 20 and int(gains[-1][1]) < 0


def test_lesson_3_agrees_with_the_study():
    """On val: the study of its recipe does not read test."""
    found = re.search(r"^val *: loss [\d.]+, accuracy ([\d.]+)%", printed("03"), re.MULTILINE)
    runs = [run for run in read_study("regularisation") if run.label == "both"]
    assert agree(float(found[1]) / 100, [(run.val_accuracy, run.n_val) for run in runs])


def own_curve(weights: str) -> dict[int, float]:
    """Mean accuracies that lesson 5 has printed of its own probes, by pictures a class."""
    found = re.findall(rf"^{weights} +(\d+): mean ([\d.]+)%", printed("05"), re.MULTILINE)
    return {int(number): float(share) / 100 for number, share in found}


def test_lesson_5s_own_probes_agree_with_those_that_were_measured():
    curve = own_curve("ImageNet's weights")
    assert list(curve) == [5, 10, 30, 100]
    assert all(agree(share, accuracies("linear_probe", number)) for number, share in curve.items())


def test_lesson_5_on_frozen_random_weights():
    """Above a guess, and far below borrowed ones; with 30 and 100 pictures far below whole trainings from scratch."""
    random, borrowed = own_curve("random weights"), own_curve("ImageNet's weights")
    assert random.keys() == borrowed.keys()
    assert all(1 / 18 < random[number] < borrowed[number] / 3 for number in random)
    for number in (30, 100):
        trained = [accuracy for accuracy, _ in accuracies("scratch", number)]
        assert random[number] < min(trained) - 0.1


def gains(data: str, one: str, other: str) -> pd.DataFrame:
    """By pictures a class, fewest first."""
    return paired_gains(measured(data).results, [(one, other)]).droplevel("duel").sort_index()


def test_lesson_5_on_what_differs():
    """Between fine-tuning and the same architecture from scratch only the recipe; with a hundred pictures fewer epochs."""
    said = printed("05")
    assert "from scratch, same architecture, differs in: recipe\n" in said
    assert "from scratch, at its best, differs in: architecture, epochs, recipe, side of a picture\n" in said
    for flavour in ("scratch", "scratch_best", "fine_tune"):
        runs = [run for run in measured("fieldguide").results if run.flavour == flavour]
        epochs = {
            number: {len(r.history.epochs) for r in runs if r.images_per_class == number}
            for number in (10, 100)
        }
        assert max(epochs[100]) < min(epochs[10])
    recipes = [FLAVOURS[name].recipe() for name in ("scratch", "scratch_best", "fine_tune")]
    assert [bool(recipe.mixup) for recipe in recipes] == [False, False, True]


def test_lesson_5_on_what_borrowing_is_worth_in_pictures():
    """Drawn, 5 and 10: about two or more. Photos: more than all from scratch. Fine-tuning always leads, the probe not."""
    line = re.compile(
        r"^(drawn birds|photos), (pre-trained, [a-z -]+): (\d+) = (more than )?(\d+) from scratch$", re.M
    )
    found = {
        (data, label, int(own)): (int(other), bool(more))
        for data, label, own, more, other in line.findall(printed("05"))
    }
    for flavour in ("linear_probe", "fine_tune"):
        label = FLAVOURS[flavour].label
        for own in (5, 10):
            assert found["drawn birds", label, own][0] > 1.7 * own
        assert all(found["photos", label, own] == (27, True) for own in (5, 10, 27))
    assert (gains("fieldguide", "fine_tune", "scratch_best").low > 0).all()
    probe = gains("fieldguide", "linear_probe", "scratch_best")
    assert (probe.low.loc[:10] > 0).all() and probe.high[100] < 0


def test_lesson_5_on_the_same_architecture_from_scratch():
    """It has not learned its training pictures when it stops, and looks worse than the best from scratch at every size."""
    same, best = (gains("fieldguide", "fine_tune", other).gain for other in ("scratch", "scratch_best"))
    assert (best < same).all()
    noted = [run for run in measured("fieldguide").results if run.history.epochs]
    rival, tuned = ([run for run in noted if run.flavour == flavour] for flavour in ("scratch", "fine_tune"))
    assert {run.images_per_class for run in rival} == set(same.index)
    assert max(run.history.epochs[-1].train_accuracy for run in rival) < 0.8
    assert min(run.history.epochs[-1].train_accuracy for run in tuned) > 0.9


def test_lesson_5_on_photos_beside_drawings():
    """Fine-tuning over the probe: far ahead on drawings, little on photos, where scratch is far behind at every size."""
    drawn, photos = (gains(data, "fine_tune", "linear_probe") for data in ("fieldguide", "cub_subset"))
    assert (drawn.low > 0).all() and drawn.gain.min() > 0.1
    assert abs(photos.gain.iloc[0]) < 0.02 and min(photos.seeds.iloc[-1]) > 0 and photos.gain.iloc[-1] < 0.05
    assert gains("cub_subset", "linear_probe", "scratch_best").gain.min() > 0.1


def test_lesson_4_on_rate_and_depth():
    """Too low is lower, too high a guess but for the last blocks; everything gains little over blocks.2, and costs more."""
    table = accuracies_by_seed(read_study("rate_and_depth"))
    assert table.shape == (20, 3)
    rows = {label: table.loc[label].to_numpy() for label in table.index}
    for part in ("blocks.4 on", "blocks.2 on", "everything"):
        assert max(rows[f"{part}, 0.002"]) < 0.15
        assert (
            rows[f"{part}, 0.00025"].mean()
            < rows[f"{part}, 0.0005"].mean()
            < rows[f"{part}, 0.001"].mean() + 0.02
        )
        assert all(
            rows[f"{part}, {rate}"].mean() > rows[f"blocks.6 on, {rate}"].mean() for rate in (0.0005, 0.001)
        )
    assert min(rows["blocks.6 on, 0.002"]) > 0.6
    for rate in (0.00025, 0.0005, 0.001):
        assert rows[f"everything, {rate}"].mean() - rows[f"blocks.2 on, {rate}"].mean() < 0.04
        assert max(rows[f"blocks.2 on, BatchNorm moves, {rate}"] - rows[f"blocks.2 on, {rate}"]) < -0.1
    moving = rows["blocks.2 on, BatchNorm moves, 0.002"]
    assert min(moving) > 0.5 and moving.mean() < rows["blocks.2 on, 0.0005"].mean() - 0.05
    seconds = study_table(read_study("rate_and_depth")).seconds
    median = [
        seconds.filter(regex=rf"^{part}, [\d.]+$").median()
        for part in ("blocks.4 on", "blocks.2 on", "everything")
    ]
    assert median == sorted(median)


def test_lesson_4_on_ingredients():
    """Thirty epochs and a fresh head gain with every seed, no crops and one rate lose; the others do neither."""
    table = accuracies_by_seed(read_study("ingredients"))
    assert table.shape[1] == 3
    against = table - table.loc["all of it"]
    worse, better = (against < 0).all(axis=1), (against > 0).all(axis=1)
    assert worse["no crops, no mirror"] and worse["one rate for all"]
    assert better["longer: 30 epochs"] and better["head not trained first"]
    assert not any(worse[name] or better[name] for name in ("with label smoothing", "with mixup"))


def test_lesson_1_on_inputs_that_weights_are_not_used_to():
    """ResNet-50's mean and std cost least; the others several times as much, and about the same."""
    shares = {how: float(x) for how, x in re.findall(r"^(\S.*?) +(\d+\.\d)%$", printed("01"), re.MULTILINE)}
    right = shares.pop("right")
    costs = {how: right - share for how, share in shares.items() if how != "of"}
    least = costs.pop("ResNet-50's mean and std")
    assert len(costs) == 3 and 0 < least < min(costs.values()) - 2
    assert min(costs.values()) > 8 and max(costs.values()) - min(costs.values()) < 6
    found = re.search(r"([\d.]+)% of 180 val pictures named right\n([\d.]+)% would", printed("01"))
    assert float(found[1]) > 7 * float(found[2])


def test_lesson_2_on_looks_and_colours():
    """No number of bits parts copies from look-alikes; a leak doubles; within pairs colours are a coin."""
    said = printed("02")
    furthest_copy = int(re.search(r"\(median\), (\d+) at most", said)[1])
    nearest_stranger = int(re.search(r"\(median\), (\d+) at least", said)[1])
    assert nearest_stranger < furthest_copy
    clean, dirty = (
        float(re.search(rf"^{n} +([\d.]+)%", said, re.M)[1]) for n in ("val as it is:", "dirty val:")
    )
    assert 1.7 < dirty / clean < 2.4
    on_val = [float(x) for x in re.findall(r"([\d.]+)% on val", said)]
    assert max(on_val[:3]) - min(on_val[:3]) < 1.5 < max(on_val) - on_val[3]
    right, swapped = map(int, re.search(r"(\d+) right, (\d+) taken", said).groups())
    low, high = accuracy_interval(right / (right + swapped), right + swapped)
    assert low < 0.5 < high
    assert "this bird: Ashen Duskling" in printed("01")


@pytest.fixture(scope="module")
def scans() -> dict[str, pd.DataFrame]:
    """The studies of results/scans.json, with each run's AUROC by split."""
    notes = pd.read_csv(paths.data_dir() / "scans" / "studies.csv", keep_default_na=False)
    record = json.loads((paths.results_dir() / "scans.json").read_text(encoding="utf-8"))["studies"]
    found = {name: pd.DataFrame(runs) for name, runs in record.items()} | {"notes": notes}
    for name in ("shape", "size", "leak"):
        runs = found[name]
        for split in runs.scores[0]:
            ill = [notes[notes.split == split].anomaly != ""] * len(runs)
            truth = runs.exam_labels if split == "exam" else ill
            runs[split] = [roc_auc_score(t, s[split]) for t, s in zip(truth, runs.scores, strict=True)]
    return found


def claims(scans: dict[str, pd.DataFrame], study: str, questions: dict, split: str) -> dict[str, str]:
    rule = exercises.claim.answer
    table = effect_table(scans[study], scans["notes"], questions, split=split, rule=rule)
    return dict(zip(table.index, table.claim, strict=True))


CHANGES = {
    "SiLU": ("activation", "relu", "silu"),
    "tanh": ("activation", "relu", "tanh"),
    "10": ("layers", 8, 10),
    "18": ("layers", 8, 18),
}


def test_lesson_6_on_shapes(scans):
    """On val only tanh's loss may be claimed; on test SiLU's gain, too."""
    found = {split: claims(scans, "shape", CHANGES, split) for split in ("val", "test")}
    by_question = {question: [found[s][question, 1178] for s in found] for question in CHANGES}
    assert by_question == {
        "SiLU": ["can't tell", "gain"],
        "tanh": ["loss", "loss"],
        "10": ["can't tell", "can't tell"],
        "18": ["can't tell", "can't tell"],
    }
    assert SMALL.layers == scans["shape"].layers.min() and SMALL.activation == "relu"


def test_lesson_6_on_borrowed_weights(scans):
    """Nothing may be claimed; with more studies the means turn towards borrowed weights."""
    sizes, lent = scans["size"], "Lite0 with ImageNet weights"
    for split in ("val", "test"):
        question = {"lent": ("label", "8 layers, relu", lent)}
        assert set(claims(scans, "size", question, split).values()) == {"can't tell"}
        means = sizes.groupby(["label", "studies"])[split].mean()
        gains = list(means[lent] - means["8 layers, relu"])
        assert gains == sorted(gains) and gains[-1] > 0
    parameters = sizes.groupby("label").trainable_parameters.first()
    assert 8 < parameters[lent] / parameters["8 layers, relu"] < 12
    sizes = sizes.assign(epochs=[len(columns["lr"]) for columns in sizes.epochs])
    effort = sizes.groupby(["label", "studies"])[["seconds", "epochs"]].median()
    for label in (lent, "Lite0 from scratch"):
        more = effort.loc[label] - effort.loc["8 layers, relu"]
        assert (more.seconds > 0).all() and (more.epochs < 0).all()


def test_lesson_6_on_lite0_from_random_weights(scans):
    """A coin: it has not learned even its training studies."""
    runs = scans["size"][scans["size"].label == "Lite0 from scratch"]
    assert sorted(set(runs.studies)) == [150, 450, 1178] and len(runs) == 9
    assert runs[["val", "test", "elsewhere"]].mean().between(0.45, 0.56).all()
    assert min(epochs["train_loss"][-1] for epochs in runs.epochs) > 0.64
    others = scans["size"][scans["size"].label != "Lite0 from scratch"]
    assert max(epochs["train_loss"][-1] for epochs in others.epochs) < 0.55


def judged(split: str) -> dict[str, float]:
    """What lesson 6 has printed of its own detector, last."""
    line = re.findall(
        rf"^{split}: AUROC ([\d.]+), sensitivity ([\d.]+)%, specificity ([\d.]+)%", printed("06"), re.M
    )[-1]
    return dict(zip(("AUROC", "sensitivity", "specificity"), map(float, line), strict=True))


def test_lesson_6_s_own_network_agrees_with_its_record(scans):
    runs = scans["shape"][scans["shape"].label == "8 layers, relu"]
    for split in ("val", "test", "elsewhere"):
        low, high = runs[split].min(), runs[split].max()
        assert low - 0.04 < judged(split)["AUROC"] < high + 0.04
    assert 50 < judged("test")["sensitivity"] < 65, "nearly half of the ill are missed"


def test_lesson_6_on_a_new_scanner(scans):
    """AUROC falls in each training; fewer are found, with more false alarms; high scores are wrong more often."""
    assert (scans["shape"].elsewhere < scans["shape"].test).all()
    test, elsewhere = judged("test"), judged("elsewhere")
    assert all(
        elsewhere[name] < test[name] - least
        for name, least in (("AUROC", 0.05), ("sensitivity", 10), ("specificity", 1))
    )
    rows = [
        [int(n) for n in re.findall(r"(\d+)% of", line)]
        for line in printed("06").splitlines()
        if line.count("% of ") == 3
    ]
    assert len(rows) == 5
    assert all(row[2] < row[1] for row in rows[3:]), "high scores"
    assert all(row[1] < row[0] for row in rows), "test beside val"


def test_lesson_6_on_jumps_of_the_loss():
    """In the worst epoch nearly everybody is called ill, and the order is not a coin's."""
    loss, called, area = map(
        float,
        re.search(
            r"^worst loss on val ([\d.]+): (\d+)% called ill, AUROC ([\d.]+)", printed("06"), re.M
        ).groups(),
    )
    assert loss > 1 and called > 90 and area > 0.55


def test_lesson_6_on_the_leak(scans):
    """In the exam the mixed network is ahead beyond the luck of seeds; on strangers it is not."""
    leak = scans["leak"].pivot(index="seed", columns="label", values=["exam", "val"])
    more = {place: leak[place]["studies mixed"] - leak[place]["patients apart"] for place in ("exam", "val")}
    intervals = {place: ttest_1samp(gain, 0).confidence_interval() for place, gain in more.items()}
    assert intervals["exam"].low > 0 and intervals["val"].low < 0 < intervals["val"].high


def test_lesson_5_on_how_many(make_folder):
    """Three seeds, on photos two; a hundred drawn birds are all; twenty pictures become 13, 2 and 5; t is about four."""
    for data, seeds in (("fieldguide", 3), ("cub_subset", 2)):
        groups = {}
        for run in measured(data).results:
            groups.setdefault((run.flavour, run.images_per_class), set()).add(run.seed)
        assert {len(found) for found in groups.values()} == {seeds}
    folder = paths.data_dir() / "fieldguide" / "train"
    assert {len(list(species.iterdir())) for species in folder.iterdir()} == {100}
    own = load_birds(make_folder(20))
    assert [set(images.counts().values()) for images in own] == [{13}, {2}, {5}]
    assert re.search(r"^ +3 seeds: t = 4\.3$", printed("05"), re.MULTILINE)
    assert "1800 pictures in train, 360 in test" in printed("05")


def test_lesson_6_on_pointing(scans):
    """Four stages and Lite0 detect about as well as the lesson's network, and point no better than one fixed pixel."""
    said = {
        label: int(share) for label, share in re.findall(r"^(\S.*?) +(\d+)%$", printed("06"), re.MULTILINE)
    }
    whole = scans["size"][scans["size"].studies == 1178]
    areas = pd.concat([scans["shape"], whole]).groupby("label").test.mean()
    for label in ("10 layers, relu", "10 layers, silu", "18 layers, relu", "18 layers, silu"):
        assert areas[label] > areas["8 layers, relu"] - 0.015
        assert said[label] <= said["one fixed pixel"] < said["your network"] - 10
    assert said["most that 8 x 8 allow"] > said["most that 4 x 4 allow"] > 75
