"""The whole way from rows to a verdict, with a language model of 0.2 million parameters on a CPU:
python -m bench.tuning.pays [--out pays.html]

Trains through our API, serves with `kb tune serve`, attaches the result to an app over documents,
and asks four arms. The model is far too small to read sources: what is shown is the machinery.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import uvicorn

from client.http import Client
from eval.question_sets.own import write
from eval.types import Question
from tests.api.serving import Served, serving
from tests.tune.trainers import tiny
from tune.report.four_arms import run
from tune.rows.canonical import write_rows
from tune.serve.app import create_app
from tune.serve.engine import Engine, catalogue

ROUND = {**tiny.FULL, "schedule": "cosine"}


def main() -> None:
    """Print the sentence and the table of the four arms."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("pays.html"))
    out = parser.parse_args().out
    with tempfile.TemporaryDirectory() as temporary:
        data = Path(temporary) / "data"
        bases = data / "tuning" / "bases"
        config = tiny.make_base(bases / "tiny") / "config.json"
        told = json.loads(config.read_text())
        config.write_text(json.dumps({**told, "max_position_embeddings": 2048}))  # for sources
        with served_models(bases, data / "tuning") as url, serving(data) as served:
            began = time.monotonic()
            job = trained(served, data)
            print(f"{job['status']} in {time.monotonic() - began:.0f} s: {job['fine_tuned_model']}")
            attach(served, url, job["fine_tuned_model"])
            with Client(served.url, served.kb.access.admin_key) as client:
                found = run(client, questions(data), app="warranty", plan=plan(data), out=out)
    print(found["verdict"]["sentence"])
    print("| arm | right | exact match | first token p50 | tokens in | a right answer costs |")
    print("|---|---|---|---|---|---|")
    for name, arm in found["arms"].items():
        cost, exact = arm["cost_per_right_answer"], arm["metrics"]["exact match"]["mean"]
        print(
            f"| {name} | {arm['correct']:.0%} | {exact:.0%} | {arm['first_token_ms']['p50']:.0f} ms"
            f" | {arm['tokens_in']:.0f} | {'–' if cost is None else f'{cost:.2g}'} |"
        )


@contextmanager
def served_models(bases: Path, tuning: Path) -> Iterator[str]:
    """`kb tune serve` in a thread; its address."""
    app = create_app(partial(catalogue, bases, tuning), Engine(bases), "")
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    server.should_exit = True
    thread.join()


def trained(served: Served, folder: Path) -> dict[str, str]:
    """The job that teaches ten facts, when it has ended."""
    write_rows(tiny.facts(), folder / "rows.jsonl")
    parts = {"file": ("rows.jsonl", (folder / "rows.jsonl").read_bytes())}
    file = served.http.post("/openai/v1/files", files=parts, data={"purpose": "fine-tune"}).json()
    order = {"model": "tiny", "training_file": file["id"], "hyperparameters": ROUND, "seed": 1}
    job = served.post("/v1/tuning/jobs", order)
    with Client(served.url, served.kb.access.admin_key) as client:
        ended = dict(list(client.events("GET", f"/v1/tuning/jobs/{job['id']}/events"))[-1][1])
    return ended


def attach(served: Served, url: str, tuned: str) -> None:
    """An app over documents with the facts, base and tuned behind it."""
    documents = {f"{row.prompt.split()[-1][:-1]}.txt": f"{row.answer}\n" for row in tiny.facts()}
    dataset = served.new_dataset("warranties", documents)
    model = {"name": "tiny", "provider": "openai", "base_url": url, "model": "tiny"}
    served.post("/v1/models", {**model, "price_in": 0.1, "price_out": 0.1})
    served.new_app("warranty", dataset_ids=[dataset], base={"model": "tiny", "max_tokens": 16})
    order = {"app": "warranty", "base_url": url, "retrieval": {"top_k": 1}, "max_tokens": 16}
    served.post(f"/v1/tuning/models/{tuned}/publish", order, status=200)
    served.http.patch(f"/v1/models/{tuned}", json={"price_in": 0.1, "price_out": 0.1})
    served.post("/v1/apps/warranty/publish")


def questions(folder: Path) -> Path:
    """What was taught, asked as it was and in other words."""
    asked = [
        Question(f"{kind} {number}", text, (row.answer,), type=kind)
        for number, row in enumerate(tiny.facts())
        for kind, text in (
            ("as trained", row.prompt),
            ("in other words", row.prompt.replace("How long is the warranty", "Warranty")),
        )
    ]
    write(asked, folder / "held_out.jsonl")
    return folder / "held_out.jsonl"


def plan(folder: Path) -> Path:
    """Prices that nobody asks: those of the machine that this runs on."""
    path = folder / "plan.json"
    path.write_text(json.dumps({"as_of": "2026-11-29", "training": 0.01}))
    return path


if __name__ == "__main__":
    main()
