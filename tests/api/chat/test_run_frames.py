"""Run events as frames: ASCII, one event per frame, nothing in a token can break them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http import sse
from api.resources.chat import run_stream
from kb.access import Caller, OpenStream
from kb.chat.ask.question import RunIdentity
from kb.chat.run.run import Run
from kb.text.fixed_sentences import fixed_sentence
from kb.types import (
    Cancelled,
    Citation,
    Cited,
    Completed,
    Delta,
    Failed,
    Failure,
    Route,
    Routed,
    Scope,
    Started,
    Usage,
)

CITATION = Citation(1, 6, 9, "c1", "d1", "a.md", 2, 10, 15, "quote")
COMPLETED = Completed(
    message_id="m1",
    finish_reason="stop",
    answer="Hello [1]",
    citations=(CITATION,),
    grounded=True,
    route=Route("base", "default", "echo"),
    usage=Usage(prompt_tokens=120, completion_tokens=7, estimated=False, prompt_hidden=100),
    cost=0.5,
    timings_ms={"rewrite": 0.0, "search": 1.0, "first_token": 2.0, "total": 3.0},
)


def parse(frames: bytes) -> list[tuple[int, str, Any]]:
    """What a browser makes of frames: lines end at LF, CR or CRLF, an empty line ends an event."""
    text = frames.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    parsed = []
    for frame in text.split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in frame.split("\n"))
        assert set(fields) == {"id", "event", "data"}
        parsed.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return parsed


@given(st.lists(st.text(st.characters(exclude_categories=()), max_size=20), max_size=10))
def test_any_text_survives_the_wire(texts: list[str]):
    batch = [(number, Delta(text)) for number, text in enumerate(texts, start=1)]

    frames = run_stream.run_frames(batch, full=False)

    assert frames.isascii()
    assert parse(frames) == [(n, "delta", {"text": event.text}) for n, event in batch]


def test_the_short_way_of_a_delta_is_the_long_way():
    text = 'a"\\\n\u2028\0月'
    assert run_stream.run_frame(3, Delta(text), full=False) == sse.frame(3, "delta", {"text": text})


@pytest.mark.parametrize(
    ("event", "name", "data"),
    [
        (
            Started("r1", "v1", "m1", "library", 3),
            "run.started",
            {
                "run_id": "r1",
                "conversation_id": "v1",
                "message_id": "m1",
                "app": {"slug": "library", "version": 3},
            },
        ),
        (
            Routed(Route("tuned", "canary", "mine")),
            "route",
            {"variant": "tuned", "reason": "canary", "model": "mine"},
        ),
        (
            Cited(CITATION),
            "citation",
            {
                "n": 1,
                "answer_start": 6,
                "answer_end": 9,
                "chunk_id": "c1",
                "document_id": "d1",
                "document_name": "a.md",
                "page": 2,
                "start": 10,
                "end": 15,
                "quote": "quote",
            },
        ),
        (
            Failed(Failure("model_unavailable", "It is gone."), retryable=True),
            "run.failed",
            {"error": {"code": "model_unavailable", "detail": "It is gone.", "retryable": True}},
        ),
        (Cancelled("stopped"), "run.cancelled", {"reason": "stopped"}),
    ],
)
def test_an_event_has_the_shape_of_the_contract(event, name: str, data: dict):
    assert parse(run_stream.run_frame(1, event, full=False)) == [(1, name, data)]


def test_the_hidden_prompt_shows_neither_in_tokens_nor_in_cost():
    [(_, _, shown)] = parse(run_stream.run_frame(1, COMPLETED, full=False))
    [(_, _, known)] = parse(run_stream.run_frame(1, COMPLETED, full=True))

    assert shown["usage"] == {"prompt_tokens": 20, "completion_tokens": 7, "estimated": False}
    assert "cost" not in shown
    assert known["usage"]["prompt_tokens"] == 120
    assert known["cost"] == 0.5
    assert set(known) == {
        "message_id",
        "finish_reason",
        "answer",
        "citations",
        "unsupported",
        "grounded",
        "route",
        "usage",
        "cost",
        "timings_ms",
    }


class BrokenRun(Run):
    """A run whose buffer breaks while it is read."""

    async def subscribe_batches(self, after: int = 0, **_: object) -> AsyncIterator[list]:
        yield [(after + 1, Delta("Hel")), (after + 2, Delta("lo"))]
        raise RuntimeError("secret-of-the-house")


def asked_in_german(kind: type[Run]) -> Run:
    identity = RunIdentity("r1", "c1", "m1", "a1")
    return kind(identity, grace_s=60.0, arrival_s=60.0, language=lambda: "de")


def test_a_stream_that_breaks_ends_with_a_failure_in_the_reader_s_language():
    async def collected() -> bytes:
        frames = run_stream.run_stream(
            asked_in_german(BrokenRun),
            4,
            OpenStream(Caller("admin", Scope.admin())),
            partial(run_stream.run_frames, full=False),
        )
        return b"".join([piece async for piece in frames])

    frames = asyncio.run(collected())

    assert [(n, name) for n, name, _ in parse(frames)] == [
        (5, "delta"),
        (6, "delta"),
        (7, "run.failed"),
    ]
    assert b"secret-of-the-house" not in frames
    error = parse(frames)[-1][2]["error"]
    assert (error["code"], error["detail"]) == ("internal_error", fixed_sentence("failed", "de"))


def test_who_loses_a_key_while_reading_is_told_so_in_the_language_of_the_question():
    async def collected() -> bytes:
        stream = OpenStream(Caller("admin", Scope.admin()))
        stream.revoke()
        run = asked_in_german(Run)
        frames = run_stream.run_stream(run, 0, stream, partial(run_stream.run_frames, full=False))
        return b"".join([piece async for piece in frames])

    [(_, name, data)] = parse(asyncio.run(collected()))
    assert (name, data["error"]["code"]) == ("run.failed", "unauthenticated")
    assert data["error"]["detail"] == fixed_sentence("key_ended", "de")
