"""What a file is, by its bytes."""

import pytest

from ingest.readers import READERS
from ingest.sniff.audio_types import AUDIO
from ingest.sniff.media_types import sniff
from kb.errors import UnreadableFile, UnsupportedMedia
from tests.ingest.readers.samples import SAMPLES


@pytest.mark.parametrize("media_type", SAMPLES)
def test_every_sample_is_recognised(media_type):
    name, data = SAMPLES[media_type]

    assert sniff(data, name) == media_type


def test_every_reader_has_a_sample():
    assert set(SAMPLES) == set(READERS) - set(AUDIO)


@pytest.mark.parametrize(
    ("name", "head", "media_type"),
    [
        ("report.txt", b"%PDF-1.7\n", "application/pdf"),
        ("junk-first.pdf", b"\n\n%PDF-1.4\n", "application/pdf"),
        ("page.txt", b" <!DOCTYPE html><p>hi", "text/html"),
        ("notes.markdown", b"# hi", "text/markdown"),
        ("A.TSV", b"a\tb", "text/csv"),
        ("server.log", b"started", "text/plain"),
        ("no extension", "第一回".encode("gb18030"), "text/plain"),
        ("wide.txt", "hello\n".encode("utf-16"), "text/plain"),
        ("wide-without-bom.txt", "hello\n".encode("utf-16-le"), "text/plain"),
    ],
)
def test_bytes_decide_before_names(name, head, media_type):
    assert sniff(head, name) == media_type


@pytest.mark.parametrize(
    ("name", "head", "says"),
    [
        ("a.bin", b"PK\x03\x04....", "zip archive"),
        ("a.txt", b"\x7fELF\x02\x01\x01\x00", "program"),
        ("a.txt", bytes(range(256)), "not a text"),
        ("a.txt", b"text\x00then\x00\x00binary\x01\x00", "not a text"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_can(name, head, says):
    with pytest.raises(UnsupportedMedia, match=says) as refused:
        sniff(head, name)
    assert "PDF, Markdown, HTML, CSV, TSV and plain text" in refused.value.detail


@pytest.mark.parametrize(
    ("name", "head", "media_type"),
    [
        ("picture.md", b"\x89PNG\r\n\x1a\n\x00\x00", "image/png"),
        ("no extension", b"From: a@b.c\r\nTo: d@e.f\r\nSubject: pumps\r\n\r\nhi", "message/rfc822"),
        ("mail.txt", b"Received: x\nMessage-ID: <1>\nDate: today\n\nhi", "message/rfc822"),
        ("letter.txt", b"From: me\n\nDear reader", "text/plain"),
        (
            "all.txt",
            b"From a@b.c Mon Jan  5 2026\nFrom: a\nTo: b\nDate: c\n\nhi",
            "application/mbox",
        ),
        ("run", b"#!/usr/bin/env python3\nprint(1)", "text/x-source"),
        ("page.php", b"<!doctype html><?php echo 1 ?>", "text/x-source"),
        ("Dockerfile", b"FROM scratch", "text/x-source"),
        ("notebook.ipynb", b"{}", "application/json"),
        ("cues.txt", b"WEBVTT\n\n", "text/vtt"),
        ("wide.txt", "今天天气很好，我们去公园。".encode("utf-16-le"), "text/plain"),
    ],
)
def test_texts_are_told_apart_by_their_beginning_and_name(name, head, media_type):
    assert sniff(head, name) == media_type


def test_an_empty_file_says_so():
    with pytest.raises(UnreadableFile) as refused:
        sniff(b"", "a.pdf")
    assert refused.value.code == "empty_file"
