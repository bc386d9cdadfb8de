"""The description of the API at `/openapi.json`: what FastAPI derives, and what holds everywhere.

Every operation may answer with a problem document, whatever its status; 422 is not among them,
because what fails validation is answered 400. Streams name the union of their events.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from threading import Lock
from typing import Any, get_args

from fastapi import FastAPI
from pydantic import TypeAdapter

from api.errors import MEDIA_TYPE, known_codes, problem_fields
from api.http.sse import name_of
from api.openapi.examples import example
from api.resources.chat.run_events import RunEvents
from api.resources.datasets.batches import BatchEvents
from api.resources.datasets.generations import GenerationEvents
from api.resources.tuning.jobs import TuningEvents

Json = dict[str, Any]

OPEN = frozenset({("/healthz", "get"), ("/readyz", "get"), ("/login", "post")})
"""What needs no key."""

EVENTS = {
    "RunEvents": RunEvents,
    "BatchEvents": BatchEvents,
    "GenerationEvents": GenerationEvents,
    "TuningEvents": TuningEvents,
}
"""Unions of the events of streams, by the names under which operations declare them."""

REFERENCE = "#/components/schemas/{model}"


class DescribedApi(FastAPI):
    """An application that describes its errors, events and keys with its operations."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, openapi_url=None, docs_url=None, redoc_url=None)
        self._once = Lock()
        self._text = b""

    def openapi(self) -> Json:
        """The OpenAPI document; made once."""
        if self.openapi_schema is None:
            self.openapi_schema = _completed(_with_events(super().openapi()))
        return self.openapi_schema

    def document(self) -> bytes:
        """The document as it is served. Making it takes most of a second, once. Thread-safe."""
        with self._once:
            self._text = self._text or json.dumps(self.openapi()).encode()
            return self._text


def _with_events(described: Json) -> Json:
    """Adds the schemas of streams, and names those of lists and events by their titles."""
    schemas: dict[str, Json] = described["components"]["schemas"]
    for name, union in EVENTS.items():
        schemas |= _union(name, union)
    text = json.dumps(described)
    for name, schema in schemas.items():
        if "_" in name:
            text = text.replace(f'/{name}"', f'/{schema["title"]}"')
            text = text.replace(f'"{name}": {{', f'"{schema["title"]}": {{')
    named: Json = json.loads(text)
    return named


def _completed(described: Json) -> Json:
    parts = described["components"]
    schemas: dict[str, Json] = parts["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = _problem()
    schemas["ErrorCode"] = {
        "title": "ErrorCode",
        "description": "The codes of problems; a file that cannot be read has its reason as code.",
        "type": "string",
        "enum": sorted(known_codes()),
    }
    parts["responses"] = {"Problem": _problem_response()}
    parts["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    for path, items in described["paths"].items():
        for method, operation in items.items():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = {"$ref": "#/components/responses/Problem"}
            operation["security"] = [] if (path, method) in OPEN else [{"key": []}]
            for response in operation["responses"].values():
                _exemplify(response, schemas)
    events = {each for name in EVENTS for each in _references(schemas[name], {})}
    parts["examples"] = {name: {"value": example(schemas[name], schemas)} for name in events}
    _require_defaults(described)
    return described


def _union(name: str, union: Any) -> dict[str, Json]:
    """The schemas of a union of events and of its members, told apart by `event`."""
    members = {name_of(event): event for event in get_args(union)}
    references = {told: REFERENCE.format(model=each.__name__) for told, each in members.items()}
    described = TypeAdapter(union).json_schema(mode="serialization", ref_template=REFERENCE)
    discriminator = {"propertyName": "event", "mapping": references}
    one_of = [{"$ref": reference} for reference in references.values()]
    return {**described["$defs"], name: {"oneOf": one_of, "discriminator": discriminator}}


def _problem() -> Json:
    text = {"type": "string"}
    fields = dict.fromkeys(("type", "title", "detail", "request_id"), text)
    return {
        "title": "Problem",
        "description": "An error (RFC 9457). `code` is stable; `detail` says what to do.",
        "type": "object",
        "required": ["type", "title", "status", "code", "detail", "request_id"],
        "properties": {
            **fields,
            "status": {"type": "integer"},
            "code": {"$ref": REFERENCE.format(model="ErrorCode")},
        },
    }


def _problem_response() -> Json:
    examples = {
        code: {"value": problem_fields(status, code, detail, "req_01a222de5999338abadeb3e225ad")}
        for code, (status, detail) in sorted(known_codes().items())
    }
    schema = {"$ref": REFERENCE.format(model="Problem")}
    return {
        "description": "A problem",
        "content": {MEDIA_TYPE: {"schema": schema, "examples": examples}},
    }


def _exemplify(response: Json, schemas: Mapping[str, Json]) -> None:
    for media_type, content in response.get("content", {}).items():
        schema = content["schema"]
        if "$ref" in schema:
            schema.pop("type", None)  # of a stream, which FastAPI takes for a text
        if media_type == "text/event-stream":
            union = schemas[schema["$ref"].rpartition("/")[2]]
            content["examples"] = {
                name: {"$ref": reference.replace("/schemas/", "/examples/")}
                for name, reference in union["discriminator"]["mapping"].items()
            }
        elif schema.get("format") != "binary":
            content["example"] = example(schema, schemas)


def _require_defaults(described: Json) -> None:
    """What an answer has by default, it has always; what it may lack has no default."""
    schemas: dict[str, Json] = described["components"]["schemas"]
    operations = [each for items in described["paths"].values() for each in items.values()]
    sent = set(_references([each.get("requestBody") for each in operations], schemas))
    for name in schemas.keys() - sent:
        fields = schemas[name].get("properties", {})
        defaults = [field for field, inner in fields.items() if "default" in inner]
        for field in defaults:
            del fields[field]["default"]
        if defaults:
            schemas[name]["required"] = sorted({*schemas[name].get("required", ()), *defaults})


def _references(part: Any, schemas: Mapping[str, Json]) -> Iterator[str]:
    """The names of the schemas that a part of the document refers to, and those refer to."""
    if isinstance(part, list):
        for item in part:
            yield from _references(item, schemas)
    elif isinstance(part, dict):
        for key, value in part.items():
            if key == "$ref":
                name = value.rpartition("/")[2]
                yield name
                yield from _references(schemas.get(name), schemas)
            else:
                yield from _references(value, schemas)
