"""How a question is built: which of its words only ask, and which an answer has to be about.

No list holds every verb and adjective, but English tells them by their place: "How *high* is …",
"what does a key *cost*". German writes nouns in capitals, and Chinese puts the verb beside the
question word. Without it 30 more of the 255 answerable questions of `bench.answers` are weak.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import zip_longest

from kb.text.folding import fold
from kb.text.scripts import HAN, UNSPACED
from kb.text.stemming import FUNCTION_TERMS, stemmed
from kb.text.stop_words import ASKING, FUNCTION_WORDS, LANGUAGES, function_words
from kb.text.units import Kind, terms_of, units_of

REMEMBERED_QUESTIONS = 256
LEAST_FUNCTION_WORDS = 2
"""So many function words of another language, and more than of English, make a question one in
that language: "man overboard alarm" has one of German. A word of asking at its beginning is two."""

_WORD = re.compile(rf"(?:[^\W_{UNSPACED}]|(?<=\w)[.'’-](?=\w))+")
_PARTICIPLE = re.compile(r"\w+[^e\W]ed")
_RUN = re.compile(f"[{UNSPACED}]")
_CLAUSE_END = re.compile(r"[?!;,\n]|\.\s")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_AUXILIARIES = _words("do does did can could may might must shall should will would")
_GENERAL_VERBS = _words(
    "apply ask begin belong change come contain cost get give go happen have hold include last "
    "leave look make mean need new offer pay say stand start stop take tell use want work"
)
"""English verbs (and "new") that an answer seldom repeats. Others say what is asked: "When does the
shop *close*?" is not answered by when it opens. Of the 255 answerable questions of `bench.answers`
17 are weak, with every verb 16, without any 25."""
_WH = _words("how what when where which who whom why")
_PRONOUNS = _words("i you we they he she it one someone")
_WHICH = _words("what which")
_DEGREE = _words("how wie")
_BE = _AUXILIARIES | _words("is are was were ist sind war darf muss")
_TO_BE = [["is"], ["are"], ["was"], ["were"]]
_BETWEEN = _words("after also before between each over under without")
_ENDS_PHRASE = FUNCTION_WORDS | _BETWEEN
_SILENT = frozenset(map(stemmed, _BETWEEN | _PRONOUNS))
_KIND = re.compile("(?:amount|cost|expensive|meaning|number|price|time)s?", re.IGNORECASE)
_HAN_ASKING_VERB = re.compile(f"[{HAN}](?=什么|多少|多长|多久|几|了)|怎么[{HAN}]?")
_HAN_FUNCTION = frozenset(
    "的了和是在我你您他她它们要会能就都也还把被给让对从到与或及个一有这那里内时每"
)
_CONTENT = re.compile(f"[{HAN}]|[\u30a1-\u30fa]{{2}}")


@lru_cache(maxsize=REMEMBERED_QUESTIONS)
def language_by_words(question: str) -> str:
    """The language whose function words a question has most of; "en" where that is unclear."""
    words = [word.lower() for word in _WORD.findall(fold(question))]
    count = {
        code: sum(word in function_words(code) for word in words)
        + (fold(asking).split().count(words[0]) if words else 0)
        for code, (_, asking) in LANGUAGES.items()
    }
    best = max(count, key=lambda code: count[code])
    english = sum(word in FUNCTION_WORDS for word in words)
    is_other = count[best] >= LEAST_FUNCTION_WORDS and count[best] > english
    return best if is_other else "en"


@lru_cache(maxsize=REMEMBERED_QUESTIONS)
def function_terms(question: str) -> frozenset[str]:
    """The terms that no question in this language is about."""
    language = language_by_words(question)
    if language == "en":
        return FUNCTION_TERMS
    return frozenset(map(stemmed, function_words(language)))


@lru_cache(maxsize=REMEMBERED_QUESTIONS)
def asking_terms(question: str) -> frozenset[str]:
    """The terms of words that only ask: they say nothing against a text without them."""
    verbs = _german_verbs if language_by_words(question) == "de" else _verb
    asking: list[str] = []
    for clause in _CLAUSE_END.split(fold(question)):
        words = _WORD.findall(clause)
        asking += (*_degree(words), *verbs(words))
    return frozenset(term for word in asking for term in terms_of(word))


@lru_cache(maxsize=REMEMBERED_QUESTIONS)
def kind_terms(question: str) -> frozenset[str]:
    """The terms of words that say of what kind the answer is: a figure."""
    words = (word for word in _WORD.findall(fold(question)) if _KIND.fullmatch(word))
    return frozenset(term for word in words for term in terms_of(word)) - asking_terms(question)


@lru_cache(maxsize=REMEMBERED_QUESTIONS)
def qualifiers(question: str) -> tuple[frozenset[str], ...]:
    """What an answer has to be about: for each word its terms, of which one is enough."""
    silent = asking_terms(question) | function_terms(question) | loose_terms(question) | _SILENT
    units = units_of(question, is_question=True)
    found = []
    for unit, after in zip_longest(units, units[1:]):
        if unit.kind is Kind.PAIR or unit.kind is Kind.IDENTIFIER:
            continue  # what names another is no answer: `asked_identifiers`
        held = frozenset(unit.names + unit.pieces)
        names_code = after is not None and any(map(str.isdigit, after.names[0]))
        if not (
            held & silent or (names_code and unit.names[0].isalpha()) or _RUN.match(unit.names[0])
        ):
            found.append(held)
    return (*found, *map(frozenset, _characters(question)))


def loose_terms(question: str) -> frozenset[str]:
    """The terms of words for which an answer mostly has others: the noun behind what and which, and
    participles before a function word."""
    loose = []
    for clause in _CLAUSE_END.split(fold(question)):
        words = [word.lower() for word in _WORD.findall(clause)]
        for at, word in enumerate(words):
            ends = at + 1 == len(words) or words[at + 1] in _ENDS_PHRASE
            before = words[max(0, at - 2) : at]
            is_kind = not _WHICH.isdisjoint(before) and _WHICH.isdisjoint((word,))
            is_loose = is_kind or _PARTICIPLE.fullmatch(word)
            if ends and word not in FUNCTION_WORDS and is_loose and not _is_predicate(words, at):
                loose.append(word)
    return frozenset(term for word in loose for term in terms_of(word))


def _is_predicate(words: Sequence[str], at: int) -> bool:
    """Whether a word is all that is asked of a thing: "What breaks in 2.0?", "What was removed in
    2.0?"."""
    is_asked = words[:at] == ["what"] or (words[:1] == ["what"] and words[1:at] in _TO_BE)
    return is_asked and words[at] not in _GENERAL_VERBS and words[at + 1 : at + 2] != []


