"""The tools: what each does for a caller, over the same use cases as everything else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from api.dialects.mcp import arguments
from api.dialects.originals import original_url
from api.resources.chat.responses import AnswerResponse
from api.resources.fields import Body
from api.threads import in_file_thread, read
from ingest.intake.upload import UploadedFile, accept
from kb.access import Caller
from kb.chat.ask.question import ChatRequest, checked_query
from kb.errors import NotFound, Rejected
from kb.knowledge_base import KnowledgeBase
from kb.search.grep import Grep
from kb.store.apps import apps
from kb.store.content import datasets, documents, pages
from kb.store.engine.paging import MAX_LIMIT, PageRequest
from kb.types import Document, Permission, Retrieval

MOST_CHARACTERS = 50_000
"""Of one answer; the rest is read from `next_page` and `next_start` on."""

Found = dict[str, Any]
A = TypeVar("A", bound=Body)


@dataclass(frozen=True, slots=True)
class Visit:
    """Who calls a tool, where: `site` is the address of this server."""

    kb: KnowledgeBase
    caller: Caller
    site: str

    def address(self, document_id: str, page: int) -> str:
        """Where a person opens the original of a page."""
        return original_url(self.site, document_id, page)


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool, and the permissions of which a key needs one to see it."""

    permissions: frozenset[Permission]
    arguments: type[Body]
    run: Callable[[Visit, Any], Awaitable[Found]]

    @property
    def description(self) -> str:
        """What a model reads of it."""
        return (self.arguments.__doc__ or "").strip()


async def _search(visit: Visit, asked: arguments.SearchArguments) -> Found:
    kb, scope = visit.kb, visit.caller.scope
    ids = [asked.dataset_id] if asked.dataset_id else await read(kb, _dataset_ids, scope)
    profile = Retrieval(top_k=asked.top_k)
    found = await kb.search_threads.run(kb.searcher.search, scope, ids, asked.query, profile)
    results = [
        {
            "id": _locator(hit.chunk.document_id, hit.chunk.spans[0].page),
            "title": hit.document_name,
            "url": visit.address(hit.chunk.document_id, hit.chunk.spans[0].page),
            "text": hit.chunk.text,
            "heading": hit.chunk.heading,
            "document_id": hit.chunk.document_id,
            "page": hit.chunk.spans[0].page,
            "score": round(hit.score, 4),
        }
        for hit in found.hits
    ]
    return {"results": results}


async def _fetch(visit: Visit, asked: arguments.FetchArguments) -> Found:
    document_id, _, page = asked.id.partition("#page=")
    if page and not (page.isascii() and page.isdigit() and len(page) < 8):
        raise NotFound("page", asked.id)
    most = {} if page else {"pages": 50}
    wanted = arguments.ReadArguments(document_id=document_id, page=int(page or 1), **most)
    found = await read_pages(visit, wanted)
    text = "\n\n".join(part["text"] for part in found["pages"])
    metadata = {"document_id": document_id, "next_page": found["next_page"]}
    address = visit.address(document_id, wanted.page)
    said = {"id": asked.id, "title": found["name"], "text": text, "url": address}
    return {**said, "metadata": metadata}


async def _list_all(visit: Visit, asked: arguments.ListArguments) -> Found:
    kb, caller = visit.kb, visit.caller
    page = PageRequest(100, asked.cursor)
    if asked.dataset_id is not None and caller.scope.may("search"):
        listed = await read(kb, documents.page, caller.scope, asked.dataset_id, page, q=asked.name)
        return {"documents": [_described(each) for each in listed.data], "next": listed.next}
    found: Found = {}
    if caller.scope.may("search"):
        every = await read(kb, datasets.every, caller.scope)
        found["datasets"] = [{"id": d.id, "name": d.name, "about": d.description} for d in every]
    if caller.scope.may("chat"):
        opened = await read(kb, apps.page, caller.scope, PageRequest(MAX_LIMIT))
        found["apps"] = [{"app": app.slug, "name": app.name} for app in opened.data if app.version]
    return found


