"""From a model's name and messages to a run: what all ways to ask share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from starlette.requests import Request

from api.dialects.openai.requests import ChatCompletionBody, CompletionBody, ResponseBody
from api.dialects.openai.shared.errors import UnknownModel
from api.dialects.turns import brought
from api.resources.chat.chat import of_user
from api.threads import read
from kb.access import Caller
from kb.chat.ask.question import ChatRequest
from kb.chat.ask.routing import RouteRequest
from kb.chat.run.run import Run
from kb.errors import NotFound
from kb.knowledge_base import KnowledgeBase
from kb.protocols import Sampling
from kb.store.apps import apps, models
from kb.store.engine.database import Transaction
from kb.types import Scope

ROUTES: dict[str, RouteRequest] = {"base": "base", "tuned": "tuned", "plain": "auto"}


@dataclass(frozen=True, slots=True)
class Target:
    """What the name of a model stands for: an app, or for admins a registered model itself."""

    app: str
    route: RouteRequest = "auto"
    is_plain: bool = False
    model: str | None = None


def target(tx: Transaction, scope: Scope, name: str) -> Target:
    """Look a name up; an app goes before a model. Raises UnknownModel."""
    slug, colon, option = name.rpartition(":")
    named = [(name, Target(name))]
    if colon and option in ROUTES:
        named.append((slug, Target(slug, ROUTES[option], option == "plain")))
    for app, found in named:
        try:
            apps.get(tx, scope, app)
        except NotFound:
            continue
        return found
    if scope.may("admin") and models.find(tx, scope, None, name) is not None:
        return Target("", model=name)
    raise UnknownModel(name)


async def ask(
    kb: KnowledgeBase,
    caller: Caller,
    body: ChatCompletionBody | CompletionBody | ResponseBody,
    sampling: Sampling,
) -> Run:
    """Begin an answer. Raises Rejected, UnknownModel, and what `Chat.ask` raises."""
    scope = of_user(caller.scope, body.user)
    asked = brought(body.said(), body.asked_in)
    tool = body.file_search if isinstance(body, ResponseBody) else None
    request = ChatRequest(
        asked.query,
        end_user=body.user,
        history=asked.history,
        instructions=asked.instructions,
        sampling=sampling,
        searched_in=tool.searched_in() if tool else None,
    )
    try:  # nearly all name an app by its slug: it is not looked up twice
        return await kb.chat.ask(scope, body.model, request, caller.limits)
    except NotFound:
        found = await read(kb, target, scope, body.model)
    request = replace(request, route=found.route, is_plain=found.is_plain, model=found.model)
    return await kb.chat.ask(scope, found.app, request, caller.limits)


async def ended(run: Run, request: Request) -> Run:
    """Wait for a run's end; who leaves before it ends the run."""
    async with _stopping(run, request):
        await run.read_along()
    return run


@asynccontextmanager
async def _stopping(run: Run, request: Request) -> AsyncIterator[None]:
    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        run.stop("left")

    leaving = asyncio.create_task(watch())
    try:
        yield
    finally:
        leaving.cancel()
