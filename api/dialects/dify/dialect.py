"""Dify's API as a whole."""

from __future__ import annotations

from api.dialects.dialect import Dialect
from api.dialects.dify import chat, conversations, presentation, unsupported
from api.dialects.dify.knowledge import (
    catalogue,
    datasets,
    documents,
    metadata,
    searching,
    segments,
    uploads,
)
from api.dialects.dify.wire.errors import envelope

DIFY = Dialect(
    "/dify/v1",
    "Citewell as Dify's API",
    envelope,
    (
        chat.router,
        conversations.router,
        catalogue.router,
        datasets.router,
        uploads.router,
        documents.router,
        segments.router,
        metadata.router,
        searching.router,
        searching.external,
        presentation.router,
        unsupported.router,
    ),
)
