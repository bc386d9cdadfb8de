"""Mails: headers, body, and everything that is in them, whatever the senders did to it."""

import base64
from io import BytesIO

import pytest

from ingest.readers.mail.mail import read_mail, read_mailbox
from ingest.readers.mail.outlook import read_outlook, unpacked
from ingest.types import ReadOptions
from kb.errors import UnreadableFile
from tests.ingest.readers.message_samples import MAIL, MAILBOX
from tests.ingest.readers.outlook_samples import (
    BODY,
    FILE_DATA,
    FILE_NAME,
    HTML,
    RTF,
    SUBJECT,
    message,
)

CHINESE = "请把这份合同发给财务部门审核，我们下周需要签字。谢谢你的帮助，大家辛苦了。"


def _read(source, **options):
    data = source if isinstance(source, bytes) else source.encode()
    return read_mail(BytesIO(data), ReadOptions(**options))


def _headings(extraction):
    texts = {page.number: page.text for page in extraction.pages}
    return [
        (block.page, block.level, texts[block.page][block.start : block.end])
        for block in extraction.blocks
        if block.kind == "heading"
    ]


def test_headers_and_body_are_a_page_and_attachments_are_pages_under_their_names():
    extraction = _read(MAIL)

    assert extraction.pages[0].text == (
        "About pumps\n\n"
        "From: 张三 <z@example.org>\nTo: b@example.org\n"
        "Date: Mon, 5 Jan 2026 10:00:00 +0000\nSubject: About pumps\n\n"
        "A pump moves water."
    )
    assert extraction.pages[1].text == "parts.csv\n\npart: seal | price: 3"
    assert _headings(extraction) == [(1, 1, "About pumps"), (2, 2, "parts.csv")]
    assert extraction.warnings == ()


def test_an_attachment_is_named_without_characters_that_turn_or_break_a_line():
    name = "filename*=utf-8''invoice%E2%80%AEfdp%E2%80%A8.txt"
    mail = (
        "From: a@example.org\nSubject: x\nMIME-Version: 1.0\n"
        "Content-Type: multipart/mixed; boundary=b\n\n"
        f"--b\nContent-Type: text/plain\nContent-Disposition: attachment; {name}\n\nwords\n--b--\n"
    )

    assert [text for *_, text in _headings(_read(mail.encode()))] == ["x", "invoice fdp .txt"]


def test_the_plain_wording_is_preferred_unless_it_is_a_stub():
    def mail(plain):
        return (
            "From: a@b.c\nContent-Type: multipart/alternative; boundary=x\n\n"
            f"--x\nContent-Type: text/plain\n\n{plain}\n"
            f"--x\nContent-Type: text/html\n\n<body><h2>Pumps</h2><p>{'Water. ' * 40}</p></body>\n"
            "--x--\n"
        )

    assert "Water" not in _read(mail("The whole text. " * 20)).pages[0].text
    assert "Water. Water." in _read(mail("See the HTML.")).pages[0].text
    assert (1, 3, "Pumps") in _headings(_read(mail("")))


@pytest.mark.parametrize("label", ["gb2312", "iso-8859-1", "utf-8", "no-such-charset", "us-ascii"])
def test_a_charset_that_lies_does_not_cost_the_text(label):
    head = f"From: a@b.c\nContent-Type: text/plain; charset={label}\n\n".encode()

    assert CHINESE in _read(head + CHINESE.encode("gbk")).pages[0].text


def test_headers_are_read_in_raw_bytes_and_in_words_cut_within_a_character():
    raw = CHINESE.encode("gb18030")
    halves = [base64.b64encode(part).decode() for part in (raw[:9], raw[9:])]
    words = "\n ".join(f"=?gb2312?B?{half}?=" for half in halves)

    encoded = _read(f"From: a@b.c\nSubject: {words}\n\nhi")
    plain = _read(b"From: a@b.c\nSubject: " + raw + b"\n\nhi")

    assert _headings(encoded) == _headings(plain) == [(1, 1, CHINESE)]


def test_a_mail_within_a_mail_is_read_and_nesting_ends():
    mail = MAIL
    for _ in range(9):
        boundary = "b" * 5
        mail = (
            f"From: a@b.c\nSubject: outer\nContent-Type: multipart/mixed; boundary={boundary}\n\n"
            f"--{boundary}\nContent-Type: message/rfc822\n\n{mail}\n--{boundary}--\n"
        ).replace(boundary, f"b{len(mail)}")

    extraction = _read(mail)

    assert [level for _, level, _ in _headings(extraction)] == [1, 2, 3, 4, 5, 6]
    assert extraction.warnings == ("A mail within the mail was not read: it lies too deep.",)


def test_what_cannot_be_read_is_named():
    mail = MAIL.replace("text/csv; charset=utf-8", "audio/mpeg").replace("part,price", "ID3")
    mail = mail.replace("parts.csv", "song.mp3")

    extraction = _read(mail)

    assert len(extraction.pages) == 1
    assert extraction.warnings == (
        "Attachment 'song.mp3' (1 KiB) was not read: 'song.mp3' is an audio file, "
        "not supported yet.",
    )


def test_attachments_count_towards_the_length_of_the_document():
    with pytest.raises(UnreadableFile) as refused:
        _read(MAIL.replace("seal,3", "seal,3\n" * 100), max_characters=300)
    assert refused.value.code == "too_large"


def test_a_mail_saved_as_utf_16_is_read():
    assert "A pump" in _read(MAIL.encode("utf-16")).pages[0].text


def test_a_file_without_headers_is_no_mail():
    with pytest.raises(UnreadableFile, match="is not a mail"):
        _read("\njust text")


def test_a_mailbox_is_a_page_per_mail_and_quoted_separators_come_back():
    mailbox = MAILBOX.replace("A pump moves water.", "A pump.\n>From here on: water.")

    extraction = read_mailbox(BytesIO(mailbox.encode()), ReadOptions())

    assert [name for _, level, name in _headings(extraction) if level == 1] == ["About pumps"] * 2
    assert extraction.pages[2].text.endswith("A pump.\nFrom here on: water.")


def test_outlook_mails_are_read_with_what_is_in_them():
    data = message(
        {SUBJECT: "Pumps", HTML: "<p>Größe</p>".encode("cp1252")},
        [{FILE_NAME: "parts.csv", FILE_DATA: b"part,price\nseal,3\n"}, {FILE_NAME: "gone.pdf"}],
        {SUBJECT: "Inner", BODY: "Deep water."},
    )

    extraction = read_outlook(BytesIO(data), ReadOptions())

    assert _headings(extraction) == [(1, 1, "Pumps"), (2, 2, "Inner"), (3, 2, "parts.csv")]
    assert extraction.pages[0].text.endswith("Größe")
    assert extraction.pages[1].text.endswith("Deep water.")
    assert extraction.warnings == (
        "Attachment 'gone.pdf' was not read: the file does not hold it.",
    )


def test_compressed_rtf_is_unpacked():
    # The example of [MS-OXRTFCP] 3.1.1.
    data = bytes.fromhex(
        "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320a"
        "f32068656c090020627705b06c647d0a800fa0"
    )

    assert unpacked(data) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"
    assert unpacked(b"short") == b""
    rich = message({SUBJECT: "Pumps", RTF: data})
    assert "hello world" in read_outlook(BytesIO(rich), ReadOptions()).pages[-1].text
