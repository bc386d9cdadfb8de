"""One process of a cluster at a time feeds the vectors, and makes an index of them anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event, Thread
from typing import Any

import psycopg
import pytest

from kb.errors import DatabaseUnavailable
from kb.index.applier import Applier
from kb.index.keyword_copies.nodes import KeywordNodes
from kb.store.content import texts
from tests.kb.index.clusters import Cluster, behind, key_of

pytestmark = pytest.mark.needs("postgres")

PATIENCE_S = 60


class Standing:
    """An applier that stands still when it has read what it makes an index anew of."""

    def __init__(self, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
        self.applier = cluster.applier()
        self.has_read, self.goes_on = Event(), Event()
        self.error: Exception | None = None
        parts = self.applier._vector_parts

        def standing(*given: Any) -> Iterator[Any]:
            yield from parts(*given)
            self.has_read.set()
            assert self.goes_on.wait(PATIENCE_S)

        monkeypatch.setattr(self.applier, "_vector_parts", standing)

    def rebuild(self, key: Any) -> Thread:
        def work() -> None:
            try:
                self.applier.rebuild(key, ("vector",))
            except DatabaseUnavailable as exc:
                self.error = exc

        thread = behind(work)
        assert self.has_read.wait(PATIENCE_S)
        return thread


def applier_of_another(cluster: Cluster) -> Applier:
    database = cluster.another()
    nodes = KeywordNodes(database, lambda: set())
    return Applier(database, cluster.vectors, nodes, followers=nodes)


@pytest.fixture
def changed(cluster: Cluster) -> tuple[Any, Callable[[], None], Callable[[], None]]:
    """An index, what is to be changed in it, and whether it holds what the rows say."""
    dataset = cluster.dataset()
    first = cluster.store(dataset, "one.md", "The first.", "Of both.")
    cluster.applier().drain()

    def change() -> None:
        cluster.delete(first)
        cluster.store(dataset, "two.md", "The second.", "Of both.")

    def check() -> None:
        with cluster.database.read() as tx:
            assert cluster.vectors.ids(key_of(dataset)) == texts.live(tx, key_of(dataset))

    return key_of(dataset), change, check


def test_what_one_process_applies_while_another_makes_the_index_anew_is_in_it(
    cluster: Cluster, changed: Any, monkeypatch: pytest.MonkeyPatch
):
    key, change, check = changed
    standing, other = Standing(cluster, monkeypatch), applier_of_another(cluster)
    rebuilding = standing.rebuild(key)
    change()
    applying = behind(other.drain)
    applying.join(1)  # it has to wait
    standing.goes_on.set()
    for each in (rebuilding, applying):
        each.join(PATIENCE_S)
    assert standing.error is None
    check()


def test_who_has_lost_the_duty_to_another_changes_nothing_any_more(
    cluster: Cluster, changed: Any, monkeypatch: pytest.MonkeyPatch
):
    key, change, check = changed
    standing, other = Standing(cluster, monkeypatch), applier_of_another(cluster)
    rebuilding = standing.rebuild(key)
    with psycopg.connect(cluster.url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
        )
    change()
    other.drain()
    standing.goes_on.set()
    rebuilding.join(PATIENCE_S)
    assert standing.error is not None
    check()
