"""Server-sent events, cut anywhere."""

import pytest

from kb.models.llm.openai_stream import EventDecoder

STREAM = (
    b"data: one\n\n"
    b": a comment\r\n"
    b"event: message\r\nid: 7\r\ndata:two\r\n\r\n"
    b"data: with \xe2\x80\xa8 and \xc2\x85 and \x0b and \x0c inside\r\r"
    b"data: first line\ndata: second line\n\n"
    b"\n\n"
    b"data:\n\n"
    b"retry: 10\n\n"
    b"data: \xe4\xb8\xad\n\n"
)
EVENTS = [
    b"one",
    b"two",
    b"with \xe2\x80\xa8 and \xc2\x85 and \x0b and \x0c inside",
    b"first line\nsecond line",
    b"",
    b"\xe4\xb8\xad",
]


def decode(blocks):
    decoder = EventDecoder()
    events = [event for block in blocks for event in decoder.feed(block)]
    return events + decoder.finish()


def test_lines_end_at_cr_lf_and_crlf_and_nowhere_else():
    assert decode([STREAM]) == EVENTS


@pytest.mark.parametrize("cut", range(len(STREAM) + 1))
def test_a_cut_at_any_byte_changes_nothing(cut):
    assert decode([STREAM[:cut], STREAM[cut:]]) == EVENTS


def test_single_bytes_with_empty_blocks_between_change_nothing():
    blocks = [block for byte in STREAM for block in (bytes([byte]), b"")]

    assert decode(blocks) == EVENTS


def test_an_event_is_there_as_soon_as_its_last_byte_is():
    decoder = EventDecoder()

    assert decoder.feed(b"data: x\r\n") == []
    assert decoder.feed(b"\r") == [b"x"]
    assert decoder.feed(b"\ndata: y\r\n\r\n") == [b"y"]


def test_a_last_event_without_its_blank_line_counts():
    assert decode([b"data: x\n\ndata: y"]) == [b"x", b"y"]
