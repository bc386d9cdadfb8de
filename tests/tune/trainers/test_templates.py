"""Rows are rendered by the chat template, and what is learnt is told apart."""

from __future__ import annotations

import pytest

pytest.importorskip("transformers", reason="the extra tune is not installed")

from tune.trainers.templates import (
    CHATML,
    TemplateMismatch,
    end_of_turn,
    render,
    render_chat,
    render_completion,
    template_hash,
)
from tune.types import TrainingRow, TrainingTurn

ROW = TrainingRow(
    (
        TrainingTurn("system", "Be brief."),
        TrainingTurn("user", "One?"),
        TrainingTurn("assistant", "1", weight=0),
        TrainingTurn("user", "Two?"),
        TrainingTurn("assistant", "2"),
    )
)
GENERATION = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'assistant' %}{%- generation -%}\n"
    "{{ m.content }}{{ eos_token }}{%- endgeneration -%}\n{% else %}[{{ m.content }}]{% endif %}"
    "{% endfor %}"
)
SPECIAL = {"bos_token": "<s>", "eos_token": "</s>"}


def test_only_the_answers_that_count_are_trained_with_what_ends_them():
    pieces = render(ROW, CHATML)

    assert [piece.text for piece in pieces if piece.is_trained] == ["2<|im_end|>\n"]
    assert "".join(piece.text for piece in pieces) == render_chat(
        [{"role": turn.role, "content": turn.content} for turn in ROW.messages], CHATML
    )


def test_marks_of_an_assistant_mask_are_passed_over():
    pieces = render(ROW, GENERATION, SPECIAL)

    assert "".join(piece.text for piece in pieces) == "<s>[Be brief.][One?]1</s>[Two?]2</s>"
    assert end_of_turn(GENERATION, SPECIAL) == "</s>"


@pytest.mark.parametrize(
    "template",
    [
        "{% for m in messages %}{{ loop.last }}{{ m.content }}{% endfor %}",
        "{{ raise_exception('Only pairs.') }}",
        "{{ messages[0].missing.deeper }}",
    ],
)
def test_a_template_that_cannot_say_which_part_is_the_answer_is_refused(template: str):
    with pytest.raises(TemplateMismatch):
        render(ROW, template)


def test_a_template_cannot_reach_out():
    with pytest.raises(TemplateMismatch):
        render(ROW, "{{ ''.__class__.__mro__[1].__subclasses__() }}")


def test_a_completion_is_trained_with_its_stop():
    row = TrainingRow((TrainingTurn("user", "ice cream"), TrainingTurn("assistant", " cold")))
    before, after = render_completion(row, " ->", ("\n",))

    assert (before.text, before.is_trained) == ("ice cream ->", False)
    assert (after.text, after.is_trained) == (" cold\n", True)


def test_the_hash_names_the_form():
    assert template_hash(CHATML) == template_hash(CHATML)
    assert len({template_hash(CHATML), template_hash(None, " ->"), template_hash(None, "=>")}) == 3
