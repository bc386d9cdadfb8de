"""What the indexes answer, and what SQL answers in their place.

An index that is unchecked, damaged or being made anew raises IndexDamaged, whoever asks, one that
cannot be opened on a full disk StorageFull, and one whose server is away Unavailable. The answer
then comes from all live chunks: nearly the same, and slower.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from heapq import nlargest

from kb.errors import Unavailable
from kb.index.applier import contents
from kb.protocols import Frequencies, IndexKey, KeywordIndex, Scored, VectorIndex, Vectors
from kb.search.scoring import LENGTH_SHARE, SATURATION, term_weights
from kb.store.content import texts
from kb.store.engine.database import Database, Transaction
from kb.text.folding import fold
from kb.text.terms import query_terms, terms

RESCORED = 4
"""For each chunk that is wanted, so many whose terms are counted, best by a glance at the words. Of
the index's first 40 for 100 questions of SQuAD dev, 1, 2, 4, 8 find 0.60, 0.78, 0.86, 0.88, the
first one in 0.96 with each; 33, 37, 44, 66 ms for 1,200 chunks."""

_NUMBERS = re.compile(r"[\d.]+")
_SIGNS = re.compile(r"[\W_]+")


class NearestTexts:
    """The nearest texts, by the index or by comparing all vectors."""

    def __init__(self, index: VectorIndex, database: Database) -> None:
        """`index` has rows named by `kb.store.content.texts`."""
        self._index = index
        self._database = database

    def query(self, key: IndexKey, vector: Vectors, limit: int) -> list[Scored]:
        """The nearest of a (1, dimensions) vector, best first, score = cosine."""
        try:
            return self._index.query(key, vector, limit)
        except Unavailable:
            return self._database.reading(texts.nearest, key, vector, limit)


class MatchingChunks:
    """The chunks that hold the words of a question, by the index or by reading all of them."""

    def __init__(self, index: KeywordIndex, database: Database) -> None:
        self._index = index
        self._database = database

    def query(self, key: IndexKey, text: str, limit: int) -> list[Scored]:
        """Best matches, best first, score = BM25 (> 0)."""
        try:
            return self._index.query(key, text, limit)
        except Unavailable:
            return self._database.reading(_matching, key, text, limit)

    def frequencies(self, key: IndexKey, text: str) -> Frequencies:
        """How common the terms of a question are, at a glance if there is no index."""
        try:
            return self._index.frequencies(key, text)
        except Unavailable:
            glanced = self._database.reading(_glanced, key, query_terms(text))
            return Frequencies.among(glanced.values())


def _matching(tx: Transaction, key: IndexKey, text: str, limit: int) -> list[Scored]:
    """A glance at all chunks chooses those whose terms are counted, as the index would do."""
    weights = query_terms(text)
    glanced = _glanced(tx, key, weights)
    rarity = term_weights(weights, Frequencies.among(glanced.values()), least_chunks=1)
    seen = {name: sum(map(rarity.__getitem__, held)) for name, held in glanced.items() if held}
    chosen = frozenset(nlargest(limit * RESCORED, seen, key=seen.__getitem__))
    counted = {name: Counter(terms(text)) for name, text in contents(tx, key) if name in chosen}
    usual = sum(counts.total() for counts in counted.values()) / max(1, len(counted))
    scored = [Scored(name, _bm25(rarity, counts, usual)) for name, counts in counted.items()]
    good = (item for item in scored if item.score > 0)
    return sorted(good, key=lambda item: (-item.score, item.chunk_id))[:limit]


def _bm25(rarity: Mapping[str, float], counts: Counter[str], usual: float) -> float:
    damping = SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE * counts.total() / max(1.0, usual))
    found = ((rarity[term], counts[term]) for term in rarity if counts[term])
    return sum(weight * n * (SATURATION + 1) / (n + damping) for weight, n in found)


def _glanced(tx: Transaction, key: IndexKey, wanted: Iterable[str]) -> dict[str, list[str]]:
    """Chunk id → the terms that it seems to hold: an identifier, which has no one way to be
    written, where its longest number stands, signs aside."""
    stems = {term: _glance(term) for term in wanted}
    found = {}
    has_numbers = any(stem.isdecimal() for stem in stems.values())
    for chunk_id, text in contents(tx, key):
        words = fold(text).casefold()
        if has_numbers:
            words += _SIGNS.sub("", words)
        found[chunk_id] = [term for term, stem in stems.items() if stem in words]
    return found


def _glance(term: str) -> str:
    if not (numbers := _NUMBERS.findall(term)):
        return term.casefold().removesuffix("y").partition(":")[0]
    longest = max(numbers, key=len).replace(".", "")
    return "" if term.startswith("§") or (len(longest) < 3 and "-" in term) else longest