async def read_pages(visit: Visit, asked: arguments.ReadArguments) -> Found:
    """Pages of a document, as much of them as an answer may have. Raises NotFound."""
    kb, scope = visit.kb, visit.caller.scope
    document = await read(kb, documents.get, scope, asked.document_id)
    wanted = PageRequest(asked.pages, str(asked.page - 1))
    listed = await read(kb, pages.of_document, scope, asked.document_id, wanted)
    if not listed.data:
        raise NotFound("page", _locator(asked.document_id, asked.page))
    found: Found = {"name": document.name, "pages": [], "next_page": None, "next_start": 0}
    left = MOST_CHARACTERS
    for page in listed.data:
        start = asked.start if page is listed.data[0] else 0
        end = asked.end if page is listed.data[-1] else None
        whole = page.text[start:end]
        text = whole[:left]
        place = {"page": page.number, "start": start, "end": start + len(text)}
        found["pages"].append({**place, "text": text})
        left -= len(text)
        if len(text) < len(whole):
            return found | {"next_page": page.number, "next_start": place["end"]}
    if listed.next is not None:
        found["next_page"] = listed.data[-1].number + 1
    return found


async def _grep(visit: Visit, asked: arguments.GrepArguments) -> Found:
    kb, scope = visit.kb, visit.caller.scope
    grep = Grep(kb.database, asked.pattern, ignores_case=asked.ignore_case, limit=asked.limit)
    if asked.document_id is not None:
        find = partial(grep.in_document, scope, asked.document_id)
    elif asked.dataset_id is not None:
        find = partial(grep.in_dataset, scope, asked.dataset_id)
    else:
        raise Rejected("Send a `dataset_id` or a `document_id`; `list` names the datasets.")
    found = await kb.search_threads.run(find, asked.cursor)
    matches = [
        {
            "document_id": match.document.id,
            "name": match.document.name,
            "page": match.span.page,
            "start": match.span.start,
            "end": match.span.end,
            "text": match.text,
        }
        for match in found.matches
    ]
    return {"matches": matches, "next": found.next}


async def _ask(visit: Visit, asked: arguments.AskArguments) -> Found:
    kb, caller = visit.kb, visit.caller
    app = asked.app or await _only_app(visit)
    async with kb.access.stream(caller):
        request = ChatRequest(checked_query(asked.question, "question"))
        run = await kb.chat.ask(caller.scope, app, request, caller.limits)
        await run.read_along()
    answer = AnswerResponse.of(run.events, full=False)
    citations = [
        {
            "n": cited.n,
            "title": cited.document_name,
            "page": cited.page,
            "quote": cited.quote,
            "url": visit.address(cited.document_id, cited.page),
        }
        for cited in answer.citations
    ]
    return {"answer": answer.answer, "grounded": answer.grounded, "citations": citations}


async def _upload(visit: Visit, asked: arguments.UploadArguments) -> Found:
    return await in_file_thread(_uploaded, visit, asked)


_SEARCH: frozenset[Permission] = frozenset({"search"})
_CHAT: frozenset[Permission] = frozenset({"chat"})
_INGEST: frozenset[Permission] = frozenset({"ingest"})

TOOLS: Mapping[str, Tool] = {
    "search": Tool(_SEARCH, arguments.SearchArguments, _search),
    "fetch": Tool(_SEARCH, arguments.FetchArguments, _fetch),
    "list": Tool(_SEARCH | _CHAT, arguments.ListArguments, _list_all),
    "read": Tool(_SEARCH, arguments.ReadArguments, read_pages),
    "grep": Tool(_SEARCH, arguments.GrepArguments, _grep),
    "ask": Tool(_CHAT, arguments.AskArguments, _ask),
    "upload": Tool(_INGEST, arguments.UploadArguments, _upload),
}


def _uploaded(visit: Visit, asked: arguments.UploadArguments) -> Found:
    kb = visit.kb
    content = asked.text.encode()
    staged = kb.originals.stage([content], max_bytes=max(1, len(content)))
    taken = accept(kb, visit.caller.scope, asked.dataset_id, [UploadedFile(asked.name, staged)])
    if taken.rejected:
        raise Rejected(taken.rejected[0].detail)
    document = taken.accepted[0]
    return {"document_id": document.id, "name": document.name, "status": document.status}


def _dataset_ids(tx: Any, scope: Any) -> list[str]:
    return [dataset.id for dataset in datasets.every(tx, scope)]


async def _only_app(visit: Visit) -> str:
    app = await read(visit.kb, apps.only, visit.caller.scope)
    if app is None:
        raise Rejected("Send `app`: this key opens more than one; `list` names them.")
    return app.slug


def _locator(document_id: str, page: int) -> str:
    return f"{document_id}#page={page}"


def _described(document: Document) -> Found:
    return {
        "document_id": document.id,
        "name": document.name,
        "status": document.status,
        "media_type": document.media_type,
        "updated_at": document.updated_at,
    }
