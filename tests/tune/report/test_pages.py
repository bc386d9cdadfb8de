"""The page of a job: its curves as lines, and what they say."""

from __future__ import annotations

import math
from dataclasses import asdict

from bench.tuning.golden_curves import curve, falling, with_jump
from tune.diagnosis.curve import diagnose
from tune.report.pages import job_page

JOB = {
    "id": "ftjob-1",
    "model": "<tiny>",
    "status": "succeeded",
    "fine_tuned_model": "ft:tiny:citewell::1",
    "trained_tokens": 1200,
    "error": None,
}


def page(points) -> str:
    metrics = [{"kind": "metrics", "level": "info", "message": "", "data": p} for p in points]
    said = [{"kind": "message", "level": "error", "message": "It <broke>.", "data": {}}]
    return job_page(JOB, [*metrics, *said], asdict(diagnose(points)))


def test_a_jobs_page_draws_what_was_logged_and_says_what_it_means():
    found = page(with_jump(curve(falling, falling), 90, length=1, by=3.0))

    assert found.count("<polyline") == 3, "training loss, held-out loss, gradient norm"
    assert "sudden jump" in found
    assert "Rows of that batch: 720, 721." in found
    assert "&lt;tiny&gt;" in found
    assert "It &lt;broke&gt;." in found
    assert "<script" not in found


def test_answers_before_and_after_stand_beside_each_other():
    measures = {"before": {"exact_match": 0.25}, "after": {"exact_match": 1.0, "f1": 1.0}}
    told = {"valid": {**measures, "rows": 4, "forgotten": []}}
    event = {"kind": "message", "level": "info", "message": "Measured.", "data": told}

    found = job_page(JOB, [event], None)

    assert "<td>exact match</td><td>25.0</td><td>100.0</td>" in found
    assert "0 were right before" in found


def test_lines_run_over_the_whole_plot_from_high_to_low():
    found = page([{"step": step, "train_loss": 3.0 - step} for step in (1, 2)])

    assert 'points="0.0,0.0 640.0,220.0"' in found


def test_values_that_are_no_numbers_are_left_out_and_a_job_without_any_has_no_plot():
    assert "nan" not in page([{"step": 1, "train_loss": math.nan}]).partition("Curves")[2]
    assert "<polyline" not in page([])
