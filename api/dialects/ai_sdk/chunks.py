"""Answers as a UI message stream: chunks of types that ai 7, 6 and 5 all accept.

An unknown type breaks an older client, so what is ours rides in metadata and in `data-` parts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from json.encoder import encode_basestring_ascii
from typing import Any

from pydantic_core import to_jsonable_python

from api.dialects.ai_sdk import parts
from api.dialects.dialect import FINISH_REASONS
from api.resources.chat.run_events import visible
from kb.chat.run.recording import source_record
from kb.chat.run.run import Numbered
from kb.types import (
    Cancelled,
    Citation,
    Cited,
    Completed,
    Delta,
    Failed,
    Routed,
    RunEvent,
    Source,
    Sources,
    Started,
)

DONE = b"data: [DONE]\n\n"
TEXT = "text"


class UiChunks:
    """Writes the events of one run; call it with them in their order.

    The sources of a tuned variant wait for its first text: until then it may give way to another,
    and a client of ai 5 or 6 cannot take back a part.
    """

    def __init__(self, site: str, *, full: bool) -> None:
        self._site = site
        self._full = full
        self._waiting: tuple[Source, ...] = ()
        self._may_give_way = False
        self._citations: list[Citation] = []
        self._has_text = False

    def __call__(self, batch: Sequence[Numbered]) -> bytes:
        """The chunks of some events."""
        return b"".join([self._chunk(event) for _, event in batch])

    def _chunk(self, event: RunEvent) -> bytes:
        if type(event) is Delta and self._has_text:
            text = encode_basestring_ascii(event.text)
            return f'data: {{"type":"text-delta","id":"{TEXT}","delta":{text}}}\n\n'.encode("ascii")
        return b"".join(self._other(event))

    def _other(self, event: RunEvent) -> Iterator[bytes]:
        match event:
            case Started():
                metadata = {"conversationId": event.conversation_id, "runId": event.run_id}
                yield _data("start", messageId=event.message_id, messageMetadata=metadata)
                yield _data("start-step")
            case Routed(route):
                self._may_give_way = route.variant == "tuned"
                self._waiting = ()
                yield _data("data-route", id="route", data=route)
            case Sources():
                self._waiting = event.sources
                if not self._may_give_way:
                    yield from self._told_sources()
            case Delta():
                yield from self._told_sources()
                self._has_text = True
                yield _data("text-start", id=TEXT)
                yield self._chunk(event)
            case Cited(citation):
                self._citations.append(citation)
            case Completed():
                yield from self._finished(visible(event, full=self._full))
            case Failed(error, retryable):
                data = {"code": error.code, "retryable": retryable}
                yield _data("data-error", data=data, transient=True)
                yield _data("error", errorText=error.detail) + DONE
            case Cancelled():
                yield from self._text_ended()
                yield _data("abort") + DONE

    def _finished(self, completed: Completed) -> Iterator[bytes]:
        yield from self._told_sources()
        yield from self._text_ended()
        yield _chunk(parts.grounded(completed))
        yield _data("finish-step")
        reason = FINISH_REASONS[completed.finish_reason].replace("_", "-")
        metadata = parts.usage(completed)
        yield _data("finish", finishReason=reason, messageMetadata=metadata) + DONE

    def _text_ended(self) -> Iterator[bytes]:
        if self._has_text:
            yield _data("text-end", id=TEXT, **parts.cited(self._citations))

    def _told_sources(self) -> Iterator[bytes]:
        sources, self._waiting = self._waiting, ()
        for source in sources:
            for part in parts.source_parts(self._site, source_record(source)):
                yield _chunk(part)


def _data(kind: str, **fields: Any) -> bytes:
    return _chunk({"type": kind, **fields})


def _chunk(fields: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(to_jsonable_python(fields))}\n\n".encode("ascii")
