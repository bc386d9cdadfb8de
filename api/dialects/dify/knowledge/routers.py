"""The operations of the knowledge API, in the order in which addresses are compared."""

from __future__ import annotations

from api.dialects.dify.knowledge import (
    catalogue,
    datasets,
    documents,
    external,
    metadata,
    retrieving,
    segments,
    uploads,
)

ROUTERS = (
    catalogue.router,
    datasets.router,
    uploads.router,
    documents.router,
    segments.router,
    metadata.router,
    retrieving.router,
    external.router,
)
