"""A vector index on disk."""

import pytest

from kb.index.embedded_chroma.vectors import ChromaVectors


@pytest.fixture
def index(tmp_path):
    index = ChromaVectors(tmp_path, open_limit=3)
    yield index
    index.close()
