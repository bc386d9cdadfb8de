"""Recordings: a server writes down what is said, and the document says when."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ingest.sniff.media_types import sniff
from kb.knowledge_base import KnowledgeBase
from kb.opening.opening import open_kb
from kb.settings import Settings
from kb.store.content import pages
from tests.parts import ADMIN, document, finish, upload, working

MP3 = b"ID3\x04\x00\x00\x00\x00\x00\x00" + bytes(200)
SEGMENTS = [
    {"start": 1.5, "end": 4.0, "text": " The north valve closes at noon."},
    {"start": 730.25, "end": 733.0, "text": " Ms Okafor has the key."},
]


@dataclass
class Server:
    """An `/audio/transcriptions` that answers in turn what it is told, the last one for ever."""

    answers: list[tuple[int, str]]
    asked: list[dict[str, str]] = field(default_factory=list)
    address: str = ""
    came: threading.Event = field(default_factory=threading.Event)
    waits: threading.Event | None = None

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        head = f"Content-Type: {handler.headers['Content-Type']}\n\n".encode()
        parts = BytesParser().parsebytes(head + body).get_payload()
        found = {str(p.get_param("name", header="content-disposition")): p for p in parts}
        said = {name: part.get_payload(decode=True) for name, part in found.items()}
        file = str(found["file"].get_filename())
        self.asked.append(
            {
                "path": handler.path,
                "key": handler.headers.get("Authorization", ""),
                "file": file,
                "is_whole": str(said["file"] == MP3),
                **{n: said[n].decode() for n in ("model", "response_format")},
            }
        )
        self.came.set()
        if self.waits is not None:
            self.waits.wait(30)
        status, text = self.answers[min(len(self.asked), len(self.answers)) - 1]
        with suppress(ConnectionError):  # nobody may wait any more
            handler.send_response(status)
            handler.end_headers()
            handler.wfile.write(text.encode())


@pytest.fixture
def server() -> Iterator[Server]:
    told = Server([(200, json.dumps({"text": "all", "segments": SEGMENTS}))])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.answer(self)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    told.address = f"http://127.0.0.1:{httpd.server_port}/v1"
    yield told
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def _opened(tmp_path, server: Server | None, **more: object) -> KnowledgeBase:
    transcription = {"retries": 0, **more}
    if server is not None:
        transcription |= {"base_url": server.address, "api_key": "k-1"}
    return open_kb(
        Settings(
            data_dir=tmp_path / "data", embedding={"model": "hash"}, transcription=transcription
        )
    )


def _read(tmp_path, server: Server | None, **more: object):
    """The document of a recording, and its pages."""
    kb = _opened(tmp_path, server, **more)
    try:
        dataset = kb.create_dataset(ADMIN, "d").id
        [taken] = upload(kb, dataset, {"Weekly talk.mp3": MP3}).accepted
        finish(kb)
        with kb.database.read() as tx:
            found, _ = pages.with_layout(tx, taken.id, 1)
        return document(kb, taken.id), [(page.number, page.text) for page in found]
    finally:
        kb.close()


def test_a_recording_becomes_text_that_begins_with_its_times(tmp_path, server):
    found, read = _read(tmp_path, server)

    assert found.status == "ready"
    assert read == [
        (1, "[00:00:01] The north valve closes at noon."),
        (2, "[00:12:10] Ms Okafor has the key."),
    ]
    assert server.asked == [
        {
            "path": "/v1/audio/transcriptions",
            "key": "Bearer k-1",
            "file": "recording.mp3",
            "is_whole": "True",
            "model": "whisper-1",
            "response_format": "verbose_json",
        }
    ]


@pytest.mark.parametrize("body", ["Only words.\n", json.dumps({"text": "Only words."})])
def test_a_server_that_tells_no_times_is_taken_as_well(tmp_path, server, body):
    server.answers = [(200, body)]

    found, read = _read(tmp_path, server)

    assert (found.status, read) == ("ready", [(1, "Only words.")])


def test_a_server_without_verbose_json_is_asked_for_less(tmp_path, server):
    server.answers = [(400, "unknown response_format"), (200, '{"text": "Only words."}')]

    found, _ = _read(tmp_path, server)

    assert found.status == "ready"
    assert [one["response_format"] for one in server.asked] == ["verbose_json", "json"]


def test_a_failure_that_may_pass_is_tried_again(tmp_path, server):
    server.answers = [(503, "busy"), *server.answers]

    found, read = _read(tmp_path, server, retries=1)

    assert (found.status, len(read), len(server.asked)) == ("ready", 2, 2)


@pytest.mark.parametrize(
    ("answer", "code", "says"),
    [
        ((401, "your key k-1 is wrong"), "transcription_failed", "HTTP 401"),
        ((200, '["k-1"]'), "transcription_failed", "something else than a transcript"),
        ((200, '{"text": ""}'), "no_text", "Nothing is said"),
    ],
)
def test_what_goes_wrong_has_a_code_and_repeats_nothing(tmp_path, server, answer, code, says):
    server.answers = [answer]

    found, _ = _read(tmp_path, server)

    assert (found.status, found.error.code) == ("failed", code)
    assert says in found.error.detail
    assert "k-1" not in found.error.detail


def test_a_server_that_does_not_answer_in_time_fails_the_document(tmp_path, server):
    server.waits = threading.Event()

    found, _ = _read(tmp_path, server, timeout_s=0.3)
    server.waits.set()

    assert found.error.code == "transcription_failed"
    assert "within 0.3 s" in found.error.detail


def test_the_end_of_the_work_does_not_wait_for_a_transcript(tmp_path, server):
    server.waits = threading.Event()
    kb = _opened(tmp_path, server)
    [taken] = upload(kb, kb.create_dataset(ADMIN, "d").id, {"talk.mp3": MP3}).accepted
    try:
        with working(kb):
            assert server.came.wait(30)
        assert document(kb, taken.id).status != "failed"  # and the server has not answered yet
        server.waits.set()
        finish(kb)
        assert (document(kb, taken.id).status, len(server.asked)) == ("ready", 2)
    finally:
        server.waits.set()
        kb.close()


def test_a_recording_over_the_limit_is_not_sent(tmp_path, server):
    found, _ = _read(tmp_path, server, max_bytes=100)

    assert (found.error.code, server.asked) == ("too_large", [])
    assert "KB_TRANSCRIPTION__MAX_BYTES" in found.error.detail


def test_without_a_server_the_sentence_names_the_setting(tmp_path):
    found, _ = _read(tmp_path, None)

    assert found.error.code == "transcription_missing"
    assert "KB_TRANSCRIPTION__BASE_URL" in found.error.detail


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (b"ID3\x03\x00", "audio/mpeg"),
        (b"\xff\xfb\x90\x64\x00", "audio/mpeg"),
        (b"\xff\xf1\x50\x80\x00", "audio/aac"),
        (b"RIFF\x24\x08\x00\x00WAVEfmt ", "audio/wav"),
        (b"OggS\x00\x02", "audio/ogg"),
        (b"fLaC\x00\x00", "audio/flac"),
        (b"\x1aE\xdf\xa3\x9fB\x86", "audio/webm"),
        (b"\x00\x00\x00\x20ftypM4A \x00\x00", "audio/mp4"),
        (b"\x00\x00\x00\x20ftypisom\x00\x00", "audio/mp4"),
    ],
)
def test_recordings_are_told_by_their_first_bytes(head, media_type):
    assert sniff(head + bytes(50), "notes.txt") == media_type
