"""Patterns of users: they work, and the worst of them costs its document and nothing else."""

import threading

import pytest

from ingest.clean import patterns
from ingest.sandbox import reader_process
from ingest.sandbox.reader_process import ReaderPool
from kb.errors import Rejected, UnreadableFile


def test_matches_are_found_in_each_text_and_empty_ones_do_not_count():
    assert patterns.find([r"\d+", "^b*"], ["a1\nbb22", "c"]) == [[(1, 2), (5, 7), (3, 5)], []]
    assert patterns.find([], ["a", "b"]) == [[], []]


def test_scripts_can_be_named():
    assert patterns.find([r"\p{Han}+"], ["ab三十三条c😀刘备"]) == [[(2, 6), (8, 10)]]


@pytest.fixture(scope="module")
def readers():
    pool = ReaderPool(timeout_s=60, memory_bytes=768 << 20, max_characters=10**6)
    yield pool
    pool.close()


@pytest.mark.parametrize("pattern", ["(", "a{2,1}", "(?P<a>x)(?P<a", "[", "(?:" * 3000])
def test_a_pattern_that_is_none_is_refused_by_name(readers, pattern):
    with pytest.raises(Rejected, match="not valid"):
        readers.check([pattern])


@pytest.mark.parametrize(
    ("pattern", "text"), [(r"(a|aa|b?)+$", "a" * 60 + "!"), (r"(a|a)*$", "a" * 60 + "b")]
)
def test_a_catastrophic_pattern_ends_with_a_reason(pattern, text, monkeypatch):
    monkeypatch.setattr(patterns, "TIMEOUT_S", 0.3)
    with pytest.raises(UnreadableFile) as info:
        patterns.find([pattern], [text])
    assert info.value.code == "pattern_timeout"


def test_the_costly_pattern_is_refused_before_it_is_stored(readers):
    with pytest.raises(Rejected, match="simpler"):
        readers.check([r"(?:(?:a{1000}){1000}){1000}"])


def test_a_pattern_whose_check_takes_too_long_is_refused(monkeypatch):
    monkeypatch.setattr(reader_process, "CHECK_TIMEOUT_S", 1.5)
    sleeping = ReaderPool(
        timeout_s=60,
        memory_bytes=768 << 20,
        max_characters=1000,
        child_module="tests.ingest.sandbox.sleeping_child",
    )
    try:
        with pytest.raises(Rejected, match="too long"):
            sleeping.check(["a"])
    finally:
        sleeping.close()


def test_a_check_has_little_memory_and_waits_for_a_child_like_everything_else(monkeypatch):
    started: list[int] = []
    alive: list[int] = []
    child = reader_process.Child

    class Counted(child):
        def __init__(self, module, memory_bytes):
            super().__init__(module, memory_bytes)
            started.append(memory_bytes)
            alive.append(sum(other.is_alive() for other in pool._children) + 1)

    monkeypatch.setattr(reader_process, "Child", Counted)
    pool = ReaderPool(2, timeout_s=60, memory_bytes=768 << 20, max_characters=1000)
    threads = [threading.Thread(target=pool.check, args=(["a"],)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pool.close()

    assert started == [128 << 20] * 6
    assert max(alive) <= 2
