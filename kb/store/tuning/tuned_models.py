"""The models that jobs have made. A name is never given again, and its parent stays callable."""

from __future__ import annotations

from functools import partial

from sqlalchemy import insert, select

from kb.errors import NotFound
from kb.store.engine import schema
from kb.store.engine.database import Transaction
from kb.store.engine.paging import Listing, PageRequest, listing
from kb.store.engine.schema.columns import of_row, to_row
from kb.types import Scope, TunedModel

table = schema.tuned_models


def add(tx: Transaction, scope: Scope, model: TunedModel) -> None:
    """Store a model that a job has made."""
    tx.execute(insert(table).values(workspace=scope.workspace, **to_row(model)))


def get(tx: Transaction, scope: Scope, name: str) -> TunedModel:
    """One model. Raises NotFound."""
    if (found := find(tx, scope, name)) is None:
        raise NotFound("tuned model", name)
    return found


def find(tx: Transaction, scope: Scope, name: str) -> TunedModel | None:
    """One model, if there is one of that name."""
    own = select(table).where(table.c.workspace == scope.workspace, table.c.name == name)
    row = tx.execute(own).one_or_none()
    return None if row is None else of_row(TunedModel, row)


def page(tx: Transaction, scope: Scope, request: PageRequest) -> Listing[TunedModel]:
    """A part of the models, by name."""
    own = select(table).where(table.c.workspace == scope.workspace)
    return listing(tx, own, table.c.name, request, partial(of_row, TunedModel))


def lineage(tx: Transaction, scope: Scope, name: str) -> list[TunedModel]:
    """A model with those that it continues, itself first. Raises NotFound."""
    found = [get(tx, scope, name)]
    while (parent := found[-1].parent) is not None:
        found.append(get(tx, scope, parent))
    return found
