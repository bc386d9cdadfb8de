"""Embedding providers themselves, where the environment has a key: `JINA_API_KEY=… pytest
tests/live`. Another model than the one here is named as `JINA_EMBEDDING_MODEL`.
"""

from __future__ import annotations

import os

import pytest
from pydantic import SecretStr

from kb.errors import TextTooLong
from kb.models.embed_url.url_embedder import UrlEmbedder
from kb.settings_sections import EmbeddingSettings

PROVIDERS = {
    "openai": ("https://api.openai.com/v1", "text-embedding-3-small", 8191),
    "jina": ("https://api.jina.ai/v1", "jina-embeddings-v3", 8192),
    "cohere": ("https://api.cohere.com/v2", "embed-multilingual-v3.0", 512),
    "voyage": ("https://api.voyageai.com/v1", "voyage-3.5", 32_000),
}


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_provider_embeds_in_order_and_cuts_nothing(name: str):
    key = os.environ.get(f"{name.upper()}_API_KEY")
    if not key:
        pytest.skip(f"{name.upper()}_API_KEY is not in the environment")
    base_url, model, reads = PROVIDERS[name]
    model = os.environ.get(f"{name.upper()}_EMBEDDING_MODEL", model)
    told = {"model": model, "base_url": base_url, "api_key": SecretStr(key)}
    embedder = UrlEmbedder(model, EmbeddingSettings(**told, max_tokens=reads))
    lines = [f"The code of door {number} is {number * 7}." for number in range(100)]

    vectors = embedder.embed_documents(lines)
    assert int((vectors @ embedder.embed_query("door 42")[0]).argmax()) == 42
    assert embedder.calibration.near > embedder.calibration.far
    longer = UrlEmbedder(model, EmbeddingSettings(**told, max_tokens=reads * 3))
    with pytest.raises(TextTooLong):
        longer.embed_documents(["word " * int(reads * 1.5)])
