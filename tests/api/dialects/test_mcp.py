"""The Model Context Protocol by its own Python client, over a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from tests.api.serving import Served
from tests.server import wait_for_batch

pytestmark = pytest.mark.usefixtures("talking_apps")

REVISIONS = ("2026-07-28", "legacy")
LONG = "\n\n".join(f"Paragraph {n} names part P-{n:04}." for n in range(3000))


def visiting(
    served: Served, key: str, visit: Callable[[Client], Awaitable[Any]], mode: str = "auto"
) -> Any:
    async def whole() -> Any:
        http = httpx2.AsyncClient(headers={"authorization": f"Bearer {key}"}, timeout=30)
        transport = streamable_http_client(f"{served.url}/mcp", http_client=http)
        async with http, Client(transport, mode=mode) as client:
            return await visit(client)

    return asyncio.run(whole())


def call(served: Served, tool: str, key: str | None = None, **arguments: Any) -> Any:
    async def visit(client: Client) -> Any:
        return await client.call_tool(tool, arguments)

    return visiting(served, key or served.kb.access.admin_key, visit)


def found(served: Served, tool: str, **arguments: Any) -> Any:
    answer = call(served, tool, **arguments)
    assert not answer.is_error, answer.content
    return answer.structured_content


def key_of(served: Served, **body: Any) -> str:
    return served.post("/v1/keys", body)["key"]


@pytest.mark.parametrize("mode", REVISIONS)
def test_both_ways_to_begin_are_understood(served: Served, mode: str):
    async def names(client: Client) -> set[str]:
        return {tool.name for tool in (await client.list_tools()).tools}

    tools = visiting(served, served.kb.access.admin_key, names, mode)
    assert tools == {"search", "fetch", "list", "read", "grep", "ask", "upload"}


def test_what_a_search_finds_can_be_fetched_and_read(served: Served, sky: str):
    first = found(served, "search", query="When does the moon rise over Ostrava?")["results"][0]
    assert (first["title"], first["page"]) == ("moon.md", 1)
    fetched = found(served, "fetch", id=first["id"])
    assert fetched["title"] == "moon.md"
    assert first["text"] in fetched["text"]
    read = found(served, "read", document_id=first["document_id"], start=4, end=8)
    assert read["pages"] == [{"page": 1, "start": 4, "end": 8, "text": "moon"}]


def test_a_pattern_is_found_with_its_place_and_goes_on_from_its_cursor(served: Served):
    dataset = served.new_dataset("parts", {f"{n}.txt": f"part P-{n:04} ok" for n in range(5)})
    seen, cursor = [], None
    for _ in range(10):
        page = found(served, "grep", pattern=r"p-\d{4}", dataset_id=dataset, limit=2, cursor=cursor)
        seen += page["matches"]
        if (cursor := page["next"]) is None:
            break
    assert sorted(match["name"] for match in seen) == [f"{n}.txt" for n in range(5)]
    match = seen[0]
    text = found(served, "read", document_id=match["document_id"])["pages"][0]["text"]
    assert text[match["start"] : match["end"]].startswith("P-")


def test_a_pattern_that_would_hold_others_up_is_quick_or_refused(served: Served):
    dataset = served.new_dataset("as", {"a.txt": "a" * 20_000})
    assert found(served, "grep", pattern="(a*)*b", dataset_id=dataset)["matches"] == []
    for pattern in ("((a{1,100}){1,100}){1,100}", "(", "(?<=a)b"):
        refused = call(served, "grep", pattern=pattern, dataset_id=dataset)
        assert refused.is_error
        assert "pattern" in refused.content[0].text


def test_a_long_document_is_read_part_by_part_and_nothing_is_left_out(served: Served):
    dataset = served.new_dataset("long", {"long.txt": LONG})
    listed = found(served, "list", dataset_id=dataset)["documents"]
    read, page, start = "", 1, 0
    while page is not None:
        answer = found(served, "read", document_id=listed[0]["document_id"], page=page, start=start)
        part = answer["pages"][-1]
        read += "".join(each["text"] for each in answer["pages"])
        page, start = answer["next_page"], answer["next_start"]
    assert part["text"]
    assert read.replace("\n", "") == LONG.replace("\n", "")


def test_an_app_answers_with_citations(served: Served):
    said = found(served, "ask", app="plain", question="When does the moon rise over Ostrava?")
    assert said["answer"] == "The moon rises over Ostrava at nine. [1]"
    assert said["citations"][0]["quote"] == "The moon rises over Ostrava at nine."
    assert said["grounded"] is True


def test_an_empty_question_is_named_as_the_tool_calls_it(served: Served):
    answer = call(served, "ask", app="plain", question=" ")
    assert answer.is_error
    assert "`question`" in answer.content[0].text


def test_an_uploaded_text_is_found(served: Served):
    dataset = served.new_dataset("inbox")
    added = found(served, "upload", dataset_id=dataset, name="star.md", text="Stars shine.")
    for _ in range(200):
        listed = found(served, "list", dataset_id=dataset)["documents"]
        if listed[0]["status"] == "ready":
            break
    assert listed[0]["document_id"] == added["document_id"]
    assert found(served, "search", query="stars", dataset_id=dataset)["results"]


def test_a_key_has_the_tools_and_documents_that_it_may_use(served: Served, sky: str):
    app = key_of(served, kind="app", app="plain")
    other = served.new_dataset("secrets", {"secret.md": "The secret word is quicksilver."})
    reader = key_of(served, kind="dataset", dataset_ids=[sky])

    async def names(client: Client) -> set[str]:
        return {tool.name for tool in (await client.list_tools()).tools}

    async def resources(client: Client) -> list[str]:
        return [resource.name for resource in (await client.list_resources()).resources]

    assert visiting(served, app, names) == {"list", "ask"}
    assert visiting(served, reader, names) == {"search", "fetch", "list", "read", "grep", "upload"}
    assert set(visiting(served, reader, resources)) == {"moon.md", "sun.md"}
    assert visiting(served, app, resources) == []

    async def searched(client: Client) -> None:
        with pytest.raises(MCPError, match="no tool"):
            await client.call_tool("search", {"query": "moon"})

    visiting(served, app, searched)
    document = found(served, "list", dataset_id=other)["documents"][0]["document_id"]
    tries = {
        "search": {"query": "secret", "dataset_id": other},
        "list": {"dataset_id": other},
        "grep": {"pattern": "secret", "dataset_id": other},
        "read": {"document_id": document},
        "fetch": {"id": document},
    }
    for tool, arguments in tries.items():
        answer = call(served, tool, reader, **arguments)
        assert answer.is_error
        assert "quicksilver" not in str(answer)
    everything = call(served, "search", reader, query="secret word quicksilver")
    assert "secret.md" not in str(everything)
    assert "secret.md" not in str(call(served, "list", app, dataset_id=other))


def test_documents_are_resources(served: Served, sky: str):
    async def read(client: Client) -> str:
        listed = await client.list_resources()
        moon = next(each for each in listed.resources if each.name == "moon.md")
        return (await client.read_resource(moon.uri)).contents[0].text

    reader = key_of(served, kind="dataset", dataset_ids=[sky])
    assert visiting(served, reader, read).startswith("The moon rises over Ostrava")


def test_many_small_datasets_give_full_pages_of_resources(served: Served, sky: str):
    def files(number: int) -> dict[str, str]:
        return {f"note {number}-{n}.md": f"Note {n} of shelf {number}." for n in range(21)}

    shelves = [served.new_dataset(f"shelf {number}", files(number)) for number in range(5)]
    for number in range(3):
        served.new_dataset(f"empty shelf {number}")
    broken = {"files": ("broken.pdf", b"%PDF-1.7 is all there is")}
    path = f"/v1/datasets/{served.new_dataset('broken shelf')}/documents"
    batch = served.http.post(path, files=broken).json()["batch_id"]
    assert wait_for_batch(served.http, batch)["failed"] == 1

    async def pages(client: Client) -> list[list[str]]:
        listed, cursor = [], None
        while True:
            page = await client.list_resources(cursor=cursor)
            listed.append([resource.name for resource in page.resources])
            if (cursor := page.next_cursor) is None:
                return listed

    *full, last = visiting(served, served.kb.access.admin_key, pages)
    assert full
    assert {len(page) for page in full} == {100}
    assert last
    every = [name for page in [*full, last] for name in page]
    notes = sorted(name for number in range(5) for name in files(number))
    assert sorted(name for name in every if name.startswith("note")) == notes
    assert "broken.pdf" not in every
    reader = key_of(served, kind="dataset", dataset_ids=[sky, shelves[3]])
    own = visiting(served, reader, pages)
    assert len(own) == 1
    assert sorted(own[0]) == sorted(["moon.md", "sun.md", *files(3)])


def test_wrong_arguments_are_told_to_the_model(served: Served):
    answer = call(served, "search", q="moon")
    assert answer.is_error
    assert "`query`" in answer.content[0].text
    assert "`q` is not a known field" in answer.content[0].text


def test_without_a_key_the_way_to_get_in_is_said(served: Served):
    stranger = served.client(None)
    refused = stranger.post("/mcp", json={})
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert refused.json()["error"]["data"]["code"] == "unauthenticated"

    async def tools(client: Client) -> Any:
        return await client.list_tools()

    for mode in REVISIONS:
        with pytest.RaisesGroup(
            pytest.RaisesExc(MCPError, match="Bearer <key>"), flatten_subgroups=True
        ):
            visiting(served, "wrong", tools, mode)
    for path in ("", "/mcp"):
        said = stranger.get(f"/.well-known/oauth-protected-resource{path}").json()
        assert said["authorization_servers"] == []
        assert said["bearer_methods_supported"] == ["header"]
