"""The prompt of a variant, filled for one question."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from kb.chat.ask.chat_models import OpenModel
from kb.chat.ask.prompting import build_prompt, is_as_trained
from kb.chat.ask.question import ChatQuestion
from kb.protocols import Prompt
from kb.types import Variant

N = TypeVar("N", int, float)


def filled(
    question: ChatQuestion,
    variant: Variant,
    template: str | None,
    context: str | None,
    model: OpenModel | None,
    draft: str | None = None,
) -> Prompt:
    """What a variant's model is sent for a question, `context` and `draft` put into its template.

    What a variant sets for the sampling is the most that the question may ask for.
    """
    request = question.request
    template = template if template is not None else question.content.prompt
    if is_as_trained(model.model if model else None, template):
        context = None
    return build_prompt(
        template,
        "\n\n".join(filter(None, (request.instructions, question.query))),
        context=context,
        draft=draft,
        history=question.history,
        inputs=question.inputs,
        sampling=replace(
            request.sampling,
            temperature=_least(variant.temperature, request.sampling.temperature),
            max_tokens=_least(variant.max_tokens, request.sampling.max_tokens),
        ),
        delimiters=(model.model.separator, *model.model.stop) if model else (),
    )


def _least(bound: N | None, asked: N | None) -> N | None:
    """What is asked for, but no more than the variant allows."""
    return min((value for value in (bound, asked) if value is not None), default=None)
