"""Apps: a draft that changes, versions that never do, and the switch between the variants."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from sqlalchemy import (
    JSON,
    Row,
    Select,
    and_,
    bindparam,
    delete,
    insert,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.exc import IntegrityError

from kb.errors import Conflict, NotFound, PreconditionFailed
from kb.ids import new_id, now
from kb.store.access import usage
from kb.store.apps import conversations, disclosures
from kb.store.content import datasets
from kb.store.engine import dialect, schema
from kb.store.engine.database import Transaction
from kb.store.engine.paging import Listing, PageRequest, listing, one
from kb.store.engine.schema.columns import Stored, of_row, to_row
from kb.types import (
    DRAFT,
    App,
    AppContent,
    AppVersion,
    InputVariable,
    Processing,
    PublishedDataset,
    RoutePolicy,
    Scope,
)

table = schema.apps
versions = schema.app_versions


_inputs = type_coerce(versions.c.content, JSON)["inputs"]
_all = select(
    table,
    select(type_coerce(_inputs, Stored(tuple[InputVariable, ...])))
    .where(versions.c.app_id == table.c.id, versions.c.version == table.c.version)
    .scalar_subquery()
    .label("inputs"),
)
"""Every app with the inputs of its published version."""
_named = (
    _all.where(or_(table.c.id == bindparam("name"), table.c.slug == bindparam("name")))
    .where(table.c.workspace == bindparam("place"))
    .limit(1)
)
"""Made once: each question looks for its app, and making the statement took longer than asking."""


def visible(scope: Scope) -> Select[Any]:
    """The apps that a scope may see, each with the inputs of its published version."""
    query = _all.where(table.c.workspace == scope.workspace)
    return query if scope.apps is None else query.where(table.c.id.in_(scope.apps))


def create(tx: Transaction, scope: Scope, *, slug: str, name: str, **texts: Any) -> App:
    """Add an app with an empty draft. Raises Conflict when the slug is taken."""
    app = App(
        id=new_id("app"),
        slug=slug,
        name=name,
        icon=texts.get("icon", ""),
        opening=texts.get("opening", ""),
        suggested_questions=tuple(texts.get("suggested_questions", ())),
        route=RoutePolicy(),
        version=None,
        created_at=now(),
    )
    try:
        own = {name: value for name, value in to_row(app).items() if name != "inputs"}
        draft = {"draft": AppContent(), "draft_revision": 1}
        tx.execute(insert(table).values(workspace=scope.workspace, **own, **draft))
    except IntegrityError as exc:
        raise _slug_taken(slug) from exc
    return app


def get(tx: Transaction, scope: Scope, id_or_slug: str) -> App:
    """One app by id or slug. Raises NotFound."""
    return of_row(App, _row(tx, scope, id_or_slug))


def only(tx: Transaction, scope: Scope) -> App | None:
    """The app, if exactly one is visible. An app's own key names it: nothing is listed then."""
    if scope.apps is not None and len(scope.apps) == 1:
        with suppress(NotFound):
            return get(tx, scope, *scope.apps)
    found = page(tx, scope, PageRequest(2)).data
    return found[0] if len(found) == 1 else None


def page(tx: Transaction, scope: Scope, request: PageRequest) -> Listing[App]:
    """Visible apps, oldest first."""
    return listing(tx, visible(scope), table.c.id, request, partial(of_row, App))


def change(tx: Transaction, scope: Scope, id_or_slug: str, values: Mapping[str, Any]) -> App:
    """Change the given ones of slug, name, icon, opening and suggested_questions."""
    row = _row(tx, scope, id_or_slug)
    if values:
        try:
            tx.execute(update(table).where(table.c.id == row.id).values(**values))
        except IntegrityError as exc:
            raise _slug_taken(values["slug"]) from exc
    return get(tx, scope, row.id)


def set_route(tx: Transaction, scope: Scope, id_or_slug: str, policy: RoutePolicy) -> App:
    """Turn the switch."""
    app = get(tx, scope, id_or_slug)
    tx.execute(update(table).where(table.c.id == app.id).values(route=policy))
    return replace(app, route=policy)


def draft(tx: Transaction, scope: Scope, id_or_slug: str) -> tuple[AppContent, int]:
    """The draft and its revision."""
    row = _row(tx, scope, id_or_slug)
    return row.draft, row.draft_revision


def set_draft(
    tx: Transaction, scope: Scope, id_or_slug: str, content: AppContent, *, expected: int | None
) -> int:
    """Replace the draft; returns its new revision.

    Raises:
        PreconditionFailed: `expected` is given and somebody else has changed the draft since.
    """
    row = _row(tx, scope, id_or_slug)
    if expected is not None and expected != row.draft_revision:
        raise PreconditionFailed(
            "The draft was changed by somebody else. Read it again, then repeat."
        )
    revision: int = row.draft_revision + 1
    values = {"draft": content, "draft_revision": revision}
    tx.execute(update(table).where(table.c.id == row.id).values(**values))
    return revision


