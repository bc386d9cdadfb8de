"""Datasets and searching them over HTTP."""

from __future__ import annotations

import pytest

from tests.api.serving import Served


def test_a_dataset_is_made_found_changed_and_deleted(served: Served):
    body = {
        "name": "manuals",
        "description": "All of them",
        "processing": {"split": {"max_tokens": 100, "overlap": 10}},
    }
    made = served.post("/v1/datasets", body)
    path = f"/v1/datasets/{made['id']}"

    found = served.http.get(path).json()
    nothing = dict.fromkeys(found["quota"], 0)
    assert found == {**made, "documents": {}, "used": nothing}
    split = found["processing"]["split"]
    assert (split["mode"], split["max_tokens"], split["overlap"]) == ("auto", 100, 10)
    changed = served.http.patch(path, json={"name": "handbooks"}).json()
    assert (changed["name"], changed["description"]) == ("handbooks", "All of them")
    assert served.http.delete(path).status_code == 204
    assert served.http.get(path).status_code == 404
    assert served.http.delete(path).status_code == 404


def test_a_name_is_taken_once(served: Served):
    served.new_dataset("unique")
    other = served.new_dataset("another")

    again = served.http.post("/v1/datasets", json={"name": "unique"})
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    renamed = served.http.patch(f"/v1/datasets/{other}", json={"name": "unique"})
    assert renamed.status_code == 409


def test_a_list_goes_on_where_its_cursor_says(served: Served):
    made = [served.new_dataset(f"listed {number}") for number in range(5)]

    seen: list[str] = []
    cursor = None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = served.http.get("/v1/datasets", params=query).json()
        assert len(page["data"]) <= 2
        seen += [item["id"] for item in page["data"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert [item for item in seen if item in made] == made
    assert len(set(seen)) == len(seen)


def test_a_dataset_counts_its_documents_by_status(served: Served):
    dataset_id = served.new_dataset("counted", {"a.md": "Alpha.", "b.md": "Beta."})

    assert served.http.get(f"/v1/datasets/{dataset_id}").json()["documents"] == {"ready": 2}


@pytest.mark.parametrize("mode", ["hybrid", "vector", "keyword"])
def test_a_search_finds_the_passage_and_says_where_it_stands(served: Served, mode: str):
    name = f"searched by {mode}"
    dataset_id = served.new_dataset(name, {"a.md": "The moon rises.", "b.md": "Bread is baked."})
    body = {"query": "the moon rises", "mode": mode, "top_k": 1}

    found = served.http.post(f"/v1/datasets/{dataset_id}/search", json=body).json()

    assert found["took_ms"] > 0
    (hit,) = found["hits"]
    assert set(hit) == {
        "chunk_id",
        "document_id",
        "document_name",
        "page",
        "start",
        "end",
        "spans",
        "heading",
        "text",
        "score",
    }
    assert (hit["document_name"], hit["text"]) == ("a.md", "The moon rises.")
    assert (hit["page"], hit["start"], hit["end"]) == (1, 0, 15)


@pytest.mark.parametrize(
    "body",
    [{}, {"query": ""}, {"query": "x", "top_k": 0}, {"query": "x", "mode": "fuzzy"}, {"query": 1}],
)
def test_a_search_that_makes_no_sense_is_refused(served: Served, body: dict):
    dataset_id = served.new_dataset(f"refusing {body}")

    answer = served.http.post(f"/v1/datasets/{dataset_id}/search", json=body)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


def test_explain_tells_every_candidate_and_why_it_became_no_hit(served: Served):
    files = {f"{n}.md": f"The moon rises over town {n}." for n in range(4)}
    dataset_id = served.new_dataset("explained", files)
    body = {"query": "moon over town 2", "top_k": 1, "explain": True}

    found = served.http.post(f"/v1/datasets/{dataset_id}/search", json=body).json()
    assert found["hits"][0]["document_name"] == "2.md"
    assert "ranking_score" in found["hits"][0]["why"]
    assert [item["dropped"] for item in found["considered"]] == ["beyond top_k"] * 3
    plain = served.http.post(f"/v1/datasets/{dataset_id}/search", json={**body, "explain": False})
    assert set(plain.json()) == {"hits", "took_ms"}


@pytest.mark.parametrize("name", ["deduplicate", "fold"])
def test_duplicates_are_told_where_they_are_wanted_by_either_name(served: Served, name):
    notice = "The reading room opens at nine and closes at six. Bags stay in the lockers outside."
    dataset_id = served.new_dataset(f"twice-{name}", {"a.md": notice, "b.md": notice})
    path, body = f"/v1/datasets/{dataset_id}/search", {"query": "When does the room open?"}

    (folded,) = served.http.post(path, json=body).json()["hits"]
    assert folded["duplicates"] == 1
    assert len(served.http.post(path, json={**body, name: False}).json()["hits"]) == 2
    both = {"deduplicate": True, "fold": False}
    assert served.http.post(path, json={**body, **both}).status_code == 400


def test_a_search_can_demand_a_score(served: Served):
    dataset_id = served.new_dataset("demanding", {"a.md": "The moon rises at nine."})

    def count(query: str) -> int:
        body = {"query": query, "min_score": 0.4, "mode": "keyword"}
        return len(served.http.post(f"/v1/datasets/{dataset_id}/search", json=body).json()["hits"])

    assert count("When does the moon rise?") == 1
    assert count("Which minister signed the fishing treaty at nine?") == 0
