"""What the protocols of others cost over our own: processor time a token, and the first token.

    python -m bench.traffic.dialects [--rounds 20] [--questions 200] [--streams 100]

What is compared takes turns, and what counts is the median of the differences to the native stream
of the same round, beside it that of the least disturbed tenth. All questions go to one app with one
key, over sockets as in `bench.chat`, and every token of every answer is checked.

Mixed         so many streams at once, the dialects in turns, tokens 20 ms apart.
Encoding      the encoders alone, in this process, each token by itself.
CPU a token   the whole server: one stream whose tokens come as fast as they can, less what an
              answer of one token takes.
First token   one question after another, from the connection to the first token, without a search
              and with one over 200 chunks.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

from api.dialects.ai_sdk.chunks import UiChunks
from api.dialects.dify.message_events import MessageEvents
from api.dialects.openai.answer import Answer
from api.dialects.openai.chunks import Chunks
from api.dialects.openai.response_events import ResponseEvents
from api.resources.chat.run_stream import Encode, run_frames
from bench.measuring import (
    RunningServer,
    fake_models,
    kb_server,
    median,
    percentile,
    table,
    use_cores,
    verdict,
)
from bench.traffic.questions import (
    NEW_ID,
    PACE_MS,
    QUESTION,
    Target,
    app_target,
    ask,
    cpu_a_token,
    make_dataset,
)
from kb.protocols import Sampling
from kb.types import Delta, Route, Routed, Started

NATIVE = "native"
TOKENS = 2000
MIXED_TOKENS = 200
GOAL_US_A_TOKEN = 10.0
GOAL_FIRST_MS = 1.0

Targets = Mapping[str, Target]
Round = Mapping[str, float]
T = TypeVar("T")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What each dialect adds to the native stream.")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--streams", type=int, default=100)
    parser.add_argument("--cores", type=int, default=2)
    arguments = parser.parse_args()
    use_cores(arguments.cores)
    encoded = [_in_turns(encoders(), number, _encoding_us) for number in range(arguments.rounds)]
    _print("Encoding", "us a token", encoded, GOAL_US_A_TOKEN)
    with (
        tempfile.TemporaryDirectory() as data,
        fake_models() as (url, _),
        kb_server(Path(data)) as server,
    ):
        _report(arguments, url, server)


def targets(server: RunningServer, url: str, slug: str, model: str, datasets: list[str]) -> Targets:
    """The same question to an app that is made for it, in every dialect that streams."""
    native = app_target(server, url, slug, model, datasets)
    with server.client() as http:
        made = http.post(f"/v1/apps/{slug}/keys", json={"kind": "app"}).raise_for_status()
    native = replace(native, key=made.json()["key"])
    of_model = {"model": slug, "stream": True}
    said = [{"role": "user", "content": QUESTION}]
    parts = [{"role": "user", "parts": [{"type": "text", "text": QUESTION}]}]
    of_user = {"query": QUESTION, "inputs": {}, "response_mode": "streaming", "user": "reader"}
    openai, ui = "/openai/v1", {"id": NEW_ID.decode(), "messages": parts}
    text_delta = '"type":"text-delta","id":"text","delta":'

    def spoken(path: str, body: dict[str, Any], marks: str) -> Target:
        return replace(native, path=path, body=json.dumps(body).encode(), marks=marks.encode())

    chat, completion = of_model | {"messages": said}, of_model | {"prompt": QUESTION}
    response = of_model | {"input": QUESTION}
    return {
        NATIVE: native,
        "OpenAI, chat": spoken(f"{openai}/chat/completions", chat, '"delta": {"content": '),
        "OpenAI, completions": spoken(f"{openai}/completions", completion, '"text": '),
        "OpenAI, responses": spoken(f"{openai}/responses", response, '_index": 0, "delta": '),
        "AI SDK": spoken(f"/ai/{slug}/chat", ui, text_delta),
        "Dify": spoken("/dify/v1/chat-messages", of_user, '"answer": '),
    }


def encoders() -> Mapping[str, Encode]:
    """The encoder of each, in the middle of an answer."""
    run: Any = SimpleNamespace(run_id="run_1", created_at=0.0)
    run.identity = SimpleNamespace(message_id="msg_1", conversation_id="conv_1", datasets=())
    answer = partial(Answer, "app", "http://127.0.0.1:8000", full=False, run_id="run_1")
    made: dict[str, Encode] = {
        NATIVE: partial(run_frames, full=False),
        "OpenAI, chat": Chunks(answer(), 0.0, "chat"),
        "OpenAI, completions": Chunks(answer(), 0.0, "completion"),
        "OpenAI, responses": ResponseEvents(answer(), 0.0, Sampling()),
        "AI SDK": UiChunks("http://127.0.0.1:8000", full=False),
        "Dify": MessageEvents(run, full=False),
    }
    begun = Started("run_1", "conv_1", "msg_1", "app", 1), Routed(Route("base", "default", "m"))
    for encode in made.values():
        encode(list(enumerate((*begun, Delta("0 ")), 1)))
    return made


async def ask_mixed(mixed: Targets, streams: int, count: int) -> None:
    """So many answers of `count` tokens at once, the dialects in turns. Each token is checked."""
    each = list(mixed.values())
    await asyncio.gather(*(ask(each[number % len(each)], count) for number in range(streams)))


def _report(arguments: argparse.Namespace, url: str, server: RunningServer) -> None:
    mixed = targets(server, url, "mixed", f"numbers:{MIXED_TOKENS}:{PACE_MS}", [])
    asyncio.run(ask_mixed(mixed, arguments.streams, MIXED_TOKENS))
    checked = arguments.streams * MIXED_TOKENS
    print(f"\n{arguments.streams} mixed streams at once: each of {checked} tokens is right")

    long = targets(server, url, "long", f"numbers:{TOKENS}", [])
    single = targets(server, url, "single", "numbers:1", [])
    pairs = {name: (long[name], single[name]) for name in long}

    def cpu_us(pair: tuple[Target, Target]) -> float:
        return cpu_a_token(server.process.pid, *pair, 1, TOKENS)

    costs = [_in_turns(pairs, number, cpu_us) for number in range(arguments.rounds)]
    _print("Processor time of the server", "us a token", costs, GOAL_US_A_TOKEN)

    for title, datasets in (("without", []), ("with", [make_dataset(server)])):
        first = targets(server, url, f"first-{title}", "numbers:1", datasets)
        times = [_in_turns(first, number, _first_ms) for number in range(-5, arguments.questions)]
        _print(f"First token, {title} a search", "ms", times[5:], GOAL_FIRST_MS)


def _in_turns(each: Mapping[str, T], number: int, measure: Callable[[T], float]) -> Round:
    """One figure for each, each round beginning with another one."""
    names = list(each)
    at = number % len(names)
    return {name: measure(each[name]) for name in names[at:] + names[:at]}


def _encoding_us(encode: Encode) -> float:
    tokens = [[(number, Delta(f"{number} "))] for number in range(4, TOKENS + 4)]
    began = time.thread_time()
    for token in tokens:
        encode(token)
    return 1e6 * (time.thread_time() - began) / TOKENS


def _first_ms(target: Target) -> float:
    return asyncio.run(ask(target, 1))


def _print(title: str, unit: str, rounds: Sequence[Round], goal: float) -> None:
    rows: list[tuple[object, ...]] = []
    for name in rounds[0]:
        found, native = [each[name] for each in rounds], [each[NATIVE] for each in rounds]
        differences = [ours - theirs for ours, theirs in zip(found, native, strict=True)]
        quarter, added, three = (percentile(differences, share) for share in (0.25, 0.5, 0.75))
        least = percentile(found, 0.1) - percentile(native, 0.1)
        spread = f"{added:+.2f} ({quarter:+.2f} to {three:+.2f})"
        judged = (
            ("", "", "") if name == NATIVE else (spread, f"{least:+.2f}", verdict(added <= goal))
        )
        rows.append((name, f"{median(found):.2f}", *judged))
    columns = ("dialect", unit, "added (quarters)", "added, least tenth", f"<= {goal:.0f}")
    print(table(title, columns, rows))


if __name__ == "__main__":
    main()
