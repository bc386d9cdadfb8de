"""Two commits side by side: what an answer takes of the processor, and what a burst waits.

    python -m bench.side_by_side OLD NEW [--rounds 5] [--json FILE]

OLD and NEW are checkouts. Both servers run at once, each on a new data folder, and are asked in
turns, with the same fake model and by the same client, so what wanders with the machine wanders
for both: compare the ratios. Each round begins with the other one.

Question      processor time of the server for an answer of one token, without and with search.
Burst         100 questions at the same moment: milliseconds to the first token (median) on top of
              what the model itself takes when it is asked so.
Tokens        one by one: processor time a token, as `bench.chat` measures it, in turns with
              `bench.traffic.relay`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from bench.measuring import (
    RunningServer,
    bare_relay,
    fake_models,
    kb_server,
    median,
    table,
    use_cores,
)
from bench.traffic.questions import (
    PACED,
    app_target,
    ask_all,
    cpu_a_token,
    cpu_spent,
    fake_target,
    first_tokens,
    make_dataset,
)

QUESTIONS = 40
BURST = 100
STREAMS = ((1, 5, 400), (1, 50, 40), (100, 50, 40))
"""Streams at once, milliseconds between the tokens of each, and tokens."""

Measure = Callable[[], float]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Two checkouts side by side.")
    parser.add_argument("checkouts", type=lambda path: Path(path).resolve(), nargs=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    use_cores(arguments.cores)
    with ExitStack() as stack:
        url, _ = stack.enter_context(fake_models())
        host, port = fake_target(url, "").host, fake_target(url, "").port
        relay = stack.enter_context(bare_relay(host, port))
        sides = [dict(_of_relay(url, *relay))]
        for checkout in arguments.checkouts:
            data = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            server = kb_server(data, checkout=checkout, KB_EMBEDDING__MODEL="hash")
            sides.append(dict(_of_server(stack.enter_context(server), url)))
        names = list(sides[1])
        found: dict[str, list[list[float]]] = {name: [[], [], []] for name in names}
        for number in range(arguments.rounds):
            for name in names:
                turns = list(zip(found[name], sides, strict=True))
                for values, side in turns if number % 2 else reversed(turns):
                    if name in side:
                        values.append(side[name]())
    print(_table(found))
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1))


def _of_server(server: RunningServer, url: str) -> Iterator[tuple[str, Measure]]:
    """What is measured at a server, by name."""
    single = app_target(server, url, "single", "numbers:1", [])
    search = app_target(server, url, "search", "numbers:1", [make_dataset(server)])
    paced = app_target(server, url, "paced", PACED, [])
    pid = server.process.pid
    for title, target in (("one token", single), ("one token, with search", search)):
        asyncio.run(ask_all(target, 1, 20, 1))  # warms up

        def spent_ms(target=target) -> float:
            return 1e3 * cpu_spent(pid, lambda: ask_all(target, 1, QUESTIONS, 1)) / QUESTIONS

        yield f"{title}: CPU ms", spent_ms

    def added_ms() -> float:
        direct = median(asyncio.run(first_tokens(fake_target(url, PACED), BURST, 1)))
        return median(asyncio.run(first_tokens(paced, BURST, 1))) - direct

    yield f"{BURST} at once: first token, ms added", added_ms
    for streams, step_ms, count in STREAMS:
        model = f"numbers:{count}:{step_ms}"
        long = app_target(server, url, f"long{streams}-{step_ms}", model, [])
        yield (
            _tokens(streams, step_ms),
            lambda long=long, streams=streams, count=count: cpu_a_token(
                pid, long, single, streams, count
            ),
        )


def _of_relay(url: str, port: int, pid: int) -> Iterator[tuple[str, Measure]]:
    """The same tokens through `bench.traffic.relay`."""
    single = replace(fake_target(url, "numbers:1"), port=port)
    for streams, step_ms, count in STREAMS:
        long = replace(fake_target(url, f"numbers:{count}:{step_ms}"), port=port)
        yield (
            _tokens(streams, step_ms),
            lambda long=long, streams=streams, count=count: cpu_a_token(
                pid, long, single, streams, count
            ),
        )


def _tokens(streams: int, step_ms: int) -> str:
    return f"{streams} streams, {step_ms} ms apart: CPU µs a token"


def _table(found: dict[str, list[list[float]]]) -> str:
    rows = []
    for name, (relay, old, new) in found.items():
        ratio = f"{median(new) / median(old):.2f}"
        least = (
            (f"{median(relay):.0f}", f"{median(new) / median(relay):.1f}") if relay else ("", "")
        )
        rows.append((name, f"{median(old):.1f}", f"{median(new):.1f}", ratio, *least))
    return table("Side by side", ("", "old", "new", "new / old", "relay", "new / relay"), rows)


if __name__ == "__main__":
    main()
