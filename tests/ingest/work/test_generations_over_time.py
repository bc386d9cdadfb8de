"""Generations over time: restarts, trouble, changed embedders, and what goes in the end."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import text

from ingest.sandbox.reader_process import ReaderPool
from ingest.work.reindexing import Reindexer
from kb.errors import Conflict, Rejected, Unavailable
from kb.models.embed.hash_embedder import HashEmbedder
from kb.opening.opening import open_kb
from kb.settings import EmbeddingSettings, Settings
from kb.store.content import pages
from kb.types import Processing, Retrieval, SplitOptions
from tests.ingest.work.reindexing_parts import (
    FILES,
    SMALL,
    OtherEmbedder,
    await_built,
    build,
    clean,
    found,
    generations_of,
    names,
)
from tests.parts import ADMIN, document, ingest, working


def test_building_goes_on_after_a_restart(settings: Settings):
    first = open_kb(settings)
    dataset = first.create_dataset(ADMIN, "d").id
    ingest(first, dataset, FILES)
    first.reindexing.begin(ADMIN, dataset, processing=SMALL)
    first.close()

    second = open_kb(settings)
    assert generations_of(found(second, dataset, "moon")) == {"1"}
    build(second, dataset)
    second.reindexing.switch(ADMIN, dataset, 2)
    clean(second)
    second.close()


@pytest.mark.one_folder
def test_a_removed_generation_leaves_nothing_and_its_number_is_not_used_again(
    kb, dataset_id, other
):
    ingest(kb, dataset_id, FILES)
    kb.reindexing.begin(ADMIN, dataset_id, processing=SMALL, model=other)
    build(kb, dataset_id)
    with pytest.raises(Conflict, match="answers"):
        kb.reindexing.remove(ADMIN, dataset_id, 1)
    kb.reindexing.remove(ADMIN, dataset_id, 2)
    kb.applier.drain()

    assert not (kb.folder.index / dataset_id / "g2").exists()
    with kb.database.read() as tx:
        left = tx.execute(text("SELECT count(*) FROM embeddings WHERE embedder = 'other@64'"))
        assert left.scalar_one() == 0
    clean(kb)
    assert kb.reindexing.begin(ADMIN, dataset_id).number == 3


def test_a_replaced_generation_is_removed_when_its_time_is_over(kb, dataset_id):
    ingest(kb, dataset_id, FILES)
    kb.reindexing.begin(ADMIN, dataset_id)
    build(kb, dataset_id)
    kb.reindexing.switch(ADMIN, dataset_id, 2)
    kb.reindexing.remove_expired(3600)
    assert len(kb.reindexing.every(ADMIN, dataset_id)) == 2
    kb.reindexing.remove_expired(-1)
    ((left, _),) = kb.reindexing.every(ADMIN, dataset_id)
    assert (left.number, left.status) == (2, "live")
    kb.applier.drain()
    clean(kb)


def test_a_document_stored_without_its_layout_is_read_again(kb, dataset_id):
    ids = ingest(kb, dataset_id, FILES)
    with kb.database.read() as tx:
        layout = pages.with_layout(tx, ids["rows.csv"], 1)[1]
    assert layout
    with kb.database.write() as tx:
        tx.execute(text("DELETE FROM layouts"))
    rows = Processing(split=SplitOptions(rows=True))
    kb.reindexing.begin(ADMIN, dataset_id, processing=rows)
    build(kb, dataset_id)
    kb.reindexing.switch(ADMIN, dataset_id, 2)
    assert document(kb, ids["rows.csv"]).chunk_count == 40
    clean(kb)


def test_after_the_setting_changed_a_dataset_is_searched_with_its_own_embedder(
    settings: Settings, monkeypatch
):
    from kb.models.embed import embedders

    first = open_kb(settings)
    dataset = first.create_dataset(ADMIN, "d").id
    ingest(first, dataset, FILES)
    before = found(first, dataset, "moon")
    first.close()

    def open_one(name, **_):
        return OtherEmbedder() if name == "other" else HashEmbedder()

    monkeypatch.setattr("kb.opening.embedder_choice.open_embedder", open_one)
    assert embedders.open_embedder is not open_one
    changed = settings.model_copy(update={"embedding": EmbeddingSettings(model="other")})
    second = open_kb(changed)
    assert found(second, dataset, "moon") == before
    ingest(second, dataset, {"new.md": "Storks nest here."})
    newer = second.create_dataset(ADMIN, "newer").id
    ingest(second, newer, {"owl.md": "Owls sleep by day."})
    both = second.searcher.search(ADMIN, [dataset, newer], "storks owls", Retrieval()).hits
    assert {hit.document_name for hit in both[:2]} == {"new.md", "owl.md"}

    made = second.reindexing.begin(ADMIN, dataset)
    assert (made.embedder, made.model) == ("other@64", "other")
    build(second, dataset)
    second.reindexing.switch(ADMIN, dataset, 2)
    assert "new.md" in names(second, dataset, "storks")
    clean(second)
    second.close()


def test_an_embedder_that_is_not_there_begins_nothing(kb, dataset_id):
    with pytest.raises(Rejected, match="not on this machine"):
        kb.reindexing.begin(ADMIN, dataset_id, model="nobody/has-this")
    assert len(kb.reindexing.every(ADMIN, dataset_id)) == 1


def test_a_generation_whose_model_is_gone_holds_up_no_other(kb, dataset_id, other, caplog):
    second = kb.create_dataset(ADMIN, "second").id
    for each in (dataset_id, second):
        ingest(kb, each, FILES)
    kb.reindexing.begin(ADMIN, dataset_id, model=other)
    kb.reindexing.begin(ADMIN, second, processing=SMALL)
    del kb.embedders._opened[other]

    with working(kb) as worker:
        await_built(kb, worker, second)
    kb.reindexing.switch(ADMIN, second, 2)
    assert kb.reindexing.look(ADMIN, dataset_id, 2)[0].status == "building"
    told = [record for record in caplog.records if "is not built" in record.message]
    assert len(told) == 1  # and not with every look


def test_a_stop_is_not_held_up_by_vectors_that_a_deletion_took(kb, dataset_id, other):
    ingest(kb, dataset_id, FILES)
    kb.reindexing.begin(ADMIN, dataset_id, model=other)
    readers = ReaderPool(timeout_s=30, memory_bytes=2**30, max_characters=10**6)
    reindexer = Reindexer(kb, readers)
    store, was_stopped = reindexer._store, threading.Event()

    def deleted_and_stopped(*load):
        with kb.database.write() as tx:
            tx.execute(text("DELETE FROM embeddings WHERE embedder = 'other@64'"))
        reindexer._stopping.set()
        was_stopped.set()
        return store(*load)

    reindexer._store = deleted_and_stopped
    reindexer.start()
    assert was_stopped.wait(20)
    ended = threading.Thread(target=reindexer.stop, daemon=True)
    ended.start()
    ended.join(20)
    assert not ended.is_alive()
    assert kb.reindexing.look(ADMIN, dataset_id, 2)[1].ready == 0


class BrokenEmbedder(OtherEmbedder):
    """A model whose server is away."""

    fingerprint = "broken@64"

    def embed_documents(self, texts):
        raise Unavailable("The embedding server does not answer.")


def test_a_generation_that_breaks_off_holds_up_no_other(kb, dataset_id):
    kb.embedders._opened["broken"] = BrokenEmbedder()
    second = kb.create_dataset(ADMIN, "e").id
    for dataset in (dataset_id, second):
        ingest(kb, dataset, FILES)
    kb.reindexing.begin(ADMIN, dataset_id, model="broken")
    kb.reindexing.begin(ADMIN, second, processing=SMALL)

    with working(kb) as worker:
        await_built(kb, worker, second)

    assert kb.reindexing.look(ADMIN, dataset_id, 2)[0].status == "building"
