"""What tests of ingest begin with: a dataset, and a second embedder."""

from __future__ import annotations

import pytest

from kb.knowledge_base import KnowledgeBase
from tests.ingest.work.reindexing_parts import OtherEmbedder
from tests.parts import ADMIN


@pytest.fixture
def dataset_id(kb: KnowledgeBase) -> str:
    return kb.create_dataset(ADMIN, "d").id


@pytest.fixture
def other(kb: KnowledgeBase) -> str:
    """The name of a second embedder."""
    kb.embedders._opened["other"] = OtherEmbedder()
    return "other"
