"""Files made to hurt, uploaded while people chat: every answer is right, every file has an end."""

from __future__ import annotations

import io
import json
import threading
import zipfile
import zlib
from pathlib import Path

import httpx
import pytest

from tests.server import running_server, wait_for_batch

GOOD = "The lighthouse of Umber is ninety steps high.\n"
QUESTION = "How high is the lighthouse of Umber?"
CHATTERS = 3
MIB = 1 << 20


def pdf(*objects: bytes) -> bytes:
    """A PDF of numbered objects; the first is its catalogue."""
    out, places = io.BytesIO(b"%PDF-1.7\n"), []
    out.seek(0, io.SEEK_END)
    for number, content in enumerate(objects, start=1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, content))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.write(b"".join(b"%010d 00000 n \n" % place for place in places))
    out.write(b"trailer << /Size %d /Root 1 0 R >>\n" % (len(objects) + 1))
    return out.getvalue() + b"startxref\n%d\n%%%%EOF\n" % start


def stream(data: bytes, filters: bytes) -> bytes:
    head = b"<< /Length %d /Filter %s >>\nstream\n" % (len(data), filters)
    return head + data + b"\nendstream"


def pdf_with_page(content: bytes) -> bytes:
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R >>"
    pages = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
    return pdf(b"<< /Type /Catalog /Pages 2 0 R >>", pages, page, content)


def pdfs() -> dict[str, bytes]:
    bomb = zlib.compress(b"BT (x) Tj ET " * (16 * MIB), 9)
    twice = zlib.compress(zlib.compress(bytes(256 * MIB), 9), 9)
    loop = b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 2 >>"
    return {
        "bomb.pdf": pdf_with_page(stream(bomb, b"/FlateDecode")),
        "bomb-twice.pdf": pdf_with_page(stream(twice, b"[/FlateDecode /FlateDecode]")),
        "page-loop.pdf": pdf(b"<< /Type /Catalog /Pages 2 0 R >>", loop),
        "arrays.pdf": pdf(b"<< /Type /Catalog /Pages 2 0 R /X " + b"[" * 100_000 + b" >>"),
        "itself.pdf": pdf_with_page(b"4 0 R"),
        "cut.pdf": pdf_with_page(stream(bomb, b"/FlateDecode"))[:5000],
        "noise.pdf": b"%PDF-1.7\n" + bytes(range(256)) * 400,
    }


def markup() -> dict[str, bytes]:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    return {
        "deep.html": b"<div>" * 100_000 + b"bottom",
        "attributes.html": b"<p " + b"".join(b'a%d="x" ' % n for n in range(200_000)) + b">text",
        "comment.html": b"<!--" * 200_000,
        "tables.html": b"<table><tr><td>" * 20_000,
        "entities.xml": f'<!DOCTYPE a [<!ENTITY e0 "x">{entities}]><a>&e11;</a>'.encode(),
        "deep.json": b"[" * 200_000,
        "quotes.md": b"> " * 100_000 + b"text",
        "emphasis.md": b"*a **b " * 5_000,
        "brackets.md": b"[" * 100_000,
    }


def tables() -> dict[str, bytes]:
    return {
        "columns.csv": b"a" + b"," * 1_000_000 + b"b\n1" + b"," * 1_000_000 + b"2\n",
        "names.csv": b",".join(b"c%d" % n for n in range(5_000)) + b"\n" + b"1," * 5_000,
        "quote.csv": b'a,b\n"' + b"never closed\n" * 5_000,
        "nulls.csv": b"a\0b,c\0d\n" * 10_000,
    }


