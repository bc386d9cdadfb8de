"""What a tuned variant has to show, and with which figure it is told no."""

from __future__ import annotations

import pytest

from kb.apps.gates import Figures, Gates, figures_of, not_met

REPORT = {
    "arms": {
        "base": {"correct": 0.4, "format": 0.2},
        "base_retrieval": {"correct": 0.7},
        "tuned": {"correct": 0.69, "format": 0.99},
        "tuned_retrieval": {"correct": None},
    },
    "kept": 0.93,
}


def test_of_the_arms_the_better_one_counts_on_each_side():
    assert figures_of(REPORT) == Figures(base=0.7, tuned=0.69, kept=0.93, valid=0.99)
    assert figures_of({"arms": "none", "kept": "much"}) == Figures()


@pytest.mark.parametrize(
    ("figures", "gates", "words"),
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
def test_a_gate_that_is_shut_says_its_figure(figures, gates, words):
    said = " ".join(one.detail for one in not_met(figures, gates))
    assert bool(said) == bool(words)
    assert all(word in said for word in words)
