"""From a question to a run: everything that may fail with a status comes before the first byte.

`Chat.prepare` is synchronous: it checks, routes, searches and fills the hidden prompt. `Chat.start`
begins the run, which only generates. No SQL transaction is open while an answer streams.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from kb.chat.catalog import Catalog
from kb.chat.generation import Attempt, Generation
from kb.chat.prompting import build_prompt, context_block
from kb.chat.routing import RouteRequest, choose_variant
from kb.chat.runs import Run, RunIdentity, Runs
from kb.chat.tokens import estimate_tokens
from kb.errors import Conflict, ModelUnavailable, NotAllowed, NotFound, Rejected
from kb.ids import new_id
from kb.protocols import Question
from kb.search.searching import Searcher
from kb.store import apps, conversations, datasets
from kb.store.database import Database
from kb.types import (
    App,
    AppContent,
    AppVersion,
    Conversation,
    Hit,
    Retrieval,
    Route,
    Scope,
    Source,
    Turn,
    VariantName,
)

MAX_QUERY_CHARACTERS = 32_000


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A question to an app."""

    query: str
    conversation_id: str | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    route: RouteRequest = "auto"
    version: int | None = None
    end_user: str | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question with all that its variants share."""

    scope: Scope
    app: App
    content: AppContent
    query: str
    inputs: Mapping[str, str]
    history: tuple[Turn, ...]


class Chat:
    """Answers questions to apps."""

    def __init__(
        self,
        database: Database,
        searcher: Searcher,
        catalog: Catalog,
        runs: Runs,
        *,
        history_turns: int,
    ) -> None:
        self._database = database
        self._searcher = searcher
        self._catalog = catalog
        self._runs = runs
        self._history_turns = history_turns

    @property
    def active_runs(self) -> int:
        """Answers in progress."""
        return self._runs.active

    def prepare(self, scope: Scope, app: str, request: ChatRequest) -> Generation:
        """Check, route, search and fill the prompt; call it in a thread.

        Raises:
            NotFound: the app, the conversation or the version cannot be seen.
            Rejected: the question or its inputs are not usable.
            Conflict: the app has no published version.
            Overloaded: too many searches are waiting.
        """
        began = time.perf_counter()
        query = _checked_query(request.query)
        found, version = self._app(scope, app, request.version)
        known = self._conversation(scope, found, request.conversation_id)
        asked = self._asked(scope, found, version.content, query, request, known)
        conversation_id = request.conversation_id or new_id("conv")
        name, reason = choose_variant(
            found.route,
            version.content,
            requested=request.route,
            pinned=known.variant if known else None,
            query=query,
            conversation_id=conversation_id,
        )
        first = self._first_attempt(asked, name, reason)
        return Generation(
            identity=_identity(scope, found, conversation_id, scope.end_user or request.end_user),
            scope=scope,
            app_slug=found.slug,
            app_version=version.version,
            query=query,
            first=first,
            fallback=self._fallback(asked, first.route.variant),
            is_new_conversation=known is None,
            began=began,
        )

    def start(self, generation: Generation) -> Run:
        """Begin the run; call it in the event loop. Raises Overloaded."""
        return self._runs.start(
            generation.identity,
            lambda _run: generation.events(),
            on_end=lambda _run, terminal: generation.store(self._database, terminal),
        )

    def run(self, scope: Scope, run_id: str) -> Run:
        """A run that the scope may follow. Raises NotFound."""
        run = self._runs.get(run_id)
        if run is None or not _may_see(scope, run.identity):
            raise NotFound("run", run_id)
        return run

    async def close(self) -> None:
        """End every run with a terminal event, then the connections to models."""
        await self._runs.close()
        await self._catalog.close()

    def _app(self, scope: Scope, name: str, number: int | None) -> tuple[App, AppVersion]:
        if number is not None and not scope.may("admin"):
            raise NotAllowed("Only an admin key may ask for a version.")
        with self._database.read() as tx:
            app = apps.get(tx, scope, name)
            if number is None and app.version is None:
                raise Conflict(f"App {app.slug!r} has no published version. Publish its draft.")
            return app, apps.version(tx, scope, app.id, number or app.version or 0)

    def _conversation(
        self, scope: Scope, app: App, conversation_id: str | None
    ) -> Conversation | None:
        if conversation_id is None:
            return None
        found = self._database.reading(conversations.get, scope, conversation_id)
        if found.app_id != app.id:
            raise NotFound("conversation", conversation_id)
        return found

    def _asked(
        self,
        scope: Scope,
        app: App,
        content: AppContent,
        query: str,
        request: ChatRequest,
        known: Conversation | None,
    ) -> _Asked:
        history: tuple[Turn, ...] = ()
        if known is not None and self._history_turns:
            history = self._database.reading(conversations.history, known.id, self._history_turns)
        return _Asked(scope, app, content, query, _checked_inputs(content, request), history)

    def _first_attempt(self, asked: _Asked, name: VariantName, reason: str) -> Attempt:
        try:
            return self._attempt(asked, name, reason)
        except ModelUnavailable:
            if name == "base":
                raise
            return self._attempt(asked, "base", "fallback")

    def _fallback(self, asked: _Asked, name: VariantName) -> Callable[[], Attempt] | None:
        if name == "base":
            return None
        return lambda: self._attempt(asked, "base", "fallback")

    def _attempt(self, asked: _Asked, name: VariantName, reason: str) -> Attempt:
        """What one variant needs to answer: its hits, its own hidden prompt and its model."""
        chosen = asked.content.tuned if name == "tuned" else asked.content.base
        variant = chosen or asked.content.base
        retrieval = variant.retrieval if asked.content.dataset_ids else None
        began = time.perf_counter()
        hits = self._hits(asked, retrieval)
        search_ms = (time.perf_counter() - began) * 1000
        served = self._catalog.serve(asked.scope, variant.model)
        if retrieval is None and served.is_extractive:
            raise ModelUnavailable(
                "This app has neither documents to answer from nor a language model. Give it a "
                "dataset, register a model with POST /v1/models, or set KB_LLM__MODEL."
            )
        context, sources = _context(hits, retrieval)
        prompt = build_prompt(
            variant.prompt if variant.prompt is not None else asked.content.prompt,
            asked.query,
            context=context,
            history=asked.history,
            inputs=asked.inputs,
            temperature=variant.temperature,
            max_tokens=variant.max_tokens,
        )
        return Attempt(
            route=Route(name, _reason(reason, served.is_extractive), served.name),
            question=Question(asked.query, sources, prompt),
            answerer=served.answerer,
            searched=retrieval is not None,
            search_ms=search_ms,
            price_in=served.price_in,
            price_out=served.price_out,
            refusal=asked.content.refusal,
        )

    def _hits(self, asked: _Asked, retrieval: Retrieval | None) -> list[Hit]:
        if retrieval is None:
            return []
        # The app may search its datasets, whoever asks: an app key sees no dataset of its own.
        own = replace(asked.scope, datasets=frozenset(asked.content.dataset_ids))
        # A dataset that was deleted after publishing is the operator's affair, not the asker's.
        left = self._database.reading(datasets.existing, own, asked.content.dataset_ids)
        return self._searcher.search(own, left, asked.query, retrieval)


def _checked_query(query: str) -> str:
    query = query.encode("utf-8", "replace").decode().replace("\0", "").strip()
    if not query:
        raise Rejected("The question is empty. Send some text in `query`.")
    if len(query) > MAX_QUERY_CHARACTERS:
        raise Rejected(f"The question is over {MAX_QUERY_CHARACTERS} characters. Shorten it.")
    return query


def _checked_inputs(content: AppContent, request: ChatRequest) -> dict[str, str]:
    values = {item.name: item.default for item in content.inputs}
    values.update(request.inputs)
    missing = [item.name for item in content.inputs if item.required and not values[item.name]]
    if missing:
        raise Rejected(f"This app needs the inputs {', '.join(missing)}. Send them in `inputs`.")
    return values


def _context(hits: list[Hit], retrieval: Retrieval | None) -> tuple[str | None, tuple[Source, ...]]:
    if retrieval is None:
        return None, ()
    numbered = [Source(n, hit) for n, hit in enumerate(hits, start=1)]
    return context_block(numbered, estimate_tokens, retrieval.context_tokens)


def _reason(reason: str, is_extractive: bool) -> str:
    return f"{reason}, extractive" if is_extractive else reason


def _identity(scope: Scope, app: App, conversation_id: str, end_user: str | None) -> RunIdentity:
    return RunIdentity(
        run_id=new_id("run"),
        conversation_id=conversation_id,
        message_id=new_id("msg"),
        app_id=app.id,
        key_id=scope.key_id,
        end_user=end_user,
    )


def _may_see(scope: Scope, identity: RunIdentity) -> bool:
    if not scope.may("chat"):
        return False
    if scope.apps is not None and identity.app_id not in scope.apps:
        return False
    return scope.end_user is None or scope.end_user == identity.end_user
