"""Background threads rank behind those that answer, and so does what they start."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from kb.background import NICENESS, Loop, Wakeups
from kb.knowledge_base import KnowledgeBase
from kb.store.engine.database import Transaction
from kb.store.work import jobs
from tests.parts import ADMIN, upload, working
from tests.webhook_receiver import wait_until


class Others:
    """A cluster of two: what the other process has in hand is not ours."""

    def __init__(self, *in_hand: str) -> None:
        self.in_hand = set(in_hand)
        self.were_asked, self.freed = threading.Event(), threading.Event()

    @contextmanager
    def __call__(self, name: str, wait_s: float = 0.0) -> Iterator[bool]:
        self.were_asked.set()
        if name in self.in_hand and self.freed.wait(wait_s):
            self.in_hand.clear()
        yield name not in self.in_hand

    def check(self, name: str) -> None:
        assert name not in self.in_hand


def run_once(work: Callable[[], None]) -> None:
    loop = Loop("background", work, Wakeups())
    loop.start()
    loop.join()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ranks single threads")
def test_a_background_thread_and_its_children_are_nicer_and_the_others_stay_as_they_are():
    own = os.nice(0)
    seen: list[int] = []

    def work() -> None:
        command = [sys.executable, "-c", "import os; print(os.nice(0))"]
        seen.append(int(subprocess.run(command, capture_output=True, check=True).stdout))

    run_once(work)

    assert seen == [max(own, NICENESS)]
    assert os.nice(0) == own


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ranks single threads")
def test_the_indexes_own_threads_rank_with_those_that_answer(kb: KnowledgeBase):
    dataset = kb.create_dataset(ADMIN, "d").id
    kb.applier.start()
    with working(kb) as worker:
        upload(kb, dataset, {"moon.md": "The moon rises at nine."})
        assert worker.wait_idle(60)
        wait_until(lambda: ranks_of_libraries() == {os.nice(0)})  # a copy is made with patience


def ranks_of_libraries() -> set[int]:
    """Of the threads that Python did not start."""
    ours = {thread.native_id for thread in threading.enumerate()}
    others = {int(task.name) for task in Path("/proc/self/task").iterdir()} - ours
    found = set()
    for thread in others:
        with suppress(ProcessLookupError):  # it has ended
            found.add(os.getpriority(os.PRIO_PROCESS, thread))
    return found


def test_work_is_done_where_priorities_are_forbidden(monkeypatch: pytest.MonkeyPatch):
    def forbidden(*_: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "setpriority", forbidden)
    done = threading.Event()

    run_once(done.set)

    assert done.is_set()


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not done():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.01)


def status(thread: int) -> str:
    return Path(f"/proc/self/task/{thread}/status").read_text()


def times_rested(thread: int) -> int:
    return int(status(thread).split("\nvoluntary_ctxt_switches:")[1].split()[0])


def test_a_loop_goes_on_while_there_is_work_and_rests_until_it_is_notified():
    wakeups, rounds = Wakeups(), list[int]()

    def work() -> float:
        rounds.append(len(rounds))
        return 3600.0 if len(rounds) >= 5 else 0.0

    loop = Loop("kind", work, wakeups)
    loop.start()
    until(lambda: len(rounds) == 5)
    wakeups.notify("another kind")
    wakeups.notify("kind")
    until(lambda: len(rounds) == 6)
    loop.stop()
    assert len(rounds) == 6


def test_a_notice_wakes_only_who_waits_for_its_kind():
    wakeups, rounds, threads = Wakeups(), list[int](), list[int]()

    def work() -> float:
        threads.append(threading.get_native_id())
        return 3600.0

    sleeper = Loop("another kind", work, wakeups)
    waiting = Loop("kind", lambda: rounds.append(1) or 3600.0, wakeups)
    sleeper.start()
    until(lambda: threads != [] and "(sleeping)" in status(threads[0]))
    waiting.start()
    until(lambda: len(rounds) == 1)
    before = times_rested(threads[0])
    for number in range(2, 20):
        wakeups.notify()
        wakeups.notify("kind")
        until(lambda number=number: len(rounds) >= number)
    assert times_rested(threads[0]) - before < 9  # each of the 18 notices woke it before
    sleeper.stop()
    waiting.stop()


def test_a_notice_that_comes_during_a_round_is_not_lost():
    wakeups, rounds = Wakeups(), list[int]()

    def work() -> float:
        rounds.append(len(rounds))
        if len(rounds) == 1:
            wakeups.notify("kind")
        return 3600.0

    loop = Loop("kind", work, wakeups)
    loop.start()
    until(lambda: len(rounds) == 2)
    loop.stop()


def test_a_round_that_breaks_off_is_tried_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("kb.background.RETRY_S", 0.0)
    rounds = list[int]()

    def work() -> None:
        rounds.append(len(rounds))
        if len(rounds) < 3:
            raise OSError

    run_once(work)
    assert len(rounds) == 3


def test_a_paused_loop_begins_no_round():
    wakeups, rounds = Wakeups(), list[int]()
    loop = Loop("kind", lambda: rounds.append(1) or 3600.0, wakeups)
    with loop.paused():
        loop.start()
        wakeups.notify("kind")
        time.sleep(0.1)
        assert rounds == []
    until(lambda: rounds != [])
    loop.stop()


def test_workers_are_woken_when_a_transaction_that_adds_a_job_is_committed(kb: KnowledgeBase):
    dataset, wakeups = kb.create_dataset(ADMIN, "d").id, kb.database.wakeups
    before = wakeups.count("index")

    def add_and_fail(tx: Transaction) -> None:
        jobs.add(tx, "index", {"doc": {"version": 1}}, "batch")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        kb.database.writing(add_and_fail)
    assert wakeups.count("index") == before
    upload(kb, dataset, {"moon.md": "The moon rises at nine."})
    assert wakeups.count("index") == before + 1


def test_a_round_that_another_process_has_in_hand_is_left_out_until_it_has_ended(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("kb.background.OTHERS_S", 0.01)
    others, rounds, wakeups = Others("erase"), threading.Event(), Wakeups()
    loop = Loop("erase", rounds.set, wakeups, duty=others)
    loop.start()
    assert others.were_asked.wait(30)
    assert not rounds.is_set()

    others.in_hand.clear()
    assert rounds.wait(30)
    loop.join()


def test_what_is_done_by_hand_waits_until_the_round_of_another_process_is_over():
    others, is_ours = Others("erase"), threading.Event()
    loop = Loop("erase", lambda: None, Wakeups(), duty=others)

    def by_hand() -> None:
        with loop.paused(), loop.paused():
            is_ours.set()

    waiting = threading.Thread(target=by_hand)
    waiting.start()
    assert not is_ours.is_set()
    others.freed.set()
    assert is_ours.wait(30)
    waiting.join()
