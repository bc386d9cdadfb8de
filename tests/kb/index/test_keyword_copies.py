"""Keyword copies in a cluster: real Postgres, real Tantivy folders, one folder a node."""

from __future__ import annotations

from threading import Event
from time import sleep

import pytest

from kb.errors import Unavailable
from kb.index.health import NotHeld
from kb.store.content import (
    embeddings,
    generations,
    index_copies,
    index_ops,
    indexed,
    switching,
)
from kb.upkeep.index_check import IndexCheck
from tests.kb.index.clusters import ADMIN, EMBEDDER, behind, key_of, pieces

pytestmark = pytest.mark.needs("postgres")


def test_who_searches_any_node_finds_each_document_from_the_moment_it_is_ready(cluster):
    dataset, nodes = cluster.dataset(), [cluster.node("one"), cluster.node("two")]
    first = cluster.store(dataset, "first.md", "the first needle")
    cluster.applier().drain()
    for node in nodes:
        node.make()
        node.start()
    applier = cluster.applier()
    ids, missed, answers, done = [first], [], [0, 0], Event()

    def look(number: int) -> None:
        node = nodes[number]
        while not done.is_set():
            for document_id in list(ids):
                if cluster.status(document_id) == "ready":
                    if document_id not in cluster.search(node, dataset, "needle"):
                        missed.append(document_id)
                    answers[number] += 1

    looking = [behind(lambda n=n: look(n)) for n in range(2)]
    for number in range(12):
        ids.append(cluster.store(dataset, f"{number}.md", f"needle number {number}"))
        applier.drain()
    done.set()
    for thread in looking:
        thread.join()

    assert missed == []
    assert all(answers)
    for node in nodes:
        assert len(node.ids(key_of(dataset))) == 13  # by its own copy, not by SQL
        node.close()


def test_a_node_says_that_it_is_filling_until_it_has_tried_every_copy_once(cluster):
    dataset, node = cluster.dataset(), cluster.node("one")
    cluster.store(dataset, "old.md", "an old needle")
    cluster.applier().drain()
    assert not node.is_filling  # one that does not search waits for nothing

    node.start()
    while node.is_filling:
        sleep(0.01)

    assert len(node.query(key_of(dataset), "needle", 5)) == 1
    node.close()


def test_a_node_that_does_not_follow_is_late_and_the_database_answers_in_its_place(cluster):
    dataset, node = cluster.dataset(), cluster.node("slow")
    cluster.store(dataset, "old.md", "an old needle")
    cluster.applier().drain()
    node.make()
    old = set(node.ids(key_of(dataset)))

    new = cluster.store(dataset, "new.md", "a new needle")
    cluster.applier(patience_s=0).drain()

    assert cluster.status(new) == "ready"
    with pytest.raises(NotHeld):
        node.query(key_of(dataset), "needle", 5)
    assert new in cluster.search(node, dataset, "needle")
    node.follow()  # what it missed is not in the log any more
    with pytest.raises(NotHeld):
        node.query(key_of(dataset), "needle", 5)

    node.make()
    assert len(node.ids(key_of(dataset))) == len(old) + 1
    assert new in {hit.chunk_id.partition(".")[0] for hit in node.query(key_of(dataset), "new", 5)}
    node.close()


def test_what_is_finished_while_a_copy_is_made_leaves_it_late(cluster):
    dataset, node = cluster.dataset(), cluster.node("one")
    cluster.store(dataset, "old.md", "an old needle")
    cluster.applier().drain()
    fill, key = node._fill, key_of(dataset)

    def fill_slowly(*given) -> None:
        fill(*given)
        cluster.store(dataset, "new.md", "a new needle")
        cluster.applier().drain()  # waits for nobody: the copy is not there yet

    node._fill = fill_slowly
    node.make()
    with pytest.raises(NotHeld):
        node.query(key, "needle", 5)
    node._fill = fill
    node.make()

    assert len(node.query(key, "needle", 5)) == 2
    node.close()


