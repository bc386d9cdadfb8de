"""Leases of open indexes."""

import threading

import pytest

from kb.index.open_indexes import Absent, OpenIndexes
from kb.protocols import IndexKey


class Handle:
    def __init__(self, key):
        self.key = key
        self.closed = False


@pytest.fixture
def opened():
    return []


@pytest.fixture
def open_index(opened):
    def open_index(key):
        opened.append(Handle(key))
        return opened[-1]

    return open_index


def close(key, handle):
    handle.closed = True


def key(number):
    return IndexKey(f"d{number}", 1)


def test_a_handle_is_opened_once_and_lent_again(opened, open_index):
    indexes = OpenIndexes(close, limit=2)

    with indexes.lease(key(1), open_index) as first, indexes.lease(key(1), open_index) as second:
        assert first is second
    assert len(opened) == 1


def test_the_least_recently_used_is_closed(opened, open_index):
    indexes = OpenIndexes(close, limit=2)

    for number in (1, 2, 1, 3):
        with indexes.lease(key(number), open_index):
            pass

    assert [handle.key for handle in opened if handle.closed] == [key(2)]


def test_a_handle_in_use_is_never_closed_and_more_than_the_limit_may_be(opened, open_index):
    indexes = OpenIndexes(close, limit=1)

    with indexes.lease(key(1), open_index) as first:
        with indexes.lease(key(2), open_index) as second:
            assert not first.closed
            assert not second.closed
        assert not first.closed
        assert second.closed


def test_an_opener_that_fails_leaves_nothing_and_may_be_tried_again(opened, open_index):
    indexes = OpenIndexes(close, limit=1)

    def absent(key):
        raise Absent

    with pytest.raises(Absent), indexes.lease(key(1), absent):
        pass
    with indexes.lease(key(1), open_index) as handle:
        assert handle is opened[0]


def test_closing_waits_for_the_last_user_and_keeps_others_out(opened, open_index):
    indexes = OpenIndexes(close, limit=2)
    using, may_go = threading.Event(), threading.Event()
    order = []

    def use():
        with indexes.lease(key(1), open_index):
            using.set()
            may_go.wait(10)
            order.append("used")

    def shut():
        with indexes.closed(key(1)):
            order.append("closed")

    user = threading.Thread(target=use, daemon=True)
    user.start()
    using.wait(10)
    closer = threading.Thread(target=shut, daemon=True)
    closer.start()
    may_go.set()
    user.join(10)
    closer.join(10)

    assert order == ["used", "closed"]
    with indexes.lease(key(1), open_index) as handle:
        assert handle is not opened[0]


def test_closing_all_closes_every_handle_and_opening_goes_on(opened, open_index):
    indexes = OpenIndexes(close, limit=5)
    for number in range(3):
        with indexes.lease(key(number), open_index):
            pass

    indexes.close()
    assert all(handle.closed for handle in opened)

    with indexes.lease(key(0), open_index) as handle:
        assert not handle.closed


def test_no_two_handles_of_one_key_are_ever_open_together(opened):
    indexes = OpenIndexes(close, limit=2)
    together = []

    def open_index(wanted):
        together.extend(h for h in opened if h.key == wanted and not h.closed)
        opened.append(Handle(wanted))
        return opened[-1]

    def use(start):
        for turn in range(200):
            with indexes.lease(key((start + turn) % 5), open_index) as handle:
                if handle.closed:
                    together.append(handle)

    threads = [threading.Thread(target=use, args=(start,)) for start in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert together == []
