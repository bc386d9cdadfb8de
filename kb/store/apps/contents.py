"""What apps answer with, across apps: which versions answer now, and which models they ask."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import and_, select

from kb.store.engine import schema
from kb.store.engine.database import Transaction
from kb.store.engine.records import content_from
from kb.types import AppContent, Scope, Variant

apps = schema.apps
versions = schema.app_versions


def published(tx: Transaction, scope: Scope, app_ids: Collection[str]) -> dict[str, AppContent]:
    """App id → content of its published version, for those that have one."""
    current = and_(versions.c.app_id == apps.c.id, versions.c.version == apps.c.version)
    query = select(apps.c.id, versions.c.content).join(versions, current)
    visible = apps.c.workspace == scope.workspace, apps.c.id.in_(app_ids)
    return {row.id: content_from(row.content) for row in tx.execute(query.where(*visible))}


def apps_asking(tx: Transaction, scope: Scope, model: str) -> list[str]:
    """Slugs of the apps whose published version or draft names a model."""
    query = select(apps.c.id, apps.c.slug, apps.c.draft).where(apps.c.workspace == scope.workspace)
    rows = tx.execute(query.order_by(apps.c.slug)).all()
    answering = published(tx, scope, [row.id for row in rows])
    return [
        row.slug
        for row in rows
        if model in models_of(content_from(row.draft))
        or (row.id in answering and model in models_of(answering[row.id]))
    ]


def models_of(content: AppContent) -> frozenset[str]:
    """The names of the models that a content asks."""
    variants: list[Variant] = [content.base, *filter(None, [content.tuned])]
    return frozenset(name for variant in variants for name in variant.models)
