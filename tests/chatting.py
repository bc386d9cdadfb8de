"""What tests about answers share: reading the events of a run and what it left behind."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from kb.chat.run.run import Run
from kb.knowledge_base import KnowledgeBase
from kb.store.apps import apps, conversations
from kb.types import (
    TERMINAL_EVENTS,
    Completed,
    Conversation,
    Delta,
    Message,
    Routed,
    RoutePolicy,
    RunEvent,
    Started,
)
from tests.parts import ADMIN


def answer(events: list[RunEvent]) -> Completed:
    assert isinstance(events[-1], Completed), events[-1]
    assert sum(isinstance(event, TERMINAL_EVENTS) for event in events) == 1
    written = "".join(event.text for event in events if isinstance(event, Delta))
    assert events[-1].answer == written
    return events[-1]


async def each(run: Run, after: int = 0) -> AsyncGenerator[tuple[int, RunEvent], None]:
    """The numbered events of a run, one by one."""
    async with aclosing(run.subscribe_batches(after)) as batches:
        async for batch in batches:
            for numbered in batch:
                yield numbered


def routes(events: list[RunEvent]) -> list[tuple[str, str]]:
    found = [event.route for event in events if isinstance(event, Routed)]
    return [(route.variant, route.reason) for route in found]


def conversation(kb: KnowledgeBase, events: list[RunEvent]) -> Conversation:
    assert isinstance(events[0], Started)
    return kb.database.reading(conversations.get, ADMIN, events[0].conversation_id)


def message(kb: KnowledgeBase, events: list[RunEvent]) -> Message:
    assert isinstance(events[0], Started)
    return kb.database.reading(conversations.message, ADMIN, events[0].message_id)


def switch(kb: KnowledgeBase, app: str, mode: str) -> None:
    kb.database.writing(apps.set_route, ADMIN, app, RoutePolicy(mode))
