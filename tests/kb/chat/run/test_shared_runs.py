"""Runs of several processes: read, resumed, stopped and ended through any of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from kb.access.limits import TokenBudget
from kb.chat.ask.chat_models import ChatModels
from kb.chat.ask.question import ChatRequest
from kb.chat.chat import Chat
from kb.chat.run.following import GAP
from kb.chat.run.run import Run
from kb.chat.run.run_log import LOST
from kb.chat.run.shared_log import SharedRunLog
from kb.errors import Conflict, NotFound, RateLimited
from kb.files.owners import LockedOwner
from kb.knowledge_base import KnowledgeBase
from kb.models.fake.server import FakeModelServer
from kb.store.apps import conversations, runs
from kb.store.apps.runs import RunRow
from kb.store.engine.database import Database
from kb.types import (
    TERMINAL_EVENTS,
    Cancelled,
    Completed,
    Delta,
    Failed,
    Limits,
    Message,
    RunEvent,
    Scope,
    Sources,
    Variant,
)
from tests.chatting import each
from tests.kb.chat.run.runs_for_tests import read
from tests.parts import ADMIN, ingest, publish, register

Numbered = tuple[int, RunEvent]
APP = "counting"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A knowledge base with an app that counts, and the database that each process opens."""

    kb: KnowledgeBase
    folder: Path
    opened: Callable[[], Database]

    @asynccontextmanager
    async def processes(self, count: int = 2) -> AsyncIterator[list[Process]]:
        made = [Process(self.kb, self.opened(), self.folder / "owners") for _ in range(count)]
        try:
            yield made
        finally:
            for process in made:
                await process.chat.close()
                process.owner.close()

    def stored(self, run: Run) -> Message:
        database = self.kb.database
        return database.reading(conversations.message_of_run, ADMIN, run.run_id)


class Process:
    """What one process of a cluster asks and answers with."""

    def __init__(self, kb: KnowledgeBase, database: Database, folder: Path) -> None:
        self.owner = LockedOwner(folder)
        self.log = SharedRunLog(database, self.owner, replay_s=60.0)
        self.chat = Chat(
            kb.settings.chat,
            database,
            kb.searcher,
            ChatModels(database, kb.secrets, kb.settings.llm),
            kb.chat._preparer._intents,
            kb.search_threads,
            TokenBudget(database),
            self.log,
        )
        self.log.open()

    async def ask(self, app: str = APP, query: str = "Count.", **fields: str) -> Run:
        return await self.chat.ask(ADMIN, app, ChatRequest(query, **fields), Limits())

    def die(self) -> None:
        """Write nothing any more; nobody hears why."""
        self.log._own._loop.stop()
        self.log._others.close()
        self.owner.close()

    def look_now(self, replay_s: float = 60.0) -> None:
        """At what dead processes have left, and at what is old."""
        self.log._others._replay_s = replay_s
        self.log._others._tidy_at = 0.0
        self.log._others._wake()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.needs("postgres"))])
def cluster(
    request: pytest.FixtureRequest, kb: KnowledgeBase, upstream: FakeModelServer, tmp_path: Path
) -> Iterator[Cluster]:
    """Processes that share a file, or a server of which each has connections of its own."""
    if request.param == "sqlite":
        with suppress(Conflict):
            publish(kb, APP, base=Variant("numbers:200:5", retrieval=None))
        yield Cluster(kb, tmp_path, lambda: kb.database)
        return
    from kb.store.engine.postgres import PostgresDatabase

    databases: list[Database] = []

    def opened() -> Database:
        databases.append(PostgresDatabase(request.getfixturevalue("postgres_url"), connections=8))
        return databases[-1]

    shared = replace(kb, database=opened())
    register(shared, upstream.base_url, "numbers:200:5")
    publish(shared, APP, base=Variant("numbers:200:5", retrieval=None))
    yield Cluster(shared, tmp_path, opened)
    for database in databases:
        database.close()


def texts(events: Sequence[Numbered]) -> str:
    return "".join(event.text for _, event in events if isinstance(event, Delta))


