"""Damaged parts in archives that are whole: a reader gives up with a reason, or reads clean text.

A flipped byte of a zip mostly breaks its checksum, so parts are damaged before they are packed.
"""

from __future__ import annotations

import random
import unicodedata
import zipfile
from io import BytesIO

import pytest

from ingest.readers import READERS
from ingest.types import ReadOptions
from kb.errors import UnreadableFile
from tests.ingest.readers.office_samples import OFFICE_SAMPLES, zipped

ROUNDS = 60
_SPLICES = (
    b"<",
    b"</",
    b"\x00",
    b'"',
    b"<w:p>",
    b"&#x1F600;",
    b"&x;",
    b"]]>",
    b"-1",
    b"99999999999",
)


@pytest.mark.parametrize("media_type", OFFICE_SAMPLES)
@pytest.mark.parametrize("seed", range(3))
def test_damaged_parts_give_clean_text_or_a_reason(media_type, seed):
    chance = random.Random(f"{media_type} {seed}")
    _, data = OFFICE_SAMPLES[media_type]
    packed = data.startswith(b"PK")
    damaged = [
        _in_a_part(data, chance) if packed else _damaged(data, chance) for _ in range(ROUNDS)
    ]
    outcomes = [_outcome(media_type, each) for each in damaged]
    assert set(outcomes) == {"text", "refused"}, "the damage is neither nothing nor everything"


@pytest.mark.parametrize("media_type", OFFICE_SAMPLES)
def test_damaged_archives_give_clean_text_or_a_reason(media_type):
    chance = random.Random(media_type)
    _, data = OFFICE_SAMPLES[media_type]
    outcomes = [_outcome(media_type, _damaged(data, chance)) for _ in range(ROUNDS)]
    assert "refused" in set(outcomes) <= {"text", "refused"}


def _in_a_part(data: bytes, chance: random.Random) -> bytes:
    with zipfile.ZipFile(BytesIO(data)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = chance.choice([name for name in parts if name != "mimetype"])
    parts[name] = _damaged(parts[name], chance)
    return zipped(parts, stored=["mimetype"])


def _damaged(data: bytes, chance: random.Random) -> bytes:
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(data) + 1)
        end = min(len(data), at + chance.randint(1, 30))
        change = chance.choice(("flip", "cut", "drop", "double", "splice", "digits"))
        if change == "flip" and at < len(data):
            data = data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]
        elif change == "cut":
            data = data[:at] or data
        elif change == "drop":
            data = data[:at] + data[end:] or data
        elif change == "double":
            data = data[:end] + data[at:]
        elif change == "splice":
            data = data[:at] + chance.choice(_SPLICES) + data[at:]
        else:
            digit = str(chance.randrange(10)).encode()
            data = data.replace(digit, chance.choice((b"", b"-1", b"9" * 12)), 1) or data
    return data


def _outcome(media_type: str, data: bytes) -> str:
    """What became of a file; whichever it is, it has to be right."""
    try:
        extraction = READERS[media_type](BytesIO(data), ReadOptions(max_characters=100_000))
    except UnreadableFile as exc:
        return "refused" if exc.detail.endswith(".") else "refused without a sentence"
    lengths = {page.number: len(page.text) for page in extraction.pages}
    assert any(page.text.strip() for page in extraction.pages)
    assert all(unicodedata.is_normalized("NFC", page.text) for page in extraction.pages)
    assert all(warning.isprintable() for warning in extraction.warnings)
    assert all(block.end <= lengths[block.page] for block in extraction.blocks)
    return "text"
