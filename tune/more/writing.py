"""A language model that writes many texts side by side, several a request where it can."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Iterable, Mapping
from typing import Any

from kb.errors import ModelUnavailable
from kb.models.llm.failures import TryAgain, pause_s
from kb.models.llm.openai_transport import OpenAITransport
from kb.models.llm.prompts import request_body
from kb.models.llm.thoughts import ThinkFilter
from kb.protocols import Prompt, Sampling
from kb.settings import LlmSettings
from kb.types import Model


class Writer:
    """One connection pool; belongs to one event loop.

    Args:
        at_once: requests that are open at the same time.

    Attributes:
        tokens: of all prompts and of all answers, as the server counts them.
    """

    def __init__(self, model: Model, settings: LlmSettings, *, at_once: int) -> None:
        self._model, self._settings = model, settings
        self._transport = OpenAITransport(model, settings.link_local_hosts)
        self._room = asyncio.Semaphore(at_once)
        self.tokens = (0, 0)

    async def write(self, text: str, count: int, sampling: Sampling) -> list[str]:
        """`count` answers to a text. A server that gives fewer is asked again.

        Raises:
            ModelUnavailable: after the tries of the settings.
        """
        found: list[str] = []
        while len(found) < count:
            async with self._room:
                found += await self._some(text, count - len(found), sampling)
        return found[:count]

    async def close(self) -> None:
        """Release connections."""
        await self._transport.close()

    async def _some(self, text: str, count: int, sampling: Sampling) -> list[str]:
        body = request_body(self._model, Prompt("", (), text, sampling=sampling))
        body |= {"stream": False} | ({"n": count} if count > 1 else {})
        body.pop("stream_options", None)
        for tries in range(1, self._settings.retries + 2):
            try:
                async with asyncio.timeout(self._settings.total_timeout_s):
                    return self._texts(await self._answer(body))
            except TimeoutError:
                raise ModelUnavailable("The language model took too long.") from None
            except TryAgain as failure:
                if tries > self._settings.retries:
                    raise
                await asyncio.sleep(pause_s(failure, tries))
        raise AssertionError  # the last try has returned or raised

    async def _answer(self, body: dict[str, Any]) -> Mapping[str, Any]:
        answer = await self._transport.post(body)
        try:
            data = await answer.block()
            found = json.loads((data or b"").removeprefix(b"data:"))
            if not found["choices"]:
                raise ValueError
            return dict(found)
        except (KeyError, TypeError, ValueError):
            raise ModelUnavailable("The language model sent something else than answers.") from None
        finally:
            answer.close()

    def _texts(self, answer: Mapping[str, Any]) -> list[str]:
        used = answer.get("usage") or {}
        counts = (int(used.get(name) or 0) for name in ("prompt_tokens", "completion_tokens"))
        asked, said = counts
        self.tokens = (self.tokens[0] + asked, self.tokens[1] + said)
        choices = answer["choices"]
        return [
            _plain((each.get("message") or {}).get("content") or each.get("text") or "")
            for each in choices
        ]


def _plain(text: str) -> str:
    thoughts = ThinkFilter()
    return (thoughts.feed(text) + thoughts.finish()).strip()


async def gathered(tasks: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run all to their ends, then raise the first failure: what has come is worth keeping."""
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result