async def first(run: Run, count: int) -> list[Numbered]:
    """The first events of a run; then the reader leaves."""
    found: list[Numbered] = []
    async with aclosing(each(run)) as events:
        async for numbered in events:
            found.append(numbered)
            if len(found) == count:
                break
    return found


def test_an_answer_is_followed_and_resumed_elsewhere_with_every_event_once(cluster):
    async def scenario() -> None:
        async with cluster.processes(3) as (a, b, c):
            run = await a.ask()
            begun = await first(run, 20)
            there = await b.chat.run(ADMIN, run.run_id)
            whole, rest = await asyncio.gather(read(there), read(there, after=20))
            own = await read(run)
            assert whole == own == begun + rest
            assert sum(isinstance(event, TERMINAL_EVENTS) for _, event in whole) == 1
            assert texts(whole) == "".join(f"{n} " for n in range(1, 201))
            late = await c.chat.run(ADMIN, run.run_id)  # after its end
            assert await read(late) == whole
            assert late.terminal == run.terminal

    asyncio.run(scenario())


def test_events_with_sources_and_citations_are_the_same_elsewhere(kb, sky, tmp_path):
    publish(kb, "quoting", dataset_ids=(sky,), base=Variant("cite"))

    cluster = Cluster(kb, tmp_path, lambda: kb.database)

    async def scenario() -> None:
        async with cluster.processes() as (a, b):
            run = await a.ask("quoting", "When does the moon rise?")
            there = await read(await b.chat.run(ADMIN, run.run_id))
            assert there == await read(run)
            assert any(isinstance(event, Sources) for _, event in there)
            assert isinstance(there[-1][1], Completed)

    asyncio.run(scenario())


def test_an_answer_is_stopped_through_another_process(cluster):
    async def scenario() -> None:
        async with cluster.processes() as (a, b):
            run = await a.ask()
            await first(run, 10)
            there = await b.chat.run(ADMIN, run.run_id)
            there.stop()
            assert await there.wait() == Cancelled("stopped") == await run.wait()
            stored = cluster.stored(run)
            assert stored.status == "cancelled"
            assert stored.answer == texts(await read(there))

    asyncio.run(scenario())


def test_an_answer_that_is_read_elsewhere_goes_on_when_its_own_readers_have_left(cluster):
    async def scenario() -> None:
        async with cluster.processes() as (a, b):
            a.chat.runs._grace_s = 0.2
            run, left = await a.ask(), await a.ask()
            there = await b.chat.run(ADMIN, run.run_id)
            reading = asyncio.create_task(read(there))
            while not run.followed_until:
                await asyncio.sleep(0.01)
            await asyncio.gather(first(run, 5), first(left, 5))
            assert await left.wait() == Cancelled("abandoned")
            assert isinstance((await reading)[-1][1], Completed)

    asyncio.run(scenario())


def test_a_lost_process_ends_its_runs_once_for_all_who_follow(cluster):
    async def scenario() -> None:
        async with cluster.processes(3) as (a, b, c):
            run = await a.ask()
            followers = [await p.chat.run(ADMIN, run.run_id) for p in (b, c)]
            reading = [asyncio.create_task(read(each)) for each in followers]
            await first(followers[0], 20)
            a.die()
            b.look_now()
            c.look_now()
            one, other = await asyncio.gather(*reading)
            assert one == other
            number, terminal = one[-1]
            assert isinstance(terminal, Failed)
            assert terminal.error == LOST
            assert [n for n, _ in one[:-1]] == list(range(1, len(one)))
            stored = cluster.stored(run)
            assert (stored.status, stored.error) == ("failed", LOST)
            assert stored.answer == texts(one)
            # Who had read more at the dead process than was written down hears of the end as well.
            again = await c.chat.run(ADMIN, run.run_id)
            assert number == again.last > GAP
            assert await read(again, after=number - 1) == [(number, terminal)]
            assert await read(again, after=number) == []
            # The process was only cut off: it has the same end, and stores nothing.
            assert await run.wait() == terminal
            assert run.last == number
            assert cluster.stored(run) == stored

    asyncio.run(scenario())


