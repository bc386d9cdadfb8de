"""Registered language models; their provider keys are sealed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Row, Select, delete, select

from kb.errors import NotFound
from kb.ids import now
from kb.store.access.secrets import Secrets
from kb.store.engine import dialect, schema
from kb.store.engine.database import Transaction
from kb.store.engine.paging import Listing, PageRequest, listing
from kb.store.engine.records import one
from kb.store.engine.schema.columns import stored
from kb.types import Model, Scope

table = schema.models


def put(tx: Transaction, scope: Scope, vault: Secrets, model: Model) -> None:
    """Add or overwrite a model; its key is sealed before it is stored."""
    values = {
        "content": _content(model),
        "api_key_sealed": vault.seal(model.api_key) if model.api_key else None,
    }
    row = {"name": model.name, "workspace": scope.workspace, "created_at": now(), **values}
    dialect.upsert(tx, table, row, replace=values)


def find(tx: Transaction, scope: Scope, vault: Secrets, name: str) -> Model | None:
    """The model of that name with its opened key, if it is registered."""
    row = tx.execute(_visible(scope).where(table.c.name == name)).one_or_none()
    return None if row is None else _model(row, vault)


def get(tx: Transaction, scope: Scope, vault: Secrets, name: str) -> Model:
    """The model of that name with its opened key. Raises NotFound."""
    return _model(one(tx, _visible(scope).where(table.c.name == name), "model", name), vault)


def check(tx: Transaction, scope: Scope, name: str) -> None:
    """Raises NotFound unless a model of that name is registered."""
    one(tx, _visible(scope).where(table.c.name == name), "model", name)


def named(tx: Transaction, scope: Scope, names: Collection[str]) -> dict[str, Model]:
    """Those of the models that are registered, by name and without their keys."""
    rows = tx.execute(_visible(scope).where(table.c.name.in_(names))).all()
    return {row.name: _keyless(row) for row in rows}


def page(tx: Transaction, scope: Scope, request: PageRequest) -> Listing[Model]:
    """Registered models, without their keys."""
    return listing(tx, _visible(scope), table.c.name, request, _keyless)


def remove(tx: Transaction, scope: Scope, name: str) -> None:
    """Forget a model. Raises NotFound."""
    statement = delete(table).where(table.c.name == name, table.c.workspace == scope.workspace)
    if tx.execute(statement).rowcount == 0:
        raise NotFound("model", name)


def _visible(scope: Scope) -> Select[Any]:
    return select(table).where(table.c.workspace == scope.workspace)


def _content(model: Model) -> dict[str, Any]:
    return {k: v for k, v in asdict(model).items() if k not in ("name", "api_key")}


def _model(row: Row[Any], vault: Secrets) -> Model:
    sealed = row.api_key_sealed
    return replace(_keyless(row), api_key=vault.unseal(sealed) if sealed else None)


def _keyless(row: Row[Any]) -> Model:
    return stored(Model, {**row.content, "name": row.name})
