"""The shapes in which servers send chunks."""

import json

import pytest

from kb.errors import ModelUnavailable
from kb.models.llm.openai_stream import ChunkReader
from kb.types import EndPiece

SECRET = "the hidden prompt"


def delta(**fields):
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": None}]}


def read(*chunks):
    """The text and the end of a stream of chunks."""
    reader = ChunkReader("m")
    payloads = [
        chunk if isinstance(chunk, bytes) else json.dumps(chunk).encode() for chunk in chunks
    ]
    text = "".join(reader.text(payload) for payload in payloads)
    return text + reader.rest(), reader


STOP = {"choices": [{"delta": {}, "finish_reason": "stop"}]}


def test_contents_are_joined_and_everything_else_is_passed_over():
    text, reader = read(
        {"choices": [], "prompt_filter_results": [{}]},
        delta(role="assistant"),
        delta(role="assistant", content=None),
        delta(content="Hel"),
        {"choices": [{"index": 0, "finish_reason": None}]},
        {"choices": [{"delta": None}]},
        {"choices": None},
        b"",
        delta(content="lo"),
        STOP,
        b"[DONE]",
    )

    assert text == "Hello"
    assert reader.end() == EndPiece("stop", 0, 0)
    assert reader.complete
    assert reader.done


def test_completion_chunks_carry_plain_text():
    assert read({"choices": [{"text": "Hel"}]}, {"choices": [{"text": "lo"}]})[0] == "Hello"


def test_a_server_that_does_not_stream_sends_one_message():
    whole = {"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}]}

    text, reader = read(whole)

    assert text == "Hello"
    assert reader.complete


@pytest.mark.parametrize(
    "chunks",
    [
        [STOP | {"usage": {"prompt_tokens": 7, "completion_tokens": 2}}],
        [STOP, {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}}],
        [
            delta(content="x") | {"usage": {"prompt_tokens": 7, "completion_tokens": 1}},
            STOP | {"usage": {"prompt_tokens": 7, "completion_tokens": 2}},
        ],
        [STOP | {"usage": {"prompt_tokens": 7, "completion_tokens": 2}}, {"usage": None}],
    ],
)
def test_usage_is_taken_from_any_chunk_the_last_one_counts(chunks):
    assert read(*chunks)[1].end() == EndPiece("stop", 7, 2)


@pytest.mark.parametrize(
    ("reason", "ours"),
    [
        ("stop", "stop"),
        ("eos", "stop"),
        ("length", "length"),
        ("content_filter", "filtered"),
    ],
)
def test_finish_reasons_are_translated(reason, ours):
    _, reader = read({"choices": [{"delta": {}, "finish_reason": reason}]})

    assert reader.end().finish_reason == ours


def test_a_stream_that_only_stops_is_not_complete():
    assert not read(delta(content="Hel"))[1].complete


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_is_dropped_but_is_a_sign_of_life(field):
    text, reader = read(delta(**{field: "hmm"}), delta(**{field: "so", "content": "Hello"}))

    assert text == "Hello"
    assert reader.tokens_seen == 2


def test_lists_of_parts_give_their_text():
    parts = [{"type": "thinking", "thinking": "hmm"}, {"type": "text", "text": "Hello"}]

    assert read(delta(content=parts))[0] == "Hello"


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (rb'{"choices":[{"delta":{"content":"a\ud83d"}}]}', "a\ufffd"),
        (rb'{"choices":[{"delta":{"content":"\ude00b"}}]}', "\ufffdb"),
        (rb'{"choices":[{"delta":{"content":"\ud83d\ude00"}}]}', "\U0001f600"),
        (b'{"choices":[{"delta":{"content":"a\xffb"}}]}', "a\ufffdb"),
        (rb'{"choices":[{"delta":{"content":"a\u0000b"}}]}', "ab"),
        ('{"choices":[{"delta":{"content":"a\u2028b"}}]}'.encode(), "a\u2028b"),
    ],
)
def test_half_characters_and_nul_are_made_harmless(payload, text):
    assert read(payload)[0] == text


@pytest.mark.parametrize(
    "payload",
    [
        json.dumps({"error": {"message": SECRET}}).encode(),
        json.dumps({"error": SECRET}).encode(),
        json.dumps({"code": 10013, "message": SECRET, "sid": "x"}).encode(),
        json.dumps({"object": "error", "message": SECRET, "code": "400"}).encode(),
        SECRET.encode(),
        json.dumps([SECRET]).encode(),
        json.dumps({"choices": [SECRET]}).encode(),
        json.dumps({"choices": {"a": SECRET}}).encode(),
    ],
)
def test_errors_and_nonsense_raise_a_sentence_of_ours(payload):
    with pytest.raises(ModelUnavailable) as caught:
        read(delta(content="Hello"), payload)

    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_code_zero_is_no_error():
    assert read({"code": 0, "message": "Success", **delta(content="Hello")})[0] == "Hello"
