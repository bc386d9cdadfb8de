"""Finds `[n]` marks in a streamed answer and names the sentence that each one rests on.

A mark is `[1]` or a list `[1, 2]`, also ［1］ and 【1】, of numbers of up to three digits. Marks of
sources that do not exist are taken out of the text, so what is emitted, joined, is the answer.
Brackets in Markdown code are never marks: between backticks up to the end of the line, or between
runs of three or more backticks. How the text is cut into tokens changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kb.text.sentences import sentence_extents
from kb.text.terms import terms
from kb.types import Citation, Cited, Delta, Hit, Source, Span

QUOTE_LENGTH = 400
"""Most characters of a quote; a longer sentence is cut at blanks or commas."""

MARK_LENGTH = 24
"""Longest mark in characters, so also the most that is ever held back."""

MAX_CITATIONS = 1_000
"""Further marks of an answer stay as they are, and are not citations: each is stored with its
quote. Set by hand; an answer of the usual length has three."""

_CLAIM_LENGTH = 800  # characters before a mark that its sentence is looked for in
_CLAIM_TERMS = 3  # a claim of fewer is read together with the one before; set by hand

_CLOSING = {"[": "]", "［": "］", "【": "】"}
_OPENING = re.compile(r"[\[［【`]")
_MARK = re.compile(r"[\[［【] ?\d{1,3}(?: ?[,，、] ?\d{1,3})* ?[\]］】]")
_UNFINISHED = re.compile(r"[\[［【](?: ?\d{1,3} ?[,，、])*(?: ?\d{0,3}| ?\d{1,3} )")
_ANY_MARK = re.compile(r"[\[［【][\d ,，、]{1,22}[\]］】]")
_NUMBER = re.compile(r"\d+")
_TICKS = re.compile(r"`+")


@dataclass(frozen=True, slots=True)
class _QuotableSentence:
    span: Span
    text: str
    terms: frozenset[str]


class CitationScanner:
    """Turns the text of one answer into deltas and citations. One per answer; not thread-safe."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = {source.n: source.hit for source in sources}
        self._quotable: dict[int, list[_QuotableSentence]] = {}
        self._held = ""
        self._parts: list[str] = []
        self._length = 0
        self._cited = 0
        self._code = 0  # backticks that opened the code we are in; 0 outside
        self._ticks = 0  # backticks at the end of what has been read
        self._drop_blank = False  # a dropped mark leaves one blank, not two
        self._plain = True  # none of the four above is set

    @property
    def answer(self) -> str:
        """What has been emitted so far, joined."""
        return "".join(self._parts)

    def feed(self, text: str) -> list[Delta | Cited]:
        """The next characters from the model; what may still become a mark is held back."""
        if self._plain and _OPENING.search(text) is None:
            if not text:
                return []
            self._parts.append(text)
            self._length += len(text)
            return [Delta(text)]
        return self._scan(self._held + text, final=False)

    def quote(self, text: str) -> list[Delta | Cited]:
        """Text that is not a model's: it comes out as it is, whatever it holds."""
        events = self.finish()
        self._parts.append(text)
        self._length += len(text)
        return [*events, Delta(text)]

    def finish(self) -> list[Delta | Cited]:
        """The end of the answer: what was held back is plain text."""
        return self._scan(self._held, final=True)

    def _scan(self, text: str, *, final: bool) -> list[Delta | Cited]:
        events: list[Delta | Cited] = []
        pending: list[str] = []
        position = 0
        self._held = ""
        while position < len(text):
            if self._code or self._ticks:
                upto = self._through_code(text, position)
                self._keep(text[position:upto], pending)
                position = upto
                continue
            opening = _OPENING.search(text, position)
            upto = opening.start() if opening else len(text)
            self._keep(text[position:upto], pending)
            position = upto
            if opening is None:
                break
            if text[position] == "`":
                position = self._open_ticks(text, position, pending)
                continue
            mark = _mark_at(text, position)
            if mark:
                self._mark(mark, pending, events)
                position += len(mark)
            elif not final and _may_become_mark(text, position):
                self._held = text[position:]
                break
            else:
                self._keep(text[position], pending)
                position += 1
        _flush(pending, events)
        self._plain = not (self._held or self._code or self._ticks or self._drop_blank)
        return events

    def _keep(self, text: str, pending: list[str]) -> None:
        if self._drop_blank and text:
            self._drop_blank = False
            text = text[1:] if text[0] == " " else text
        if text:
            self._parts.append(text)
            self._length += len(text)
            pending.append(text)

    # --- code --------------------------------------------------------------------------------

    def _open_ticks(self, text: str, position: int, pending: list[str]) -> int:
        upto = _after_ticks(text, position)
        self._ticks = upto - position
        self._keep(text[position:upto], pending)
        return upto

    def _through_code(self, text: str, position: int) -> int:
        """Where to read on: after the run of backticks, or after the code."""
        if self._ticks:
            upto = _after_ticks(text, position)
            self._ticks += upto - position
            if upto < len(text):
                self._turn()
            return upto
        ticks = text.find("`", position)
        if self._code < 3:
            line_end = text.find("\n", position, ticks if ticks >= 0 else len(text))
            if line_end >= 0:
                self._code = 0
                return line_end + 1
        if ticks < 0:
            return len(text)
        upto = _after_ticks(text, ticks)
        self._ticks = upto - ticks
        if upto < len(text):
            self._turn()
        return upto

    def _turn(self) -> None:
        """A run of backticks has ended: it opens code, closes it, or is part of it."""
        if self._code == 0:
            self._code = self._ticks
        elif self._ticks == self._code or (self._code >= 3 and self._ticks > self._code):
            self._code = 0
        self._ticks = 0

    # --- marks -------------------------------------------------------------------------------

    def _mark(self, mark: str, pending: list[str], events: list[Delta | Cited]) -> None:
        numbers = [int(number) for number in _NUMBER.findall(mark)]
        known = [number for number in dict.fromkeys(numbers) if number in self._sources]
        if not known:
            self._drop_blank = not self._parts or self._parts[-1][-1].isspace()
            return
        if len(known) < len(numbers):
            mark = f"{mark[0]}{', '.join(map(str, known))}{mark[-1]}"
        if self._cited >= MAX_CITATIONS:
            return self._keep(mark, pending)
        self._cited += len(known)
        claim = self._claim()
        start = self._length
        self._drop_blank = False
        self._keep(mark, pending)
        _flush(pending, events)
        for number in known:
            hit = self._sources[number]
            if number not in self._quotable:
                self._quotable[number] = _quotable(hit)
            quote = _best(self._quotable[number], claim)
            events.append(Cited(_citation(number, (start, self._length), hit, quote)))

    def _claim(self) -> str:
        """The sentence that the mark stands behind, or its part since the mark before."""
        tail: list[str] = []
        length = 0
        for part in reversed(self._parts):
            tail.append(part)
            length += len(part)
            if length >= _CLAIM_LENGTH:
                break
        written = "".join(reversed(tail))[-_CLAIM_LENGTH:]
        clauses = [clause for clause in _ANY_MARK.split(written) if clause.strip()]
        claim = _last_sentence(clauses[-1]) if clauses else ""
        if len(clauses) > 1 and len(terms(claim)) < _CLAIM_TERMS:
            return _last_sentence(clauses[-2] + clauses[-1])
        return claim


