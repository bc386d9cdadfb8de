"""What tests of ingest begin with: a dataset, a second embedder, an OCR engine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kb.knowledge_base import KnowledgeBase
from tests.ingest.readers.fake_ocr import put_on_path
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


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a `tesseract` command on the search path that reads the same words in every picture."""
    monkeypatch.setenv("PATH", put_on_path(tmp_path, os.environ["PATH"]))
