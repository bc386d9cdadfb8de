"""From a question to a run: everything that may fail with a status comes before the first byte.

`Chat.ask` is the one way to ask. It loads what is stored, lets a language model rewrite a
follow-up, chooses the variant, searches, fills the hidden prompt and begins the run, which only
generates. No SQL transaction is open while an answer streams.
"""

from __future__ import annotations

import time
from dataclasses import replace

from kb.access.limits import TokenBudget
from kb.chat.ask.chat_models import ChatModels
from kb.chat.ask.curated import AlikeQuestions
from kb.chat.ask.inputs import checked_inputs
from kb.chat.ask.intents import Intents
from kb.chat.ask.question import ChatQuestion, ChatRequest, RunIdentity, within_budget
from kb.chat.ask.routing import RouteRequest
from kb.chat.ask.variants import VariantPreparer
from kb.chat.follow_up.follow_ups import may_be_follow_up, rewrite
from kb.chat.follow_up.side_model import SideModel, Suggestions
from kb.chat.run.answer_stream import AnswerStream
from kb.chat.run.disclosures import Disclosures
from kb.chat.run.run import Run
from kb.chat.run.run_log import RunLog
from kb.chat.run.runs import Runs
from kb.errors import Conflict, NotAllowed, NotFound
from kb.ids import new_id
from kb.search.searching import Searcher
from kb.settings import ChatSettings
from kb.store.access import budgets
from kb.store.apps import apps, conversations, fixed_answers
from kb.store.engine.database import Database, Transaction
from kb.telemetry import spans
from kb.text.model_text import estimate_tokens
from kb.threads import SearchThreads, in_thread
from kb.types import (
    DRAFT,
    App,
    AppContent,
    AppVersion,
    Conversation,
    Limits,
    RoutePolicy,
    Scope,
    Turn,
)

VERSIONS_KEPT = 64
"""Published versions that are kept decoded."""


