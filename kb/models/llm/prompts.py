"""From a `Prompt` to the body of a request, in either style. All of it is secret: never log it."""

from __future__ import annotations

from typing import Any

from kb.protocols import Prompt
from kb.types import Model


def request_body(model: Model, prompt: Prompt) -> dict[str, Any]:
    """The JSON body of a streaming request.

    `Model.options` are defaults: values of the prompt go before them. An option of None removes
    its field, for servers that refuse it (`{"temperature": None}`, `{"stream_options": None}`).
    The length limit is sent as `max_completion_tokens` if the options hold that name, else as
    `max_tokens`.
    """
    limit = "max_completion_tokens" if "max_completion_tokens" in model.options else "max_tokens"
    body: dict[str, Any] = {"stream_options": {"include_usage": True}, **model.options}
    refused = {name for name, value in body.items() if value is None} - {limit}
    asked = prompt.sampling
    body |= {limit: asked.max_tokens or body.get(limit)}
    chosen = {"temperature": asked.temperature, "seed": asked.seed, "top_p": asked.top_p}
    body |= {name: value for name, value in chosen.items() if value is not None}
    body = {n: value for n, value in body.items() if value is not None and n not in refused}
    if stop := [*model.stop, *asked.stop]:
        body["stop"] = stop
    return body | {"model": model.model, "stream": True} | _content(model, prompt)


def chat_messages(prompt: Prompt) -> list[dict[str, str]]:
    """System message, past turns, then the question; what is empty is left out, because some
    servers refuse it."""
    said = [("system", prompt.system)]
    for turn in prompt.history:
        said += [("user", turn.query), ("assistant", turn.answer)]
    said.append(("user", prompt.query))
    return [{"role": role, "content": text} for role, text in said if text]


def completion_text(model: Model, prompt: Prompt) -> str:
    """One text that ends in the model's separator, verbatim: what it saw in training.

    Past turns are written as a training example would be: question, separator, answer, stop.
    """
    if prompt.query_in_system:
        return prompt.system + model.separator
    opening = f"{prompt.system}\n\n" if prompt.system else ""
    stop = model.stop[0] if model.stop else "\n"
    turns = (f"{turn.query}{model.separator}{turn.answer}{stop}" for turn in prompt.history)
    return f"{opening}{''.join(turns)}{prompt.query}{model.separator}"


def _content(model: Model, prompt: Prompt) -> dict[str, Any]:
    if model.style == "completion":
        return {"prompt": completion_text(model, prompt)}
    return {"messages": chat_messages(prompt)}
