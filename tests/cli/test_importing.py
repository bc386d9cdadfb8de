"""`kb import dify`: the export of a Dify app becomes an app, and what is lost is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from kb.errors import Rejected
from tests.api.serving import Served, serving
from tests.cli.commands import kb_command

CHAT = """
app: {description: '', icon: '⛵', icon_background: '#FFEAD5', mode: MODE, name: Harbour Désk}
kind: app
version: 0.3.0
model_config:
  agent_mode:
    enabled: true
    tools:
    - {enabled: true, tool_name: weather, tool_label: Weather}
  chat_prompt_config: {}
  dataset_configs:
    datasets: {datasets: [{dataset: {id: 11-22}}, {dataset: {enabled: true, id: 33}}]}
    reranking_enable: false
    score_threshold: 0.7
    top_k: 6
  model:
    completion_params: {temperature: 0.3, max_tokens: 200, top_p: 0.9, stop: []}
    name: pilot
    provider: langgenius/openai/openai
  opening_statement: Ahoy!
  pre_prompt: "Answer {{guest}} of {{ship}}.\\n\\n{{#context#}}"
  prompt_type: simple
  speech_to_text: {enabled: true}
  suggested_questions: ['When does the ferry leave?', '']
  user_input_form:
  - text-input: {default: '', label: Guest, max_length: 48, required: true, variable: guest}
  - select: {label: Class, options: [first, 2], required: false, variable: class, default: null}
  - file-list: {label: Papers, variable: papers}
"""

FLOW = """
app: {name: 港口, mode: advanced-chat, icon: null}
kind: app
workflow:
  features: {opening_statement: Welcome, suggested_questions: []}
  graph:
    edges: []
    nodes:
    - {id: '1', data: {type: start, title: Start, variables: [
        {variable: ship, label: Ship, type: text-input, required: false, options: []}]}}
    - {id: '2', data: {type: knowledge-retrieval, title: Find, dataset_ids: [abc],
        multiple_retrieval_config: {top_k: 3, reranking_enable: true, score_threshold: null}}}
    - {id: '3', data: {type: llm, title: Answers, model: {name: pilot, completion_params: {}},
        prompt_template: [
          {role: system, text: 'You know {{#1.ship#}}. {{#context#}} {{#5.output#}}'},
          {role: user, text: '{{#sys.query#}}'}]}}
    - {id: '4', data: {type: llm, title: Draws, model: {name: other},
        prompt_template: [{role: system, text: Draw.}]}}
    - {id: '5', data: {type: code, title: Counts, code: x, outputs: {output: {type: string}}}}
    - {id: '7', data: {type: variable-aggregator, title: Gathers, variables: [['3', text]]}}
    - {id: '6', data: {type: answer, title: Answer, answer: '{{#3.text#}}'}}
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("imports") / "data") as running:
        running.post("/v1/models", {"name": "pilot", "model": "p", "base_url": "http://[::1]:1/v1"})
        yield running


def imported(served: Served, folder: Path, text: str, *options: str) -> Result:
    (folder / "app.yml").write_text(text, encoding="utf-8")
    return kb_command(served, "import", "dify", str(folder / "app.yml"), *options)


def draft_of(served: Served, slug: str) -> Any:
    return served.http.get(f"/v1/apps/{slug}/draft").json()


def test_a_chat_comes_with_its_prompt_inputs_model_and_opening(served: Served, tmp_path: Path):
    done = imported(served, tmp_path, CHAT.replace("MODE", "agent-chat"))
    assert done.exit_code == 0, done.output
    app, draft = served.http.get("/v1/apps/harbour-desk").json(), draft_of(served, "harbour-desk")
    assert (app["name"], app["icon"], app["opening"]) == ("Harbour Désk", "⛵", "Ahoy!")
    assert app["suggested_questions"] == ["When does the ferry leave?"]
    assert draft["prompt"] == "Answer {{inputs.guest}} of {{ship}}.\n\n{{context}}"
    guest, kind = draft["inputs"]
    assert (guest["required"], guest["max_length"], kind["options"]) == (True, 48, ["first", "2"])
    base = draft["base"]
    assert (base["model"], base["temperature"], base["max_tokens"]) == ("pilot", 0.3, 200)
    assert (draft["retrieval"]["top_k"], draft["retrieval"]["rerank"]) == (6, False)
    for lost in ("papers", "{{ship}}", "top_p", "Weather", "speech", "datasets (2)", "0.7"):
        assert lost in done.output


@pytest.mark.parametrize("mode", ["chat", "completion"])
def test_named_datasets_answer_and_are_not_told_as_lost(served: Served, tmp_path: Path, mode: str):
    ids = [served.new_dataset(f"{mode}-{each}") for each in ("a", "b")]
    named = [part for each in ("a", "b") for part in ("--dataset", f"{mode}-{each}")]
    text = CHAT.replace("MODE", mode)
    done = imported(served, tmp_path, text, "--slug", mode, *named, "--json")
    assert draft_of(served, mode)["dataset_ids"] == ids
    left = json.loads(done.stdout)["not_taken_over"]
    assert not any("datasets" in each for each in left)
    assert any("completion" in each for each in left) == (mode == "completion")


def test_a_flow_comes_with_the_model_that_answers_and_tells_its_other_nodes(
    served: Served, tmp_path: Path
):
    done = imported(served, tmp_path, FLOW)
    draft = draft_of(served, "dify-app")
    assert draft["prompt"] == "You know {{inputs.ship}}. {{context}} {{#5.output#}}"
    assert [each["name"] for each in draft["inputs"]] == ["ship"]
    assert (draft["base"]["model"], draft["retrieval"]["top_k"]) == ("pilot", 3)
    for lost in ("'Draws' (llm)", "'Counts' (code)", "'Gathers'", "{{#5.output#}}", "datasets (1)"):
        assert lost in done.output
    assert "'Answers'" not in done.output


def test_an_app_whose_draft_is_refused_is_not_left_behind(served: Served, tmp_path: Path):
    text = CHAT.replace("MODE", "chat").replace("max_tokens: 200", "max_tokens: -1")
    before = served.http.get("/v1/apps").json()
    with pytest.raises(Exception, match="max_tokens"):
        imported(served, tmp_path, text, "--slug", "refused")
    assert served.http.get("/v1/apps").json() == before


NO_EXPORTS = (
    "",
    "- 1",
    "app: [",
    "app: {name: x, mode: chat}\nworkflow: 3",
    "!!python/object:os.x {}",
    "app: {name: x}\nmodel_config: {user_input_form: [3]}",
    "app: {name: x}\nmodel_config: {agent_mode: {tools: 3}}",
    "app: {name: x}\nworkflow: {graph: {nodes: [{data: {type: start, variables: [1]}}]}}",
    "[" * 5000,
    "\0",
)


@pytest.mark.parametrize("text", NO_EXPORTS, ids=range(len(NO_EXPORTS)))
def test_what_is_no_export_is_refused_and_nothing_is_made(
    served: Served, tmp_path: Path, text: str
):
    with pytest.raises(Rejected, match="is not an export of a Dify app"):
        imported(served, tmp_path, text)
