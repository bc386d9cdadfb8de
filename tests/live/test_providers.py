"""Providers themselves, where the environment has a key: `DEEPSEEK_API_KEY=… pytest tests/live`.

A model other than the preset's first example is named as `DEEPSEEK_MODEL`, another address as
`DEEPSEEK_BASE_URL`. A run costs a few hundred tokens with each provider.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kb.models.providers.presets import Preset, presets
from tests.api.serving import serving

KEYED = [preset for preset in presets().values() if preset.key_from]


@pytest.mark.parametrize("preset", KEYED, ids=lambda preset: preset.name)
def test_a_provider_answers_streams_and_passes_every_check_that_it_can(
    preset: Preset, tmp_path: Path
):
    name = preset.name.upper()
    key = os.environ.get(f"{name}_API_KEY")
    if not key:
        pytest.skip(f"{name}_API_KEY is not in the environment")
    body = {"name": "live", "provider": preset.name, "api_key": key}
    body["model"] = os.environ.get(f"{name}_MODEL", preset.models[0])
    if address := os.environ.get(f"{name}_BASE_URL"):
        body["base_url"] = address

    with serving(tmp_path / "data") as served:
        served.post("/v1/models", body)
        tested = served.http.post("/v1/models/live/test").json()
        served.new_app("live", base={"model": "live", "retrieval": None})
        question = {"query": "What is the capital of France?", "stream": False}
        answer = served.http.post("/v1/apps/live/chat", json=question).json()

    assert tested["ok"], tested
    assert not [check for check in tested["checks"] if check["status"] == "failed"], tested
    assert "Paris" in answer["answer"]
    assert "<think" not in answer["answer"]
