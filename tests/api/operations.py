"""Every operation of the API as its own description tells it, filled with the ids of a test.

A new operation is covered at once. One whose address holds a parameter that no test knows makes
`call` fail, so that nobody forgets to say whose object it names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import FastAPI

from api.app import create_app
from kb.settings import Settings

OPEN = {("get", "/healthz"), ("get", "/readyz"), ("post", "/login")}
"""What needs no key."""

METHODS = ("get", "head", "options", "post", "put", "patch", "delete")

TUS = {
    "tus-resumable": "1.0.0",
    "upload-offset": "0",
    "content-type": "application/offset+octet-stream",
}
"""Headers without which a resumable upload is refused before anything is looked at."""

Ids = Mapping[str, Any]


@dataclass(frozen=True)
class Operation:
    """One method of one path; `body` is its JSON schema, None if it takes no JSON."""

    method: str
    path: str
    parameters: tuple[Mapping[str, Any], ...]
    body: Mapping[str, Any] | None
    schemas: Mapping[str, Any] = field(repr=False)

    @property
    def name(self) -> tuple[str, str]:
        return self.method, self.path

    def names(self) -> set[str]:
        """Everything that a request can say: parameters and the fields of the body."""
        fields = _resolved(self.body or {}, self.schemas).get("properties", {})
        return {item["name"] for item in self.parameters} | set(fields)


def operations() -> list[Operation]:
    """All operations; what changes things comes after what reads them, deletions last."""
    return described(create_app(Settings(_env_file=None)))


def described(app: FastAPI, prefix: str = "") -> list[Operation]:
    """The operations that an application tells of itself, below a prefix, in the same order."""
    told = app.openapi()
    schemas = told["components"]["schemas"]
    found = [
        Operation(
            method, prefix + path, tuple(item.get("parameters", ())), _json(item, schemas), schemas
        )
        for path, items in told["paths"].items()
        for method, item in items.items()
    ]
    return sorted(found, key=lambda operation: (METHODS.index(operation.method), operation.path))


def call(client: httpx.Client, operation: Operation, ids: Ids) -> httpx.Response:
    """Send an operation with these ids in its address, its query and its body."""
    request: dict[str, Any] = {"params": _query(operation, ids)}
    if operation.path.startswith("/v1/uploads"):
        request["headers"] = TUS
    if operation.body is not None:
        request["json"] = sample(operation.body, operation.schemas, ids)
    return client.request(operation.method.upper(), address(operation, ids), **request)


def address(operation: Operation, ids: Ids) -> str:
    filled = operation.path
    for item in operation.parameters:
        if item["in"] != "path":
            continue
        name = item["name"]
        known = _known(operation.path, name, ids)
        if known is None and _is_number(item) and operation.path.count("{") > 1:
            known = 1  # counts within an object that another parameter names
        if known is None:
            raise AssertionError(
                f"{operation.path}: no test says which object {{{name}}} names; add it to "
                f"tests/api/worlds.py, once as somebody's and once as nobody's"
            )
        filled = filled.replace(f"{{{name}}}", str(known))
    return filled


def sample(schema: Mapping[str, Any], schemas: Mapping[str, Any], ids: Ids) -> Any:
    """A small value of a JSON schema: what it requires, and every field that `ids` knows."""
    schema = _resolved(schema, schemas)
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if kind == "object":
        wanted = {*schema.get("required", ()), *ids} & set(schema.get("properties", {}))
        return {
            name: ids[name] if name in ids else sample(schema["properties"][name], schemas, ids)
            for name in sorted(wanted)
        }
    if kind == "array":
        return [sample(schema["items"], schemas, ids)] * schema.get("minItems", 0)
    if kind in ("integer", "number"):
        return schema.get("minimum", 1)
    if kind == "boolean":
        return False
    return "2099-01-01T00:00:00Z" if schema.get("format") == "date-time" else "x1"


def _known(path: str, name: str, ids: Ids) -> Any:
    """The id for a parameter; that of one path, as `path#name`, goes before that of all."""
    for key in (f"{path}#{name}", name):
        try:
            return ids[key]
        except KeyError:
            continue
    return None


def _is_number(parameter: Mapping[str, Any]) -> bool:
    return parameter.get("schema", {}).get("type") == "integer"


def _json(item: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any] | None:
    content = item.get("requestBody", {}).get("content", {})
    return content["application/json"]["schema"] if "application/json" in content else None


def _query(operation: Operation, ids: Ids) -> dict[str, Any]:
    query = [item for item in operation.parameters if item["in"] == "query"]
    return {
        item["name"]: ids[item["name"]]
        if item["name"] in ids
        else sample(item["schema"], operation.schemas, ids)
        for item in query
        if item["name"] in ids or item.get("required")
    }


def _resolved(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    while True:
        if "$ref" in schema:
            schema = schemas[schema["$ref"].rpartition("/")[2]]
        elif "anyOf" in schema:
            schema = next(one for one in schema["anyOf"] if one.get("type") != "null")
        else:
            return schema
