"""How rows become the text that a model reads: by its chat template, or by separator and stop.

Training and serving render by this module, and `template_hash` names what they rendered by: a model
that is asked in another form than it was trained in fails silently.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError
from transformers.utils.chat_template_utils import render_jinja_template

from tune.types import TrainingRow

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""For base models that have no template of their own."""

_PROBE = "\u241fanswer\u241f"


class TemplateMismatch(ValueError):
    """The template fails on a row, or does not write what came before as it wrote it then, so that
    nobody can say which part is the answer."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a rendered row; `is_trained` if the model learns to write it."""

    text: str
    is_trained: bool


def template_hash(template: str | None, separator: str = "", stop: Sequence[str] = ()) -> str:
    """Names a form: the first 16 hex digits of the SHA-256 of the template, or, where there is
    none (completion style), of separator and stop."""
    text = template if template is not None else json.dumps([separator, *stop])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def render_chat(
    messages: Sequence[Mapping[str, Any]],
    template: str,
    special: Mapping[str, Any] | None = None,
    *,
    tools: Sequence[Mapping[str, Any]] = (),
    to_answer: bool = False,
) -> str:
    """The text of a conversation.

    `special` are the tokenizer's special tokens by name; `to_answer` ends with the opening of an
    answer.

    Raises:
        TemplateMismatch: the template fails on these messages.
    """
    how = {"tools": list(tools) or None, "add_generation_prompt": to_answer, **(special or {})}
    try:
        (text,), _ = render_jinja_template([list(messages)], chat_template=template, **how)
    except (TemplateError, TypeError) as exc:
        raise TemplateMismatch(f"The chat template fails on these messages: {exc}") from exc
    return str(text)


def render(
    row: TrainingRow, template: str, special: Mapping[str, Any] | None = None
) -> tuple[Piece, ...]:
    """The pieces of a row in their order; joined, they are what the template makes of it.

    Each answer whose weight is not 0 is trained, with what the template writes after it: so the
    model learns to stop.

    Raises:
        TemplateMismatch: the template fails, or rewrites earlier turns.
    """
    messages = [{"role": turn.role, "content": turn.content} for turn in row.messages]
    pieces, done = [], ""
    for end, turn in enumerate(row.messages, start=1):
        if turn.role != "assistant" or turn.weight == 0:
            continue
        before = messages[: end - 1]
        opening = render_chat(before, template, special, tools=row.tools, to_answer=True)
        text = render_chat(messages[:end], template, special, tools=row.tools)
        if not (opening.startswith(done) and text.startswith(opening)):
            raise TemplateMismatch(
                "The chat template writes earlier turns or the opening of an answer differently "
                "once the answer is there; train with one that does not."
            )
        pieces += [Piece(opening[len(done) :], False), Piece(text[len(opening) :], True)]
        done = text
    return tuple(pieces)


def render_completion(row: TrainingRow, separator: str, stop: Sequence[str]) -> tuple[Piece, ...]:
    """Prompt and separator; then the completion and the first stop, which are trained."""
    end = stop[0] if stop else ""
    return (Piece(row.prompt + separator, False), Piece(row.answer + end, True))


def end_of_turn(template: str, special: Mapping[str, Any] | None = None) -> str:
    """What the template writes after an answer: where a model of this template stops."""
    turns = ({"role": "user", "content": "?"}, {"role": "assistant", "content": _PROBE})
    return render_chat(turns, template, special).rpartition(_PROBE)[2].strip()