def draft_version(tx: Transaction, scope: Scope, id_or_slug: str) -> AppVersion:
    """The draft as it would be published now, under the number `DRAFT`. Raises NotFound."""
    row = _row(tx, scope, id_or_slug)
    states = dataset_states(tx, scope, row.draft.dataset_ids)
    return AppVersion(row.id, DRAFT, row.draft, now(), states)


def publish(tx: Transaction, scope: Scope, id_or_slug: str) -> AppVersion:
    """Freeze the draft under the next number, with the state of its datasets; it answers now."""
    unpublished = draft_version(tx, scope, id_or_slug)
    number = dialect.next_number(tx, versions.c.version, versions.c.app_id == unpublished.app_id)
    version = replace(unpublished, version=number)
    tx.execute(insert(versions).values(to_row(version)))
    tx.execute(update(table).where(table.c.id == version.app_id).values(version=number))
    return version


def version(tx: Transaction, scope: Scope, id_or_slug: str, number: int) -> AppVersion:
    """One published version. Raises NotFound."""
    return published(tx, get(tx, scope, id_or_slug), number)


def published(tx: Transaction, app: App, number: int) -> AppVersion:
    """One published version of an app that may be seen. Raises NotFound."""
    query = select(versions).where(versions.c.app_id == app.id, versions.c.version == number)
    return of_row(AppVersion, one(tx, query, "version", f"{number} of app {app.slug}"))


def versions_of(tx: Transaction, scope: Scope, id_or_slug: str) -> list[AppVersion]:
    """All published versions, newest first."""
    app = get(tx, scope, id_or_slug)
    query = select(versions).where(versions.c.app_id == app.id).order_by(versions.c.version.desc())
    return [of_row(AppVersion, row) for row in tx.execute(query)]


def rollback(tx: Transaction, scope: Scope, id_or_slug: str, number: int) -> AppVersion:
    """Let a published version answer again. Raises NotFound."""
    found = version(tx, scope, id_or_slug, number)
    tx.execute(update(table).where(table.c.id == found.app_id).values(version=number))
    return found


def remove(tx: Transaction, scope: Scope, id_or_slug: str) -> None:
    """Delete an app with its versions, conversations and messages, and end its keys."""
    app = get(tx, scope, id_or_slug)
    conversations.remove_all(tx, app.id)
    disclosures.remove(tx, app.id)
    usage.forget_users(tx, app.id)
    tx.execute(delete(schema.budgets).where(schema.budgets.c.id == app.id))
    tx.execute(delete(schema.fixed_answers).where(schema.fixed_answers.c.app_id == app.id))
    tx.execute(delete(schema.rollouts).where(schema.rollouts.c.app_id == app.id))
    tx.execute(delete(versions).where(versions.c.app_id == app.id))
    tx.execute(delete(schema.app_access).where(schema.app_access.c.app_id == app.id))
    ended = update(schema.keys).where(schema.keys.c.app_id == app.id)
    tx.execute(ended.where(schema.keys.c.revoked_at.is_(None)).values(revoked_at=now()))
    tx.execute(delete(table).where(table.c.id == app.id))


def _slug_taken(slug: str) -> Conflict:
    return Conflict(f"An app with the slug {slug!r} exists already. Choose another slug.")


def published_contents(
    tx: Transaction, scope: Scope, app_ids: Collection[str]
) -> dict[str, AppContent]:
    """App id → content of its published version, for those that have one."""
    current = and_(versions.c.app_id == table.c.id, versions.c.version == table.c.version)
    query = select(table.c.id, versions.c.content).join(versions, current)
    visible = table.c.workspace == scope.workspace, table.c.id.in_(app_ids)
    return {row.id: row.content for row in tx.execute(query.where(*visible))}


def asking(tx: Transaction, scope: Scope, model: str) -> list[str]:
    """Slugs of the apps whose published version or draft names a model."""
    query = select(table.c.id, table.c.slug, table.c.draft).where(
        table.c.workspace == scope.workspace
    )
    rows = tx.execute(query.order_by(table.c.slug)).all()
    answering = published_contents(tx, scope, [row.id for row in rows])
    return [
        row.slug
        for row in rows
        if model in row.draft.models or (row.id in answering and model in answering[row.id].models)
    ]


def dataset_states(
    tx: Transaction, scope: Scope, dataset_ids: Sequence[str]
) -> tuple[PublishedDataset, ...]:
    """The state of those of the datasets that exist, in the order given."""
    return tuple(
        PublishedDataset(d.id, d.name, d.generation, d.embedder, processing_hash(d.processing))
        for d in datasets.of_ids(tx, scope, dataset_ids)
    )


def processing_hash(processing: Processing) -> str:
    """Sixteen hex digits, equal exactly where cleaning and splitting are."""
    written = json.dumps(asdict(processing), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(written.encode()).hexdigest()[:16]


def _row(tx: Transaction, scope: Scope, id_or_slug: str) -> Row[Any]:
    row = tx.execute(_named, {"name": id_or_slug, "place": scope.workspace}).one_or_none()
    if row is None or not (scope.apps is None or row.id in scope.apps):
        raise NotFound("app", id_or_slug)
    return row
