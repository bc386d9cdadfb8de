"""Queries before documents."""

import threading

from kb.models.embed import priority
from kb.models.embed.priority import PriorityGate


def wait_until(condition):
    while not condition():
        threading.Event().wait(0.001)


def test_a_waiting_query_goes_before_documents_that_waited_longer():
    gate = PriorityGate()
    order = []

    def enter(kind, name):
        with kind():
            order.append(name)

    with gate.documents():
        documents = threading.Thread(target=enter, args=(gate.documents, "documents"), daemon=True)
        documents.start()
        query = threading.Thread(target=enter, args=(gate.query, "query"), daemon=True)
        query.start()
        wait_until(lambda: gate.queries_waiting == 1)
    documents.join()
    query.join()

    assert order == ["query", "documents"]


def test_only_one_holder_is_inside_at_a_time():
    gate = PriorityGate()
    inside = []
    most = []

    def enter(kind):
        for _ in range(200):
            with kind():
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [
        threading.Thread(target=enter, args=(kind,), daemon=True)
        for kind in (gate.query, gate.documents, gate.query, gate.documents)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert max(most) == 1


def test_an_error_inside_lets_the_next_one_in():
    gate = PriorityGate()
    try:
        with gate.query():
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass

    with gate.documents():
        assert gate.queries_waiting == 0


def test_batches_are_small_for_a_while_after_each_query(monkeypatch):
    gate = PriorityGate()
    assert gate.batch_size(16) == 16
    with gate.query():
        pass
    assert gate.batch_size(16) == priority.SMALL_BATCH < 16
    assert gate.batch_size(2) == 2
    monkeypatch.setattr(priority, "QUERIES_ARRIVE_S", 0.0)
    assert gate.batch_size(16) == 16
