"""Searching: only what SQL says is live is ever returned, however far the indexes are behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from sqlalchemy import text

from kb.errors import EmbedderMismatch, ModelUnavailable, NotFound, Overloaded
from kb.knowledge_base import KnowledgeBase
from kb.models.embed.embedders import Embedders
from kb.protocols import IndexKey
from kb.search.fallback import NearestTexts
from kb.search.searching import Searcher
from kb.store.content import texts
from kb.store.work import deletion
from kb.types import Retrieval, Scope
from tests.kb.search.found import FILES, named, names
from tests.parts import ADMIN, ingest, opened

MODES = ("hybrid", "vector", "keyword")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    """A knowledge base for the tests that only read; the others take `kb`."""
    with opened(tmp_path_factory.mktemp("library") / "data") as kb:
        kb.create_dataset(ADMIN, "empty")
        ingest(kb, kb.create_dataset(ADMIN, "d").id, FILES)
        yield kb


def haunt(kb: KnowledgeBase, dataset_id: str, query: str, count: int) -> None:
    """Fill both indexes with chunks that SQL does not know and that fit the query best."""
    key = IndexKey(dataset_id, 1)
    ghosts = [f"doc_ghost{n}.1.1.0" for n in range(count)]
    vector = kb.embedder.embed_query(query)
    kb.vectors.add(key, ghosts, np.repeat(vector, count, axis=0))
    kb.keywords.upsert(key, [(ghost, query) for ghost in ghosts])


@pytest.mark.parametrize("mode", MODES)
def test_the_best_passage_comes_first_and_says_how_it_was_found(library, mode):
    dataset_id = named(library, "d")
    retrieval = Retrieval(mode=mode)
    best, *_ = library.searcher.search(ADMIN, [dataset_id], "moon over Ostrava", retrieval).hits

    assert best.document_name == "moon.md"
    assert best.dataset_id == dataset_id
    assert 0 < best.score <= 1
    assert (best.why["vector_rank"] is None) == (mode == "keyword")
    assert (best.why["keyword_rank"] is None) == (mode == "vector")


def test_a_deleted_document_is_not_returned_even_while_the_indexes_still_hold_it(kb):
    dataset_id = named(kb, "d")
    ids = ingest(kb, dataset_id, FILES)
    kb.applier.stop()
    gone = kb.database.reading(texts.of_chunks, [f"{ids['moon.md']}.1.1.0"])
    kb.database.writing(deletion.delete_document, ADMIN, ids["moon.md"])

    assert kb.vectors.ids(IndexKey(dataset_id, 1)) >= set(gone.values())
    if not kb.settings.is_cluster:  # there each process's copy of the words follows by itself
        assert kb.keywords.ids(IndexKey(dataset_id, 1)) >= set(gone)
    for mode in MODES:
        assert "moon.md" not in names(kb, [dataset_id], "moon over Ostrava", mode=mode)


@pytest.mark.one_folder
def test_dead_chunks_do_not_take_the_places_of_living_ones(kb):
    dataset_id = named(kb, "d")
    ingest(kb, dataset_id, FILES)
    haunt(kb, dataset_id, "moon over Ostrava", 3000)
    for mode in MODES:
        assert names(kb, [dataset_id], "moon over Ostrava", mode=mode)[:1] == ["moon.md"]


@pytest.mark.one_folder
def test_dead_chunks_of_one_dataset_do_not_hide_its_living_ones_behind_another(kb):
    haunted, other = named(kb, "haunted"), named(kb, "other")
    ingest(kb, haunted, FILES)
    ingest(kb, other, {f"{n}.md": f"The mill number {n} over there is at rest." for n in range(60)})
    haunt(kb, haunted, "moon over Ostrava", 100)
    for mode in MODES:
        assert names(kb, [haunted, other], "moon over Ostrava", mode=mode)[0] == "moon.md"


def test_several_datasets_are_ranked_together_and_each_is_searched_once(kb):
    one, other = named(kb, "one"), named(kb, "other")
    ingest(kb, one, {"a.md": "Apples are red."})
    ingest(kb, other, {"b.md": "Pears are green."})
    assert sorted(names(kb, [one, other, one], "apples pears")) == ["a.md", "b.md"]


@pytest.mark.parametrize("query", ["", "   \n\t", "\u3000"])
def test_an_empty_question_finds_nothing(library, query):
    assert names(library, [named(library, "d")], query) == []


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("query", ["?!…", "\0", "AND OR NOT (", '"', "🌙" * 50, "x" * 20_000])
def test_any_text_can_be_searched_for(library, query, mode):
    assert len(names(library, [named(library, "d")], query, mode=mode)) <= len(FILES)


@pytest.mark.parametrize("top_k", [0, -1, -100])
def test_no_hits_are_returned_if_none_are_wanted(library, top_k):
    assert names(library, [named(library, "d")], "moon", top_k=top_k) == []


@pytest.mark.parametrize("mode", MODES)
def test_more_may_be_wanted_than_there_is(library, mode):
    query = "The moon the sun a cold wind"
    found = names(library, [named(library, "d")], query, top_k=1_000_000, mode=mode)
    assert sorted(found) == sorted(FILES)


def test_an_empty_dataset_and_no_dataset_find_nothing(library):
    assert names(library, [named(library, "empty")], "moon") == []
    assert names(library, [], "moon") == []


def test_a_score_can_be_demanded(library):
    found = names(library, [named(library, "d")], "moon over Ostrava", min_score=0.99)
    assert found == ["moon.md"]


def test_an_absent_dataset_and_somebody_elses_answer_alike(library):
    stranger = Scope(frozenset({"search"}), datasets=frozenset({"ds_mine"}))
    for scope, wanted in ((ADMIN, "ds_absent"), (stranger, named(library, "d"))):
        with pytest.raises(NotFound) as refused:
            library.searcher.search(scope, [wanted], "moon", Retrieval())
        assert refused.value.detail == f"No dataset {wanted!r} can be seen with this key."


def test_vectors_of_another_embedder_are_refused_and_words_still_found(kb):
    dataset_id = named(kb, "d")
    ingest(kb, dataset_id, FILES)
    with kb.database.write() as tx:
        tx.execute(text("UPDATE datasets SET embedder = 'other@1'"))

    for mode in ("hybrid", "vector"):
        with pytest.raises(EmbedderMismatch, match="other@1"):
            names(kb, [dataset_id], "moon", mode=mode)
    assert names(kb, [dataset_id], "moon", mode="keyword") == ["moon.md"]


def test_a_search_that_finds_too_many_waiting_is_refused_at_once(library):
    inside, go_on = threading.Event(), threading.Event()

    class SlowEmbedder(type(library.embedder)):
        def embed_query(self, text):
            inside.set()
            assert go_on.wait(30)
            return super().embed_query(text)

    searcher = Searcher(
        library.database,
        Embedders("slow", lambda _name: SlowEmbedder()),
        library.vectors,
        library.keywords,
        candidates=40,
        threads=1,
        max_waiting=1,
    )
    wanted = [named(library, "d")]
    refused = []

    def search() -> None:
        try:
            searcher.search(ADMIN, wanted, "moon", Retrieval())
        except Overloaded as exc:
            refused.append(exc)

    searches = [threading.Thread(target=search) for _ in range(3)]
    for thread in searches:
        thread.start()
    assert inside.wait(30)
    deadline = time.monotonic() + 30
    while not refused and time.monotonic() < deadline:
        time.sleep(0.01)
    go_on.set()
    for thread in searches:
        thread.join()
    assert len(refused) == 1
    search()
    assert len(refused) == 1


@pytest.mark.one_folder
def test_no_transaction_is_left_open(library):
    names(library, [named(library, "d")], "moon")
    library.applier.stop()
    assert library.database.open_transactions() == 0


class BackwardsReranker:
    """Thinks most of what is worst, or fails."""

    def __init__(self, fails: bool = False) -> None:
        self.fails = fails
        self.seen = 0

    def relevance(self, query: str, texts: Sequence[str]) -> list[float]:
        self.seen = len(texts)
        if self.fails:
            raise ModelUnavailable("The reranker cannot be reached at its address.")
        return [1.0 if "north" in text else 0.1 for text in texts]


def with_reranker(kb: KnowledgeBase, reranker: BackwardsReranker) -> Searcher:
    return Searcher(
        kb.database,
        kb.embedders,
        NearestTexts(kb.vectors, kb.database),
        kb.keywords,
        candidates=40,
        threads=1,
        max_waiting=1,
        reranker=reranker,
    )


def test_a_reranking_model_decides_the_order_where_it_is_wanted(library):
    reranker = BackwardsReranker()
    searcher = with_reranker(library, reranker)
    asked = (ADMIN, [named(library, "d")], "moon over Ostrava")

    assert searcher.search(*asked, Retrieval()).hits[0].document_name == "wind.md"
    assert searcher.search(*asked, Retrieval()).hits[0].score == 1.0
    assert searcher.search(*asked, Retrieval(rerank=False)).hits[0].document_name == "moon.md"


def test_a_search_goes_on_when_the_reranking_model_fails(library):
    searcher = with_reranker(library, BackwardsReranker(fails=True))
    found = searcher.search(ADMIN, [named(library, "d")], "moon over Ostrava", Retrieval()).hits
    assert found[0].document_name == "moon.md"
