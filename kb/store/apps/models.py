"""Registered language models; their provider keys are sealed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from functools import partial
from typing import Any

from sqlalchemy import Row, Select, bindparam, delete, select

from kb.errors import NotFound
from kb.ids import now
from kb.store.access.secrets import Secrets
from kb.store.engine import dialect, schema
from kb.store.engine.database import Transaction, note
from kb.store.engine.paging import Listing, PageRequest, listing
from kb.store.engine.schema.columns import stored
from kb.types import Model, Scope

table = schema.models
CHOSEN = "default_model"

_FIND = select(table).where(
    table.c.workspace == bindparam("workspace"), table.c.name == bindparam("name")
)
"""Made once: making a statement takes longer than running it."""


def put(tx: Transaction, scope: Scope, vault: Secrets, model: Model) -> None:
    """Add or overwrite a model; its key is sealed before it is stored."""
    content = {k: v for k, v in asdict(model).items() if k not in ("name", "api_key")}
    sealed = vault.seal(model.api_key) if model.api_key else None
    values = {"content": content, "api_key_sealed": sealed}
    row = {"name": model.name, "workspace": scope.workspace, "created_at": now(), **values}
    dialect.upsert(tx, table, row, replace=values)


def find(tx: Transaction, scope: Scope, vault: Secrets | None, name: str) -> Model | None:
    """The model of that name, if it is registered; without a vault, its key stays sealed."""
    row = tx.execute(_FIND, {"workspace": scope.workspace, "name": name}).one_or_none()
    return None if row is None else _model(row, vault)


def get(tx: Transaction, scope: Scope, vault: Secrets | None, name: str) -> Model:
    """The model of that name, as `find` gives it. Raises NotFound."""
    if (found := find(tx, scope, vault, name)) is None:
        raise NotFound("model", name)
    return found


def named(tx: Transaction, scope: Scope, names: Collection[str]) -> dict[str, Model]:
    """Those of the models that are registered, by name and without their keys."""
    rows = tx.execute(_visible(scope).where(table.c.name.in_(names))).all()
    return {row.name: _model(row) for row in rows}


def page(
    tx: Transaction, scope: Scope, request: PageRequest, vault: Secrets | None = None
) -> Listing[Model]:
    """A part of the registered models; without a vault, their keys stay sealed."""
    return listing(tx, _visible(scope), table.c.name, request, partial(_model, vault=vault))


def remove(tx: Transaction, scope: Scope, name: str) -> None:
    """Forget a model. Raises NotFound."""
    statement = delete(table).where(table.c.name == name, table.c.workspace == scope.workspace)
    if tx.execute(statement).rowcount == 0:
        raise NotFound("model", name)


def chosen(tx: Transaction) -> str | None:
    """The model that an operator has made the default; None: the settings decide."""
    query = select(schema.marks.c.value).where(schema.marks.c.name == CHOSEN)
    return tx.execute(query).scalar() or None


def choose(tx: Transaction, name: str | None) -> None:
    """Make a model the default; None leaves it to the settings."""
    note(tx, CHOSEN, name or "")


def _visible(scope: Scope) -> Select[Any]:
    return select(table).where(table.c.workspace == scope.workspace)


def _model(row: Row[Any], vault: Secrets | None = None) -> Model:
    sealed = row.api_key_sealed
    key = vault.unseal(sealed) if vault and sealed else None
    return stored(Model, {**row.content, "name": row.name, "api_key": key})
