"""Which answerer serves a variant: a registered model, the configured default, or extraction.

Clients of models are built once and kept: building one costs about 25 ms.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass

from kb.errors import ModelUnavailable
from kb.models.chat import open_chat_model
from kb.models.extractive import ExtractiveAnswerer
from kb.protocols import Answerer, ChatModel, Question
from kb.store import models
from kb.store.database import Database
from kb.store.secrets import Secrets
from kb.types import Model, Piece, Scope

EXTRACTIVE = "extractive"
DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds that a model may take."""

    first_token_s: float
    gap_s: float
    total_s: float


@dataclass(frozen=True, slots=True)
class Served:
    """An answerer under the name that is reported to users."""

    name: str
    answerer: Answerer
    price_in: float | None = None
    price_out: float | None = None

    @property
    def is_extractive(self) -> bool:
        """Whether no language model takes part."""
        return self.name == EXTRACTIVE


class ModelAnswerer:
    """A chat model behind the hidden prompt."""

    def __init__(self, model: ChatModel) -> None:
        self._model = model

    def answer(self, question: Question) -> AsyncIterator[Piece]:
        """Stream the model's answer to the filled prompt."""
        return self._model.stream(question.prompt)


class Catalog:
    """Finds the answerer for a model name. Thread-safe."""

    def __init__(
        self, database: Database, vault: Secrets, default: Model | None, deadlines: Deadlines
    ) -> None:
        self._database = database
        self._vault = vault
        self._default = default
        self._deadlines = deadlines
        self._open: dict[str, tuple[Model, ChatModel]] = {}
        self._replaced: list[ChatModel] = []
        self._turn = threading.Lock()

    def serve(self, scope: Scope, name: str | None) -> Served:
        """The answerer for a variant's model; None is the default, or extraction without one.

        Raises:
            ModelUnavailable: no model of that name is registered.
        """
        if name == EXTRACTIVE or (name is None and self._default is None):
            return Served(EXTRACTIVE, ExtractiveAnswerer())
        model = self._model(scope, name)
        answerer = ModelAnswerer(self.chat_model(model))
        return Served(model.name, answerer, model.price_in, model.price_out)

    def chat_model(self, model: Model) -> ChatModel:
        """The open client of a model; a changed registration gets a new one."""
        with self._turn:
            known = self._open.get(model.name)
            if known is not None and known[0] == model:
                return known[1]
            if known is not None:
                self._replaced.append(known[1])  # answers may still be streaming from it
            opened = open_chat_model(
                model,
                first_token_timeout_s=self._deadlines.first_token_s,
                gap_timeout_s=self._deadlines.gap_s,
                total_timeout_s=self._deadlines.total_s,
            )
            self._open[model.name] = (model, opened)
            return opened

    async def close(self) -> None:
        """Close every client."""
        with self._turn:
            clients = [*self._replaced, *(client for _, client in self._open.values())]
            self._open.clear()
            self._replaced.clear()
        for client in clients:
            await client.close()

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
