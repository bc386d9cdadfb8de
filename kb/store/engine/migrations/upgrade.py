"""Brings an older file to the present schema; a new one is made of `schema` as it is."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    return config


def known_revisions() -> set[str]:
    """Every schema revision that this code can read or upgrade."""
    return {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}


def upgrade(tx: Connection) -> None:
    """Bring the database to the newest revision, in a transaction that runs alone."""
    config = _config()
    config.attributes["connection"] = tx
    command.upgrade(config, "head")
