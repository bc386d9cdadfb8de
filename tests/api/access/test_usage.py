"""What was used and what it has cost, by whom; and budgets, which end what they are of."""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from kb.store.access import usage
from kb.types import ModelUsage, Scope, Usage
from tests.api.serving import Served, serving
from tests.fake_models import running_fake_server
from tests.webhook_receiver import receiving

TOKENS = ("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with models of two currencies."""
    with (
        serving(tmp_path_factory.mktemp("usage") / "data") as made,
        running_fake_server() as fake,
    ):
        for name, currency in (("dollars", "USD"), ("euros", "EUR")):
            prices = {"price_in": 1000.0, "price_out": 2000.0, "currency": currency}
            model = {"name": name, "model": "echo", "base_url": fake.base_url}
            made.post("/v1/models", {**model, **prices})
        free = {"name": "free", "model": "echo", "base_url": fake.base_url}
        made.post("/v1/models", free)
        yield made


def new_app(served: Served, slug: str, base: str = "dollars", tuned: str = "euros") -> str:
    """Plain chat with a variant of each model."""
    variants = {"base": base, "tuned": tuned}
    return served.new_app(
        slug, **{name: {"model": model, "retrieval": None} for name, model in variants.items()}
    )


def ask(client: httpx.Client, app: str, query: str = "a b c", **more: Any) -> httpx.Response:
    return client.post(f"/v1/apps/{app}/chat", json={"query": query, "stream": False, **more})


def used(served: Served, by: str, **asked: Any) -> list[dict[str, Any]]:
    answer = served.http.get("/v1/usage", params={"by": by, **asked})
    assert answer.status_code == 200, answer.text
    assert answer.json()["by"] == by
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def talks(served: Served, app: str) -> list[dict[str, Any]]:
    asked = {"app": app, "limit": 100}
    found: list[dict[str, Any]] = served.http.get("/v1/conversations", params=asked).json()["data"]
    return found


def stored(served: Served, app_id: str) -> list[dict[str, Any]]:
    """Every message of an app, as an admin sees it."""
    paths = [f"/v1/conversations/{talk['id']}/messages" for talk in talks(served, app_id)]
    return [message for path in paths for message in served.http.get(path).json()["data"]]


def test_every_report_adds_up_to_what_the_messages_say(served: Served):
    app_id = new_app(served, "sums")
    keys = [served.post("/v1/keys", {"kind": "app", "app": "sums"}) for _ in range(2)]
    for number in range(8):
        client = served.client(keys[number % 2]["key"])
        user, route = f"user-{number % 3}", ("base", "tuned")[number // 4]
        assert ask(client, "sums", "one " * (number + 1), user=user, route=route).is_success

    messages = stored(served, app_id)
    assert len(messages) == 8
    for by in ("app", "key", "user", "model", "variant", "day"):
        rows = used(served, by, app="sums")
        assert sum(row["answers"] for row in rows) == 8
        for name in TOKENS:
            told = sum(message["usage"].get(name, 0) for message in messages)
            assert sum(row[name] for row in rows) == told, (by, name)
        for currency in ("USD", "EUR"):
            spent = [row["cost"] for row in rows if row["currency"] == currency]
            told = [m["cost"] for m in messages if m["currency"] == currency]
            assert sum(spent) == pytest.approx(sum(told))
            assert len(told) == 4
    assert {row["name"] for row in used(served, "key", app="sums")} == {k["id"] for k in keys}
    users = {row["name"] for row in used(served, "user", app="sums")}
    assert users == {"user-0", "user-1", "user-2"}


def test_only_admins_see_what_an_answer_has_cost(served: Served):
    new_app(served, "secret-costs")
    client = served.with_new_key(kind="app", app="secret-costs")

    theirs, ours = ask(client, "secret-costs").json(), ask(served.http, "secret-costs").json()

    assert ours["currency"] == "USD"
    assert ours["cost"] > 0
    assert not {"cost", "currency"} & theirs.keys()


def test_what_has_no_price_is_told_with_what_has_one(served: Served):
    new_app(served, "half-free", base="free", tuned="euros")
    for route in ("base", "tuned"):
        assert ask(served.http, "half-free", route=route).is_success

    (row,) = used(served, "app", app="half-free")
    assert (row["answers"], row["currency"]) == (2, "EUR")
    assert {row["name"]: row["currency"] for row in used(served, "variant", app="half-free")} == {
        "base": None,
        "tuned": "EUR",
    }


def test_a_price_counts_from_its_day_on_and_no_answer_changes_what_it_has_cost(served: Served):
    app_id = new_app(served, "dearer", base="free")

    def cost_after_another() -> float:
        assert ask(served.http, "dearer").is_success
        return float(used(served, "app", app="dearer")[0]["cost"])

    assert cost_after_another() == 0.0
    day = datetime.now(UTC).date()
    later = {"price_out": 9000.0, "valid_from": str(day + timedelta(days=1))}
    now = {"price_out": 1000.0, "currency": "CHF", "valid_from": str(day)}
    changed = served.http.patch("/v1/models/free", json={"prices": [later, now]})
    assert [price["price_out"] for price in changed.json()["prices"]] == [9000.0, 1000.0]

    assert cost_after_another() == pytest.approx(0.003)
    plain = served.http.patch("/v1/models/free", json={"price_out": 2000.0})
    assert plain.json()["prices"] == []  # who knows only one price sets the one that counts
    assert ask(served.http, "dearer").is_success
    rows = {row["currency"]: row["cost"] for row in used(served, "app", app="dearer")}
    assert rows == {"CHF": pytest.approx(0.003), "USD": pytest.approx(0.006)}
    told = [(message.get("cost"), message.get("currency")) for message in stored(served, app_id)]
    assert sorted(told, key=str) == [(0.003, "CHF"), (0.006, "USD"), (None, None)]
    assert served.http.patch("/v1/models/free", json={"price_out": None}).is_success
    for wrong in ({"currency": "euro"}, {"prices": [{"price_in": 1.0}]}, {"prices": None}):
        assert served.http.patch("/v1/models/free", json=wrong).status_code == 400


def test_a_table_for_spreadsheets_holds_no_formula(served: Served):
    new_app(served, "table")
    assert ask(served.http, "table", user='=HYPERLINK("http://evil")').is_success

    answer = served.http.get("/v1/usage", params={"by": "user", "app": "table", "format": "csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert row["name"] == '\'=HYPERLINK("http://evil")'
    assert (row["answers"], row["completion_tokens"], row["currency"]) == ("1", "3", "USD")


def test_many_users_come_page_after_page_and_all_in_a_table(served: Served):
    users = [f"user-{number:04}" for number in range(1200)]
    one = ModelUsage("m", Usage(1, 1, estimated=False))
    with served.kb.database.write() as tx:
        for user in users:
            usage.count(tx, Scope.admin(), "many", user, "base", one)
        for user in ("ann", "zoe"):
            usage.count(tx, Scope.admin(), "other", user, "base", one)

    pages: list[list[str]] = []
    asked: dict[str, Any] = {"by": "user", "limit": 500}
    while asked:
        told = served.http.get("/v1/usage", params=asked).json()
        pages.append(list(dict.fromkeys(row["name"] for row in told["data"])))
        asked = told["next"] and {**asked, "cursor": told["next"]}
    assert [len(page) for page in pages[:-1]] == [500, 500]
    names = [name for page in pages for name in page]
    assert names == sorted(set(names))
    assert {"ann", "zoe", *users} <= set(names)
    assert used(served, "user") == used(served, "user", limit=500)
    asked = {"by": "user", "format": "csv", "limit": 7}
    table = served.http.get("/v1/usage", params=asked).text
    rows = csv.DictReader(io.StringIO(table))
    assert list(dict.fromkeys(row["name"].lstrip("'") for row in rows)) == names
    for wrong in ({"limit": 0}, {"limit": 501}, {"cursor": "user-0001"}):
        assert served.http.get("/v1/usage", params={"by": "user", **wrong}).status_code == 400


def test_the_variants_of_an_app_stand_side_by_side(served: Served):
    new_app(served, "sides")
    answers = [ask(served.http, "sides", route=route).json() for route in ("base", "tuned", "base")]
    feedback = f"/v1/messages/{answers[0]['message_id']}/feedback"
    assert served.http.post(feedback, json={"rating": "dislike"}).is_success

    base, tuned = used(served, "variant", app="sides")
    assert (base["name"], base["answers"], base["observed"], base["dislikes"]) == ("base", 2, 2, 1)
    assert (tuned["name"], tuned["answers"], tuned["dislikes"], tuned["likes"]) == (
        "tuned",
        1,
        0,
        0,
    )
    assert base["first_token_ms"] > 0
    assert base["refusals"] == 0
    assert base["cost"] == pytest.approx(2 * tuned["cost"])
    (app,) = [row for row in used(served, "app", app="sides") if row["currency"] == "USD"]
    assert app["observed"] is None
    assert used(served, "variant", app="sides", until="2020-01-01") == []
    assert served.http.get("/v1/usage", params={"app": "unknown"}).status_code == 404


def test_who_is_erased_is_named_no_more_and_what_was_used_stays_counted(served: Served):
    app_id = new_app(served, "forgetful")
    for user in ("anna", "anna", "ben"):
        assert ask(served.http, "forgetful", user=user).is_success
    for talk in talks(served, app_id):
        if talk["user"] == "anna":
            assert served.http.delete(f"/v1/conversations/{talk['id']}").is_success

    found = {row["name"]: row["answers"] for row in used(served, "user", app="forgetful")}
    assert found == {"": 2, "ben": 1}


def put_budget(served: Served, **budget: Any) -> list[dict[str, Any]]:
    answer = served.http.put("/v1/budgets", json=budget)
    assert answer.status_code == 200, answer.text
    return [each for each in answer.json()["data"] if each["id"] == budget["id"]]


def test_an_app_whose_budget_is_used_up_answers_nobody(
    served: Served, caplog: pytest.LogCaptureFixture
):
    app_id = new_app(served, "spent")
    clients = [served.with_new_key(kind="app", app="spent") for _ in range(2)]
    assert ask(clients[0], "spent", "x " * 90).is_success  # about 0.27 USD
    cost = used(served, "app", app="spent")[0]["cost"]
    served.http.put("/v1/budgets", json={"of": "app", "id": "spent", "amount": 1, "unit": "EUR"})
    budget = {"of": "app", "id": "spent", "unit": "USD", "amount": cost * 1.5}
    assert served.http.put("/v1/budgets", json=budget).is_success
    states = served.http.get("/v1/budgets").json()["data"]
    own = {each["unit"]: each for each in states if each["id"] == app_id}
    assert own["EUR"]["spent"] == 0.0  # money of another currency is not added
    assert (own["USD"]["state"], own["USD"]["spent"]) == ("good", pytest.approx(cost))

    with caplog.at_level(logging.WARNING, logger="kb.store.access.budgets"):
        for _ in range(2):  # to 1.33 and over; the answer that reaches the end is whole
            assert ask(clients[1], "spent", "x " * 30).is_success
        assert ask(clients[1], "spent", "x " * 30).status_code in (200, 429)
    assert len(caplog.records) == 2  # nearly, and over
    assert app_id in caplog.text

    for client in (*clients, served.http):
        refused = ask(client, "spent")
        assert (refused.status_code, refused.json()["code"]) == (429, "budget_exceeded")
        said = refused.json()
        assert app_id in said["detail"]
        assert "USD" in said["detail"]
        assert said["budget"]["amount"] == pytest.approx(cost * 1.5)
        assert said["budget"]["resets_at"] in said["detail"]
        assert 0 < int(refused.headers["retry-after"]) <= 31 * 24 * 3600
    asked = {"query": "x", "inputs": {}, "user": "anna", "response_mode": "blocking"}
    refused = clients[0].post("/dify/v1/chat-messages", json=asked)
    assert (refused.status_code, refused.json()["code"]) == (400, "provider_quota_exceeded")
    new_app(served, "not-spent")
    assert ask(served.http, "not-spent").is_success
    assert served.http.put("/v1/budgets", json={**budget, "amount": 0}).is_success
    assert ask(clients[0], "spent").is_success


def test_webhooks_are_told_once_that_a_budget_is_nearly_and_that_it_is_wholly_used_up(
    served: Served,
):
    app_id = new_app(served, "told")
    assert ask(served.http, "told").is_success
    (one,) = put_budget(served, of="app", id=app_id, amount=1_000_000)
    put_budget(served, of="app", id=app_id, amount=one["spent"] * 3.5)
    wanted = ["budget.warning", "budget.exceeded"]
    with receiving() as receiver:
        hook = served.post("/v1/webhooks", {"url": receiver.url, "events": wanted})
        for _ in range(3):  # of 3.5, the second is the third and beyond 80 %
            assert ask(served.http, "told").is_success
        events = {each["type"]: each["data"] for each in receiver.events(hook["secret"], 2)}
        put_budget(served, of="app", id=app_id, amount=one["spent"] * 6)
        for _ in range(2):  # the first makes it 5 of 6
            assert ask(served.http, "told").is_success
        types = [each["type"] for each in receiver.events(hook["secret"], 4)]
        served.http.delete(f"/v1/webhooks/{hook['id']}")
    assert sorted(types) == sorted(2 * wanted)
    assert events["budget.warning"] == {
        "of": "app",
        "id": app_id,
        "unit": "tokens",
        "period": one["period"],
        "amount": one["spent"] * 3.5,
        "spent": one["spent"] * 3,
        "resets_at": one["resets_at"],
    }
    assert events["budget.exceeded"]["spent"] == one["spent"] * 4


def test_a_budget_of_a_key_counts_what_the_key_has_asked_for(served: Served):
    new_app(served, "two-keys")
    made = served.post("/v1/keys", {"kind": "app", "app": "two-keys"})
    mine, other = served.client(made["key"]), served.with_new_key(kind="app", app="two-keys")
    assert ask(mine, "two-keys").is_success
    (state,) = put_budget(served, of="key", id=made["id"], amount=1, period="day")
    assert (state["state"], state["unit"]) == ("exceeded", "tokens")

    assert ask(mine, "two-keys").json()["code"] == "budget_exceeded"
    assert ask(other, "two-keys").is_success
    for wrong in ({"amount": -1}, {"unit": "dollars"}, {"id": "unknown"}, {"period": "year"}):
        body = {"of": "key", "id": made["id"], "amount": 1, **wrong}
        assert served.http.put("/v1/budgets", json=body).status_code in (400, 404)
    assert mine.get("/v1/budgets").status_code == 403
