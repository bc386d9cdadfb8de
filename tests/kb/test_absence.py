"""A server that did not answer is looked at by one thread, until it does."""

from __future__ import annotations

import threading
import time
from queue import SimpleQueue

import pytest

from kb import absence
from kb.absence import Absence
from tests.parts import PATIENCE_S


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(absence, "LOOK_S", 0.0)


def test_it_lasts_until_a_look_is_answered_and_can_begin_again():
    answers: SimpleQueue[Exception | None] = SimpleQueue()
    looks = threading.Semaphore(0)

    def look():
        looks.release()
        if (answer := answers.get(timeout=PATIENCE_S)) is not None:
            raise answer

    away = Absence(look)
    for _ in range(2):
        for _ in range(10):
            away.begin()
        assert looks.acquire(timeout=PATIENCE_S)
        assert not looks.acquire(blocking=False), "nobody else looks meanwhile"
        assert away.is_known
        answers.put(OSError("refused"))
        assert looks.acquire(timeout=PATIENCE_S)
        assert away.is_known
        answers.put(None)
        deadline = time.monotonic() + PATIENCE_S
        while away.is_known:
            assert time.monotonic() < deadline
            time.sleep(0.001)
