"""How the server logs: lines on standard error, and no secrets in them.

Paths are logged without their query, tokens and SQL not at all: the libraries that would write
them are kept quiet whatever the level is.
"""

from __future__ import annotations

import logging.config

CHATTY = (
    "alembic", "chromadb", "httpcore", "httpx", "openai", "sqlalchemy", "sse_starlette", "uvicorn"
)  # fmt: skip


def configure(level: str) -> None:
    """Set up logging for this process."""
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"level": level.upper(), "handlers": ["stderr"]},
            "loggers": {name: {"level": _at_least_warning(level)} for name in CHATTY},
        }
    )


def _at_least_warning(level: str) -> str:
    return "ERROR" if level == "error" else "WARNING"
