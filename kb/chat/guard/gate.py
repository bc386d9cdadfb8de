"""The gate between a language model and the reader: the hidden prompt does not pass.

No eight words in a row of a guarded text leave, nor 20 characters of a CJK script, nor 40 folded
letters: however they are cut into tokens, disguised as `kb/chat/guard/folding.py` and
`disguises.py` say, or spread over the answers of one conversation. Paraphrase and translation pass:
no filter can promise more, so nothing secret belongs in a prompt.

Text is let through at once; only from half a forbidden run on is it held back until the run ends
or the answer is stopped. What is looked at before it is released is all that counts, so whatever
is fed, in whatever pieces, the sum of what was released never holds a forbidden run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kb.chat.guard import disguises
from kb.chat.guard.folding import NUMBERING, fold, units
from kb.chat.guard.index import FRAGMENT_UNITS, GRAM, LONGEST, NEVER, SEPARATOR, PromptIndex

PIECE = 32
"""Longer text is looked at in pieces of so many characters."""

ENCODED_RUN = 12
"""Folded characters that stop an answer if they were encoded: prose never decodes to them (none of
5,000 answers of `bench.guard`)."""

ANSWER_READ = 4_000
"""Characters at the end of an earlier answer that are looked through for what it gave away."""

GAP = 8
"""Folded characters that may be left out between two pieces without parting them."""

MOST_INTERVALS = 256
"""Pieces that are kept in mind; whoever collects more is found out long before."""

_REMEMBERED = ENCODED_RUN + GRAM
_STRIDE = 5  # letters after which the turned text is looked at again


@dataclass(frozen=True, slots=True)
class Guarded:
    """What one answer must not give away, and what it may say all the same.

    Attributes:
        indexes: the texts of the app, and with it what this question's inputs make of them.
        allowed: texts that may be quoted: the sources, the question and its inputs.
        earlier: the answers that the conversation has had before, oldest first.
    """

    indexes: tuple[PromptIndex, ...] = ()
    allowed: tuple[str, ...] = ()
    earlier: tuple[str, ...] = ()


class PromptGuard:
    """Lets one answer through up to where it would give the prompt away. Not thread-safe."""

    def __init__(self, guarded: Guarded) -> None:
        self._allowed = _Allowed(guarded)
        earlier = [fold(answer[-ANSWER_READ:]) for answer in guarded.earlier]
        live = [index for index in guarded.indexes if index.windows]
        self._traces = [_Trace(index, self._allowed, earlier) for index in live]
        self._letters = NUMBERING.union(*(index.letters for index in live))
        self._words = [disguises.TurnedWords(index.text, self._allowed.holds) for index in live]
        self._recent = "\n"
        self._turned = ""
        self._unread = 0
        self._held = ""
        self._stopped = False

    @property
    def has_stopped(self) -> bool:
        """Whether the answer must end here: what it says next is not fit to be shown."""
        return self._stopped

    def feed(self, text: str) -> str:
        """The next characters from the model; returns those that may be shown now."""
        if not self._traces:
            return text
        if len(text) <= PIECE:
            return "" if self._stopped else self._piece(text)
        released: list[str] = []
        for start in range(0, len(text), PIECE):
            if self._stopped:
                break
            released.append(self._piece(text[start : start + PIECE]))
        return "".join(released)

    def finish(self) -> str:
        """The end of the answer: what was held back may be shown, for it has led to nothing."""
        held, self._held = self._held, ""
        return held

    def _piece(self, piece: str) -> str:
        folded = fold(piece, self._recent)
        self._recent = (self._recent + piece)[-disguises.RECENT :]
        text = self._held + piece
        self._held = ""
        withheld = 0
        for trace in self._traces:
            self._stopped = trace.leaks(folded) or self._stopped
            withheld = max(withheld, trace.to_withhold)
        if not self._stopped and (self._is_encoded(piece) or self._is_turned(piece)):
            self._stopped = True
            return ""
        if not withheld:
            return text
        start = _start_of(text, withheld)
        self._held = "" if self._stopped else text[start:]
        return text[:start]

    def _is_encoded(self, text: str) -> bool:
        """Whether the prompt shows up when an encoding is taken off. Looks at what is new only."""
        if not text.isascii():
            text = disguises.plain_width(text)
        self._turned += disguises.rot13(text)
        if len(self._turned) > _REMEMBERED + _STRIDE:
            if self._gives_away(self._turned):
                return True
            self._turned = self._turned[-_REMEMBERED:]
        self._unread += len(text)
        if disguises.LOUD.search(text) is None or self._unread < disguises.patience(self._recent):
            return False
        self._unread = 0
        recent = disguises.plain_width(self._recent)
        said = disguises.decoded(recent, least=ENCODED_RUN, letters=self._letters)
        return any(map(self._gives_away, said))

    def _is_turned(self, piece: str) -> bool:
        return any(words.leaks(piece) for words in self._words)

    def _gives_away(self, folded: str) -> bool:
        return any(
            not self._allowed.holds(folded[start:end])
            for trace in self._traces
            for start, end in trace.index.runs(folded, ENCODED_RUN)
        )


class _Revealed:
    """The intervals of one prompt that a conversation has said so far, and what therefore may not
    follow. Not thread-safe.

    Seven words are allowed, and seven more are not if together they make up fourteen in a row. A
    piece counts from half a window on, so that common phrases of three words never add up.

    Attributes:
        windows: pieces that would make a forbidden run with what was said before.
        lengths: the lengths that they have.
    """

    def __init__(self, index: PromptIndex) -> None:
        self._index = index
        self._intervals: list[tuple[int, int]] = []
        self.windows: set[str] = set()
        self.lengths: set[int] = set()

    def note(self, run: str) -> None:
        """Count a run of the answer as given away, if it is long enough."""
        for start, end in self._index.places(run):
            if self._index.fragment_reach[start] <= end and len(self._intervals) < MOST_INTERVALS:
                self._add(start, end)

    def _add(self, start: int, end: int) -> None:
        if any(known[0] <= start and end <= known[1] for known in self._intervals):
            return
        apart = []
        for known in self._intervals:
            if known[0] > end + GAP or known[1] < start - GAP:
                apart.append(known)
            else:
                start, end = min(start, known[0]), max(end, known[1])
        self._intervals = [*apart, (start, end)]
        self._forbid_around(start, end)

    def _forbid_around(self, start: int, end: int) -> None:
        index = self._index
        for begin in range(max(start - GAP - LONGEST, 0), min(end + GAP, len(index.text))):
            first = min(begin, start)
            stop = max(index.fragment_reach[begin], start - GAP)
            if index.reach[first] > max(stop, end):
                stop = index.reach[first]
            if stop == NEVER or stop - begin > LONGEST:
                continue
            window = index.text[begin:stop]
            if SEPARATOR not in index.text[first : max(stop, end)]:
                self.windows.add(window)
                self.lengths.add(len(window))


class _Allowed:
    """What may be quoted, folded when it is first asked for: most answers never need it."""

    def __init__(self, guarded: Guarded) -> None:
        self._guarded = guarded
        self._text: str | None = None

    def holds(self, run: str) -> bool:
        """Whether a folded run stands in it, forwards or backwards."""
        if self._text is None:
            quotable = [index.quotable for index in self._guarded.indexes]
            self._text = SEPARATOR.join((*quotable, *map(fold, self._guarded.allowed)))
        return run in self._text or run[::-1] in self._text


class _Trace:
    """Follows how far the folded answer runs along one prompt, forwards or backwards.

    Attributes:
        to_withhold: folded characters at the end of what was read that should not be shown yet; of
            a leak, those from where its run begins.
    """

    def __init__(self, index: PromptIndex, allowed: _Allowed, earlier: Sequence[str]) -> None:
        self.index = index
        self.to_withhold = 0
        self._allowed = allowed
        self._tail = SEPARATOR * GRAM
        self._run = 0
        self._revealed = _Revealed(index)
        self._lengths: Sequence[int] = index.lengths
        for answer in earlier:
            self._remember(answer)
        self.leaks("".join(earlier)[-LONGEST:])  # an answer may go on where the last one ended

    def leaks(self, folded: str) -> bool:
        """Read on; whether a run that may not leave is complete."""
        text = self._tail + folded
        run = self._run
        grams = self.index.grams
        shortest = self._lengths[0]
        for end in range(len(self._tail) + 1, len(text) + 1):
            if text[end - GRAM : end] in grams:
                run = run + 1 if run else GRAM
                if run >= shortest and self._completes(text, end, run):
                    self.to_withhold = run + len(text) - end
                    return True
            elif run:
                self._over(text[max(end - 1 - run, 0) : end - 1])
                run = 0
        self._tail = text[-LONGEST:]
        self._run = run
        self.to_withhold = run if run >= FRAGMENT_UNITS // 2 and self._is_growing(run) else 0
        return False

    def _completes(self, text: str, end: int, run: int) -> bool:
        lengths = [length for length in self._lengths if length <= run]
        forbidden = [n for n in lengths if self._is_forbidden(text[max(end - n, 0) : end])]
        if not forbidden or self._allowed.holds(text[max(end - forbidden[-1], 0) : end]):
            return False  # what holds the longest holds all of them
        return any(not self._allowed.holds(text[max(end - n, 0) : end]) for n in forbidden)

    def _is_forbidden(self, window: str) -> bool:
        windows = self.index.windows
        return window in windows or window[::-1] in windows or window in self._revealed.windows

    def _is_growing(self, run: int) -> bool:
        tail = self._tail[-run:]
        return units(tail) >= FRAGMENT_UNITS and not self._allowed.holds(tail)

    def _over(self, run: str) -> None:
        if len(run) >= self.index.shortest_fragment and not self._allowed.holds(run):
            self._revealed.note(run)
            self._lengths = sorted({*self.index.lengths, *self._revealed.lengths})

    def _remember(self, answer: str) -> None:
        for start, end in self.index.runs(answer, self.index.shortest_fragment):
            self._over(answer[start:end])


def _start_of(text: str, folded: int) -> int:
    """Where the last so many folded characters of a text begin; 0 if it has fewer."""
    for start in range(len(text) - 1, -1, -1):
        if folded <= 0:
            return start + 1
        folded -= len(fold(text[start]))
    return 0
