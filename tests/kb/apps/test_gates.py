"""What a tuned variant has to show, and with which figure it is told no."""

from __future__ import annotations

from pathlib import Path

import pytest

from kb.apps.gates import Figures, Gates, figures, not_met
from kb.store.engine.sqlite import SqliteDatabase
from kb.store.tuning import jobs
from kb.store.tuning.jobs import NewEvent
from tests.tuned import ADMIN, NAME, store

REPORT = {
    "arms": {
        "base": {"correct": 0.4, "format": 0.2},
        "base_retrieval": {"correct": 0.7},
        "tuned": {"correct": 0.69, "format": 0.99},
        "tuned_retrieval": {"correct": None},
    },
    "kept": 0.93,
}
MEASURED = {
    "valid": {"before": {"exact_match": 0.1}, "after": {"exact_match": 0.9, "format": 1.0}},
    "old_valid": {"rows": 10, "forgotten": [3], "before": {"exact_match": 0.5}},
}


def test_of_the_arms_the_better_one_counts_and_without_a_report_the_job(tmp_path: Path):
    database = SqliteDatabase(tmp_path / "kb.db")
    with database.write() as tx:
        store(tx)
        assert figures(tx, ADMIN, NAME, REPORT) == Figures(0.7, 0.69, kept=0.93, valid=0.99)
        assert figures(tx, ADMIN, NAME, {"arms": "none", "kept": "much"}) == Figures()
        assert figures(tx, ADMIN, NAME, {}) == figures(tx, ADMIN, "other", {}) == Figures()
        jobs.append(tx, NAME, [NewEvent("Measured.", MEASURED), NewEvent("Done.")])
        # Of the five that it knew it has forgotten one.
        assert figures(tx, ADMIN, NAME, {}) == Figures(0.1, 0.9, kept=0.8, valid=1.0)
    database.close()


@pytest.mark.parametrize(
    ("found", "gates", "words"),
    [
        (Figures(0.7, 0.69, 0.93, 0.99), Gates(), ()),
        (Figures(0.70, 0.67), Gates(), ("67.0%", "70.0%", "2 points")),
        (Figures(0.70, 0.67), Gates(most_worse_points=3.5), ()),
        (Figures(), Gates(), ("No evaluation",)),
        (Figures(), Gates(most_worse_points=None), ()),
        (Figures(0.5, 0.5, kept=0.5), Gates(), ("50.0%", "90%")),
        (Figures(0.5, 0.5, valid=0.5), Gates(), ("50.0%", "95%")),
    ],
)
def test_a_gate_that_is_shut_says_its_figure(found, gates, words):
    said = " ".join(one.detail for one in not_met(found, gates))
    assert bool(said) == bool(words)
    assert all(word in said for word in words)
