"""Several processes on one Postgres: duties, wake-ups, heartbeats and claims. Each process is a
`PostgresDatabase` of its own, with connections and threads of its own."""

from __future__ import annotations

import ast
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from itertools import chain, count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from kb.background import Loop
from kb.errors import DatabaseUnavailable
from kb.store.content import datasets
from kb.store.engine import postgres_duties
from kb.store.engine.database import Transaction, notify_after
from kb.store.engine.migrations import versions
from kb.store.engine.postgres import PostgresDatabase
from kb.store.work import batches, jobs, placing
from kb.store.work.placing import Upload, UploadTarget
from kb.store.work.processes import DEAD_S, ProcessOwner
from kb.types import Scope
from tests.postgres import PostgresServer

pytestmark = pytest.mark.needs("postgres")

PATIENCE_S = 60
FIRST_OF_SEVERAL = "0016"
ADMIN = Scope.admin()

Opens = Callable[[], PostgresDatabase]


@pytest.fixture
def process(postgres_url: str) -> Iterator[Opens]:
    """Starts one more process."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(PostgresDatabase(postgres_url)))


def queue(database: PostgresDatabase, dataset: str, number: int) -> list[str]:
    """So many documents that wait, oldest first."""
    with database.write() as tx:
        made = datasets.create(tx, ADMIN, name=dataset, embedder="none")
        batch_id = batches.create(tx, ADMIN, made.id)
        uploads = [Upload(f"{n}.md", "text/markdown", f"{n:064}", 1) for n in range(number)]
        placed = placing.put(tx, UploadTarget(ADMIN, made.id, batch_id), uploads)
    return [each.document.id for each in placed]


@pytest.fixture
def owner_of(tmp_path: Path) -> Callable[[PostgresDatabase], ProcessOwner]:
    """Begins to be alive, with a data folder of its own."""
    numbers = count()
    return lambda database: ProcessOwner(database, tmp_path / str(next(numbers)))


def claim(database: PostgresDatabase, owner: str, limit: int) -> list[jobs.Job]:
    with database.write_beside() as tx:
        return jobs.claim(tx, owner, "index", limit)


def wait_until(is_so: Callable[[], bool]) -> None:
    for _ in range(PATIENCE_S * 50):
        if is_so():
            return
        threading.Event().wait(0.02)
    raise AssertionError("it has not come to pass")


def let_pass(url: str, table: str, column: str, seconds: float) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(f"UPDATE {table} SET {column} = {column} - {seconds}")  # type: ignore[arg-type]


def test_a_duty_is_one_processs_until_it_is_over(process: Opens):
    one, other = process(), process()
    with one.duty("erase") as is_ones:
        with other.duty("erase") as is_others, other.duty("send") as sends:
            assert (is_ones, is_others, sends) == (True, False, True)
        with other.duty("erase", 0.01) as is_others:
            assert not is_others
    with other.duty("erase") as is_others:
        assert is_others


def test_who_waits_for_a_duty_gets_it_when_its_holder_ends(process: Opens):
    one, other = process(), process()
    had = threading.Event()

    def wait() -> None:
        with other.duty("erase", PATIENCE_S) as is_others:
            assert is_others
            had.set()

    waiting = threading.Thread(target=wait)
    with one.duty("erase"):
        waiting.start()
        assert not had.is_set()
    assert had.wait(PATIENCE_S)
    waiting.join()


def test_a_duty_of_a_process_that_is_cut_off_is_another_ones(process: Opens, postgres_url: str):
    one, other = process(), process()
    with one.duty("erase") as is_ones:
        assert is_ones
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
            )

        def is_free() -> bool:
            with other.duty("erase") as is_others:
                return is_others

        wait_until(is_free)
    with one.duty("erase") as is_ones:
        assert is_ones, "its connection is made anew"


def test_a_duty_that_was_lost_is_known_to_be_and_one_that_is_kept_is_not(
    process: Opens, postgres_url: str
):
    one = process()
    with one.duty("erase"), one.duty("apply"):
        one.duty.check("erase")
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
                " AND objid = hashtextextended('erase', 0) & 4294967295"
            )
        with pytest.raises(DatabaseUnavailable, match="another process"):
            one.duty.check("erase")
        one.duty.check("apply")
    with pytest.raises(DatabaseUnavailable):
        one.duty.check("apply")


def test_the_duty_of_a_process_that_stands_still_is_another_ones_and_of_one_that_works_is_not(
    process: Opens, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(postgres_duties, "LEASE_S", 1.0)
    monkeypatch.setattr(postgres_duties, "KEEP_S", 0.1)
    working, still, other = process(), process(), process()
    monkeypatch.setattr(still.duty, "_held", Unkept())

    def is_free(name: str) -> bool:
        with other.duty(name) as is_others:
            return is_others

    with working.duty("erase"), still.duty("apply"):
        wait_until(lambda: is_free("apply"))
        assert not is_free("erase")
        with pytest.raises(DatabaseUnavailable):
            still.duty.check("apply")


class Unkept(dict[str, Any]):
    """The duties of a process whose threads are stopped."""

    def values(self) -> Any:
        return ()


def test_a_notice_wakes_other_processes_once_its_transaction_is_committed(process: Opens):
    one, other = process(), process()
    woken = threading.Event()
    rounds: list[int] = []

    def work() -> float:
        rounds.append(1)
        if len(rounds) > 1:
            woken.set()
        return PATIENCE_S

    loop = Loop("index", work, other.wakeups)
    loop.start()
    wait_until(lambda: bool(rounds))

    def is_woken() -> bool:  # the other one may not listen yet
        with one.write() as tx:
            notify_after(tx, "index")
        return woken.wait(0.5)

    wait_until(is_woken)
    before = one.wakeups.count("index")
    with one.write_beside() as tx:
        notify_after(tx, "index")
    assert one.wakeups.count("index") == before + 1, "who tells is woken at once and once"
    loop.stop()


def test_notices_come_again_after_the_server_was_away(
    process: Opens, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("kb.store.engine.postgres_notices.RETRY_S", 0.05)
    one, other = process(), process()
    postgres.stop()
    postgres.start()

    def is_heard() -> bool:
        before = other.wakeups.count("index")
        with one.write() as tx:
            notify_after(tx, "index")
        threading.Event().wait(0.05)
        return other.wakeups.count("index") > before

    wait_until(is_heard)


def test_the_work_of_a_dead_process_is_taken_up_while_others_live(
    process: Opens, owner_of: Any, postgres_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("kb.store.work.processes.BEAT_S", 0.05)
    dead, alive = process(), process()
    queue(dead, "d", 3)
    killed, living = owner_of(dead), owner_of(alive)
    assert killed.living() == living.living() == {killed.id, living.id}
    held = claim(dead, killed.id, 2)
    own = claim(alive, living.id, 1)
    Loop.stop(killed)  # it beats no more, and closes nothing

    let_pass(postgres_url, "processes", "beat", DEAD_S + 1)
    wait_until(lambda: living.living() == {living.id})
    wait_until(lambda: len(alive.reading(_free)) == 2)
    assert alive.reading(jobs.is_held, own[0]), "the living keep theirs"
    taken = claim(alive, living.id, 5)
    assert [job.id for job in taken] == [job.id for job in held]
    assert not dead.reading(jobs.is_held, held[0])
    living.close()


def test_a_process_that_was_thought_dead_is_alive_again_with_its_next_heartbeat(
    process: Opens, owner_of: Any, postgres_url: str, monkeypatch: pytest.MonkeyPatch
):
    one, other = process(), process()
    slow, quick = owner_of(one), owner_of(other)
    let_pass(postgres_url, "processes", "beat", DEAD_S + 1)
    quick.notice()
    assert quick.living() == {quick.id}
    slow.notice()
    assert quick.living() == slow.living() == {slow.id, quick.id}
    for each in (slow, quick):
        each.close()


def test_a_process_that_ends_leaves_its_work_to_others_at_once(process: Opens, owner_of: Any):
    one, other = process(), process()
    queue(one, "d", 2)
    leaving, staying = owner_of(one), owner_of(other)
    held = claim(one, leaving.id, 2)
    leaving.close()
    assert staying.living() == {staying.id}
    assert [job.id for job in claim(other, staying.id, 2)] == [job.id for job in held]
    staying.close()


def test_a_process_that_starts_again_on_its_folder_takes_its_work_up_at_once(
    process: Opens, tmp_path: Path
):
    killed, again = process(), process()
    queue(killed, "d", 2)
    before = ProcessOwner(killed, tmp_path)
    held = claim(killed, before.id, 2)
    Loop.stop(before)
    before._lock._file.close()  # as the system does for a process that is killed

    after = ProcessOwner(again, tmp_path)
    assert after.living() == {after.id}
    assert [job.id for job in claim(again, after.id, 2)] == [job.id for job in held]
    after.close()


def test_processes_that_claim_at_once_get_each_job_once_and_wait_for_no_one(process: Opens):
    databases = [process() for _ in range(4)]
    names = queue(databases[0], "d", 200)

    def work(number: int) -> Sequence[str]:
        had: list[str] = []
        while claimed := claim(databases[number], f"owner_{number}", 7):
            had += [job.subject for job in claimed]
        return had

    with ThreadPoolExecutor(len(databases)) as pool:
        had = list(pool.map(work, range(len(databases))))
    assert sorted(chain.from_iterable(had)) == sorted(names)


def test_a_claim_passes_over_what_somebody_else_is_changing(process: Opens):
    one, other = process(), process()
    first, second = queue(one, "d", 2)
    with one.write() as tx:
        jobs.drop(tx, first)
        assert [job.subject for job in claim(other, "owner_b", 1)] == [second]


def test_datasets_take_turns_whichever_process_claims(process: Opens):
    one, other = process(), process()
    big, small = queue(one, "big", 6), queue(one, "small", 2)
    had = [claim(each, "owner", 2) for each in (one, other)]
    assert [[job.subject for job in each] for each in had] == [
        sorted([big[0], small[0]]),
        sorted([big[1], small[1]]),
    ]


def test_what_a_claim_reads_does_not_grow_with_what_waits(process: Opens, postgres_url: str):
    one = process()
    queue(one, "big", 4000)  # a smaller table is read as quickly as an index
    queue(one, "small", 1)

    def read_by_a_claim() -> int:
        with one.write_beside() as tx:
            before = tx.execute(_ROWS_READ).scalar_one()
            assert len(jobs.claim(tx, "owner", "index", 5, is_begun=False)) == 5
            return tx.execute(_ROWS_READ).scalar_one() - before

    assert read_by_a_claim() < 100
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("ANALYZE")  # with statistics and without
    assert read_by_a_claim() < 100


_ROWS_READ = text(
    "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'queue'"
)


def _free(tx: Transaction) -> list[int]:
    query = jobs.table.select().where(jobs.table.c.owner.is_(None))
    return [row.id for row in tx.execute(query)]


def test_migrations_only_add_so_that_a_process_of_the_version_before_goes_on():
    folder = Path(versions.__file__).parent
    calls = [
        call
        for path in sorted(folder.glob("[0-9]*.py"))
        if path.name >= FIRST_OF_SEVERAL
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and ast.unparse(call.func).startswith("op.")
    ]
    assert {ast.unparse(call.func) for call in calls} <= {
        "op.create_table",
        "op.create_index",
        "op.drop_index",  # what it was for takes longer in a process of the version before
        "op.add_column",
        "op.f",
    }
    assert not [
        shown
        for call in calls
        if (shown := ast.unparse(call)).startswith("op.add_column")
        and "nullable=False" in shown
        and "server_default" not in shown
    ]
