"""Answers as Chat Completions and as Completions: chunks of a stream, and whole.

A stream has lines of `data:` only: the SDKs of OpenAI break at `id:` and `event:`. The passages
ride on the first chunk with text, citations on the one that ends the answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from json.encoder import encode_basestring_ascii
from typing import Any, Literal

from api.dialects.openai.answer import Answer
from api.dialects.openai.shared.errors import error_fields
from api.errors import status_of_code
from kb.chat.run.run import Numbered
from kb.types import Cancelled, Completed, Delta, Failed, Routed, RunEvent

Style = Literal["chat", "completion"]

DONE = b"data: [DONE]\n\n"
_TEXT = "\u0000text\u0000"


class Chunks:
    """Writes the events of one run; call it with them in their order."""

    def __init__(
        self, answer: Answer, created: float, style: Style, *, tells_usage: bool = False
    ) -> None:
        self._answer = answer
        self._created = int(created)
        self._style = style
        self._tells_usage = tells_usage
        self._before = self._after = ""

    def __call__(self, batch: Sequence[Numbered]) -> bytes:
        """The chunks of some events."""
        return b"".join(self._chunk(event) for _, event in batch)

    def whole(self, completed: Completed) -> dict[str, Any]:
        """A whole answer as one object."""
        message: dict[str, Any] = {
            "role": "assistant",
            "content": completed.answer,
            "refusal": None,
        }
        if self._answer.citations:
            message["annotations"] = self._annotations()
        said = {"message": message} if self._style == "chat" else {"text": completed.answer}
        found = self._object(said, self._answer.finish_reason, is_chunk=False)
        return found | {"usage": self._usage(), "grounded": completed.grounded} | self._found()

    def _chunk(self, event: RunEvent) -> bytes:
        if type(event) is Delta and self._before:
            text = encode_basestring_ascii(event.text)
            return f"{self._before}{text}{self._after}".encode("ascii")
        return b"".join(self._other(event))

    def _other(self, event: RunEvent) -> Iterator[bytes]:
        is_begun = bool(self._answer.variant)
        self._answer.note(event)
        match event:
            case Delta(text):
                yield _data(self._object(self._said(text)) | self._found())
                template = json.dumps(self._object(self._said(_TEXT)))
                before, after = template.split(encode_basestring_ascii(_TEXT))
                self._before, self._after = f"data: {before}", f"{after}\n\n"
            case Failed(error):
                said = error_fields(status_of_code(error.code), error.code, error.detail)
                yield _data({"error": said})
            case Completed() | Cancelled():
                yield from self._end()
            case Routed() if not is_begun and self._style == "chat":
                yield _data(self._object({"delta": {"role": "assistant", "content": ""}}))

    def _end(self) -> Iterator[bytes]:
        cited = {"annotations": self._annotations()} if self._answer.citations else {}
        said: dict[str, Any] = {"delta": cited} if self._style == "chat" else {"text": ""}
        last = self._object(said, self._answer.finish_reason)
        if self._answer.completed is not None:
            last["grounded"] = self._answer.completed.grounded
        yield _data(last if self._before else last | self._found())
        if self._tells_usage:
            yield _data(self._object({}) | {"choices": [], "usage": self._usage()})
        yield DONE

    def _said(self, text: str) -> dict[str, Any]:
        return {"delta": {"content": text}} if self._style == "chat" else {"text": text}

    def _object(
        self, said: dict[str, Any], finish_reason: str | None = None, *, is_chunk: bool = True
    ) -> dict[str, Any]:
        answer = self._answer
        kind = "text_completion"
        if self._style == "chat":
            kind = "chat.completion.chunk" if is_chunk else "chat.completion"
        choice = {"index": 0, **said, "logprobs": None, "finish_reason": finish_reason}
        made = {
            "id": f"{'chatcmpl' if self._style == 'chat' else 'cmpl'}-{answer.run_id}",
            "object": kind,
            "created": self._created,
            "model": answer.model,
            "system_fingerprint": answer.fingerprint,
            "choices": [choice],
        }
        return made | ({"usage": None} if is_chunk and self._tells_usage else {})

    def _annotations(self) -> list[dict[str, Any]]:
        cited = self._answer.url_citations()
        return [{"type": "url_citation", "url_citation": each} for each in cited]

    def _found(self) -> dict[str, Any]:
        """The passages, where there are any: LobeChat takes an empty list for some."""
        return {"search_results": self._answer.search_results()} if self._answer.sources else {}

    def _usage(self) -> dict[str, Any]:
        usage = self._answer.usage
        return {
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        }


def _data(value: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(value)}\n\n".encode("ascii")
