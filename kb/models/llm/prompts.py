"""From a `Prompt` to the body of a request, in either style. All of it is secret: never log it."""

from __future__ import annotations

from typing import Any

from kb.models.providers.presets import matches, options_of, preset_of
from kb.protocols import Prompt
from kb.types import Model

LENGTH_FIELDS = ("max_tokens", "max_completion_tokens")


def request_body(model: Model, prompt: Prompt) -> dict[str, Any]:
    """The JSON body of a streaming request.

    Options are defaults: values of the prompt go before them. An option of None removes its field,
    for servers that refuse it (`{"temperature": None}`, `{"stream_options": None}`).
    The length limit is sent under the name that the options hold, else as the provider calls it.
    """
    quirks, options = preset_of(model).quirks, options_of(model)
    usual = quirks.length_field if model.style == "chat" else LENGTH_FIELDS[0]
    limit = next((name for name in LENGTH_FIELDS if name in options), usual)
    body: dict[str, Any] = {"stream_options": {"include_usage": True}, **options}
    refused = {name for name, value in body.items() if value is None} - {limit, "stop"}
    refused |= {*quirks.in_address, *(set(quirks.unsupported) - options.keys())}
    body |= {limit: prompt.sampling.max_tokens or body.get(limit)} | sampling_fields(model, prompt)
    body = {n: value for n, value in body.items() if value is not None and n not in refused}
    return body | {"model": model.model, "stream": True} | _content(model, prompt)


def sampling_fields(model: Model, prompt: Prompt) -> dict[str, Any]:
    """How a model is to write, without its limit: what is asked, as its provider takes it."""
    asked, quirks = prompt.sampling, preset_of(model).quirks
    lowest, highest = quirks.temperature
    temperature = asked.temperature
    fields = {
        "temperature": None if temperature is None else min(max(temperature, lowest), highest),
        "seed": asked.seed,
        "top_p": asked.top_p,
        "stop": [*model.stop, *asked.stop] or None,
    }
    return {
        quirks.renamed.get(name, name): value
        for name, value in fields.items()
        if value is not None and name not in quirks.unsupported
    }


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
    messages = chat_messages(prompt)
    if prompt.system and matches(preset_of(model).quirks.no_system, model):
        system, first, *rest = messages
        merged = f"{system['content']}\n\n{first['content']}"
        messages = [{"role": "user", "content": merged}, *rest]
    return {"messages": messages}