def texts() -> dict[str, bytes]:
    return {
        "line.txt": b"word" * (MIB // 4),
        "marks.txt": ("a" + "\u0301" * 50_000).encode(),
        "bytes.txt": bytes(range(128, 256)) * 500,
        "half-utf16.txt": "half".encode("utf-16") + b"\0",
        "nul.txt": bytes(100_000),
        "empty.txt": b"",
        "direction.txt": "\u202etxet neddih\u202c \u2066x\u2069".encode() * 2_000,
    }


def zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def archives() -> dict[str, bytes]:
    bomb = zipped({"zeros.txt": bytes(300 * MIB)})
    part = zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": bytes(300 * MIB)})
    lying = bytearray(zipped({"lie.txt": b"x" * 100_000}))
    lying[22:26] = (5).to_bytes(4, "little")
    return {
        "bomb.zip": bomb,
        "nested.zip": zipped({"inner.zip": zipped({"inner.zip": bomb})}),
        "climbing.zip": zipped({"../../climbed.txt": b"out", "/absolute.txt": b"out"}),
        "lying.zip": bytes(lying),
        "cut.zip": bomb[:1000],
        "bomb.docx": part,
        "bomb.xlsx": part,
    }


def chat(http: httpx.Client, done: threading.Event, failures: list[str]) -> int:
    asked = 0
    while not done.is_set():
        answer = http.post("/v1/apps/guide/chat", json={"query": QUESTION, "stream": False})
        if answer.status_code != 200 or "ninety steps" not in answer.json()["answer"]:
            failures.append(f"{answer.status_code} {answer.text[:500]}")
            return asked
        asked += 1
    return asked


@pytest.mark.slow
def test_hostile_files_end_with_a_reason_while_every_question_is_answered(tmp_path: Path):
    files = {**pdfs(), **markup(), **tables(), **texts(), **archives()}
    limits = {"KB_INGEST__READ_TIMEOUT_S": "5", "KB_INGEST__READERS": "2"}
    done, failures = threading.Event(), []
    with running_server(tmp_path / "data", **limits) as server, server.http as http:
        good = http.post("/v1/datasets", json={"name": "good"}).json()["id"]
        upload(http, good, {"umber.txt": GOOD.encode()})
        http.post("/v1/apps", json={"slug": "guide", "name": "Guide"}).raise_for_status()
        draft = {"prompt": "Answer from this:\n{{context}}", "dataset_ids": [good]}
        http.put("/v1/apps/guide/draft", json=draft).raise_for_status()
        http.post("/v1/apps/guide/publish").raise_for_status()
        chatting = [
            threading.Thread(target=chat, args=(server.http, done, failures))
            for _ in range(CHATTERS)
        ]
        for thread in chatting:
            thread.start()
        try:
            bad = http.post("/v1/datasets", json={"name": "bad"}).json()["id"]
            ended = {name: upload(http, bad, {name: data}) for name, data in files.items()}
        finally:
            done.set()
            for thread in chatting:
                thread.join()
        assert failures == []
        assert http.post("/v1/fsck").json()["violations"] == []
        assert not list(tmp_path.rglob("climbed.txt"))
        print(json.dumps(ended, indent=1))
        for name, states in ended.items():
            assert states, name
            for status, code, detail in states:
                assert status in ("ready", "failed"), name
                assert status == "ready" or (code and detail.endswith(".")), (name, code, detail)
                assert code not in ("internal_error", "crashed_repeatedly"), name


def upload(
    http: httpx.Client, dataset_id: str, files: dict[str, bytes]
) -> list[tuple[str, str, str]]:
    """(status, code, detail) of everything that became of an upload."""
    parts = [("files", (name, content)) for name, content in files.items()]
    answer = http.post(f"/v1/datasets/{dataset_id}/documents", files=parts)
    taken = answer.json()
    refused = [("failed", item["code"], item["detail"]) for item in taken.get("rejected", [])]
    if answer.status_code != 202:
        assert answer.status_code in (400, 413, 415), answer.text
        return refused
    batch = wait_for_batch(http, taken["batch_id"], timeout_s=120)
    errors = [(item["status"], item["error"] or {}) for item in batch["documents"]]
    return refused + [(s, error.get("code", ""), error.get("detail", "")) for s, error in errors]