def _quotable(hit: Hit) -> list[_QuotableSentence]:
    sentences: list[_QuotableSentence] = []
    offset = 0
    for span in hit.chunk.spans:
        piece = hit.chunk.text[offset : offset + span.end - span.start]
        offset += len(piece)
        for start, end in sentence_extents(piece, limit=QUOTE_LENGTH):
            where = Span(span.page, span.start + start, span.start + end)
            text = piece[start:end]
            sentences.append(_QuotableSentence(where, text, frozenset(terms(text))))
    return sentences or [_QuotableSentence(Span(hit.chunk.spans[0].page, 0, 0), "", frozenset())]


def _best(sentences: Sequence[_QuotableSentence], claim: str) -> _QuotableSentence:
    """The sentence that shares most terms with a claim.

    Overlap is Dice's coefficient over terms, so a long sentence does not win by its length; the
    earlier sentence wins a tie, and the first stands for a claim that shares nothing.
    """
    said = frozenset(terms(claim))
    return max(sentences, key=lambda sentence: _overlap(said, sentence.terms))


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    shared = len(one & other)
    return 2 * shared / (len(one) + len(other)) if shared else 0.0


def _citation(number: int, at: tuple[int, int], hit: Hit, quote: _QuotableSentence) -> Citation:
    return Citation(
        n=number,
        answer_start=at[0],
        answer_end=at[1],
        chunk_id=hit.chunk.id,
        document_id=hit.chunk.document_id,
        document_name=hit.document_name,
        page=quote.span.page,
        start=quote.span.start,
        end=quote.span.end,
        quote=quote.text,
    )


def _mark_at(text: str, position: int) -> str:
    match = _MARK.match(text, position, position + MARK_LENGTH)
    if match is None or _CLOSING[match[0][0]] != match[0][-1]:
        return ""
    return match[0]


def _may_become_mark(text: str, position: int) -> bool:
    tail = len(text) - position
    return tail < MARK_LENGTH and _UNFINISHED.fullmatch(text, position) is not None


def _after_ticks(text: str, position: int) -> int:
    match = _TICKS.match(text, position)
    return match.end() if match else position


def _flush(pending: list[str], events: list[Delta | Cited]) -> None:
    if pending:
        events.append(Delta("".join(pending)))
        pending.clear()


def _last_sentence(text: str) -> str:
    extents = sentence_extents(text)
    return text[slice(*extents[-1])] if extents else ""
