"""What is sent to a model."""

from kb.models.llm.prompts import request_body
from kb.protocols import Prompt, Sampling
from kb.types import Model, Turn

HISTORY = (Turn("q1", "a1"),)


def body(model=None, prompt=None, **model_fields):
    model = Model("fake", "openai", None, "gpt", **model_fields)
    return request_body(model, prompt or Prompt("system", (), "question"))


def test_chat_sends_system_past_turns_and_question():
    sent = body(prompt=Prompt("system", HISTORY, "question"))

    assert sent == {
        "model": "gpt",
        "stream": True,
        "stream_options": {"include_usage": True},
        "messages": [
            {"role": "system", "content": "system"},
            {"role": "user", "content": "q1"},
            {"role": "assistant", "content": "a1"},
            {"role": "user", "content": "question"},
        ],
    }


def test_an_empty_system_prompt_is_left_out_and_the_question_is_sent_even_if_it_is_in_it():
    assert body(prompt=Prompt("", (), "question"))["messages"] == [
        {"role": "user", "content": "question"}
    ]
    assert body(prompt=Prompt("about question", (), "question", query_in_system=True))[
        "messages"
    ] == [
        {"role": "system", "content": "about question"},
        {"role": "user", "content": "question"},
    ]


def test_completion_sends_one_text_that_ends_in_the_separator_verbatim():
    separator = " \n\n###\n\n "
    fields = {"style": "completion", "separator": separator, "stop": (" END",)}

    plain = body(prompt=Prompt("", (), "question"), **fields)
    assert plain["prompt"] == f"question{separator}"
    assert plain["stop"] == [" END"]
    assert "messages" not in plain

    full = body(prompt=Prompt("system", HISTORY, "question"), **fields)
    assert full["prompt"] == f"system\n\nq1{separator}a1 ENDquestion{separator}"

    filled = Prompt("filled with question", HISTORY, "question", query_in_system=True)
    assert body(prompt=filled, **fields)["prompt"] == f"filled with question{separator}"


def test_values_of_the_prompt_go_before_options():
    prompt = Prompt("", (), "q", sampling=Sampling(0.0, 5))
    sent = body(prompt=prompt, options={"temperature": 0.9, "max_tokens": 100, "top_p": 0.5})

    assert (sent["temperature"], sent["max_tokens"], sent["top_p"]) == (0.0, 5, 0.5)


def test_options_name_the_field_of_the_length_limit():
    prompt = Prompt("", (), "q", sampling=Sampling(max_tokens=5))

    for value in (None, 100):
        sent = body(prompt=prompt, options={"max_completion_tokens": value})
        assert sent["max_completion_tokens"] == 5
        assert "max_tokens" not in sent
    assert "max_completion_tokens" not in body(options={"max_completion_tokens": None})


def test_an_option_of_none_removes_its_field():
    prompt = Prompt("", (), "q", sampling=Sampling(0.5))
    sent = body(prompt=prompt, options={"temperature": None, "stream_options": None})

    assert "temperature" not in sent
    assert "stream_options" not in sent


def test_options_cannot_change_what_is_asked():
    sent = body(options={"model": "other", "stream": False, "messages": []})

    assert sent["model"] == "gpt"
    assert sent["stream"] is True
    assert len(sent["messages"]) == 2
