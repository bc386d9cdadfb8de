"""A Dify installation searches here: its external knowledge API on the wire."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.serving import Served
from tests.server import wait_for_batch

GUIDE = Path(__file__).parents[3] / "docs" / "using" / "dify.md"
QUESTION = "When does the moon rise over Ostrava?"


@pytest.fixture(scope="module")
def tagged(served: Served) -> str:
    """A dataset of three notes with metadata."""
    dataset_id: str = served.post("/v1/datasets", {"name": "harbour"})["id"]
    for name, year in (("old.md", 2019), ("new.md", 2024)):
        metadata = json.dumps({"year": year, "kind": f"timetable-{year}"})
        text = f"The ferry of {year} leaves at noon."
        answer = served.http.post(
            f"/v1/datasets/{dataset_id}/documents",
            params={"metadata": metadata},
            files=[("files", (name, text.encode()))],
        )
        assert wait_for_batch(served.http, answer.json()["batch_id"])["ready"] == 1
    return dataset_id


def retrieved(http: httpx.Client, knowledge_id: str, query: str = QUESTION, **body: Any) -> Any:
    setting = {"top_k": 4, "score_threshold": 0.0}
    sent = {"knowledge_id": knowledge_id, "query": query, "retrieval_setting": setting, **body}
    return http.post("/dify/v1/retrieval", json=sent)


def where(name: str | list[str], operator: str, value: Any = None, **more: Any) -> dict[str, Any]:
    condition = {"name": name, "comparison_operator": operator, "value": value}
    return {"metadata_condition": {"conditions": [condition], **more}}


def either(*alternatives: tuple[str, str, Any]) -> dict[str, Any]:
    keys = ("name", "comparison_operator", "value")
    conditions = [dict(zip(keys, each, strict=True)) for each in alternatives]
    return {"metadata_condition": {"logical_operator": "or", "conditions": conditions}}


def titles(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return sorted(each["title"] for each in answer.json()["records"])


def test_records_say_what_was_found_and_where(served: Served, sky: str):
    (first, *_) = retrieved(served.http, sky).json()["records"]
    assert set(first) == {"content", "score", "title", "metadata"}
    assert "moon rises over Ostrava" in first["content"]
    assert (first["title"], first["metadata"]["page"]) == ("moon.md", 1)
    assert 0 < first["score"] <= 1


def test_as_many_records_come_as_asked_for_and_none_below_the_threshold(served: Served, sky: str):
    for setting, most in (({"top_k": 1}, 1), ({"top_k": 4, "score_threshold": 1}, 0)):
        answer = retrieved(served.http, sky, retrieval_setting=setting)
        assert len(answer.json()["records"]) == most


def test_an_unknown_knowledge_and_a_wrong_key_have_the_numbers_of_dify(served: Served, sky: str):
    absent = retrieved(served.http, "ds_none")
    assert (absent.status_code, absent.json()["error_code"]) == (404, 2001)
    refused = retrieved(served.client("kb_wrong"), sky)
    assert (refused.status_code, refused.json()["error_code"]) == (401, 1002)
    assert refused.json()["error_msg"]


def test_a_key_of_another_dataset_cannot_tell_this_one_from_none(
    served: Served, sky: str, tagged: str
):
    own = served.with_new_key(name="harbour", kind="dataset", dataset_ids=[tagged])
    assert retrieved(own, tagged, "ferry").status_code == 200
    hidden, none = retrieved(own, sky), retrieved(own, "ds_none")
    assert (hidden.status_code, hidden.json()["error_code"]) == (404, 2001)
    assert hidden.json()["error_msg"].replace(sky, "ds_none") == none.json()["error_msg"]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        (where("year", "=", "2024"), ["new.md"]),
        (where(["year"], "≥", 2019, logical_operator="and"), ["new.md", "old.md"]),
        (where("year", "<", "2024"), ["old.md"]),
        (where("kind", "is", "timetable-2019"), ["old.md"]),
        (where("kind", "start with", "timetable"), ["new.md", "old.md"]),
        (where("kind", "in", ["timetable-2019", "none"]), ["old.md"]),
        (where("year", "≠", "2024"), ["old.md"]),
        (where("kind", "is not", "timetable-2019"), ["new.md"]),
        (where("kind", "not in", ["timetable-2019", "none"]), ["new.md"]),
        (where("missing", "is not", "x"), []),
        (either(("year", "=", 2019), ("kind", "is", "timetable-2024")), ["new.md", "old.md"]),
        (either(("year", "=", 2019), ("kind", "is", "none")), ["old.md"]),
        ({"metadata_condition": None}, ["new.md", "old.md"]),
    ],
)
def test_conditions_on_metadata_choose_the_documents(
    served: Served, tagged: str, condition: dict[str, Any], found: list[str]
):
    assert (
        titles(retrieved(served.http, tagged, "When does the ferry leave?", **condition)) == found
    )


@pytest.mark.parametrize(
    "condition",
    [
        where("kind", "not contains", "old"),
        where("kind", "sounds like", "old"),
        where(["kind", "year"], "is", "2024"),
        where("year", ">", "late"),
        where("year", ">", None),
    ],
)
def test_a_condition_that_cannot_be_kept_is_refused_not_left_out(
    served: Served, tagged: str, condition: dict[str, Any]
):
    answer = retrieved(served.http, tagged, **condition)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_param")


def printed_by_the_guide(number: int, **given: str) -> Any:
    """What a snippet of the guide prints; the imports stand in the first."""
    _, *snippets = GUIDE.read_text().split("```python\n")
    imports = snippets[0].partition("\n\n")[0]
    code = f"{imports}\n{snippets[number].partition('```')[0]}"
    environment = {**os.environ, **given}
    run = (sys.executable, "-c", code)
    done = subprocess.run(run, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_guide_shows_how_a_dataset_is_filled(served: Served):
    where = {"DIFY_BASE_URL": f"{served.url}/dify/v1"}
    found = printed_by_the_guide(1, **where, DIFY_DATASET_KEY=served.kb.access.admin_key)
    assert found[0]["segment"]["content"] == "High tide is at six."


def test_the_guide_shows_a_search_that_works(served: Served, sky: str):
    made = served.post("/v1/keys", {"kind": "dataset", "dataset_ids": [sky]})
    where = {"DIFY_BASE_URL": f"{served.url}/dify/v1", "DATASET": sky}
    found = printed_by_the_guide(2, **where, DIFY_DATASET_KEY=made["key"])
    assert found[0]["title"] == "moon.md"
