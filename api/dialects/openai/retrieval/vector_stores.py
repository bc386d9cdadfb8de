"""/vector_stores: datasets under another name. Only a key that may change everything makes them."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import partial

from fastapi import APIRouter

from api.deps import KB, AdminScope, SearchCaller, SearchScope
from api.dialects.openai.retrieval.filters import clauses_of
from api.dialects.openai.retrieval.objects import Object, result_object, store_object, texts_page
from api.dialects.openai.retrieval.requests import Described, MemberBody, SearchBody, StoreBody
from api.dialects.openai.retrieval.store_files import add_files
from api.dialects.openai.shared.paging import PagingDep
from api.threads import in_file_thread, in_thread, read
from kb.errors import Conflict
from kb.knowledge_base import KnowledgeBase
from kb.store.content import datasets
from kb.store.engine.database import Transaction
from kb.store.engine.paging import Listing, PageRequest
from kb.store.work import files
from kb.types import Dataset, Hit, Processing, Retrieval, Scope

router = APIRouter(prefix="/vector_stores", tags=["vector stores"])


@router.post("")
async def create_vector_store(body: StoreBody, kb: KB, scope: AdminScope) -> Object:
    """Make a vector store, with some files if they are named."""
    await read(kb, files.of_ids, scope, body.file_ids)  # else nothing is made
    made = await in_thread(_created, kb, scope, body)
    if wanted := [MemberBody(file_id=each) for each in body.file_ids]:
        await in_file_thread(add_files, kb, scope, made.id, wanted)
    return await read(kb, _one, scope, made.id)


@router.get("")
async def list_vector_stores(kb: KB, scope: SearchScope, page: PagingDep) -> Object:
    """The vector stores that the key opens."""
    found = await read(kb, _page, scope, page.request, page.newest_first)
    return page.listed(found, dict)


@router.get("/{store_id}")
async def get_vector_store(store_id: str, kb: KB, scope: SearchScope) -> Object:
    """One vector store."""
    return await read(kb, _one, scope, store_id)


@router.post("/{store_id}")
async def change_vector_store(store_id: str, body: Described, kb: KB, scope: AdminScope) -> Object:
    """Rename or describe a vector store, or let it expire."""
    await in_thread(_changed, kb, scope, store_id, body)
    return await read(kb, _one, scope, store_id)


@router.delete("/{store_id}")
async def delete_vector_store(store_id: str, kb: KB, scope: AdminScope) -> Object:
    """Delete a vector store; its files are kept."""
    await in_thread(kb.delete_dataset, scope, store_id)
    return {"id": store_id, "object": "vector_store.deleted", "deleted": True}


@router.post("/{store_id}/search")
async def search_vector_store(
    store_id: str, body: SearchBody, kb: KB, caller: SearchCaller
) -> Object:
    """The passages that fit a question best, or any of several, best first."""
    queries = [body.query] if isinstance(body.query, str) else body.query
    how = Retrieval(top_k=body.max_num_results, rerank=body.reranks)
    best: dict[str, Hit] = {}
    for query in queries:
        asked = (caller.scope, [store_id], query, how)
        search = partial(kb.searcher.search, where=clauses_of(body.filters))
        for hit in (await kb.search_threads.run(search, *asked)).hits:
            best[hit.chunk.id] = max(hit, best.get(hit.chunk.id, hit), key=lambda each: each.score)
    hits = sorted(best.values(), key=lambda hit: -hit.score)[: body.max_num_results]
    results = [
        result_object(hit) | {"content": [{"type": "text", "text": hit.chunk.text}]}
        for hit in hits
        if hit.score >= body.min_score
    ]
    return texts_page("search_results", results, search_query=queries)


def _created(kb: KnowledgeBase, scope: Scope, body: StoreBody) -> Dataset:
    others = body.others()
    split = body.chunking_strategy and body.chunking_strategy.split()
    make = partial(
        kb.create_dataset,
        scope,
        description=body.description or "",
        processing=Processing(split=split) if split else None,
    )
    made = _named(make, body.name or "vector store")
    return kb.database.writing(datasets.change, scope, made.id, others=others)


def _changed(kb: KnowledgeBase, scope: Scope, store_id: str, body: Described) -> None:
    def change(name: str | None) -> Dataset:
        asked, others = (scope, store_id), body.others()
        return kb.database.writing(datasets.change, *asked, name=name, others=others)

    if body.name:
        _named(change, body.name)
    else:
        change(None)


def _named(change: Callable[[str], Dataset], name: str) -> Dataset:
    """Names of vector stores need not differ, those of datasets do."""
    try:
        return change(name)
    except Conflict:
        return change(f"{name} ({secrets.token_hex(4)})")


def _one(tx: Transaction, scope: Scope, store_id: str) -> Object:
    return store_object(tx, scope, datasets.get(tx, scope, store_id))


def _page(
    tx: Transaction, scope: Scope, request: PageRequest, newest_first: bool
) -> Listing[Object]:
    found = datasets.page(tx, scope, request, newest_first=newest_first)
    return Listing(tuple(store_object(tx, scope, each) for each in found.data), found.next)
