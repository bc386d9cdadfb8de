"""From a question to a run: everything that may fail with a status comes before the first byte.

`Chat.prepare` is synchronous: it checks, routes, searches and fills the hidden prompt. `Chat.start`
begins the run, which only generates. No SQL transaction is open while an answer streams.
"""

from __future__ import annotations

import time

from kb.chat.asking import Asked, ChatRequest, checked_inputs, checked_query
from kb.chat.attempts import Attempts
from kb.chat.catalog import Catalog
from kb.chat.generation import Generation
from kb.chat.recording import Exchange
from kb.chat.routing import choose_variant
from kb.chat.runs import Run, RunIdentity, Runs
from kb.errors import Conflict, NotAllowed, NotFound
from kb.ids import new_id
from kb.search.searching import Searcher
from kb.store import apps, conversations
from kb.store.database import Database
from kb.types import App, AppContent, AppVersion, Conversation, Scope, Turn


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
        self._catalog = catalog
        self._runs = runs
        self._history_turns = history_turns
        self._attempts = Attempts(database, searcher, catalog)

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
        query = checked_query(request.query)
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
        first = self._attempts.first(asked, name, reason)
        exchange = Exchange(
            identity=_identity(scope, found, conversation_id, scope.end_user or request.end_user),
            scope=scope,
            app_slug=found.slug,
            app_version=version.version,
            query=query,
            is_new_conversation=known is None,
            began=began,
        )
        return Generation(exchange, first, self._attempts.fallback(asked, first.route.variant))

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
    ) -> Asked:
        history: tuple[Turn, ...] = ()
        if known is not None and self._history_turns:
            history = self._database.reading(conversations.history, known.id, self._history_turns)
        return Asked(scope, app, content, query, checked_inputs(content, request.inputs), history)


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
