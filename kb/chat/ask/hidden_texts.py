"""Which texts of an app are hidden, and which of them may be said all the same.

Hidden is what the operator has written: every prompt of the version, whichever variant answers,
with the defaults of its inputs, and the frames of our own around it. What is filled in for a
question (sources, the question, values that a client sends) is not.
"""

from __future__ import annotations

from collections.abc import Mapping

from kb.chat.ask.prompting import CONTEXT_FRAME, DEFAULT_TEMPLATE, DRAFT_FRAME, fill
from kb.types import App, AppContent

AROUND = 200
"""Characters of a prompt on either side of a value that can share a run with it."""

_CUT = "\0"
_EDGE = "\1"


def hidden_texts(content: AppContent) -> tuple[str, ...]:
    """The guarded texts of a version, cut where a question fills them."""
    defaults = {item.name: item.default for item in content.inputs}
    return tuple(dict.fromkeys(part for t in _templates(content) for part in _filled(t, defaults)))


def around_inputs(content: AppContent, inputs: Mapping[str, str]) -> tuple[str, ...]:
    """What the values of one question make of a version's prompts, where they differ from the
    defaults: each with the text around it, for a run may go from one into the other."""
    defaults = {item.name: item.default for item in content.inputs}
    given = {name: value for name, value in inputs.items() if defaults.get(name) != value}
    if not given:
        return ()
    marked = {**inputs, **{name: f"{_EDGE}{_ends(value)}{_EDGE}" for name, value in given.items()}}
    found: list[str] = []
    for template in _templates(content):
        for part in _filled(template, marked):
            pieces = part.split(_EDGE)
            for place in range(1, len(pieces), 2):
                before = "".join(pieces[:place])[-AROUND:]
                after = "".join(pieces[place + 1 :])[:AROUND]
                found += f"{before}{pieces[place]}{after}".split(_CUT)
    return tuple(dict.fromkeys(found))


def quotable_texts(app: App, content: AppContent) -> tuple[str, ...]:
    """What stands in a prompt and may be said: what the app says anyway, and what is marked."""
    return (app.opening, *app.suggested_questions, content.refusal, *content.quotable)


def _templates(content: AppContent) -> list[str]:
    variants = [variant for variant in (content.base, content.tuned) if variant is not None]
    own = [prompt for v in variants for prompt in (v.prompt, v.draft_prompt) if prompt]
    return [content.prompt, *own, DEFAULT_TEMPLATE, CONTEXT_FRAME, DRAFT_FRAME]


def _filled(template: str, inputs: Mapping[str, str]) -> list[str]:
    return fill(template, context=_CUT, query=_CUT, draft=_CUT, inputs=inputs).split(_CUT)


def _ends(value: str) -> str:
    """A long value without its middle, which no run with the prompt can reach."""
    return value if len(value) <= 2 * AROUND else f"{value[:AROUND]}{_CUT}{value[-AROUND:]}"
