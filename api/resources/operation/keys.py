"""Access keys. The secret is in the answer to POST, once; so these endpoints keep no first answer
for an `Idempotency-Key`: a lost key is rotated, or revoked and made anew."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import asdict, fields, replace
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import MISSING
from starlette.responses import Response, StreamingResponse

from api.deps import KB, AdminScope, Paging
from api.resources.operation.requests import (
    AccessBody,
    AppKeyBody,
    BudgetBody,
    KeyBody,
    KeyChange,
    RotateBody,
)
from api.resources.operation.responses import (
    KeyResponse,
    NewKeyResponse,
    RevealedKey,
    UsageTotalsResponse,
)
from api.resources.response import ListResponse
from api.threads import read, write
from kb.access import Access
from kb.access.issuing import issue
from kb.store.access import budgets, keys, usage
from kb.store.access.usage import UsageTotal
from kb.store.apps import apps, rollouts
from kb.store.engine.database import Transaction
from kb.store.engine.paging import MAX_LIMIT, Listing, PageRequest
from kb.store.work import quotas
from kb.types import AppAccess, Budget, Key, Limits, Quota, Scope

router = APIRouter(prefix="/v1", tags=["keys"])

Day = Annotated[date | None, Query()]
COLUMNS = tuple(field.name for field in fields(UsageTotal))

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a name begins that a spreadsheet takes for a formula; in a CSV an apostrophe goes before."""


@router.post("/keys", status_code=201)
async def create_key(body: KeyBody, kb: KB, scope: AdminScope) -> NewKeyResponse:
    """Make a key; its secret, and a widget's signing secret, are shown this once."""
    made = await write(kb, issue, scope, kb.secrets, body.to_key(), body.app)
    return _shown_once(kb.access, *made)


@router.get("/keys", response_model=ListResponse[KeyResponse])
async def list_keys(kb: KB, scope: AdminScope, page: Paging) -> Listing[Key]:
    """All keys without their secrets, revoked ones too."""
    return await read(kb, keys.page, scope, page)


@router.get("/keys/{key_id}")
async def get_key(key_id: str, kb: KB, scope: AdminScope) -> KeyResponse:
    """One key without its secret, with what it uses of its quota."""
    return await read(kb, _counted, scope, key_id)


@router.patch("/keys/{key_id}", response_model=KeyResponse)
async def change_key(key_id: str, body: KeyChange, kb: KB, scope: AdminScope) -> Key:
    """Give a key other limits, labels or another quota; they count from the next request on."""
    limits = body.limits and body.limits.to(Limits)
    given = {"limits": limits, "quota": body.quota and body.quota.to(Quota), "labels": body.labels}
    return await write(kb, keys.change, scope, key_id, given)


@router.post("/keys/{key_id}/rotate")
async def rotate_key(key_id: str, body: RotateBody, kb: KB, scope: AdminScope) -> NewKeyResponse:
    """Give a key a new secret, shown this once; the old one ends at once or after a grace time."""
    turn = (scope, kb.secrets, key_id)
    return _shown_once(kb.access, *await write(kb, keys.rotate, *turn, grace_s=body.grace_s))


@router.post("/keys/{key_id}/reveal")
async def reveal_key(key_id: str, kb: KB, scope: AdminScope) -> RevealedKey:
    """The text of a widget key again, for the link or the line of code that it stands in."""
    return RevealedKey(key=await read(kb, keys.reveal, scope, kb.secrets, key_id))


@router.delete("/keys/{key_id}", status_code=204)
async def revoke_key(key_id: str, kb: KB, scope: AdminScope) -> Response:
    """End a key, and within seconds what it is streaming."""
    await write(kb, keys.revoke, scope, key_id)
    return Response(status_code=204)


@router.post("/apps/{app}/keys", status_code=201)
async def create_app_key(app: str, body: AppKeyBody, kb: KB, scope: AdminScope) -> NewKeyResponse:
    """Make a key for one app; its secrets are shown this once."""
    made = await write(kb, issue, scope, kb.secrets, body.to_key(), app)
    return _shown_once(kb.access, *made)


@router.get("/apps/{app}/keys", response_model=ListResponse[KeyResponse])
async def list_app_keys(app: str, kb: KB, scope: AdminScope, page: Paging) -> Listing[Key]:
    """The keys of one app, without their secrets."""
    found = await read(kb, apps.get, scope, app)
    return await read(kb, keys.page, scope, page, app_id=found.id)


