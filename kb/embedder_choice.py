"""Which embedder new datasets get, where it is not simply the configured one."""

from __future__ import annotations

import logging

from kb.files.folder import DataFolder
from kb.models.embed.embedders import BUNDLED, ENGLISH
from kb.models.embed.packed_model import FILE
from kb.settings import EmbeddingSettings
from kb.store.engine.database import Database, marks, note

logger = logging.getLogger(__name__)

ENGLISH_BEFORE = "bundled_meant_english"
"""Noted by the upgrade that gave `bundled` another meaning (migration 0006)."""


def chosen(settings: EmbeddingSettings, folder: DataFolder, database: Database) -> str:
    """The name of the embedder of new datasets.

    A setting that has said `bundled` since before that name got another meaning keeps the old one,
    until it says something else. Where the multilingual model was not fetched, `bundled` is the
    English one, so that a server starts in any case.
    """
    if marks(folder.database).get(ENGLISH_BEFORE) == "yes":
        if settings.model == BUNDLED and "model" in settings.model_fields_set:
            logger.warning(_MEANT_ENGLISH)
            return ENGLISH
        database.writing(note, ENGLISH_BEFORE, "no")
    if settings.model == BUNDLED and not FILE.is_file():
        logger.warning(_NOT_FETCHED)
        return ENGLISH
    return settings.model


_MEANT_ENGLISH = (
    "KB_EMBEDDING__MODEL=bundled was set before that name meant the multilingual model. Here it "
    "still means bundled-en. Unset it to use the multilingual model for new datasets, or say "
    "bundled-en."
)
_NOT_FETCHED = (
    "The multilingual embedding model was not fetched, so new datasets get the English one "
    "(bundled-en), which finds other languages by their words only. `make embedding` fetches it."
)
