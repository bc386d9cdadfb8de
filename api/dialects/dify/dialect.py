"""Dify's API as a whole."""

from __future__ import annotations

from api.dialects.dialect import Dialect
from api.dialects.dify import chat, conversations, external, presentation, unsupported
from api.dialects.dify.errors import envelope

DIFY = Dialect(
    "/dify/v1",
    "Citewell as Dify's API",
    envelope,
    (
        chat.router,
        conversations.router,
        external.router,
        presentation.router,
        unsupported.router,
    ),
)
