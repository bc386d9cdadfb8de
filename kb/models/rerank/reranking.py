"""Opens the reranking model that a setting names: a cross-encoder on this machine, or a URL.

Nothing is ever downloaded. The cross-encoder runs on sentence-transformers, which costs seconds and
half a gigabyte at start and is imported only then; a URL costs nothing but its answer's time.
"""

from __future__ import annotations

from pathlib import Path

from kb.errors import Rejected
from kb.models.embed.embedding import model_path, needing_models_extra
from kb.models.embed.model_folder import ModelFolder
from kb.protocols import Reranker


def open_reranker(
    *,
    model: str | None,
    base_url: str | None,
    api_key: str | None,
    cache_dir: Path,
    timeout_s: float,
) -> Reranker | None:
    """The reranker of these settings; None if none is set.

    Args:
        model: with a URL the name that is sent along; without, a folder or a cross-encoder id.
        base_url: an endpoint that takes a question and texts: Jina's and Cohere's `/rerank`, which
            vLLM, Infinity and LocalAI serve too, or that of text-embeddings-inference.
        cache_dir: looked through for a folder of that name first.
        timeout_s: seconds to wait for a URL.

    Raises:
        Rejected: the model is not on this machine, its folder cannot be used, or it needs the
            extra `models`.
    """
    if base_url is not None:
        from kb.models.rerank.rerank_url import UrlReranker

        return UrlReranker(base_url, model=model, api_key=api_key, timeout_s=timeout_s)
    if model is None:
        return None
    folder = ModelFolder(model_path(model, cache_dir), model)
    with needing_models_extra(model):
        from kb.models.rerank.cross_encoder import CrossEncoderReranker
    try:
        return CrossEncoderReranker(folder)
    except (OSError, ValueError) as exc:
        raise Rejected(f"{model!r} cannot be opened as a cross-encoder: {exc}") from exc
