"""The kit of one process: SQLite, embedded Chroma and files, all in one folder."""

from __future__ import annotations

import secrets

from kb.errors import DataFolderLocked
from kb.files.folder import DataFolder
from kb.files.folder_originals import FolderOriginals
from kb.files.owners import LockedOwner, Owner
from kb.files.partial_files import FolderPartialFiles
from kb.index.embedded_chroma.vectors import ChromaVectors
from kb.index.health import IndexHealth
from kb.index.keywords import TantivyKeywords
from kb.opening.kit import Kit
from kb.settings import Settings
from kb.store.access.secrets import Secrets, read_or_create
from kb.store.content import index_ops
from kb.store.engine.database import Database
from kb.store.engine.sqlite import SqliteDatabase
from kb.store.upkeep import moving
from kb.upkeep.servers import Servers


def local_kit(settings: Settings, folder: DataFolder) -> Kit:
    """Open everything in a folder that this process has locked. Raises as `open_kb`."""
    vault, admin_key = Secrets.open(folder.secret), _admin_key(settings, folder)  # may refuse
    database = SqliteDatabase(folder.database)
    database.writing(moving.work_begins)
    owner = _only_owner(folder)
    originals = FolderOriginals(folder.originals, owner.id)
    health, most = _index_health(database), settings.search.open_indexes
    keywords = TantivyKeywords(folder.index, open_limit=most, health=health)
    return Kit(
        folder=folder,
        database=database,
        owner=owner,
        originals=originals,
        partial_files=FolderPartialFiles(folder.uploads, originals),
        vectors=ChromaVectors(folder.index, open_limit=most, health=health),
        keywords=keywords,
        feed=keywords,
        followers=None,
        health=health,
        vault=vault,
        admin_key=admin_key,
        servers=Servers(database.wakeups, {}),
    )


def _only_owner(folder: DataFolder) -> Owner:
    owner = LockedOwner(folder.owners)
    if owner.living() != {owner.id}:  # the lock was removed under the other
        owner.close()
        raise DataFolderLocked(f"Another process already uses the data folder {folder.root}.")
    return owner


def _index_health(database: Database) -> IndexHealth:
    seals = database.reading(index_ops.seals) or {}
    return IndexHealth(seals, lambda: database.wakeups.notify("repair"))


def _admin_key(settings: Settings, folder: DataFolder) -> str:
    if settings.admin_key is not None:
        return settings.admin_key.get_secret_value()
    return read_or_create(folder.admin_key, lambda: f"kbk_admin_{secrets.token_hex(24)}")
