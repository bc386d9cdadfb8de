"""Shared fixtures: real data folders, real parts, the hash embedder where no meaning is needed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # the parts are imported when a test needs them: pure tests start at once
    from kb.knowledge_base import KnowledgeBase
    from kb.settings import Settings

pytest_plugins = ["tests.programs", "tests.postgres", "tests.s3_server", "tests.kits"]


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Tests see no KB_* variable and no .env file of the machine they run on."""
    for name in [name for name in os.environ if name.upper().startswith("KB_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    from kb.settings import EmbeddingSettings, Settings

    return Settings(data_dir=tmp_path / "data", embedding=EmbeddingSettings(model="hash"))


@pytest.fixture
def kb(settings: Settings) -> Iterator[KnowledgeBase]:
    from kb.opening.opening import open_kb

    opened = open_kb(settings)
    yield opened
    opened.close()
