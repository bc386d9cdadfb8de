"""Deleting erases: out of every answer at once, and soon out of every file of the data folder."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pytest
from sqlalchemy import Connection, text, update

from kb.errors import NotFound
from kb.knowledge_base import KnowledgeBase
from kb.opening.opening import open_kb
from kb.settings import Settings
from kb.store.content import embeddings
from kb.store.engine import schema
from kb.store.engine.sqlite import SqliteDatabase
from kb.store.upkeep import erasures
from kb.types import Processing, Retrieval, Scope, SplitOptions
from kb.upkeep.erasing import Pass
from tests.parts import (
    ADMIN,
    ask,
    finish,
    ingest,
    leave_uncleanly,
    publish,
    upload,
    working,
)

pytestmark = pytest.mark.one_folder  # on the second kit: tests/cluster/test_erasing_there.py

SECRET = "Zanzibar kumquat protocol seven opens the northern vault on Thursday"
OTHERS = {f"other{n}.md": f"Report {n}: the harbour is calm and the moon rises." for n in range(12)}


@pytest.fixture
def dataset_id(kb: KnowledgeBase) -> str:
    return kb.create_dataset(ADMIN, "d").id


def files_with(root: Path, *pieces: bytes) -> list[str]:
    """The files of a data folder in which any of some bytes stand."""
    return [
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.is_file() and any(piece in path.read_bytes() for piece in pieces)
    ]


def traces(words: str) -> list[bytes]:
    return [words.encode(), words.encode("utf-16-le"), words.encode("utf-16-be")]


def vectors_of(kb: KnowledgeBase, document_id: str) -> list[bytes]:
    with kb.database.read() as tx:
        query = "SELECT id FROM chunks WHERE document_id = :id"
        ids = [row.id for row in tx.execute(text(query), {"id": document_id})]
        found = embeddings.of_chunks(tx, kb.embedder.fingerprint, ids)
    assert found
    return [vector.tobytes() for vector in found.values()]


def test_a_deleted_document_is_in_no_file_and_the_receipt_says_what_was_checked(kb, dataset_id):
    long = "\n\n".join(f"Part {n}. {SECRET}, said by witness {n}." for n in range(60))
    ids = ingest(kb, dataset_id, {**OTHERS, "secret.md": long})
    lost = [*traces(SECRET), *vectors_of(kb, ids["secret.md"])]
    assert {"kb.db-wal"} < set(files_with(kb.folder.root, *lost))

    kb.delete_document(ADMIN, ids["secret.md"])
    hits = kb.searcher.search(ADMIN, [dataset_id], SECRET, Retrieval(top_k=50)).hits
    assert "secret.md" not in {hit.document_name for hit in hits}
    waiting = kb.erasing.receipt(ADMIN, ids["secret.md"])
    assert (waiting.erased_at, waiting.checks) == (None, None)

    done = kb.erasing.run()
    assert (done.erased, done.pending) == (1, 0)
    assert files_with(kb.folder.root, *lost) == []
    receipt = kb.erasing.receipt(ADMIN, ids["secret.md"])
    assert receipt.erased_at >= receipt.deleted_at
    checks = {check["what"]: check for check in receipt.checks}
    assert checks["rows"]["left"] == checks["originals"]["left"] == checks["bytes"]["left"] == 0
    assert checks["database"]["compacted"]
    assert checks["indexes"]["renewed"] == 1
    assert checks["bytes"]["samples"] > 1
    assert receipt.samples is None
    hits = kb.searcher.search(ADMIN, [dataset_id], "harbour moon report", Retrieval(top_k=50)).hits
    assert len(hits) == len(OTHERS)
    assert kb.fsck.run().violations == ()


def test_every_generation_is_erased(kb, dataset_id):
    ids = ingest(kb, dataset_id, {**OTHERS, "secret.md": SECRET})
    kb.reindexing.begin(ADMIN, dataset_id, processing=Processing(split=SplitOptions(max_tokens=16)))
    finish(kb)
    assert (kb.folder.index / dataset_id / "g2").is_dir()
    lost = [*traces(SECRET), *vectors_of(kb, ids["secret.md"])]
    kb.delete_document(ADMIN, ids["secret.md"])
    assert kb.erasing.run().erased == 1
    assert files_with(kb.folder.root, *lost) == []
    assert kb.fsck.run().violations == ()


def test_a_deleted_dataset_is_erased(kb, dataset_id):
    ids = ingest(kb, dataset_id, {"secret.md": SECRET, "other.md": f"{SECRET} once more"})
    lost = [*traces(SECRET), *vectors_of(kb, ids["secret.md"])]
    kb.delete_dataset(ADMIN, dataset_id)
    assert kb.erasing.run().erased == 2
    assert files_with(kb.folder.root, *lost) == []
    assert [path for path in kb.folder.index.rglob("*") if path.is_file()] == []


def test_an_index_goes_with_what_a_dead_process_left_beside_it(kb, dataset_id):
    ingest(kb, dataset_id, {**OTHERS, "secret.md": SECRET})
    made = kb.folder.index / dataset_id / "g1"
    for name in ("vectors.new", "keywords.new"):  # as a kill in the middle of a pass leaves them
        (made / name).mkdir()
        (made / name / "segment").write_text(SECRET)
    kb.delete_dataset(ADMIN, dataset_id)
    assert kb.erasing.run().pending == 0
    assert files_with(kb.folder.root, *traces(SECRET)) == []
    assert not made.exists()


def test_the_time_set_is_kept_without_a_call(settings: Settings):
    soon = settings.maintenance.model_copy(update={"erase_after_s": 0.0})
    kb = open_kb(settings.model_copy(update={"maintenance": soon}))
    ids = ingest(kb, kb.create_dataset(ADMIN, "d").id, {**OTHERS, "secret.md": SECRET})
    kb.delete_document(ADMIN, ids["secret.md"])
    while kb.database.reading(erasures.count_pending):
        time.sleep(0.01)
    assert files_with(kb.folder.root, *traces(SECRET)) == []
    kb.close()


@pytest.mark.parametrize("was_in_work", [False, True])
def test_a_deletion_dated_in_the_future_is_erased_without_being_asked(settings, was_in_work: bool):
    first = open_kb(settings)
    ids = ingest(first, first.create_dataset(ADMIN, "d").id, {**OTHERS, "secret.md": SECRET})
    first.delete_document(ADMIN, ids["secret.md"])
    ahead = {"deleted_at": "2999-01-01T00:00:00.000Z"}
    if was_in_work:
        ahead["not_before"] = time.time() + 10 * 365 * 86_400
    first.database.writing(Connection.execute, update(schema.erasures).values(**ahead))
    first.close()

    kb = open_kb(settings)  # nobody asks: erasing finds by itself that it is due
    deadline = time.monotonic() + 120
    while kb.database.reading(erasures.count_pending):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert files_with(kb.folder.root, *traces(SECRET)) == []
    assert kb.erasing.receipt(ADMIN, ids["secret.md"]).erased_at
    kb.close()


def test_what_is_pending_is_erased_after_a_restart(settings: Settings):
    first = open_kb(settings)
    ids = ingest(first, first.create_dataset(ADMIN, "d").id, {**OTHERS, "secret.md": SECRET})
    first.delete_document(ADMIN, ids["secret.md"])
    leave_uncleanly(first)
    second = open_kb(settings)
    second.repairing.settle()
    assert second.erasing.run() == Pass(erased=1, pending=0)
    assert files_with(second.folder.root, *traces(SECRET)) == []
    assert second.fsck.run().violations == ()
    second.close()


def test_a_pass_that_dies_between_its_steps_is_done_again(kb, dataset_id):
    ids = ingest(kb, dataset_id, {**OTHERS, "secret.md": SECRET})
    kb.delete_document(ADMIN, ids["secret.md"])

    rebuilding = ("keywords.rebuild_beside", "vectors.rebuild_beside")
    for step in (*rebuilding, "database.compact", "database.writing"):
        with pytest.MonkeyPatch.context() as patch:
            owner, name = step.split(".")
            patch.setattr(type(getattr(kb, owner)), name, _die)
            with pytest.raises(KeyboardInterrupt):
                kb.erasing.run()
        assert kb.erasing.receipt(ADMIN, ids["secret.md"]).erased_at is None
        hits = kb.searcher.search(ADMIN, [dataset_id], "harbour moon", Retrieval(top_k=50)).hits
        assert len(hits) == len(OTHERS), step
    assert kb.erasing.run().erased == 1
    assert files_with(kb.folder.root, *traces(SECRET)) == []
    assert kb.fsck.run().violations == ()


def _die(*_args, **_kwargs):
    raise KeyboardInterrupt


def test_words_that_others_share_stay_theirs_and_are_named(kb, dataset_id):
    ids = ingest(kb, dataset_id, {"a.md": f"Annex A. {SECRET}.", "b.md": f"Annex B. {SECRET}."})
    kb.delete_document(ADMIN, ids["a.md"])
    assert kb.erasing.run().erased == 1
    (check,) = [c for c in kb.erasing.receipt(ADMIN, ids["a.md"]).checks if c["what"] == "bytes"]
    assert check["left"] == 0
    assert "pages" in check["repeated_in"]
    hits = kb.searcher.search(ADMIN, [dataset_id], SECRET, Retrieval()).hits
    assert [hit.document_name for hit in hits] == ["b.md"]


def test_a_document_that_is_deleted_while_it_is_indexed_waits_for_its_worker(kb, dataset_id):
    accepted = upload(kb, dataset_id, {"secret.md": SECRET}).accepted
    kb.delete_document(ADMIN, accepted[0].id)
    assert kb.erasing.run() == Pass(erased=0, pending=1)
    with kb.database.write() as tx:
        tx.execute(text("UPDATE erasures SET not_before = 1"))
    assert kb.erasing.run().erased == 1
    assert files_with(kb.folder.root, *traces(SECRET)) == []


def test_answers_that_quoted_it_lose_the_quote_and_keep_their_place(kb, dataset_id):
    ids = ingest(
        kb,
        dataset_id,
        {
            "secret.md": f"# Quince orchard accord\n\n{SECRET}. It was decided in spring.",
            "other.md": "The moon rises.",
        },
    )
    publish(kb, "desk", dataset_ids=(dataset_id,))
    events = ask(kb, "desk", "What opens the northern vault on Thursday?")
    assert SECRET in json.dumps([repr(event) for event in events])
    kb.delete_document(ADMIN, ids["secret.md"])
    assert kb.erasing.run().erased == 1
    assert files_with(kb.folder.root, *traces(SECRET), *traces("Quince orchard accord")) == []
    with kb.database.read() as tx:
        row = tx.execute(text("SELECT answer, sources FROM messages")).one()
    assert "\u2588" in row.answer
    assert row.answer.endswith(" [1]")
    assert "northern" not in row.answer
    gone = [s for s in json.loads(row.sources) if s["document_id"] == ids["secret.md"]]
    assert gone
    assert all(source["text"] == "" for source in gone)


def test_a_receipt_is_only_for_who_may_see_the_dataset(kb, dataset_id):
    ids = ingest(kb, dataset_id, {"secret.md": SECRET})
    kb.delete_document(ADMIN, ids["secret.md"])
    stranger = Scope(frozenset({"ingest"}), datasets=frozenset({"ds_other"}))
    for scope, name in ((stranger, ids["secret.md"]), (ADMIN, "doc_absent")):
        with pytest.raises(NotFound):
            kb.erasing.receipt(scope, name)


def test_secure_deletion_alone_would_not_do(tmp_path: Path):
    """Why the database is written anew: SQLite leaves copies of rows that it moves."""
    database = SqliteDatabase(tmp_path / "kb.db")
    dice = random.Random(7)
    with database.write() as tx:
        tx.execute(text("CREATE TABLE notes (id TEXT PRIMARY KEY, body TEXT)"))
    for n in range(300):
        with database.write() as tx:
            body = " ".join(f"mark{n}x" for _ in range(dice.randint(5, 300)))
            key = f"{dice.randrange(16**8):08x}"
            tx.execute(text("INSERT INTO notes VALUES (:key, :body)"), {"key": key, "body": body})
    with database.write() as tx:
        tx.execute(text("DELETE FROM notes"))
    assert database.compact()
    assert database.compact()
    assert files_with(tmp_path, b"x mark") == []
    database.close()


def test_nothing_is_pending_while_a_worker_goes_on(kb, dataset_id):
    ids = ingest(kb, dataset_id, OTHERS)
    with working(kb) as worker:
        upload(kb, dataset_id, {f"new{n}.md": f"Storks nest {n}." for n in range(8)})
        for name in list(ids)[:4]:
            kb.delete_document(ADMIN, ids[name])
            kb.erasing.run()
        assert worker.wait_idle(60)
    hits = kb.searcher.search(ADMIN, [dataset_id], "storks harbour", Retrieval(top_k=100)).hits
    assert len(hits) == 16
    assert kb.fsck.run().violations == ()


def test_what_was_deleted_before_the_clock_was_set_back_is_erased(kb, dataset_id):
    ids = ingest(kb, dataset_id, {"secret.md": SECRET})
    kb.delete_document(ADMIN, ids["secret.md"])
    with kb.database.write() as tx:
        tx.execute(text("UPDATE erasures SET not_before = :late"), {"late": time.time() + 86_400})
    assert kb.erasing.run().pending == 0  # its own loop, for which it is due as well, may be first
    assert files_with(kb.settings.data_dir, SECRET.encode()[:40]) == []
