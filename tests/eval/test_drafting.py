"""Questions that are made of passages, with a language model (a fake one) and without."""

from __future__ import annotations

import json

import pytest

from eval.generate.drafting import drafts, language
from eval.generate.generating import is_answered, questions_of, written

BRIDGE = "The Long Bridge is a stone bridge over the river. It was finished in 1402 by masons."


def chunk(text: str, heading: str = "", start: int = 0) -> dict:
    return {
        "text": text, "heading": heading, "document_name": "a.md",
        "spans": [{"page": 2, "start": start, "end": start + len(text)}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "heading", "expected"),
    [
        (BRIDGE, "", ("definition", "What is The Long Bridge?", "a stone bridge over the river")),
        (
            "It was finished in 1402 by masons of the valley.",
            "",
            ("gap", "It was finished in ____ by masons of the valley.", "1402"),
        ),
        (BRIDGE, "Prague > Bridges", ("heading", "What is said about “Bridges”?", None)),
        (
            "威尼斯是一座建在潟湖之上的水城。全城有四百多座桥。",
            "",
            ("definition", "威尼斯是什么？", "建在潟湖之上的水城"),
        ),
        (
            "这部小说写于1522年，作者生平不详。",
            "",
            ("gap", "这部小说写于____，作者生平不详。", "1522年"),
        ),
    ],
)
def test_a_passage_gives_definitions_gaps_and_headings(text, heading, expected):
    made = {(d.kind, d.question): d for d in drafts(text, heading)}
    kind, question, answer = expected
    draft = next(d for d in made.values() if d.kind == kind)

    if answer is not None:
        assert draft.answer == answer
    assert draft.question.casefold() == question.casefold()
    assert draft.answer in text[draft.start : draft.end]


@pytest.mark.parametrize("start", ["It is", "Each bridge is", "Another one is", "All of them are"])
def test_pronouns_are_not_defined(start):
    kinds = [draft.kind for draft in drafts(f"{start} a stone bridge over the river there.", "")]
    assert "definition" not in kinds


def test_chinese_pronouns_are_not_defined():
    assert [d.kind for d in drafts("该种是一种很小的毛毡苔，常见于湿地。", "")] == []


def test_a_question_knows_the_characters_of_its_answer():
    (question,) = questions_of([chunk(BRIDGE, start=100)], 5, None)
    (part,) = question.relevant

    assert (part.document, part.page) == ("a.md", 2)
    assert question.answers[0] in BRIDGE[part.start - 100 : part.end - 100]


def test_a_question_that_two_passages_give_is_left_out():
    made = questions_of([chunk(BRIDGE), chunk(BRIDGE)], 5, None)
    assert len({question.text for question in made}) == len(made)
    same = [chunk("Rye is the grain of the north."), chunk("Rye is the grain of the north.")]
    assert questions_of(same, 5, None) == []


class FakeModel:
    """Writes one question and answers it; replies are given in order."""

    def __init__(self, *replies: str) -> None:
        self.replies = list(replies)
        self.prompts: list[str] = []

    def __call__(self, text: str) -> str:
        self.prompts.append(text)
        return self.replies.pop(0)


ASKED = json.dumps({"question": "When was the bridge done?", "answer": "in 1402"})


def test_a_model_writes_a_question_and_must_find_its_answer_again():
    model = FakeModel(f"Sure:\n{ASKED}", "1402")
    draft = written(BRIDGE, model)

    assert (draft.question, draft.answer) == ("When was the bridge done?", "in 1402")
    assert BRIDGE[draft.start : draft.end] == "in 1402"
    assert ASKED not in model.prompts[1]
    assert "When was the bridge done?" in model.prompts[1]


@pytest.mark.parametrize(
    "replies",
    [
        ["I cannot do that."],
        ["{not json}"],
        [json.dumps({"question": "When?", "answer": "in 1999"})],  # not in the passage
        [json.dumps({"question": "", "answer": "in 1402"})],
        [ASKED, "NONE"],
    ],
)
def test_a_models_question_that_cannot_be_checked_is_dropped(replies):
    assert written(BRIDGE, FakeModel(*replies)) is None


def test_a_question_that_gives_its_answer_away_is_dropped():
    told = json.dumps({"question": "Was it done in 1402?", "answer": "in 1402"})
    draft = written(BRIDGE, FakeModel(told, "in 1402"))
    assert not is_answered(draft, BRIDGE)
    assert questions_of([chunk(BRIDGE)], 5, FakeModel(told, "in 1402")) == []


@pytest.mark.parametrize(
    ("text", "tongue"), [("hi", "en"), ("你好", "zh"), ("梨の木", "ja"), ("", "en"), ("?", "en")]
)
def test_the_language_is_read_off_the_script(text, tongue):
    assert language(text) == tongue
