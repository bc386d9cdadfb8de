"""Golden curves: each verdict fires where it should, and near misses stay quiet."""

from __future__ import annotations

import math
from dataclasses import asdict
from json import dumps

import pytest

from bench.tuning.golden_curves import curve, falling, golden_curves, near_misses, with_jump
from tune.diagnosis.curve import diagnose

GOLDEN = golden_curves()


@pytest.mark.parametrize("golden", [*GOLDEN, *near_misses()], ids=lambda golden: golden.name)
def test_a_golden_curve_is_told_to_be_what_it_is(golden):
    found = diagnose(golden.points)

    assert (found.verdict, found.severity) == (
        found.findings[0].verdict,
        found.findings[0].severity,
    )
    assert found.verdict == golden.leads
    assert tuple(finding.verdict for finding in found.findings[1:]) == golden.others
    assert found.severity == found.findings[0].severity
    assert golden.severity in ("", found.severity)
    assert all(finding.reason and finding.advice for finding in found.findings)


@pytest.mark.parametrize("seed", range(20))
def test_what_levels_out_is_healthy_whatever_the_noise(seed):
    points = curve(falling, lambda share: falling(share, end=0.9), noise=0.08, seed=seed)

    assert diagnose(points).verdict in ("healthy", "still_improving")
    assert [f for f in diagnose(points).findings if f.severity in ("bad", "warn")] == []


def test_a_jump_names_its_step_and_the_rows_of_its_batch():
    points = with_jump(curve(falling), 90, length=1, by=3.0)

    jump = diagnose(points).findings[0]

    assert (jump.steps, jump.rows) == ((90,), (720, 721))
    assert "ten times as long" in jump.reason
    assert "was back within" in jump.reason


def test_a_jump_that_stays_sends_back_to_a_checkpoint():
    jump = diagnose(with_jump(curve(falling), 120, length=99, by=0.9, steep=False)).findings[0]

    assert "was not back" in jump.reason
    assert "last checkpoint" in jump.advice


def test_overfitting_names_the_checkpoint_of_the_best_evaluation():
    points = curve(falling, lambda share: 1 + (share - 0.5) ** 2, evals=10)

    found = diagnose(points)

    assert found.verdict == "overfitting"
    assert found.findings[0].steps == (100,)


def test_losses_and_evaluations_may_come_as_points_of_their_own():
    joined = curve(falling, lambda share: 1 + (share - 0.5) ** 2)
    apart = [
        {name: value for name, value in point.items() if name in ("step", "epoch", kind)}
        for point in joined
        for kind in ("train_loss", "valid_loss")
        if kind in point
    ]

    assert diagnose(apart).findings == diagnose(joined).findings


def test_one_value_that_is_no_number_is_enough_and_may_come_as_text():
    assert diagnose([{"step": 1, "train_loss": math.inf}]).verdict == "diverged"
    assert diagnose([{"step": 1, "train_loss": "nan"}]).verdict == "diverged"
    assert diagnose([{"step": 4, "valid_loss": math.nan}]).findings[0].steps == (4,)


def test_a_run_without_a_point_yet_is_too_short():
    assert diagnose([]).verdict == "too_short"


def test_a_diagnosis_can_be_stored_as_json():
    for golden in GOLDEN:
        dumps(asdict(diagnose(golden.points)), allow_nan=False)


def test_labels_and_preferences_may_end_near_0():
    points = curve(lambda share: falling(share, end=0.02, speed=12), noise=0.1)

    assert diagnose(points).verdict == "too_low"
    points[3]["valid_f1"] = 1.0
    assert diagnose(points).severity == "ok"
