"""One knowledge base with the fake model server behind it, for the tests about answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kb.knowledge_base import KnowledgeBase
from kb.models.fake.server import FakeModelServer
from kb.store.content import datasets
from tests.fake_models import running_fake_server
from tests.parts import ADMIN, ingest, opened, register

NUMBERS = ("numbers:40", "numbers:200:5")
FAILING = ("fail:500", "cut", "cut:[1", "error-mid-stream")


@pytest.fixture(scope="module")
def upstream() -> Iterator[FakeModelServer]:
    with running_fake_server() as server:
        yield server


@pytest.fixture(scope="module")
def kb(tmp_path_factory: pytest.TempPathFactory, upstream) -> Iterator[KnowledgeBase]:
    with opened(tmp_path_factory.mktemp("chat") / "data") as kb:
        ingest(kb, kb.create_dataset(ADMIN, "sky").id, {"moon.md": "The moon rises at nine."})
        register(kb, upstream.base_url, "cite", "echo", *NUMBERS, *FAILING)
        yield kb


@pytest.fixture(scope="module")
def sky(kb: KnowledgeBase) -> str:
    found = kb.database.reading(datasets.find, ADMIN, "sky")
    assert found is not None
    return found.id
