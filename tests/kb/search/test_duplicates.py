"""Passages that say the same are one hit."""

from kb.search.ranking import without_duplicates
from kb.text.terms import terms
from tests.kb.search.ranks import ranked

NOTICE = (
    "The reading room opens at nine and closes at six. Bags and coats stay in the lockers beside "
    "the entrance. Food is not allowed. Please return every book to the shelf by the window."
)


def folded(*texts: str) -> list[str]:
    items = [ranked(text, 1 - n / 10, document=f"d{n}") for n, text in enumerate(texts)]
    words = {item.chunk_id: terms(item.found.chunk.text) for item in items}
    kept, _ = without_duplicates(items, words)
    return [item.found.chunk.document_id for item in kept]


def test_the_same_text_in_two_documents_is_one_hit():
    assert folded(NOTICE, NOTICE + " Thanks.", "Something else altogether.") == ["d0", "d2"]


def test_other_numbers_are_another_text():
    report = "Net sales of the third quarter were {} million, and costs of sales {} million."
    texts = (report.format("4,127", "2,600"), report.format("3,881", "2,590"))
    assert folded(*texts) == ["d0", "d1"]


def test_what_was_left_out_names_what_says_the_same():
    items = [ranked(NOTICE, 0.9), ranked(NOTICE, 0.8, document="d2")]
    _, left_out = without_duplicates(items, {item.chunk_id: terms(NOTICE) for item in items})
    assert [item.dropped for item in left_out] == ["duplicate of d1.1.1.0"]


def test_texts_that_were_not_read_are_kept():
    items = [ranked(NOTICE, 0.9), ranked(NOTICE, 0.8, document="d2")]
    assert without_duplicates(items, {}) == (items, [])
