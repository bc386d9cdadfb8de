"""Short texts to search, and what a search finds by name."""

from __future__ import annotations

from kb.knowledge_base import KnowledgeBase
from kb.store.content import datasets
from kb.types import Retrieval
from tests.parts import ADMIN

FILES = {
    "moon.md": "The moon rises over Ostrava at nine.",
    "sun.md": "The sun sets behind the mill at five.",
    "wind.md": "A cold wind blows from the north.",
}


def named(kb: KnowledgeBase, name: str) -> str:
    found = kb.database.reading(datasets.find, ADMIN, name)
    return (found or kb.create_dataset(ADMIN, name)).id


def names(kb: KnowledgeBase, dataset_ids: list[str], query: str, **retrieval) -> list[str]:
    hits = kb.searcher.search(ADMIN, dataset_ids, query, Retrieval(**retrieval)).hits
    return [hit.document_name for hit in hits]
