"""`kb models`: a model server of this machine is found, tested, and answers from then on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from kb.apps import checking
from kb.errors import Rejected
from kb.models.fake.server import FakeModelServer
from kb.models.providers.presets import presets
from tests.api.serving import Served, serving
from tests.cli.commands import kb_command
from tests.fake_models import running_fake_server

LISTED = [{"id": "nomic-embed-text"}, {"id": "fail:500"}, {"id": "echo"}]


@pytest.fixture
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("models") / "data") as running:
        yield running


@pytest.fixture
def ollama(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeModelServer]:
    """A server that lists three models where Ollama would be, and nothing at the other ports."""
    with running_fake_server(models=LISTED) as upstream:
        places = dict.fromkeys(checking.LOCAL, "http://127.0.0.1:9/v1")
        places["ollama"] = upstream.base_url
        moved = {name: replace(presets()[name], base_url=url) for name, url in places.items()}
        monkeypatch.setattr(checking, "presets", lambda: {**presets(), **moved})
        yield upstream


def test_what_is_found_is_listed(served: Served, ollama: FakeModelServer):
    shown = kb_command(served, "models", "discover").output
    assert shown == f"Ollama at {ollama.base_url}: nomic-embed-text, fail:500, echo\n"
    listed = json.loads(kb_command(served, "models", "discover", "--json").output)
    assert [each["provider"] for each in listed] == ["ollama"]
    assert served.http.get("/v1/models").json()["data"] == []


def test_a_model_that_answers_becomes_the_default(served: Served, ollama: FakeModelServer):
    assert "kb models discover --use" in served.http.get("/readyz").json()["advice"]

    done = kb_command(served, "models", "discover", "--use", "--model", "echo")

    assert done.exit_code == 0
    assert "ollama:echo is the default model" in done.output
    assert served.http.get("/v1/models/default").json()["name"] == "ollama:echo"
    assert "advice" not in served.http.get("/readyz").json()
    again = kb_command(served, "models", "discover", "--use", "--model", "echo")
    assert again.exit_code == 0, "it is registered already"


def test_a_model_that_does_not_answer_does_not(served: Served, ollama: FakeModelServer):
    with pytest.raises(Rejected, match="500"):  # the first that is no embedding model
        kb_command(served, "models", "discover", "--use")

    assert served.http.get("/v1/models/default").json()["name"] is None
    assert "ollama:fail:500" in kb_command(served, "models", "list").output
    with pytest.raises(Rejected, match="gpt-9 was not found"):
        kb_command(served, "models", "discover", "--use", "--model", "gpt-9")
