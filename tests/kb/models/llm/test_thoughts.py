"""Thoughts of reasoning models that stand in the text of the answer."""

import json

import pytest

from kb.models.llm.openai_stream import ChunkReader
from kb.models.llm.thoughts import THINKING_MODEL, ThinkFilter

ANSWER = "Bring 40 EUR [1]."


def think(*pieces, thinks_first=False):
    thoughts = ThinkFilter(thinks_first=thinks_first)
    return "".join(thoughts.feed(piece) for piece in pieces) + thoughts.finish()


THOUGHT = "<think>\nIs 1 < 2? </thin yes\n</think>\n\nIt is <b>so</b>. <th>kept</th>"

STREAMS = {
    "tags": f"<think>Which page?</think>\n\n{ANSWER}",
    "thinking": f"<thinking>\nIs 1 < 2?\n</thinking>\n{ANSWER}",
    "thought": f"\n<thought>Look at [2].</thought>{ANSWER}",
    "only closed": f"The user wants a price.\n</think>\n\n{ANSWER}",
    "only closed, Chinese": f"\u7528\u6237\u60f3\u77e5\u9053\u62bc\u91d1\u3002</think>{ANSWER}",
    "twice": f"<think>a</think>\n<think>b</think>\n{ANSWER}",
    "in the middle": "<think>a</think>Bring <think>b</think>40 EUR [1].",
    "on a line of its own": "Bring 40\n<think>euro?</think> EUR [1].",
    "end": f"{ANSWER}<|im_end|>",
    "end of DeepSeek": f"{ANSWER}<\uff5cend\u2581of\u2581sentence\uff5c>",
    "ends": f"{ANSWER}<|eot_id|><|endoftext|></s>",
    "role": f"<|im_start|>assistant\n{ANSWER}<|im_end|>",
    "harmony": "<|channel|>analysis<|message|>Which price?<|end|><|start|>assistant"
    f"<|channel|>commentary to=a.b <|constrain|>json<|message|>{{}}<|call|>"
    f"<|start|>assistant<|channel|>final<|message|>{ANSWER}<|return|>",
    "harmony without tokens": f"analysisWe need the price.assistantfinal{ANSWER}",
    "Command": f"<|START_THINKING|>Hm.<|END_THINKING|><|START_RESPONSE|>{ANSWER}<|END_RESPONSE|>",
    "Kimi": f"\u25c1think\u25b7Hm.\u25c1/think\u25b7{ANSWER}",
    "capitals": f"<THINK>Hm.</THINK>\n<Thinking>More.</Thinking>{ANSWER}",
    "attributes": f'<think type="plan">Which page?</think >{ANSWER}',
    "mixed tags": f"<think>Which page?</thinking>\n<thought>Two.</think>{ANSWER}",
    "a backtick in a thought": f"<think>A lone ` here.</think>{ANSWER}",
    "a turn of Gemma": f"<start_of_turn>model\n{ANSWER}<end_of_turn>",
    "harmony that thinks again": f"<|channel|>final<|message|>{ANSWER}<|end|><|start|>assistant"
    "<|channel|>analysis<|message|>Was it right?<|end|>",
    "harmony without tokens, small letters": f"analysisthe price?assistantfinal{ANSWER}",
    "after the answer": f"{ANSWER}\n<think>Was it right?</think>",
    "after the answer, never closed": f"{ANSWER}\n<think>Was it right?",
    "tags in a channel": "<|channel|>analysis<|message|><think>Price?</think>Page 2.<|end|>"
    f"<|start|>assistant<|channel|>final<|message|>{ANSWER}",
    "Magistral": f"[THINK]Hm.[/THINK]{ANSWER}",
}


@pytest.mark.parametrize("kind", STREAMS)
def test_no_thought_or_control_token_is_said_wherever_the_stream_is_cut(kind):
    stream = STREAMS[kind]
    told = {think(stream[:cut], stream[cut:]) for cut in range(len(stream) + 1)}
    told |= {think(*stream), think(*stream.partition("\n"))}

    assert {" ".join(text.split()) for text in told} == {ANSWER}


@pytest.mark.parametrize("cut", range(len(THOUGHT) + 1))
def test_tags_of_a_page_are_no_thought_wherever_they_are_cut(cut):
    assert think(THOUGHT[:cut], THOUGHT[cut:]) == "It is <b>so</b>. <th>kept</th>"


@pytest.mark.parametrize(
    "text",
    [
        "<thing>",
        "<th",
        " <b>x</b>",
        "",
        "x <think>y</think>",
        "   ",
        "Okay, so be it.",
        "a < b and c <|",
        "Write `<|im_end|>` and `</think>`.",
        "```\n<think>\n</think>\n```",
        "~~~\n<think>\n</think>\n~~~",
        "```html\n<p>`</p>\n<think>a</think>\n```\nIt says `</think>`.",
        'The page says "<think>plan</think>" here.',
        "analysis of prices",
        "[THE RING] and [1]",
    ],
)
def test_text_that_only_looks_like_a_thought_is_kept(text):
    assert think(*text) == text
    assert think(text) == text


def test_a_lone_backtick_makes_no_code_of_the_lines_below():
    stream = "A foot is 1` long.\n<think>Or 1'?</think>Yes."
    assert {think(stream[:cut], stream[cut:]) for cut in range(len(stream))} == {
        "A foot is 1` long.\nYes."
    }


def test_a_lone_backtick_lets_no_channel_through():
    stream = "<|channel|>final<|message|>A foot is 1` long.<|end|><|start|>assistant<|channel|>"
    assert think(*stream, "analysis<|message|>Or 1'?<|end|>") == "A foot is 1` long."


def test_a_thought_without_end_leaves_nothing():
    assert think("<think>", "for ever") == ""


def test_an_answer_is_streamed_as_it_comes():
    thoughts = ThinkFilter()

    assert [thoughts.feed(piece) for piece in ("Bring", " 40", " EUR [", "1].")] == [
        "Bring",
        " 40",
        " EUR ",
        "[1].",
    ]


def test_a_model_that_thinks_first_is_held_back_until_its_thought_ends():
    stream = f"Price lists? On page 2.</think>{ANSWER}"

    assert think(*stream, thinks_first=True) == ANSWER
    assert think(*ANSWER, thinks_first=True) == ANSWER


def test_thoughts_in_a_field_of_their_own_leave_the_text_to_be_streamed():
    def chunk(**delta):
        return json.dumps({"choices": [{"delta": delta}]}).encode()

    reader = ChunkReader("m", thinks_first=True)

    assert reader.text(chunk(reasoning_content="Hm.")) == ""
    assert reader.text(chunk(content="Let me see: 40")) == "Let me see: 40"


def test_a_thought_whose_beginning_was_said_is_known_the_next_time():
    thoughts = ThinkFilter()

    assert thoughts.feed("Prices stand on page 2.") + thoughts.feed("</think>") + thoughts.feed(
        ANSWER
    ) == (f"Prices stand on page 2.{ANSWER}")
    assert thoughts.thinks_unopened


@pytest.mark.parametrize("name", ["deepseek-r1:8b", "Qwen3-4B-Thinking-2507", "QwQ-32B"])
def test_models_that_think_are_known_by_their_names(name):
    assert THINKING_MODEL.search(name)
    assert not THINKING_MODEL.search("qwen2.5-7b-instruct")
