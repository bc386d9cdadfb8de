"""Training at services elsewhere, against one that answers as each of them does."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import SecretStr

from kb.errors import Conflict
from kb.knowledge_base import KnowledgeBase
from kb.opening.opening import open_kb
from kb.settings import Settings, load_settings
from kb.settings_sections import TuningBackendSettings, TuningSettings
from kb.store.tuning import jobs, tuned_models
from kb.store.tuning.jobs import NewEvent
from kb.types import TuningJob
from tests.parts import ADMIN
from tests.tune.fake_service import KEY, FakeService, running
from tests.tune.following import ended, row, stored, told, training, until
from tune.jobs import service
from tune.jobs.backends import Work
from tune.jobs.remote import RemoteBackend
from tune.jobs.service import NewJob

TOPICS = ("rain", "snow", "fog", "hail", "wind", "frost", "heat", "dew", "storm", "calm", "ice")
ROWS = [row(f"What is {topic}?", f"It is {topic} indeed.") for topic in TOPICS]
ROWS[1]["messages"] = [*row("And now?", weight=0)["messages"], *ROWS[1]["messages"]]
HELD_OUT = [row(f"Who likes {topic}?", f"Friends of {topic}.") for topic in TOPICS]

Kind = Literal["openai", "azure", "dashscope"]


@contextmanager
def connected(settings: Settings, kind: Kind) -> Iterator[tuple[KnowledgeBase, FakeService]]:
    with running("dashscope" if kind == "dashscope" else "openai") as there:
        backend = TuningBackendSettings(
            kind=kind, base_url=there.url, api_key=SecretStr(KEY), poll_s=0.01
        )
        tuning = TuningSettings(backends={"cloud": backend})
        opened = open_kb(settings.model_copy(update={"tuning": tuning}))
        try:
            yield opened, there
        finally:
            opened.close()


def asked(kb: KnowledgeBase, **others: Any) -> TuningJob:
    wanted = {"model": "org/big", "training_file": stored(kb, ROWS), "backend": "cloud", **others}
    return service.create(kb, ADMIN, NewJob(**wanted))


@pytest.mark.parametrize("kind", ["openai", "azure", "dashscope"])
def test_a_job_is_made_followed_and_ends_as_a_model(settings: Settings, kind: Kind):
    suffix = "a-suffix-of-some-length"
    with connected(settings, kind) as (kb, there), training(kb):
        valid = stored(kb, HELD_OUT)
        hyper = {"n_epochs": 3, "batch_size": "auto"}
        job = asked(kb, suffix=suffix, validation_file=valid, hyperparameters=hyper, seed=7)
        done = ended(kb, job)
        assert done.status == "succeeded", done.error
        model = kb.database.reading(tuned_models.get, ADMIN, done.fine_tuned_model)
        second = asked(kb, model=model.name)
        last = ended(kb, second)
        assert last.status == "succeeded", last.error
        happened = told(kb, job)

    assert (done.trained_tokens, model.folder, model.base) == (480, None, "org/big")
    assert model.name.startswith("ft:org-big:citewell:a-suffix")
    (train, held_out), body = there.files[:2], there.jobs[0]
    assert train.startswith(b"\xef\xbb\xbf") == (kind == "azure")
    assert len(held_out.splitlines()) == len(HELD_OUT)
    assert (b'"weight": 0' in train) == (kind != "dashscope")
    if kind == "dashscope":
        assert model.remote_model == "qwen-ft-2"
        assert body == {
            "model": "org/big",
            "training_file_ids": ["file-1"],
            "validation_file_ids": ["file-2"],
            "training_type": "efficient_sft",
            "hyper_parameters": {"n_epochs": 3},
            "finetuned_output_suffix": suffix,
        }
    else:
        assert model.remote_model == "ft:gpt:org::1"
        chosen = {"n_epochs": 3, "batch_size": "auto"}
        assert body == {
            "model": "org/big",
            "training_file": "file-1",
            "validation_file": "file-2",
            "suffix": suffix[:18] if kind == "azure" else suffix,
            "seed": 7,
            "method": {"type": "supervised", "supervised": {"hyperparameters": chosen}},
        }
        curve = kb_steps(kb, job, settings)
        assert curve == sorted(set(curve)), "each event is told once"
        assert ("The suffix is cut to 'a-suffix-of-some-l'." in happened) == (kind == "azure")
    assert there.jobs[1]["model"] in ("org/big", model.remote_model)
    assert there.keys == {KEY if kind == "azure" else f"Bearer {KEY}"}


class Crash(BaseException):
    """The process dies here."""


@pytest.mark.parametrize("kind", ["openai", "dashscope"])
def test_a_crash_before_the_id_of_a_job_is_stored_makes_no_second_one(
    settings: Settings, tmp_path: Path, kind: Kind
):
    (train := tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    memory: dict[str, Any] = {}

    def tell(events: Sequence[NewEvent], new: Mapping[str, Any]) -> None:
        if "remote_id" in new and "crashed" not in memory:
            memory["crashed"] = True
            raise Crash
        memory.update(new)

    with connected(settings, kind) as (kb, there):
        backend = RemoteBackend(kb.settings.tuning.backends["cloud"])
        job = asked(kb)
        for _ in range(2):
            work = Work(job, "org/big", tmp_path, train, None, {**memory}, tell, lambda: True)
            with suppress(Crash):
                backend.run(work)

    assert (len(there.files), len(there.jobs)) == (1, 1)
    assert memory["remote_id"] == ("ft-2" if kind == "dashscope" else "ftjob-1")


def test_a_job_whose_making_was_not_answered_is_found(settings: Settings):
    with connected(settings, "openai") as (kb, there), training(kb):
        there.drops = 1
        done = ended(kb, asked(kb))
    assert (done.status, len(there.jobs)) == ("succeeded", 1)


def kb_steps(kb: KnowledgeBase, job: TuningJob, settings: Settings) -> list[int]:
    opened = open_kb(settings)
    try:
        metrics = opened.database.reading(jobs.all_events, job.id, "metrics")
        return [event.data["step"] for event in metrics]
    finally:
        opened.close()


def test_what_fails_there_is_told_without_the_key(settings: Settings):
    with connected(settings, "openai") as (kb, there), training(kb):
        there.fails = True
        failed = ended(kb, asked(kb))
    assert failed.error is not None
    assert (failed.error.code, failed.error.detail) == ("exceeded_quota", "Pay for ….")


def test_cancelling_is_passed_on_and_pausing_refused(settings: Settings):
    with connected(settings, "openai") as (kb, there), training(kb):
        there.busy = 10_000
        job = asked(kb)
        until(kb, job, lambda found: found.remote_id is not None)
        with pytest.raises(Conflict, match="Cancel it"):
            service.pause(kb, ADMIN, job.id)
        assert service.cancel(kb, ADMIN, job.id).status == "cancelled"
        assert there.verbs == ["cancel"]
        with pytest.raises(Conflict):
            service.cancel(kb, ADMIN, job.id)


def test_a_job_whose_service_is_configured_no_more_ends(settings: Settings):
    with connected(settings, "openai") as (kb, _):
        mine, other = asked(kb), asked(kb)
    opened = open_kb(settings)
    try:
        assert service.cancel(opened, ADMIN, mine.id).status == "cancelled"
        with training(opened):
            failed = ended(opened, other)
    finally:
        opened.close()
    assert failed.error is not None
    assert failed.error.code == "backend_gone"


def test_an_answer_without_the_name_of_the_model_is_no_model_none(settings: Settings):
    with connected(settings, "openai") as (kb, there), training(kb):
        there.nameless = True
        failed = ended(kb, asked(kb))
    assert failed.error is not None
    assert failed.error.code == "backend_answer"


def test_the_key_is_in_no_event(settings: Settings):
    with connected(settings, "openai") as (kb, there), training(kb):
        job = asked(kb)
        ended(kb, job)
        events = kb.database.reading(jobs.all_events, job.id, "metrics")
        assert events
        assert KEY in json.dumps(there.events())
        assert KEY not in str(events)


def test_preferences_are_refused_where_they_are_not_done(settings: Settings):
    with connected(settings, "dashscope") as (kb, _), training(kb):
        failed = ended(kb, asked(kb, method="dpo"))
    assert failed.error is not None
    assert failed.error.code == "method_unknown"


def test_backends_are_set_as_json_and_their_keys_stay_hidden():
    backend = {"kind": "azure", "base_url": "https://a.openai.azure.com/openai/v1", "api_key": KEY}
    import os

    environ = {"KB_TUNING__BACKENDS": json.dumps({"azure": backend})}
    os.environ |= environ
    try:
        settings = load_settings()
    finally:
        del os.environ["KB_TUNING__BACKENDS"]
    assert settings.tuning.backends["azure"].kind == "azure"
    assert KEY not in repr(settings)
