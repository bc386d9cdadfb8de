"""Two rounds by the real trainer, which is killed on the way: what they learn and forget."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kb.knowledge_base import KnowledgeBase
from kb.opening.opening import open_kb
from kb.settings import Settings
from kb.store.tuning import jobs
from kb.stored_files.keeping import keep
from kb.types import TuningJob
from tests.parts import ADMIN
from tests.tune.following import ended, steps, told, training, until
from tests.tune.trainers import tiny
from tune.jobs import service
from tune.jobs.results import curve
from tune.jobs.service import NewJob
from tune.jobs.trainer_process import MODULE
from tune.rows.canonical import bytes_of
from tune.types import TrainingRow

pytest.importorskip("trl", reason="the extra tune is not installed")


@pytest.fixture
def kb(settings: Settings, base: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KnowledgeBase]:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    opened = open_kb(settings)
    shutil.copytree(base, opened.folder.tuning / "bases" / "tiny")
    yield opened
    opened.close()


def asked(
    kb: KnowledgeBase, rows: list[TrainingRow], held_out: list[TrainingRow], **others: Any
) -> TuningJob:
    names = {"training_file": rows, "validation_file": held_out}
    files = {
        name: keep(kb, ADMIN, "rows.jsonl", bytes_of(each), "fine-tune").id
        for name, each in names.items()
    }
    return service.create(kb, ADMIN, NewJob(**{"model": "tiny", "seed": 1, **files, **others}))


def measured(kb: KnowledgeBase, job: TuningJob) -> dict[str, Any]:
    happened = kb.database.reading(jobs.all_events, job.id, "message")
    return dict(next(event.data for event in happened if event.message == "Measured."))


@pytest.mark.slow
def test_two_rounds_learn_their_facts_and_the_second_says_what_it_has_forgotten(kb):
    first_facts, more = tiny.facts(), tiny.more_facts()
    held_out = [tiny.chat(f"{row.prompt} Please.", row.answer) for row in first_facts]
    with training(kb, MODULE):
        once = {"early_stopping": 0, "eval_every": 60}
        first = asked(kb, first_facts, held_out, hyperparameters=tiny.FULL | once)
        until(kb, first, lambda _: len(steps(kb, first)) > 3)
        os.kill(int((kb.folder.tuning / first.id / "trainer.pid").read_text()), signal.SIGKILL)
        done = ended(kb, first)
        assert done.status == "succeeded", (done.error, told(kb, first))
        again = [tiny.chat(f"{row.prompt} Please.", row.answer) for row in more]
        chosen = tiny.LORA | once | {"continue_by": "replay"}
        second = ended(
            kb, asked(kb, more, again, model=done.fine_tuned_model, hyperparameters=chosen)
        )
        assert second.status == "succeeded", (second.error, told(kb, second))
    assert told(kb, first).count("Loading.") == 2
    assert sorted(set(steps(kb, first))) == list(range(121))
    points = kb.database.reading(curve, first.id)
    losses = [point["train_loss"] for point in points if point.get("train_loss") is not None]
    assert losses[-1] < losses[0] / 5
    assert done.diagnosis is not None
    assert measured(kb, done)["valid"]["rows"] == 10
    assert measured(kb, second)["old_valid"]["rows"] == 10
    assert (kb.folder.tuning / second.id / "model" / "adapter_config.json").exists()
