"""From a fused ranking to hits."""

from kb.protocols import Frequencies
from kb.search.ranking import RERANKED, QueryContext, RankedChunk, cut, rerank
from kb.types import Retrieval
from tests.kb.search.ranks import ranked


def best(candidates: list[RankedChunk], query: str, retrieval: Retrieval) -> list[str]:
    """The documents of the hits."""
    order, _ = rerank(candidates, QueryContext(query, 1.0, Frequencies()), retrieval)
    hits, _ = cut(order, retrieval)
    return [hit.found.chunk.document_id for hit in hits]


def test_what_was_not_reranked_may_come_first_by_the_support_of_its_document():
    alone = [ranked("other words", 0.5, document=f"d{n:02d}") for n in range(RERANKED)]
    together = [ranked("more words", 0.49, document="many", index=2 * n) for n in range(9)]
    assert set(best([*alone, *together], "moon", Retrieval(top_k=3))) == {"many"}


def test_words_that_stand_together_bring_a_candidate_before_one_that_has_them_apart():
    apart = ranked(f"moon {'x ' * 60} rises", 0.5, document="apart")
    near = ranked(f"moon rises {'x ' * 60}", 0.49, document="near")
    assert best([apart, near], "moon rises", Retrieval(deduplicate=False)) == ["near", "apart"]


def test_searching_by_meaning_alone_leaves_the_order_as_it_is():
    apart = ranked("nothing of it", 0.5, document="far")
    near = ranked("moon rises", 0.49, document="near")
    assert best([apart, near], "moon rises", Retrieval(mode="vector")) == ["far", "near"]


def test_no_candidates_are_no_hits():
    assert best([], "moon", Retrieval()) == []
