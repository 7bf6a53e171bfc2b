"""Metrics of a detector: what a learner reads from them, by hand on small examples, and what they refuse."""

from __future__ import annotations

import math

import pytest
import torch
from sklearn import metrics as reference

from course_utils.errors import CourseError
from course_utils.metrics import binary, intervals
from course_utils.metrics.binary import Outcomes

SCORES = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9])
LABELS = torch.tensor([0, 0, 1, 0, 0, 1, 0, 1])


@pytest.fixture
def many() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    labels = (torch.rand(400, generator=generator) < 0.2).long()
    return torch.sigmoid(torch.randn(400, generator=generator) + labels), labels


def test_auroc_counts_pairs_in_order():
    ill, healthy = SCORES[LABELS == 1], SCORES[LABELS == 0]
    expected = (ill[:, None] > healthy).float().mean().item()
    assert binary.auroc(SCORES, LABELS) == pytest.approx(expected)


def test_areas_agree_with_scikit_learn(many):
    scores, labels = many
    assert binary.auroc(scores, labels) == pytest.approx(reference.roc_auc_score(labels, scores), abs=1e-6)
    assert binary.average_precision(scores, labels) == pytest.approx(
        reference.average_precision_score(labels, scores), abs=1e-6
    )


def test_ties_are_half_a_pair():
    assert binary.auroc(torch.full((8,), 0.5), LABELS) == pytest.approx(0.5)


@pytest.mark.parametrize("specificity", [0.5, 0.6, 0.8, 0.95, 1.0])
def test_threshold_keeps_its_promise_and_is_the_lowest(many, specificity):
    scores, labels = many
    threshold = binary.threshold_for(scores, labels, specificity=specificity)
    assert binary.outcomes(scores, labels, threshold=threshold).specificity >= specificity
    lower = scores[(scores < threshold) & (labels == 0)].max()
    assert binary.outcomes(scores, labels, threshold=float(lower)).specificity < specificity


def test_threshold_keeps_its_promise_among_equal_scores():
    scores = torch.tensor([0.2, 0.5, 0.5, 0.5, 0.9])
    labels = torch.tensor([0, 0, 0, 0, 1])
    threshold = binary.threshold_for(scores, labels, specificity=0.75)
    assert binary.outcomes(scores, labels, threshold=threshold).specificity >= 0.75


def test_sensitivity_at_specificity_by_hand():
    assert binary.sensitivity_at(SCORES, LABELS, specificity=0.8) == pytest.approx(2 / 3)
    assert binary.sensitivity_at(SCORES, LABELS, specificity=1.0) == pytest.approx(1 / 3)


def test_sensitivity_is_told_where_95_of_100_healthy_are_cleared():
    """By hand: five healthy scores may lie above the threshold, so it is just above .94; 3 of the 4 ill reach it."""
    healthy, ill = torch.arange(100) / 100, torch.tensor([0.935, 0.945, 0.97, 0.99])
    labels = torch.cat([torch.zeros(100), torch.ones(4)]).long()
    assert binary.sensitivity_at(torch.cat([healthy, ill]), labels) == 0.75
    assert 0.94 < binary.threshold_for(torch.cat([healthy, ill]), labels) < 0.9401


def test_outcomes_by_hand():
    found = binary.outcomes(SCORES, LABELS, threshold=0.6)
    assert found == Outcomes(found=2, missed=1, false_alarms=2, cleared=3)
    assert (found.accuracy, found.precision) == (5 / 8, 0.5)
    assert found.sensitivity == pytest.approx(2 / 3)
    assert found.specificity == pytest.approx(3 / 5)
    assert found.cost(missed=10) == 12
    assert "2 found, 1 missed" in str(found)


def test_alarms_are_less_often_right_where_illness_is_rare():
    found = Outcomes(found=8, missed=2, false_alarms=1, cleared=9)
    assert found.precision_at(0.5) == pytest.approx(found.precision)
    # By hand: of 1000 people 10 are ill, 8 of them found; 99 of the 990 others are alarmed.
    assert found.precision_at(0.01) == pytest.approx(8 / 107)
    assert math.isnan(Outcomes(found=0, missed=2, false_alarms=0, cleared=9).precision_at(0.1))


