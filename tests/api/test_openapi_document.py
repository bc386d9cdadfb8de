"""The kept description of the API is the one that the code gives."""

from __future__ import annotations

from pathlib import Path

from api.openapi.__main__ import description

KEPT = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"


def test_the_kept_description_is_current():
    assert KEPT.read_text(encoding="utf-8") == description(), (
        "run: python -m api.openapi > docs/openapi.json"
    )
