"""What endpoints ask for, as annotated aliases: `kb: KB`, `caller: AdminCaller`, `page: Paging`.

That is the whole of dependency injection. The dependencies are `async def`, so none of them takes
a thread, and none holds a database session: a stream may stay open for an hour.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import date
from typing import Annotated, TypedDict

import anyio
from fastapi import Depends, Header, Query
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query as QueryParameter
from fastapi.routing import APIRoute
from starlette.requests import Request

from api.http.connections import UnknownConnections
from api.upload_locks import UploadLocks
from ingest.intake.resumable import ResumableUploads
from ingest.sandbox.reader_process import ReaderPool
from kb.access import Caller, OpenStream
from kb.errors import NotAllowed, Rejected, Unauthenticated
from kb.knowledge_base import KnowledgeBase
from kb.store.engine.paging import MAX_LIMIT, PageRequest
from kb.types import Permission, Scope


class AppState(TypedDict):
    """What the lifespan hands to every request as `request.state`."""

    kb: KnowledgeBase
    readers: ReaderPool
    closing: anyio.Event
    resumable: ResumableUploads
    upload_locks: UploadLocks
    unknown: UnknownConnections


async def get_kb(request: Request) -> KnowledgeBase:
    """The open knowledge base."""
    kb: KnowledgeBase = request.state.kb
    return kb


async def get_readers(request: Request) -> ReaderPool:
    """The children that read files, for previews and checks."""
    readers: ReaderPool = request.state.readers
    return readers


async def get_caller(request: Request) -> Caller:
    """Whom the middleware has recognised; nobody passes without, whatever is open."""
    caller: Caller | None = request.scope.get("kb.caller")
    if caller is None:
        raise Unauthenticated
    return caller


async def get_stream(request: Request) -> AsyncIterator[OpenStream]:
    """Counts an answer as open until it is sent, and ends when the caller's key does.

    Raises:
        RateLimited: the key has as many open as it may.
    """
    caller = await get_caller(request)
    async with request.state.kb.access.stream(caller) as stream:
        yield stream


CallerDep = Annotated[Caller, Depends(get_caller)]


def permitted(permission: Permission) -> Callable[[Caller], Awaitable[Caller]]:
    """A dependency: the caller, if its key has a permission; else it raises NotAllowed."""

    async def check(caller: CallerDep) -> Caller:
        if not caller.scope.may(permission):
            raise NotAllowed(
                f"A key of kind {caller.kind!r} may not do this; it needs the permission "
                f"{permission!r}."
            )
        return caller

    return check


def permitted_scope(permission: Permission) -> Callable[[Caller], Awaitable[Scope]]:
    """A dependency: the scope of the caller, if its key has a permission."""
    check = permitted(permission)

    async def scope(caller: CallerDep) -> Scope:
        return (await check(caller)).scope

    return scope


def on_day(caller: Caller, day: date | None) -> Scope:
    """The caller's scope, for the documents that are valid on a day. Raises NotAllowed."""
    if day is not None and caller.kind == "widget":
        raise NotAllowed("A widget key asks as of today. Leave `on` out.")
    return replace(caller.scope, day=None if day is None else day.isoformat())


async def check_query(request: Request) -> None:
    """Every operation depends on this: a misspelt parameter would be silence.

    Pages take any query, because links to them gather what other programs add.

    Raises:
        Rejected: the query has a parameter that the operation does not declare.
    """
    route: APIRoute = request.scope["route"]
    if not request.scope["query_string"] or not route.include_in_schema:
        return
    declared = [
        field.alias
        for field in get_flat_params(route.dependant)
        if isinstance(field.field_info, QueryParameter)
    ]
    for name in request.query_params:
        if name not in declared:
            known = ", ".join(f"`{each}`" for each in declared) or "none"
            raise Rejected(f"`{name}` is not a known query parameter; known here: {known}.")


async def get_stream_start(
    after: Annotated[int | None, Query(ge=0, le=1_000_000_000)] = None,
    last_event_id: Annotated[int | None, Header(ge=0, le=1_000_000_000)] = None,
) -> int:
    """Behind which event a stream begins; a browser that reconnects says it in a header."""
    return last_event_id if last_event_id is not None else after or 0


async def get_page(
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> PageRequest:
    """Which part of a list is asked for."""
    return PageRequest(limit, cursor)


async def get_numbered_page(
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 50,
    cursor: Annotated[str | None, Query(pattern=r"^\d{1,9}$")] = None,
) -> PageRequest:
    """Which part of a list that counts its items is asked for."""
    return PageRequest(limit, cursor)


KB = Annotated[KnowledgeBase, Depends(get_kb)]
Readers = Annotated[ReaderPool, Depends(get_readers)]
AdminCaller = Annotated[Caller, Depends(permitted("admin"))]
SearchCaller = Annotated[Caller, Depends(permitted("search"))]
ChatCaller = Annotated[Caller, Depends(permitted("chat"))]
StreamDep = Annotated[OpenStream, Depends(get_stream)]
User = Annotated[str | None, Query(min_length=1, max_length=200)]
Paging = Annotated[PageRequest, Depends(get_page)]
NumberedPaging = Annotated[PageRequest, Depends(get_numbered_page)]


AdminScope = Annotated[Scope, Depends(permitted_scope("admin"))]
MetricsScope = Annotated[Scope, Depends(permitted_scope("metrics"))]
IngestScope = Annotated[Scope, Depends(permitted_scope("ingest"))]
SearchScope = Annotated[Scope, Depends(permitted_scope("search"))]
StreamStart = Annotated[int, Depends(get_stream_start)]
