"""What an owner must do, whichever way it is known to be alive."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from kb.files.owners import LockedOwner, Owner

Begins = Callable[[], Owner]


@pytest.fixture(params=["files", pytest.param("rows", marks=pytest.mark.needs("postgres"))])
def process(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Begins]:
    """Starts one more process on the same data."""
    if request.param == "files":
        yield lambda: LockedOwner(tmp_path)
        return
    from kb.store.engine.postgres import PostgresDatabase
    from kb.store.work.processes import ProcessOwner

    url = request.getfixturevalue("postgres_url")
    with ExitStack() as stack:
        yield lambda: ProcessOwner(stack.enter_context(closing(PostgresDatabase(url))), tmp_path)


def test_owners_know_each_other_until_they_are_closed(process: Begins):
    one, other = process(), process()
    assert one.id != other.id
    assert one.living() == other.living() == {one.id, other.id}
    other.close()
    assert one.living() == {one.id}
    one.close()


def test_one_that_begins_again_is_another_one(process: Begins):
    before = process()
    before.close()
    again = process()
    assert again.living() == {again.id} != {before.id}
    again.close()
