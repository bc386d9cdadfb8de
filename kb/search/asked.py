"""What a message asks for: of a whole mail or a pasted log, the part that the documents know of.

A message is parted into sentences, lines and clauses. Which of them is the question is not read off
words of asking, which no list holds in every language, but measured: it is the part whose words,
weighted by how rare they are, the documents hold most of.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from kb.protocols import Frequencies
from kb.search.scoring import term_weights
from kb.text.asking import asking_terms, language_by_words
from kb.text.languages import language_of
from kb.text.scripts import UNSPACED
from kb.text.sentences import sentence_extents
from kb.text.stemming import relatives
from kb.text.stop_words import FUNCTION_WORDS
from kb.text.terms import asked_identifiers, optional_terms, query_terms, terms

LEAST_SHARE, QUESTION_SHARE, QUESTION_BONUS = 0.6, 0.25, 2.0
"""Parts that hold so much of what the best one holds are asked for, too; of parts that end in a
question mark, which make more of what they hold, less is enough.

Every second answerable question of `bench.answers` in eight wrappings (a mail, a role in front, "do
you know", three in Chinese): all that are answered bare are answered so. The two mails
among the questions are refused without parts.
"""

MOST_PARTS = 3
LOG_PARTS = 8
"""From so many parts on, a message is taken for a log or a long mail, in which dates, times and
numbers of threads say nothing."""

NAME = 3
"""How often a name counts that no document holds: with 1, 2 and 3 the highest score of a question
of `bench.answers` for a site that is not there is 0.79, 0.62 and 0.40."""

ENGLISH_SHARE = 0.25
"""Share of its words that are English function words in an English question: 0.25 and more in all
but three of `bench.answers`. Of thirteen questions in German, Spanish and Japanese four answered
ones were weak while words of all languages counted, and none is now."""

LANGUAGE_CHARACTERS = 300
"""Of a passage, from which its language is told."""

_CLAUSE_END = re.compile(r"\n|，|：|(?<=\w)[:,] |——")
_DIGIT = re.compile(r"\d")
_WORD = re.compile(r"\b[^\W\d_][^\W\d_'’-]+\b")
_SHORT = 3
_LATIN = re.compile("[^\\W\\d_\u0370-\uffff]")
_PAIR = re.compile(f"[{UNSPACED}]{{2,}}")
_ASKS = re.compile(r"[?？吗呢][^\w?？]*$")


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
        The message as it is, if it has one part, or the documents hold nothing of any. Of a part
        with an identifier that they hold, words that they do not hold are left out at both ends:
        "What does E7 mean?" asks for E7.
    """
    found = parts(text)
    kept = found if len(found) < 2 else _most_known(found, frequencies)
    is_log = len(found) >= LOG_PARTS
    around = [_around_identifier(part, frequencies, is_log=is_log) for part in kept]
    return text if around == found else " ".join(around)


def _most_known(found: Sequence[str], frequencies: Frequencies) -> Sequence[str]:
    weighed = [_weighed(part, frequencies) for part in found]
    best, least = max(weighed), sorted(weighed)[-MOST_PARTS:][0]
    kept = [
        part
        for part, weight in zip(found, weighed, strict=True)
        if weight >= max(least, (QUESTION_SHARE if _ASKS.search(part) else LEAST_SHARE) * best)
    ]
    return kept if best > 0 else found


def _around_identifier(part: str, frequencies: Frequencies, *, is_log: bool) -> str:
    """Names stay, and so do other identifiers; of a log only what the documents hold."""
    asked = {term for term in asked_identifiers(part) if frequencies.holding.get(term)}
    words = part.split()
    fixed = names_in(part)
    kept = [
        at
        for at, word in enumerate(words)
        if any(frequencies.holding.get(term) or term in fixed for term in terms(word))
        or (not is_log and _DIGIT.search(word))
    ]
    if not asked or not kept:
        return part
    told = [words[at] for at in kept] if is_log else words[kept[0] : kept[-1] + 1]
    trimmed = " ".join(told)
    return trimmed if asked <= asked_identifiers(trimmed) else part


def unknown_share(query: str, weights: Mapping[str, float], frequencies: Frequencies) -> float:
    """Share (0..1) of a question, by weight of its terms, that no document holds.

    A name counts `NAME` times: who asks for a site that no document names gets no answer about
    another.
    Pairs of Chinese characters that none holds mostly stand across two words, so of those only
    single characters count. In other languages than English function words are not told from
    others ("Wie lange dauert …"), so of their words only names and identifiers count.
    """
    names, identifiers = names_in(query), asked_identifiers(query)
    asking, counts = asking_terms(query), _knows_function_words(query)
    unknown = sum(
        weight * (NAME if term in names else 1)
        for term, weight in weights.items()
        if not frequencies.holding.get(term)
        and term not in asking
        and not _PAIR.fullmatch(term)
        and (counts or term in names or term in identifiers or not _LATIN.match(term))
    )
    return min(1.0, unknown / (sum(weights.values()) or 1.0))


def with_relatives(
    wanted: Collection[str], passages: list[list[str]], frequencies: Frequencies
) -> tuple[list[list[str]], Frequencies]:
    """Passages in which words stand for those of the question that no document holds, but that are
    derived from the same word (`kb/text/stemming.py`), and what that makes of the frequencies.

    Args:
        wanted: the terms of the question.
        passages: the terms of each.
        frequencies: those of the question's terms among the documents.
    """
    unheld = [term for term in wanted if not frequencies.holding.get(term)]
    instead = relatives(unheld, {term for passage in passages for term in passage})
    if not instead:
        return passages, frequencies
    passages = [[instead.get(term, term) for term in passage] for passage in passages]
    among = Frequencies.among(passages).holding
    found = {term: among[term] for term in instead.values()}
    return passages, Frequencies(frequencies.chunks, {**frequencies.holding, **found})


def is_foreign(language: str | None, passage: str) -> bool:
    """Whether a passage is in another language than that; not if either is unknown."""
    return language is not None and language_of(passage[:LANGUAGE_CHARACTERS]) not in (
        None,
        language,
    )


def _knows_function_words(query: str) -> bool:
    if language_by_words(query) != "en":
        return True
    words = [word.lower() for word in _WORD.findall(query)]
    return sum(word in FUNCTION_WORDS for word in words) >= ENGLISH_SHARE * len(words)


def names_in(query: str) -> frozenset[str]:
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