def test_a_document_is_ready_only_when_all_nodes_have_it(cluster):
    dataset, node = cluster.dataset(), cluster.node("one")
    cluster.store(dataset, "old.md", "an old needle")
    cluster.applier().drain()
    node.make()
    new = cluster.store(dataset, "new.md", "a new needle")

    applying = behind(cluster.applier().drain)
    while not cluster.vectors.ids(key_of(dataset)) >= {embeddings.text_hash("a new needle").hex()}:
        sleep(0.01)
    assert cluster.status(new) != "ready"
    node.follow()
    applying.join()

    assert cluster.status(new) == "ready"
    assert len(node.query(key_of(dataset), "needle", 5)) == 2
    node.close()


def test_nobody_waits_for_a_node_that_is_dead_and_its_rows_go(cluster):
    dataset, node = cluster.dataset(), cluster.node("killed")
    cluster.store(dataset, "old.md", "an old needle")
    cluster.applier().drain()
    node.make()
    cluster.alive.clear()

    new = cluster.store(dataset, "new.md", "a new needle")
    cluster.applier(patience_s=3600).drain()

    assert cluster.status(new) == "ready"
    assert cluster.database.reading(index_copies.of_node, "killed") == {}


def test_what_a_killed_node_left_is_made_anew(cluster):
    dataset, killed = cluster.dataset(), cluster.node("killed")
    cluster.store(dataset, "old.md", "an old needle")
    cluster.applier().drain()
    killed.make()
    cluster.alive.clear()
    cluster.store(dataset, "new.md", "a new needle")
    cluster.applier().drain()

    cluster.place("next").rmdir()
    cluster.place("killed").rename(cluster.folder / "next")
    node = cluster.node("next")
    assert list(cluster.place("next").iterdir()) == []
    node.make()

    assert len(node.query(key_of(dataset), "needle", 5)) == 2
    node.close()


def test_a_node_that_was_stopped_catches_up_with_what_came_and_went(cluster):
    dataset, node = cluster.dataset(), cluster.node("one")
    kept, gone = (cluster.store(dataset, f"{n}.md", f"needle {n}") for n in ("kept", "gone"))
    cluster.applier().drain()
    node.make()
    node.close()
    assert cluster.database.reading(index_copies.of_node, "one") == {}
    cluster.delete(gone)
    new = cluster.store(dataset, "new.md", "needle new")
    cluster.applier().drain()
    before = set(cluster.place("one").rglob("*.idx"))

    node = cluster.node("one")
    node.make()

    owners = {name.partition(".")[0] for name in node.ids(key_of(dataset))}
    assert owners == {kept, new}
    assert before & set(cluster.place("one").rglob("*.idx"))  # it was not made anew
    node.close()


def test_a_deleted_document_is_never_found(cluster):
    dataset, nodes = cluster.dataset(), [cluster.node("current"), cluster.node("late")]
    kept, gone = (cluster.store(dataset, f"{n}.md", f"needle {n}") for n in ("kept", "gone"))
    cluster.applier().drain()
    for node in nodes:
        node.make()

    cluster.delete(gone)
    for node in nodes:  # both copies still hold it
        assert len(node.ids(key_of(dataset))) == 2
        assert cluster.search(node, dataset, "needle") == [kept]
    nodes[0].follow()
    cluster.applier(patience_s=0).drain()
    for node in nodes:
        assert cluster.search(node, dataset, "needle") == [kept]
        node.close()