class Chat:
    """Answers questions to apps."""

    def __init__(
        self,
        settings: ChatSettings,
        database: Database,
        searcher: Searcher,
        models: ChatModels,
        intents: Intents,
        threads: SearchThreads,
        budget: TokenBudget,
        log: RunLog | None = None,
    ) -> None:
        self._settings = settings
        self._database = database
        self._models = models
        times = {"grace_s": settings.grace_s, "replay_s": settings.replay_s}
        self.runs = Runs(**times, max_runs=settings.max_runs, log=log)
        self._threads = threads
        self._budget = budget
        self._side_model = SideModel(database, models, timeout_s=settings.side_timeout_s)
        self._suggestions = Suggestions(database, self._side_model)
        self._preparer = VariantPreparer(searcher, models, intents)
        self._disclosures = Disclosures(database)
        self.alike = AlikeQuestions(database, searcher.embedders.default)
        self._versions: dict[tuple[str, int], AppVersion] = {}

    async def ask(self, scope: Scope, app: str, request: ChatRequest, limits: Limits) -> Run:
        """Begin an answer.

        The tokens of the day are looked at twice: before anything is done, and with what answers in
        progress will use, so that of many that are asked at once one at most goes over the limit.

        Args:
            app: its id or slug.
            limits: those of the key that asks, `Limits()` for an operator.

        Raises:
            Rejected: the question or its inputs are not usable.
            NotFound: the app, the conversation or the version cannot be seen.
            NotAllowed: a version may only be asked for by an admin.
            Conflict: the app has no published version.
            ModelUnavailable, Overloaded: no model could answer, or too much is being answered.
            RateLimited: the key has used its tokens of the day, or it or the app its budget.
        """
        with spans.left_open("invoke_agent", {"gen_ai.operation.name": "invoke_agent"}):
            begun = await self._threads.run(self._begin, scope, app, request, limits)
            if isinstance(begun, ChatQuestion):
                began = time.perf_counter()
                who = replace(scope, end_user=begun.identity.end_user)
                asked = (who, begun.version, begun.query, begun.history)
                with spans.step("rewrite"):
                    query = await rewrite(self._side_model, *asked)
                question = begun.rewritten(query, (time.perf_counter() - began) * 1000)
                begun = await self._threads.run(self._answer, question)
            if limits.tokens_per_day is None:
                return await self._start(begun)
            async with self._budget.turn(scope.key_id):
                # First: what ends meanwhile is counted.
                in_progress = await self._tokens_in_progress(scope.key_id)
                await in_thread(self._budget.check, scope.key_id, limits, in_progress=in_progress)
                return await self._start(begun)

    async def replay(
        self,
        scope: Scope,
        message_id: str,
        version: int,
        limits: Limits,
        *,
        route: RouteRequest = "auto",
    ) -> Run:
        """Ask a stored question of another version of its app, with the history and known inputs.

        Raises:
            NotAllowed: the scope is not an admin's.
            NotFound: the message or the version is not there.
            Others: what `ask` raises.
        """
        app_id, request = await in_thread(self._asked_again, scope, message_id, version)
        return await self.ask(scope, app_id, replace(request, route=route), limits)

    async def suggested(self, scope: Scope, message_id: str, limits: Limits) -> tuple[str, ...]:
        """Up to three questions that may come after an answer. Raises NotFound or RateLimited."""
        await in_thread(self._budget.check, scope.key_id, limits)
        return await self._suggestions.after(scope, message_id)

    async def run(self, scope: Scope, run_id: str) -> Run:
        """A run that the scope may follow. Raises NotFound."""
        run = await self.runs.find(run_id)
        if run is None or not run.opens_to(scope):
            raise NotFound("run", run_id)
        return run

    async def run_under(self, scope: Scope, external_id: str) -> Run | None:
        """The run in progress whose conversation a client knows by a name of its own."""
        found = await self.runs.under(external_id)
        return next((run for run in found if run.terminal is None and run.opens_to(scope)), None)

    async def close(self) -> None:
        """End every run with a terminal event, then the connections to models."""
        await self.runs.close()
        await self._models.close()

    def _begin(
        self, scope: Scope, app: str, request: ChatRequest, limits: Limits
    ) -> ChatQuestion | AnswerStream:
        """The answer, ready to begin; the question, if a model is to rewrite it first."""
        self._budget.check(scope.key_id, limits)
        question = self._question(scope, app, request.checked())
        if question.is_searched and may_be_follow_up(question.query, question.history):
            return question
        return self._answer(question)

    def _asked_again(self, scope: Scope, message_id: str, version: int) -> tuple[str, ChatRequest]:
        if not scope.may("admin"):
            raise NotAllowed("Only an admin key may replay a question.")
        with self._database.read() as tx:
            message = conversations.message(tx, scope, message_id)
            if message.replay_of is not None:  # of a replay the first question, which it goes with
                message = conversations.message(tx, scope, message.replay_of)
            content = apps.version(tx, scope, message.app_id, version).content
        known = {variable.name for variable in content.inputs}
        given = {name: value for name, value in (message.inputs or {}).items() if name in known}
        request = ChatRequest(message.query, inputs=given, version=version, replay_of=message)
        return message.app_id, request

    def _answer(self, question: ChatQuestion) -> AnswerStream:
        variant = self._preparer.prepare(question)
        stored = (self._database, self._disclosures, self.runs.log)
        return AnswerStream(question, variant, self._preparer, *stored)

    def _question(self, scope: Scope, name: str, request: ChatRequest) -> ChatQuestion:
        began = time.perf_counter()
        if request.version is not None and not scope.may("admin"):
            raise NotAllowed("Only an admin key may ask for a version.")
        if request.model is not None and not scope.may("admin"):
            raise NotAllowed("Only an admin key may ask a model without an app.")
        with self._database.read() as tx:
            if request.model is None:
                app, fixed = fixed_answers.asked(tx, scope, name)
                version = self._version(tx, scope, app, request.version)
            else:
                app, fixed = _without_app(request.model), []
                version = AppVersion(app.id, 0, AppContent(), app.created_at)
            if (given := request.searched_in) is not None:
                given.check(tx, scope, version.content.dataset_ids, model=request.model)
            budgets.check(tx, scope.key_id, app.id)
            conversation = _conversation(tx, scope, app, request.conversation_id)
            history, earlier_sources = self._history(tx, scope, request)
        return ChatQuestion(
            scope=scope,
            request=request,
            app=app,
            version=version,
            identity=_identity(scope, request, version),
            inputs=checked_inputs(version.content, request.inputs),
            conversation=conversation,
            history=within_budget(history, estimate_tokens, self._settings.history_tokens),
            earlier_sources=earlier_sources,
            fixed_answer=self.alike.fixed_answer(app, fixed, request),
            search_query=request.query,
            began=began,
        )

    def _version(self, tx: Transaction, scope: Scope, app: App, number: int | None) -> AppVersion:
        """The version that answers, or the one asked for. None ever changes, so they are kept."""
        if number == DRAFT:
            return apps.draft_version(tx, scope, app.id)
        number = number or app.version
        if number is None:
            raise Conflict(f"App {app.slug!r} has no published version. Publish its draft.")
        known = self._versions.get((app.id, number))
        if known is None:
            known = apps.published(tx, app, number)
            if len(self._versions) >= VERSIONS_KEPT:
                self._versions.clear()
            self._versions[app.id, number] = known
        return known

    def _history(
        self, tx: Transaction, scope: Scope, request: ChatRequest
    ) -> tuple[tuple[Turn, ...], tuple[str, ...]]:
        """The turns before and the texts of their sources, which the caller may see."""
        most = self._settings.history_turns
        if request.history is not None:
            turns = tuple(request.history)
            return turns[max(0, len(turns) - most) :], ()
        if (again := request.replay_of) is not None:
            return conversations.history(tx, scope, again.conversation_id, most, before=again.id)
        if request.conversation_id is None:
            return (), ()
        before = request.replaces or conversations.AFTER_ALL
        return conversations.history(tx, scope, request.conversation_id, most, before=before)

    async def _start(self, answer: AnswerStream) -> Run:
        return await self.runs.begin(
            answer.unfinished,
            answer.question.identity,
            answer.events,
            on_end=answer.store,
            expected_tokens=answer.expected_tokens,
            language=lambda: answer.question.language,
        )

    async def _tokens_in_progress(self, key_id: str | None) -> int:
        """What the unfinished answers to a key are expected to use, until they are counted."""
        others = await self.runs.log.expected_tokens(key_id)
        own = (run for run in self.runs.in_progress if run.identity.key_id == key_id)
        return others + sum(run.expected_tokens() for run in own)


def _without_app(model: str) -> App:
    """What stands for the app where a model is asked by its name: nothing is stored under it."""
    return App("", model, model, "", "", (), RoutePolicy(), None, "")


def _conversation(
    tx: Transaction, scope: Scope, app: App, conversation_id: str | None
) -> Conversation | None:
    if conversation_id is None:
        return None
    found = conversations.get(tx, scope, conversation_id)
    if found.app_id != app.id:
        raise NotFound("conversation", conversation_id)
    return found


def _identity(scope: Scope, request: ChatRequest, version: AppVersion) -> RunIdentity:
    return RunIdentity(
        run_id=new_id("run"),
        conversation_id=request.conversation_id or new_id("conv"),
        message_id=new_id("msg"),
        app_id=version.app_id,
        key_id=scope.key_id,
        # Who is narrowed, even to nobody, cannot speak for somebody else.
        end_user=request.end_user if scope.end_user is None else scope.end_user,
        is_replay=request.replay_of is not None,
        external_id=request.external_id,
        query=request.query,
        datasets=version.datasets,
    )
