"""The operations of the knowledge API, in the order in which addresses are compared."""

from __future__ import annotations

from api.dialects.dify.knowledge import datasets, documents, external, uploads

ROUTERS = (datasets.router, uploads.router, documents.router, external.router)
