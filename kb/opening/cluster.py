"""The kit of several processes: Postgres, a Chroma server and an S3-compatible bucket.

The data folder is of one process then, and holds what can be made again: copies of keyword indexes
and of originals, and uploads that nobody was told of yet.
"""

from __future__ import annotations

from pydantic import SecretStr

from kb.chat.run.shared_log import SharedRunLog
from kb.errors import Rejected
from kb.files.folder import DataFolder
from kb.files.s3.bucket import Bucket
from kb.files.s3.originals import BucketOriginals
from kb.files.s3.partial_files import BucketPartialFiles
from kb.files.s3.removing import ForgettingCopies, Removing
from kb.index.chroma_server.vectors import ChromaServerVectors
from kb.index.health import IndexHealth
from kb.index.keyword_copies.node import KeywordCopies
from kb.index.keyword_copies.nodes import KeywordNodes
from kb.opening.kit import Kit
from kb.settings import Settings
from kb.settings_cluster import BlobSettings
from kb.store.access.secrets import Secrets
from kb.store.content import index_ops
from kb.store.engine.database import Database, note, noted
from kb.store.engine.postgres import PostgresDatabase
from kb.store.upkeep import moving
from kb.store.work.processes import ProcessOwner
from kb.upkeep.belonging import STAMP, Stamp, parsed
from kb.upkeep.servers import Servers
from kb.upkeep.strays import Strays


def cluster_kit(settings: Settings, folder: DataFolder) -> Kit:
    """Reach every server. Raises as `open_kb`, and Unavailable where one is away."""
    vault = Secrets.of_key(_secret(settings.secret_key))
    database = PostgresDatabase(
        _secret(settings.database.url), connections=settings.database.connections
    )
    database.writing(moving.work_begins)
    _check_secret(database, vault)
    owner = ProcessOwner(database, folder.owners)
    health = IndexHealth({}, lambda: database.wakeups.notify("repair"))
    bucket = open_bucket(settings.blobs)
    originals = BucketOriginals(
        bucket, database, folder.originals, owner.id, cache_bytes=settings.blobs.cache_bytes
    )
    strays = Strays(database, folder, originals)
    vectors = _vectors(settings, database, vault, health)
    nodes = KeywordNodes(database, owner.living)
    copies = KeywordCopies(
        database, folder.index, owner.id, open_limit=settings.search.open_indexes
    )
    return Kit(
        folder=folder,
        database=database,
        owner=owner,
        originals=originals,
        partial_files=BucketPartialFiles(bucket, originals),
        vectors=vectors,
        keywords=copies,
        feed=nodes,
        followers=nodes,
        health=health,
        vault=vault,
        admin_key=_secret(settings.admin_key),
        servers=Servers(
            database.wakeups, {"vectors": vectors.check_reached, "originals": bucket.check}
        ),
        run_log=SharedRunLog(database, owner, replay_s=settings.chat.replay_s),
        loops=(
            Removing(database, originals, strays.put_away),
            ForgettingCopies(database, originals),
        ),
        copies=copies,
        is_mended=vectors.is_mended,
    )


def _vectors(
    settings: Settings, database: Database, vault: Secrets, health: IndexHealth
) -> ChromaServerVectors:
    return ChromaServerVectors(
        settings.chroma.url or "",
        prefix=vault.fingerprint,
        promised=lambda key: database.reading(index_ops.promised_texts, key),
        headers={name: _secret(value) for name, value in settings.chroma.headers.items()},
        timeout_s=settings.chroma.timeout_s,
        health=health,
    )


def open_bucket(blobs: BlobSettings) -> Bucket:
    """The bucket of the settings; nothing is asked of it yet."""
    return Bucket(
        blobs.url or "",
        endpoint=blobs.endpoint,
        region=blobs.region,
        access_key=_secret(blobs.access_key) or None,
        secret_key=_secret(blobs.secret_key) or None,
    )


def _check_secret(database: Database, vault: Secrets) -> None:
    """A process with another secret would accept no access key, and read no provider's key."""
    with database.write() as tx:
        known = parsed(noted(tx, STAMP))
        if known is None:
            note(tx, STAMP, str(Stamp(vault.fingerprint, 1)))
        elif known.secret != vault.fingerprint:
            raise Rejected(
                "KB_SECRET_KEY is not the one that the database was made with: with it no access "
                "key is accepted and no provider key can be read. Set the one that all other "
                "processes have, or that `secret.key` of the moved data folder holds."
            )


def _secret(value: SecretStr | None) -> str:
    return value.get_secret_value() if value is not None else ""
