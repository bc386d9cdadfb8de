"""Patterns of users: they work, and the worst of them costs its document and nothing else."""

import threading
import time

import pytest

from ingest.clean import patterns
from kb.errors import Rejected, UnreadableFile


def test_matches_are_found_in_each_text_and_empty_ones_do_not_count():
    assert patterns.find([r"\d+", "^b*"], ["a1\nbb22", "c"]) == [[(1, 2), (5, 7), (3, 5)], []]
    assert patterns.find([], ["a", "b"]) == [[], []]


def test_scripts_can_be_named():
    assert patterns.find([r"\p{Han}+"], ["ab三十三条c😀刘备"]) == [[(2, 6), (8, 10)]]


@pytest.mark.parametrize("pattern", ["(", "a{2,1}", "(?P<a>x)(?P<a", "[", "(?:" * 3000])
def test_a_pattern_that_is_none_is_refused_by_name(pattern):
    with pytest.raises(Rejected, match="not valid"):
        patterns.check([pattern])


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"(a|aa|b?)+$", "a" * 60 + "!"),
        (r"(?:(?:a{1000}){1000}){1000}", "a"),
        (r"(a|a)*$", "a" * 60 + "b"),
    ],
)
def test_a_catastrophic_pattern_ends_with_a_reason_while_others_go_on(pattern, text, monkeypatch):
    monkeypatch.setattr(patterns, "TIMEOUT_S", 1.0)
    ticks = []
    done = threading.Event()

    def tick():
        while not done.wait(0.02):
            ticks.append(time.monotonic())

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        with pytest.raises(UnreadableFile) as info:
            patterns.find([pattern], [text])
    finally:
        done.set()
        thread.join()

    assert info.value.code == "pattern_timeout"
    assert len(ticks) > 3


def test_the_costly_pattern_is_refused_before_it_is_stored(monkeypatch):
    monkeypatch.setattr(patterns, "TIMEOUT_S", 1.0)
    with pytest.raises(Rejected, match="too long"):
        patterns.check([r"(?:(?:a{1000}){1000}){1000}"])
