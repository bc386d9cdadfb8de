"""A roll-out over HTTP: refused with its figure, begun, watched by the server, ended."""

from __future__ import annotations

import time

from tests.api.serving import Served
from tests.api.talking import whole
from tests.tuned import GOOD, WORSE


def new_app(served: Served, slug: str) -> str:
    tuned = {"model": "extractive", "prompt": "Tuned."}
    served.new_app(slug, base={"model": "extractive"}, tuned=tuned)
    return f"/v1/apps/{slug}/rollout"


def test_a_gate_that_is_not_met_refuses_with_its_figure_and_is_overridden(served: Served):
    path = new_app(served, "gated")
    assert served.http.get(path).status_code == 404
    refused = served.http.put(path, json={"stage": "canary", "report": WORSE})
    assert (refused.status_code, refused.json()["code"]) == (409, "gate_not_met")
    assert "50.0%" in refused.json()["detail"]
    unseen = served.http.put(path, json={"stage": "canary"})
    assert "No evaluation" in unseen.json()["detail"]
    body = {"stage": "canary", "report": WORSE, "override": "Style counts."}
    begun = served.http.put(path, json=body).json()
    assert (begun["stage"], begun["percent"], begun["version"]) == ("canary", 5, 1)
    assert "Style counts." in begun["events"][0]["detail"]
    assert served.http.get("/v1/apps/gated/route").json()["mode"] == "split"
    wider = {"stage": "canary", "report": WORSE, "gates": {"most_worse_points": 20}}
    assert served.http.put(path, json=wider).status_code == 200


def test_it_ends_by_hand_and_goes_with_its_app(served: Served):
    path = new_app(served, "ended")
    body = {"stage": "canary", "report": GOOD, "plan": {"steps": [100]}}
    assert served.http.put(path, json=body).json()["percent"] == 100
    back = served.http.put(path, json={"stage": "returned"}).json()
    assert (back["stage"], back["percent"]) == ("returned", 0)
    assert [one["stage"] for one in back["events"]] == ["full", "returned"]
    assert served.http.get(path).json() == back
    assert served.http.get("/v1/apps/ended/route").json()["mode"] == "base"
    assert served.http.delete("/v1/apps/ended").status_code == 204


def test_the_server_watches_it(served: Served, sky: str):
    dataset = {"dataset_ids": [sky]}
    served.new_app(
        "watched", **dataset, base={"model": "extractive"}, tuned={"model": "extractive"}
    )
    body = {"stage": "canary", "report": GOOD, "plan": {"steps": [50, 100], "answers": 1}}
    served.http.put("/v1/apps/watched/rollout", json=body)
    whole(served.http, "watched", "When does the moon rise?", route="tuned")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = served.http.get("/v1/apps/watched/rollout").json()
        if found["stage"] == "full":
            break
        time.sleep(0.2)
    assert (found["stage"], found["percent"]) == ("full", 100)