def test_what_a_scope_may_not_see_is_not_found_through_another_process(cluster):
    async def scenario() -> None:
        async with cluster.processes() as (a, b):
            run = await a.ask(end_user="ann")
            chatter = Scope(frozenset({"chat"}))
            for scope in (
                replace(chatter, end_user="bob"),
                replace(chatter, apps=frozenset({"another"})),
                Scope(frozenset({"search"})),
            ):
                with pytest.raises(NotFound):
                    await b.chat.run(scope, run.run_id)
            assert (await b.chat.run(replace(chatter, end_user="ann"), run.run_id)).run_id
            run.stop()
            await run.wait()

    asyncio.run(scenario())


def test_the_run_of_a_clients_chat_is_found_from_elsewhere_while_it_goes_on(cluster):
    async def scenario() -> None:
        async with cluster.processes() as (a, b):
            run = await a.ask(external_id="my chat")
            there = await b.chat.run_under(ADMIN, "my chat")
            assert there is not None
            assert there.identity == run.identity
            there.stop()
            await there.wait()
            assert await b.chat.run_under(ADMIN, "my chat") is None

    asyncio.run(scenario())


def test_tokens_of_answers_in_progress_elsewhere_count(cluster):
    async def scenario() -> None:
        async with cluster.processes() as (a, b):
            scope, limits = replace(ADMIN, key_id="limited"), Limits(tokens_per_day=900)
            run = await a.chat.ask(scope, APP, ChatRequest("Count."), limits)
            with pytest.raises(RateLimited, match="in progress"):
                await b.chat.ask(scope, APP, ChatRequest("Count."), limits)
            run.stop()
            await run.wait()

    asyncio.run(scenario())


def test_a_finished_run_is_forgotten_after_its_time(cluster):
    async def scenario() -> None:
        async with cluster.processes() as (a, b):
            run = await a.ask()
            await read(run)
            b.look_now(replay_s=0.0)
            await until(lambda: asyncio.to_thread(b.log._others.load, run.run_id))
            with pytest.raises(NotFound):
                await b.chat.run(ADMIN, run.run_id)

    asyncio.run(scenario())


def test_what_is_deleted_is_not_told_again_by_runs_that_can_still_be_read(kb, tmp_path):
    dataset_id = kb.create_dataset(ADMIN, "tides").id
    ids = ingest(kb, dataset_id, {"tide.md": "The tide comes in at seven in Emden."})
    publish(kb, "tides", dataset_ids=(dataset_id,), base=Variant("cite"))

    async def scenario() -> None:
        async with Cluster(kb, tmp_path, lambda: kb.database).processes() as (a, b):
            asked = [await a.ask("tides", "When does the tide come in?") for _ in range(2)]
            conversation = asked[0].identity.conversation_id
            for run in asked:
                await read(run)

            def is_forgotten(run: Run) -> Awaitable[object]:
                b.look_now()
                return asyncio.to_thread(b.log._others.load, run.run_id)

            kb.database.writing(conversations.remove, ADMIN, conversation)
            await until(lambda: is_forgotten(asked[0]))
            assert await is_forgotten(asked[1]) is not None
            kb.delete_document(ADMIN, ids["tide.md"])
            await asyncio.to_thread(kb.erasing.run)
            await until(lambda: is_forgotten(asked[1]))

    asyncio.run(scenario())


def test_a_run_that_is_to_be_forgotten_goes_when_it_has_ended(kb):
    with kb.database.write() as tx:
        runs.begin(tx, RunRow("run_1", "me", None, None, 0, "{}"))
        runs.forget_soon(tx, ["run_1"])
        runs.forget(tx, 60.0)
        assert runs.get(tx, "run_1")
        assert runs.end(tx, "run_1", 0, 1, "[]")
        runs.forget(tx, 60.0)
        assert runs.get(tx, "run_1") is None


async def until(look: Callable[[], Awaitable[object]]) -> None:
    """Wait until there is nothing any more."""
    for _ in range(500):
        if await look() is None:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it is still there")
