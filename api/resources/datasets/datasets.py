"""Datasets, and searching one."""

from __future__ import annotations

import time

from fastapi import APIRouter
from starlette.responses import Response

from api.deps import KB, AdminScope, Paging, Readers, SearchCaller, SearchScope, on_day
from api.idempotency import OnceDep
from api.resources.datasets.requests import DatasetBody, DatasetChange, SearchBody
from api.resources.datasets.responses import DatasetResponse, SearchResponse
from api.resources.response import ListResponse
from api.threads import in_thread, read, write
from kb.errors import NotAllowed
from kb.search.filtering import parsed_filter
from kb.store.content import datasets, documents
from kb.store.engine.database import Transaction
from kb.store.engine.paging import Listing
from kb.store.work import quotas
from kb.types import Dataset, Quota, Retrieval, Scope

router = APIRouter(prefix="/v1/datasets", tags=["datasets"])


@router.post("", status_code=201, response_model=DatasetResponse)
async def create_dataset(
    body: DatasetBody, kb: KB, readers: Readers, scope: AdminScope, once: OnceDep
) -> Response:
    """Add a dataset; its name must be new."""

    async def create() -> Dataset:
        await body.processing.check(readers)
        return await in_thread(
            kb.create_dataset,
            scope,
            body.name,
            description=body.description,
            processing=body.processing.to_processing(),
            quota=body.quota.to(Quota),
        )

    return await once(create)


@router.get("", response_model=ListResponse[DatasetResponse])
async def list_datasets(kb: KB, scope: SearchScope, page: Paging) -> Listing[Dataset]:
    """The datasets that the key opens, oldest first."""
    return await read(kb, datasets.page, scope, page)


@router.get("/{dataset_id}")
async def get_dataset(dataset_id: str, kb: KB, scope: SearchScope) -> DatasetResponse:
    """One dataset, with the number of its documents by status and what it uses of its quota."""
    return await read(kb, _counted, scope, dataset_id)


@router.patch("/{dataset_id}", response_model=DatasetResponse)
async def change_dataset(
    dataset_id: str, body: DatasetChange, kb: KB, readers: Readers, scope: AdminScope
) -> Dataset:
    """Rename, describe or limit a dataset, or process it in another way while it is empty."""
    if body.processing is not None:
        await body.processing.check(readers)
    return await write(
        kb,
        datasets.change,
        scope,
        dataset_id,
        name=body.name,
        description=body.description,
        processing=None if body.processing is None else body.processing.to_processing(),
        quota=None if body.quota is None else body.quota.to(Quota),
    )


@router.delete("/{dataset_id}", status_code=204)
async def delete_dataset(dataset_id: str, kb: KB, scope: AdminScope) -> Response:
    """Delete a dataset with everything in it."""
    await in_thread(kb.delete_dataset, scope, dataset_id)
    return Response(status_code=204)


@router.post("/{dataset_id}/search")
async def search(dataset_id: str, body: SearchBody, kb: KB, caller: SearchCaller) -> SearchResponse:
    """The passages that fit a question best, best first."""
    if body.explain and not caller.scope.may("admin"):
        raise NotAllowed("Only an admin key may ask for `explain`.")
    if body.generation is not None and not caller.scope.may("admin"):
        raise NotAllowed("Only an admin key may search another generation.")
    began = time.perf_counter()
    asked = (on_day(caller, body.on), [dataset_id], body.query, body.to(Retrieval))
    where = parsed_filter(body.filter)
    found = await kb.search_threads.run(
        kb.searcher.search, *asked, where=where, generation=body.generation
    )
    return SearchResponse.of(found, time.perf_counter() - began, explain=body.explain)


def _counted(tx: Transaction, scope: Scope, dataset_id: str) -> DatasetResponse:
    found = DatasetResponse.model_validate(datasets.get(tx, scope, dataset_id))
    counts, used = documents.counts(tx, scope, found.id), quotas.used(tx, "dataset", found.id)
    return found.model_copy(update={"documents": counts, "used": used})
