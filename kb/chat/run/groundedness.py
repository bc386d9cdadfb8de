"""Which sentences of an answer nothing supports: they cite no source and say what none says.

Only words are compared. A sentence without support may still be true, and one with it false; in
another language than its sources nothing is judged at all.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence

from kb.text.scripts import HAN_KANA_HANGUL
from kb.text.sentences import sentence_extents
from kb.text.terms import terms
from kb.types import AnswerSpan, Citation, Source

LEAST_SHARE = 0.3
"""Share of its content words that one source must hold, or the sentence is not supported.

`bench.groundedness` on RGB (English, Chinese facts, Chinese integration): a sentence against other
passages that state the same fact, and against those of another question, is flagged 0.24 0.42 0.54
and 0.59 0.69 0.89 of the time; with 0.5, 0.43 0.59 0.77 and 0.67 0.74 0.91. Many sentences of the
first kind tell more than the others do, so they are rightly flagged.
"""

LEAST_WORDS = 4
"""Content words that a sentence must have to be judged: "Yes, it does." says too little."""

_CJK = re.compile(f"[{HAN_KANA_HANGUL}]")
_NO_STATEMENT = re.compile(r"\s*(?:#{1,6}\s|```|~~~|\||>)|.*[:：?？]\W*$", re.DOTALL)
_COMMON = frozenset(
    terms(
        "about above also because been before being below between both came come could "
        "does done down each even from gets give goes have here into just know like made "
        "make many more most much must need only other over same should some such take "
        "than that them then there these they this those through under upon very want "
        "well were what when where which while whose will with within without would your "
        "yours their document documents source sources answer question according follow "
        "note overall example"
    )
)


def ungrounded_sentences(
    answer: str, citations: Sequence[Citation], sources: Sequence[Source]
) -> tuple[AnswerSpan, ...]:
    """The sentences of an answer that no source supports, in order.

    A sentence with a mark is never among them: the mark says where to look.

    Args:
        citations: those of the answer; their places are characters of it, in order.
        sources: what the answer could rest on; without any, nothing is judged.
    """
    if not sources:
        return ()
    marks = [citation.answer_start for citation in citations]
    bare = [
        (start, end)
        for start, end in sentence_extents(answer)
        if bisect_left(marks, start) == bisect_left(marks, end)
        and not _NO_STATEMENT.match(answer[start:end])
    ]
    judged = [
        (extent, content)
        for extent in bare
        if len(content := _content(answer[slice(*extent)])) >= LEAST_WORDS
    ]
    if not judged:  # as of most short answers: then the sources need not be read
        return ()
    known = [_content(source.hit.chunk.index_text) for source in sources]
    scripts = {_is_cjk(source.hit.chunk.index_text) for source in sources}
    return tuple(
        AnswerSpan(*extent)
        for extent, content in judged
        if _is_cjk(answer[slice(*extent)]) in scripts
        and not any(len(content & words) >= LEAST_SHARE * len(content) for words in known)
    )


def _content(text: str) -> frozenset[str]:
    """Pairs of CJK characters, numbers, and words that are neither short nor common."""
    return frozenset(term for term in terms(text) if _says_something(term))


def _says_something(term: str) -> bool:
    if _CJK.match(term):
        return len(term) == 2
    return term[0].isdigit() or (len(term) >= 4 and term not in _COMMON)


def _is_cjk(text: str) -> bool:
    return 4 * len(_CJK.findall(text)) > len(text)
