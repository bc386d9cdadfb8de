"""The parts of a message, in a stream and in the messages of a kept chat alike."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic_core import to_jsonable_python

from api.dialects.originals import original_url
from api.resources.chat.run_events import visible
from kb.types import Citation, Completed, Message

Part = dict[str, Any]

PROVIDER = "citewell"

SNIPPET_CHARACTERS = 300
"""Of a passage. Clients send all their messages with each question: whole passages would fill the
1 MiB of a request after some eighty answers. `/v1/messages/{id}/sources/{n}` has them."""


def ui_messages(kept: Message, site: str, *, full: bool) -> list[Part]:
    """A question and its answer, with the parts that the stream has built; `full` for admins."""
    asked = question(kept.run_id, kept.query)
    metadata: Part = {"conversationId": kept.conversation_id, "runId": kept.run_id}
    if kept.status == "completed":
        metadata |= usage(visible(kept, full=full))
    answer = {
        "id": kept.id,
        "role": "assistant",
        "metadata": metadata,
        "parts": to_jsonable_python(list(_parts(kept, site))),
    }
    return [asked, answer]


def question(run_id: str, query: str) -> Part:
    """What was asked. Its own id is not kept, so it has that of the run."""
    said = {"type": "text", "text": query, "state": "done"}
    return {"id": run_id, "role": "user", "parts": [said]}


def source_parts(site: str, source: Mapping[str, Any]) -> Iterator[Part]:
    """A passage, as a document and as the address of its original; `source` is as it is stored."""
    own = {
        "n": source["n"],
        "documentId": source["document_id"],
        "page": source["page"],
        "score": source["score"],
        "snippet": source["text"][:SNIPPET_CHARACTERS],
    }
    named = {**_named(source["document_name"]), "providerMetadata": {PROVIDER: own}}
    yield {"type": "source-document", "sourceId": source["chunk_id"], **named}
    url = original_url(site, source["document_id"], source["page"])
    title = source["document_name"]
    yield {
        "type": "source-url",
        "sourceId": f"{source['chunk_id']}-url",
        "url": url,
        "title": title,
    }


def cited(citations: Sequence[Citation]) -> Part:
    """What a text says of its citations; `citations` are read from ai 7 on, the rest by all."""
    if not citations:
        return {}
    return {
        "citations": [_citation(each) for each in citations],
        "providerMetadata": {PROVIDER: {"citations": citations}},
    }


def grounded(told: Completed | Message) -> Part:
    """Whether an answer rests on sources."""
    data = {"grounded": told.grounded, "unsupported": told.unsupported}
    return {"type": "data-grounded", "id": "grounded", "data": data}


def usage(told: Completed | Message) -> Part:
    """The tokens of an answer, for a message's metadata."""
    prompt, completion = told.usage.prompt_tokens, told.usage.completion_tokens
    tokens = {"inputTokens": prompt, "outputTokens": completion, "totalTokens": prompt + completion}
    return {"usage": tokens}


def _parts(kept: Message, site: str) -> Iterator[Part]:
    yield {"type": "step-start"}
    yield {"type": "data-route", "id": "route", "data": kept.route}
    for source in kept.sources:
        yield from source_parts(site, source)
    if kept.answer:
        text = {"type": "text", "text": kept.answer, "state": "done"}
        yield text | cited(kept.citations)
    if kept.status == "completed":
        yield grounded(kept)


def _citation(citation: Citation) -> Part:
    named = _named(citation.document_name)
    del named["filename"]
    source = {"type": "source", "sourceType": "document", "id": citation.chunk_id, **named}
    return {
        "source": source,
        "startIndex": citation.answer_start,
        "endIndex": citation.answer_end,
        "citedText": citation.quote,
    }


def _named(name: str) -> dict[str, str]:
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return {"mediaType": media_type, "title": name, "filename": name}
