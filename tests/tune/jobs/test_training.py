"""A job from rows to a model, by a child that speaks the protocol and dies when told to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from kb.errors import Conflict, NotFound, Rejected
from kb.knowledge_base import KnowledgeBase
from kb.opening.opening import open_kb
from kb.settings import Settings
from kb.settings_sections import TuningSettings
from kb.store.engine.paging import PageRequest
from kb.store.tuning import jobs, tuned_models
from kb.store.work import files
from kb.stored_files.keeping import keep
from kb.types import TuningJob
from tests.parts import ADMIN
from tests.tune.following import ended, row, seen, steps, stored, told, training, until
from tests.tune.trained import make_base
from tune.jobs import preparing, service, worker
from tune.jobs.service import NewJob

LONG = 300
"""Steps that are not over before a busy machine has looked at the job again."""


def asked(kb: KnowledgeBase, orders: str = "", count: int = 6, **others: Any) -> TuningJob:
    """A job on a few rows, the first of which tells the trainer what to do."""
    rows = [row(f"do: {orders}"), *(row(f"Question {n}?") for n in range(count - 1))]
    once = {"suffix": "story", "hyperparameters": {"n_epochs": 1}}
    wanted = {"model": "tiny", "training_file": stored(kb, rows), **once, **others}
    return service.create(kb, ADMIN, NewJob(**wanted))


@pytest.fixture
def kb(settings: Settings) -> Iterator[KnowledgeBase]:
    opened = open_kb(settings)
    make_base(opened.folder.root)
    yield opened
    opened.close()


def test_a_job_makes_a_model_and_a_curve(kb):
    job = asked(kb)
    with training(kb):
        done = ended(kb, job)
    assert done.status == "succeeded", done.error
    assert done.fine_tuned_model == f"ft:tiny:citewell:story:{job.id[-8:]}"
    assert done.trained_tokens == 60

    model = kb.database.reading(tuned_models.get, ADMIN, done.fine_tuned_model)
    assert (model.base, model.parent, model.stop) == ("tiny", None, ("<end>",))
    assert (kb.folder.tuning / str(model.folder)).is_dir()

    assert steps(kb, job) == [1, 2, 3, 4, 5, 6]
    (file_id,) = done.result_files
    result = kb.database.reading(files.get, ADMIN, file_id)
    assert result.purpose == "fine-tune-results"
    lines = kb.originals.path(result.sha256).read_text().splitlines()
    assert lines[0].startswith("step,elapsed_tokens,train_loss,train_accuracy,valid_loss")
    assert lines[1:3] == ["1,10,NaN,0.0,,", "2,20,0.5,0.5,,"]
    assert told(kb, job)[-1] == "The job has successfully completed."


def test_a_folder_with_a_model_and_a_waiting_job_passes_the_check(kb):
    job = asked(kb)
    with training(kb):
        ended(kb, job)
    asked(kb)
    assert kb.fsck.run().violations == ()


def test_files_for_other_trainers_are_written_in_place_of_a_model(kb):
    job = asked(kb, backend="files", model="Qwen/Qwen3-4B")
    with training(kb):
        done = ended(kb, job)
    assert (done.status, done.fine_tuned_model) == ("succeeded", None), done.error
    written = kb.folder.tuning / job.id / "files"
    assert "Qwen/Qwen3-4B" in (written / "llama-factory" / "train.yaml").read_text()
    assert (written / "axolotl" / "train.jsonl").read_text().count("\n") == 6


def test_a_trainer_that_dies_goes_on_from_its_checkpoint(kb):
    job = asked(kb, "die_at=4")
    with training(kb):
        assert ended(kb, job).status == "succeeded"
    assert steps(kb, job) == [1, 2, 3, 3, 4, 5, 6]


def test_one_that_keeps_dying_fails_and_says_so(kb):
    job = asked(kb, "die_always")
    with training(kb):
        failed = ended(kb, job)
    assert failed.error is not None
    assert failed.error.code == "trainer_died"
    assert "signal 9" in failed.error.detail
    assert failed.diagnosis is None, "no step was told"


def test_what_a_trainer_says_about_its_failure_is_kept(kb):
    job = asked(kb, "fail")
    with training(kb):
        failed = ended(kb, job)
    assert failed.error is not None
    assert (failed.error.code, failed.error.detail) == ("bad_rows", "The rows are not good.")


def test_a_paused_job_keeps_its_steps_and_goes_on(kb):
    job = asked(kb, count=LONG)
    with training(kb):
        until(kb, job, lambda _: len(steps(kb, job)) > 3)
        assert service.pause(kb, ADMIN, job.id).status == "paused"
        other = asked(kb)
        assert ended(kb, other).status == "succeeded", "the turn is the next one's"
        at_rest = steps(kb, job)
        assert seen(kb, job).status == "paused"
        assert at_rest[-1] < LONG
        service.resume(kb, ADMIN, job.id)
        assert ended(kb, job).status == "succeeded"
    assert steps(kb, job) == list(range(1, LONG + 1)), (
        "it saved where it was, and nothing is told twice"
    )


def test_a_cancelled_job_ends_its_trainer_and_has_no_model(kb):
    job = asked(kb, count=500)
    with training(kb):
        until(kb, job, lambda _: len(steps(kb, job)) > 3)
        service.cancel(kb, ADMIN, job.id)
        assert ended(kb, asked(kb)).status == "succeeded"
    found = seen(kb, job)
    assert (found.status, found.fine_tuned_model) == ("cancelled", None)
    with pytest.raises(Conflict, match="cancelled"):
        service.resume(kb, ADMIN, job.id)


def test_a_job_that_is_deleted_while_its_trainer_ends_leaves_nothing_behind(kb):
    job = asked(kb, orders="save_slowly", count=500)
    with training(kb):
        until(kb, job, lambda _: len(steps(kb, job)) > 3)
        service.cancel(kb, ADMIN, job.id)
        service.delete(kb, ADMIN, job.id)
        assert ended(kb, asked(kb)).status == "succeeded"
    assert not (kb.folder.tuning / job.id).exists()
    assert told(kb, job) == []
    assert steps(kb, job) == []


def test_a_server_that_stops_gives_the_job_back_and_the_next_goes_on(kb):
    job = asked(kb, count=LONG)
    with training(kb):
        until(kb, job, lambda _: len(steps(kb, job)) > 3)
    assert seen(kb, job).status == "running"
    with training(kb):
        assert ended(kb, job).status == "succeeded"
    assert steps(kb, job) == list(range(1, LONG + 1))


def test_a_job_goes_on_in_a_process_that_has_none_of_its_files(kb):
    job = asked(kb, count=LONG)
    with training(kb):
        until(kb, job, lambda _: len(steps(kb, job)) > 3)
    (kb.folder.tuning / job.id).rename(kb.folder.root / "of another process")
    with training(kb):
        done = ended(kb, job)
    assert done.status == "succeeded", done.error
    assert steps(kb, job)[-LONG:] == list(range(1, LONG + 1))


@pytest.mark.parametrize(
    ("limits", "orders", "code"),
    [
        ({"silent_s": 1.0}, "hang_at=2", "trainer_died"),
        ({"max_hours": 0.5 / 3600}, "hang_at=2", "trainer_time"),
        ({"memory_bytes": 256 << 20}, "eat=400", "trainer_memory"),
    ],
)
def test_limits_end_a_trainer(settings, limits, orders, code):
    opened = open_kb(settings.model_copy(update={"tuning": TuningSettings(**limits)}))
    make_base(opened.folder.root)
    try:
        job = asked(opened, orders)
        with training(opened):
            failed = ended(opened, job)
    finally:
        opened.close()
    assert failed.error is not None
    assert failed.error.code == code
    if "hang" in orders:  # its first loss is no number
        assert failed.diagnosis is not None
        assert failed.diagnosis["verdict"] == "diverged"


def test_a_file_of_something_else_fails_before_it_waits_for_its_turn(kb):
    file_id = keep(kb, ADMIN, "a.jsonl", b'{"no": 1}\n', "fine-tune").id
    job = service.create(kb, ADMIN, NewJob("tiny", file_id))
    with training(kb):
        failed = ended(kb, job)
    assert failed.error is not None
    assert failed.error.code == "invalid_request"
    assert "holds no row" in failed.error.detail


@pytest.mark.parametrize(
    ("step", "file"), [("write", "own.jsonl.new"), ("write_spec", "spec.json")]
)
def test_a_job_waits_while_the_disk_is_full(kb, monkeypatch, step, file):
    job, real = asked(kb), getattr(preparing, step)
    obstacle = kb.folder.tuning / job.id / file
    obstacle.parent.mkdir()
    obstacle.symlink_to("/dev/full")

    def until_there_is_room(*given: Any) -> Any:
        try:
            return real(*given)
        except OSError:
            obstacle.unlink()
            raise

    monkeypatch.setattr(preparing, step, until_there_is_room)
    monkeypatch.setattr(worker, "FULL_DISK_PAUSE_S", 0.05)
    with training(kb):
        done = ended(kb, job)
    assert done.status == "succeeded", done.error
    assert not obstacle.is_symlink()


def test_what_cannot_be_asked_for(kb):
    with pytest.raises(Rejected, match=r"`model`: 'huge'.*tiny"):
        asked(kb, model="huge")
    with pytest.raises(Rejected, match="`model`"):
        asked(kb, model="../bases/tiny")
    with pytest.raises(Rejected, match="`backend`: 'cloud'"):
        asked(kb, backend="cloud")
    with pytest.raises(Rejected, match="`suffix`"):
        asked(kb, suffix="a:b")
    with pytest.raises(Rejected, match="purpose 'assistants'"):
        asked(kb, training_file=stored(kb, [row("a")], "assistants"))
    with pytest.raises(NotFound):
        asked(kb, training_file="file_none")


def test_a_deleted_job_leaves_nothing_behind(kb):
    job = asked(kb)
    with training(kb):
        done = ended(kb, job)
    service.delete(kb, ADMIN, job.id)
    assert not (kb.folder.tuning / job.id).exists()
    with pytest.raises(NotFound):
        kb.database.reading(files.get, ADMIN, done.result_files[0])
    with pytest.raises(NotFound):
        kb.database.reading(tuned_models.get, ADMIN, done.fine_tuned_model)
    assert kb.database.reading(jobs.page, ADMIN, PageRequest()).data == ()
