"""What all keys of an app may use, and what has been used."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query

from api.deps import KB, AdminScope
from api.resources.apps.responses import UsageTotalsResponse
from api.resources.operation.requests import AccessBody
from api.threads import read, write
from kb.store.access import keys, usage
from kb.store.apps import apps
from kb.store.engine.database import Transaction
from kb.types import AppAccess, Scope

router = APIRouter(prefix="/v1", tags=["access"])

Day = Annotated[date | None, Query()]


@router.get("/apps/{app}/access")
async def get_access(app: str, kb: KB, scope: AdminScope) -> AppAccess:
    """The origins and limits of an app's keys."""
    return await read(kb, _access, scope, app)


@router.put("/apps/{app}/access")
async def put_access(app: str, body: AccessBody, kb: KB, scope: AdminScope) -> AppAccess:
    """Replace the origins and limits of an app's keys; they count from the next request on."""
    await write(kb, _put_access, scope, app, body.to_access())
    return body.to_access()


@router.get("/usage")
async def get_usage(
    kb: KB, scope: AdminScope, by: usage.Grouping = "day", since: Day = None, until: Day = None
) -> UsageTotalsResponse:
    """Answers, tokens and cost by app, key, model or day (UTC)."""
    found = await read(kb, usage.totals, scope, by, since=_text(since), until=_text(until))
    return UsageTotalsResponse.model_validate({"by": by, "data": found})


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _access(tx: Transaction, scope: Scope, app: str) -> AppAccess:
    return keys.access_of_app(tx, apps.get(tx, scope, app).id)


def _put_access(tx: Transaction, scope: Scope, app: str, access: AppAccess) -> None:
    keys.set_access_of_app(tx, apps.get(tx, scope, app).id, access)
