"""Sentences that no source supports."""

from __future__ import annotations

import pytest

from kb.chat.run.citations import CitationScanner
from kb.chat.run.groundedness import ungrounded_sentences
from kb.types import Chunk, Cited, Delta, Hit, Source, Span


def source(text: str, n: int = 1) -> Source:
    chunk = Chunk(
        id=f"chunk{n}",
        document_id="doc",
        index=0,
        spans=(Span(1, 0, len(text)),),
        text=text,
        heading="",
        index_text=text,
    )
    return Source(n, Hit(chunk, "set", "tides.md", 0.9, {}))


TIDES = source(
    "The notice period is three months to the end of a quarter. Interns may leave within two "
    "weeks. Holidays that remain are paid out with the last salary."
)
ZH = source("通知期为三个月，至季度末。实习生可以在两周内离职。剩余假期随最后一次工资一起支付。")


def flagged(told: str, *sources: Source) -> list[str]:
    scanner = CitationScanner(sources)
    events = scanner.feed(told) + scanner.finish()
    answer = "".join(event.text for event in events if isinstance(event, Delta))
    citations = [event.citation for event in events if isinstance(event, Cited)]
    found = ungrounded_sentences(answer, citations, sources)
    return [answer[span.answer_start : span.answer_end] for span in found]


def test_a_sentence_that_no_source_says_is_flagged():
    told = (
        "The notice period is three months [1]. Interns may leave within two weeks. "
        "Managers receive a company bicycle every spring."
    )
    assert flagged(told, TIDES) == ["Managers receive a company bicycle every spring."]


def test_chinese_is_compared_by_pairs_of_characters():
    told = "通知期为三个月[1]。剩余假期随最后工资支付。经理每年春天都会得到一辆公司自行车。"
    assert flagged(told, ZH) == ["经理每年春天都会得到一辆公司自行车。"]


@pytest.mark.parametrize(
    "told",
    [
        "設備維護、財務審計、車輛登記歸總務處。",
        "ＥＮＧＩＮＥ ｇｅａｒｂｏｘ ｔｕｒｂｉｎｅ ｂｒａｋｅｓ ａｒｅ ｃｈｅｃｋｅｄ．",
        "The en\u00adgine, gear\u00adbox, tur\u00adbine and bra\u00adkes are tested.",
    ],
)
def test_another_spelling_of_what_a_source_says_is_supported(told):
    zh = source("设备维护、财务审计、车辆登记归总务处。")
    assert (
        flagged(told, zh, source("The engine, gearbox, turbine and brakes are checked.", 2)) == []
    )


@pytest.mark.parametrize(
    "told",
    [
        "Managers receive a company bicycle every spring [1].",
        "Yes, it does.",
        "# Bicycles for managers of every company",
        "Here is what managers receive from the company every spring:",
        "Would managers like another company bicycle this spring?",
        "经理每年春天都会得到一辆公司自行车。",
        "I could not find this in the documents.",
    ],
)
def test_marked_short_silent_and_foreign_sentences_are_not_judged(told):
    assert flagged(told, TIDES) == []


def test_words_scattered_over_many_sources_do_not_support_a_sentence():
    told = "Managers receive bicycles every spring."
    apart = [source(word, n) for n, word in enumerate(told.rstrip(".").split(), start=1)]
    assert flagged(told, *apart) == [told]
    assert flagged(told, source(told)) == []


def test_without_sources_nothing_is_judged():
    assert flagged("Managers receive a company bicycle every spring.") == []
