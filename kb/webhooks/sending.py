"""Sends what the outbox holds, at least once: what a receiver has not taken is tried again and
again, and what a crash interrupts is sent anew under the same id."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import random
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

from kb.background import Loop
from kb.ids import rfc3339
from kb.store.access.secrets import Secrets
from kb.store.content import outbox
from kb.store.engine.database import Database, Transaction
from kb.store.webhooks import deliveries
from kb.store.webhooks.deliveries import Due
from kb.types import TEST_EVENT, Delivery

logger = logging.getLogger(__name__)

TRIES = 10
LONGER = 3.0
"""Each wait is so many times the one before: nine waits from 10 s on make 27 hours."""
JITTER = 0.2
POLL_S = 5.0
LOOK_S = 0.2
PRUNE_S = 3600.0
LONGEST_S = 86_400.0
UNREADABLE = "Its secret cannot be read with the secret of this data folder. Rotate it."

Post = Callable[
    [str, Mapping[str, str], bytes], Awaitable[tuple[int | None, str | None, str | None]]
]


class Sender(Loop):
    """Sends in a thread of its own. One process sends at a time."""

    def __init__(
        self,
        database: Database,
        vault: Secrets,
        *,
        timeout_s: float,
        first_retry_s: float,
    ) -> None:
        super().__init__(outbox.KIND, self._round, database.wakeups, duty=database.duty)
        self._database = database
        self._vault = vault
        self._timeout_s = timeout_s
        self._first_retry_s = first_retry_s
        self._pruned = -PRUNE_S

    def _round(self) -> float:
        if time.monotonic() - self._pruned > PRUNE_S:
            self._database.writing(deliveries.prune)
            self._pruned = time.monotonic()
        if due := self._due(()):
            asyncio.run(self._send(due))
        return min(POLL_S, self._first_retry_s)

    def _due(self, in_hand: Iterable[Delivery]) -> list[Due]:
        busy = defaultdict[str, list[str]](list)
        for each in in_hand:
            busy[each.webhook_id].append(each.id)
        return self._database.reading(deliveries.due, self._vault, busy)

    async def _send(self, due: list[Due]) -> None:
        """Send until nothing is due; what is under way when the server stops is sent anew."""
        from kb.webhooks.posting import open_session, post  # not at each start: few have webhooks

        in_hand: dict[asyncio.Task[Delivery], Delivery] = {}
        async with open_session(self._timeout_s) as session:
            while (due or in_hand) and not self.is_stopping:
                for each in due:
                    task = asyncio.create_task(self._try(partial(post, session), each))
                    in_hand[task] = each.delivery
                done, _ = await asyncio.wait(
                    in_hand, timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED
                )
                if done:
                    self._database.writing(_record, [task.result() for task in done])
                for task in done:
                    del in_hand[task]
                due = self._due(in_hand.values())
            for task in in_hand:
                task.cancel()

    async def _try(self, post: Post, due: Due) -> Delivery:
        delivery, url, secrets = due
        body = _message(delivery)
        signed = signature_headers(secrets, delivery.id, int(time.time()), body)
        began = time.monotonic()
        status, text, error = await post(url, signed, body) if secrets else (None, None, UNREADABLE)
        again = self._retry_at(delivery) if error else None
        return replace(
            delivery,
            status="delivered" if error is None else "pending" if again else "failed",
            attempts=delivery.attempts + 1,
            next_attempt_at=again,
            response_status=status,
            response=text,
            error=error,
            duration_ms=round((time.monotonic() - began) * 1000, 1),
        )

    def _retry_at(self, delivery: Delivery) -> str | None:
        if delivery.attempts + 1 >= TRIES or delivery.event == TEST_EVENT:
            return None
        wait_s = self._first_retry_s * LONGER**delivery.attempts
        wait_s = min(wait_s, LONGEST_S) * random.uniform(1 - JITTER, 1 + JITTER)
        return rfc3339(datetime.now(UTC) + timedelta(seconds=wait_s))


def signature_headers(
    secrets: Iterable[str], message_id: str, timestamp: int, body: bytes
) -> dict[str, str]:
    """What says that a message is ours and when it was sent, good by any of some secrets.

    Args:
        secrets: each `whsec_` and Base64.
        timestamp: of this try, in seconds since the epoch.

    Source:
        Standard Webhooks, github.com/standard-webhooks/standard-webhooks/blob/main/spec
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    keys = (base64.b64decode(secret.removeprefix("whsec_")) for secret in secrets)
    digests = (hmac.digest(key, signed, hashlib.sha256) for key in keys)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{base64.b64encode(d).decode()}" for d in digests),
    }


def _message(delivery: Delivery) -> bytes:
    said = {"type": delivery.event, "timestamp": delivery.created_at, "data": dict(delivery.data)}
    return json.dumps(said, separators=(",", ":")).encode()


def _record(tx: Transaction, tried: Iterable[Delivery]) -> None:
    for each in tried:
        if deliveries.record(tx, each):
            reason = "it has failed for days, or wants no more"
            logger.warning("webhook %s was switched off: %s", each.webhook_id, reason)
