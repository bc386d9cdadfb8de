"""A second round on a tuned model: what the trainer is told, and which rows come along."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kb.knowledge_base import KnowledgeBase
from kb.opening.opening import open_kb
from kb.settings import Settings
from kb.store.tuning import tuned_models
from kb.types import TuningJob
from tests.parts import ADMIN
from tests.tune.following import ended, row, stored, told, training
from tests.tune.trained import make_base
from tune.jobs import preparing, service
from tune.jobs.service import NewJob
from tune.rows.canonical import read_rows


@pytest.fixture
def kb(settings: Settings) -> Iterator[KnowledgeBase]:
    opened = open_kb(settings)
    make_base(opened.folder.root)
    yield opened
    opened.close()


def about(*words: str, **others: Any) -> list[dict[str, Any]]:
    return [row(f"What is {word}?", f"It is {word} indeed.", **others) for word in words]


def trained(kb: KnowledgeBase, rows: list[Any], model: str = "tiny", **chosen: Any) -> TuningJob:
    wanted = NewJob(model, stored(kb, rows), hyperparameters={"n_epochs": 1, **chosen}, seed=3)
    done = ended(kb, service.create(kb, ADMIN, wanted))
    assert done.status == "succeeded", done.error
    return done


def spec_of(kb: KnowledgeBase, job: TuningJob) -> dict[str, Any]:
    folder: Path = kb.folder.tuning / job.id
    return dict(json.loads((folder / "spec.json").read_text()))


def asked(kb: KnowledgeBase, job: TuningJob, name: str = "train.jsonl") -> list[str]:
    path = kb.folder.tuning / job.id / name
    return [each.prompt for each in read_rows(path)] if path.exists() else []


def test_few_rows_are_trained_from_the_base_all_together(kb):
    with training(kb):
        first = trained(kb, [*about("rain", "snow"), *about("fog", split="valid")])
        second = trained(kb, about("hail", "rain"), first.fine_tuned_model)
        third = trained(kb, about("wind"), second.fine_tuned_model)
    assert (spec_of(kb, first)["valid"], spec_of(kb, first)["suffix"]) == ("valid.jsonl", None)
    told_by = spec_of(kb, third)
    assert (told_by["continue_from"], Path(told_by["base"]).name) == (None, "tiny")
    assert asked(kb, third) == [f"What is {word}?" for word in ("wind", "hail", "rain", "snow")]
    assert asked(kb, third, "old_valid.jsonl") == ["What is fog?"], "what was held out before"
    line = kb.database.reading(tuned_models.lineage, ADMIN, third.fine_tuned_model)
    assert [each.name for each in line] == [
        each.fine_tuned_model for each in (third, second, first)
    ]
    assert third.hyperparameters["continue_by"] == "union"
    assert "A new run from the base over the 4 rows of all rounds." in told(kb, third)


def test_a_model_is_continued_with_all_old_rows_or_a_seeded_share(kb, monkeypatch):
    monkeypatch.setattr(preparing, "REPLAY_ALL", 5)
    with training(kb):
        first = trained(kb, about("rain", "snow", "fog"))
        second = trained(kb, about("hail", "wind"), first.fine_tuned_model, continue_by="replay")
        words = [f"word {n}" for n in range(6)]
        third = trained(kb, about(*words), second.fine_tuned_model, continue_by="replay")
        again = trained(kb, about(*words), second.fine_tuned_model, continue_by="replay")
        fourth = trained(kb, about("dew"), third.fine_tuned_model, continue_by="replay")
    assert (
        Path(spec_of(kb, second)["continue_from"])
        == (kb.folder.tuning / first.id / "model").resolve()
    )
    assert len(asked(kb, second)) == 5
    assert len(asked(kb, third)) == 11, "five old rows are all replayed"
    assert len(asked(kb, fourth)) == 2, "of eleven old rows half as many as there are new ones"
    assert asked(kb, third) == asked(kb, again)
    assert spec_of(kb, third)["stop"] == ["<end>"], "as the model before has it"


def test_a_model_whose_files_another_process_has_is_not_continued_and_the_job_says_why(kb):
    with training(kb):
        first = trained(kb, about("rain", "snow"))
        (kb.folder.tuning / first.id).rename(kb.folder.root / "of another process")
        wanted = NewJob(str(first.fine_tuned_model), stored(kb, about("hail")), suffix="story")
        done = ended(kb, service.create(kb, ADMIN, wanted))
    assert done.status == "failed"
    assert "tuning/" in str(done.error)


def test_nothing_of_the_base_is_told_as_a_path_outside_of_its_folder(kb):
    with training(kb):
        first = trained(kb, about("rain"))
    assert Path(spec_of(kb, first)["base"]).parent == (kb.folder.tuning / "bases").resolve()
