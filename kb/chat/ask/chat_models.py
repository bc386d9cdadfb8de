"""Which language model answers for a variant: a registered one, the configured one, or none.

Clients of models are built once and kept, with the circuit breaker before them: building one costs
about 25 ms. One that was replaced or deleted is closed as soon as no answer streams from it.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractContextManager, aclosing
from datetime import date
from typing import Literal, NamedTuple

from kb.chat.ask.shared_circuits import SharedCircuits
from kb.errors import ModelUnavailable
from kb.models.llm.addresses import check_base_url
from kb.models.llm.circuit import Circuit, Health
from kb.models.llm.failures import shutdown_warning, today
from kb.models.llm.opening import open_chat_model
from kb.models.providers.presets import base_url_of
from kb.protocols import ChatModel, Prompt
from kb.settings import LlmSettings
from kb.store.access.secrets import Secrets
from kb.store.apps import models
from kb.store.engine.database import Database
from kb.telemetry import spans
from kb.types import EndPiece, Model, Piece, Price, Scope, TextPiece

logger = logging.getLogger(__name__)

EXTRACTIVE = "extractive"
"""The name under which answers without a language model are reported, and can be asked for."""

DEFAULT = "default"
NO_DEFAULT = (
    "No language model is the default, so apps that name none answer with quotations. Connect one "
    "with `kb models discover --use`, or as docs/using/models.md says."
)

MAX_ANSWER_CHARACTERS = 500_000
"""Where an answer is cut, with `finish_reason: length`: what 128,000 tokens take, and no model of
today writes more."""

MAX_UNBROKEN_CHARACTERS = 1_000
"""After so many the other answers have their turn, and longer pieces are cut. By the gate and the
citations a thousand characters of prose take about 2 ms, of nothing but marks 20 ms
(`tests/kb/chat/ask/test_long_answers.py` has such answers)."""


class Default(NamedTuple):
    """The model that answers where a variant names none, and what decides so."""

    name: str | None
    source: Literal["chosen", "settings", "none"]


class OpenModel:
    """A registered model, opened: its client, its circuit, and how many answers stream from it.

    Implements `kb.protocols.ChatModel`. Streams and closes in one event loop only.
    """

    def __init__(self, model: Model, client: ChatModel, circuit: Circuit) -> None:
        self.model = model
        self.circuit = circuit
        self._client = client
        self._streams = 0
        self._is_retired = False

    @property
    def price(self) -> Price:
        """What its tokens cost today."""
        return self.model.price(today().isoformat())

    def stream(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        """The model's answer. Raises CircuitOpen, without asking, while it is left alone."""
        return self._pieces(prompt, self.circuit.question())

    def test(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        """The model's answer also while its circuit is open; a success closes it."""
        return self._pieces(prompt, self.circuit.probe())

    async def close(self) -> None:
        """Release connections."""
        await self._client.close()

    async def retire(self) -> None:
        """Close once no answer streams from it any more."""
        self._is_retired = True
        if not self._streams:
            await self._client.close()

    async def _pieces(
        self, prompt: Prompt, watched: AbstractContextManager[None]
    ) -> AsyncGenerator[Piece, None]:
        self._streams += 1
        stream, end, error = self._client.stream(prompt), EndPiece(), None
        span = spans.tracer.start_span(f"chat {self.model.model}", kind=spans.SpanKind.CLIENT)
        try:
            with watched:
                async with aclosing(_cut(stream)) as pieces:
                    async for piece in pieces:
                        if isinstance(piece, EndPiece):
                            end = piece
                        yield piece
        except Exception as exc:
            error = type(exc).__name__
            raise
        finally:
            told = spans.gen_ai("chat", self.model.model, end)
            spans.end(span, told | {"gen_ai.provider.name": self.model.provider}, error=error)
            if isinstance(stream, AsyncGenerator):
                await stream.aclose()
            self._streams -= 1
            if self._is_retired and not self._streams:
                await self._client.close()


async def _cut(stream: AsyncIterator[Piece]) -> AsyncGenerator[Piece, None]:
    """The same in short pieces, and no more than an answer may have."""
    left, unbroken = MAX_ANSWER_CHARACTERS, 0
    async for piece in stream:
        if not isinstance(piece, TextPiece):
            yield piece
            continue
        text = piece.text[:left]
        left -= len(text)
        for start in range(0, len(text), MAX_UNBROKEN_CHARACTERS):
            part = text[start : start + MAX_UNBROKEN_CHARACTERS]
            yield TextPiece(part)
            unbroken += len(part)
            if unbroken >= MAX_UNBROKEN_CHARACTERS:
                unbroken = 0
                await asyncio.sleep(0)
        if not left:
            yield EndPiece("length")
            return


class ChatModels:
    """Opens the model of a name. Thread-safe."""

    def __init__(
        self,
        database: Database,
        vault: Secrets,
        settings: LlmSettings,
        *,
        is_shared: bool = False,
    ) -> None:
        """
        Args:
            is_shared: whether other processes ask the same models.
        """
        self._database = database
        self._vault = vault
        self._settings = settings
        self._circuits = SharedCircuits(database) if is_shared else None
        self._default = configured(settings)
        self._chosen = database.reading(models.chosen)
        self._open: dict[str, OpenModel] = {}
        self._replaced: list[OpenModel] = []
        self._warned: dict[str, date] = {}
        self._turn = threading.Lock()

    def find(self, scope: Scope, name: str | None) -> OpenModel | None:
        """The open client for a variant's model; None is the default one.

        Returns:
            None where sentences of the documents answer instead of a language model.

        Raises:
            ModelUnavailable: no model of that name is registered.
        """
        name = self._chosen or name if name in (None, DEFAULT) else name
        if name == EXTRACTIVE or (name is None and self._default is None):
            return None
        model = self._model(scope, name)
        self._warn(model)
        return self.open(model)

    @property
    def default(self) -> Default:
        """The model that answers where a variant names none, and what decides so: what an operator
        has chosen goes before the settings."""
        if self._chosen is not None:
            return Default(self._chosen, "chosen")
        return Default(None, "none") if self._default is None else Default(DEFAULT, "settings")

    def reload_default(self) -> None:
        """Let the next question be answered by what is now the default."""
        self._chosen = self._database.reading(models.chosen)

    def exchange(self) -> None:
        """In a cluster, take over what other processes have found and chosen, and tell them."""
        if self._circuits is not None:
            self.reload_default()
            with self._turn:
                circuits = {name: opened.circuit for name, opened in self._open.items()}
            self._circuits.exchange(circuits)

    def open(self, model: Model) -> OpenModel:
        """The open client of a model; a changed registration gets a new one, with a new circuit."""
        with self._turn:
            known = self._open.get(model.name)
            if known is not None and known.model == model:
                return known
            if known is not None:
                self._replaced.append(known)  # answers may still be streaming from it
            opened = self._opened(model)
            self._open[model.name] = opened
            return opened

    def health(self) -> Mapping[str, Health]:
        """How the models have done that were asked since the server started."""
        with self._turn:
            return {name: opened.circuit.health for name, opened in self._open.items()}

    async def forget(self, name: str) -> None:
        """Drop the client of a changed or deleted model; answers in progress finish with it."""
        with self._turn:
            dropped = [*self._replaced, *filter(None, [self._open.pop(name, None)])]
            self._replaced.clear()
        for opened in dropped:
            await opened.retire()

    async def close(self) -> None:
        """Close every client."""
        with self._turn:
            clients = [*self._replaced, *self._open.values()]
            self._open.clear()
            self._replaced.clear()
        for client in clients:
            await client.close()

    def _opened(self, model: Model) -> OpenModel:
        client = open_chat_model(model, self._settings)
        return OpenModel(model, client, Circuit(model.name, self._settings))

    def _warn(self, model: Model) -> None:
        """Log a shutdown that is near, once a day."""
        day = today()
        sentence = shutdown_warning(model, day)
        if sentence is None or self._warned.get(model.name) == day:
            return
        self._warned[model.name] = day
        logger.warning("%s", sentence)

    def _model(self, scope: Scope, name: str | None) -> Model:
        found = None
        if name is not None and name != DEFAULT:
            found = self._database.reading(models.find, scope, self._vault, name)
        elif self._default is not None:
            return self._default
        if found is None:
            raise ModelUnavailable(
                f"No model {name!r} is registered. Add it with POST /v1/models, "
                f"or choose another for this variant."
            )
        return found


def configured(settings: LlmSettings) -> Model | None:
    """The model of the settings. Raises Rejected for an address that no model may have."""
    if settings.model is None:
        return None
    base_url = base_url_of(settings.provider, settings.base_url)
    if base_url is not None:
        check_base_url(base_url, settings.link_local_hosts)
    key = settings.api_key.get_secret_value() if settings.api_key else None
    return Model(DEFAULT, settings.provider, base_url, settings.model, api_key=key)
