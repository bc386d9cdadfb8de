"""Zip archives: what is inspected, and every kind that is refused before a byte is unpacked."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import pytest

from ingest.intake.archives import (
    DOCUMENT_LIMITS,
    ArchiveLimits,
    MemberStream,
    inspect,
)
from kb.errors import UnreadableFile
from tests.ingest.readers.office_samples import zipped

KIB = 1024
SMALL = ArchiveLimits(
    entries=5, member_bytes=64 * KIB, unpacked_bytes=100 * KIB, ratio=20, free_bytes=10 * KIB
)
_CENTRAL, _LOCAL, _END = b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"


def names_of(data: bytes) -> list[str]:
    return [member.name for member in inspect(io.BytesIO(data), DOCUMENT_LIMITS)]


def refusal(data: bytes, limits: ArchiveLimits = SMALL) -> str:
    source = io.BytesIO(data)
    try:
        for member in inspect(source, limits):
            MemberStream(source, member).read()
    except UnreadableFile as refused:
        return refused.code
    return "not refused"


def with_name(name: bytes, *, utf8: bool = False, extra: bytes = b"") -> bytes:
    """An archive of one empty file whose name is stored as those bytes."""
    flags = 0x800 if utf8 else 0
    sizes = struct.pack("<HHHHHLLLHH", 20, flags, 0, 0, 0, 0, 0, 0, len(name), len(extra))
    local = _LOCAL + sizes + name + extra
    central = _CENTRAL + b"\x14\x00" + sizes + struct.pack("<HHHLL", 0, 0, 0, 0, 0) + name + extra
    end = _END + struct.pack("<HHHHLLH", 0, 0, 1, 1, len(central), len(local), 0)
    return local + central + end


def test_members_are_listed_and_read_as_they_were_written():
    data = zipped({"a/b.txt": b"x" * 9000, "c.bin": b"stored"}, stored=["c.bin"])
    source = io.BytesIO(data)

    first, second = inspect(source, SMALL)

    assert (first.name, first.size, first.is_folder) == ("a/b.txt", 9000, False)
    assert MemberStream(source, first).read() == b"x" * 9000
    assert b"".join(MemberStream(source, second)) == b"stored"


def test_folders_and_archives_within_are_told_apart():
    folder, inner, plain = inspect(
        io.BytesIO(zipped({"d/": "", "d/in.ZIP": "", "z.md": ""})), SMALL
    )

    assert (folder.is_folder, inner.is_nested, plain.is_nested) == (True, True, False)


def test_a_zip64_archive_is_read():
    target = io.BytesIO()
    with (
        zipfile.ZipFile(target, "w") as archive,
        archive.open(zipfile.ZipInfo("big.txt"), "w", force_zip64=True) as member,
    ):
        member.write(b"text")

    (member,) = inspect(target, SMALL)

    assert MemberStream(target, member).read() == b"text"


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("年度报告/总结.txt", "gb18030"),
        ("三国演义.txt", "gb18030"),
        ("テスト.txt", "cp932"),
        ("データ/資料.txt", "cp932"),
        ("résumé.txt", "cp437"),
        ("Größe über alles.txt", "cp437"),
        ("年度报告.txt", "utf-8"),
    ],
)
def test_names_without_a_stated_encoding_are_recognised(name, encoding):
    assert names_of(with_name(name.encode(encoding))) == [name]


def test_a_name_that_is_marked_as_utf8_is():
    assert names_of(with_name("é.txt".encode(), utf8=True)) == ["é.txt"]


def test_a_unicode_name_in_the_extra_field_wins_if_it_belongs_to_the_name():
    raw = "年.txt".encode("gb18030")
    body = b"\x01" + struct.pack("<L", zlib.crc32(raw)) + "岁.txt".encode()
    extra = struct.pack("<HH", 0x7075, len(body)) + body

    assert names_of(with_name(raw, extra=extra)) == ["岁.txt"]
    assert names_of(with_name("日.txt".encode("gb18030"), extra=extra)) == ["日.txt"]


def test_backslashes_of_old_windows_programs_part_folders():
    assert names_of(with_name(rb"a\b.txt")) == ["a/b.txt"]


@pytest.mark.parametrize(
    "name",
    [
        b"/etc/passwd",
        b"../up.txt",
        b"a/../../up.txt",
        rb"..\up.txt",
        b"C:/a.txt",
        b"a.txt\x00.exe",
        b"a\nb.txt",
        b"",
        b"/",
        b"a" * 600,
        b"d/" * 40 + b"a.txt",
    ],
)
def test_names_that_lead_astray_are_refused(name):
    assert refusal(with_name(name)) == "archive_unsafe_name"


def test_too_many_entries_are_refused():
    assert refusal(zipped({f"{number}": "" for number in range(6)})) == "archive_too_large"


def test_a_member_over_its_limit_is_refused():
    assert refusal(zipped({"a": b"\x00" * (65 * KIB)})) == "archive_too_large"


def test_more_in_total_than_allowed_is_refused():
    parts = {str(number): bytes(range(256)) * 200 for number in range(3)}

    assert refusal(zipped(parts, stored=parts)) == "archive_too_large"


def test_a_high_ratio_is_refused_only_above_what_cannot_hurt():
    assert refusal(zipped({"a": b"\x00" * (60 * KIB)})) == "archive_too_large"
    assert len(inspect(io.BytesIO(zipped({"a": b"\x00" * (9 * KIB)})), SMALL)) == 1


def test_entries_that_share_bytes_are_refused():
    data = zipped({"a": b"x" * 100})
    start, end = data.index(_CENTRAL), data.index(_END)
    entry = data[start:end]
    twice = entry + entry
    tail = struct.pack("<HHHHLLH", 0, 0, 2, 2, len(twice), start, 0)

    # Two entries for the same bytes need two names to get past the check for duplicates.
    assert refusal(data[:start] + twice + _END + tail) in ("archive_duplicate", "archive_overlap")


def test_an_entry_that_reaches_over_the_next_one_is_refused():
    data = bytearray(zipped({"a": b"x" * 50, "b": b"y" * 50}, stored=["a", "b"]))
    at = data.index(_CENTRAL)
    struct.pack_into("<LL", data, at + 20, 100, 100)  # a's sizes: over b's header and bytes

    assert refusal(bytes(data)) == "archive_overlap"


def test_an_entry_that_reaches_into_the_directory_is_refused():
    data = bytearray(zipped({"a": b"x" * 50}, stored=["a"]))
    at = data.index(_CENTRAL)
    struct.pack_into("<LL", data, at + 20, 80, 80)

    assert refusal(bytes(data)) == "archive_overlap"


def test_a_directory_that_names_another_file_than_is_there_is_refused():
    data = zipped({"good.txt": b"x"})
    at = data.index(_CENTRAL)

    assert refusal(data[:at] + data[at:].replace(b"good", b"evil")) == "archive_mismatch"


def test_an_encrypted_member_is_refused():
    data = bytearray(zipped({"a": b"x"}))
    for magic, flags_at in ((_LOCAL, 6), (_CENTRAL, 8)):
        data[data.index(magic) + flags_at] |= 1

    assert refusal(bytes(data)) == "archive_encrypted"


def test_a_link_is_refused():
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.create_system = 3
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")

    assert refusal(target.getvalue()) == "archive_link"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_stands_twice_is_refused():
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("a", "1")
        archive.writestr("a", "2")

    assert refusal(target.getvalue()) == "archive_duplicate"


def test_an_unusual_compression_is_refused():
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a", "1")

    assert refusal(target.getvalue()) == "archive_method"


def test_a_member_that_holds_more_than_it_says_is_refused_while_it_is_read():
    data = bytearray(zipped({"a": b"x" * 5000}))
    for magic, size_at in ((_LOCAL, 22), (_CENTRAL, 24)):
        struct.pack_into("<L", data, data.index(magic) + size_at, 10)

    assert refusal(bytes(data)) == "archive_damaged"


def test_a_wrong_checksum_is_refused():
    data = bytearray(zipped({"a": b"hello"}, stored=["a"]))
    data[data.index(b"hello")] ^= 1

    assert refusal(bytes(data)) == "archive_damaged"


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"PK\x05\x06" + b"\xff" * 18, b"no zip"])
def test_what_is_no_archive_is_refused(data):
    assert refusal(data) == "archive_damaged"


def test_an_archive_cut_anywhere_is_refused():
    data = zipped({"a": b"x" * 300, "b": b"y"})

    for cut in range(0, len(data) - 1, 7):
        assert refusal(data[:cut]) == "archive_damaged"
