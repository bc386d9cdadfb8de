"""The kept description of the API is the one that the code gives, and nothing is missing in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from api.errors import known_codes
from api.openapi.__main__ import description

KEPT = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"
DESCRIBED = json.loads(KEPT.read_text(encoding="utf-8"))
SCHEMAS = DESCRIBED["components"]["schemas"]
HEADERS_ONLY = {("post", "/v1/uploads"), ("head", "/v1/uploads/{upload_id}")}
"""Answers of the tus protocol: no body, all is in headers."""


def answers() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The method, path and content of each successful answer."""
    for path, items in DESCRIBED["paths"].items():
        for method, operation in items.items():
            for status, answer in operation["responses"].items():
                if status.startswith("2") and status != "204":
                    yield method, path, answer.get("content", {})


EVERY_ANSWER = [one for one in answers() if one[:2] not in HEADERS_ONLY]


def named(reference: str) -> Any:
    part = DESCRIBED
    for key in reference.removeprefix("#/").split("/"):
        part = part[key]
    return part


def assert_fits(value: Any, schema: dict[str, Any]) -> None:
    document = {**schema, "components": DESCRIBED["components"]}
    jsonschema_rs.validate(document, value)


def test_the_kept_description_is_current():
    assert KEPT.read_text(encoding="utf-8") == description(), (
        "run: python -m api.openapi > docs/openapi.json"
    )


@pytest.mark.parametrize("answer", EVERY_ANSWER, ids=lambda one: " ".join(one[:2]))
def test_every_answer_has_a_type_and_an_example_that_fits_it(answer: tuple[str, str, Any]):
    content = answer[2]
    assert content
    for described in content.values():
        assert described["schema"], "a schema that allows anything says nothing"
        if described["schema"].get("format") == "binary":
            continue
        examples = [named(one["$ref"]) for one in described.get("examples", {}).values()]
        values = [one["value"] for one in examples] or [described["example"]]
        for value in values:
            assert_fits(value, described["schema"])


@pytest.mark.parametrize("stream", ["RunEvents", "BatchEvents", "GenerationEvents"])
def test_every_event_of_a_stream_has_a_type_and_an_example(stream: str):
    events = SCHEMAS[stream]["discriminator"]["mapping"]

    assert {one["$ref"] for one in SCHEMAS[stream]["oneOf"]} == set(events.values())
    for name, reference in events.items():
        assert named(reference)["properties"]["event"]["const"] == name
        assert named(reference.replace("/schemas/", "/examples/"))["value"]["event"] == name


def test_every_error_code_has_a_type_and_an_example():
    content = DESCRIBED["components"]["responses"]["Problem"]["content"]
    described = content["application/problem+json"]

    assert set(described["examples"]) == set(known_codes())
    assert set(SCHEMAS["ErrorCode"]["enum"]) == set(known_codes())
    for code, example in described["examples"].items():
        assert example["value"]["code"] == code
        assert_fits(example["value"], described["schema"])


def test_every_operation_has_a_name_of_its_own():
    names = [
        operation["operationId"]
        for items in DESCRIBED["paths"].values()
        for operation in items.values()
    ]
    assert len(set(names)) == len(names)


def test_every_operation_may_answer_with_a_problem():
    for items in DESCRIBED["paths"].values():
        for operation in items.values():
            assert operation["responses"]["default"] == {"$ref": "#/components/responses/Problem"}
