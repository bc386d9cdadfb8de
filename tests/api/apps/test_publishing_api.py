"""A tuned model becomes the tuned variant of an app: registered as it was trained, in the draft."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.serving import Served
from tests.api.talking import whole
from tests.tuned import GOOD, NAME, SEPARATOR, store


@pytest.fixture(scope="module", autouse=True)
def _tuned(served: Served) -> None:
    served.kb.database.writing(store)
    served.kb.database.writing(store, "ft:tiny:citewell::chat", "chat")
    served.kb.database.writing(store, "ft:tiny:citewell::unserved", "chat")
    served.kb.database.writing(store, "ft:tiny:citewell::vectors", "embedder")


def publish(served: Served, name: str = NAME, status: int = 200, **body: Any) -> Any:
    return served.post(f"/v1/tuning/models/{name}/publish", body, status)


def test_one_call_attaches_a_model_that_then_answers_as_it_was_trained(served: Served, upstream):
    served.new_app("stories", prompt="You are of the app.", base={"model": "extractive"})
    told = publish(
        served,
        app="stories",
        base_url=upstream.base_url,
        served_as="say:Once upon a time",
        temperature=0.2,
        report=GOOD,
    )
    assert (told["model"]["style"], told["model"]["separator"]) == ("completion", SEPARATOR)
    assert told["model"]["stop"] == [" END"]
    assert {one["field"]: one["to"] for one in told["differences"]} == {
        "tuned.model": NAME,
        "tuned.prompt": "{{query}}",
        "tuned.temperature": 0.2,
    }
    assert "warnings" not in told
    served.post("/v1/apps/stories/publish")
    answer = whole(served.http, "stories", "Tell me of the moon", route="tuned")
    assert answer["answer"] == "Once upon a time"
    sent = upstream.requests[-1]
    assert (sent["prompt"], sent["stop"]) == (f"Tell me of the moon{SEPARATOR}", [" END"])


def test_publishing_again_changes_the_registration_and_the_draft(served: Served):
    served.new_app("again")
    publish(served, app="again", base_url="http://127.0.0.1:9/v1", api_key="secret-key")
    told = publish(served, app="again", base_url="http://127.0.0.1:10/v1", prompt="Tell: {{query}}")
    assert (told["model"]["base_url"], told["model"]["has_api_key"]) == (
        "http://127.0.0.1:10/v1",
        True,
    )
    draft = served.http.get("/v1/apps/again/draft").json()
    assert draft["tuned"]["prompt"] == "Tell: {{query}}"
    assert "secret-key" not in str(told)


def test_it_is_warned_of_another_template_no_evaluation_a_shutdown_and_a_question_twice(
    served: Served,
):
    served.new_app("warned")
    told = publish(
        served,
        "ft:tiny:citewell::chat",
        app="warned",
        base_url="http://127.0.0.1:9/v1",
        shutdown_at="2020-01-01",
        template="{{ messages }}",
        prompt="You were asked: {{query}}",
    )
    codes = {one["code"] for one in told["warnings"]}
    assert codes == {"model_shutdown", "template_differs", "question_twice", "gate_not_met"}


def test_what_does_not_answer_is_not_published(served: Served):
    served.new_app("vectors")
    told = publish(served, "ft:tiny:citewell::vectors", 400, app="vectors")
    assert "embedder" in told["detail"]
    nowhere = publish(served, "ft:tiny:citewell::unserved", 400, app="vectors")
    assert "`base_url` or `serving`" in nowhere["detail"], "it would be asked of OpenAI"
    not_here = publish(served, NAME, 409, app="vectors", serving="citewell")
    assert "not in this process's data folder" in not_here["detail"]
    publish(served, "ft:no", 404, app="vectors")
    publish(served, NAME, 404, app="nowhere", base_url="http://127.0.0.1:9/v1")


def test_an_address_that_leads_astray_is_refused_before_anything_is_called(served: Served):
    served.new_app("astray")
    body = {"app": "astray", "base_url": "http://169.254.169.254/v1"}
    publish(served, NAME, 400, **body)
    publish(served, NAME, 400, serving="ollama", load=True, **body)


def test_a_rule_by_intent_names_a_classifier_that_is_there(served: Served):
    served.new_app("intents", tuned={"model": "extractive"})
    path, rule = "/v1/apps/intents/route", {"variant": "tuned", "intent": "refund"}
    body = {"mode": "base", "rules": [rule]}
    assert served.http.put(path, json=body).status_code == 400
    rule["classifier"] = "ft:none"
    assert served.http.put(path, json=body).status_code == 404
    rule["classifier"] = NAME
    assert served.http.put(path, json=body).json()["rules"] == [rule]


def test_a_model_of_a_service_is_not_handed_to_a_server_here(served: Served):
    served.new_app("elsewhere")
    name = "ft:org-big:citewell::cloud"
    served.kb.database.writing(store, name, "chat", folder=None)
    told = publish(served, name, 400, app="elsewhere", serving="citewell")
    assert "trained elsewhere" in told["detail"]
