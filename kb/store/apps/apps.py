"""Apps: a draft that changes, versions that never do, and the switch between the variants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Row, Select, and_, bindparam, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from kb.errors import Conflict, NotFound, PreconditionFailed
from kb.ids import new_id, now
from kb.store.apps import conversations, fingerprints, fixed_answers
from kb.store.engine import dialect, schema
from kb.store.engine.database import Transaction
from kb.store.engine.paging import Listing, PageRequest, listing
from kb.store.engine.records import content_from, content_to, inputs_from, route_from, route_to
from kb.types import App, AppContent, AppVersion, PublishedDataset, RoutePolicy, Scope

table = schema.apps
versions = schema.app_versions


def visible(scope: Scope) -> Select[Any]:
    """The apps that a scope may see, each with the inputs of its published version."""
    inputs = (
        select(versions.c.content["inputs"])
        .where(versions.c.app_id == table.c.id, versions.c.version == table.c.version)
        .scalar_subquery()
    )
    query = select(table, inputs.label("inputs")).where(table.c.workspace == scope.workspace)
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
        tx.execute(
            insert(table).values(
                id=app.id,
                workspace=scope.workspace,
                slug=slug,
                name=name,
                icon=app.icon,
                opening=app.opening,
                suggested_questions=list(app.suggested_questions),
                route=route_to(app.route),
                draft=content_to(AppContent()),
                draft_revision=1,
                created_at=app.created_at,
            )
        )
    except IntegrityError as exc:
        raise _slug_taken(slug) from exc
    return app


def get(tx: Transaction, scope: Scope, id_or_slug: str) -> App:
    """One app by id or slug. Raises NotFound."""
    return _app(_row(tx, scope, id_or_slug))


def page(tx: Transaction, scope: Scope, request: PageRequest) -> Listing[App]:
    """Visible apps, oldest first."""
    return listing(tx, visible(scope), table.c.id, request, _app)


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
    tx.execute(update(table).where(table.c.id == app.id).values(route=route_to(policy)))
    return replace(app, route=policy)


def draft(tx: Transaction, scope: Scope, id_or_slug: str) -> tuple[AppContent, int]:
    """The draft and its revision."""
    row = _row(tx, scope, id_or_slug)
    return content_from(row.draft), row.draft_revision


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
    values = {"draft": content_to(content), "draft_revision": revision}
    tx.execute(update(table).where(table.c.id == row.id).values(**values))
    return revision


def publish(tx: Transaction, scope: Scope, id_or_slug: str) -> AppVersion:
    """Freeze the draft under the next number, with the state of its datasets; it answers now."""
    row = _row(tx, scope, id_or_slug)
    number = dialect.next_number(tx, versions.c.version, versions.c.app_id == row.id)
    content = content_from(row.draft)
    states = fingerprints.of_datasets(tx, scope, content.dataset_ids)
    version = AppVersion(row.id, number, content, now(), states)
    tx.execute(
        insert(versions).values(
            app_id=row.id,
            version=version.version,
            content=row.draft,
            created_at=version.created_at,
            datasets=[asdict(state) for state in states],
        )
    )
    tx.execute(update(table).where(table.c.id == row.id).values(version=version.version))
    return version


def version(tx: Transaction, scope: Scope, id_or_slug: str, number: int) -> AppVersion:
    """One published version. Raises NotFound."""
    return published(tx, get(tx, scope, id_or_slug), number)


def asked(tx: Transaction, scope: Scope, id_or_slug: str, query: str) -> tuple[App, str | None]:
    """An app, without its inputs, and the answer that its operator has fixed for a question.

    Raises NotFound.
    """
    wording = fixed_answers.wording(query)
    named = {"workspace": scope.workspace, "name": id_or_slug, "wording": wording}
    row = tx.execute(_ASKED, named).first()
    if row is None or (scope.apps is not None and row.id not in scope.apps):
        raise NotFound("app", id_or_slug)
    return _app(row), row.fixed_answer


def published(tx: Transaction, app: App, number: int) -> AppVersion:
    """One published version of an app that may be seen. Raises NotFound."""
    query = select(versions).where(versions.c.app_id == app.id, versions.c.version == number)
    row = tx.execute(query).one_or_none()
    if row is None:
        raise NotFound("version", f"{number} of app {app.slug}")
    return _version(row)


def versions_of(tx: Transaction, scope: Scope, id_or_slug: str) -> list[AppVersion]:
    """All published versions, newest first."""
    app = get(tx, scope, id_or_slug)
    query = select(versions).where(versions.c.app_id == app.id).order_by(versions.c.version.desc())
    return [_version(row) for row in tx.execute(query)]


def rollback(tx: Transaction, scope: Scope, id_or_slug: str, number: int) -> AppVersion:
    """Let a published version answer again. Raises NotFound."""
    found = version(tx, scope, id_or_slug, number)
    tx.execute(update(table).where(table.c.id == found.app_id).values(version=number))
    return found


def remove(tx: Transaction, scope: Scope, id_or_slug: str) -> None:
    """Delete an app with its versions, conversations and messages, and end its keys."""
    app = get(tx, scope, id_or_slug)
    conversations.remove_all(tx, app.id)
    fixed_answers.remove_all(tx, app.id)
    tx.execute(delete(versions).where(versions.c.app_id == app.id))
    tx.execute(delete(schema.app_access).where(schema.app_access.c.app_id == app.id))
    ended = update(schema.keys).where(schema.keys.c.app_id == app.id)
    tx.execute(ended.where(schema.keys.c.revoked_at.is_(None)).values(revoked_at=now()))
    tx.execute(delete(table).where(table.c.id == app.id))


def _slug_taken(slug: str) -> Conflict:
    return Conflict(f"An app with the slug {slug!r} exists already. Choose another slug.")


def _row(tx: Transaction, scope: Scope, id_or_slug: str) -> Row[Any]:
    named = or_(table.c.id == id_or_slug, table.c.slug == id_or_slug)
    row = tx.execute(visible(scope).where(named)).first()
    if row is None:
        raise NotFound("app", id_or_slug)
    return row


def _app(row: Any) -> App:
    return App(
        id=row.id,
        slug=row.slug,
        name=row.name,
        icon=row.icon,
        opening=row.opening,
        suggested_questions=tuple(row.suggested_questions),
        route=route_from(row.route),
        version=row.version,
        created_at=row.created_at,
        inputs=inputs_from(row._mapping.get("inputs") or ()),
    )


def _version(row: Row[Any]) -> AppVersion:
    states = tuple(PublishedDataset(**state) for state in row.datasets or ())
    return AppVersion(row.app_id, row.version, content_from(row.content), row.created_at, states)


_OWN_ANSWER = and_(
    schema.fixed_answers.c.app_id == table.c.id,
    schema.fixed_answers.c.wording == bindparam("wording"),
)
_ASKED = (
    select(
        *(column for column in table.c if column.name not in ("draft", "draft_revision")),
        schema.fixed_answers.c.answer.label("fixed_answer"),
    )
    .outerjoin(schema.fixed_answers, _OWN_ANSWER)
    .where(
        table.c.workspace == bindparam("workspace"),
        or_(table.c.id == bindparam("name"), table.c.slug == bindparam("name")),
    )
)
"""Made once: making a statement takes longer than running it."""
