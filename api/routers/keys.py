"""Access keys. The secret is in the answer to POST, once; so these endpoints keep no first answer
for an `Idempotency-Key`: a lost key is revoked and made anew."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from api import encoders
from api.deps import KB, AdminScope, Json, Paging
from api.schemas.keys import AppKeyBody, KeyBody
from api.threads import read, write
from kb.store import apps, datasets, keys
from kb.store.database import Transaction
from kb.store.secrets import Secrets
from kb.types import Key, Scope

router = APIRouter(prefix="/v1", tags=["keys"])


@router.post("/keys", status_code=201)
async def create_key(body: KeyBody, kb: KB, scope: AdminScope) -> Json:
    """Make a key; its secret is shown this once."""
    key, token = await write(kb, _create, scope, kb.secrets, body)
    return {**encoders.key(key), "key": token}


@router.get("/keys")
async def list_keys(kb: KB, scope: AdminScope, page: Paging) -> Json:
    """All keys without their secrets, revoked ones too."""
    return encoders.listing(await read(kb, keys.page, scope, page), encoders.key)


@router.delete("/keys/{key_id}", status_code=204)
async def revoke_key(key_id: str, kb: KB, scope: AdminScope) -> Response:
    """End a key."""
    await write(kb, keys.revoke, scope, key_id)
    return Response(status_code=204)


@router.post("/apps/{app}/keys", status_code=201)
async def create_app_key(app: str, body: AppKeyBody, kb: KB, scope: AdminScope) -> Json:
    """Make a key for one app; its secret is shown this once."""
    wanted = KeyBody(kind="app", app=app, name=body.name)
    key, token = await write(kb, _create, scope, kb.secrets, wanted)
    return {**encoders.key(key), "key": token}


@router.get("/apps/{app}/keys")
async def list_app_keys(app: str, kb: KB, scope: AdminScope, page: Paging) -> Json:
    """The keys of one app, without their secrets."""
    found = await read(kb, apps.get, scope, app)
    listed = await read(kb, keys.page, scope, page, app_id=found.id)
    return encoders.listing(listed, encoders.key)


def _create(tx: Transaction, scope: Scope, vault: Secrets, body: KeyBody) -> tuple[Key, str]:
    opened = [datasets.get(tx, scope, dataset_id).id for dataset_id in body.dataset_ids]
    app_id = None if body.app is None else apps.get(tx, scope, body.app).id
    return keys.create(
        tx,
        scope,
        vault,
        kind=body.kind,
        name=body.name,
        dataset_ids=dict.fromkeys(opened),
        app_id=app_id,
    )
