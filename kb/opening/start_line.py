"""The first line of a server's log: what runs, on which folder, with which models."""

from __future__ import annotations

import logging

from kb.chat.ask.chat_models import NO_DEFAULT
from kb.files.folder import DataFolder
from kb.settings import Settings
from kb.store.apps import models
from kb.store.engine.database import Database
from kb.store.engine.paging import MAX_LIMIT, PageRequest
from kb.types import Scope
from kb.version import version

logger = logging.getLogger(__name__)


def log_start(settings: Settings, folder: DataFolder, database: Database, embedder: str) -> None:
    """Log what was opened, and warn of a language model that is set only by half."""
    llm = settings.llm
    registered = database.reading(models.page, Scope.admin(), PageRequest(MAX_LIMIT)).data
    chosen = database.reading(models.chosen)
    names = [f"default ({chosen or llm.model})"] if chosen or llm.model else []
    names += [model.name for model in registered]
    logger.info(
        "Citewell %s, data folder %s, embedder %s, %s",
        version(),
        folder.root.absolute(),
        embedder,
        f"language models: {', '.join(names)}" if names else _NO_MODEL,
    )
    if chosen is None and llm.model is None:
        logger.info(NO_DEFAULT)
    if llm.base_url and not llm.model:
        logger.warning(_NO_MODEL_NAME)


_NO_MODEL = "no language model: answers are quotations"
_NO_MODEL_NAME = (
    "KB_LLM__BASE_URL is set without KB_LLM__MODEL, so its language model is never asked. "
    "Set KB_LLM__MODEL to the name of a model there."
)
