"""A server that has done a bit of everything: answered, refused, failed, indexed and given up."""

from __future__ import annotations

from typing import Any

import httpx

from tests.server import wait_for_batch

QUESTION, ANSWER, TEXT, FILE = "porcupine", "According", "Ostrava", "rhubarb"
"""Words that only questions, answers, documents and their names hold."""

MOON = f"The moon rises over {TEXT} at nine. " + "Nothing else happens. " * 60


def use(http: httpx.Client, model_url: str) -> dict[str, Any]:
    """Returns the answer to a follow-up question, which the model `talk` has given."""
    for name, model in (("talk", "cite"), ("failing", "fail:500")):
        body = {"name": name, "model": model, "base_url": model_url}
        http.post("/v1/models", json=body).raise_for_status()
    dataset = http.post("/v1/datasets", json={"name": "sky"}).json()["id"]
    files = [("files", (f"{FILE}.md", MOON.encode())), ("files", ("broken.pdf", b"%PDF-1.4 no"))]
    sent = http.post(f"/v1/datasets/{dataset}/documents", files=files).json()
    wait_for_batch(http, sent["batch_id"])
    for slug, draft in {
        "talk": {"dataset_ids": [dataset], "base": {"model": "talk"}},
        "failing": {"base": {"model": "failing"}},
        "quoting": {"dataset_ids": [dataset]},
    }.items():
        http.post("/v1/apps", json={"slug": slug, "name": slug}).raise_for_status()
        http.put(f"/v1/apps/{slug}/draft", json=draft).raise_for_status()
        http.post(f"/v1/apps/{slug}/publish").raise_for_status()
    first = _asked(http, "talk", f"When does the moon rise over {TEXT}, {QUESTION}?")
    _asked(http, "failing", QUESTION)
    _asked(http, "quoting", f"How does one cook a {QUESTION}?")
    return _asked(http, "talk", "And when does it?", conversation_id=first["conversation_id"])


def _asked(http: httpx.Client, app: str, query: str, **fields: Any) -> dict[str, Any]:
    body = {"query": query, "stream": False, **fields}
    found: dict[str, Any] = http.post(f"/v1/apps/{app}/chat", json=body).json()
    return found
