"""Question sets and runs over HTTP: made, asked by the server, compared, and taken up again."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from eval.question_sets.own import line_of, load
from eval.served import runs as service
from eval.served.runs import NewRun
from kb.opening.opening import open_kb
from kb.settings import EmbeddingSettings, Settings
from kb.types import Scope
from tests.api.serving import Served, serving
from tests.eval.served_questions import QUESTIONS, TOWNS
from tests.fake_models import running_fake_server
from tests.webhook_receiver import wait_until as until

SETS, RUNS = "/v1/evaluation/sets", "/v1/evaluation/runs"
ENDED = ("succeeded", "failed", "cancelled")
FILE = "".join(map(line_of, QUESTIONS.questions)).encode()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("evaluation") / "data") as served:
        dataset = served.new_dataset("towns", TOWNS)
        served.new_dataset("empty", {"other.txt": "Nothing about any town is written here."})
        served.new_app("guide", dataset_ids=[dataset])
        yield served


def dataset_of(served: Served, name: str) -> str:
    listed = served.http.get("/v1/datasets").json()["data"]
    return next(each["id"] for each in listed if each["name"] == name)


def new_set(served: Served, name: str, content: bytes = FILE, **fields: Any) -> str:
    made = served.post(SETS, {"name": name, **fields})
    answer = served.http.post(
        f"{SETS}/{name}/import", files=[("files", ("questions.jsonl", content))]
    )
    assert answer.status_code == 201, answer.text
    return str(made["id"])


def ended(served: Served, run: dict[str, Any]) -> dict[str, Any]:
    """The run when it has ended."""

    def look() -> dict[str, Any] | None:
        found = dict(served.http.get(f"{RUNS}/{run['id']}").json())
        return found if found["status"] in ENDED else None

    return until(look)


def results(served: Served, run: dict[str, Any]) -> list[dict[str, Any]]:
    return list(served.http.get(f"{RUNS}/{run['id']}/results").json()["data"])


def test_a_set_is_imported_and_asked_of_an_app(served):
    new_set(served, "towns")
    run = ended(served, served.post(RUNS, {"question_set": "towns", "app": "guide"}))

    assert (run["status"], run["questions"], run["done"]) == ("succeeded", 4, 4)
    assert (run["correct"], run["judged"]) == (4, 4)
    assert run["subject"]["name"] == "guide@1"
    assert run["summary"]["metrics"]["refused"]["mean"] == 1
    first, *_, last = results(served, run)
    assert (first["verdict"], first["is_right"], first["rank"]) == ("answered", True, 1)
    assert "1990" in first["answer"]
    assert first["passages"][0]["document_name"] == "ostrava.md"
    assert (last["verdict"], last["is_right"]) == ("refused", True)
    assert served.http.get("/v1/conversations").json()["data"] == []


def test_two_runs_are_compared_question_by_question(served):
    new_set(served, "compared")
    asked = {"question_set": "compared", "top_k": 3}
    good = served.post(RUNS, {**asked, "dataset_id": dataset_of(served, "towns")})
    bad = served.post(RUNS, {**asked, "dataset_id": dataset_of(served, "empty")})
    assert ended(served, good)["correct"] == 3
    assert ended(served, bad)["correct"] == 0

    found = served.http.get(f"{RUNS}/{good['id']}/comparison/{bad['id']}").json()
    assert [each["number"] for each in found["won"]] == [1, 2, 3]
    assert (found["lost"], found["both_right"], found["neither"]) == ([], 0, 0)
    assert (found["p_value"], found["is_chance"]) == (0.25, True)  # 3 of 3 pairs: 2 / 2³
    rows = {row["metric"]: row for row in found["compared"]}
    assert (rows["recall@3"]["before"], rows["recall@3"]["after"]) == (0, 1)
    page = served.http.get(f"{RUNS}/{good['id']}/report", params={"against": bad["id"]})
    assert "towns against empty" in page.text


def test_the_draft_is_asked_beside_the_published_version(served):
    new_set(served, "versions")
    published = served.post(RUNS, {"question_set": "versions", "app": "guide"})
    assert ended(served, published)["correct"] == 4
    draft = {"dataset_ids": [dataset_of(served, "empty")], "refusal": "I do not know."}
    served.http.put("/v1/apps/guide/draft", json=draft)
    run = served.post(RUNS, {"question_set": "versions", "app": "guide", "version": "draft"})

    done = ended(served, run)
    assert (done["subject"]["name"], done["correct"]) == ("guide (draft)", 1)
    assert results(served, run)[0]["answer"] == "I do not know."
    draft["dataset_ids"] = [dataset_of(served, "towns")]
    served.http.put("/v1/apps/guide/draft", json=draft)


def test_questions_are_written_changed_and_deleted_by_hand(served):
    new_set(served, "hand", dataset_id=dataset_of(served, "towns"))
    passage = {
        "question": "What grinds rye?",
        "relevant": [{"document": "ostrava.md"}],
        "passage": "It grinds rye.",
    }
    added = served.post(f"{SETS}/hand/questions", passage)
    assert (added["added"], added["set"]["questions"]) == (1, 5)
    listed = served.http.get(f"{SETS}/hand/questions").json()["data"]
    (place,) = listed[-1]["relevant"]
    assert TOWNS["ostrava.md"][place["start"] : place["end"]] == "It grinds rye."

    again = served.post(f"{SETS}/hand/questions", passage)
    assert (again["added"], again["known"]) == (0, 1)
    changed = served.http.put(
        f"{SETS}/hand/questions/5", json={"question": "Who sells violins?", "answerable": False}
    )
    assert (changed.json()["number"], changed.json()["answerable"]) == (5, False)
    assert served.http.delete(f"{SETS}/hand/questions/1").status_code == 204
    assert served.http.delete(f"{SETS}/hand/questions/1").status_code == 404
    assert served.http.get(f"{SETS}/hand").json()["questions"] == 4
    wrong = served.http.post(f"{SETS}/hand/questions", json={**passage, "passage": "Not there."})
    assert (wrong.status_code, "does not say this" in wrong.text) == (400, True)


def test_a_page_is_expected_where_it_is_named_without_characters(served):
    served.post(SETS, {"name": "pages"})
    for page in (1, 2):
        relevant = [{"document": "ostrava.md", "page": page, "start": 0}]
        body = {"question": f"What does the mill grind on page {page}?", "relevant": relevant}
        served.post(f"{SETS}/pages/questions", body)
    asked = {"question_set": "pages", "dataset_id": dataset_of(served, "towns")}
    run = served.post(RUNS, asked)
    assert ended(served, run)["status"] == "succeeded"
    assert [each["is_right"] for each in results(served, run)] == [True, False]


def test_what_is_exported_is_what_the_command_reads(served, tmp_path):
    new_set(served, "exported")
    path = tmp_path / "questions.jsonl"
    path.write_bytes(served.http.get(f"{SETS}/exported/export").content)
    assert load(path).questions == QUESTIONS.questions


def test_questions_are_made_of_the_documents_themselves(served):
    served.post(SETS, {"name": "drafted"})
    body = {"dataset_id": dataset_of(served, "towns"), "count": 2}
    assert served.post(f"{SETS}/drafted/draft", body)["added"] == 2
    names = [
        each["relevant"][0]["document"]
        for each in served.http.get(f"{SETS}/drafted/questions").json()["data"]
    ]
    assert set(names) <= set(TOWNS)


def test_a_language_model_writes_questions_if_it_is_asked_to(served):
    served.post(SETS, {"name": "written"})
    body = {"dataset_id": dataset_of(served, "towns"), "count": 1, "by_model": True}
    without = served.http.post(f"{SETS}/written/draft", json=body)
    assert (without.status_code, "connect a language model" in without.text) == (400, True)
    assert served.http.post(f"{SETS}/written/draft", json={**body, "count": 50}).status_code == 400
    with running_fake_server() as model:
        counting = {"name": "counting", "model": "numbers:1", "base_url": model.base_url}
        served.post("/v1/models", counting)
        served.http.put("/v1/models/default", json={"name": "counting"}).raise_for_status()
        added = served.post(f"{SETS}/written/draft", body)
        served.http.put("/v1/models/default", json={"name": None}).raise_for_status()
        prompts = [json.dumps(request) for request in model.requests]
    assert added["added"] == 0  # what it said is no question
    assert any("Copy the answer word for word" in prompt for prompt in prompts)


def test_questions_of_the_review_queue_become_a_set(served):
    served.http.post("/v1/apps/guide/chat", json={"query": "Who sells violins?", "stream": False})
    (group,) = served.http.get("/v1/review", params={"app": "guide"}).json()["data"]
    made = {"as": "evaluation_question"}
    served.post(f"/v1/review/{group['id']}/resolve", made, status=200)
    served.post(SETS, {"name": "reviewed"})
    assert served.post(f"{SETS}/reviewed/collect", {"app": "guide"})["added"] == 1
    (question,) = served.http.get(f"{SETS}/reviewed/questions").json()["data"]
    assert (question["question"], question["answerable"]) == ("Who sells violins?", False)
    conversation = served.http.get("/v1/conversations").json()["data"][0]["id"]
    served.http.delete(f"/v1/conversations/{conversation}")


def test_a_packed_folder_brings_its_documents_into_the_dataset(served):
    dataset = served.new_dataset("packed")
    served.post(SETS, {"name": "packed", "dataset_id": dataset})
    corpus = {"_id": "d1", "title": "Tides", "text": "The tide turns twice a day."}
    parts = {
        "corpus.jsonl": json.dumps(corpus),
        "queries.jsonl": json.dumps({"_id": "q1", "text": "How often does the tide turn?"}),
        "qrels/test.tsv": "query-id\tcorpus-id\tscore\nq1\td1\t1\n",
    }
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in parts.items():
            archive.writestr(f"tides/{name}", text)
    answer = served.http.post(
        f"{SETS}/packed/import",
        files=[("files", ("tides.zip", packed.getvalue()))],
        data={"options": json.dumps({"documents": True})},
    )
    assert (answer.status_code, answer.json()["documents"]) == (201, 1), answer.text
    listed = served.http.get(f"/v1/datasets/{dataset}/documents").json()["data"]
    assert len(listed) == 1


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"question_set": "none", "app": "guide"}, 404, "question set"),
        ({"question_set": "blank", "app": "guide"}, 400, "no question yet"),
        ({"question_set": "towns"}, 400, "either an `app` or a `dataset_id`"),
        ({"question_set": "towns", "app": "nobody"}, 404, "app"),
        ({"question_set": "towns", "app": "guide", "version": 9}, 404, "version"),
    ],
)
def test_what_cannot_be_asked_is_told_at_once(served, body, status, said):
    if body["question_set"] == "blank":
        served.post(SETS, {"name": "blank"})
    answer = served.http.post(RUNS, json=body)
    assert answer.status_code == status
    assert said in answer.json()["detail"]


def test_only_admins_may_evaluate(served):
    key = served.with_new_key(kind="dataset", dataset_ids=[dataset_of(served, "towns")])
    assert key.get(SETS).status_code == 403
    assert key.post(RUNS, json={"question_set": "towns", "app": "guide"}).status_code == 403


def test_scores_tell_what_a_threshold_would_make_of_questions(served):
    asked = {"dataset_ids": [dataset_of(served, "towns")]}
    of_set = served.post("/v1/evaluation/scores", {**asked, "question_set": "towns"}, status=200)
    by_kind = {kind: [q["score"] for q in of_set["questions"] if q["answerable"] is kind]
               for kind in (True, False)}  # fmt: skip
    assert (len(by_kind[True]), len(by_kind[False])) == (3, 1)
    assert min(by_kind[True]) > of_set["sure_from"] > of_set["refused_below"]
    assert max(by_kind[False]) < of_set["refused_below"]
    drafted = served.post("/v1/evaluation/scores", asked, status=200)
    assert drafted["is_drafted"]
    assert {each["answerable"] for each in drafted["questions"]} == {True, False}


def test_a_deleted_document_goes_from_results_too(served):
    dataset = served.new_dataset("gone", {"brno.md": TOWNS["brno.md"]})
    new_set(served, "gone")
    run = served.post(RUNS, {"question_set": "gone", "dataset_id": dataset})
    assert ended(served, run)["status"] == "succeeded"
    document = served.http.get(f"/v1/datasets/{dataset}/documents").json()["data"][0]["id"]
    served.http.delete(f"/v1/documents/{document}")
    served.kb.erasing.run()
    texts = [each["text"] for row in results(served, run) for each in row["passages"]]
    assert texts
    assert set(texts) == {""}


def test_a_run_goes_on_after_the_server_was_stopped_and_can_be_cancelled(tmp_path: Path):
    folder = tmp_path / "data"
    with running_fake_server() as model, serving(folder) as served:
        dataset = served.new_dataset("towns", TOWNS)
        body = {"name": "endless", "model": "numbers:100000:5", "base_url": model.base_url}
        served.post("/v1/models", body)
        served.new_app("endless", dataset_ids=[dataset], base={"model": "endless"})
        new_set(served, "towns")
        slow = served.post(RUNS, {"question_set": "towns", "app": "endless"})
        until(lambda: served.kb.chat.runs.in_progress)
    with serving(folder) as served:
        assert served.http.get(f"{RUNS}/{slow['id']}").json()["status"] == "running"
        cancelled = served.post(f"{RUNS}/{slow['id']}/cancel", status=200)
        assert (cancelled["status"], cancelled["done"]) == ("cancelled", 0)
        again = served.http.post(f"{RUNS}/{slow['id']}/cancel")
        assert again.status_code == 409
        assert served.http.delete(f"{RUNS}/{slow['id']}").status_code == 204
        assert served.http.get(f"{RUNS}/{slow['id']}").status_code == 404


def test_a_run_that_waits_is_asked_by_the_next_server(tmp_path: Path):
    folder = tmp_path / "data"
    with serving(folder) as served:
        dataset = served.new_dataset("towns", TOWNS)
        new_set(served, "towns")
    hashed = EmbeddingSettings(model="hash")
    kb = open_kb(Settings(data_dir=folder, embedding=hashed, _env_file=None))
    run = service.create(kb, Scope.admin(), NewRun("towns", dataset_id=dataset))
    kb.close()
    with serving(folder) as served:
        assert ended(served, {"id": run.id})["correct"] == 3
