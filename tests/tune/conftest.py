"""A tiny language model that has learnt ten facts, for all tests of training and serving."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.tune.trainers import tiny


@pytest.fixture(scope="session")
def here() -> Iterator[Callable[[Path], int]]:
    """Train in this process, which spares the seconds that torch takes to be imported. The trainer
    takes SIGTERM for itself; this process has its own back after."""
    before = signal.getsignal(signal.SIGTERM)
    from tune.trainers.__main__ import main

    yield main
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.make_base(tmp_path_factory.mktemp("tuning") / "bases" / "tiny")


@pytest.fixture(scope="session")
def stock(base: Path, here: Callable[[Path], int]) -> Path:
    """A job that taught all weights the facts."""
    folder = base.parents[1] / "tuning-00stock1"
    held_out = {"valid": tiny.facts()}
    tiny.job_folder(folder, base, tiny.facts(), held_out=held_out, hyperparameters=tiny.FULL)
    assert here(folder) == 0
    return folder


@pytest.fixture(scope="session")
def adapter(base: Path, stock: Path, here: Callable[[Path], int]) -> Path:
    """A job that taught an adapter on it more."""
    folder = base.parents[1] / "tuning-0adapter"
    model = str(stock / "model")
    given = {"hyperparameters": tiny.LORA, "continue_from": model, "suffix": "more"}
    assert here(tiny.job_folder(folder, base, tiny.more_facts(), **given)) == 0
    return folder
