"""Identifiers sort by creation."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from kb import ids


def test_ids_sort_as_they_were_made_also_within_a_millisecond():
    made = [ids.new_id("doc") for _ in range(10_000)]
    assert made == sorted(made)
    assert {len(one) for one in made} == {len("doc_") + 28}


def test_ids_sort_as_they_were_made_while_the_clock_is_behind(monkeypatch):
    before = ids.new_id("msg")
    monkeypatch.setattr(ids.time, "time_ns", lambda: 1_000_000_000_000)
    later = [ids.new_id("msg") for _ in range(3)]
    assert [before, *later] == sorted([before, *later])


def test_threads_never_make_the_same_id():
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(ids.new_id, ["run"] * 10_000))
    assert len(set(made)) == 10_000