def test_a_generation_is_found_before_and_after_the_switch(cluster):
    dataset, node = cluster.dataset(), cluster.node("one")
    document_id = cluster.store(dataset, "a.md", "a needle")
    cluster.applier().drain()
    node.make()
    with cluster.database.write() as tx:
        made = {"processing": dataset.processing, "embedder": EMBEDDER, "model": EMBEDDER}
        beside = generations.create(tx, dataset, **made)
        parts = list(pieces(document_id, 1, ["a needle"], beside.number))
        indexed.put_chunks(tx, document_id, 1, beside.number, parts)
        tx.execute(
            generations.held.insert().values(
                document_id=document_id, generation=beside.number, version=1, chunk_count=1
            )
        )
        filled = {"document_id": document_id, "version": 1, "chunk_count": 1}
        index_ops.add(tx, "fill", dataset.id, beside.number, **filled)
        generations.set_ready(tx, beside)
    cluster.applier().drain()
    switched = cluster.database.writing(switching.switch, ADMIN, dataset.id, beside.number)

    assert cluster.search(node, dataset, "needle") == [document_id]  # one that had begun
    with pytest.raises(NotHeld):
        node.query(key_of(switched), "needle", 5)
    assert cluster.search(node, switched, "needle") == [document_id]
    node.make()
    assert len(node.query(key_of(switched), "needle", 5)) == 1

    cluster.database.writing(switching.remove, ADMIN, dataset.id, 1)
    cluster.applier(patience_s=0).drain()
    node.make()
    assert set(cluster.database.reading(index_copies.of_node, "one")) == {key_of(switched)}
    assert [path.name for path in (cluster.place("one") / dataset.id).iterdir()] == ["g2"]
    node.close()


def test_the_copies_that_were_asked_last_stay(cluster):
    sets = [cluster.dataset(name) for name in ("a", "b", "c")]
    for dataset in sets:
        cluster.store(dataset, "a.md", "a needle")
    cluster.applier().drain()
    node = cluster.node("one", limit=1)
    for dataset in (*sets, sets[0]):
        assert len(cluster.search(node, dataset, "needle")) == 1
        node.make()

        assert len(node.query(key_of(dataset), "needle", 5)) == 1
        assert set(cluster.database.reading(index_copies.of_node, "one")) == {key_of(dataset)}
        folders = {path.parents[2].name for path in cluster.place("one").rglob("meta.json")}
        assert folders == {dataset.id}
    node.close()


def test_a_damaged_copy_is_made_anew_and_the_database_answers_meanwhile(cluster):
    dataset, node = cluster.dataset(), cluster.node("one")
    document_id = cluster.store(dataset, "a.md", "a needle")
    cluster.applier().drain()
    node.make()
    node._index.close()
    for path in cluster.place("one").rglob("*.idx"):
        path.write_bytes(b"torn")

    assert cluster.search(node, dataset, "needle") == [document_id]
    with pytest.raises(Unavailable):
        node.query(key_of(dataset), "needle", 5)
    node.make()
    assert len(node.query(key_of(dataset), "needle", 5)) == 1
    node.close()


def test_erasing_makes_the_files_of_all_nodes_anew(cluster):
    dataset, node = cluster.dataset(), cluster.node("one")
    cluster.store(dataset, "kept.md", "a needle")
    gone = cluster.store(dataset, "gone.md", "zebrafinches")
    cluster.applier().drain()
    node.make()
    cluster.delete(gone)
    node.follow()
    cluster.applier(patience_s=0).drain()

    with pytest.raises(Unavailable):
        cluster.applier(renewal_s=0).rebuild(key_of(dataset), ("keyword",))
    assert len(node.query(key_of(dataset), "needle", 5)) == 1  # it answers meanwhile
    before = set(cluster.place("one").rglob("*.idx"))
    node.start()
    cluster.applier().rebuild(key_of(dataset), ("keyword",))

    assert not before & set(cluster.place("one").rglob("*.idx"))
    holding = node.frequencies(key_of(dataset), "needle zebrafinches").holding
    assert dict(holding) == {"needl": 1, "zebrafinch": 0}
    node.close()


def test_fsck_asks_the_copy_of_its_own_process(cluster):
    dataset, node, other = cluster.dataset(), cluster.node("one"), cluster.node("worker")
    cluster.store(dataset, "a.md", "a needle", "another needle")
    cluster.applier().drain()
    node.make()
    key = key_of(dataset)
    check = IndexCheck(cluster.database, cluster.vectors, node)
    assert list(check.problems(key, "keyword")) == []
    assert list(IndexCheck(cluster.database, cluster.vectors, other).problems(key, "keyword")) == []

    node._index.remove(key, [sorted(node.ids(key))[0]])
    (problem,) = check.problems(key, "keyword")
    assert "lacks 1 chunks" in problem[1]
    node.close()
