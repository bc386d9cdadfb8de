"""Looks after roll-outs while the server runs: what is due is done, and shadows are asked for.

A shadow is a replay of a question, made by the tuned variant after the answer was sent: only admins
see it. It is made one at a time and only while nobody is being answered, so it slows nobody; each
uses tokens, which the plan limits by day.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence

from kb.apps.rollout.rollouts import due, go_on
from kb.chat.ask.routing import canary_share
from kb.chat.chat import Chat
from kb.errors import KnowledgeBaseError
from kb.ids import now
from kb.store.apps import rollouts
from kb.store.engine.database import Database, Transaction
from kb.threads import entered, in_thread
from kb.types import Limits, Rollout, Scope

logger = logging.getLogger(__name__)

LOOK_S = 10.0

ADMIN = Scope.admin()


class RolloutWatcher:
    """Watches the roll-outs of one server, in its event loop."""

    def __init__(self, database: Database, chat: Chat) -> None:
        self._database = database
        self._chat = chat
        self._refused: set[str] = set()

    async def watch(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            try:
                async with entered(self._database.duty("roll-outs")) as is_ours:
                    if is_ours:
                        await self.look()
            except Exception:  # the edge of a task: it is looked at again
                logger.exception("roll-outs could not be looked at; trying again")
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """One look at each: what is due, then shadows."""
        for rollout in await in_thread(self._database.reading, rollouts.running):
            if await in_thread(self._database.reading, due, ADMIN, rollout) is not None:
                await in_thread(self._database.writing, go_on, ADMIN, rollout.app_id)
            elif rollout.stage == "shadow":
                await self._shadow(rollout)

    async def _shadow(self, rollout: Rollout) -> None:
        most, until = rollout.plan.shadow_tokens_per_day, time.monotonic() + LOOK_S
        for message_id in await in_thread(self._database.reading, self._unanswered, rollout):
            today = f"{now()[:10]}T00:00:00Z"
            used = await in_thread(
                self._database.reading, rollouts.replayed_tokens, rollout.app_id, today
            )
            if self._chat.runs.active or used >= most or time.monotonic() > until:
                return
            try:
                run = await self._chat.replay(
                    ADMIN, message_id, rollout.version, Limits(), route="tuned"
                )
                await run.read_along()
            except KnowledgeBaseError as exc:
                logger.warning("no shadow of %s: %s", message_id, exc.detail)
                self._refused.add(message_id)

    def _unanswered(self, tx: Transaction, rollout: Rollout) -> Sequence[str]:
        """Answers of base that have no shadow yet and are in the sample, newest first."""
        done = {one.replay_of for one in rollouts.of_tuned(tx, rollout)} | self._refused
        return [
            one.id
            for one in rollouts.of_base(tx, rollout)
            if one.status == "completed"
            and one.app_version == rollout.version
            and one.reason != "annotation"
            and one.id not in done
            and canary_share(one.id) < rollout.plan.shadow_percent
        ]
