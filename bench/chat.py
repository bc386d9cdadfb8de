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
              and replay included. In turns with it the same tokens go through
              `bench.traffic.relay`, which only copies bytes: what no server written with asyncio
              can do without.

With `--knowledge` the app also searches a dataset of 200 chunks for every question.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path

from bench.measuring import (
    RunningServer,
    bare_relay,
    fake_models,
    kb_server,
    median,
    percentile,
    table,
    use_cores,
    verdict,
)
from bench.traffic.questions import (
    PACE_MS,
    PACED,
    Target,
    app_target,
    ask,
    cpu_a_token,
    fake_target,
    first_tokens,
    make_dataset,
)

GOAL_US_A_TOKEN = 60.0
STEADY_TOKENS = 400
STREAMS = ((1, 0), (10, 0), (1, 5), (10, 5), (100, 50))
"""Streams at once, and milliseconds between the tokens of each."""


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
    datasets = [make_dataset(server)] if arguments.knowledge else []
    direct = fake_target(url, PACED)
    through = app_target(server, url, "paced", PACED, datasets)
    asyncio.run(first_tokens(through, 1, 3))  # warms up
    rows = []
    for concurrent in arguments.concurrent:
        times: dict[str, list[float]] = {"direct": [], "through us": []}
        for _ in range(arguments.rounds):
            each = max(3, 100 // concurrent)
            times["direct"] += asyncio.run(first_tokens(direct, concurrent, each))
            times["through us"] += asyncio.run(first_tokens(through, concurrent, each))
        rows.append(_first_row(f"{concurrent}, burst", times["direct"], times["through us"]))
    most = max(arguments.concurrent)
    answers = f"numbers:{STEADY_TOKENS}:{PACE_MS}"
    alone = asyncio.run(_steady(fake_target(url, answers), most))
    ours = asyncio.run(_steady(app_target(server, url, "steady", answers, datasets), most))
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
    single = app_target(server, url, "single", "numbers:1", [])
    fake = fake_target(url, "numbers:1")
    rows: list[tuple[object, ...]] = []
    with bare_relay(fake.host, fake.port) as (port, relay):
        for number, (streams, step_ms) in enumerate(STREAMS):
            count = arguments.tokens * 10 // (max(10, streams) if step_ms else 1)
            model = f"numbers:{count}:{step_ms}"
            target = app_target(server, url, f"long{number}", model, [])
            copied = replace(fake_target(url, model), port=port)
            spent, least = [], []
            for _ in range(arguments.rounds):
                spent.append(cpu_a_token(server.process.pid, target, single, streams, count))
                least.append(cpu_a_token(relay, copied, replace(fake, port=port), streams, count))
            pace = f"{step_ms} ms apart" if step_ms else "as fast as they can"
            checked = streams * count * arguments.rounds
            us, relayed = median(spent), f"{median(least):.1f}"
            is_met = verdict(us <= GOAL_US_A_TOKEN)
            rows.append((pace, streams, checked, f"{us:.0f}", relayed, is_met))
    goal = f"<= {GOAL_US_A_TOKEN:.0f}"
    columns = ("tokens come", "streams", "checked", "CPU us a token", "bare relay", goal)
    print(table("Processor time of the server", columns, rows))


async def _steady(target: Target, concurrent: int) -> list[float]:
    """Milliseconds to the first token of answers begun one after another, so many at a time.

    The first round only builds up the load.
    """
    lasts_s = STEADY_TOKENS * PACE_MS / 1000

    async def client(number: int) -> list[float]:
        await asyncio.sleep(number * lasts_s / concurrent)
        return [await ask(target, STEADY_TOKENS) for _ in range(3)][1:]

    found = await asyncio.gather(*(client(number) for number in range(concurrent)))
    return [took for times in found for took in times]


if __name__ == "__main__":
    main()
