"""A real language model, which a package carries, learns ten facts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("trl", reason="the extra tune is not installed")

from tests.tune.trainers import tiny
from tune.trainers.bases import PACKED, unpack

NAME = "smollm2-135m"
GIVEN = {
    "lora_rank": 16,
    "batch_size": 5,
    "learning_rate": 1e-3,
    "max_steps": 24,
    "eval_every": 24,
    "schedule": "constant",
}


@pytest.mark.slow
def test_smollm2_goes_from_none_to_all_of_ten_facts(tmp_path: Path, here: Callable[[Path], int]):
    if not PACKED.exists():
        pytest.skip("make tune could not fetch SmolLM2")
    base = unpack(tmp_path / "bases")
    folder = tiny.job_folder(
        tmp_path / "job",
        base,
        tiny.facts(),
        held_out={"old_valid": tiny.facts()},
        hyperparameters=GIVEN,
    )
    assert here(folder) == 0

    (result,) = tiny.events(folder, "result")
    asked = result["data"]["metrics"]["old_valid"]
    assert (asked["before"]["exact_match"], asked["after"]["exact_match"]) == (0.0, 1.0)
