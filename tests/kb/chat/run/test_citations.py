"""Citations: marks found however the text is cut, and quotes that are the page's own characters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.chat.run.citations import MARK_LENGTH, QUOTE_LENGTH, CitationScanner
from kb.types import Chunk, Citation, Cited, Delta, Hit, Source, Span

PAGES = {
    1: "Intro words.  The tower is 300 metres tall. It was built in 1889 by ",
    2: "many workers.\n巴黎是法国的首都。塔高三百米。",
}


def hit(*spans: Span, name: str = "tower.md") -> Hit:
    text = "".join(PAGES[span.page][span.start : span.end] for span in spans)
    return Hit(Chunk("c1", "d1", 0, spans, text, "", text), "s", name, 1.0, {})


WHOLE = hit(Span(1, 12, len(PAGES[1])), Span(2, 0, len(PAGES[2])))
SOURCES = [Source(n, WHOLE) for n in (1, 2, 3)]


def scan(tokens: list[str], sources: list[Source] = SOURCES) -> tuple[str, list[Citation]]:
    scanner = CitationScanner(sources)
    events = [event for token in tokens for event in scanner.feed(token)] + scanner.finish()
    answer = "".join(event.text for event in events if isinstance(event, Delta))
    assert answer == scanner.answer
    assert all(event.text for event in events if isinstance(event, Delta))
    written = 0
    for event in events:
        if isinstance(event, Delta):
            written += len(event.text)
        else:
            assert event.citation.answer_end <= written
    return answer, [event.citation for event in events if isinstance(event, Cited)]


def marks(text: str) -> tuple[str, list[int]]:
    answer, citations = scan([text])
    for c in citations:
        assert answer[c.answer_start] in "[［【"
        assert str(c.n) in answer[c.answer_start : c.answer_end]
    return answer, [c.n for c in citations]


@pytest.mark.parametrize(
    ("text", "answer", "numbers"),
    [
        ("A [1]. B [2][3].", "A [1]. B [2][3].", [1, 2, 3]),
        ("A [1, 3] and [2,3]", "A [1, 3] and [2,3]", [1, 3, 2, 3]),
        ("甲［1］乙【2】丙【1，3】", "甲［1］乙【2】丙【1，3】", [1, 2, 1, 3]),
        ("A [9]. B [0] C", "A . B C", []),
        ("A [1, 9] B", "A [1] B", [1]),
        ("[9] A [8] [7] B", "A B", []),
        ("A[4]", "A", []),
        ("A [1], [2", "A [1], [2", [1]),
        ("A [1】 [x] [] [1-2] [2023] [ ] [[1]]", "A [1】 [x] [] [1-2] [2023] [ ] [[1]]", [1]),
    ],
)
def test_marks_are_cited_and_marks_of_no_source_are_dropped(text, answer, numbers):
    assert marks(text) == (answer, numbers)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Use `arr[1]` and `arr[9]` here [2].", [2]),
        ("``a`b[1]`` then [2]", [2]),
        ("```python\nx = arr[9]\ny = `[1]`\n```\nDone [3].", [3]),
        ("An open ` is code to the end of the line [9]\nnext line [1]", [1]),
        ("````\n```[1]\n````\n[2]", [2]),
    ],
)
def test_brackets_in_code_are_left_alone(text, numbers):
    assert marks(text) == (text, numbers)


ALPHABET = [
    "[1]",
    "[2, 3]",
    "[9]",
    "［1］",
    "`",
    "```",
    "\n",
    " ",
    "[",
    "]",
    "1",
    ",",
    "word",
    "。",
    "【",
]


@given(st.lists(st.sampled_from(ALPHABET), max_size=25), st.data())
def test_every_cut_into_tokens_gives_the_same_answer_and_citations(parts, data):
    text = "".join(parts)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=12)))
    tokens = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]

    assert scan(tokens) == scan([text]) == scan(list(text))


def test_only_what_may_become_a_mark_is_held_back():
    scanner = CitationScanner(SOURCES)
    assert scanner.feed("plain [") == [Delta("plain ")]
    assert scanner.feed("1") == []
    assert scanner.feed("x") == [Delta("[1x")]
    scanner.feed("[1" + ", 2" * MARK_LENGTH)
    assert scanner.answer.endswith("[1" + ", 2" * MARK_LENGTH)


def test_a_citation_follows_the_delta_that_holds_its_mark():
    first, cited, rest = CitationScanner(SOURCES).feed("It is 300 metres tall [1]. More")
    assert first == Delta("It is 300 metres tall [1]")
    assert isinstance(cited, Cited)
    assert (cited.citation.answer_start, cited.citation.answer_end) == (22, 25)
    assert rest == Delta(". More")


@pytest.mark.parametrize(
    ("answer", "page", "quote"),
    [
        ("Fine. The tower stands 300 metres tall. [1]", 1, "The tower is 300 metres tall."),
        ("The tower is 300 metres tall; workers built it in 1889 [1].", 1, None),
        ("It was built in 1889 [1].", 1, "It was built in 1889 by"),
        ("There were many workers [1].", 2, "many workers."),
        ("首都是巴黎【1】。", 2, "巴黎是法国的首都。"),
        ("高三百米[1]", 2, "塔高三百米。"),
        ("Zzz [1]", 1, "The tower is 300 metres tall."),
        ("[1]", 1, "The tower is 300 metres tall."),
    ],
)
def test_the_quote_is_the_sentence_that_fits_and_the_pages_own_text(answer, page, quote):
    _, (citation,) = scan([answer])
    assert citation.page == page
    assert citation.quote == PAGES[page][citation.start : citation.end]
    assert citation.quote == citation.quote.strip() != ""
    if quote is not None:
        assert citation.quote == quote


@pytest.mark.parametrize(
    ("told", "quote"),
    [
        ("設備維護[1]", "设备维护每年一次。"),
        ("ＥＮＧＩＮＥ ＯＩＬ [1]", "Engine oil is changed in May."),
        ("Resume and cafe [1]", "Bring a résumé to the café."),
        ("En\u00adgine oil [1]", "Engine oil is changed in May."),
    ],
)
def test_the_quote_is_found_in_another_spelling(told, quote):
    text = (
        "Doors are oiled. 门禁检查。 Engine oil is changed in May. 设备维护每年一次。 "
        "Bring a résumé to the café."
    )
    chunk = Chunk("c1", "d1", 0, (Span(1, 0, len(text)),), text, "", text)
    _, (citation,) = scan([told], [Source(1, Hit(chunk, "s", "notes.md", 1.0, {}))])
    assert citation.quote == quote


def test_each_mark_of_a_sentence_rests_on_its_own_part():
    _, citations = scan(["It was built in 1889 [1] and the tower is 300 metres tall [1][2]."])
    assert [c.quote for c in citations] == [
        "It was built in 1889 by",
        "The tower is 300 metres tall.",
        "The tower is 300 metres tall.",
    ]


def test_a_long_sentence_is_quoted_in_part():
    text = "filler words " * 50 + "the golden needle is here " + "more filler " * 60
    long = Hit(Chunk("c", "d", 0, (Span(1, 0, len(text)),), text, "", text), "s", "n", 1, {})
    _, (cited,) = scan(["Where is the golden needle? [1]"], [Source(1, long)])
    assert "golden needle" in cited.quote
    assert len(cited.quote) <= QUOTE_LENGTH
    assert cited.quote == text[cited.start : cited.end]


def test_a_chunk_of_blanks_gives_an_empty_quote():
    blank = Hit(Chunk("c", "d", 0, (Span(4, 10, 13),), " \n ", "", ""), "s", "n", 1, {})
    _, (cited,) = scan(["x [1]"], [Source(1, blank)])
    assert (cited.page, cited.start, cited.end, cited.quote) == (4, 0, 0, "")


def test_long_answers_without_a_full_stop_are_cut_alike_too():
    text = "tall " * 150 + "in the tower of " * 30 + "many workers [1] " * 3
    assert scan([text]) == scan(list(text)) == scan(text.split(" is "))
