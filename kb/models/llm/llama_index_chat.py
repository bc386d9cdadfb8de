"""Any LlamaIndex LLM class as a `ChatModel`, for providers without an OpenAI-compatible endpoint.

Importing `llama_index.core` takes 2 s and 100 MB, so it happens at the first question to such a
model, off the event loop. Their tokens cost ten times the CPU of the raw stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import aclosing
from importlib import import_module
from inspect import signature
from typing import Any

from kb.errors import ModelUnavailable
from kb.models.llm.addresses import check_registered
from kb.models.llm.failures import AnswerClock
from kb.models.llm.openai_stream import FINISH_REASONS
from kb.models.llm.prompts import chat_messages, completion_text, sampling_fields
from kb.models.llm.thoughts import THINKING_MODEL, ThinkFilter
from kb.models.llm.token_counts import end_piece
from kb.models.providers.presets import class_of, options_of, preset_of
from kb.protocols import Prompt
from kb.settings import LlmSettings
from kb.text.model_text import clean
from kb.types import Model, Piece, TextPiece

PACKAGE = "llama_index."
Ask = Callable[[Prompt], Coroutine[Any, Any, Any]]


class LlamaIndexChatModel:
    """Implements `kb.protocols.ChatModel` over `astream_chat` or `astream_complete`.

    Args:
        model: its provider is `llama_index:<module>:<Class>`, a class within the `llama_index`
            packages (others are not imported: a name must not run code), or one that its preset
            names. Name, key and address are handed to the class where it takes such, and all
            options. It makes its own connections, so only the address as written is looked at.
    """

    def __init__(self, model: Model, settings: LlmSettings) -> None:
        self._model = model
        self._settings = settings
        self._ask: Ask | None = None
        self._opening = asyncio.Lock()

    async def stream(self, prompt: Prompt) -> AsyncIterator[Piece]:
        """Text pieces, then exactly one EndPiece. Raises ModelUnavailable."""
        ask = await self._open()
        clock = AnswerClock(self._model, self._settings)
        tokens, reason, usage = 0, "", None
        thoughts = ThinkFilter(thinks_first=THINKING_MODEL.search(self._model.model) is not None)
        try:
            async with aclosing(await clock.wait(ask(prompt))) as responses:
                while (response := await clock.wait(anext(responses, None))) is not None:
                    clock.saw(tokens := tokens + 1)
                    told = _told(response)
                    reason, usage = told.get("stop_reason") or reason, told.get("usage") or usage
                    if said := thoughts.feed(clean(response.delta or "")):
                        yield TextPiece(said)
        except ModelUnavailable:
            raise
        except Exception as exc:  # the edge to any provider's code; its words may hold the prompt
            raise ModelUnavailable(
                f"The language model {self._model.name!r} failed with {type(exc).__name__}."
            ) from None
        if rest := thoughts.finish():
            yield TextPiece(rest)
        yield end_piece(FINISH_REASONS.get(reason, "stop"), usage)

    async def close(self) -> None:
        """LlamaIndex classes keep their own connections and have no way to close them."""

    async def _open(self) -> Ask:
        async with self._opening:
            if self._ask is None:
                check_registered(self._model, self._settings.link_local_hosts)
                self._ask = await asyncio.to_thread(_load, self._model)
            return self._ask


def _load(model: Model) -> Ask:
    module_name, _, class_name = (class_of(model) or "").partition(":")
    if not module_name.startswith(PACKAGE):
        raise _wrong(model, "must be llama_index:<module>:<Class>")
    try:
        from llama_index.core.llms import LLM, ChatMessage, CustomLLM

        kind = getattr(import_module(module_name), class_name)
    except (ImportError, AttributeError):
        package = "-".join(module_name.split(".")[:3]).replace("_", "-")
        command = f"`.venv/bin/pip install {preset_of(model).package or package}`"
        what = f"names nothing that is installed here. Run {command} and start the server anew"
        raise _wrong(model, what) from None
    if not (isinstance(kind, type) and issubclass(kind, LLM)):
        raise _wrong(model, "names no LlamaIndex LLM class")
    llm = _construct(model, kind)

    async def ask(prompt: Prompt) -> Any:
        options = _options(model, prompt)
        name = "stream_chat"
        asked: Any = [ChatMessage(**each) for each in chat_messages(prompt)]
        if model.style == "completion":
            name, asked = "stream_complete", completion_text(model, prompt)
        if isinstance(llm, CustomLLM):  # its asynchronous methods hold up the event loop
            return _in_threads(await asyncio.to_thread(getattr(llm, name), asked, **options))
        return await getattr(llm, f"a{name}")(asked, **options)

    return ask


async def _in_threads(responses: Iterator[Any]) -> AsyncGenerator[Any, None]:
    while (response := await asyncio.to_thread(next, responses, None)) is not None:
        yield response


def _construct(model: Model, kind: Any) -> Any:
    known = {"model": model.model, "api_key": model.api_key}
    known |= dict.fromkeys(("api_base", "base_url"), model.base_url)
    taken = {*kind.model_fields, *signature(kind).parameters}
    fitting = {name: value for name, value in known.items() if value and name in taken}
    try:
        return kind(**{**fitting, **options_of(model)})
    except (TypeError, ValueError, ImportError) as exc:
        raise _wrong(model, f"refused its options ({type(exc).__name__})") from None


def _options(model: Model, prompt: Prompt) -> dict[str, Any]:
    limit = prompt.sampling.max_tokens
    return sampling_fields(model, prompt) | ({} if limit is None else {"max_tokens": limit})


def _told(response: Any) -> Mapping[str, Any]:
    """What a class tells of its provider's end, wherever it does."""
    message = getattr(response, "message", None)
    return getattr(message, "additional_kwargs", None) or response.additional_kwargs or {}


def _wrong(model: Model, what: str) -> ModelUnavailable:
    return ModelUnavailable(f"Provider {model.provider!r} of model {model.name!r} {what}.")
