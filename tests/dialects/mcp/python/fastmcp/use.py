"""fastmcp's client as agents use it: what is offered, then each kind of call."""

import asyncio
import json
import os

from fastmcp import Client
from fastmcp.exceptions import ToolError

URL, KEY = os.environ["URL"], os.environ["KEY"]
ASKED = "When does the moon rise over Ostrava?"


async def whole() -> dict[str, object]:
    found: dict[str, object] = {}
    async with Client(URL, auth=KEY) as client:
        found["tools"] = sorted(tool.name for tool in await client.list_tools())
        found["search"] = (await client.call_tool("search", {"query": ASKED})).structured_content
        grep = {"pattern": "Ostrava", "dataset_id": os.environ["DATASET"]}
        found["grep"] = (await client.call_tool("grep", grep)).structured_content
        ask = {"question": ASKED, "app": "plain"}
        found["ask"] = (await client.call_tool("ask", ask)).structured_content
        try:
            await client.call_tool("read", {"document_id": "doc_none"})
        except ToolError as exc:
            found["refused"] = str(exc)
        resources = await client.list_resources()
        found["resource"] = (await client.read_resource(resources[0].uri))[0].text
    try:
        async with Client(URL, auth="wrong"):
            found["wrong_key"] = "no error"
    except Exception as exc:
        found["wrong_key"] = f"{type(exc).__name__}: {exc}"
    return found


print(json.dumps(asyncio.run(whole())))
