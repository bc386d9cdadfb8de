"""Base models side by side: jobs of the same rows, and what each base makes of the language."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from tokenizers import Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split

from client.errors import RequestFailed
from client.http import Client
from kb.errors import Rejected
from tests.api.serving import Served, serving
from tests.cli.commands import kb_command
from tests.tune.making import row
from tests.tune.trained import ROWS, make_base, scripted
from tune.report.bases import compare, row_of, tokens_a_character


def tokenizer(folder: Path, pattern: str) -> Path:
    """One token for each piece between the matches of a pattern, and for each match."""
    made = Tokenizer(WordLevel({"?": 0}, unk_token="?"))
    made.pre_tokenizer = Split(Regex(pattern), "isolated")
    made.save(str(folder / "tokenizer.json"))
    return folder / "tokenizer.json"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("bases")
    for name in ("one", "two"):
        make_base(folder / "data", name)
    tokenizer(folder / "data" / "tuning" / "bases" / "one", ".")
    with serving(folder / "data", tuning=scripted(folder)) as running:
        yield running


@pytest.fixture(scope="module")
def file_id(served: Served) -> str:
    parts = {"file": ("rows.jsonl", ROWS.encode())}
    answer = served.http.post("/openai/v1/files", files=parts, data={"purpose": "fine-tune"})
    return str(answer.json()["id"])


def test_each_base_is_trained_on_the_same_rows_and_stands_in_one_table(served, file_id):
    command = ("tune", "compare", "--base", "one", "--base", "two", "--file", file_id)

    done = kb_command(served, *command, "--epochs", "2", "--json")

    one, two = json.loads(done.stdout)
    assert [one["base"], two["base"]] == ["one", "two"]
    assert (one["status"], two["status"]) == ("succeeded", "succeeded")
    assert one["model"].startswith("ft:one:")
    assert one["minutes"] > 0
    jobs = served.http.get("/v1/tuning/jobs").json()["data"]
    assert {job["seed"] for job in jobs} == {0}
    assert {job["hyperparameters"]["n_epochs"] for job in jobs} == {2}
    assert two["tokens a character"] is None, "it has no tokenizer"
    assert one["tokens a character"] == 1, "each character is a token"


def test_a_jobs_curve_is_drawn_and_told_in_words(served, file_id, tmp_path):
    order = {"model": "one", "training_file": file_id, "hyperparameters": {"n_epochs": 3}}
    job = served.post("/v1/tuning/jobs", order)["id"]
    with Client(served.url, served.kb.access.admin_key) as client:
        assert list(client.events("GET", f"/v1/tuning/jobs/{job}/events"))[-1][0] == "job.ended"

    done = kb_command(served, "tune", "curve", job, "--out", str(tmp_path / "curve.html"))

    verdict = json.loads((tmp_path / "curve.json").read_text())["diagnosis"]["verdict"]
    assert done.stdout.startswith(f"{verdict}: ")
    page = (tmp_path / "curve.html").read_text()
    assert f"<h1>{job}: one</h1>" in page
    assert "New fine-tuned model created" in page
    assert page.count("<polyline") == 2, "loss and token accuracy"


def test_one_base_and_one_that_is_not_there_are_refused(served, file_id):
    with Client(served.url, served.kb.access.admin_key) as client:
        order = {"training_file": file_id}
        with pytest.raises(Rejected, match="two bases"):
            compare(client, ["one", "one"], order, folder=Path(), follow=print)
        with pytest.raises(RequestFailed, match=r"Base models: .*one, two"):
            compare(client, ["three", "one"], order, folder=Path(), follow=print)


def test_tokens_are_counted_by_character_of_what_is_learnt(tmp_path):
    rows = [row("Whatever is asked does not count.", "床前明月光"), row("?", "疑是地上霜")]

    assert tokens_a_character(tokenizer(tmp_path, "."), rows) == 1
    assert tokens_a_character(tokenizer(tmp_path, "月|是"), rows) == 6 / 10
    assert tokens_a_character(tmp_path / "none.json", rows) is None
    assert tokens_a_character(tmp_path / "tokenizer.json", []) is None


def test_losses_are_told_in_bits_a_character_and_time_in_money():
    job = {
        "status": "succeeded",
        "started_at": "2026-11-29T10:00:00.000Z",
        "finished_at": "2026-11-29T10:30:00.000Z",
        "trained_tokens": 900,
        "diagnosis": {"verdict": "healthy"},
    }
    answers = {"before": {"f1": 0.1}, "after": {"f1": 0.8, "exact_match": 0.5}}
    data = [{"valid_loss": 2.0}, {"valid_loss": math.log(2)}, {"train_loss": 1}, {"valid": answers}]

    found = row_of("one", job, data, 0.5, 4.0)

    assert found["bits a character"] == pytest.approx(0.5)
    assert (found["minutes"], found["cost"]) == (30, 2)
    assert (found["before"], found["f1"], found["exact match"]) == (0.1, 0.8, 0.5)
    assert (found["curve"], found["tokens trained"]) == ("healthy", 900)
