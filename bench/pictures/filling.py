"""What the pictures show: a small handbook, what was asked of it, and a story teller."""

from __future__ import annotations

import csv
import json
import time
from typing import Any

from tests.server import ROOT, ServerProcess, wait_for_batch

SETTLED_S = 0.8
STORIES = ROOT / "examples" / "tuned" / "story-teller"

HANDBOOK = {
    "leave.md": "# Annual leave\n\nEmployees have 28 days of annual leave a year. They ask for it "
    "two weeks ahead.\n\n# Parking\n\nVisitors park on level 2.\n",
    "pay.csv": "Role,Pay a month\nDriver,3000\nClerk,2800\n",
    "scan.pdf": "%PDF-1.7 damaged",
}
QUESTIONS = ("How many days of annual leave do employees have?", "Who won the cup?")
EVALUATED: tuple[dict[str, Any], ...] = (
    {"question": "How many days of annual leave do employees have?", "answers": ["28 days"],
     "relevant": [{"document": "leave.md"}]},
    {"question": "Where do visitors park?", "answers": ["level 2"],
     "relevant": [{"document": "leave.md", "page": 1, "start": 0}]},
    {"question": "What does a driver earn?", "answers": ["3000"],
     "relevant": [{"document": "pay.csv"}]},
    {"question": "Who won the cup?", "answerable": False},
)  # fmt: skip


def filled(server: ServerProcess, model_url: str) -> dict[str, str]:
    """Fill the server; the ids that addresses need."""
    http: Any = server.http
    dataset = http.post("/v1/datasets", json={"name": "Staff handbook"}).json()["id"]
    files = [("files", (name, text.encode())) for name, text in HANDBOOK.items()]
    taken = http.post(f"/v1/datasets/{dataset}/documents", files=files).json()
    wait_for_batch(http, taken["batch_id"])
    model = {
        "name": "writer",
        "base_url": model_url,
        "model": "cite",
        "price_in": 1,
        "price_out": 4,
    }
    http.post("/v1/models", json=model).raise_for_status()
    about = {"slug": "handbook", "name": "Handbook", "opening": "Ask about leave, pay and parking."}
    http.post("/v1/apps", json={**about, "suggested_questions": [QUESTIONS[0]]}).raise_for_status()
    draft = {"prompt": "You answer for Harbour Ltd.\n\n{{context}}", "dataset_ids": [dataset]}
    draft["inputs"] = [{"name": "site", "label": "Your site"}]
    http.put("/v1/apps/handbook/draft", json=draft).raise_for_status()
    http.post("/v1/apps/handbook/publish").raise_for_status()
    asked = [
        http.post("/v1/apps/handbook/chat", json={"query": query, "stream": False}).json()
        for query in QUESTIONS
    ]
    http.post("/v1/tuning/sets", json={"name": "tone"}).raise_for_status()
    rows = "question,answer\nMay I park here?,Of course: on level 2.\nWho are you?,The office.\n"
    uploaded = {"file": ("rows.csv", rows.encode())}
    http.post("/v1/tuning/sets/tone/versions", files=uploaded).raise_for_status()
    document = http.get(f"/v1/datasets/{dataset}/documents", params={"q": "leave"}).json()["data"][
        0
    ]
    add_stories(http, model_url)
    broken = {"name": "broken", "base_url": model_url, "model": "fail:500"}
    http.post("/v1/models", json=broken).raise_for_status()
    http.post("/v1/apps", json={"slug": "broken", "name": "Broken"}).raise_for_status()
    unsearched = {"base": {"model": "broken", "retrieval": None}}
    http.put("/v1/apps/broken/draft", json=unsearched).raise_for_status()
    http.post("/v1/apps/broken/publish").raise_for_status()
    body = {"kind": "widget", "name": "Share link", "origins": [str(http.base_url).rstrip("/")]}
    link = http.post("/v1/apps/handbook/keys", json=body).json()["key"]
    ids = {"dataset": dataset, "key": link, "document": document["id"]}
    ids |= evaluated(http, dataset)
    return {**ids, "conversation": asked[0]["conversation_id"]}


def evaluated(http: Any, dataset: str) -> dict[str, str]:
    """A question set, and two runs of it that have ended."""
    named = {"name": "Staff questions", "dataset_id": dataset}
    made = http.post("/v1/evaluation/sets", json=named).json()["id"]
    for question in EVALUATED:
        http.post(f"/v1/evaluation/sets/{made}/questions", json=question).raise_for_status()
    runs = []
    for subject in ({"app": "handbook"}, {"dataset_id": dataset, "mode": "vector"}):
        asked = {"question_set": made, **subject}
        runs.append(http.post("/v1/evaluation/runs", json=asked).json()["id"])
    while http.get(f"/v1/evaluation/runs/{runs[1]}").json()["status"] in ("queued", "running"):
        time.sleep(SETTLED_S)
    return {"questions": made, "run": runs[0], "against": runs[1]}


def add_stories(http: Any, model_url: str) -> None:
    """The example of a story teller, whose model tells the first of its stories to everybody."""
    about = json.loads((STORIES / "app.json").read_text())
    with (STORIES / "rows.csv").open() as file:
        story = next(csv.DictReader(file))["story"][:180].rpartition(" ")[0]  # a name is short
    for name, model in (("plain", "echo"), ("stories", f"tell:250:{story}")):
        body = {"name": name, "base_url": model_url, "model": model}
        http.post("/v1/models", json=body).raise_for_status()
    app = {name: about[name] for name in ("name", "opening")}
    http.post("/v1/apps", json={"slug": "stories", **app}).raise_for_status()
    base = {"model": "plain", "retrieval": None}
    draft = {"prompt": about["prompt"], "inputs": about["inputs"], "base": base}
    draft["tuned"] = {**base, "model": "stories"}
    http.put("/v1/apps/stories/draft", json=draft).raise_for_status()
    http.post("/v1/apps/stories/publish").raise_for_status()
    http.put("/v1/apps/stories/route", json={"mode": "tuned"}).raise_for_status()
    uploaded = {"file": ("rows.csv", (STORIES / "rows.csv").read_bytes())}
    columns = {"question": about["question"], "answer": about["answer"]}
    options = {"options": json.dumps({"columns": columns})}
    http.post("/v1/tuning/sets", json={"name": "stories"}).raise_for_status()
    path = "/v1/tuning/sets/stories/versions"
    http.post(path, files=uploaded, data=options).raise_for_status()
