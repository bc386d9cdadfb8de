"""`Idempotency-Key` on requests that create: the same key gets the first answer again for a day.

Only successes are kept, so a request that failed can be repeated. A repetition that arrives while
the first is still running waits for it, in whatever process. Answers that hold a secret (`POST
/v1/keys`) must never be stored, so those endpoints ignore the header.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from functools import lru_cache, partial
from typing import Annotated, Any

from fastapi import Depends, Header
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from api.deps import CallerDep
from api.threads import read, write
from kb.knowledge_base import KnowledgeBase
from kb.store.access import idempotency
from kb.store.access.idempotency import FirstAnswer

REPLAYED = "idempotent-replayed"


class Once:
    """Runs a creating request at most once per key."""

    def __init__(self, request: Request, caller: str, key: str | None) -> None:
        self._kb: KnowledgeBase = request.state.kb
        self._request = request
        self._caller = caller
        self._key = key

    async def __call__(
        self, create: Callable[[], Awaitable[Any]], *, content: str | None = None
    ) -> Response:
        """Call `create` and answer as the route declares it, or with what was answered before.

        Args:
            content: names the request's content; the body itself if it is not given.

        Raises:
            Conflict: the key was used for another request.
        """
        route: APIRoute = self._request.scope["route"]
        encode = partial(_encoded, route.response_model)
        first = self.first(route.status_code or 200, create, content=content, encode=encode)
        answer, is_replayed = await first
        headers = {REPLAYED: "true"} if is_replayed else None
        return Response(answer.body, answer.status, headers, "application/json")

    async def first(
        self,
        status: int,
        create: Callable[[], Awaitable[Any]],
        *,
        content: str | None = None,
        encode: Callable[[Any], str] = json.dumps,
        is_there: Callable[[Any], Awaitable[bool]] | None = None,
    ) -> tuple[FirstAnswer, bool]:
        """Like calling it, but gives what is kept, and whether it was kept before.

        Args:
            encode: makes the text that is kept.
            is_there: whether what was made before still exists; if not, it is made again.
        """
        if self._key is None:
            return FirstAnswer(status, encode(await create())), False
        async with self._kb.access.turns.of("once", self._caller, self._key):
            fingerprint = await self._fingerprint(content)
            named = (self._caller, self._key, fingerprint)
            known = await read(self._kb, idempotency.find, *named)
            if known is not None and (is_there is None or await is_there(json.loads(known.body))):
                return known, True
            answer = FirstAnswer(status, encode(await create()))
            await write(self._kb, idempotency.keep, *named, answer)
            return answer, False

    async def _fingerprint(self, content: str | None) -> str:
        url = self._request.url
        named = f"{self._request.method} {url.path}?{url.query}\n".encode()
        body = await self._request.body() if content is None else content.encode()
        return hashlib.sha256(named + body).hexdigest()


def _encoded(response_model: Any, value: Any) -> str:
    adapter = _adapter(response_model)
    return adapter.dump_json(adapter.validate_python(value, from_attributes=True)).decode()


@lru_cache
def _adapter(response_model: Any) -> TypeAdapter[Any]:
    return TypeAdapter(response_model)


async def get_once(
    request: Request,
    caller: CallerDep,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=255)] = None,
) -> Once:
    """The guard of one creating request."""
    # A widget key is shared by all who read the page, so its users must not meet under one name.
    user = f"|{caller.scope.end_user}" if caller.scope.end_user is not None else ""
    return Once(request, f"{caller.key_id or caller.kind}{user}", idempotency_key)


OnceDep = Annotated[Once, Depends(get_once)]
