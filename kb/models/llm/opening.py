"""Language models that stream: OpenAI-compatible endpoints, and LlamaIndex classes by name.

No word of an upstream error reaches our own: servers echo requests, and a request holds the hidden
prompt.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from itertools import count
from typing import TYPE_CHECKING, Any

from kb.errors import ModelUnavailable
from kb.models.llm.failures import AnswerClock, TryAgain, pause_s
from kb.models.llm.llama_index_chat import LlamaIndexChatModel
from kb.models.llm.openai_stream import ChunkReader, EventDecoder
from kb.models.llm.prompts import request_body
from kb.models.llm.thoughts import THINKING_MODEL
from kb.models.providers.presets import class_of, matches, preset_of
from kb.protocols import ChatModel, Prompt
from kb.settings import LlmSettings
from kb.types import Model, Piece, TextPiece

if TYPE_CHECKING:
    from kb.models.llm.openai_transport import OpenAITransport, ResponseBody

DRAIN_S = 0.05

MAX_SILENT_BYTES = 4 * 1024 * 1024
"""Most that is read without a token: a line or event without end, comments, blank lines. Set by
hand: a whole answer of 500,000 characters in one event has less."""

MAX_RESPONSE_BYTES = 128 * 1024 * 1024
"""Most that is read for one answer, thoughts included. Set by hand: a token takes about 300 bytes,
so this is three times the longest answer of today's models."""

MAX_UNBROKEN_BYTES = 4096
"""After a longer block the other answers have their turn: it may hold some fifty tokens."""


def open_chat_model(model: Model, settings: LlmSettings) -> ChatModel:
    """The registered model, ready to stream. Nothing is connected before the first question.

    A provider of the form `llama_index:<module>:<Class>` names a LlamaIndex LLM class, and some
    providers need one; every other is an OpenAI-compatible endpoint.
    """
    needs_class = class_of(model) is not None
    return (LlamaIndexChatModel if needs_class else OpenAIChatModel)(model, settings)


class OpenAIChatModel:
    """Implements `kb.protocols.ChatModel`. One connection pool; belongs to one event loop.

    Reasoning counts as tokens, keep-alive comments do not. The time for the first token holds for
    all tries together.

    Args:
        model: as registered; without `base_url` it is OpenAI's own.
    """

    def __init__(self, model: Model, settings: LlmSettings) -> None:
        self._model = model
        self._settings = settings
        self._transport: OpenAITransport | None = None
        self._opening = asyncio.Lock()
        self._is_cumulative = matches(preset_of(model).quirks.cumulative, model)
        self._thinks_first = THINKING_MODEL.search(f"{model.name} {model.model}") is not None

    async def stream(self, prompt: Prompt) -> AsyncIterator[Piece]:
        """Text pieces, then exactly one EndPiece. Closing it closes the upstream connection.

        Raises:
            ModelUnavailable: refused, too late, an error in the stream, cut before its end, or
                nothing said at all.
        """
        clock = AnswerClock(self._model, self._settings)
        transport = await self._open()
        body = request_body(self._model, prompt)
        for tries in count(1):
            reader = ChunkReader(
                self._model.name,
                thinks_first=self._thinks_first,
                is_cumulative=self._is_cumulative,
            )
            try:
                async with aclosing(_texts(transport, body, reader, clock)) as texts:
                    async for text in texts:
                        yield TextPiece(text)
                reader.check_whole()
                break
            except TryAgain as failure:
                if reader.tokens_seen or tries > self._settings.retries:
                    raise
                if not await clock.pause(pause_s(failure, tries)):
                    raise
        if rest := reader.rest():
            yield TextPiece(rest)
        # What no tag has opened once is not opened the next time: then it is waited for.
        self._thinks_first = self._thinks_first or reader.thinks_unopened
        yield reader.end()

    async def close(self) -> None:
        """Release connections."""
        if self._transport is not None:
            await self._transport.close()
            self._transport = None

    async def _open(self) -> OpenAITransport:
        async with self._opening:
            if self._transport is None:
                # Certificates and imports take a moment; other answers go on meanwhile.
                hosts = self._settings.link_local_hosts
                self._transport = await asyncio.to_thread(_transport, self._model, hosts)
            return self._transport


def _transport(model: Model, link_local_hosts: str) -> OpenAITransport:
    from kb.models.llm.openai_transport import OpenAITransport

    return OpenAITransport(model, link_local_hosts)


async def _texts(
    transport: OpenAITransport, body: dict[str, Any], reader: ChunkReader, clock: AnswerClock
) -> AsyncGenerator[str, None]:
    answer = await clock.wait(transport.post(body))
    decoder = EventDecoder()
    read = silent = tokens = 0
    try:
        while not reader.done:
            block = await _block(answer, reader, clock)
            for payload in decoder.finish() if block is None else decoder.feed(block):
                if text := reader.text(payload):
                    yield text
            if block is None:
                return
            clock.saw(reader.tokens_seen)
            silent = len(block) + (silent if reader.tokens_seen == tokens else 0)
            read, tokens = read + len(block), reader.tokens_seen
            if silent > MAX_SILENT_BYTES or read > MAX_RESPONSE_BYTES:
                if reader.complete:
                    return
                raise reader.nonsense()
            if len(block) > MAX_UNBROKEN_BYTES:
                await asyncio.sleep(0)
        # A connection is used again only if its response was read to the end.
        with suppress(TimeoutError, ModelUnavailable):
            async with asyncio.timeout(DRAIN_S):
                while await answer.block() is not None:
                    pass
    finally:
        answer.close()


async def _block(answer: ResponseBody, reader: ChunkReader, clock: AnswerClock) -> bytes | None:
    try:
        return await clock.wait(answer.block())
    except ModelUnavailable:
        if reader.complete:
            return None  # the answer is whole; the server only forgot to hang up
        raise
