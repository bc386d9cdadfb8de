"""A hidden prompt, prepared once so that an answer can be compared with it while it streams.

Two things may not leave. A *run*: eight words in a row, or `RUN_UNITS` of folded text. And of a
*span*, `SPAN_WORDS` neighbouring different content words, nearly all of them, in whatever order and
with whatever stands between. Runs are found by *grams*, pieces of `GRAM` letters, spans by words.
"""

from __future__ import annotations

import hashlib
import re
from array import array
from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

from kb.chat.guard.folding import WIDE, fold, letters
from kb.text.scripts import HAN_KANA_HANGUL

RUN_WORDS, RUN_UNITS = 8, 40
"""Words, or folded letters, or half as many CJK characters, that may not leave together.

`bench.guard`: with these and the limits below, none of 5,000 ordinary answers is stopped for any of
five prompts, all of them to one reader (decision 12).
"""

FRAGMENT_WORDS, FRAGMENT_UNITS = RUN_WORDS // 2, RUN_UNITS // 2
"""From here on a piece counts as told, and text is held back while it grows."""

ADJOINING_WORDS, ADJOINING_UNITS = 2, 24
"""From here on a piece counts where it goes on from what was told before: a pair of words."""

SPAN_WORDS, SPAN_TOLD = 24, 19
"""Of so many different content words in a row so many may not be told. The documents promise 20:
the newest word is only known once it has been shown."""

SPAN_COUNTS, SPAN_COUNTS_WIDE = 12, 16
"""So many of them, or of single characters so many, an answer says itself before they count as told
or it is stopped for what others told: `bench.guard` finds at most 11 and 14 in ordinary answers."""

LEAST_SPAN, LEAST_SPAN_WIDE = 12, SPAN_WORDS
"""A shorter text has no spans: a few of its words stand in any answer on its subject."""

GRAM = 8
CONTENT, LONGEST_WORD = 4, 24
"""Letters of a content word; a word inside others is looked up by its last `CONTENT`."""

BETWEEN = "\n" * 9
"""Between two texts: more than is ever taken as a gap inside one; no folded text holds it."""

_MOST_PLACES = 8
_MOST_MEANT = 20_000  # words that are remembered, most of which mean none of the prompt's
_TOKEN = re.compile(f"[{HAN_KANA_HANGUL}]|[^\\W{HAN_KANA_HANGUL}]{{1,{RUN_UNITS}}}")


class Span(NamedTuple):
    """Neighbouring content words: where each stands, how many may not leave together, and from how
    many on they count."""

    words: dict[str, tuple[int, int]]
    most: int
    counts: int


