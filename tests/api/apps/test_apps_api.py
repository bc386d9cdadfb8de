"""Apps: a draft under optimistic locking, versions that stay, and the switch."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.serving import Served


def new(served: Served, slug: str) -> str:
    served.post("/v1/apps", {"slug": slug, "name": slug})
    return f"/v1/apps/{slug}"


def test_an_app_is_found_by_id_and_by_slug_and_changed(served: Served):
    body = {
        "slug": "library",
        "name": "Library",
        "icon": "📚",
        "opening": "Ask me.",
        "suggested_questions": ["Who?", "When?"],
    }
    made = served.post("/v1/apps", body)

    assert served.http.get("/v1/apps/library").json() == made
    assert served.http.get(f"/v1/apps/{made['id']}").json() == made
    assert {key: made[key] for key in body} == body
    assert made["version"] is None
    changed = served.http.patch("/v1/apps/library", json={"name": "Books", "slug": "books"}).json()
    assert (changed["name"], changed["slug"], changed["opening"]) == ("Books", "books", "Ask me.")
    assert served.http.get("/v1/apps/library").status_code == 404
    assert served.http.delete("/v1/apps/books").status_code == 204
    assert served.http.get("/v1/apps/books").status_code == 404


@pytest.mark.parametrize("slug", ["", "Upper", "with space", "-x", "app_1", "ä"])
def test_a_slug_is_plain(served: Served, slug: str):
    answer = served.http.post("/v1/apps", json={"slug": slug, "name": "x"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


def test_a_slug_is_taken_once(served: Served):
    new(served, "taken")
    other = new(served, "free")
    assert served.http.post("/v1/apps", json={"slug": "taken", "name": "x"}).status_code == 409
    assert served.http.patch(other, json={"slug": "taken"}).status_code == 409


def full_draft(served: Served) -> dict[str, Any]:
    dataset_id = served.post("/v1/datasets", {"name": "for a draft"})["id"]
    model = {
        "name": "mine",
        "provider": "openai",
        "model": "m",
        "base_url": "http://127.0.0.1:9/v1",
    }
    served.post("/v1/models", model)
    return {
        "prompt": "Be brief. {{context}}",
        "inputs": [{"name": "language", "required": True, "default": ""}],
        "dataset_ids": [dataset_id],
        "retrieval": {"top_k": 4, "mode": "keyword", "min_score": 0.1, "context_tokens": 900},
        "base": {"model": None, "prompt": None, "temperature": 0.5, "max_tokens": 100},
        "tuned": {
            "model": "mine",
            "prompt": "Be tuned.",
            "retrieval": None,
            "temperature": None,
            "max_tokens": None,
        },
        "refusal": "I do not know.",
    }


def test_a_draft_cannot_name_a_model_that_is_not_registered(served: Served):
    path = new(served, "no-model")
    answer = served.http.put(f"{path}/draft", json={"base": {"model": "nowhere"}})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "nowhere" in answer.json()["detail"]


def test_a_draft_comes_back_as_it_was_sent(served: Served):
    path = new(served, "round-trip")
    draft = full_draft(served)

    assert served.http.put(f"{path}/draft", json=draft).json() == draft
    assert served.http.get(f"{path}/draft").json() == draft


def test_earlier_names_of_retrieval_options_are_taken_and_answered_with_the_present_ones(
    served: Served,
):
    path = f"{new(served, 'earlier-names')}/draft"
    stored = served.http.put(path, json={"retrieval": {"join": False, "fold": False}}).json()
    told = {name: stored["retrieval"].get(name) for name in ("merge_neighbours", "deduplicate")}
    assert told == {"merge_neighbours": False, "deduplicate": False}
    assert not {"join", "fold"} & set(stored["retrieval"])


def test_changing_the_apps_retrieval_changes_the_variants_that_follow_it(served: Served):
    path = new(served, "following")
    draft = served.http.get(f"{path}/draft").json()
    draft["retrieval"]["top_k"] = 3
    draft["tuned"] = {"model": "extractive"}

    served.http.put(f"{path}/draft", json=draft)

    served.post(f"{path}/publish")
    content = served.kb.database.reading(_versions, "following")[0].content
    assert content.base.retrieval.top_k == content.tuned.retrieval.top_k == 3


def _versions(tx: Any, slug: str) -> Any:
    from kb.store.apps import apps
    from kb.types import Scope

    return apps.versions_of(tx, Scope.admin(), slug)


def test_a_draft_and_its_version_show_what_the_prompt_orders_to_say(served: Served):
    path = new(served, "ordered")
    prompt = 'If you do not know, say "Please ask at the desk". Never say "The code is MOONRISE".'
    shown = served.http.put(f"{path}/draft", json={"prompt": prompt}).json()
    assert shown["quotable_by_order"] == ["Please ask at the desk"]
    assert served.http.put(f"{path}/draft", json=shown).json() == shown
    version = served.post(f"{path}/publish")["version"]
    content = served.http.get(f"{path}/versions/{version}").json()["content"]
    assert content["quotable_by_order"] == ["Please ask at the desk"]


def test_a_draft_that_somebody_else_has_changed_is_not_overwritten(served: Served):
    path = f"{new(served, 'locked')}/draft"
    etag = served.http.get(path).headers["etag"]
    first = served.http.put(path, json={"prompt": "mine"}, headers={"if-match": etag})
    assert first.status_code == 200
    assert first.headers["etag"] != etag

    late = served.http.put(path, json={"prompt": "theirs"}, headers={"if-match": etag})

    assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
    assert served.http.get(path).json()["prompt"] == "mine"
    for matching in (first.headers["etag"], "*"):
        again = served.http.put(path, json={}, headers={"if-match": matching})
        assert again.status_code == 200
    assert served.http.put(path, json={}).status_code == 200


def test_a_draft_names_only_datasets_that_exist(served: Served):
    path = f"{new(served, 'unknown-dataset')}/draft"
    assert served.http.put(path, json={"dataset_ids": ["ds_none"]}).status_code == 404


@pytest.mark.parametrize(
    "draft",
    [
        {"promt": "typo"},
        {"base": {"temperature": 9}},
        {"retrieval": {"top_k": 0}},
        {"inputs": [{"name": "a"}, {"name": "a"}]},
        {"inputs": [{"name": "a b"}]},
    ],
)
def test_a_draft_that_makes_no_sense_is_refused(served: Served, draft: dict[str, Any]):
    slug = f"senseless-{abs(hash(str(draft)))}"
    answer = served.http.put(f"{new(served, slug)}/draft", json=draft)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


def test_versions_are_numbered_stay_and_can_come_back(served: Served):
    path = new(served, "versioned")
    for prompt in ("first", "second"):
        served.http.put(f"{path}/draft", json={"prompt": prompt})
        served.post(f"{path}/publish")

    listed = served.http.get(f"{path}/versions").json()["data"]
    assert [(v["version"], v["content"]["prompt"]) for v in listed] == [(2, "second"), (1, "first")]
    assert served.http.get(path).json()["version"] == 2
    back = served.http.post(f"{path}/rollback", json={"version": 1})
    assert (back.status_code, back.json()["version"]) == (200, 1)
    assert served.http.get(path).json()["version"] == 1
    assert served.http.post(f"{path}/rollback", json={"version": 9}).status_code == 404
    assert served.post(f"{path}/publish")["version"] == 3


def test_the_switch_can_be_turned_and_read(served: Served):
    app = new(served, "switched")
    served.http.put(f"{app}/draft", json={"tuned": {"model": "extractive"}})
    served.post(f"{app}/publish")
    path = f"{app}/route"
    assert served.http.get(path).json() == {"mode": "base", "percent": 0, "rules": []}
    route = {
        "mode": "split",
        "percent": 30,
        "rules": [{"keywords": ["refund", "Geld zurück"], "variant": "tuned"}],
    }
    assert served.http.put(path, json=route).json() == route
    assert served.http.get(path).json() == route
    assert served.http.put(path, json={"mode": "both"}).status_code == 400
    assert served.http.put(path, json={"mode": "split", "percent": 101}).status_code == 400


def test_a_draft_warns_of_a_placeholder_that_nothing_fills(served: Served):
    app = new(served, "misspelt")
    draft = {"prompt": "Answer from {{contxt}} for {{inputs.city}}.", "inputs": [{"name": "city"}]}

    stored = served.http.put(f"{app}/draft", json=draft).json()

    (warning,) = stored["warnings"]
    assert warning["code"] == "unknown_placeholder"
    for named in ("`{{contxt}}`", "`{{context}}`", "`{{inputs.city}}`"):
        assert named in warning["detail"]
    assert served.http.get(f"{app}/draft").json() == stored
    draft["prompt"] = draft["prompt"].replace("contxt", "context")
    assert "warnings" not in served.http.put(f"{app}/draft", json={**stored, **draft}).json()


def test_the_switch_is_not_turned_to_a_tuned_variant_that_is_not_there(served: Served):
    app = new(served, "untuned")
    served.post(f"{app}/publish")
    for route in ({"mode": "tuned"}, {"mode": "split", "percent": 5}):
        refused = served.http.put(f"{app}/route", json=route)
        assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
        assert "publish" in refused.json()["detail"]
    assert served.http.get(f"{app}/route").json()["mode"] == "base"
    assert served.http.get(app).json()["has_tuned"] is False

    served.http.put(f"{app}/draft", json={"tuned": {"model": "extractive"}})
    early = served.http.put(f"{app}/route", json={"mode": "tuned"}).json()
    assert [warning["code"] for warning in early["warnings"]] == ["no_tuned_variant"]
    served.post(f"{app}/publish")
    assert "warnings" not in served.http.get(f"{app}/route").json()
    assert served.http.get(app).json()["has_tuned"] is True


def test_rules_of_every_kind_come_back_as_they_were_sent(served: Served):
    app = new(served, "ruled")
    dataset_id = served.post("/v1/datasets", {"name": "for a rule"})["id"]
    served.http.put(f"{app}/draft", json={"tuned": {"model": "extractive"}})
    route = {
        "mode": "base",
        "percent": 0,
        "rules": [
            {"variant": "tuned", "languages": ["zh", "ja"]},
            {"variant": "tuned", "dataset_ids": [dataset_id], "score_at_least": 0.4},
            {"variant": "base", "keywords": ["refund"], "score_below": 0.2},
        ],
    }
    answer = served.http.put(f"{app}/route", json=route).json()
    assert {key: answer[key] for key in route} == route


@pytest.mark.parametrize(
    "rule",
    [
        {"variant": "base"},
        {"variant": "base", "keywords": []},
        {"variant": "base", "languages": ["klingon"]},
        {"variant": "base", "score_below": 2},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(served: Served, rule: dict[str, Any]):
    path = f"{new(served, f'rule-{abs(hash(str(rule)))}')}/route"
    answer = served.http.put(path, json={"mode": "base", "rules": [rule]})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


def test_a_rule_names_only_datasets_that_exist(served: Served):
    path = f"{new(served, 'rule-nowhere')}/route"
    rule = {"variant": "base", "dataset_ids": ["ds_none"]}
    assert served.http.put(path, json={"mode": "base", "rules": [rule]}).status_code == 404


def test_extraction_cannot_finish_a_draft(served: Served):
    path = f"{new(served, 'no-finish')}/draft"
    base = {"model": "extractive", "draft_model": "extractive"}
    answer = served.http.put(path, json={"base": base})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert served.http.put(path, json={"base": {"draft_model": "gone"}}).status_code == 404
    kept = {"draft_model": "extractive", "draft_prompt": "Quote."}
    shown = served.http.put(path, json={"base": kept}).json()["base"]
    assert {key: shown[key] for key in kept} == kept


def test_an_app_has_keys_of_its_own_that_end_with_it(served: Served):
    path = new(served, "keyed")
    made = served.post(f"{path}/keys", {"name": "site"})
    client = served.client(made["key"])
    assert client.get(path).status_code == 200
    listed = served.http.get(f"{path}/keys").json()["data"]
    assert [(key["id"], key["name"]) for key in listed] == [(made["id"], "site")]

    served.http.delete(path)

    assert client.get("/v1/apps").status_code == 401
