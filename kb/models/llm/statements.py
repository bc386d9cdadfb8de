"""What a source says, cut into statements that can be quoted by themselves.

A statement is a sentence, an item of a list with all its sentences, a definition ("E7: …") or a row
of a table. Headings, head rows, comments, questions and cut lines are none, but what stands in a
heading counts for everything below it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kb.models.llm.rows import Row, head_of, row_of
from kb.text.asking import qualifiers
from kb.text.scripts import HAN_KANA_HANGUL
from kb.text.sentences import sentence_extents, trimmed
from kb.text.shapes import is_missed, named_in_sentences
from kb.text.stemming import relatives
from kb.text.terms import asked_identifiers, plain_name, query_terms, terms
from kb.types import Extent, Source

STATEMENT_LENGTH = 600
"""Characters that a statement may have; a longer sentence is cut at blanks or commas."""

_BLANKS = re.compile(r"\s*\n\s*")
_CJK_WRAP = re.compile(f"(?<=[{HAN_KANA_HANGUL}，。、；：！？])\\s*\\n\\s*(?=[{HAN_KANA_HANGUL}])")
_ADDRESS = re.compile(r"\]\([^)\s]*\)|https?://\S+|<[^<>]{1,200}>")
_HEADING = re.compile(r"\s*#{1,6}\s")
_SILENT = re.compile(r"\s*(?:#{1,6}\s|```|~~~|///|:::|\|[\s:|-]*\|?\s*$)|.*[?？\\]\s*$", re.DOTALL)
_TABLE_RULE = re.compile(r"\s*\|[\s:|-]*-[\s:|-]*\|?\s*$")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)|\A(?:(?!<!--).)*?-->", re.DOTALL)
_VISIBLE = re.compile(r"[^\n]")
_LINE = re.compile(r"[^\n]+")
_BULLET = re.compile(r"(?:[-*+•·●▪]|\d{1,3}[.)]|\(\w{1,3}\))\s+")
_DEFINITION = re.compile(r"(?:[^\s:：|.!?。！？]{1,40}[ ]){0,2}[^\s:：|.!?。！？]{1,40}(?:: |：)")
PRONOUN = re.compile(
    r"(?:it|they|he|she|this|these|those|es|sie|er|diese)\b|它|他们", re.IGNORECASE
)
_ENDS_SENTENCE = re.compile(r"[☐☑☒✓✗]|[.。!！?？:：;；)\"”’」`|*_\d]\s*$")


@dataclass(frozen=True, slots=True)
class Statement:
    """A candidate: statement `index` of the source at `rank`.

    `terms`, `above`, `near` and `chunk` are the question's terms in the statement, in the headings
    above it and the document's name, in its neighbours, and anywhere in the chunk; `places` are
    those headings, the nearest first, and that name.
    """

    n: int
    rank: int
    index: int
    text: str
    terms: frozenset[str]
    above: frozenset[str]
    near: frozenset[str]
    chunk: frozenset[str]
    hit: float
    places: tuple[str, ...] = ()
    row: Row | None = None
    is_item: bool = False
    is_heading: bool = False


def statements(rank: int, source: Source, query: str) -> list[Statement]:
    """The statements of a source, in reading order."""
    text = _without_comments(source.hit.chunk.text)
    extents = _extents(text)
    wanted = frozenset(query_terms(query)).union(*qualifiers(query))
    name = f"{plain_name(source.hit.document_name)}\n\n{source.hit.chunk.heading}"
    others = _about_others(query, name, [text[start:end] for start, end in extents])
    heads = _heads(text, extents)
    path = source.hit.chunk.heading.split(" > ")
    places = [*reversed(path), plain_name(source.hit.document_name)]
    above = _held(terms(name), wanted)
    held = [_held(_read(text[start:end]), wanted) for start, end in extents]
    whole = above.union(*held)
    found: list[Statement] = []
    for index, (start, end) in enumerate(extents):
        said = text[start:end]
        is_heading = _is_heading(text, extents, index)
        if _HEADING.match(said) or is_heading:
            above = above | held[index]
            places.insert(0, said.lstrip("# "))
        if index in others or index in heads or _SILENT.match(said) or not _read(said):
            continue
        row = row_of(said, _head(text, extents, heads, index))
        bullet = _BULLET.match(said)
        is_single = row is not None or bullet is not None
        after = index + (1 if PRONOUN.match(said) else 2)
        beside = () if is_single else held[max(0, index - 1) : after]
        found.append(
            Statement(
                source.n,
                rank,
                index,
                _shown(text, start + (bullet.end() if bullet else 0), end),
                held[index],
                above,
                frozenset().union(*beside),
                whole,
                source.hit.score,
                tuple(places),
                row,
                bullet is not None,
                is_heading,
            )
        )
    return found


def _without_comments(text: str) -> str:
    return (
        _COMMENT.sub(lambda comment: _VISIBLE.sub(" ", comment[0]), text) if "--" in text else text
    )


def _extents(text: str) -> list[Extent]:
    """Sentences, but items, definitions and rows whole: all sentences of their line."""
    joined: list[Extent] = []
    single = -1
    for start, end in _lines_of_values(text):
        is_same_line = single >= 0 and "\n" not in text[joined[-1][1] : start]
        if is_same_line and end - single <= STATEMENT_LENGTH:
            joined[-1] = (single, end)
            continue
        joined.append((start, end))
        line = text[start:end]
        is_single = _BULLET.match(line) or _DEFINITION.match(line) or row_of(line)
        single = start if is_single else -1
    return joined


def _lines_of_values(text: str) -> Iterator[Extent]:
    """Sentences, cut before each line that gives a value, as forms have them ("Plate: KI 48")."""
    for start, end in sentence_extents(text, limit=STATEMENT_LENGTH):
        for line in _LINE.finditer(text, start, end):
            if _DEFINITION.match(line[0]) and line.start() > start:
                yield trimmed(text, start, line.start())
                start = line.start()
        yield start, end


def _heads(text: str, extents: Sequence[Extent]) -> Mapping[int, tuple[str, ...]]:
    """The places of the head rows of tables in Markdown, with the names of their columns."""
    return {
        index: head_of(text[slice(*extents[index])])
        for index in range(len(extents) - 1)
        if _TABLE_RULE.match(text[slice(*extents[index + 1])])
    }


def _head(
    text: str, extents: Sequence[Extent], heads: Mapping[int, tuple[str, ...]], index: int
) -> tuple[str, ...]:
    """The names of the columns of the table that a line is in."""
    while index > 0 and text[extents[index][0]] == "|":
        index -= 1
        if index in heads:
            return heads[index]
    return ()


def _is_heading(text: str, extents: Sequence[Extent], index: int) -> bool:
    """Whether a short line without a full stop stands alone above others."""
    start, end = extents[index]
    if index + 1 >= len(extents) or end - start > 80 or _ENDS_SENTENCE.search(text[start:end]):
        return False
    before, after = text[:start].rstrip(" \t"), text[end : extents[index + 1][0]]
    is_alone = (not before or before.endswith("\n")) and after.count("\n") > 1
    said = text[start:end]
    return is_alone and not (_BULLET.match(said) or _DEFINITION.match(said) or "|" in said)


def _about_others(query: str, above: str, sentences: Sequence[str]) -> frozenset[int]:
    """Which sentences name another release, code or day than the one that is asked for."""
    if not (asked := asked_identifiers(query)):
        return frozenset()
    named = named_in_sentences(above, sentences)
    return frozenset(index for index, held in enumerate(named) if is_missed(asked, held))


def _held(found: Collection[str], wanted: frozenset[str]) -> frozenset[str]:
    """The terms of the question among those of a text, or derived from the same words."""
    return wanted.intersection(found).union(relatives(wanted, found).values())


def _read(sentence: str) -> list[str]:
    """The terms that a reader sees: an address or a tag says nothing."""
    return terms(_ADDRESS.sub(" ", sentence) if "<" in sentence or "/" in sentence else sentence)


def _shown(text: str, start: int, end: int) -> str:
    """A statement on one line."""
    said = _BLANKS.sub(" ", _CJK_WRAP.sub("", text[start:end]))
    if text.count("```", 0, start) % 2 and "`" not in said and said[-1] not in ".。!！?？":
        return f"`{said}`"
    return said.replace("`", "") if said.count("`") % 2 else said