class PromptIndex:
    """The folded texts of one prompt.

    Attributes:
        text: their letters, with `BETWEEN` around each.
        grams: where each `GRAM` letters of it end.
        run_at, fragment_at: for each place, where the shortest one that ends there begins, or -1.
        run_before, fragment_before, adjoining_before: the latest beginning of one that ends there
            or before, or -1.
        spans: the neighbouring content words, from each on.
        spans_of: in which of them a content word stands.
        memory: letters of an answer within which the words of a span count together: three times
            the length of a span.
        meant: the content words that a folded word stands for.
        quotable: what may be said although it stands in the prompt, folded.
    """

    def __init__(self, parts: Sequence[str], quotable: Sequence[str]) -> None:
        self.quotable = "\n".join(map(letters, quotable))
        self.text = BETWEEN
        self.run_at, self.fragment_at, adjoining = array("i"), array("i"), array("i")
        self.spans: list[Span] = []
        for part in dict.fromkeys(parts):
            self._add(part, quotable, adjoining)
        self.run_before = array("i", accumulate(self.run_at, max))
        self.fragment_before = array("i", accumulate(self.fragment_at, max))
        self.adjoining_before = array("i", accumulate(adjoining, max))
        self.grams: dict[str, list[int]] = defaultdict(list)
        for end in range(GRAM, len(self.text) + 1):
            if len(places := self.grams[self.text[end - GRAM : end]]) < _MOST_PLACES:
                places.append(end)
        self.spans_of: dict[str, list[int]] = defaultdict(list)
        for number, span in enumerate(self.spans):
            for word in span.words:
                self.spans_of[word].append(number)
        self._lengths: dict[str, set[int]] = defaultdict(set)
        for word in self.spans_of:
            self._lengths[word[-CONTENT:]].add(len(word))
        for growing in (self.grams, self.spans_of, self._lengths):
            growing.default_factory = None
        self.memory = 3 * max(map(_length, self.spans), default=0)
        self.meant = _Meant(self)

    @property
    def guards(self) -> bool:
        """Whether there is anything that may not leave."""
        return self.run_before[-1] >= 0

    @cached_property
    def digest(self) -> str:
        """A name for the folded text."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:32]

    def inside(self, text: str, start: int = 0) -> Iterator[str]:
        """The content words that end in folded letters behind a place."""
        for end in range(start + 1, len(text) + 1):
            for length in self._lengths.get(text[max(end - CONTENT, 0) : end], ()):
                if (word := text[max(end - length, 0) : end]) in self.spans_of:
                    yield word

    def _add(self, part: str, quotable: Sequence[str], adjoining: array[int]) -> None:
        tokens: list[_Token] = []
        for found in _TOKEN.finditer(fold(part)):
            tokens.append(_Token(found[0], len(self.text)))
            self.text += found[0]
        self.text += BETWEEN
        for starts, words, units in (
            (self.run_at, RUN_WORDS, RUN_UNITS),
            (self.fragment_at, FRAGMENT_WORDS, FRAGMENT_UNITS),
            (adjoining, ADJOINING_WORDS, ADJOINING_UNITS),
        ):
            starts.extend([-1] * (len(self.text) + 1 - len(starts)))
            for start, end in _pieces(tokens, words, units):
                starts[end] = start
        free = set[int]()
        for said in filter(None, map(letters, quotable)):
            for place in re.finditer(f"(?={re.escape(said)})", self.text):
                free.update(range(place.start(), place.start() + len(said)))
        self.spans += _spans(token for token in tokens if token.counts and token.start not in free)


class _Token(NamedTuple):
    """A word, or one character of a CJK script, and where it begins."""

    text: str
    start: int

    @property
    def place(self) -> tuple[int, int]:
        return self.start, self.start + len(self.text)

    @property
    def is_word(self) -> bool:
        return not WIDE.match(self.text)

    @property
    def counts(self) -> bool:
        return len(self.text) >= CONTENT or not self.is_word


def _pieces(tokens: Sequence[_Token], words: int, units: int) -> Iterator[tuple[int, int]]:
    """For each token the shortest piece that ends with it and is big enough."""
    sizes = [(1, len(token.text)) if token.is_word else (0, 2) for token in tokens]
    first = had_words = had_units = 0
    for token, (word, unit) in zip(tokens, sizes, strict=True):
        had_words, had_units = had_words + word, had_units + unit
        while had_words >= words or had_units >= units:
            had_words, had_units = had_words - sizes[first][0], had_units - sizes[first][1]
            first += 1
        if first:
            yield tokens[first - 1].start, token.place[1]


def _spans(tokens: Iterable[_Token]) -> Iterator[Span]:
    """From each token on the next `SPAN_WORDS` different ones; all, if there are not so many."""
    words: dict[str, list[tuple[int, int]]] = {}
    queue: deque[_Token] = deque()
    is_long = False
    for token in tokens:
        queue.append(token)
        words.setdefault(token.text, []).append(token.place)
        while len(words) == SPAN_WORDS:
            is_long = True
            yield _span(words)
            first = queue.popleft().text
            words[first].pop(0)
            if not words[first]:
                del words[first]
    if not is_long and len(words) >= (LEAST_SPAN_WIDE if _is_wide(words) else LEAST_SPAN):
        yield _span(words)


def _is_wide(words: Collection[str]) -> bool:
    return 2 * sum(len(word) < CONTENT for word in words) > len(words)


def _span(words: dict[str, list[tuple[int, int]]]) -> Span:
    counts = SPAN_COUNTS_WIDE if _is_wide(words) else SPAN_COUNTS
    return Span(
        {word: places[0] for word, places in words.items()},
        len(words) * SPAN_TOLD // SPAN_WORDS,
        len(words) * counts // SPAN_WORDS,
    )


def _length(span: Span) -> int:
    starts, ends = zip(*span.words.values(), strict=True)
    return int(max(ends) - min(starts))


class _Meant(dict[str, tuple[str, ...]]):
    """The content words that a word stands for: itself, those inside it, or the one of which it is
    a misspelling by one letter more, less or other, or by the order of its letters."""

    def __init__(self, index: PromptIndex) -> None:
        self._index = index
        long = [word for word in index.spans_of if len(word) > CONTENT]
        self._spelled = {part: word for word in long for part in _one_less(word)}
        self._spelled |= {word: word for word in index.spans_of}
        self._sorted = {"".join(sorted(word)): word for word in index.spans_of}

    def __missing__(self, said: str) -> tuple[str, ...]:
        if len(self) >= _MOST_MEANT:
            self.clear()
        found = [*self._index.inside(said), self._sorted.get("".join(sorted(said)))]
        if len(said) <= LONGEST_WORD:
            found += map(self._spelled.get, (said, *_one_less(said)))
        self[said] = meant = tuple(dict.fromkeys(filter(None, found)))
        return meant


def _one_less(word: str) -> Iterator[str]:
    """The word without one of its letters, in all ways."""
    return (word[:at] + word[at + 1 :] for at in range(len(word)))
