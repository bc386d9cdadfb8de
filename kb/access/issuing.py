"""Issuing a key: it may open only what is there."""

from __future__ import annotations

from dataclasses import replace

from kb.store.access import keys
from kb.store.access.keys import NewKey
from kb.store.access.secrets import Secrets
from kb.store.apps import apps
from kb.store.content import datasets
from kb.store.engine.database import Transaction
from kb.types import Key, Scope


def issue(
    tx: Transaction, scope: Scope, vault: Secrets, new: NewKey, app: str | None = None
) -> tuple[Key, str]:
    """Make a key; its text is returned this once.

    Args:
        app: id or slug of the app that it opens.

    Raises:
        NotFound: there is no such app, or no dataset that it names.
    """
    for dataset_id in new.dataset_ids:
        datasets.get(tx, scope, dataset_id)
    app_id = None if app is None else apps.get(tx, scope, app).id
    return keys.create(tx, scope, vault, replace(new, app_id=app_id))
