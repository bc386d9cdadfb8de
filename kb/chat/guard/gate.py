"""The gate between a language model and the reader: the hidden prompt does not pass.

No eight words in a row of a guarded text leave, nor 20 characters of a CJK script, nor 40 folded
letters; and not 20 of 24 neighbouring content words within three times their length, in whatever
order, spelling or company. Both hold for all answers that one reader gets of a prompt together.
Paraphrase and translation pass: no filter can promise more, so nothing secret belongs in a prompt.

Text is let through at once; only from half a run on is it held back until the run ends or the
answer is stopped, and markup until it closes. What is looked at before it is released is all that
counts: whatever is fed, in whatever pieces, the sum of what was released never holds a leak.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kb.chat.guard import encodings
from kb.chat.guard.allowed import Allowed, Guarded
from kb.chat.guard.disclosed import Disclosed
from kb.chat.guard.folding import CLOSED, OPENED, Folder, fold, letters
from kb.chat.guard.index import GRAM
from kb.chat.guard.words import LatelySaid

PIECE = 32
"""Longer text is looked at in pieces of so many characters."""

ENCODED_RUN = 12
"""Folded letters that stop an answer if they were encoded: prose never decodes to them (none of
5,000 answers of `bench.guard`)."""

ADJOINING = 12
"""Folded letters that count as told where they go on from what was told before."""

_KEPT = 64  # letters in which the beginning of a run is looked for
_STRIDE = 4  # letters after which a gram is looked up
_EVERYTHING = 2**31
_PARTS = re.compile(f"([{OPENED}{CLOSED}])")


class PromptGuard:
    """Lets one answer through up to where it would give the prompt away. Not thread-safe.

    Args:
        told: what the reader was told of the first index before; nothing is known of the others.

    Attributes:
        has_stopped: whether the answer must end here: what it says next is not fit to be shown.
    """

    def __init__(self, guarded: Guarded, told: Disclosed | None = None) -> None:
        allowed = Allowed(guarded)
        self._readers = [
            _Reader(allowed, (number == 0 and told) or Disclosed(index))
            for number, index in enumerate(guarded.indexes)
            if index.guards
        ]
        self._folder = Folder()
        self._recent = ""
        self._decode_at = encodings.STEP
        self._held = ""
        self.has_stopped = False
        for answer in guarded.earlier if self._readers else ():
            self._leaks(f"{fold(answer)} ")

    def feed(self, text: str) -> str:
        """The next characters from the model; returns those that may be shown now."""
        if not self._readers:
            return text
        if len(text) <= PIECE:
            return "" if self.has_stopped else self._piece(text)
        return "".join(self.feed(text[at : at + PIECE]) for at in range(0, len(text), PIECE))

    def finish(self) -> str:
        """The end of the answer: what was held back may be shown if it has led to nothing."""
        if self._readers and not self.has_stopped:
            leaks = self._leaks(self._folder.finish())
            self.has_stopped = sum(reader.end() for reader in self._readers) > 0 or leaks
        held, self._held = self._held, ""
        return "" if self.has_stopped else held

    def _piece(self, piece: str) -> str:
        text = self._held + piece
        leaks = self._leaks(self._folder.feed(piece))
        withheld = max([reader.to_withhold for reader in self._readers])
        self._recent += piece
        if not leaks and len(self._recent) >= self._decode_at and self._is_encoded():
            leaks, withheld = True, _EVERYTHING
        if not (leaks or withheld or self._folder.open):
            self._held = ""
            return text
        start = _start_of(text, withheld, len(text) - self._folder.open)
        self._held, self.has_stopped = text[start:], leaks
        return text[:start]

    def _leaks(self, folded: str) -> bool:
        return sum([reader.leaks(folded) for reader in self._readers]) > 0

    def _is_encoded(self) -> bool:
        """Whether the prompt shows up when an encoding is taken off."""
        self._recent = self._recent[-encodings.RECENT :]
        self._decode_at = len(self._recent) + encodings.STEP
        said = map(letters, encodings.decoded(self._recent))
        return any(reader.holds(text) for text in said for reader in self._readers)


class _Reader:
    """Follows how far the folded answer runs along one prompt.

    Attributes:
        to_withhold: folded letters at the end of what was read that should not be shown yet; of a
            leak, those from where its run begins.
    """

    def __init__(self, allowed: Allowed, told: Disclosed) -> None:
        self._index = told.index
        self._allowed = allowed
        self._told = told
        self._words = LatelySaid(told.index)
        self._text = ""
        self._places: list[int] = []
        self._run = 0
        self._outside: tuple[str, list[int], int, str] | None = None
        self.to_withhold = 0

    def leaks(self, folded: str) -> bool:
        """Read on; whether with it too much is told.

        What stands in markup is read as text; where the markup ends, the text before it goes on.
        """
        if OPENED not in folded and CLOSED not in folded:
            return self._reads(folded)
        leaks = False
        for part in _PARTS.split(folded):
            if part == OPENED and self._outside is None:
                self._outside = self._text, self._places, self._run, self._words.word
                self._words.word = ""
            elif part == CLOSED and self._outside is not None:
                leaks = self._reads(" ") or self.end()
                self._text, self._places, self._run, self._words.word = self._outside
                self._outside = None
            elif part not in (OPENED, CLOSED):
                leaks = self._reads(part)
            if leaks:
                self.to_withhold = _EVERYTHING
                return True
        self.to_withhold = self._growing()
        return False

    def _reads(self, folded: str) -> bool:
        grown = self._words.said(folded)
        leaks = self._runs(folded.replace(" ", ""))
        if grown and self._adds_up(grown):
            self.to_withhold = _EVERYTHING
            return True
        return leaks

    def holds(self, text: str) -> bool:
        """Whether letters that were encoded are the prompt's."""
        pieces = (text[at : at + ENCODED_RUN] for at in range(len(text) - ENCODED_RUN + 1))
        return any(
            piece[:GRAM] in self._index.grams
            and piece in self._index.text
            and not self._allowed.holds(piece)
            for piece in pieces
        )

    def end(self) -> bool:
        """The answer ends. A run that has ended counts as told, unless that is too much by now:
        another answer may have told what stands beside it meanwhile."""
        places, self._places = self._places, []
        counting = [place for place in places if self._counts(place, self._run)]
        if any(self._completes(*piece) for place in counting for piece in self._ends(place)):
            return True
        for place in counting:
            if not self._allowed.holds(self._index.text[place - self._run : place]):
                self._told.add(place - self._run, place)
        return False

    def _adds_up(self, grown: list[tuple[int, int]]) -> bool:
        """Whether the words of a span that this answer says and those that were told before are too
        many; if not, they count as told. Words that an allowed text says together do not."""
        allowed, spans, told = self._allowed, self._index.spans, self._told
        counting = [spans[n] for n, said in grown if allowed.words(self._index, n) < said]
        for span in counting:
            own = self._words.own(span)
            known = sum(word in own or told.holds(*place) for word, place in span.words.items())
            if known >= span.most and not all(told.holds(*span.words[word]) for word in own):
                return True
        for span in counting:
            for word in self._words.own(span):
                told.add(*span.words[word])
        return False

    def _runs(self, said: str) -> bool:
        index, read = self._index, len(self._text)
        text = self._text = self._text + said
        while read < len(text):
            if self._places:
                places = [p + 1 for p in self._places if index.text[p] == text[read]]
                read += 1
                if places:
                    self._places, self._run = places, self._run + 1
                    leaks = any(self._completes(place, self._run) for place in places)
                else:
                    leaks = self.end() or self._finds(text, read)
            else:
                read = min(read + _STRIDE, len(text))
                leaks = text[max(read - GRAM, 0) : read] in index.grams and self._finds(text, read)
            if leaks:
                self.to_withhold, self._places = self._run + len(text) - read, []
                return True
        self._text = text[-_KEPT:]
        self.to_withhold = self._growing() if self._places else 0
        return False

    def _finds(self, text: str, end: int) -> bool:
        """Look for the prompt at the end of what was read; whether a leak ends there."""
        places = self._index.grams.get(text[max(end - GRAM, 0) : end], ())
        runs = {place: _shared(text[:end], self._index.text[:place]) for place in places}
        self._run = max(runs.values(), default=0)
        self._places = [place for place, run in runs.items() if run == self._run]
        return any(self._completes(*piece) for place in self._places for piece in self._ends(place))

    def _ends(self, place: int) -> Iterator[tuple[int, int]]:
        """A run that reaches a place, and its beginnings down to a gram, each with its length."""
        return ((place - back, self._run - back) for back in range(self._run - GRAM + 1))

    def _completes(self, place: int, run: int) -> bool:
        """Whether a run of the answer that ends with a word of the prompt tells too much, with what
        was told around it before."""
        index, start = self._index, place - run
        if index.fragment_at[place] < 0 or not self._counts(place, run):
            return False
        first, last = self._told.around(start, place)
        if index.run_before[last] < first or self._told.holds(start, place):
            return False
        return not self._allowed.holds(index.text[max(start, index.run_at[place]) : place])

    def _counts(self, place: int, run: int) -> bool:
        """Whether a run is long enough to count: half of what may not leave, or less where it goes
        on from what was told before."""
        index, start = self._index, place - run
        return index.fragment_before[place] >= start or (
            run >= ADJOINING
            and index.adjoining_before[place] >= start
            and self._told.around(start, place) != (start, place)
        )

    def _growing(self) -> int:
        """The letters of the present run if it may become too long."""
        growing = any(
            self._counts(place, self._run)
            and not self._allowed.holds(self._index.text[place - self._run : place])
            for place in self._places
        )
        return self._run if growing else 0


def _shared(first: str, second: str) -> int:
    """With how many of the same letters two texts end."""
    pairs = enumerate(zip(reversed(first), reversed(second), strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(first), len(second)))


def _start_of(text: str, folded: int, end: int) -> int:
    """Where the last so many folded letters before a place of a text begin; 0 if it has fewer."""
    while folded > 0 and end > 0:
        end -= 1
        folded -= len(letters(text[end]))
    return end
