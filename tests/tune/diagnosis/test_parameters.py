"""Defaults by the size of set and model, and warnings about what is known to fail."""

from __future__ import annotations

from functools import partial

import pytest

from kb.errors import Rejected
from tune.diagnosis.parameters import resolved

chat = partial(
    resolved, rows=800, task="chat", method="supervised", lora=True, base_parameters=1_500_000_000
)


def codes(hyperparameters, **changes):
    return [finding.code for finding in chat(hyperparameters, **changes)[1]]


@pytest.mark.parametrize(
    ("rows", "epochs"),
    [(50, 6), (100, 3), (999, 3), (1_000, 2), (10_000, 1), (100_000, 1), (1_000_000, 1)],
)
def test_more_rows_are_seen_less_often(rows, epochs):
    assert chat({"n_epochs": "auto"}, rows=rows)[0]["n_epochs"] == epochs


@pytest.mark.parametrize(
    ("lora", "parameters", "rate"),
    [
        (True, 135_000_000, 1e-3),
        (True, 1_500_000_000, 2e-4),
        (True, 7_000_000_000, 1e-4),
        (True, None, 2e-4),
        (False, 1_500_000_000, 2e-5),
        (False, 400_000, 1e-4),
    ],
)
def test_the_rate_follows_the_size_of_the_model_and_lora_learns_ten_times_as_fast(
    lora, parameters, rate
):
    found, findings = chat({}, lora=lora, base_parameters=parameters)

    assert found["learning_rate"] == pytest.approx(rate)
    assert findings == ()


def test_defaults_warn_about_nothing_and_are_all_there():
    for task, method in (("chat", "supervised"), ("chat", "dpo"), ("classify", "supervised")):
        found, findings = chat({}, task=task, method=method)
        assert findings == ()
        assert {"n_epochs", "batch_size", "learning_rate", "max_tokens", "lora_rank"} <= set(found)
        assert {"warmup", "schedule", "frozen_layers", "eval_every", "early_stopping"} <= set(found)
        assert ("beta" in found) == (method == "dpo")


def test_few_rows_stop_early_unless_epochs_are_asked_for():
    assert chat({}, rows=50)[0]["early_stopping"] == 3
    assert chat({"n_epochs": 60}, rows=50)[0]["early_stopping"] == 0
    assert chat({"n_epochs": 60, "early_stopping": 2}, rows=50)[0]["early_stopping"] == 2
    assert chat({}, rows=100)[0]["early_stopping"] == 0


@pytest.mark.parametrize(
    ("rows", "epochs", "every"), [(800, 3, 50), (800, 40, 200), (10, 60, 8), (1, 1, 1)]
)
def test_held_out_rows_are_asked_twice_an_epoch_and_at_most_twenty_times(rows, epochs, every):
    assert chat({"n_epochs": epochs}, rows=rows)[0]["eval_every"] == every


def test_a_multiplier_counts_from_the_default_and_a_rate_of_ones_own_goes_first():
    assert chat({"learning_rate_multiplier": 2})[0]["learning_rate"] == pytest.approx(4e-4)
    assert chat({"learning_rate_multiplier": "auto"})[0]["learning_rate"] == pytest.approx(2e-4)
    both = chat({"learning_rate_multiplier": 2, "learning_rate": 3e-4})[0]
    assert both["learning_rate"] == pytest.approx(3e-4)
    assert "learning_rate_multiplier" not in both


def test_what_is_asked_for_is_kept():
    asked = {"n_epochs": 5, "batch_size": 2, "lora_rank": 8, "frozen_layers": 3}

    assert asked.items() <= chat(asked)[0].items()


def test_a_rank_of_0_trains_all_weights_at_their_rate():
    found, findings = chat({"lora_rank": 0})

    assert (found["learning_rate"], findings) == (pytest.approx(2e-5), ())


def test_what_is_known_to_fail_is_warned_about():
    assert codes({"n_epochs": 1, "batch_size": 32}) == ["few_steps"]
    assert codes({"learning_rate": 2e-5}) == ["low_rate"]
    assert codes({"learning_rate": 5e-3}) == ["high_rate"]
    assert codes({"learning_rate": 1e-3}, lora=False) == ["high_rate"]
    assert codes({"n_epochs": 5}, rows=10_001) == ["many_epochs"]
    assert codes({"lora_rank": 64}) == ["high_rank"]


def test_what_is_just_allowed_is_not():
    assert codes({"n_epochs": 4}, rows=10_001) == []
    assert codes({"n_epochs": 5}, rows=10_000) == []
    assert codes({"lora_rank": 16}) == []
    assert codes({"n_epochs": 1, "batch_size": 16}, rows=800) == []


def test_a_warning_says_what_to_do_and_blocks_nothing():
    (finding,) = chat({"learning_rate": 2e-5})[1]

    assert not finding.blocks
    assert "Try 0.0002" in finding.detail


@pytest.mark.parametrize("value", ["many", "3", True, -1, 0, 1e9, float("nan"), None, []])
def test_what_is_no_number_or_cannot_be_meant_is_refused_by_name(value):
    with pytest.raises(Rejected, match=r"`n_epochs` is a number from 0\.01 to 1000"):
        chat({"n_epochs": value})
