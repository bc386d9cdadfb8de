"""What `bundled` means: in a new folder, in one of an older version, and without the model."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib import import_module
from pathlib import Path

import pytest
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

from kb.files.folder import DataFolder
from kb.knowledge_base import KnowledgeBase
from kb.opening.embedder_choice import ENGLISH_BEFORE, chosen
from kb.opening.opening import open_kb
from kb.settings import EmbeddingSettings, Settings
from kb.store.content import datasets
from kb.store.engine.database import Database, note
from kb.store.engine.sqlite import SqliteDatabase
from kb.types import Retrieval
from tests.parts import ADMIN, ingest

STATED, UNSET = EmbeddingSettings(model="bundled"), EmbeddingSettings()


@contextmanager
def opened(path: Path, embedding: EmbeddingSettings = UNSET) -> Iterator[KnowledgeBase]:
    kb = open_kb(Settings(data_dir=path, embedding=embedding, _env_file=None))
    try:
        yield kb
    finally:
        kb.close()


@pytest.fixture
def upgraded(tmp_path: Path) -> Iterator[Database]:
    """A folder that the upgrade has just left."""
    database = SqliteDatabase(DataFolder(tmp_path).database)
    database.writing(note, ENGLISH_BEFORE, "yes")
    yield database
    database.close()


@pytest.fixture
def built_before(tmp_path: Path) -> Path:
    """A folder whose two datasets were built with the English model, when `bundled` was its name,
    and when no name was kept."""
    with opened(tmp_path, EmbeddingSettings(model="bundled-en")) as kb:
        for name in ("handbook", "unnamed"):
            dataset = kb.create_dataset(ADMIN, name)
            ingest(kb, dataset.id, {"leave.md": "Employees have 25 days of paid leave a year."})
    with closing(sqlite3.connect(DataFolder(tmp_path).database)) as file, file:
        for table in ("datasets", "generations"):
            file.execute(f"UPDATE {table} SET model = 'bundled'")
        file.execute("UPDATE datasets SET model = NULL WHERE name = 'unnamed'")
    engine = create_engine(f"sqlite:///{DataFolder(tmp_path).database}")
    step = import_module("kb.store.engine.migrations.versions.0006_bundled_is_multilingual")
    with engine.begin() as file, Operations.context(MigrationContext.configure(file)):
        step.upgrade()  # the one that is about models; those behind it are there already
    engine.dispose()
    return tmp_path


@pytest.mark.one_folder
def test_what_was_built_before_the_upgrade_is_searched_with_its_model_and_new_is_multilingual(
    built_before: Path,
):
    with opened(built_before) as kb:
        for name in ("handbook", "unnamed"):
            dataset = kb.database.reading(datasets.find, ADMIN, name)
            assert dataset is not None
            (hit,) = kb.searcher.search(ADMIN, [dataset.id], "annual vacation", Retrieval()).hits
            assert (dataset.model, hit.document_name) == ("bundled-en", "leave.md")
            assert kb.embedder_of(dataset).fingerprint.startswith("all-MiniLM-L6-v2@")
        assert kb.create_dataset(ADMIN, "new").embedder.startswith("multilingual-e5-small@")


def test_a_setting_from_before_the_upgrade_keeps_its_meaning_until_it_changes(upgraded, caplog):
    assert [chosen(STATED, upgraded), chosen(STATED, upgraded)] == ["bundled-en", "bundled-en"]
    assert "still means bundled-en" in caplog.text
    assert chosen(UNSET, upgraded) == "bundled"
    assert chosen(STATED, upgraded) == "bundled"


def test_without_the_multilingual_model_the_english_one_is_used_and_named(
    upgraded, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr("kb.opening.embedder_choice.FILE", tmp_path / "absent.bin")

    with caplog.at_level(logging.WARNING):
        assert chosen(UNSET, upgraded) == "bundled-en"

    assert "was not fetched" in caplog.text
    assert "make embedding" in caplog.text
