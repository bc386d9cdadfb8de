"""From a fused ranking to hits."""

from kb.protocols import Frequencies
from kb.search.arranging import READ_AGAIN, Known, arranged
from kb.search.joining import Reading
from kb.types import Retrieval
from tests.kb.search.ranks import ranked

NOWHERE = Reading(lambda places: {}, lambda ids: {})


def known(query: str) -> Known:
    return Known(query, 1.0, Frequencies(), {}, NOWHERE)


def test_what_was_not_read_again_may_come_first_by_the_support_of_its_document():
    alone = [ranked("other words", 0.5, document=f"d{n:02d}") for n in range(READ_AGAIN)]
    together = [ranked("more words", 0.49, document="many", index=2 * n) for n in range(9)]
    hits, _ = arranged([*alone, *together], known("moon"), Retrieval(top_k=3))
    assert {hit.found.chunk.document_id for hit in hits} == {"many"}


def test_words_that_stand_together_bring_a_candidate_before_one_that_has_them_apart():
    apart = ranked(f"moon {'x ' * 60} rises", 0.5, document="apart")
    near = ranked(f"moon rises {'x ' * 60}", 0.49, document="near")
    hits, _ = arranged([apart, near], known("moon rises"), Retrieval(fold=False))
    assert [hit.found.chunk.document_id for hit in hits] == ["near", "apart"]


def test_searching_by_meaning_alone_leaves_the_order_as_it_is():
    apart = ranked("nothing of it", 0.5, document="far")
    near = ranked("moon rises", 0.49, document="near")
    hits, _ = arranged([apart, near], known("moon rises"), Retrieval(mode="vector"))
    assert [hit.found.chunk.document_id for hit in hits] == ["far", "near"]


def test_no_candidates_are_no_hits():
    assert arranged([], known("moon"), Retrieval()) == ([], [])
