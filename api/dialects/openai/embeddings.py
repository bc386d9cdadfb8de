"""POST /embeddings: vectors of the configured embedder."""

from __future__ import annotations

import base64
from typing import Any

from fastapi import APIRouter

from api.deps import KB, SearchCaller
from api.dialects.openai.answer import listed
from api.dialects.openai.requests import EmbeddingBody
from api.dialects.openai.shared.errors import UnknownModel, UnsupportedField
from kb.errors import Rejected
from kb.knowledge_base import KnowledgeBase
from kb.protocols import Vectors
from kb.threads import in_thread

router = APIRouter(tags=["embeddings"])


@router.post("/embeddings")
async def create_embeddings(body: EmbeddingBody, kb: KB, _caller: SearchCaller) -> dict[str, Any]:
    """The vectors of some texts, in their order."""
    if body.model != kb.embedders.configured:
        raise UnknownModel(body.model)
    if body.dimensions not in (None, kb.embedder.dimensions):
        raise UnsupportedField(f"`dimensions` must be {kb.embedder.dimensions}, or left out.")
    texts = [body.input] if isinstance(body.input, str) else body.input
    if not all(isinstance(text, str) and text for text in texts):
        raise UnsupportedField(
            "`input` must be texts that are not empty; tokens of another model mean nothing here. "
            "In LangChain set check_embedding_ctx_length=False."
        )
    vectors, tokens = await in_thread(_embedded, kb, texts, is_query=body.input_type == "query")
    data = [
        {"object": "embedding", "index": at, "embedding": _written(vectors[at], body)}
        for at in range(len(texts))
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return listed(data) | {"model": body.model, "usage": usage}


def _embedded(kb: KnowledgeBase, texts: list[str], *, is_query: bool) -> tuple[Vectors, int]:
    embedder = kb.embedder
    counts = [len(embedder.tokenizer.offsets(text)) for text in texts]
    for at, count in enumerate(counts):
        if count > embedder.max_tokens:
            raise Rejected(
                f"`input.{at}`: the text has {count} tokens; {kb.embedders.configured} reads "
                f"{embedder.max_tokens}. Split it."
            )
    if is_query:
        return _stacked([embedder.embed_query(text) for text in texts]), sum(counts)
    return embedder.embed_documents(texts), sum(counts)


def _stacked(rows: list[Vectors]) -> Vectors:
    import numpy as np

    return np.concatenate(rows)


def _written(vector: Vectors, body: EmbeddingBody) -> list[float] | str:
    if body.encoding_format == "base64":
        return base64.b64encode(vector.astype("<f4").tobytes()).decode("ascii")
    numbers: list[float] = vector.tolist()
    return numbers
