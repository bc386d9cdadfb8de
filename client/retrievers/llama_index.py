"""Our search as a LlamaIndex retriever, for its query engines and agents."""

from __future__ import annotations

import asyncio

from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from .passages import Passage, Search


class KnowledgeBaseRetriever(BaseRetriever):
    """Nodes that hold a passage's text; the metadata says where it stands.

    Args:
        search: `over_http`, or any function from a question to passages.
    """

    def __init__(self, search: Search) -> None:
        super().__init__()
        self._search = search

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return [_node(passage) for passage in self._search(query_bundle.query_str)]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)


def _node(passage: Passage) -> NodeWithScore:
    node = TextNode(id_=passage.chunk_id, text=passage.text, metadata=passage.metadata())
    return NodeWithScore(node=node, score=passage.score)
