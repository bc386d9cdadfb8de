"""A circuit breaker per language model: one that keeps failing is left alone for a while.

Without it every question to a dead model waits out its deadline first. In memory, because what is
known of a model's health before a restart is no longer worth knowing. In a cluster processes tell
each other which are open (`kb/chat/ask/shared_circuits.py`).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from kb.errors import ModelUnavailable
from kb.models.llm.failures import QuestionRefused
from kb.settings import LlmSettings
from kb.telemetry.metrics import MODEL_ANSWERS, MODEL_FAILURES

CircuitState = Literal["closed", "open", "half_open"]


class CircuitOpen(ModelUnavailable):
    """The model has failed so often of late that it is not asked for now."""

    def __init__(self, model: str, retry_in_s: float) -> None:
        super().__init__(
            f"The language model {model!r} has failed several times in a row and is left alone "
            f"for now. It is tried again in {max(1, round(retry_in_s))} seconds."
        )


@dataclass(frozen=True, slots=True)
class Health:
    """How a model has done since the server started or its registration changed."""

    circuit: CircuitState
    answers: int
    failures: int
    retry_in_s: float = 0.0


class Circuit:
    """Opens after so many failures within the window with no answer between them.

    When its time is over, one question goes through as a probe: an answer closes the circuit, a
    failure opens it anew. Thread-safe.

    Source: Nygard, "Release It!", 2007, chapter 5, "Circuit Breaker".
    """

    def __init__(
        self, model: str, settings: LlmSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._model = model
        self._window_s = settings.circuit_window_s
        self._open_s = settings.circuit_open_s
        self._clock = clock
        self._turn = threading.Lock()
        self._recent: deque[float] = deque(maxlen=settings.circuit_failures)
        self._open_until: float | None = None
        self._is_probed = False
        self._answers = 0
        self._failures = 0

    @property
    def health(self) -> Health:
        """What is known now."""
        with self._turn:
            left_s = 0.0 if self._open_until is None else self._open_until - self._clock()
            return Health(self._state(), self._answers, self._failures, max(0.0, left_s))

    @property
    def open_until(self) -> float | None:
        """Until when the model is left alone, by `time.monotonic`; None if it is not."""
        return self._open_until

    def take_over(self, open_until: float | None) -> None:
        """Believe what another process has found."""
        with self._turn:
            self._open_until = open_until
            if open_until is None:
                self._recent.clear()

    def check(self) -> None:
        """Raises CircuitOpen where `question` would."""
        with self._turn:
            self._check()

    @contextmanager
    def question(self) -> Iterator[None]:
        """Holds while the model answers one question, and notes how it ends.

        Who leaves early says nothing about the model.

        Raises:
            CircuitOpen: the model is left alone, or another question is probing it.
        """
        with self._turn:
            self._check()
            probes = self._is_probed = self._open_until is not None
        try:
            with self.probe():
                yield
        finally:
            if probes:
                self._is_probed = False

    @contextmanager
    def probe(self) -> Iterator[None]:
        """Like `question`, but always let through: an operator wants to know."""
        try:
            yield
        except QuestionRefused:
            raise
        except ModelUnavailable:
            self._failed()
            raise
        self._succeeded()

    def _succeeded(self) -> None:
        with self._turn:
            self._answers += 1
            MODEL_ANSWERS.labels(self._model).inc()
            self._recent.clear()
            self._open_until = None

    def _failed(self) -> None:
        with self._turn:
            now = self._clock()
            self._failures += 1
            MODEL_FAILURES.labels(self._model).inc()
            self._recent.append(now)
            first = self._recent[0] if len(self._recent) == self._recent.maxlen else None
            often = first is not None and now - first <= self._window_s
            # Questions that were under way when it opened do not keep it open any longer.
            if self._state() == "half_open" or (often and self._open_until is None):
                self._open_until = now + self._open_s

    def _check(self) -> None:
        if self._state() == "open" or self._is_probed:
            raise CircuitOpen(self._model, (self._open_until or 0.0) - self._clock())

    def _state(self) -> CircuitState:
        if self._open_until is None:
            return "closed"
        return "open" if self._clock() < self._open_until else "half_open"
