"""Rerankers behind a URL, in the three shapes that servers speak.

Jina and Cohere (and vLLM, Infinity, LocalAI after them) take `documents` and answer
`{"results": [{"index", "relevance_score"}]}`; text-embeddings-inference takes `texts` and answers
a bare list of `{"index", "score"}`. Both requests are one object here, since each ignores what it
does not know; the answer is read in either shape. No word of the server's gets into an error,
because servers echo requests.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import httpx

from kb.errors import ModelUnavailable

MAX_BYTES = 4 * 1024 * 1024
"""Most that is read of an answer."""


class UrlReranker:
    """Implements `kb.protocols.Reranker`. `base_url` may end in `/rerank` or not."""

    def __init__(
        self, base_url: str, *, model: str | None, api_key: str | None, timeout_s: float
    ) -> None:
        address = base_url.rstrip("/")
        self._address = address if address.endswith("/rerank") else f"{address}/rerank"
        self._model = model
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        # Redirects are not followed: they could lead the texts anywhere.
        self._client = httpx.Client(timeout=timeout_s, headers=headers, follow_redirects=False)

    def relevance(self, query: str, texts: Sequence[str]) -> list[float]:
        """How well each passage answers the question, 0..1, in the order given.

        Scores outside of 0..1 are taken for logits. A passage that the server leaves out gets 0.

        Raises:
            ModelUnavailable: the server cannot be reached, refuses, or answers something else.
        """
        if not texts:
            return []
        body: dict[str, Any] = {
            "query": query,
            "documents": list(texts),
            "texts": list(texts),
            "top_n": len(texts),
        }
        if self._model is not None:
            body["model"] = self._model
        try:
            scores = dict(_scored(self._answer(body)))
        except (KeyError, TypeError, ValueError):
            raise ModelUnavailable(
                "The reranker sent something else than scores. Check KB_RERANK__URL."
            ) from None
        if any(not 0 <= score <= 1 for score in scores.values()):
            scores = {index: _sigmoid(score) for index, score in scores.items()}
        return [scores.get(index, 0.0) for index in range(len(texts))]

    def _answer(self, body: dict[str, Any]) -> Any:
        try:
            response = self._client.post(self._address, json=body)
        except httpx.HTTPError:
            raise ModelUnavailable(
                "The reranker cannot be reached. Check KB_RERANK__URL."
            ) from None
        if response.status_code != httpx.codes.OK:
            status = f"HTTP {response.status_code}"
            raise ModelUnavailable(f"The reranker answered with {status}. See its server's log.")
        if len(response.content) > MAX_BYTES:
            raise ModelUnavailable("The reranker's answer is too long. Check KB_RERANK__URL.")
        return response.json()

    def close(self) -> None:
        """Release connections."""
        self._client.close()


def _scored(answer: Any) -> Iterator[tuple[int, float]]:
    for item in answer["results"] if isinstance(answer, dict) else answer:
        score = item["relevance_score"] if "relevance_score" in item else item["score"]
        if not math.isfinite(score):
            raise ValueError("not a number")
        yield int(item["index"]), float(score)


def _sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-max(-500.0, min(500.0, logit))))
