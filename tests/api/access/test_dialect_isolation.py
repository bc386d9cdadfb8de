"""No operation of a dialect shows anybody what is not theirs, stops it or changes it.

Generated from what the dialects say of themselves, so that a new operation is tested at once; for
the Model Context Protocol from the list of its tools.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from api.app import DIALECTS
from api.dialects.mcp.tools import TOOLS
from tests.api.operations import call, described
from tests.api.worlds import (
    FOREIGN,
    HIDDEN,
    NEIGHBOURS,
    PROVIDER,
    SECRET,
    STRANGERS,
    TALK,
    World,
    two_tenants,
    without_ids,
)
from tests.server import wait_for_batch

OPERATIONS = [
    operation for each in DIALECTS for operation in described(each.application(), each.prefix)
]
CHAT = "chat-of-ann"
BETA = "What is beta?"
SAME_SERVER = "the same server for another user"
WITH_SAME_SERVER = (*NEIGHBOURS, SAME_SERVER)
OF_A_TALK = {"conversation_id", "message_id", "task_id", "chat_id"}


def said(text: str) -> list[Any]:
    return [{"role": "user", "content": text, "parts": [{"type": "text", "text": text}]}]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with two_tenants(tmp_path_factory.mktemp("isolation") / "data") as made:
        made.neighbours[SAME_SERVER] = made.owners["app"]
        sent = {"model": "their-app", "messages": said(BETA), "id": CHAT, "chat_id": CHAT}
        sent |= dict.fromkeys(("query", "input", "prompt"), BETA)
        run_id = begin_a_long_answer(made)
        file_id = keep_a_file(made)
        for ids, own in ((made.theirs, file_id), (made.absent, f"{file_id[:-6]}absent")):
            ids |= {"file_id": own, "file_ids": [own], "store_id": ids["dataset_id"]}
        made.theirs |= sent | {"task_id": run_id, "runId": run_id}
        nobody_s = {"model": "no-app", "chat_id": "nobody", "task_id": "gone", "runId": "gone"}
        made.absent |= sent | nobody_s
        made.theirs["question"], made.absent["question"] = "Is it one?", "Is it the other?"
        for ids in (made.theirs, made.absent):
            ids["knowledge_id"] = ids["dataset_id"]
            ids |= {"batch": ids["batch_id"], "action": "enable", "switch": "enable"}
            ids |= {"metadata_id": "string.kind", "model_type": "text-embedding"}
            ids["job_id"] = "none"
            ids["segment_id"] = f"{ids['document_id']}.1.1.0"
        yield made


def begin_a_long_answer(world: World) -> str:
    """Ann asks in her chat, and leaves while the answer is being written."""
    model = f"/v1/models/{FOREIGN}-model"
    world.served.http.patch(model, json={"model": "numbers:100000:5"})
    asked = {"id": CHAT, "user": "ann", "messages": said(f"Count {TALK}.")}
    address = f"/ai/{world.theirs['app']}/chat"
    with world.owners["app"].stream("POST", address, json=asked) as answer:
        first = json.loads(next(answer.iter_lines()).removeprefix("data: "))
    world.served.http.patch(model, json={"model": "echo"})
    return first["messageMetadata"]["runId"]


def keep_a_file(world: World) -> str:
    """A file whose name and text are theirs."""
    sent = {"file": (f"{FOREIGN}.md", f"The {FOREIGN} is kept.".encode())}
    answer = world.owners["dataset"].post(
        "/openai/v1/files", files=sent, data={"purpose": "assistants"}
    )
    assert answer.status_code == 200, answer.text
    file_id, store = answer.json()["id"], f"/openai/v1/vector_stores/{world.theirs['dataset_id']}"
    batch = world.owners["dataset"].post(f"{store}/file_batches", json={"file_ids": [file_id]})
    wait_for_batch(world.served.http, batch.json()["id"])
    return file_id


@pytest.mark.parametrize("who", STRANGERS)
def test_a_stranger_is_shown_nothing_and_cannot_tell_what_exists(world: World, who: str):
    client = world.strangers[who]
    for operation in OPERATIONS:
        theirs = call(client, operation, world.theirs)
        absent = call(client, operation, world.absent)

        for marker in (FOREIGN, TALK, HIDDEN, PROVIDER):
            assert marker not in shown(theirs), (operation, theirs.text)
        assert told(theirs, world.theirs) == told(absent, world.absent), operation
    assert is_going_on(world)


@pytest.mark.parametrize("who", WITH_SAME_SERVER)
def test_another_user_of_the_same_app_is_shown_nothing_that_was_said(world: World, who: str):
    client, theirs = world.neighbours[who], world.theirs
    absent = theirs | {name: world.absent[name] for name in (*OF_A_TALK, "runId")}
    for operation in OPERATIONS:
        answer = call(client, operation, theirs)

        for marker in (TALK, HIDDEN, PROVIDER):
            assert marker not in shown(answer), (operation, answer.text)
        if {item["name"] for item in operation.parameters} & OF_A_TALK:
            refused = answer.status_code in (400, 403, 404)
            assert refused or answer.text in ("", '{"messages":[]}'), (operation, answer.text)
            assert told(answer, theirs) == told(call(client, operation, absent), absent), operation
    assert is_going_on(world)


@pytest.mark.parametrize("who", [*STRANGERS, *WITH_SAME_SERVER])
def test_no_tool_tells_of_what_the_key_does_not_open(world: World, who: str):
    client = {**world.strangers, **world.neighbours}[who]
    theirs, absent = (
        {name: use(client, name, ids) for name in TOOLS} for ids in (world.theirs, world.absent)
    )
    hidden = (TALK, HIDDEN, PROVIDER) + ((FOREIGN,) if who in STRANGERS else ())
    for name, answer in theirs.items():
        for marker in hidden:
            assert marker not in shown(answer), (name, answer.text)
        if who in STRANGERS:
            assert told(answer, world.theirs) == told(absent[name], world.absent), name


def test_who_began_the_answer_finds_it_and_can_stop_it(world: World):
    owner, address = world.owners["app"], f"/ai/{world.theirs['app']}/chat/{CHAT}"
    with owner.stream("GET", f"{address}/stream", params={"user": "ann"}) as answer:
        assert answer.status_code == 200
        stop = f"/dify/v1/chat-messages/{world.theirs['task_id']}/stop"
        assert owner.post(stop, json={"user": "ann"}).json() == {"result": "success"}
        assert '"abort"' in answer.read().decode()
    tools = {name: use(world.owners["dataset"], name, world.theirs).text for name in TOOLS}
    assert {name for name, text in tools.items() if FOREIGN in text} >= {"search", "fetch", "read"}


def test_who_lacks_the_label_of_a_document_is_shown_nothing_of_it(world: World):
    secret = {
        "document_id": world.theirs["/secret"],
        "segment_id": f"{world.theirs['/secret']}.1.1.0",
    }
    ids = world.theirs | secret | {"user": "ann"}
    for who, client in world.owners.items():
        for operation in OPERATIONS:
            answer = call(client, operation, ids) if operation.method != "delete" else None
            assert answer is None or SECRET not in shown(answer), (who, operation, answer.text)
        for tool in TOOLS:
            assert SECRET not in shown(use(client, tool, ids)), (who, tool)
    told_of = {name: use(world.insiders["dataset"], name, ids).text for name in TOOLS}
    assert {name for name, text in told_of.items() if SECRET in text} >= {
        *("search", "fetch", "read", "grep", "list")
    }


def use(client: httpx.Client, tool: str, ids: dict[str, Any]) -> httpx.Response:
    arguments = {
        "search": {"query": "beta"},
        "fetch": {"id": ids["document_id"]},
        "list": {"dataset_id": ids["dataset_id"]},
        "read": {"document_id": ids["document_id"]},
        "grep": {"dataset_id": ids["dataset_id"], "pattern": "beta"},
        "ask": {"app": ids["app"], "question": BETA},
        "upload": {"dataset_id": ids["dataset_id"], "name": "a.md", "text": "Beta."},
    }[tool]
    asked = {"name": tool, "arguments": arguments}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": asked}
    accept = {"accept": "application/json, text/event-stream"}
    return client.post("/mcp", json=message, headers=accept)


def is_going_on(world: World) -> bool:
    run = world.served.http.get(f"/v1/runs/{world.theirs['task_id']}").json()
    return run["status"] == "running"


def shown(answer: httpx.Response) -> str:
    return f"{answer.headers.multi_items()} {answer.text}".replace(f"{FOREIGN}.md", "")


def told(answer: httpx.Response, ids: dict[str, Any]) -> tuple[int, str]:
    """The status, and of a refusal its words without the ids asked for."""
    body = answer.text if answer.status_code >= 400 or "jsonrpc" in answer.text else ""
    body = without_ids(body, ids).replace(answer.headers["x-request-id"], "")
    return answer.status_code, body
