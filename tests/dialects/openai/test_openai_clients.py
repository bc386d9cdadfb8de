"""OpenAI's own packages, and what others build on them, work with nothing but a base URL."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kb.models.fake.server import FakeModelServer
from tests.api.serving import Served
from tests.dialects.openai.scripts import HERE, node, printed, python, said
from tests.docs.pages import fences, page

RISES = "The moon rises over Ostrava at nine."
APPS = ("cite", "plain")
"""An app with a model, and one that answers with passages."""


@pytest.fixture
def pointed(served: Served) -> dict[str, str]:
    """All that a client is told."""
    return {
        "OPENAI_BASE_URL": f"{served.url}/openai/v1",
        "OPENAI_API_KEY": served.kb.access.admin_key,
    }


@pytest.mark.parametrize("environment", ["openai2", "openai3"])
def test_openai_for_python(pointed: dict[str, str], upstream: FakeModelServer, environment: str):
    script = HERE / "python" / "openai_sdk.py"
    found = said(python(environment) / "python", script, **pointed)
    assert {*APPS, "hash"} <= set(found["models"])
    for app in APPS:
        answer = found[app]
        texts = {answer[way] for way in ("whole", "stream", "completion", "response", "events")}
        assert len(texts) == 1, texts
        assert RISES in texts.pop()
        assert answer["cited"][0] == "moon.md"
        assert answer["annotations"] == ["file_citation", "url_citation"]
        assert answer["usage"][0] == answer["usage"][1]
        assert answer["ended"] == "response.completed"
    assert found["limited"] == "stop"
    limits = {"max_tokens": 9, "stop": ["END"], "seed": 7}
    assert any(limits.items() <= sent.items() for sent in upstream.requests)
    assert found["dimensions"] > 0
    assert found["unknown"] == ["NotFoundError", "model_not_found"]
    assert found["wrong_key"] == ["AuthenticationError", "unauthenticated"]
    assert found["cut"] == ["APIError", "model_unavailable"]


def test_langchain(pointed: dict[str, str]):
    script = HERE / "python" / "langchain_chat.py"
    found = said(python("openai3") / "python", script, **pointed)
    for app in APPS:
        for way in ("chat", "responses"):
            answer = found[app][way]
            assert RISES in answer["whole"]
            assert answer["whole"] == answer["stream"]
        assert found[app]["responses"]["cited"] > 0
    assert found["unknown"][1] == "model_not_found"
    assert found["cut"] == ["APIError", "model_unavailable"]


def test_llama_index(pointed: dict[str, str]):
    script = HERE / "python" / "llama_index_chat.py"
    found = said(python("openai2") / "python", script, **pointed)
    for app in APPS:
        texts = set(found[app].values())
        assert len(texts) == 1, texts
        assert RISES in texts.pop()
    assert found["unknown"] == ["NotFoundError", "model_not_found"]


def test_the_llm_command(served: Served, pointed: dict[str, str], tmp_path: Path):
    models = "".join(
        f"- {{model_id: {app}, model_name: {app}, api_base: '{pointed['OPENAI_BASE_URL']}',"
        f" api_key_name: citewell}}\n"
        for app in APPS
    )
    (tmp_path / "extra-openai-models.yaml").write_text(models)
    keys = {"citewell": pointed["OPENAI_API_KEY"]}
    (tmp_path / "keys.json").write_text(json.dumps(keys))
    llm = python("openai3") / "llm"
    for app in APPS:
        for options in ((), ("--no-stream",)):
            asked = (*options, "When does the moon rise over Ostrava?")
            assert RISES in printed(llm, "prompt", "-m", app, *asked, LLM_USER_PATH=str(tmp_path))


def test_openai_for_node(pointed: dict[str, str]):
    found = said(node(), HERE / "node" / "openai_sdk.mjs", **pointed)
    assert {*APPS, "hash"} <= set(found["models"])
    for app in APPS:
        answer = found[app]
        assert RISES in answer["whole"]
        assert answer["whole"] == answer["stream"] == answer["response"]
        assert answer["cited"][0] == "moon.md"
    assert found["dimensions"] > 0
    assert found["unknown"] == [404, "model_not_found"]
    assert found["wrong_key"] == [401, "unauthenticated"]
    assert found["cut"] == [None, "model_unavailable"]


def test_the_ai_sdk(pointed: dict[str, str]):
    found: Any = said(node(), HERE / "node" / "openai_ai_sdk.mjs", **pointed)
    for app in APPS:
        for way in ("chat", "responses"):
            answer = found[app][way]
            assert RISES in answer["whole"]
            assert answer["whole"] == answer["stream"]
            assert answer["usage"] >= 0
        assert {"document", "url"} <= set(found[app]["responses"]["sources"])
    assert "nobody" in found["unknown"]
    assert found["cut"]


def test_the_example_of_the_page(pointed: dict[str, str], tmp_path: Path):
    code = next(fences(page("docs/using/openai.md"), "python"))
    code = code.replace("http://127.0.0.1:8000/openai/v1", pointed["OPENAI_BASE_URL"])
    script = tmp_path / "example.py"
    script.write_text(code.replace("<key>", pointed["OPENAI_API_KEY"]))
    told = printed(python("openai3") / "python", script)
    assert RISES in told
    assert "moon.md http" in told


@pytest.mark.parametrize("environment", ["openai2", "openai3"])
def test_vector_stores_are_searched_for_an_answer(pointed: dict[str, str], environment: str):
    script = HERE / "python" / "openai_file_search.py"
    found = said(python(environment) / "python", script, **pointed)
    told = "In the new year the comet passes over Opava at six."
    for app in APPS:
        answer = found[app]
        assert told in answer["text"]
        assert answer["streamed"] == answer["text"]
        assert answer["queries"] == ["When does the comet pass over Opava?"]
        assert answer["results"] == [[found["new"], "comet.md", told, {"year": 1986}]]
        assert answer["streamed_results"] == [found["new"]]
        assert answer["cited"] == [[found["new"], "comet.md"]]
        assert answer["events"][:9] == [
            "created",
            "in_progress",
            "output_item.added",
            "file_search_call.in_progress",
            "file_search_call.searching",
            "file_search_call.completed",
            "output_item.done",
            "output_item.added",
            "content_part.added",
        ]
        assert answer["events"][-1] == "completed"
    assert found["without_include"] is None


def test_vector_stores_are_searched_for_an_answer_by_node(pointed: dict[str, str]):
    found = said(node(), HERE / "node" / "openai_file_search.mjs", **pointed)
    told = "In the new year the comet passes over Opava at six."
    call = {"queries": ["When does the comet pass over Opava?"]}
    passage = [found["kept"], "comet.md", told, {"year": 1986}]
    for app in APPS:
        for answer in found["openai"][app], *found["ai_sdk"][app].values():
            assert told in answer["text"]
            assert answer | call == answer
            assert answer["results"] == [passage]
            assert found["kept"] in answer["cited"]
