"""What clients send about vector stores."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from api.dialects.dialect import Body
from api.dialects.openai.retrieval.filters import clauses_of
from api.resources.fields import Text
from kb.chat.ask.searched_in import SearchedIn
from kb.metadata import checked_metadata
from kb.types import SplitOptions

Id = Annotated[Text, Field(min_length=1, max_length=200)]
Query = Annotated[Text, Field(min_length=1, max_length=32_000)]
Attributes = Annotated[dict[str, Any], AfterValidator(checked_metadata)]
Filter = dict[str, Any]
MAX_RESULTS = 50


class StaticChunks(Body):
    """Sizes in tokens, here of the embedder; it never reads more than it can."""

    max_chunk_size_tokens: Annotated[int, Field(ge=100, le=4096)]
    chunk_overlap_tokens: Annotated[int, Field(ge=0, le=2048)]


class ChunkingStrategy(Body):
    """How files are cut into chunks."""

    type: Literal["auto", "static"]
    static: StaticChunks = StaticChunks(max_chunk_size_tokens=800, chunk_overlap_tokens=400)

    def split(self) -> SplitOptions | None:
        """Our way to say it; None: as the vector store has it."""
        size, overlap = self.static.max_chunk_size_tokens, self.static.chunk_overlap_tokens
        return None if self.type == "auto" else SplitOptions(max_tokens=size, overlap=overlap)


class StoreExpiry(Body):
    """After how many days without use a vector store is deleted."""

    anchor: Literal["last_active_at"] = "last_active_at"
    days: Annotated[int, Field(ge=1, le=365)]


class Described(Body):
    """What a vector store is called, and what is noted about it."""

    name: Annotated[Text, Field(max_length=200)] | None = None
    metadata: Attributes | None = None
    expires_after: StoreExpiry | None = None

    def others(self) -> dict[str, Any]:
        """The columns that the request sets, maybe to null."""
        given = self.model_fields_set
        found: dict[str, Any] = {}
        if "metadata" in given:
            found["metadata"] = self.metadata or {}
        if "expires_after" in given:
            found["expires_after_days"] = self.expires_after and self.expires_after.days
        return found


class MemberBody(Body):
    """A file for a vector store; its attributes are its document's metadata."""

    file_id: Id
    attributes: Attributes | None = None
    chunking_strategy: ChunkingStrategy | None = None


class StoreBody(Described):
    """A new vector store."""

    description: Text | None = None
    file_ids: Annotated[list[Id], Field(max_length=500)] = Field(default_factory=list)
    chunking_strategy: ChunkingStrategy | None = None


class BatchBody(Body):
    """Files for a vector store, with the same attributes or each with its own."""

    file_ids: Annotated[list[Id], Field(max_length=2000)] = Field(default_factory=list)
    files: Annotated[list[MemberBody], Field(max_length=2000)] = Field(default_factory=list)
    attributes: Attributes | None = None
    chunking_strategy: ChunkingStrategy | None = None

    def members(self) -> list[MemberBody]:
        """Every file."""
        shared = MemberBody(
            file_id="-", attributes=self.attributes, chunking_strategy=self.chunking_strategy
        )
        alike = (shared.model_copy(update={"file_id": each}) for each in self.file_ids)
        return [*alike, *self.files]


class AttributesBody(Body):
    """What is noted about a file of a vector store."""

    attributes: Attributes | None


class RankingOptions(Body):
    """Which results are good enough, and whether a reranking model orders them, if there is one."""

    ranker: Annotated[Text, Field(max_length=100)] | None = None
    score_threshold: Annotated[float, Field(ge=0, le=1)] = 0.0


class SearchOptions(Body):
    """How a vector store is searched."""

    filters: Filter | None = None
    ranking_options: RankingOptions | None = None

    @property
    def min_score(self) -> float:
        """The lowest score of a result."""
        return self.ranking_options.score_threshold if self.ranking_options else 0.0

    @property
    def reranks(self) -> bool:
        """Whether the reranking model is asked."""
        return self.ranking_options is None or self.ranking_options.ranker != "none"


class SearchBody(SearchOptions):
    """A search in one vector store."""

    max_num_results: Annotated[int, Field(ge=1, le=MAX_RESULTS)] = 10
    query: (
        Annotated[Text, Field(min_length=1, max_length=32_000)]
        | Annotated[
            list[Annotated[Text, Field(max_length=4096)]], Field(min_length=1, max_length=10)
        ]
    )


class FileSearchTool(SearchOptions):
    """Vector stores that an answer is to be searched in, in place of the app's own datasets."""

    type: Literal["file_search"]
    vector_store_ids: Annotated[list[Id], Field(min_length=1, max_length=50)]
    max_num_results: Annotated[int, Field(ge=1, le=MAX_RESULTS)] | None = None

    def searched_in(self) -> SearchedIn:
        """Our way to say it. Raises Rejected."""
        ids, where = tuple(self.vector_store_ids), clauses_of(self.filters)
        return SearchedIn(ids, where, self.max_num_results, self.min_score, rerank=self.reranks)
