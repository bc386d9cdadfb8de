"""Reads the events of OpenAI-compatible streams, and their chunks in all the shapes that are sent.

Tolerated: no choices, no delta, null content, role only, usage on any chunk, in a choice or
nowhere, reasoning fields and parts (dropped), thoughts in the text (dropped), the whole text again
in a `message`, half surrogates (replaced by U+FFFD), events without a blank line between.
An error object or a code other than 0 raises, and its words are dropped: servers echo requests, and
a request holds the hidden prompt.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import orjson

from kb.errors import ModelUnavailable
from kb.models.llm.failures import TryAgain
from kb.models.llm.thoughts import ThinkFilter
from kb.models.llm.token_counts import end_piece
from kb.text.model_text import clean
from kb.types import EndPiece, FinishReason

DONE = b"[DONE]"
FINISH_REASONS: Mapping[str, FinishReason] = {
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_length": "length",
    "model_context_window_exceeded": "length",
    "content_filter": "filtered",
    "sensitive": "filtered",
    "safety": "filtered",
    "refusal": "filtered",
}
BROKEN_OFF = frozenset({"error", "network_error", "insufficient_system_resource"})
"""Reasons of providers that failed while they answered."""
BOM = b"\xef\xbb\xbf"
NO_ERROR = (None, 0, 200, "", "0", "200")
REASONING = ("reasoning_content", "reasoning", "reasoning_details", "thinking")


class EventDecoder:
    """Turns blocks of bytes, cut anywhere, into the data of whole events. It holds what has no end
    yet: the caller limits that.

    Lines end at CR, LF or CRLF and nowhere else. `httpx.iter_lines` and `str.splitlines` also end
    them at U+2028, U+0085, VT and FF, which stand in tokens: such a stream loses text.

    Source: WHATWG HTML, "Server-sent events", 9.2.6 (interpreting an event stream).
    """

    def __init__(self) -> None:
        self._rest = bytearray()
        self._after_cr = self._has_begun = False
        self._data: list[bytes] = []

    def feed(self, block: bytes) -> list[bytes]:
        """The data of every event that this block completes; comments and other fields are
        dropped."""
        if self._after_cr and block:
            # The CR ended its line already; its LF is not an empty line.
            block = block.removeprefix(b"\n")
            self._after_cr = False
        if not self._has_begun and block:
            block, self._has_begun = block.removeprefix(BOM), True
        self._rest += block
        if b"\n" not in block and b"\r" not in block:
            return []  # a long line is looked through once, however many blocks bring it
        self._after_cr = block.endswith(b"\r")
        lines = bytes(self._rest).splitlines()  # of bytes: CR, LF and CRLF only
        self._rest = bytearray() if block.endswith((b"\r", b"\n")) else bytearray(lines.pop())
        return self._events(lines)

    def finish(self) -> list[bytes]:
        """The data of an event whose closing blank line the server left out."""
        return self._events([bytes(self._rest), b""])

    def _events(self, lines: list[bytes]) -> list[bytes]:
        events = []
        for line in lines:
            data = line[5:].removeprefix(b" ") if line.startswith(b"data:") else None
            # Within JSON no object follows another like this: a blank line was left out.
            is_next = data is not None and data.startswith((b"{", DONE)) and self._ends_object
            if self._data and (not line or is_next):
                events.append(b"\n".join(self._data))
                self._data = []
            if data is not None:
                self._data.append(data)
        return events

    @property
    def _ends_object(self) -> bool:
        return bool(self._data) and self._data[-1].endswith(b"}")


class ChunkReader:
    """Follows one stream from chunk to chunk.

    Args:
        thinks_first: its text begins with a thought that no tag opens.
        is_cumulative: each chunk holds all of the text so far.

    Attributes:
        tokens_seen: grows with every piece of text or reasoning, so that a caller can tell a model
            that thinks from one that hangs.
        complete: the server said that the answer is whole; its usage may still follow.
        done: the server said that nothing follows.
    """

    def __init__(
        self, model: str, *, thinks_first: bool = False, is_cumulative: bool = False
    ) -> None:
        self._model = model
        self._is_cumulative = is_cumulative
        self._received = 0
        self._think = ThinkFilter(thinks_first=thinks_first)
        self._finish_reason: FinishReason = "stop"
        self._usage: Mapping[str, Any] = {}
        self.tokens_seen = 0
        self.complete = False
        self.done = False

    def text(self, payload: bytes) -> str:
        """The answer's next characters, often none.

        Raises:
            ModelUnavailable: the payload is an error, or no JSON object.
        """
        if payload.strip() in (b"", DONE):
            self.done = payload.strip() == DONE
            self.complete = self.complete or self.done
            return ""
        try:
            chunk = self._parse(payload)
            self._usage = chunk.get("usage") or self._usage
            choices = chunk.get("choices")
            return self._choice(choices[0]) if choices else ""
        except (AttributeError, KeyError, TypeError):
            raise self.nonsense() from None

    def check_whole(self) -> None:
        """Raises ModelUnavailable if the stream has ended too early, or said nothing.

        A tool call is nothing: no tool was offered.
        """
        who = f"The language model {self._model!r}"
        if not self.complete:
            raise TryAgain(f"{who} broke off before its answer was whole.")
        if not self._received and self._finish_reason == "stop":
            raise ModelUnavailable(f"{who} sent an empty answer.")

    @property
    def thinks_unopened(self) -> bool:
        """Whether a thought has ended that no tag had opened."""
        return self._think.thinks_unopened

    def rest(self) -> str:
        """Characters still held back when the stream has ended."""
        return self._think.finish()

    def end(self) -> EndPiece:
        """What is known at the end; zero tokens where the server did not count."""
        return end_piece(self._finish_reason, self._usage)

    def _choice(self, choice: Mapping[str, Any]) -> str:
        self._usage = choice.get("usage") or self._usage
        if reason := str(choice.get("finish_reason") or "").lower():
            if reason in BROKEN_OFF:
                raise TryAgain(f"The language model {self._model!r} broke off ({reason}).")
            self.complete = True
            self._finish_reason = FINISH_REASONS.get(reason, "stop")
        delta = choice.get("delta") or choice.get("message") or choice
        content = delta.get("content") or delta.get("text") or ""
        text = _plain(content)
        is_thought = bool(content) and not isinstance(content, str) and not text
        if self._is_cumulative or (delta is choice.get("message") and self._received):
            text = text[self._received :]
        reasons_apart = is_thought or any(delta.get(name) for name in REASONING)
        if text or reasons_apart:
            self.tokens_seen += 1
        self._received += len(text)
        said = self._think.reasons_apart() if reasons_apart else ""
        return said + self._think.feed(text) if text else said

    def _parse(self, payload: bytes) -> Mapping[str, Any]:
        chunk = _loads(payload)
        if not isinstance(chunk, dict):
            if self.complete:
                return {}  # nothing that is needed; perhaps the connection was cut within it
            raise self.nonsense()
        base = chunk.get("base_resp") or {}
        codes = [chunk.get("code"), chunk.get("error_code"), base.get("status_code")]
        if chunk.get("error") or any(code not in NO_ERROR for code in codes):
            raise ModelUnavailable(
                f"The language model {self._model!r} reported an error. Its server's log says why."
            )
        return chunk

    def nonsense(self) -> ModelUnavailable:
        """The error for whatever is not a stream of chunks."""
        return ModelUnavailable(
            f"The language model {self._model!r} sent something that is not an answer. "
            "Check that its address is an OpenAI-compatible endpoint."
        )


def _plain(content: str | list[Mapping[str, Any]]) -> str:
    # Some servers send a list of typed parts, thoughts among them.
    if not isinstance(content, str):
        content = "".join(part["text"] for part in content if part.get("type") == "text")
    return clean(content)


def _loads(payload: bytes) -> Any:
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        pass  # half a surrogate pair or bad UTF-8, which the slower reader takes
    try:
        return json.loads(payload.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
