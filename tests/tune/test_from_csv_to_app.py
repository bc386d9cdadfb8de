"""The whole way of a tuned model over HTTP: from a CSV to an app that streams, and whether it pays.

Only the model is small: 0.2 million parameters, made here. The real trainer teaches it, `kb tune
serve` serves it, and it is asked through the chat of the app that the example makes.
"""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from eval.question_sets.own import write
from eval.types import Question
from tests.server import ROOT, ServerProcess, answer_of, ask, environment, running_server
from tests.tune.trainers import tiny

pytest.importorskip("trl", reason="the extra tune is not installed")

pytestmark = pytest.mark.slow

Stories = Mapping[tuple[str, str, str], str]

STORIES: Stories = {
    ("Bronze Age", "talks to birds", "a ferryman"): "The herons told him of the flood.",
    ("Bronze Age", "walks through walls", "a weaver"): "She left her loom by the north wall.",
    ("Age of Sail", "talks to birds", "a weaver"): "A gull brought the blue thread back.",
    ("Age of Sail", "walks through walls", "a ferryman"): "He rowed out through the sea gate.",
    ("Space Age", "talks to birds", "a ferryman"): "Six geese counted the air for him.",
}
LATER: Stories = {
    ("Space Age", "walks through walls", "a weaver"): "Her seam held the dark outside.",
    ("Middle Ages", "talks to birds", "a weaver"): "The swallows warned her of wet wool.",
}
LEARN = {"n_epochs": 120, "batch_size": 5, "learning_rate": 6e-3, "lora_rank": 0, "warmup": 0.1}
NOWHERE = "http://127.0.0.1:9/v1"


@dataclass(frozen=True)
class Workshop:
    """A server, what serves its tuned models, and the files of the examples."""

    server: ServerProcess
    models: str
    examples: Path

    def make(self, stories: Stories, model: str) -> str:
        """Run the example on these stories; what it printed."""
        rows = self.examples / "story-teller" / "rows.csv"
        with rows.open("w", newline="", encoding="utf-8") as file:
            written = csv.writer(file)
            written.writerow(["period", "power", "hero", "story"])
            written.writerows([*inputs, story] for inputs, story in stories.items())
        command = [sys.executable, self.examples / "make.py", "story-teller"]
        told = [f"{name}={value}" for name, value in LEARN.items()]
        options = {"--key": self.server.key, "--server": self.server.url, "--models": self.models}
        chosen = [*sum(options.items(), ()), "--model", model, "--valid", "0"]
        given = [*chosen, *(part for each in told for part in ("--set", each))]
        made = subprocess.run(
            [*map(str, [*command, *given])],
            env=environment(self.server.data_dir),
            capture_output=True,
            text=True,
        )
        assert made.returncode == 0, made.stdout + made.stderr
        return made.stdout

    def tell(self, inputs: tuple[str, str, str], **options: Any) -> list[tuple[str, Any]]:
        """The events of a question as the page of the example asks it."""
        named = dict(zip(("period", "power", "hero"), inputs, strict=True))
        with self.server.http as http:
            return ask(http, "story-teller", ", ".join(inputs), inputs=named, **options)

    def known(self, stories: Stories) -> int:
        """How many of the stories the tuned variant tells, word for word."""
        told = {inputs: answer_of(self.tell(inputs)).strip() for inputs in stories}
        return sum(told[inputs] == story for inputs, story in stories.items())


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    folder = tmp_path_factory.mktemp("workshop")
    data, examples = folder / "data", folder / "tuned"
    shutil.copytree(ROOT / "examples" / "tuned", examples)
    tiny.make_base(data / "tuning" / "bases" / "tiny")
    with running_server(data, OMP_NUM_THREADS="1") as server, _served(data) as models:
        yield Workshop(server, models, examples)


@contextmanager
def _served(data: Path) -> Iterator[str]:
    """The address of a `kb tune serve`."""
    command = [sys.executable, "-m", "cli", "tune", "serve", "--port", "0"]
    with subprocess.Popen(
        command,
        env=environment(data, OMP_NUM_THREADS="1"),
        stderr=subprocess.PIPE,
        text=True,
        cwd=data.parent,
    ) as process:
        assert process.stderr is not None
        line = next(line for line in process.stderr if "running on" in line)
        try:
            yield line.split("running on ", 1)[1].split(" ", 1)[0] + "/v1"
        finally:
            process.kill()


def test_a_csv_becomes_an_app_that_streams_what_its_model_has_learnt(workshop):
    printed = workshop.make(STORIES, "tiny")
    assert "The curve says" in printed

    events = workshop.tell(("Space Age", "talks to birds", "a ferryman"))

    assert answer_of(events).strip() == "Six geese counted the air for him."
    assert sum(name == "delta" for name, _ in events) > 1
    route = next(data for name, data in events if name == "route")
    assert route["variant"] == "tuned"
    assert workshop.known(STORIES) == len(STORIES)
    base = workshop.tell(("Space Age", "talks to birds", "a ferryman"), route="base")
    assert next(data for name, data in base if name == "route")["variant"] == "base"
    assert answer_of(base) != answer_of(events)


def test_a_second_round_learns_more_and_what_it_forgot_is_told(workshop):
    first = _newest(workshop)

    workshop.make(LATER, first["name"])

    second = _newest(workshop)
    assert second["parent"] == first["name"]
    assert second["base"] == "tiny"
    assert workshop.known(LATER) == len(LATER)
    told = workshop.known(STORIES)
    assert told == len(STORIES)  # so few rows are trained anew from the base, all together
    with workshop.server.http as http:
        line = http.get(f"/v1/tuning/models/{second['name']}").json()
    assert first["name"] in json.dumps(line)


def test_base_answers_where_the_tuned_model_cannot_be_reached(workshop):
    name = _newest(workshop)["name"]
    inputs = next(iter(STORIES))
    with workshop.server.http as http:
        assert http.patch(f"/v1/models/{name}", json={"base_url": NOWHERE}).status_code == 200
        events = workshop.tell(inputs)
        assert http.patch(f"/v1/models/{name}", json={"base_url": workshop.models}).is_success

    routes = [data for name, data in events if name == "route"]
    assert (routes[-1]["variant"], routes[-1]["reason"]) == ("base", "fallback")
    assert events[-1][0] == "run.completed"


def test_the_report_says_that_tuning_pays_where_only_the_tuned_model_knows(workshop, tmp_path):
    asked = [
        Question(str(number), ", ".join(inputs), (story,))
        for number, (inputs, story) in enumerate({**STORIES, **LATER}.items())
    ]
    page, questions = tmp_path / "pays.html", tmp_path / "questions.jsonl"
    write(asked, questions)
    command = [sys.executable, "-m", "cli", "tune", "report", str(questions)]
    made = subprocess.run(
        [*command, "--app", "story-teller", "--out", str(page)],
        env=environment(workshop.server.data_dir),
        capture_output=True,
        text=True,
    )

    assert made.returncode == 0, made.stdout + made.stderr
    found = json.loads(page.with_suffix(".json").read_text())
    assert found["arms"]["tuned"]["correct"] == 1.0
    assert found["arms"]["base"]["correct"] == 0.0
    assert page.read_text().count("<table") > 0


def _newest(workshop: Workshop) -> dict[str, Any]:
    with workshop.server.http as http:
        models = http.get("/v1/tuning/models").json()["data"]
    newest: dict[str, Any] = max(models, key=lambda model: model["created_at"])
    return newest
