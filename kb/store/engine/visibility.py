"""Which documents an asker may see, and which of those answer: the one place that decides.

A document without labels is there for all who may read its dataset, one with labels only for who
carries one of them. It answers while it is switched on, on the days on which it is valid.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ColumnElement, String, and_, exists, literal, not_, or_, select, true
from sqlalchemy import BindParameter as Bound
from sqlalchemy import bindparam as bound

from kb.ids import now
from kb.store.engine import dialect, schema
from kb.types import Scope

documents = schema.documents.c

_JSON = JSON(none_as_null=True)


def asker(scope: Scope) -> dict[str, Any]:
    """The workspace of an asker, and the values of the parameters of `ANSWERS`."""
    labels = None if scope.labels is None else sorted(scope.labels)
    return {"workspace": scope.workspace, "labels": labels, "day": scope.day or now()[:10]}


def is_seen(scope: Scope) -> ColumnElement[bool]:
    """Whether an asker may see a document, for a statement that is made for this asker."""
    return true() if scope.labels is None else _is_seen(literal(sorted(scope.labels), _JSON))


def answers(scope: Scope) -> ColumnElement[bool]:
    """Whether a document, if it is indexed, answers an asker."""
    return and_(is_seen(scope), _is_on(literal(asker(scope)["day"])))


def is_no_secret(scope: Scope, document_id: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether the document of an id may be seen, or is there no more."""
    named = select(documents.id.label("id")).where(not_(is_seen(scope)))
    return true() if scope.labels is None else document_id.not_in(named.correlate(None))


def _is_seen(labels: Bound[Any]) -> ColumnElement[bool]:
    label = dialect.json_items(documents.labels, "label")
    shared = select(literal(1)).select_from(label).where(dialect.among(label.c.value, labels))
    return or_(documents.labels.is_(None), labels.is_(None), exists(shared))


def _is_on(day: Bound[str]) -> ColumnElement[bool]:
    return and_(
        documents.enabled.is_not(False),
        or_(documents.valid_from.is_(None), documents.valid_from <= day),
        or_(documents.valid_until.is_(None), documents.valid_until >= day),
    )


ANSWERS = and_(_is_seen(bound("labels", type_=_JSON)), _is_on(bound("day", type_=String)))
"""Made once, for statements that are. Labels are null where there are none: they cost nothing."""
