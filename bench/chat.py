"""Chat against the local fake model server: the time and the processor work that we add.

    python -m bench.chat [--concurrent 1 10 100] [--rounds 3] [--tokens 400] [--knowledge]

Three processes: the fake model (`kb.models.fake.server`), `kb serve`, and this one, which reads
streams from plain sockets, so that the client costs little. Every token of every stream is checked.

First token   so many clients at once ask again and again, directly at the fake and through us, in
              turns; what we add is the difference of the percentiles. Tokens come 20 ms apart.
              Bursts: all ask at the same moment, and again as soon as they have their ten tokens.
              Steady: so many answers of eight seconds are always being written, begun one after
              another, as when that many people read.
CPU a token   streams whose tokens come as fast as they can, and one by one, so that few can travel
              together. Processor time of the server process, less that of answers of one token,
              divided by the tokens: the way from the upstream byte to the client's byte, buffer
              and replay included. In turns with it the same tokens go through `bench.relay`, which
              only copies bytes: what no server written with asyncio can do without.

With `--knowledge` the app also searches a dataset of 200 chunks for every question.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.measuring import (
    RunningServer,
    bare_relay,
    cpu_seconds,
    fake_models,
    kb_server,
    median,
    percentile,
    table,
    use_cores,
    verdict,
    wait_for_batch,
)

GOAL_US_A_TOKEN = 60.0
FIRST_TOKENS = 10
STEADY_TOKENS = 400
PACE_MS = 20
STREAMS = ((1, 0), (10, 0), (1, 5), (10, 5), (100, 50))
"""Streams at once, and milliseconds between the tokens of each."""
QUESTION = "How long is the notice period?"
DELTA = b"event: delta\ndata: "
CONTENT = b'"content": '
LAST_CHUNK = b"\r\n0\r\n\r\n"


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
        return (
            f"POST {self.path} HTTP/1.1\r\nhost: {self.host}\r\nconnection: close\r\n"
            f"authorization: Bearer {self.key}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(self.body)}\r\n\r\n"
        ).encode() + self.body


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What a chat answer costs on top of the model.")
    parser.add_argument("--concurrent", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=400)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--knowledge", action="store_true", help="search for every question")
    arguments = parser.parse_args()
    use_cores(arguments.cores)
    with tempfile.TemporaryDirectory() as data:
        settings = {} if arguments.knowledge else {"KB_EMBEDDING__MODEL": "hash"}
        with fake_models() as (url, _), kb_server(Path(data), **settings) as server:
            measure(arguments, url, server)


def measure(arguments: argparse.Namespace, url: str, server: RunningServer) -> None:
    """Ask both, in turns, and print."""
    datasets = [_dataset(server)] if arguments.knowledge else []
    paced = f"numbers:{FIRST_TOKENS}:{PACE_MS}"
    direct = _direct(url, paced)
    through = _app(server, url, "paced", paced, datasets)
    asyncio.run(_first_tokens(through, 1, 3))  # warms up
    rows = []
    for concurrent in arguments.concurrent:
        times: dict[str, list[float]] = {"direct": [], "through us": []}
        for _ in range(arguments.rounds):
            each = max(3, 100 // concurrent)
            times["direct"] += asyncio.run(_first_tokens(direct, concurrent, each))
            times["through us"] += asyncio.run(_first_tokens(through, concurrent, each))
        rows.append(_first_row(f"{concurrent}, burst", times["direct"], times["through us"]))
    most = max(arguments.concurrent)
    answers = f"numbers:{STEADY_TOKENS}:{PACE_MS}"
    alone = asyncio.run(_steady(_direct(url, answers), most))
    ours = asyncio.run(_steady(_app(server, url, "steady", answers, datasets), most))
    rows.append(_first_row(f"{most}, steady", alone, ours))
    columns = (
        "concurrent",
        "direct p50 / p99 ms",
        "through us p50 / p99",
        "added p50",
        "added p99",
    )
    title = "First token, with search" if datasets else "First token, without search"
    print(table(title, columns, rows))
    _report_cpu(arguments, url, server)


def _first_row(load: str, direct: list[float], through: list[float]) -> tuple[object, ...]:
    pairs = [(percentile(direct, share), percentile(through, share)) for share in (0.5, 0.99)]
    (direct50, through50), (direct99, through99) = pairs
    return (
        load,
        f"{direct50:.1f} / {direct99:.1f}",
        f"{through50:.1f} / {through99:.1f}",
        f"+{through50 - direct50:.1f} ms",
        f"+{through99 - direct99:.1f} ms",
    )


def _report_cpu(arguments: argparse.Namespace, url: str, server: RunningServer) -> None:
    single = _app(server, url, "single", "numbers:1", [])
    fake = _direct(url, "numbers:1")
    rows: list[tuple[object, ...]] = []
    with bare_relay(fake.host, fake.port) as (port, relay):
        for number, (streams, step_ms) in enumerate(STREAMS):
            count = arguments.tokens * 10 // (max(10, streams) if step_ms else 1)
            model = f"numbers:{count}:{step_ms}"
            target = _app(server, url, f"long{number}", model, [])
            copied = replace(_direct(url, model), port=port)
            spent, least = [], []
            for _ in range(arguments.rounds):
                spent.append(_cpu(server.process.pid, target, single, streams, count))
                least.append(_cpu(relay, copied, replace(fake, port=port), streams, count))
            pace = f"{step_ms} ms apart" if step_ms else "as fast as they can"
            checked = streams * count * arguments.rounds
            us, relayed = median(spent), f"{median(least):.1f}"
            is_met = verdict(us <= GOAL_US_A_TOKEN)
            rows.append((pace, streams, checked, f"{us:.0f}", relayed, is_met))
    goal = f"<= {GOAL_US_A_TOKEN:.0f}"
    columns = ("tokens come", "streams", "checked", "CPU us a token", "bare relay", goal)
    print(table("Processor time of the server", columns, rows))


def _cpu(pid: int, long: Target, single: Target, streams: int, count: int) -> float:
    """Microseconds a token, without what every answer costs."""
    repeats = max(1, 20 // streams)
    base = _spent(pid, lambda: _ask_all(single, streams, repeats, 1)) / repeats
    whole = _spent(pid, lambda: _ask_all(long, streams, 1, count))
    return 1e6 * (whole - base) / (streams * (count - 1))


def _spent(pid: int, work: Callable[[], Awaitable[None]]) -> float:
    async def run() -> None:
        await work()

    before = cpu_seconds(pid)
    asyncio.run(run())
    time.sleep(0.05)  # the messages are stored
    return cpu_seconds(pid) - before


async def _ask_all(target: Target, streams: int, repeats: int, count: int) -> None:
    for _ in range(repeats):
        await asyncio.gather(*(_ask(target, count) for _ in range(streams)))


async def _first_tokens(target: Target, concurrent: int, each: int) -> list[float]:
    """Milliseconds to the first token, of so many clients that ask one question after another."""

    async def client() -> list[float]:
        return [await _ask(target, FIRST_TOKENS) for _ in range(each)]

    found = await asyncio.gather(*(client() for _ in range(concurrent)))
    return [took for times in found for took in times]


async def _steady(target: Target, concurrent: int) -> list[float]:
    """Milliseconds to the first token of answers begun one after another, so many at a time.

    The first round only builds up the load.
    """
    lasts_s = STEADY_TOKENS * PACE_MS / 1000

    async def client(number: int) -> list[float]:
        await asyncio.sleep(number * lasts_s / concurrent)
        return [await _ask(target, STEADY_TOKENS) for _ in range(3)][1:]

    found = await asyncio.gather(*(client(number) for number in range(concurrent)))
    return [took for times in found for took in times]


async def _ask(target: Target, count: int) -> float:
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


def _direct(url: str, model: str) -> Target:
    body = {"model": model, "stream": True, "messages": [{"role": "user", "content": QUESTION}]}
    host, port = url.split("//")[1].split("/")[0].split(":")
    path = "/v1/chat/completions"
    return Target(host, int(port), path, json.dumps(body).encode(), "none", CONTENT)


def _app(server: RunningServer, url: str, slug: str, model: str, datasets: list[str]) -> Target:
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


def _dataset(server: RunningServer) -> str:
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


if __name__ == "__main__":
    main()
