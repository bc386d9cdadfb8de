"""Documents: one row per name in a dataset, whose pointer says which version answers questions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from sqlalchemy import Row, Select, bindparam, case, func, select, true, update

from kb.errors import NotFound, Rejected
from kb.ids import now
from kb.store.content import datasets, outbox
from kb.store.engine import dialect, schema, visibility
from kb.store.engine.database import Transaction
from kb.store.engine.paging import Listing, PageRequest, listing, of_datasets, one
from kb.store.engine.schema.columns import of_row
from kb.types import Document, DocumentStatus, Failure, Scope

table = schema.documents
versions = schema.document_versions
files = schema.files

# Made once: many may be asked for before a free name is found.
_NAMED = select(table).where(
    table.c.dataset_id == bindparam("dataset"), table.c.name == bindparam("name")
)


@dataclass(frozen=True, slots=True)
class OldVersion:
    """A version that another one replaced with `mode="version"`: its original is still there."""

    version: int
    media_type: str
    sha256: str
    size_bytes: int
    replaced_at: str


@dataclass(frozen=True, slots=True)
class Original:
    """The bytes of a document, by their hash, and what they are."""

    name: str
    media_type: str
    sha256: str


def get(tx: Transaction, scope: Scope, document_id: str) -> Document:
    """One document. Raises NotFound when it is absent or not visible."""
    own = of_datasets(scope, table).where(table.c.id == document_id)
    return of_row(Document, one(tx, own, "document", document_id))


def of_ids(tx: Transaction, scope: Scope, document_ids: Iterable[str]) -> dict[str, Document]:
    """Those of some documents that are there and visible, by id."""
    own = of_datasets(scope, table).where(dialect.among(table.c.id, set(document_ids)))
    return {row.id: of_row(Document, row) for row in tx.execute(own)}


def encoding_override(tx: Transaction, document_id: str) -> str | None:
    """The encoding that the uploader insisted on."""
    query = select(table.c.encoding).where(table.c.id == document_id)
    encoding: str | None = tx.execute(query).scalar_one()
    return encoding


def page(
    tx: Transaction,
    scope: Scope,
    dataset_id: str,
    request: PageRequest,
    *,
    status: str | None = None,
    q: str | None = None,
) -> Listing[Document]:
    """A part of a dataset's documents, by status and by a piece of the name."""
    datasets.get(tx, scope, dataset_id)
    query = matching(scope, dataset_id, status=status, q=q)
    return listing(tx, query, table.c.id, request, partial(of_row, Document))


def matching(scope: Scope, dataset_id: str, *, status: str | None, q: str | None) -> Select[Any]:
    """The rows of a dataset's documents, by status and by a piece of the name."""
    query = of_datasets(scope, table).where(table.c.dataset_id == dataset_id)
    if status is not None:
        query = query.where(table.c.status == status)
    return query.where(table.c.name.icontains(q, autoescape=True)) if q else query


def free_name(
    tx: Transaction, dataset_id: str, name: str, gives_way: Callable[[Row[Any]], bool]
) -> str:
    """The name, or the first numbered one, that no document has but one that gives way."""
    path, free, number = PurePosixPath(name), name, 1
    while (row := tx.execute(_NAMED, {"dataset": dataset_id, "name": free}).first()) is not None:
        if gives_way(row):
            break
        number += 1
        free = path.with_name(f"{path.stem} ({number}){path.suffix}").as_posix()
    return free


def rename(tx: Transaction, scope: Scope, document_id: str, name: str) -> Document:
    """Give a document another name, numbered where that is taken. Raises NotFound."""
    found = get(tx, scope, document_id)
    free = free_name(tx, found.dataset_id, name, lambda row: bool(row.id == document_id))
    values = {"name": free, "updated_at": now()}
    tx.execute(update(table).where(table.c.id == document_id).values(**values))
    return get(tx, scope, document_id)


def metadata_fields(tx: Transaction, scope: Scope, dataset_id: str) -> list[tuple[str, bool, int]]:
    """The fields of metadata in a dataset: name, whether all values are numbers, documents."""
    entry = dialect.json_entries(table.c.metadata, "entry")
    are_numbers = func.min(case((entry.c.type.in_(("integer", "real")), 1), else_=0))
    query = select(entry.c.key, are_numbers, func.count()).where(table.c.dataset_id == dataset_id)
    query = query.where(visibility.is_seen(scope))
    query = query.select_from(table.join(entry, true())).group_by(entry.c.key)
    query = query.order_by(entry.c.key)
    return [(key, bool(are), count) for key, are, count in tx.execute(query)]


