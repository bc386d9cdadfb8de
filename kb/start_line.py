"""The first line of a server's log: what runs, on which folder, with which models."""

from __future__ import annotations

import logging

from kb.folder import DataFolder
from kb.settings import Settings
from kb.store import models
from kb.store.database import Database
from kb.store.paging import MAX_LIMIT, PageRequest
from kb.types import Scope
from kb.version import version

logger = logging.getLogger(__name__)


def log_start(settings: Settings, folder: DataFolder, database: Database) -> None:
    """Log what was opened."""
    llm = settings.llm
    registered = database.reading(models.page, Scope.admin(), PageRequest(MAX_LIMIT)).data
    names = [f"default ({llm.model})"] if llm.model else []
    names += [model.name for model in registered]
    logger.info(
        "Citewell %s, data folder %s, embedder %s, %s",
        version(),
        folder.root.absolute(),
        settings.embedding.model,
        f"language models: {', '.join(names)}" if names else _NO_MODEL,
    )


_NO_MODEL = "no language model: answers are quotations"
