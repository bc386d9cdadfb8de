"""`kb tune augment`, `review` and `generate`, with a model server and a server of ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.__main__ import app
from kb.models.fake.server import FakeModelServer
from tests.api.serving import Served, serving
from tests.cli.commands import kb_command
from tests.fake_models import running_fake_server

NEW = '{"question": "Where is the cellar?", "answer": "Below."} {"question": "Tea?", "answer": "x"}'


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeModelServer]:
    with running_fake_server() as server:
        monkeypatch.setenv("KB_LLM__BASE_URL", server.base_url)
        monkeypatch.setenv("KB_LLM__MODEL", f"say:{NEW}")
        yield server


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path / "data") as running:
        yield running


def test_candidates_are_made_judged_and_what_was_refused_teaches_the_next_round(
    served: Served, models: FakeModelServer, tmp_path: Path
):
    seeds = tmp_path / "seeds.csv"
    seeds.write_text("question,answer\nWho pays?,We.\nWho cooks?,They.\n")
    kb_command(served, "tune", "import", str(seeds), "--set", "house")

    first = kb_command(served, "tune", "augment", "house", "--work", str(tmp_path))
    assert "A first round of 20 to read" in first.output
    assert "2 candidates wait" in first.output
    judged = kb_command(served, "tune", "review", "house", typed="y\nn\nnot about the house\n")
    assert "1 taken, 1 refused" in judged.output

    assert served.http.get("/v1/tuning/sets/house").json()["versions"] == 2
    models.requests.clear()
    again = kb_command(served, "tune", "augment", "house", "--count", "30", "--work", str(tmp_path))
    assert "first round" not in again.output
    assert "0 candidates wait" in again.output, "both are known"
    assert "Why it is bad: not about the house" in models.requests[0]["messages"][-1]["content"]
    assert not list(tmp_path.glob("*.partial"))


def test_a_grid_becomes_a_csv_once_its_cost_is_agreed_to(models: FakeModelServer, tmp_path: Path):
    out = tmp_path / "stories.csv"
    words = ["--template", "Of {a} and {b}", "--grid", "a=x,y", "--grid", "b=z", "--out", str(out)]
    asked = ["tune", "generate", *words, "--repeat", "2", "--price-out", "5"]

    refused = CliRunner().invoke(app, asked, input="n\n")
    assert "2 combinations, 4 answers" in refused.output
    assert "at most 0.02" in refused.output
    assert models.requests == []

    done = CliRunner().invoke(app, [*asked, "--yes"])
    assert "4 rows" in done.output
    assert [body["n"] for body in models.requests] == [2, 2]
    assert out.read_text().startswith('"a","b","prompt","completion"\n"x","z","x,z","{')
