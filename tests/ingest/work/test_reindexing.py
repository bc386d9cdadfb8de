"""Re-indexing beside: the old generation answers until the switch, and nothing is lost."""

from __future__ import annotations

import threading

import pytest

from kb.errors import Conflict, GenerationIncomplete, NotFound
from kb.store.content import chunks, documents
from kb.store.engine.paging import PageRequest
from kb.types import Processing
from tests.ingest.work.reindexing_parts import (
    FILES,
    SMALL,
    build,
    clean,
    found,
    generations_of,
    names,
)
from tests.parts import ADMIN, document, finish, ingest, upload


def test_a_generation_is_built_from_stored_pages_while_the_old_one_answers(kb, dataset_id):
    ids = ingest(kb, dataset_id, FILES)
    before = found(kb, dataset_id, "moon harbour")
    for path in kb.originals._root.glob("??/*"):
        path.write_bytes(b"no reader may look at this")

    made = kb.reindexing.begin(ADMIN, dataset_id, processing=SMALL)
    assert (made.number, made.status) == (2, "building")
    assert found(kb, dataset_id, "moon harbour") == before
    build(kb, dataset_id)

    live, ready = kb.reindexing.every(ADMIN, dataset_id)
    assert (live[0].status, ready[0].status) == ("live", "ready")
    assert ready[1].chunks > live[1].chunks
    assert (ready[1].documents, ready[1].ready, ready[1].failed) == (3, 3, 0)
    assert found(kb, dataset_id, "moon harbour") == before
    assert document(kb, ids["moon.md"]).chunk_count < ready[1].chunks


def test_a_rebuilt_generation_equals_one_that_was_read_that_way(kb, dataset_id):
    ingest(kb, dataset_id, FILES)
    kb.reindexing.begin(ADMIN, dataset_id, processing=SMALL)
    build(kb, dataset_id)
    kb.reindexing.switch(ADMIN, dataset_id, 2)
    direct = kb.create_dataset(ADMIN, "direct", processing=SMALL).id
    ingest(kb, direct, FILES)

    def contents(dataset: str) -> list[str]:
        with kb.database.read() as tx:
            return sorted(row[1] for row in chunks.live_of_dataset(tx, dataset))

    assert contents(dataset_id) == contents(direct)
    own, others = (
        {d.name: d for d in kb.database.reading(documents.page, ADMIN, name, PageRequest()).data}
        for name in (dataset_id, direct)
    )
    for name in FILES:
        assert own[name].chunk_count == others[name].chunk_count
        assert own[name].receipt["balance"] == others[name].receipt["balance"]
    clean(kb)


def test_a_switch_changes_every_search_at_once_and_a_rollback_takes_it_back(kb, dataset_id, other):
    ids = ingest(kb, dataset_id, FILES)
    before = found(kb, dataset_id, "moon harbour")
    receipt = document(kb, ids["moon.md"]).receipt
    kb.reindexing.begin(ADMIN, dataset_id, processing=SMALL, model=other)
    build(kb, dataset_id)

    switched = kb.reindexing.switch(ADMIN, dataset_id, 2)
    assert (switched.generation, switched.embedder) == (2, "other@64")
    assert switched.processing == SMALL
    assert generations_of(found(kb, dataset_id, "moon harbour")) == {"2"}
    assert document(kb, ids["moon.md"]).receipt != receipt
    clean(kb)

    back = kb.reindexing.roll_back(ADMIN, dataset_id)
    assert (back.generation, back.embedder) == (1, "hash@64")
    assert found(kb, dataset_id, "moon harbour") == before
    assert document(kb, ids["moon.md"]).receipt == receipt
    clean(kb)


def test_searches_see_wholly_the_old_or_wholly_the_new_generation(kb, dataset_id):
    ingest(kb, dataset_id, FILES)
    kb.reindexing.begin(ADMIN, dataset_id, processing=SMALL)
    build(kb, dataset_id)
    stop, seen = threading.Event(), []

    def search() -> None:
        while not stop.is_set():
            seen.append(generations_of(found(kb, dataset_id, "moon harbour tide")))

    searching = threading.Thread(target=search)
    searching.start()
    for number in (2, 1, 2, 1, 2):
        kb.reindexing.switch(ADMIN, dataset_id, number)
    stop.set()
    searching.join()
    assert seen
    assert all(len(each) == 1 for each in seen), seen


