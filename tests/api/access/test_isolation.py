"""No operation shows anybody a byte of what is not theirs, or tells whether it exists.

Generated from the API's description: a new operation is tested without a line here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.api.operations import OPEN, Operation, address, call, operations
from tests.api.worlds import (
    FOREIGN,
    HIDDEN,
    NEIGHBOURS,
    PROVIDER,
    SECRET,
    STRANGERS,
    TALK,
    TALKED,
    World,
    two_tenants,
    without_ids,
)

OPERATIONS = [operation for operation in operations() if operation.name not in OPEN]

OF_THE_ANSWER = {"x-request-id", "date", "content-length", "x-end-user-token"}
"""Headers that differ from answer to answer."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with two_tenants(tmp_path_factory.mktemp("isolation") / "data") as made:
        yield made


def told(answer: httpx.Response, ids: dict[str, Any]) -> tuple[int, dict[str, str], str]:
    """What an answer says besides the time, the id of the request and the ids asked for."""
    body = answer.text
    if body and answer.headers.get("content-type") == "application/problem+json":
        body = json.dumps({**answer.json(), "request_id": ""})
    body = without_ids(body, ids)
    headers = {
        name: re.sub("expires=[^;]+", "expires=", value)
        for name, value in answer.headers.items()
        if name not in OF_THE_ANSWER
    }
    return answer.status_code, headers, body


def bytes_of(answer: httpx.Response, ids: dict[str, Any]) -> str:
    """Everything that was sent, without the names that the asker has used."""
    text = f"{answer.headers.multi_items()} {answer.text}"
    for name in ("/v1/models/{name}#name", "name"):
        text = text.replace(ids[name], "")
    return text


@pytest.mark.parametrize("who", STRANGERS)
def test_a_stranger_is_shown_nothing_and_cannot_tell_what_exists(world: World, who: str):
    client = world.strangers[who]
    for operation in OPERATIONS:
        theirs = call(client, operation, world.theirs)
        absent = call(client, operation, world.absent)

        shown = bytes_of(theirs, world.theirs)
        for marker in (FOREIGN, TALK, HIDDEN, PROVIDER):
            assert marker not in shown, (operation, shown)
        assert told(theirs, world.theirs) == told(absent, world.absent), operation
        if operation.method != "options" and names_theirs(operation, world):
            assert theirs.status_code in (400, 401, 403, 404), (operation, theirs.text)


@pytest.mark.parametrize("who", NEIGHBOURS)
def test_another_user_of_the_same_app_is_shown_nothing_that_was_said(world: World, who: str):
    client = world.neighbours[who]
    theirs = world.theirs
    absent = theirs | {name: world.absent[name] for name in TALKED}
    for operation in OPERATIONS:
        answer = call(client, operation, theirs)

        for marker in (TALK, HIDDEN, PROVIDER):
            assert marker not in answer.text, (operation, answer.text)
        if operation.names() & set(TALKED):
            assert answer.status_code in (403, 404), (operation, answer.text)
            assert told(answer, theirs) == told(call(client, operation, absent), absent), operation


def test_what_was_marked_is_there_for_those_whose_it_is(world: World):
    reading = [operation for operation in OPERATIONS if operation.method == "get"]

    theirs = world.theirs | {"user": "ann"}
    admin = world.served.http

    shown = {item.path for item in reading if FOREIGN in call(admin, item, theirs).text}
    assert shown >= {
        "/v1/datasets",
        "/v1/datasets/{dataset_id}",
        "/v1/datasets/{dataset_id}/documents",
        "/v1/documents/{document_id}",
        "/v1/documents/{document_id}/chunks",
        "/v1/documents/{document_id}/pages",
        "/v1/documents/{document_id}/original",
        "/v1/batches/{batch_id}",
        "/v1/apps",
        "/v1/apps/{app}",
        "/v1/apps/{app}/keys",
        "/v1/models",
        "/v1/models/{name}",
        "/v1/webhooks",
        "/v1/webhooks/{webhook_id}",
        "/v1/messages/{message_id}/sources/{n}",
    }
    said = f"/v1/conversations/{theirs['conversation_id']}/messages"
    for owner in ("app", "widget"):
        answer = world.owners[owner].get(said, params={"user": "ann"})
        assert TALK in answer.text, owner
        assert TALK in world.owners[owner].get("/v1/conversations").text


def test_who_lacks_the_label_of_a_document_is_shown_nothing_of_it(world: World):
    ids = world.theirs | of_secret(world) | {"user": "ann", "query": "beta"}
    absent = ids | {name: world.absent[name] for name in ("document_id", "chunk_id")}
    for operation in OPERATIONS:
        for who, client in world.owners.items() if operation.method != "delete" else ():
            answer = call(client, operation, ids)

            assert SECRET not in bytes_of(answer, ids), (who, operation, answer.text)
            if operation.names() & {"document_id", "chunk_id"}:
                gone = call(client, operation, absent)
                assert told(answer, ids) == told(gone, absent), (who, operation)


def test_who_carries_the_label_sees_the_document(world: World):
    ids = world.theirs | of_secret(world) | {"user": "ann", "query": "beta"}
    shown = {
        (who, operation.path)
        for operation in OPERATIONS
        if operation.method == "get" or operation.path.endswith(("/search", "/chat"))
        for who, client in world.insiders.items()
        if SECRET in call(client, operation, ids).text
    }
    assert shown >= {
        ("dataset", "/v1/documents/{document_id}"),
        ("dataset", "/v1/documents/{document_id}/original"),
        ("dataset", "/v1/datasets/{dataset_id}/documents"),
        ("dataset", "/v1/datasets/{dataset_id}/search"),
        *((who, "/v1/apps/{app}/chat") for who in ("app", "widget")),
        *((who, "/v1/conversations/{conversation_id}/messages") for who in ("app", "widget")),
    }


def test_an_operation_that_no_test_can_fill_is_noticed():
    new = Operation("get", "/v1/{thing}", ({"name": "thing", "in": "path"},), None, {})
    with pytest.raises(AssertionError, match="no test says"):
        address(new, {})


def of_secret(world: World) -> dict[str, str]:
    secret = world.theirs["/secret"]
    return {"document_id": secret, "chunk_id": f"{secret}.1.1.0"}


def names_theirs(operation: Operation, world: World) -> bool:
    in_path = {item["name"] for item in operation.parameters if item["in"] == "path"}
    return bool(in_path & set(world.theirs))
