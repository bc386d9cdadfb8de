"""Questions to a chat app and to the fake model behind it, from plain sockets, so that asking costs
little. Every token of every answer is checked: the model counts from 1 up.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from bench.measuring import RunningServer, cpu_seconds, wait_for_batch

QUESTION = "How long is the notice period?"
DELTA = b"event: delta\ndata: "
CONTENT = b'"content": '
FIRST_TOKENS = 10
PACE_MS = 20
PACED = f"numbers:{FIRST_TOKENS}:{PACE_MS}"
"""The model for first tokens."""
LAST_CHUNK = b"\r\n0\r\n\r\n"
NEW_ID = b"NEW-ID"
"""In a body: another id each time that it is sent."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a question goes, and how the text is found in what comes back."""

    host: str
    port: int
    path: str
    body: bytes
    key: str
    marks: bytes

    def request(self) -> bytes:
        """The bytes of one question; the connection is not used again."""
        body = self.body.replace(NEW_ID, b"%x" % time.monotonic_ns())
        return (
            f"POST {self.path} HTTP/1.1\r\nhost: {self.host}\r\nconnection: close\r\n"
            f"authorization: Bearer {self.key}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        ).encode() + body


async def ask(target: Target, count: int) -> float:
    """One answer, checked to its last token; returns the milliseconds to its first."""
    began = time.perf_counter()
    reader, writer = await asyncio.open_connection(target.host, target.port)
    writer.write(target.request())
    first_ms = 0.0
    answer = b""
    while not answer.endswith(LAST_CHUNK):
        block = await reader.read(1 << 16)
        assert block, "the stream was cut"
        answer += block
        if not first_ms and target.marks in answer:
            first_ms = (time.perf_counter() - began) * 1000
    writer.close()
    text = _text(answer, target.marks)
    wanted = "".join(f"{number} " for number in range(1, count + 1))
    assert text == wanted, f"{len(text)} of {len(wanted)} characters came: {text[-60:]!r}"
    return first_ms


def _text(answer: bytes, marks: bytes) -> str:
    """The tokens of an answer, joined."""
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert b" 200 " in head.split(b"\r\n")[0], answer[:500]
    body = b""
    while rest:  # HTTP chunks
        size, _, rest = rest.partition(b"\r\n")
        body += rest[: int(size, 16)]
        rest = rest[int(size, 16) + 2 :]
    decode = json.JSONDecoder().raw_decode
    texts = []
    for part in body.decode().split(marks.decode())[1:]:
        value: Any = decode(part)[0]
        texts.append(value["text"] if isinstance(value, dict) else value)
    return "".join(texts)


def fake_target(url: str, model: str) -> Target:
    """A question to the fake model server at its base URL."""
    body = {"model": model, "stream": True, "messages": [{"role": "user", "content": QUESTION}]}
    host, port = url.split("//")[1].split("/")[0].split(":")
    path = "/v1/chat/completions"
    return Target(host, int(port), path, json.dumps(body).encode(), "none", CONTENT)


def app_target(
    server: RunningServer, url: str, slug: str, model: str, datasets: list[str]
) -> Target:
    """A question to an app that is made for it, with a model of the fake server at `url`."""
    body = {"name": slug, "provider": "openai", "base_url": url, "model": model}
    draft = {"prompt": "Answer.\n{{context}}", "dataset_ids": datasets, "base": {"model": slug}}
    with server.client() as http:
        for method, path, content in (
            ("POST", "/v1/models", body),
            ("POST", "/v1/apps", {"slug": slug, "name": slug}),
            ("PUT", f"/v1/apps/{slug}/draft", draft),
            ("POST", f"/v1/apps/{slug}/publish", None),
        ):
            http.request(method, path, json=content).raise_for_status()
    host, port = server.url.split("//")[1].split(":")
    question = json.dumps({"query": QUESTION}).encode()
    return Target(host, int(port), f"/v1/apps/{slug}/chat", question, server.key, DELTA)


def make_dataset(server: RunningServer) -> str:
    """A dataset of 20 documents with ten sections each."""
    words = ["notice", "period", "contract", "month", "week", "party", "end", "rule", "case", "law"]
    with server.client() as http:
        dataset: str = http.post("/v1/datasets", json={"name": "bench"}).json()["id"]
        files = []
        for number in range(20):
            sections = [
                f"## Section {part}\n\n" + " ".join(words[(part + i) % 10] for i in range(60))
                for part in range(10)
            ]
            files.append(("files", (f"{number}.md", "\n\n".join(sections).encode())))
        answer = http.post(f"/v1/datasets/{dataset}/documents", files=files).json()
        wait_for_batch(http, answer["batch_id"])
    return dataset


async def ask_all(target: Target, streams: int, repeats: int, count: int) -> None:
    """So many answers of `count` tokens at once, so often."""
    for _ in range(repeats):
        await asyncio.gather(*(ask(target, count) for _ in range(streams)))


async def first_tokens(target: Target, concurrent: int, each: int) -> list[float]:
    """Milliseconds to the first token, of so many clients that ask one question after another."""

    async def client() -> list[float]:
        return [await ask(target, FIRST_TOKENS) for _ in range(each)]

    found = await asyncio.gather(*(client() for _ in range(concurrent)))
    return [took for times in found for took in times]


def cpu_a_token(pid: int, long: Target, single: Target, streams: int, count: int) -> float:
    """Microseconds a token, without what every answer costs."""
    repeats = max(1, 20 // streams)
    base = cpu_spent(pid, lambda: ask_all(single, streams, repeats, 1)) / repeats
    whole = cpu_spent(pid, lambda: ask_all(long, streams, 1, count))
    return 1e6 * (whole - base) / (streams * (count - 1))


def cpu_spent(pid: int, work: Callable[[], Awaitable[None]]) -> float:
    """Processor seconds that a process takes for what is asked."""

    async def run() -> None:
        await work()

    before = cpu_seconds(pid)
    asyncio.run(run())
    time.sleep(0.05)  # the messages are stored
    return cpu_seconds(pid) - before
