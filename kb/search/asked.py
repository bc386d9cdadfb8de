"""What a message asks for: of a whole mail or a pasted log, the part that the documents know of.

A message is parted into sentences, lines and clauses. Which of them is the question is not read off
words of asking, which no list holds in every language, but measured: it is the part whose words,
weighted by how rare they are, the documents hold most of.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from kb.protocols import Frequencies
from kb.search.scoring import term_weights
from kb.text.scripts import UNSPACED
from kb.text.sentences import sentence_extents
from kb.text.terms import optional_terms, query_terms, terms

LEAST_SHARE, QUESTION_SHARE, QUESTION_BONUS = 0.6, 0.25, 2.0
"""Parts that hold so much of what the best one holds are asked for, too; of parts that end in a
question mark, which make more of what they hold, less is enough.

Every second answerable question of `bench.answers` in eight wrappings (a mail, a role in front, "do
you know", three in Chinese): all that are answered bare are answered so. The two mails
among the questions are refused without parts.
"""

MOST_PARTS = 3

_CLAUSE_END = re.compile(r"\n|，|：|(?<=\w)[:,] |——")
_WORD = re.compile(r"[^\W\d_][\w'’-]+")
_SHORT = 3
_PAIR = re.compile(f"[{UNSPACED}]{{2,}}")
_ASKS = re.compile(r"[?？吗呢]\W*$")


def parts(text: str) -> list[str]:
    """The sentences, lines and clauses of a message."""
    sentences = (text[start:end] for start, end in sentence_extents(text))
    clauses = (clause.strip() for sentence in sentences for clause in _CLAUSE_END.split(sentence))
    return list(dict.fromkeys(filter(None, clauses)))


def asked_part(text: str, frequencies: Frequencies) -> str:
    """The parts of a message that the documents know most of, in their order.

    Args:
        frequencies: those of its terms.

    Returns:
        The message as it is, if it has one part, or the documents hold nothing of any.
    """
    found = parts(text)
    if len(found) < 2:
        return text
    weighed = [_weighed(part, frequencies) for part in found]
    best, least = max(weighed), sorted(weighed)[-MOST_PARTS:][0]
    kept = [
        part
        for part, weight in zip(found, weighed, strict=True)
        if weight >= max(least, (QUESTION_SHARE if _ASKS.search(part) else LEAST_SHARE) * best)
    ]
    return " ".join(kept) if best > 0 and len(kept) < len(found) else text


def unknown_share(query: str, weights: Mapping[str, float], frequencies: Frequencies) -> float:
    """Share (0..1) of a question, by weight of its terms, that no document holds.

    A name counts twice: who asks for a site that no document names gets no answer about another.
    Pairs of Chinese characters that none holds mostly stand across two words, so of those only
    single characters count.
    """
    names = _names(query)
    unknown = sum(
        weight * (2 if term in names else 1)
        for term, weight in weights.items()
        if not frequencies.holding.get(term) and not _PAIR.fullmatch(term)
    )
    return min(1.0, unknown / (sum(weights.values()) or 1.0))


def foreign_share(weights: Mapping[str, float], frequencies: Frequencies) -> float:
    """Share (0..1) of a question, by weight of all its terms alike, that no document holds."""
    unheld = sum(weights[term] for term in weights if not frequencies.holding.get(term))
    return unheld / (sum(weights.values()) or 1.0)


def _names(query: str) -> frozenset[str]:
    """The terms of words in capitals within a sentence; none where most words have them, as in
    German."""
    _, *words = _WORD.findall(query) or ("",)
    capital = [word for word in words if word[0].isupper()]
    if 2 * len(capital) > sum(len(word) > _SHORT for word in words):
        return frozenset()
    return frozenset(term for word in capital for term in terms(word))


def _weighed(part: str, frequencies: Frequencies) -> float:
    weights = term_weights(query_terms(part), frequencies, optional_terms(part))
    held = sum(weight for term, weight in weights.items() if frequencies.holding.get(term))
    return held * (QUESTION_BONUS if _ASKS.search(part) else 1.0)
