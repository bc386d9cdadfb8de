"""OpenAI's files and vector stores, with OpenAI's own packages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.serving import Served, serving
from tests.dialects.openai.scripts import HERE, python, said


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("files") / "data") as running:
        yield running


def pointed(served: Served, key: str | None = None) -> dict[str, str]:
    """All that a client is told."""
    own = served.kb.access.admin_key if key is None else key
    return {"OPENAI_BASE_URL": f"{served.url}/openai/v1", "OPENAI_API_KEY": own}


@pytest.mark.parametrize("environment", ["openai2", "openai3"])
def test_files_are_kept_listed_and_deleted(served: Served, environment: str):
    dataset = served.new_dataset(f"of {environment}")
    key = served.post("/v1/keys", {"kind": "dataset", "dataset_ids": [dataset]})["key"]
    script = HERE / "python" / "openai_files.py"
    found = said(python(environment) / "python", script, **pointed(served, key))
    assert found["first"] == found["retrieved"]
    assert found["first"]["filename"] == "moon.md"
    assert found["first"]["bytes"] == len("The moon rises over Ostrava at nine.")
    assert found["content"] == "The moon rises over Ostrava at nine."
    assert found["waited"] == "processed"
    assert found["expires"] == 3600
    assert found["newest"] == found["made"][::-1]
    assert found["oldest"] == found["made"]
    assert found["tuning"] == ["train.jsonl"]
    assert found["deleted"] == {"id": found["made"][1], "deleted": True, "object": "file"}
    assert found["gone"] == ["NotFoundError", "not_found"]
    assert found["purpose"] == ["BadRequestError", "unsupported_value"]
    assert found["expiry"] == ["BadRequestError", "invalid_request"]
