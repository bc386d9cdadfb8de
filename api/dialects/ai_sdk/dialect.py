"""The Vercel AI SDK's protocol as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.dialects.ai_sdk import chat
from api.dialects.dialect import Dialect


def envelope(problem: Mapping[str, Any]) -> tuple[int, str]:
    """A sentence: the SDK makes the whole body the message of its error, which pages show."""
    return problem["status"], problem["detail"]


AI_SDK = Dialect("/ai", "Citewell for the Vercel AI SDK", envelope, (chat.router,))