def test_a_detector_without_alarms_has_no_precision():
    silent = binary.outcomes(SCORES, LABELS, threshold=1.0)
    assert math.isnan(silent.precision)
    assert silent.sensitivity == 0


def test_curves_end_where_everything_is_an_alarm(many):
    curve = binary.roc_curve(*many)
    assert tuple(curve.iloc[-1][["false alarms", "sensitivity"]]) == (1, 1)
    area = reference.auc(curve["false alarms"], curve.sensitivity)
    assert area == pytest.approx(binary.auroc(*many), abs=1e-5)
    assert binary.precision_curve(*many).precision.iloc[0] == pytest.approx(many[1].float().mean().item())


def test_a_score_that_is_a_probability_is_calibrated():
    generator = torch.Generator().manual_seed(0)
    scores = torch.rand(20_000, generator=generator)
    labels = (torch.rand(20_000, generator=generator) < scores).long()
    assert binary.calibration_error(scores, labels) < 0.02
    assert binary.calibration_error(scores**0.3, labels) > 0.15
    table = binary.calibration_table(scores, labels, bins=5)
    assert table.studies.sum() == 20_000
    assert (table.score - table.ill).abs().max() < 0.03
    assert ((table.low < table.score) & (table.score < table.high)).all()
    # Wilson's interval by hand: 1 of 2, z = 1.96.
    few = binary.calibration_table(torch.tensor([0.4, 0.4]), torch.tensor([0, 1]), bins=2)
    assert tuple(few.loc[0, ["low", "high"]]) == pytest.approx((0.0945, 0.9055), abs=1e-3)


def test_drawing_patients_gives_wider_intervals_than_drawing_studies(many):
    scores, labels = many
    twice = scores.repeat(3), labels.repeat(3)
    people = [str(k % 400) for k in range(1200)]
    strangers = [str(k) for k in range(1200)]

    def width(patients):
        low, high = intervals.patient_interval(binary.auroc, *twice, patients=patients, draws=100)
        assert low < binary.auroc(*twice) < high
        return high - low

    assert width(people) > 1.4 * width(strangers)


def test_an_interval_over_patients_is_one_of_95_percent():
    """By hand: the mean of 0 to 99 has a standard error of 2.887, and 95% lie within 1.96 of them, 5.66."""
    values = torch.arange(100.0)
    low, high = intervals.interval_over_patients(
        lambda rows: values[rows].mean().item(), [str(k) for k in range(100)], draws=4000
    )
    assert (low, high) == (pytest.approx(49.5 - 5.66, abs=0.4), pytest.approx(49.5 + 5.66, abs=0.4))


def test_rare_illness_does_not_stop_the_bootstrap():
    scores, labels = torch.rand(6), torch.tensor([1, 0, 0, 0, 0, 0])
    low, high = intervals.patient_interval(binary.auroc, scores, labels, patients=list("abcdef"), draws=20)
    assert 0 <= low <= high <= 1


@pytest.mark.parametrize(
    ("scores", "labels", "says"),
    [
        (torch.randn(4) * 5 + 9, torch.tensor([0, 1, 0, 1]), "softmax or sigmoid"),
        (torch.rand(4, 2), torch.tensor([0, 1, 0, 1]), "expected \\(N,\\)"),
        (torch.rand(3), torch.tensor([0, 1, 2]), "1 for ill"),
        (torch.rand(3), torch.tensor([0, 0, 0]), "some of each"),
        (torch.rand(0), torch.tensor([], dtype=torch.int64), "none"),
        (torch.tensor([0.1, float("nan")]), torch.tensor([0, 1]), "expected 0 to 1"),
    ],
)
def test_what_is_no_score_is_refused(scores, labels, says):
    with pytest.raises(CourseError, match=says):
        binary.auroc(scores, labels)


def test_specificity_is_a_share():
    with pytest.raises(CourseError, match="95"):
        binary.threshold_for(SCORES, LABELS, specificity=95)


def test_each_score_has_a_patient():
    with pytest.raises(CourseError, match="2 patients for 8 scores"):
        intervals.patient_interval(binary.auroc, SCORES, LABELS, patients=["a", "b"])
