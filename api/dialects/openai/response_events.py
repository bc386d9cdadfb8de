"""Answers as OpenAI's Responses: typed events of a stream, and the response they come to.

It is the one dialect of OpenAI whose citations LangChain and the AI SDK show. `instructions` are
never given back, whoever wrote them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from json.encoder import encode_basestring_ascii
from typing import Any

from api.dialects.openai.answer import Answer
from api.dialects.openai.file_search import FileSearchCall, Named
from api.errors import status_of_code
from kb.chat.run.run import Numbered
from kb.protocols import Sampling
from kb.types import (
    Cancelled,
    Completed,
    Delta,
    Failed,
    Failure,
    Routed,
    RunEvent,
    Sources,
    Started,
)


class ResponseEvents:
    """Writes the events of one run; call it with them in their order."""

    def __init__(
        self,
        answer: Answer,
        created: float,
        sampling: Sampling,
        search: FileSearchCall | None = None,
    ) -> None:
        self._answer = answer
        self._search = search
        self._index = 0 if search is None else 1
        self._is_searching = search is not None
        self._created = int(created)
        self._sampling = sampling
        self._number = 0
        self._text: list[str] = []

    def __call__(self, batch: Sequence[Numbered]) -> bytes:
        """The frames of some events."""
        return b"".join(self._frame(event) for _, event in batch)

    def response(self, status: str, *, error: Failure | None = None) -> dict[str, Any]:
        """The response as it stands; an answer under way has no output yet."""
        answer, ended = self._answer, status != "in_progress"
        return {
            "id": f"resp_{answer.run_id}",
            "object": "response",
            "created_at": self._created,
            "status": status,
            "error": error and {"code": _code(error), "message": error.detail},
            "incomplete_details": self._incomplete(status),
            "instructions": None,
            "metadata": {},
            "model": answer.model,
            "output": self._output() if ended and error is None else [],
            "parallel_tool_calls": False,
            "temperature": self._sampling.temperature,
            "tool_choice": "auto",
            "tools": [],
            "top_p": self._sampling.top_p,
            "max_output_tokens": self._sampling.max_tokens,
            "previous_response_id": None,
            "store": False,
            "text": {"format": {"type": "text"}},
            "truncation": "disabled",
            "usage": self._usage() if ended else None,
        }

    def _frame(self, event: RunEvent) -> bytes:
        if self._is_searching and not isinstance(event, Started | Routed | Failed):
            self._is_searching = False
            return self._joined(self._searched(event)) + self._frame(event)
        if type(event) is Delta:
            self._text.append(event.text)
            number, text = self._next(), encode_basestring_ascii(event.text)
            return (
                f"event: response.output_text.delta\n"
                f'data: {{"type": "response.output_text.delta", "sequence_number": {number}, '
                f'"item_id": "{self._item}", "output_index": {self._index}, '
                f'"content_index": 0, "delta": {text}, "logprobs": []}}\n\n'
            ).encode("ascii")
        return self._joined(self._others(event))

    def _joined(self, events: Iterable[Named]) -> bytes:
        return b"".join(self._named(name, **fields) for name, fields in events)

    def _searched(self, event: RunEvent) -> Iterator[Named]:
        """The search has ended when anything else comes; what was found comes first, if at all."""
        if isinstance(event, Sources):
            self._answer.note(event)
        if self._search is not None:
            yield from self._search.ended()
        yield from self._begun()

    def _begun(self) -> Iterator[Named]:
        item = self._message("in_progress") | {"content": []}
        yield "output_item.added", {"output_index": self._index, "item": item}
        part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
        yield "content_part.added", {**self._place, "part": part}

    def _others(self, event: RunEvent) -> Iterator[Named]:
        self._answer.note(event)
        match event:
            case Started():
                yield "created", {"response": self.response("in_progress")}
                yield "in_progress", {"response": self.response("in_progress")}
                yield from self._begun() if self._search is None else self._search.begun()
            case Completed(finish_reason=reason):
                yield from self._whole()
                is_cut = reason in ("length", "filtered")
                status = "incomplete" if is_cut else "completed"
                yield status, {"response": self.response(status)}
            case Cancelled():
                yield from self._whole()
                yield "incomplete", {"response": self.response("incomplete")}
            case Failed(error):
                yield "failed", {"response": self.response("failed", error=error)}

    def _whole(self) -> Iterator[Named]:
        for index, annotation in enumerate(self._annotations()):
            told = {"annotation_index": index, "annotation": annotation}
            yield "output_text.annotation.added", {**self._place, **told}
        text = "".join(self._text)
        yield "output_text.done", {**self._place, "text": text, "logprobs": []}
        message = self._message("completed")
        yield "content_part.done", {**self._place, "part": message["content"][0]}
        yield "output_item.done", {"output_index": self._index, "item": message}

    @property
    def _item(self) -> str:
        return f"msg_{self._answer.run_id}"

    @property
    def _place(self) -> dict[str, Any]:
        return {"item_id": self._item, "output_index": self._index, "content_index": 0}

    def _output(self) -> list[dict[str, Any]]:
        calls = [] if self._search is None else [self._search.item()]
        return [*calls, self._message("completed")]

    def _message(self, status: str) -> dict[str, Any]:
        completed = self._answer.completed
        part = {
            "type": "output_text",
            "text": completed.answer if completed else "".join(self._text),
            "annotations": self._annotations(),
            "logprobs": [],
        }
        said = {"type": "message", "id": self._item, "status": status, "role": "assistant"}
        return {**said, "content": [part]}

    def _annotations(self) -> list[dict[str, Any]]:
        """Each citation as a file, which needs no address, and as an address."""
        answer = self._answer
        addresses = [{"type": "url_citation", **each} for each in answer.url_citations()]
        return [*answer.file_citations(), *addresses]

    def _incomplete(self, status: str) -> dict[str, str] | None:
        if status != "incomplete":
            return None
        reasons = {"length": "max_output_tokens", "content_filter": "content_filter"}
        return {"reason": reasons.get(self._answer.finish_reason, "stopped")}

    def _usage(self) -> dict[str, Any]:
        usage = self._answer.usage
        return {
            "input_tokens": usage.prompt_tokens,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": usage.completion_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        }

    def _named(self, name: str, **fields: Any) -> bytes:
        kind = f"response.{name}"
        data = json.dumps({"type": kind, "sequence_number": self._next(), **fields})
        return f"event: {kind}\ndata: {data}\n\n".encode("ascii")

    def _next(self) -> int:
        self._number += 1
        return self._number - 1


def _code(error: Failure) -> str:
    """The SDKs take two codes only; ours stands in the message of the log."""
    return "rate_limit_exceeded" if status_of_code(error.code) == 429 else "server_error"
