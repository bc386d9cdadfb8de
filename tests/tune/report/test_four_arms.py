"""Four arms against a real server whose models say what a scenario needs: when tuning pays, when
retrieval does, and when nothing can be told."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from client.http import Client
from eval.question_sets.own import write
from eval.run.measuring import Result
from eval.types import Question
from kb.apps.gates import Figures, figures
from kb.errors import Rejected
from kb.types import Scope
from tests.api.serving import Served, serving
from tests.cli.commands import kb_command
from tests.fake_models import running_fake_server
from tune.report.four_arms import judging, run, targets
from tune.report.plan import Plan

TOWERS = {"Brno": 40, "Zlin": 52, "Opava": 61, "Tabor": 33, "Telc": 28, "Louny": 45, "Cheb": 57}
DOCUMENTS = {
    f"{town}.txt": f"The tower of {town} is {metres} metres high.\n"
    for town, metres in TOWERS.items()
}
ABOUT_TOWERS = [
    Question(town, f"How high is the tower of {town}?", (f"{metres} metres",), type="height")
    for town, metres in TOWERS.items()
]
IN_OUR_FORM = [
    Question(town, f"Open a ticket about the tower of {town}.", ("TICKET tower",))
    for town in TOWERS
]
MODELS = {
    "cites": "cite",
    "tickets": "say:TICKET tower",
    "knows-nothing": "say:I cannot know that.",
    "brief": "say:Of 40 metres.",
    "fails": "fail:500",
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with (
        running_fake_server() as model,
        serving(tmp_path_factory.mktemp("arms") / "data") as served,
    ):
        dataset = served.new_dataset("towers", DOCUMENTS)
        for name, says in MODELS.items():
            body = {"name": name, "provider": "openai", "base_url": model.base_url, "model": says}
            served.post("/v1/models", {**body, "price_in": 10.0, "price_out": 10.0})
        for slug, base, tuned in (
            ("form", "knows-nothing", "tickets"),
            ("facts", "cites", "knows-nothing"),
            ("same", "cites", "cites"),
            ("brief", "cites", "brief"),
            ("broken", "cites", "fails"),
        ):
            variants = {"base": {"model": base}, "tuned": {"model": tuned}}
            served.new_app(slug, dataset_ids=[dataset], prompt="{{context}}", **variants)
        yield served


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    with Client(served.url, served.kb.access.admin_key) as client:
        yield client


def reported(
    client: Client, folder: Path, app: str, questions: list[Question], **plan: Any
) -> dict[str, Any]:
    write(questions, folder / "held_out.jsonl")
    (folder / "plan.json").write_text(json.dumps({"as_of": "2026-11-20", **plan}))
    paths = {"plan": folder / "plan.json", "out": folder / "pays.html"}
    found = run(client, folder / "held_out.jsonl", app=app, **paths)
    assert json.loads((folder / "pays.json").read_text()) == json.loads(json.dumps(found))
    return found


def right(found: dict[str, Any]) -> list[float]:
    return [arm["metrics"]["right"]["mean"] for arm in found["arms"].values()]


def test_tuning_pays_where_only_the_tuned_model_has_the_form(client, tmp_path):
    criteria = [{"name": "ticket", "how": "regex", "what": "^TICKET"}]

    found = reported(client, tmp_path, "form", IN_OUR_FORM, criteria=criteria)

    assert right(found) == [0, 0, 1, 1]
    assert found["verdict"]["pays"] is True
    assert found["verdict"]["sentence"].startswith(
        "Fine-tune: tuned is right more often (100% against 0%, p = 0.016)."
    )
    assert found["verdict"]["p_value"] == pytest.approx(2 / 2**7)
    assert [arm["format"] for arm in found["arms"].values()] == [0, 0, 1, 1]
    assert found["arms"]["tuned"]["metrics"]["meets ticket"]["mean"] == 1


def test_retrieval_pays_where_the_documents_know_and_the_tuned_model_does_not(client, tmp_path):
    found = reported(client, tmp_path, "facts", ABOUT_TOWERS)

    assert right(found) == [0, 1, 0, 0]
    assert found["verdict"]["pays"] is False
    assert found["verdict"]["sentence"].startswith(
        "Do not fine-tune: base + retrieval is right more often (100% against 0%, p = 0.016)."
    )
    assert found["arms"]["base_retrieval"]["metrics"]["grounded"]["mean"] == 1
    assert found["arms"]["base_retrieval"]["right_by_type"] == {"height": 1}
    assert {row["said"]["base_retrieval"]["right"] for row in found["answers"]} == {1}
    assert (found["plan"]["as_of"], found["app"]) == ("2026-11-20", "facts")


def test_the_gates_of_a_roll_out_read_the_report(client, served, tmp_path):
    known = [Question(f"old {q.id}", q.text, q.answers, type="earlier") for q in ABOUT_TOWERS[:2]]
    criteria = [{"name": "metres", "how": "contains", "what": "METRES"}]

    found = reported(client, tmp_path, "brief", [*ABOUT_TOWERS[2:], *known], criteria=criteria)

    read = served.kb.database.reading(figures, Scope.admin(), None, found)
    assert read == Figures(base=1, tuned=pytest.approx(1 / 7), kept=0.5, valid=1)


def test_without_a_difference_there_is_no_reason_to_tune(client, tmp_path):
    found = reported(client, tmp_path, "same", ABOUT_TOWERS)

    assert right(found) == [0, 1, 0, 1]
    assert found["verdict"]["pays"] is False
    assert (
        "over 7 questions no difference in right answers is shown (100% against 100%, p = 1)"
        in (found["verdict"]["sentence"])
    )
    assert found["verdict"]["p_value"] == 1


def test_equal_answers_for_less_are_a_reason_and_break_even_is_computed(client, tmp_path):
    question = [ABOUT_TOWERS[0]]

    found = reported(client, tmp_path, "brief", question, hosting_tuned=100, training=120)

    searched, tuned = found["arms"]["base_retrieval"], found["arms"]["tuned"]
    tokens = {name: arm["tokens_in"] + arm["tokens_out"] for name, arm in found["arms"].items()}
    assert searched["cost_per_answer"] == pytest.approx(10e-6 * tokens["base_retrieval"])
    assert tuned["fixed_per_answer"] == pytest.approx((100 + 120 / 12) / 1000)
    assert tuned["cost_per_right_answer"] == pytest.approx(0.11 + 10e-6 * tokens["tuned"])
    saved = 10e-6 * (tokens["base_retrieval"] - tokens["tuned"])
    assert saved > 0
    assert found["verdict"]["break_even"] == pytest.approx(110 / saved)
    assert found["verdict"]["pays"] is False, "at 1,000 answers a month hosting is too dear"

    more = reported(client, tmp_path, "brief", question, hosting_tuned=1, answers_a_month=10**9)

    assert more["verdict"]["pays"] is True
    assert more["verdict"]["sentence"].startswith("Fine-tune for the cost alone: over 1 question")


def test_prices_of_a_plan_go_before_those_of_the_models(client, tmp_path):
    prices = {"knows-nothing": {"price_in": 0, "price_out": 1_000_000}}

    found = reported(client, tmp_path, "form", IN_OUR_FORM[:2], models=prices, retrieval=0.5)

    assert found["arms"]["base"]["cost_per_answer"] == found["arms"]["base"]["tokens_out"]
    assert found["arms"]["base_retrieval"]["cost_per_answer"] == pytest.approx(
        0.5 + found["arms"]["base_retrieval"]["tokens_out"]
    )
    assert found["arms"]["base"]["cost_per_right_answer"] is None, "none is right"


def test_an_answer_of_base_does_not_count_for_a_tuned_model_that_fails(client, tmp_path):
    with pytest.raises(Rejected, match="tuned answered no question: base answered"):
        reported(client, tmp_path, "broken", ABOUT_TOWERS[:2])

    asked = targets(client, "broken")[2].ask(ABOUT_TOWERS[0])

    assert asked.error.startswith("base answered (")
    assert judging(Plan())(Result(ABOUT_TOWERS[0], asked)).values == {"right": 0}


def test_few_questions_do_not_make_a_worse_model_a_cheaper_one(client, tmp_path):
    known = [Question("Brno", "How high is it in Brno?", ("40 metres",)), *ABOUT_TOWERS[1:4]]

    found = reported(client, tmp_path, "brief", known)

    assert found["verdict"]["pays"] is False
    assert "too few to rule out that tuned is right much less often" in found["verdict"]["sentence"]


def test_the_page_is_escaped_and_asks_for_nothing_from_elsewhere(client, tmp_path):
    evil = Question("1", "<script>alert(1)</script> tower of Brno?", ("40 metres",))

    reported(client, tmp_path, "facts", [evil])

    page = (tmp_path / "pays.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "default-src 'none'" in page
    assert "http" not in page.replace("http-equiv", "")


def test_commands_report_and_count_what_people_choose_blind(served, tmp_path):
    write(IN_OUR_FORM, tmp_path / "held_out.jsonl")
    out, sheet = tmp_path / "pays.html", tmp_path / "sheet.csv"
    asked = ("report", str(tmp_path / "held_out.jsonl"), "--app", "form", "--out", str(out))
    blind = ("tune", "blind", str(out.with_suffix(".json")), str(sheet))

    made = kb_command(served, "tune", *asked)
    kb_command(served, *blind)
    with sheet.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    with sheet.open("w", encoding="utf-8", newline="") as lines:
        filled = csv.DictWriter(lines, rows[0])
        filled.writeheader()
        filled.writerows({**row, "better": "12"["TICKET" in row["answer 2"]]} for row in rows)
    counted = kb_command(served, *blind)

    assert made.output.startswith("Fine-tune: tuned is right more often")
    assert counted.output.startswith(f"{out} counts the choices")
    assert "prefer the answers of tuned, 7 to 0 (p = 0.016)" in out.read_text()


def test_asking_leaves_no_conversations_behind(client, served, tmp_path):
    reported(client, tmp_path, "facts", ABOUT_TOWERS[:1])

    assert served.http.get("/v1/conversations").json()["data"] == []
