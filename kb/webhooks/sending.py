"""Sends what the outbox holds, at least once: what a receiver has not taken is tried again and
again, and what a crash interrupts is sent anew under the same id."""

from __future__ import annotations

import asyncio
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
from kb.types import TEST_EVENT, Attempt, Delivery
from kb.webhooks.signing import signature_headers

logger = logging.getLogger(__name__)

TRIES = 10
LONGER = 3.0
"""Each wait is so many times the one before: nine waits from 10 s on make 27 hours."""
JITTER = 0.2
POLL_S = 5.0
LOOK_S = 0.2
PRUNE_S = 3600.0
Post = Callable[[str, Mapping[str, str], bytes], Awaitable[Attempt]]
UNREADABLE = Attempt("Its secret cannot be read with the secret of this data folder. Rotate it.")


class Sender(Loop):
    """Sends in a thread of its own. One process sends from a data folder."""

    def __init__(
        self,
        database: Database,
        vault: Secrets,
        *,
        timeout_s: float,
        first_retry_s: float,
        keep_days: float,
    ) -> None:
        super().__init__(outbox.KIND, self._round, database.wakeups)
        self._database = database
        self._vault = vault
        self._timeout_s = timeout_s
        self._first_retry_s = first_retry_s
        self._kept = timedelta(days=keep_days)
        self._pruned = -PRUNE_S

    def _round(self) -> float:
        if time.monotonic() - self._pruned > PRUNE_S:
            self._database.writing(deliveries.prune, datetime.now(UTC) - self._kept)
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

        in_hand: dict[asyncio.Task[Attempt], Delivery] = {}
        async with open_session(self._timeout_s) as session:
            while (due or in_hand) and not self.is_stopping:
                for each in due:
                    task = asyncio.create_task(self._try(partial(post, session), each))
                    in_hand[task] = each.delivery
                done, _ = await asyncio.wait(
                    in_hand, timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED
                )
                if done:
                    ended = [(in_hand.pop(task), task.result()) for task in done]
                    self._database.writing(_record, ended)
                due = self._due(in_hand.values())
            for task in in_hand:
                task.cancel()

    async def _try(self, post: Post, due: Due) -> Attempt:
        delivery, url, secrets = due
        body = _message(delivery)
        signed = signature_headers(secrets, delivery.id, int(time.time()), body)
        attempt = await post(url, signed, body) if secrets else UNREADABLE
        return replace(attempt, retry_at=self._retry_at(delivery) if attempt.error else None)

    def _retry_at(self, delivery: Delivery) -> str | None:
        tries = delivery.attempts + 1
        if tries >= TRIES or delivery.event == TEST_EVENT:
            return None
        wait_s = self._first_retry_s * LONGER ** (tries - 1)
        wait_s *= random.uniform(1 - JITTER, 1 + JITTER)
        return rfc3339(datetime.now(UTC) + timedelta(seconds=wait_s))


def _message(delivery: Delivery) -> bytes:
    said = {"type": delivery.event, "timestamp": delivery.created_at, "data": dict(delivery.data)}
    return json.dumps(said, separators=(",", ":")).encode()


def _record(tx: Transaction, ended: list[tuple[Delivery, Attempt]]) -> None:
    for delivery, attempt in ended:
        if deliveries.record(tx, delivery, attempt):
            reason = "it has failed for days, or wants no more"
            logger.warning("webhook %s was switched off: %s", delivery.webhook_id, reason)