@router.get("/apps/{app}/access")
async def get_access(app: str, kb: KB, scope: AdminScope) -> AppAccess:
    """The origins and limits of an app's keys."""
    return await read(kb, _access, scope, app)


@router.put("/apps/{app}/access")
async def put_access(app: str, body: AccessBody, kb: KB, scope: AdminScope) -> AppAccess:
    """Replace the origins and limits of an app's keys; they count from the next request on."""
    await write(kb, _put_access, scope, app, body.to_access())
    return body.to_access()


async def get_usage_page(
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = MAX_LIMIT,
    cursor: Annotated[str | None, Query(pattern="^=", max_length=500)] = None,
) -> PageRequest:
    """Which names are asked for: those of a year of days, or of most reports, are one page."""
    return PageRequest(limit, cursor)


_CSV: Any = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}


@router.get("/usage", response_model=UsageTotalsResponse, responses=_CSV)
async def get_usage(
    kb: KB,
    scope: AdminScope,
    page: Annotated[PageRequest, Depends(get_usage_page)],
    by: usage.Grouping = "day",
    since: Day = None,
    until: Day = None,
    app: str | None = None,
    format: Literal["json", "csv"] = "json",
) -> UsageTotalsResponse | Response:
    """Answers, tokens and cost by app, key, end user, model, variant or day (UTC), at most `limit`
    names, each with a row for every currency; a CSV goes on to the last."""
    app_id = None if app is None else (await read(kb, apps.get, scope, app)).id
    days = _text(since), _text(until)

    def part(tx: Transaction, asked: PageRequest) -> Listing[UsageTotal]:
        found = usage.page(tx, scope, by, asked, *days, app_id=app_id)
        if by != "variant" or app_id is None:
            return found
        return replace(found, data=rollouts.side_by_side(tx, app_id, found.data, *days))

    first = await read(kb, part, page)
    if format == "csv":
        rows = _csv(first, page, lambda asked: read(kb, part, asked))
        return StreamingResponse(rows, media_type="text/csv")
    return UsageTotalsResponse.model_validate({"by": by, "data": first.data, "next": first.next})


@router.get("/budgets")
async def list_budgets(kb: KB, scope: AdminScope) -> ListResponse[Budget]:
    """All budgets and how far they are spent: `warning` from 80 % on, then `exceeded`."""
    return ListResponse(data=tuple(await read(kb, budgets.every)), next=None)


@router.put("/budgets")
async def put_budget(body: BudgetBody, kb: KB, scope: AdminScope) -> ListResponse[Budget]:
    """Give a key or app a budget; what was spent before in its period counts. Answers with all."""
    find: Any = keys.get if body.of == "key" else apps.get
    given = replace(body.to(Budget), id=(await read(kb, find, scope, body.id)).id)
    await write(kb, budgets.put, given)
    return await list_budgets(kb, scope)


async def _csv(
    part: Listing[UsageTotal],
    asked: PageRequest,
    read_part: Callable[[PageRequest], Awaitable[Listing[UsageTotal]]],
) -> AsyncIterator[str]:
    yield _lines([dict(zip(COLUMNS, COLUMNS, strict=True))])
    yield _lines(map(asdict, part.data))
    while part.next is not None:
        part = await read_part(replace(asked, cursor=part.next))
        yield _lines(map(asdict, part.data))


def _lines(rows: Iterable[Mapping[str, Any]]) -> str:
    file = io.StringIO()
    table = csv.DictWriter(file, COLUMNS)
    for row in rows:
        sign = "'" if row["name"].startswith(FORMULA) else ""
        table.writerow({**row, "name": sign + row["name"]})
    return file.getvalue()


def _counted(tx: Transaction, scope: Scope, key_id: str) -> KeyResponse:
    found = KeyResponse.model_validate(keys.get(tx, scope, key_id))
    return found.model_copy(update={"used": quotas.used(tx, "key", key_id)})


def _shown_once(access: Access, key: Key, token: str) -> NewKeyResponse:
    signing_secret = access.signing_secret(token) if key.is_public else MISSING
    shown = dict(KeyResponse.model_validate(key))
    return NewKeyResponse(**shown, key=token, signing_secret=signing_secret)


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _access(tx: Transaction, scope: Scope, app: str) -> AppAccess:
    return keys.access_of_app(tx, apps.get(tx, scope, app).id)


def _put_access(tx: Transaction, scope: Scope, app: str, access: AppAccess) -> None:
    keys.set_access_of_app(tx, apps.get(tx, scope, app).id, access)
