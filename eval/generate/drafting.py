"""Questions about a passage without a language model: definitions, gaps and headings.

They ask in the passage's own words, so they show whether a search finds what is there, not whether
it understands other words. Compare settings with them; do not take their recall for your users'.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from kb.text.scripts import HAN_KANA_HANGUL
from kb.text.sentences import sentence_extents

GAP = "____"
SHORTEST, LONGEST = 20, 300
"""Characters of a sentence that is worth asking about; half as many in CJK."""


@dataclass(frozen=True, slots=True)
class GeneratedQuestion:
    """A question, its answer, and the characters of the passage's text that hold it."""

    kind: str
    question: str
    answer: str
    start: int
    end: int


_DEFINITION = re.compile(
    r"(?:An? )?(?P<term>[A-Z][\w'’-]*(?: [\w'’-]+){0,4}) (?P<verb>is|are) "
    r"(?P<answer>(?:an?|the|one of) [^.]{15,200})\."
)
_DEFINITION_CJK = re.compile(
    r"(?P<term>[^，。、：；（）(《》\s]{2,14}?)(?:是指|是一[^，。]|是|指的是)(?P<answer>[^。]{8,100})。"
)
_NO_TERM = re.compile(
    r"(?:It|This|That|These|Those|He|She|They|We|You|There|Here|What|Which|If|When|Each|Every|All|Both|"
    r"Any|Some|Many|Most|None|One|Another|Other|Such|My|Your|Our|Its|His|Her|Their)\b"
    r"|.*[它他她这那其此该我你您们谁哪]|.*(?:如果|虽然|但|而|也|不|就|都|还|只)"
)
_GAP = re.compile(
    r"(?<![\w.])(?:[$€£]\s?)?\d[\d.,]*\d(?:\s?(?:%|percent|million|billion))?(?![\w])"
    r"|(?<=\s)[A-Z][a-z]+(?: [A-Z][a-z]+)+"
)
_GAP_CJK = re.compile(r"\d[\d.,]*\s?(?:%|％)?[年月日个人元万亿米次名岁]?|《[^》]{2,20}》")
_CJK = re.compile(f"[{HAN_KANA_HANGUL}]")
_KANA = re.compile("[\u3040-\u30ff]")
_HEADING_MARKS = re.compile(r"^[#\s]+|[\s#:：?？]+$")
_ASK_HEADING = {
    "en": "What is said about “{}”?",
    "zh": "关于“{}”是怎么说的？",
    "ja": "「{}」について何と書かれていますか？",
}
_ASK_TERM = {"zh": "{}是什么？", "ja": "{}とは何ですか？"}


def language(text: str) -> str:
    """ "ja" if a text holds kana, "zh" if it holds other CJK characters, else "en"."""
    if _KANA.search(text):
        return "ja"
    return "zh" if _CJK.search(text) else "en"


def drafts(text: str, heading: str) -> Iterator[GeneratedQuestion]:
    """The questions that a passage gives, at most one of each kind.

    Args:
        text: the passage.
        heading: the headings that it stands under, the innermost last, divided by " > ".
    """
    spoken = language(text)
    sentences = [
        (start, end)
        for start, end in sentence_extents(text)
        if SHORTEST / (2 if spoken != "en" else 1) <= end - start <= LONGEST
    ]
    found: set[str] = set()
    for start, end in sentences:
        for draft in (_definition(text, start, end, spoken), _gap(text, start, end, spoken)):
            if draft is not None and draft.kind not in found:
                found.add(draft.kind)
                yield draft
    title = _HEADING_MARKS.sub("", heading.rpartition(" > ")[2])
    if len(title) >= 2 and sentences:
        start, end = sentences[0]
        yield GeneratedQuestion(
            "heading", _ASK_HEADING[spoken].format(title), text[start:end], start, end
        )


def _definition(text: str, start: int, end: int, spoken: str) -> GeneratedQuestion | None:
    pattern = _DEFINITION if spoken == "en" else _DEFINITION_CJK
    match = pattern.fullmatch(text, start, end)
    if match is None or _NO_TERM.match(match["term"]):
        return None
    asked = _ASK_TERM.get(spoken, f"What {match.groupdict().get('verb', 'is')} {{}}?")
    term = re.sub(r"^The ", "the ", match["term"])
    question = asked.format(term)
    return GeneratedQuestion("definition", question, match["answer"], start, end)


def _gap(text: str, start: int, end: int, spoken: str) -> GeneratedQuestion | None:
    match = (_GAP if spoken == "en" else _GAP_CJK).search(text, start + 1, end)
    if match is None or text.count(match[0], start, end) > 1:
        return None
    question = f"{text[start : match.start()]}{GAP}{text[match.end() : end]}"
    return GeneratedQuestion("gap", " ".join(question.split()), match[0], start, end)
