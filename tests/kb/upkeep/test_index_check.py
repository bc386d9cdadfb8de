"""What a check of an index takes for damage, and what a whole graph may do."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pytest

from kb.index.embedded_chroma.vectors import ChromaVectors
from kb.knowledge_base import KnowledgeBase
from kb.protocols import IndexKey, Scored
from kb.store.content import embeddings, generations, texts
from kb.upkeep.index_check import IndexCheck
from tests.parts import ADMIN, ingest

ROWS = 100


class ShortSighted:
    """An index whose graph reaches some rows only when it looks for many, as one of nearly equal
    texts may do, or never."""

    def __init__(
        self, index: ChromaVectors, hidden: Collection[str], reached_from: float = 1000
    ) -> None:
        self._index = index
        self._hidden = hidden
        self._reached_from = reached_from

    def ids(self, key: IndexKey) -> set[str]:
        return self._index.ids(key)

    def query(self, key: IndexKey, vector: np.ndarray, limit: int) -> list[Scored]:
        hits = self._index.query(key, vector, limit + len(self._hidden))
        if limit < self._reached_from:
            hits = [hit for hit in hits if hit.chunk_id not in self._hidden]
        return hits[:limit]


@pytest.fixture
def key(kb: KnowledgeBase) -> IndexKey:
    dataset = kb.create_dataset(ADMIN, "d").id
    ingest(kb, dataset, {f"{n}.md": f"Marker-{n} stands here." for n in range(ROWS)})
    return IndexKey(dataset, 1)


def problems(kb: KnowledgeBase, key: IndexKey, hidden: int, **how: float) -> list[str]:
    with kb.database.read() as tx:
        rows = sorted(texts.live(tx, key))
        probed = embeddings.of_texts(tx, generations.embedder_of(tx, key), rows)
    assert len(probed) == ROWS
    index = ShortSighted(kb.vectors, rows[:hidden], **how)
    with kb.applier.paused():
        found = IndexCheck(kb.database, index, kb.keywords).problems(key, "vector")
        return [f"{code}: {detail}" for code, detail in found]


def test_a_row_that_is_hard_to_reach_is_no_damage_and_many_are(kb, key):
    assert problems(kb, key, 0) == problems(kb, key, 1) == []
    (found,) = problems(kb, key, 2)
    assert found.startswith(f"vector_search: 2 of {ROWS} probed texts are not found")


def test_a_single_row_that_cannot_be_reached_is_damage(kb, key):
    (found,) = problems(kb, key, 1, reached_from=np.inf)
    assert found.startswith(f"vector_search: 1 of {ROWS} probed texts are not found")
