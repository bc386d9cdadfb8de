"""The SDK's server with our tools and documents. Only `endpoint` imports it, when it is needed."""

from __future__ import annotations

import json
import logging
from typing import Any

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

from api.dialects.mcp.arguments import ReadArguments
from api.dialects.mcp.tools import TOOLS, Tool, Visit, read_pages
from api.dialects.originals import site_of
from api.errors import INTERNAL_DETAIL, sentence
from api.threads import read
from kb.errors import KnowledgeBaseError
from kb.store.content import documents
from kb.store.engine.paging import PageRequest
from kb.version import version

logger = logging.getLogger(__name__)

Context = ServerRequestContext[Any]

INSTRUCTIONS = (
    "A knowledge base of documents. `search` finds passages, `read` and `grep` look into "
    "documents, `ask` gives an answer with citations. Quote what you use, with its page."
)
SCHEME = "citewell://documents/"
RESOURCES = 100
"""Documents on a page of the list of resources."""


def create_server() -> Server[Any]:
    """A server for the callers whom the application has recognised."""
    return Server(
        "citewell",
        version=version(),
        instructions=INSTRUCTIONS,
        on_list_tools=_list_tools,
        on_call_tool=_call_tool,
        on_list_resources=_list_resources,
        on_list_resource_templates=_list_templates,
        on_read_resource=_read_resource,
    )


async def _list_tools(context: Context, _params: Any) -> types.ListToolsResult:
    shown = [
        types.Tool(
            name=name,
            description=tool.description,
            input_schema=tool.arguments.model_json_schema(),
            annotations=types.ToolAnnotations(read_only_hint="ingest" not in tool.permissions),
        )
        for name, tool in _allowed(context).items()
    ]
    return types.ListToolsResult(tools=shown)


async def _call_tool(context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
    """What went wrong is told to the model, which may correct itself."""
    tool = _allowed(context).get(params.name)
    if tool is None:
        raise MCPError(types.INVALID_PARAMS, f"This key has no tool {params.name!r}.")
    try:
        asked = tool.arguments.model_validate(params.arguments or {})
        found = await tool.run(_visit(context), asked)
    except ValidationError as exc:
        return _failed(" ".join(sentence(item) for item in exc.errors()[:5]))
    except KnowledgeBaseError as exc:
        return _failed(f"{exc.code}: {exc.detail}")
    except Exception:  # the edge of a tool: the log has what happened
        logger.exception("the tool %s failed", params.name)
        return _failed(INTERNAL_DETAIL)
    text = types.TextContent(text=json.dumps(found, ensure_ascii=False))
    return types.CallToolResult(content=[text], structured_content=found)


async def _list_resources(
    context: Context, params: types.PaginatedRequestParams | None
) -> types.ListResourcesResult:
    """The documents that can be read, in the order in which they were added."""
    visit = _visit(context)
    if not visit.caller.scope.may("search"):
        return types.ListResourcesResult(resources=[])
    page = PageRequest(RESOURCES, params.cursor if params else None)
    listed = await read(visit.kb, documents.answering, visit.caller.scope, page)
    resources = [
        types.Resource(
            uri=f"{SCHEME}{document.id}",
            name=document.name,
            mime_type="text/plain",
            size=document.size_bytes,
        )
        for document in listed.data
    ]
    return types.ListResourcesResult(resources=resources, next_cursor=listed.next)


async def _list_templates(_context: Context, _params: Any) -> types.ListResourceTemplatesResult:
    template = types.ResourceTemplate(
        name="document",
        uri_template=SCHEME + "{document_id}",
        description="The text of a document's pages; long ones are read with the tool `read`.",
        mime_type="text/plain",
    )
    return types.ListResourceTemplatesResult(resource_templates=[template])


async def _read_resource(
    context: Context, params: types.ReadResourceRequestParams
) -> types.ReadResourceResult:
    visit = _visit(context)
    try:
        if not visit.caller.scope.may("search") or not params.uri.startswith(SCHEME):
            raise ValueError
        wanted = ReadArguments(document_id=params.uri.removeprefix(SCHEME), pages=50)
        found = await read_pages(visit, wanted)
    except (ValueError, KnowledgeBaseError):
        said = f"No resource {params.uri[:200]!r} can be read with this key."
        raise MCPError(types.INVALID_PARAMS, said) from None
    text = "\n\n".join(part["text"] for part in found["pages"])
    content = types.TextResourceContents(uri=params.uri, mime_type="text/plain", text=text)
    return types.ReadResourceResult(contents=[content])


def _visit(context: Context) -> Visit:
    request = context.request
    assert request is not None
    site = site_of(request)
    return Visit(request.state.kb, request.scope["kb.caller"], site)


def _allowed(context: Context) -> dict[str, Tool]:
    scope = _visit(context).caller.scope
    return {name: tool for name, tool in TOOLS.items() if any(map(scope.may, tool.permissions))}


def _failed(said: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(text=said)], is_error=True)
