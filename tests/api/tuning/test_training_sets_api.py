"""Training sets over HTTP: any form in, any out, versions that never change, answers of apps."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.serving import Served, serving
from tests.parts import settle
from tune.sets import versions

ALPACA = [
    {"instruction": f"Question {n}?", "input": "", "output": f"Answer {n}."} for n in range(6)
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("sets") / "data") as running:
        yield running


def new_set(served: Served, name: str) -> str:
    served.post("/v1/tuning/sets", {"name": name})
    return f"/v1/tuning/sets/{name}"


def send(served: Served, path: str, name: str, data: Any, **options: Any) -> dict[str, Any]:
    file = data if isinstance(data, bytes) else json.dumps(data).encode()
    answer = served.http.post(
        f"{path}/versions", files={"file": (name, file)}, data={"options": json.dumps(options)}
    )
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def rows_of(served: Served, path: str, number: int) -> list[dict[str, Any]]:
    listed = served.http.get(f"{path}/versions/{number}/rows", params={"limit": 500}).json()
    return [each["row"] for each in listed["data"]]


def said(row: dict[str, Any]) -> list[str]:
    return [turn["content"] for turn in row["messages"]]


def test_a_file_becomes_a_version_with_its_report(served: Served):
    path = new_set(served, "alpaca")

    version = send(served, path, "alpaca.json", ALPACA, note="first", origin="generated")

    assert (version["number"], version["rows"], version["note"]) == (1, 6, "first")
    assert version["report"]["measures"]["origins"] == {"generated": 6}
    assert {found["code"] for found in version["report"]["findings"]} >= {"few_rows"}
    first = served.http.get(f"{path}/versions/1/rows", params={"limit": 4}).json()
    rest = served.http.get(f"{path}/versions/1/rows", params={"cursor": first["next"]}).json()
    assert [each["number"] for each in first["data"] + rest["data"]] == [0, 1, 2, 3, 4, 5]
    assert rest["next"] is None


def test_versions_pile_up_and_append_keeps_each_row_once(served: Served):
    path = new_set(served, "piled")
    send(served, path, "a.json", ALPACA[:3])

    second = send(served, path, "b.json", ALPACA[1:], append=True, valid=0.34)

    assert (second["number"], second["rows"]) == (2, 6)
    assert second["splits"] == {"train": 4, "valid": 2}
    assert len(rows_of(served, path, 1)) == 3
    listed = served.http.get(f"{path}/versions").json()["data"]
    assert [each["number"] for each in listed] == [2, 1]
    assert served.http.get(path).json()["versions"] == 2


def test_columns_are_mapped_and_what_cannot_be_read_is_refused(served: Served):
    path = new_set(served, "tables")
    columns = {"question": "{a},{b}", "answer": "c"}

    send(served, path, "t.csv", b"a,b,c\n1,2,three\n", columns=columns)

    assert said(rows_of(served, path, 1)[0]) == ["1,2", "three"]
    refused = served.http.post(f"{path}/versions", files={"file": ("t.csv", b"x\n1\n")})
    assert refused.status_code == 400
    assert "name its column" in refused.json()["detail"]


def test_any_target_is_exported_and_what_is_lost_is_in_a_header(served: Served):
    path = new_set(served, "exported")
    chat = {
        "messages": [
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": "b", "weight": 0},
            {"role": "user", "content": "c"},
            {"role": "assistant", "content": "d"},
        ],
        "split": "valid",
    }
    send(served, path, "a.jsonl", chat)

    one = served.http.get(f"{path}/versions/1/export", params={"to": "alpaca"})
    assert one.json()[0]["history"] == [["a", "b"]]
    assert [each["code"] for each in json.loads(one.headers["x-findings"])] == ["lost_weights"]
    several = served.http.get(f"{path}/versions/1/export", params={"to": "llama-factory"})
    with tarfile.open(fileobj=io.BytesIO(several.content)) as tar:
        assert sorted(tar.getnames()) == ["dataset_info.json", "train.yaml", "valid.json"]
    same = served.http.get(f"{path}/versions/1/export")
    assert json.loads(same.content) == chat


def test_names_are_taken_once_and_sets_go_with_their_files(served: Served):
    path = new_set(served, "gone")
    version = send(served, path, "a.json", ALPACA)
    again = served.http.post("/v1/tuning/sets", json={"name": "gone"})
    assert again.status_code == 409
    original = served.kb.originals.path(version["sha256"])
    assert original.exists()
    by_itself = served.http.delete(f"/openai/v1/files/{version['file_id']}")
    assert "a version of the training set" in by_itself.text

    assert served.http.delete(path).status_code == 204

    settle(served.kb)
    assert not served.kb.originals.has(version["sha256"])
    assert not original.exists()
    assert served.http.get(path).status_code == 404
    assert served.http.get(f"{path}/versions/1/rows").status_code == 404


def test_only_admins_see_training_sets(served: Served):
    dataset = served.new_dataset("handbook")
    guest = served.with_new_key(kind="dataset", dataset_ids=[dataset])

    assert guest.get("/v1/tuning/sets").status_code == 403


def test_the_answers_of_an_app_become_rows(served: Served):
    served.new_app(
        "shop", dataset_ids=[served.new_dataset("shop", {"a.md": "Shops open at nine."})]
    )
    user = served.with_new_key(kind="app", app="shop")
    fixed = {"question": "Who are you?", "answer": "The shop."}
    served.post("/v1/apps/shop/annotations", fixed)

    def ask(query: str, conversation: str | None = None) -> dict[str, Any]:
        body = {"query": query, "stream": False, "conversation_id": conversation}
        answer = user.post(
            "/v1/apps/shop/chat", json={k: v for k, v in body.items() if v is not None}
        )
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    first = ask("When do shops open?")
    second = ask("When do the shops open?", first["conversation_id"])
    third = ask("Do shops open at nine?")
    better = {"rating": "dislike", "better_answer": "At nine."}
    served.post(f"/v1/messages/{second['message_id']}/feedback", better, status=200)
    served.post(f"/v1/messages/{third['message_id']}/feedback", {"rating": "like"}, status=200)
    liked = user.post(f"/v1/messages/{first['message_id']}/feedback", json={"rating": "like"})
    assert liked.status_code == 200
    path = new_set(served, "shop")

    version = served.post(f"{path}/collect", {"app": "shop"})

    assert version["report"]["measures"]["origins"] == {"fixed": 1, "feedback": 2, "approved": 1}
    rows = {said(row)[-2]: row for row in rows_of(served, path, 1)}
    assert said(rows["Who are you?"]) == ["Who are you?", "The shop."]
    improved = rows["When do the shops open?"]
    assert said(improved)[-1] == "At nine."
    assert improved["rejected"] == second["answer"]
    assert [turn["weight"] for turn in improved["messages"]] == [None, 0, None, None]
    assert rows["Do shops open at nine?"]["origin"] == "approved"
    only = served.post(f"{path}/collect", {"app": "shop", "sources": ["fixed"], "append": False})
    assert only["rows"] == 1


def test_answers_in_which_words_were_blacked_out_are_no_rows(served: Served):
    dataset = served.new_dataset("gone soon")
    documents = served.upload(dataset, {"a.md": "The vault opens at seven in the morning."})
    served.new_app("vault", dataset_ids=[dataset])
    answer = served.http.post(
        "/v1/apps/vault/chat", json={"query": "When does the vault open?", "stream": False}
    )
    message = answer.json()["message_id"]
    served.post(f"/v1/messages/{message}/feedback", {"rating": "like"}, status=200)
    path = new_set(served, "vault")
    assert served.post(f"{path}/collect", {"app": "vault"})["rows"] == 1
    served.http.delete(f"/v1/documents/{documents['a.md']}")
    served.http.post("/v1/erase")

    left = served.post(f"{path}/collect", {"app": "vault", "append": False})

    assert left["rows"] == 0


def test_candidates_wait_for_a_yes_or_no(served: Served):
    path = new_set(served, "seeds")
    send(served, path, "a.json", ALPACA[:2])
    waiting = new_set(served, "seeds candidates")
    send(served, waiting, "b.json", ALPACA[2:5], origin="augmented")
    verdict = {"candidates": "seeds candidates", "version": 1, "accepted": [0]}

    said_so = served.post(
        f"{path}/verdicts", {**verdict, "refused": [{"row": 2, "reason": "dull"}]}
    )

    assert said_so["accepted"]["rows"] == 3
    assert [row["origin"] for row in rows_of(served, path, 2)][-1] == "augmented"
    assert [row["group"] for row in rows_of(served, waiting, 2)] == ["", "refused: dull"]
    late = served.http.post(f"{path}/verdicts", json=verdict)
    assert late.status_code == 409, late.text
    unknown = served.http.post(f"{path}/verdicts", json={**verdict, "version": 2, "accepted": [7]})
    assert "has rows 0 to 1" in unknown.json()["detail"]


def test_a_version_that_came_too_late_leaves_no_file(
    served: Served, monkeypatch: pytest.MonkeyPatch
):
    path = new_set(served, "twice")
    real = versions.check

    def check(*args: Any, **more: Any) -> Any:
        monkeypatch.setattr(versions, "check", real)
        send(served, path, "b.json", ALPACA[:2])
        return real(*args, **more)

    monkeypatch.setattr(versions, "check", check)
    late = served.http.post(f"{path}/versions", files={"file": ("a.json", json.dumps(ALPACA))})
    names = [each["filename"] for each in served.http.get("/openai/v1/files").json()["data"]]

    assert late.status_code == 409
    assert names.count("twice-1.jsonl") == 1


def test_a_version_that_is_sent_twice_with_one_key_is_made_once(served: Served):
    path, headers = new_set(served, "once"), {"Idempotency-Key": "once-and-again"}
    file = {"file": ("a.json", json.dumps(ALPACA))}

    first, again = (served.http.post(f"{path}/versions", files=file, headers=headers) for _ in "ab")
    other = served.http.post(
        f"{path}/versions", files=file, data={"options": '{"note": "b"}'}, headers=headers
    )

    assert (first.status_code, again.json()) == (201, first.json())
    assert other.status_code == 409, "another request"
    assert served.http.get(path).json()["versions"] == 1


def test_a_set_that_is_named_as_the_id_of_another_hides_neither(served: Served):
    new_set(served, "first")
    one = served.http.get("/v1/tuning/sets/first").json()
    other = served.post("/v1/tuning/sets", {"name": one["id"]})

    assert served.http.get(f"/v1/tuning/sets/{one['id']}").json() == one
    assert served.http.get(f"/v1/tuning/sets/{other['id']}").json() == other
