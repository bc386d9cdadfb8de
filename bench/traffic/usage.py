"""What answers have cost, reported by everything and compared with what each message says.

    python -m bench.traffic.usage [--questions 1000] [--at-once 8]

Questions go over HTTP to an app of 200 chunks, in turns by three keys for forty users, a third of
them to the tuned variant, whose model has a price in another currency. The models are those of
`kb.models.fake.server`, which count words for tokens; every tenth question is refused, and every
seventh answer is rated. Then all reports are summed up and laid beside the sums over the messages.
The prices are made up.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from bench.measuring import fake_models, kb_server, table, verdict
from bench.traffic.questions import make_dataset

TOKENS = ("prompt_tokens", "completion_tokens")
MODELS = {
    "stock": {"model": "cite", "price_in": 0.4, "price_out": 1.6, "currency": "USD"},
    "tuned": {"model": "echo", "price_in": 0.1, "price_out": 0.3, "currency": "EUR"},
}
USERS = 40


def main() -> None:
    """Ask, compare and print."""
    parser = argparse.ArgumentParser(description="Reports of usage against messages.")
    parser.add_argument("--questions", type=int, default=1000)
    parser.add_argument("--at-once", type=int, default=8)
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as data,
        fake_models() as (url, _),
        kb_server(Path(data)) as server,
        server.client() as http,
    ):
        _app(http, url, make_dataset(server))
        clients = [_client(http, server.url) for _ in range(3)]

        def ask(number: int) -> None:
            _ask(clients[number % 3], number)

        with ThreadPoolExecutor(arguments.at_once) as threads:
            list(threads.map(ask, range(arguments.questions)))
        messages = _messages(http)
        for by in ("variant", "key", "model", "day"):
            _print(by, _report(http, by))
        _compare(http, messages)


def _app(http: httpx.Client, url: str, dataset_id: str) -> None:
    for name, model in MODELS.items():
        body = {"name": name, "base_url": url, **model}
        assert http.post("/v1/models", json=body).is_success
    assert http.post("/v1/apps", json={"slug": "shop", "name": "Shop"}).is_success
    variants = {"base": {"model": "stock"}, "tuned": {"model": "tuned"}}
    draft = {"dataset_ids": [dataset_id], "refusal": "I do not know."}
    draft |= {"retrieval": {"min_score": 0.05}}
    assert http.put("/v1/apps/shop/draft", json={**draft, **variants}).is_success
    assert http.post("/v1/apps/shop/publish").is_success


def _client(http: httpx.Client, url: str) -> httpx.Client:
    key = http.post("/v1/keys", json={"kind": "app", "app": "shop"}).json()["key"]
    return httpx.Client(
        base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=300, trust_env=False
    )


def _ask(client: httpx.Client, number: int) -> None:
    query = "How long is the notice period?" if number % 10 else "zyxwv utsrq ponml?"
    body = {"query": query, "user": f"user-{number % USERS:02}", "stream": False}
    route = "base" if number // 3 % 3 else "tuned"
    answer = client.post("/v1/apps/shop/chat", json={**body, "route": route})
    assert answer.is_success, answer.text
    if number % 7 == 0:
        rating = "like" if number % 2 else "dislike"
        path = f"/v1/messages/{answer.json()['message_id']}/feedback"
        assert client.post(path, json={"rating": rating}).is_success


def _messages(http: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: dict[str, Any] = {"limit": 100}
    while cursor:
        listed = http.get("/v1/conversations", params=cursor).json()
        for talk in listed["data"]:
            found += http.get(f"/v1/conversations/{talk['id']}/messages").json()["data"]
        cursor = {"limit": 100, "cursor": listed["next"]} if listed["next"] else {}
    return found


def _report(http: httpx.Client, by: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = http.get("/v1/usage", params={"by": by, "app": "shop"}).json()[
        "data"
    ]
    return found


def _print(by: str, rows: Sequence[Mapping[str, Any]]) -> None:
    names = [name for name in rows[0] if any(row[name] is not None for row in rows)]
    print(table(f"By {by}", names, [[row[name] for name in names] for row in rows]))


def _compare(http: httpx.Client, messages: Sequence[Mapping[str, Any]]) -> None:
    told = Counter[str]({name: sum(m["usage"][name] for m in messages) for name in TOKENS})
    money = Counter[str]()
    for message in messages:
        if "cost" in message:
            money[message["currency"]] += message["cost"]
    rows = []
    for by in ("app", "key", "user", "model", "variant", "day"):
        found = _report(http, by)
        tokens = [sum(row[name] for row in found) for name in TOKENS]
        costs = {name: sum(r["cost"] for r in found if r["currency"] == name) for name in money}
        close = all(abs(costs[name] - cost) < 1e-6 for name, cost in money.items())
        answers = sum(row["answers"] for row in found)
        equal = close and tokens == list(told.values()) and answers == len(messages)
        spent = ", ".join(f"{cost:.6f} {name}" for name, cost in sorted(costs.items()))
        rows.append((by, len(found), answers, *tokens, spent, verdict(equal)))
    spent = ", ".join(f"{cost:.6f} {name}" for name, cost in sorted(money.items()))
    rows.append(("message", len(messages), len(messages), *told.values(), spent, ""))
    print(table("Sums", ("by", "rows", "answers", *TOKENS, "cost", "equal"), rows))


if __name__ == "__main__":
    main()
