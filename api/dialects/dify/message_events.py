"""Answers as Dify tells them: unnamed events of a stream with their type inside, and whole."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from json.encoder import encode_basestring_ascii
from typing import Any

from api.dialects.dify.wire.errors import error_fields
from api.errors import AnswerFailed, status_of_code
from api.resources.chat.run_events import visible
from kb.chat.run.recording import source_record
from kb.chat.run.run import Numbered, Run
from kb.types import Cancelled, Completed, Delta, Failed, PublishedDataset, RunEvent, Sources, Usage

PING = b"event: ping\n\n"
"""What Dify's clients know as a sign of life."""

_TEXT = "\u0000text\u0000"


class MessageEvents:
    """Writes the events of one run; call it with them in their order."""

    def __init__(self, run: Run, *, full: bool) -> None:
        self._full = full
        self._sources: Sequence[Mapping[str, Any]] = ()
        identity = run.identity
        self._datasets = names_of(identity.datasets)
        self._fields: dict[str, Any] = {
            "task_id": run.run_id,
            "id": identity.message_id,
            "message_id": identity.message_id,
            "conversation_id": identity.conversation_id,
            "created_at": int(run.created_at),
        }
        said = self._event("message", answer=_TEXT, from_variable_selector=None).decode()
        self._before, self._after = said.split(encode_basestring_ascii(_TEXT))

    def __call__(self, batch: Sequence[Numbered]) -> bytes:
        """The frames of some events."""
        return b"".join(frame for _, event in batch for frame in self._frames(event))

    def whole(self, events: Iterable[RunEvent]) -> dict[str, Any]:
        """An ended run as one object; of a stopped one what was written. Raises AnswerFailed."""
        answer, ended = "", None
        for event in events:
            match event:
                case Delta(text):
                    answer += text
                case Failed(error):
                    raise AnswerFailed(error)
                case Completed():
                    ended = event
                case _:
                    self._note(event)
        said = {"event": "message", "mode": "chat", "answer": answer}
        return said | self._fields | {"metadata": self._metadata(ended)}

    def _frames(self, event: RunEvent) -> Iterator[bytes]:
        match event:
            case Delta(text):
                written = encode_basestring_ascii(text)
                yield f"{self._before}{written}{self._after}".encode("ascii")
            case Failed(error):
                _, said = error_fields(status_of_code(error.code), error.code, error.detail)
                # Some clients know an error by the name of the event, others by its data.
                yield b"event: error\n" + self._event("error", **said)
            case Completed():
                yield self._event("message_end", metadata=self._metadata(event), files=None)
            case Cancelled():
                yield self._event("message_end", metadata=self._metadata(None), files=None)
            case _:
                self._note(event)

    def _note(self, event: RunEvent) -> None:
        if isinstance(event, Sources):
            self._sources = [source_record(source) for source in event.sources]

    def _event(self, name: str, **fields: Any) -> bytes:
        return f"data: {json.dumps({'event': name, **self._fields, **fields})}\n\n".encode("ascii")

    def _metadata(self, ended: Completed | None) -> dict[str, Any]:
        shown = None if ended is None else visible(ended, full=self._full)
        usage = Usage() if shown is None else shown.usage
        cost = "0" if shown is None or shown.cost is None else f"{shown.cost:f}"
        spent = {"total_price": cost, "currency": (shown and shown.currency) or "USD"}
        latency_s = 0.0 if shown is None else shown.timings_ms.get("total", 0.0) / 1000
        counted = usage_fields(usage) | spent | {"latency": latency_s}
        return {"usage": counted, "retriever_resources": resources(self._sources, self._datasets)}


def names_of(datasets: Iterable[PublishedDataset]) -> dict[str, str]:
    """Dataset id → its name when the app was published."""
    return {each.id: each.name for each in datasets}


def usage_fields(usage: Usage) -> dict[str, Any]:
    """The tokens; a price for each is not told, because a model may have none."""
    prices = ("unit_price", "price_unit", "price")
    free = {f"{side}_{price}": "0" for side in ("prompt", "completion") for price in prices}
    total = usage.prompt_tokens + usage.completion_tokens
    counts = {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens}
    return free | counts | {"total_tokens": total}


def resources(
    sources: Sequence[Mapping[str, Any]], datasets: Mapping[str, str]
) -> list[dict[str, Any]]:
    """The passages that an answer may cite, live or stored; with their page, which Dify lacks."""
    return [
        {
            "position": source["n"],
            "dataset_id": source.get("dataset_id", ""),
            "dataset_name": datasets.get(source.get("dataset_id", ""), ""),
            "document_id": source["document_id"],
            "document_name": source["document_name"],
            "segment_id": source["chunk_id"],
            "score": source["score"],
            "content": source["text"],
            "page": source["page"],
        }
        for source in sources
    ]
