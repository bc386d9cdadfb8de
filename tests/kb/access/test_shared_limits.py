"""What holds over all processes of a cluster: limits, turns, pauses at sign-in, and sessions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from kb.access import Access, Caller
from kb.access.sign_in import FREE_TRIES, MAX_PAUSE_S
from kb.errors import RateLimited, Unauthenticated
from kb.files.owners import LockedOwner
from kb.store.access.keys import Credential
from kb.store.access.secrets import Secrets
from kb.store.engine.database import Database
from kb.store.engine.sqlite import SqliteDatabase
from kb.types import Limits, Scope

ADMIN_KEY = "kbk_admin_shared"
Process = Callable[[], Access]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.needs("postgres"))])
def process(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Process]:
    """Makes the part of another process; those of a file share one connection to write."""
    vault = Secrets.open(tmp_path / "secret")
    opened: list[tuple[Database, LockedOwner]] = []

    def make() -> Access:
        if request.param == "sqlite":
            database: Database = opened[0][0] if opened else SqliteDatabase(tmp_path / "kb.db")
        else:
            from kb.store.engine.postgres import PostgresDatabase

            url = request.getfixturevalue("postgres_url")
            database = PostgresDatabase(url, connections=8)
        owner = LockedOwner(tmp_path / "owners")
        opened.append((database, owner))
        return Access(database, vault, ADMIN_KEY, owner)

    yield make
    for database, owner in opened:
        owner.close()
        database.close()


def caller(key_id: str = "k", **limits: int) -> Caller:
    return Caller("app", Scope.admin(), key_id, Credential(key_id, b"1"), Limits(**limits))


async def admitted(processes: list[Access], asking: Caller, times: int) -> int:
    done = 0
    for number in range(times):
        try:
            await processes[number % len(processes)].admit(asking)
        except RateLimited:
            break
        done += 1
    return done


def test_a_key_has_its_requests_a_minute_once_and_not_in_each_process(process):
    async def scenario() -> None:
        processes = [process() for _ in range(3)]
        # A request flows in every two seconds, and a slow machine needs a few.
        assert 30 <= await admitted(processes, caller(requests_per_minute=30), 90) < 40
        assert await admitted(processes, caller("other", requests_per_minute=1), 3) == 1
        assert await admitted(processes, caller("free"), 50) == 50

    asyncio.run(scenario())


def test_a_key_has_no_more_streams_open_than_it_may_in_all_processes_together(process):
    async def scenario() -> None:
        one, other = process(), process()
        asking = caller(concurrent_streams=3)
        async with AsyncExitStack() as streams:
            for access in (one, other, one):
                await streams.enter_async_context(access.stream(asking))
            for access in (one, other):
                with pytest.raises(RateLimited, match="3 answers open"):
                    await streams.enter_async_context(access.stream(asking))
        async with other.stream(asking), other.stream(asking), other.stream(asking):
            pass

    asyncio.run(scenario())


def test_at_once_no_more_streams_are_opened_than_a_key_may_have(process):
    async def scenario() -> None:
        processes = [process() for _ in range(3)]
        asking, seen = caller(concurrent_streams=5), []

        async def hold(access: Access, leave: asyncio.Event) -> None:
            try:
                async with access.stream(asking):
                    seen.append(True)
                    await leave.wait()
            except RateLimited:
                seen.append(False)

        leave = asyncio.Event()
        tasks = [asyncio.create_task(hold(processes[n % 3], leave)) for n in range(24)]
        while len(seen) < len(tasks):
            await asyncio.sleep(0.01)
        assert sum(seen) == 5
        leave.set()
        await asyncio.gather(*tasks)

    asyncio.run(scenario())


def test_streams_of_a_dead_process_are_open_no_more(process):
    async def scenario() -> None:
        dead, living = process(), process()
        asking = caller(concurrent_streams=1)
        async with dead.stream(asking):
            dead.turns._owner.close()
            async with living.stream(asking):
                pass

    asyncio.run(scenario())


def test_a_turn_is_had_by_one_of_all_processes_and_that_of_a_dead_one_by_the_next(process):
    async def scenario() -> None:
        one, other = process(), process()
        order: list[str] = []

        async def work(access: Access, name: str, done: asyncio.Event) -> None:
            async with access.turns.of("once", "k|1", "x"):
                order.append(f"{name} begins")
                await done.wait()
                order.append(f"{name} ends")

        first, second = asyncio.Event(), asyncio.Event()
        tasks = [asyncio.create_task(work(one, "one", first))]
        while not order:
            await asyncio.sleep(0.01)
        second.set()
        tasks.append(asyncio.create_task(work(other, "other", second)))
        async with other.turns.of("once", "k", "1|x"):  # another name
            assert order == ["one begins"]
        first.set()
        await asyncio.gather(*tasks)
        assert order == ["one begins", "one ends", "other begins", "other ends"]

        async with one.turns.of("once"):
            one.turns._owner.close()
            async with other.turns.of("once"):
                pass

    asyncio.run(scenario())


def test_wrong_tries_to_sign_in_cost_their_address_a_pause_everywhere(process):
    one, other = process().console, process().console
    for number in range(FREE_TRIES + 1):
        with pytest.raises(Unauthenticated):
            (one, other)[number % 2].check("wrong", "192.0.2.1")
    for console in (one, other):
        with pytest.raises(RateLimited) as refused:
            console.check(ADMIN_KEY, "192.0.2.1")
        assert 0 < refused.value.retry_after_s <= MAX_PAUSE_S
        console.check(ADMIN_KEY, "192.0.2.2")
    one.tries.forget("192.0.2.1")
    other.check(ADMIN_KEY, "192.0.2.1")


def test_a_session_and_a_login_link_are_good_in_every_process_until_they_are_ended(process):
    async def scenario() -> None:
        one, other = process(), process()
        other.console.check(one.console.login_token, "192.0.2.1")
        cookie, second = one.console.begin(), other.console.begin()
        assert await other.has_session(cookie)
        assert one.console.csrf(cookie) == other.console.csrf(cookie)
        one.console.end(cookie)
        assert not await other.has_session(cookie)
        assert await one.has_session(second)

        link = one.console.login_token
        other.console.end_all()
        assert not await one.has_session(second)
        with pytest.raises(Unauthenticated):
            one.console.check(link, "192.0.2.1")
        assert not await one.has_session(None)

    asyncio.run(scenario())
