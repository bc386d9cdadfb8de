"""Messages that ask nothing of the documents: greetings, thanks, and what the app can do.

Only a message that is nothing else counts, so a greeting before a question changes nothing.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal

from kb.chat.ask.chat_models import EXTRACTIVE
from kb.chat.ask.question import ChatQuestion, PreparedVariant
from kb.protocols import Prompt
from kb.store.apps.fixed_answers import wording
from kb.text.fixed_sentences import Occasion, fixed_sentence
from kb.text.folding import fold
from kb.text.scripts import UNSPACED
from kb.types import Chunk, EndPiece, Route, TextPiece, VariantName

Kind = Literal["about", "first", "farewell", "thanks", "greeting", "agreement", "filler"]
Phrases = Mapping[tuple[str, ...], Kind]

_OCCASIONS: Mapping[Kind, Occasion] = {
    "about": "opening",
    "first": "opening",
    "farewell": "farewell",
    "thanks": "thanks",
    "greeting": "opening",
    "agreement": "agreement",
}
"""What is said to a kind; of several kinds in a message the first here counts."""

_KINDS: tuple[Kind, ...] = ("filler", *_OCCASIONS)

MOST_UNITS = 200
"""A message of more words, or characters without spaces, says something else as well."""

_UNIT = re.compile(rf"[{UNSPACED}👍👌🙏🙂😊😀❤]|[^\W{UNSPACED}]+(?:['-][^\W{UNSPACED}]+)*")
_QUESTION = re.compile(
    r"^(?:q|question|frage|pregunta|问|問|질문)\s*[:：]\s*|\?$|？$", re.IGNORECASE
)


def small_talk(query: str, *, is_first: bool = False) -> dict[str, Occasion]:
    """The languages in which a message only greets, thanks, or asks what the app can do, each with
    what is said to that; empty if it asks something, or says something else.

    Args:
        is_first: nothing was said before, so "how does this work" asks about the app.
    """
    units = _units(query)
    if len(units) > MOST_UNITS:
        return {}
    read = {language: _kinds(units, phrases) for language, phrases in _phrases().items()}
    found = {}
    for language, kinds in read.items():
        occasions = [said for kind, said in _OCCASIONS.items() if kind in kinds]
        if occasions and ("first" not in kinds or is_first):
            found[language] = occasions[0]
    return found


def only_talk(question: ChatQuestion, *, is_modelled: bool) -> Mapping[str, Occasion]:
    """`small_talk` that would be refused. A model knows what it has asked, so "yes" is its to
    answer, as is everything without a refusal."""
    if is_modelled and not question.content.refusal:
        return {}
    talk = small_talk(question.query, is_first=not question.history)
    return {key: said for key, said in talk.items() if not (is_modelled and said == "agreement")}


def courteous(
    question: ChatQuestion, talk: Mapping[str, Occasion], name: VariantName, reason: str
) -> PreparedVariant:
    """The app's opening, or a sentence in the language of the message; in that of the conversation
    where several languages have its words."""
    spoken = question.language
    language = spoken if spoken.partition("-")[0] in talk else next(iter(talk))
    occasion = talk[language.partition("-")[0]]
    said = (occasion == "opening" and question.app.opening) or fixed_sentence(occasion, language)
    route = Route(name, f"{reason}, {occasion}", EXTRACTIVE)
    pieces = (TextPiece(said), EndPiece())
    return PreparedVariant(route, Prompt("", (), question.query), pieces=pieces)


def is_headed(query: str, chunk: Chunk) -> bool:
    """Whether a heading, a question with an answer, or the cell of a row is just this message."""
    asked = wording(query)
    return any(wording(title) == asked for title in _titles(chunk))


def _titles(chunk: Chunk) -> list[str]:
    titles = chunk.heading.split(" > ")
    for line in chunk.text.splitlines():
        line = line.strip("#* ")
        if " | " in line:
            titles += [cell.partition(": ")[2] or cell for cell in line.split(" | ")]
        elif _QUESTION.search(line):
            titles.append(_QUESTION.sub("", line))
    return titles


def _units(text: str) -> tuple[str, ...]:
    return tuple(_UNIT.findall(fold(text).casefold()))


def _kinds(units: tuple[str, ...], phrases: Phrases) -> frozenset[Kind]:
    """The kinds of the phrases that a message consists of; none if there is anything else in it.

    Each place is reached once, whatever the ways to it, so a long message takes linear time.
    """
    longest = _longest()
    reached: dict[int, frozenset[Kind]] = {0: frozenset()}
    for at in range(len(units)):
        if (kinds := reached.get(at)) is not None:
            for end in range(at + 1, min(at + longest, len(units)) + 1):
                if kind := phrases.get(units[at:end]):
                    reached.setdefault(end, kinds | {kind})
    return reached.get(len(units), frozenset())


@cache
def _longest() -> int:
    return max(len(phrase) for phrases in _phrases().values() for phrase in phrases)


@cache
def _phrases() -> dict[str, Phrases]:
    """Language → phrase → kind; those of English are every language's."""
    text = (files("kb.chat.ask") / "small_talk.toml").read_text("utf-8")
    own = {
        language: {_units(phrase): kind for kind in _KINDS for phrase in told.get(kind, ())}
        for language, told in tomllib.loads(text).items()
    }
    return {language: own["en"] | phrases for language, phrases in own.items()}
