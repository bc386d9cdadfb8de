"""The parent believes nothing that a reader process says until it is checked."""

import io
import json

import pytest

from ingest.sandbox import wire
from ingest.types import Extraction
from kb.errors import UnreadableFile
from kb.types import Block, Page

EXTRACTION = Extraction(
    pages=(Page(1, "一 pump\n"), Page(3, "")),
    blocks=(Block(1, 0, 6, "heading", 2),),
    encoding="gb18030",
    encoding_confidence=0.9,
    parser="test 1",
    warnings=("careful",),
    empty_pages=(3,),
)


def test_an_extraction_survives_the_way():
    assert wire.decode_answer(wire.encode_extraction(EXTRACTION), 100) == EXTRACTION


def test_a_failure_arrives_as_an_error():
    with pytest.raises(UnreadableFile, match=r"Damaged\.") as failed:
        wire.decode_answer(wire.encode_failure("damaged_file", "Damaged."), 100)
    assert failed.value.code == "damaged_file"


@pytest.mark.parametrize(
    "change",
    [
        {"pages": [[1, "a"], [1, "b"]]},
        {"pages": [[1, "x" * 101]]},
        {"pages": [[-1, "a"]]},
        {"pages": [[True, "a"]]},
        {"pages": [[1, "a\x00"]]},
        {"pages": [[1, "\ud800"]]},
        {"pages": [[1, 7]]},
        {"blocks": [[1, 0, 99, 0, 1]]},
        {"blocks": [[1, 4, 2, 0, 1]]},
        {"blocks": [[2, 0, 1, 0, 1]]},
        {"blocks": [[1, 0, 1, 9, 1]]},
        {"blocks": [[1, 0, 1, -1, 1]]},
        {"blocks": [[1, 0]]},
        {"encoding": 7},
        {"encoding_confidence": "high"},
        {"warnings": [7]},
        {"reason": "Not One Of Ours", "detail": "x"},
        {"reason": "damaged_file", "detail": "x" * 2000},
    ],
)
def test_an_answer_that_breaks_the_contract_is_refused(change):
    answer = {**json.loads(wire.encode_extraction(EXTRACTION)), **change}

    with pytest.raises((ValueError, TypeError, KeyError, IndexError)):
        wire.decode_answer(json.dumps(answer).encode(), 100)


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b"\xff", b"[" * 100_000])
def test_an_answer_that_is_none_is_refused(payload):
    with pytest.raises((ValueError, TypeError, KeyError)):
        wire.decode_answer(payload, 100)


def test_frames_keep_their_bounds_and_a_cut_one_is_the_end():
    pipe = io.BytesIO()
    wire.write_frame(pipe, b"one")
    wire.write_frame(pipe, b"")
    pipe.write(wire.LENGTH.pack(5) + b"cut")
    pipe.seek(0)

    assert [wire.read_frame(pipe) for _ in range(3)] == [b"one", b"", None]
