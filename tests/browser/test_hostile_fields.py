"""Hostile texts in every field that the console shows: they stay texts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from selenium.webdriver.chrome.webdriver import WebDriver

from tests.browser.payloads import PAYLOADS, pieces
from tests.browser.site import Browser, Site
from tests.server import wait_for_batch
from tests.webhook_receiver import wait_until

pytestmark = pytest.mark.needs("chromium", "chromedriver")

LONG = pieces(19_000)
NAMES = pieces(200)


def post(http: httpx.Client, path: str, **body: object) -> dict[str, Any]:
    answer = http.post(path, json=body)
    answer.raise_for_status()
    made: dict[str, Any] = answer.json()
    return made


def fill_base(http: httpx.Client) -> str:
    """A knowledge base whose names and texts are hostile; its id."""
    base = post(http, "/v1/datasets", name=NAMES[0], description=" ".join(LONG))["id"]
    for name in NAMES[1:]:
        post(http, "/v1/datasets", name=name)
    text = "# {}\n\nThe gate opens at nine. {}".format(NAMES[0], "\n\n".join(PAYLOADS))
    names = [name.replace("/", "\u2215").replace("\x01", " ") + ".md" for name in NAMES]
    files = [("files", (name, text if not at else name)) for at, name in enumerate(names)]
    taken = http.post(f"/v1/datasets/{base}/documents", files=files).json()
    wait_for_batch(http, taken["batch_id"])
    document = f"/v1/documents/{taken['accepted'][0]['document_id']}"
    http.patch(document, json={"metadata": {"note": NAMES[0]}}).raise_for_status()
    assert http.patch(document, json={"labels": NAMES[:1]}).status_code == 400
    return base


def fill_models(http: httpx.Client) -> None:
    """A hostile model for some of them; nobody answers at its address."""
    for at, name in enumerate(NAMES[:40]):
        about = {"provider": "custom", "base_url": "http://127.0.0.1:9", "options": {name: name}}
        post(http, "/v1/models", name=f"hostile-{at}", model=name, separator=name, **about)


def fill_app(http: httpx.Client, base: str) -> str:
    """An app whose every field is hostile, and what was asked of it; a conversation's id."""
    about = {"opening": " ".join(LONG), "icon": "<b>"}
    for at, name in enumerate(NAMES):
        post(http, "/v1/apps", slug=f"hostile-{at}", name=name, **about if not at else {})
    asked = {"suggested_questions": NAMES[:20]}
    http.patch("/v1/apps/hostile-0", json=asked).raise_for_status()
    inputs = [
        {"name": f"x{at}", "label": name, "default": name, "type": "text"}
        for at, name in enumerate(NAMES[:50])
    ]
    inputs[0] |= {"type": "select", "options": NAMES, "default": NAMES[0]}
    draft = {"prompt": " ".join(LONG), "refusal": LONG[0], "inputs": inputs, "dataset_ids": [base]}
    http.put("/v1/apps/hostile-0/draft", json=draft).raise_for_status()
    http.post("/v1/apps/hostile-0/publish").raise_for_status()
    for name in NAMES:
        post(http, "/v1/apps/hostile-0/keys", kind="app", name=name)
    for name in NAMES:
        post(http, "/v1/apps/echoing/chat", query=name, user=name, stream=False)
    query = f"When opens the gate? {NAMES[0]}"
    asked = post(http, "/v1/apps/hostile-0/chat", query=query, stream=False)
    said = {"rating": "dislike", "text": LONG[0], "better_answer": LONG[-1]}
    http.post(f"/v1/messages/{asked['message_id']}/feedback", json=said).raise_for_status()
    return str(asked["conversation_id"])


def fill_set(http: httpx.Client) -> None:
    """A training set with a hostile row for each of them."""
    post(http, "/v1/tuning/sets", name="hostile", description=pieces(2_000)[0])
    turns = (
        [{"role": "user", "content": each}, {"role": "assistant", "content": each}]
        for each in PAYLOADS
    )
    rows = "\n".join(json.dumps({"messages": each}) for each in turns)
    uploaded = {"file": ("rows.jsonl", rows.encode())}
    http.post("/v1/tuning/sets/hostile/versions", files=uploaded).raise_for_status()