def test_both_generations_can_be_searched_before_the_switch(kb, dataset_id):
    ingest(kb, dataset_id, FILES)
    kb.reindexing.begin(ADMIN, dataset_id, processing=SMALL)
    build(kb, dataset_id)
    assert generations_of(found(kb, dataset_id, "tide")) == {"1"}
    assert generations_of(found(kb, dataset_id, "tide", generation=2)) == {"2"}
    with pytest.raises(NotFound, match="generation"):
        found(kb, dataset_id, "tide", generation=3)


def test_what_is_uploaded_replaced_or_deleted_meanwhile_lands_in_both(kb, dataset_id):
    ids = ingest(kb, dataset_id, FILES)
    kb.reindexing.begin(ADMIN, dataset_id, processing=SMALL)
    build(kb, dataset_id)
    kb.delete_document(ADMIN, ids["tide.md"])
    ingest(kb, dataset_id, {"moon.md": "A comet instead of it.", "new.md": "Storks nest here."})

    for options in ({}, {"generation": 2}):
        everything = names(kb, dataset_id, "comet storks tide moon town", **options)
        assert everything == {"moon.md", "new.md", "rows.csv"}
    clean(kb)
    kb.reindexing.switch(ADMIN, dataset_id, 2)
    ingest(kb, dataset_id, {"later.md": "Herons came after the switch."})
    kb.reindexing.roll_back(ADMIN, dataset_id)
    assert "later.md" in names(kb, dataset_id, "herons")
    clean(kb)


def test_a_generation_that_lacks_something_is_not_switched_to(kb, dataset_id):
    ingest(kb, dataset_id, FILES)
    kb.reindexing.begin(ADMIN, dataset_id, processing=SMALL)
    with pytest.raises(GenerationIncomplete, match="3 documents are left"):
        kb.reindexing.switch(ADMIN, dataset_id, 2)
    with pytest.raises(Conflict, match="building already"):
        kb.reindexing.begin(ADMIN, dataset_id)
    with pytest.raises(Conflict, match="no generation to go back to"):
        kb.reindexing.roll_back(ADMIN, dataset_id)


def test_a_document_that_fails_in_the_new_generation_keeps_answering_in_the_old(kb, dataset_id):
    ids = ingest(kb, dataset_id, FILES)
    greedy = Processing(custom_regex=("The moon rises at nine over the harbour.",))
    kb.reindexing.begin(ADMIN, dataset_id, processing=greedy)
    build(kb, dataset_id)

    counts = kb.reindexing.look(ADMIN, dataset_id, 2)[1]
    assert (counts.ready, counts.failed) == (2, 1)
    ((_, name, error),) = kb.reindexing.failures(ADMIN, dataset_id, 2)
    assert (name, error.code) == ("moon.md", "cleaned_too_much")
    assert document(kb, ids["moon.md"]).status == "ready"

    kb.reindexing.switch(ADMIN, dataset_id, 2)
    failed = document(kb, ids["moon.md"])
    assert (failed.status, failed.error.code) == ("failed", "cleaned_too_much")
    clean(kb)
    kb.reindexing.roll_back(ADMIN, dataset_id)
    assert document(kb, ids["moon.md"]).status == "ready"
    clean(kb)


def test_a_document_prepared_before_a_switch_is_indexed_for_the_generation_after_it(kb, dataset_id):
    ingest(kb, dataset_id, FILES)
    kb.reindexing.begin(ADMIN, dataset_id, processing=SMALL)
    build(kb, dataset_id)
    upload(kb, dataset_id, {"late.md": "Storks nest on the tower."})
    embed, switched = type(kb.embedder).embed_documents, threading.Event()

    def switch_first(self, texts):
        if not switched.is_set() and any("Storks" in each for each in texts):
            switched.set()
            kb.reindexing.switch(ADMIN, dataset_id, 2)
        return embed(self, texts)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(kb.embedder), "embed_documents", switch_first)
        finish(kb)
    assert switched.is_set()
    assert generations_of(found(kb, dataset_id, "storks")) >= {"2"}
    assert "late.md" in names(kb, dataset_id, "storks tower")
    clean(kb)
