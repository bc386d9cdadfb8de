"""Passages with the same words are one hit."""

import pytest

from kb.search.ranking import without_duplicates
from tests.kb.search.ranks import ranked

NOTICE = (
    "The reading room opens at nine and closes at six. Bags and coats stay in the lockers beside "
    "the entrance. Food is not allowed. Please return every book to the shelf by the window."
)


def folded(*texts: str) -> list[str]:
    items = [ranked(text, 1 - n / 10, document=f"d{n}") for n, text in enumerate(texts)]
    kept, _ = without_duplicates(items, {item.chunk_id for item in items})
    return [item.found.chunk.document_id for item in kept]


def test_the_same_text_in_two_documents_is_one_hit():
    assert folded(NOTICE, "Something else altogether.", NOTICE) == ["d0", "d1"]


def test_the_same_words_with_other_marks_around_them_are_the_same_text():
    marked = NOTICE.replace("not", "**not**").replace(". ", ".\n- ").replace("Food", "FOOD")
    assert folded(NOTICE, marked) == ["d0"]


@pytest.mark.parametrize(
    "changed",
    [
        NOTICE.replace("not allowed", "allowed"),
        NOTICE.replace("by the window", "by the door"),
        NOTICE.replace("nine", "ten"),
        NOTICE + " Thanks.",
        "Branch Hilltop: " + NOTICE,
    ],
)
def test_one_other_word_makes_another_statement(changed):
    assert folded(NOTICE, changed) == ["d0", "d1"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Store it at -5 degrees.", "Store it at 5 degrees."),
        ("Sales were 4,127 million.", "Sales were 3,881 million."),
        ("Weekend work: \u2713", "Weekend work: \u2717"),
        (
            "\u5df4\u9ece\u5206\u516c\u53f8\u4e94\u70b9\u5173\u95e8\u3002",
            "\u67cf\u6797\u5206\u516c\u53f8\u4e94\u70b9\u5173\u95e8\u3002",
        ),
        ("Das Tor ist offen.", "Das Tor ist nicht offen."),
    ],
)
def test_a_sign_a_number_or_a_name_makes_another_statement(one, other):
    assert folded(one, other) == ["d0", "d1"]


def test_the_same_words_under_another_heading_are_another_statement():
    north, south = ranked(NOTICE, heading="North"), ranked(NOTICE, heading="South", document="d2")
    read = {north.chunk_id, south.chunk_id}
    assert without_duplicates([north, south], read) == ([north, south], [])


def test_what_was_left_out_names_what_says_the_same_and_is_counted():
    items = [ranked(NOTICE, 0.9 - n / 10, document=f"d{n}") for n in range(4)]
    kept, left_out = without_duplicates(items, {item.chunk_id for item in items})
    assert [item.why["duplicates"] for item in kept] == [3]
    assert [item.dropped for item in left_out] == ["duplicate of d0.1.1.0"] * 3


def test_texts_that_were_not_read_are_kept():
    items = [ranked(NOTICE, 0.9), ranked(NOTICE, 0.8, document="d2")]
    assert without_duplicates(items, {}) == (items, [])
