"""From a question to a run: everything that may fail with a status comes before the first byte.

`Chat.open` loads what is stored, `Chat.rewritten` may ask a language model, `Chat.prepare` checks,
routes, searches and fills the hidden prompt. `Chat.start` begins the run, which only generates. No
SQL transaction is open while an answer streams.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from kb.chat.ask.asking import Asked, ChatRequest, Opened, Rewritten, checked_query
from kb.chat.ask.attempts import Attempt, Attempts
from kb.chat.ask.catalog import Catalog
from kb.chat.ask.fixed import fixed_attempt
from kb.chat.ask.inputs import checked_inputs
from kb.chat.ask.replaying import replay_request
from kb.chat.ask.routing import choose_variant
from kb.chat.follow_up.asides import Asides
from kb.chat.follow_up.follow_ups import resolved
from kb.chat.follow_up.history import within_budget
from kb.chat.follow_up.rewriting import Rewriter, is_searched
from kb.chat.follow_up.suggesting import Suggestions
from kb.chat.run.generation import Generation
from kb.chat.run.recording import Exchange
from kb.chat.run.runs import Run, RunIdentity, Runs
from kb.errors import NotAllowed, NotFound
from kb.ids import new_id
from kb.search.searching import Searcher
from kb.store.apps import apps, conversations, fixed_answers
from kb.store.engine.database import Database
from kb.text.token_estimate import estimate_tokens
from kb.types import App, AppVersion, Conversation, Scope, Turn, VariantName


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

    def open(self, scope: Scope, app: str, request: ChatRequest) -> Opened:
        """Load what a question needs; call it in a thread.

        Raises:
            NotFound: the app, the conversation or the version cannot be seen.
            NotAllowed: a version may only be asked for by an admin.
            Conflict: the app has no published version.
        """
        began = time.perf_counter()
        found, version = self._app(scope, app, request.version)
        known = self._conversation(scope, found, request.conversation_id)
        return Opened(scope, request, found, version, known, self._history(request), began)

    async def rewritten(self, opened: Opened) -> Opened:
        """The same with what a language model makes of a follow-up.

        Raises Rejected for a question that is not usable."""
        version = opened.version
        if not is_searched(version.content) or not opened.history:
            return opened
        began = time.perf_counter()
        query = checked_query(opened.request.query)
        found = await self._rewriter.rewrite(opened.scope, version, query, opened.history)
        ms = (time.perf_counter() - began) * 1000
        return replace(opened, rewritten=Rewritten(found, ms))

    def prepare(self, opened: Opened) -> Generation:
        """Check, route, search and fill the prompt; call it in a thread.

        Raises:
            Rejected: the question or its inputs are not usable.
            Overloaded: too many searches are waiting.
        """
        request, content = opened.request, opened.version.content
        asked = self._asked(opened)
        conversation_id = request.conversation_id or new_id("conv")
        tries = self._attempts.of(asked)
        name, reason = choose_variant(
            opened.app.route,
            content,
            requested=request.route,
            pinned=_pinned(opened),
            query=asked.query,
            conversation_id=conversation_id,
            look=tries.look,
        )
        first = self._fixed(asked, request) or tries.first(name, reason)
        exchange = Exchange(
            identity=_identity(opened, conversation_id),
            scope=opened.scope,
            app_slug=opened.app.slug,
            app_version=opened.version.version,
            query=asked.query,
            search=asked.search,
            is_new_conversation=opened.known is None,
            inputs=asked.inputs,
            replay_of=request.replay_of.id if request.replay_of else None,
            began=opened.began,
        )
        return Generation(exchange, first, tries.fallback(first.route.variant))

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
        return self._database.reading(apps.answering, scope, name, number)

    def _conversation(
        self, scope: Scope, app: App, conversation_id: str | None
    ) -> Conversation | None:
        if conversation_id is None:
            return None
        found = self._database.reading(conversations.get, scope, conversation_id)
        if found.app_id != app.id:
            raise NotFound("conversation", conversation_id)
        return found

    def _asked(self, opened: Opened) -> Asked:
        request, content, history = opened.request, opened.version.content, opened.history
        query = checked_query(request.query)
        inputs = checked_inputs(content, request.inputs)
        began = time.perf_counter()
        search = opened.rewritten
        if search is None:
            ruled = resolved(query, history) if is_searched(content) else query
            search = Rewritten(ruled, (time.perf_counter() - began) * 1000)
        said: tuple[str, ...] = ()
        if request.conversation_id is not None:
            said = self._database.reading(conversations.said, request.conversation_id)
        return Asked(opened.scope, opened.app, content, query, inputs, history, search, said)

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


def _pinned(opened: Opened) -> VariantName | None:
    """A replay keeps to the variant that answered before, so that only the version differs."""
    if opened.request.replay_of is not None:
        return opened.request.replay_of.route.variant
    return opened.known.variant if opened.known else None


def _identity(opened: Opened, conversation_id: str) -> RunIdentity:
    scope, request = opened.scope, opened.request
    return RunIdentity(
        run_id=new_id("run"),
        conversation_id=conversation_id,
        message_id=new_id("msg"),
        app_id=opened.app.id,
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
