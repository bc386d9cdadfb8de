"""What is known of providers, and what it changes in a request."""

import pytest

from kb.errors import Rejected
from kb.models.llm.addresses import check_base_url
from kb.models.llm.prompts import request_body
from kb.models.providers.presets import base_url_of, presets
from kb.protocols import Prompt, Sampling
from kb.types import Model, Turn

NAMED = (
    "openai azure anthropic gemini deepseek qwen glm baichuan minimax spark ernie moonshot "
    "huggingface replicate ollama vllm lmstudio llamacpp siliconflow openrouter"
)
PROMPT = Prompt("Be brief.", (Turn("q1", "a1"),), "q2", sampling=Sampling(1.5, 50, seed=7))


def body(provider, model="m", prompt=PROMPT, base_url=None, **fields):
    return request_body(Model("mine", provider, base_url, model, **fields), prompt)


def test_every_provider_is_described():
    assert set(presets()) == set(NAMED.split())
    for preset in presets().values():
        assert preset.title
        assert preset.models
        assert preset.base_url or preset.base_urls or preset.llama_index
        for address in filter(None, (preset.base_url, *preset.base_urls)):
            check_base_url(address)


def test_a_provider_that_is_known_brings_its_address():
    assert base_url_of("deepseek", None) == "https://api.deepseek.com"
    assert base_url_of("deepseek", "http://proxy/v1") == "http://proxy/v1"
    assert base_url_of("somebody", "http://127.0.0.1:9/v1") == "http://127.0.0.1:9/v1"
    assert base_url_of("anthropic", None) is None, "its class knows it"


@pytest.mark.parametrize(("provider", "words"), [("depseek", "providers"), ("azure", "RESOURCE")])
def test_an_address_that_is_not_known_has_to_be_given(provider, words):
    with pytest.raises(Rejected, match=words):
        base_url_of(provider, None)


def test_thinking_is_off_by_default_and_an_option_turns_it_on():
    assert body("deepseek")["thinking"] == {"type": "disabled"}
    assert body("qwen")["enable_thinking"] is False
    assert body("deepseek", options={"thinking": {"type": "enabled"}})["thinking"] == {
        "type": "enabled"
    }
    assert "thinking" not in body("deepseek", options={"thinking": None})


def test_a_limit_has_the_providers_own_name():
    assert body("openai")["max_completion_tokens"] == 50
    assert "max_tokens" not in body("openai")
    assert body("openai", base_url="http://127.0.0.1:9/v1")["max_tokens"] == 50
    assert body("openai", style="completion")["max_tokens"] == 50
    assert body("openai", options={"max_tokens": 9})["max_tokens"] == 50


@pytest.mark.parametrize(("asked", "sent"), [(0.0, 0.01), (0.5, 0.5), (1.5, 1)])
def test_a_temperature_is_moved_into_the_range_that_is_taken(asked, sent):
    prompt = Prompt("", (), "q", sampling=Sampling(asked))
    assert body("minimax", prompt=prompt)["temperature"] == sent
    assert "temperature" not in body("minimax", prompt=Prompt("", (), "q"))


def test_what_is_refused_is_not_sent():
    sent = body("spark", model="4.0Ultra", stop=("END",))
    assert not {"seed", "stop", "stream_options"} & sent.keys()
    assert body("deepseek", stop=("END",))["stop"] == ["END"]


def test_models_without_a_system_message_read_it_before_the_first_question():
    assert body("spark", model="lite")["messages"] == [
        {"role": "user", "content": "Be brief.\n\nq1"},
        {"role": "assistant", "content": "a1"},
        {"role": "user", "content": "q2"},
    ]
    assert body("spark", model="4.0Ultra")["messages"][0]["role"] == "system"


def test_the_version_of_a_dated_api_is_no_part_of_the_body():
    options = {"api-version": "2024-10-21"}
    assert "api-version" not in body("azure", base_url="http://host/x", options=options)
