"""Our search as a Haystack component. Needs the extra `haystack` of citewell-client."""

from __future__ import annotations

import asyncio

from haystack import Document, component

from .passages import Search


@component
class KnowledgeBaseRetriever:
    """Documents that hold a passage's text and score; `meta` says where it stands.

    Args:
        search: `over_http`, or any function from a question to passages.
    """

    def __init__(self, search: Search) -> None:
        self._search = search

    @component.output_types(documents=list[Document])  # type: ignore[untyped-decorator]
    def run(self, query: str) -> dict[str, list[Document]]:
        """The passages that fit a question, best first."""
        found = [
            Document(
                id=passage.chunk_id,
                content=passage.text,
                meta=passage.metadata(),
                score=passage.score,
            )
            for passage in self._search(query)
        ]
        return {"documents": found}

    @component.output_types(documents=list[Document])  # type: ignore[untyped-decorator]
    async def run_async(self, query: str) -> dict[str, list[Document]]:
        """The same, beside other work."""
        return await asyncio.to_thread(self.run, query)
