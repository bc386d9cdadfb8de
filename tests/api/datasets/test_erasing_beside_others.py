"""While an erasure runs, uploads and questions go on: none waits for more than one small slice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, event, select

from kb.store.apps import redaction
from kb.store.engine import schema
from tests.api.serving import Served
from tests.server import answer_of, ask
from tests.steps import in_the_middle_of

pytestmark = pytest.mark.one_folder  # another server writes nothing anew

SECRET = "Zanzibar kumquat protocol seven opens the northern vault on Thursday."
QUESTION = "What opens the northern vault on Thursday?"


APP = "erasing-desk"


@pytest.fixture
def dataset_id(served: Served) -> Iterator[str]:
    made = served.new_dataset("erasing", {"other.md": "The harbour is calm."})
    served.new_app(APP, dataset_ids=[made])
    yield made
    served.http.delete(f"/v1/apps/{APP}").raise_for_status()
    served.http.delete(f"/v1/datasets/{made}").raise_for_status()


def test_an_upload_and_a_question_are_done_in_the_middle_of_writing_the_database_anew(
    served: Served, dataset_id: str
):
    ids = served.upload(dataset_id, {"secret.md": SECRET})
    served.http.delete(f"/v1/documents/{ids['secret.md']}").raise_for_status()

    def go_on() -> tuple[dict[str, str], str]:
        new = served.upload(dataset_id, {"new.md": "Storks nest on the chimney of the mill."})
        return new, answer_of(ask(served.http, APP, "Where do storks nest?"))

    with in_the_middle_of("VACUUM INTO", go_on) as done:
        assert served.post("/v1/erase", status=200)["erased"] == 1
    (new, answer), *_ = done
    assert "chimney" in answer
    assert served.http.get(f"/v1/documents/{new['new.md']}").json()["status"] == "ready"
    assert "chimney" in answer_of(ask(served.http, APP, "Where do storks nest?"))
    assert SECRET.encode() not in served.kb.folder.database.read_bytes()


@contextmanager
def rows_written(served: Served) -> Iterator[list[int]]:
    """The rows that each write transaction of this thread changes; it reads no answers inside."""
    counts: list[int] = []
    me = threading.get_ident()

    def begun(connection) -> None:
        if threading.get_ident() == me and connection.engine is served.kb.database._writer:
            counts.append(0)

    def executed(connection, cursor, statement, *_rest) -> None:
        if threading.get_ident() == me and connection.engine is served.kb.database._writer:
            assert "FROM messages" not in statement
            counts[-1] += max(cursor.rowcount, 0)

    event.listen(Engine, "begin", begun)
    event.listen(Engine, "after_cursor_execute", executed)
    yield counts
    event.remove(Engine, "begin", begun)
    event.remove(Engine, "after_cursor_execute", executed)


def longest_write(served: Served, dataset_id: str, answers: int) -> int:
    """Rows of the greatest write transaction when a document goes that so many answers quoted."""
    ids = served.upload(dataset_id, {"secret.md": SECRET})
    assert "kumquat" in answer_of(ask(served.http, APP, QUESTION))
    kept = schema.messages
    with served.kb.database.write() as tx:
        row = dict(tx.execute(select(kept).order_by(kept.c.id.desc()).limit(1)).one()._mapping)
        copies = [
            row | {"id": f"{row['id']}_{n}", "run_id": f"{row['run_id']}_{n}"}
            for n in range(answers)
        ]
        tx.execute(kept.insert(), copies)
    served.http.delete(f"/v1/documents/{ids['secret.md']}").raise_for_status()
    with rows_written(served) as rows:
        assert served.kb.erasing.run().pending == 0
    with served.kb.database.read() as tx:
        told = tx.execute(select(kept.c.answer, kept.c.sources)).all()
    assert len(told) > answers
    assert not [row for row in told if "kumquat" in f"{row.answer} {row.sources}"]
    return max(rows)


def test_no_write_of_an_erasure_grows_with_the_answers_that_are_stored(
    served: Served, dataset_id: str
):
    few = longest_write(served, dataset_id, 2 * redaction.SLICE_ROWS)
    many = longest_write(served, dataset_id, 4 * redaction.SLICE_ROWS)
    assert few == many <= redaction.SLICE_ROWS
