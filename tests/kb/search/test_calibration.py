"""Scores that mean a chance."""

from kb.search.calibration import Evidence, chance


def test_more_evidence_is_a_greater_chance():
    weak = Evidence(strength=0.2, window=0.1, pairs=0.0, meaning=0.2)
    strong = Evidence(strength=1.0, window=0.7, pairs=0.3, meaning=0.5)
    assert 0 < chance(weak) < 0.1
    assert 0.9 < chance(strong) < 1


def test_without_a_common_word_the_meaning_decides():
    assert chance(Evidence(0.0, 0.0, 0.0, 0.62)) == 0.62
    assert chance(Evidence(0.0, 0.0, 0.0, -0.1)) == 0.0
