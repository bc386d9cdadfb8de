"""Runs against a real server: searches, apps, two of them, the report, questions that are made."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from client.errors import DatasetNotFound, RequestFailed
from client.http import Client
from eval.generate.generating import generate
from eval.question_sets.forms import load
from eval.question_sets.own import write
from eval.report.data import as_json
from eval.report.page import html
from eval.run.judge import as_share, grade_of, open_judge
from eval.run.running import Bar, evaluation
from eval.run.running import run as run_set
from eval.run.targets import AppTarget, DatasetTarget
from eval.run_command import run
from eval.types import Question, QuestionSet, Relevant
from kb.errors import Rejected
from kb.settings import LlmSettings, Settings
from tests.api.serving import Served, serving
from tests.eval.served_questions import QUESTIONS, TOWNS, place
from tests.fake_models import running_fake_server
from tests.parts import finish


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("eval") / "data") as served:
        dataset = served.new_dataset("towns", TOWNS)
        served.new_dataset("empty", {"other.txt": "Nothing about any town is written here."})
        served.new_app("guide", dataset_ids=[dataset])
        yield served


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    client = Client(served.url, served.kb.access.admin_key)
    yield client
    client.close()


def order(tmp_path: Path, **fields: object) -> dict[str, Any]:
    path = tmp_path / "questions.jsonl"
    write(QUESTIONS.questions, path)
    given = {"questions": path, "k": "1,3", "out": tmp_path / "report.html"}
    return {**given, **fields}


def test_a_search_is_run_with_the_reason_of_every_hit(client):
    done = run_set(QUESTIONS, DatasetTarget(client, "towns", top_k=3), ks=(1, 3))

    assert [result.rank for result in done.results] == [1, 1, 1, None]
    assert done.summary.metrics["recall@1"].mean == 1
    assert done.summary.latency_ms.p50 > 0
    hit = done.results[0].response.hits[0]
    assert hit.document == "ostrava.md"
    assert "keyword_rank" in hit.why


def test_an_app_is_asked_and_leaves_no_conversation_behind(client, served):
    done = run_set(QUESTIONS, AppTarget(client, "guide@1"))
    first, last = done.results[0], done.results[3]

    assert "1990" in first.response.answer.text
    assert first.values["citation precision"] == 1
    assert first.values["f1"] > 0
    assert (last.response.answer.is_refusal, last.values) == (True, {"refused": 1})
    assert (done.summary.metrics["refused"].mean, done.summary.refusal_precision) == (1, 1)
    assert served.http.get("/v1/conversations").json()["data"] == []


def test_what_does_not_exist_is_told_before_anything_is_asked(client):
    with pytest.raises(DatasetNotFound, match="There are: empty, towns"):
        DatasetTarget(client, "cities", top_k=3)
    with pytest.raises(RequestFailed, match="generation"):
        DatasetTarget(client, "towns@7", top_k=3)
    with pytest.raises(RequestFailed, match="'nobody'"):
        AppTarget(client, "nobody")
    with pytest.raises(Rejected, match="version is a number"):
        AppTarget(client, "guide@latest")


def test_a_question_that_fails_is_counted_and_the_others_are_asked(client):
    long = replace(QUESTIONS.questions[0], text="x" * 40_000)
    questions = QuestionSet("long", "en", [], [long, QUESTIONS.questions[1]])
    done = run_set(questions, DatasetTarget(client, "towns", top_k=3), ks=(1,))

    assert done.summary.failed == 1
    assert done.results[0].response.error
    assert done.summary.metrics["recall@1"].mean == 0.5


def test_the_command_writes_a_report_that_needs_nothing_else(client, tmp_path, capsys):
    held = run(client, **order(tmp_path, dataset="towns", fail_under=["recall@3=0.9", "mrr=0.5"]))
    page = (tmp_path / "report.html").read_text()
    data = json.loads((tmp_path / "report.json").read_text())

    assert held
    assert "recall@1" in capsys.readouterr().out
    assert not re.search(r"<script|https?://|url\(|<img|<link", page)
    assert page.count("<figure>") >= 2
    assert data["run"]["metrics"]["recall@3"]["mean"] == 1
    assert data["held"] is True
    assert [question["rank"] for question in data["run"]["results"]] == [1, 1, 1, None]
    assert data["run"]["results"][0]["hits"][0]["why"]


def test_a_bar_that_is_not_held_fails_the_command_and_is_told(client, tmp_path, capsys):
    assert not run(client, **order(tmp_path, dataset="empty", fail_under=["recall@3=0.9"]))
    said = capsys.readouterr().err
    assert "recall@3 is 0.000, below 0.9" in said
    assert "They name 'brno.md', the hits come from 'other.txt'" in said
    assert "not held" in (tmp_path / "report.html").read_text()


def test_failed_questions_are_told_with_the_first_reason(client, tmp_path, capsys):
    path = tmp_path / "long.jsonl"
    write([replace(QUESTIONS.questions[0], text="x" * 40_000), QUESTIONS.questions[1]], path)
    run(client, **order(tmp_path, questions=path, dataset="towns"))
    assert "1 of 2 questions to towns failed and count as 0; the first:" in capsys.readouterr().err


def test_two_targets_are_compared_question_by_question(client, tmp_path):
    run(client, **order(tmp_path, dataset="towns", against="empty"))
    page = (tmp_path / "report.html").read_text()
    data = json.loads((tmp_path / "report.json").read_text())
    rows = {row["metric"]: row for row in data["compared"]}

    assert (rows["recall@3"]["before"], rows["recall@3"]["after"]) == (0, 1)
    assert rows["recall@3"]["difference"]["mean"] == 1
    assert "Got better" in page
    assert "towns against empty" in page


def test_a_miss_shows_what_became_of_the_expected_document(client):
    lost = Question("1", "When was the old mill of Ostrava rebuilt?", ("in 1931",),
                    (place("zlin.txt", "1931"), Relevant("absent.md")))  # fmt: skip
    asked = QuestionSet("towns", "en", [], [lost])
    done = run_set(asked, DatasetTarget(client, "towns", top_k=1), ks=(1,))
    found = evaluation(asked, done)

    assert "Left out: zlin.txt, beyond top_k" in html(found)
    assert "Never a candidate: absent.md" in html(found)
    (left_out,) = as_json(found)["run"]["results"][0]["left_out"]
    assert (left_out["document"], left_out["dropped"]) == ("zlin.txt", "beyond top_k")


def test_a_generation_is_compared_with_the_one_that_answers(client, tmp_path, served):
    one = served.new_dataset("parts@1", TOWNS)
    split = {"processing": {"split": {"max_tokens": 16}}}
    served.http.post(f"/v1/datasets/{one}/reindex", json=split).raise_for_status()
    finish(served.kb)
    assert run(client, **order(tmp_path, dataset="parts@1@2", against="parts@1"))

    found = json.loads((tmp_path / "report.json").read_text())
    assert (found["run"]["target"], found["against"]["target"]) == ("parts@1@2", "parts@1")
    joined = re.compile(r'"doc_\w+\.1\.(\d+)\.\d+"')  # of which chunks of which generation
    assert set(joined.findall(json.dumps(found["run"]))) == {"2"}
    assert set(joined.findall(json.dumps(found["against"]))) <= {"1"}


def test_one_dataset_is_compared_with_another_mode_of_itself(client, tmp_path):
    run(client, **order(tmp_path, dataset="towns", against_mode="keyword"))
    data = json.loads((tmp_path / "report.json").read_text())
    assert (data["run"]["target"], data["against"]["target"]) == ("towns", "towns (keyword)")


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({}, "either --dataset NAME or --app SLUG"),
        ({"dataset": "towns", "app": "guide"}, "either --dataset NAME or --app SLUG"),
        ({"dataset": "towns", "mode": "fuzzy"}, "no mode 'fuzzy'"),
        ({"dataset": "towns", "k": "0,5"}, "--k takes numbers from 1"),
        ({"dataset": "towns", "fail_under": ["recall"]}, "METRIC=VALUE"),
        ({"dataset": "towns", "fail_under": ["beauty=1"]}, "beauty: not measured"),
    ],
)
def test_orders_that_make_no_sense_are_refused(client, tmp_path, fields, complaint):
    with pytest.raises(Rejected, match=complaint):
        run(client, **order(tmp_path, **fields))


def test_the_report_shows_hostile_texts_as_text(client):
    bad = Question("1", "<script>alert(1)</script>", ("<b>x</b>",), type="<i>")
    questions = QuestionSet("<u>", "en", [], [bad, *QUESTIONS.questions])
    done = run_set(questions, DatasetTarget(client, "towns", top_k=3), ks=(1,))
    page = html(evaluation(questions, done))

    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert not re.search(r"<(u|i)>", page)


def test_a_bar_on_the_edge_is_held_and_the_json_says_so(client):
    done = run_set(QUESTIONS, DatasetTarget(client, "towns", top_k=3), ks=(1,))
    found = as_json(evaluation(QUESTIONS, done, bars=[Bar("recall@1", 1.0)]))
    assert found["bars"] == [{"metric": "recall@1", "least": 1.0, "reached": 1.0, "held": True}]


def test_questions_are_made_without_a_model_and_answered_by_their_own_passage(client, tmp_path):
    out = tmp_path / "made.jsonl"
    said = generate(client, "towns", out, count=10, seed=1)
    found = load(out)

    assert said.startswith(f"{len(found.questions)} questions by headings and sentences")
    assert {question.type for question in found.questions} <= {"definition", "gap", "heading"}
    for question in found.questions:
        (part,) = question.relevant
        assert question.answers[0] in TOWNS[part.document][part.start : part.end]
        assert question.answers[0] not in question.text
    done = run_set(found, DatasetTarget(client, "towns", top_k=3), ks=(3,))
    assert done.summary.metrics["recall@3"].mean == 1


def test_a_dataset_that_gives_no_question_is_told(client, tmp_path, served):
    served.new_dataset("tiny", {"tiny.txt": "Short."})
    with pytest.raises(Rejected, match="Nothing in 'tiny'"):
        generate(client, "tiny", tmp_path / "none.jsonl", count=5, seed=0)


def judged(client: Client, base_url: str, model: str) -> list[dict[str, float]]:
    settings = Settings(llm=LlmSettings(base_url=base_url, model=model), _env_file=None)
    done = run_set(QUESTIONS, AppTarget(client, "guide"), judge=open_judge(settings))
    return [dict(result.values) for result in done.results]


def test_a_judge_model_grades_answers_through_llamaindex(client):
    with running_fake_server() as server:
        first, *_, refused = judged(client, server.base_url, "numbers:1")
        prompts = [json.dumps(body) for body in server.requests]

    assert first["groundedness"] == 0  # it did not say yes
    assert first["correctness"] == 0  # "1" of 1…5
    assert "groundedness" not in refused
    assert any("When was the old mill" in prompt and "in 1990" in prompt for prompt in prompts)


def test_a_judge_whose_grade_cannot_be_read_gives_none(client):
    with running_fake_server() as server:
        first, *_ = judged(client, server.base_url, "echo")  # its prompt speaks of YES

    assert first["groundedness"] == 1
    assert "correctness" not in first


def test_a_judge_needs_a_model_and_grades_become_shares():
    with pytest.raises(Rejected, match="KB_LLM__MODEL"):
        open_judge(Settings(_env_file=None))
    assert grade_of("4.5\nIt names the year.") == (4.5, "It names the year.")
    assert grade_of("4 ") == (4, None)
    assert grade_of("I like it: 4")[0] is None
    assert [as_share(grade) for grade in (1, 3, 5, 0, 9)] == [0, 0.5, 1, 0, 1]
