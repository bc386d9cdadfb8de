"""Datasets. Only a key that may change everything makes and deletes them."""

from __future__ import annotations

from functools import partial
from typing import Literal

from fastapi import APIRouter
from starlette.responses import Response

from api.deps import KB, AdminScope, SearchScope
from api.dialects.dialect import Body
from api.dialects.dify.knowledge.places import InDataset
from api.dialects.dify.knowledge.records import Record, dataset_record, listed
from api.dialects.dify.wire.errors import DatasetNameDuplicate
from api.dialects.dify.wire.fields import Keyword, Limit, PageNumber
from api.resources.fields import Name, Text
from api.threads import in_thread, read, write
from kb.errors import Conflict, Rejected
from kb.store.content import datasets, documents
from kb.store.engine.database import Transaction
from kb.store.engine.paging import PageRequest
from kb.types import Dataset, Scope

router = APIRouter(prefix="/datasets", tags=["datasets"])


class DatasetChange(Body):
    """What is to change in a dataset; models and retrieval are this server's."""

    name: Name | None = None
    description: Text | None = None


class DatasetBody(DatasetChange):
    """A new dataset."""

    name: Name
    provider: Literal["vendor", "external"] | None = None


@router.post("")
async def create_dataset(body: DatasetBody, kb: KB, scope: AdminScope) -> Record:
    """Make a dataset."""
    if body.provider == "external":
        raise Rejected("External knowledge is not searched here. Leave `provider` out.")
    making = partial(kb.create_dataset, description=body.description or "")
    try:
        return dataset_record(await in_thread(making, scope, body.name), {})
    except Conflict as exc:
        raise DatasetNameDuplicate(exc.detail) from exc


@router.get("")
async def list_datasets(
    kb: KB, scope: SearchScope, page: PageNumber = 1, limit: Limit = 20, keyword: Keyword = None
) -> Record:
    """The datasets that the key opens, oldest first."""
    return await read(kb, _page, scope, page, limit, keyword)


@router.get("/{dataset_id}")
async def get_dataset(at: InDataset) -> Record:
    """One dataset."""
    return await read(at.kb, _counted, at.scope, at.dataset)


@router.patch("/{dataset_id}")
async def change_dataset(dataset_id: str, body: DatasetChange, kb: KB, scope: AdminScope) -> Record:
    """Rename or describe a dataset."""
    change = partial(datasets.change, name=body.name, description=body.description)
    try:
        return await read(kb, _counted, scope, await write(kb, change, scope, dataset_id))
    except Conflict as exc:
        raise DatasetNameDuplicate(exc.detail) from exc


@router.delete("/{dataset_id}", status_code=204)
async def delete_dataset(dataset_id: str, kb: KB, scope: AdminScope) -> Response:
    """Delete a dataset with everything in it."""
    await in_thread(kb.delete_dataset, scope, dataset_id)
    return Response(status_code=204)


def _page(tx: Transaction, scope: Scope, page: int, limit: int, keyword: str | None) -> Record:
    found = datasets.page(tx, scope, PageRequest(limit, number=page), q=keyword)
    return listed([_counted(tx, scope, each) for each in found.data], found, page, limit)


def _counted(tx: Transaction, scope: Scope, found: Dataset) -> Record:
    return dataset_record(found, documents.counts(tx, scope, found.id))
