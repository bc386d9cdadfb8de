"""What a key has open ends with it: revoked, expired or rotated away, within seconds.

Looking now and then, instead of being told, also finds keys that end by themselves or with their
app. One look is one query, however many streams are open.
"""

from __future__ import annotations

import asyncio
import logging

from api.threads import in_thread
from kb.background import log_broken_off
from kb.knowledge_base import KnowledgeBase
from kb.store.access.keys import Credential

logger = logging.getLogger(__name__)

LOOK_S = 2.0

KEY_ENDED = "key_ended"
"""Why a run was cancelled whose key has ended."""


async def watch_revocations(kb: KnowledgeBase) -> None:
    """End streams and runs of keys that are good no more, until cancelled; hear of models, too."""
    while True:
        await asyncio.sleep(LOOK_S)
        try:
            await end_revoked(kb)
            await in_thread(kb.chat_models.exchange)
        except Exception as exc:  # the edge of a task: streams stay open and are looked at again
            log_broken_off(logger, "looking at open streams", exc)


async def end_revoked(kb: KnowledgeBase) -> None:
    """One look. A run is stopped after its readers were told, so that each learns why it ends."""
    asking = {
        Credential(key_id) for run in kb.chat.runs.in_progress if (key_id := run.identity.key_id)
    }
    credentials = asking | kb.access.streams.credentials()
    invalid = await in_thread(kb.access.invalid, credentials) if credentials else set()
    kb.access.streams.revoke(invalid)
    for run in kb.chat.runs.in_progress:
        if run.identity.key_id and Credential(run.identity.key_id) in invalid:
            run.stop(KEY_ENDED)
