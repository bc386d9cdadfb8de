"""Where uploaded files go: each becomes a new document, its next version, or changes nothing.

All files of one call are placed together, with a handful of statements and not one per file. The
old version of a document answers until the new one is ready.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sqlalchemy import Row, bindparam, insert, select, update

from kb.errors import Rejected
from kb.ids import new_id, now
from kb.store.content import changing, datasets, documents, members, outbox
from kb.store.content.documents import OldVersion
from kb.store.engine import dialect, schema
from kb.store.engine.database import Transaction
from kb.store.engine.schema.columns import of_row, to_row
from kb.store.work import jobs
from kb.types import Document, Failure, Scope

table = schema.documents

Mode = Literal["skip", "replace", "version"]
"""For a name that exists with other bytes: leave it, replace it, or replace it and keep the old."""

Outcome = Literal["created", "replaced", "unchanged", "skipped", "outdated"]

NOTES: Mapping[Outcome, Failure] = {
    "skipped": Failure(
        "exists",
        "A document of this name exists, and the upload leaves such documents as they are.",
    ),
    "outdated": Failure(
        "newer_exists",
        "This file of the archive was left out: a newer one was uploaded after the archive.",
    ),
}
"""Why a file changed nothing, where somebody may wonder."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that wants to be a document.

    `metadata` None leaves what the document has. With an `error` the file is listed as failed and
    its bytes are not kept: `sha256` is empty. `file_id` is the stored file whose bytes they are.
    `switches` are the labels, days and switch that it brings; what it does not, the document keeps.
    """

    name: str
    media_type: str
    sha256: str
    size_bytes: int
    encoding: str | None = None
    metadata: Mapping[str, Any] | None = None
    error: Failure | None = None
    file_id: str | None = None
    switches: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UploadTarget:
    """What files are put into, and how.

    `is_late`: they were acknowledged with the batch, maybe long ago, and never take the place of
    what was acknowledged since.
    """

    scope: Scope
    dataset_id: str
    batch_id: str
    mode: Mode = "replace"
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class UploadedDocument:
    """Where an upload ended up; `replaced` is the hash of an original that it took over from."""

    document: Document
    outcome: Outcome
    replaced: str | None = None


@dataclass(frozen=True, slots=True)
class _Plan:
    upload: Upload
    before: Row[Any] | None
    outcome: Outcome


def put(tx: Transaction, to: UploadTarget, uploads: Sequence[Upload]) -> list[UploadedDocument]:
    """Place files and queue what is new; of two with one name the later wins.

    Returns one answer per upload, in their order.
    """
    datasets.get(tx, to.scope, to.dataset_id)
    placed: dict[int, UploadedDocument] = {}
    for turn in _turns(uploads):
        placed.update(zip(turn, _put(tx, to, [uploads[n] for n in turn]), strict=True))
    return [placed[number] for number in range(len(uploads))]


def put_archive(tx: Transaction, to: UploadTarget, upload: Upload) -> UploadedDocument:
    """Place an archive that is to be expanded.

    It is never a version of another archive, because the members of both are wanted: where its
    name is taken it gets a number. Only one that has failed makes room.
    """
    datasets.get(tx, to.scope, to.dataset_id)
    name = documents.free_name(tx, to.dataset_id, upload.name, _is_given_up)
    (placed,) = _put(tx, to, [replace(upload, name=name)], kind="expand")
    return placed


def put_file(tx: Transaction, to: UploadTarget, upload: Upload) -> UploadedDocument:
    """Place a stored file.

    It is a version of its own document only: where another has its name, its id is put into it.
    """
    mine = table.c.dataset_id == to.dataset_id, table.c.file_id == upload.file_id
    name = tx.execute(select(table.c.name).where(*mine)).scalar()
    if name is None:
        is_taken = existing(tx, to.scope, to.dataset_id, [upload.name])
        name = members.with_file_id(upload.name, upload.file_id or "") if is_taken else upload.name
    (placed,) = _put(tx, to, [replace(upload, name=name)])
    return placed


def unneeded(placed: Sequence[UploadedDocument], uploads: Sequence[Upload]) -> list[str]:
    """Hashes of originals that may have lost their last document: replaced and left out."""
    replaced = [item.replaced for item in placed if item.replaced]
    return replaced + [
        upload.sha256
        for upload, item in zip(uploads, placed, strict=True)
        if item.outcome in NOTES and upload.sha256
    ]


def existing(
    tx: Transaction, scope: Scope, dataset_id: str, names: Iterable[str]
) -> dict[str, Row[Any]]:
    """Name → row of the documents that have one of the names. Raises Rejected if one is hidden."""
    own = table.c.dataset_id == dataset_id, dialect.among(table.c.name, names)
    found = {row.name: row for row in tx.execute(select(table).where(*own))}
    for name, row in found.items():
        if not scope.carries(row.labels or ()):
            raise Rejected(f"A document that this key may not see is named {name!r}. Rename yours.")
    return found


def outcome_of(before: Row[Any] | None, upload: Upload, mode: Mode) -> Outcome:
    """What an upload does to the document that has its name."""
    if before is None:
        return "created"
    same = before.sha256 == upload.sha256 and before.encoding == upload.encoding
    if same and before.status != "failed":
        return "unchanged"
    return "skipped" if mode == "skip" else "replaced"


def _put(
    tx: Transaction, to: UploadTarget, uploads: Sequence[Upload], kind: jobs.JobKind = "index"
) -> list[UploadedDocument]:
    """Place files whose names differ."""
    before = existing(tx, to.scope, to.dataset_id, (upload.name for upload in uploads))
    plans = [
        _Plan(upload, row := before.get(upload.name), _outcome(to, row, upload))
        for upload in uploads
    ]
    for plan in plans:
        if plan.before is not None and plan.upload.switches and plan.outcome not in NOTES:
            changing.check_days(plan.before._asdict() | dict(plan.upload.switches))
    moment = now()
    _insert(tx, to, [plan for plan in plans if plan.outcome == "created"], moment)
    _overwrite(tx, to, [plan for plan in plans if plan.outcome == "replaced"], moment)
    _confirm(tx, to, [plan for plan in plans if plan.outcome == "unchanged"])
    after = existing(tx, to.scope, to.dataset_id, (upload.name for upload in uploads))
    found = [of_row(Document, after[plan.upload.name]) for plan in plans]
    placed = [
        UploadedDocument(each, plan.outcome, _lost(plan, to.mode))
        for each, plan in zip(found, plans, strict=True)
    ]
    new = [p.document for p in placed if p.outcome in ("created", "replaced")]
    fixed = {"key": to.scope.key_id}
    pending = {i.id: {"version": i.version, **fixed} for i in new if i.status == "pending"}
    jobs.drop(tx, *(item.id for item in new))
    jobs.add(tx, kind, pending, to.batch_id)
    return placed


def _turns(uploads: Sequence[Upload]) -> Iterator[list[int]]:
    """The numbers of the uploads in turns that hold every name once."""
    waiting = list(range(len(uploads)))
    while waiting:
        turn: dict[str, int] = {}
        for number in waiting:
            turn.setdefault(uploads[number].name, number)
        yield list(turn.values())
        taken = set(turn.values())
        waiting = [number for number in waiting if number not in taken]


def _is_given_up(row: Row[Any]) -> bool:
    return row.status == "failed" and row.live_version is None


def _lost(plan: _Plan, mode: Mode) -> str | None:
    if plan.outcome != "replaced" or plan.before is None or mode == "version":
        return None
    return plan.before.sha256 or None


def _insert(tx: Transaction, to: UploadTarget, plans: Sequence[_Plan], moment: str) -> None:
    rows = [
        {
            "id": new_id("doc"),
            "workspace": to.scope.workspace,
            "dataset_id": to.dataset_id,
            "version": 1,
            "chunk_count": 0,
            "created_at": moment,
            **_values(to, plan.upload, moment),
            "metadata": plan.upload.metadata or {},
        }
        for plan in plans
    ]
    if rows:
        tx.execute(insert(table), rows)


def _overwrite(tx: Transaction, to: UploadTarget, plans: Sequence[_Plan], moment: str) -> None:
    if to.mode == "version":
        _keep(tx, [plan.before for plan in plans if plan.before is not None], moment)
    rows = [
        {
            "key": plan.before.id,
            "version": plan.before.version + 1,
            **_values(to, plan.upload, moment),
            "metadata": _metadata(plan.before, plan.upload),
        }
        for plan in plans
        if plan.before is not None
    ]
    if rows:
        with outbox.watched(tx, dialect.among(table.c.id, [row["key"] for row in rows])):
            tx.execute(update(table).where(table.c.id == bindparam("key")), rows)


def _outcome(to: UploadTarget, before: Row[Any] | None, upload: Upload) -> Outcome:
    outcome = outcome_of(before, upload, to.mode)
    # Ids of batches sort by creation, and a batch is made when its files are acknowledged.
    is_newer = before is not None and (before.batch_id or "") > to.batch_id
    return "outdated" if to.is_late and is_newer and outcome == "replaced" else outcome


def _confirm(tx: Transaction, to: UploadTarget, plans: Sequence[_Plan]) -> None:
    """The same bytes may come with other metadata; and they are what was uploaded last."""
    known = [(plan.before, plan.upload) for plan in plans if plan.before is not None]
    if known:
        is_older = table.c.batch_id.is_(None) | (table.c.batch_id < to.batch_id)
        own = update(table).where(dialect.among(table.c.id, [row.id for row, _ in known]), is_older)
        tx.execute(own.values(batch_id=to.batch_id))
    for row, upload in known:
        brought = {"metadata": _metadata(row, upload), **upload.switches}
        if any(getattr(row, name) != value for name, value in brought.items()):
            changed = update(table).where(table.c.id == row.id)
            tx.execute(changed.values(**brought, updated_at=now()))


def _keep(tx: Transaction, rows: Sequence[Row[Any]], moment: str) -> None:
    kept = [
        to_row(of_row(OldVersion, row, replaced_at=moment)) | {"document_id": row.id}
        for row in rows
        if row.sha256
    ]
    if kept:
        tx.execute(insert(schema.document_versions), kept)


def _values(to: UploadTarget, upload: Upload, moment: str) -> dict[str, Any]:
    row = to_row(upload)
    return {
        **row.pop("switches"),
        **row,
        "status": "failed" if upload.error else "pending",
        "batch_id": to.batch_id,
        "key_id": to.scope.key_id,
        "updated_at": moment,
    }


def _metadata(before: Row[Any], upload: Upload) -> Mapping[str, Any]:
    found: Mapping[str, Any] = before.metadata if upload.metadata is None else upload.metadata
    return found
