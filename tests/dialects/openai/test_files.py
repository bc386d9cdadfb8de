"""OpenAI's files and vector stores, with OpenAI's own packages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.serving import Served, serving
from tests.dialects.openai.scripts import HERE, node, printed, python, said
from tests.docs.pages import fences, page


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


@pytest.mark.parametrize("environment", ["openai2", "openai3"])
def test_vector_stores_are_filled_searched_and_emptied(served: Served, environment: str):
    script = HERE / "python" / "openai_vector_stores.py"
    found = said(python(environment) / "python", script, **pointed(served))
    ostrava = ["moon.md", "The moon rises over Ostrava.", {"year": 2024, "town": "Ostrava"}]
    opava = ["moon.md", "The moon sets over Opava.", {"year": 2025, "town": "Opava"}]

    assert found["store"]["metadata"] == {"team": "night"}
    assert found["store"]["status"] == "completed"
    assert found["same_name"].startswith("sky (")
    assert found["statuses"] == ["completed", "completed"]
    numbers = {"completed": 1, "failed": 1, "in_progress": 0, "cancelled": 0, "total": 2}
    assert (found["batch"]["status"], found["batch"]["file_counts"]) == ("completed", numbers)
    assert [each["last_error"]["code"] for each in found["failed"]] == ["unsupported_file"]
    assert found["moons"][0] == ostrava
    filtered = found["filtered"]
    assert filtered["newer"] == [opava]
    assert sorted(filtered["either"]) == [ostrava, opava]
    assert filtered["both"] == []
    assert filtered["surest"] == []
    assert {each[0] for each in filtered["several"]} == {"moon.md", "a.md"}
    assert found["listed"][:2] == sorted(found["ids"])
    assert len(found["listed"]) == 4
    assert found["completed"] == 3
    assert found["described"] == {"year": 2030}
    changed = found["changed"]
    assert (changed["name"][:9], changed["metadata"]) == ("night sky", {"team": "night"})
    assert changed["expires_at"] == changed["last_active_at"] + 2 * 86_400
    assert found["content"] == [ostrava[1]]
    newest, has_more, before, same_name = found["pages"]
    assert (newest, before) == (same_name, same_name)
    assert has_more
    assert found["removed"]["deleted"]
    assert found["kept"] == "moon.md"
    assert not set(found["ids"]) & set(found["left"])
    assert found["cut"] == [1, "in_progress"]
    assert found["mixed"] == ["BadRequestError", "conflict"]
    status, numbers = found["cancelled"]
    assert (status, numbers["in_progress"], numbers["total"]) == ("cancelled", 0, 12)
    assert numbers["cancelled"] > 0
    assert found["gone"] == found["unknown"] == ["NotFoundError", "not_found"]
    assert found["filter"] == found["attributes"] == ["BadRequestError", "invalid_request"]
    assert (found["no_file"], found["names"]) == (["NotFoundError", "not_found"], [])
    assert found["deleted"]["deleted"]


def test_the_example_of_the_page(served: Served, tmp_path: Path):
    told = pointed(served)
    examples = (code for code in fences(page("docs/using/openai.md"), "python") if "store" in code)
    code = next(examples).replace("http://127.0.0.1:8000/openai/v1", told["OPENAI_BASE_URL"])
    (tmp_path / "moon.md").write_text("The moon rises over Ostrava at nine.")
    code = code.replace('"moon.md"', f'"{tmp_path}/moon.md"')
    script = tmp_path / "example.py"
    script.write_text(code.replace("<key>", told["OPENAI_API_KEY"]))
    printed_lines = printed(python("openai3") / "python", script)
    assert printed_lines == "moon.md The moon rises over Ostrava at nine.\n"


def test_files_and_vector_stores_for_node(served: Served):
    found = said(node(), HERE / "node" / "openai_files.mjs", **pointed(served))
    assert found["content"] == "The moon rises over Ostrava."
    assert found["statuses"] == ["completed", "completed"]
    assert found["found"] == ["moon.md", "The moon rises over Ostrava.", {"year": 2024}]
    assert found["listed"] == 2
    assert found["gone"] == [404, "not_found"]
