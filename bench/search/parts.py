"""What the parts of a search take, each alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from bench.search.filling import SCOPE
from kb.knowledge_base import KnowledgeBase
from kb.protocols import IndexKey
from kb.store.content import chunks, datasets
from kb.text.terms import terms
from kb.types import Hit, Retrieval

PAUSE_S = 0.005
"""Before each question; see `bench.search`."""
WARM_UP = 10


def parts_alone(
    kb: KnowledgeBase, dataset_id: str, questions: Sequence[str]
) -> dict[str, list[float]]:
    """Milliseconds of what searches need."""
    key, reading = IndexKey(dataset_id, 1), kb.database.reading
    found: dict[str, list[float]] = {name: [] for name in ("vectors", "keywords", "SQL", "terms")}

    def rows(ids: list[str], texts: list[str], hits: Sequence[Hit]) -> None:
        given: dict[str, Any] = {"chunk_ids": ids, "texts": texts, "generations": {dataset_id: 1}}
        reading(datasets.of_ids, SCOPE, [dataset_id])
        given["embedder"] = kb.embedder.fingerprint
        reading(chunks.candidates, SCOPE, **given, characters=120)
        reading(chunks.live, SCOPE, [hit.chunk.id for hit in hits])

    for question in questions:
        vector = kb.embedder.embed_query(question)
        near, matched = kb.vectors.query(key, vector, 40), kb.keywords.query(key, question, 40)
        hits = kb.searcher.search(SCOPE, [dataset_id], question, Retrieval()).hits
        asked = ([row.chunk_id for row in matched], [row.chunk_id for row in near])
        time.sleep(PAUSE_S)
        found["SQL"].append(milliseconds(lambda a=asked, h=hits: rows(a[0], a[1], h)))
        found["vectors"].append(milliseconds(lambda v=vector: kb.vectors.query(key, v, 40)))
        found["keywords"].append(milliseconds(lambda q=question: kb.keywords.query(key, q, 40)))
        texts = [hit.chunk.index_text for hit in hits]
        found["terms"].append(
            milliseconds(lambda t=texts: [terms(x, without_identifiers=True) for x in t])
        )
    return found


def milliseconds(action: Callable[[], object]) -> float:
    """How long an action takes."""
    began = time.perf_counter()
    action()
    return (time.perf_counter() - began) * 1000
