"""How the server logs: lines on standard error, and no secrets in them.

Paths are logged without their query, tokens and SQL not at all: the libraries that would write
them are kept quiet whatever the level is.
"""

from __future__ import annotations

import faulthandler
import json
import logging.config
from datetime import UTC, datetime
from typing import Any

from kb.ids import rfc3339

STDERR = 2
CHATTY = (
    "alembic", "chromadb", "httpcore", "httpx", "openai", "opentelemetry", "sqlalchemy",
    "sse_starlette", "uvicorn",
)  # fmt: skip


class JsonLines(logging.Formatter):
    """One JSON object a line. Where a record has `fields`, they stand in place of its text: a path
    may hold the name of a document."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        text = {"event": "log", "logger": record.name, "text": record.getMessage()}
        said: dict[str, Any] = record.__dict__.get("fields", text)
        if record.exc_info:
            said = {**said, "traceback": self.formatException(record.exc_info)}
        moment = rfc3339(datetime.fromtimestamp(record.created, UTC))
        return json.dumps({"time": moment, "level": record.levelname.lower(), **said})


def configure(level: str, layout: str = "text") -> None:
    """Set up logging for this process."""
    faulthandler.enable(STDERR)  # a crash inside a library says in which call
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "text": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
                "json": {"()": JsonLines},
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": layout}},
            "root": {"level": level.upper(), "handlers": ["stderr"]},
            "loggers": {name: {"level": _at_least_warning(level)} for name in CHATTY},
        }
    )


def _at_least_warning(level: str) -> str:
    return "ERROR" if level == "error" else "WARNING"
