"""Dify's API as a whole."""

from __future__ import annotations

from api.dialects.dialect import Dialect
from api.dialects.dify import chat, conversations, presentation, unsupported
from api.dialects.dify.knowledge.routers import ROUTERS
from api.dialects.dify.wire.errors import envelope

DIFY = Dialect(
    "/dify/v1",
    "Citewell as Dify's API",
    envelope,
    (
        chat.router,
        conversations.router,
        *ROUTERS,
        presentation.router,
        unsupported.router,
    ),
)
