"""The answerer without a model: verbatim sentences with marks, or a refusal."""

import re

import pytest

from kb.chat.run.citations import CitationScanner
from kb.models.llm.extractive import extractive_answer
from kb.text.fixed_sentences import fixed_sentence
from kb.text.terms import query_terms
from kb.types import Chunk, Cited, EndPiece, Hit, Piece, Source, Span, TextPiece

ORCHARD = (
    "The orchard lies north of the river. It was planted in 1921 by Ada Hill.\n"
    "Its forty pear trees are watered twice a week[4] from a stone well. Visitors are welcome."
)
MILL = "The mill stands south of the river. It grinds rye and oats. Is it open? Ask at the gate."
GARDEN_ZH = "花园位于河的北岸。花园建于一九二一年，园内有四十棵梨树。每周浇水两次。欢迎参观。"
GARDEN_JA = "庭園は川の北にあります。庭園は1921年に作られました。梨の木が四十本あります。"
CODE = "Run the tool like this:\n\n```bash\nmill --grind rye[0]\n```\n\nThen wait for the flour."


def source(n: int, text: str, *, heading: str = "", score: float = 1.0) -> Source:
    chunk = Chunk(f"c{n}", f"d{n}", 0, (Span(1, 0, len(text)),), text, heading, text)
    return Source(n, Hit(chunk, "s", f"file{n}.md", score, {}))


def pieces(query: str, *texts: str) -> list[Piece]:
    sources = tuple(source(n, text) for n, text in enumerate(texts, start=1))
    return list(extractive_answer(query, sources))


def answer(query: str, *texts: str) -> tuple[str, EndPiece]:
    *words, end = pieces(query, *texts)
    assert isinstance(end, EndPiece)
    return "".join(piece.text for piece in words if isinstance(piece, TextPiece)), end


@pytest.mark.parametrize(
    ("query", "texts", "expected"),
    [
        ("When was the orchard planted?", (MILL, ORCHARD), "1921 by Ada Hill. [2]"),
        ("What does the mill grind?", (ORCHARD, MILL), "It grinds rye and oats. [2]"),
        ("花园里有多少棵梨树？", (MILL, GARDEN_ZH), "园内有四十棵梨树。 [2]"),
        ("花园是什么时候建的？", (GARDEN_ZH, MILL), "花园建于一九二一年"),
        ("庭園はいつ作られましたか。", (GARDEN_JA, MILL), "庭園は1921年に作られました。 [1]"),
    ],
)
def test_the_sentence_that_answers_is_quoted_with_its_mark(query, texts, expected):
    text, end = answer(query, *texts)
    assert expected in text
    assert (end.finish_reason, end.grounded) == ("stop", True)


@pytest.mark.parametrize(
    ("query", "texts", "tongue"),
    [
        ("Who painted the ceiling of the chapel?", (ORCHARD, MILL), "en"),
        ("火星上的氧气含量高吗？", (ORCHARD, GARDEN_ZH), "zh"),
        ("火星の酸素はどのくらいですか。", (ORCHARD, MILL), "ja"),
        ("When was the orchard planted?", (), "en"),
        ("???", (ORCHARD,), "en"),
    ],
)
def test_when_nothing_fits_it_says_so_in_the_language_of_the_question(query, texts, tongue):
    text, end = answer(query, *texts)
    assert text == fixed_sentence("refused", tongue)
    assert (end.finish_reason, end.grounded) == ("refused", False)


def test_sentences_are_verbatim_but_for_line_breaks():
    text, _ = answer("How often are the pear trees watered?", ORCHARD)
    assert "Its forty pear trees are watered twice a week[4] from a stone well. [1]" in text


def test_half_a_command_and_the_head_of_a_table_are_never_the_answer():
    table = "| name | default | effect |\n|---|---|---|\n| port | 8000 | where it listens |\n"
    text, _ = answer("What is the default port?", table)
    assert "effect" not in text
    assert "8000" in text
    command = "Send it with curl.\n\n```sh\ncurl -T upload.pdf \\\n  http://there/upload\n```\n"
    text, _ = answer("How do I upload a file?", command)
    assert "\\" not in text


def test_a_sentence_over_several_lines_is_shown_on_one():
    text, _ = answer("Where is the old windmill?", "The old windmill\nis on the hill. Yes.")
    assert text.startswith("The old windmill is on the hill. [1]")
    text, _ = answer("老磨坊在哪里？", "老磨坊在\n山上。是的。")
    assert text.startswith("老磨坊在山上。 [1]")


def test_code_after_a_colon_comes_along_between_backticks():
    text, _ = answer("How do I run the tool?", CODE)
    assert text == "Run the tool like this: [1]\n\n`mill --grind rye[0]` [1]"


def test_every_mark_becomes_a_citation_of_the_very_sentence():
    text, _ = answer("When was the orchard by the river planted?", MILL, ORCHARD)
    scanner = CitationScanner([source(1, MILL), source(2, ORCHARD)])
    events = scanner.feed(text) + scanner.finish()
    citations = [event.citation for event in events if isinstance(event, Cited)]
    assert scanner.answer == text
    assert len(citations) == len(re.findall(r" \[\d\]", text)) > 0
    for citation in citations:
        assert citation.quote in text
        assert text.index(citation.quote) < citation.answer_start


def test_the_answer_streams_in_small_pieces_and_is_deterministic():
    streamed = pieces("花园里有多少棵梨树？", GARDEN_ZH, ORCHARD)
    assert len(streamed) > 8
    assert all(len(p.text) <= 12 for p in streamed if isinstance(p, TextPiece))
    assert streamed == pieces("花园里有多少棵梨树？", GARDEN_ZH, ORCHARD)


def test_the_same_sentence_in_two_sources_is_said_once():
    text, _ = answer("When was the orchard planted?", ORCHARD, ORCHARD)
    assert text.count("1921") == 1


def test_headings_and_questions_are_never_the_answer():
    text, end = answer("Is the mill open?", "# Is the mill open\n\nIs the mill open? Ask Ada.")
    assert "#" not in text
    assert "?" not in text
    assert end.grounded


def test_a_heading_counts_as_evidence_for_its_text():
    answers = "Take the green door and ring twice."
    sources = (source(1, answers, heading="Opening the mill"),)
    *_, end = extractive_answer("mill opening", sources)
    assert end == EndPiece("stop", grounded=True)


def test_words_of_asking_are_not_searched_for():
    assert list(query_terms("What is the mill?")) == ["mill"]
    assert list(query_terms("谁")) == ["谁"]  # nothing else is left
    assert list(query_terms("梨树是什么？")) == ["梨树", "梨", "树"]