def fill_evaluation(http: httpx.Client, base: str) -> list[str]:
    """A question set with a hostile question for each of them, asked twice; the pages."""
    made = post(
        http, "/v1/evaluation/sets", name="hostile", description=pieces(1_900)[0], dataset_id=base
    )
    rows = "\n".join(
        json.dumps({"question": f"{each} {at}", "answers": [each], "document": each[:200] or "x"})
        for at, each in enumerate(PAYLOADS)
    )
    path = f"/v1/evaluation/sets/{made['id']}"
    uploaded = {"files": ("questions.jsonl", rows.encode())}
    http.post(f"{path}/import", files=uploaded).raise_for_status()
    asked = {"question_set": made["id"], "sample": 20}
    runs = [
        post(http, "/v1/evaluation/runs", **asked, **subject)["id"]
        for subject in ({"app": "hostile-0"}, {"dataset_id": base})
    ]
    wait_until(
        lambda: all(
            http.get(f"/v1/evaluation/runs/{run}").json()["status"] == "succeeded" for run in runs
        )
    )
    shown = f"/console/evaluation/runs/{runs[0]}?against={runs[1]}"
    return ["/console/evaluation", f"/console/evaluation/sets/{made['id']}", shown]


@pytest.fixture
def made(driver: WebDriver, site: Site) -> Iterator[tuple[Browser, list[str]]]:
    """Objects whose every field is hostile, and the pages that show them."""
    http = site.server.http
    base = fill_base(http)
    conversation = fill_app(http, base)
    fill_models(http)
    fill_set(http)
    evaluation = fill_evaluation(http, base)
    document = http.get(f"/v1/datasets/{base}/documents").json()["data"][0]["id"]
    home, app = f"/console/knowledge/{base}", "/console/apps/hostile-0"
    tabs = ("prompt", "knowledge", "model", "welcome", "versions", "share")
    browser = Browser(driver, site)
    browser.sign_in()
    browser.hosts_asked(), browser.complaints()
    yield (
        browser,
        [
            "/console",
            *(f"{home}?tab={tab}" for tab in ("documents", "search", "settings")),
            f"{home}/documents/{document}",
            "/console/apps",
            *(f"{app}?tab={tab}" for tab in tabs),
            "/console/models",
            "/console/conversations",
            f"/console/conversations/{conversation}",
            "/console/review",
            "/console/usage",
            "/console/tuning",
            "/console/tuning/sets/hostile",
            *evaluation,
            "/?app=hostile-0",
            f"/?app=hostile-0&c={conversation}",
        ],
    )
    gone = [f"apps/hostile-{at}" for at in range(len(NAMES))]
    gone += [f"models/hostile-{at}" for at in range(40)]
    bases = http.get("/v1/datasets", params={"limit": 100})
    while kept := [one["id"] for one in bases.json()["data"] if one["name"] in STRIPPED]:
        for each in kept:
            http.delete(f"/v1/datasets/{each}").raise_for_status()
        bases = http.get("/v1/datasets", params={"limit": 100})
    for path in (*gone, "tuning/sets/hostile", "evaluation/sets/hostile"):
        http.delete(f"/v1/{path}").raise_for_status()


STRIPPED = {name.strip() for name in NAMES}


def test_no_field_runs_a_script_or_asks_others(made: tuple[Browser, list[str]]):
    browser, pages = made
    own = {urlsplit(browser.site.url).netloc}
    for path in pages:
        browser.open(path)
        for more in browser.all("[data-tab=switches], [data-name=hostile-0] .icon-button")[:1]:
            more.click()  # what a document is marked with, and the window of a model
        assert browser.driver.execute_script("return window.pwned") is None, path
        foreign = "#page img, #page iframe, #page script, #turns img, #welcome img"
        assert browser.all(foreign) == [], path
    assert browser.hosts_asked() <= own
    assert browser.complaints() == []
