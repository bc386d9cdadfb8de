"""Our search as a LangChain retriever. Needs the extra `langchain` of citewell-client."""

from __future__ import annotations

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from .passages import Search


class KnowledgeBaseRetriever(BaseRetriever):
    """Documents that hold a passage's text; the metadata says where it stands, and its score.

    Args:
        search: `over_http`, or any function from a question to passages.
    """

    search: Search

    def __init__(self, search: Search) -> None:
        super().__init__(search=search)  # type: ignore[call-arg]

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        return [
            Document(
                id=passage.chunk_id,
                page_content=passage.text,
                metadata={**passage.metadata(), "score": passage.score},
            )
            for passage in self.search(query)
        ]
