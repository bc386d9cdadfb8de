"""OpenAI's own package has a model tuned, from the upload to the second job on top of the first.

The trainer learns nothing here: what one learns is tested in tests/tune.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from kb.models.fake.server import FakeModelServer
from tests.api.serving import Served, serving
from tests.dialects.openai.scripts import HERE, python, said
from tests.tune.trained import make_base, scripted


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("tuning")
    make_base(folder / "data")
    with serving(folder / "data", tuning=scripted(folder)) as running:
        yield running


@pytest.mark.parametrize("environment", ["openai2", "openai3"])
def test_the_whole_lesson(served: Served, upstream: FakeModelServer, environment: str):
    pointed = {
        "OPENAI_BASE_URL": f"{served.url}/openai/v1",
        "OPENAI_API_KEY": served.kb.access.admin_key,
        "SERVED_BY": upstream.base_url,
        "SERVED_AS": "echo",
    }
    script = HERE / "python" / "openai_fine_tuning.py"
    found: Any = said(python(environment) / "python", script, **pointed)
    made, first, second = (found[name] for name in ("made", "first", "second"))

    assert (made["status"], made["seed"]) == ("validating_files", 7)
    assert made["method"]["supervised"]["hyperparameters"]["batch_size"] == "auto"
    assert (first["status"], first["error"]) == ("succeeded", None)
    assert first["fine_tuned_model"] == f"ft:tiny:citewell:numbers:{made['id'][-8:]}"
    assert first["method"]["supervised"]["hyperparameters"]["n_epochs"] == 2
    assert isinstance(first["method"]["supervised"]["hyperparameters"]["batch_size"], int)
    assert (first["trained_tokens"], first["metadata"]) == (240, {"team": "night"})
    assert found["results"][0].startswith("step,elapsed_tokens,train_loss")
    assert len(found["results"]) == 25

    assert found["events"][0]["message"] == "The job has successfully completed."
    assert found["levels"] == ["info", "warn"]
    steps = [each["step_number"] for each in found["checkpoints"]]
    assert steps == list(range(24, 0, -2))
    assert found["checkpoints"][0]["metrics"] == {"step": 24, "valid_loss": 0.5}

    assert second["status"] == "succeeded"
    assert second["fine_tuned_model"].startswith("ft:tiny:citewell::")
    paused, resumed, cancelled, method = found["third"]
    assert (paused, cancelled) == ("paused", "cancelled")
    assert resumed in ("validating_files", "queued")
    chosen = method["dpo"]["hyperparameters"]
    assert (method["type"], chosen["beta"], chosen["n_epochs"]) == ("dpo", 0.2, 500)
    assert found["labelled"][0] == made["id"]
    assert {first["fine_tuned_model"], second["fine_tuned_model"]} <= set(found["models"])
    assert found["model"] == first["fine_tuned_model"]
    assert "number 3" in found["streamed"]

    assert found["unknown"][:2] == ["NotFoundError", "not_found"]
    assert found["no_model"] == ["BadRequestError", "invalid_request", "model"]
    assert found["over"][:2] == ["BadRequestError", "conflict"]
