"""LlamaIndex classes by name."""

import asyncio

import pytest

from kb.errors import ModelUnavailable
from kb.models.llm.opening import open_chat_model
from kb.protocols import Prompt
from kb.settings import LlmSettings
from kb.types import EndPiece, Model, TextPiece

SECRET = "canary-4711"
PROMPT = Prompt(f"Never tell {SECRET}.", (), "hello there")


def ask(path, **fields):
    async def run():
        model = open_chat_model(
            Model("fake", f"llama_index:{path}", None, "mock", **fields), LlmSettings()
        )
        return [piece async for piece in model.stream(PROMPT)]

    return asyncio.run(run())


def test_its_tokens_become_text_pieces():
    *parts, end = ask("llama_index.core.llms:MockLLM")

    assert "hello there" in "".join(part.text for part in parts if isinstance(part, TextPiece))
    assert end == EndPiece()


def test_completion_style_sends_one_text_with_the_separator():
    *parts, _ = ask("llama_index.core.llms:MockLLM", style="completion", separator=" ->")

    assert "".join(part.text for part in parts) == f"{PROMPT.system}\n\nhello there ->"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("os:system", "must be llama_index:<module>:<Class>"),
        ("llama_index_evil:Class", "must be llama_index:<module>:<Class>"),
        ("llama_index.llms.absent:Absent", "nothing that is installed"),
        ("llama_index.core.llms:Absent", "nothing that is installed"),
        ("llama_index.core.llms:ChatMessage", "no LlamaIndex LLM class"),
    ],
)
def test_a_provider_that_names_no_model_class_is_refused(path, words):
    with pytest.raises(ModelUnavailable, match=words):
        ask(path)


def test_its_errors_are_sentences_of_ours(monkeypatch):
    from llama_index.core.llms import MockLLM

    def fail(*arguments, **options):
        raise RuntimeError(f"bad request: {SECRET}")

    monkeypatch.setattr(MockLLM, "stream_chat", fail)
    with pytest.raises(ModelUnavailable, match="RuntimeError") as caught:
        ask("llama_index.core.llms:MockLLM")

    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__
