"""Re-indexing beside: the old generation answers until the switch, and nothing is lost."""

from __future__ import annotations

import threading
import time

import pytest
from sqlalchemy import text

from kb.errors import Conflict, GenerationIncomplete, NotFound, Rejected
from kb.knowledge_base import KnowledgeBase, open_kb
from kb.models.hash_embedder import HashEmbedder
from kb.settings import EmbeddingSettings, Settings
from kb.store import chunks, documents, layouts
from kb.store.paging import PageRequest
from kb.types import Processing, Retrieval, SplitOptions
from tests.parts import ADMIN, document, finish, ingest, upload, working

SMALL = Processing(split=SplitOptions(max_tokens=24))
FILES = {
    "moon.md": "# Moon\n\n" + "The moon rises at nine over the harbour. " * 30,
    "tide.md": "# Tide\n\n" + "The tide turns at ten in the harbour. " * 30,
    "rows.csv": "town,height\n" + "".join(f"Town {n},{n * 10}\n" for n in range(40)),
}


class OtherEmbedder(HashEmbedder):
    """Another model: the same words have other vectors."""

    fingerprint = "other@64"

    def embed_documents(self, texts):
        return super().embed_documents(texts)[:, ::-1].copy()

    def embed_query(self, text):
        return super().embed_query(text)[:, ::-1].copy()


@pytest.fixture
def dataset_id(kb: KnowledgeBase) -> str:
    return kb.create_dataset(ADMIN, "d").id


@pytest.fixture
def other(kb: KnowledgeBase) -> str:
    """The name of a second embedder."""
    kb.embedders._opened["other"] = OtherEmbedder()
    return "other"


def build(kb: KnowledgeBase, dataset_id: str, number: int = 2) -> None:
    """Work until a generation is built."""
    with working(kb) as worker:
        deadline = time.monotonic() + 60
        while kb.reindexing.look(ADMIN, dataset_id, number)[0].status == "building":
            worker.notify()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert worker.wait_idle(60)


def found(kb: KnowledgeBase, dataset_id: str, query: str, **options) -> list[str]:
    hits = kb.searcher.search(ADMIN, [dataset_id], query, Retrieval(top_k=20), **options)
    return [hit.chunk.id for hit in hits]


def generations_of(ids: list[str]) -> set[str]:
    return {chunk_id.split(".")[2] for chunk_id in ids}


def names(kb: KnowledgeBase, dataset_id: str, query: str, **options) -> set[str]:
    hits = kb.searcher.search(ADMIN, [dataset_id], query, Retrieval(top_k=20), **options)
    return {hit.document_name for hit in hits}


def clean(kb: KnowledgeBase) -> None:
    report = kb.fsck.run()
    assert report.violations == ()


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
        layout = layouts.of_version(tx, ids["rows.csv"], 1)[1]
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
    from kb.models import embedding

    first = open_kb(settings)
    dataset = first.create_dataset(ADMIN, "d").id
    ingest(first, dataset, FILES)
    before = found(first, dataset, "moon")
    first.close()

    def open_one(name, **_):
        return OtherEmbedder() if name == "other" else HashEmbedder()

    monkeypatch.setattr("kb.knowledge_base.open_embedder", open_one)
    assert embedding.open_embedder is not open_one
    changed = settings.model_copy(update={"embedding": EmbeddingSettings(model="other")})
    second = open_kb(changed)
    assert found(second, dataset, "moon") == before
    ingest(second, dataset, {"new.md": "Storks nest here."})
    newer = second.create_dataset(ADMIN, "newer").id
    ingest(second, newer, {"owl.md": "Owls sleep by day."})
    both = second.searcher.search(ADMIN, [dataset, newer], "storks owls", Retrieval())
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
