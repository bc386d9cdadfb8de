"""A model that one process of a cluster finds dead is left alone by all, and asked again by all."""

from __future__ import annotations

from contextlib import suppress

import pytest

from kb.chat.ask.shared_circuits import SharedCircuits
from kb.errors import ModelUnavailable
from kb.models.llm.circuit import Circuit, CircuitOpen
from kb.settings import LlmSettings
from kb.store.engine.sqlite import SqliteDatabase


def fail(circuit: Circuit) -> None:
    with suppress(ModelUnavailable), circuit.probe():
        raise ModelUnavailable("It is away.")


def test_a_circuit_opens_and_closes_in_all_processes(tmp_path):
    database = SqliteDatabase(tmp_path / "kb.db")
    settings = LlmSettings(circuit_failures=2, circuit_open_s=60)
    one, other = Circuit("m", settings), Circuit("m", settings)
    processes = [(SharedCircuits(database), {"m": circuit}) for circuit in (one, other)]

    def exchange() -> None:
        for process, circuits in processes:
            process.exchange(circuits)

    exchange()
    fail(one)
    fail(one)
    exchange()
    with pytest.raises(CircuitOpen, match=r"[56]\d seconds"):
        other.check()
    exchange()
    assert (one.health.circuit, other.health.circuit) == ("open", "open")

    with other.probe():
        pass
    exchange()
    exchange()
    one.check()
    assert (one.health.circuit, other.health.circuit) == ("closed", "closed")
    fail(one)  # the failures before are over
    one.check()
    database.close()
