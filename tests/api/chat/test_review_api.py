"""The queue of what went wrong: what comes into it, its groups, and what is made of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from eval.question_sets import own
from tests.api.serving import Served
from tests.api.talking import whole
from tune.rows.canonical import rows_of

pytestmark = pytest.mark.usefixtures("talking_apps")


def queue(served: Served, app: str, **query: Any) -> list[dict[str, Any]]:
    answer = served.http.get("/v1/review", params={"app": app, **query})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["data"])


def resolve(served: Served, group: dict[str, Any], made: str, **said: Any) -> Any:
    return served.post(f"/v1/review/{group['id']}/resolve", {"as": made, **said}, 200)


@pytest.fixture
def asked(served: Served, sky: str, request: pytest.FixtureRequest) -> str:
    """An app with three questions that nothing answers, two of them the same, and a good one."""
    slug = request.node.name.split("[")[0].replace("_", "-")[-40:].strip("-")
    served.new_app(slug, dataset_ids=[sky], refusal="I do not know.")
    for query in ("Which tram goes downtown?", "tram downtown, which goes?", "Wer kocht Suppe?"):
        assert whole(served.http, slug, query)["finish_reason"] == "refused"
    whole(served.http, slug, "When does the moon rise over Ostrava?")
    return slug


def test_what_went_wrong_comes_in_groups_with_what_was_answered(served: Served, asked: str):
    good = whole(served.http, asked, "When does the moon rise over Ostrava?")
    path = f"/v1/messages/{good['message_id']}/feedback"
    served.post(path, {"rating": "dislike", "reason": "outdated", "better_answer": "At ten."}, 200)

    found = queue(served, asked)
    assert [(group["question"], group["count"], group["kinds"]) for group in found] == [
        ("Which tram goes downtown?", 2, {"refused": 2}),
        ("Wer kocht Suppe?", 1, {"refused": 1}),
        ("When does the moon rise over Ostrava?", 1, {"disliked": 1}),
    ]
    assert [group["reasons"] for group in found] == [{}, {}, {"outdated": 1}]
    assert [each["better_answer"] for each in found[2]["examples"][0]["said"]] == ["At ten."]
    assert [each["answer"] for each in found[0]["examples"]] == ["I do not know."] * 2
    assert found[2]["nearest"][0]["text"].startswith("The moon rises over Ostrava")
    assert [group["id"] for group in queue(served, asked, kind="disliked")] == [found[2]["id"]]
    assert queue(served, asked, since="2999-01-01") == []
    first = served.http.get("/v1/review", params={"app": asked, "limit": 2}).json()
    rest = served.http.get("/v1/review", params={"app": asked, "cursor": first["next"]}).json()
    assert [*first["data"], *rest["data"]] == found
    assert rest["next"] is None
    served.post(path, {}, 200)
    assert len(queue(served, asked)) == 2


def test_weak_and_unsupported_answers_come_in_too(served: Served, asked: str):
    with served.kb.database.write() as tx:
        span = '[{"answer_start": 0, "answer_end": 3}]'
        rows = f"UPDATE messages SET grounded = 2, unsupported = '{span}'"
        tx.execute(text(f"{rows} WHERE app_slug = :app AND grounded = 1"), {"app": asked})
    assert queue(served, asked)[-1]["kinds"] == {"weak": 1, "unsupported": 1}


def test_a_group_becomes_a_fixed_answer_in_one_call_and_comes_back_when_that_is_undone(
    served: Served, asked: str
):
    group = queue(served, asked)[0]
    nothing = served.http.post(f"/v1/review/{group['id']}/resolve", json={"as": "fixed_answer"})
    assert (nothing.status_code, nothing.json()["code"]) == (400, "invalid_request")
    done = resolve(served, group, "fixed_answer", answer="Line 8.")
    assert done["review"]["made"]["answer"] == "Line 8."
    for query in ("Which tram goes downtown?", "downtown which tram goes?"):
        assert whole(served.http, asked, query)["answer"] == "Line 8."
    assert group["id"] not in {each["id"] for each in queue(served, asked)}
    assert [each["count"] for each in queue(served, asked, status="done")] == [2]

    again = served.http.post(f"/v1/review/{group['id']}/resolve", json={"as": "dismissed"})
    assert again.status_code == 404
    resolve(served, group, "open")
    assert queue(served, asked)[0]["count"] == 2
    assert served.http.get(f"/v1/apps/{asked}/annotations").json()["data"] == []
    assert whole(served.http, asked, "Which tram goes downtown?")["answer"] == "I do not know."


def test_a_conflict_leaves_the_group_open(served: Served, asked: str):
    group = queue(served, asked)[0]
    fixed = {"question": "Which tram?", "answer": "8"}
    served.post(f"/v1/apps/{asked}/annotations", fixed)
    body = {"as": "fixed_answer", **fixed}
    assert served.http.post(f"/v1/review/{group['id']}/resolve", json=body).status_code == 409
    assert queue(served, asked)[0] == group


def test_groups_become_evaluation_questions_and_training_rows(
    served: Served, asked: str, tmp_path: Path
):
    tram, soup = queue(served, asked)
    resolve(served, tram, "evaluation_question", answer="Line 8 does.")
    resolve(served, soup, "evaluation_question", question="Who cooks the soup?")
    query = {"app": asked, "made": "evaluation_question"}
    file = tmp_path / "questions.jsonl"
    file.write_bytes(served.http.get("/v1/review/export", params=query).content)
    found = {each.text: each for each in own.load(file).questions}
    assert found["Which tram goes downtown?"].reference == "Line 8 does."
    assert not found["Who cooks the soup?"].answerable

    for group, made in ((tram, "open"), (soup, "open"), (tram, "training_row")):
        resolve(served, group, made, answer="Take line 8.")
    training = served.http.get("/v1/review/export", params=query | {"made": "training_row"})
    (row,) = rows_of(training.content)
    assert (row.prompt, row.answer) == ("Which tram goes downtown?", "Take line 8.")
    assert served.http.get("/v1/review/export", params=query).content == b""


def test_the_answer_of_a_feedback_is_taken_where_none_is_sent(served: Served, asked: str):
    (said,) = (group for group in queue(served, asked) if group["count"] == 2)
    path = f"/v1/messages/{said['examples'][1]['id']}/feedback"
    served.post(path, {"rating": "dislike", "better_answer": "Line 8."}, 200)
    assert resolve(served, said, "fixed_answer")["review"]["made"]["answer"] == "Line 8."


def test_a_deleted_conversation_leaves_the_queue_and_others_see_none_of_it(
    served: Served, asked: str
):
    soup = queue(served, asked)[1]
    talk = soup["examples"][0]["conversation_id"]
    app_key = served.with_new_key(kind="app", app=asked)
    assert app_key.get("/v1/review").status_code == 403
    assert app_key.get("/v1/review/export", params={"made": "training_row"}).status_code == 403
    served.http.delete(f"/v1/conversations/{talk}")
    assert soup["id"] not in json.dumps(queue(served, asked))
    assert served.http.get("/v1/review", params={"app": "nobodys"}).json()["data"] == []
