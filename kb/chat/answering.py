"""From a question to a run: everything that may fail with a status comes before the first byte.

`Chat.prepare` is synchronous: it checks, routes, searches and fills the hidden prompt. `Chat.start`
begins the run, which only generates. No SQL transaction is open while an answer streams.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace

from kb.chat.asides import Asides
from kb.chat.asking import Asked, ChatRequest, Rewritten, checked_query
from kb.chat.attempts import Attempt, Attempts
from kb.chat.catalog import Catalog
from kb.chat.expanding import expanded, wanted
from kb.chat.fixed import fixed_attempt
from kb.chat.follow_ups import resolved
from kb.chat.generation import Generation
from kb.chat.history import within_budget
from kb.chat.inputs import checked_inputs
from kb.chat.recording import Exchange
from kb.chat.replaying import replay_request
from kb.chat.rewriting import Rewriter, is_searched
from kb.chat.routing import choose_variant
from kb.chat.runs import Run, RunIdentity, Runs
from kb.chat.suggesting import Suggestions
from kb.chat.tokens import estimate_tokens
from kb.errors import Conflict, NotAllowed, NotFound
from kb.ids import new_id
from kb.search.searching import Searcher
from kb.store import apps, conversations, fixed_answers
from kb.store.database import Database
from kb.types import App, AppContent, AppVersion, Conversation, Scope, Turn, VariantName


@dataclass(frozen=True, slots=True)
class Memory:
    """How much of a conversation goes along with a question, at most."""

    turns: int
    tokens: int


class Chat:
    """Answers questions to apps."""

    def __init__(
        self,
        database: Database,
        searcher: Searcher,
        catalog: Catalog,
        runs: Runs,
        *,
        asides: Asides,
        memory: Memory,
    ) -> None:
        self._database = database
        self._catalog = catalog
        self._runs = runs
        self._asides = asides
        self._rewriter = Rewriter(asides)
        self.suggestions = Suggestions(database, asides)
        self._memory = memory
        self._attempts = Attempts(database, searcher, catalog)

    @property
    def active_runs(self) -> int:
        """Answers in progress."""
        return self._runs.active

    @property
    def in_progress(self) -> list[Run]:
        """The runs that have not ended."""
        return self._runs.in_progress

    def prepare(self, scope: Scope, app: str, request: ChatRequest) -> Generation:
        """Check, route, search and fill the prompt; call it in a thread.

        Raises:
            NotFound: the app, the conversation or the version cannot be seen.
            Rejected: the question or its inputs are not usable.
            Conflict: the app has no published version.
            Overloaded: too many searches are waiting.
        """
        began = time.perf_counter() - (request.rewritten.ms / 1000 if request.rewritten else 0.0)
        found, version = self._app(scope, app, request.version)
        known = self._conversation(scope, found, request.conversation_id)
        asked = self._asked(scope, found, version.content, request)
        conversation_id = request.conversation_id or new_id("conv")
        tries = self._attempts.of(asked)
        name, reason = choose_variant(
            found.route,
            version.content,
            requested=request.route,
            pinned=_pinned(known, request),
            query=asked.query,
            conversation_id=conversation_id,
            look=tries.look,
        )
        fixed = self._fixed(asked, request)
        first = fixed or tries.first(name, reason)
        exchange = Exchange(
            identity=_identity(scope, found, conversation_id, request),
            scope=scope,
            app_slug=found.slug,
            app_version=version.version,
            query=asked.query,
            search=asked.search,
            is_new_conversation=known is None,
            inputs=asked.inputs,
            replay_of=request.replay_of.id if request.replay_of else None,
            began=began,
        )
        return Generation(exchange, first, tries.fallback(first.route.variant))

    async def rewritten(self, scope: Scope, app: str, request: ChatRequest) -> ChatRequest:
        """The request with what a language model makes of a follow-up, or adds to a question where
        the app wants that; to be prepared next. It raises what `prepare` would."""
        began = time.perf_counter()
        version, history = await asyncio.to_thread(self._context, scope, app, request)
        how = wanted(version.content)
        if not is_searched(version.content) or (not history and how == "none"):
            return request
        query = checked_query(request.query)
        found = await self._rewriter.rewrite(scope, version, query, history)
        also = await expanded(self._asides, scope, version, found, how)
        ms = (time.perf_counter() - began) * 1000
        return replace(request, rewritten=Rewritten(found, ms, also))

    def replay(self, scope: Scope, message_id: str, version: int) -> tuple[str, ChatRequest]:
        """The app of a stored message, and its question for another version of it.

        Raises:
            NotAllowed: the scope is no admin's.
            NotFound: the message or the version is not there.
        """
        message, request = replay_request(self._database, scope, message_id, version)
        return message.app_id, request

    def start(self, generation: Generation) -> Run:
        """Begin the run; call it in the event loop. Raises Overloaded."""
        return self._runs.start(
            generation.identity,
            lambda _run: generation.events(),
            on_end=lambda _run, terminal: generation.store(self._database, terminal),
            expected_tokens=lambda: generation.expected_tokens,
        )

    def tokens_in_progress(self, key_id: str | None) -> int:
        """What the unfinished answers to a key are expected to use, until they are counted."""
        own = (run for run in self._runs.in_progress if run.identity.key_id == key_id)
        return sum(run.expected_tokens() for run in own)

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

    def _asked(self, scope: Scope, app: App, content: AppContent, request: ChatRequest) -> Asked:
        query = checked_query(request.query)
        inputs = checked_inputs(content, request.inputs)
        history = self._history(request)
        began = time.perf_counter()
        search = request.rewritten
        if search is None:
            ruled = resolved(query, history) if is_searched(content) else query
            search = Rewritten(ruled, (time.perf_counter() - began) * 1000)
        said: tuple[str, ...] = ()
        if request.conversation_id is not None:
            said = self._database.reading(conversations.said, request.conversation_id)
        return Asked(scope, app, content, query, inputs, history, search, said)

    def _context(
        self, scope: Scope, name: str, request: ChatRequest
    ) -> tuple[AppVersion, tuple[Turn, ...]]:
        app, version = self._app(scope, name, request.version)
        self._conversation(scope, app, request.conversation_id)
        return version, self._history(request)

    def _history(self, request: ChatRequest) -> tuple[Turn, ...]:
        """What was said before; the caller has checked that it may be seen."""
        again = request.replay_of
        talk = again.conversation_id if again else request.conversation_id
        if talk is None:
            return ()
        turns = self._database.reading(
            conversations.history, talk, self._memory.turns, before=again.id if again else None
        )
        return within_budget(turns, estimate_tokens, self._memory.tokens)

    def _fixed(self, asked: Asked, request: ChatRequest) -> Attempt | None:
        """The operator's own answer, unless a version is asked for or this is a follow-up."""
        if request.version is not None or asked.search.query != asked.query:
            return None
        found = self._database.reading(fixed_answers.find, asked.app.id, asked.query)
        return None if found is None else fixed_attempt(found, asked.query)


def _pinned(known: Conversation | None, request: ChatRequest) -> VariantName | None:
    """A replay keeps to the variant that answered before, so that only the version differs."""
    if request.replay_of is not None:
        return request.replay_of.route.variant
    return known.variant if known else None


def _identity(scope: Scope, app: App, conversation_id: str, request: ChatRequest) -> RunIdentity:
    return RunIdentity(
        run_id=new_id("run"),
        conversation_id=conversation_id,
        message_id=new_id("msg"),
        app_id=app.id,
        key_id=scope.key_id,
        # Who is narrowed, even to nobody, cannot speak for somebody else.
        end_user=request.end_user if scope.end_user is None else scope.end_user,
        is_replay=request.replay_of is not None,
    )


def _may_see(scope: Scope, identity: RunIdentity) -> bool:
    if not scope.may("chat") or (identity.is_replay and not scope.may("admin")):
        return False
    if scope.apps is not None and identity.app_id not in scope.apps:
        return False
    return scope.end_user is None or scope.end_user == identity.end_user
