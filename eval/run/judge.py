"""What a language model thinks of answers, through LlamaIndex's evaluators.

A judge is a model and errs like one: read its values beside those that need none, and compare only
values of the same judge. LlamaIndex is imported when a judge is opened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from llama_index.core.evaluation import CorrectnessEvaluator, FaithfulnessEvaluator
from llama_index.core.llms import (
    CompletionResponse,
    CompletionResponseGen,
    CustomLLM,
    LLMMetadata,
)

from eval.model import ConfiguredModel
from eval.run.measuring import Result
from kb.settings import Settings

LOWEST_GRADE, HIGHEST_GRADE = 1.0, 5.0
"""The scale of LlamaIndex's correctness evaluator."""
CONTEXTS = 8
"""Sources that the judge reads; a judge of little context forgets the first of many."""


class JudgeModel(CustomLLM):
    """The configured model as LlamaIndex asks models."""

    model: Any = None

    @property
    def metadata(self) -> LLMMetadata:
        """No chat model: then its prompts come as one text."""
        return LLMMetadata(model_name=self.model.name, is_chat_model=False, context_window=16_000)

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """One reply, from outside of an event loop."""
        return CompletionResponse(text=asyncio.run(self.model.say(prompt)))

    async def acomplete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponse:
        """One reply."""
        return CompletionResponse(text=await self.model.say(prompt))

    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseGen:
        """The whole reply in one piece."""
        yield self.complete(prompt, formatted, **kwargs)


def open_judge(settings: Settings) -> Callable[[Result], Result]:
    """A judge that adds `groundedness` and `correctness` to answered questions.

    Groundedness is 1 if the judge finds the answer supported by its sources, else 0. Correctness
    compares with the reference (or the known answers): the grade 1…5 as a share, (grade - 1) / 4.
    Refusals, failures and grades that cannot be read get no value.

    Raises:
        Rejected: no language model is configured.

    Source:
        LlamaIndex 0.14, FaithfulnessEvaluator and CorrectnessEvaluator with their own prompts.
    """
    model = JudgeModel(model=ConfiguredModel(settings))
    faithful = FaithfulnessEvaluator(llm=model)
    correct = CorrectnessEvaluator(llm=model, parser_function=grade_of)

    def judge(result: Result) -> Result:
        answer = result.response.answer
        if answer is None or answer.is_refusal:
            return result
        return replace(result, values=dict(result.values) | asyncio.run(values(result)))

    async def values(result: Result) -> dict[str, float]:
        question, said = result.question, result.response.answer
        text = said.text if said else ""
        contexts = [hit.text for hit in result.response.hits[:CONTEXTS]]
        found: dict[str, float] = {}
        if contexts:
            grounded = await faithful.aevaluate(
                query=question.text, response=text, contexts=contexts
            )
            found["groundedness"] = float(bool(grounded.passing))
        reference = question.reference or " / ".join(question.answers)
        if reference:
            graded = await correct.aevaluate(
                query=question.text, response=text, reference=reference
            )
            if graded.score is not None:
                found["correctness"] = as_share(graded.score)
        return found

    return judge


def grade_of(reply: str) -> tuple[float | None, str | None]:
    """The grade on the first line of a judge's reply, and the reasons that follow.

    LlamaIndex's own parser raises where a model gives the grade alone; here only what is not a
    number has no grade.
    """
    line, _, reasons = reply.strip().partition("\n")
    try:
        return float(line.strip()), reasons.strip() or None
    except ValueError:
        return None, reply


def as_share(grade: float) -> float:
    """A grade of 1…5 as a share of 0…1; grades beyond the scale count as its end."""
    share = (grade - LOWEST_GRADE) / (HIGHEST_GRADE - LOWEST_GRADE)
    return min(1.0, max(0.0, share))
