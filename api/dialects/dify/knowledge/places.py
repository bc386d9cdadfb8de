"""Where an operation happens: a dataset, or a document of it, that the key may see."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, NamedTuple

from fastapi import Depends

from api.deps import KB, permitted_scope
from api.threads import read
from kb.errors import NotFound
from kb.knowledge_base import KnowledgeBase
from kb.store.content import datasets, documents
from kb.store.engine.database import Transaction
from kb.types import Dataset, Document, Permission, Scope


class Place(NamedTuple):
    """A dataset, for a caller who may do there what the operation is about."""

    kb: KnowledgeBase
    scope: Scope
    dataset: Dataset


class DocumentPlace(NamedTuple):
    """A document in its dataset."""

    within: Place
    document: Document


def document_in(tx: Transaction, scope: Scope, dataset_id: str, document_id: str) -> Document:
    """A document of a dataset. Raises NotFound."""
    found = documents.get(tx, scope, document_id)
    if found.dataset_id != dataset_id:
        raise NotFound("document", document_id)
    return found


def _dataset(permission: Permission) -> Callable[..., Awaitable[Place]]:
    permitted = Depends(permitted_scope(permission))

    async def place(dataset_id: str, kb: KB, scope: Scope = permitted) -> Place:
        return Place(kb, scope, await read(kb, datasets.get, scope, dataset_id))

    return place


def _document(permission: Permission) -> Callable[..., Awaitable[DocumentPlace]]:
    dataset = Depends(_dataset(permission))

    async def place(document_id: str, within: Place = dataset) -> DocumentPlace:
        own = (within.scope, within.dataset.id, document_id)
        return DocumentPlace(within, await read(within.kb, document_in, *own))

    return place


InDataset = Annotated[Place, Depends(_dataset("search"))]
IntoDataset = Annotated[Place, Depends(_dataset("ingest"))]
InDocument = Annotated[DocumentPlace, Depends(_document("search"))]
IntoDocument = Annotated[DocumentPlace, Depends(_document("ingest"))]
