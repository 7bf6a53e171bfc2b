"""The synthetic scans: what is drawn, what a seed decides, what an anomaly changes."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scans.anomalies import ANOMALIES
from scans.chest import Cage
from scans.dataset import COLUMNS, PARTS, illness, jobs, render_dataset
from scans.patient import Patient, Positioning
from scans.phantom import Change, Phantom
from scans.rays import Rays
from scans.scanner import SCANNERS
from scans.study import GRADES, HEART, LIMITS, Study, detectability, grade_of, take

SIDE = 96
STANDING = Positioning(
    turn=0.0, tilt=0.0, shift=(0.0, 0.0), zoom=1.0, breath=0.0, arms=0.5, shoulders=(0.0, 0.0)
)


@pytest.fixture(scope="module")
def patient() -> Patient:
    return Patient.draw(3)


@pytest.fixture(scope="module")
def phantom(patient: Patient) -> Phantom:
    return Phantom(patient, SCANNERS["A"], STANDING, seed=1, side=SIDE)


@pytest.fixture(scope="module")
def healthy(patient: Patient) -> Study:
    return take(patient, SCANNERS["A"], 11, side=SIDE)


def test_people_differ_and_stay_within_what_people_are():
    people = [Patient.draw(seed) for seed in range(300)]
    assert len({p.half_width for p in people}) == 300
    assert 0.35 < np.mean([p.female for p in people]) < 0.65
    assert all(0.37 <= p.heart <= HEART[2] for p in people)
    assert np.mean([p.heart > HEART[0] for p in people]) > 0.05, "healthy and enlarged hearts overlap"
    women = np.mean([p.scale for p in people if p.female])
    assert women < np.mean([p.scale for p in people if not p.female])
    assert all((p.breast > 0) == p.female for p in people)


def test_a_small_volume_keeps_its_mass_and_its_place(patient: Patient):
    rays = Rays(SCANNERS["A"], patient, STANDING, 128)
    at = np.array([[3.0, -2.0, 5.0]])
    length = rays.project(at, np.array([2.0]))
    enlarged = float(rays.magnification(-2.0))
    assert length.sum() * rays.pixel**2 == pytest.approx(2.0 * enlarged**2, rel=1e-4)
    row, column = np.unravel_index(length.argmax(), length.shape)
    x, z = rays.plane(-2.0)
    assert abs(x[0, column] - 3.0) < rays.pixel and abs(z[row, 0] - 5.0) < rays.pixel


def test_what_lies_nearer_to_the_source_appears_larger(patient: Patient):
    rays = Rays(SCANNERS["A"], patient, STANDING, 32)
    assert rays.magnification(8.0) > rays.magnification(-8.0) > 1
    lying = Rays(SCANNERS["C"], patient, STANDING, 32)
    assert lying.magnification(-8.0) > lying.magnification(8.0), "the heart is larger where people lie"


def test_the_lungs_end_in_a_point_and_hold_some_litres(phantom: Phantom):
    cage = Cage(phantom.patient)
    assert (
        float(cage.outline(phantom.patient.apex).outer) - float(cage.outline(phantom.patient.apex).inner)
        < 0.5
    )
    litres = phantom.air.sum() * phantom.rays.pixel**2 / 1000
    assert 3 < litres < 9
    at_heart = phantom.air[SIDE // 2 : 2 * SIDE // 3]
    assert at_heart[:, : SIDE // 2].sum() > at_heart[:, SIDE // 2 :].sum(), (
        "the heart takes room from the left lung, which is on the right of the picture"
    )


def test_a_picture_has_dark_lungs_a_bright_middle_and_says_what_it_is(healthy: Study):
    picture = healthy.picture.astype(float)
    assert picture.shape == (SIDE, SIDE) and healthy.picture.dtype == np.uint8
    lung = picture[40:55, 22:34].mean()
    assert lung < 110 < picture[52:62, 44:54].mean()
    assert not healthy.mask.any() and healthy.detectability == 0 and healthy.grade == ""
    corner = picture[-8:-1, 2:40]
    assert corner.max() > 180 and corner.min() < 120, "SYNTHETIC is written there"


def test_the_same_seed_gives_the_same_picture_and_another_one_another(patient: Patient, healthy: Study):
    assert np.array_equal(take(patient, SCANNERS["A"], 11, side=SIDE).picture, healthy.picture)
    other = take(patient, SCANNERS["A"], 12, side=SIDE)
    assert np.abs(other.picture.astype(int) - healthy.picture).mean() > 2
    assert other.mimics == healthy.mimics, "they belong to the person"


@pytest.mark.parametrize("anomaly", ANOMALIES)
def test_an_anomaly_is_where_its_mask_is_and_as_clear_as_its_grade(
    patient: Patient, healthy: Study, anomaly: str
):
    found = []
    for k, grade in enumerate(GRADES):
        study = take(patient, SCANNERS["A"], 11, anomaly=anomaly, grade=grade, side=SIDE)
        found.append(study.detectability)
        apart = np.abs(study.picture.astype(float) - healthy.picture)
        assert 0 < study.mask.mean() < 0.25
        assert apart[study.mask].mean() > 2 * apart[~study.mask].mean()
        assert GRADES.index(study.grade) <= k
        if anomaly in LIMITS:
            assert study.grade == grade_of(anomaly, study.detectability)
            assert study.detectability < 1.2 * LIMITS[anomaly][k + 1]
    assert found == sorted(found)


def test_an_anomaly_that_can_hide_does_not_count_as_plain():
    low, *_, high = LIMITS["nodule"]
    assert [grade_of("nodule", found) for found in (0.5 * low, low, high, 2 * high)] == [
        "subtle",
        "subtle",
        "plain",
        "plain",
    ]
    reached = [
        take(Patient.draw(seed), SCANNERS["A"], seed, anomaly="nodule", grade="plain", side=SIDE).grade
        for seed in range(4)
    ]
    assert reached.count("plain") >= 2


def test_detectability_is_a_signal_over_what_surrounds_it():
    rng = np.random.default_rng(0)
    noise = rng.normal(0.5, 0.05, (96, 96))
    spot = np.zeros((96, 96))
    spot[40:50, 40:50] = 0.1
    quiet, loud = 0.5 + 0.5 * (noise - 0.5), 0.5 + 2 * (noise - 0.5)
    assert detectability(noise, noise, 0.4) == 0
    assert detectability(noise, noise + 2 * spot, 0.4) == pytest.approx(
        2 * detectability(noise, noise + spot, 0.4)
    )
    assert detectability(quiet, quiet + spot, 0.4) > detectability(noise, noise + spot, 0.4)
    assert detectability(noise, noise + spot, 0.4) > detectability(loud, loud + spot, 0.4)


def test_free_air_absorbs_less_than_lung_and_fluid_more(phantom: Phantom):
    plain = phantom.absorbed()
    without = phantom.absorbed(Change(air=np.zeros_like(phantom.air)))
    free = phantom.absorbed(Change(air=np.zeros_like(phantom.air), free=phantom.air))
    lung = phantom.air > 8
    assert (without[lung] > plain[lung]).all()
    assert free[lung].mean() < plain[lung].mean()


def test_illness_is_as_frequent_as_planned_and_takes_turns():
    everybody = list(jobs())
    for split, part in PARTS.items():
        found = [job.anomaly for job in everybody if job.split == split and job.anomaly]
        assert len(found) == pytest.approx(part.ill * part.patients, abs=1)
        numbers = [found.count(anomaly) for anomaly in ANOMALIES]
        assert max(numbers) - min(numbers) <= 1
    assert illness(0, 0.0) == "" and illness(0, 1.0) == "nodule"


def test_patients_stand_in_one_split_with_two_to_four_studies(tmp_path: Path):
    everybody = list(jobs())
    assert len({job.seed for job in everybody}) == len(everybody) == sum(p.patients for p in PARTS.values())
    render_dataset(tmp_path, counts={"train": 2, "elsewhere": 1})
    with (tmp_path / "studies.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == COLUMNS
    studies = {}
    for row in rows:
        studies.setdefault(row["patient"], []).append(row)
        with Image.open(tmp_path / row["path"]) as picture:
            assert picture.size == (192, 192)
        mask = tmp_path / "masks" / Path(row["path"]).with_suffix(".png")
        assert mask.is_file() == bool(row["anomaly"])
    assert len(studies) == 3
    assert all(2 <= len(of_one) <= 4 for of_one in studies.values())
    assert all(len({(r["split"], r["sex"], r["age"]) for r in of_one}) == 1 for of_one in studies.values())
    assert {r["scanner"] for r in rows if r["split"] == "elsewhere"} == {"C"}
    assert {r["scanner"] for r in rows if r["split"] == "train"} <= {"A", "B"}
