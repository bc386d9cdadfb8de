"""The parent believes nothing that a reader process says until it is checked."""

import json

import pytest

from ingest.sandbox import wire
from ingest.sandbox.processing import process
from ingest.sandbox.unpacking import Unpacking
from ingest.types import Extraction
from kb.errors import UnreadableFile
from kb.models.embed.tokenizer import WordTokenizer
from kb.types import Block, Page, Processing, SplitOptions

EXTRACTION = Extraction(
    pages=(Page(1, "一 pump\n"), Page(3, "")),
    blocks=(Block(1, 0, 6, "heading", 2),),
    encoding="gb18030",
    encoding_confidence=0.9,
    parser="test 1",
    warnings=("careful",),
    empty_pages=(3,),
)


PROCESSED = process(
    EXTRACTION,
    Processing(split=SplitOptions(mode="parent_child", max_tokens=16)),
    WordTokenizer(),
    max_tokens=16,
    chunk_prefix="c",
    document_id="d",
)


def unpacked(*frames: bytes, most_characters: int = 100, most_bytes: int = 10**6) -> Unpacking:
    unpacking = Unpacking(
        most_characters=most_characters,
        most_bytes=most_bytes,
        chunk_prefix="c",
        document_id="d",
    )
    for frame in frames:
        unpacking.take(frame)
    return unpacking


def test_a_document_survives_the_way():
    there = unpacked(*wire.encode_document(EXTRACTION, PROCESSED))
    assert there.extraction() == EXTRACTION
    assert there.processed() == PROCESSED


@pytest.mark.parametrize("mode", ["auto", "parent_child", "separator"])
def test_a_long_document_travels_in_small_frames(mode, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(wire, "FRAME_CHARACTERS", 1000)
    text = "".join(f"# {n}\n\nThe pump  moves water {n}. 泵。\n\n" for n in range(400))
    read = Extraction((Page(1, text), Page(2, ""), Page(3, text)), (), None, None, "test 1")
    options = Processing(split=SplitOptions(mode=mode))
    own = {"max_tokens": 32, "chunk_prefix": "c", "document_id": "d"}
    done = process(read, options, WordTokenizer(), **own)
    sent = list(wire.encode_document(read, done))

    assert len(sent) > 20
    assert max(map(len, sent)) < 8000
    assert unpacked(*sent, most_characters=10**6, most_bytes=10**8).processed() == done


def test_a_failure_arrives_as_an_error():
    with pytest.raises(UnreadableFile, match=r"Damaged\.") as failed:
        unpacked(wire.encode_failure("damaged_file", "Damaged."))
    assert failed.value.code == "damaged_file"


@pytest.mark.parametrize("kind", ["blocks", "chunks", "removals"])
def test_what_is_unpacked_is_bounded_in_bytes(kind):
    entry = {
        "blocks": [1, 0, 1, 0, 1],
        "chunks": [[[1, 0, 1]], "", "a", None],
        "removals": ["urls", 1, 0, 1, ""],
    }[kind]
    page = wire.encode({"pages": [[1, "a"]]})
    with pytest.raises(UnreadableFile) as failed:
        unpacked(page, wire.encode({kind: [entry] * 1000}), most_bytes=100_000)
    assert failed.value.code == "read_memory"


@pytest.mark.parametrize(
    "message",
    [
        {"pages": [[1, "b"]]},
        {"pages": [[7, "x" * 101]]},
        {"pages": [[-1, "a"]]},
        {"pages": [[True, "a"]]},
        {"pages": [[7, "a\x00"]]},
        {"pages": [[7, "\ud800"]]},
        {"pages": [[7, 7]]},
        {"blocks": [[1, 0, 99, 0, 1]]},
        {"blocks": [[1, 4, 2, 0, 1]]},
        {"blocks": [[2, 0, 1, 0, 1]]},
        {"blocks": [[1, 0, 1, 9, 1]]},
        {"blocks": [[1, 0, 1, -1, 1]]},
        {"blocks": [[1, 0]]},
        {"chunks": [[[[1, 0, 99]], "", "a", None]]},
        {"chunks": [[[[9, 0, 1]], "", "a", None]]},
        {"chunks": [[[[1, 0, 1]], "", "a", True]]},
        {"chunks": [[[[1, 0, 1]], "", 7, None]]},
        {"chunks": [[[[1, 0, 1]], "", "a", [[[1, 0, 99]], "a"]]]},
        {"removals": [["urls", 1, 0, 99, ""]]},
        {"strangers": [[1]]},
        {"reason": "Not One Of Ours", "detail": "x"},
        {"reason": "damaged_file", "detail": "x" * 2000},
    ],
)
def test_a_frame_that_breaks_the_contract_is_refused(message):
    frame = json.dumps(message).encode()
    with pytest.raises((ValueError, TypeError, KeyError, IndexError)):
        unpacked(*wire.encode_document(EXTRACTION), frame)


@pytest.mark.parametrize(
    "change",
    [{"encoding": 7}, {"encoding_confidence": "high"}, {"warnings": [7]}, {"empty_pages": ["a"]}],
)
def test_an_end_that_breaks_the_contract_is_refused(change):
    (whole,) = wire.encode_document(EXTRACTION)
    end = json.loads(whole)["end"]
    there = unpacked(wire.encode({"end": {**end, **change}}))
    with pytest.raises((ValueError, TypeError)):
        there.extraction()
    with pytest.raises(KeyError):
        there.processed()


@pytest.mark.parametrize("frame", [b"", b"[]", b"\xff", b"[" * 100_000])
def test_a_frame_that_is_none_is_refused(frame):
    with pytest.raises((ValueError, TypeError)):
        unpacked(frame)


def test_a_small_document_is_one_frame_and_one_whose_text_is_known_brings_no_text():
    (whole,) = wire.encode_document(EXTRACTION, PROCESSED)
    (known,) = wire.encode_document(EXTRACTION, PROCESSED, is_known=True)

    assert set(json.loads(whole)) == {"pages", "blocks", "chunks", "end"}
    assert set(json.loads(known)) == {"chunks", "end"}
