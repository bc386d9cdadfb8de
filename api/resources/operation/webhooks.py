"""Webhooks and their deliveries. Secrets are in the answers to POST, once; so, as with keys, no
first answer is kept for an `Idempotency-Key`."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from api.deps import KB, AdminScope, Paging
from api.resources.operation.requests import RotateBody, WebhookBody, WebhookChange
from api.resources.response import ListResponse
from api.threads import read, write
from kb.store.engine.paging import Listing
from kb.store.webhooks import deliveries, webhooks
from kb.types import Delivery, DeliveryStatus, NewWebhook, Webhook

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])


@router.post("", status_code=201)
async def create_webhook(body: WebhookBody, kb: KB, scope: AdminScope) -> NewWebhook:
    """Register an address; the secret that signs what it is sent is shown this once."""
    told = (body.url, tuple(dict.fromkeys(body.events)), tuple(dict.fromkeys(body.dataset_ids)))
    return await write(kb, webhooks.create, scope, kb.secrets, *told)


@router.get("", response_model=ListResponse[Webhook])
async def list_webhooks(kb: KB, scope: AdminScope, page: Paging) -> Listing[Webhook]:
    """All webhooks without their secrets."""
    return await read(kb, webhooks.page, scope, page)


@router.get("/{webhook_id}")
async def get_webhook(webhook_id: str, kb: KB, scope: AdminScope) -> Webhook:
    """One webhook without its secret, and whether it fails."""
    return await read(kb, webhooks.get, scope, webhook_id)


@router.patch("/{webhook_id}")
async def change_webhook(
    webhook_id: str, body: WebhookChange, kb: KB, scope: AdminScope
) -> Webhook:
    """Change what is given; switch it off or on."""
    changes = body.model_dump(exclude_none=True)
    return await write(kb, webhooks.change, scope, webhook_id, changes)


@router.delete("/{webhook_id}", status_code=204)
async def delete_webhook(webhook_id: str, kb: KB, scope: AdminScope) -> Response:
    """Delete a webhook with its log; what waits is not sent."""
    await write(kb, webhooks.remove, scope, webhook_id)
    return Response(status_code=204)


@router.post("/{webhook_id}/rotate")
async def rotate_webhook_secret(
    webhook_id: str, body: RotateBody, kb: KB, scope: AdminScope
) -> NewWebhook:
    """Make a new secret, shown this once; both sign until the grace time of the old one is over."""
    turn = (scope, kb.secrets, webhook_id)
    return await write(kb, webhooks.rotate, *turn, grace_s=body.grace_s)


@router.post("/{webhook_id}/test", status_code=202)
async def test_webhook(webhook_id: str, kb: KB, scope: AdminScope) -> Delivery:
    """Send a test event, once; its delivery says how that went. Also to a webhook that is off."""
    return await write(kb, deliveries.try_out, scope, webhook_id)


@router.get("/{webhook_id}/deliveries", response_model=ListResponse[Delivery])
async def list_deliveries(
    webhook_id: str, kb: KB, scope: AdminScope, page: Paging, status: DeliveryStatus | None = None
) -> Listing[Delivery]:
    """What a webhook was sent and is to be sent, newest first."""
    return await read(kb, deliveries.page, scope, webhook_id, page, status=status)


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/redeliver",
    status_code=202,
)
async def redeliver(webhook_id: str, delivery_id: str, kb: KB, scope: AdminScope) -> Delivery:
    """Send a delivery again, under the same `webhook-id`, with all its tries anew."""
    return await write(kb, deliveries.send_again, scope, webhook_id, delivery_id)
