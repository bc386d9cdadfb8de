"""An empty question is refused by the name that the caller's own protocol has for it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.serving import Served

pytestmark = pytest.mark.usefixtures("talking_apps")

BLANK = {"role": "user", "content": " \n "}
BLANK_PART = {"role": "user", "parts": [{"type": "text", "text": " "}]}


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("v1/apps/cite/chat", {"query": " "}, "query"),
        ("openai/v1/chat/completions", {"model": "cite", "messages": [BLANK]}, "messages"),
        ("openai/v1/completions", {"model": "cite", "prompt": " "}, "prompt"),
        ("openai/v1/responses", {"model": "cite", "input": " "}, "input"),
        ("openai/v1/responses", {"model": "cite", "input": [BLANK]}, "input"),
        ("ai/cite/chat", {"messages": [BLANK_PART]}, "messages"),
        ("ai/cite/chat", {"message": BLANK_PART}, "message"),
        ("dify/v1/chat-messages", {"query": " ", "user": "a"}, "query"),
    ],
)
def test_an_empty_question_is_named_as_the_caller_calls_it(
    served: Served, path: str, body: dict[str, Any], field: str
):
    app = served.http.get("/v1/apps/cite").json()["id"]
    http = served.with_new_key(name=f"empty-{path}-{field}", kind="app", app=app)
    answer = http.post(f"/{path}", json=body)
    assert answer.status_code == 400, answer.text
    assert f"Send some text in `{field}`." in answer.text
