"""`kb apps`: versions shown, compared and restored, and the switch turned, by a real server."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from click.testing import Result

from tests.api.serving import Served, serving
from tests.cli.commands import kb_command


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("apps") / "data") as running:
        running.new_app("sky", prompt="Be brief.", base={"model": "extractive"})
        running.http.put("/v1/apps/sky/draft", json={"prompt": "Be kind.", "refusal": "No."})
        running.post("/v1/apps/sky/publish")
        yield running


def kb(served: Served, *arguments: str) -> Result:
    return kb_command(served, "apps", *arguments)


def test_versions_are_shown_and_the_answering_one_is_marked(served: Served):
    assert kb(served, "rollback", "sky", "1").output == "sky: version 1 answers\n"
    lines = kb(served, "versions", "sky").output.splitlines()
    assert [line[:3] for line in lines] == ["  2", "* 1"]
    listed = json.loads(kb(served, "versions", "sky", "--json").output)
    assert [item["version"] for item in listed] == [2, 1]


def test_a_comparison_shows_texts_as_a_diff_and_other_fields_on_a_line(served: Served):
    shown = kb(served, "compare", "sky", "1", "2").output
    assert "prompt:\n@@ -1 +1 @@\n-Be brief.\n+Be kind.\n" in shown
    assert 'base.model: "extractive" -> null' in shown
    assert kb(served, "compare", "sky", "2").output == "", "the draft is as it was published"
    fields = json.loads(kb(served, "compare", "sky", "1", "--json").output)
    assert {item["field"] for item in fields} == {"prompt", "base.model", "refusal"}


def test_the_switch_is_turned(served: Served):
    turned = kb(served, "route", "sky", "base")
    assert json.loads(turned.output)["mode"] == "base"
