"""What works of a language model, in plain words; and which run on this machine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal

from kb.chat.ask.chat_models import OpenModel
from kb.errors import ModelUnavailable
from kb.models.providers.presets import class_of, preset_of, presets
from kb.protocols import Prompt, Sampling
from kb.types import EndPiece, Model, TextPiece

PROBE = Prompt("", (), "Count from one to ten, in words.", sampling=Sampling(max_tokens=64))
SHOWN_CHARACTERS, SHOWN_NAMES = 200, 8
NO_ANSWER = "It has not said anything."
LISTING_S, ON_THIS_MACHINE_S = 10.0, 2.0
LOCAL = ("ollama", "llamacpp", "lmstudio", "vllm")
CONTEXT = (
    "context_length",
    "max_model_len",
    "loaded_context_length",
    "max_context_length",
    "n_ctx",
)
"""What servers call the length of the context in their lists of models."""

UNLISTED = {
    **{200: "It has no model yet.", 503: "It is still loading: try again in a moment."},
    **dict.fromkeys((401, 403), "It wants an API key."),
}
"""Why a model server lists no models, by the status of its answer."""

CheckName = Literal["reachable", "key", "model", "streaming", "usage", "context"]
Listed = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that may be wrong with a model; `detail` is what was seen and what to do."""

    name: CheckName
    status: Literal["ok", "failed", "unknown"]
    detail: str


@dataclass(frozen=True, slots=True)
class Tested:
    """Whether a model answered a tiny prompt, how soon, the beginning of it, or why not; and every
    check."""

    ok: bool
    first_token_ms: float | None
    total_ms: float
    text: str
    error: str | None
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class FoundServer:
    """A model server on this machine; `detail` says why it lists no models."""

    provider: str
    title: str
    base_url: str
    models: tuple[str, ...]
    detail: str = ""


async def check(opened: OpenModel, link_local_hosts: str = "") -> Tested:
    """Ask a model for its list and a tiny prompt, also while it is left alone after failures."""
    listed, refused = await _listed(opened.model, LISTING_S, link_local_hosts)
    began, first_ms, said = time.perf_counter(), None, list[str]()
    failure, end = None, EndPiece()
    try:
        async for piece in opened.test(PROBE):
            if isinstance(piece, TextPiece):
                first_ms = first_ms or round((time.perf_counter() - began) * 1000, 1)
                said.append(piece.text)
            elif isinstance(piece, EndPiece):
                end = piece
    except ModelUnavailable as exc:
        failure = exc
    total_ms = round((time.perf_counter() - began) * 1000, 1)
    checks = (
        *_access(opened.model, listed, [each for each in (failure, refused) if each], not failure),
        _streaming(len(said)),
        _usage(end, not failure),
        _context(opened.model, listed),
    )
    text, error = "".join(said)[:SHOWN_CHARACTERS], failure.detail if failure else None
    return Tested(not failure, first_ms, total_ms, text, error, checks)


async def discover(own_port: int) -> list[FoundServer]:
    """The model servers at the usual ports of this machine, but never at our own."""
    known = [presets()[name] for name in LOCAL]
    addresses = [(each, each.base_url or "") for each in known]
    others = [(each, url) for each, url in addresses if f":{own_port}/" not in url]
    asked = (_listed(Model("", each.name, url, ""), ON_THIS_MACHINE_S) for each, url in others)
    found = []
    for (each, url), (listed, refused) in zip(others, await asyncio.gather(*asked), strict=True):
        status = refused.status if refused else 200
        if status in UNLISTED:
            detail = "" if listed else UNLISTED[status]
            found.append(FoundServer(each.name, each.title, url, tuple(listed), detail))
    return found


async def _listed(
    model: Model, timeout_s: float, link_local_hosts: str = ""
) -> tuple[Listed, ModelUnavailable | None]:
    """What the server of a model lists, by name; or why it does not."""
    from kb.models.llm.openai_transport import OpenAITransport

    if class_of(model) is not None:
        return {}, None
    try:
        transport = await asyncio.to_thread(OpenAITransport, model, link_local_hosts)
        try:
            async with asyncio.timeout(timeout_s):
                return {str(each.get("id")): each for each in await transport.models()}, None
        finally:
            await transport.close()
    except TimeoutError:
        return {}, ModelUnavailable("Its server does not list its models in time.")
    except ModelUnavailable as exc:
        return {}, exc


def _access(
    model: Model, listed: Listed, failures: Sequence[ModelUnavailable], answered: bool
) -> tuple[Check, Check, Check]:
    statuses = {failure.status for failure in failures} - {None}
    reachable: Check = Check("reachable", "ok", "Its server answers.")
    if not (answered or statuses or listed):
        reachable = Check("reachable", "failed", failures[0].detail)
    key = Check("key", "unknown", "Whether the key is good is known once the model answers.")
    if answered:
        said = "is accepted." if model.api_key else "is not set, and none is asked for."
        key = Check("key", "ok", f"The API key {said}")
    elif statuses & {401, 403}:
        source = preset_of(model).key_from
        where = f" Keys are made at {source}." if source else ""
        said = "is refused" if model.api_key else "is missing"
        key = Check("key", "failed", f"The API key {said}: set api_key with PATCH.{where}")
    return reachable, key, _name(model, listed, 404 in statuses, answered)


def _name(model: Model, listed: Listed, is_absent: bool, answered: bool) -> Check:
    names = {name.removeprefix("models/") for name in listed}
    if answered:
        return Check("model", "ok", f"The server answers as {model.model!r}.")
    if is_absent or (names and model.model not in names):
        near = get_close_matches(model.model, names, SHOWN_NAMES) or sorted(names)[:SHOWN_NAMES]
        known = f" It has {', '.join(near)}." if near else " Check base_url as well."
        return Check("model", "failed", f"The server does not know {model.model!r}.{known}")
    if names:
        return Check("model", "ok", f"The server lists {model.model!r}.")
    return Check("model", "unknown", "The server does not say which models it has.")


def _streaming(pieces: int) -> Check:
    if pieces > 1:
        return Check("streaming", "ok", "The answer came piece by piece.")
    said = "The answer came in one piece: readers may wait for all of it." if pieces else NO_ANSWER
    return Check("streaming", "unknown", said)


def _usage(end: EndPiece, answered: bool) -> Check:
    if end.prompt_tokens:
        tokens = f"{end.prompt_tokens} tokens read, {end.completion_tokens} written"
        return Check("usage", "ok", f"The provider counts tokens: {tokens}.")
    said = "The provider does not count tokens: they are estimated." if answered else NO_ANSWER
    return Check("usage", "failed" if answered else "unknown", said)


def _context(model: Model, listed: Listed) -> Check:
    entry = listed.get(model.model) or listed.get(f"models/{model.model}") or {}
    told = {**entry, **(entry.get("meta") or {})}
    with suppress(StopIteration):
        length = next(told[name] for name in CONTEXT if isinstance(told.get(name), int))
        return Check(
            "context", "ok", f"It reads {length} tokens at most, prompt and answer together."
        )
    note = "" if preset_of(model).key_from else preset_of(model).note
    return Check(
        "context", "unknown", f"The server does not tell how much it reads. {note}".strip()
    )