def rename_field(
    tx: Transaction, scope: Scope, dataset_id: str, name: str, new: str | None
) -> None:
    """Rename a field of metadata in all documents of a dataset that are seen, or take it out.

    Raises:
        Rejected: documents have a field of the new name.
    """
    if new in {field for field, *_ in metadata_fields(tx, scope, dataset_id)} - {name}:
        raise Rejected(f"Documents of the dataset have a field {new!r} already. Choose another.")
    entry = dialect.json_entries(table.c.metadata, "entry")
    query = select(table.c.id, table.c.metadata).select_from(table.join(entry, true()))
    changed = {}
    own = table.c.dataset_id == dataset_id, visibility.is_seen(scope)
    for row in tx.execute(query.where(*own, entry.c.key == name)):
        named = {(new if key == name else key): value for key, value in row.metadata.items()}
        changed[row.id] = {key: value for key, value in named.items() if key is not None}
    set_metadata(tx, changed)


def set_metadata(tx: Transaction, metadata: Mapping[str, Mapping[str, Any]]) -> None:
    """Document id → all of its metadata from now on."""
    rows = [{"key": key, "metadata": value, "updated_at": now()} for key, value in metadata.items()]
    if rows:
        tx.execute(update(table).where(table.c.id == bindparam("key")), rows)


def answering(
    tx: Transaction, scope: Scope, request: PageRequest, dataset_id: str | None = None
) -> Listing[Document]:
    """A part of the documents, of a dataset or of all, that answer questions. Raises NotFound."""
    query = of_datasets(scope, table).where(table.c.live_version.is_not(None))
    query = query.where(visibility.answers(scope))
    if dataset_id is not None:
        datasets.get(tx, scope, dataset_id)
        query = query.where(table.c.dataset_id == dataset_id)
    return listing(tx, query, table.c.id, request, partial(of_row, Document))


def counts(tx: Transaction, scope: Scope, dataset_id: str) -> dict[str, int]:
    """Status → number of documents of a dataset that a scope may see."""
    query = select(table.c.status, func.count()).where(table.c.dataset_id == dataset_id)
    query = query.where(visibility.is_seen(scope))
    return {row[0]: row[1] for row in tx.execute(query.group_by(table.c.status))}


def unfinished(tx: Transaction, scope: Scope, dataset_ids: Iterable[str]) -> int:
    """How many documents that will answer are still to be read, or being read."""
    query = select(func.count()).where(
        table.c.dataset_id.in_(list(dataset_ids)), table.c.status.in_(("pending", "indexing"))
    )
    query = query.where(visibility.answers(scope))
    return tx.execute(query).scalar_one()


def names(tx: Transaction, document_ids: Iterable[str]) -> dict[str, str]:
    """Document id → name."""
    query = select(table.c.id, table.c.name).where(dialect.among(table.c.id, set(document_ids)))
    return {row.id: row.name for row in tx.execute(query)}


def ids_of(tx: Transaction, dataset_id: str) -> list[str]:
    """The ids of all documents of a dataset."""
    return list(tx.execute(select(table.c.id).where(table.c.dataset_id == dataset_id)).scalars())


def count(tx: Transaction) -> int:
    """All documents of all datasets."""
    return tx.execute(select(func.count()).select_from(table)).scalar_one()


def set_status(
    tx: Transaction, document_id: str, status: DocumentStatus, error: Failure | None = None
) -> None:
    """Move a document on."""
    set_statuses(tx, [document_id], status, error)


def set_statuses(
    tx: Transaction,
    document_ids: Collection[str],
    status: DocumentStatus,
    error: Failure | None = None,
) -> None:
    """Move documents on."""
    which = dialect.among(table.c.id, document_ids)
    change = update(table).where(which).values(status=status, error=error, updated_at=now())
    if document_ids and status in ("ready", "failed"):
        with outbox.watched(tx, which):
            tx.execute(change)
    elif document_ids:
        tx.execute(change)


def history(tx: Transaction, scope: Scope, document_id: str) -> list[OldVersion]:
    """The versions that were kept when they were replaced, newest first. Raises NotFound."""
    get(tx, scope, document_id)
    query = select(versions).where(versions.c.document_id == document_id)
    return [
        of_row(OldVersion, row) for row in tx.execute(query.order_by(versions.c.version.desc()))
    ]


def original(
    tx: Transaction, scope: Scope, document_id: str, version: int | None = None
) -> Original:
    """Where the bytes of a document are: of its newest version, or of one that was kept.

    Raises:
        NotFound: the document or the version cannot be seen.
    """
    document = get(tx, scope, document_id)
    if version is None or version == document.version:
        return Original(document.name, document.media_type, document.sha256)
    for kept in history(tx, scope, document_id):
        if kept.version == version:
            return Original(document.name, kept.media_type, kept.sha256)
    raise NotFound("version", f"{version} of {document_id}")


def needs_original(tx: Transaction, sha256: str) -> bool:
    """Whether any document, a version of one that is kept, or a file still rests on these bytes."""
    resting = (
        select(column).where(column == sha256).limit(1)
        for column in (table.c.sha256, versions.c.sha256, files.c.sha256)
    )
    return any(tx.execute(query).first() is not None for query in resting)


def original_hashes(tx: Transaction) -> set[str]:
    """The hashes of all originals that must exist."""
    every = select(table.c.sha256).union(select(versions.c.sha256), select(files.c.sha256))
    return set(tx.execute(every).scalars()) - {""}
