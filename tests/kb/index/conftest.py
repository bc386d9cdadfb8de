"""A vector index on disk, and a cluster."""

from collections.abc import Iterator

import pytest

from kb.index.embedded_chroma.vectors import ChromaVectors
from kb.store.engine.postgres import PostgresDatabase
from tests.kb.index.clusters import Cluster


@pytest.fixture
def index(tmp_path):
    index = ChromaVectors(tmp_path, open_limit=3)
    yield index
    index.close()


@pytest.fixture
def cluster(postgres_url, tmp_path) -> Iterator[Cluster]:
    database = PostgresDatabase(postgres_url, connections=8)
    vectors = ChromaVectors(tmp_path / "vectors", open_limit=4)
    cluster = Cluster(postgres_url, tmp_path, database, vectors, set(), [])
    yield cluster
    vectors.close()
    for each in (database, *cluster.opened):
        each.close()
