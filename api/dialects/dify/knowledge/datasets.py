"""Datasets. Only a key that may change everything makes and deletes them."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

from fastapi import APIRouter
from starlette.responses import Response

from api.deps import KB, AdminCaller, SearchCaller
from api.dialects.dialect import Body
from api.dialects.dify.knowledge.records import dataset_record, listed
from api.dialects.dify.wire.errors import DatasetNameDuplicate
from api.dialects.dify.wire.fields import Keyword, Limit, PageNumber
from api.resources.fields import Name, Text
from api.threads import in_thread, read, write
from kb.errors import Conflict, Rejected
from kb.store.content import datasets, documents
from kb.store.engine.database import Transaction
from kb.store.engine.paging import Listing, PageRequest
from kb.types import Dataset, Scope

router = APIRouter(prefix="/datasets", tags=["datasets"])


class DatasetBody(Body):
    """A new dataset; models and retrieval are this server's."""

    name: Name
    description: Text | None = None
    provider: Literal["vendor", "external"] | None = None


class DatasetChange(Body):
    """What is to change in a dataset."""

    name: Name | None = None
    description: Text | None = None


@router.post("")
async def create_dataset(body: DatasetBody, kb: KB, caller: AdminCaller) -> dict[str, Any]:
    """Make a dataset."""
    if body.provider == "external":
        raise Rejected("External knowledge is not searched here. Leave `provider` out.")
    try:
        making = partial(kb.create_dataset, description=body.description or "")
        made = await in_thread(making, caller.scope, body.name)
    except Conflict as exc:
        raise DatasetNameDuplicate(exc.detail) from exc
    return dataset_record(made, {})


@router.get("")
async def list_datasets(
    kb: KB, caller: SearchCaller, page: PageNumber = 1, limit: Limit = 20, keyword: Keyword = None
) -> dict[str, Any]:
    """The datasets that the key opens, oldest first."""
    asked = PageRequest(limit, number=page)
    found, records = await read(kb, _page, caller.scope, asked, keyword)
    return listed(records, found, page, limit)


@router.get("/{dataset_id}")
async def get_dataset(dataset_id: str, kb: KB, caller: SearchCaller) -> dict[str, Any]:
    """One dataset."""
    return await read(kb, _one, caller.scope, dataset_id)


@router.patch("/{dataset_id}")
async def change_dataset(
    dataset_id: str, body: DatasetChange, kb: KB, caller: AdminCaller
) -> dict[str, Any]:
    """Rename or describe a dataset."""
    change = partial(datasets.change, name=body.name, description=body.description)
    try:
        await write(kb, change, caller.scope, dataset_id)
    except Conflict as exc:
        raise DatasetNameDuplicate(exc.detail) from exc
    return await read(kb, _one, caller.scope, dataset_id)


@router.delete("/{dataset_id}", status_code=204)
async def delete_dataset(dataset_id: str, kb: KB, caller: AdminCaller) -> Response:
    """Delete a dataset with everything in it."""
    await in_thread(kb.delete_dataset, caller.scope, dataset_id)
    return Response(status_code=204)


def _one(tx: Transaction, scope: Scope, dataset_id: str) -> dict[str, Any]:
    return _record(tx, datasets.get(tx, scope, dataset_id))


def _page(
    tx: Transaction, scope: Scope, asked: PageRequest, keyword: str | None
) -> tuple[Listing[Dataset], list[dict[str, Any]]]:
    found = datasets.page(tx, scope, asked, q=keyword)
    return found, [_record(tx, each) for each in found.data]


def _record(tx: Transaction, found: Dataset) -> dict[str, Any]:
    return dataset_record(found, documents.counts(tx, found.id))
