"""OpenAI's API as a whole."""

from __future__ import annotations

from api.dialects.dialect import Dialect
from api.dialects.openai import chat, embeddings, models
from api.dialects.openai.retrieval import files, store_files, vector_stores
from api.dialects.openai.shared.errors import envelope
from api.dialects.openai.tuning import jobs

OPENAI = Dialect(
    "/openai/v1",
    "Citewell as OpenAI's API",
    envelope,
    (
        chat.router,
        models.router,
        embeddings.router,
        files.router,
        vector_stores.router,
        store_files.router,
        jobs.router,
    ),
)
