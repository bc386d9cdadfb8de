"""Opens the reranking model that a setting names: a cross-encoder on this machine, or a URL.

Nothing is ever downloaded. The cross-encoder runs on sentence-transformers, which costs seconds and
half a gigabyte at start and is imported only then; a URL costs nothing but its answer's time.

Servers speak three shapes. Jina and Cohere (and vLLM, Infinity, LocalAI after them) take
`documents` and answer `{"results": [{"index", "relevance_score"}]}`; text-embeddings-inference
takes `texts` and answers a bare list of `{"index", "score"}`. Both requests are one object here,
since each ignores what it does not know; the answer is read in either shape. No word of the
server's gets into an error, because servers echo requests.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx

from kb.errors import ModelUnavailable, Rejected
from kb.models.embed.embedders import model_path, needing_models_extra
from kb.models.embed.model_folder import ModelFolder
from kb.outbound.posting import Poster
from kb.protocols import Reranker

CHECK = "Check KB_RERANK__BASE_URL."
MAX_BYTES = 4 * 1024 * 1024
"""Most that is read of an answer."""


def open_reranker(
    *,
    model: str | None,
    base_url: str | None,
    api_key: str | None,
    cache_dir: Path,
    timeout_s: float,
    named: str = "",
) -> Reranker | None:
    """The reranker of these settings; None if none is set.

    Args:
        model: with a URL the name that is sent along; without, a folder or a cross-encoder id.
        base_url: an endpoint that takes a question and texts: Jina's and Cohere's `/rerank`, which
            vLLM, Infinity and LocalAI serve too, or that of text-embeddings-inference.
        cache_dir: looked through for a folder of that name first.
        timeout_s: seconds to wait for a URL.
        named: link-local hosts that a URL may lead to, parted by commas.

    Raises:
        Rejected: the model is not on this machine, its folder cannot be used, or it needs the
            extra `models`.
    """
    if base_url is not None:
        return UrlReranker(base_url, model=model, api_key=api_key, timeout_s=timeout_s, named=named)
    if model is None:
        return None
    folder = ModelFolder(model_path(model, cache_dir), model)
    with needing_models_extra(model):
        from kb.models.rerank.cross_encoder import CrossEncoderReranker
    try:
        return CrossEncoderReranker(folder)
    except (OSError, ValueError) as exc:
        raise Rejected(f"{model!r} cannot be opened as a cross-encoder: {exc}") from exc


class UrlReranker:
    """Implements `kb.protocols.Reranker`. `base_url` may end in `/rerank` or not."""

    def __init__(
        self, base_url: str, *, model: str | None, api_key: str | None, timeout_s: float, named: str
    ) -> None:
        address = f"{base_url.rstrip('/').removesuffix('/rerank')}/rerank"
        self._poster = Poster(address, api_key, named=named, max_bytes=MAX_BYTES)
        self._model, self._timeout_s = model, timeout_s

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
            scores = dict(_scored(json.loads(self._answer(body))))
        except (KeyError, TypeError, ValueError, OverflowError, RecursionError):
            raise ModelUnavailable(
                f"The reranker sent something else than scores. {CHECK}"
            ) from None
        if any(not 0 <= score <= 1 for score in scores.values()):
            scores = {index: _sigmoid(score) for index, score in scores.items()}
        return [scores.get(index, 0.0) for index in range(len(texts))]

    def _answer(self, body: dict[str, Any]) -> bytes:
        reply = self._poster.post(body, self._timeout_s)
        if reply.status == httpx.codes.OK:
            return reply.body
        if reply.status:
            what = f"answered with HTTP {reply.status}. See its server's log."
        else:
            what = f"{reply.problem}. {CHECK}"
        raise ModelUnavailable(f"The reranker {what}")

    def close(self) -> None:
        """Release connections."""
        self._poster.close()


def _scored(answer: Any) -> Iterator[tuple[int, float]]:
    for item in answer["results"] if isinstance(answer, dict) else answer:
        score = item["relevance_score"] if "relevance_score" in item else item["score"]
        if not math.isfinite(score):
            raise ValueError("not a number")
        yield int(item["index"]), float(score)


def _sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-max(-500.0, min(500.0, logit))))
