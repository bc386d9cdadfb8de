"""Apps named after what their model does, and what tests about their answers share."""

from __future__ import annotations

from typing import Any

import httpx

from tests.api.serving import Served

TERMINAL = {"run.completed", "run.failed", "run.cancelled"}
MOON = "The moon rises over Ostrava at nine. " + "Nothing else happens. " * 60
HIDDEN = "Hidden word: quicksilver.\n\n{{context}}"

BEHAVIOURS = {
    "cite": "cite",
    "count": "numbers:300:1",
    "endless": "numbers:100000:5",
    "failing": "fail:500",
    "cut": "cut",
}


def make_apps(served: Served, base_url: str, dataset_id: str) -> None:
    for slug, model in BEHAVIOURS.items():
        body = {"name": slug, "model": model, "base_url": base_url, "price_in": 1.0}
        served.post("/v1/models", body)
        served.new_app(slug, prompt=HIDDEN, dataset_ids=[dataset_id], base={"model": slug})
    served.new_app("plain", dataset_ids=[dataset_id])
    served.new_app(
        "switch",
        dataset_ids=[dataset_id],
        base={"model": "cite"},
        tuned={"model": "count", "retrieval": None},
    )


def whole(http: httpx.Client, app: str, query: str, **fields: Any) -> dict[str, Any]:
    """The answer as one object."""
    answer = http.post(f"/v1/apps/{app}/chat", json={"query": query, "stream": False, **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()
