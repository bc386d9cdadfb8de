"""Which embedder new datasets get, and how each is opened: on this machine, or behind a URL."""

from __future__ import annotations

import logging
from collections.abc import Callable

from kb.errors import Rejected
from kb.files.folder import DataFolder
from kb.models.embed.embedders import BUNDLED, ENGLISH, Embedders, open_embedder
from kb.models.embed.packed_model import FILE
from kb.protocols import Embedder
from kb.settings import Settings
from kb.settings_sections import EmbeddingSettings
from kb.store.content import generations
from kb.store.engine.database import Database, note, noted

logger = logging.getLogger(__name__)

ENGLISH_BEFORE = "bundled_meant_english"
"""Noted by the upgrade that gave `bundled` another meaning (migration 0006)."""
URL = "url:"
"""Begins the name that a dataset keeps for a model behind a URL."""


Elsewhere = Callable[[Settings, str, Embedder], Embedder]
"""Of the settings, the name of an embedder, and the one of this process."""


def open_embedders(
    settings: Settings, folder: DataFolder, database: Database, elsewhere: Elsewhere | None = None
) -> Embedders:
    """The configured embedder, and by their names those that datasets were built with."""
    wanted = settings.embedding

    def open_one(name: str) -> Embedder:
        if name.startswith(URL):
            return _behind_url(name, settings, database)
        threads, batch_size = wanted.threads, wanted.batch_size
        own = open_embedder(name, cache_dir=folder.models, threads=threads, batch_size=batch_size)
        return elsewhere(settings, name, own) if elsewhere else own

    return Embedders(chosen(wanted, database), open_one)


def _behind_url(name: str, settings: Settings, database: Database) -> Embedder:
    if settings.embedding.base_url is None:
        raise Rejected(
            f"The embedding model {name.removeprefix(URL)!r} runs behind a URL: set "
            "KB_EMBEDDING__BASE_URL and KB_EMBEDDING__MODEL, or run `kb reindex`."
        )
    from kb.models.embed_url.url_embedder import UrlEmbedder  # few have one

    known = database.reading(generations.newest_embedder, name) or ""
    hosts = settings.llm.link_local_hosts
    return UrlEmbedder(name.removeprefix(URL), settings.embedding, known=known, named=hosts)


def chosen(settings: EmbeddingSettings, database: Database) -> str:
    """The name of the embedder of new datasets.

    A setting that has said `bundled` since before that name got another meaning keeps the old one,
    until it says something else. Where the multilingual model was not fetched, `bundled` is the
    English one, so that a server starts in any case.
    """
    if settings.base_url is not None:
        return f"{URL}{settings.model}"
    if database.reading(noted, ENGLISH_BEFORE) == "yes":
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
