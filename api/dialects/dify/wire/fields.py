"""What operations on chats and on knowledge share."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from pydantic import BeforeValidator

Limit = Annotated[int, BeforeValidator(lambda value: value or 20), Query(ge=1, le=100)]
PageNumber = Annotated[int, BeforeValidator(lambda value: value or 1), Query(ge=1, le=1_000_000)]
Keyword = Annotated[str | None, Query(max_length=200)]

SUCCESS: dict[str, Any] = {"result": "success"}
