"""Where a retriever gets its passages: over HTTP, or from a knowledge base in the same process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from client.http import Client
from kb.errors import NotFound
from kb.types import Condition, Hit, Retrieval, Scope

if TYPE_CHECKING:
    from kb.knowledge_base import KnowledgeBase


@dataclass(frozen=True, slots=True)
class Passage:
    """A hit as frameworks want it: words, a score from 0 to 1 and where they stand."""

    chunk_id: str
    document_id: str
    document_name: str
    page: int
    start: int
    end: int
    heading: str
    text: str
    score: float

    def metadata(self) -> dict[str, Any]:
        """Everything but the words and the score."""
        fields = asdict(self)
        return {name: fields[name] for name in fields if name not in ("text", "score")}


Search = Callable[[str], Sequence[Passage]]
"""A question to its passages, best first."""

_FIELDS = tuple(Passage.__dataclass_fields__)


def over_http(
    url: str,
    key: str,
    dataset: str,
    *,
    retrieval: Retrieval | None = None,
    where: Mapping[str, Any] | None = None,
) -> Search:
    """The search of a dataset on a running server.

    Args:
        url: such as http://127.0.0.1:8000.
        key: a dataset key is enough.
        dataset: its name or id.
        retrieval: how many passages and which mode; the rest of a profile belongs to apps.
        where: a `filter` as the search endpoint takes it.

    Raises:
        NotFound: the key sees no such dataset.
        Unavailable: the server does not answer.
    """
    client = Client(url, key)
    named = (d["id"] for d in client.every("/v1/datasets") if dataset in (d["id"], d["name"]))
    identifier = next(named, None)
    if identifier is None:
        raise NotFound("dataset", dataset)
    profile = retrieval or Retrieval()
    body = {"top_k": profile.top_k, "mode": profile.mode, "filter": dict(where or {})}

    def search(query: str) -> list[Passage]:
        answer = client.send("POST", f"/v1/datasets/{identifier}/search", {"query": query, **body})
        return [Passage(**{name: hit[name] for name in _FIELDS}) for hit in answer["hits"]]

    return search


def in_process(
    kb: KnowledgeBase,
    dataset_ids: Sequence[str],
    *,
    retrieval: Retrieval | None = None,
    where: Sequence[Condition] = (),
    scope: Scope | None = None,
) -> Search:
    """The search of datasets in this process, without a server.

    Args:
        scope: what may be seen; everything if it is not given.
    """
    profile, seen = retrieval or Retrieval(), scope or Scope.admin()

    def search(query: str) -> list[Passage]:
        found = kb.searcher.search(seen, dataset_ids, query, profile, where=where)
        return [_passage(hit) for hit in found]

    return search


def _passage(hit: Hit) -> Passage:
    chunk, span = hit.chunk, hit.chunk.spans[0]
    return Passage(
        chunk_id=chunk.id,
        document_id=chunk.document_id,
        document_name=hit.document_name,
        page=span.page,
        start=span.start,
        end=span.end,
        heading=chunk.heading,
        text=chunk.text,
        score=hit.score,
    )