def _degree(words: Sequence[str]) -> Iterator[str]:
    for how, word, after in zip(words, words[1:], words[2:], strict=False):
        is_adjective = word.lower() not in FUNCTION_WORDS and after.lower() in _BE
        if how.lower() in _DEGREE and is_adjective:
            yield word


def _verb(words: Sequence[str]) -> Iterator[str]:
    """The verb that an auxiliary belongs to: the first words behind a pronoun; the last one before
    a function word, if a subject stands before it and it is a general one."""
    lower = [word.lower() for word in words]
    at = next((n for n, word in enumerate(lower) if word in _AUXILIARIES), None)
    if at is None:
        return
    if lower[at + 1 : at + 2] and lower[at + 1] in _PRONOUNS:
        yield from (w for w in lower[at + 2 :][:2] if w not in FUNCTION_WORDS)
        return
    if not _WH.intersection(lower[:at]):
        return
    clause: list[str] = []
    for word in (*lower[at + 1 :], ""):
        if word and word not in _ENDS_PHRASE:
            clause.append(word)
        elif len(clause) > 1:
            if clause[-1] in _GENERAL_VERBS:
                yield clause[-1]
            return
        else:
            clause.clear()


def _german_verbs(words: Sequence[str]) -> Iterator[str]:
    """Words in lower case but those before a noun, which may say more of it."""
    for word, after in zip_longest(words, words[1:], fillvalue=""):
        if word[0].islower() and not after[:1].isupper():
            yield word


def _characters(question: str) -> Iterator[tuple[str]]:
    plain = ASKING.sub(" ", _HAN_ASKING_VERB.sub(" ", fold(question)))
    for character in _CONTENT.findall(plain):
        if character not in _HAN_FUNCTION:
            yield (character,)
