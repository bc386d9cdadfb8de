"""Where a retriever gets its passages: from a running server, or from a function of yours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..http import Client


@dataclass(frozen=True, slots=True)
class Passage:
    """A hit as frameworks want it: words, a score from 0 to 1 and where they stand.

    `link` opens the original at the page, with a key that may search.
    """

    chunk_id: str
    document_id: str
    document_name: str
    page: int
    start: int
    end: int
    heading: str
    text: str
    score: float
    link: str = ""

    def metadata(self) -> dict[str, Any]:
        """Everything but the words and the score."""
        fields = asdict(self)
        return {name: fields[name] for name in fields if name not in ("text", "score")}


Search = Callable[[str], Sequence[Passage]]
"""A question to its passages, best first."""

_FIELDS = tuple(name for name in Passage.__dataclass_fields__ if name != "link")


def over_http(
    url: str,
    key: str,
    dataset: str,
    *,
    top_k: int = 8,
    mode: str = "hybrid",
    where: Mapping[str, Any] | None = None,
) -> Search:
    """The search of a dataset on a running server.

    Args:
        url: such as http://127.0.0.1:8000.
        key: a dataset key is enough.
        dataset: its name or id.
        top_k: how many passages to find.
        mode: hybrid, vector or keyword.
        where: a `filter` as the search endpoint takes it.

    Raises:
        DatasetNotFound: the key sees no such dataset.
        RequestFailed: the server refuses the key or a search.
        ServerUnreachable: the server does not answer.
    """
    client = Client(url, key)
    identifier = client.dataset(dataset)["id"]
    body = {"top_k": top_k, "mode": mode, "filter": dict(where or {})}

    def search(query: str) -> list[Passage]:
        answer = client.send("POST", f"/v1/datasets/{identifier}/search", {"query": query, **body})
        return [_passage(url, hit) for hit in answer["hits"]]

    return search


def _passage(url: str, hit: Mapping[str, Any]) -> Passage:
    link = f"{url.rstrip('/')}/v1/documents/{hit['document_id']}/original#page={hit['page']}"
    return Passage(**{name: hit[name] for name in _FIELDS}, link=link)
