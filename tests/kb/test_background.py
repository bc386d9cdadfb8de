"""Background threads rank behind those that answer, and so does what they start."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from kb.background import NICENESS, start_background
from kb.knowledge_base import KnowledgeBase
from tests.parts import ADMIN, upload, working


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ranks single threads")
def test_a_background_thread_and_its_children_are_nicer_and_the_others_stay_as_they_are():
    own = os.nice(0)
    seen: list[int] = []

    def work() -> None:
        command = [sys.executable, "-c", "import os; print(os.nice(0))"]
        seen.append(int(subprocess.run(command, capture_output=True, check=True).stdout))

    start_background(work, "background").join()

    assert seen == [max(own, NICENESS)]
    assert os.nice(0) == own


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ranks single threads")
def test_the_indexes_own_threads_rank_with_those_that_answer(kb: KnowledgeBase):
    dataset = kb.create_dataset(ADMIN, "d").id
    kb.applier.start()
    with working(kb) as worker:
        upload(kb, dataset, {"moon.md": "The moon rises at nine."})
        assert worker.wait_idle(60)
        ours = {thread.native_id for thread in threading.enumerate()}
        others = {int(task.name) for task in Path("/proc/self/task").iterdir()} - ours
        ranks = [os.getpriority(os.PRIO_PROCESS, thread) for thread in others]

    assert ranks
    assert set(ranks) == {os.nice(0)}


def test_work_is_done_where_priorities_are_forbidden(monkeypatch: pytest.MonkeyPatch):
    def forbidden(*_: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "setpriority", forbidden)
    done = threading.Event()

    start_background(done.set, "background").join()

    assert done.is_set()
